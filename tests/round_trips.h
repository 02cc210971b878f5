/* What is saved loads again as the same model to the last bit, in every format, its optimizer's state included. */
#ifndef ANTLER_ROUND_TRIPS_H
#define ANTLER_ROUND_TRIPS_H

#include "golden.h"
#include "scratch.h"

/* Models of Keras 2 that a file of Keras 3 cannot say: it has Keras 3.15's rules of masks. The .h5 of such a model is
   Keras 2's. */
static inline bool cannot_be_said(const char *name)
{
    return strcmp(name, "k215_masks_joined") == 0 || strcmp(name, "k215_seq2seq_masked") == 0;
}

static inline void check_same_weights(const antler_model *a, const antler_model *b, const char *name)
{
    const antler_variable *v, *w;
    for (int64_t i = 0; (v = antler_model_variable(a, i)) != NULL; i++) {
        w = antler_model_variable(b, i);
        ck_assert_msg(w && strcmp(v->layer, w->layer) == 0 && strcmp(v->name, w->name) == 0 &&
                          antler_shape_equal(&v->value.shape, &w->value.shape) &&
                          memcmp(v->value.data, w->value.data,
                                 (size_t)antler_count(&v->value.shape, 0) * sizeof(antler_real)) == 0,
                      "%s: weight %lld is not what was saved", name, (long long)i);
    }
}

static inline void check_same_optimizer(const antler_model *a, const antler_model *b, const char *name)
{
    ck_assert_msg(a->iteration == b->iteration && a->slots == b->slots, "%s: %lld steps and %d slots, not %lld and %d",
                  name, (long long)b->iteration, b->slots, (long long)a->iteration, a->slots);
    for (int s = 0; s < a->slots; s++)
        for (int64_t i = 0; i < a->variables; i++) {
            bool shared = a->slot_kind[s].shared;
            int64_t offset = shared ? 0 : a->variable[i].offset, n = shared ? 1 : a->variable[i].length;
            ck_assert_msg(!a->variable[i].view.trainable ||
                              memcmp(a->slot[s] + offset, b->slot[s] + offset, (size_t)n * sizeof(antler_real)) == 0,
                          "%s: slot %d of weight %lld is not what was saved", name, s, (long long)i);
        }
}

static inline void check_round_trip(antler_model *model, const antler_json *item, const char *file,
                                    const antler_real *wanted)
{
    antler_error err = {0};
    char name[128];
    const char *path = scratch_path(file);
    bool weights = strstr(file, ".weights.") != NULL, shape = strstr(file, ".json") != NULL;
    snprintf(name, sizeof name, "%s, saved as %s", text_at(item, "name"), file);
    ensure(antler_save(model, path, &err), &err, name, item);
    antler_model *again = antler_load(weights ? scratch_path("m.json") : path, &err);
    ensure(again ? ANTLER_OK : err.status, &err, name, item);
    if (weights)
        ensure(antler_load_weights(again, path, &err), &err, name, item);
    if (shape) {
        char *first = antler_model_json(model, &err), *second = antler_model_json(again, &err);
        ck_assert_msg(first && second && strcmp(first, second) == 0, "%s: its JSON is not the same", name);
        antler_text_free(first);
        antler_text_free(second);
        set_weights(again, item);
        set_weights(model, item);
    }
    antler_real *y = predictions(again, item, name);
    size_t bytes = 0;
    parts p = parts_of(item, "predict");
    for (int64_t k = 0; k < p.n; k++)
        bytes += (size_t)antler_count(&p.entry[k]->shape, 0) * sizeof *y;
    ck_assert_msg(memcmp(y, wanted, bytes) == 0, "%s: it predicts other numbers", name);
    if (!shape) {
        check_same_weights(model, again, name);
        check_same_optimizer(model, again, name);
    }
    antler_model_free(again);
    free(y);
}

/* Of a model that was trained, so that the optimizer has state. */
static inline void check_round_trips(antler_model *model, const antler_json *item)
{
    scratch_make();
    antler_real *wanted = predictions(model, item, "model.json");
    static const char *const files[] = {"m.h5", "m.keras", "m.weights.h5"};
    antler_error err = {0};
    if (cannot_be_said(text_at(item, "name"))) {
        check_round_trip(model, item, "m.h5", wanted);
        ck_assert_int_eq(antler_save(model, scratch_path("m.keras"), NULL), ANTLER_UNSUPPORTED);
        ck_assert_int_eq(antler_save(model, scratch_path("m.json"), NULL), ANTLER_UNSUPPORTED);
        free(wanted);
        scratch_remove();
        return;
    }
    ensure(antler_save(model, scratch_path("m.json"), &err), &err, "m.json", item);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (HAS_ZIP || strcmp(files[i], "m.keras") != 0)
            check_round_trip(model, item, files[i], wanted);
    free(wanted);
    set_weights(model, item);
    wanted = predictions(model, item, "model.json");
    check_round_trip(model, item, "m.json", wanted);
    free(wanted);
    scratch_remove();
}

#endif

/* The golden cases of Functional models (tests/golden_graphs), written by Keras 3.15, Keras 2.15 and tf-keras 2.21.
   Beside what test_golden.c asks of a case: the order of layers and of calls is Keras's, and what is saved loads again
   as the same model, optimizer included. */
#include "core/text.h"
#include "golden.h"
#include "model/tree.h"
#include "scratch.h"

/* Models of Keras 2 that a file of Keras 3 cannot say: it has Keras 3.15's rules of masks. The .h5 of such a model is
   Keras 2's. */
static bool cannot_be_said(const char *name)
{
    return strcmp(name, "k215_masks_joined") == 0 || strcmp(name, "k215_seq2seq_masked") == 0;
}

/* Files of Keras 2 say in their .json nothing of training. */
static antler_model *load_compiled(const antler_json *item)
{
    return load(item, listed(item, "files", "model.h5") ? "model.h5" : "model.keras");
}

/* The model of model.json, built. */
static antler_model *load_built(const antler_json *item)
{
    antler_model *model = load(item, "model.json");
    ensure(antler_build(model), antler_model_error(model), "model.json", item);
    return model;
}

/* ---- order ---- */

/* A list of the file io.h5, which is JSON; NULL: it has none. */
static antler_json *list_of(const char *attribute)
{
    char name[64];
    antler_error err = {0};
    antler_json *list;
    snprintf(name, sizeof name, "/@%s", attribute);
    const antler_entry *e = antler__entries_find(&io, name);
    if (!e)
        return NULL;
    must(antler__json_parse(e->data, strlen(e->data), &list, &err), &err);
    return list;
}

static bool is_operator(const antler_tree_member *member)
{
    return antler__member_is_operator(member) || (!member->model && !member->layer.type);
}

static void check_layer_order(const antler_tree *tree, const char *name)
{
    antler_json *list = list_of("layer_order");
    const antler_json *wanted = antler__json_first(list);
    for (int64_t i = 0; i < tree->ordered; i++) {
        const antler_tree_member *member = &tree->member[tree->order[i]];
        bool layer = wanted && strcmp(antler__json_string(wanted), antler__member_name(member)) == 0;
        if ((is_operator(member) && !layer) /* in Keras 2 they are layers */ ||
            (tree->sequential && antler__member_is_source(member)))
            continue;
        ck_assert_msg(layer, "%s: layer %lld is \"%s\", Keras has \"%s\"", name, (long long)i,
                      antler__member_name(member), wanted ? antler__json_string(wanted) : "none");
        wanted = antler__json_next(wanted);
    }
    ck_assert_msg(!wanted, "%s: Keras has a layer more, \"%s\"", name, wanted ? antler__json_string(wanted) : "");
    antler__json_free(list);
}

static bool is_input(const antler_tree *tree, const char *name)
{
    for (int64_t k = 0; k < tree->inputs; k++)
        if (strcmp(name, antler__member_name(&tree->member[tree->input[k].member])) == 0)
            return true;
    return false;
}

/* Where each call comes, but for inputs. */
static void check_execution(const antler_tree *tree, const char *name)
{
    antler_json *list = list_of("execution");
    const antler_json *wanted = list ? antler__json_first(list) : NULL;
    int64_t i = 0;
    for (; wanted; wanted = antler__json_next(wanted)) {
        const char *giver = antler__json_string(antler__json_first(wanted));
        int64_t call = (int64_t)antler__json_number(item_at(wanted, 1));
        if (is_input(tree, giver))
            continue;
        ck_assert_msg(i < tree->steps, "%s: Keras has more than %lld calls", name, (long long)i);
        const antler_turn *turn = &tree->step[i];
        const char *got = antler__member_name(&tree->member[turn->member]);
        ck_assert_msg(strcmp(giver, got) == 0 && call == turn->call,
                      "%s: step %lld is call %lld of \"%s\", Keras has call %lld of \"%s\"", name, (long long)i,
                      (long long)turn->call, got, (long long)call, giver);
        i++;
    }
    ck_assert_msg(!list || i == tree->steps, "%s: more calls than Keras's %lld", name, (long long)i);
    antler__json_free(list);
}

static const char *last_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Keras's path of each weight ends in the variable's name ("depthwise_kernel" in Keras 2). */
static void check_variables(antler_model *model, const antler_json *item)
{
    antler_json *list = list_of("variables");
    int64_t k = 0;
    for (const antler_json *path = antler__json_first(list); path; path = antler__json_next(path), k++) {
        const antler_variable *v = antler_model_variable(model, k);
        ck_assert_msg(v && antler__ends_with(antler__json_string(path), last_of(v->name)),
                      "%s: weight %lld is \"%s\" of \"%s\", Keras has \"%s\"", text_at(item, "name"), (long long)k,
                      v ? v->name : "", v ? v->layer : "", antler__json_string(path));
    }
    antler__json_free(list);
}

/* ---- round trips ---- */

static void check_same_weights(const antler_model *a, const antler_model *b, const char *name)
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

static void check_same_optimizer(const antler_model *a, const antler_model *b, const char *name)
{
    ck_assert_msg(a->iteration == b->iteration && a->slots == b->slots, "%s: %lld steps and %d slots, not %lld and %d",
                  name, (long long)b->iteration, b->slots, (long long)a->iteration, a->slots);
    for (int s = 0; s < a->slots; s++)
        for (int64_t i = 0; i < a->variables; i++)
            ck_assert_msg(!a->variable[i].view.trainable ||
                              memcmp(a->slot[s] + a->variable[i].offset, b->slot[s] + b->variable[i].offset,
                                     (size_t)a->variable[i].length * sizeof(antler_real)) == 0,
                          "%s: slot %d of weight %lld is not what was saved", name, s, (long long)i);
}

static void check_round_trip(antler_model *model, const antler_json *item, const char *file, const antler_real *wanted)
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
static void check_round_trips(antler_model *model, const antler_json *item)
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

/* ---- the whole ---- */

static void check_gradients_of(antler_model *model, const antler_json *item)
{
    bool random = antler__json_bool(antler__json_get(item, "random"));
    if (listed(item, "has", "grad_train"))
        check_gradients(model, item, "grad_train", 0);
    else if (!listed(item, "layers", "BatchNormalization")) /* else it is that of inference, which is never trained */
        check_gradients(model, item, "grad", random ? ANTLER_SILENT : 0);
    set_weights(model, item); /* moving statistics were updated */
}

START_TEST(agrees_with_keras)
{
    const antler_json *item = item_at(cases(), _i);
    open_values(item);
    antler_model *model = load_built(item);
    set_weights(model, item);
    check_layer_order(model->tree, text_at(item, "name"));
    check_execution(model->tree, text_at(item, "name"));
    check_variables(model, item);
    check_predict(model, item, "model.json");
    if (!model->compile) {
        antler_model_free(model);
        model = load_compiled(item);
        set_weights(model, item);
    }
    check_loss(model, item);
    check_gradients_of(model, item);
    if (listed(item, "has", "after"))
        check_training(model, item);
    check_round_trips(model, item);
    antler_model_free(model);
    check_files(item);
    antler__entries_free(&io);
}
END_TEST

int main(void)
{
    int status = open_cases(ANTLER_SOURCE_DIR "/tests/golden_graphs");
    if (status >= 0)
        return status;
    TCase *tests = tcase_create("keras");
    tcase_add_loop_test(tests, agrees_with_keras, 0, (int)antler__json_length(cases()));
    int failed = run_suite("graphs", tests);
    printf("Cases of graphs: %lld\n", (long long)antler__json_length(cases()));
    antler__json_free(golden_index);
    return failed;
}

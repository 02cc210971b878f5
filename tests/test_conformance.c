/* What every layer must do, for every sample of every registered layer: a new layer is tested with no new test.
   test_modes.c goes on with masks, Monte Carlo, frozen layers and the rest. */
#include "build.h"
#include "config/json.h"
#include "core/memory.h"
#include "differences.h"
#include "samples.h"
#include "suite.h"
#include "torture.h"

#include <math.h>
#include <unistd.h>

/* ---- the tests ---- */

START_TEST(json_is_stable)
{
    const sample *s = &all[_i];
    antler_error err = {0};
    if (!is_single(s))
        return;
    antler_model *model = load(s);
    char *first = antler_model_json(model, &err);
    antler_model *again = load_text(first);
    char *second = antler_model_json(again, &err);
    ck_assert_str_eq(first, second);
    antler_text_free(first);
    antler_text_free(second);
    antler_model_free(model);
    antler_model_free(again);
}
END_TEST

START_TEST(unknown_keys_are_named)
{
    const sample *s = &all[_i];
    antler_error err = {0};
    char config[4096];
    if (!is_single(s))
        return;
    const char *given = config_of(s->text);
    snprintf(config, sizeof config, "{\"no_such_key\": 1%s%s", given[1] == '}' ? "" : ", ", given + 1);
    ck_assert(antler_load_json(model_text(s, config), NULL, &err) == NULL);
    ck_assert_int_eq(err.status, ANTLER_NAME);
    ck_assert_str_eq(err.place, "config.layers[1].config.no_such_key");
}
END_TEST

/* The sample's config with one key replaced by a number. */
static const char *replace_key(const sample *s, const char *key, double value)
{
    static char text[4096];
    antler_json *old, *config = antler__json_object(NULL, NULL);
    ck_assert_int_eq(antler__json_parse(config_of(s->text), strlen(config_of(s->text)), &old, NULL), ANTLER_OK);
    for (const antler_json *item = antler__json_first(old); item; item = antler__json_next(item))
        if (strcmp(antler__json_key(item), key) != 0)
            antler__json_add_copy(config, antler__json_key(item), item);
    antler__json_add_number(config, key, value);
    char *printed = antler__json_print(config, false);
    snprintf(text, sizeof text, "%s", printed);
    antler__free(printed);
    antler__json_free(config);
    antler__json_free(old);
    return text;
}

static void check_refused(const sample *s, const char *key, double value)
{
    antler_error err = {0};
    char place[128];
    snprintf(place, sizeof place, "config.layers[1].config.%s", key);
    antler_model *model = antler_load_json(model_text(s, replace_key(s, key, value)), NULL, &err);
    ck_assert_msg(model == NULL, "%s: %s = %g was accepted", s->text, key, value);
    ck_assert_msg(strncmp(err.place, place, strlen(place)) == 0, "%s: the place is %s, not %s", s->text, err.place,
                  place);
}

/* A bound that is in the range, where a model of it is small. Other rules may refuse it: a window wider than the input.
 */
static void check_in_range(const sample *s, const char *key, double value)
{
    antler_error err = {0};
    if (fabs(value) > 100)
        return;
    antler_model_free(antler_load_json(model_text(s, replace_key(s, key, value)), NULL, &err));
    ck_assert_msg(!strstr(err.message, "is not in "), "%s: %s = %g: %s", s->text, key, value, err.message);
}

START_TEST(ranges_are_held)
{
    const sample *s = &all[_i];
    if (!is_single(s))
        return;
    for (const antler_field *f = s->ops->type.fields; f && f->kind != ANTLER_END; f++) {
        bool number = f->kind == ANTLER_INT || f->kind == ANTLER_REAL || f->kind == ANTLER_INTS ||
                      (f->kind == ANTLER_REALS && f->count);
        if (!number || f->min == f->max)
            continue;
        check_refused(s, f->key, f->min - 1);
        check_refused(s, f->key, f->max + (fabs(f->max) > 1e15 ? fabs(f->max) : 1));
        (f->flags & ANTLER_OPEN_MIN ? check_refused : check_in_range)(s, f->key, f->min);
        (f->flags & ANTLER_OPEN_MAX ? check_refused : check_in_range)(s, f->key, f->max);
    }
}
END_TEST

START_TEST(inference_is_repeatable)
{
    bench b = open_bench(&all[_i], ANTLER_INFER, 0);
    size_t bytes = (size_t)b.ny * sizeof *b.y, weights = (size_t)b.model->size * sizeof(antler_real);
    antler_real *again = malloc(bytes), *x = malloc((size_t)b.nx * sizeof *x), *before = malloc(weights + 1);
    memcpy(x, b.x, (size_t)b.nx * sizeof *x);
    memcpy(before, b.model->parameters, weights);
    memset(b.y, 0xff, bytes); /* NaN: what forward does not write stays visible */
    forward(&b, b.x, BATCH, b.y);
    antler_context_seek(b.context, 8, 1);
    forward(&b, b.x, BATCH, again);
    for (int64_t i = 0; i < b.ny; i++)
        ck_assert_msg(isfinite(b.y[i]), "%s: y[%d] is not written", all[_i].text, (int)i);
    ck_assert_mem_eq(b.y, again, bytes);
    ck_assert_mem_eq(b.x, x, (size_t)b.nx * sizeof *x);
    ck_assert_mem_eq(b.model->parameters, before, weights);
    free(again);
    free(x);
    free(before);
    close_bench(&b);
}
END_TEST

START_TEST(a_batch_of_one_equals_a_row)
{
    for (int training = 0; training < 2; training++) {
        if (!is_single(&all[_i])) /* rows of several inputs do not lie side by side: test_calls.c */
            break;
        bench b = open_bench(&all[_i], training ? ANTLER_TRAIN : ANTLER_INFER, 0);
        if (training && (b.model->sites > 0 || all[_i].ops->flags & (ANTLER_BATCH_STATISTICS | ANTLER_MOVES_PARAMS))) {
            close_bench(&b);
            break;
        }
        int64_t nx = b.nx / BATCH, ny = b.ny / BATCH;
        antler_real *one = malloc((size_t)ny * sizeof *one);
        forward(&b, b.x, BATCH, b.y);
        for (int64_t row = 0; row < BATCH; row++) {
            forward(&b, b.x + row * nx, 1, one);
            ck_assert_msg(memcmp(one, b.y + row * ny, (size_t)ny * sizeof *one) == 0, "%s: row %d", all[_i].text,
                          (int)row);
        }
        free(one);
        close_bench(&b);
    }
}
END_TEST

/* Nor does it how the work is cut: first it is not. */
START_TEST(threads_do_not_change_bits)
{
    antler_real *y = NULL, *dx = NULL, *gradients = NULL;
    int64_t cut = antler__task_elements;
    for (int threads = 0; threads <= 3; threads++) {
        bool tokens;
        antler__task_elements = threads ? cut : 16384;
        bench b = open_bench(&all[_i], ANTLER_TRAIN, ANTLER_INPUT_GRADIENT);
        open_context(&b, ANTLER_TRAIN, threads ? threads : 1, ANTLER_INPUT_GRADIENT);
        tokens = tokens_of(b.model) > 0;
        size_t ys = (size_t)b.ny * sizeof *y, xs = (size_t)b.nx * sizeof *dx;
        size_t gs = (size_t)params_of(&b) * sizeof *gradients;
        forward(&b, b.x, BATCH, b.y);
        backward(&b, tokens ? NULL : b.dx);
        if (threads == 0) {
            y = malloc(ys);
            dx = malloc(xs);
            gradients = malloc(gs + 1);
            memcpy(y, b.y, ys);
            memcpy(dx, b.dx, xs);
            memcpy(gradients, b.context->gradients, gs);
        }
        ck_assert_mem_eq(b.y, y, ys);
        if (!tokens)
            ck_assert_mem_eq(b.dx, dx, xs);
        ck_assert_mem_eq(b.context->gradients, gradients, gs);
        close_bench(&b);
    }
    free(y);
    free(dx);
    free(gradients);
}
END_TEST

START_TEST(gradients_are_written_not_added)
{
    if (all[_i].ops->flags & ANTLER_MOVES_PARAMS) /* two passes differ */
        return;
    bench b = open_bench(&all[_i], ANTLER_TRAIN, 0);
    size_t bytes = (size_t)params_of(&b) * sizeof(antler_real);
    antler_real *first = malloc(bytes + 1);
    forward(&b, b.x, BATCH, b.y);
    backward(&b, NULL);
    memcpy(first, b.context->gradients, bytes);
    for (int64_t v = 0; v < b.model->variables; v++) { /* poison */
        antler_real *g = (antler_real *)(uintptr_t)antler_gradient(b.context, v);
        for (int64_t i = 0; g && i < b.model->variable[v].length; i++)
            g[i] = (antler_real)NAN;
    }
    forward(&b, b.x, BATCH, b.y);
    backward(&b, NULL);
    ck_assert_mem_eq(first, b.context->gradients, bytes);
    free(first);
    close_bench(&b);
}
END_TEST

#ifdef ANTLER_DOUBLE
START_TEST(gradients_are_right)
{
    if (all[_i].ops->flags & ANTLER_MOVES_PARAMS) /* a golden case has them */
        return;
    bench b = open_bench(&all[_i], ANTLER_TRAIN, ANTLER_INPUT_GRADIENT);
    antler_real *gradients = malloc((size_t)params_of(&b) * sizeof *gradients + 1);
    bool tokens = tokens_of(b.model) > 0;
    char name[256];
    forward(&b, b.x, BATCH, b.y);
    backward(&b, tokens ? NULL : b.dx);
    memcpy(gradients, b.context->gradients, (size_t)params_of(&b) * sizeof *gradients);
    for (int64_t v = 0; v < b.model->variables; v++) {
        antler_model_variable_entry *variable = &b.model->variable[v];
        snprintf(name, sizeof name, "%s %s: %s", all[_i].ops->type.class_name, all[_i].text, variable->view.name);
        if (variable->view.trainable)
            check_gradient(&b, name, variable->view.value.data, gradients + variable->offset, variable->length);
    }
    snprintf(name, sizeof name, "%s %s: x", all[_i].ops->type.class_name, all[_i].text);
    if (!tokens)
        check_gradient(&b, name, b.x, b.dx, b.nx);
    free(gradients);
    close_bench(&b);
}
END_TEST
#endif

START_TEST(files_keep_every_bit)
{
    static const char *const suffix[] = {"keras", "weights.h5", "h5"};
    antler_error err = {0};
    if (!is_single(&all[_i]))
        return;
    bench b = open_bench(&all[_i], ANTLER_INFER, 0);
    forward(&b, b.x, BATCH, b.y);
    for (int i = HAS_ZIP ? 0 : 1; i < 3; i++) {
        char path[128], text[1024];
        snprintf(path, sizeof path, "/tmp/antler_conformance_%d.%s", (int)getpid(), suffix[i]);
        ck_assert_msg(antler_save(b.model, path, &err) == ANTLER_OK, "%s", antler_error_text(&err, text, sizeof text));
        bench c = open_bench(&all[_i], ANTLER_INFER, 0);
        if (i == 1) {
            ck_assert_msg(antler_load_weights(c.model, path, &err) == ANTLER_OK, "%s", err.message);
        } else {
            antler_context_free(c.context);
            antler_model_free(c.model);
            c.context = NULL;
            c.model = antler_load(path, &err);
            ck_assert_msg(c.model != NULL, "%s", antler_error_text(&err, text, sizeof text));
            open_context(&c, ANTLER_INFER, 1, 0);
        }
        forward(&c, c.x, BATCH, c.y);
        ck_assert_mem_eq(b.y, c.y, (size_t)b.ny * sizeof *b.y);
        close_bench(&c);
        unlink(path);
    }
    close_bench(&b);
}
END_TEST

/* Loads, runs forward and back. */
static antler_status run_all(void *arg)
{
    const sample *s = arg;
    antler_error err = {0};
    antler_model *model =
        is_single(s) ? antler_load_json(model_text(s, config_of(s->text)), NULL, &err) : lay_out(s, &err);
    antler_context *context = NULL;
    antler_real *numbers = NULL; /* from calloc: not ours to fail */
    antler_status status = model ? antler_build(model) : err.status;
    if (status == ANTLER_OK) {
        int64_t x = row_of(model, model->inputs, model->input), dy = row_of(model, model->outputs, model->output);
        numbers = calloc((size_t)(2 * (x + dy)), sizeof *numbers);
        context = antler_context_create_train(model, 2, 1, 0, &err);
        status = context ? antler_forward(context, numbers, 2, NULL, &err) : err.status;
    }
    if (status == ANTLER_OK)
        status = antler_backward_from(context, numbers, NULL, &err);
    antler_context_free(context);
    antler_model_free(model);
    free(numbers);
    return status;
}

START_TEST(allocation_torture)
{
    torture(run_all, &all[_i]);
}
END_TEST

int main(void)
{
    collect();
    collect_kind(ANTLER_KIND_OPERATION);
    TCase *tests = tcase_create("layers");
    tcase_add_loop_test(tests, json_is_stable, 0, samples);
    tcase_add_loop_test(tests, unknown_keys_are_named, 0, samples);
    tcase_add_loop_test(tests, ranges_are_held, 0, samples);
    tcase_add_loop_test(tests, inference_is_repeatable, 0, samples);
    tcase_add_loop_test(tests, a_batch_of_one_equals_a_row, 0, samples);
    tcase_add_loop_test(tests, threads_do_not_change_bits, 0, samples);
    tcase_add_loop_test(tests, gradients_are_written_not_added, 0, samples);
    if (HAS_HDF5)
        tcase_add_loop_test(tests, files_keep_every_bit, 0, samples);
    tcase_add_loop_test(tests, allocation_torture, 0, samples);
#ifdef ANTLER_DOUBLE
    tcase_add_loop_test(tests, gradients_are_right, 0, samples);
#endif
    return run_suite("conformance", tests);
}

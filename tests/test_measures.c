/* Losses and metrics against Keras's own numbers (measures.json, of make_measures.py): what evaluating reports, in
   batches, with sample weights and masks, and the gradient of the loss for what is predicted. */
#include "build.h"
#include "config/json.h"
#include "core/memory.h"
#include "files/file.h"
#include "suite.h"
#include "train/objective.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const bool is_double = sizeof(antler_real) == sizeof(double);
static antler_json *root;
enum { BATCH = 3 };

static const antler_json *cases(void)
{
    return antler__json_get(root, "cases");
}

static const antler_json *case_at(int index)
{
    const antler_json *one = antler__json_first(cases());
    while (index-- > 0)
        one = antler__json_next(one);
    return one;
}

static const char *name_of(const antler_json *one)
{
    return antler__json_string(antler__json_get(one, "name"));
}

/* For free; *n numbers. */
static antler_real *reals(const antler_json *list, int64_t *n)
{
    *n = antler__json_length(list);
    antler_real *out = malloc((size_t)*n * sizeof *out), *at = out;
    for (const antler_json *item = antler__json_first(list); item; item = antler__json_next(item))
        *at++ = (antler_real)antler__json_number(item);
    return out;
}

/* An array of a case, as data; NULL where it has none. */
typedef struct array {
    antler_real *values;
    antler_data *data;
    int64_t n;
} array;

static array array_of(const antler_json *one, const char *key)
{
    char shape_key[32];
    array a = {0};
    antler_error err = {0};
    antler_shape shape = {0};
    if (!antler__json_get(one, key))
        return a;
    snprintf(shape_key, sizeof shape_key, "%s_shape", key);
    const antler_json *size = antler__json_first(antler__json_get(one, shape_key));
    for (; size; size = antler__json_next(size))
        shape.dim[shape.rank++] = (int64_t)antler__json_number(size);
    a.values = reals(antler__json_get(one, key), &a.n);
    a.data = antler_data_from(a.values, ANTLER_DTYPE_REAL, &shape, &err);
    ck_assert_msg(a.data != NULL, "%s: %s", key, err.message);
    return a;
}

static void drop(array *a)
{
    antler_data_free(a->data);
    free(a->values);
}

static antler_model *model_of(const antler_json *one)
{
    antler_error err = {0};
    char *text = antler__json_print(antler__json_get(one, "model"), false);
    antler_model *model = antler_load_json(text, name_of(one), &err);
    ck_assert_msg(model != NULL, "%s: %s: %s", name_of(one), err.place, err.message);
    antler__free(text);
    ck_assert_msg(antler_build(model) == ANTLER_OK, "%s: %s", name_of(one), antler_model_error(model)->message);
    return model;
}

static void check(const antler_json *one, const char *what, int64_t i, double got, double wanted, double scale)
{
    const bool rough = antler__json_get(one, "rough");
    const double bound = is_double ? rough ? 2e-6 : 1e-9 : 1e-5;
    if (isnan(wanted) && isnan(got))
        return;
    ck_assert_msg(fabs(got - wanted) <= bound * (1 + scale), "%s: %s[%lld] is %.12g, Keras has %.12g", name_of(one),
                  what, (long long)i, got, wanted);
}

START_TEST(evaluates_as_keras)
{
    const antler_json *one = case_at(_i);
    antler_error err = {0};
    antler_logs logs;
    antler_model *model = model_of(one);
    array x = array_of(one, "x"), y = array_of(one, "y"), w = array_of(one, "w");
    if (w.data)
        ck_assert_int_eq(antler_data_weigh(y.data, w.data, &err), ANTLER_OK);
    ck_assert_msg(antler_evaluate(model, x.data, y.data, BATCH, 1, &logs, &err) == ANTLER_OK, "%s: %s", name_of(one),
                  err.message);
    const antler_json *log = antler__json_first(antler__json_get(one, "logs"));
    for (; log; log = antler__json_next(log)) {
        const char *name = antler__json_key(log);
        const double wanted = antler__json_number(log);
        int k = 0;
        while (k < logs.n && strcmp(logs.name[k], name) != 0)
            k++;
        ck_assert_msg(k < logs.n, "%s: no log \"%s\"", name_of(one), name);
        check(one, name, 0, logs.value[k], wanted, fabs(wanted));
    }
    ck_assert_int_eq(logs.n, antler__json_length(antler__json_get(one, "logs")));
    antler_model_free(model);
    drop(&y), drop(&x), drop(&w);
}
END_TEST

START_TEST(descends_as_keras)
{
    const antler_json *one = case_at(_i);
    antler_error err = {0};
    double loss, largest = 0;
    int64_t n;
    if (!antler__json_get(one, "gradient"))
        return;
    antler_model *model = model_of(one);
    array x = array_of(one, "x"), y = array_of(one, "y"), w = array_of(one, "w");
    const int64_t rows = antler_data_shape(x.data)->dim[0];
    antler_context *c = antler_context_create_train(model, rows, 1, ANTLER_KEEP | ANTLER_INPUT_GRADIENT, &err);
    ck_assert_msg(c != NULL, "%s: %s", name_of(one), err.message);
    antler_goal *goal = c->objective->goal;
    ck_assert_int_eq(antler__goal_targets(goal, model, antler_data_shape(y.data), &err), ANTLER_OK);
    ck_assert_int_eq(antler__goal_weights(goal, model, w.n / rows, &err), ANTLER_OK);
    antler__objective_weigh(c->objective, w.values, rows);
    ck_assert_int_eq(antler_forward(c, x.values, rows, NULL, &err), ANTLER_OK);
    ck_assert_msg(antler_backward(c, y.values, &loss, &err) == ANTLER_OK, "%s: %s", name_of(one), err.message);
    const double wanted = antler__json_number(antler__json_get(one, "loss"));
    check(one, "loss", 0, loss, wanted, fabs(wanted));
    antler_tensor gradient;
    antler_real *keras = reals(antler__json_get(one, "gradient"), &n);
    ck_assert_msg(antler_read(c, "first", ANTLER_GRADIENT, 0, &gradient, &err) == ANTLER_OK, "%s: %s", name_of(one),
                  err.message);
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)keras[i]));
    for (int64_t i = 0; i < n; i++)
        check(one, "gradient", i, (double)gradient.data[i], (double)keras[i], largest);
    free(keras);
    antler_context_free(c);
    antler_model_free(model);
    drop(&y), drop(&x), drop(&w);
}
END_TEST

int main(void)
{
    void *text;
    size_t size;
    antler_error err = {0};
    if (antler__file_read(ANTLER_SOURCE_DIR "/tests/measures.json", 1 << 24, &text, &size, &err) != ANTLER_OK ||
        antler__json_parse(text, size, &root, &err) != ANTLER_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    free(text);
    TCase *tests = tcase_create("keras");
    tcase_add_loop_test(tests, evaluates_as_keras, 0, (int)antler__json_length(cases()));
    tcase_add_loop_test(tests, descends_as_keras, 0, (int)antler__json_length(cases()));
    int failed = run_suite("measures", tests);
    antler__json_free(root);
    return failed;
}

/* Weights of samples and of classes: what they do to a fit, to validation and to data of several parts. What Keras
   makes of them is in test_measures.c. */
#include "build.h"
#include "fits.h"
#include "model/model.h"

#include <math.h>

static antler_real weight_values[ROWS];

static antler_data *weights(void)
{
    for (int i = 0; i < ROWS; i++)
        weight_values[i] = (antler_real)(i % 4 + 1) / 2;
    return rows_of(weight_values, ROWS, 1);
}

/* The weights of all layers, one after the other: for free. */
static antler_real *state_of(antler_model *model, int64_t *n)
{
    *n = model->size;
    antler_real *state = malloc((size_t)*n * sizeof *state);
    memcpy(state, model->parameters, (size_t)*n * sizeof *state);
    return state;
}

static void check_same_state(antler_model *a, antler_model *b, bool same)
{
    int64_t n, m;
    antler_real *x = state_of(a, &n), *y = state_of(b, &m);
    ck_assert_int_eq(n, m);
    ck_assert_int_eq(memcmp(x, y, (size_t)n * sizeof *x) == 0, same);
    free(x);
    free(y);
}

START_TEST(class_weights_are_sample_weights)
{
    antler_error err = {0};
    bench a = set_up(", 'class_weight': {'0': 0.5, '2': 3}"), b = set_up(""), plain = set_up("");
    antler_data *w = weights();
    for (int i = 0; i < ROWS; i++)
        weight_values[i] = y_values[i] == 0 ? (antler_real)0.5 : y_values[i] == 2 ? 3 : 1;
    must(antler_data_weigh(b.y, w, &err), &err);
    fitted(antler_fit(a.model, a.x, a.y, .epochs = 2, .batch_size = 7), a.model);
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 2, .batch_size = 7), b.model);
    fitted(antler_fit(plain.model, plain.x, plain.y, .epochs = 2, .batch_size = 7), plain.model);
    check_same_state(a.model, b.model, true);
    check_same_state(a.model, plain.model, false);
    antler_model *again = model_with("");
    fitted(antler_fit(again, a.x, a.y, .epochs = 2, .batch_size = 7, .class_weight = ANTLER_JSON([ 0.5, 1, 3 ])),
           again);
    check_same_state(a.model, again, true);
    antler_model_free(again);
    tear_down(&a), tear_down(&b), tear_down(&plain);
    antler_data_free(w);
}
END_TEST

/* Rows of targets take their weights along. */
START_TEST(weights_go_with_their_rows)
{
    antler_error err = {0};
    const antler_logs *history;
    antler_logs logs;
    bench b = set_up("");
    antler_data *w = weights(), *first_x, *rest_x, *first_y, *rest_y;
    must(antler_data_weigh(b.y, w, &err), &err);
    must(antler_data_split(b.x, 0.3, &first_x, &rest_x, &err), &err);
    must(antler_data_split(b.y, 0.3, &first_y, &rest_y, &err), &err);
    fitted(antler_fit(b.model, b.x, b.y, .validation_split = 0.3), b.model);
    must(antler_evaluate(b.model, rest_x, rest_y, 0, 1, &logs, &err), &err);
    antler_history(b.model, &history);
    ck_assert(history[0].value[2] == logs.value[0]);
    const double weighted = logs.value[0];
    must(antler_data_weigh(rest_y, NULL, &err), &err);
    must(antler_evaluate(b.model, rest_x, rest_y, 0, 1, &logs, &err), &err);
    ck_assert(weighted != logs.value[0]);
    antler_data_free(first_x), antler_data_free(rest_x), antler_data_free(first_y);
    antler_data_free(rest_y);
    antler_data_free(w);
    tear_down(&b);
}
END_TEST

START_TEST(wrong_weights_are_told)
{
    static const struct {
        const char *given, *message;
    } wrong[] = {
        {"{\"x\": 1}", "\"x\" is no class"},
        {"{\"0\": -1}", "class 0: expected a weight of 0 or more"},
        {"{\"0\": null}", "class 0: expected a weight of 0 or more"},
        {"[1, \"a\"]", "is not a number"},
    };
    antler_error err = {0};
    bench b = set_up("");
    antler_data *w = weights(), *few = rows_of(weight_values, ROWS - 1, 1), *many = rows_of(weight_values, ROWS / 3, 3);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(antler_fit(b.model, b.x, b.y, .class_weight = wrong[i].given), ANTLER_VALUE);
        ck_assert_msg(strstr(antler_model_error(b.model)->message, wrong[i].message) != NULL, "%s: %s", wrong[i].given,
                      antler_model_error(b.model)->message);
    }
    ck_assert_int_eq(antler_fit(b.model, b.x, b.y, .class_weight = "2"), ANTLER_VALUE);
    ck_assert_int_eq(antler_data_weigh(b.y, few, &err), ANTLER_SHAPE);
    must(antler_data_weigh(b.y, w, &err), &err);
    ck_assert_int_eq(antler_fit(b.model, b.x, b.y, .class_weight = "[1, 2]"), ANTLER_VALUE);
    antler_data *third_x = antler_data_rows(b.x, 0, ROWS / 3, &err),
                *third_y = antler_data_rows(b.y, 0, ROWS / 3, &err);
    must(antler_data_weigh(third_y, many, &err), &err);
    ck_assert_int_eq(antler_fit(b.model, third_x, third_y), ANTLER_SHAPE);
    ck_assert_ptr_nonnull(strstr(antler_model_error(b.model)->message, "3 sample weights a sample"));
    antler_data_free(third_x), antler_data_free(third_y), antler_data_free(few), antler_data_free(many);
    antler_data_free(w);
    tear_down(&b);
}
END_TEST

/* A model of two outputs: one is weighted, then both. */
START_TEST(outputs_have_their_own)
{
    char text[] =
        "{'class_name':'Functional','config':{'name':'two','layers':["
        "{'class_name':'InputLayer','name':'x','config':{'name':'x','batch_shape':[null,6]},'inbound_nodes':[]},"
        "{'class_name':'Activation','name':'a','config':{'name':'a','activation':'linear'},"
        "'inbound_nodes':[[['x',0,0,{}]]]},"
        "{'class_name':'Activation','name':'b','config':{'name':'b','activation':'tanh'},"
        "'inbound_nodes':[[['x',0,0,{}]]]}],"
        "'input_layers':[['x',0,0]],'output_layers':[['a',0,0],['b',0,0]]},"
        "'compile_config':{'loss':'mse','weighted_metrics':[['mae'],['mae']]}}";
    antler_error err = {0};
    antler_logs none, one, both;
    antler_data *x = x_data(), *a = rows_of(x_values + 6, ROWS - 1, 6), *b = rows_of(x_values + 6, ROWS - 1, 6);
    antler_data *few = antler_data_rows(x, 0, ROWS - 1, &err), *all = weights();
    antler_data *w = antler_data_rows(all, 0, ROWS - 1, &err);
    antler_data *y = antler_data_join(NULL, (const antler_data *const[]){a, b, NULL}, &err);
    antler_model *model = antler_load_json(quoted(text), "two", &err);
    ck_assert_msg(model != NULL, "%s: %s", err.place, err.message);
    must(antler_evaluate(model, few, y, 0, 1, &none, &err), &err);
    must(antler_data_weigh(b, w, &err), &err);
    must(antler_evaluate(model, few, y, 0, 1, &one, &err), &err);
    ck_assert(none.value[1] == one.value[1] && none.value[2] != one.value[2]);
    ck_assert_str_eq(one.name[4], "b_mae");
    ck_assert(none.value[3] == one.value[3] && none.value[4] != one.value[4]);
    must(antler_data_weigh(y, w, &err), &err);
    must(antler_evaluate(model, few, y, 0, 1, &both, &err), &err);
    ck_assert(none.value[1] != both.value[1] && one.value[2] == both.value[2]);
    antler_model_free(model);
    antler_data_free(y), antler_data_free(a), antler_data_free(b), antler_data_free(few), antler_data_free(w);
    antler_data_free(all);
    antler_data_free(x);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("weights");
    tcase_add_test(tests, class_weights_are_sample_weights);
    tcase_add_test(tests, weights_go_with_their_rows);
    tcase_add_test(tests, wrong_weights_are_told);
    tcase_add_test(tests, outputs_have_their_own);
    return run_suite("weights_of_samples", tests);
}

/* Layers that learn of data before training, and numbers that C callers lend. What Keras learns of the same data is in
   the expected values. */
#include "networks.h"

#include "antler/layer.h"
#include "torture.h"

#include <math.h>

enum { ROWS = 6 };

/* Means 2 and 10; variances 35/12 (biased) and 0. */
static antler_real rows[ROWS][2] = {{-0.5, 10}, {0.5, 10}, {1.5, 10}, {2.5, 10}, {3.5, 10}, {4.5, 10}};

static antler_data *data(void)
{
    return rows_of(&rows[0][0], ROWS, 2);
}

static void close_to(double a, double b)
{
    ck_assert_msg(fabs(a - b) <= 1e-5 * fmax(1, fabs(b)), "%.9g is not %.9g", a, b);
}

static double state_of(const antler_model *m, int64_t variable, int64_t i)
{
    return (double)antler_model_variable(m, variable)->value.data[i];
}

START_TEST(each_layer_learns_what_it_is_given)
{
    antler_error err = {0};
    antler_real y[ROWS][2];
    antler_data *x = data();
    antler_model *m = antler_sequential("m", (int[]){2}, 1, NULL);
    antler_add(m, normalization, .name = "first");
    antler_add(m, rescaling, .scale = 2, .offset = 1);
    antler_add(m, normalization, .axis = {0});
    must(antler_adapt(m, x, &err), &err);
    close_to(state_of(m, 0, 0), 2);
    close_to(state_of(m, 0, 1), 10);
    close_to(state_of(m, 1, 0), 35.0 / 12);
    close_to(state_of(m, 1, 1), 0);
    close_to(state_of(m, 3, 0), 1); /* of 2 z + 1, where z has mean 0 and variances 1 and 0 */
    close_to(state_of(m, 4, 0), 2);
    must(antler_predict(m, x, 0, 1, &y[0][0], &err), &err);
    close_to((double)y[0][0], -2.5 / sqrt(35.0 / 12) * sqrt(2));
    close_to((double)y[0][1], 0);
    antler_data_free(x);
    antler_model_free(m);
}
END_TEST

START_TEST(bins_are_quantiles)
{
    static const double wanted[] = {0.5, 2.5}; /* Keras 3.15.1 */
    antler_error err = {0};
    antler_real y[ROWS];
    antler_data *x = rows_of((antler_real[ROWS]){4.5, 1.5, -0.5, 3.5, 0.5, 2.5}, ROWS, 1);
    antler_model *m = antler_sequential("m", (int[]){1}, 1, NULL);
    antler_object layer;
    antler_add(m, discretization, .num_bins = 3);
    must(antler_build(m), antler_model_error(m));
    ck_assert_int_eq(antler_predict(m, x, 0, 1, y, &err), ANTLER_VALUE);
    ck_assert_ptr_nonnull(strstr(err.message, "bin_boundaries"));
    err = (antler_error){0};
    must(antler_adapt(m, x, &err), &err);
    ck_assert(antler_model_object(m, ANTLER_KIND_LAYER, 1, &layer));
    const antler_numbers *bins = antler_object_field(layer, "bin_boundaries");
    ck_assert_int_eq(bins->n, 2);
    for (int i = 0; i < 2; i++)
        close_to(bins->value[i], wanted[i]);
    must(antler_predict(m, x, 0, 1, y, &err), &err);
    ck_assert(y[0] == 2 && y[1] == 1 && y[2] == 0);
    antler_data_free(x);
    antler_model_free(m);
}
END_TEST

START_TEST(fit_adapts_to_what_it_trains_on)
{
    antler_data *x = data(), *y = rows_of(&rows[0][0], ROWS, 2);
    antler_model *m = antler_sequential("m", (int[]){2}, 1, NULL);
    antler_add(m, normalization);
    antler_add(m, dense, .units = 2);
    antler_compile(m, .loss = "mse");
    must(antler_fit(m, x, y, .validation_split = 1.0 / 3, .adapt = true), antler_model_error(m));
    close_to(state_of(m, 0, 0), 1);
    close_to(state_of(m, 1, 0), 1.25);
    antler_data_free(x);
    antler_data_free(y);
    antler_model_free(m);
}
END_TEST

/* A first layer without having to be asked, and a last one of the targets; what has learned once stays. */
START_TEST(a_fit_teaches_what_has_not_learned)
{
    antler_real target[ROWS] = {1000, 2000, 3000, 4000, 5000, 6000}, other[ROWS] = {0};
    antler_data *x = data(), *y = rows_of(target, ROWS, 1), *z = rows_of(other, ROWS, 1);
    antler_model *m = antler_sequential("m", (int[]){2}, 1, NULL);
    antler_add(m, normalization);
    antler_add(m, dense, .units = 1);
    antler_add(m, normalization, .invert = true);
    antler_compile(m, .optimizer = "adam", .loss = "mse");
    must(antler_fit(m, x, y), antler_model_error(m));
    ck_assert_ptr_null(antler_model_warning(m, 0));
    close_to(state_of(m, 0, 0), 2);
    close_to(state_of(m, 5, 0), 3500);
    close_to(state_of(m, 6, 0), 35e6 / 12);
    must(antler_fit(m, x, z), antler_model_error(m));
    close_to(state_of(m, 5, 0), 3500);
    must(antler_fit(m, x, z, .adapt = true), antler_model_error(m));
    close_to(state_of(m, 5, 0), 0);
    antler_model_free(m);
    m = antler_sequential("m", (int[]){2}, 1, NULL);
    antler_add(m, dense, .units = 1);
    antler_add(m, normalization, .invert = true, .axis = {1});
    antler_compile(m, .loss = "mse");
    antler_data *wide = rows_of(&rows[0][0], ROWS, 2);
    ck_assert_int_eq(antler_fit(m, x, wide), ANTLER_SHAPE);
    antler_data_free(wide);
    antler_model_free(m);
    antler_data_free(x);
    antler_data_free(y);
    antler_data_free(z);
}
END_TEST

START_TEST(numbers_far_from_1_are_warned_of)
{
    antler_real large[ROWS][2] = {{-500, 1000}}, target[ROWS] = {0, 0, 0, 0, 0, 1e6};
    antler_data *x = rows_of(&large[0][0], ROWS, 2), *y = rows_of(target, ROWS, 1);
    antler_model *m = antler_sequential("m", (int[]){2}, 1, NULL);
    antler_add(m, flatten);
    antler_add(m, dense, .units = 1);
    antler_compile(m, .optimizer = "adam", .loss = "mae");
    must(antler_fit(m, x, y, .epochs = 2), antler_model_error(m));
    ck_assert_ptr_nonnull(strstr(antler_model_warning(m, 0)->message, "the first weights take numbers up to 1000"));
    ck_assert_ptr_nonnull(strstr(antler_model_warning(m, 1)->message, "the targets go up to 1e+06"));
    ck_assert_ptr_null(antler_model_warning(m, 2));
    antler_model_free(m);
    m = antler_sequential("m", (int[]){2}, 1, NULL);
    antler_add(m, rescaling, .scale = 0.001);
    antler_add(m, dense, .units = 2, .activation = "softmax");
    antler_compile(m, .optimizer = "adam", .loss = "categorical_crossentropy");
    must(antler_fit(m, x, x), antler_model_error(m));
    ck_assert_ptr_null(antler_model_warning(m, 0));
    antler_model_free(m);
    antler_data_free(x);
    antler_data_free(y);
}
END_TEST

START_TEST(what_is_given_stays)
{
    antler_error err = {0};
    antler_real y[ROWS][2];
    antler_data *x = data();
    antler_model *m = antler_sequential("m", (int[]){2}, 1, NULL);
    antler_add(m, normalization, .mean = {.n = 2, .value = (double[]){1, 2}},
               .variance = {.n = 2, .value = (double[]){4, 16}});
    must(antler_adapt(m, x, &err), &err);
    must(antler_predict(m, x, 0, 1, &y[0][0], &err), &err);
    close_to((double)y[0][0], -0.75);
    close_to((double)y[0][1], 2);
    antler_data_free(x);
    antler_model_free(m);
}
END_TEST

static const struct {
    const char *layer, *message;
} refused[] = {
    {"{'class_name': 'Normalization', 'config': {'mean': [1, 2]}}", "config.variance: missing"},
    {"{'class_name': 'Normalization', 'config': {'mean': [1, 2, 3], 'variance': [1, 2, 3]}}", "does not fit"},
    {"{'class_name': 'Normalization', 'config': {'mean': [1, [2]], 'variance': [1, 2]}}", "config.mean: "},
    {"{'class_name': 'Normalization', 'config': {'mean': 1, 'variance': -1}}", "-1 is less than 0"},
    {"{'class_name': 'Normalization', 'config': {'axis': 0}}", "config.axis: 0 is not possible here"},
    {"{'class_name': 'Normalization', 'config': {'axis': [2]}}", "2 is not an axis of the input"},
    {"{'class_name': 'LayerNormalization', 'config': {'axis': [1, -1]}}", "-1 is there twice"},
    {"{'class_name': 'LayerNormalization', 'config': {'axis': 0}}", "config.axis: 0 is not possible here"},
    {"{'class_name': 'GroupNormalization', 'config': {}}", "2 channels are not divisible by 32"},
    {"{'class_name': 'GroupNormalization', 'config': {'groups': 0}}", "config.groups: 0 is not"},
    {"{'class_name': 'Discretization', 'config': {}}", "give them, or num_bins"},
    {"{'class_name': 'Discretization', 'config': {'bin_boundaries': [1, 0]}}", "they must ascend"},
    {"{'class_name': 'Discretization', 'config': {'bin_boundaries': []}}", "config.bin_boundaries: [] is not"},
};

START_TEST(bad_settings_are_named)
{
    char text[512], line[1100];
    antler_error err = {0};
    snprintf(
        text, sizeof text,
        "{'class_name': 'Sequential', 'config': {'layers': [{'class_name': 'InputLayer', 'config': {'batch_shape': "
        "[null, 2]}}, %s]}}",
        refused[_i].layer);
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    antler_model *m = antler_load_json(text, NULL, &err);
    if (m) {
        ck_assert_int_ne(antler_build(m), ANTLER_OK);
        err = *antler_model_error(m);
    }
    antler_error_text(&err, line, sizeof line);
    ck_assert_msg(strstr(line, refused[_i].message) != NULL, "%s", line);
    antler_model_free(m);
}
END_TEST

START_TEST(bins_that_data_does_not_give)
{
    antler_error err = {0};
    antler_data *x = data();
    antler_model *m = antler_sequential("m", (int[]){2}, 1, NULL);
    antler_add(m, discretization, .num_bins = 100, .output_mode = "one_hot");
    ck_assert_int_eq(antler_adapt(m, x, &err), ANTLER_DATA);
    ck_assert_ptr_nonnull(strstr(err.message, "num_bins is 100"));
    antler_data_free(x);
    antler_model_free(m);
}
END_TEST

/* Keras writes a mean as an array. */
START_TEST(an_array_is_a_list)
{
    static const char *const means[] = {"[1.5, 2]",
                                        "{'class_name': '__numpy__', 'config': {'value': [1.5, 2], 'dtype': "
                                        "'float32'}}"};
    char *json[2];
    for (int i = 0; i < 2; i++) {
        char layer[256];
        antler_error err = {0};
        snprintf(layer, sizeof layer, "{'class_name': 'Normalization', 'config': {'mean': %s, 'variance': [4, 16]}}",
                 means[i]);
        antler_model *m = network("2", layer, "");
        json[i] = antler_model_json(m, &err);
        antler_model_free(m);
    }
    ck_assert_str_eq(json[0], json[1]);
    antler_text_free(json[0]);
    antler_text_free(json[1]);
}
END_TEST

static antler_status learn(void *arg)
{
    antler_error err = {0};
    antler_model *m = antler_sequential("m", (int[]){2}, 1, NULL);
    antler_data *x = antler_data_from(rows, sizeof(antler_real) == 4 ? ANTLER_FLOAT32 : ANTLER_FLOAT64,
                                      &(antler_shape){2, {ROWS, 2}}, &err);
    (void)arg;
    antler_add(m, normalization);
    antler_add(m, discretization, .num_bins = 2);
    antler_status status = x ? antler_adapt(m, x, &err) : err.status;
    antler_data_free(x);
    antler_model_free(m);
    return status;
}

START_TEST(without_memory)
{
    torture(learn, NULL);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("adapt");
    tcase_add_test(tests, each_layer_learns_what_it_is_given);
    tcase_add_test(tests, bins_are_quantiles);
    tcase_add_test(tests, fit_adapts_to_what_it_trains_on);
    tcase_add_test(tests, a_fit_teaches_what_has_not_learned);
    tcase_add_test(tests, numbers_far_from_1_are_warned_of);
    tcase_add_test(tests, what_is_given_stays);
    tcase_add_loop_test(tests, bad_settings_are_named, 0, sizeof refused / sizeof *refused);
    tcase_add_test(tests, bins_that_data_does_not_give);
    tcase_add_test(tests, an_array_is_a_list);
    tcase_add_test(tests, without_memory);
    return run_suite("adapt", tests);
}

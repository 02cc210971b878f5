/* Metrics against formulas written out. */
#include "types.h"

#include "parts/parts.h"

static double measure(const char *json, const antler_metric_call *call)
{
    antler_object metric = read_object(ANTLER_KIND_METRIC, json);
    const antler_metric_ops *ops = ops_of(metric);
    double sum[ANTLER_MAX_SUMS] = {0};
    antler_real value[8], scratch[64];
    antler_metric_call half = *call;
    half.value = value, half.scratch = scratch, half.rows = 1, half.ops = ops;
    ops->update(metric.config, sum, &half); /* in two batches */
    half.rows = call->rows - 1, half.p += call->n, half.y += call->y_n;
    if (half.weight)
        half.weight++;
    ops->update(metric.config, sum, &half);
    const double result = ops->result(metric.config, sum, call->n, 0);
    antler_object_free(metric);
    return result;
}

START_TEST(metric_accuracies)
{
    const antler_real p[] = {.5f, .9f, .1f, .6f}, y[] = {0, 1, 1, 1}, weight[] = {1, 1, 2, 0};
    antler_metric_call call = {.p = p, .y = y, .rows = 4, .n = 1, .y_n = 1};
    ck_assert_double_eq(measure("\"binary_accuracy\"", &call), 0.75); /* .5 is not above .5 */
    ck_assert_double_eq(
        measure("{\"class_name\":\"BinaryAccuracy\",\"config\":{\"name\":\"a\",\"threshold\":0.4}}", &call), 0.5);
    call.weight = weight;
    ck_assert_double_eq(measure("\"BinaryAccuracy\"", &call), 0.5);
    const antler_real q[] = {.4f, .4f, .2f, .1f, .3f, .6f}, hot[] = {1, 0, 0, 0, 1, 0}, label[] = {1, 2};
    antler_metric_call rows = {.p = q, .y = hot, .rows = 2, .n = 3, .y_n = 3};
    ck_assert_double_eq(measure("\"categorical_accuracy\"", &rows), 0.5); /* the first of equals */
    rows.y = label, rows.y_n = 1;
    ck_assert_double_eq(measure("\"sparse_categorical_accuracy\"", &rows), 0.5);
    const antler_metric_call none = {
        .p = q, .y = hot, .weight = (const antler_real[]){0, 0}, .rows = 2, .n = 3, .y_n = 3};
    ck_assert_double_eq(measure("\"CategoricalAccuracy\"", &none), 0);
}
END_TEST

/* "accuracy" is the metric that fits the widths, and it is written as it was given. */
START_TEST(metric_accuracy_rule)
{
    const antler_real p[] = {.2f, .7f, .6f, .4f}, one[] = {0, 1, 1, 1}, label[] = {1, 1}, hot[] = {0, 1, 0, 1};
    const antler_metric_call binary = {.p = p, .y = one, .rows = 4, .n = 1, .y_n = 1};
    const antler_metric_call sparse = {.p = p, .y = label, .rows = 2, .n = 2, .y_n = 1};
    const antler_metric_call categorical = {.p = p, .y = hot, .rows = 2, .n = 2, .y_n = 2};
    ck_assert_double_eq(measure("\"accuracy\"", &binary), measure("\"BinaryAccuracy\"", &binary));
    ck_assert_double_eq(measure("\"accuracy\"", &binary), 0.75);
    ck_assert_double_eq(measure("\"acc\"", &sparse), 0.5);
    ck_assert_double_eq(measure("\"acc\"", &categorical), 0.5);
    static const char *const names[] = {"\"accuracy\"", "\"acc\""};
    for (int i = 0; i < 2; i++) {
        antler_object metric = read_object(ANTLER_KIND_METRIC, names[i]);
        antler_json *written = antler__object_write(metric, NULL, NULL, ANTLER_STYLE_KERAS);
        char text[64];
        ck_assert_str_eq(antler__json_brief(written, text, sizeof text), names[i]);
        antler__json_free(written);
        antler_object_free(metric);
    }
}
END_TEST

START_TEST(metric_losses)
{
    const antler_real p[] = {.2f, .3f, .5f, .1f, .8f, .1f}, y[] = {0, 1, 0, 0, 1, 0}, label[] = {1, 1};
    antler_metric_call call = {.p = p, .y = y, .rows = 2, .n = 3, .y_n = 3};
    const double squares = (0.04 + 0.49 + 0.25 + 0.01 + 0.04 + 0.01) / 6;
    const double entropy = -(log(0.3) + log(0.8)) / 2;
    check_near("mse", 0, measure("\"mse\"", &call), squares, 1e-7, 1e-6);
    check_near("rmse", 0, measure("\"RootMeanSquaredError\"", &call), sqrt(squares), 1e-7, 1e-6);
    check_near("mae", 0, measure("\"MAE\"", &call), (0.2 + 0.7 + 0.5 + 0.1 + 0.2 + 0.1) / 6, 1e-7, 1e-6);
    check_near("cce", 0, measure("\"categorical_crossentropy\"", &call), entropy, 1e-7, 1e-6);
    check_near("bce", 0, measure("\"bce\"", &call),
               -(log(0.8) + log(0.3) + log(0.5) + log(0.9) + log(0.8) + log(0.9)) / 6, 1e-7, 1e-6);
    call.y = label, call.y_n = 1;
    check_near("scce", 0, measure("\"sparse_categorical_crossentropy\"", &call), entropy, 2e-7, 1e-6);
    const antler_real far[] = {7, 1};
    call.y = far;
    ck_assert_double_nan(measure("\"sparse_categorical_crossentropy\"", &call));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("metrics");
    tcase_add_test(tests, metric_accuracies);
    tcase_add_test(tests, metric_accuracy_rule);
    tcase_add_test(tests, metric_losses);
    return run_suite("metrics", tests);
}

/* Activations, initializers, regularizers, constraints, losses, metrics, optimizers, schedules and callbacks, against
   Keras's own numbers (tests/golden/tables.h5, in double precision), formulas written out, and central differences. */
#include "antler/layer.h"
#include "config/fields.h"
#include "config/json.h"
#include "config/registry.h"
#include "core/memory.h"
#include "files/hdf5.h"
#include "kernels/kernels.h"
#include "parts/parts.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const bool is_double = sizeof(antler_real) == sizeof(double);

/* ---- helpers ---- */

/* |a - b| <= atol + rtol |b|, with bounds for double and for float. */
static void check_near(const char *what, int64_t i, double a, double b, double for_double, double for_float)
{
    const double bound = (is_double ? for_double : for_float) * (1 + fabs(b));
    ck_assert_msg(fabs(a - b) <= bound, "%s[%lld]: %.17g is not %.17g", what, (long long)i, a, b);
}

static antler_object read_object(antler_kind kind, const char *text)
{
    antler_error err = {0};
    antler_json *root = NULL;
    antler_object object = {NULL, NULL};
    antler_report report = {.err = &err};
    ck_assert_msg(antler__json_parse(text, strlen(text), &root, &err) == ANTLER_OK, "%s: %s", text, err.message);
    ck_assert_msg(antler__object_read(kind, root, NULL, &report, &object) == ANTLER_OK, "%s: %s: %s", text, err.place,
                  err.message);
    antler__json_free(root);
    return object;
}

static const void *ops_of(antler_object object)
{
    return object.type;
}

/* Numbers in (low, high) that differ from test to test only. */
static double draw(uint32_t *state, double low, double high)
{
    *state = *state * 1664525u + 1013904223u;
    return low + (high - low) * ((double)(*state >> 8) + 0.5) / 16777216.0;
}

static antler_entries tables;

static void open_tables(void)
{
    antler_error err = {0};
    ck_assert_msg(antler__hdf5_read(ANTLER_SOURCE_DIR "/tests/golden/tables.h5", NULL, 0, &tables, &err) == ANTLER_OK,
                  "%s", err.message);
}

static void close_tables(void)
{
    antler__entries_free(&tables);
}

static const antler_entry *table(const char *group, const char *name, const char *leaf)
{
    char path[256];
    snprintf(path, sizeof path, "/%s/%s%s", group, name, leaf);
    const antler_entry *entry = antler__entries_find(&tables, path);
    ck_assert_msg(entry != NULL, "no %s in tables.h5", path);
    return entry;
}

static int64_t entry_count(const antler_entry *entry)
{
    return antler_count(&entry->shape, 0);
}

static double entry_number(const antler_entry *entry, int64_t i)
{
    switch (entry->dtype) {
    case ANTLER_FLOAT64:
        return ((const double *)entry->data)[i];
    case ANTLER_INT32:
        return ((const int32_t *)entry->data)[i];
    case ANTLER_INT64:
        return (double)((const int64_t *)entry->data)[i];
    default:
        ck_abort_msg("a dtype that tables.h5 has not");
    }
}

/* For free. */
static antler_real *entry_reals(const antler_entry *entry)
{
    const int64_t n = entry_count(entry);
    antler_real *x = malloc((size_t)n * sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = (antler_real)entry_number(entry, i);
    return x;
}

static antler_object entry_object(antler_kind kind, const char *group, const char *name)
{
    return read_object(kind, table(group, name, "@config")->data);
}

/* ---- activations ---- */

START_TEST(activation_values)
{
    static const char *const names[] = {"linear",       "relu",  "leaky_relu", "elu",  "selu",
                                        "sigmoid",      "tanh",  "softplus",   "gelu", "exponential",
                                        "hard_sigmoid", "relu6", "softsign",   "silu", "mish"};
    antler_real *x = entry_reals(table("activations", "x", "")), y[81], dx[81], one[81];
    const antler_activation_ops *ops = (const void *)antler__type_find(ANTLER_KIND_ACTIVATION, names[_i]);
    ck_assert_ptr_nonnull(ops);
    const antler_entry *value = table("activations", names[_i], "/y"), *slope = table("activations", names[_i], "/dy");
    const double bound = strcmp(names[_i], "gelu") == 0 ? 1e-8 : 1e-13; /* Keras's root of 2 is a float there */
    ops->forward(y, x, 1, 81);
    for (int i = 0; i < 81; i++)
        one[i] = 1;
    ops->backward(dx, one, y, ops->needs_x ? x : NULL, 1, 81);
    for (int i = 0; i < 81; i++) {
        check_near(names[_i], i, (double)y[i], entry_number(value, i), bound, 1e-6);
        check_near(names[_i], i, (double)dx[i], entry_number(slope, i), bound, 2e-6);
    }
    free(x);
}
END_TEST

START_TEST(softmax_values)
{
    antler_real *x = entry_reals(table("activations", "softmax", "/rows")), y[16], dx[16], dy[16];
    const antler_entry *value = table("activations", "softmax", "/y");
    const antler_activation_ops *soft = (const void *)antler__type_find(ANTLER_KIND_ACTIVATION, "softmax");
    const antler_activation_ops *logs = (const void *)antler__type_find(ANTLER_KIND_ACTIVATION, "log_softmax");
    soft->forward(y, x, 4, 4);
    for (int i = 0; i < 16; i++) {
        check_near("softmax", i, (double)y[i], entry_number(value, i), 1e-14, 1e-6);
        dy[i] = (antler_real)(i % 5) - 2;
    }
    soft->backward(dx, dy, y, NULL, 4, 4);
    for (int i = 0; i < 16; i++) {
        double along = 0;
        for (int j = i / 4 * 4; j < i / 4 * 4 + 4; j++)
            along += (double)dy[j] * (double)y[j];
        check_near("softmax gradient", i, (double)dx[i], (double)y[i] * ((double)dy[i] - along), 1e-14, 1e-6);
    }
    logs->forward(x, x, 4, 4);
    logs->backward(dy, dy, x, NULL, 4, 4);
    for (int i = 0; i < 16; i++) {
        const int first = i / 4 * 4;
        const double sum = (double)(first % 5 + (first + 1) % 5 + (first + 2) % 5 + (first + 3) % 5 - 8);
        if (entry_number(value, i) > 1e-30)
            check_near("log_softmax", i, (double)x[i], log(entry_number(value, i)), 1e-13, 1e-6);
        check_near("log_softmax gradient", i, (double)dy[i], i % 5 - 2 - entry_number(value, i) * sum, 1e-13, 4e-6);
    }
    free(x);
}
END_TEST

/* ---- losses ---- */

static const char *const loss_names[] = {
    "mean_squared_error",
    "mean_absolute_error",
    "mean_squared_logarithmic_error",
    "binary_crossentropy",
    "binary_crossentropy_logits",
    "binary_crossentropy_smoothing",
    "categorical_crossentropy",
    "categorical_crossentropy_unscaled",
    "categorical_crossentropy_logits",
    "categorical_crossentropy_smoothing",
    "sparse_categorical_crossentropy",
    "sparse_categorical_crossentropy_unscaled",
    "sparse_categorical_crossentropy_logits",
};
enum { LOSSES = sizeof loss_names / sizeof *loss_names, ROWS = 6, WIDTH = 4 };

START_TEST(loss_values)
{
    const char *name = loss_names[_i];
    antler_object loss = entry_object(ANTLER_KIND_LOSS, "losses", name);
    const antler_loss_ops *ops = ops_of(loss);
    const antler_entry *values = table("losses", name, "/values"), *gradients = table("losses", name, "/grad");
    antler_real *p = entry_reals(table("losses", name, "/y_pred")), *y = entry_reals(table("losses", name, "/y_true"));
    antler_real value[ROWS], alone[ROWS], dp[ROWS * WIDTH], scratch[ROWS * WIDTH];
    antler_loss_call call = {.p = p, .y = y, .rows = ROWS, .n = WIDTH, .value = value, .dp = dp, .scratch = scratch};
    ck_assert_int_eq(ops->compute(loss.config, &call), ANTLER_OK);
    call.value = alone, call.dp = NULL;
    ck_assert_int_eq(ops->compute(loss.config, &call), ANTLER_OK);
    ck_assert_mem_eq(value, alone, sizeof value);
    /* The first rows lie where a float's 1 - 1e-7 is another number than a double's. */
    const bool clipped = ops->from && !ops->from_logits(loss.config);
    for (int r = clipped && !is_double ? 2 : 0; r < ROWS; r++) {
        check_near(name, r, (double)value[r], entry_number(values, r), 1e-13, 2e-6);
        for (int i = r * WIDTH; i < (r + 1) * WIDTH; i++)
            check_near(name, i, (double)dp[i], ROWS * entry_number(gradients, i), 1e-12, 1e-5);
    }
    free(p);
    free(y);
    antler_object_free(loss);
}
END_TEST

typedef struct loss_case {
    const char *json;
    bool logits;       /* given by the call, not by the config */
    double low, high;  /* of the predictions */
    bool distribution; /* each row of targets adds up to 1 */
} loss_case;

static const loss_case loss_cases[] = {
    {"\"mse\"", false, -2, 2, false},
    {"\"MeanAbsoluteError\"", false, -2, 2, false},
    {"\"msle\"", false, 0.1, 3, false},
    {"\"bce\"", false, 0.05, 0.95, false},
    {"{\"class_name\":\"BinaryCrossentropy\",\"config\":{\"label_smoothing\":0.3}}", true, -4, 4, false},
    {"{\"class_name\":\"BinaryCrossentropy\",\"config\":{\"from_logits\":true}}", false, -4, 4, false},
    {"\"categorical_crossentropy\"", false, 0.1, 3, true},
    {"{\"class_name\":\"CategoricalCrossentropy\",\"config\":{\"label_smoothing\":0.2}}", false, 0.1, 0.9, true},
    {"{\"class_name\":\"CategoricalCrossentropy\",\"config\":{\"label_smoothing\":0.2}}", true, -3, 3, true},
    {"\"sparse_categorical_crossentropy\"", false, 0.1, 0.9, false},
    {"\"SparseCategoricalCrossentropy\"", true, -3, 3, false},
};
enum { LOSS_CASES = sizeof loss_cases / sizeof *loss_cases, WIDE = 300 };

/* Rows wider than the blocks that the losses work in. */
static void draw_rows(const loss_case *c, bool sparse, antler_real *p, antler_real *y, int64_t n)
{
    uint32_t state = 12345;
    for (int r = 0; r < 2; r++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++) {
            p[r * n + i] = (antler_real)draw(&state, c->low, c->high);
            y[r * n + i] = (antler_real)draw(&state, 0, 1);
            sum += (double)y[r * n + i];
        }
        for (int64_t i = 0; c->distribution && i < n; i++)
            y[r * n + i] /= (antler_real)sum;
    }
    if (sparse) {
        y[0] = (antler_real)(n - 1);
        y[1] = 1;
    }
}

START_TEST(loss_gradients)
{
    static antler_real p[2 * WIDE], y[2 * WIDE], dp[2 * WIDE], scratch[2 * WIDE];
    const loss_case *c = &loss_cases[_i];
    antler_object loss = read_object(ANTLER_KIND_LOSS, c->json);
    const antler_loss_ops *ops = ops_of(loss);
    antler_real value[2], up[2], down[2];
    const int64_t widths[] = {1, 3, WIDE};
    for (int w = 0; is_double && w < 3; w++) {
        const int64_t n = ops->sparse && widths[w] == 1 ? 2 : widths[w];
        draw_rows(c, ops->sparse, p, y, n);
        antler_loss_call call = {
            .p = p, .y = y, .rows = 2, .n = n, .logits = c->logits, .value = value, .dp = dp, .scratch = scratch};
        ck_assert_int_eq(ops->compute(loss.config, &call), ANTLER_OK);
        call.dp = NULL;
        for (int64_t i = 0; i < 2 * n; i++) {
            const antler_real before = p[i], h = (antler_real)1e-5;
            p[i] = before + h, call.value = up;
            ops->compute(loss.config, &call);
            p[i] = before - h, call.value = down;
            ops->compute(loss.config, &call);
            p[i] = before;
            check_near(c->json, i, (double)dp[i], (double)((up[i / n] - down[i / n]) / (2 * h)), 1e-8, 1);
        }
    }
    antler_object_free(loss);
}
END_TEST

START_TEST(loss_sparse_labels)
{
    static const double labels[] = {3, -1, 0.5, NAN, 1e30};
    antler_object loss = read_object(ANTLER_KIND_LOSS, "\"sparse_categorical_crossentropy\"");
    const antler_loss_ops *ops = ops_of(loss);
    const antler_real p[6] = {.2f, .3f, .5f, .2f, .3f, .5f};
    antler_real value[2], scratch[6], y[2] = {2, 0};
    for (int i = 0; i < 5; i++) {
        antler_error err = {0};
        const antler_loss_call call = {
            .p = p, .y = y, .rows = 2, .n = 3, .value = value, .scratch = scratch, .err = &err};
        y[1] = (antler_real)labels[i];
        ck_assert_int_eq(ops->compute(loss.config, &call), ANTLER_DATA);
        ck_assert_ptr_nonnull(strstr(err.message, "row 1 "));
        ck_assert_ptr_nonnull(strstr(err.message, "[0, 2]"));
    }
    antler_object_free(loss);
}
END_TEST

START_TEST(loss_ignored_class)
{
    antler_object loss = read_object(
        ANTLER_KIND_LOSS, "{\"class_name\":\"SparseCategoricalCrossentropy\",\"config\":{\"ignore_class\":-1}}");
    const antler_loss_ops *ops = ops_of(loss);
    const antler_real p[4] = {.25f, .75f, .5f, .5f}, y[2] = {-1, 1};
    for (int logits = 0; logits < 2; logits++) {
        antler_real value[2], dp[4], scratch[4], counts[2] = {1, 1};
        const antler_loss_call call = {.p = p,
                                       .y = y,
                                       .rows = 2,
                                       .n = 2,
                                       .logits = logits != 0,
                                       .value = value,
                                       .dp = dp,
                                       .scratch = scratch,
                                       .counts = counts};
        ck_assert_int_eq(ops->compute(loss.config, &call), ANTLER_OK);
        ck_assert(value[0] == 0 && dp[0] == 0 && dp[1] == 0 && counts[0] == 0 && counts[1] == 1);
        check_near("ignore_class", 1, (double)value[1], log(2), 1e-15, 1e-6);
    }
    antler_object_free(loss);
}
END_TEST

/* ---- metrics ---- */

static double measure(const char *json, const antler_metric_call *call)
{
    antler_object metric = read_object(ANTLER_KIND_METRIC, json);
    const antler_metric_ops *ops = ops_of(metric);
    double sum[ANTLER_MAX_SUMS] = {0};
    antler_real value[8], scratch[64];
    antler_metric_call half = *call;
    half.value = value, half.scratch = scratch, half.rows = 1;
    ops->update(metric.config, sum, &half); /* in two batches */
    half.rows = call->rows - 1, half.p += call->n, half.y += call->y_n;
    if (half.weight)
        half.weight++;
    ops->update(metric.config, sum, &half);
    const double result = ops->result(metric.config, sum);
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

/* ---- schedules ---- */

START_TEST(schedule_rates)
{
    static const char *const names[] = {
        "exponential", "exponential_staircase", "inverse_time", "inverse_time_staircase",
        "polynomial",  "polynomial_cycle",      "cosine",       "cosine_warmup"};
    antler_object schedule = entry_object(ANTLER_KIND_SCHEDULE, "schedules", names[_i]);
    const antler_schedule_ops *ops = ops_of(schedule);
    const antler_entry *rates = table("schedules", names[_i], "");
    for (int64_t i = 0; i < entry_count(rates); i++)
        ck_assert_double_eq_tol(ops->rate(schedule.config, i), entry_number(rates, i), 3e-8);
    antler_object_free(schedule);
}
END_TEST

START_TEST(schedule_constant)
{
    antler_object schedule = read_object(ANTLER_KIND_SCHEDULE, "0.1");
    const antler_schedule_ops *ops = ops_of(schedule);
    ck_assert_double_eq(ops->rate(schedule.config, 7), 0.1);
    antler_object_free(schedule);
}
END_TEST

/* ---- constraints and regularizers ---- */

START_TEST(constraint_values)
{
    static const char *const names[] = {"max_norm",  "max_norm_axis1", "max_norm_axis01",  "non_neg",
                                        "unit_norm", "min_max_norm",   "min_max_norm_rate"};
    antler_object constraint = entry_object(ANTLER_KIND_CONSTRAINT, "constraints", names[_i]);
    const antler_constraint_ops *ops = ops_of(constraint);
    const antler_entry *start = table("constraints", "w", ""), *wanted = table("constraints", names[_i], "");
    antler_tensor w = {start->shape, entry_reals(start)};
    ops->apply(constraint.config, &w);
    for (int64_t i = 0; i < entry_count(wanted); i++)
        check_near(names[_i], i, (double)w.data[i], entry_number(wanted, i), 1e-15, 1e-6);
    free(w.data);
    antler_object_free(constraint);
}
END_TEST

/* Wider than the block of vectors that are scaled side by side, and the last axis alone. */
START_TEST(constraint_wide)
{
    antler_object columns = read_object(ANTLER_KIND_CONSTRAINT, "\"UnitNorm\"");
    antler_object rows = read_object(ANTLER_KIND_CONSTRAINT, "{\"class_name\":\"UnitNorm\",\"config\":{\"axis\":-1}}");
    const antler_constraint_ops *ops = ops_of(columns);
    antler_real x[5 * 150];
    antler_tensor w = {{2, {5, 150}}, x};
    for (int pass = 0; pass < 2; pass++) {
        uint32_t state = 9;
        for (int i = 0; i < 750; i++)
            x[i] = (antler_real)draw(&state, -1, 1);
        ops->apply(pass ? rows.config : columns.config, &w);
        for (int i = 0; i < (pass ? 5 : 150); i++) {
            double sum = 0;
            for (int j = 0; j < (pass ? 150 : 5); j++)
                sum += pow((double)x[pass ? i * 150 + j : j * 150 + i], 2);
            ck_assert_double_eq_tol(sum, 1, 1e-6);
        }
    }
    antler_object_free(columns);
    antler_object_free(rows);
}
END_TEST

START_TEST(regularizer_values)
{
    const antler_real w[5] = {1, -2, 0, .5f, -.25f};
    antler_real g[5] = {1, 1, 1, 1, 1};
    antler_object both =
        read_object(ANTLER_KIND_REGULARIZER, "{\"class_name\":\"L1L2\",\"config\":{\"l1\":0.5,\"l2\":0.25}}");
    antler_object l2 = read_object(ANTLER_KIND_REGULARIZER, "\"l2\"");
    const antler_regularizer_ops *ops = ops_of(both);
    ck_assert_double_eq(ops->penalty(both.config, w, 5), 0.5 * 3.75 + 0.25 * 5.3125);
    ops->gradient(both.config, g, w, 5, 2);
    const double wanted[5] = {1 + 1 + 1, 1 - 1 - 2, 1, 1 + 1 + 0.5, 1 - 1 - 0.25};
    for (int i = 0; i < 5; i++)
        ck_assert_double_eq((double)g[i], wanted[i]);
    ck_assert_double_eq(((const antler_regularizer_ops *)ops_of(l2))->penalty(l2.config, w, 5), 0.01 * 5.3125);
    antler_object_free(both);
    antler_object_free(l2);
}
END_TEST

/* ---- initializers ---- */

static antler_status fill(const char *json, antler_tensor *w, uint64_t key, antler_error *err)
{
    antler_object initializer = read_object(ANTLER_KIND_INITIALIZER, json);
    const antler_status status =
        ((const antler_initializer_ops *)ops_of(initializer))->fill(initializer.config, w, key, err);
    antler_object_free(initializer);
    return status;
}

typedef struct moments {
    double mean, deviation, low, high;
} moments;

static moments moments_of(const antler_real *x, int64_t n)
{
    moments m = {0, 0, (double)x[0], (double)x[0]};
    for (int64_t i = 0; i < n; i++) {
        m.mean += (double)x[i] / (double)n;
        m.low = fmin(m.low, (double)x[i]);
        m.high = fmax(m.high, (double)x[i]);
    }
    for (int64_t i = 0; i < n; i++)
        m.deviation += pow((double)x[i] - m.mean, 2) / (double)n;
    m.deviation = sqrt(m.deviation);
    return m;
}

static const struct {
    const char *json;
    antler_shape shape;
    double mean, deviation, bound; /* bound: |x - mean| never goes beyond; 0 for none */
} draws[] = {
    {"\"zeros\"", {2, {100, 200}}, 0, 0, 1e-30},
    {"\"Ones\"", {2, {100, 200}}, 1, 0, 1e-30},
    {"{\"class_name\":\"Constant\",\"config\":{\"value\":0.3}}", {1, {20000}}, 0.3, 0, 2e-8},
    {"\"random_uniform\"", {2, {100, 200}}, 0, 0.1 / 3.4641016, 0.05},
    {"{\"class_name\":\"RandomUniform\",\"config\":{\"minval\":2,\"maxval\":4}}", {2, {100, 200}}, 3, 0.57735027, 1},
    {"\"RandomNormal\"", {2, {100, 200}}, 0, 0.05, 0},
    {"{\"class_name\":\"TruncatedNormal\",\"config\":{\"mean\":1,\"stddev\":2}}", {2, {100, 200}}, 1, 1.7592513, 4},
    {"\"glorot_uniform\"", {2, {100, 200}}, 0, 0.081649658, 0.141421357},
    {"\"GlorotNormal\"", {2, {100, 200}}, 0, 0.081649658, 0.185645},
    {"\"he_uniform\"", {2, {100, 200}}, 0, 0.14142136, 0.24494898},
    {"\"he_normal\"", {4, {5, 5, 4, 200}}, 0, 0.14142136, 0.321548},
    {"\"lecun_uniform\"", {4, {5, 5, 4, 200}}, 0, 0.1, 0.17320509},
    {"\"lecun_normal\"", {1, {20000}}, 0, 0.0070710678, 0.0160774},
    {"{\"class_name\":\"VarianceScaling\",\"config\":{\"scale\":3,\"mode\":\"fan_out\",\"distribution\":"
     "\"untruncated_normal\",\"seed\":null}}",
     {2, {100, 200}},
     0,
     0.12247449,
     0},
};
enum { DRAWS = sizeof draws / sizeof *draws };

START_TEST(initializer_moments)
{
    static antler_real x[20000];
    antler_tensor w = {draws[_i].shape, x};
    ck_assert_int_eq(fill(draws[_i].json, &w, 0x1234567, NULL), ANTLER_OK);
    const moments m = moments_of(x, 20000);
    ck_assert_double_eq_tol(m.mean, draws[_i].mean, 6 * draws[_i].deviation / sqrt(20000) + 2e-8);
    ck_assert_double_eq_tol(m.deviation, draws[_i].deviation, 0.03 * draws[_i].deviation + 1e-12);
    if (draws[_i].bound > 0)
        ck_assert(fmax(m.high - draws[_i].mean, draws[_i].mean - m.low) <= draws[_i].bound * (1 + 1e-6));
    for (int64_t i = 0; i < 20000; i++)
        ck_assert(x[i] == (antler_real)(float)x[i]);
}
END_TEST

START_TEST(initializer_seeds)
{
    static const char *const seeded = "{\"class_name\":\"GlorotUniform\",\"config\":{\"seed\":7}}";
    antler_real x[4][64];
    antler_tensor w[4];
    for (int i = 0; i < 4; i++)
        w[i] = (antler_tensor){{2, {8, 8}}, x[i]};
    fill("\"GlorotUniform\"", &w[0], 1, NULL);
    fill("\"GlorotUniform\"", &w[1], 2, NULL);
    fill(seeded, &w[2], 1, NULL);
    fill(seeded, &w[3], 2, NULL);
    ck_assert_mem_ne(x[0], x[1], sizeof x[0]);
    ck_assert_mem_ne(x[0], x[2], sizeof x[0]);
    ck_assert_mem_eq(x[2], x[3], sizeof x[0]);
}
END_TEST

START_TEST(initializer_orthogonal)
{
    static const antler_shape shapes[] = {{2, {30, 30}}, {2, {16, 64}}, {2, {64, 16}}, {4, {3, 3, 2, 10}}, {2, {5, 1}}};
    antler_real x[1024];
    antler_tensor w = {shapes[_i], x};
    const int64_t columns = w.shape.dim[w.shape.rank - 1], rows = antler_count(&w.shape, 0) / columns;
    ck_assert_int_eq(fill("{\"class_name\":\"OrthogonalInitializer\",\"config\":{\"gain\":2}}", &w, 5, NULL),
                     ANTLER_OK);
    const bool wide = rows < columns;
    for (int64_t i = 0; i < (wide ? rows : columns); i++)
        for (int64_t j = 0; j <= i; j++) {
            double sum = 0;
            for (int64_t k = 0; k < (wide ? columns : rows); k++)
                sum += (double)(wide ? x[i * columns + k] : x[k * columns + i]) *
                       (double)(wide ? x[j * columns + k] : x[k * columns + j]);
            ck_assert_double_eq_tol(sum, i == j ? 4 : 0, 2e-6);
        }
}
END_TEST

START_TEST(initializer_shapes)
{
    antler_real x[12];
    antler_error err = {0};
    antler_tensor w = {{2, {3, 4}}, x};
    ck_assert_int_eq(fill("{\"class_name\":\"Identity\",\"config\":{\"gain\":3}}", &w, 0, &err), ANTLER_OK);
    for (int i = 0; i < 12; i++)
        ck_assert(x[i] == (i % 5 == 0 ? 3 : 0));
    w.shape = (antler_shape){1, {12}};
    ck_assert_int_eq(fill("\"identity\"", &w, 0, &err), ANTLER_SHAPE);
    ck_assert_int_eq(fill("\"orthogonal\"", &w, 0, NULL), ANTLER_SHAPE);
}
END_TEST

/* The first weights are the same in the float and in the double build, on every machine. */
START_TEST(initializer_hash)
{
    static const char *const names[] = {"RandomUniform", "RandomNormal", "TruncatedNormal",
                                        "GlorotUniform", "HeNormal",     "Orthogonal"};
    uint64_t hash = 14695981039346656037u;
    antler_real x[40 * 23];
    for (int i = 0; i < 6; i++) {
        char json[64];
        antler_tensor w = {{2, {40, 23}}, x};
        snprintf(json, sizeof json, "\"%s\"", names[i]);
        ck_assert_int_eq(fill(json, &w, 0x9e3779b97f4a7c15u + (uint64_t)i, NULL), ANTLER_OK);
        for (int j = 0; j < 40 * 23; j++) {
            const float value = (float)x[j];
            uint32_t bits;
            memcpy(&bits, &value, sizeof bits);
            hash = (hash ^ bits) * 1099511628211u;
        }
    }
    ck_assert_msg(hash == 0x4d60a7bcdab55f7du, "0x%llx", (unsigned long long)hash);
}
END_TEST

/* ---- optimizers ---- */

/* Keras's formulas, a number at a time, in double. */
typedef struct state {
    double w, m, v;
} state;

static void sgd_by_hand(state *s, double g, double rate, double momentum, bool nesterov)
{
    s->m = momentum * s->m - rate * g;
    s->w += nesterov ? momentum * s->m - rate * g : s->m;
}

static void adam_by_hand(state *s, double g, double rate, double b1, double b2, double epsilon, int t)
{
    s->m += (g - s->m) * (1 - b1);
    s->v += (g * g - s->v) * (1 - b2);
    const double r1 = (double)(float)b1, r2 = (double)(float)b2; /* as Keras on TensorFlow raises them */
    s->w -= rate * sqrt(1 - pow(r2, t)) / (1 - pow(r1, t)) * s->m / (sqrt(s->v) + epsilon);
}

static const char *const optimizers[] = {
    "\"sgd\"",
    "{\"class_name\":\"SGD\",\"config\":{\"momentum\":0.9}}",
    "{\"class_name\":\"SGD\",\"config\":{\"momentum\":0.8,\"nesterov\":true}}",
    "{\"class_name\":\"Adam\",\"config\":{\"learning_rate\":0.01}}",
    "{\"class_name\":\"adam\",\"config\":{\"beta_1\":0.5,\"beta_2\":0.9,\"epsilon\":0.001}}",
};

static void by_hand(int which, state *s, double g, double rate, int t)
{
    if (which < 3)
        sgd_by_hand(s, g, rate, which == 0 ? 0 : (double)(which == 1 ? 0.9f : 0.8f), which == 2);
    else
        adam_by_hand(s, g, rate, which == 3 ? 0.9 : 0.5, which == 3 ? 0.999 : 0.9, which == 3 ? 1e-7 : 1e-3, t);
}

START_TEST(optimizer_steps)
{
    enum { N = 37 };
    antler_object optimizer = read_object(ANTLER_KIND_OPTIMIZER, optimizers[_i]);
    const antler_optimizer_ops *ops = ops_of(optimizer);
    const antler_object schedule = ((antler_optimizer_keys *)optimizer.config)->learning_rate;
    const double rate = ((const antler_schedule_ops *)ops_of(schedule))->rate(schedule.config, 0);
    ck_assert_double_eq(rate, _i == 4 ? 0.001 : 0.01);
    ck_assert_int_eq(ops->slots(optimizer.config), _i == 0 ? 0 : _i < 3 ? 1 : 2);
    antler_real w[N], g[N], slot[2][N] = {{0}};
    state s[N] = {{0, 0, 0}};
    uint32_t seed = 3;
    for (int i = 0; i < N; i++)
        s[i].w = (double)(w[i] = (antler_real)draw(&seed, -1, 1));
    for (int t = 1; t <= 20; t++) {
        for (int i = 0; i < N; i++) {
            g[i] = (antler_real)draw(&seed, -2, 1);
            by_hand(_i, &s[i], (double)g[i], rate, t);
        }
        const antler_step step = {.w = w,
                                  .g = g,
                                  .slot = {slot[0], slot[1]},
                                  .n = N,
                                  .rate = rate,
                                  .iteration = t - 1,
                                  .k = antler__kernels()};
        ops->step(optimizer.config, &step);
    }
    for (int i = 0; i < N; i++)
        check_near(optimizers[_i], i, (double)w[i], s[i].w, 1e-14, 2e-6);
    antler_object_free(optimizer);
}
END_TEST

/* ---- callbacks ---- */

static const struct {
    const char *config;
    const char *name;
    double value[8];
    int epochs, stops_at, best; /* epoch after which it stops (-1: never), and whose weights come back (-1: none) */
} stops[] = {
    {"{\"monitor\":\"loss\"}", "loss", {3, 2, 2.5}, 3, 2, -1},
    {"{\"monitor\":\"val_loss\",\"patience\":2,\"restore_best_weights\":true}", "val_loss", {3, 2, 4, 5}, 4, 3, 1},
    {"{\"monitor\":\"val_loss\",\"patience\":2,\"restore_best_weights\":true}", "val_loss", {3, 2, 4, 1}, 4, -1, 3},
    {"{\"monitor\":\"val_accuracy\",\"patience\":1}", "val_accuracy", {.1, .2, .2}, 3, 2, -1},
    {"{\"monitor\":\"val_mse\",\"patience\":1}", "val_mse", {.1, .2}, 2, 1, -1},
    {"{\"monitor\":\"binary_accuracy\",\"patience\":1}", "binary_accuracy", {.1, .2, .1}, 3, 2, -1},
    {"{\"monitor\":\"x\",\"mode\":\"max\",\"patience\":1,\"min_delta\":-0.5}", "x", {1, 1.4, 2}, 3, 1, -1},
    {"{\"monitor\":\"loss\",\"patience\":2,\"baseline\":1}", "loss", {3, 2, 2.5}, 3, 2, -1},
    {"{\"monitor\":\"loss\",\"patience\":2,\"baseline\":1,\"restore_best_weights\":true}", "loss", {3, 4}, 2, 1, 0},
    {"{\"monitor\":\"loss\",\"start_from_epoch\":2}", "loss", {1, 2, 3, 2, 4}, 5, 4, -1},
    {"{\"monitor\":\"loss\"}", "other", {1, 2, 3}, 3, -1, -1},
    {"{\"monitor\":\"loss\",\"patience\":1}", "loss", {NAN, 1}, 2, 1, -1},
};
enum { STOPS = sizeof stops / sizeof *stops };

START_TEST(early_stopping_rules)
{
    char json[256];
    snprintf(json, sizeof json, "{\"class_name\":\"EarlyStopping\",\"config\":%s}", stops[_i].config);
    antler_object callback = read_object(ANTLER_KIND_CALLBACK, json);
    const antler_callback_ops *ops = ops_of(callback);
    double numbers[8] = {0};
    int stopped = -1, kept = -1;
    antler_epoch start = {.start = true};
    ck_assert_int_le(ops->numbers, 8);
    ck_assert_int_eq(ops->epoch(callback.config, numbers, &start), ANTLER_OK);
    for (int e = 0; e < stops[_i].epochs && stopped < 0; e++) {
        antler_epoch epoch = {.epoch = e, .name = &stops[_i].name, .value = &stops[_i].value[e], .n = 1};
        ck_assert_int_eq(ops->epoch(callback.config, numbers, &epoch), ANTLER_OK);
        kept = epoch.keep ? e : kept;
        stopped = epoch.stop ? e : stopped;
    }
    antler_epoch last = {.epoch = stops[_i].epochs};
    ck_assert_int_eq(ops->end(callback.config, numbers, &last), ANTLER_OK);
    ck_assert_int_eq(stopped, stops[_i].stops_at);
    ck_assert_int_eq(kept, stops[_i].best);
    ck_assert_int_eq(last.restore, stops[_i].best >= 0);
    antler_object_free(callback);
}
END_TEST

START_TEST(early_stopping_direction)
{
    antler_error err = {0};
    antler_object callback =
        read_object(ANTLER_KIND_CALLBACK, "{\"class_name\":\"EarlyStopping\",\"config\":{\"monitor\":\"val_mine\"}}");
    double numbers[8] = {0};
    antler_epoch start = {.start = true, .err = &err};
    ck_assert_int_eq(((const antler_callback_ops *)ops_of(callback))->epoch(callback.config, numbers, &start),
                     ANTLER_VALUE);
    ck_assert_ptr_nonnull(strstr(err.message, "val_mine"));
    antler_object_free(callback);
}
END_TEST

/* ---- all tables ---- */

/* A config's text, for free. */
static char *config_text(const antler_type *type, const antler_json *config)
{
    antler_error err = {0};
    antler_report report = {.err = &err};
    void *filled = NULL;
    ck_assert_msg(antler__config_read(type, config, NULL, &report, &filled) == ANTLER_OK, "%s", err.message);
    antler_json *written = antler__config_write(type, filled, NULL, NULL, ANTLER_STYLE_KERAS);
    char *text = antler__json_print(written, false), *copy = malloc(strlen(text) + 1);
    strcpy(copy, text);
    antler__free(text);
    antler__json_free(written);
    antler__config_free(type, filled);
    return copy;
}

static void check_round_trip(const antler_type *type)
{
    antler_error err = {0};
    antler_json *root = NULL;
    for (const antler_field *field = type->fields; field && field->kind != ANTLER_END; field++)
        if (field->kind != ANTLER_ANY && !field->def)
            return; /* no defaults to write */
    char *first = config_text(type, NULL);
    ck_assert_int_eq(antler__json_parse(first, strlen(first), &root, &err), ANTLER_OK);
    char *second = config_text(type, root);
    ck_assert_str_eq(first, second);
    antler__json_free(root);
    free(first);
    free(second);
}

/* Every type says what it is, and its defaults survive being written and read. */
START_TEST(type_tables)
{
    static const antler_type *const *const lists[] = {antler__activations, antler__initializers, antler__regularizers,
                                                      antler__constraints, antler__losses,       antler__metrics,
                                                      antler__optimizers,  antler__schedules,    antler__callbacks};
    for (const antler_type *const *type = lists[_i]; *type; type++) {
        ck_assert_ptr_nonnull((*type)->doc);
        ck_assert_ptr_eq(antler__type_find((*type)->kind, (*type)->class_name), *type);
        for (const char *const *alias = (*type)->aliases; alias && *alias; alias++)
            ck_assert_ptr_eq(antler__type_find((*type)->kind, *alias), *type);
        for (const antler_field *field = (*type)->fields; field && field->kind != ANTLER_END; field++)
            ck_assert(field->kind == ANTLER_ANY || (field->doc && field->offset < (*type)->config_size));
        check_round_trip(*type);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("types");
    TCase *golden = tcase_create("golden"), *rest = tcase_create("rest");
    tcase_add_unchecked_fixture(golden, open_tables, close_tables);
    tcase_add_loop_test(golden, activation_values, 0, 15);
    tcase_add_test(golden, softmax_values);
    tcase_add_loop_test(golden, loss_values, 0, LOSSES);
    tcase_add_loop_test(golden, schedule_rates, 0, 8);
    tcase_add_loop_test(golden, constraint_values, 0, 7);
    tcase_add_loop_test(rest, loss_gradients, 0, LOSS_CASES);
    tcase_add_test(rest, loss_sparse_labels);
    tcase_add_test(rest, loss_ignored_class);
    tcase_add_test(rest, metric_accuracies);
    tcase_add_test(rest, metric_accuracy_rule);
    tcase_add_test(rest, metric_losses);
    tcase_add_test(rest, schedule_constant);
    tcase_add_test(rest, constraint_wide);
    tcase_add_test(rest, regularizer_values);
    tcase_add_loop_test(rest, initializer_moments, 0, DRAWS);
    tcase_add_test(rest, initializer_seeds);
    tcase_add_loop_test(rest, initializer_orthogonal, 0, 5);
    tcase_add_test(rest, initializer_shapes);
    tcase_add_test(rest, initializer_hash);
    tcase_add_loop_test(rest, optimizer_steps, 0, 5);
    tcase_add_loop_test(rest, early_stopping_rules, 0, STOPS);
    tcase_add_test(rest, early_stopping_direction);
    tcase_add_loop_test(rest, type_tables, 0, 9);
    suite_add_tcase(suite, golden);
    suite_add_tcase(suite, rest);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

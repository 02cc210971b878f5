/* Losses against Keras's own numbers and against central differences. */
#include "build.h"
#include "types.h"

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
    "mean_absolute_percentage_error",
    "huber",
    "log_cosh",
    "cosine_similarity",
    "poisson",
    "kl_divergence",
    "hinge",
    "hinge_binary_labels",
    "squared_hinge",
    "categorical_hinge",
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

/* Central differences. In float a step must be wide to rise above the rounding, and a kink of the absolute error may
   lie within it. */
START_TEST(loss_gradients)
{
    static antler_real p[2 * WIDE], y[2 * WIDE], dp[2 * WIDE], scratch[2 * WIDE];
    const loss_case *c = &loss_cases[_i];
    antler_object loss = read_object(ANTLER_KIND_LOSS, c->json);
    const antler_loss_ops *ops = ops_of(loss);
    const int64_t widths[] = {1, 3, WIDE};
    const antler_real h = (antler_real)(is_double ? 1e-5 : 0x1p-7);
    antler_real value[2], up[2], down[2];
    for (int w = 0; w < 3; w++) {
        const int64_t n = ops->sparse && widths[w] == 1 ? 2 : widths[w];
        double largest = 0;
        draw_rows(c, ops->sparse, p, y, n);
        antler_loss_call call = {
            .p = p, .y = y, .rows = 2, .n = n, .logits = c->logits, .value = value, .dp = dp, .scratch = scratch};
        ck_assert_int_eq(ops->compute(loss.config, &call), ANTLER_OK);
        call.dp = NULL;
        for (int64_t i = 0; i < 2 * n; i++)
            largest = fmax(largest, fabs((double)dp[i]));
        for (int64_t i = 0; i < 2 * n; i++) {
            const antler_real before = p[i];
            p[i] = before + h, call.value = up;
            ops->compute(loss.config, &call);
            p[i] = before - h, call.value = down;
            ops->compute(loss.config, &call);
            p[i] = before;
            const double slope = ((double)up[i / n] - (double)down[i / n]) / (2 * (double)h);
            const bool kink = !is_double && !ops->sparse && fabs((double)(p[i] - y[i])) <= (double)h;
            const double bound = is_double ? 1e-8 * (1 + fabs(slope)) : 0.02 * largest + 1e-4;
            ck_assert_msg(kink || fabs((double)dp[i] - slope) <= bound, "%s[%lld]: %g is not %g", c->json, (long long)i,
                          (double)dp[i], slope);
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

int main(void)
{
    TCase *tests = tcase_create("losses");
    tcase_add_unchecked_fixture(tests, open_tables, close_tables);
    tcase_add_test(tests, loss_sparse_labels);
    tcase_add_test(tests, loss_ignored_class);
    if (HAS_HDF5) {
        tcase_add_loop_test(tests, loss_values, 0, LOSSES);
        tcase_add_loop_test(tests, loss_gradients, 0, LOSS_CASES);
    }
    return run_suite("losses", tests);
}

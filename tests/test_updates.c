/* Updates: every optimizer gives the same bits on any number of threads and goes on from its file; rates of layers;
   means of the weights. */
#include "fits.h"
#include "scratch.h"

#include "antler/type.h"
#include "model/model.h"

static const char *const few_layers =
    "{'class_name': 'Dense', 'config': {'units': 9, 'activation': 'tanh', 'name': 'a', "
    "'kernel_constraint': 'MaxNorm'}},"
    "{'class_name': 'Dense', 'config': {'units': 3, 'name': 'b'}}";

/* A regression on the usual x, with this optimizer's config. */
static antler_model *model_of(const char *class_name, const char *config)
{
    char more[512];
    snprintf(more, sizeof more,
             ", 'compile_config': {'optimizer': {'class_name': '%s', 'config': {%s}}, 'loss': 'mse'}, "
             "'fit': {'seed': 4, 'batch_size': 15}",
             class_name, config);
    return network("6", few_layers, more);
}

static antler_real targets[ROWS * CLASSES];

static antler_data *target_data(void)
{
    random_numbers(targets, ROWS * CLASSES, 5);
    return rows_of(targets, ROWS, CLASSES);
}

static void check_same_weights(const antler_model *a, const antler_model *b, const char *what)
{
    for (int64_t i = 0; antler_model_variable(a, i); i++) {
        const antler_tensor *v = &antler_model_variable(a, i)->value, *w = &antler_model_variable(b, i)->value;
        ck_assert_msg(memcmp(v->data, w->data, (size_t)antler_count(&v->shape, 0) * sizeof *v->data) == 0,
                      "%s: variable %lld differs", what, (long long)i);
    }
}

enum { ALL = 3 };

static const char *const settings[ALL] = {
    "'learning_rate': 0.01",
    "'learning_rate': 0.02, 'use_ema': true, 'ema_momentum': 0.5, 'ema_overwrite_frequency': 2, 'weight_decay': 0.1",
    "'learning_rate': 0.02, 'use_ema': true, 'gradient_accumulation_steps': 2, 'global_clipnorm': 0.5",
};

START_TEST(optimizers_go_on)
{
    const char *path = scratch_path("m.h5");
    antler_data *x = x_data(), *y = target_data();
    for (int i = 0; antler_type_at(ANTLER_KIND_OPTIMIZER, i); i++) {
        const char *name = antler_type_at(ANTLER_KIND_OPTIMIZER, i)->class_name;
        antler_error err = {0};
        antler_model *m = model_of(name, settings[_i]), *threads = model_of(name, settings[_i]);
        fitted(antler_fit(m, x, y, .epochs = 2, .threads = 1), m);
        fitted(antler_fit(threads, x, y, .epochs = 2, .threads = 3), threads);
        check_same_weights(m, threads, name);
        if (HAS_HDF5) {
            must(antler_save(m, path, &err), &err);
            antler_model *again = antler_load(path, &err);
            must(again ? ANTLER_OK : err.status, &err);
            ck_assert_msg(again->iteration == m->iteration, "%s: %lld steps", name, (long long)again->iteration);
            again->step = m->step;
            again->epoch = m->epoch;
            fitted(antler_fit(m, x, y, .epochs = 1, .batch_size = 15, .seed = 4), m);
            fitted(antler_fit(again, x, y, .epochs = 1, .batch_size = 15, .seed = 4), again);
            check_same_weights(m, again, name);
            antler_model_free(again);
        }
        antler_model_free(m);
        antler_model_free(threads);
    }
    antler_data_free(x);
    antler_data_free(y);
}
END_TEST

/* Weight k of variable i. */
static double weight(const antler_model *m, int64_t i, int64_t k)
{
    return (double)antler_model_variable(m, i)->value.data[k];
}

START_TEST(rates_of_layers)
{
    antler_data *x = x_data(), *y = target_data();
    antler_model *start = model_of("SGD", ""), *full = model_of("SGD", ""), *some = model_of("SGD", "");
    fitted(antler_fit(full, x, y, .epochs = 1, .batch_size = ROWS), full);
    fitted(antler_fit(some, x, y, .epochs = 1, .batch_size = ROWS,
                      .learning_rate_multipliers = ANTLER_JSON({"a" : 0, "b" : 0.5})),
           some);
    for (int64_t k = 0; k < 18; k++) {
        ck_assert(weight(some, 0, k) == weight(start, 0, k));
        const double all = weight(full, 2, k) - weight(start, 2, k), half = weight(some, 2, k) - weight(start, 2, k);
        ck_assert_double_eq_tol(half, all / 2, 1e-7);
    }
    static const struct {
        const char *given, *error;
    } wrong[] = {
        {"{\"c\": 1}", "fit.learning_rate_multipliers: no layer is named \"c\""},
        {"{\"a\": -1}", "fit.learning_rate_multipliers: expected a dict of numbers, 0 or more, by names of layers"},
        {"[1, 2]", "fit.learning_rate_multipliers: expected a dict of numbers, 0 or more, by names of layers"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[1200];
        ck_assert_int_eq(antler_fit(some, x, y, .learning_rate_multipliers = wrong[i].given), ANTLER_VALUE);
        ck_assert_str_eq(antler_error_text(antler_model_error(some), text, sizeof text), wrong[i].error);
    }
    antler_model_free(start);
    antler_model_free(full);
    antler_model_free(some);
    antler_data_free(x);
    antler_data_free(y);
}
END_TEST

/* Means that remember all are the weights after the first update, which a fit ends with. */
START_TEST(means_end_a_fit)
{
    antler_data *x = x_data(), *y = target_data();
    antler_model *once = model_of("Adam", ""), *more = model_of("Adam", "'use_ema': true, 'ema_momentum': 1.0");
    fitted(antler_fit(once, x, y, .epochs = 1, .batch_size = ROWS, .shuffle = false), once);
    fitted(antler_fit(more, x, y, .epochs = 4, .batch_size = ROWS, .shuffle = false), more);
    for (int64_t k = 0; k < 27; k++)
        ck_assert(weight(once, 2, k) == weight(more, 2, k));
    antler_model_free(once);
    antler_model_free(more);
    antler_data_free(x);
    antler_data_free(y);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("updates");
    tcase_add_checked_fixture(tests, scratch_make, scratch_remove);
    tcase_add_loop_test(tests, optimizers_go_on, 0, ALL);
    tcase_add_test(tests, rates_of_layers);
    tcase_add_test(tests, means_end_a_fit);
    return run_suite("updates", tests);
}

/* Types of the user's, one of each kind that is not a layer, as a program outside the library makes them: from the
   installed headers alone. A model that uses all of them is trained from C and from JSON, saved, loaded and trained on.
 */
#include "antler/antler.h"
#include "antler/layer.h"
#include "build.h"
#include "suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- activation: y = x > 0 ? x : x / 2 ---- */

static void halved_forward(antler_real *y, const antler_real *x, int64_t rows, int64_t n)
{
    for (int64_t i = 0; i < rows * n; i++)
        y[i] = x[i] > 0 ? x[i] : x[i] / 2;
}

static void halved_backward(antler_real *dx, const antler_real *dy, const antler_real *y, const antler_real *x,
                            int64_t rows, int64_t n)
{
    (void)x;
    for (int64_t i = 0; i < rows * n; i++)
        dx[i] = y[i] > 0 ? dy[i] : dy[i] / 2;
}

static const antler_activation_ops halved = {
    .type = {.size = sizeof(antler_activation_ops), .kind = ANTLER_KIND_ACTIVATION, .class_name = "halved"},
    .forward = halved_forward,
    .backward = halved_backward,
};

/* ---- initializer: a slope that starts again every seven numbers ---- */

typedef struct ramp_config {
    double step;
} ramp_config;

static antler_status ramp_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    (void)key;
    (void)err;
    int64_t n = antler_count(&w->shape, 0);
    for (int64_t i = 0; i < n; i++)
        w->data[i] = (antler_real)(((const ramp_config *)config)->step * (double)(i % 7 - 3));
    return ANTLER_OK;
}

static const antler_field ramp_fields[] = {
    {.key = "step", .kind = ANTLER_REAL, .offset = offsetof(ramp_config, step), .def = "0.1", .doc = "of the slope"},
    ANTLER_FIELD_END,
};

static const antler_initializer_ops ramp = {
    .type = {.size = sizeof(antler_initializer_ops),
             .kind = ANTLER_KIND_INITIALIZER,
             .class_name = "Ramp",
             .config_size = sizeof(ramp_config),
             .fields = ramp_fields},
    .fill = ramp_fill,
};

/* ---- regularizer: sum(w^4) / 1000; constraint: |w| <= 0.5 ---- */

static double fourth_penalty(const void *config, const antler_tensor *w)
{
    (void)config;
    double sum = 0;
    for (int64_t i = 0; i < antler_count(&w->shape, 0); i++)
        sum += pow((double)w->data[i], 4);
    return 1e-3 * sum;
}

static void fourth_gradient(const void *config, antler_real *g, const antler_tensor *w, double scale)
{
    (void)config;
    for (int64_t i = 0; i < antler_count(&w->shape, 0); i++)
        g[i] += (antler_real)(scale * 4e-3 * pow((double)w->data[i], 3));
}

static const antler_regularizer_ops fourth = {
    .type = {.size = sizeof(antler_regularizer_ops), .kind = ANTLER_KIND_REGULARIZER, .class_name = "Fourth"},
    .penalty = fourth_penalty,
    .gradient = fourth_gradient,
};

static void cap_apply(const void *config, antler_tensor *w)
{
    (void)config;
    int64_t n = antler_count(&w->shape, 0);
    for (int64_t i = 0; i < n; i++)
        w->data[i] = w->data[i] > 0.5F ? 0.5F : w->data[i] < -0.5F ? -0.5F : w->data[i];
}

static const antler_constraint_ops cap = {
    .type = {.size = sizeof(antler_constraint_ops), .kind = ANTLER_KIND_CONSTRAINT, .class_name = "Cap"},
    .apply = cap_apply,
};

/* ---- loss: mean((p - y)^4); metric: the largest error ---- */

static antler_status quartic_compute(const void *config, const antler_loss_call *call)
{
    (void)config;
    for (int64_t r = 0; r < call->rows; r++) {
        double sum = 0;
        for (int64_t i = r * call->n; i < (r + 1) * call->n; i++) {
            double d = (double)call->p[i] - (double)call->y[i];
            sum += d * d * d * d;
            if (call->dp)
                call->dp[i] = (antler_real)(4 * d * d * d / (double)call->n);
        }
        call->value[r] = (antler_real)(sum / (double)call->n);
    }
    return ANTLER_OK;
}

static const antler_loss_ops quartic = {
    .type = {.size = sizeof(antler_loss_ops),
             .kind = ANTLER_KIND_LOSS,
             .class_name = "Quartic",
             .aliases = (const char *const[]){"quartic", NULL},
             .config_size = sizeof(antler_loss_keys)},
    .compute = quartic_compute,
};

static void largest_update(const void *config, double *sum, const antler_metric_call *call)
{
    (void)config;
    for (int64_t i = 0; i < call->rows * call->n; i++)
        sum[0] = fmax(sum[0], fabs((double)call->p[i] - (double)call->y[i]));
}

static double largest_result(const void *config, const double *sum, int64_t n, int64_t index)
{
    (void)config, (void)n, (void)index;
    return sum[0];
}

static const antler_metric_ops largest_error = {
    .type = {.size = sizeof(antler_metric_ops),
             .kind = ANTLER_KIND_METRIC,
             .class_name = "LargestError",
             .aliases = (const char *const[]){"largest_error", NULL},
             .config_size = sizeof(antler_metric_keys)},
    .sums = 1,
    .update = largest_update,
    .result = largest_result,
};

/* ---- optimizer: m = (m + g) / 2; w = w - rate m; schedule: the rate halves every so many steps ---- */

static int drift_slots(const void *config)
{
    (void)config;
    return 1;
}

static void drift_step(const void *config, const antler_step *step)
{
    (void)config;
    for (int64_t i = 0; i < step->n; i++) {
        step->slot[0][i] = (step->slot[0][i] + step->g[i]) / 2;
        step->w[i] -= (antler_real)step->rate * step->slot[0][i];
    }
}

static const antler_optimizer_ops drift = {
    .type = {.size = sizeof(antler_optimizer_ops),
             .kind = ANTLER_KIND_OPTIMIZER,
             .class_name = "Drift",
             .config_size = sizeof(antler_optimizer_keys)},
    .slots = drift_slots,
    .step = drift_step,
};

typedef struct halving_config {
    double start;
    int64_t every;
} halving_config;

static double halving_rate(const void *config, int64_t iteration)
{
    const halving_config *c = config;
    return ldexp(c->start, -(int)(iteration / c->every));
}

static const antler_field halving_fields[] = {
    {.key = "start", .kind = ANTLER_REAL, .offset = offsetof(halving_config, start), .doc = "the first rate"},
    {.key = "every",
     .kind = ANTLER_INT,
     .offset = offsetof(halving_config, every),
     .def = "4",
     .min = 1,
     .max = 1e9,
     .doc = "steps of one rate"},
    ANTLER_FIELD_END,
};

static const antler_schedule_ops halving = {
    .type = {.size = sizeof(antler_schedule_ops),
             .kind = ANTLER_KIND_SCHEDULE,
             .class_name = "Halving",
             .config_size = sizeof(halving_config),
             .fields = halving_fields},
    .rate = halving_rate,
};

/* ---- callback: ends the training after its third epoch ---- */

static antler_status third_epoch(const void *config, double *state, antler_moment *epoch)
{
    (void)config;
    if (++state[0] == 3)
        epoch->stop = true;
    antler_error_set(epoch->warning, ANTLER_OK, NULL, "it is going to end after 3 epochs");
    return ANTLER_OK;
}

static const antler_callback_ops third = {
    .type = {.size = sizeof(antler_callback_ops), .kind = ANTLER_KIND_CALLBACK, .class_name = "Third"},
    .numbers = 1,
    .epoch = third_epoch,
};

/* ---- a model of all of them ---- */

static void register_all(void)
{
    static const antler_type *const types[] = {
        &halved.type,        &ramp.type,  &fourth.type,  &cap.type,   &quartic.type,
        &largest_error.type, &drift.type, &halving.type, &third.type,
    };
    antler_error err = {0};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        must(antler_register(types[i], &err), &err);
}

enum { ROWS = 24, IN = 5, OUT = 2 };

static antler_real x_values[ROWS * IN], y_values[ROWS * OUT];

static antler_data *data_of(const antler_real *values, int64_t width)
{
    antler_error err = {0};
    antler_data *data = antler_data_from(values, sizeof *values == 4 ? ANTLER_FLOAT32 : ANTLER_FLOAT64,
                                         &(antler_shape){2, {ROWS, width}}, &err);
    must(data ? ANTLER_OK : err.status, &err);
    return data;
}

static antler_model *from_c(void)
{
    antler_error err = {0};
    antler_model *m = antler_sequential("mine", (int[]){IN}, 1, &err);
    antler_add(m, dense, .units = 6, .activation = "halved", .kernel_regularizer = "Fourth", .kernel_constraint = "Cap",
               .kernel_initializer = ANTLER_JSON({"class_name" : "Ramp", "config" : {"step" : 0.25}}));
    antler_add(m, dense, .units = OUT, .kernel_initializer = "Ramp");
    antler_compile(m, .loss = "quartic", .metrics = {"largest_error"},
                   .optimizer = ANTLER_JSON({
                       "class_name" : "Drift",
                       "config" : {"learning_rate" : {"class_name" : "Halving", "config" : {"start" : 0.25}}}
                   }));
    must(antler_build(m), antler_model_error(m));
    return m;
}

static antler_model *from_json(void)
{
    antler_error err = {0};
    antler_model *m = antler_load_json(
        ANTLER_JSON({
            "class_name" : "Sequential",
            "config" : {
                "name" : "mine",
                "layers" : [
                    {"class_name" : "InputLayer", "config" : {"batch_shape" : [ null, 5 ]}}, {
                        "class_name" : "Dense",
                        "config" : {
                            "units" : 6,
                            "activation" : "halved",
                            "kernel_regularizer" : "Fourth",
                            "kernel_constraint" : "Cap",
                            "kernel_initializer" : {"class_name" : "Ramp", "config" : {"step" : 0.25}}
                        }
                    },
                    {"class_name" : "Dense", "config" : {"units" : 2, "kernel_initializer" : "Ramp"}}
                ]
            },
            "compile_config" : {
                "loss" : "quartic",
                "metrics" : ["largest_error"],
                "optimizer" : {
                    "class_name" : "Drift",
                    "config" : {"learning_rate" : {"class_name" : "Halving", "config" : {"start" : 0.25, "every" : 4}}}
                }
            },
            "fit" : {"callbacks" : [ {"class_name" : "Third", "config" : {}} ]}
        }),
        "mine", &err);
    must(m ? ANTLER_OK : err.status, &err);
    return m;
}

static void train(antler_model *m, int64_t epochs, const char *callbacks)
{
    antler_data *x = data_of(x_values, IN), *y = data_of(y_values, OUT);
    must(antler_fit(m, x, y, .epochs = epochs, .batch_size = 8, .seed = 3, .callbacks = callbacks),
         antler_model_error(m));
    antler_data_free(x);
    antler_data_free(y);
}

static void same_weights(const antler_model *a, const antler_model *b)
{
    const antler_variable *v, *w;
    for (int64_t i = 0; (v = antler_model_variable(a, i)) != NULL; i++) {
        ck_assert_ptr_nonnull(w = antler_model_variable(b, i));
        ck_assert_mem_eq(v->value.data, w->value.data, (size_t)antler_count(&v->value.shape, 0) * sizeof(antler_real));
    }
}

static void make_data(void)
{
    for (int i = 0; i < ROWS * IN; i++)
        x_values[i] = (antler_real)(i * 7 % 11) / 8 - (antler_real)0.5;
    for (int i = 0; i < ROWS; i++) {
        y_values[i * OUT] = x_values[i * IN] + 1;
        y_values[i * OUT + 1] = x_values[i * IN + 1] * 2;
    }
}

START_TEST(one_of_each_kind_trains)
{
    const antler_logs *history;
    antler_model *c = from_c(), *json = from_json();
    make_data();
    train(c, 9, ANTLER_JSON([ {"class_name" : "Third", "config" : {}} ]));
    must(antler_build(json), antler_model_error(json));
    antler_data *x = data_of(x_values, IN), *y = data_of(y_values, OUT);
    must(antler_fit(json, x, y, .epochs = 9, .batch_size = 8, .seed = 3), antler_model_error(json));
    same_weights(c, json);
    ck_assert_int_eq(antler_history(c, &history), 3);
    ck_assert_str_eq(history[2].name[1], "largest_error");
    ck_assert(history[2].value[0] < history[0].value[0] && history[2].value[1] < history[0].value[1]);
    ck_assert_str_eq(antler_model_warning(c, 0)->message, "it is going to end after 3 epochs");
    ck_assert_ptr_null(antler_model_warning(c, 1));
    const antler_variable *kernel = antler_model_variable(c, 0);
    double largest = 0;
    for (int i = 0; i < IN * 6; i++)
        largest = fmax(largest, fabs((double)kernel->value.data[i]));
    ck_assert(largest == 0.5); /* the constraint was at work */
    antler_data_free(x);
    antler_data_free(y);
    antler_model_free(c);
    antler_model_free(json);
}
END_TEST

/* And no other one, nor none. */
START_TEST(the_activation_is_the_users)
{
    const antler_real x[2] = {2, -2};
    antler_real y[2];
    antler_error err = {0};
    antler_model *m = antler_sequential("m", (int[]){2}, 1, &err);
    antler_add(m, activation, .activation = "halved");
    antler_data *data =
        antler_data_from(x, sizeof *x == 4 ? ANTLER_FLOAT32 : ANTLER_FLOAT64, &(antler_shape){2, {1, 2}}, &err);
    must(antler_predict(m, data, 1, 1, y, &err), &err);
    ck_assert(y[0] == 2 && y[1] == -1);
    antler_data_free(data);
    antler_model_free(m);
}
END_TEST

START_TEST(saved_models_know_their_types)
{
    static const char *const suffixes[] = {"keras", "h5"};
    char path[64];
    antler_error err = {0};
    make_data();
    antler_model *m = from_c();
    train(m, 2, "[]");
    snprintf(path, sizeof path, "/tmp/antler-register-%ld.%s", (long)getpid(), suffixes[_i]);
    must(antler_save(m, path, &err), &err);
    antler_model *again = antler_load(path, &err);
    unlink(path);
    must(again ? ANTLER_OK : err.status, &err);
    same_weights(m, again);
    train(m, 2, "[]"); /* the optimizer's state and the schedule's place came along */
    train(again, 2, "[]");
    same_weights(m, again);
    antler_model_free(m);
    antler_model_free(again);
}
END_TEST

/* ---- tables that cannot serve ---- */

static antler_error refusal_of(const antler_type *type)
{
    antler_error err = {0};
    ck_assert_int_eq(antler_register(type, &err), ANTLER_VALUE);
    return err;
}

START_TEST(configs_must_hold_their_keys)
{
    antler_loss_ops loss = quartic;
    antler_initializer_ops initializer = ramp;
    antler_optimizer_ops optimizer = drift;
    loss.type.class_name = initializer.type.class_name = optimizer.type.class_name = "Small";
    loss.type.aliases = NULL;
    loss.type.config_size = 8;
    initializer.type.config_size = sizeof(ramp_config) - 1;
    optimizer.type.config_size = 0;
    char wanted[128];
    snprintf(wanted, sizeof wanted, "its config_size is 7, less than the %zu bytes of its keys", sizeof(ramp_config));
    ck_assert_str_eq(refusal_of(&initializer.type).message, wanted);
    refusal_of(&loss.type);
    refusal_of(&optimizer.type);
}
END_TEST

START_TEST(defaults_are_json)
{
    static const antler_field fields[] = {{.key = "step", .kind = ANTLER_REAL, .def = "on e", .doc = "of the ramp"},
                                          ANTLER_FIELD_END};
    antler_initializer_ops initializer = ramp;
    initializer.type.class_name = "Slip";
    initializer.type.aliases = NULL;
    initializer.type.fields = fields;
    antler_error err = refusal_of(&initializer.type);
    ck_assert_str_eq(err.place, "Slip");
    ck_assert_msg(strncmp(err.message, "the default of its \"step\", on e, is no JSON: ", 44) == 0, "%s", err.message);
}
END_TEST

START_TEST(sums_and_numbers_have_bounds)
{
    antler_metric_ops metric = largest_error;
    antler_callback_ops callback = third;
    metric.type.class_name = callback.type.class_name = "Wide";
    metric.type.aliases = NULL;
    metric.sums = 200;
    ck_assert_str_eq(refusal_of(&metric.type).message, "its `sums` is 200, expected 0 to 8");
    metric.sums = -1;
    refusal_of(&metric.type);
    callback.numbers = -1;
    refusal_of(&callback.type);
    antler_activation_ops activation = halved;
    activation.type.class_name = "own";
    activation.kernel = 3; /* one of the library's recurrent steps */
    ck_assert_str_eq(refusal_of(&activation.type).message, "its `kernel` is 3, expected 0");
    activation = halved;
    activation.type.class_name = "";
    refusal_of(&activation.type);
}
END_TEST

static int nine_slots(const void *config)
{
    (void)config;
    return 9;
}

START_TEST(slots_have_bounds)
{
    static antler_optimizer_ops wide; /* tables are kept */
    antler_error err = {0};
    wide = drift;
    wide.type.class_name = "NineSlots";
    wide.slots = nine_slots;
    must(antler_register(&wide.type, &err), &err);
    antler_model *m = from_c();
    ck_assert_int_eq(antler_compile(m, .optimizer = "NineSlots", .loss = "mse"), ANTLER_VALUE);
    ck_assert_str_eq(antler_model_error(m)->message, "NineSlots has 9 slots, expected 0 to 8");
    ck_assert_str_eq(antler_model_error(m)->place, "compile_config.optimizer");
    antler_model_free(m);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("register");
    tcase_add_unchecked_fixture(tests, register_all, NULL);
    tcase_add_test(tests, one_of_each_kind_trains);
    tcase_add_test(tests, the_activation_is_the_users);
    tcase_add_test(tests, configs_must_hold_their_keys);
    tcase_add_test(tests, defaults_are_json);
    tcase_add_test(tests, sums_and_numbers_have_bounds);
    tcase_add_test(tests, slots_have_bounds);
    if (HAS_ZIP)
        tcase_add_loop_test(tests, saved_models_know_their_types, 0, 2);
    return run_suite("register", tests);
}

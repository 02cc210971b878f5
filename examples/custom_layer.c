/* A layer of one's own: registered at run time, then used from C and from JSON like any other.

       custom_layer examples/data/digits.h5

   LearnedSlope, a rectifier that learns what to do with negative numbers, one slope a feature:

       y = x > 0 ? x : slope * x          dx = dy * (x > 0 ? 1 : slope)          dslope = sum over x <= 0 of dy * x

   A layer is a config struct, a table of its fields, four functions and the table that names them. */
#include "antler/antler.h"
#include "antler/layer.h"

#include <stdio.h>
#include <string.h>

/* ---- 1. the config: the keys of every layer first, then one's own; end_ lets antler_add take it ---- */

struct antler_learned_slope {
    ANTLER_LAYER_KEYS
    double start;
    int end_;
};

/* The core parses, checks, defaults and prints the config from this. */
static const antler_field fields[] = {
    {.key = "start",
     .kind = ANTLER_REAL,
     .offset = offsetof(struct antler_learned_slope, start),
     .def = "0.25",
     .min = -1,
     .max = 1,
     .doc = "the slopes before training"},
    ANTLER_FIELD_END,
};

/* ---- 2. shapes and variables ---- */

enum { SLOPE }; /* slots of the parameters */

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    (void)config;
    if (in->rank < 2)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "the input has no feature axis");
    *out = *in;
    return ANTLER_OK;
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    (void)config;
    antler_shape slopes = {.rank = 1, .dim = {in->dim[in->rank - 1]}};
    antler_plan_param(plan, SLOPE, "slope", "slope", &slopes);
}

static void initialize(const void *config, int slot, antler_tensor *param)
{
    (void)slot; /* there is but one */
    const struct antler_learned_slope *cfg = config;
    for (int64_t i = 0; i < param->shape.dim[0]; i++)
        param->data[i] = (antler_real)cfg->start;
}

/* ---- 3. forward and backward. grad is written, not added to; dx has no data where nobody wants it ---- */

static antler_status forward(const void *config, antler_run *run)
{
    (void)config;
    const antler_real *slope = run->param[SLOPE].data, *x = run->x->data;
    int64_t features = run->param[SLOPE].shape.dim[0], n = antler_count(&run->x->shape, 0);
    for (int64_t i = 0; i < n; i++)
        run->y->data[i] = x[i] > 0 ? x[i] : slope[i % features] * x[i];
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    (void)config;
    const antler_real *slope = run->param[SLOPE].data, *x = run->x->data, *dy = run->dy->data;
    antler_real *dslope = run->grad[SLOPE].data; /* NULL when the layer is frozen */
    int64_t features = run->param[SLOPE].shape.dim[0], n = antler_count(&run->x->shape, 0);
    if (dslope)
        memset(dslope, 0, (size_t)features * sizeof *dslope);
    for (int64_t i = 0; i < n; i++) {
        if (dslope && x[i] <= 0)
            dslope[i % features] += dy[i] * x[i];
        if (run->dx->data)
            run->dx->data[i] = x[i] > 0 ? dy[i] : slope[i % features] * dy[i];
    }
    return ANTLER_OK;
}

/* ---- 4. the table ---- */

static const antler_layer_ops antler_layer_learned_slope = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "LearnedSlope",
             .doc = "a rectifier with a learned slope for each feature",
             .config_size = sizeof(struct antler_learned_slope),
             .fields = fields},
    .flags = ANTLER_NEEDS_X, /* backward reads the sign of x */
    .mask = ANTLER_MASK_PASS,
    .infer = infer,
    .variables = variables,
    .initialize = initialize,
    .forward = forward,
    .backward = backward,
};

/* ---- 5. register it, and use it ---- */

static const char text_model[] = ANTLER_JSON({
    "class_name" : "Sequential",
    "config" : {
        "layers" : [
            {"class_name" : "InputLayer", "config" : {"batch_shape" : [ null, 4 ]}},
            {"class_name" : "LearnedSlope", "config" : {"start" : 0.1}}
        ]
    }
});

/* From JSON: the model that text_model tells, at a few points. */
static antler_status from_json(antler_error *err)
{
    const antler_real x[4] = {-2, -1, 0, 3};
    antler_real y[4];
    antler_model *m = antler_load_json(text_model, "text_model", err);
    antler_context *c = m && antler_build(m) == ANTLER_OK ? antler_context_create(m, ANTLER_INFER, 1, 1, 0, err) : NULL;
    antler_status status = c ? antler_forward(c, x, 1, y, err) : err->status;
    if (status == ANTLER_OK)
        printf("from JSON: -2 -1 0 3 become %g %g %g %g\n", (double)y[0], (double)y[1], (double)y[2], (double)y[3]);
    antler_context_free(c);
    antler_model_free(m);
    return status;
}

/* From C: a classifier of digits whose rectifier learns. */
static antler_model *build(antler_error *err)
{
    antler_model *m = antler_sequential("digits", (int[]){8, 8}, 2, err);
    antler_add(m, rescaling, .scale = 1 / 16.0);
    antler_add(m, flatten);
    antler_add(m, dense, .units = 64);
    antler_add(m, learned_slope);
    antler_add(m, dropout, .rate = 0.2);
    antler_add(m, dense, .units = 10, .activation = "softmax");
    antler_compile(m, .optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"});
    return m;
}

static antler_status train(antler_model *m, const char *path, antler_error *err)
{
    antler_data *x = antler_data_open(path, "x_train", err), *y = antler_data_open(path, "y_train", err);
    antler_data *x_test = antler_data_open(path, "x_test", err), *y_test = antler_data_open(path, "y_test", err);
    antler_logs logs;
    antler_status status = err->status;
    if (status == ANTLER_OK && (status = antler_fit(m, x, y, .epochs = 20, .batch_size = 32, .seed = 1)) != ANTLER_OK)
        *err = *antler_model_error(m);
    if (status == ANTLER_OK)
        status = antler_evaluate(m, x_test, y_test, 32, 0, &logs, err);
    if (status == ANTLER_OK) {
        const antler_variable *slope = antler_model_variable(m, 2); /* after the Dense's kernel and bias */
        printf("from C: test accuracy %.4f; the first slope went from 0.25 to %.4f\n", logs.value[1],
               (double)slope->value.data[0]);
    }
    antler_data_free(x);
    antler_data_free(y);
    antler_data_free(x_test);
    antler_data_free(y_test);
    return status;
}

int main(int argc, char **argv)
{
    antler_error err = {0};
    char text[1100];
    if (argc != 2) {
        fprintf(stderr, "usage: custom_layer digits.h5\n");
        return 2;
    }
    antler_model *m = NULL;
    antler_status status = antler_register(&antler_layer_learned_slope.type, &err);
    if (status == ANTLER_OK)
        status = from_json(&err);
    if (status == ANTLER_OK)
        status = train(m = build(&err), argv[1], &err);
    if (status != ANTLER_OK)
        fprintf(stderr, "custom_layer: %s\n", antler_error_text(&err, text, sizeof text));
    antler_model_free(m);
    return status == ANTLER_OK ? 0 : 1;
}

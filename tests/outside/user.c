/* A program of somebody else's, on the installed headers: C11, C++17 and C++20 alike (so settings stand in the order
   of the members). Builds, trains, predicts; with a
   layer of its own and settings in macros. Prints the loss and the bits of the prediction. */
#include "antler/antler.h"
#include "antler/layer.h"
#include "antler/work.h"

#include <stdio.h>
#include <string.h>

#define WIDE .units = 6, TANH
#define TANH .activation = "tanh"
#define ONCE .epochs = 2, .batch_size = 4

enum { ROWS = 12, WIDTH = 3 };
static float x[ROWS][WIDTH];
static int32_t y[ROWS];

/* ---- a layer that doubles ---- */

struct antler_twice {
    ANTLER_LAYER_KEYS
    int end_;
};

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    (void)config;
    (void)err;
    *out = *in;
    return ANTLER_OK;
}

static antler_status twice(const void *config, antler_run *run)
{
    (void)config;
    return antler_run_fail(run, ANTLER_UNSUPPORTED, "only for show");
}

static antler_layer_ops table(void)
{
    antler_layer_ops ops;
    memset(&ops, 0, sizeof ops);
    ops.type.size = sizeof ops;
    ops.type.kind = ANTLER_KIND_LAYER;
    ops.type.class_name = "Twice";
    ops.type.config_size = sizeof(struct antler_twice);
    ops.infer = infer;
    ops.forward = ops.backward = twice;
    return ops;
}

static antler_layer_ops antler_layer_twice;

/* ---- what every program does ---- */

static antler_model *build(void)
{
    const int shape[] = {WIDTH};
    antler_model *m = antler_sequential("m", shape, 1, NULL);
    antler_add(m, flatten);
    antler_add(m, dense, WIDE);
    antler_add(m, dropout, .rate = 0.25);
    antler_add(m, dense, .kernel_regularizer = ANTLER_JSON({"class_name" : "L2", "config" : {"l2" : 0.125}}),
               .units = 2);
    antler_add(m, softmax, .axis = -1);
    antler_compile(m, .optimizer = "sgd", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"},
                   .learning_rate = 0.5);
    return m;
}

/* Values from macros, in others, and of more than one call. */
#define TWO (first, second)

static antler_model *build_graph(void)
{
    const int shape[] = {WIDTH};
    antler_model *inner = antler_sequential("inner", shape, 1, NULL), *m = antler_functional("g", NULL);
    antler_add(inner, dense, WIDE);
    antler_value first = antler_input(m, .name = "first", .shape = {WIDTH});
    antler_value second = antler_call(m, dense, (first), .units = WIDTH, TANH);
    antler_value sum = antler_call(m, add, TWO);
    antler_value made = antler_call_model(m, inner, (sum));
    antler_value again = antler_again(m, made, (antler_call(m, flatten, (second))));
    antler_value last = antler_call_json(m, "{\"class_name\": \"Dense\", \"config\": {\"units\": 2}}", (again));
    antler_call(m, concatenate, (last, antler_output(made, 0)), .axis = -1);
    antler_outputs(m, (last));
    return m;
}

/* Antler's text of the model says what the macros said. */
static int keeps_settings(antler_model *m)
{
    char *text = antler_model_json(m, NULL);
    int keeps = text && strstr(text, "\"units\": 6") && strstr(text, "\"activation\": \"tanh\"");
    antler_text_free(text);
    return keeps;
}

static antler_status run(antler_model *m, antler_error *err)
{
    const antler_shape x_shape = {2, {ROWS, WIDTH}}, y_shape = {1, {ROWS}};
    antler_data *inputs = antler_data_from(x, ANTLER_FLOAT32, &x_shape, err);
    antler_data *targets = antler_data_from(y, ANTLER_INT32, &y_shape, err);
    antler_real p[ROWS * 2];
    antler_logs logs;
    memset(&logs, 0, sizeof logs);
    antler_fit(m, inputs, targets, ONCE);
    antler_status status = antler_fit(m, inputs, targets);
    if (status == ANTLER_OK)
        status = antler_evaluate(m, inputs, targets, ROWS, 1, &logs, err);
    if (status == ANTLER_OK)
        status = antler_predict(m, inputs, ROWS, 1, p, err);
    if (status == ANTLER_OK)
        printf("%d %.17g %.17g\n", (int)sizeof *p, logs.value[0], (double)p[1]);
    antler_data_free(inputs);
    antler_data_free(targets);
    return status;
}

int main(void)
{
    antler_error err;
    char text[1100];
    memset(&err, 0, sizeof err);
    for (int i = 0; i < ROWS * WIDTH; i++)
        x[i / WIDTH][i % WIDTH] = (float)(i % 7) / 8;
    for (int i = 0; i < ROWS; i++)
        y[i] = i % 2;
    antler_layer_twice = table();
    if (antler_register(&antler_layer_twice.type, &err) != ANTLER_OK)
        return 2;
    antler_model *m = build();
    if (!keeps_settings(m))
        return 3;
    antler_model *graph = build_graph();
    if (antler_build(graph) != ANTLER_OK)
        fprintf(stderr, "%s\n", antler_error_text(antler_model_error(graph), text, sizeof text));
    else
        printf("%d\n", (int)antler_output_shape(graph)->dim[1]);
    antler_model_free(graph);
    antler_status status = run(m, &err);
    if (status != ANTLER_OK)
        fprintf(stderr, "%s\n", antler_error_text(antler_model_error(m), text, sizeof text));
    antler_model_free(m);
    m = build();
    if (antler_model_error(m)->status == ANTLER_OK)
        antler_add(m, twice, .name = "two");
    antler_model_free(m);
    return status == ANTLER_OK ? 0 : 1;
}

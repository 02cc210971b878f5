/* The samples of every registered layer, as models of one layer, for suites that go over all of them. */
#ifndef ANTLER_SAMPLES_H
#define ANTLER_SAMPLES_H

#include "antler/antler.h"
#include "config/registry.h"
#include "lcg.h"
#include "model/context.h"
#include "model/structure.h"
#include "model/work.h"
#include "suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 7, MOST_INPUTS = 8 };

typedef struct sample {
    const antler_layer_ops *ops;
    const char *text; /* "(4, 3) {...}"; of a layer of several inputs "(4, 3) (4, 3) {...}" */
} sample;

static sample *all; /* [samples] */
static int samples;

static inline void collect_kind(antler_kind kind)
{
    const antler_type *type;
    for (int64_t i = 0; (type = antler_type_at(kind, i)) != NULL; i++)
        for (const char *const *s = type->samples;
             !(((const antler_layer_ops *)type)->flags & ANTLER_SOURCE) && s && *s; s++) {
            all = realloc(all, (size_t)(samples + 1) * sizeof *all);
            if (!all)
                abort();
            all[samples++] = (sample){(const antler_layer_ops *)type, *s};
        }
}

/* Of every kind of work that can be cut, several tasks come of a sample: dropping one shows. */
static void collect(void)
{
    antler__task_elements = 2;
    collect_kind(ANTLER_KIND_LAYER);
}

/* ---- a model of one layer ---- */

static const char *config_of(const char *sample_text)
{
    return strchr(sample_text, '{');
}

/* The shapes of a sample's inputs, "4, 3" each; how many there are. */
static int shapes_of(const char *sample_text, char shape[MOST_INPUTS][64])
{
    int n = 0;
    const char *end = config_of(sample_text);
    for (const char *open = strchr(sample_text, '('); open && open < end; open = strchr(open + 1, '(')) {
        const char *close = strchr(open, ')');
        ck_assert_int_lt(n, MOST_INPUTS);
        snprintf(shape[n], 64, "%.*s", (int)(close - open - 1), open + 1);
        size_t length = strlen(shape[n]);
        if (length && shape[n][length - 1] == ',') /* "(5,)" */
            shape[n][length - 1] = 0;
        n++;
    }
    return n;
}

/* It can stand in a Sequential. */
static inline bool is_single(const sample *s)
{
    char shape[MOST_INPUTS][64];
    return shapes_of(s->text, shape) == 1 && s->ops->type.kind == ANTLER_KIND_LAYER;
}

/* A Sequential of the layer alone; `before` are layers in front of it, with a comma behind each. */
static inline char *model_text_after(const sample *s, const char *before, const char *config)
{
    static char text[8192];
    char shape[MOST_INPUTS][64];
    shapes_of(s->text, shape);
    snprintf(text, sizeof text,
             "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"m\", \"layers\": ["
             "{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": [null, %s]}},%s"
             "{\"class_name\": \"%s\", \"config\": %s}]}, \"fit\": {\"seed\": 7}}",
             shape[0], before, s->ops->type.class_name, config);
    return text;
}

static inline char *model_text(const sample *s, const char *config)
{
    return model_text_after(s, "", config);
}

static inline antler_model *load_text(const char *text)
{
    antler_error err = {0};
    char message[1024];
    antler_model *model = antler_load_json(text, NULL, &err);
    ck_assert_msg(model != NULL, "%s: %s", text, antler_error_text(&err, message, sizeof message));
    ck_assert_int_eq(antler_build(model), ANTLER_OK);
    return model;
}

/* The sample's layer, or operator, which only files can have. */
static inline antler_status append(antler_model *model, const sample *s, antler_error *err)
{
    char text[4096];
    const char *config = config_of(s->text);
    antler_object object = {&s->ops->type, NULL};
    antler_report report = {.err = err};
    antler_json *json;
    snprintf(text, sizeof text, "{\"class_name\": \"%s\", \"config\": %s}", s->ops->type.class_name, config);
    if (s->ops->type.kind == ANTLER_KIND_LAYER)
        return antler_add_json(model, text);
    ANTLER_TRY(antler_model_error(model)->status);
    ANTLER_TRY(antler__json_parse(config, strlen(config), &json, err));
    antler_status status = antler__config_read(object.type, json, NULL, &report, &object.config);
    antler__json_free(json);
    return status == ANTLER_OK ? antler__model_append(model, (antler_tree_member){.layer = object}, err) : status;
}

/* The layer with an input for each of the sample's shapes: files of such models are not read yet, so it is laid out by
   hand. err may have a failure. */
static inline antler_model *lay_out(const sample *s, antler_error *err)
{
    char shape[MOST_INPUTS][64], text[4096];
    int n = shapes_of(s->text, shape);
    antler_ref in[MOST_INPUTS], out = {0, 0};
    antler_model *model = antler__model_new("m", true, err);
    for (int i = 0; model && i < n; i++) {
        snprintf(text, sizeof text, "{\"class_name\": \"InputLayer\", \"config\": {\"shape\": [%s]}}", shape[i]);
        antler_add_json(model, text);
        in[i] = (antler_ref){-1 - i, 0};
    }
    antler_use use = {.layer = n, .inputs = n, .in = in};
    if (!model || append(model, s, err) != ANTLER_OK) {
        antler__error_copy(err, antler_model_error(model));
    } else if (antler__model_connect(model, &(antler_graph){.uses = 1, .outputs = 1, .use = &use, .output = &out},
                                     err) == ANTLER_OK) {
        antler_set_seed(model, 7);
        antler_build(model);
        antler__error_copy(err, antler_model_error(model));
    }
    if (err->status == ANTLER_OK)
        return model;
    antler_model_free(model);
    return NULL;
}

static inline antler_model *load(const sample *s)
{
    antler_error err = {0};
    if (is_single(s))
        return load_text(model_text(s, config_of(s->text)));
    antler_model *model = lay_out(s, &err);
    ck_assert_msg(model != NULL, "%s: %s", s->text, err.message);
    return model;
}

/* Numbers in (-1, 1), all different, away from 0; a fixed sequence. */
static antler_real next_number(uint32_t *state)
{
    lcg32(state);
    double u = (double)(*state >> 8) / 16777216.0 * 1.8 - 0.9;
    return (antler_real)(float)(u + (u < 0 ? -0.05 : 0.05));
}

static void fill(antler_real *x, int64_t n, uint32_t state)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = next_number(&state);
}

/* How many tokens the layer's input may have; 0: it takes any numbers. */
static int64_t tokens_of(const antler_model *model)
{
    antler_object layer = model->layer[model->layers - 1].object;
    const antler_layer_ops *ops = (const antler_layer_ops *)layer.type;
    return ops->tokens ? ops->tokens(layer.config) : 0;
}

typedef struct bench {
    antler_model *model;
    antler_context *context;
    int64_t nx, ny; /* numbers of BATCH samples */
    antler_real *x, *y, *dy, *dx;
} bench;

static void open_context(bench *b, antler_mode mode, int threads, unsigned flags)
{
    antler_error err = {0};
    char text[1024];
    antler_context_free(b->context);
    b->context = mode == ANTLER_TRAIN ? antler_context_create_train(b->model, BATCH, threads, flags, &err)
                                      : antler_context_create(b->model, mode, BATCH, threads, flags, &err);
    ck_assert_msg(b->context != NULL, "%s", antler_error_text(&err, text, sizeof text));
    antler_context_seek(b->context, 3, 2);
}

/* Numbers of all inputs, or outputs, of one row. */
static int64_t row_of(const antler_model *model, int64_t n, const int64_t *wire)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        count += antler_count(&model->wire[wire[i]].shape, 1);
    return count;
}

/* Takes the model over. */
static bench bench_of(antler_model *model, antler_mode mode, unsigned flags)
{
    bench b = {.model = model};
    b.nx = BATCH * row_of(model, model->inputs, model->input);
    b.ny = BATCH * row_of(model, model->outputs, model->output);
    b.x = malloc((size_t)b.nx * sizeof *b.x);
    b.dx = malloc((size_t)b.nx * sizeof *b.dx);
    b.y = malloc((size_t)b.ny * sizeof *b.y);
    b.dy = malloc((size_t)b.ny * sizeof *b.dy);
    fill(b.x, b.nx, 1);
    fill(b.dy, b.ny, 2);
    int64_t tokens = tokens_of(b.model);
    for (int64_t i = 0; tokens && i < b.nx; i++)
        b.x[i] = (antler_real)(((i + 1) * 7 / 3) % tokens);
    for (int64_t v = 0; antler_model_variable(b.model, v); v++) { /* biases off 0 */
        const antler_variable *variable = antler_model_variable(b.model, v);
        for (int64_t i = 0; i < antler_count(&variable->value.shape, 0); i++)
            variable->value.data[i] += (antler_real)(0.01f * (float)((i * 5 + v) % 7));
    }
    open_context(&b, mode, at_most(2), flags);
    return b;
}

static inline bench open_bench(const sample *s, antler_mode mode, unsigned flags)
{
    return bench_of(load(s), mode, flags);
}

static void close_bench(bench *b)
{
    antler_context_free(b->context);
    antler_model_free(b->model);
    free(b->x);
    free(b->dx);
    free(b->y);
    free(b->dy);
}

static inline void forward(bench *b, const antler_real *x, int64_t n, antler_real *y)
{
    antler_error err = {0};
    ck_assert_msg(antler_forward(b->context, x, n, y, &err) == ANTLER_OK, "%s", err.message);
}

static inline void backward(bench *b, antler_real *dx)
{
    antler_error err = {0};
    ck_assert_msg(antler_backward_from(b->context, b->dy, dx, &err) == ANTLER_OK, "%s", err.message);
}

static inline int64_t params_of(const bench *b)
{
    return b->model->trained_size;
}

#endif

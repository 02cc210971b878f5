/* Models, contexts and data for suites that go through the public API. All of it must succeed, or the test fails. */
#ifndef ANTLER_NETWORKS_H
#define ANTLER_NETWORKS_H

#include "antler/antler.h"
#include "antler/random.h"
#include "build.h"
#include "hash.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* JSON is written with ' for ", so that a C string stays readable. */
static inline char *quoted(char *json)
{
    for (char *c = json; *c; c++)
        if (*c == '\'')
            *c = '"';
    return json;
}

/* A Sequential over samples of `shape` ("4, 3") from the JSON of its layers; `more` are further keys of the model
   (", 'fit': {...}"), or "". Built. */
static inline antler_model *network(const char *shape, const char *layers, const char *more)
{
    static char text[16384];
    antler_error err = {0};
    int length = snprintf(text, sizeof text,
                          "{'class_name': 'Sequential', 'config': {'name': 'm', 'layers': [{'class_name': "
                          "'InputLayer', 'config': {'batch_shape': [null, %s]}}, %s]}%s}",
                          shape, layers, more);
    ck_assert_int_lt(length, sizeof text);
    antler_model *model = antler_load_json(quoted(text), NULL, &err);
    must(model ? ANTLER_OK : err.status, &err);
    must(antler_build(model), antler_model_error(model));
    return model;
}

/* The line of error of a Sequential of this layer ("'Dense', 'config': {'units': 3}"), which is refused in reading or
   when it is built. Kept until the next one. */
static inline const char *layer_refusal(const char *shape, const char *layer)
{
    static char text[1024];
    char json[1024];
    antler_error err = {0};
    snprintf(json, sizeof json,
             "{'class_name': 'Sequential', 'config': {'name': 'm', 'layers': [{'class_name': 'InputLayer', 'config': "
             "{'batch_shape': [null, %s]}}, {'class_name': %s}]}}",
             shape, layer);
    antler_model *model = antler_load_json(quoted(json), NULL, &err);
    if (model && antler_build(model) != ANTLER_OK)
        err = *antler_model_error(model);
    ck_assert_msg(err.status != ANTLER_OK, "%s is taken", layer);
    antler_model_free(model);
    return antler_error_text(&err, text, sizeof text);
}

static inline antler_context *context_of(antler_model *model, antler_mode mode, int64_t batch, unsigned flags)
{
    antler_error err = {0};
    antler_context *context = mode == ANTLER_TRAIN ? antler_context_create_train(model, batch, 2, flags, &err)
                                                   : antler_context_create(model, mode, batch, 2, flags, &err);
    must(context ? ANTLER_OK : err.status, &err);
    return context;
}

static inline void forward(antler_context *context, const antler_real *x, int64_t n, antler_real *y)
{
    antler_error err = {0};
    must(antler_forward(context, x, n, y, &err), &err);
}

static inline void backward(antler_context *context, const antler_real *dy, antler_real *dx)
{
    antler_error err = {0};
    must(antler_backward_from(context, dy, dx, &err), &err);
}

/* n numbers of stream `stream`, in [-1, 1), of at most 24 bits: the same in float and double. */
static inline void random_numbers(antler_real *x, int64_t n, uint64_t stream)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t word;
        antler_random_words((antler_stream){.key = 1, .step = stream, .position = (uint64_t)i}, &word, 1);
        x[i] = (antler_real)(word >> 8) * (antler_real)0x1p-23 - 1;
    }
}

/* n integers in [0, below). */
static inline void random_classes(antler_real *x, int64_t n, uint32_t below, uint64_t stream)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t word;
        antler_random_words((antler_stream){.key = 2, .step = stream, .position = (uint64_t)i}, &word, 1);
        x[i] = (antler_real)(word % below);
    }
}

/* Values, lent, as rows of the samples that `like` (a model's input or output) has. */
static inline antler_data *data_of(const antler_real *values, const antler_shape *like, int64_t rows)
{
    antler_error err = {0};
    antler_shape shape = *like;
    shape.dim[0] = rows;
    antler_data *data =
        antler_data_from(values, sizeof(antler_real) == 4 ? ANTLER_FLOAT32 : ANTLER_FLOAT64, &shape, &err);
    must(data ? ANTLER_OK : err.status, &err);
    return data;
}

static inline antler_data *rows_of(const antler_real *values, int64_t rows, int64_t width)
{
    return data_of(values, &(antler_shape){2, {rows, width}}, rows);
}

/* All weights of a model, bit for bit. */
static inline uint64_t hash_weights(const antler_model *model)
{
    uint64_t hash = hash_start;
    const antler_variable *v;
    for (int64_t i = 0; (v = antler_model_variable(model, i)) != NULL; i++)
        hash = hash_bytes(hash, v->value.data, (size_t)antler_count(&v->value.shape, 0) * sizeof(antler_real));
    return hash;
}

#endif

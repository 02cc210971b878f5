/* Random Functional models, for suites that ask the same of all of them: branches, layers that are called again, models
   in models, several inputs and outputs, penalties, frozen layers, views and layers in place. Every tensor is of WIDTH
   numbers, but what Concatenate gives, which one Dense takes. What they are made of is kept, so that one graph can be
   written in several ways. */
#ifndef ANTLER_RANDOM_GRAPHS_H
#define ANTLER_RANDOM_GRAPHS_H

#include "lcg.h"
#include "merging.h"
#include "networks.h"
#include "powers.h"

#include <stdarg.h>

enum { WIDTH = 4, MOST_LAYERS = 64, MOST_AGAIN = 27, MOST_TAKEN = 3, MOST_ENDS = 2, MOST_STEPS = 512, DEEPEST = 2 };

typedef struct kind {
    const char *class_name, *config; /* config: without the braces */
    int least, most;                 /* tensors that a call takes */
    int outputs;
    unsigned is;
} kind;
enum { NOISE = 1, STATE = 2, PENALTY = 4, ACTIVITY = 8, FROZEN = 16, PLAIN = 32 }; /* of kinds */
enum { MODELS = 64, AGAIN = 128 };                                                 /* of graphs */

static const kind kinds[] = {
    {"Dense", "'units': 4, 'activation': 'tanh', 'bias_initializer': 'random_normal'", 1, 1, 1, PLAIN},
    {"Dense", "'units': 4, 'activation': 'gelu', 'use_bias': false", 1, 1, 1, PLAIN},
    {"Dense", "'units': 4, 'kernel_regularizer': 'l2'", 1, 1, 1, PLAIN | PENALTY},
    {"Dense", "'units': 4, 'activity_regularizer': 'L2'", 1, 1, 1, PLAIN | ACTIVITY},
    {"Dense", "'units': 4, 'trainable': false", 1, 1, 1, PLAIN | FROZEN},
    {"Activation", "'activation': 'sigmoid'", 1, 1, 1, PLAIN},
    {"Activation", "'activation': 'gelu', 'activity_regularizer': 'L2'", 1, 1, 1, PLAIN | ACTIVITY},
    {"Dropout", "'rate': 0.3", 1, 1, 1, PLAIN | NOISE},
    {"Flatten", "", 1, 1, 1, PLAIN},
    {"Reshape", "'target_shape': [4]", 1, 1, 1, PLAIN},
    {"Rescaling", "'scale': 0.5", 1, 1, 1, PLAIN},
    {"BatchNormalization", "'epsilon': 0.1", 1, 1, 1, PLAIN | STATE},
    {"Powers", "", 1, 1, 2, 0},
    {"Add", "", 2, 3, 1, 0},
    {"Add", "", 2, 3, 1, 0},
    {"Average", "", 2, 3, 1, 0},
    {"Subtract", "", 2, 2, 1, 0},
    {"Multiply", "", 2, 2, 1, 0},
    {"Weigh", "", 1, 3, 1, 0},
    {"Concatenate", "", 2, 3, 1, 0},
};
enum { KINDS = sizeof kinds / sizeof *kinds, SIGMOID = 5, CONCATENATE = KINDS - 1 };

typedef struct giver {
    int layer, call, output; /* layer -1 - k: input k */
} giver;

typedef struct graph_layer {
    char name[64];
    int kind, of, calls; /* of: tensors of a call */
    struct graph *model; /* NULL: a layer */
    bool frozen, once;   /* once: called no more */
    giver in[MOST_AGAIN][MOST_TAKEN];
} graph_layer;

typedef struct graph {
    char name[64];
    bool sequential, frozen;
    int inputs, layers, outputs, steps;
    graph_layer layer[MOST_LAYERS];
    struct {
        int layer, call;
    } step[MOST_STEPS]; /* in an order in which they can be made */
    giver output[MOST_ENDS];
} graph;

static inline void graph_free(graph *g)
{
    for (int i = 0; i < g->layers; i++)
        if (g->layer[i].model)
            graph_free(g->layer[i].model);
    free(g);
}

static inline uint64_t below(uint64_t *state, uint64_t n)
{
    lcg64(state);
    return (*state >> 33) % n;
}

/* ---- growing ---- */

static inline int outputs_of(const graph_layer *l)
{
    return l->model ? l->model->outputs : kinds[l->kind].outputs;
}

/* Any tensor that is there, often the last one. */
static inline giver any_giver(const graph *g, uint64_t *state)
{
    int last =
        below(state, 2) && g->steps ? g->steps - 1 : (int)below(state, (uint64_t)(g->inputs + g->steps)) - g->inputs;
    if (last < 0)
        return (giver){last, 0, 0};
    int layer = g->step[last].layer;
    if (!g->layer[layer].model && g->layer[layer].kind == CONCATENATE) /* its Dense is the next */
        return (giver){layer + 1, 0, 0};
    return (giver){layer, g->step[last].call, (int)below(state, (uint64_t)outputs_of(&g->layer[layer]))};
}

static inline int add_step(graph *g, int layer)
{
    graph_layer *l = &g->layer[layer];
    ck_assert_int_lt(g->steps, MOST_STEPS);
    ck_assert_int_lt(l->calls, MOST_AGAIN);
    g->step[g->steps].layer = layer;
    g->step[g->steps++].call = l->calls;
    return l->calls++;
}

static inline void call_layer(graph *g, int layer, uint64_t *state)
{
    graph_layer *l = &g->layer[layer];
    for (int k = 0; k < l->of; k++)
        l->in[l->calls][k] = g->sequential ? (giver){g->steps ? layer - 1 : -1, 0, 0} : any_giver(g, state);
    add_step(g, layer);
}

static inline graph_layer *add_kind(graph *g, int which, int of)
{
    graph_layer *l = &g->layer[g->layers];
    ck_assert_int_lt(g->layers, MOST_LAYERS);
    snprintf(l->name, sizeof l->name, "l%d", g->layers++);
    l->kind = which;
    l->of = of;
    return l;
}

static inline int any_kind(unsigned without, bool plain, uint64_t *state)
{
    for (;;) {
        int which = (int)below(state, KINDS);
        if (!(kinds[which].is & without) && (!plain || kinds[which].is & PLAIN))
            return which;
    }
}

static inline void grow(graph *g, int layers, int depth, unsigned without, uint64_t *state);

static inline void add_layer(graph *g, int depth, unsigned without, uint64_t *state)
{
    int i = g->layers;
    if (!(without & MODELS) && depth < DEEPEST && below(state, 6) == 0 && !g->sequential) {
        graph *inner = calloc(1, sizeof *inner);
        inner->sequential = below(state, 3) == 0;
        inner->frozen = !(without & FROZEN) && below(state, 8) == 0;
        grow(inner, 1 + (int)below(state, 3), depth + 1, without, state);
        graph_layer *l = add_kind(g, 0, inner->inputs);
        l->model = inner;
        snprintf(inner->name, sizeof inner->name, "%s", l->name);
    } else {
        const int which = any_kind(without, g->sequential, state);
        const kind *k = &kinds[which];
        add_kind(g, which, k->least + (int)below(state, (uint64_t)(k->most - k->least + 1)))->once =
            which == CONCATENATE;
    }
    call_layer(g, i, state);
    if (!g->layer[i].model && g->layer[i].kind == CONCATENATE) {
        graph_layer *dense = add_kind(g, 0, 1);
        dense->once = true;
        dense->in[0][0] = (giver){i, 0, 0};
        add_step(g, i + 1);
    }
}

/* A graph of so many layers, or one more. */
static inline void grow(graph *g, int layers, int depth, unsigned without, uint64_t *state)
{
    g->inputs = g->sequential ? 1 : 1 + (int)below(state, 2);
    while (g->layers < layers) {
        int again = g->layers && !(without & AGAIN) && !g->sequential && below(state, 4) == 0
                        ? (int)below(state, (uint64_t)g->layers)
                        : -1;
        if (again < 0)
            add_layer(g, depth, without, state);
        else if (g->layer[again].calls < 3 && !g->layer[again].once)
            call_layer(g, again, state);
    }
    int last = g->step[g->steps - 1].layer;
    g->outputs = !g->sequential && below(state, 3) == 0 ? 2 : 1;
    g->output[0] = (giver){last, g->layer[last].calls - 1, 0};
    if (g->outputs == 2)
        g->output[1] = any_giver(g, state);
}

static inline graph *random_graph(uint64_t seed, int layers, unsigned without)
{
    uint64_t state = seed * 7919 + 1;
    graph *g = calloc(1, sizeof *g);
    snprintf(g->name, sizeof g->name, "graph");
    grow(g, layers ? layers : 3 + (int)below(&state, 8), 0, without, &state);
    return g;
}

/* ---- writing ---- */

/* How a graph is written: as Keras 3 does, or as Keras 2; with the layers of the list in the order of that seed. */
typedef struct form {
    bool lists;
    uint64_t shuffled; /* 0: as they were made */
} form;

typedef struct text {
    size_t n;
    char at[1 << 19];
} text;

__attribute__((format(printf, 2, 3))) static inline void put(text *t, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int n = vsnprintf(t->at + t->n, sizeof t->at - t->n, format, list);
    va_end(list);
    t->n += (size_t)n;
    ck_assert_uint_lt(t->n, sizeof t->at);
}

/* Keras 2 counts the call that defines a model as its first; Keras 3 does where outputs refer to a Functional. */
static inline void put_reference(text *t, const graph *g, giver v, const form *f, bool output)
{
    if (v.layer < 0) {
        put(t, "['x%d', 0, 0", -1 - v.layer);
    } else {
        const graph_layer *l = &g->layer[v.layer];
        int more = l->model && (f->lists || (output && !l->model->sequential));
        put(t, "['%s', %d, %d", l->name, v.call + more, v.output);
    }
    put(t, "%s]", f->lists && !output ? ", {}" : "");
}

static inline void put_tensor(text *t, const graph *g, giver v, const form *f)
{
    if (f->lists) {
        put_reference(t, g, v, f, false);
        return;
    }
    int width = v.layer >= 0 && !g->layer[v.layer].model && g->layer[v.layer].kind == CONCATENATE
                    ? WIDTH * g->layer[v.layer].of
                    : WIDTH;
    put(t, "{'class_name': '__keras_tensor__', 'config': {'shape': [null, %d], 'dtype': 'float32', 'keras_history': ",
        width);
    put_reference(t, g, v, f, false);
    put(t, "}}");
}

static inline void put_calls(text *t, const graph *g, const graph_layer *l, const form *f)
{
    bool list = l->model ? l->of > 1 : kinds[l->kind].most > 1;
    put(t, ", 'name': '%s', 'inbound_nodes': [", l->name);
    for (int c = 0; c < l->calls; c++) {
        put(t, "%s%s", c ? ", " : "", f->lists ? "[" : list ? "{'args': [[" : "{'args': [");
        for (int k = 0; k < l->of; k++) {
            put(t, "%s", k ? ", " : "");
            put_tensor(t, g, l->in[c][k], f);
        }
        put(t, "%s", f->lists ? "]" : list ? "]], 'kwargs': {}}" : "], 'kwargs': {}}");
    }
    put(t, "]");
}

static inline void put_graph(text *t, const graph *g, const form *f);

static inline void put_layer(text *t, const graph *g, const graph_layer *l, const form *f)
{
    put(t, "{");
    if (l->model) {
        put_graph(t, l->model, f);
    } else {
        const kind *k = &kinds[l->kind];
        put(t, "'class_name': '%s', 'config': {'name': '%s'%s%s%s}", k->class_name, l->name, *k->config ? ", " : "",
            k->config, l->frozen && !(k->is & FROZEN) ? ", 'trainable': false" : "");
    }
    if (!g->sequential)
        put_calls(t, g, l, f);
    put(t, "}");
}

static inline void put_input(text *t, const graph *g, int k)
{
    put(t, "{'class_name': 'InputLayer', 'config': {'name': 'x%d', 'batch_shape': [null, %d]}", k, WIDTH);
    put(t, "%s}", g->sequential ? "" : ", 'inbound_nodes': []");
}

static inline void put_ends(text *t, const graph *g, const form *f)
{
    put(t, ", 'input_layers': [");
    for (int k = 0; k < g->inputs; k++)
        put(t, "%s['x%d', 0, 0]", k ? ", " : "", k);
    put(t, "], 'output_layers': [");
    for (int k = 0; k < g->outputs; k++) {
        put(t, "%s", k ? ", " : "");
        put_reference(t, g, g->output[k], f, true);
    }
    put(t, "]");
}

/* Without the braces. */
static inline void put_graph(text *t, const graph *g, const form *f)
{
    int order[MOST_LAYERS + MOST_ENDS], n = g->inputs + g->layers;
    uint64_t state = f->shuffled;
    for (int i = 0; i < n; i++)
        order[i] = i;
    for (int i = n - 1; f->shuffled && !g->sequential && i > 0; i--) {
        int j = (int)below(&state, (uint64_t)i + 1), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    put(t, "'class_name': '%s', 'config': {'name': '%s', 'trainable': %s, 'layers': [",
        g->sequential ? "Sequential" : "Functional", g->name, g->frozen ? "false" : "true");
    for (int i = 0; i < n; i++) {
        put(t, "%s", i ? ",\n" : "");
        if (order[i] < g->inputs)
            put_input(t, g, order[i]);
        else
            put_layer(t, g, &g->layer[order[i] - g->inputs], f);
    }
    put(t, "]");
    if (!g->sequential)
        put_ends(t, g, f);
    put(t, "}");
}

static inline const char *graph_text(const graph *g, form f)
{
    static text t;
    t.n = 0;
    put(&t, "{");
    put_graph(&t, g, &f);
    put(&t, "}");
    return quoted(t.at);
}

/* Which loss fits an output: of a sigmoid, the one that takes its logits. */
static inline const char *loss_of(const graph *g, int output)
{
    giver v = g->output[output];
    const graph_layer *l = v.layer < 0 ? NULL : &g->layer[v.layer];
    return l && !l->model && l->kind == SIGMOID ? "\"binary_crossentropy\"" : "\"mean_squared_error\"";
}

static inline antler_model *graph_model(const graph *g, form f)
{
    antler_error err = {0};
    char loss[128];
    const char *json = graph_text(g, f);
    antler_model *m = antler_load_json(json, NULL, &err);
    if (!m)
        fprintf(stderr, "%s\n", json);
    must(m ? ANTLER_OK : err.status, &err);
    must(antler_set_seed(m, 7), antler_model_error(m));
    must(antler_build(m), antler_model_error(m));
    snprintf(loss, sizeof loss, "[%s%s%s]", loss_of(g, 0), g->outputs == 2 ? ", " : "",
             g->outputs == 2 ? loss_of(g, 1) : "");
    antler_compile(m, .loss = loss, .optimizer = "adam", .learning_rate = 0.01);
    must(antler_model_error(m)->status, antler_model_error(m));
    return m;
}

#endif

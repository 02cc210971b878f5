/* An ONNX graph in the making: nodes, constants and the terms between them. A failure (no memory, a refusal) stays:
   from then on every call does nothing and gives NULL, which every call takes; who began it all looks once. What is
   made belongs to the maker, and no node or constant that nobody reads is written. */
#ifndef ANTLER_ONNX_GRAPH_H
#define ANTLER_ONNX_GRAPH_H

#include "antler/antler.h"
#include "core/axes.h"

/* Numbers of the format. */
enum { ANTLER_ONNX_OPSET = 18, ANTLER_ONNX_IR = 8 };
typedef enum antler_onnx_type {
    ANTLER_ONNX_FLOAT = 1,
    ANTLER_ONNX_UINT8 = 2,
    ANTLER_ONNX_INT8 = 3,
    ANTLER_ONNX_UINT16 = 4,
    ANTLER_ONNX_INT16 = 5,
    ANTLER_ONNX_INT32 = 6,
    ANTLER_ONNX_INT64 = 7,
    ANTLER_ONNX_BOOL = 9,
    ANTLER_ONNX_DOUBLE = 11,
    ANTLER_ONNX_UINT32 = 12,
    ANTLER_ONNX_UINT64 = 13
} antler_onnx_type;
#ifdef ANTLER_DOUBLE
#define ANTLER_ONNX_REAL ANTLER_ONNX_DOUBLE
#else
#define ANTLER_ONNX_REAL ANTLER_ONNX_FLOAT
#endif
typedef enum antler_onnx_kind {
    ANTLER_ONNX_NUMBER = 1,
    ANTLER_ONNX_INTEGER = 2,
    ANTLER_ONNX_TEXT = 3,
    ANTLER_ONNX_GRAPH = 5,
    ANTLER_ONNX_INTEGERS = 7,
    ANTLER_ONNX_TEXTS = 8
} antler_onnx_kind;

enum { ANTLER_ONNX_MOST = ANTLER_MOST_AXES }; /* axes of a constant: those of a tensor, and two more */

/* A tensor between nodes: an output of a node, a constant, or an input of the graph. */
typedef struct antler_term {
    const char *name;
    struct antler_onnx_node *node; /* that gives it, or NULL */
    bool wanted;                   /* something that is written reads it */
    antler_onnx_type type;         /* of constants, inputs and what a step hands on */
    /* of a constant; of an input its shape, with -1 for an axis of any size: */
    int rank;
    int64_t size[ANTLER_ONNX_MOST];
    const void *data;
    const struct antler_term *of; /* made of it by turning its axes: */
    int turned[ANTLER_ONNX_MOST];
    struct antler_term *next;
} antler_term;

typedef struct antler_onnx_attribute {
    const char *name;
    antler_onnx_kind kind;
    int n;
    int64_t integer;
    float number;
    const int64_t *integers;
    const char *const *texts;
    struct antler_onnx_graph *graph;
    struct antler_onnx_attribute *next;
} antler_onnx_attribute;

typedef struct antler_onnx_node {
    const char *name, *op;
    int inputs, outputs;
    antler_term **in; /* [inputs]; NULL: left out */
    antler_term *out[ANTLER_MAX_RANK + 8];
    antler_onnx_attribute *attribute;
    struct antler_onnx_node *before; /* made before it */
    struct antler_onnx_node *next;   /* of those that are written, in order */
} antler_onnx_node;

/* A graph, or what a Scan does at each step. */
typedef struct antler_onnx_graph {
    const char *name;
    antler_onnx_node *last, *first; /* first: once it is swept */
    antler_term *input, *output;    /* lists, backwards */
    antler_term *constant;          /* of the outermost graph; a list */
    struct antler_onnx_graph *around;
} antler_onnx_graph;

typedef struct antler_onnx {
    const antler_model *model;
    bool noise; /* layers of noise keep it */
    antler_status status;
    antler_error *err;
    void *room;               /* all memory, a list */
    antler_onnx_graph *graph; /* that nodes go to */
    antler_onnx_graph *whole;
    const char *prefix; /* of names: the layer that is being said */
    const char *class_name;
    antler_term **parameter; /* [variables] or NULL each */
    int64_t names;
} antler_onnx;

void antler__onnx_begin(antler_onnx *o, const antler_model *model, antler_error *err);
void antler__onnx_free(antler_onnx *o);
/* Zeroed memory until then. */
void *antler__onnx_room(antler_onnx *o, size_t count, size_t size);
/* "the layer cannot be said, because"; ANTLER_UNSUPPORTED. */
void antler__onnx_refuse(antler_onnx *o, const char *format, ...) ANTLER_PRINTF(2, 3);

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

/* The first output of a new node. */
antler_term *antler__op(antler_onnx *o, const char *op, int inputs, antler_term *const *in);
antler_term *antler__op1(antler_onnx *o, const char *op, antler_term *a);
antler_term *antler__op2(antler_onnx *o, const char *op, antler_term *a, antler_term *b);
antler_term *antler__op3(antler_onnx *o, const char *op, antler_term *a, antler_term *b, antler_term *c);
/* A further output of the node that was made last, and its attributes. Texts must last as long as the maker. */
antler_term *antler__also(antler_onnx *o, int output);
void antler__set_int(antler_onnx *o, const char *name, int64_t value);
void antler__set_real(antler_onnx *o, const char *name, double value);
void antler__set_text(antler_onnx *o, const char *name, const char *text);
void antler__set_ints(antler_onnx *o, const char *name, int n, const int64_t *value);
void antler__set_texts(antler_onnx *o, const char *name, int n, const char *const *text);

/* ---- constants --------------------------------------------------------------------------------------------------- */

/* Values are copied, but those of constants that are made of others. */
antler_term *antler__real(antler_onnx *o, double value); /* without axes */
antler_term *antler__int(antler_onnx *o, int64_t value);
antler_term *antler__true(antler_onnx *o);
antler_term *antler__ints(antler_onnx *o, int n, const int64_t *value);
/* Room for a tensor's numbers in *value; NULL: none. */
antler_term *antler__table(antler_onnx *o, int rank, const int64_t *size, antler_real **value);
/* The index-th variable of the model, whose numbers are not copied. */
antler_term *antler__parameter(antler_onnx *o, int64_t variable);

/* ---- what is said often ------------------------------------------------------------------------------------------ */

/* Axis i of y is axis order[i] of x. What was turned already is turned once, or not at all; a constant is turned here.
 */
antler_term *antler__transpose(antler_onnx *o, antler_term *x, int rank, const int *order);
/* Axis `from` becomes axis `to`; the others stay in their order. */
antler_term *antler__move_axis(antler_onnx *o, antler_term *x, int rank, int from, int to);
/* Takes such a turn off again: *x becomes what was turned, and the number of its axes is returned; 0: it was not. What
   works on each element goes before a turn, which may then meet another one. */
int antler__untranspose(antler_term **x, int *order);
/* -1: what is left; 0: as it is. */
antler_term *antler__reshape(antler_onnx *o, antler_term *x, int rank, const int64_t *size);
/* To the shape of a tensor of the model. */
antler_term *antler__shaped(antler_onnx *o, antler_term *x, const antler_shape *shape);
antler_term *antler__cast(antler_onnx *o, antler_term *x, antler_onnx_type type);
/* Sums and the like over axes: "ReduceSum". */
antler_term *antler__reduce(antler_onnx *o, const char *op, antler_term *x, int n, const int64_t *axis, bool kept);
antler_term *antler__squeeze(antler_onnx *o, antler_term *x, int64_t axis);
/* n axes of size 1, from axis `at` on; n 0: x. */
antler_term *antler__widen(antler_onnx *o, antler_term *x, int at, int n);
antler_term *antler__unsqueeze(antler_onnx *o, antler_term *x, int n, const int64_t *axis);
/* Elements first, first + step ... before `end` of an axis. */
antler_term *antler__slice(antler_onnx *o, antler_term *x, int64_t axis, int64_t first, int64_t end, int64_t step);
/* Zeros (B, size ...), B that of x. */
antler_term *antler__zeros(antler_onnx *o, antler_term *x, int n, const int64_t *size, antler_onnx_type type);
/* An axis from its end to its beginning; turning it round twice leaves it. */
antler_term *antler__backwards(antler_onnx *o, antler_term *x, int64_t axis);

/* ---- a graph in the graph: what a Scan does at each step ----------------------------------------------------------
 */

void antler__body_begin(antler_onnx *o);
antler_term *antler__body_input(antler_onnx *o, antler_onnx_type type);
void antler__body_output(antler_onnx *o, antler_term *term, antler_onnx_type type);
/* The Scan over the first axis of `scans` sequences, with `states` first states; its outputs are the last states, then
   sequences (antler__also). NULL among `in`: no such input. */
antler_term *antler__body_end(antler_onnx *o, int states, int scans, int outputs, antler_term *const *in);

/* ---- in the end ---------------------------------------------------------------------------------------------------
 */

antler_term *antler__graph_input(antler_onnx *o, const char *name, antler_onnx_type type, const antler_shape *shape);
void antler__graph_output(antler_onnx *o, antler_term *term, const char *name, const antler_shape *shape);
/* Drops what nobody reads, and links the nodes that are written. */
void antler__onnx_sweep(antler_onnx_graph *graph);
/* The file's bytes, for antler__free. */
antler_status antler__onnx_pack(antler_onnx *o, void **bytes, size_t *size);

#endif

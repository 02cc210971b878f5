/* What the built-in layers share: rows of field tables, work on the context's threads, activations, dropout's masks.
   Nothing here is part of the contract: a layer outside the library does without. */
#ifndef ANTLER_LAYERS_COMMON_H
#define ANTLER_LAYERS_COMMON_H

#include "antler/layer.h"
#include "antler/layers.h"
#include "kernels/kernels.h"

/* ---- rows of field tables --------------------------------------------------------------------------------------- */

/* Largest size of one axis of a variable. */
#define ANTLER_MOST_UNITS 2147483647.0

/* INT or REAL; lo == hi: no bounds. json NULL: required. */
#define ANTLER_FIELD_NUMBER(type, member, number_kind, json, lo, hi, line)                                   \
    {                                                                                                        \
        .key = #member, .kind = (number_kind), .offset = offsetof(type, member), .def = (json), .min = (lo), \
        .max = (hi), .doc = (line)                                                                           \
    }

/* A required count of at least 1: units, filters, input_dim. */
#define ANTLER_FIELD_COUNT(type, member, line) \
    ANTLER_FIELD_NUMBER(type, member, ANTLER_INT, NULL, 1, ANTLER_MOST_UNITS, line)

/* A list of integers; json "null": may be null, and so may its entries. */
#define ANTLER_FIELD_INTS(type, member, json, flag, lo, line)                                              \
    {                                                                                                      \
        .key = #member, .kind = ANTLER_INTS, .offset = offsetof(type, member), .def = (json), .min = (lo), \
        .max = ANTLER_MOST_UNITS, .flags = (flag), .doc = (line)                                           \
    }

#define ANTLER_FIELD_BOOL(type, member, json, line)                                                         \
    {                                                                                                       \
        .key = #member, .kind = ANTLER_BOOL, .offset = offsetof(type, member), .def = (json), .doc = (line) \
    }

/* A key of Keras's that changes nothing here, with the one value that we can honour. */
#define ANTLER_FIELD_IGNORED(name, json)                                                                         \
    {                                                                                                            \
        .key = (name), .kind = ANTLER_ANY, .def = (json), .flags = ANTLER_UNWRITTEN, .doc = "accepted for Keras" \
    }

#define ANTLER_FIELD_ACTIVATION(type, member, json, line) \
    ANTLER_FIELD_OBJECT(type, member, ANTLER_KIND_ACTIVATION, json, line)

#define ANTLER_FIELD_SEED(type)                                                                                     \
    {                                                                                                               \
        .key = "seed", .kind = ANTLER_INT, .offset = offsetof(type, seed), .def = "null", .flags = ANTLER_NULLABLE, \
        .doc = "seed of the layer's own noise; null: the model's"                                                   \
    }

/* The settings of one variable: initializer (its default as JSON), regularizer and constraint. */
#define ANTLER_FIELD_VARIABLE(type, variable, json)                                                                \
    ANTLER_FIELD_OBJECT(type, variable##_initializer, ANTLER_KIND_INITIALIZER, json, "first values"),              \
        ANTLER_FIELD_OBJECT(type, variable##_regularizer, ANTLER_KIND_REGULARIZER, "null", "penalty in the loss"), \
        ANTLER_FIELD_OBJECT(type, variable##_constraint, ANTLER_KIND_CONSTRAINT, "null", "applied after each update")

/* The rows of ANTLER_KERNEL_KEYS. */
#define ANTLER_KERNEL_FIELDS(type)                            \
    ANTLER_FIELD_BOOL(type, use_bias, "true", "adds a bias"), \
        ANTLER_FIELD_VARIABLE(type, kernel, "\"glorot_uniform\""), ANTLER_FIELD_VARIABLE(type, bias, "\"zeros\"")

/* ---- shapes ----------------------------------------------------------------------------------------------------- */

/* infer of a layer whose output has its input's shape. */
antler_status antler__infer_same(const void *config, const antler_shape *in, antler_shape *out, antler_error *err);

/* Axis counted from 0 where negative ones count from the end; -1 when there is no such axis. */
int antler__axis(int64_t axis, int rank);

/* ---- work on the context's threads ------------------------------------------------------------------------------ */

/* All of a product, cut into blocks where it is worth a second thread. */
void antler__product(antler_run *run, const antler_product *p);

/* y (n) = sum over the rows of x (rows, n), in a product's order: the gradient of a bias. */
void antler__column_sums(antler_run *run, antler_real *y, const antler_real *x, int64_t rows, int64_t n);

/* Calls fn over the pieces of 0 .. n - 1 that [first, first + count) gives, on the context's threads. A piece has about
   16,384 / cost items, so cost says how many elements of simple arithmetic one item is worth; with cost 1, first is a
   multiple of 64 (bit masks). */
void antler__ranges(antler_run *run, int64_t n, int64_t cost, void (*fn)(void *arg, int64_t first, int64_t count),
                    void *arg);

/* The same with at most `most` pieces, for work that has a part of its own in each. */
void antler__pieces(antler_run *run, int64_t n, int64_t cost, int64_t most,
                    void (*fn)(void *arg, int64_t first, int64_t count), void *arg);

/* y = x for n numbers, unless they are the same. */
void antler__copy(antler_run *run, antler_real *y, const antler_real *x, int64_t n);

/* ---- activations ------------------------------------------------------------------------------------------------ */

/* The functions of an activation; NULL for none and for the linear one, where y is x. */
const antler_activation_ops *antler__activation(antler_object activation);

/* Over rows of n numbers; y may be x and dx may be dy. With ops NULL y (dx) becomes a copy. backward reads x only where
   ops->needs_x. */
void antler__activate(antler_run *run, const antler_activation_ops *ops, antler_real *y, const antler_real *x,
                      int64_t rows, int64_t n);
void antler__activate_backward(antler_run *run, const antler_activation_ops *ops, antler_real *dx,
                               const antler_real *dy, const antler_real *y, const antler_real *x, int64_t rows,
                               int64_t n);

/* ---- dropout ---------------------------------------------------------------------------------------------------- */

/* Dropout with one random choice for each element of `drawn`: its axes are the input's, or 1 where the mask is shared
   along them; drawn.dim[0] is ANTLER_BATCH where each sample has a mask of its own, 1 where all share one. Uses bits,
   noise and scratch of the given slot. */

/* noise_shape, ended by 0, against the input's: empty, or an entry for each axis. */
antler_shape antler__drawn_shape(const int64_t *noise_shape, const antler_shape *in);
void antler__drop_declare(antler_plan *plan, int slot, double rate, int64_t seed, const antler_shape *in,
                          const antler_shape *drawn);
/* y may be x, dx may be dy. Forward is the identity in ANTLER_INFER. */
void antler__drop(antler_run *run, int slot, double rate, const antler_shape *drawn, antler_real *y,
                  const antler_tensor *x);
void antler__drop_backward(antler_run *run, int slot, double rate, const antler_shape *drawn, antler_real *dx,
                           const antler_tensor *dy);
/* Smallest word of the stream that keeps an element: ceil(rate * 2^32), for rate < 1. */
uint32_t antler__drop_threshold(double rate);

/* ---- tokens ----------------------------------------------------------------------------------------------------- */

/* ANTLER_DATA unless every number of run->x is an integer in [0, limit). */
antler_status antler__check_tokens(antler_run *run, int64_t limit);

/* y = x * (1 + n) with `multiply`, else x + n: n normal with mean 0 and this standard deviation, drawn from noise site
   `slot`; the same at every call of a step. In ANTLER_INFER, and at deviation 0, y = x. y may be x->data. */
void antler__normal_noise(antler_run *run, int slot, double deviation, bool multiply, antler_real *y,
                          const antler_tensor *x);

#endif

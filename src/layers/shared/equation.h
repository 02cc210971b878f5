/* The equation of an EinsumDense, read for an input: its letters and their sizes. */
#ifndef ANTLER_LAYERS_EQUATION_H
#define ANTLER_LAYERS_EQUATION_H

#include "layers/shared/common.h"

/* Letters of each side, those of "..." being numbers from 1 on. */
typedef struct antler_equation {
    char input[ANTLER_MAX_RANK + 1], kernel[ANTLER_MAX_RANK + 1], output[ANTLER_MAX_RANK + 1],
        bias[ANTLER_MAX_RANK + 1];
    int inputs, kernels, outputs, biases;
    int64_t size[128];              /* of each letter; 0: unknown */
    bool bias_own[ANTLER_MAX_RANK]; /* else the bias has one number along the axis */
} antler_equation;

antler_status antler__equation_parse(antler_equation *e, const struct antler_einsum_dense *c, const antler_shape *in,
                                     antler_error *err);
antler_shape antler__equation_shape(const antler_equation *e, const char *letters, int n);
bool antler__equation_has(const char *letters, int n, char c);

#endif

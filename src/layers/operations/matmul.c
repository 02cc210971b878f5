/* Matmul: y [.., i, j] = sum over k of a [.., i, k] b [.., k, j], a product of matrices for each sample and each place
   in the axes before.   Gradients: da = dy b^T, db = a^T dy. */
#include "layers/operations/operation.h"

#include <string.h>

static const char *const samples[] = {"(4, 3) (3, 2) {}", "(2, 4, 3) (2, 3, 1) {}", "(1, 5) (5, 4) {}", NULL};
static const char *const arguments[] = {"x1", "x2", NULL};

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    (void)config;
    const antler_shape *a = &in[0], *b = &in[1];
    bool fits = b->rank && a->rank == b->rank && a->rank > 2 && a->dim[a->rank - 1] == b->dim[b->rank - 2];
    for (int i = 1; fits && i < a->rank - 2; i++)
        fits = a->dim[i] == b->dim[i];
    if (!fits)
        return antler_error_set(err, ANTLER_SHAPE, NULL,
                                "expected two tensors (batch, .., m, k) and (batch, .., k, n) of as many axes");
    *out = *a;
    out->dim[out->rank - 1] = b->dim[b->rank - 1];
    return ANTLER_OK;
}

typedef struct job {
    antler_run *run;
    antler_product product; /* of the first matrices */
    int64_t matrices, group;
    int64_t a, b, c; /* from one matrix to the next */
} job;

static antler_product product_of(const job *j, int64_t i)
{
    antler_product p = j->product;
    p.a += i * j->a;
    p.b += i * j->b;
    p.c += i * j->c;
    return p;
}

static void multiply_group(void *arg, int64_t group, int worker)
{
    const job *j = arg;
    int64_t end = (group + 1) * j->group < j->matrices ? (group + 1) * j->group : j->matrices;
    for (int64_t i = group * j->group; i < end; i++) {
        antler_product p = product_of(j, i);
        j->run->k->product(&p, 0, p.m, 0, p.n, j->run->workers->scratch[worker]);
    }
}

/* A task is so many products that it is worth one; a single one is cut itself. */
static void multiply(job *j)
{
    const double task = 1 << 17; /* multiplications */
    double one = (double)j->product.m * (double)j->product.n * (double)j->product.k;
    if (j->matrices == 1) {
        antler_run_product(j->run, &j->product);
        return;
    }
    j->group = one < task ? (int64_t)(task / one) : 1;
    antler_run_parallel(j->run, multiply_group, j, (j->matrices + j->group - 1) / j->group);
}

/* The sizes of a's and b's matrices: (m, k), (k, n). */
typedef struct sizes {
    int64_t m, k, n, matrices;
} sizes;

static sizes sizes_of(const antler_run *run, const antler_shape *y)
{
    const antler_shape *a = &run->x[0].shape;
    sizes s = {.m = y->dim[y->rank - 2], .k = a->dim[a->rank - 1], .n = y->dim[y->rank - 1]};
    s.matrices = antler_count(y, 0) / (s.m * s.n);
    return s;
}

static antler_status forward(const void *config, antler_run *run)
{
    (void)config;
    sizes s = sizes_of(run, &run->y->shape);
    job j = {.run = run, .matrices = s.matrices, .a = s.m * s.k, .b = s.k * s.n, .c = s.m * s.n};
    j.product = (antler_product){.m = s.m,
                                 .n = s.n,
                                 .k = s.k,
                                 .a = run->x[0].data,
                                 .b = run->x[1].data,
                                 .c = run->y->data,
                                 .a_row = s.k,
                                 .a_col = 1,
                                 .b_row = s.n,
                                 .b_col = 1,
                                 .c_row = s.n};
    multiply(&j);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    (void)config;
    sizes s = sizes_of(run, &run->dy->shape);
    if (run->dx[0].data) {
        job j = {.run = run, .matrices = s.matrices, .a = s.m * s.n, .b = s.k * s.n, .c = s.m * s.k};
        j.product = (antler_product){.m = s.m,
                                     .n = s.k,
                                     .k = s.n,
                                     .a = run->dy->data,
                                     .b = run->x[1].data,
                                     .c = run->dx[0].data,
                                     .a_row = s.n,
                                     .a_col = 1,
                                     .b_row = 1,
                                     .b_col = s.n,
                                     .c_row = s.k};
        multiply(&j);
    }
    if (run->dx[1].data) {
        job j = {.run = run, .matrices = s.matrices, .a = s.m * s.k, .b = s.m * s.n, .c = s.k * s.n};
        j.product = (antler_product){.m = s.k,
                                     .n = s.n,
                                     .k = s.m,
                                     .a = run->x[0].data,
                                     .b = run->dy->data,
                                     .c = run->dx[1].data,
                                     .a_row = 1,
                                     .a_col = s.k,
                                     .b_row = s.n,
                                     .b_col = 1,
                                     .c_row = s.n};
        multiply(&j);
    }
    return ANTLER_OK;
}

const antler_operation_ops antler__operation_matmul = {
    .layer = {.type = ANTLER_OPERATION_TYPE("Matmul", antler_plain_operation, NULL, samples, "products of matrices",
                                            .aliases = NULL),
              .flags = ANTLER_NEEDS_X,
              .inputs = 2,
              .mask = ANTLER_MASK_END,
              .infer = infer,
              .forward = forward,
              .backward = backward,
              .arguments = arguments},
    .module = ANTLER_NUMPY,
    .spelling = (const antler_spelling[]){{"linalg.matmul", "a=x1 b=x2"}, {NULL, NULL}},
};

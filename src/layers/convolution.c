/* Convolutions as products. A tile of rows of the patches' matrix is written where it stays in a cache, and multiplied
   at once. The gradients of kernel and bias are sums of parts of ANTLER_PART rows, which different threads make. */
#include "layers/convolution.h"

#include "core/run.h"

enum { Z }; /* saved: for activations whose gradient needs it */
enum {
    PATCHES,   /* of x, a tile a thread */
    GRADIENTS, /* of dz, a tile a thread */
    DZ,        /* as y */
    TURNED,    /* (h, w, f, c) the kernel with its last axes exchanged */
    KERNELS,   /* (parts, h, w, c, f) */
    BIASES     /* (parts, f) */
};

static int64_t pieces(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

static void declare_tile(antler_plan *plan, int slot, int64_t columns)
{
    antler_plan_scratch(plan, slot,
                        &(antler_shape){3, {antler_plan_threads(plan), antler__tile_rows(columns), columns}});
}

void antler__convolution_declare(const antler_convolution *c, const antler_shape *in, const antler_shape *out,
                                 antler_plan *plan)
{
    const int64_t taps = c->h.taps * c->w.taps, parts = pieces(in->dim[0] * c->h.out * c->w.out, ANTLER_PART);
    antler_plan_needs(plan, ANTLER_NEEDS_X | (c->activation != NULL ? ANTLER_NEEDS_Y : 0u));
    if (c->activation != NULL && c->activation->needs_x)
        antler_plan_saved(plan, Z, out);
    declare_tile(plan, PATCHES, taps * c->channels);
    if (antler_plan_mode(plan) != ANTLER_TRAIN)
        return;
    declare_tile(plan, GRADIENTS, taps * c->filters);
    if (c->activation != NULL)
        antler_plan_scratch(plan, DZ, out);
    antler_plan_scratch(plan, TURNED, &(antler_shape){3, {taps, c->filters, c->channels}});
    antler_plan_scratch(plan, KERNELS, &(antler_shape){4, {parts, taps, c->channels, c->filters}});
    antler_plan_scratch(plan, BIASES, &(antler_shape){2, {parts, c->filters}});
}

/* What the tasks of a call see. */
typedef struct job {
    antler_run *run;
    const antler_convolution *c;
    antler_patches patches; /* of x, or of dz for dx */
    antler_real *z;
    const antler_real *dz;
} job;

static int64_t batch_of(const antler_run *run)
{
    return run->x->shape.dim[0];
}

static antler_patches patches_of_x(const antler_convolution *c, const antler_run *run)
{
    return antler__patches(antler__taps_in(&c->h), antler__taps_in(&c->w), c->channels, batch_of(run), run->x->data,
                           run->scratch[PATCHES].data);
}

/* c (count, n) = rows of the patches times b (columns, n). */
static void multiply_tile(const job *j, int64_t first, int64_t count, const antler_real *b, int64_t n, antler_real *c,
                          const antler_real *bias, int worker)
{
    const int64_t columns = j->patches.columns;
    const antler_product p = {.m = count,
                              .n = n,
                              .k = columns,
                              .a = antler__patches_rows(&j->patches, first, count, worker),
                              .a_row = columns,
                              .a_col = 1,
                              .b = b,
                              .b_row = n,
                              .b_col = 1,
                              .c = c,
                              .c_row = n,
                              .bias = bias};
    j->run->k->product(&p, 0, count, 0, n, antler__worker_scratch(j->run, worker));
}

static int64_t rows_of_tile(const antler_patches *p, int64_t first)
{
    return p->rows - first < p->tile ? p->rows - first : p->tile;
}

static void forward_tile(void *arg, int64_t i, int worker)
{
    const job *j = arg;
    const int64_t first = i * j->patches.tile, count = rows_of_tile(&j->patches, first), n = j->c->filters;
    const antler_activation_ops *const ops = j->c->activation;
    antler_real *const z = j->z + first * n;
    multiply_tile(j, first, count, j->run->param[SLOT_KERNEL].data, n, z,
                  j->c->use_bias ? j->run->param[SLOT_BIAS].data : NULL, worker);
    if (ops != NULL)
        ops->forward(j->run->y->data + first * n, z, ops->rowwise ? count : 1, ops->rowwise ? n : count * n);
}

void antler__convolution_forward(const antler_convolution *c, antler_run *run)
{
    job j = {.run = run, .c = c, .patches = patches_of_x(c, run), .z = run->y->data};
    if (run->logits != NULL)
        j.z = run->logits->data;
    else if (run->saved[Z].data != NULL)
        j.z = run->saved[Z].data;
    antler_parallel(run, forward_tile, &j, pieces(j.patches.rows, j.patches.tile));
}

/* ---- gradients of kernel and bias ------------------------------------------------------------------------------- */

/* One part of both sums, a tile after the other. */
static void sum_part(void *arg, int64_t i, int worker)
{
    static const antler_real one = 1;
    const job *j = arg;
    antler_run *const run = j->run;
    const int64_t n = j->c->filters, m = j->patches.columns, rows = j->patches.rows;
    const int64_t end = (i + 1) * ANTLER_PART < rows ? (i + 1) * ANTLER_PART : rows;
    antler_product kernel = {.m = m, .n = n, .a_row = 1, .a_col = m, .b_row = n, .b_col = 1, .c_row = n};
    antler_product bias = {.m = 1, .n = n, .a = &one, .b_row = n, .b_col = 1, .c_row = n};
    kernel.c = run->scratch[KERNELS].data + i * m * n;
    bias.c = run->scratch[BIASES].data + i * n;
    for (int64_t first = i * ANTLER_PART; first < end; first += j->patches.tile) {
        const int64_t count = end - first < j->patches.tile ? end - first : j->patches.tile;
        kernel.k = bias.k = count;
        kernel.a = antler__patches_rows(&j->patches, first, count, worker);
        kernel.b = bias.b = j->dz + first * n;
        run->k->product(&kernel, 0, m, 0, n, antler__worker_scratch(run, worker));
        if (j->c->use_bias)
            run->k->product(&bias, 0, 1, 0, n, antler__worker_scratch(run, worker));
        kernel.resume = bias.resume = true;
    }
}

typedef struct tree_job {
    const antler_kernels *k;
    antler_real *y, *parts;
    int64_t count, n;
} tree_job;

static void add_parts(void *arg, int64_t first, int64_t count)
{
    const tree_job *t = arg;
    t->k->tree(t->y + first, t->parts + first, t->count, t->n, count);
}

static void param_gradients(const antler_convolution *c, antler_run *run, const antler_real *dz)
{
    job j = {.run = run, .c = c, .patches = patches_of_x(c, run), .dz = dz};
    const int64_t parts = pieces(j.patches.rows, ANTLER_PART);
    antler_parallel(run, sum_part, &j, parts);
    tree_job t = {run->k, run->grad[SLOT_KERNEL].data, run->scratch[KERNELS].data, parts,
                  j.patches.columns * c->filters};
    antler__ranges(run, t.n, parts, add_parts, &t);
    if (c->use_bias)
        run->k->tree(run->grad[SLOT_BIAS].data, run->scratch[BIASES].data, parts, c->filters, c->filters);
}

/* ---- gradient of the input -------------------------------------------------------------------------------------- */

/* Taps [first, first + count) of the kernel with channels and filters exchanged. */
static void turn_taps(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const int64_t n = j->c->channels, m = j->c->filters;
    for (int64_t tap = first; tap < first + count; tap++) {
        const antler_real *from = j->run->param[SLOT_KERNEL].data + tap * n * m;
        antler_real *to = j->run->scratch[TURNED].data + tap * n * m;
        for (int64_t f = 0; f < m; f++)
            for (int64_t ch = 0; ch < n; ch++)
                to[f * n + ch] = from[ch * m + f];
    }
}

static void input_tile(void *arg, int64_t i, int worker)
{
    const job *j = arg;
    const int64_t first = i * j->patches.tile, n = j->c->channels;
    multiply_tile(j, first, rows_of_tile(&j->patches, first), j->run->scratch[TURNED].data, n,
                  j->run->dx->data + first * n, NULL, worker);
}

static void input_gradient(const antler_convolution *c, antler_run *run, const antler_real *dz)
{
    job j = {.run = run, .c = c};
    j.patches = antler__patches(antler__taps_out(&c->h), antler__taps_out(&c->w), c->filters, batch_of(run), dz,
                                run->scratch[GRADIENTS].data);
    antler__ranges(run, c->h.taps * c->w.taps, c->channels * c->filters, turn_taps, &j);
    antler_parallel(run, input_tile, &j, pieces(j.patches.rows, j.patches.tile));
}

void antler__convolution_backward(const antler_convolution *c, antler_run *run)
{
    const antler_activation_ops *const ops = run->logits != NULL ? NULL : c->activation;
    const antler_real *dz = run->dy->data;
    if (ops != NULL) {
        antler__activate_backward(run, ops, run->scratch[DZ].data, dz, run->y->data,
                                  ops->needs_x ? run->saved[Z].data : NULL, batch_of(run) * c->h.out * c->w.out,
                                  c->filters);
        dz = run->scratch[DZ].data;
    }
    if (run->grad[SLOT_KERNEL].data != NULL)
        param_gradients(c, run, dz);
    if (run->dx != NULL)
        input_gradient(c, run, dz);
}

/* Convolutions as products. A tile of rows of the patches' matrix is written where it stays in a cache, and multiplied
   at once:

     z = patches(x) kernel + bias        kernel' = patches(x)^T dz        patches(dx) = dz kernel^T

   The gradients of kernel and bias are sums of parts of ANTLER_PART rows, which different threads make; patches of dx
   are added up image by image. */
#include "layers/shared/convolution.h"

#include "model/run.h"

#include <string.h>

enum { Z }; /* saved: for activations whose gradient needs it */
enum {
    PATCHES, /* a tile a thread */
    TILES,   /* of dz, a tile a thread, where dz is not needed whole */
    DZ,      /* as y */
    TURNED,  /* (f, columns) kernel^T */
    KERNELS, /* (parts, columns, f) */
    BIASES   /* (parts, f) */
};

static int64_t pieces(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

void antler__convolution_declare(const antler_convolution *c, const antler_shape *in, const antler_shape *out,
                                 antler_plan *plan)
{
    const int64_t columns = c->h.taps * c->w.taps * c->channels, tile = antler__tile_rows(columns);
    const int64_t threads = antler_plan_threads(plan), parts = pieces(in->dim[0] * c->h.out * c->w.out, ANTLER_PART);
    antler_plan_needs(plan, ANTLER_NEEDS_X | (c->activation != NULL ? ANTLER_NEEDS_Y : 0u));
    if (c->activation != NULL && c->activation->needs_x)
        antler_plan_saved(plan, Z, out);
    antler_plan_scratch(plan, PATCHES, &(antler_shape){3, {threads, tile, columns}});
    if (antler_plan_mode(plan) != ANTLER_TRAIN)
        return;
    if (c->activation != NULL) {
        antler_plan_scratch(plan, TILES, &(antler_shape){3, {threads, tile, c->filters}});
        antler_plan_scratch(plan, DZ, out);
    }
    antler_plan_scratch(plan, TURNED, &(antler_shape){2, {c->filters, columns}});
    antler_plan_scratch(plan, KERNELS, &(antler_shape){3, {parts, columns, c->filters}});
    antler_plan_scratch(plan, BIASES, &(antler_shape){2, {parts, c->filters}});
}

/* What the tasks of a call see. */
typedef struct job {
    antler_run *run;
    const antler_convolution *c;
    antler_patches p;
    antler_real *z;
    const antler_activation_ops *activation; /* backward: NULL where dy is dz */
    antler_real *dz;                         /* whole; NULL where nobody needs it later */
} job;

static job begin(const antler_convolution *c, antler_run *run)
{
    return (job){.run = run, .c = c, .p = antler__patches(&c->h, &c->w, c->channels, run->x->shape.dim[0])};
}

static antler_real *space(const job *j, int worker)
{
    return j->run->scratch[PATCHES].data + worker * j->p.tile * j->p.columns;
}

static void multiply(const job *j, const antler_product *p, int worker)
{
    j->run->k->product(p, 0, p->m, 0, p->n, antler__worker_scratch(j->run, worker));
}

static void forward_tile(void *arg, int64_t i, int worker)
{
    const job *j = arg;
    const antler_activation_ops *const ops = j->c->activation;
    const int64_t first = i * j->p.tile, left = j->p.rows - first, count = left < j->p.tile ? left : j->p.tile;
    const int64_t n = j->c->filters;
    antler_product z = {.m = count, .n = n, .k = j->p.columns, .c = j->z + first * n, .c_row = n};
    z.a = antler__patches_of(&j->p, j->run->x->data, first, count, space(j, worker));
    z.a_row = j->p.columns;
    z.a_col = 1;
    z.b = j->run->param[SLOT_KERNEL].data;
    z.b_row = n;
    z.b_col = 1;
    z.bias = j->c->use_bias ? j->run->param[SLOT_BIAS].data : NULL;
    multiply(j, &z, worker);
    if (ops != NULL)
        ops->forward(j->run->y->data + first * n, z.c, ops->rowwise ? count : 1, ops->rowwise ? n : count * n);
}

void antler__convolution_forward(const antler_convolution *c, antler_run *run)
{
    job j = begin(c, run);
    j.z = run->y->data;
    if (run->logits != NULL)
        j.z = run->logits->data;
    else if (run->saved[Z].data != NULL)
        j.z = run->saved[Z].data;
    antler_parallel(run, forward_tile, &j, pieces(j.p.rows, j.p.tile));
}

/* ---- gradients of kernel and bias ------------------------------------------------------------------------------- */

/* dz of some rows, made from dy where an activation lies between. */
static const antler_real *make_dz(const job *j, int64_t first, int64_t count, int worker)
{
    const antler_activation_ops *const ops = j->activation;
    const antler_run *const run = j->run;
    const int64_t n = j->c->filters, at = first * n;
    if (ops == NULL)
        return run->dy->data + at;
    antler_real *const dz = j->dz != NULL ? j->dz + at : run->scratch[TILES].data + worker * j->p.tile * n;
    ops->backward(dz, run->dy->data + at, run->y->data + at, ops->needs_x ? run->saved[Z].data + at : NULL,
                  ops->rowwise ? count : 1, ops->rowwise ? n : count * n);
    return dz;
}

/* One part of both sums, a tile after the other. */
static void sum_part(void *arg, int64_t i, int worker)
{
    static const antler_real one = 1;
    const job *j = arg;
    const int64_t n = j->c->filters, m = j->p.columns, rows = j->p.rows;
    const int64_t end = (i + 1) * ANTLER_PART < rows ? (i + 1) * ANTLER_PART : rows;
    antler_product kernel = {.m = m, .n = n, .a_row = 1, .a_col = m, .b_row = n, .b_col = 1, .c_row = n};
    antler_product bias = {.m = 1, .n = n, .a = &one, .b_row = n, .b_col = 1, .c_row = n};
    kernel.c = j->run->scratch[KERNELS].data + i * m * n;
    bias.c = j->run->scratch[BIASES].data + i * n;
    for (int64_t first = i * ANTLER_PART; first < end; first += j->p.tile) {
        const int64_t count = end - first < j->p.tile ? end - first : j->p.tile;
        kernel.k = bias.k = count;
        kernel.a = antler__patches_of(&j->p, j->run->x->data, first, count, space(j, worker));
        kernel.b = bias.b = make_dz(j, first, count, worker);
        multiply(j, &kernel, worker);
        if (j->c->use_bias)
            multiply(j, &bias, worker);
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

static void param_gradients(const job *j)
{
    antler_run *const run = j->run;
    const int64_t parts = pieces(j->p.rows, ANTLER_PART), n = j->c->filters;
    antler_parallel(run, sum_part, (void *)(uintptr_t)j, parts);
    tree_job t = {run->k, run->grad[SLOT_KERNEL].data, run->scratch[KERNELS].data, parts, j->p.columns * n};
    antler__ranges(run, t.n, parts, add_parts, &t);
    if (j->c->use_bias)
        run->k->tree(run->grad[SLOT_BIAS].data, run->scratch[BIASES].data, parts, n, n);
}

/* ---- gradient of the input -------------------------------------------------------------------------------------- */

/* Rows [first, first + count) of the kernel (columns, f) become columns. */
static void turn_rows(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const antler_real *const kernel = j->run->param[SLOT_KERNEL].data;
    antler_real *const turned = j->run->scratch[TURNED].data;
    for (int64_t f = 0; f < j->c->filters; f++)
        for (int64_t i = first; i < first + count; i++)
            turned[f * j->p.columns + i] = kernel[i * j->c->filters + f];
}

/* Patches of dx, of some rows, to `to`. */
static void multiply_dz(const job *j, int64_t first, int64_t count, antler_real *to, int worker)
{
    const int64_t n = j->p.columns, k = j->c->filters;
    const antler_real *const dz = j->dz != NULL ? j->dz : j->run->dy->data;
    const antler_product p = {.m = count,
                              .n = n,
                              .k = k,
                              .a = dz + first * k,
                              .a_row = k,
                              .a_col = 1,
                              .b = j->run->scratch[TURNED].data,
                              .b_row = n,
                              .b_col = 1,
                              .c = to,
                              .c_row = n};
    multiply(j, &p, worker);
}

static void image_gradient(void *arg, int64_t image, int worker)
{
    const job *j = arg;
    const int64_t size = j->c->h.in * j->c->w.in * j->c->channels, rows = j->c->h.out * j->c->w.out;
    antler_real *const dx = j->run->dx->data, *const tile = space(j, worker);
    if (j->p.plain) {
        multiply_dz(j, image * rows, rows, dx + image * size, worker);
        return;
    }
    memset(dx + image * size, 0, (size_t)size * sizeof *dx);
    for (int64_t i = 0; i < rows; i += j->p.tile) {
        const int64_t count = rows - i < j->p.tile ? rows - i : j->p.tile;
        multiply_dz(j, image * rows + i, count, tile, worker);
        antler__patches_add(&j->p, dx, image * rows + i, count, tile);
    }
}

void antler__convolution_backward(const antler_convolution *c, antler_run *run)
{
    job j = begin(c, run);
    const bool trains = run->grad[SLOT_KERNEL].data != NULL;
    if (run->logits == NULL)
        j.activation = c->activation;
    if (j.activation != NULL && run->dx != NULL)
        j.dz = run->scratch[DZ].data;
    if (trains)
        param_gradients(&j);
    else if (j.dz != NULL)
        antler__activate_backward(run, j.activation, j.dz, run->dy->data, run->y->data, run->saved[Z].data, j.p.rows,
                                  c->filters);
    if (run->dx != NULL) {
        antler__ranges(run, j.p.columns, c->filters, turn_rows, &j);
        antler_parallel(run, image_gradient, &j, run->x->shape.dim[0]);
    }
}

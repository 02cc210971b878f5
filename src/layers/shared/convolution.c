/* Convolutions as products. A tile of rows of the patches' matrix is written where it stays in a cache, and multiplied
   at once:

     z = patches(x) kernel + bias        kernel' = patches(x)^T dz        patches(dx) = dz kernel^T

   The gradients of kernel and bias are sums of parts of ANTLER_PART rows, which different threads make; patches of dx
   are added up image by image. */
#include "layers/shared/convolution.h"

#include <string.h>

enum {
    PATCHES, /* a tile a thread */
    TILES,   /* of dz, a tile a thread */
    TURNED,  /* (f, columns) kernel^T */
    KERNELS, /* (parts, columns, f) */
    BIASES   /* (parts, f) */
};

static int64_t pieces(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

void antler__convolution_buffers(const antler_convolution *c, int64_t batch, antler_plan *plan)
{
    int64_t columns = c->h.taps * c->w.taps * c->channels, tile = antler__tile_rows(columns);
    int64_t threads = antler_plan_workers(plan), parts = pieces(batch * c->h.out * c->w.out, ANTLER_PART);
    antler_plan_scratch(plan, PATCHES, &(antler_shape){3, {threads, tile, columns}});
    if (antler_plan_mode(plan) != ANTLER_TRAIN)
        return;
    antler_plan_scratch(plan, TILES, &(antler_shape){3, {threads, tile, c->filters}});
    antler_plan_scratch(plan, TURNED, &(antler_shape){2, {c->filters, columns}});
    antler_plan_scratch(plan, KERNELS, &(antler_shape){3, {parts, columns, c->filters}});
    antler_plan_scratch(plan, BIASES, &(antler_shape){2, {parts, c->filters}});
}

/* What the tasks of a call see. */
typedef struct job {
    antler_run *run;
    const antler_convolution *c;
    antler_patches p;
    const antler_real *dz; /* backward: whole, where the gradient of the input is wanted */
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
    j->run->k->product(p, 0, p->m, 0, p->n, j->run->workers->scratch[worker]);
}

static void forward_tile(void *arg, int64_t i, int worker)
{
    const job *j = arg;
    const int64_t first = i * j->p.tile, left = j->p.rows - first, count = left < j->p.tile ? left : j->p.tile;
    const int64_t n = j->c->filters;
    antler_product z = {.m = count, .n = n, .k = j->p.columns, .c = j->run->y->data + first * n, .c_row = n};
    z.a = antler__patches_of(&j->p, j->run->x->data, first, count, space(j, worker));
    z.a_row = j->p.columns;
    z.a_col = 1;
    z.b = j->run->param[SLOT_KERNEL].data;
    z.b_row = n;
    z.b_col = 1;
    z.bias = j->c->use_bias ? j->run->param[SLOT_BIAS].data : NULL;
    multiply(j, &z, worker);
    antler_epilogue_forward(j->run, first, count);
}

void antler__convolution_forward(const antler_convolution *c, antler_run *run)
{
    job j = begin(c, run);
    antler_run_parallel(run, forward_tile, &j, pieces(j.p.rows, j.p.tile));
}

/* ---- gradients of kernel and bias -------------------------------------------------------------------------------- */

/* dz of some rows. */
static const antler_real *make_dz(const job *j, int64_t first, int64_t count, int worker)
{
    antler_real *tile = j->run->scratch[TILES].data + worker * j->p.tile * j->c->filters;
    return antler_epilogue_backward(j->run, first, count, tile);
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
    antler_run_parallel(run, sum_part, (void *)(uintptr_t)j, parts);
    tree_job t = {run->k, run->grad[SLOT_KERNEL].data, run->scratch[KERNELS].data, parts, j->p.columns * n};
    antler_run_ranges(run, t.n, parts, add_parts, &t);
    if (j->c->use_bias)
        run->k->tree(run->grad[SLOT_BIAS].data, run->scratch[BIASES].data, parts, n, n);
}

/* ---- gradient of the input --------------------------------------------------------------------------------------- */

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
    const antler_product p = {.m = count,
                              .n = n,
                              .k = k,
                              .a = j->dz + first * k,
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

/* All of dz, where no sums over it were wanted. */
static void make_rows(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    antler_epilogue_backward(j->run, first, count, NULL);
}

void antler__convolution_backward(const antler_convolution *c, antler_run *run)
{
    job j = begin(c, run);
    bool wanted = run->dx->data;
    if (run->grad[SLOT_KERNEL].data)
        param_gradients(&j);
    else if (wanted)
        antler_run_ranges(run, j.p.rows, c->filters, make_rows, &j);
    if (wanted) {
        j.dz = antler_epilogue_dz(run);
        antler_run_ranges(run, j.p.columns, c->filters, turn_rows, &j);
        antler_run_parallel(run, image_gradient, &j, run->x->shape.dim[0]);
    }
}

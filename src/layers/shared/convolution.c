/* Convolutions as products. A tile of rows of the patches' matrix is written where it stays in a cache, and multiplied
   at once, group by group:

     rows = patches(image) kernel        kernel' = patches(image)^T rows'        patches(image') = rows' kernel^T

   and transposed:

     patches(image) = rows kernel^T      kernel' = patches(image')^T rows        rows' = patches(image') kernel

   The gradients of kernel and bias are sums of parts of ANTLER_PART rows, which different threads make; patches of an
   image are added up image by image. */
#include "layers/shared/convolution.h"

#include <string.h>

enum {
    PATCHES, /* a tile a thread */
    TILES,   /* of dz, a tile a thread */
    TURNED,  /* (f, columns) kernel^T */
    KERNELS, /* (parts, columns, f) */
    BIASES   /* (parts, f) */
};
_Static_assert(BIASES + 1 == ANTLER_CONVOLUTION_SLOTS, "as convolution.h says");

static int64_t pieces(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

void antler__convolution_buffers(const antler_convolution *c, int slot, int64_t batch, antler_plan *plan)
{
    int64_t columns = antler__taps(c->w) * (c->channels / c->groups), tile = antler__tile_rows(columns);
    int64_t threads = antler_plan_workers(plan), parts = pieces(batch * antler__outputs(c->w), ANTLER_PART);
    antler_plan_scratch(plan, slot + PATCHES, &(antler_shape){3, {threads, tile, columns}});
    const bool train = antler_plan_mode(plan) == ANTLER_TRAIN;
    if (train && !c->transposed) {
        antler_plan_scratch(plan, slot + TILES, &(antler_shape){3, {threads, tile, c->filters}});
        antler_plan_scratch(plan, slot + BIASES, &(antler_shape){2, {parts, c->filters}});
    }
    if (train || c->transposed)
        antler_plan_scratch(plan, slot + TURNED, &(antler_shape){2, {c->filters, columns}});
    if (train)
        antler_plan_scratch(plan, slot + KERNELS, &(antler_shape){3, {parts, columns, c->filters}});
}

/* What the tasks of a call see. */
typedef struct job {
    antler_run *run;
    const antler_convolution *c;
    antler_patches p;          /* of a group */
    int64_t n;                 /* filters of a group */
    const antler_real *images; /* what patches are taken from */
    const antler_real *rows;   /* whole; NULL: made from dy, a tile at a time */
    const antler_real *bias;   /* added to rows */
    antler_real *to;           /* rows, or images */
} job;

static job begin(const antler_convolution *c, antler_run *run)
{
    return (job){.run = run,
                 .c = c,
                 .p = antler__patches(c->w, c->channels / c->groups, c->channels, run->x->shape.dim[0]),
                 .n = c->filters / c->groups};
}

static antler_real *space(const job *j, int worker)
{
    return j->run->scratch[PATCHES].data + worker * j->p.tile * j->p.columns;
}

static const antler_real *patches_of(const job *j, int64_t group, int64_t first, int64_t count, int worker)
{
    return antler__patches_of(&j->p, j->images + group * j->p.channels, first, count, space(j, worker));
}

static void multiply(const job *j, const antler_product *p, int worker)
{
    j->run->k->product(p, 0, p->m, 0, p->n, j->run->workers->scratch[worker]);
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* Rows [first, first + count) of patches(images) kernel. */
static void make_rows(const job *j, int64_t first, int64_t count, int worker)
{
    const int64_t filters = j->c->filters;
    for (int64_t g = 0; g < j->c->groups; g++) {
        antler_product z = {.m = count, .n = j->n, .k = j->p.columns, .c_row = filters};
        z.a = patches_of(j, g, first, count, worker);
        z.a_row = j->p.row;
        z.a_col = 1;
        z.b = j->run->param[SLOT_KERNEL].data + g * j->n;
        z.b_row = filters;
        z.b_col = 1;
        z.c = j->to + first * filters + g * j->n;
        z.bias = j->bias ? j->bias + g * j->n : NULL;
        multiply(j, &z, worker);
    }
}

static int64_t tile_at(const job *j, int64_t i, int64_t *first)
{
    *first = i * j->p.tile;
    const int64_t left = j->p.rows - *first;
    return left < j->p.tile ? left : j->p.tile;
}

static void forward_tile(void *arg, int64_t i, int worker)
{
    const job *j = arg;
    int64_t first, count = tile_at(j, i, &first);
    make_rows(j, first, count, worker);
    antler_epilogue_forward(j->run, first, count);
}

static void gradient_tile(void *arg, int64_t i, int worker)
{
    const job *j = arg;
    int64_t first, count = tile_at(j, i, &first);
    make_rows(j, first, count, worker);
}

/* ---- gradients of kernel and bias -------------------------------------------------------------------------------- */

static const antler_real *rows_of(const job *j, int64_t first, int64_t count, int worker)
{
    if (j->rows)
        return j->rows + first * j->c->filters;
    antler_real *tile = j->run->scratch[TILES].data + worker * j->p.tile * j->c->filters;
    return antler_epilogue_backward(j->run, first, count, tile);
}

/* One part of both sums, a tile after the other. */
static void sum_part(void *arg, int64_t i, int worker)
{
    static const antler_real one = 1;
    const job *j = arg;
    const int64_t f = j->c->filters, m = j->p.columns, rows = j->p.rows;
    const int64_t end = (i + 1) * ANTLER_PART < rows ? (i + 1) * ANTLER_PART : rows;
    antler_product kernel = {.m = m, .n = j->n, .a_row = 1, .a_col = j->p.row, .b_row = f, .b_col = 1, .c_row = f};
    antler_product bias = {.m = 1, .n = f, .a = &one, .b_row = f, .b_col = 1, .c_row = f};
    const bool sums_bias = j->c->use_bias && !j->c->transposed;
    if (sums_bias)
        bias.c = j->run->scratch[BIASES].data + i * f;
    for (int64_t first = i * ANTLER_PART; first < end; first += j->p.tile) {
        const int64_t count = end - first < j->p.tile ? end - first : j->p.tile;
        kernel.k = bias.k = count;
        bias.b = rows_of(j, first, count, worker);
        for (int64_t g = 0; g < j->c->groups; g++) {
            kernel.a = patches_of(j, g, first, count, worker);
            kernel.b = bias.b + g * j->n;
            kernel.c = j->run->scratch[KERNELS].data + i * m * f + g * j->n;
            multiply(j, &kernel, worker);
        }
        if (sums_bias)
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

static void param_gradients(job *j)
{
    antler_run *const run = j->run;
    const int64_t parts = pieces(j->p.rows, ANTLER_PART), f = j->c->filters;
    antler_run_parallel(run, sum_part, j, parts);
    tree_job t = {run->k, run->grad[SLOT_KERNEL].data, run->scratch[KERNELS].data, parts, j->p.columns * f};
    antler_run_ranges(run, t.n, parts, add_parts, &t);
    if (j->c->use_bias && !j->c->transposed)
        run->k->tree(run->grad[SLOT_BIAS].data, run->scratch[BIASES].data, parts, f, f);
}

/* ---- images ------------------------------------------------------------------------------------------------------ */

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

/* Patches of a group, of some rows, to `to`, whose rows are so far from each other. */
static void multiply_turned(const job *j, int64_t group, int64_t first, int64_t count, antler_real *to, int64_t to_row,
                            int worker)
{
    const int64_t n = j->p.columns, f = j->c->filters;
    const antler_product p = {.m = count,
                              .n = n,
                              .k = j->n,
                              .a = j->rows + first * f + group * j->n,
                              .a_row = f,
                              .a_col = 1,
                              .b = j->run->scratch[TURNED].data + group * j->n * n,
                              .b_row = n,
                              .b_col = 1,
                              .c = to,
                              .c_row = to_row};
    multiply(j, &p, worker);
}

/* The group's channels of an image. */
static void add_group(const job *j, int64_t image, int64_t group, int worker)
{
    const int64_t rows = antler__outputs(j->c->w);
    antler_real *const to = j->to + group * j->p.channels, *const tile = space(j, worker);
    if (j->p.plain) {
        multiply_turned(j, group, image * rows, rows, to + image * rows * j->p.step, j->p.step, worker);
        return;
    }
    for (int64_t i = 0; i < rows; i += j->p.tile) {
        const int64_t count = rows - i < j->p.tile ? rows - i : j->p.tile;
        multiply_turned(j, group, image * rows + i, count, tile, j->p.columns, worker);
        antler__patches_add(&j->p, to, image * rows + i, count, tile);
    }
}

static void make_image(void *arg, int64_t image, int worker)
{
    const job *j = arg;
    const int64_t size = antler__inputs(j->c->w) * j->c->channels;
    if (!j->p.plain)
        memset(j->to + image * size, 0, (size_t)size * sizeof *j->to);
    for (int64_t g = 0; g < j->c->groups; g++)
        add_group(j, image, g, worker);
}

static void forward_image(void *arg, int64_t image, int worker)
{
    const job *j = arg;
    const int64_t channels = j->c->channels, positions = antler__inputs(j->c->w);
    make_image(arg, image, worker);
    antler_real *y = j->to + image * positions * channels;
    for (int64_t i = 0; j->c->use_bias && i < positions; i++, y += channels)
        j->run->k->add(y, y, j->run->param[SLOT_BIAS].data, channels);
}

static void make_images(job *j, void (*fn)(void *arg, int64_t image, int worker))
{
    antler_run_ranges(j->run, j->p.columns, j->c->filters, turn_rows, j);
    antler_run_parallel(j->run, fn, j, j->run->x->shape.dim[0]);
}

/* ---- the layers' two directions ---------------------------------------------------------------------------------- */

void antler__convolution_forward(const antler_convolution *c, antler_run *run)
{
    job j = begin(c, run);
    j.to = run->y->data;
    if (c->transposed) {
        j.rows = run->x->data;
        make_images(&j, forward_image);
        return;
    }
    j.images = run->x->data;
    j.bias = c->use_bias ? run->param[SLOT_BIAS].data : NULL;
    antler_run_parallel(run, forward_tile, &j, pieces(j.p.rows, j.p.tile));
}

/* All of dz, where no sums over it were wanted. */
static void make_dz(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    antler_epilogue_backward(j->run, first, count, NULL);
}

static void straight_backward(job *j)
{
    antler_run *const run = j->run;
    const bool wanted = run->dx->data;
    j->images = run->x->data;
    if (run->grad[SLOT_KERNEL].data)
        param_gradients(j);
    else if (wanted)
        antler_run_ranges(run, j->p.rows, j->c->filters, make_dz, j);
    if (!wanted)
        return;
    j->rows = antler_epilogue_dz(run);
    j->to = run->dx->data;
    make_images(j, make_image);
}

static void transposed_backward(job *j)
{
    antler_run *const run = j->run;
    const int64_t positions = run->x->shape.dim[0] * antler__inputs(j->c->w);
    j->images = run->dy->data; /* of z: the core has the activation */
    j->rows = run->x->data;
    if (run->grad[SLOT_KERNEL].data)
        param_gradients(j);
    if (j->c->use_bias && run->grad[SLOT_BIAS].data)
        antler_run_column_sums(run, run->grad[SLOT_BIAS].data, run->dy->data, positions, j->c->channels);
    j->to = run->dx->data;
    if (j->to)
        antler_run_parallel(run, gradient_tile, j, pieces(j->p.rows, j->p.tile));
}

void antler__convolution_backward(const antler_convolution *c, antler_run *run)
{
    job j = begin(c, run);
    if (c->transposed)
        transposed_backward(&j);
    else
        straight_backward(&j);
}

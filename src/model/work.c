/* What a layer's code may call. Every cut of work below is by shape alone, never by the number of workers. */
#include "model/work.h"

#include "kernels/kernels.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

antler_status antler_run_fail(antler_run *run, antler_status status, const char *format, ...)
{
    char message[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return antler_error_set(run->err, status, NULL, "%s", message);
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

antler_status antler_infer_same(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    (void)config;
    for (int i = 1; in[i - 1].rank && in[i].rank; i++)
        if (!antler_shape_equal(&in[i], in))
            return antler_error_set(err, ANTLER_SHAPE, NULL, "inputs of different shapes");
    *out = *in;
    return ANTLER_OK;
}

int antler_axis(int64_t axis, int rank)
{
    if (axis < 0)
        axis += rank;
    return axis >= 0 && axis < rank ? (int)axis : -1;
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

/* An element's work is a load, an addition and a store, and as long as so many multiplications of a product. */
enum { MOST_TASKS = 16, ELEMENT_MULTIPLICATIONS = 16 };

int64_t antler__task_elements = 16384;

typedef struct product_job {
    antler_run *run;
    const antler_product *p;
    int64_t rows, columns, columns_across; /* size of a block, blocks side by side */
} product_job;

static void product_task(void *arg, int64_t i, int worker)
{
    const product_job *job = arg;
    const antler_product *p = job->p;
    int64_t i0 = i / job->columns_across * job->rows, j0 = i % job->columns_across * job->columns;
    int64_t i1 = i0 + job->rows < p->m ? i0 + job->rows : p->m;
    int64_t j1 = j0 + job->columns < p->n ? j0 + job->columns : p->n;
    job->run->k->product(p, i0, i1, j0, j1, job->run->workers->scratch[worker]);
}

/* Size of a block when n is cut into about `parts`, at multiples of tile. */
static int64_t block_size(int64_t n, int64_t tile, int64_t parts)
{
    int64_t size = parts > 1 ? (n + parts - 1) / parts : n;
    return (size + tile - 1) / tile * tile;
}

/* The longer side is cut first: blocks near squares read the least. */
void antler_run_product(antler_run *run, const antler_product *p)
{
    double multiplications = (double)p->m * (double)p->n * (double)p->k;
    double task = (double)(antler__task_elements * ELEMENT_MULTIPLICATIONS);
    if (multiplications < 2 * task) { /* compared, not divided: of a small network's step a division is a part */
        run->k->product(p, 0, p->m, 0, p->n, run->workers->scratch[0]);
        return;
    }
    int64_t wanted = multiplications < MOST_TASKS * task ? (int64_t)(multiplications / task) : MOST_TASKS;
    product_job job = {.run = run, .p = p};
    if (p->m >= p->n) {
        job.rows = block_size(p->m, run->k->tile_m, wanted);
        job.columns = block_size(p->n, run->k->tile_n, wanted * job.rows / p->m);
    } else {
        job.columns = block_size(p->n, run->k->tile_n, wanted);
        job.rows = block_size(p->m, run->k->tile_m, wanted * job.columns / p->n);
    }
    job.columns_across = (p->n + job.columns - 1) / job.columns;
    antler_run_parallel(run, product_task, &job, (p->m + job.rows - 1) / job.rows * job.columns_across);
}

void antler_run_column_sums(antler_run *run, antler_real *y, const antler_real *x, int64_t rows, int64_t n)
{
    static const antler_real one = 1;
    antler_product p = {.m = 1, .n = n, .k = rows, .a = &one, .b = x, .b_row = n, .b_col = 1, .c = y, .c_row = n};
    antler_run_product(run, &p);
}

/* ---- ranges ------------------------------------------------------------------------------------------------------ */

/* A cost is an estimate, and no reason to end: a product that has run over, below 0, was a large one. Of single
   elements a piece has whole words of bits. */
static int64_t piece_of(int64_t cost)
{
    enum { WORD = 64 };
    if (cost < 0 || cost > antler__task_elements)
        return 1;
    return cost > 1 ? antler__task_elements / cost : (antler__task_elements + WORD - 1) / WORD * WORD;
}

typedef struct range_job {
    void (*fn)(void *arg, int64_t first, int64_t count);
    void *arg;
    int64_t n, piece;
} range_job;

static void range_task(void *arg, int64_t i, int worker)
{
    (void)worker;
    const range_job *job = arg;
    int64_t first = i * job->piece;
    job->fn(job->arg, first, job->n - first < job->piece ? job->n - first : job->piece);
}

static void in_pieces(antler_run *run, range_job *job)
{
    if (job->n <= job->piece)
        job->fn(job->arg, 0, job->n);
    else
        antler_run_parallel(run, range_task, job, (job->n + job->piece - 1) / job->piece);
}

void antler_run_ranges(antler_run *run, int64_t n, int64_t cost, void (*fn)(void *arg, int64_t first, int64_t count),
                       void *arg)
{
    range_job job = {.fn = fn, .arg = arg, .n = n, .piece = piece_of(cost)};
    in_pieces(run, &job);
}

void antler_run_pieces(antler_run *run, int64_t n, int64_t cost, int64_t most,
                       void (*fn)(void *arg, int64_t first, int64_t count), void *arg)
{
    range_job job = {.fn = fn, .arg = arg, .n = n, .piece = piece_of(cost)};
    int64_t share = most > 1 ? (n + most - 1) / most : n;
    share = cost > 1 ? share : (share + 63) / 64 * 64;
    job.piece = job.piece < share ? share : job.piece;
    in_pieces(run, &job);
}

typedef struct add_job {
    const antler_kernels *k;
    antler_real *y;
    const antler_real *a, *b;
} add_job;

static void add_piece(void *arg, int64_t first, int64_t count)
{
    const add_job *job = arg;
    job->k->add(job->y + first, job->a + first, job->b + first, count);
}

void antler_run_add(antler_run *run, antler_real *y, const antler_real *a, const antler_real *b, int64_t n)
{
    add_job job = {antler__kernels(), y, a, b};
    antler_run_ranges(run, n, 1, add_piece, &job);
}

typedef struct copy_job {
    antler_real *y;
    const antler_real *x;
} copy_job;

static void copy_piece(void *arg, int64_t first, int64_t count)
{
    const copy_job *job = arg;
    memcpy(job->y + first, job->x + first, (size_t)count * sizeof *job->y);
}

void antler_run_copy(antler_run *run, antler_real *y, const antler_real *x, int64_t n)
{
    copy_job job = {.y = y, .x = x};
    if (y != x)
        antler_run_ranges(run, n, 1, copy_piece, &job);
}

/* ---- activations ------------------------------------------------------------------------------------------------- */

typedef struct activation_job {
    const antler_activation_ops *f;
    antler_real *to; /* y, or dx */
    const antler_real *dy, *y, *x;
    int64_t n; /* numbers in an item: a row's, or 1 */
} activation_job;

/* Pieces of elements are one row of an elementwise function; an item is else a row of n. */
static void activate_piece(void *arg, int64_t first, int64_t count)
{
    const activation_job *job = arg;
    bool rows = job->f->rowwise;
    int64_t at = first * job->n;
    job->f->forward(job->to + at, job->x + at, rows ? count : 1, rows ? job->n : count);
}

static void activate_backward_piece(void *arg, int64_t first, int64_t count)
{
    const activation_job *job = arg;
    bool rows = job->f->rowwise;
    int64_t at = first * job->n;
    job->f->backward(job->to + at, job->dy + at, job->y + at, job->x ? job->x + at : NULL, rows ? count : 1,
                     rows ? job->n : count);
}

enum { FUNCTION_COST = 4 }; /* of an exp or tanh, against a load, an addition and a store */

const antler_activation_ops *antler_activation_of(antler_object activation)
{
    const antler_activation_ops *ops = (const antler_activation_ops *)activation.type;
    return ops && ops->kernel != ANTLER_ACT_linear ? ops : NULL;
}

void antler__activate(antler_run *run, const antler_activation_ops *f, antler_real *y, const antler_real *x,
                      int64_t rows, int64_t n)
{
    activation_job job = {.f = f, .to = y, .x = x, .n = f->rowwise ? n : 1};
    antler_run_ranges(run, rows * n / job.n, job.n * FUNCTION_COST, activate_piece, &job);
}

void antler__activate_backward(antler_run *run, const antler_activation_ops *f, antler_real *dx, const antler_real *dy,
                               const antler_real *y, const antler_real *x, int64_t rows, int64_t n)
{
    activation_job job = {.f = f, .to = dx, .dy = dy, .y = y, .x = x, .n = f->rowwise ? n : 1};
    antler_run_ranges(run, rows * n / job.n, job.n * FUNCTION_COST, activate_backward_piece, &job);
}

void antler_epilogue_forward(antler_run *run, int64_t first, int64_t rows)
{
    const antler_epilogue *e = run->epilogue;
    if (!e->f)
        return;
    antler_real *y = e->y + first * e->width;
    const antler_real *z = e->z ? e->z + first * e->width : y;
    e->f->forward(y, z, e->f->rowwise ? rows : 1, e->f->rowwise ? e->width : rows * e->width);
}

const antler_real *antler_epilogue_backward(antler_run *run, int64_t first, int64_t rows, antler_real *space)
{
    const antler_epilogue *e = run->epilogue;
    int64_t at = first * e->width;
    const antler_real *dy = run->dy->data + at;
    if (!e->f || e->linear)
        return dy;
    antler_real *dz = e->dz ? e->dz + at : space;
    e->f->backward(dz, dy, run->y->data + at, e->z ? e->z + at : NULL, e->f->rowwise ? rows : 1,
                   e->f->rowwise ? e->width : rows * e->width);
    return dz;
}

const antler_real *antler_epilogue_dz(const antler_run *run)
{
    const antler_epilogue *e = run->epilogue;
    return e->f && !e->linear ? e->dz : run->dy->data;
}

/* ---- mathematics ------------------------------------------------------------------------------------------------- */

antler_real antler_array_sum(const antler_real *x, int64_t n)
{
    return antler__kernels()->sum(x, n);
}

antler_real antler_array_dot(const antler_real *a, const antler_real *b, int64_t n)
{
    return antler__kernels()->dot(a, b, n);
}

void antler_array_exp(antler_real *y, const antler_real *x, int64_t n)
{
    antler__kernels()->exp(y, x, n);
}

void antler_array_log(antler_real *y, const antler_real *x, int64_t n)
{
    antler__kernels()->log(y, x, n);
}

void antler_array_tanh(antler_real *y, const antler_real *x, int64_t n)
{
    antler__kernels()->activation[ANTLER_ACT_tanh].forward(y, x, n, 0);
}

void antler_array_sigmoid(antler_real *y, const antler_real *x, int64_t n)
{
    antler__kernels()->activation[ANTLER_ACT_sigmoid].forward(y, x, n, 0);
}

void antler_array_softmax(antler_real *y, const antler_real *x, int64_t rows, int64_t n)
{
    antler__kernels()->softmax(y, x, rows, n);
}

/* ---- noise ------------------------------------------------------------------------------------------------------- */

static antler_stream stream_of(const antler_noise *noise, int64_t per_sample, int64_t first)
{
    return (antler_stream){noise->key, noise->step, noise->row * (uint64_t)per_sample + (uint64_t)first};
}

void antler_noise_uniform(const antler_noise *noise, int64_t per_sample, int64_t first, antler_real *u, int64_t n)
{
    antler__kernels()->uniform(stream_of(noise, per_sample, first), u, n);
}

void antler_noise_normal(const antler_noise *noise, int64_t per_sample, int64_t first, antler_real *z, int64_t n)
{
    antler__kernels()->normal(stream_of(noise, per_sample, first), z, n);
}

/* ---- tokens ------------------------------------------------------------------------------------------------------ */

antler_status antler_run_check_tokens(antler_run *run, int64_t limit)
{
    const antler_tensor *x = run->x;
    int64_t n = antler_count(&x->shape, 0), per_sample = antler_count(&x->shape, 1);
    for (int64_t i = 0; i < n; i++) {
        antler_real v = x->data[i];
        if (!(v >= 0 && v < (antler_real)limit && (antler_real)(int64_t)v == v))
            return antler_run_fail(
                run, ANTLER_DATA, "sample %lld, position %lld: token %g is not an integer in [0, %lld)",
                (long long)(i / per_sample), (long long)(i % per_sample), (double)v, (long long)limit);
    }
    return ANTLER_OK;
}

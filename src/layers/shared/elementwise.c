#include "layers/shared/elementwise.h"

#include "layers/shared/common.h"
#include "layers/shared/masks.h"
#include "layers/shared/stretch.h"

#include <string.h>

enum { SPREAD, SUMS }; /* scratch: gradient of a stretched x before the sums, and sums in between */
enum { CHUNK = 512 };

typedef struct job {
    const antler_run *run;
    const antler_elementwise *op;
    int64_t size;        /* of y */
    antler_shape to;     /* of y */
    bool masked;         /* masks act on values */
    antler_real *spread; /* backward of one x alone: its gradient, stretched */
    int input;           /* which that is */
} job;

/* ---- shapes and buffers ------------------------------------------------------------------------------------------ */

antler_status antler__elementwise_infer(const void *config, const antler_shape *in, antler_shape *out,
                                        antler_error *err)
{
    (void)config;
    if (in[1].rank == 0)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "it takes a list of at least 2 tensors, got 1");
    return antler__stretched_shape(in, out, err);
}

void antler__elementwise_buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    (void)config;
    antler_shape out;
    if (antler_plan_mode(plan) != ANTLER_TRAIN || antler__stretched_shape(in, &out, NULL) != ANTLER_OK)
        return;
    int most = antler__most_stretched_groups(in, &out);
    if (most > 0)
        antler_plan_scratch(plan, SPREAD, &out);
    if (most > 1)
        antler_plan_scratch(plan, SUMS, &out);
}

/* ---- inputs and masks, stretched --------------------------------------------------------------------------------- */

static bool fills(const job *j, int i)
{
    return antler_count(&j->run->x[i].shape, 0) == j->size;
}

/* A tensor of fewer axes loses its mask in Keras, which gives it more. */
static bool is_masked(const antler_run *run, int i, const antler_shape *to)
{
    const antler_tensor *mask = &run->mask[i];
    return mask->data && run->x[i].shape.rank == to->rank && to->rank > 1 &&
           mask->shape.dim[1] == run->x[i].shape.dim[1];
}

static job job_of(const antler_run *run, const antler_elementwise *op, const antler_shape *to)
{
    job j = {.run = run, .op = op, .size = antler_count(to, 0), .to = *to};
    for (int i = 0; i < run->inputs; i++)
        j.masked |= op->form != ANTLER_LINEAR && antler__masks_join_by_or(run->keras) && is_masked(run, i, to);
    return j;
}

/* Elements [first, first + n) of x_i's mask; NULL: all 1. */
static const antler_real *mask_of(const job *j, int i, int64_t first, int64_t n, antler_real *space)
{
    if (!j->masked || !is_masked(j->run, i, &j->to))
        return NULL;
    const antler_tensor *mask = &j->run->mask[i];
    antler_shape steps = {.rank = j->to.rank, .dim = {mask->shape.dim[0], mask->shape.dim[1]}};
    for (int axis = 2; axis < steps.rank; axis++)
        steps.dim[axis] = 1;
    antler_stretch s = antler__stretch(&steps, &j->to);
    return antler__stretched(&s, mask->data, first, n, space);
}

/* Elements [first, first + n) of x_i as they enter the operation. */
static const antler_real *numbers_of(const job *j, int i, int64_t first, int64_t n, antler_real *space)
{
    const antler_tensor *x = &j->run->x[i];
    const antler_real *numbers = x->data + first, *mask;
    antler_real mask_space[CHUNK];
    if (!fills(j, i)) {
        antler_stretch s = antler__stretch(&x->shape, &j->to);
        numbers = antler__stretched(&s, x->data, first, n, space);
    }
    if (j->op->form != ANTLER_PRODUCT || !j->masked)
        return numbers;
    mask = mask_of(j, i, first, n, mask_space);
    for (int64_t e = 0; mask && e < n; e++)
        space[e] = mask[e] != 0 ? numbers[e] : 1;
    return mask ? space : numbers;
}

/* ---- Maximum, Minimum -------------------------------------------------------------------------------------------- */

/* Of each element in a chunk: the number chosen so far, whose it is (a real: as wide), and whether one was seen that is
   not masked. */
typedef struct choice {
    antler_real value[CHUNK], of[CHUNK];
    bool live[CHUNK];
} choice;

/* A NaN stays, but its gradient goes to the x after it, as TensorFlow has it. Two loops that become vectors. */
static void choose(choice *restrict c, int i, const antler_real *restrict x, int64_t n, antler_real sign)
{
    const antler_real number = (antler_real)i;
    for (int64_t e = 0; e < n; e++) {
        const antler_real of = c->of[e];
        c->of[e] = sign * c->value[e] >= sign * x[e] ? of : number;
    }
    for (int64_t e = 0; e < n; e++) {
        const antler_real value = c->value[e], other = x[e];
        c->value[e] = ((c->of[e] != number) | (value != value)) ? value : other;
    }
}

static void choose_masked(choice *c, int i, const antler_real *x, const antler_real *mask, int64_t n, antler_real sign)
{
    for (int64_t e = 0; e < n; e++) {
        antler_real value = c->value[e];
        if (mask && mask[e] == 0)
            continue;
        bool stays = c->live[e] && sign * value >= sign * x[e];
        c->of[e] = stays ? c->of[e] : (antler_real)i;
        c->value[e] = stays || (c->live[e] && value != value) ? value : x[e];
        c->live[e] = true;
    }
}

static void choose_all(const job *j, choice *c, int64_t first, int64_t n)
{
    antler_real space[CHUNK], mask_space[CHUNK];
    memcpy(c->value, numbers_of(j, 0, first, n, space), (size_t)n * sizeof *c->value);
    memset(c->of, 0, sizeof c->of);
    const antler_real *mask = mask_of(j, 0, first, n, mask_space);
    for (int64_t e = 0; e < n; e++)
        c->live[e] = !mask || mask[e] != 0;
    for (int i = 1; i < j->run->inputs; i++) {
        const antler_real *x = numbers_of(j, i, first, n, space);
        if (j->masked)
            choose_masked(c, i, x, mask_of(j, i, first, n, mask_space), n, j->op->sign);
        else
            choose(c, i, x, n, j->op->sign);
    }
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* 0 where every x is masked. */
static void clear_masked(const job *j, antler_real *y, int64_t first, int64_t n)
{
    antler_real space[CHUNK];
    bool live[CHUNK] = {false};
    for (int i = 0; i < j->run->inputs; i++) {
        const antler_real *mask = mask_of(j, i, first, n, space);
        for (int64_t e = 0; e < n; e++)
            live[e] |= !mask || mask[e] != 0;
    }
    for (int64_t e = 0; e < n; e++)
        y[e] = live[e] ? y[e] : 0;
}

/* y may be any x: it is written once all of them are read. */
static void merge_chunk(const job *j, int64_t first, int64_t n)
{
    antler_real so_far[CHUNK], space[CHUNK], *y = j->run->y->data + first;
    const antler_real *a = numbers_of(j, 0, first, n, so_far);
    for (int i = 1; i < j->run->inputs; i++) {
        antler_real *to = i == j->run->inputs - 1 ? y : so_far;
        j->op->pair(to, a, numbers_of(j, i, first, n, space), n);
        a = to;
    }
    if (j->masked)
        clear_masked(j, y, first, n);
}

static void forward_piece(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const antler_run *run = j->run;
    antler_real *y = run->y->data + first;
    bool chooses_masked = j->op->form == ANTLER_CHOICE && j->masked;
    bool whole = run->inputs == 2 && !j->masked && fills(j, 0) && fills(j, 1);
    if (whole)
        j->op->pair(y, run->x[0].data + first, run->x[1].data + first, count);
    for (int64_t at = first, n; !whole && at < first + count; at += n) {
        n = first + count - at < CHUNK ? first + count - at : CHUNK;
        if (chooses_masked) {
            choice c;
            choose_all(j, &c, at, n);
            memcpy(run->y->data + at, c.value, (size_t)n * sizeof *y);
        } else {
            merge_chunk(j, at, n);
        }
    }
    for (int64_t e = 0; j->op->averages && e < count; e++)
        y[e] /= (antler_real)run->inputs;
}

antler_status antler__elementwise_forward(antler_run *run, const antler_elementwise *op)
{
    job j = job_of(run, op, &run->y->shape);
    antler_run_ranges(run, j.size, 1, forward_piece, &j);
    antler__join_masks(run);
    return ANTLER_OK;
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

static void linear_share(const job *j, int i, antler_real *g, const antler_real *dy, int64_t n)
{
    antler_real sign = i > 0 ? j->op->sign : 1, divisor = j->op->averages ? (antler_real)j->run->inputs : 1;
    if (sign == 1 && divisor == 1 && g != dy)
        memcpy(g, dy, (size_t)n * sizeof *g);
    for (int64_t e = 0; (sign != 1 || divisor != 1) && e < n; e++)
        g[e] = sign * dy[e] / divisor;
}

static void product_share(const job *j, int i, antler_real *g, const antler_real *dy, int64_t first, int64_t n)
{
    antler_real space[CHUNK];
    const antler_real *so_far = dy, *mask;
    for (int k = 0; k < j->run->inputs; k++) {
        if (k == i)
            continue;
        j->op->pair(g, so_far, numbers_of(j, k, first, n, space), n);
        so_far = g;
    }
    mask = mask_of(j, i, first, n, space);
    for (int64_t e = 0; mask && e < n; e++)
        g[e] = mask[e] != 0 ? g[e] : 0;
}

/* The gradient of x_i, stretched. g may be dy. */
static void share(const job *j, int i, const choice *c, antler_real *g, int64_t first, int64_t n)
{
    const antler_real *dy = j->run->dy->data + first;
    if (j->op->form == ANTLER_LINEAR)
        linear_share(j, i, g, dy, n);
    else if (j->op->form == ANTLER_PRODUCT)
        product_share(j, i, g, dy, first, n);
    else
        for (int64_t e = 0; e < n; e++) {
            const antler_real own = dy[e]; /* read in any case: no branch */
            g[e] = c->of[e] == (antler_real)i ? own : 0;
        }
}

/* The gradients of all x that fill y, of which one may be dy and is written last; or that of one x, stretched. */
static void backward_chunk(const job *j, int64_t first, int64_t n)
{
    const antler_run *run = j->run;
    int last = -1;
    choice c;
    if (j->op->form == ANTLER_CHOICE)
        choose_all(j, &c, first, n);
    for (int i = 0; i < run->inputs && !j->spread; i++) {
        if (run->dx[i].data == run->dy->data)
            last = i;
        else if (run->dx[i].data && fills(j, i))
            share(j, i, &c, run->dx[i].data + first, first, n);
    }
    if (j->spread)
        share(j, j->input, &c, j->spread + first, first, n);
    else if (last >= 0)
        share(j, last, &c, run->dx[last].data + first, first, n);
}

static void backward_piece(void *arg, int64_t first, int64_t count)
{
    for (int64_t at = first, n; at < first + count; at += n) {
        n = first + count - at < CHUNK ? first + count - at : CHUNK;
        backward_chunk(arg, at, n);
    }
}

/* The stretched ones go first, while dy is whole. */
antler_status antler__elementwise_backward(antler_run *run, const antler_elementwise *op)
{
    job j = job_of(run, op, &run->dy->shape);
    for (int i = 0; i < run->inputs; i++) {
        if (!run->dx[i].data || fills(&j, i))
            continue;
        antler_stretch s = antler__stretch(&run->x[i].shape, &j.to);
        j.input = i;
        j.spread = run->scratch[SPREAD].data;
        antler_run_ranges(run, j.size, 1, backward_piece, &j);
        antler__stretch_sums(run, &s, run->dx[i].data, j.spread,
                             antler__stretched_groups(&s) > 1 ? run->scratch[SUMS].data : NULL);
    }
    j.spread = NULL;
    antler_run_ranges(run, j.size, 1, backward_piece, &j);
    return ANTLER_OK;
}

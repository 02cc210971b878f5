/* Operators of two: y = a o b, element by element, of tensors of as many axes, whose axes of size 1 are stretched, or
   of a tensor and a number.

   Gradients, those of TensorFlow: of a ^ b are dy b a^(b - 1) and dy y log(a), where a > 0; of the larger of two equal
   numbers the first has it all.

   All is computed in chunks of y's elements, so that stretched tensors and numbers are copies in a cache. */
#include "layers/operations/operation.h"
#include "layers/shared/stretch.h"
#include "parts/powers.h"

#include <math.h>
#include <string.h>

enum { SPREAD, SUMS }; /* scratch: gradient of a stretched tensor before the sums, and sums in between */
enum { CHUNK = 512 };

typedef struct pair {
    ANTLER_LAYER_KEYS
    double x1, x2; /* NaN: a tensor */
} pair;

typedef void forward_fn(antler_real *y, const antler_real *a, const antler_real *b, int64_t n);
typedef void backward_fn(antler_real *g, const antler_real *dy, const antler_real *a, const antler_real *b, int64_t n);

typedef struct operation {
    forward_fn *forward;      /* y may be a or b */
    backward_fn *backward[2]; /* gradients of a and of b; g may be dy */
} operation;

typedef struct job {
    const antler_run *run;
    const operation *op;
    antler_shape to; /* of y */
    int input[2];    /* of a and of b; -1: a number */
    antler_real number[2];
    int side;            /* backward of one alone */
    antler_real *spread; /* its gradient, stretched */
} job;

static const antler_field fields[] = {
    ANTLER_FIELD_ARGUMENT(pair, x1),
    ANTLER_FIELD_ARGUMENT(pair, x2),
    ANTLER_FIELD_END,
};
static const char *const arguments[] = {"x1", "x2", NULL};

/* ---- shapes and buffers ------------------------------------------------------------------------------------------ */

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const pair *cfg = config;
    int wanted = isnan(cfg->x1) + isnan(cfg->x2), given = in[1].rank ? 2 : 1;
    if (wanted != given)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "it takes two tensors or numbers, got %d", given + 2 - wanted);
    if (given == 2 && in[0].rank != in[1].rank)
        return antler_error_set(err, ANTLER_SHAPE, NULL,
                                "an operator of tensors of %d and %d axes would mix the samples of a batch", in[0].rank,
                                in[1].rank);
    return antler__stretched_shape(in, out, err);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    (void)config;
    antler_shape out;
    int most = 0;
    if (antler_plan_mode(plan) != ANTLER_TRAIN || antler__stretched_shape(in, &out, NULL) != ANTLER_OK)
        return;
    for (int i = 0; in[i].rank; i++) {
        antler_stretch s = antler__stretch(&in[i], &out);
        most = antler__stretched_groups(&s) > most ? antler__stretched_groups(&s) : most;
    }
    if (most > 0)
        antler_plan_scratch(plan, SPREAD, &out);
    if (most > 1)
        antler_plan_scratch(plan, SUMS, &out);
}

static job job_of(const pair *cfg, const antler_run *run, const operation *op, const antler_shape *to)
{
    job j = {.run = run, .op = op, .to = *to};
    int inputs = 0;
    j.input[0] = isnan(cfg->x1) ? inputs++ : -1;
    j.input[1] = isnan(cfg->x2) ? inputs++ : -1;
    j.number[0] = (antler_real)cfg->x1;
    j.number[1] = (antler_real)cfg->x2;
    return j;
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static bool fills(const job *j, int side)
{
    return j->input[side] >= 0 && antler_count(&j->run->x[j->input[side]].shape, 0) == antler_count(&j->to, 0);
}

/* Elements [first, first + n) of one side; in space (n) where they must be copied. */
static const antler_real *numbers_of(const job *j, int side, int64_t first, int64_t n, antler_real *space)
{
    if (j->input[side] < 0) {
        for (int64_t i = 0; i < n; i++)
            space[i] = j->number[side];
        return space;
    }
    const antler_tensor *x = &j->run->x[j->input[side]];
    if (fills(j, side))
        return x->data + first;
    antler_stretch s = antler__stretch(&x->shape, &j->to);
    return antler__stretched(&s, x->data, first, n, space);
}

static int64_t chunk_of(int64_t left)
{
    return left < CHUNK ? left : CHUNK;
}

static void forward_piece(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    antler_real a[CHUNK], b[CHUNK];
    for (int64_t at = first, n; at < first + count; at += n) {
        n = chunk_of(first + count - at);
        j->op->forward(j->run->y->data + at, numbers_of(j, 0, at, n, a), numbers_of(j, 1, at, n, b), n);
    }
}

static antler_status forward(const void *config, antler_run *run, const operation *op)
{
    job j = job_of(config, run, op, &run->y->shape);
    antler_run_ranges(run, antler_count(&j.to, 0), 1, forward_piece, &j);
    return ANTLER_OK;
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

static void share(const job *j, int side, antler_real *g, int64_t at, int64_t n)
{
    antler_real a[CHUNK], b[CHUNK];
    j->op->backward[side](g, j->run->dy->data + at, numbers_of(j, 0, at, n, a), numbers_of(j, 1, at, n, b), n);
}

static void spread_piece(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t at = first, n; at < first + count; at += n) {
        n = chunk_of(first + count - at);
        share(j, j->side, j->spread + at, at, n);
    }
}

static antler_real *gradient_of(const job *j, int side)
{
    return j->input[side] >= 0 ? j->run->dx[j->input[side]].data : NULL;
}

/* The gradients of what fills y; one of them may be dy, and is written last. */
static void backward_piece(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    int last = gradient_of(j, 0) == j->run->dy->data ? 0 : 1;
    for (int64_t at = first, n; at < first + count; at += n) {
        n = chunk_of(first + count - at);
        for (int i = 0; i < 2; i++) {
            int side = i ? last : 1 - last;
            if (gradient_of(j, side) && fills(j, side))
                share(j, side, gradient_of(j, side) + at, at, n);
        }
    }
}

static antler_status backward(const void *config, antler_run *run, const operation *op)
{
    job j = job_of(config, run, op, &run->dy->shape);
    bool wanted = false;
    for (int side = 0; side < 2; side++) {
        wanted |= gradient_of(&j, side) && fills(&j, side);
        if (!gradient_of(&j, side) || fills(&j, side))
            continue;
        antler_stretch s = antler__stretch(&run->x[j.input[side]].shape, &j.to);
        j.side = side;
        j.spread = run->scratch[SPREAD].data;
        antler_run_ranges(run, antler_count(&j.to, 0), 1, spread_piece, &j);
        antler__stretch_sums(run, &s, gradient_of(&j, side), j.spread,
                             antler__stretched_groups(&s) > 1 ? run->scratch[SUMS].data : NULL);
    }
    if (wanted)
        antler_run_ranges(run, antler_count(&j.to, 0), 1, backward_piece, &j);
    return ANTLER_OK;
}

/* ---- the operations ---------------------------------------------------------------------------------------------- */

#define FORWARD(name, value)                                                                \
    static void name(antler_real *y, const antler_real *a, const antler_real *b, int64_t n) \
    {                                                                                       \
        for (int64_t i = 0; i < n; i++)                                                     \
            y[i] = (value);                                                                 \
    }
#define BACKWARD(name, value)                                                                                      \
    static void name(antler_real *g, const antler_real *dy, const antler_real *a, const antler_real *b, int64_t n) \
    {                                                                                                              \
        (void)a, (void)b;                                                                                          \
        for (int64_t i = 0; i < n; i++)                                                                            \
            g[i] = (value);                                                                                        \
    }

FORWARD(add, a[i] + b[i])
FORWARD(subtract, a[i] - b[i])
FORWARD(multiply, a[i] * b[i])
FORWARD(divide, a[i] / b[i])
FORWARD(larger, a[i] >= b[i] || a[i] != a[i] ? a[i] : b[i])
FORWARD(smaller, a[i] <= b[i] || a[i] != a[i] ? a[i] : b[i])
BACKWARD(whole, dy[i])
BACKWARD(turned, -dy[i])
BACKWARD(times_b, dy[i] * b[i])
BACKWARD(times_a, dy[i] * a[i])
BACKWARD(over_b, dy[i] / b[i])
BACKWARD(over_b_twice, dy[i] * (-a[i] / b[i] / b[i]))
BACKWARD(if_larger, a[i] >= b[i] ? dy[i] : 0)
BACKWARD(if_not_larger, a[i] >= b[i] ? 0 : dy[i])
BACKWARD(if_smaller, a[i] <= b[i] ? dy[i] : 0)
BACKWARD(if_not_smaller, a[i] <= b[i] ? 0 : dy[i])

static void base(antler_real *g, const antler_real *dy, const antler_real *a, const antler_real *b, int64_t n)
{
    antler_real less[CHUNK] = {0};
    for (int64_t i = 0; i < n; i++)
        less[i] = b[i] - 1;
    antler__powers(less, a, less, n);
    for (int64_t i = 0; i < n; i++)
        g[i] = b[i] == 0 ? 0 : dy[i] * (b[i] * less[i]);
}

static void exponent(antler_real *g, const antler_real *dy, const antler_real *a, const antler_real *b, int64_t n)
{
    antler_real power[CHUNK], log[CHUNK];
    antler__powers(power, a, b, n);
    antler__logs_above_0(log, a, n);
    for (int64_t i = 0; i < n; i++)
        g[i] = a[i] > 0 ? dy[i] * (power[i] * log[i]) : 0;
}

static const operation sum = {add, {whole, whole}}, difference = {subtract, {whole, turned}};
static const operation product = {multiply, {times_b, times_a}}, quotient = {divide, {over_b, over_b_twice}};
static const operation maximum = {larger, {if_larger, if_not_larger}};
static const operation minimum = {smaller, {if_smaller, if_not_smaller}};
static const operation power = {antler__powers, {base, exponent}};

/* ---- the tables -------------------------------------------------------------------------------------------------- */

static const char *const samples[] = {
    "(4, 3) (4, 3) {}", "(2, 1, 3) (2, 4, 1) {}", "(4, 3) (1, 1) {}", "(5) {\"x2\": 1.5}", "(3, 2) {\"x1\": -2}", NULL,
};
static const char *const powers[] = {
    "(4) {\"x2\": 2}", "(4) {\"x2\": 3}", "(4) {\"x2\": -1}", "(3, 2) {\"x1\": 2.5}", NULL,
};

#define PAIR(name, class, operation, does, tries, line, other, ...)                                    \
    static antler_status name##_forward(const void *config, antler_run *run)                           \
    {                                                                                                  \
        return forward(config, run, &(operation));                                                     \
    }                                                                                                  \
    static antler_status name##_backward(const void *config, antler_run *run)                          \
    {                                                                                                  \
        return backward(config, run, &(operation));                                                    \
    }                                                                                                  \
    const antler_operation_ops antler__operation_##name = {                                            \
        .layer = {.type = ANTLER_OPERATION_TYPE(class, pair, fields, tries, line, .aliases = (other)), \
                  .flags = ANTLER_IN_PLACE | (does),                                                   \
                  .inputs = 2,                                                                         \
                  .mask = ANTLER_MASK_END,                                                             \
                  .infer = infer,                                                                      \
                  .buffers = buffers,                                                                  \
                  .forward = name##_forward,                                                           \
                  .backward = name##_backward,                                                         \
                  .arguments = arguments},                                                             \
        .module = ANTLER_NUMPY,                                                                        \
        .spelling = (const antler_spelling[]){__VA_ARGS__, {NULL, NULL}},                              \
    };

static const char *const divide_too[] = {"Divide", NULL};

PAIR(add, "Add", sum, 0, samples, "a + b", NULL, {"__operators__.add", "x=x1 y=x2"}, {"math.add", "x=x1 y=x2"})
PAIR(subtract, "Subtract", difference, 0, samples, "a - b", NULL, {"math.subtract", "x=x1 y=x2"})
PAIR(multiply, "Multiply", product, ANTLER_NEEDS_X, samples, "a * b", NULL, {"math.multiply", "x=x1 y=x2"})
PAIR(true_divide, "TrueDivide", quotient, ANTLER_NEEDS_X, samples, "a / b", divide_too, {"math.truediv", "x=x1 y=x2"},
     {"math.divide", "x=x1 y=x2"})
PAIR(maximum, "Maximum", maximum, ANTLER_NEEDS_X, samples, "the larger of two", NULL, {"math.maximum", "x=x1 y=x2"})
PAIR(minimum, "Minimum", minimum, ANTLER_NEEDS_X, samples, "the smaller of two", NULL, {"math.minimum", "x=x1 y=x2"})
PAIR(power, "Power", power, ANTLER_NEEDS_X, powers, "a to the power of b", NULL, {"math.pow", "x=x1 y=x2"})

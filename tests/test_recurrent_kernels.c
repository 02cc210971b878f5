/* The recurrent kernels: values against a plain loop in double, gradients against its central differences, the same
   bits from every instruction set, any split of the rows and both ways of cutting a step into vectors. */
#include "isas.h"
#include "lcg.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIMPLE, LSTM, GRU_AFTER, GRU_BEFORE, KINDS };
enum { OUTPUTS = 7 };

static const int gates_of[KINDS] = {1, 4, 3, 3}, saved_of[KINDS] = {0, 4, 4, 3};

typedef struct options {
    int kind;
    int64_t batch, steps, units;
    bool mask, keep, initial, backwards, last_only, dh_last_only, bias;
    bool ends, ends_alone; /* a gradient of the last states: beside that of the outputs, or without */
    int act, gate_act;
} options;

/* Inputs that a case owns, and one set of outputs between guards. */
typedef struct example {
    options o;
    antler_recurrence r;
    antler_real *inputs[9], *outputs[OUTPUTS];
    size_t sizes[OUTPUTS]; /* of the outputs h, c, gates, dz, dr, dh0, dc0 */
} example;

static uint64_t state = 1;

static double random_number(void)
{
    lcg64(&state);
    return (double)(state >> 11) * 0x1p-52 - 1;
}

enum { GUARD = 32 };
static const antler_real guard_value = (antler_real)123.5;

static antler_real *numbers(int64_t n, double scale)
{
    antler_real *p = malloc((size_t)n * sizeof *p);
    ck_assert_ptr_nonnull(p);
    for (int64_t i = 0; i < n; i++)
        p[i] = (antler_real)(scale * random_number());
    return p;
}

static antler_real *output(size_t n)
{
    antler_real *p = malloc((n + 2 * GUARD) * sizeof *p);
    ck_assert_ptr_nonnull(p);
    for (size_t i = 0; i < n + 2 * GUARD; i++)
        p[i] = guard_value;
    return p + GUARD;
}

static void check_guards(const antler_real *p, size_t n)
{
    for (int i = 0; i < GUARD; i++)
        ck_assert(p[-1 - i] == guard_value && p[n + (size_t)i] == guard_value);
}

static void make_outputs(const example *e, antler_real *to[OUTPUTS])
{
    for (int i = 0; i < OUTPUTS; i++)
        to[i] = e->sizes[i] > 0 ? output(e->sizes[i]) : NULL;
}

static void free_outputs(antler_real *p[OUTPUTS])
{
    for (int i = 0; i < OUTPUTS; i++)
        if (p[i] != NULL)
            free(p[i] - GUARD);
}

static void use_outputs(antler_recurrence *r, antler_real *to[OUTPUTS])
{
    r->h = to[0];
    r->c = to[1];
    r->gates = to[2];
    r->dz = to[3];
    r->dr = to[4];
    r->dh0 = to[5];
    r->dc0 = to[6];
}

static example make_example(options o)
{
    const int gates = gates_of[o.kind];
    const int64_t rows = o.batch * o.steps, width = gates * o.units;
    example e = {.o = o};
    antler_real *xw = numbers(rows * width, 1), *u = numbers(o.units * width, 1.0 / sqrt((double)o.units));
    antler_real *u_t = numbers(o.units * width, 1), *rb = numbers(width, 0.5), *keep = numbers(o.batch * o.units, 1);
    antler_real *mask = numbers(rows, 1), *initial = numbers(2 * o.batch * o.units, 1),
                *dh = numbers(rows * o.units, 1), *ends = numbers(2 * o.batch * o.units, 1);
    for (int64_t k = 0; k < o.units; k++)
        for (int64_t j = 0; j < width; j++)
            u_t[j * o.units + k] = u[k * width + j];
    for (int64_t i = 0; i < o.batch * o.units; i++)
        keep[i] = keep[i] < 0 ? 0 : (antler_real)1.25;
    for (int64_t i = 0; i < rows; i++)
        mask[i] = mask[i] < (antler_real)0.4;
    e.r = (antler_recurrence){.batch = o.batch, .steps = o.steps, .units = o.units, .backwards = o.backwards};
    e.r.mask = o.mask ? mask : NULL;
    e.r.xw = xw;
    e.r.u = u;
    e.r.u_t = u_t;
    e.r.rb = o.kind == GRU_AFTER && o.bias ? rb : NULL;
    e.r.keep = o.keep ? keep : NULL;
    e.r.h0 = o.initial ? initial : NULL;
    e.r.c0 = o.initial ? initial + o.batch * o.units : NULL;
    e.r.reset_after = o.kind == GRU_AFTER;
    e.r.act = o.act;
    e.r.gate_act = o.gate_act;
    e.r.act_a = e.r.gate_a = 1;
    e.r.last_only = o.last_only;
    e.r.dh = o.ends_alone ? NULL : dh;
    e.r.dh_end = o.ends ? ends : NULL;
    e.r.dc_end = o.ends ? ends + o.batch * o.units : NULL;
    e.r.dh_last_only = o.dh_last_only;
    antler_real *inputs[9] = {xw, u, u_t, rb, keep, mask, initial, dh, ends};
    memcpy(e.inputs, inputs, sizeof inputs);
    const size_t states = (size_t)((o.last_only ? o.batch : rows) * o.units);
    e.sizes[0] = states;
    e.sizes[1] = o.kind == LSTM ? states : 0;
    e.sizes[2] = o.last_only ? 0 : (size_t)(rows * saved_of[o.kind] * o.units);
    e.sizes[3] = o.last_only ? 0 : (size_t)(rows * width);
    e.sizes[4] = o.last_only || gates != 3 ? 0 : (size_t)(rows * width);
    e.sizes[5] = o.last_only || !o.initial ? 0 : (size_t)(o.batch * o.units);
    e.sizes[6] = o.kind == LSTM ? e.sizes[5] : 0;
    make_outputs(&e, e.outputs);
    use_outputs(&e.r, e.outputs);
    return e;
}

static void free_example(example *e)
{
    for (int i = 0; i < 9; i++)
        free(e->inputs[i]);
    free_outputs(e->outputs);
}

/* Forward, and backward where it is asked for, of rows [row0, row1). */
static void run_rows(const antler_kernels *k, const example *e, const antler_recurrence *r, int64_t row0, int64_t row1)
{
    antler_real *scratch = output(k->recurrence_scratch(r->units));
    const bool back = !e->o.last_only;
    switch (e->o.kind) {
    case SIMPLE:
        k->simple_rnn_forward(r, row0, row1, scratch);
        if (back)
            k->simple_rnn_backward(r, row0, row1, scratch);
        break;
    case LSTM:
        k->lstm_forward(r, row0, row1, scratch);
        if (back)
            k->lstm_backward(r, row0, row1, scratch);
        break;
    default:
        k->gru_forward(r, row0, row1, scratch);
        if (back)
            k->gru_backward(r, row0, row1, scratch);
    }
    check_guards(scratch, k->recurrence_scratch(r->units));
    free(scratch - GUARD);
}

/* ------------------------------------------------------------------------------------- the reference, in double */

static double activation(int id, double x)
{
    switch (id) {
    case ANTLER_ACT_tanh:
        return tanh(x);
    case ANTLER_ACT_sigmoid:
        return 1 / (1 + exp(-x));
    case ANTLER_ACT_elu:
        return x < 0 ? expm1(x) : x;
    case ANTLER_ACT_softplus:
        return log1p(exp(x));
    default:
        ck_abort_msg("no reference");
    }
    return 0;
}

/* sum over k of h[k] U[k][column], from column `column`. */
static double product(const antler_recurrence *r, int gates, const double *h, int64_t column)
{
    double sum = 0;
    for (int64_t k = 0; k < r->units; k++)
        sum += h[k] * (double)r->u[k * gates * r->units + column];
    return sum;
}

/* One step of one row. x: gates of it; h, c: states, changed; kept: h * keep. */
static void reference_step(const example *e, const antler_real *x, double *h, double *c, const double *kept)
{
    const antler_recurrence *r = &e->r;
    const int gates = gates_of[e->o.kind];
    const int64_t units = r->units;
    double z[4][64], reset[64];
    for (int g = 0; g < gates; g++)
        for (int64_t j = 0; j < units; j++) {
            z[g][j] = product(r, gates, kept, g * units + j);
            if (r->rb != NULL)
                z[g][j] += (double)r->rb[g * units + j];
        }
    for (int64_t j = 0; j < units && e->o.kind == GRU_BEFORE; j++)
        reset[j] = activation(r->gate_act, z[1][j] + (double)x[units + j]) * kept[j];
    for (int64_t j = 0; j < units; j++) {
        double v[4];
        for (int g = 0; g < gates; g++)
            v[g] = z[g][j] + (double)x[g * units + j];
        if (e->o.kind == SIMPLE) {
            h[j] = activation(r->act, v[0]);
        } else if (e->o.kind == LSTM) {
            c[j] = activation(r->gate_act, v[1]) * c[j] + activation(r->gate_act, v[0]) * activation(r->act, v[2]);
            h[j] = activation(r->gate_act, v[3]) * activation(r->act, c[j]);
        } else {
            const double update = activation(r->gate_act, v[0]), gate = activation(r->gate_act, v[1]);
            const double inner = e->o.kind == GRU_AFTER ? gate * z[2][j] : product(r, gates, reset, 2 * units + j);
            const double candidate = activation(r->act, (double)x[2 * units + j] + inner);
            h[j] = update * h[j] + (1 - update) * candidate;
        }
    }
}

/* All steps of a row: h into `all` (steps, units), in the order of processing; c of the last one. */
static void reference_row(const example *e, int64_t row, double *all, double c[64])
{
    const antler_recurrence *r = &e->r;
    const int64_t units = r->units, width = gates_of[e->o.kind] * units;
    double h[64], kept[64];
    for (int64_t j = 0; j < units; j++) {
        h[j] = r->h0 != NULL ? (double)r->h0[row * units + j] : 0;
        c[j] = r->c0 != NULL ? (double)r->c0[row * units + j] : 0;
    }
    for (int64_t t = 0; t < r->steps; t++) {
        const int64_t time = r->backwards ? r->steps - 1 - t : t;
        for (int64_t j = 0; j < units; j++)
            kept[j] = r->keep != NULL ? h[j] * (double)r->keep[row * units + j] : h[j];
        if (r->mask == NULL || r->mask[row * r->steps + time] > 0)
            reference_step(e, r->xw + (row * r->steps + time) * width, h, c, kept);
        memcpy(all + t * units, h, (size_t)units * sizeof *h);
    }
}

/* Sum of h times dh of a row, and of its last states times dh_end and dc_end: what the gradients are of. */
static double objective(const example *e, int64_t row)
{
    const antler_recurrence *r = &e->r;
    const int64_t units = r->units, n = r->steps * units;
    double *all = malloc((size_t)n * sizeof *all), sum = 0, c[64];
    ck_assert_ptr_nonnull(all);
    reference_row(e, row, all, c);
    for (int64_t j = 0; j < units && r->dh_end; j++)
        sum += all[n - units + j] * (double)r->dh_end[row * units + j];
    for (int64_t j = 0; j < units && r->dc_end && e->o.kind == LSTM; j++)
        sum += c[j] * (double)r->dc_end[row * units + j];
    if (r->dh_last_only)
        for (int64_t j = 0; j < units && r->dh; j++)
            sum += all[n - units + j] * (double)r->dh[row * units + j];
    else
        for (int64_t i = 0; i < n; i++)
            sum += all[i] * (double)r->dh[row * n + i];
    free(all);
    return sum;
}

/* Derivative of the objective, summed over the rows, for one input. */
static double difference(const example *e, antler_real *input, int64_t row0, int64_t row1)
{
    const antler_real before = *input, step = (antler_real)(sizeof(antler_real) == 4 ? 0x1p-12 : 0x1p-14);
    double up = 0, down = 0;
    *input = before + step;
    const double above = (double)*input;
    for (int64_t row = row0; row < row1; row++)
        up += objective(e, row);
    *input = before - step;
    const double below = (double)*input;
    for (int64_t row = row0; row < row1; row++)
        down += objective(e, row);
    *input = before;
    return (up - down) / (above - below);
}

static const double tolerance = sizeof(antler_real) == 4 ? 2e-5 : 1e-13;
static const double gradient_tolerance = sizeof(antler_real) == 4 ? 1e-3 : 1e-6;

static void check_values(const example *e)
{
    const antler_recurrence *r = &e->r;
    const int64_t units = r->units, n = r->steps * units;
    double *all = malloc((size_t)n * sizeof *all), c[64];
    ck_assert_ptr_nonnull(all);
    for (int64_t row = 0; row < r->batch; row++) {
        reference_row(e, row, all, c);
        const double *want = r->last_only ? all + n - units : all;
        const int64_t count = r->last_only ? units : n;
        for (int64_t i = 0; i < count; i++) {
            const double got = (double)r->h[row * count + i];
            ck_assert_msg(fabs(got - want[i]) <= tolerance * (1 + fabs(want[i])), "h[%d]: %g, not %g", (int)i, got,
                          want[i]);
        }
    }
    free(all);
}

static void check_gradient(double got, double want)
{
    ck_assert_msg(fabs(got - want) <= gradient_tolerance * (1 + fabs(want)), "gradient %.9g, not %.9g", got, want);
}

/* Gradient of U[k][column] from dz or dr: what a layer's product over all steps makes of them. */
static double gradient_of_u(const example *e, int64_t k, int64_t column)
{
    const antler_recurrence *r = &e->r;
    const int64_t units = r->units, width = gates_of[e->o.kind] * units;
    const antler_real *d = r->dr != NULL ? r->dr : r->dz;
    double sum = 0;
    for (int64_t row = 0; row < r->batch; row++)
        for (int64_t t = 0; t < r->steps; t++) {
            const int64_t time = r->backwards ? r->steps - 1 - t : t;
            double h = r->h0 != NULL ? (double)r->h0[row * units + k] : 0;
            if (t > 0)
                h = (double)r->h[(row * r->steps + t - 1) * units + k];
            if (r->keep != NULL)
                h *= (double)r->keep[row * units + k];
            if (e->o.kind == GRU_BEFORE && column >= 2 * units)
                h *= (double)r->gates[((row * r->steps + t) * 3 + 1) * units + k];
            sum += h * (double)d[(row * r->steps + time) * width + column];
        }
    return sum;
}

static void check_gradients(const example *e)
{
    const antler_recurrence *r = &e->r;
    const int64_t width = gates_of[e->o.kind] * r->units, each = r->steps * width;
    for (int n = 0; n < 12; n++) {
        const int64_t row = (int64_t)(state >> 33) % r->batch;
        random_number();
        const int64_t i = row * each + (int64_t)(state >> 33) % each;
        random_number();
        check_gradient((double)r->dz[i], difference(e, e->inputs[0] + i, row, row + 1));
    }
    for (int n = 0; n < 4; n++) {
        const int64_t i = (int64_t)(state >> 33) % (r->units * width);
        random_number();
        check_gradient(gradient_of_u(e, i / width, i % width), difference(e, e->inputs[1] + i, 0, r->batch));
    }
    for (int n = 0; n < 4 && r->dh0; n++) {
        const int64_t states = r->batch * r->units, i = (int64_t)(state >> 33) % (r->dc0 ? 2 * states : states);
        random_number();
        check_gradient((double)(i < states ? r->dh0[i] : r->dc0[i - states]),
                       difference(e, e->inputs[6] + i, 0, r->batch));
    }
    for (int64_t i = 0; i < r->batch * r->steps && r->mask != NULL; i++)
        for (int64_t j = 0; j < width && r->mask[i] == 0; j++)
            ck_assert(r->dz[i * width + j] == 0 && (r->dr == NULL || r->dr[i * width + j] == 0));
}

/* Runs once more with another table or in pieces of `piece` rows: all bits must be the same. */
static void check_bits(const antler_kernels *k, const example *e, int64_t piece)
{
    antler_real *again[OUTPUTS];
    antler_recurrence r = e->r;
    make_outputs(e, again);
    use_outputs(&r, again);
    for (int64_t row = 0; row < r.batch; row += piece)
        run_rows(k, e, &r, row, row + piece < r.batch ? row + piece : r.batch);
    for (int i = 0; i < OUTPUTS; i++) {
        if (e->sizes[i] == 0)
            continue;
        check_guards(again[i], e->sizes[i]);
        ck_assert_msg(memcmp(again[i], e->outputs[i], e->sizes[i] * sizeof(antler_real)) == 0,
                      "kind %d, %d units, %d rows: output %d differs with %s in pieces of %d rows", e->o.kind,
                      (int)r.units, (int)r.batch, i, k->name, (int)piece);
    }
    free_outputs(again);
}

static void check_example(options o, bool gradients)
{
    example e = make_example(o);
    run_rows(antler__kernels_of("baseline"), &e, &e.r, 0, o.batch);
    for (int i = 0; i < OUTPUTS; i++)
        if (e.sizes[i] > 0)
            check_guards(e.outputs[i], e.sizes[i]);
    check_values(&e);
    if (gradients && !o.last_only)
        check_gradients(&e);
    for (int i = 0; i < ISAS; i++) {
        const antler_kernels *k = antler__kernels_of(isa[i]);
        if (!k)
            continue;
        check_bits(k, &e, o.batch);
        check_bits(k, &e, 1);
        check_bits(k, &e, 7);
    }
    free_example(&e);
}

static options options_of(int kind, int64_t batch, int64_t steps, int64_t units, unsigned bits)
{
    const bool usual = bits & 1;
    return (options){.kind = kind,
                     .batch = batch,
                     .steps = steps,
                     .units = units,
                     .mask = bits & 2,
                     .keep = bits & 4,
                     .initial = bits & 8,
                     .backwards = bits & 16,
                     .dh_last_only = bits & 32,
                     .bias = bits & 64,
                     .last_only = (bits & 384) == 384,
                     .ends = (bits & 384) == 128 || (bits & 288) == 288,
                     .ends_alone = (bits & 384) != 384 && (bits & 288) == 288,
                     .act = usual ? ANTLER_ACT_tanh : ANTLER_ACT_elu,
                     .gate_act = ANTLER_ACT_sigmoid};
}

/* Every option, small sizes: each kind with units that are few, many and no multiple of a vector. */
START_TEST(options_all)
{
    static const int64_t sizes[] = {1, 3, 8, 16, 20};
    for (unsigned bits = 0; bits < 512; bits++) {
        const int64_t units = sizes[bits % 5], batch = 1 + bits % 19;
        check_example(options_of(_i, batch, 1 + bits % 6, units, bits), true);
    }
}
END_TEST

/* Around the places where the way of cutting changes, where chunks of steps end, and where blocks of rows do. */
START_TEST(sizes_all)
{
    static const int64_t units[] = {1, 2, 5, 8, 15, 17, 23, 24, 25, 31, 33, 48}, batch[] = {1, 2, 9, 16, 17, 33, 40};
    for (int i = 0; i < 12; i++)
        for (int j = 0; j < 7; j++)
            check_example(options_of(_i, batch[j], 7, units[i], (unsigned)(i * 7 + j) * 37 | 65), false);
    check_example(options_of(_i, 16, 300, 1, 65), false);
    check_example(options_of(_i, 3, 300, 1, 65 + 2 + 8 + 16), true);
    check_example(options_of(_i, 18, 90, 2, 65 + 2 + 4 + 16), false);
}
END_TEST

/* The last state alone, written over the one before step by step, is the last of all. */
START_TEST(last_only)
{
    for (unsigned bits = 384; bits < 512; bits++)
        check_example(options_of(_i, 1 + bits % 20, 5, 1 + bits % 37, bits), false);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recurrent kernels");
    TCase *tests = tcase_create("options"), *sizes = tcase_create("sizes"); /* scripts/neon runs the second alone */
    tcase_set_timeout(tests, 0);
    tcase_set_timeout(sizes, 0);
    tcase_add_loop_test(tests, options_all, 0, KINDS);
    tcase_add_loop_test(sizes, sizes_all, 0, KINDS);
    tcase_add_loop_test(tests, last_only, 0, KINDS);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, sizes);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    say_tables();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

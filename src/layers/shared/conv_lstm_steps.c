/* ConvLSTM1D to ConvLSTM3D: the gates of a step, and masks. Order of operations as in an LSTM's,
   shared/recurrent_general.c.

   A task takes some places of a sample. It works on planes: (rows, filters), the rows without a gap. */
#include "layers/shared/conv_lstm.h"

#include <string.h>

typedef antler_conv_job job;

enum { GATES = CONV_LSTM_GATES };

int64_t antler__conv_lstm_time(const job *j, int64_t t)
{
    return j->config->go_backwards ? j->s->steps - 1 - t : t;
}

bool antler__conv_lstm_awake(const job *j, int64_t sample, int64_t t)
{
    return !j->mask || j->mask[sample * j->s->steps + antler__conv_lstm_time(j, t)] != 0;
}

/* Whether the output of a step is h, and not 0. */
static bool shows(const job *j, int64_t sample, int64_t t)
{
    if (j->config->zero_output_for_mask)
        return antler__conv_lstm_awake(j, sample, t);
    while (t >= 0 && !antler__conv_lstm_awake(j, sample, t))
        t--;
    return t >= 0;
}

/* Where the output of a step has a place of a sample; -1: nowhere. */
static int64_t output_at(const job *j, int64_t sample, int64_t t, int64_t place)
{
    if (j->config->return_sequences)
        return ((sample * j->s->steps + t) * j->s->places + place) * j->s->filters;
    return t == j->s->steps - 1 ? (sample * j->s->places + place) * j->s->filters : -1;
}

/* Some places of a sample. */
typedef struct block {
    const job *j;
    const antler_kernels *k;
    int64_t sample, place, rows, n;              /* n: rows * filters */
    int64_t at;                                  /* of its numbers in a step's states */
    antler_real *z[GATES], *y[GATES], *d[GATES]; /* planes (rows, filters): before and after the activation; gradient */
    antler_real *s, *t, *x;                      /* work */
} block;

static block block_of(const job *j, int64_t i, int worker)
{
    const int64_t f = j->s->filters, place = i % j->blocks * CONV_LSTM_ROWS, left = j->s->places - place;
    antler_real *const work = j->run->scratch[SLOT_WORK].data + worker * CONV_LSTM_PLANES * CONV_LSTM_ROWS * f;
    block b = {.j = j,
               .k = j->k,
               .sample = i / j->blocks,
               .place = place,
               .rows = left < CONV_LSTM_ROWS ? left : CONV_LSTM_ROWS};
    antler_real **const planes[] = {&b.z[0], &b.z[1], &b.z[2], &b.z[3], &b.y[0], &b.y[1], &b.y[2], &b.y[3],
                                    &b.d[0], &b.d[1], &b.d[2], &b.d[3], &b.s,    &b.t,    &b.x};
    _Static_assert(sizeof planes / sizeof *planes == CONV_LSTM_PLANES, "as the buffers have it");
    for (int p = 0; p < CONV_LSTM_PLANES; p++)
        *planes[p] = work + p * CONV_LSTM_ROWS * f;
    b.n = b.rows * f;
    b.at = (b.sample * j->s->places + place) * f;
    return b;
}

static void copy(antler_real *to, const antler_real *from, int64_t n)
{
    memcpy(to, from, (size_t)n * sizeof *to);
}

static void zero(antler_real *to, int64_t n)
{
    memset(to, 0, (size_t)n * sizeof *to);
}

/* Which activation a gate has: c~ is the third. */
static const antler_activation_ops *function_of(const job *j, int gate)
{
    return gate == 2 ? j->act : j->gate_act;
}

/* The gates of the step, z and y, from z of the places, (rows, 4 filters). */
static void take_gates(const block *b, const antler_real *z)
{
    const int64_t f = b->j->s->filters;
    for (int g = 0; g < GATES; g++) {
        for (int64_t i = 0; i < b->rows; i++)
            copy(b->z[g] + i * f, z + (i * GATES + g) * f, f);
        antler__sequence_value(function_of(b->j, g), b->y[g], b->z[g], b->rows, f);
    }
}

void antler__conv_lstm_step(void *arg, int64_t i, int worker)
{
    const job *j = arg;
    const block b = block_of(j, i, worker);
    const antler_real *const h = j->h + j->t * j->next + b.at, *const c = j->c + j->t * j->next + b.at;
    antler_real *const h_next = j->h + (j->t + 1) * j->next + b.at, *const c_next = j->c + (j->t + 1) * j->next + b.at;
    antler_real *const z = j->z + j->t * j->gates + GATES * b.at;
    if (antler__conv_lstm_awake(j, b.sample, j->t)) {
        j->k->add(z, z, j->sums + GATES * b.at, GATES * b.n);
        take_gates(&b, z);
        j->k->multiply(b.t, b.y[0], b.y[2], b.n);
        j->k->fma(c_next, b.y[1], c, b.t, b.n);
        antler__sequence_value(j->act, b.s, c_next, b.rows, j->s->filters);
        j->k->multiply(h_next, b.y[3], b.s, b.n);
    } else if (j->next) {
        copy(h_next, h, b.n);
        copy(c_next, c, b.n);
    }
    const int64_t to = output_at(j, b.sample, j->t, b.place);
    if (to >= 0 && shows(j, b.sample, j->t))
        copy(j->run->y->data + to, h_next, b.n);
    else if (to >= 0)
        zero(j->run->y->data + to, b.n);
}

/* dz, and the gradient of c before the step; that of h before it comes through U alone, but where the step is not
   taken. */
void antler__conv_lstm_step_back(void *arg, int64_t i, int worker)
{
    const job *j = arg;
    const block b = block_of(j, i, worker);
    const antler_kernels *k = b.k;
    const int64_t f = j->s->filters, from = output_at(j, b.sample, j->t, b.place);
    const antler_real *const before = j->c + j->t * j->next + b.at, *const c = before + j->next;
    antler_real *const dh = j->dh + b.at, *const dc = j->dc + b.at, *const dz = j->dz + j->t * j->gates + GATES * b.at;
    if (from >= 0 && j->run->dy->data && shows(j, b.sample, j->t))
        k->add(dh, j->run->dy->data + from, dh, b.n);
    if (!antler__conv_lstm_awake(j, b.sample, j->t)) {
        zero(dz, GATES * b.n);
        return;
    }
    take_gates(&b, j->z + j->t * j->gates + GATES * b.at);
    antler__sequence_value(j->act, b.s, c, b.rows, f);
    k->multiply(b.x, dh, b.y[3], b.n);
    antler__sequence_gradient(j->act, b.x, b.x, b.s, c, b.rows, f);
    k->add(b.x, dc, b.x, b.n); /* of c after the step */
    k->multiply(b.d[3], dh, b.s, b.n);
    k->multiply(b.d[2], b.x, b.y[0], b.n);
    k->multiply(b.d[1], b.x, before, b.n);
    k->multiply(b.d[0], b.x, b.y[2], b.n);
    k->multiply(dc, b.x, b.y[1], b.n);
    for (int g = 0; g < GATES; g++) {
        antler__sequence_gradient(function_of(j, g), b.d[g], b.d[g], b.y[g], b.z[g], b.rows, f);
        for (int64_t r = 0; r < b.rows; r++)
            copy(dz + (r * GATES + g) * f, b.d[g] + r * f, f);
    }
}

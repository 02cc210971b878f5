/* ConvLSTM1D to ConvLSTM3D: forward and backward around the steps; conv_lstm.h has the order of the arrays. */
#include "layers/shared/conv_lstm.h"

#include <string.h>

typedef struct antler_conv_lstm conv_lstm;
typedef antler_conv_job job;

enum { GATES = CONV_LSTM_GATES };

static job begin(const conv_lstm *c, const antler_conv_sizes *s, antler_run *run)
{
    const bool train = run->mode == ANTLER_TRAIN;
    const antler_tensor *const states = train ? run->saved : run->scratch + SLOT_STATES;
    const int64_t on_input = GATES * s->inputs * s->channels, state = s->batch * s->places * s->filters;
    antler_real *const keep = run->scratch[SLOT_KEEP].data;
    job j = {.run = run,
             .config = c,
             .s = s,
             .k = run->k,
             .act = antler_activation_of(c->activation_),
             .gate_act = antler_activation_of(c->recurrent_activation_),
             .mask = antler__sequence_mask(run),
             .keep_x = antler__drop_mask(run, CONV_LSTM_ON_INPUT, c->dropout, keep, s->batch, on_input),
             .z = states[SLOT_Z].data,
             .h = states[SLOT_H].data,
             .c = states[SLOT_C].data,
             .gates = GATES * state,
             .state = state,
             .next = train ? state : 0,
             .blocks = (s->places + CONV_LSTM_ROWS - 1) / CONV_LSTM_ROWS,
             .sums = run->scratch[SLOT_SUMS].data};
    if (c->recurrent_dropout > 0)
        j.keep_h = antler__drop_mask(run, CONV_LSTM_ON_STATE, c->recurrent_dropout, keep + s->batch * on_input,
                                     s->batch, GATES * s->places * s->filters);
    return j;
}

/* ---- the convolutions -------------------------------------------------------------------------------------------- */

/* One of the two over some images, as a run of its own. */
typedef struct convolving {
    antler_run run;
    antler_convolution c;
    antler_tensor x, y, dy, dx, param[2], grad[2];
} convolving;

static void set_up(convolving *v, const job *j, bool recurrent, int64_t images)
{
    const antler_run *const run = j->run;
    const int kernel = recurrent ? CONV_LSTM_RECURRENT : CONV_LSTM_KERNEL;
    *v = (convolving){.run = *run, .c = recurrent ? j->s->recurrent : j->s->input};
    if (recurrent ? j->keep_h : j->keep_x) {
        v->c.groups = GATES;
        v->c.channels *= GATES;
    }
    v->x.shape = (antler_shape){1, {images}};
    v->param[SLOT_KERNEL] = run->param[kernel];
    if (v->c.use_bias)
        v->param[SLOT_BIAS] = run->param[CONV_LSTM_BIAS];
    v->run.inputs = v->run.outputs = 1;
    v->run.x = &v->x;
    v->run.y = &v->y;
    v->run.dy = &v->dy;
    v->run.dx = &v->dx;
    v->run.param = v->param;
    v->run.grad = v->grad;
    v->run.scratch = run->scratch + (recurrent ? SLOT_OF_RECURRENT : SLOT_OF_INPUT);
}

static void convolve(const job *j, bool recurrent, int64_t images, antler_real *x, antler_real *y)
{
    convolving v;
    set_up(&v, j, recurrent, images);
    v.x.data = x;
    v.y.data = y;
    antler__convolution_forward(&v.c, &v.run);
}

/* dx = the gradient of x; NULL: not wanted. x NULL: that of the kernel (and bias) is not. */
static void convolve_back(const job *j, bool recurrent, int64_t images, antler_real *x, antler_real *dy,
                          antler_real *dx)
{
    convolving v;
    set_up(&v, j, recurrent, images);
    v.x.data = x;
    v.dy.data = dy;
    v.dx.data = dx;
    if (x)
        v.grad[SLOT_KERNEL] = j->run->grad[recurrent ? CONV_LSTM_RECURRENT : CONV_LSTM_KERNEL];
    if (x && v.c.use_bias)
        v.grad[SLOT_BIAS] = j->run->grad[CONV_LSTM_BIAS];
    antler__convolution_backward(&v.c, &v.run);
}

/* ---- images ------------------------------------------------------------------------------------------------------ */

/* Images of x or of h, and what the convolutions see of them: the same, or the channels once a gate under its mask. */
typedef struct images {
    const job *j;
    antler_real *plain, *seen;
    const antler_real *keep; /* (B, places, 4 channels), or NULL */
    int64_t places, channels;
    bool of_x; /* plain is (B, T, places, channels) by time, not (T, B, ...) */
} images;

static images of_inputs(const job *j, antler_real *x)
{
    return (images){j, x, j->run->scratch[SLOT_IMAGES].data, j->keep_x, j->s->inputs, j->s->channels, true};
}

/* Image i of both, the sample's mask. */
static const antler_real *find(const images *m, int64_t i, antler_real **plain, antler_real **seen)
{
    const int64_t batch = m->j->s->batch, t = i / batch, sample = i % batch, size = m->places * m->channels;
    *plain = m->plain + size * (m->of_x ? sample * m->j->s->steps + antler__conv_lstm_time(m->j, t) : i);
    *seen = m->seen + size * (m->keep ? GATES * i : i);
    return m->keep ? m->keep + GATES * size * sample : NULL;
}

static void see(void *arg, int64_t first, int64_t count)
{
    const images *m = arg;
    const int64_t n = m->channels;
    for (int64_t i = first; i < first + count; i++) {
        antler_real *plain, *seen;
        const antler_real *keep = find(m, i, &plain, &seen);
        if (!keep)
            memcpy(seen, plain, (size_t)(m->places * n) * sizeof *seen);
        for (int64_t p = 0; keep && p < m->places; p++, plain += n)
            for (int g = 0; g < GATES; g++, seen += n, keep += n)
                m->j->k->multiply(seen, plain, keep, n);
    }
}

/* plain = the sum over the gates of seen times keep: the gradient of what see does. */
static void see_back(void *arg, int64_t first, int64_t count)
{
    const images *m = arg;
    const int64_t n = m->channels;
    for (int64_t i = first; i < first + count; i++) {
        antler_real *plain, *seen;
        const antler_real *keep = find(m, i, &plain, &seen);
        if (!keep)
            memcpy(plain, seen, (size_t)(m->places * n) * sizeof *seen);
        for (int64_t p = 0; keep && p < m->places; p++, plain += n)
            for (int g = 0; g < GATES; g++, seen += n, keep += n) {
                if (g == 0)
                    m->j->k->multiply(plain, seen, keep, n);
                else
                    m->j->k->fma(plain, seen, keep, plain, n);
            }
    }
}

static void for_images(images *m, int64_t count, void (*fn)(void *arg, int64_t first, int64_t count))
{
    antler_run_ranges(m->j->run, count, m->places * m->channels * (m->keep ? GATES : 1), fn, m);
}

/* What U sees of `count` images of h. */
static antler_real *seen_states(const job *j, antler_real *h, int64_t count)
{
    if (!j->keep_h)
        return h;
    images m = {j, h, j->run->scratch[SLOT_SEEN].data, j->keep_h, j->s->places, j->s->filters, false};
    for_images(&m, count, see);
    return m.seen;
}

/* ---- both directions --------------------------------------------------------------------------------------------- */

static void copy_or_zero(const job *j, antler_real *to, const antler_real *from)
{
    if (from)
        antler_run_copy(j->run, to, from, j->state);
    else
        memset(to, 0, (size_t)j->state * sizeof *to);
}

void antler__conv_lstm_forward(const conv_lstm *config, const antler_conv_sizes *s, antler_run *run)
{
    job j = begin(config, s, run);
    const antler_tensor *const first = run->inputs > 1 ? run->x + 1 : config->stateful ? run->carry : NULL;
    images x = of_inputs(&j, run->x->data);
    for_images(&x, s->steps * s->batch, see);
    convolve(&j, false, s->steps * s->batch, x.seen, j.z);
    copy_or_zero(&j, j.h, first ? first[0].data : NULL);
    copy_or_zero(&j, j.c, first ? first[1].data : NULL);
    for (j.t = 0; j.t < s->steps; j.t++) {
        convolve(&j, true, s->batch, seen_states(&j, j.h + j.t * j.next, s->batch), j.sums);
        antler_run_parallel(run, antler__conv_lstm_step, &j, s->batch * j.blocks);
    }
    for (int i = 0; i < CONV_LSTM_STATES; i++) {
        const antler_real *const last = (i == 0 ? j.h : j.c) + s->steps * j.next;
        if (config->stateful)
            antler_run_copy(run, run->carry[i].data, last, j.state);
        if (config->return_state)
            antler_run_copy(run, run->y[1 + i].data, last, j.state);
    }
}

/* The same of the samples that took the step; the gradient of the others' h stays as it is. */
static void see_back_awake(void *arg, int64_t first, int64_t count)
{
    const images *m = arg;
    for (int64_t i = first; i < first + count; i++)
        if (antler__conv_lstm_awake(m->j, i, m->j->t))
            see_back(arg, i, 1);
}

/* dh before the step, from dz. */
static void backward_through_u(const job *j)
{
    images m = {j, j->dh, j->sums, j->keep_h, j->s->places, j->s->filters, false};
    convolve_back(j, true, j->s->batch, NULL, j->dz + j->t * j->gates, m.seen);
    for_images(&m, j->s->batch, see_back_awake);
}

void antler__conv_lstm_backward(const conv_lstm *config, const antler_conv_sizes *s, antler_run *run)
{
    job j = begin(config, s, run);
    const bool has_first = run->inputs > 1, learns = run->grad[CONV_LSTM_KERNEL].data;
    antler_real *const dx = run->dx->data;
    j.dz = run->scratch[SLOT_DZ].data;
    j.dh = run->scratch[SLOT_DH].data;
    j.dc = run->scratch[SLOT_DC].data;
    copy_or_zero(&j, j.dh, config->return_state ? run->dy[1].data : NULL);
    copy_or_zero(&j, j.dc, config->return_state ? run->dy[2].data : NULL);
    for (j.t = s->steps - 1; j.t >= 0; j.t--) {
        antler_run_parallel(run, antler__conv_lstm_step_back, &j, s->batch * j.blocks);
        if (j.t > 0 || has_first)
            backward_through_u(&j);
    }
    if (has_first && run->dx[1].data)
        antler_run_copy(run, run->dx[1].data, j.dh, j.state);
    if (has_first && run->dx[2].data)
        antler_run_copy(run, run->dx[2].data, j.dc, j.state);
    const int64_t all = s->steps * s->batch;
    images x = of_inputs(&j, run->x->data);
    if (learns) {
        convolve_back(&j, true, all, seen_states(&j, j.h, all), j.dz, NULL);
        for_images(&x, all, see);
    }
    if (!learns && !dx)
        return;
    convolve_back(&j, false, all, learns ? x.seen : NULL, j.dz, dx ? x.seen : NULL);
    if (!dx)
        return;
    x.plain = dx;
    for_images(&x, all, see_back);
}

/* Connectionist temporal classification (Graves, Fernandez, Gomez and Schmidhuber, ICML 2006): the steps of a sample
   are logits of classes, of which 0 is the blank; its targets are a sequence of other classes, filled up with 0. The
   value is -log of the chance that the steps spell the sequence, where repeated classes become one and blanks are left
   out.

       a(t, s) = log of the chance that steps 0 to t spell the first s of: blank, y[0], blank, y[1] ... blank
       b(t, s) = that of steps t + 1 to the last for the rest behind s
       dp(t, k) = softmax(p(t, k)) - sum over s of class k of exp(a(t, s) + b(t, s) + value) */
#include "parts/losses.h"

#include "core/mathematics.h"
#include "core/memory.h"
#include "core/status.h"
#include "kernels/kernels.h"

#include <math.h>

enum { BLANK = 0 };

/* One sample. */
typedef struct spelling {
    const antler_real *chance; /* (steps, n) logarithms */
    const antler_real *y;      /* (labels) */
    int64_t steps, n, labels, states;
    double *a, *b; /* (steps, states); (2, states) */
} spelling;

static double log_add(double a, double b)
{
    const double most = a > b ? a : b;
    return isinf(most) ? most : most + antler__log(antler__exp(a - most) + antler__exp(b - most));
}

static int64_t class_at(const spelling *s, int64_t state)
{
    return state % 2 ? (int64_t)s->y[state / 2] : BLANK;
}

/* A state may be reached from two before it, but not over a blank that parts two equal classes. */
static bool may_skip(const spelling *s, int64_t state)
{
    return state >= 2 && state % 2 && class_at(s, state) != class_at(s, state - 2);
}

static double chance_at(const spelling *s, int64_t t, int64_t state)
{
    return (double)s->chance[t * s->n + class_at(s, state)];
}

/* Fills a; returns the value. */
static double go_forward(const spelling *s)
{
    for (int64_t t = 0; t < s->steps; t++) {
        double *now = s->a + t * s->states;
        const double *before = now - s->states;
        for (int64_t i = 0; i < s->states; i++) {
            double sum = t > 0 ? before[i] : i < 2 ? 0 : -INFINITY;
            if (t > 0 && i > 0)
                sum = log_add(sum, before[i - 1]);
            if (t > 0 && may_skip(s, i))
                sum = log_add(sum, before[i - 2]);
            now[i] = sum + chance_at(s, t, i);
        }
    }
    const double *last = s->a + (s->steps - 1) * s->states;
    return -(s->states > 1 ? log_add(last[s->states - 1], last[s->states - 2]) : last[0]);
}

/* b of step t from that of step t + 1. */
static void step_back(const spelling *s, int64_t t, double *now, const double *after)
{
    for (int64_t i = 0; i < s->states; i++) {
        if (t == s->steps - 1) {
            now[i] = i >= s->states - 2 ? 0 : -INFINITY;
            continue;
        }
        double sum = after[i] + chance_at(s, t + 1, i);
        if (i + 1 < s->states)
            sum = log_add(sum, after[i + 1] + chance_at(s, t + 1, i + 1));
        if (i + 2 < s->states && may_skip(s, i + 2))
            sum = log_add(sum, after[i + 2] + chance_at(s, t + 1, i + 2));
        now[i] = sum;
    }
}

/* dp holds softmax. */
static void go_back(const spelling *s, double value, double factor, antler_real *dp)
{
    for (int64_t t = s->steps - 1; t >= 0; t--) {
        double *now = s->b + t % 2 * s->states;
        step_back(s, t, now, s->b + (t + 1) % 2 * s->states);
        for (int64_t i = 0; i < s->states; i++)
            dp[t * s->n + class_at(s, i)] -= (antler_real)antler__exp(s->a[t * s->states + i] + now[i] + value);
        for (int64_t k = 0; k < s->n; k++)
            dp[t * s->n + k] *= (antler_real)factor;
    }
}

/* The labels of sample r, which the steps must have room for: one each, and a blank between equal ones. */
static antler_status read_labels(const antler_loss_call *call, int64_t r, spelling *s)
{
    int64_t needed = 0;
    char text[64];
    antler__sample_text(call, r * s->steps, text, sizeof text);
    s->labels = 0;
    for (int64_t i = 0; i < call->y_n; i++) {
        const double label = (double)s->y[i];
        if (!(label >= 0 && label < (double)s->n && label == floor(label)))
            return antler_error_set(call->err, ANTLER_DATA, NULL,
                                    "%s: %.9g is no class; expected an integer in [0, %lld]", text, label,
                                    (long long)s->n - 1);
        if (label != BLANK && i > s->labels)
            return antler_error_set(call->err, ANTLER_DATA, NULL, "%s: class %.9g comes after 0, which ends a sequence",
                                    text, label);
        s->labels += label != BLANK;
    }
    for (int64_t i = 0; i < s->labels; i++)
        needed += 1 + (i > 0 && s->y[i] == s->y[i - 1]);
    s->states = 2 * s->labels + 1;
    if (needed <= s->steps)
        return ANTLER_OK;
    return antler_error_set(call->err, ANTLER_DATA, NULL, "%s: its classes take %lld steps, a sample has %lld", text,
                            (long long)needed, (long long)s->steps);
}

static antler_status spell(const antler_loss_call *call, double *room)
{
    const antler_kernels *k = antler__kernels();
    spelling s = {.steps = call->rows / call->samples, .n = call->n};
    const int64_t sample = s.steps * s.n;
    k->log_softmax(call->scratch, call->p, call->rows, call->n);
    if (call->dp)
        k->exp(call->dp, call->scratch, call->rows * call->n);
    for (int64_t r = 0; r < call->samples; r++) {
        s.chance = call->scratch + r * sample;
        s.y = call->y + r * call->y_n;
        ANTLER_TRY(read_labels(call, r, &s));
        s.a = room;
        s.b = room + s.steps * s.states;
        const double value = go_forward(&s);
        call->value[r] = (antler_real)value;
        if (call->dp)
            go_back(&s, value, (double)call->factor[r], call->dp + r * sample);
    }
    return ANTLER_OK;
}

static antler_status ctc(const void *config, const antler_loss_call *call)
{
    (void)config;
    if (call->rank != 3)
        return antler_error_set(call->err, ANTLER_SHAPE, NULL, "it wants an output of (batch, steps, classes)");
    const int64_t steps = call->rows / call->samples;
    double *room = antler__allocate((size_t)(steps + 2) * (size_t)(2 * call->y_n + 1), sizeof *room);
    if (!room)
        return antler_error_set(call->err, ANTLER_MEMORY, NULL, "out of memory");
    antler_status status = spell(call, room);
    antler__free(room);
    return status;
}

static antler_loss_scope of_samples(const void *config)
{
    (void)config;
    return ANTLER_LOSS_OF_SAMPLES;
}

const antler_loss_ops antler__ctc = {
    ANTLER_LOSS_HEAD("CTC", "-log of the chance that steps of logits spell a sequence of classes; 0 is the blank",
                     antler_loss_keys, NULL, "ctc"),
    .compute = ctc,
    .scope = of_samples,
    .loose = true,
};

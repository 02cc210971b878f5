/* Learning-rate schedules: the rate of an optimizer step, from the number of steps done before it. Computed in double
   and rounded to float, as Keras keeps a rate in float32 whatever its weights are (0.1 is 0.10000000149011612). */
#include "core/mathematics.h"
#include "parts/parts.h"

#include <math.h>

typedef struct schedule {
    double initial_learning_rate, end_learning_rate, decay_rate, power, alpha, warmup_target;
    double t_mul, m_mul;
    int64_t decay_steps, warmup_steps;
    bool staircase, cycle;
    antler_numbers boundaries, values;
} schedule;

static const double pi = 3.14159265358979323846;

static double rounded(double rate)
{
    return (double)(float)rate;
}

static double constant_rate(const void *config, int64_t iteration)
{
    (void)iteration;
    return ((const schedule *)config)->initial_learning_rate;
}

/* Periods of decay_steps that are over; whole ones with staircase. */
static double periods(const schedule *s, int64_t iteration)
{
    const double p = (double)iteration / (double)s->decay_steps;
    return s->staircase ? floor(p) : p;
}

static double exponential_rate(const void *config, int64_t iteration)
{
    const schedule *s = config;
    return rounded(s->initial_learning_rate * antler__pow(s->decay_rate, periods(s, iteration)));
}

static double inverse_time_rate(const void *config, int64_t iteration)
{
    const schedule *s = config;
    return rounded(s->initial_learning_rate / (1 + s->decay_rate * periods(s, iteration)));
}

/* With cycle the rate starts anew after every decay_steps, each time from lower. */
static double polynomial_rate(const void *config, int64_t iteration)
{
    const schedule *s = config;
    double step = (double)iteration, steps = (double)s->decay_steps;
    if (s->cycle)
        steps *= iteration == 0 ? 1 : ceil(step / steps);
    else if (step > steps)
        step = steps;
    const double left = 1 - step / steps;
    const double share = left > 0 ? antler__pow(left, s->power) : 0;
    return rounded((s->initial_learning_rate - s->end_learning_rate) * share + s->end_learning_rate);
}

static double cosine_rate(const void *config, int64_t iteration)
{
    const schedule *s = config;
    const bool warm = !isnan(s->warmup_target);
    const double warmup = warm ? (double)s->warmup_steps : 0, steps = (double)s->decay_steps;
    const double from = warm ? s->warmup_target : s->initial_learning_rate;
    double step = (double)iteration;
    if (step < warmup)
        return rounded((from - s->initial_learning_rate) * (step / warmup) + s->initial_learning_rate);
    step = step - warmup > steps ? steps : step - warmup;
    const double wave = 0.5 * (1 + antler_cos(pi * (step / steps)));
    return rounded(from * ((1 - s->alpha) * wave + s->alpha));
}

/* Waves, each t_mul times as long and m_mul times as high as the one before. In float where Keras decides by it which
   wave a step is in. */
static double restarts_rate(const void *config, int64_t iteration)
{
    const schedule *s = config;
    const float t_mul = (float)s->t_mul;
    float done = (float)iteration / (float)s->decay_steps, wave;
    if (t_mul > 1 || t_mul < 1) {
        wave = floorf((float)antler__log((double)(1 - done * (1 - t_mul))) / (float)antler__log((double)t_mul));
        const float length = (float)antler__pow((double)t_mul, (double)wave);
        done = (done - (1 - length) / (1 - t_mul)) / length;
    } else {
        wave = floorf(done);
        done -= wave;
    }
    const double height = antler__pow(s->m_mul, (double)wave);
    const double cosine = 0.5 * height * (1 + antler_cos(pi * (double)done));
    return rounded(s->initial_learning_rate * ((1 - s->alpha) * cosine + s->alpha));
}

/* values[i] up to and at boundaries[i], the last one after them. */
static double piecewise_rate(const void *config, int64_t iteration)
{
    const schedule *s = config;
    int64_t i = 0;
    while (i < s->boundaries.n && (double)iteration > s->boundaries.value[i])
        i++;
    return rounded(s->values.value[i]);
}

static antler_status piecewise_check(void *config, antler_error *err)
{
    const schedule *s = config;
    const antler_numbers *b = &s->boundaries, *v = &s->values;
    if (b->n < 1 || v->n != b->n + 1)
        return antler_error_set(err, ANTLER_VALUE, "values", "expected lists, with one value more than boundaries");
    for (int64_t i = 0; i < b->n; i++)
        if (!(b->value[i] >= (i ? b->value[i - 1] : 0)))
            return antler_error_set(err, ANTLER_VALUE, "boundaries", "expected numbers of steps that rise");
    for (int64_t i = 0; i < v->n; i++)
        if (!(v->value[i] >= 0 && v->value[i] <= 1e30))
            return antler_error_set(err, ANTLER_VALUE, "values", "expected rates, 0 or more");
    return ANTLER_OK;
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* No factor of a rate is negative, so that none climbs the loss. */
#define ANTLER_RATE(member, json, null, line)                                                               \
    {                                                                                                       \
        .key = #member, .kind = ANTLER_REAL, .offset = offsetof(schedule, member), .def = (json), .min = 0, \
        .max = 1e30, .flags = (null), .doc = (line)                                                         \
    }
#define ANTLER_FLAG(member, line)                                                                                \
    {                                                                                                            \
        .key = #member, .kind = ANTLER_BOOL, .offset = offsetof(schedule, member), .def = "false", .doc = (line) \
    }
#define ANTLER_DECAY_STEPS                                                                                          \
    {                                                                                                               \
        .key = "decay_steps", .kind = ANTLER_INT, .offset = offsetof(schedule, decay_steps), .min = 1, .max = 1e15, \
        .doc = "optimizer steps of one period"                                                                      \
    }

/* What a bare number stands for. */
static const antler_field constant_fields[] = {
    {.key = "value",
     .kind = ANTLER_REAL,
     .offset = offsetof(schedule, initial_learning_rate),
     .min = 0,
     .max = 1e30,
     .doc = "the rate"},
    ANTLER_FIELD_END,
};
static const antler_field decay_fields[] = {
    ANTLER_RATE(initial_learning_rate, NULL, 0, "rate of step 0"),
    ANTLER_DECAY_STEPS,
    ANTLER_RATE(decay_rate, NULL, 0, "how much each period changes the rate"),
    ANTLER_FLAG(staircase, "changes at the end of a period only"),
    ANTLER_FIELD_END,
};
static const antler_field polynomial_fields[] = {
    ANTLER_RATE(initial_learning_rate, NULL, 0, "rate of step 0"),
    ANTLER_DECAY_STEPS,
    ANTLER_RATE(end_learning_rate, "0.0001", 0, "last rate"),
    {.key = "power",
     .kind = ANTLER_REAL,
     .offset = offsetof(schedule, power),
     .def = "1.0",
     .min = 0,
     .max = 1e3,
     .flags = ANTLER_OPEN_MIN,
     .doc = "1: a straight line"},
    ANTLER_FLAG(cycle, "goes on in periods, instead of staying at the last rate"),
    ANTLER_FIELD_END,
};
#define ANTLER_NUMBERS_OF(member, line)                                                           \
    {                                                                                             \
        .key = #member, .kind = ANTLER_REALS, .offset = offsetof(schedule, member), .doc = (line) \
    }
static const antler_field piecewise_fields[] = {
    ANTLER_NUMBERS_OF(boundaries, "steps up to which each of the values holds"),
    ANTLER_NUMBERS_OF(values, "rates, one more than boundaries"),
    ANTLER_FIELD_END,
};
#undef ANTLER_NUMBERS_OF
static const antler_field restarts_fields[] = {
    ANTLER_RATE(initial_learning_rate, NULL, 0, "rate of step 0"),
    {.key = "first_decay_steps",
     .kind = ANTLER_INT,
     .offset = offsetof(schedule, decay_steps),
     .min = 1,
     .max = 1e15,
     .doc = "optimizer steps of the first wave"},
    ANTLER_FIELD_NUMBER(schedule, t_mul, ANTLER_REAL, "2.0", 1, 1e6, "length of a wave, as a share of the last one"),
    ANTLER_RATE(m_mul, "1.0", 0, "height of a wave, as a share of the last one"),
    ANTLER_RATE(alpha, "0.0", 0, "last rate of a wave, as a share of the first rate"),
    ANTLER_FIELD_END,
};
static const antler_field cosine_fields[] = {
    ANTLER_RATE(initial_learning_rate, NULL, 0, "rate of step 0"),
    ANTLER_DECAY_STEPS,
    ANTLER_RATE(alpha, "0.0", 0, "last rate, as a share of the highest"),
    ANTLER_RATE(warmup_target, "null", ANTLER_NULLABLE, "rate that the first warmup_steps rise to; null: they do not"),
    {.key = "warmup_steps",
     .kind = ANTLER_INT,
     .offset = offsetof(schedule, warmup_steps),
     .def = "0",
     .min = 0,
     .max = 1e15,
     .doc = "optimizer steps before the decay"},
    ANTLER_FIELD_END,
};
#undef ANTLER_RATE
#undef ANTLER_FLAG
#undef ANTLER_DECAY_STEPS

static const antler_schedule_ops constant = {
    .type = {.size = sizeof(antler_schedule_ops),
             .kind = ANTLER_KIND_SCHEDULE,
             .class_name = "Constant",
             .doc = "one rate; written as a bare number",
             .config_size = sizeof(schedule),
             .fields = constant_fields,
             .flags = ANTLER_TYPE_BARE},
    .rate = constant_rate,
};

static const antler_schedule_ops exponential = {
    .type = {.size = sizeof(antler_schedule_ops),
             .kind = ANTLER_KIND_SCHEDULE,
             .class_name = "ExponentialDecay",
             .doc = "initial_learning_rate * decay_rate ^ (step / decay_steps)",
             .config_size = sizeof(schedule),
             .fields = decay_fields},
    .rate = exponential_rate,
};

static const antler_schedule_ops inverse_time = {
    .type = {.size = sizeof(antler_schedule_ops),
             .kind = ANTLER_KIND_SCHEDULE,
             .class_name = "InverseTimeDecay",
             .doc = "initial_learning_rate / (1 + decay_rate * step / decay_steps)",
             .config_size = sizeof(schedule),
             .fields = decay_fields},
    .rate = inverse_time_rate,
};

static const antler_schedule_ops polynomial = {
    .type = {.size = sizeof(antler_schedule_ops),
             .kind = ANTLER_KIND_SCHEDULE,
             .class_name = "PolynomialDecay",
             .doc = "(initial - end) * (1 - step / decay_steps) ^ power + end",
             .config_size = sizeof(schedule),
             .fields = polynomial_fields},
    .rate = polynomial_rate,
};

static const antler_schedule_ops cosine = {
    .type = {.size = sizeof(antler_schedule_ops),
             .kind = ANTLER_KIND_SCHEDULE,
             .class_name = "CosineDecay",
             .doc = "half a cosine wave down, after a straight line up",
             .config_size = sizeof(schedule),
             .fields = cosine_fields},
    .rate = cosine_rate,
};

static const antler_schedule_ops restarts = {
    .type = {.size = sizeof(antler_schedule_ops),
             .kind = ANTLER_KIND_SCHEDULE,
             .class_name = "CosineDecayRestarts",
             .doc = "half cosine waves down, one after the other",
             .config_size = sizeof(schedule),
             .fields = restarts_fields},
    .rate = restarts_rate,
};

static const antler_schedule_ops piecewise = {
    .type = {.size = sizeof(antler_schedule_ops),
             .kind = ANTLER_KIND_SCHEDULE,
             .class_name = "PiecewiseConstantDecay",
             .doc = "one rate after the other",
             .config_size = sizeof(schedule),
             .fields = piecewise_fields,
             .check = piecewise_check},
    .rate = piecewise_rate,
};

const antler_type *const antler__schedules[] = {
    &constant.type, &exponential.type, &inverse_time.type, &polynomial.type,
    &cosine.type,   &restarts.type,    &piecewise.type,    NULL,
};

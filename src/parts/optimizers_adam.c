/* Adam and its kin: a running mean of the gradient over the root of one of its square. */
#include "kernels/kernels.h"
#include "parts/optimizers.h"

#include <math.h>

/* x^n by squaring, so that no library's pow decides about the bits. */
static double power(double x, int64_t n)
{
    double y = 1;
    for (; n > 0; n >>= 1, x *= x)
        if (n & 1)
            y *= x;
    return y;
}

/* ---- Adam: m and v run after g and g^2; w = w - rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon) ----
 */

double antler__adam_rate(double rate, double beta_1, double beta_2, int64_t iteration)
{
    const int64_t t = iteration + 1;
    return rate * (sqrt(1 - power(antler__to_float(beta_2), t)) / (1 - power(antler__to_float(beta_1), t)));
}

typedef struct adam_config {
    antler_optimizer_keys keys;
    double beta_1, beta_2, epsilon;
    bool amsgrad;
} adam_config;

static int adam_slots(const void *config)
{
    return 2 + ((const adam_config *)config)->amsgrad;
}

/* The third one is behind all of the others. */
static void adam_slot(const void *config, int index, antler_slot *slot)
{
    (void)config;
    slot->order = index == 2;
}

static void adam_step(const void *config, const antler_step *step)
{
    const adam_config *c = config;
    antler_descent update = antler__descent(step);
    update.rate = (antler_real)antler__adam_rate(step->rate, c->beta_1, c->beta_2, step->iteration);
    update.a = (antler_real)(1 - c->beta_1);
    update.b = (antler_real)(1 - c->beta_2);
    update.c = (antler_real)c->epsilon;
    (c->amsgrad ? step->k->amsgrad : step->k->adam)(&update);
}

#define ANTLER_ADAM_FIELDS                                                                   \
    ANTLER_SHARE(adam_config, beta_1, "0.9", ANTLER_OPEN_MAX, "how long m remembers"),       \
        ANTLER_SHARE(adam_config, beta_2, "0.999", ANTLER_OPEN_MAX, "how long v remembers"), \
        ANTLER_EPSILON(adam_config, "1e-07", "added to sqrt(v)")
#define ANTLER_AMSGRAD                                                                                   \
    {                                                                                                    \
        .key = "amsgrad", .kind = ANTLER_BOOL, .offset = offsetof(adam_config, amsgrad), .def = "false", \
        .flags = ANTLER_UNWRITTEN, .doc = "divides by the largest v so far"                              \
    }

static const antler_field adam_fields[] = {ANTLER_ADAM_FIELDS, ANTLER_AMSGRAD, ANTLER_FIELD_END};
static const antler_field moment_fields[] = {ANTLER_ADAM_FIELDS, ANTLER_FIELD_END};
static const antler_field adamw_fields[] = {
    {.key = "weight_decay",
     .kind = ANTLER_REAL,
     .offset = offsetof(adam_config, keys.weight_decay),
     .def = "0.004",
     .min = 0,
     .max = 1e30,
     .flags = ANTLER_NULLABLE,
     .doc = "each step first takes rate * weight_decay * w from every weight"},
    ANTLER_ADAM_FIELDS,
    ANTLER_AMSGRAD,
    ANTLER_FIELD_END,
};

const antler_optimizer_ops antler__adam = {
    .type = ANTLER_OPTIMIZER("Adam", "adam", adam_config, adam_fields,
                             "steps scaled by running means of the gradient and of its square"),
    .slots = adam_slots,
    .interleaved = true,
    .slot = adam_slot,
    .step = adam_step,
};

const antler_optimizer_ops antler__adamw = {
    .type = ANTLER_OPTIMIZER("AdamW", "adamw", adam_config, adamw_fields, "Adam with weight decay"),
    .slots = adam_slots,
    .interleaved = true,
    .slot = adam_slot,
    .step = adam_step,
};

/* ---- Adamax: the largest gradient in place of the mean square ---------------------------------------------------- */

static void adamax_step(const void *config, const antler_step *step)
{
    const adam_config *c = config;
    antler_descent update = antler__descent(step);
    update.a = (antler_real)(1 - c->beta_1);
    update.b = (antler_real)c->beta_2;
    update.c = (antler_real)c->epsilon;
    update.d = (antler_real)(1 - power(antler__to_float(c->beta_1), step->iteration + 1));
    step->k->adamax(&update);
}

const antler_optimizer_ops antler__adamax = {
    .type = ANTLER_OPTIMIZER("Adamax", "adamax", adam_config, moment_fields, "Adam with the largest gradient so far"),
    .slots = antler__two_slots,
    .interleaved = true,
    .step = adamax_step,
};

/* ---- Nadam: Adam that looks ahead; u = beta_1 (1 - 0.96^t / 2), and the product of all u so far is in a slot -------
 */

enum { NADAM_PRODUCT = 2 };

static int nadam_slots(const void *config)
{
    (void)config;
    return NADAM_PRODUCT + 1;
}

static void nadam_slot(const void *config, int index, antler_slot *slot)
{
    (void)config;
    if (index == NADAM_PRODUCT)
        *slot = (antler_slot){.order = 1, .start = 1, .shared = true};
}

static double nadam_momentum(double beta_1, double decay, int64_t t)
{
    return beta_1 * (1 - 0.5 * power(decay, t));
}

static void nadam_begin(const void *config, const antler_step *step)
{
    antler_real *product = step->slot[NADAM_PRODUCT];
    const double beta_1 = ((const adam_config *)config)->beta_1; /* here Keras does not round, below it does */
    *product = (antler_real)((double)*product * nadam_momentum(beta_1, 0.96, step->iteration + 1));
}

static void nadam_step(const void *config, const antler_step *step)
{
    const adam_config *c = config;
    const int64_t t = step->iteration + 1;
    const double u = nadam_momentum(antler__to_float(c->beta_1), antler__to_float(0.96), t);
    const double next = nadam_momentum(antler__to_float(c->beta_1), antler__to_float(0.96), t + 1);
    const double product = (double)*step->slot[NADAM_PRODUCT];
    antler_descent update = antler__descent(step);
    update.a = (antler_real)(1 - antler__to_float(c->beta_1));
    update.b = (antler_real)(1 - antler__to_float(c->beta_2));
    update.c = (antler_real)c->epsilon;
    update.d = (antler_real)(next / (1 - product * next));
    update.e = (antler_real)((1 - u) / (1 - product));
    update.f = (antler_real)(1 - power(antler__to_float(c->beta_2), t));
    step->k->nadam(&update);
}

const antler_optimizer_ops antler__nadam = {
    .type = ANTLER_OPTIMIZER("Nadam", "nadam", adam_config, moment_fields, "Adam with Nesterov's momentum"),
    .slots = nadam_slots,
    .interleaved = true,
    .slot = nadam_slot,
    .begin = nadam_begin,
    .step = nadam_step,
};

/* ---- ScheduleFreeAdamW: m takes the steps, x is the mean of all m, and w = (1 - beta_1) m + beta_1 x --------------
 */

typedef struct schedule_free_config {
    antler_optimizer_keys keys;
    double beta_1, beta_2, epsilon;
    int64_t warmup_steps;
} schedule_free_config;

static const antler_field schedule_free_fields[] = {
    {.key = "learning_rate",
     .kind = ANTLER_OBJECT,
     .offset = offsetof(schedule_free_config, keys.learning_rate),
     .def = "0.0025",
     .of = ANTLER_KIND_SCHEDULE,
     .doc = "a number, or a schedule"},
    ANTLER_SHARE(schedule_free_config, beta_1, "0.9", ANTLER_OPEN_MIN | ANTLER_OPEN_MAX, "share of x in w"),
    ANTLER_SHARE(schedule_free_config, beta_2, "0.999", ANTLER_OPEN_MAX, "how long v remembers"),
    ANTLER_EPSILON(schedule_free_config, "1e-08", "added to sqrt(v)"),
    ANTLER_FIELD_NUMBER(schedule_free_config, warmup_steps, ANTLER_INT, "0", 0, 9007199254740992.0,
                        "over which the rate rises from 0"),
    ANTLER_FIELD_END,
};

static void schedule_free_slot(const void *config, int index, antler_slot *slot)
{
    (void)config;
    slot->weights = index == 0;
}

static void schedule_free_step(const void *config, const antler_step *step)
{
    const schedule_free_config *c = config;
    const int64_t t = step->iteration + 1;
    const double beta_1 = antler__to_float(c->beta_1), beta_2 = antler__to_float(c->beta_2);
    antler_descent update = antler__descent(step);
    if (t < c->warmup_steps)
        update.rate *= (antler_real)t / (antler_real)c->warmup_steps;
    update.a = (antler_real)(1 - beta_1);
    update.b = (antler_real)(1 - beta_2);
    update.c = (antler_real)c->epsilon;
    update.d = (antler_real)(1 - power(beta_2, t));
    update.e = 1 / (antler_real)t;
    update.f = (antler_real)beta_1;
    step->k->schedule_free(&update);
}

const antler_optimizer_ops antler__schedule_free = {
    .type = ANTLER_OPTIMIZER("ScheduleFreeAdamW", "schedulefreeadamw", schedule_free_config, schedule_free_fields,
                             "Adam on a mean of its own steps, in place of a schedule"),
    .slots = antler__two_slots,
    .interleaved = true,
    .slot = schedule_free_slot,
    .step = schedule_free_step,
};

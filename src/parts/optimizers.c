/* Optimizers whose step is elementwise arithmetic, done by a kernel; optimizers_whole.c has the others. Clipping, weight
   decay, running means of the weights and the like are the core's. */
#include "parts/optimizers.h"

#include "core/mathematics.h"
#include "kernels/kernels.h"
#include "parts/parts.h"

#include <math.h>

static antler_descent descent_of(const antler_step *step)
{
    return (antler_descent){.w = step->w,
                            .g = step->g,
                            .slot = {step->slot[0], step->slot[1], step->slot[2]},
                            .n = step->n,
                            .rate = (antler_real)step->rate};
}

/* x^n by squaring, so that no library's pow decides about the bits. */
static double power(double x, int64_t n)
{
    double y = 1;
    for (; n > 0; n >>= 1, x *= x)
        if (n & 1)
            y *= x;
    return y;
}

/* Keras on TensorFlow rounds the betas to float before it raises them, in float64 models as well. */
static double rounded(double beta)
{
    return (double)(float)beta;
}

static int one_slot(const void *config)
{
    (void)config;
    return 1;
}

static int two_slots(const void *config)
{
    (void)config;
    return 2;
}

/* ---- SGD: m = momentum m - rate g; w = w + m --------------------------------------------------------------------- */

typedef struct sgd_config {
    antler_optimizer_keys keys;
    double momentum;
    bool nesterov;
} sgd_config;

static int sgd_slots(const void *config)
{
    return ((const sgd_config *)config)->momentum != 0;
}

static void sgd_step(const void *config, const antler_step *step)
{
    const sgd_config *c = config;
    antler_descent update = descent_of(step);
    update.a = (antler_real)(float)c->momentum;
    if (c->momentum == 0)
        step->k->sgd(&update);
    else if (c->nesterov)
        step->k->nesterov(&update);
    else
        step->k->momentum(&update);
}

static const antler_field sgd_fields[] = {
    {.key = "learning_rate",
     .kind = ANTLER_OBJECT,
     .offset = offsetof(sgd_config, keys.learning_rate),
     .def = "0.01",
     .of = ANTLER_KIND_SCHEDULE,
     .doc = "a number, or a schedule"},
    ANTLER_SHARE(sgd_config, momentum, "0.0", 0, "share of the last step that is taken again"),
    ANTLER_FIELD_BOOL(sgd_config, nesterov, "false", "looks ahead: w + momentum m - rate g"),
    ANTLER_FIELD_END,
};

static const antler_optimizer_ops sgd = {
    .type = ANTLER_OPTIMIZER("SGD", "sgd", sgd_config, sgd_fields, "gradient descent, with momentum"),
    .slots = sgd_slots,
    .step = sgd_step,
};

/* ---- RMSprop ----------------------------------------------------------------------------------------------------- */

typedef struct rmsprop_config {
    antler_optimizer_keys keys;
    double rho, momentum, epsilon;
    bool centered;
} rmsprop_config;

static int rmsprop_slots(const void *config)
{
    const rmsprop_config *c = config;
    return 1 + (c->momentum > 0) + c->centered;
}

static void rmsprop_step(const void *config, const antler_step *step)
{
    const rmsprop_config *c = config;
    antler_descent update = descent_of(step);
    update.a = (antler_real)c->rho;
    update.b = (antler_real)(1 - c->rho);
    update.c = (antler_real)c->epsilon;
    update.d = (antler_real)c->momentum;
    if (c->momentum > 0)
        (c->centered ? step->k->rmsprop_centered_momentum : step->k->rmsprop_momentum)(&update);
    else
        (c->centered ? step->k->rmsprop_centered : step->k->rmsprop)(&update);
}

static const antler_field rmsprop_fields[] = {
    ANTLER_SHARE(rmsprop_config, rho, "0.9", 0, "how long the mean of squares remembers"),
    ANTLER_SHARE(rmsprop_config, momentum, "0.0", 0, "share of the last step that is taken again"),
    ANTLER_EPSILON(rmsprop_config, "1e-07", "added to the mean of squares"),
    ANTLER_FIELD_BOOL(rmsprop_config, centered, "false", "divides by the deviation: the gradient's mean is taken off"),
    ANTLER_FIELD_END,
};

static const antler_optimizer_ops rmsprop = {
    .type = ANTLER_OPTIMIZER("RMSprop", "rmsprop", rmsprop_config, rmsprop_fields,
                             "steps divided by the root of a running mean of the gradient's square"),
    .slots = rmsprop_slots,
    .step = rmsprop_step,
};

/* ---- Adam: m and v run after g and g^2; w = w - rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon) ---- */

double antler__adam_rate(double rate, double beta_1, double beta_2, int64_t iteration)
{
    const int64_t t = iteration + 1;
    return rate * (sqrt(1 - power(rounded(beta_2), t)) / (1 - power(rounded(beta_1), t)));
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
    antler_descent update = descent_of(step);
    update.rate = (antler_real)antler__adam_rate(step->rate, c->beta_1, c->beta_2, step->iteration);
    update.a = (antler_real)(1 - c->beta_1);
    update.b = (antler_real)(1 - c->beta_2);
    update.c = (antler_real)c->epsilon;
    (c->amsgrad ? step->k->amsgrad : step->k->adam)(&update);
}

#define ANTLER_ADAM_FIELDS                                                                                        \
    ANTLER_SHARE(adam_config, beta_1, "0.9", ANTLER_OPEN_MAX, "how long m remembers"),                            \
        ANTLER_SHARE(adam_config, beta_2, "0.999", ANTLER_OPEN_MAX, "how long v remembers"),                      \
        ANTLER_EPSILON(adam_config, "1e-07", "added to sqrt(v)")
#define ANTLER_AMSGRAD                                                                                       \
    {                                                                                                        \
        .key = "amsgrad", .kind = ANTLER_BOOL, .offset = offsetof(adam_config, amsgrad), .def = "false",     \
        .flags = ANTLER_UNWRITTEN, .doc = "divides by the largest v so far"                                  \
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

static const antler_optimizer_ops adam = {
    .type = ANTLER_OPTIMIZER("Adam", "adam", adam_config, adam_fields,
                             "steps scaled by running means of the gradient and of its square"),
    .slots = adam_slots,
    .interleaved = true,
    .slot = adam_slot,
    .step = adam_step,
};

static const antler_optimizer_ops adamw = {
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
    antler_descent update = descent_of(step);
    update.a = (antler_real)(1 - c->beta_1);
    update.b = (antler_real)c->beta_2;
    update.c = (antler_real)c->epsilon;
    update.d = (antler_real)(1 - power(rounded(c->beta_1), step->iteration + 1));
    step->k->adamax(&update);
}

static const antler_optimizer_ops adamax = {
    .type = ANTLER_OPTIMIZER("Adamax", "adamax", adam_config, moment_fields, "Adam with the largest gradient so far"),
    .slots = two_slots,
    .interleaved = true,
    .step = adamax_step,
};

/* ---- Nadam: Adam that looks ahead; u = beta_1 (1 - 0.96^t / 2), and the product of all u so far is in a slot ------- */

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

static double nadam_momentum(const adam_config *c, int64_t t)
{
    return rounded(c->beta_1) * (1 - 0.5 * power(rounded(0.96), t));
}

static void nadam_begin(const void *config, const antler_step *step)
{
    antler_real *product = step->slot[NADAM_PRODUCT];
    *product = (antler_real)((double)*product * nadam_momentum(config, step->iteration + 1));
}

static void nadam_step(const void *config, const antler_step *step)
{
    const adam_config *c = config;
    const int64_t t = step->iteration + 1;
    const double u = nadam_momentum(c, t), next = nadam_momentum(c, t + 1);
    const double product = (double)*step->slot[NADAM_PRODUCT];
    antler_descent update = descent_of(step);
    update.a = (antler_real)(1 - rounded(c->beta_1));
    update.b = (antler_real)(1 - rounded(c->beta_2));
    update.c = (antler_real)c->epsilon;
    update.d = (antler_real)(next / (1 - product * next));
    update.e = (antler_real)((1 - u) / (1 - product));
    update.f = (antler_real)(1 - power(rounded(c->beta_2), t));
    step->k->nadam(&update);
}

static const antler_optimizer_ops nadam = {
    .type = ANTLER_OPTIMIZER("Nadam", "nadam", adam_config, moment_fields, "Adam with Nesterov's momentum"),
    .slots = nadam_slots,
    .interleaved = true,
    .slot = nadam_slot,
    .begin = nadam_begin,
    .step = nadam_step,
};

/* ---- Adagrad, Adadelta ------------------------------------------------------------------------------------------- */

typedef struct adagrad_config {
    antler_optimizer_keys keys;
    double initial_accumulator_value, rho, epsilon;
} adagrad_config;

static void adagrad_slot(const void *config, int index, antler_slot *slot)
{
    (void)index;
    slot->start = ((const adagrad_config *)config)->initial_accumulator_value;
}

static void adagrad_step(const void *config, const antler_step *step)
{
    antler_descent update = descent_of(step);
    update.c = (antler_real)((const adagrad_config *)config)->epsilon;
    step->k->adagrad(&update);
}

static void adadelta_step(const void *config, const antler_step *step)
{
    const adagrad_config *c = config;
    antler_descent update = descent_of(step);
    update.a = (antler_real)c->rho;
    update.b = (antler_real)(1 - c->rho);
    update.c = (antler_real)c->epsilon;
    step->k->adadelta(&update);
}

static const antler_field adagrad_fields[] = {
    ANTLER_FIELD_NUMBER(adagrad_config, initial_accumulator_value, ANTLER_REAL, "0.1", 0, 1e30,
                        "what the sum of squares starts at"),
    ANTLER_EPSILON(adagrad_config, "1e-07", "added to the sum of squares"),
    ANTLER_FIELD_END,
};
static const antler_field adadelta_fields[] = {
    ANTLER_SHARE(adagrad_config, rho, "0.95", 0, "how long the means of squares remember"),
    ANTLER_EPSILON(adagrad_config, "1e-07", "added to the means of squares"),
    ANTLER_FIELD_END,
};

static const antler_optimizer_ops adagrad = {
    .type = ANTLER_OPTIMIZER("Adagrad", "adagrad", adagrad_config, adagrad_fields,
                             "steps divided by the root of the sum of all squares of the gradient"),
    .slots = one_slot,
    .slot = adagrad_slot,
    .step = adagrad_step,
};

static const antler_optimizer_ops adadelta = {
    .type = ANTLER_OPTIMIZER("Adadelta", "adadelta", adagrad_config, adadelta_fields,
                             "steps as large as the last ones, by running means of squares"),
    .slots = two_slots,
    .interleaved = true,
    .step = adadelta_step,
};

/* ---- Lion: the sign of the momentum ------------------------------------------------------------------------------ */

static void lion_step(const void *config, const antler_step *step)
{
    const adam_config *c = config;
    antler_descent update = descent_of(step);
    update.a = (antler_real)rounded(c->beta_1);
    update.b = (antler_real)(1 - rounded(c->beta_1));
    update.c = (antler_real)rounded(c->beta_2);
    update.d = (antler_real)(1 - rounded(c->beta_2));
    step->k->lion(&update);
}

static const antler_field lion_fields[] = {
    ANTLER_SHARE(adam_config, beta_1, "0.9", ANTLER_OPEN_MIN, "share of the momentum in a step's sign"),
    ANTLER_SHARE(adam_config, beta_2, "0.99", 0, "how long the momentum remembers"),
    ANTLER_FIELD_END,
};

static const antler_optimizer_ops lion = {
    .type = ANTLER_OPTIMIZER("Lion", "lion", adam_config, lion_fields, "steps of one size, by the sign of a momentum"),
    .slots = one_slot,
    .step = lion_step,
};

/* ---- Ftrl -------------------------------------------------------------------------------------------------------- */

typedef struct ftrl_config {
    antler_optimizer_keys keys;
    double learning_rate_power, initial_accumulator_value, l1_regularization_strength, l2_regularization_strength,
        l2_shrinkage_regularization_strength, beta;
} ftrl_config;

static void ftrl_slot(const void *config, int index, antler_slot *slot)
{
    if (index == 0)
        slot->start = ((const ftrl_config *)config)->initial_accumulator_value;
}

/* x^p of a sum of squares */
static antler_real raised(antler_real x, double p)
{
    return (antler_real)(p == 0.5 ? sqrt((double)x) : p == 0 ? 1 : antler__pow((double)x, p));
}

static void ftrl_step(const void *config, const antler_step *step)
{
    const ftrl_config *c = config;
    const antler_real rate = (antler_real)step->rate, l1 = (antler_real)c->l1_regularization_strength;
    const antler_real l2 = (antler_real)(2 * (c->l2_regularization_strength + c->beta / (2 * step->rate)));
    const antler_real shrinkage = (antler_real)(2 * c->l2_shrinkage_regularization_strength);
    for (int64_t i = 0; step->rate > 0 && i < step->n; i++) {
        antler_real *w = &step->w[i], *sum = &step->slot[0][i], *linear = &step->slot[1][i];
        const antler_real g = step->g[i], next = *sum + g * g, root = raised(next, -c->learning_rate_power);
        const antler_real change = (root - raised(*sum, -c->learning_rate_power)) / rate;
        *linear += g + shrinkage * *w - change * *w;
        const antler_real clipped = *linear > l1 ? l1 : *linear < -l1 ? -l1 : *linear;
        *w = (clipped - *linear) / (root / rate + l2);
        *sum = next;
    }
}

static const antler_field ftrl_fields[] = {
    ANTLER_FIELD_NUMBER(ftrl_config, learning_rate_power, ANTLER_REAL, "-0.5", -1e3, 0,
                        "how the rate falls with the sum of squares; 0: it does not"),
    ANTLER_FIELD_NUMBER(ftrl_config, initial_accumulator_value, ANTLER_REAL, "0.1", 0, 1e30,
                        "what the sum of squares starts at"),
    ANTLER_FIELD_NUMBER(ftrl_config, l1_regularization_strength, ANTLER_REAL, "0.0", 0, 1e30, "makes weights 0"),
    ANTLER_FIELD_NUMBER(ftrl_config, l2_regularization_strength, ANTLER_REAL, "0.0", 0, 1e30, "makes weights small"),
    ANTLER_FIELD_NUMBER(ftrl_config, l2_shrinkage_regularization_strength, ANTLER_REAL, "0.0", 0, 1e30,
                        "the same, as a penalty on the weights"),
    ANTLER_FIELD_NUMBER(ftrl_config, beta, ANTLER_REAL, "0.0", 0, 1e30, "more of l2, divided by the rate"),
    ANTLER_FIELD_END,
};

static const antler_optimizer_ops ftrl = {
    .type = ANTLER_OPTIMIZER("Ftrl", "ftrl", ftrl_config, ftrl_fields, "follows the regularized leader"),
    .slots = two_slots,
    .interleaved = true,
    .slot = ftrl_slot,
    .step = ftrl_step,
};

const antler_type *const antler__optimizers[] = {
    &sgd.type,      &rmsprop.type, &adam.type, &adamw.type, &adamax.type,           &nadam.type,       &adagrad.type,
    &adadelta.type, &lion.type,    &ftrl.type, &antler__adafactor.type, &antler__muon.type, &antler__lamb.type, NULL,
};

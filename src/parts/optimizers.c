/* Optimizers whose step is elementwise arithmetic, done by a kernel; optimizers_whole.c has the others. Clipping,
   weight decay, running means of the weights and the like are the core's. */
#include "parts/optimizers.h"

#include "core/mathematics.h"
#include "kernels/kernels.h"
#include "parts/parts.h"

#include <math.h>

antler_descent antler__descent(const antler_step *step)
{
    return (antler_descent){.w = step->w,
                            .g = step->g,
                            .slot = {step->slot[0], step->slot[1], step->slot[2]},
                            .n = step->n,
                            .rate = (antler_real)step->rate};
}

int antler__two_slots(const void *config)
{
    (void)config;
    return 2;
}

static int one_slot(const void *config)
{
    (void)config;
    return 1;
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
    antler_descent update = antler__descent(step);
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
    antler_descent update = antler__descent(step);
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
    antler_descent update = antler__descent(step);
    update.c = (antler_real)((const adagrad_config *)config)->epsilon;
    step->k->adagrad(&update);
}

static void adadelta_step(const void *config, const antler_step *step)
{
    const adagrad_config *c = config;
    antler_descent update = antler__descent(step);
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
    .slots = antler__two_slots,
    .interleaved = true,
    .step = adadelta_step,
};

/* ---- Lion: the sign of the momentum ------------------------------------------------------------------------------ */

typedef struct lion_config {
    antler_optimizer_keys keys;
    double beta_1, beta_2;
} lion_config;

static void lion_step(const void *config, const antler_step *step)
{
    const lion_config *c = config;
    antler_descent update = antler__descent(step);
    update.a = (antler_real)antler__to_float(c->beta_1);
    update.b = (antler_real)(1 - antler__to_float(c->beta_1));
    update.c = (antler_real)antler__to_float(c->beta_2);
    update.d = (antler_real)(1 - antler__to_float(c->beta_2));
    step->k->lion(&update);
}

static const antler_field lion_fields[] = {
    ANTLER_SHARE(lion_config, beta_1, "0.9", ANTLER_OPEN_MIN, "share of the momentum in a step's sign"),
    ANTLER_SHARE(lion_config, beta_2, "0.99", 0, "how long the momentum remembers"),
    ANTLER_FIELD_END,
};

static const antler_optimizer_ops lion = {
    .type = ANTLER_OPTIMIZER("Lion", "lion", lion_config, lion_fields, "steps of one size, by the sign of a momentum"),
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
    .slots = antler__two_slots,
    .interleaved = true,
    .always_interleaved = true,
    .slot = ftrl_slot,
    .step = ftrl_step,
};

const antler_type *const antler__optimizers[] = {
    &sgd.type,
    &rmsprop.type,
    &antler__adam.type,
    &antler__adamw.type,
    &antler__adamax.type,
    &antler__nadam.type,
    &adagrad.type,
    &adadelta.type,
    &lion.type,
    &ftrl.type,
    &antler__adafactor.type,
    &antler__muon.type,
    &antler__lamb.type,
    &antler__schedule_free.type,
    NULL,
};

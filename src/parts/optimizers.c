/* Optimizers: one step of elementwise arithmetic, done by a kernel. Clipping and weight decay are the core's. */
#include "kernels/kernels.h"
#include "parts/parts.h"

#include <math.h>

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
    const antler_descent update = {.w = step->w,
                                   .g = step->g,
                                   .slot = {step->slot[0]},
                                   .n = step->n,
                                   .rate = (antler_real)step->rate,
                                   .a = (antler_real)(float)c->momentum};
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
    {.key = "momentum",
     .kind = ANTLER_REAL,
     .offset = offsetof(sgd_config, momentum),
     .def = "0.0",
     .min = 0,
     .max = 1,
     .doc = "share of the last step that is taken again"},
    {.key = "nesterov",
     .kind = ANTLER_BOOL,
     .offset = offsetof(sgd_config, nesterov),
     .def = "false",
     .doc = "looks ahead: w + momentum m - rate g"},
    ANTLER_FIELD_END,
};

static const antler_optimizer_ops sgd = {
    .type = {.size = sizeof(antler_optimizer_ops),
             .kind = ANTLER_KIND_OPTIMIZER,
             .class_name = "SGD",
             .aliases = (const char *const[]){"sgd", NULL},
             .doc = "gradient descent, with momentum",
             .config_size = sizeof(sgd_config),
             .fields = sgd_fields},
    .slots = sgd_slots,
    .step = sgd_step,
};

/* ---- Adam: m and v run after g and g^2; w = w - rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon) ----
 */

typedef struct adam_config {
    antler_optimizer_keys keys;
    double beta_1, beta_2, epsilon;
} adam_config;

static int adam_slots(const void *config)
{
    (void)config;
    return 2;
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

static void adam_step(const void *config, const antler_step *step)
{
    const adam_config *c = config;
    const int64_t t = step->iteration + 1;
    /* Keras on TensorFlow rounds the betas to float before it raises them, in float64 models as well. */
    const double beta_1 = (double)(float)c->beta_1, beta_2 = (double)(float)c->beta_2;
    const double correction = sqrt(1 - power(beta_2, t)) / (1 - power(beta_1, t));
    const antler_descent update = {.w = step->w,
                                   .g = step->g,
                                   .slot = {step->slot[0], step->slot[1]},
                                   .n = step->n,
                                   .rate = (antler_real)(step->rate * correction),
                                   .a = (antler_real)(1 - c->beta_1),
                                   .b = (antler_real)(1 - c->beta_2),
                                   .c = (antler_real)c->epsilon};
    step->k->adam(&update);
}

static const antler_field adam_fields[] = {
    {.key = "beta_1",
     .kind = ANTLER_REAL,
     .offset = offsetof(adam_config, beta_1),
     .def = "0.9",
     .min = 0,
     .max = 1,
     .flags = ANTLER_OPEN_MAX,
     .doc = "how long m remembers"},
    {.key = "beta_2",
     .kind = ANTLER_REAL,
     .offset = offsetof(adam_config, beta_2),
     .def = "0.999",
     .min = 0,
     .max = 1,
     .flags = ANTLER_OPEN_MAX,
     .doc = "how long v remembers"},
    {.key = "epsilon",
     .kind = ANTLER_REAL,
     .offset = offsetof(adam_config, epsilon),
     .def = "1e-07",
     .min = 0,
     .max = 1e30,
     .doc = "added to sqrt(v)"},
    {.key = "amsgrad", .kind = ANTLER_ANY, .def = "false", .flags = ANTLER_UNWRITTEN},
    ANTLER_FIELD_END,
};

static const antler_optimizer_ops adam = {
    .type = {.size = sizeof(antler_optimizer_ops),
             .kind = ANTLER_KIND_OPTIMIZER,
             .class_name = "Adam",
             .aliases = (const char *const[]){"adam", NULL},
             .doc = "steps scaled by running means of the gradient and of its square",
             .config_size = sizeof(adam_config),
             .fields = adam_fields},
    .slots = adam_slots,
    .interleaved = true,
    .step = adam_step,
};

const antler_type *const antler__optimizers[] = {&sgd.type, &adam.type, NULL};

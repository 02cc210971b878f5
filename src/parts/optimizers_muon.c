/* Muon, whose products are the kernels'. */
#include "antler/antler.h"
#include "kernels/kernels.h"
#include "parts/optimizers.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Muon: the momentum of a matrix, made orthogonal by products; AdamW for the rest -------------------------------
 */

typedef struct muon_config {
    antler_optimizer_keys keys;
    double adam_beta_1, adam_beta_2, adam_weight_decay, epsilon, muon_a, muon_b, muon_c, adam_lr_ratio, momentum,
        rms_rate;
    const char *exclude_layers[ANTLER_MAX_STRINGS];
    int64_t ns_steps;
    bool exclude_embeddings, nesterov;
} muon_config;

static bool takes_adam(const muon_config *c, const antler_variable *variable)
{
    char path[1024], lower[sizeof path];
    if (variable->value.shape.rank != 2)
        return true;
    snprintf(path, sizeof path, "%s/%s", variable->layer, variable->name);
    for (size_t i = 0; i <= strlen(path); i++)
        lower[i] = (char)tolower((unsigned char)path[i]);
    if (c->exclude_embeddings && strstr(lower, "embedding"))
        return true;
    for (int i = 0; i < ANTLER_MAX_STRINGS && c->exclude_layers[i]; i++)
        if (strstr(path, c->exclude_layers[i]))
            return true;
    return false;
}

static antler_slot_use muon_use(const void *config, int index, const antler_variable *variable, antler_shape *shape)
{
    (void)shape;
    return index == 0 || takes_adam(config, variable) ? ANTLER_SLOT_ARRAY : ANTLER_SLOT_NONE;
}

static double muon_decay(const void *config, const antler_variable *variable)
{
    const muon_config *c = config;
    return takes_adam(c, variable) ? c->adam_weight_decay : c->keys.weight_decay;
}

/* Two of a matrix, and two of its smaller side. */
static int64_t muon_room(const void *config, const antler_shape *shape)
{
    (void)config;
    const int64_t side = shape->rank != 2 ? 0 : shape->dim[0] < shape->dim[1] ? shape->dim[0] : shape->dim[1];
    return 2 * side * side + 2 * antler_count(shape, 0);
}

/* c (m, n) = a (m, k) b (k, n), or with `transposed` a b^T of b (n, k). */
static void multiply(antler_run *run, int64_t m, int64_t n, int64_t k, const antler_real *a, const antler_real *b,
                     bool transposed, antler_real *c)
{
    antler_run_product(run, &(antler_product){.m = m,
                                              .n = n,
                                              .k = k,
                                              .a = a,
                                              .a_row = k,
                                              .a_col = 1,
                                              .b = b,
                                              .b_row = transposed ? 1 : n,
                                              .b_col = transposed ? k : 1,
                                              .c = c,
                                              .c_row = n});
}

/* x = a x + (b A + c A A) x, A = x x^T, of a (rows, columns) matrix. The result is in y, and x is room then. */
static void newton_schulz(const muon_config *c, antler_run *run, antler_real *x, antler_real *y, antler_real *square,
                          int64_t rows, int64_t columns)
{
    const int64_t n = rows * rows;
    antler_real *sum = square + n;
    multiply(run, rows, rows, columns, x, x, true, square);
    multiply(run, rows, rows, rows, square, square, false, sum);
    for (int64_t i = 0; i < n; i++)
        sum[i] = (antler_real)c->muon_b * square[i] + (antler_real)c->muon_c * sum[i];
    multiply(run, rows, columns, rows, sum, x, false, y);
    for (int64_t i = 0; i < rows * columns; i++)
        y[i] = (antler_real)c->muon_a * x[i] + y[i];
}

/* Where element i of a matrix is in its transpose. */
static int64_t turned(int64_t i, int64_t rows, int64_t columns)
{
    return i % columns * rows + i / columns;
}

static void matrix_step(const muon_config *c, const antler_step *step)
{
    const int64_t *dim = step->variable->value.shape.dim;
    const bool tall = dim[0] > dim[1];
    const int64_t rows = tall ? dim[1] : dim[0], columns = tall ? dim[0] : dim[1];
    const antler_real momentum = (antler_real)c->momentum, less = (antler_real)(c->momentum - 1);
    antler_real *x = step->room, *y = x + step->n, *square = y + step->n, *m = step->slot[0];
    for (int64_t i = 0; i < step->n; i++) {
        m[i] += step->g[i] + m[i] * less;
        x[tall ? turned(i, dim[0], dim[1]) : i] = c->nesterov ? step->g[i] + momentum * m[i] : m[i];
    }
    const antler_real norm = (antler_real)(sqrt(step->k->long_sum_squares(x, step->n)) + 1e-7);
    for (int64_t i = 0; i < step->n; i++)
        x[i] /= norm;
    for (int64_t s = 0; s < c->ns_steps; s++) {
        newton_schulz(c, step->run, x, y, square, rows, columns);
        antler_real *swap = x;
        x = y;
        y = swap;
    }
    const double scale = isnan(c->rms_rate) ? 1 : sqrt((double)columns) * c->rms_rate;
    for (int64_t i = 0; i < step->n; i++)
        step->w[i] -= (antler_real)(step->rate * scale) * x[tall ? turned(i, dim[0], dim[1]) : i];
}

static void muon_step(const void *config, const antler_step *step)
{
    const muon_config *c = config;
    if (!takes_adam(c, step->variable)) {
        matrix_step(c, step);
        return;
    }
    const double rate = step->rate * c->adam_lr_ratio;
    const antler_descent update = {
        .w = step->w,
        .g = step->g,
        .slot = {step->slot[0], step->slot[1]},
        .n = step->n,
        .rate = (antler_real)antler__adam_rate(rate, c->adam_beta_1, c->adam_beta_2, step->iteration),
        .a = (antler_real)(1 - c->adam_beta_1),
        .b = (antler_real)(1 - c->adam_beta_2),
        .c = (antler_real)c->epsilon};
    step->k->adam(&update);
}

/* Keras takes regular expressions; plain words are what they are for. */
static antler_status muon_check(void *config, antler_error *err)
{
    const muon_config *c = config;
    for (int i = 0; i < ANTLER_MAX_STRINGS && c->exclude_layers[i]; i++)
        if (strpbrk(c->exclude_layers[i], "\\^$*+?()[]{}|"))
            return antler_error_set(err, ANTLER_VALUE, "exclude_layers",
                                    "\"%.60s\" is a pattern: expected a part of a layer's name", c->exclude_layers[i]);
    return ANTLER_OK;
}

#define ANTLER_MUON(member, json, lo, hi, line) \
    ANTLER_FIELD_NUMBER(muon_config, member, ANTLER_REAL, json, lo, hi, line)
#define ANTLER_MUON_NULLABLE(name, member, json, line)                                                        \
    {                                                                                                         \
        .key = (name), .kind = ANTLER_REAL, .offset = offsetof(muon_config, member), .def = (json), .min = 0, \
        .max = 1e30, .flags = ANTLER_NULLABLE, .doc = (line)                                                  \
    }

static const antler_field muon_fields[] = {
    ANTLER_MUON_NULLABLE("weight_decay", keys.weight_decay, "0.004", "of matrices: rate * weight_decay * w"),
    ANTLER_MUON_NULLABLE("adam_weight_decay", adam_weight_decay, "0.004", "of what takes the step of AdamW"),
    ANTLER_SHARE(muon_config, adam_beta_1, "0.9", ANTLER_OPEN_MAX, "beta_1 of AdamW"),
    ANTLER_SHARE(muon_config, adam_beta_2, "0.999", ANTLER_OPEN_MAX, "beta_2 of AdamW"),
    ANTLER_EPSILON(muon_config, "1e-07", "epsilon of AdamW"),
    ANTLER_MUON(adam_lr_ratio, "1", 0, 1e30, "the rate of AdamW, as a share of the rate"),
    {.key = "exclude_layers",
     .kind = ANTLER_STRINGS,
     .offset = offsetof(muon_config, exclude_layers),
     .def = "[]",
     .doc = "parts of names of layers whose matrices take the step of AdamW, too"},
    ANTLER_FIELD_BOOL(muon_config, exclude_embeddings, "true", "those of embeddings do"),
    ANTLER_MUON(muon_a, "3.4445", 0, 0, "x in a x + b A x + c A A x, A = x x^T"),
    ANTLER_MUON(muon_b, "-4.775", 0, 0, "A x"),
    ANTLER_MUON(muon_c, "2.0315", 0, 0, "A A x"),
    ANTLER_SHARE(muon_config, momentum, "0.95", 0, "how long the momentum remembers"),
    ANTLER_FIELD_NUMBER(muon_config, ns_steps, ANTLER_INT, "5", 0, 1000, "how often that is done"),
    ANTLER_FIELD_BOOL(muon_config, nesterov, "true", "looks ahead: g + momentum m"),
    ANTLER_MUON_NULLABLE("rms_rate", rms_rate, "0.2", "size of a step of a matrix; null: as it comes"),
    ANTLER_FIELD_END,
};

const antler_optimizer_ops antler__muon = {
    .type = {.size = sizeof(antler_optimizer_ops),
             .kind = ANTLER_KIND_OPTIMIZER,
             .class_name = "Muon",
             .aliases = (const char *const[]){"muon", NULL},
             .doc = "matrices: a momentum that is made orthogonal; all else: AdamW",
             .config_size = sizeof(muon_config),
             .fields = muon_fields,
             .check = muon_check},
    .slots = antler__two_slots,
    .interleaved = true,
    .use = muon_use,
    .whole = true,
    .room = muon_room,
    .decay = muon_decay,
    .step = muon_step,
};

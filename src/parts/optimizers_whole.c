/* Optimizers whose step depends on a whole variable: its norm, its rows and columns, its products. Sums are taken in an
   order that the shape alone decides. */
#include "antler/antler.h"
#include "core/mathematics.h"
#include "kernels/kernels.h"
#include "parts/optimizers.h"

#include <math.h>

static antler_real root(antler_real x)
{
    return (antler_real)sqrt((double)x); /* of a float the same as sqrtf: rounded once */
}

/* Root of the mean of squares. */
static double rms(const antler_step *step, const antler_real *x, int64_t n)
{
    return sqrt(step->k->long_sum_squares(x, n) / (double)n);
}

static int64_t room_of_variable(const void *config, const antler_shape *shape)
{
    (void)config;
    return antler_count(shape, 0);
}

/* ---- Adafactor: the mean square of rows and of columns, in place of one for each element ----------------------------
 */

enum { ROW_MEANS, COLUMN_MEANS, MEANS };

typedef struct adafactor_config {
    antler_optimizer_keys keys;
    double beta_2_decay, epsilon_1, epsilon_2, clip_threshold;
} adafactor_config;

static int adafactor_slots(const void *config)
{
    (void)config;
    return MEANS + 1;
}

/* Rows and columns are the last two axes. Keras has a number that nobody reads where there are none. */
static antler_slot_use adafactor_use(const void *config, int index, const antler_variable *variable,
                                     antler_shape *shape)
{
    (void)config, (void)variable;
    if (index == MEANS)
        return ANTLER_SLOT_ARRAY;
    if (shape->rank < 2)
        return ANTLER_SLOT_DUMMY;
    shape->rank--;
    if (index == COLUMN_MEANS)
        shape->dim[shape->rank - 1] = shape->dim[shape->rank];
    return ANTLER_SLOT_ARRAY;
}

/* mean = share * mean + (1 - share) * x */
static void remember(antler_real *mean, antler_real x, antler_real share)
{
    *mean = share * *mean + (1 - share) * x;
}

/* The means of each column of one matrix, a block of columns at a time. */
static void column_means(antler_real *mean, const antler_real *x, int64_t rows, int64_t columns, antler_real share)
{
    enum { BLOCK = 64 };
    for (int64_t first = 0; first < columns; first += BLOCK) {
        const int64_t width = columns - first < BLOCK ? columns - first : BLOCK;
        double sum[BLOCK] = {0};
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < width; j++)
                sum[j] += (double)x[i * columns + first + j];
        for (int64_t j = 0; j < width; j++)
            remember(&mean[first + j], (antler_real)(sum[j] / (double)rows), share);
    }
}

/* v of one matrix, from its squares. */
static void factor(const antler_step *step, const antler_real *square, antler_real *row, antler_real *column,
                   antler_real *v, int64_t rows, int64_t columns, antler_real share)
{
    for (int64_t i = 0; i < rows; i++)
        remember(&row[i], step->k->sum(square + i * columns, columns) / (antler_real)columns, share);
    column_means(column, square, rows, columns, share);
    const antler_real mean = step->k->sum(row, rows) / (antler_real)rows;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            v[i * columns + j] = row[i] / mean * column[j];
}

static void adafactor_means(const antler_step *step, const antler_real *square, antler_real share)
{
    const antler_shape *shape = &step->variable->value.shape;
    antler_real *v = step->slot[MEANS];
    if (shape->rank < 2) {
        for (int64_t i = 0; i < step->n; i++)
            remember(&v[i], square[i], share);
        return;
    }
    const int64_t rows = shape->dim[shape->rank - 2], columns = shape->dim[shape->rank - 1], size = rows * columns;
    for (int64_t i = 0; i < step->n / size; i++)
        factor(step, square + i * size, step->slot[ROW_MEANS] + i * rows, step->slot[COLUMN_MEANS] + i * columns,
               v + i * size, rows, columns, share);
}

static void adafactor_step(const void *config, const antler_step *step)
{
    const adafactor_config *c = config;
    const double t = (double)step->iteration + 1;
    const double rate = fmin(step->rate, 1 / sqrt(t)) * fmax(c->epsilon_2, rms(step, step->w, step->n));
    const antler_real epsilon = (antler_real)c->epsilon_1, *v = step->slot[MEANS];
    antler_real *u = step->room;
    for (int64_t i = 0; i < step->n; i++)
        u[i] = step->g[i] * step->g[i] + epsilon;
    adafactor_means(step, u, (antler_real)(1 - antler__pow(t, c->beta_2_decay)));
    for (int64_t i = 0; i < step->n; i++)
        u[i] = step->g[i] / root(v[i]);
    const antler_real over = (antler_real)fmax(1, rms(step, u, step->n) / c->clip_threshold);
    for (int64_t i = 0; i < step->n; i++)
        step->w[i] -= (antler_real)rate * (u[i] / over);
}

static const antler_field adafactor_fields[] = {
    ANTLER_FIELD_NUMBER(adafactor_config, beta_2_decay, ANTLER_REAL, "-0.8", -1e3, 0,
                        "how long the means of squares remember: 1 - t^beta_2_decay"),
    ANTLER_FIELD_NUMBER(adafactor_config, epsilon_1, ANTLER_REAL, "1e-30", 0, 1e30, "added to a square"),
    ANTLER_FIELD_NUMBER(adafactor_config, epsilon_2, ANTLER_REAL, "0.001", 0, 1e30,
                        "least size of a weight, for the size of its step"),
    {.key = "clip_threshold",
     .kind = ANTLER_REAL,
     .offset = offsetof(adafactor_config, clip_threshold),
     .def = "1.0",
     .min = 0,
     .max = 1e30,
     .flags = ANTLER_OPEN_MIN,
     .doc = "largest root of the mean square of a step"},
    {.key = "relative_step", .kind = ANTLER_ANY}, /* Keras takes the smaller of rate and 1 / sqrt(t) in any case */
    ANTLER_FIELD_END,
};

const antler_optimizer_ops antler__adafactor = {
    .type = ANTLER_OPTIMIZER("Adafactor", "adafactor", adafactor_config, adafactor_fields,
                             "steps in proportion to the weights, by mean squares of rows and columns"),
    .slots = adafactor_slots,
    .interleaved = true,
    .use = adafactor_use,
    .whole = true,
    .room = room_of_variable,
    .step = adafactor_step,
};

/* ---- Lamb: Adam's step, made as long as the weights -------------------------------------------------------------- */

typedef struct lamb_config {
    antler_optimizer_keys keys;
    double beta_1, beta_2, epsilon;
} lamb_config;

/* m and v of Adam. */
static void moments(const antler_step *step, antler_real a, antler_real b)
{
    antler_real *m = step->slot[0], *v = step->slot[1];
    for (int64_t i = 0; i < step->n; i++) {
        m[i] += (step->g[i] - m[i]) * a;
        v[i] += (step->g[i] * step->g[i] - v[i]) * b;
    }
}

static void lamb_step(const void *config, const antler_step *step)
{
    const lamb_config *c = config;
    const double t = (double)step->iteration + 1;
    const antler_real m_share = (antler_real)(1 - antler__pow(antler__to_float(c->beta_1), t));
    const antler_real v_share = (antler_real)(1 - antler__pow(antler__to_float(c->beta_2), t));
    antler_real *u = step->room;
    moments(step, (antler_real)(1 - c->beta_1), (antler_real)(1 - c->beta_2));
    for (int64_t i = 0; i < step->n; i++)
        u[i] = step->slot[0][i] / m_share / (root(step->slot[1][i] / v_share) + (antler_real)c->epsilon);
    const double length = sqrt(step->k->long_sum_squares(step->w, step->n));
    const double of_step = sqrt(step->k->long_sum_squares(u, step->n));
    const antler_real rate = (antler_real)((length > 0 && of_step > 0 ? length / of_step : 1) * step->rate);
    for (int64_t i = 0; i < step->n; i++)
        step->w[i] -= rate * u[i];
}

static const antler_field lamb_fields[] = {
    ANTLER_SHARE(lamb_config, beta_1, "0.9", ANTLER_OPEN_MAX, "how long m remembers"),
    ANTLER_SHARE(lamb_config, beta_2, "0.999", ANTLER_OPEN_MAX, "how long v remembers"),
    ANTLER_EPSILON(lamb_config, "1e-07", "added to sqrt(v)"),
    ANTLER_FIELD_END,
};

const antler_optimizer_ops antler__lamb = {
    .type = ANTLER_OPTIMIZER("Lamb", "lamb", lamb_config, lamb_fields, "Adam with steps as long as the weights"),
    .slots = antler__two_slots,
    .interleaved = true,
    .whole = true,
    .room = room_of_variable,
    .step = lamb_step,
};

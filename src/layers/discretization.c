/* Discretization: the number of the bin that each x lies in, which is how many boundaries are at most x (all of them
   for NaN). Keras compares with boundaries in float.

     int        the number itself
     one_hot    (B, ..., n) to (B, ..., n, bins), a last axis of 1 is replaced: 1 at the number, 0 elsewhere
     multi_hot  (B, n, ...) to (B, ..., bins): 1 at each number along axis 1
     count      the same, with how often each occurs

   Numbers of bins have no gradient: dx = 0. Boundaries are given, or quantiles of data (antler_adapt). */
#include "layers/shared/common.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct antler_discretization discretization;

static const char *const modes[] = {"int", "one_hot", "multi_hot", "count", NULL};
enum { INT, ONE_HOT, MULTI_HOT, COUNT };

static const antler_field fields[] = {
    {.key = "trainable", /* Keras's takes none, unlike most layers */
     .kind = ANTLER_BOOL,
     .offset = offsetof(discretization, trainable),
     .def = "true",
     .flags = ANTLER_UNSAVED,
     .doc = "nothing to train here"},
    {.key = "bin_boundaries",
     .kind = ANTLER_NUMBERS,
     .offset = offsetof(discretization, bin_boundaries),
     .def = "null",
     .flags = ANTLER_NULLABLE,
     .doc = "in ascending order; null: learned from data"},
    {.key = "num_bins",
     .kind = ANTLER_INT,
     .offset = offsetof(discretization, num_bins),
     .def = "null",
     .min = 1,
     .max = ANTLER_MOST_UNITS,
     .flags = ANTLER_NULLABLE,
     .doc = "how many to learn from data"},
    ANTLER_FIELD_NUMBER(discretization, epsilon, ANTLER_REAL, "0.01", 1e-6, 1,
                        "share of the data, to which a quantile is exact"),
    {.key = "output_mode",
     .kind = ANTLER_STRING,
     .offset = offsetof(discretization, output_mode),
     .def = "\"int\"",
     .choices = modes,
     .doc = "what becomes of a number"},
    ANTLER_FIELD_IGNORED("sparse", "false"),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4) {\"bin_boundaries\": [-0.5, 0.0, 0.5]}",
    "(3, 2) {\"bin_boundaries\": [0.0], \"output_mode\": \"one_hot\"}",
    "(3, 2) {\"bin_boundaries\": [-0.5, 0.5], \"output_mode\": \"multi_hot\"}",
    "(4) {\"bin_boundaries\": [-0.5, 0.5], \"output_mode\": \"count\"}",
    NULL,
};

static antler_status check(void *config, antler_error *err)
{
    discretization *cfg = config;
    antler_numbers *bins = &cfg->bin_boundaries;
    if (!bins->value && cfg->num_bins == ANTLER_NULL)
        return antler_error_set(err, ANTLER_VALUE, "bin_boundaries", "missing: give them, or num_bins");
    if (bins->value && bins->shape.rank == 0)
        bins->shape = (antler_shape){1, {bins->n}};
    if (bins->value && bins->shape.rank != 1)
        return antler_error_set(err, ANTLER_VALUE, "bin_boundaries", "lists of lists; expected one list");
    for (int64_t i = 1; i < bins->n; i++)
        if (bins->value[i] < bins->value[i - 1])
            return antler_error_set(err, ANTLER_VALUE, "bin_boundaries", "%g after %g: they must ascend",
                                    bins->value[i], bins->value[i - 1]);
    return ANTLER_OK;
}

static bool is_mode(const discretization *cfg, int mode)
{
    return cfg->output_mode == modes[mode];
}

static int64_t bins_of(const discretization *cfg)
{
    return cfg->bin_boundaries.value ? cfg->bin_boundaries.n + 1 : cfg->num_bins;
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const discretization *cfg = config;
    *out = *in;
    if (in->rank < 2)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input has no axis beside the batch's");
    if (is_mode(cfg, INT))
        return ANTLER_OK;
    if (is_mode(cfg, ONE_HOT) && in->dim[in->rank - 1] != 1)
        out->rank++;
    if (out->rank > ANTLER_MAX_RANK)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "the output would have %d axes", out->rank);
    for (int i = 2; !is_mode(cfg, ONE_HOT) && i < in->rank; i++)
        out->dim[i - 1] = in->dim[i];
    out->dim[out->rank - 1] = bins_of(cfg);
    return ANTLER_OK;
}

/* ---- one run ----------------------------------------------------------------------------------------------------- */

typedef struct job {
    const discretization *cfg;
    const antler_real *x; /* (rows, group, inner) */
    antler_real *y;       /* (rows, inner, bins) */
    int64_t group, inner, bins;
    antler_real most; /* a place holds no more than this */
} job;

static int64_t bin_of(const antler_numbers *bins, antler_real x)
{
    int64_t low = 0, high = bins->n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if ((double)x < (double)(float)bins->value[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void number(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t i = first; i < first + count; i++)
        j->y[i] = (antler_real)bin_of(&j->cfg->bin_boundaries, j->x[i]);
}

static void encode(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const int64_t size = j->group * j->inner;
    for (int64_t row = first; row < first + count; row++) {
        antler_real *y = j->y + row * j->inner * j->bins;
        memset(y, 0, (size_t)(j->inner * j->bins) * sizeof *y);
        for (int64_t i = 0; i < size; i++) {
            antler_real *place = y + i % j->inner * j->bins + bin_of(&j->cfg->bin_boundaries, j->x[row * size + i]);
            if (*place < j->most)
                *place += 1;
        }
    }
}

static antler_status forward(const void *config, antler_run *run)
{
    const discretization *cfg = config;
    const antler_shape *in = &run->x->shape;
    const int64_t n = antler_count(in, 0);
    if (!cfg->bin_boundaries.value)
        return antler_run_fail(run, ANTLER_VALUE, "it has no bin_boundaries yet: they are learned by adapt");
    job j = {.cfg = cfg, .x = run->x->data, .y = run->y->data, .bins = bins_of(cfg), .group = 1, .inner = 1, .most = 1};
    if (is_mode(cfg, MULTI_HOT) || is_mode(cfg, COUNT)) {
        j.group = in->dim[1];
        j.inner = antler_count(in, 2);
        j.most = is_mode(cfg, COUNT) ? (antler_real)j.group : 1;
    }
    if (is_mode(cfg, INT))
        antler_run_ranges(run, n, 8, number, &j);
    else
        antler_run_ranges(run, n / (j.group * j.inner), j.inner * j.bins, encode, &j);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    (void)config;
    if (run->dx->data)
        memset(run->dx->data, 0, (size_t)antler_count(&run->dx->shape, 0) * sizeof *run->dx->data);
    return ANTLER_OK;
}

/* ---- learning ---------------------------------------------------------------------------------------------------- */

/* A summary of sorted numbers: each stands for `weight` of them. All is rounded to float, as in Keras. */
typedef struct summary {
    int64_t n;
    antler_real *value, *weight;
} summary;

/* y at x between the points (a, b), as numpy.interp has it. */
static double interpolate(double x, const antler_real *a, const antler_real *b, int64_t n)
{
    int64_t i = 0;
    if (!(x > (double)a[0]))
        return (double)b[0];
    if (x >= (double)a[n - 1])
        return (double)b[n - 1];
    while (i + 2 < n && (double)a[i + 1] <= x)
        i++;
    double slope = ((double)b[i + 1] - (double)b[i]) / ((double)a[i + 1] - (double)a[i]);
    return slope * (x - (double)a[i]) + (double)b[i];
}

/* The summary of about 1 / epsilon quantiles, to `to`; from->weight is used up. `share` has room for from->n. */
static summary compress(const summary *from, double epsilon, summary to, antler_real *share)
{
    if ((double)from->n * epsilon < 1) {
        memcpy(to.value, from->value, (size_t)from->n * sizeof *to.value);
        memcpy(to.weight, from->weight, (size_t)from->n * sizeof *to.weight);
        to.n = from->n;
        return to;
    }
    float total = 0;
    for (int64_t i = 0; i < from->n; i++)
        from->weight[i] = (antler_real)(total += (float)from->weight[i]);
    for (int64_t i = 0; i < from->n; i++)
        share[i] = (antler_real)((float)from->weight[i] / total);
    double before = 0;
    to.n = (int64_t)ceil(1 / epsilon);
    for (int64_t i = 0; i < to.n; i++) {
        double percent = epsilon + (double)i * epsilon, up_to = interpolate(percent, share, from->weight, from->n);
        to.value[i] = (antler_real)(float)interpolate(percent, share, from->value, from->n);
        to.weight[i] = (antler_real)(float)(up_to - before);
        before = up_to;
    }
    return to;
}

static int compare(const void *a, const void *b)
{
    const antler_real x = *(const antler_real *)a, y = *(const antler_real *)b;
    return (x > y) - (x < y);
}

static bool adapts(const void *config)
{
    return ((const discretization *)config)->num_bins != ANTLER_NULL;
}

static antler_status adapt(void *config, antler_adaptation *a)
{
    discretization *cfg = config;
    const int64_t n = antler_count(&a->x.shape, 0), most = n + 2; /* a summary has at most one more than that before */
    const double step = fmax((double)n / (1 / cfg->epsilon), 1), bins = (double)cfg->num_bins;
    antler_real *x = a->x.data, *space = antler_adaptation_space(a, 5 * most);
    if (!space)
        return ANTLER_MEMORY;
    qsort(x, (size_t)n, sizeof *x, compare);
    summary all = {.value = x, .weight = space};
    for (int64_t i = (int64_t)(step - 1); i < n; i += (int64_t)step) {
        all.weight[all.n] = (antler_real)(float)step;
        all.value[all.n++] = (antler_real)(float)x[i];
    }
    antler_real *share = space + most;
    summary fine = {.value = share + most, .weight = share + 2 * most}, last = {.value = share + 3 * most};
    last.weight = space;
    fine = compress(&all, cfg->epsilon, fine, share);
    last = compress(&fine, 1 / bins, last, share);
    if (!is_mode(cfg, INT) && last.n != cfg->num_bins)
        return antler_error_set(a->err, ANTLER_DATA, NULL, "%lld numbers give %lld bins; num_bins is %lld",
                                (long long)n, (long long)last.n, (long long)cfg->num_bins);
    if (last.n < 2)
        return antler_error_set(a->err, ANTLER_DATA, NULL, "%lld numbers give no boundary", (long long)n);
    return antler_numbers_set(&cfg->bin_boundaries, last.value, last.n - 1, a->err);
}

const antler_layer_ops antler_layer_discretization = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Discretization",
             .doc = "numbers of the bins that numbers lie in",
             .config_size = sizeof(discretization),
             .fields = fields,
             .samples = samples,
             .check = check},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .adapts = adapts,
    .adapt = adapt,
};

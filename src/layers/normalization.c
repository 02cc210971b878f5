/* Normalization with a mean and a variance that are given, or learned from data before training (antler_adapt): for
   each place on the axes that are kept, over all others and all samples.

     deviation = max(sqrt(variance), 1e-7)
     y = (x - mean) / deviation        dx = dy / deviation
     y = mean + x * deviation          dx = dy * deviation        with `invert`

   From the first kept axis on, the numbers repeat: they are laid out once, a few times over, for all the rest. */
#include "layers/shared/common.h"
#include "layers/shared/groups.h"

#include <math.h>
#include <string.h>

enum { MEAN, VARIANCE, COUNT }; /* state; the count is Keras's, which is always 0 */
enum { LAID_OUT, GIVEN };       /* scratch: (2, width) mean and deviation; (2, n) those of the config */

typedef struct antler_normalization normalization;

static const antler_field fields[] = {
    ANTLER_FIELD_INTS(normalization, axis, "-1", ANTLER_NULLABLE | ANTLER_EMPTY, -ANTLER_MAX_RANK,
                      "has a mean and a variance for each place; null: one for all"),
    {.key = "mean",
     .kind = ANTLER_NUMBERS,
     .offset = offsetof(normalization, mean),
     .def = "null",
     .flags = ANTLER_NULLABLE,
     .doc = "given with variance; null: learned from data"},
    {.key = "variance",
     .kind = ANTLER_NUMBERS,
     .offset = offsetof(normalization, variance),
     .def = "null",
     .flags = ANTLER_NULLABLE,
     .doc = "given with mean"},
    ANTLER_FIELD_BOOL(normalization, invert, "false", "from normalized numbers back"),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4) {}",
    "(3, 2) {\"mean\": [1.5, -0.5], \"variance\": [0.25, 4.0], \"invert\": true}",
    "(2, 3, 2) {\"axis\": [1, 3], \"mean\": [[1.0], [2.0]], \"variance\": [[1.0], [9.0]]}",
    "(2, 2) {\"axis\": null}",
    NULL,
};

static bool is_given(const normalization *cfg)
{
    return cfg->mean.value != NULL;
}

static antler_status check(void *config, antler_error *err)
{
    normalization *cfg = config;
    if (!cfg->mean.value != !cfg->variance.value)
        return antler_error_set(err, ANTLER_VALUE, cfg->mean.value ? "variance" : "mean",
                                "missing: mean and variance are given together");
    antler_numbers *both[] = {&cfg->mean, &cfg->variance};
    for (int i = 0; i < 2; i++)
        if (both[i]->shape.rank == 0 && both[i]->n > 1)
            both[i]->shape = (antler_shape){1, {both[i]->n}};
    if (!antler_shape_equal(&cfg->mean.shape, &cfg->variance.shape))
        return antler_error_set(err, ANTLER_VALUE, "variance", "not of the shape of mean");
    for (int64_t i = 0; i < cfg->variance.n; i++)
        if (cfg->variance.value[i] < 0)
            return antler_error_set(err, ANTLER_VALUE, "variance", "%g is less than 0", cfg->variance.value[i]);
    return ANTLER_OK;
}

/* The sample's axes, of which the kept ones have .varies. */
static antler_status find_axes(const normalization *cfg, const antler_shape *in, antler_sample_axis *sample,
                               antler_error *err)
{
    for (int i = 1; i < in->rank; i++)
        sample[i - 1] = (antler_sample_axis){.size = in->dim[i]};
    for (const int64_t *axis = cfg->axis; *axis; axis++) {
        int i = antler_axis(*axis, in->rank);
        if (i < 1)
            return antler_error_set(err, ANTLER_SHAPE, "axis",
                                    "%lld is not an axis of the input's %d, the batch's left out", (long long)*axis,
                                    in->rank);
        sample[i - 1].varies = true;
    }
    return ANTLER_OK;
}

/* The config's mean along the kept axes, from the last on: sizes are the axes', or 1, along which it does not vary. */
static antler_status fit_given(const normalization *cfg, const antler_shape *in, antler_sample_axis *sample,
                               antler_error *err)
{
    char text[128];
    const antler_shape *mean = &cfg->mean.shape;
    int at = mean->rank;
    for (int i = in->rank - 2; i >= 0; i--) {
        if (!sample[i].varies)
            continue;
        int64_t size = at > 0 ? mean->dim[--at] : 1;
        if (size != 1 && size != sample[i].size)
            at = -1;
        sample[i].varies = size > 1;
    }
    return at == 0 ? ANTLER_OK
                   : antler_error_set(err, ANTLER_SHAPE, "mean", "shape %s does not fit the input's `axis`",
                                      antler_shape_text(mean, text, sizeof text));
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const normalization *cfg = config;
    antler_sample_axis sample[ANTLER_GROUP_AXES];
    *out = *in;
    ANTLER_TRY(find_axes(cfg, in, sample, err));
    return is_given(cfg) ? fit_given(cfg, in, sample, err) : ANTLER_OK;
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const normalization *cfg = config;
    antler_sample_axis sample[ANTLER_GROUP_AXES];
    antler_shape kept = {0}, scalar = {0};
    if (is_given(cfg) || find_axes(cfg, in, sample, NULL) != ANTLER_OK)
        return;
    for (int i = 0; i < in->rank - 1; i++)
        if (sample[i].varies)
            kept.dim[kept.rank++] = sample[i].size;
    antler_plan_state(plan, MEAN, "mean", NULL, &kept);
    antler_plan_state(plan, VARIANCE, "variance", NULL, &kept);
    antler_plan_state(plan, COUNT, "count", NULL, &scalar);
}

static void initialize(const void *config, int slot, antler_tensor *state)
{
    (void)config;
    for (int64_t i = 0; slot == VARIANCE && i < antler_count(&state->shape, 0); i++)
        state->data[i] = 1;
}

/* ---- one run ----------------------------------------------------------------------------------------------------- */

/* How mean and variance lie over the numbers from the first kept axis on. */
static antler_groups layout_of(const normalization *cfg, const antler_shape *in)
{
    antler_sample_axis sample[ANTLER_GROUP_AXES];
    int first = 0;
    find_axes(cfg, in, sample, NULL);
    if (is_given(cfg))
        fit_given(cfg, in, sample, NULL);
    while (first < in->rank - 1 && !sample[first].varies)
        first++;
    for (int i = first; i < in->rank - 1; i++)
        sample[i].summed = true;
    return antler__groups_of(sample + first, in->rank - 1 - first);
}

/* Numbers of mean that are laid out. */
static int64_t width_of(const antler_groups *g)
{
    enum { LEAST = 256 };
    return g->n < LEAST ? g->n * (LEAST / g->n) : g->n;
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    const normalization *cfg = config;
    const antler_groups g = layout_of(cfg, in);
    antler_plan_scratch(plan, LAID_OUT, &(antler_shape){2, {2, width_of(&g)}});
    if (is_given(cfg))
        antler_plan_scratch(plan, GIVEN, &(antler_shape){2, {2, cfg->mean.n}});
}

typedef struct job {
    const antler_real *mean, *deviation; /* (width) */
    const antler_real *x;                /* or dy */
    antler_real *y;                      /* or dx */
    int64_t width;
    bool backward, multiply;
} job;

static const antler_real *numbers_of(const normalization *cfg, antler_run *run, int slot)
{
    if (!is_given(cfg))
        return run->state[slot].data;
    const antler_numbers *numbers = slot == MEAN ? &cfg->mean : &cfg->variance;
    antler_real *to = run->scratch[GIVEN].data + slot * numbers->n;
    for (int64_t i = 0; i < numbers->n; i++)
        to[i] = (antler_real)numbers->value[i];
    return to;
}

static job job_of(const normalization *cfg, antler_run *run)
{
    const antler_groups g = layout_of(cfg, &run->x->shape);
    const int64_t width = width_of(&g);
    antler_real *mean = run->scratch[LAID_OUT].data, *deviation = mean + width;
    antler__group_spread(&g, mean, numbers_of(cfg, run, MEAN));
    antler__group_spread(&g, deviation, numbers_of(cfg, run, VARIANCE));
    for (int64_t i = 0; i < g.n; i++)
        deviation[i] = (antler_real)fmax(sqrt((double)deviation[i]), 1e-7);
    for (int64_t i = g.n; i < width; i++) {
        mean[i] = mean[i - g.n];
        deviation[i] = deviation[i - g.n];
    }
    return (job){.mean = mean, .deviation = deviation, .width = width};
}

static void scale(antler_real *y, const antler_real *x, const antler_real *deviation, int64_t n, bool multiply)
{
    for (int64_t i = 0; multiply && i < n; i++)
        y[i] = x[i] * deviation[i];
    for (int64_t i = 0; !multiply && i < n; i++)
        y[i] = x[i] / deviation[i];
}

static void shift(antler_real *y, const antler_real *x, const antler_real *mean, int64_t n, bool add)
{
    for (int64_t i = 0; add && i < n; i++)
        y[i] = mean[i] + x[i];
    for (int64_t i = 0; !add && i < n; i++)
        y[i] = x[i] - mean[i];
}

static void piece(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t i = first, n; i < first + count; i += n) {
        int64_t at = i % j->width;
        n = j->width - at < first + count - i ? j->width - at : first + count - i;
        const antler_real *mean = j->mean + at, *deviation = j->deviation + at;
        if (j->backward) {
            scale(j->y + i, j->x + i, deviation, n, j->multiply);
        } else if (j->multiply) {
            scale(j->y + i, j->x + i, deviation, n, true);
            shift(j->y + i, j->y + i, mean, n, true);
        } else {
            shift(j->y + i, j->x + i, mean, n, false);
            scale(j->y + i, j->y + i, deviation, n, false);
        }
    }
}

static antler_status forward(const void *config, antler_run *run)
{
    const normalization *cfg = config;
    job j = job_of(cfg, run);
    j.x = run->x->data;
    j.y = run->y->data;
    j.multiply = cfg->invert;
    antler_run_ranges(run, antler_count(&run->x->shape, 0), 1, piece, &j);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    const normalization *cfg = config;
    if (!run->dx->data)
        return ANTLER_OK;
    job j = job_of(cfg, run);
    j.x = run->dy->data;
    j.y = run->dx->data;
    j.backward = true;
    j.multiply = cfg->invert;
    antler_run_ranges(run, antler_count(&run->dy->shape, 0), 1, piece, &j);
    return ANTLER_OK;
}

/* ---- learning ---------------------------------------------------------------------------------------------------- */

static bool adapts(const void *config)
{
    return !is_given(config);
}

/* As the last layer it brings outputs of about 1 to what the targets are in. */
static bool of_targets(const void *config)
{
    return ((const normalization *)config)->invert;
}

/* Mean and variance of each kept place, in double, over the samples in their order. */
static antler_status adapt(void *config, antler_adaptation *a)
{
    const antler_shape *shape = &a->x.shape;
    antler_sample_axis sample[ANTLER_GROUP_AXES];
    ANTLER_TRY(find_axes(config, shape, sample, a->err));
    for (int i = 0; i < shape->rank - 1; i++)
        sample[i].summed = !sample[i].varies;
    const antler_groups g = antler__groups_of(sample, shape->rank - 1);
    const int64_t width = g.groups * g.n, rows = shape->dim[0];
    for (int64_t group = 0; group < g.groups; group++) {
        const antler_real *at = a->x.data + antler__group_start(&g, group);
        double mean = 0, variance = 0, n = (double)rows * (double)g.n;
        for (int64_t row = 0; row < rows; row++)
            mean += antler__group_sum(&g, at + row * width);
        mean /= n;
        for (int64_t row = 0; row < rows; row++)
            variance += antler__group_deviations(&g, at + row * width, mean);
        a->state[MEAN].data[group] = (antler_real)mean;
        a->state[VARIANCE].data[group] = (antler_real)(variance / n);
    }
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_normalization = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Normalization",
             .doc = "numbers shifted and scaled by a mean and a variance of the data",
             .config_size = sizeof(normalization),
             .fields = fields,
             .samples = samples,
             .check = check},
    .flags = ANTLER_IN_PLACE,
    .mask = ANTLER_MASK_PASS,
    .infer = infer,
    .variables = variables,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
    .initialize_state = initialize,
    .adapts = adapts,
    .adapt = adapt,
    .of_targets = of_targets,
};

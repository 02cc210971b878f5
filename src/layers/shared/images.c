#include "layers/shared/images.h"

#include <math.h>

enum { UNIFORM, NORMAL }; /* noise sites */
enum { SPACE };           /* scratch */

/* ---- settings ---------------------------------------------------------------------------------------------------- */

antler_status antler__interval_check(double *factor, double least, double most, bool strict, const char *key,
                                     antler_error *err)
{
    const bool one = isnan(factor[1]);
    const double low = factor[0], high = one ? low : factor[1];
    bool fits =
        one || strict ? low >= least && low <= most && high >= least && high <= most : low <= most && high >= least;
    if (!fits && one)
        return antler_error_set(err, ANTLER_VALUE, key, "%g is not in [%g, %g]", low, least, most);
    if (!fits)
        return antler_error_set(err, ANTLER_VALUE, key, "[%g, %g] is not within [%g, %g]", low, high, least, most);
    factor[0] = one ? fmax(-fabs(low), least) : fmin(low, high);
    factor[1] = one ? fabs(low) : fmax(low, high);
    return ANTLER_OK;
}

bool antler__interval_is_open(const double *factor)
{
    return factor[0] < factor[1];
}

double antler__interval_at(const double *factor, double u)
{
    return factor[0] + u * (factor[1] - factor[0]);
}

int antler__chance_draws(const double *factor)
{
    return factor[1] <= 0 || factor[0] >= 1 ? 0 : 2;
}

bool antler__happens(const double *factor, const double *u)
{
    return u[1] < antler__interval_at(factor, u[0]);
}

antler_status antler__range_check(double *range, bool sorts, antler_error *err)
{
    if (sorts && range[0] > range[1]) {
        const double upper = range[0];
        range[0] = range[1];
        range[1] = upper;
    }
    if (range[0] < range[1])
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_VALUE, "value_range", "expected two numbers, the lower first");
}

antler_status antler__image_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    char text[128];
    (void)config;
    *out = *in;
    if (in->rank == 4)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_SHAPE, NULL, "input is %s, expected (batch, height, width, channels)",
                            antler_shape_text(in, text, sizeof text));
}

/* Images of so many channels; `or` is as good. */
static antler_status infer_channels(const antler_shape *in, antler_shape *out, int64_t or, const char *told,
                                    antler_error *err)
{
    ANTLER_TRY(antler__image_infer(NULL, in, out, err));
    if (in->dim[3] == 3 || in->dim[3] == or)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_SHAPE, NULL, "%lld channels, expected %s", (long long)in->dim[3], told);
}

antler_status antler__rgb_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    (void)config;
    return infer_channels(in, out, 3, "3: red, green, blue", err);
}

antler_status antler__gray_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    (void)config;
    return infer_channels(in, out, 1, "1 or 3", err);
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

typedef struct job {
    antler_run *run;
    antler_image im;
    antler_image_needs needs;
    antler_image_fn *change;
    bool back;
} job;

int64_t antler__image_size(const antler_image *im)
{
    return im->height * im->width * im->channels;
}

void antler__image_normal(const antler_image *im, int64_t per_sample, antler_real *z, int64_t n)
{
    antler_noise_normal(&im->run->noise[NORMAL], per_sample, im->sample * per_sample, z, n);
}

static void draw(antler_image *im, int draws)
{
    antler_real u[ANTLER_IMAGE_DRAWS] = {0};
    if (draws > 0)
        antler_noise_uniform(&im->run->noise[UNIFORM], draws, im->sample * draws, u, draws);
    for (int i = 0; i < ANTLER_IMAGE_DRAWS; i++)
        im->u[i] = (double)u[i];
}

static void change_images(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    antler_image im = j->im;
    const int64_t size = antler__image_size(&im);
    for (im.sample = first; im.sample < first + count; im.sample++) {
        const int64_t at = im.sample * size;
        draw(&im, j->needs.draws);
        if (j->needs.space > 0)
            im.space = j->run->scratch[SPACE].data + im.sample * j->needs.space;
        if (j->back)
            j->change(&im, j->run->dx->data + at, j->run->x->data ? j->run->x->data + at : NULL, j->run->dy->data + at);
        else
            j->change(&im, j->run->y->data + at, j->run->x->data + at, NULL);
    }
}

void antler__image_variables(antler_image_needs needs, antler_plan *plan)
{
    if (needs.draws > 0 || needs.normal)
        antler_plan_noise(plan, UNIFORM, needs.seed);
    if (needs.normal)
        antler_plan_noise(plan, NORMAL, needs.seed);
}

void antler__image_buffers(antler_image_needs needs, const antler_shape *in, antler_plan *plan)
{
    if (needs.space > 0 && (needs.always || antler_plan_mode(plan) != ANTLER_INFER))
        antler_plan_scratch(plan, SPACE, &(antler_shape){2, {in->dim[0], needs.space}});
}

antler_status antler__image_run(antler_run *run, const void *config, antler_image_needs needs, antler_image_fn *change,
                                bool back)
{
    enum { COST = 8 }; /* of one number */
    const antler_tensor *to = back ? run->dx : run->y, *from = back ? run->dy : run->x;
    const int64_t *dim = from->shape.dim;
    job j = {.run = run, .needs = needs, .change = change, .back = back};
    j.im = (antler_image){.config = config, .height = dim[1], .width = dim[2], .channels = dim[3], .run = run};
    if (!to->data)
        return ANTLER_OK;
    if (run->noisy || needs.always)
        antler_run_ranges(run, dim[0], COST * antler__image_size(&j.im), change_images, &j);
    else
        antler_run_copy(run, to->data, from->data, antler_count(&from->shape, 0));
    return ANTLER_OK;
}

/* Windows of a series: data whose rows are made of rows of other data, which are not copied. */
#include "core/memory.h"
#include "core/number.h"
#include "train/data.h"

#include <math.h>
#include <string.h>

/* ---- rows -------------------------------------------------------------------------------------------------------- */

antler_status antler__windows_gather(const antler_data *data, const int64_t *row, int64_t n, antler_real *out,
                                     antler_error *err)
{
    enum { AT_ONCE = 512 };
    const antler_windows *w = &data->windows;
    int64_t of[AT_ONCE], used = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < w->length; k++) {
            of[used++] = w->from + row[i] * w->stride + k * w->rate;
            if (used < AT_ONCE && (i + 1 < n || k + 1 < w->length))
                continue;
            ANTLER_TRY(antler_data_gather(data->of, of, used, out, err));
            out += used * data->of->row_elements;
            used = 0;
        }
    return ANTLER_OK;
}

/* Windows whose last row that matters lies in so many rows. */
static int64_t count_in(const antler_windows *w, int64_t rows)
{
    return rows > w->reach ? (rows - w->reach - 1) / w->stride + 1 : 0;
}

/* First row of the first window. */
static int64_t start_of(const antler_windows *w)
{
    return w->from - w->offset;
}

void antler__windows_move(antler_data *view, int64_t rows)
{
    antler_windows *w = &view->windows;
    view->first = 0;
    w->from += rows * w->stride;
    if (view->shape.dim[0] > 0)
        w->end = start_of(w) + (view->shape.dim[0] - 1) * w->stride + w->reach + 1;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

typedef struct asked {
    const struct antler_timeseries *settings;
    bool targets;
} asked;

static antler_status check(const struct antler_timeseries *s, antler_error *err)
{
    const int64_t value[] = {s->sequence_length, s->horizon, s->sequence_stride, s->sampling_rate};
    static const char *const name[] = {"timeseries.sequence_length", "timeseries.horizon", "timeseries.sequence_stride",
                                       "timeseries.sampling_rate"};
    for (int i = 0; i < 4; i++)
        if (value[i] < (i != 1) || value[i] > ANTLER_MOST_STEPS)
            return antler_error_set(err, ANTLER_VALUE, name[i], "%lld is not from %d to %d", (long long)value[i],
                                    i != 1, ANTLER_MOST_STEPS);
    return ANTLER_OK;
}

/* (rows, features) as (windows, length, features), or, of targets, as (windows, features). */
static antler_status shape_windows(antler_data *view, const antler_data *of, const asked *a, antler_error *err)
{
    antler_windows *w = &view->windows;
    antler_shape shape = of->shape;
    int64_t last = (a->settings->sequence_length - 1) * a->settings->sampling_rate, elements;
    *w = (antler_windows){.stride = a->settings->sequence_stride,
                          .rate = a->settings->sampling_rate,
                          .length = a->targets ? 1 : a->settings->sequence_length,
                          .offset = a->targets ? last + a->settings->horizon : 0,
                          .reach = last + a->settings->horizon,
                          .end = shape.dim[0]};
    w->from = w->offset;
    shape.dim[0] = count_in(w, w->end);
    if (shape.dim[0] == 0)
        return antler_error_set(err, ANTLER_SHAPE, of->name,
                                "%lld rows, too few for a window: it and its target take %lld", (long long)w->end,
                                (long long)w->reach + 1);
    if (!a->targets) {
        if (shape.rank == ANTLER_MAX_RANK)
            return antler_error_set(err, ANTLER_SHAPE, of->name, "windows of it have more than %d axes",
                                    ANTLER_MAX_RANK);
        memmove(shape.dim + 2, shape.dim + 1, (size_t)(shape.rank - 1) * sizeof *shape.dim);
        shape.dim[1] = w->length;
        shape.rank++;
    }
    view->of = of;
    view->shape = shape;
    view->dtype = of->dtype;
    return antler__size_multiply(of->row_elements, w->length, &elements)
           ? view->row_elements = elements,
             ANTLER_OK : antler_error_set(err, ANTLER_SHAPE, of->name, "its sizes multiply beyond 64 bits");
}

static antler_data *make(const antler_data *of, const void *arg, antler_error *err)
{
    const asked *a = arg;
    if (of->of) {
        antler_error_set(err, ANTLER_VALUE, of->name, "windows of windows");
        return NULL;
    }
    antler_data *view =
        of->parts ? antler__parts_view(of, make, arg, err) : antler__data_create(of->file, of->name, err);
    if (!view)
        return NULL;
    view->borrowed = !of->parts;
    antler_status status = of->parts ? ANTLER_OK : shape_windows(view, of, a, err);
    if (status == ANTLER_OK && of->weight && a->targets) {
        view->weight = make(of->weight, arg, err);
        view->owns_weight = true;
        status = view->weight ? ANTLER_OK : err->status;
    }
    if (status == ANTLER_OK)
        return view;
    antler__error_file(err, of->file);
    antler_data_free(view);
    return NULL;
}

static antler_data *windows(const antler_data *series, const struct antler_timeseries *settings, bool targets,
                            antler_error *err)
{
    antler_error error = {0};
    antler_data *view = NULL;
    const asked a = {settings, targets};
    if (antler__require(series, "data", &error) == ANTLER_OK &&
        antler__require(settings, "settings of the windows", &error) == ANTLER_OK &&
        check(settings, &error) == ANTLER_OK)
        view = make(series, &a, &error);
    antler__error_copy(err, &error);
    return view;
}

antler_data *antler_data_windows(const antler_data *series, const struct antler_timeseries *settings, antler_error *err)
{
    return windows(series, settings, false, err);
}

antler_data *antler_data_targets(const antler_data *series, const struct antler_timeseries *settings, antler_error *err)
{
    return windows(series, settings, true, err);
}

/* ---- splitting --------------------------------------------------------------------------------------------------- */

bool antler__is_windows(const antler_data *data)
{
    return data->of || (data->parts && data->part[0]->of);
}

typedef struct cut {
    double split;
    bool rest;
} cut;

static antler_data *cut_one(const antler_data *data, const void *arg, antler_error *err)
{
    const cut *c = arg;
    if (!data->of && !data->parts) {
        antler_error_set(err, ANTLER_VALUE, data->name, "no windows, beside some: they are not split together");
        return NULL;
    }
    antler_data *view =
        data->parts ? antler__parts_view(data, cut_one, arg, err) : antler__data_create(data->file, data->name, err);
    if (!view)
        return NULL;
    if (!data->parts) {
        antler_windows w = data->windows;
        int64_t rows = w.end - start_of(&w), border = (int64_t)floor((double)rows * (1 - c->split));
        *view = *data;
        view->borrowed = true;
        view->weight = NULL;
        view->owns_weight = false;
        if (c->rest)
            w.from += border;
        else
            w.end = start_of(&w) + border;
        view->shape.dim[0] = count_in(&w, w.end - start_of(&w));
        view->windows = w;
    }
    if (!data->weight)
        return view;
    view->weight = cut_one(data->weight, arg, err);
    view->owns_weight = true;
    if (view->weight)
        return view;
    antler_data_free(view);
    return NULL;
}

antler_data *antler__windows_cut(const antler_data *data, double split, bool rest, antler_error *err)
{
    return cut_one(data, &(const cut){split, rest}, err);
}

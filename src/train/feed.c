#include "train/feed.h"

#include "core/memory.h"
#include "model/ends.h"
#include "train/data.h"

#include <string.h>

/* ---- matching ---------------------------------------------------------------------------------------------------- */

/* What parts may be for: all inputs or outputs, and those that need one. */
typedef struct places {
    const char *what; /* "x" */
    const char *kind; /* "input" */
    char *const *name;
    int64_t n;
    const antler_target *target; /* [needed], whose outputs need one; NULL: all */
    int64_t needed;
} places;

/* Number of the place that is the i-th to need a part. */
static int64_t needed(const places *p, int64_t i)
{
    return p->target ? p->target[i].output : i;
}

/* All parts by order: as many as there are places, or as need one. */
static antler_status match_order(const places *p, const antler_data *data, antler_feed *feed, antler_error *err)
{
    char names[256];
    if (data->parts != p->n && data->parts != p->needed)
        return antler_error_set(err, ANTLER_SHAPE, p->what, "%lld arrays for the %lld %s%s %s", (long long)data->parts,
                                (long long)p->n, p->kind, p->n > 1 ? "s" : "",
                                antler__names_text(p->name, p->n, names, sizeof names));
    for (int64_t i = 0; i < p->needed; i++)
        feed->part[i] = data->part[data->parts == p->n ? needed(p, i) : i];
    return ANTLER_OK;
}

static int64_t find(char *const *names, int64_t n, const char *name)
{
    int64_t i = 0;
    while (i < n && strcmp(names[i], name) != 0)
        i++;
    return i;
}

static antler_status match_names(const places *p, const antler_data *data, antler_feed *feed, antler_error *err)
{
    char names[256];
    for (int64_t i = 0; i < data->parts; i++) {
        const char *name = data->part_name[i];
        if (find(p->name, p->n, name) < p->n)
            continue;
        const char *near = antler__name_near(p->name, p->n, name);
        if (near)
            return antler_error_set(err, ANTLER_NAME, p->what, "the model has no %s \"%.80s\"; did you mean \"%s\"?",
                                    p->kind, name, near);
        return antler_error_set(err, ANTLER_NAME, p->what, "the model has no %s \"%.80s\"; it has %s", p->kind, name,
                                antler__names_text(p->name, p->n, names, sizeof names));
    }
    for (int64_t i = 0; i < p->needed; i++) {
        const char *name = p->name[needed(p, i)];
        int64_t at = find(data->part_name, data->parts, name);
        if (at == data->parts)
            return antler_error_set(err, ANTLER_NAME, p->what, "no data for the %s \"%s\"; there is %s", p->kind, name,
                                    antler__names_text(data->part_name, data->parts, names, sizeof names));
        feed->part[i] = data->part[at];
    }
    return ANTLER_OK;
}

static antler_status match(const places *p, const antler_data *data, antler_feed *feed, antler_error *err)
{
    char names[256];
    *feed = (antler_feed){.parts = p->needed, .one = data};
    if (!data->parts && p->needed == 1)
        return ANTLER_OK;
    if (!data->parts)
        return antler_error_set(err, ANTLER_SHAPE, p->what, "one array for the %lld %ss %s; expected one for each",
                                (long long)p->needed, p->kind, antler__names_text(p->name, p->n, names, sizeof names));
    feed->part = antler__allocate((size_t)p->needed, sizeof *feed->part);
    if (!feed->part)
        return antler__no_memory(err);
    antler_status status = data->part_name ? match_names(p, data, feed, err) : match_order(p, data, feed, err);
    if (status != ANTLER_OK)
        antler__feed_free(feed);
    return status;
}

void antler__feed_free(antler_feed *feed)
{
    antler__free(feed->part);
    antler__free(feed->shape);
    *feed = (antler_feed){0};
}

static const antler_data *part_of(const antler_feed *feed, int64_t i)
{
    return feed->part ? feed->part[i] : feed->one;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

/* A missing last axis is one of 1; an open one takes what there is, unless that is nothing. */
static bool same_sample(const antler_shape *got, const antler_shape *wanted)
{
    int rank = got->rank > wanted->rank ? got->rank : wanted->rank;
    for (int i = 1; i < rank; i++) {
        int64_t size = i < got->rank ? got->dim[i] : 1, want = i < wanted->rank ? wanted->dim[i] : 1;
        if (want == ANTLER_OPEN ? size < 1 : size != want)
            return false;
    }
    return true;
}

/* The shape of an input, with the rows and lengths of the data. */
static antler_status check_input(const antler_model *model, const antler_data *x, int64_t k, antler_shape *shape,
                                 antler_error *err)
{
    char a[128], b[128];
    const char *name;
    const antler_shape *got = antler_data_shape(x), *wanted = antler_model_input(model, k, &name);
    bool several = model->inputs > 1;
    *shape = *wanted;
    for (int i = 0; i < shape->rank; i++)
        shape->dim[i] = i < got->rank ? got->dim[i] : 1;
    if (same_sample(got, wanted))
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_SHAPE, "x", "data of shape %s does not fit the model's input %s%s%s%s",
                            antler_shape_text(got, a, sizeof a), several ? "\"" : "", several ? name : "",
                            several ? "\" " : "", antler_shape_text(wanted, b, sizeof b));
}

static void measure(antler_feed *feed)
{
    feed->width = 0;
    for (int64_t i = 0; i < feed->parts; i++)
        feed->width += part_of(feed, i) ? antler_count(antler_data_shape(part_of(feed, i)), 1) : 0;
}

antler_status antler__feed_x(const antler_model *model, const antler_data *x, antler_feed *feed, antler_error *err)
{
    const places p = {
        .what = "x", .kind = "input", .name = model->input_name, .n = model->inputs, .needed = model->inputs};
    if (antler_data_shape(x)->dim[0] < 1)
        return antler_error_set(err, ANTLER_SHAPE, "x", "the data has no rows");
    ANTLER_TRY(match(&p, x, feed, err));
    feed->shape = antler__allocate((size_t)feed->parts, sizeof *feed->shape);
    antler_status status = feed->shape ? ANTLER_OK : antler__no_memory(err);
    for (int64_t k = 0; status == ANTLER_OK && k < feed->parts; k++)
        status = check_input(model, part_of(feed, k), k, &feed->shape[k], err);
    measure(feed);
    if (status != ANTLER_OK)
        antler__feed_free(feed);
    return status;
}

antler_status antler__feed_y(const antler_model *model, const antler_data *y, antler_feed *feed, antler_error *err)
{
    const antler_compile_settings *s = model->compile;
    const places p = {.what = "y",
                      .kind = "output",
                      .name = model->output_name,
                      .n = model->outputs,
                      .target = s->target,
                      .needed = s->targets};
    ANTLER_TRY(match(&p, y, feed, err));
    measure(feed);
    return ANTLER_OK;
}

antler_status antler__feed_w(const antler_feed *y, antler_feed *feed, antler_error *err)
{
    bool weighted = false;
    *feed = (antler_feed){0};
    for (int64_t i = 0; i < y->parts; i++)
        weighted = weighted || y->one->weight || part_of(y, i)->weight;
    if (!weighted)
        return ANTLER_OK;
    feed->parts = y->parts;
    feed->part = antler__allocate((size_t)y->parts, sizeof *feed->part);
    if (!feed->part)
        return antler__no_memory(err);
    for (int64_t i = 0; i < y->parts; i++)
        feed->part[i] = part_of(y, i)->weight ? part_of(y, i)->weight : y->one->weight;
    measure(feed);
    return ANTLER_OK;
}

antler_status antler__feed_fits(const antler_feed *y, const antler_feed *w, antler_objective *objective,
                                const antler_model *model, antler_error *err)
{
    for (int64_t i = 0; i < objective->goals; i++) {
        const antler_data *weight = w->parts ? part_of(w, i) : NULL;
        int64_t numbers = weight ? antler_count(antler_data_shape(weight), 1) : 0;
        ANTLER_TRY(antler__goal_targets(&objective->goal[i], model, antler_data_shape(part_of(y, i)), err));
        ANTLER_TRY(antler__goal_weights(&objective->goal[i], model, numbers, err));
    }
    return ANTLER_OK;
}

antler_status antler__feed_gather(const antler_feed *feed, const int64_t *row, int64_t n, antler_real *out,
                                  antler_error *err)
{
    for (int64_t i = 0; i < feed->parts; i++) {
        const antler_data *part = part_of(feed, i);
        if (!part) /* an output without sample weights */
            continue;
        ANTLER_TRY(antler_data_gather(part, row, n, out, err));
        out += n * part->row_elements;
    }
    return ANTLER_OK;
}

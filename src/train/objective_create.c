/* The objective of a model: made and freed. */
#include "core/memory.h"
#include "model/compile.h"
#include "train/objective.h"

#include <string.h>

static antler_reduction reduction_of(const char *name)
{
    if (!name || strcmp(name, "none") == 0)
        return ANTLER_REDUCE_NONE;
    return strcmp(name, "sum") == 0                       ? ANTLER_REDUCE_SUM
           : strcmp(name, "mean_with_sample_weight") == 0 ? ANTLER_REDUCE_WEIGHTED_MEAN
                                                          : ANTLER_REDUCE_MEAN;
}

static antler_status make_sums(antler_goal *g, antler_error *err)
{
    int64_t room[ANTLER_MOST_METRICS];
    for (int64_t i = 0; i < g->target->metrics; i++) {
        const antler_metric_ops *ops = antler__goal_metric(g, i);
        room[i] = ops->room ? ops->room(g->target->metric[i].config, g->width) : ops->sums;
        g->sums += room[i];
    }
    double *sum = antler__allocate_zeroed((size_t)g->sums, sizeof *sum);
    if (!sum)
        return antler__no_memory(err);
    g->sum[0] = sum;
    for (int64_t i = 1; i < g->target->metrics; i++)
        g->sum[i] = g->sum[i - 1] + room[i - 1];
    return ANTLER_OK;
}

static antler_status make_goal(const antler_context *c, const antler_target *target, antler_goal *goal,
                               antler_error *err)
{
    const antler_shape *out = antler__wire_shape(c, c->model->output[target->output]);
    int64_t width = out->rank > 1 ? out->dim[out->rank - 1] : 1, inner = antler_count(out, 1) / width, rows = 0;
    int64_t numbers = 0;
    bool fits = antler__size_multiply(inner, c->batch, &rows) && antler__size_multiply(rows, width + 3, &numbers);
    antler_real *space = fits ? antler__allocate_aligned((size_t)numbers, sizeof *space) : NULL;
    if (!space)
        return antler__no_memory(err);
    const antler_loss_ops *loss = (const antler_loss_ops *)target->loss.type;
    *goal = (antler_goal){.target = target,
                          .output = *out,
                          .loss = loss,
                          .scope = loss->scope ? loss->scope(target->loss.config) : ANTLER_LOSS_OF_ROWS,
                          .reduction = reduction_of(((const antler_loss_keys *)target->loss.config)->reduction),
                          .leaves_out = loss->leaves_out && loss->leaves_out(target->loss.config),
                          .inner = inner,
                          .width = width,
                          .scratch = space,
                          .losses = space + rows * width,
                          .weight = space + rows * (width + 1),
                          .counts = space + rows * (width + 2)};
    ANTLER_TRY(make_sums(goal, err));
    return antler__goal_targets(goal, c->model, NULL, err);
}

void antler__objective_free(antler_objective *o)
{
    if (!o)
        return;
    for (int64_t i = 0; i < o->goals; i++) {
        antler__free_aligned(o->goal[i].scratch);
        antler__free(o->goal[i].sum[0]);
    }
    antler__compile_free(o->compile);
    antler__free(o);
}

antler_objective *antler__objective_create(const antler_context *c, antler_error *err)
{
    int64_t goals = c->model->compile->targets;
    antler_objective *o = antler__allocate_zeroed(1, sizeof *o + (size_t)goals * sizeof *o->goal);
    if (!o) {
        antler__no_memory(err);
        return NULL;
    }
    o->compile = antler__compile_share(c->model->compile);
    for (; o->goals < goals; o->goals++)
        if (make_goal(c, &o->compile->target[o->goals], &o->goal[o->goals], err) != ANTLER_OK) {
            o->goals++;
            antler__objective_free(o);
            return NULL;
        }
    return o;
}

/* The area under a curve of thresholds, by rectangles or trapezoids between neighbours:

       ROC      recall over the share of positives among the false ones
       PR       precision over recall; its interpolation is that of Davis and Goadrich, ICML 2006
       PRGAIN   the gains of both (Flach and Kull, NIPS 2015) */
#include "parts/confusion.h"

#include "core/mathematics.h"

#include <math.h>
#include <string.h>

typedef struct point {
    double x, y;
} point;

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static point gain_of(const antler_counts *c)
{
    const double scale = antler__share(c->tp + c->fn, c->tn + c->fp);
    if (c->tp == 0)
        return (point){0, 1};
    return (point){larger(1 - scale * antler__share(c->fn, c->tp), 0), 1 - scale * antler__share(c->fp, c->tp)};
}

static point point_of(const antler_confusion *c, const antler_counts *counts)
{
    const double recall = antler__share(counts->tp, counts->tp + counts->fn);
    if (strcmp(c->curve, "ROC") == 0)
        return (point){antler__share(counts->fp, counts->fp + counts->tn), recall};
    if (strcmp(c->curve, "PR") == 0)
        return (point){recall, antler__share(counts->tp, counts->tp + counts->fp)};
    return gain_of(counts);
}

/* Between a threshold and the next one, of the PR curve. */
static double interpolate(const antler_counts *at, const antler_counts *next)
{
    const double more = at->tp - next->tp, p = at->tp + at->fp, p_next = next->tp + next->fp;
    const double slope = antler__share(more, larger(p - p_next, 0)), base = next->tp - slope * p_next;
    const double ratio = p > 0 && p_next > 0 ? p / p_next : 1;
    return antler__share(slope * (more + base * antler__log(ratio)), larger(next->tp + next->fn, 0));
}

static double area_between(const antler_confusion *c, const antler_counts *at, const antler_counts *next)
{
    const char *method = c->summation_method;
    const bool interpolated = strcmp(method, "interpolation") == 0;
    if (interpolated && strcmp(c->curve, "PR") == 0)
        return interpolate(at, next);
    const point a = point_of(c, at), b = point_of(c, next);
    const double low = a.y < b.y ? a.y : b.y, high = larger(a.y, b.y);
    return (a.x - b.x) * (interpolated ? (a.y + b.y) / 2 : strcmp(method, "minoring") == 0 ? low : high);
}

static double area(const antler_confusion *c, const double *sum, int64_t label)
{
    antler_counts next = {0}, at;
    double all = 0;
    int64_t t = antler__thresholds(c) - 1;
    antler__counts_at(c, sum, label, t, &next);
    for (at = next; t-- > 0; next = at) {
        antler__counts_at(c, sum, label, t, &at);
        all += area_between(c, &at, &next);
    }
    return all;
}

static double result(const void *config, const double *sum, int64_t n, int64_t index)
{
    const antler_confusion *c = config;
    double all = 0, weights = 0;
    (void)index;
    for (int64_t label = 0; label < antler__labels(c, n); label++) {
        const double weight = c->multi_label && c->label_weights.n ? c->label_weights.value[label] : 1;
        all += weight * area(c, sum, label);
        weights += weight;
    }
    return antler__share(all, weights);
}

static const char *const curves[] = {"ROC", "PR", "PRGAIN", NULL};
static const char *const methods[] = {"interpolation", "minoring", "majoring", NULL};

static const antler_field fields[] = {
    {.key = "num_thresholds",
     .kind = ANTLER_INT,
     .offset = offsetof(antler_confusion, num_thresholds),
     .def = "200",
     .min = 2,
     .max = 1e6,
     .doc = "evenly spaced in [0, 1]"},
    {.key = "curve",
     .kind = ANTLER_STRING,
     .offset = offsetof(antler_confusion, curve),
     .def = "\"ROC\"",
     .choices = curves,
     .doc = "receiver operating characteristic, precision and recall, or the gains of these"},
    {.key = "summation_method",
     .kind = ANTLER_STRING,
     .offset = offsetof(antler_confusion, summation_method),
     .def = "\"interpolation\"",
     .choices = methods,
     .doc = "between two thresholds: a straight line (PR: by counts), the lower or the higher end"},
    {.key = "multi_label",
     .kind = ANTLER_BOOL,
     .offset = offsetof(antler_confusion, multi_label),
     .def = "false",
     .doc = "the mean of the areas of each column"},
    {.key = "num_labels",
     .kind = ANTLER_INT,
     .offset = offsetof(antler_confusion, num_labels),
     .def = "null",
     .min = 1,
     .max = 1e9,
     .flags = ANTLER_NULLABLE,
     .doc = "columns of a multi_label"},
    {.key = "label_weights",
     .kind = ANTLER_REALS,
     .offset = offsetof(antler_confusion, label_weights),
     .def = "null",
     .min = 0,
     .max = 1e30,
     .flags = ANTLER_NULLABLE,
     .doc = "of the columns"},
    {.key = "from_logits",
     .kind = ANTLER_BOOL,
     .offset = offsetof(antler_confusion, from_logits),
     .def = "false",
     .doc = "predictions are logits, not probabilities"},
    {.key = "thresholds",
     .kind = ANTLER_REALS,
     .offset = offsetof(antler_confusion, thresholds),
     .def = "null",
     .min = 0,
     .max = 1,
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .doc = "in place of num_thresholds; a little less than 0 and more than 1 are added"},
    ANTLER_FIELD_END,
};

const antler_metric_ops antler__auc = {
    .type = {.size = sizeof(antler_metric_ops),
             .kind = ANTLER_KIND_METRIC,
             .class_name = "AUC",
             .aliases = (const char *const[]){"auc", NULL},
             .doc = "area under the curve of thresholds",
             .config_size = sizeof(antler_confusion),
             .fields = fields,
             .check = antler__confusion_check},
    .update = antler__confusion_update,
    .result = result,
    .larger_is_better = true,
    .room = antler__confusion_room,
    .all_rows = true,
    .fits = antler__confusion_fits,
};

#include "cli/analysis.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COUNTED = 100, MOST_CURVES = 10, POINTS = 200, BINS = 10, MOST_DOTS = 2000 };

/* ---- order ------------------------------------------------------------------------------------------------------- */

typedef struct ranked {
    double value;
    int64_t index;
} ranked;

static int compare(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? 1 : -1;
    return x->index < y->index ? -1 : 1;
}

int64_t *antler__by_size(const double *value, int64_t n, antler_error *err)
{
    ranked *rank = antler__room(n, sizeof *rank, err);
    int64_t *order = rank ? antler__room(n, sizeof *order, err) : NULL;
    for (int64_t i = 0; order && i < n; i++)
        rank[i] = (ranked){isfinite(value[i]) ? value[i] : HUGE_VAL, i};
    if (order && n > 0)
        qsort(rank, (size_t)n, sizeof *rank, compare);
    for (int64_t i = 0; order && i < n; i++)
        order[i] = rank[i].index;
    free(rank);
    return order;
}

/* ---- targets ----------------------------------------------------------------------------------------------------- */

/* The class of a line's target of `width` numbers: an index, a side of 1/2, or the largest. */
static int64_t class_of(const antler_real *y, int64_t width, int64_t classes)
{
    int64_t best = 0;
    if (width == 1)
        return classes == 2 && y[0] != 0 && y[0] != 1     ? y[0] > (antler_real)0.5
               : y[0] >= 0 && y[0] < (antler_real)classes ? (int64_t)y[0]
                                                          : -1;
    for (int64_t i = 1; i < width; i++)
        best = y[i] > y[best] ? i : best;
    return best;
}

/* How far off a line is. */
static double wrong_of(const antler_analysis *n, int64_t line)
{
    const antler_prediction *p = n->p;
    const antler_real *y = p->y + line * p->last;
    double sum = 0;
    if (n->classes) {
        int64_t label = n->label[line];
        if (label < 0)
            return 0;
        if (p->last == 1)
            return label ? 1 - (double)y[0] : (double)y[0];
        if (p->probability)
            return 1 - (double)y[label];
        return (double)y[antler__decide(p, line)] - (double)y[label]; /* of logits */
    }
    for (int64_t i = 0; i < p->last; i++) {
        double d = (double)y[i] - n->target[line * p->last + i];
        sum += d * d;
    }
    return sqrt(sum / (double)(p->last > 0 ? p->last : 1));
}

static void take_row(antler_analysis *n, int64_t row, const antler_real *target, int64_t width)
{
    const antler_prediction *p = n->p;
    int64_t each = p->shape.dim[0] > 0 ? p->lines / p->shape.dim[0] : 0;
    for (int64_t i = 0; i < each; i++) {
        int64_t line = row * each + i;
        if (n->classes)
            n->label[line] = class_of(target + i * width, width, n->classes);
        for (int64_t j = 0; n->target && j < p->last; j++)
            n->target[line * p->last + j] = (double)target[i * width + j];
        n->wrong[row] += wrong_of(n, line) / (double)each;
        if (n->count && n->label[line] >= 0)
            n->count[n->label[line] * n->classes + antler__decide(p, line)]++;
    }
}

static antler_status take_targets(antler_analysis *n, const antler_data *y, antler_error *err)
{
    const antler_prediction *p = n->p;
    int64_t rows = p->shape.dim[0], each = rows > 0 ? p->lines / rows : 0;
    int64_t numbers = antler_count(antler_data_shape(y), 1), width = each > 0 ? numbers / each : 0;
    if (width * each != numbers || width < 1 || (width != p->last && !(n->classes && width == 1)))
        return antler_error_set(err, ANTLER_UNSUPPORTED, NULL, "the targets of %s are not of its shape", p->name);
    antler_real *target = antler__room(numbers, sizeof *target, err);
    for (int64_t row = 0; target && row < rows && err->status == ANTLER_OK; row++)
        if (antler_data_gather(y, &row, 1, target, err) == ANTLER_OK)
            take_row(n, row, target, width);
    free(target);
    return err->status;
}

/* ---- charts ------------------------------------------------------------------------------------------------------ */

static antler_chart *add_chart(antler_analysis *n, const char *title, const char *x, const char *y)
{
    antler_chart *c = &n->chart[n->charts++];
    snprintf(c->title, sizeof c->title, "%s", title);
    snprintf(c->x_label, sizeof c->x_label, "%s", x);
    snprintf(c->y_label, sizeof c->y_label, "%s", y);
    return c;
}

/* The probability that a line is of the class. */
static double score(const antler_prediction *p, int64_t line, int64_t class_index)
{
    return (double)(p->last == 1 ? p->y[line] : p->y[line * p->last + class_index]);
}

/* The ROC curve of one class against the rest, at up to POINTS + 2 points; *area below it. Returns the points. */
static int64_t trace(const antler_analysis *n, int64_t class_index, double *x, double *y, double *area,
                     antler_error *err)
{
    int64_t lines = n->p->lines, right = 0, wrong = 0, all_right = 0, all_wrong = 0, points = 0, last_right = 0,
            last_wrong = 0;
    double *value = antler__room(lines, sizeof *value, err);
    int64_t *order = NULL;
    for (int64_t i = 0; value && i < lines; i++) {
        value[i] = score(n->p, i, class_index);
        all_right += n->label[i] == class_index;
        all_wrong += n->label[i] != class_index && n->label[i] >= 0;
    }
    if (value && all_right && all_wrong)
        order = antler__by_size(value, lines, err);
    *area = 0;
    for (int64_t i = 0; order && i < lines; i++) {
        int64_t line = order[i];
        right += n->label[line] == class_index;
        wrong += n->label[line] != class_index && n->label[line] >= 0;
        if (i + 1 < lines && value[order[i + 1]] == value[line])
            continue; /* equals move together */
        *area += (double)(wrong - last_wrong) * (double)(right + last_right) / 2;
        last_right = right;
        last_wrong = wrong;
        if (points == 0)
            x[points] = y[points] = 0, points++;
        double px = (double)wrong / (double)all_wrong, py = (double)right / (double)all_right;
        if (fabs(px - x[points - 1]) + fabs(py - y[points - 1]) < 2.0 / POINTS && i + 1 < lines)
            continue;
        x[points] = px;
        y[points++] = py;
    }
    *area = order ? *area / ((double)all_right * (double)all_wrong) : NAN;
    free(order);
    free(value);
    return points;
}

static antler_status draw_roc(antler_analysis *n, double *room, antler_error *err)
{
    int64_t first = n->p->last == 1 ? 1 : 0, curves = n->p->last == 1 ? 1 : n->classes;
    antler_chart *c = add_chart(n, "ROC: each class against the rest", "false positive rate", "true positive rate");
    c->unit = c->diagonal = true;
    for (int64_t i = 0; i < curves && i < MOST_CURVES; i++) {
        double *x = room + 2 * i * (POINTS + 8), *y = x + POINTS + 8, area;
        char name[64];
        int64_t points = trace(n, first + i, x, y, &area, err);
        snprintf(name, sizeof name, "%" PRId64 ": AUC %.3f", first + i, area);
        if (points)
            antler__chart_add(c, name, points, x, y, ANTLER_SOLID, (int)i);
    }
    if (n->p->last == 1)
        snprintf(c->title, sizeof c->title, "ROC");
    return err->status;
}

/* How often a prediction is right, by how probable it is said to be. */
static void draw_reliability(antler_analysis *n, double *room)
{
    double sum[BINS] = {0}, right[BINS] = {0}, count[BINS] = {0}, all = 0, error = 0;
    double *x = room, *y = room + BINS;
    int64_t points = 0;
    for (int64_t i = 0; i < n->p->lines; i++) {
        if (n->label[i] < 0)
            continue;
        int64_t decision = n->p->last == 1 ? 1 : antler__decide(n->p, i);
        double p = score(n->p, i, decision);
        int bin = p >= 1 ? BINS - 1 : p > 0 ? (int)(p * BINS) : 0;
        sum[bin] += p;
        right[bin] += n->label[i] == decision;
        count[bin]++;
        all++;
    }
    for (int i = 0; i < BINS; i++)
        if (count[i] > 0) {
            error += fabs(right[i] - sum[i]) / all;
            x[points] = sum[i] / count[i];
            y[points++] = right[i] / count[i];
        }
    antler_chart *c =
        add_chart(n, "", "probability that was said", n->p->last == 1 ? "part that is class 1" : "part that is right");
    snprintf(c->title, sizeof c->title, "Reliability: expected calibration error %.3f", error);
    c->unit = c->diagonal = true;
    antler__chart_add(c, "in ten bins", points, x, y, ANTLER_SOLID, 0);
    antler__chart_add(c, "", points, x, y, ANTLER_POINTS, 0);
}

static antler_status draw_classes(antler_analysis *n, antler_error *err)
{
    n->room = antler__room(2 * MOST_CURVES * (POINTS + 8) + 2 * BINS, sizeof *n->room, err);
    if (!n->room)
        return err->status;
    if (n->count && n->classes <= 40) {
        antler_chart *c = add_chart(n, "Confusion matrix", "predicted", "true class");
        c->classes = n->classes;
        c->count = n->count;
    }
    if (!n->p->probability)
        return ANTLER_OK;
    ANTLER_TRY(draw_roc(n, n->room, err));
    draw_reliability(n, n->room + 2 * MOST_CURVES * (POINTS + 8));
    return ANTLER_OK;
}

static antler_status draw_numbers(antler_analysis *n, antler_error *err)
{
    const antler_prediction *p = n->p;
    int64_t numbers = p->lines * p->last, stride = numbers / MOST_DOTS + 1, dots = 0;
    n->room = antler__room(3 * MOST_DOTS, sizeof *n->room, err);
    if (!n->room)
        return err->status;
    double *target = n->room, *value = target + MOST_DOTS, *residual = value + MOST_DOTS;
    for (int64_t i = 0; i < numbers && dots < MOST_DOTS; i += stride, dots++) {
        target[dots] = n->target[i];
        value[dots] = (double)p->y[i];
        residual[dots] = n->target[i] - (double)p->y[i];
    }
    antler_chart *c = add_chart(n, "Predictions and targets", "target", "prediction");
    c->diagonal = true;
    antler__chart_add(c, stride > 1 ? "a part of the numbers" : "each number", dots, target, value, ANTLER_POINTS, 0);
    c = add_chart(n, "Residuals: target less prediction", "prediction", "residual");
    antler__chart_add(c, stride > 1 ? "a part of the numbers" : "each number", dots, value, residual, ANTLER_POINTS, 1);
    return ANTLER_OK;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

antler_status antler__analysis_make(antler_analysis *n, const antler_prediction *p, const antler_data *y,
                                    antler_error *err)
{
    /* several sigmoids are several questions: their numbers are compared as such */
    bool classes = p->classes && !(p->probability == ANTLER_OF_TWO && p->last > 1);
    *n = (antler_analysis){.p = p, .classes = !classes ? 0 : p->last > 1 ? p->last : 2};
    n->wrong = antler__room(p->shape.dim[0], sizeof *n->wrong, err);
    if (n->classes)
        n->label = antler__room(p->lines, sizeof *n->label, err);
    else
        n->target = antler__room(p->lines * p->last, sizeof *n->target, err);
    if (n->classes && n->classes <= MOST_COUNTED)
        n->count = antler__room(n->classes * n->classes, sizeof *n->count, err);
    if (err->status != ANTLER_OK)
        return err->status;
    ANTLER_TRY(take_targets(n, y, err));
    return n->classes ? draw_classes(n, err) : draw_numbers(n, err);
}

void antler__analysis_free(antler_analysis *n)
{
    free(n->label);
    free(n->target);
    free(n->wrong);
    free(n->count);
    free(n->room);
    *n = (antler_analysis){0};
}

/* Counting at thresholds, as Keras does: a prediction above a threshold is positive, a target that is not 0 is true.

   Evenly spaced thresholds of [0, 1] are counted by the interval between two of them that a prediction, clipped to
   [0, 1], falls into: ceil(p (t - 1)) - 1 of t thresholds, in the number type of the predictions. So are thresholds
   that are given and happen to be even. All others are compared one by one. Of each label the sums are: for each
   threshold (or interval) the weights of true and of false targets above (in) it, then those of all true and false. */
#include "parts/confusion.h"

#include "kernels/kernels.h"

#include <math.h>
#include <stdlib.h>

static const double below_all = -1e10; /* Keras's */

static bool is_auc(const antler_confusion *c)
{
    return c->curve != NULL;
}

int64_t antler__thresholds(const antler_confusion *c)
{
    if (is_auc(c))
        return c->thresholds.n ? c->thresholds.n + 2 : c->num_thresholds;
    return c->num_thresholds ? c->num_thresholds : c->thresholds.n ? c->thresholds.n : 1;
}

static double threshold_at(const antler_confusion *c, int64_t t)
{
    const int64_t last = antler__thresholds(c) - 1;
    if (is_auc(c) && (t == 0 || t == last))
        return t == 0 ? -1e-7 : 1 + 1e-7;
    if (c->thresholds.n)
        return c->thresholds.value[is_auc(c) ? t - 1 : t];
    return c->num_thresholds > 1 ? (double)t / (double)last : c->top_k > 0 ? below_all : 0.5;
}

/* Whether they are 0, 1 / last, ..., 1 within NumPy's allclose; those of an AUC begin and end a little outside. */
static bool are_even(const antler_confusion *c)
{
    const int64_t n = antler__thresholds(c);
    if (c->thresholds.n == 0)
        return c->num_thresholds > 1;
    for (int64_t t = 0; t < n; t++) {
        const double even = (double)t / (double)(n - 1), end = t == 0 ? 0 : t == n - 1 ? 1 : -1;
        const double at = is_auc(c) && end >= 0 ? end : threshold_at(c, t);
        if (fabs(at - even) > 1e-7 + 1e-5 * even)
            return false;
    }
    return n >= 3;
}

int64_t antler__labels(const antler_confusion *c, int64_t n)
{
    return c->multi_label ? n : 1;
}

int64_t antler__confusion_room(const void *config, int64_t n)
{
    return antler__labels(config, n) * (2 * antler__thresholds(config) + 2);
}

/* ---- updating ---------------------------------------------------------------------------------------------------- */

/* Of the k largest, of equal ones the first. */
static bool is_in_top(const antler_real *p, int64_t n, int64_t i, int64_t k)
{
    int64_t before = 0;
    for (int64_t j = 0; j < n; j++)
        before += p[j] > p[i] || (p[j] == p[i] && j < i);
    return before < k;
}

static void count_even(double *sum, int64_t n, bool is_true, double weight, antler_real p, bool padded)
{
    const antler_real inside = p > 0 ? p < 1 ? p : 1 : 0;
    int64_t at = (int64_t)ceil((double)(inside * (antler_real)(n - 1))) - 1;
    if (at < 0 && padded)
        at = 0;
    if (at >= 0)
        sum[2 * at + !is_true] += weight;
}

static void count_row(const antler_confusion *c, double *sum, const antler_real *p, const antler_real *y, int64_t n,
                      double weight)
{
    const int64_t thresholds = antler__thresholds(c), stride = 2 * thresholds + 2;
    const bool even = are_even(c), one = !is_auc(c) && c->class_id >= 0;
    for (int64_t i = one ? c->class_id : 0; i < (one ? c->class_id + 1 : n); i++) {
        double *at = sum + (c->multi_label ? i * stride : 0);
        const bool is_true = y[i] != 0, top = c->top_k <= 0 || is_in_top(p, n, i, c->top_k);
        const antler_real chance = top ? p[i] : (antler_real)below_all;
        const double w = c->label_weights.n && !c->multi_label ? weight * c->label_weights.value[i] : weight;
        at[2 * thresholds + !is_true] += w;
        if (even)
            count_even(at, thresholds, is_true, w, chance, is_auc(c));
        for (int64_t t = 0; !even && t < thresholds; t++)
            at[2 * t + !is_true] += chance > (antler_real)threshold_at(c, t) ? w : 0;
    }
}

void antler__confusion_update(const void *config, double *sum, const antler_metric_call *call)
{
    const antler_confusion *c = config;
    const antler_real *p = call->p;
    if (c->from_logits) {
        antler__kernels()->activation[ANTLER_ACT_sigmoid].forward(call->scratch, p, call->rows * call->n, 0);
        p = call->scratch;
    }
    for (int64_t r = 0; r < call->rows; r++)
        count_row(c, sum, p + r * call->n, call->y + r * call->y_n, call->n, antler__metric_weight(call, r));
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

void antler__counts_at(const antler_confusion *c, const double *sum, int64_t label, int64_t t, antler_counts *counts)
{
    const int64_t thresholds = antler__thresholds(c);
    const double *at = sum + label * (2 * thresholds + 2), *all = at + 2 * thresholds;
    const bool even = are_even(c);
    counts->tp = at[2 * t] + (even ? counts->tp : 0);
    counts->fp = at[2 * t + 1] + (even ? counts->fp : 0);
    counts->fn = all[0] - counts->tp;
    counts->tn = all[1] - counts->fp;
}

/* ---- checks ------------------------------------------------------------------------------------------------------ */

antler_status antler__confusion_fits(const void *config, int64_t n, int64_t y_n, antler_error *err)
{
    const antler_confusion *c = config;
    ANTLER_TRY(antler__metric_pairs(config, n, y_n, err));
    if (!is_auc(c) && c->class_id >= n)
        return antler_error_set(err, ANTLER_VALUE, NULL, "class_id %lld, and the output has %lld classes",
                                (long long)c->class_id, (long long)n);
    if (is_auc(c) && c->label_weights.n && c->label_weights.n != n)
        return antler_error_set(err, ANTLER_VALUE, NULL, "%lld label_weights for %lld labels",
                                (long long)c->label_weights.n, (long long)n);
    if (is_auc(c) && c->multi_label && c->num_labels != ANTLER_NULL && c->num_labels != n)
        return antler_error_set(err, ANTLER_VALUE, NULL, "num_labels is %lld, and the output has %lld",
                                (long long)c->num_labels, (long long)n);
    return ANTLER_OK;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

antler_status antler__confusion_check(void *config, antler_error *err)
{
    antler_confusion *c = config;
    if (is_auc(c) && c->thresholds.n > 1)
        qsort((double *)(uintptr_t)c->thresholds.value, /* the config's own */
              (size_t)c->thresholds.n, sizeof *c->thresholds.value, compare);
    if (is_auc(c) && !c->multi_label && c->num_labels != ANTLER_NULL)
        return antler_error_set(err, ANTLER_VALUE, "num_labels", "%lld, which is for multi_label only",
                                (long long)c->num_labels);
    return ANTLER_OK;
}

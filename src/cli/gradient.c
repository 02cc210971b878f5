/* One weight's gradient against central differences of the loss, in double precision. */
#include "cli/gradient.h"

#include <math.h>

enum { ELEMENTS = 20 }; /* checked of a large weight */
static const double TOLERANCE = 1e-6;

antler_status antler__gradient_loss(antler_gradient_check *c, double *loss, antler_error *err)
{
    antler_context_reset(c->context);
    antler_context_seek(c->context, 1, 0);
    ANTLER_TRY(antler_forward(c->context, c->random.x, ANTLER_CHECK_ROWS, NULL, err));
    return antler_backward(c->context, c->random.y, loss, err);
}

static antler_status loss_at(antler_gradient_check *c, antler_real *w, double value, double *loss, antler_error *err)
{
    double kept = (double)*w;
    *w = (antler_real)value;
    antler_status status = antler__gradient_loss(c, loss, err);
    *w = (antler_real)kept;
    return status;
}

/* Central difference of fourth order: (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12 h. */
static antler_status central(antler_gradient_check *c, antler_real *w, double h, double *slope, antler_error *err)
{
    double value = (double)*w, f[4];
    static const double at[4] = {1, -1, 2, -2};
    for (int i = 0; i < 4; i++)
        ANTLER_TRY(loss_at(c, w, value + at[i] * h, &f[i], err));
    *slope = (8 * (f[0] - f[1]) - (f[2] - f[3])) / (12 * h);
    return ANTLER_OK;
}

/* At a kink (of relu, of a maximum) the slopes on the two sides differ, and any gradient between them is right. */
static antler_status at_kink(antler_gradient_check *c, antler_real *w, double analytic, double h, double slack,
                             bool *kink, antler_error *err)
{
    double value = (double)*w, middle, above, below;
    ANTLER_TRY(antler__gradient_loss(c, &middle, err));
    ANTLER_TRY(loss_at(c, w, value + h, &above, err));
    ANTLER_TRY(loss_at(c, w, value - h, &below, err));
    double right = (above - middle) / h, left = (middle - below) / h;
    double least = fmin(left, right), most = fmax(left, right);
    *kink = most - least > 100 * slack && analytic >= least - slack && analytic <= most + slack;
    return ANTLER_OK;
}

/* A kink within the reach of one step is out of that of a smaller one, so an element passes with the first that agrees.
   Steps so small that rounding hides what is looked for are not taken. */
static antler_status check_element(antler_gradient_check *c, antler_real *w, double analytic,
                                   antler_gradient_outcome *o, antler_error *err)
{
    static const double steps[] = {1e-3, 1e-4, 1e-5, 1e-6, 1e-7};
    double allowed = TOLERANCE * o->largest, least = INFINITY, slack = 0;
    bool agrees = false, kink = false;
    int i;
    for (i = 0; i < 5 && !agrees && (i == 0 || c->noise / steps[i] <= allowed); i++) {
        double slope;
        ANTLER_TRY(central(c, w, steps[i], &slope, err));
        slack = allowed + c->noise / steps[i];
        least = fmin(least, fabs(slope - analytic));
        agrees = least <= slack;
    }
    if (!agrees)
        ANTLER_TRY(at_kink(c, w, analytic, steps[i - 1], slack, &kink, err));
    o->checked++;
    o->kinks += kink;
    o->ok = o->ok && (agrees || kink);
    if (!kink && least > o->difference)
        o->difference = least;
    return ANTLER_OK;
}

/* The i-th element to look at of n: all of them of a small weight; else the one of the largest gradient, and random
   ones, every second of those from where the gradient is not 0 (few rows of an embedding have one). */
static int64_t choose(antler_gradient_check *c, const antler_real *gradient, int64_t n, int64_t i, int64_t largest)
{
    int64_t at = i;
    if (c->all || n <= ELEMENTS)
        return at;
    if (i == 0)
        return largest;
    for (int attempt = 0; attempt < 200; attempt++) {
        at = antler__random_below(&c->source, n);
        if (i % 2 || gradient[at] != 0)
            break;
    }
    return at;
}

antler_status antler__gradient_check(antler_gradient_check *c, const antler_variable *v, const antler_real *gradient,
                                     antler_gradient_outcome *o, antler_error *err)
{
    int64_t n = antler_count(&v->value.shape, 0), largest = 0;
    int64_t elements = c->all || n <= ELEMENTS ? n : ELEMENTS;
    *o = (antler_gradient_outcome){.ok = true};
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)gradient[i]) <= o->largest)) {
            o->largest = fabs((double)gradient[i]);
            largest = i;
        }
    for (int64_t i = 0; i < elements; i++) {
        int64_t at = choose(c, gradient, n, i, largest);
        ANTLER_TRY(check_element(c, v->value.data + at, (double)gradient[at], o, err));
    }
    o->ok = o->ok && isfinite(o->largest) && isfinite(o->difference);
    return ANTLER_OK;
}

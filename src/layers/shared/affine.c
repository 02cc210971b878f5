#include "layers/shared/affine.h"

#include <math.h>
#include <string.h>

const char *const antler__affine_methods[] = {"nearest", "bilinear", NULL};
const char *const antler__fill_modes[] = {"constant", "reflect", "wrap", "nearest", NULL};

static float clamp(float at, float least, float most)
{
    return at < least ? least : at > most ? most : at;
}

/* (d c b a | a b c d | d c b a): of period 2 n, whose second half runs back. */
static float reflect(float at, float n)
{
    const float period = 2 * n;
    if (at < 0) {
        if (at < period)
            at += period * truncf(-at / period);
        at = at < -n ? at + period : -at - 1;
    } else if (at > n - 1) {
        at -= period * truncf(at / period);
        at = at >= n ? period - at - 1 : at;
    }
    return at;
}

/* (a b c d | a b c d | a b c d) */
static float wrap(float at, float n)
{
    if (at < 0)
        return at + n * (truncf(-at / (n - 1)) + 1);
    return at > n - 1 ? at - n * truncf(at / (n - 1)) : at;
}

/* Where the number for a place outside of an axis of n pixels is. In float, as TensorFlow: what falls between two
   pixels goes to the same one. */
static float inside(int mode, float at, int64_t n)
{
    const float size = (float)n, most = size - 1;
    if (mode == ANTLER_FILL_CONSTANT)
        return at;
    if (n > 1 && mode == ANTLER_FILL_REFLECT)
        at = reflect(at, size);
    else if (n > 1 && mode == ANTLER_FILL_WRAP)
        at = wrap(at, size);
    return clamp(at, 0, most);
}

/* The up to four pixels that one of the output is made of: rows, then columns. */
typedef struct taps {
    int n;            /* along each axis: 1 or 2 */
    int64_t at[2][2]; /* of the axis; -1: outside, it is fill */
    float weight[2][2];
} taps;

/* The pixel of an axis that stands for one outside, where each is looked up by itself, by Keras's rules; -1: it is
 * fill. */
static int64_t stand_in(int mode, int64_t i, int64_t n)
{
    if (mode == ANTLER_FILL_CONSTANT)
        return i < 0 || i >= n ? -1 : i;
    if (mode == ANTLER_FILL_NEAREST)
        return i < 0 ? 0 : i >= n ? n - 1 : i;
    if (mode == ANTLER_FILL_WRAP)
        return (i % n + n) % n;
    i = (i < 0 ? -i : i) % (2 * n);
    return i < n ? i : 2 * n - 1 - i;
}

/* Taps along one axis of `size` pixels. */
static void set_axis(taps *p, int axis, const antler_affine *a, float at, int64_t size)
{
    if (!a->shift)
        at = inside(a->fill_mode, at, size);
    const float first = a->bilinear ? floorf(at) : roundf(at);
    p->n = a->bilinear ? 2 : 1;
    for (int i = 0; i < p->n; i++) {
        const float place = first + (float)i;
        if (a->shift)
            p->at[axis][i] = stand_in(a->fill_mode, (int64_t)place, size);
        else
            p->at[axis][i] = place >= 0 && place < (float)size ? (int64_t)place : -1;
    }
    p->weight[axis][0] = a->bilinear ? first + 1 - at : 1;
    p->weight[axis][1] = at - first;
}

static taps taps_of(const antler_affine *a, const int64_t *shape, int64_t row, int64_t column)
{
    const float x = (float)column, y = (float)row, *t = a->t, k = t[6] * x + t[7] * y + 1;
    const float shift = a->shift ? (float)a->shift[row * shape[1] + column] : 0;
    taps p = {.n = 1, .at = {{-1}, {-1}}, .weight = {{1}, {1}}};
    if (a->shift) {
        set_axis(&p, 0, a, y + shift, shape[0]);
        set_axis(&p, 1, a, x + shift, shape[1]);
    } else if (k != 0) { /* else the pixel is at infinity */
        set_axis(&p, 0, a, (t[3] * x + t[4] * y + t[5]) / k, shape[0]);
        set_axis(&p, 1, a, (t[0] * x + t[1] * y + t[2]) / k, shape[1]);
    }
    return p;
}

/* Where pixel (i, k) of the taps begins; -1: it is fill. */
static int64_t place_of(const taps *p, const int64_t *shape, int i, int k)
{
    const int64_t row = p->at[0][i], column = p->at[1][k];
    return row < 0 || column < 0 ? -1 : (row * shape[1] + column) * shape[2];
}

static void gather(const antler_affine *a, const taps *p, const int64_t *shape, antler_real *y, const antler_real *x)
{
    for (int64_t c = 0; c < shape[2]; c++)
        y[c] = 0;
    for (int i = 0; i < p->n; i++)
        for (int k = 0; k < p->n; k++) {
            const antler_real weight = (antler_real)p->weight[0][i] * (antler_real)p->weight[1][k];
            const int64_t place = place_of(p, shape, i, k);
            for (int64_t c = 0; c < shape[2]; c++)
                y[c] += weight * (place < 0 ? a->fill : x[place + c]);
        }
}

static void scatter(const taps *p, const int64_t *shape, antler_real *dx, const antler_real *dy)
{
    for (int i = 0; i < p->n; i++)
        for (int k = 0; k < p->n; k++) {
            const antler_real weight = (antler_real)p->weight[0][i] * (antler_real)p->weight[1][k];
            const int64_t place = place_of(p, shape, i, k);
            for (int64_t c = 0; place >= 0 && c < shape[2]; c++)
                dx[place + c] += weight * dy[c];
        }
}

void antler__affine_forward(const antler_affine *a, const int64_t *shape, antler_real *y, const antler_real *x)
{
    for (int64_t row = 0; row < shape[0]; row++)
        for (int64_t column = 0; column < shape[1]; column++, y += shape[2]) {
            const taps p = taps_of(a, shape, row, column);
            gather(a, &p, shape, y, x);
        }
}

void antler__affine_backward(const antler_affine *a, const int64_t *shape, antler_real *dx, const antler_real *dy)
{
    memset(dx, 0, (size_t)(shape[0] * shape[1] * shape[2]) * sizeof *dx);
    for (int64_t row = 0; row < shape[0]; row++)
        for (int64_t column = 0; column < shape[1]; column++, dy += shape[2]) {
            const taps p = taps_of(a, shape, row, column);
            scatter(&p, shape, dx, dy);
        }
}

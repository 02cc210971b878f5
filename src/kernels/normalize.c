/* Rows that are normalized. Sums over a row are cut into chunks, whose sums run in 16 lanes and are added in double, in
   order. Products and sums round one by one: an fma would be slow where it is software, and gain nothing here. */
#include "vmath.h"

ANTLER_INLINE int64_t chunk_at(int64_t i, int64_t n)
{
    return n - i < ANTLER_CHUNK ? n - i : ANTLER_CHUNK;
}

/* Lanes that do not exist load as 0, which is no deviation of 0. */
static antler_real chunk_deviations(const antler_real *x, int64_t n, antler_real mean)
{
    v16 s = vset(0);
    for (int64_t i = 0; i < n; i += 16) {
        const int lanes = lanes_at(i, n);
        const v16 d = vsub(vload_upto(x + i, lanes), vset(mean));
        const v16 square = vmul(d, d);
        s = vadd(s, lanes == 16 ? square : vselect(mof((uint16_t)((1u << lanes) - 1)), square, vset(0)));
    }
    return vsum(s);
}

static double deviations(const antler_real *x, int64_t n, antler_real mean)
{
    double s = 0;
    for (int64_t i = 0; i < n; i += ANTLER_CHUNK)
        s += (double)chunk_deviations(x + i, chunk_at(i, n), mean);
    return s;
}

static void normalize(antler_real *y, const antler_row *r)
{
    const v16 shift = vset(r->shift), s = vset(r->s);
    for (int64_t i = 0; i < r->n; i += 16) {
        const int lanes = lanes_at(i, r->n);
        v16 v = vmul(vsub(vload_upto(r->x + i, lanes), shift), s);
        if (r->gamma)
            v = vmul(v, vload_upto(r->gamma + i, lanes));
        if (r->beta)
            v = vadd(v, vload_upto(r->beta + i, lanes));
        vstore_upto(y + i, v, lanes);
    }
}

/* dy times gamma, from element i on. */
ANTLER_INLINE v16 gradient_at(const antler_row *r, int64_t i, int lanes)
{
    const v16 dy = vload_upto(r->dy + i, lanes);
    return r->gamma ? vmul(dy, vload_upto(r->gamma + i, lanes)) : dy;
}

/* What the lanes that do not exist add is 0, as dy is there. */
static void add_chunk(const antler_row *r, int64_t first, int64_t end, double *g_sum, double *gd_sum)
{
    v16 g_lanes = vset(0), gd_lanes = vset(0);
    for (int64_t i = first; i < end; i += 16) {
        const int lanes = lanes_at(i, end);
        const v16 g = gradient_at(r, i, lanes), d = vsub(vload_upto(r->x + i, lanes), vset(r->mean));
        g_lanes = vadd(g_lanes, g);
        gd_lanes = vadd(gd_lanes, vmul(g, d));
    }
    *g_sum += (double)vsum(g_lanes);
    *gd_sum += (double)vsum(gd_lanes);
}

static void normalize_sums(const antler_row *r, double *g_sum, double *gd_sum)
{
    *g_sum = *gd_sum = 0;
    for (int64_t i = 0; i < r->n; i += ANTLER_CHUNK)
        add_chunk(r, i, i + chunk_at(i, r->n), g_sum, gd_sum);
}

static void normalize_parameters(antler_real *gamma, antler_real *beta, const antler_row *r)
{
    const v16 shift = vset(r->shift), s = vset(r->s);
    for (int64_t i = 0; i < r->n; i += 16) {
        const int lanes = lanes_at(i, r->n);
        const v16 dy = vload_upto(r->dy + i, lanes), xhat = vmul(vsub(vload_upto(r->x + i, lanes), shift), s);
        vstore_upto(gamma + i, vadd(vload_upto(gamma + i, lanes), vmul(dy, xhat)), lanes);
        vstore_upto(beta + i, vadd(vload_upto(beta + i, lanes), dy), lanes);
    }
}

static void normalize_backward(antler_real *dx, const antler_row *r, antler_real a, antler_real b)
{
    const v16 s = vset(r->s), mean = vset(r->mean);
    for (int64_t i = 0; i < r->n; i += 16) {
        const int lanes = lanes_at(i, r->n);
        const v16 d = vsub(vload_upto(r->x + i, lanes), mean);
        const v16 all = vadd(vset(a), vmul(d, vset(b)));
        vstore_upto(dx + i, vmul(s, vsub(gradient_at(r, i, lanes), all)), lanes);
    }
}

void ANTLER_VARIANT(antler__normalize_kernels)(antler_kernels *k)
{
    k->deviations = deviations;
    k->normalize = normalize;
    k->normalize_sums = normalize_sums;
    k->normalize_parameters = normalize_parameters;
    k->normalize_backward = normalize_backward;
}

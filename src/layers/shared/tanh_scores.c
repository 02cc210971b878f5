#include "layers/shared/tanh_scores.h"

#include <string.h>

static void tanh_of_sum(const antler_tanh_scores *j, antler_real *h, const antler_real *q, const antler_real *k)
{
    for (int64_t d = 0; d < j->a->depth; d++)
        h[d] = j->scale * (q[d] + k[d]);
    antler_array_tanh(h, h, j->a->depth);
}

/* The keys that a query, or the queries that a key sees: the first row of those. */
static int64_t first_of(int64_t row, int64_t rows, int64_t others)
{
    return row / rows * others;
}

static void score_rows(void *arg, int64_t first, int64_t count)
{
    const antler_tanh_scores *j = arg;
    int64_t n = j->a->depth, keys = j->a->keys;
    for (int64_t row = first; row < first + count; row++) {
        const antler_real *k = j->k + first_of(row, j->a->queries, keys) * n;
        for (int64_t s = 0; s < keys; s++) {
            tanh_of_sum(j, j->h + row * n, j->q + row * n, k + s * n);
            j->p[row * keys + s] = antler_array_dot(j->h + row * n, j->factor, n);
        }
    }
}

/* dq, and shares of da and dc, of each query. */
static void query_rows(void *arg, int64_t first, int64_t count)
{
    const antler_tanh_scores *j = arg;
    int64_t n = j->a->depth, keys = j->a->keys;
    for (int64_t row = first; row < first + count; row++) {
        const antler_real *q = j->q + row * n, *k = j->k + first_of(row, j->a->queries, keys) * n;
        antler_real *h = j->h + row * n, *dq = j->dq + row * n, *da = j->da + row * n, *dc = j->dc + row * n;
        memset(dq, 0, (size_t)n * sizeof *dq);
        memset(da, 0, (size_t)n * sizeof *da);
        memset(dc, 0, (size_t)n * sizeof *dc);
        for (int64_t s = 0; s < keys; s++, k += n) {
            antler_real ds = j->ds[row * keys + s];
            tanh_of_sum(j, h, q, k);
            for (int64_t d = 0; d < n; d++) {
                antler_real u = ds * j->factor[d] * (1 - h[d] * h[d]);
                dq[d] += j->scale * u;
                da[d] += ds * h[d];
                dc[d] += u * (q[d] + k[d]);
            }
        }
    }
}

static void key_rows(void *arg, int64_t first, int64_t count)
{
    const antler_tanh_scores *j = arg;
    int64_t n = j->a->depth, keys = j->a->keys, queries = j->a->queries;
    for (int64_t row = first; row < first + count; row++) {
        int64_t query = first_of(row, keys, queries);
        const antler_real *k = j->k + row * n;
        antler_real *h = j->hk + row * n, *dk = j->dk + row * n;
        if (!j->more)
            memset(dk, 0, (size_t)n * sizeof *dk);
        for (int64_t t = query; t < query + queries; t++) {
            antler_real ds = j->ds[t * keys + row % keys];
            tanh_of_sum(j, h, j->q + t * n, k);
            for (int64_t d = 0; d < n; d++)
                dk[d] += j->scale * (ds * j->factor[d] * (1 - h[d] * h[d]));
        }
    }
}

enum { COST = 16 }; /* of a tanh, in elements of simple arithmetic */

static void run_rows(antler_run *run, const antler_tanh_scores *j, int64_t rows, int64_t others,
                     void (*fn)(void *arg, int64_t first, int64_t count))
{
    antler_run_ranges(run, j->a->samples * j->a->before * rows, others * j->a->depth * COST, fn, (void *)j);
}

void antler__tanh_scores(antler_run *run, const antler_tanh_scores *j)
{
    run_rows(run, j, j->a->queries, j->a->keys, score_rows);
}

void antler__tanh_scores_queries(antler_run *run, const antler_tanh_scores *j)
{
    run_rows(run, j, j->a->queries, j->a->keys, query_rows);
}

void antler__tanh_scores_keys(antler_run *run, const antler_tanh_scores *j)
{
    run_rows(run, j, j->a->keys, j->a->queries, key_rows);
}

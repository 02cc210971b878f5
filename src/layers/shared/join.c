/* Two sequences into one, and the way back for gradients. */
#include "layers/shared/join.h"

#include "layers/shared/common.h"

#include <string.h>

const char *const antler__join_modes[] = {"concat", "sum", "mul", "ave", NULL};

/* Rows are (sample, step, place). */
typedef struct job {
    antler_join m;
    int mode;
    antler_real *y, *df, *dg;
    const antler_real *dy;
} job;

/* Where a row of y finds what belongs to it in f and in g. */
static void rows_of(const job *j, int64_t row, int64_t *f, int64_t *g, int64_t *y)
{
    const int64_t step = row / j->m.places % j->m.steps, turned = j->m.steps - 1 - step;
    *f = row * j->m.nf;
    *g = (row + (turned - step) * j->m.places) * j->m.ng;
    *y = row * (j->mode == ANTLER_JOIN_CONCAT ? j->m.nf + j->m.ng : j->m.nf);
}

static void merge_rows(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const antler_real scale = j->mode == ANTLER_JOIN_AVE ? (antler_real)0.5 : 1;
    for (int64_t row = first, f, g, y; row < first + count; row++) {
        rows_of(j, row, &f, &g, &y);
        if (j->mode == ANTLER_JOIN_CONCAT) {
            memcpy(j->y + y, j->m.f + f, (size_t)j->m.nf * sizeof *j->y);
            memcpy(j->y + y + j->m.nf, j->m.g + g, (size_t)j->m.ng * sizeof *j->y);
            continue;
        }
        for (int64_t i = 0; i < j->m.nf; i++)
            j->y[y + i] =
                j->mode == ANTLER_JOIN_MUL ? j->m.f[f + i] * j->m.g[g + i] : (j->m.f[f + i] + j->m.g[g + i]) * scale;
    }
}

static void split_rows(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const antler_real scale = j->mode == ANTLER_JOIN_AVE ? (antler_real)0.5 : 1;
    for (int64_t row = first, f, g, y; row < first + count; row++) {
        rows_of(j, row, &f, &g, &y);
        if (j->mode == ANTLER_JOIN_CONCAT) {
            memcpy(j->df + f, j->dy + y, (size_t)j->m.nf * sizeof *j->dy);
            memcpy(j->dg + g, j->dy + y + j->m.nf, (size_t)j->m.ng * sizeof *j->dy);
            continue;
        }
        for (int64_t i = 0; i < j->m.nf; i++) {
            j->df[f + i] = j->dy[y + i] * (j->mode == ANTLER_JOIN_MUL ? j->m.g[g + i] : scale);
            j->dg[g + i] = j->dy[y + i] * (j->mode == ANTLER_JOIN_MUL ? j->m.f[f + i] : scale);
        }
    }
}

static void for_rows(antler_run *run, job *j, void (*rows)(void *arg, int64_t first, int64_t count))
{
    while (j->m.mode != antler__join_modes[j->mode])
        j->mode++;
    antler_run_ranges(run, j->m.batch * j->m.steps * j->m.places, j->m.nf + j->m.ng, rows, j);
}

void antler__join(antler_run *run, const antler_join *merge, antler_real *y)
{
    job j = {.m = *merge, .y = y};
    for_rows(run, &j, merge_rows);
}

void antler__split(antler_run *run, const antler_join *merge, const antler_real *dy, antler_real *df, antler_real *dg)
{
    job j = {.m = *merge, .dy = dy, .df = df, .dg = dg};
    for_rows(run, &j, split_rows);
}

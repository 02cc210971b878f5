#include "layers/shared/stretch.h"

#include "antler/work.h"

#include <string.h>

/* Size of axis i, counted from the last one, of a sample; 1 where the shape has no such axis. */
static int64_t size_from_end(const antler_shape *shape, int i)
{
    return i < shape->rank - 1 ? shape->dim[shape->rank - 1 - i] : 1;
}

antler_status antler__stretched_shape(const antler_shape *in, antler_shape *out, antler_error *err)
{
    *out = in[0];
    for (int k = 1; in[k].rank; k++) {
        antler_shape both = {.rank = out->rank > in[k].rank ? out->rank : in[k].rank, .dim = {in[k].dim[0]}};
        for (int i = 0; i < both.rank - 1; i++) {
            int64_t a = size_from_end(out, i), b = size_from_end(&in[k], i);
            if (a != b && a != 1 && b != 1)
                return antler_error_set(err, ANTLER_SHAPE, NULL,
                                        "axis %d is %lld in one tensor and %lld in another; expected equal sizes, or 1",
                                        -1 - i, (long long)a, (long long)b);
            both.dim[both.rank - 1 - i] = a == 1 ? b : a;
        }
        *out = both;
    }
    return ANTLER_OK;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

antler_stretch antler__stretch(const antler_shape *x, const antler_shape *to)
{
    antler_stretch s = {0};
    int64_t step = 1, dim[ANTLER_MAX_RANK], steps[ANTLER_MAX_RANK]; /* from the last group on */
    for (int i = 0; i < to->rank; i++) {
        int64_t size = to->dim[to->rank - 1 - i];
        bool is_batch = i == to->rank - 1;
        bool kept = is_batch || size_from_end(x, i) == size;
        if (size == 1)
            continue;
        if (s.groups && kept == (steps[s.groups - 1] != 0)) {
            dim[s.groups - 1] *= size;
        } else {
            dim[s.groups] = size;
            steps[s.groups++] = kept ? step : 0;
        }
        step *= kept ? size : 1;
    }
    for (int i = 0; i < s.groups; i++) {
        s.dim[i] = dim[s.groups - 1 - i];
        s.step[i] = steps[s.groups - 1 - i];
    }
    return s;
}

int antler__stretched_groups(const antler_stretch *s)
{
    int n = 0;
    for (int i = 0; i < s->groups; i++)
        n += s->step[i] == 0;
    return n;
}

/* Sets places in all groups but the last, for element `row` of these; the offset in the tensor. */
static int64_t place_of(const antler_stretch *s, int64_t row, int64_t place[])
{
    int64_t at = 0;
    for (int i = s->groups - 2; i >= 0; i--) {
        place[i] = row % s->dim[i];
        row /= s->dim[i];
        at += place[i] * s->step[i];
    }
    return at;
}

/* From one row of the last group to the next. */
static int64_t next_place(const antler_stretch *s, int64_t at, int64_t place[])
{
    for (int i = s->groups - 2; i >= 0; i--) {
        at += s->step[i];
        if (++place[i] < s->dim[i])
            break;
        at -= s->dim[i] * s->step[i];
        place[i] = 0;
    }
    return at;
}

const antler_real *antler__stretched(const antler_stretch *s, const antler_real *x, int64_t first, int64_t n,
                                     antler_real *space)
{
    if (antler__stretched_groups(s) == 0)
        return x + first;
    int64_t row = s->dim[s->groups - 1], column = first % row, place[ANTLER_MAX_RANK];
    int64_t at = place_of(s, first / row, place);
    for (int64_t done = 0, count; done < n; done += count, column = 0, at = next_place(s, at, place)) {
        count = row - column < n - done ? row - column : n - done;
        if (s->step[s->groups - 1] != 0)
            memcpy(space + done, x + at + column, (size_t)count * sizeof *x);
        else
            for (int64_t i = 0; i < count; i++)
                space[done + i] = x[at];
    }
    return space;
}

/* ---- sums -------------------------------------------------------------------------------------------------------- */

enum { ROWS = 32, COLUMNS = 256 }; /* of a block: rows are added up in blocks, then the blocks, which rounds less */

static void add_row(antler_real *sum, const antler_real *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        sum[i] += x[i];
}

/* y (n) = sums of columns [0, n) of x, whose rows are `width` apart; n up to COLUMNS. */
static void sum_columns(antler_real *y, const antler_real *x, int64_t rows, int64_t width, int64_t n)
{
    memset(y, 0, (size_t)n * sizeof *y);
    for (int64_t row = 0; row < rows; row += ROWS) {
        antler_real block[COLUMNS];
        memcpy(block, x + row * width, (size_t)n * sizeof *block);
        for (int64_t i = row + 1; i < row + ROWS && i < rows; i++)
            add_row(block, x + i * width, n);
        add_row(y, block, n);
    }
}

typedef struct sums_job {
    antler_real *to;
    const antler_real *x;
    int64_t rows, width; /* x is of items (rows, width), which become (width) */
} sums_job;

static void sum_items(void *arg, int64_t first, int64_t count)
{
    const sums_job *j = arg;
    for (int64_t item = first; item < first + count; item++) {
        const antler_real *x = j->x + item * j->rows * j->width;
        antler_real *to = j->to + item * j->width;
        if (j->width == 1)
            *to = antler_array_sum(x, j->rows);
        for (int64_t i = 0; j->width > 1 && i < j->width; i += COLUMNS)
            sum_columns(to + i, x + i, j->rows, j->width, j->width - i < COLUMNS ? j->width - i : COLUMNS);
    }
}

static int64_t product_of(const int64_t *dim, int n)
{
    int64_t product = 1;
    for (int i = 0; i < n; i++)
        product *= dim[i];
    return product;
}

/* The outermost stretched group goes first: what is left is the smallest. */
void antler__stretch_sums(antler_run *run, const antler_stretch *s, antler_real *to, const antler_real *x,
                          antler_real *work)
{
    antler_stretch left = *s;
    for (int n = antler__stretched_groups(s); n > 0; n--) {
        int g = 0;
        while (left.step[g] != 0 || left.dim[g] == 1)
            g++;
        int64_t items = product_of(left.dim, g);
        sums_job j = {.x = x, .rows = left.dim[g], .width = product_of(left.dim + g + 1, left.groups - g - 1)};
        j.to = n > 1 ? work : to;
        antler_run_ranges(run, items, j.rows * j.width, sum_items, &j);
        left.dim[g] = 1;
        x = j.to;
        work = n > 1 ? work + items * j.width : NULL;
    }
}

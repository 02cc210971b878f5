/* Matrix products. A tile of C, a few rows of a few vectors, is held in registers while k runs; every other loop here
   only decides which tile comes next and from where it reads B, and so cannot change a bit.

   Where k exceeds SLICE, a block of C is kept in scratch and runs through the slices of k, so that what is read again
   lies in a cache. Parts of ANTLER_PART terms are added in a binary tree, kept as a stack of blocks: finishing part t,
   the two blocks on top are added as often as t ends in ones; in the end all that is left is added from the top. So
   parts 0 .. 6 give ((0 + 1) + (2 + 3)) + ((4 + 5) + 6).

   Where n is narrow, C^T = B^T A^T may be the better one to compute: then the lanes run over the rows of C. */
#include "vec.h"

enum {
#if ANTLER_LEVEL == ANTLER_LEVEL_avx512
    ROWS = 12, /* of a tile */
    VECS = 2,
#elif ANTLER_LEVEL == ANTLER_LEVEL_baseline
    ROWS = 4,
    VECS = 1,
#else
    ROWS = 6,
    VECS = 1,
#endif
    HALVES = /* of a vector are registers: narrow tiles need one */
    ANTLER_LEVEL == ANTLER_LEVEL_avx2 || ANTLER_LEVEL == ANTLER_LEVEL_neon,
    WIDTH = 16 * VECS, /* columns of a panel of packed B */
    SLICE = 256,       /* k of a pass: a panel is half of a first-level cache */
    BLOCK_ROWS = 192,  /* block of C: its rows of A, its columns of B and itself fit a second-level cache */
    BLOCK_COLUMNS = 128,
    A_COLUMN = BLOCK_ROWS + 16,  /* of packed A: no power of two, which would crowd a few sets of a cache */
    PACKED_A = A_COLUMN * SLICE, /* scratch is packed A, packed B, */
    PACKED_B = SLICE * BLOCK_COLUMNS,
    SUMS = 3 * BLOCK_ROWS * BLOCK_COLUMNS, /* and the blocks of long sums, less high where the tree is deep */
};

/* A matrix and the steps to its next row and column. */
typedef struct matrix {
    antler_real *at;
    int64_t row, column;
} matrix;

typedef struct input {
    const antler_real *at; /* may be NULL: +0, or nothing to add */
    int64_t row, column;
} input;

/* to (m, n) = from + a (m, k) b (k, n), then + bias. */
typedef struct pass {
    int64_t m, n, k;
    input a, b, from, bias;
    matrix to;
} pass;

/* Rounded up to whole vectors. */
static int64_t padded(int64_t n)
{
    return (n + 15) / 16 * 16;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static input input_at(input x, int64_t i, int64_t j)
{
    if (x.at)
        x.at += i * x.row + j * x.column;
    return x;
}

static matrix matrix_at(matrix x, int64_t i, int64_t j)
{
    x.at += i * x.row + j * x.column;
    return x;
}

ANTLER_INLINE v16 load(const antler_real *p, int n)
{
    return n == 16 ? vload(p) : vload_n(p, n);
}

/* n numbers, `step` apart. */
static v16 gather(const antler_real *p, int64_t step, int n)
{
    if (step == 1)
        return load(p, n);
    antler_real lane[16] = {0};
    for (int i = 0; i < n; i++)
        lane[i] = p[i * step];
    return vload(lane);
}

static void scatter(antler_real *p, int64_t step, v16 v, int n)
{
    if (step == 1 && n == 16) {
        vstore(p, v);
    } else if (step == 1) {
        vstore_n(p, v, n);
    } else {
        antler_real lane[16];
        vstore(lane, v);
        for (int i = 0; i < n; i++)
            p[i * step] = lane[i];
    }
}

/* ------------------------------------------------------------------------------------------------ tiles */

/* The columns of a tile's last vector; with them, what is constant where it is inlined and makes it faster. */
typedef struct edge {
    int columns;
    int b_columns; /* may be read in B */
    bool half;     /* columns <= 8 */
} edge;

ANTLER_INLINE void store_tile(const pass *t, v16 sum[ROWS][4], const int rows, const int vecs, const edge last)
{
    ANTLER_UNROLL
    for (int i = 0; i < rows; i++) {
        ANTLER_UNROLL
        for (int v = 0; v < vecs; v++) {
            const int n = v < vecs - 1 ? 16 : last.columns;
            v16 r = sum[i][v];
            if (t->bias.at)
                r = vadd(r, load(t->bias.at + i * t->bias.row + 16 * v, n));
            if (last.half && v == vecs - 1)
                r = vlow(r);
            vstore_n(t->to.at + i * t->to.row + 16 * v, r, n);
        }
    }
}

/* A pass of few enough rows and columns. The rows of from, bias and to are contiguous here. */
ANTLER_INLINE void tile(const pass *t, const int rows, const int vecs, const edge last)
{
    v16 sum[ROWS][4];
    ANTLER_UNROLL
    for (int i = 0; i < rows; i++) {
        ANTLER_UNROLL
        for (int v = 0; v < vecs; v++)
            sum[i][v] =
                t->from.at ? load(t->from.at + i * t->from.row + 16 * v, v < vecs - 1 ? 16 : last.columns) : vset(0);
    }
    const antler_real *a[ROWS], *b = t->b.at;
    ANTLER_UNROLL
    for (int i = 0; i < rows; i++)
        a[i] = t->a.at + i * t->a.row;
    const int64_t a_column = t->a.column, b_row = t->b.row;
    int64_t at = 0;
    for (int64_t p = t->k; p > 0; p--) {
        v16 x[4];
        ANTLER_UNROLL
        for (int v = 0; v < vecs; v++)
            x[v] = load(b + 16 * v, v < vecs - 1 ? 16 : last.b_columns);
        if (last.half)
            x[vecs - 1] = vlow(x[vecs - 1]);
        ANTLER_UNROLL
        for (int i = 0; i < rows; i++) {
            const v16 y = vset(a[i][at]);
            ANTLER_UNROLL
            for (int v = 0; v < vecs; v++)
                sum[i][v] = vfma(y, x[v], sum[i][v]);
        }
        at += a_column;
        b += b_row;
    }
    store_tile(t, sum, rows, vecs, last);
}

typedef void tile_function(const pass *t, bool packed);

#define TILE(rows, vecs)                                         \
    static void tile_##rows##_##vecs(const pass *t, bool packed) \
    {                                                            \
        const int last = (int)t->n - 16 * (vecs - 1);            \
        if (HALVES && last <= 8)                                 \
            tile(t, rows, vecs, (edge){last, last, true});       \
        else if (packed || last == 16)                           \
            tile(t, rows, vecs, (edge){last, 16, false});        \
        else                                                     \
            tile(t, rows, vecs, (edge){last, last, false});      \
    }

/* The tiles that fit the registers: tiles[rows][vectors]. */
/* clang-format off */
#if ANTLER_LEVEL == ANTLER_LEVEL_avx512
#define TILES(rows) TILE(rows, 1) TILE(rows, 2)
TILES(1) TILES(2) TILES(3) TILES(4) TILES(5) TILES(6) TILES(7) TILES(8) TILES(9) TILES(10) TILES(11) TILES(12)
TILE(1, 4) TILE(2, 4) TILE(3, 4) TILE(4, 4) TILE(5, 4) TILE(6, 4)
#define TWO(rows) {NULL, tile_##rows##_1, tile_##rows##_2}
#define FOUR(rows) {NULL, tile_##rows##_1, tile_##rows##_2, NULL, tile_##rows##_4}
static tile_function *const tiles[ROWS + 1][5] = {
    {NULL}, FOUR(1), FOUR(2), FOUR(3), FOUR(4), FOUR(5), FOUR(6), TWO(7), TWO(8), TWO(9), TWO(10), TWO(11), TWO(12),
};
#elif ANTLER_LEVEL == ANTLER_LEVEL_baseline
TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1)
static tile_function *const tiles[ROWS + 1][5] = {
    {NULL}, {NULL, tile_1_1}, {NULL, tile_2_1}, {NULL, tile_3_1}, {NULL, tile_4_1},
};
#else
TILE(1, 1) TILE(1, 2) TILE(1, 4) TILE(2, 1) TILE(2, 2) TILE(3, 1) TILE(4, 1) TILE(5, 1) TILE(6, 1)
static tile_function *const tiles[ROWS + 1][5] = {
    {NULL},
    {NULL, tile_1_1, tile_1_2, NULL, tile_1_4},
    {NULL, tile_2_1, tile_2_2},
    {NULL, tile_3_1},
    {NULL, tile_4_1},
    {NULL, tile_5_1},
    {NULL, tile_6_1},
};
#endif
/* clang-format on */

/* Rows of the next tile, where `left` rows are left. The last two tiles share theirs evenly: a tile of one or two rows
   is slow. */
static int next_rows(int64_t left)
{
    if (left <= ROWS)
        return (int)left;
    return left >= 2 * ROWS ? ROWS : (int)((left + 1) / 2);
}

/* The vectors of the widest tile of so many rows that n columns fill, but for a part of the last vector. */
static int next_vecs(int64_t rows, int64_t n)
{
    int vecs = 4;
    while (vecs > 1 && (n <= 16 * (vecs - 1) || !tiles[rows][vecs]))
        vecs /= 2;
    return vecs;
}

/* Where the rows of from, bias and to are not all contiguous a tile works on a copy. */
static void run_scattered(const pass *t, int vecs, bool packed)
{
    antler_real copy[ROWS * 16 * 4];
    const int64_t row = 16 * vecs;
    pass u = *t;
    u.to = (matrix){copy, row, 1};
    u.bias.at = NULL;
    if (t->from.at) {
        u.from = (input){copy, row, 1};
        for (int64_t j = 0; j < t->n; j++)
            for (int64_t i = 0; i < t->m; i++)
                copy[i * row + j] = t->from.at[i * t->from.row + j * t->from.column];
    }
    tiles[t->m][vecs](&u, packed);
    if (t->bias.at)
        for (int64_t j = 0; j < t->n; j++)
            for (int64_t i = 0; i < t->m; i++)
                copy[i * row + j] += t->bias.at[i * t->bias.row + j * t->bias.column];
    for (int64_t j = 0; j < t->n; j++)
        for (int64_t i = 0; i < t->m; i++)
            t->to.at[i * t->to.row + j * t->to.column] = copy[i * row + j];
}

static void run_tile(pass *t, const pass *x, int64_t i, int64_t j, int vecs, bool packed)
{
    t->n = least(x->n - j, 16 * vecs);
    t->from.at = input_at(x->from, i, j).at;
    t->bias.at = input_at(x->bias, i, j).at;
    t->to.at = matrix_at(x->to, i, j).at;
    if (t->to.column == 1 && (!t->from.at || t->from.column == 1) && (!t->bias.at || t->bias.column == 1))
        tiles[t->m][vecs](t, packed);
    else
        run_scattered(t, vecs, packed);
}

/* B as it lies. Columns inside rows: C is written row by row. */
static void run_in_place(const pass *x)
{
    pass t = *x;
    for (int64_t i = 0; i < x->m; i += t.m) {
        t.m = next_rows(x->m - i);
        t.a.at = x->a.at + i * x->a.row;
        for (int64_t j = 0, vecs; j < x->n; j += 16 * vecs) {
            vecs = next_vecs(t.m, x->n - j);
            t.b.at = x->b.at + j;
            run_tile(&t, x, i, j, (int)vecs, false);
        }
    }
}

/* Rows of A and B in panels. Rows inside columns: a panel stays in the first-level cache. */
static void run_panels(const pass *x, const antler_real *panels)
{
    pass t = *x;
    t.b = (input){panels, WIDTH, 1};
    for (int64_t j = 0; j < x->n; j += WIDTH, t.b.at += WIDTH * padded(x->k)) {
        const int vecs = (int)(padded(least(WIDTH, x->n - j)) / 16);
        for (int64_t i = 0; i < x->m; i += t.m) {
            t.m = next_rows(x->m - i);
            t.a.at = x->a.at + i * x->a.row;
            run_tile(&t, x, i, j, vecs, true);
        }
    }
}

/* ---------------------------------------------------------------------------------------------- packing */

/* 16 columns of b, contiguous along k, become rows. Rows up to the next multiple of 16 are written. */
static void pack_transposed(antler_real *to, input b, int64_t k, int columns)
{
    for (int64_t p = 0; p < k; p += 16) {
        const int terms = (int)least(16, k - p);
        const antler_real *from = b.at + p;
        int64_t from_row = b.column;
        antler_real some[16 * 16];
        if (terms < 16 || columns < 16) {
            for (int j = 0; j < 16; j++)
                vstore(some + 16 * j, j < columns ? vload_n(from + j * from_row, terms) : vset(0));
            from = some;
            from_row = 16;
        }
        vtranspose(to + p * WIDTH, WIDTH, from, from_row);
    }
}

/* n columns of b into panels of WIDTH columns, the last vector filled up with zeros. Rows of b are fetched early: they
   may lie too far apart for the machine to foresee. */
static void pack_b(antler_real *to, input b, int64_t k, int64_t n)
{
    const int64_t panel = WIDTH * padded(k);
    if (b.row == 1 && b.column != 1) {
        for (int64_t j = 0; j < n; j += 16)
            pack_transposed(to + j / WIDTH * panel + j % WIDTH, input_at(b, 0, j), k, (int)least(16, n - j));
        return;
    }
    for (int64_t p = 0; p < k; p++) {
        const input row = input_at(b, p, 0), soon = input_at(b, least(p + 8, k - 1), 0);
        for (int64_t j = 0; j < n; j += 16) {
            const int columns = (int)least(16, n - j);
            __builtin_prefetch(soon.at + j);
            vstore(to + j / WIDTH * panel + p * WIDTH + j % WIDTH,
                   b.column == 1 ? load(row.at + j, columns) : gather(row.at + j * b.column, b.column, columns));
        }
    }
}

/* m rows of a transposed A, nearer to each other. */
static input pack_a(antler_real *to, input a, int64_t k, int64_t m)
{
    for (int64_t p = 0; p < k; p++) {
        const input column = input_at(a, 0, p), soon = input_at(a, 0, least(p + 8, k - 1));
        for (int64_t i = 0; i < m; i += 16) {
            __builtin_prefetch(soon.at + i);
            vstore(to + p * A_COLUMN + i, load(column.at + i, (int)least(16, m - i)));
        }
    }
    return (input){to, 1, A_COLUMN};
}

/* Is B better read where it lies? It is when it fits the first-level cache, when it is read only a few times, and when
   its rows are short. The bounds were measured. */
static bool in_place(const pass *x)
{
    return x->b.column == 1 && (x->m <= ROWS || x->m * x->b.row <= 16384 || x->k * x->n <= 4096);
}

/* Rows and columns [i, i + m) and [j, j + n) of a pass. */
static pass part_of(const pass *x, int64_t i, int64_t m, int64_t j, int64_t n)
{
    pass y = *x;
    y.m = least(m, x->m - i);
    y.n = least(n, x->n - j);
    y.a = input_at(x->a, i, 0);
    y.b = input_at(x->b, 0, j);
    y.from = input_at(x->from, i, j);
    y.bias = input_at(x->bias, i, j);
    y.to = matrix_at(x->to, i, j);
    return y;
}

static void run(const pass *x, antler_real *scratch)
{
    if (in_place(x)) {
        run_in_place(x);
        return;
    }
    antler_real *const panels = scratch + PACKED_A;
    const bool crowded = x->a.row == 1 && x->a.column % 256 == 0 && x->n > 64;
    for (int64_t j = 0; j < x->n; j += BLOCK_COLUMNS) {
        pack_b(panels, input_at(x->b, 0, j), x->k, least(BLOCK_COLUMNS, x->n - j));
        for (int64_t i = 0; i < x->m; i += BLOCK_ROWS) {
            pass block = part_of(x, i, BLOCK_ROWS, j, BLOCK_COLUMNS);
            if (crowded)
                block.a = pack_a(scratch, block.a, block.k, block.m);
            run_panels(&block, panels);
        }
    }
}

/* ------------------------------------------------------------------------------------------- long sums */

static void add_rows(antler_real *to, const antler_real *from, int64_t n)
{
    for (int64_t i = 0; i < n; i += 16)
        vstore(to + i, vadd(vload(to + i), vload(from + i)));
}

/* The block of x, whose k is any, in slices; scratch begins with room for packed panels. */
static void run_block(const pass *x, int64_t row, antler_real *scratch)
{
    const int64_t size = x->m * row;
    antler_real *const sums = scratch + PACKED_A + PACKED_B;
    int64_t depth = 0;
    for (int64_t p0 = 0; p0 < x->k; p0 += ANTLER_PART) {
        const int64_t p1 = least(p0 + ANTLER_PART, x->k);
        const matrix sum = {sums + depth * size, row, 1};
        for (int64_t p = p0; p < p1; p += SLICE) {
            pass slice = *x;
            slice.k = least(SLICE, p1 - p);
            slice.a = input_at(x->a, 0, p);
            slice.b = input_at(x->b, p, 0);
            slice.bias.at = NULL;
            slice.to = sum;
            if (p > p0)
                slice.from = (input){sum.at, row, 1};
            run(&slice, scratch);
        }
        depth++;
        for (int64_t part = p0 / ANTLER_PART; part & 1; part >>= 1, depth--)
            add_rows(sums + (depth - 2) * size, sums + (depth - 1) * size, size);
    }
    for (; depth > 1; depth--)
        add_rows(sums + (depth - 2) * size, sums + (depth - 1) * size, size);
    for (int64_t i = 0; i < x->m; i++)
        for (int64_t j = 0; j < x->n; j += 16) {
            const int n = (int)least(16, x->n - j);
            const input bias = input_at(x->bias, i, j);
            v16 v = vload(sums + i * row + j);
            if (bias.at)
                v = vadd(v, gather(bias.at, bias.column, n));
            scatter(matrix_at(x->to, i, j).at, x->to.column, v, n);
        }
}

/* How many blocks the stack of so many parts needs. */
static int64_t stack_depth(int64_t parts)
{
    int64_t depth = 1;
    for (; parts > 1; parts = (parts + 1) / 2)
        depth++;
    return depth;
}

static void run_sliced(const pass *x, antler_real *scratch)
{
    const int64_t depth = stack_depth((x->k + ANTLER_PART - 1) / ANTLER_PART);
    const int64_t rows = least(BLOCK_ROWS, SUMS / (depth * BLOCK_COLUMNS));
    for (int64_t j = 0; j < x->n; j += BLOCK_COLUMNS)
        for (int64_t i = 0; i < x->m; i += rows) {
            const pass block = part_of(x, i, rows, j, BLOCK_COLUMNS);
            run_block(&block, padded(block.n), scratch);
        }
}

/* ------------------------------------------------------------------------------------------ the kernels */

/* Estimated time of a pass, in multiply-adds of one lane. What a packed and a scattered number cost was measured. */
static int64_t cost(int64_t m, int64_t n, int64_t k, int64_t b_row, int64_t b_column, int64_t to_column)
{
    int64_t time = m * (HALVES && n <= 8 ? 8 : padded(n)) * k;
    if (b_column != 1)
        time += (b_row == 1 ? 6 : 20) * k * n;
    if (to_column != 1)
        time += 16 * m * n;
    return time;
}

static input turned_input(input x)
{
    return (input){x.at, x.column, x.row};
}

static void turn(pass *x)
{
    const pass y = *x;
    x->m = y.n;
    x->n = y.m;
    x->a = turned_input(y.b);
    x->b = turned_input(y.a);
    x->from = turned_input(y.from);
    x->bias = turned_input(y.bias);
    x->to = (matrix){y.to.at, y.to.column, y.to.row};
}

static void product(const antler_product *p, int64_t i0, int64_t i1, int64_t j0, int64_t j1, antler_real *scratch)
{
    if (i0 >= i1 || j0 >= j1)
        return;
    const input c = {p->c, p->c_row, 1};
    pass x = {.m = i1 - i0,
              .n = j1 - j0,
              .k = p->k,
              .a = input_at((input){p->a, p->a_row, p->a_col}, i0, 0),
              .b = input_at((input){p->b, p->b_row, p->b_col}, 0, j0),
              .bias = input_at((input){p->bias, p->bias_row, 1}, i0, j0),
              .to = matrix_at((matrix){p->c, p->c_row, 1}, i0, j0)};
    if (p->resume)
        x.from = input_at(c, i0, j0);
    if (x.n < 16 && cost(x.n, x.m, x.k, x.a.column, x.a.row, p->c_row) < cost(x.m, x.n, x.k, p->b_row, p->b_col, 1))
        turn(&x);
    if (x.k <= SLICE)
        run(&x, scratch);
    else
        run_sliced(&x, scratch);
}

/* Neighbours are added, then neighbours of those: the same tree as the stack of run_block makes. */
static void tree(antler_real *y, antler_real *parts, int64_t count, int64_t stride, int64_t n)
{
    for (int64_t j = 0; j < n; j += 16) {
        const int lanes = (int)least(16, n - j);
        antler_real *at = parts + j;
        for (int64_t width = 1; width < count; width *= 2)
            for (int64_t i = 0; i + width < count; i += 2 * width) {
                const v16 sum = vadd(vload_n(at + i * stride, lanes), vload_n(at + (i + width) * stride, lanes));
                vstore_n(at + i * stride, sum, lanes);
            }
        vstore_n(y + j, vload_n(at, lanes), lanes);
    }
}

void ANTLER_VARIANT(antler__product_kernels)(antler_kernels *k)
{
    k->product = product;
    k->product_scratch = PACKED_A + PACKED_B + SUMS;
    k->tile_m = ROWS;
    k->tile_n = WIDTH;
    k->tree = tree;
}

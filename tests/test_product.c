/* Products and trees of every table, against plain loops, bit for bit. */
#include "tables.h"

enum { GUARD = 24, MOST_PARTS = 16 };

/* The sum of parts [lo, hi) in the order of the tree: the left half is the largest power of two that leaves any. */
static antler_real tree_of(const antler_real *parts, int64_t lo, int64_t hi)
{
    if (hi - lo == 1)
        return parts[lo];
    int64_t half = 1;
    while (2 * half < hi - lo)
        half *= 2;
    return tree_of(parts, lo, lo + half) + tree_of(parts, lo + half, hi);
}

/* One product with all that it reads and a C that it may write to. */
typedef struct sample {
    antler_product p;
    antler_real *a, *b, *bias, *c;
    int64_t c_size;
    int64_t i0, i1, j0, j1;
    const char *kind;
} sample;

/* Strides of an (m, n) matrix; returns how many numbers it spans. */
static int64_t lay_out(int kind, int64_t m, int64_t n, int64_t *row, int64_t *column)
{
    const int64_t gap = between(0, 1) * between(0, 20);
    switch (kind) {
    case 0:
        *row = n + gap;
        *column = 1;
        break;
    case 1:
        *row = 1;
        *column = m + gap;
        break;
    case 2:
        *row = 2 * n + gap;
        *column = 2;
        break;
    default:
        *row = *column = 0;
    }
    return (m > 0 && n > 0) ? (m - 1) * *row + (n - 1) * *column + 1 : 0;
}

static void choose_sizes_once(antler_product *p)
{
    static const int64_t narrow[] = {1, 2, 3, 4, 5, 8, 10, 15, 16, 17, 24, 31, 32, 33, 64, 100};
    const int64_t count = sizeof narrow / sizeof *narrow;
    p->m = narrow[between(0, count - 1)];
    p->n = narrow[between(0, count - 1)];
    p->k = narrow[between(0, count - 1)];
    switch (between(0, 9)) {
    case 0:
        p->k = between(257, 1100);
        break;
    case 1:
        p->k = between(1, MOST_PARTS) * ANTLER_PART - between(0, 2);
        p->m = between(1, 14);
        p->n = between(1, 20);
        break;
    case 2:
        p->m = between(190, 420);
        break;
    case 3:
        p->n = between(120, 300);
        break;
    case 4:
        p->k = 0;
        break;
    case 5:
        p->m = between(1, 7);
        p->k = between(200, 600);
        p->n = between(100, 300);
        break;
    default:
        break;
    }
}

/* Sizes that a baseline without an fma gets through. */
static void choose_sizes(antler_product *p)
{
    do
        choose_sizes_once(p);
    while (p->m * p->n * p->k > 500000);
}

static void choose_bias(sample *s)
{
    antler_product *p = &s->p;
    switch (between(0, 4)) {
    case 0:
        p->bias_row = 0;
        s->bias = numbers(p->n, false);
        p->bias = s->bias;
        break;
    case 1:
        p->bias_row = p->n + between(0, 3);
        s->bias = numbers(p->m * p->bias_row, false);
        p->bias = s->bias;
        break;
    case 2:
        p->bias = p->c;
        p->bias_row = p->c_row;
        break;
    default:
        break;
    }
}

static sample make_sample(void)
{
    static const char *const kinds[] = {"plain", "transposed", "strided", "constant"};
    sample s = {0};
    antler_product *p = &s.p;
    const bool nasty = random_word() % 4 == 0;
    choose_sizes(p);
    const int a_kind = random_word() % 16 ? (int)between(0, 2) : 3, b_kind = (int)between(0, 11) / 5;
    s.kind = kinds[b_kind];
    p->a = s.a = numbers(lay_out(a_kind, p->m, p->k, &p->a_row, &p->a_col), nasty);
    p->b = s.b = numbers(lay_out(b_kind, p->k, p->n, &p->b_row, &p->b_col), nasty);
    p->c_row = p->n + between(0, 1) * between(0, 9);
    s.c_size = p->m * p->c_row + 2 * GUARD;
    s.c = numbers(s.c_size, false);
    p->c = s.c + GUARD;
    choose_bias(&s);
    p->resume = p->k <= ANTLER_PART && random_word() % 3 == 0;
    s.i1 = p->m;
    s.j1 = p->n;
    if (random_word() % 2) {
        s.i0 = between(0, p->m);
        s.i1 = between(s.i0, p->m);
        s.j0 = between(0, p->n);
        s.j1 = between(s.j0, p->n);
    }
    return s;
}

static void free_sample(sample *s)
{
    free(s->a);
    free(s->b);
    free(s->bias);
    free(s->c);
}

/* Element (i, j) by the rules of kernels.h. */
static antler_real element(const antler_product *p, int64_t i, int64_t j)
{
    antler_real parts[MOST_PARTS + 1];
    const antler_real c = p->c[i * p->c_row + j];
    int64_t count = 0;
    parts[count] = p->resume ? c : 0;
    for (int64_t q = 0; q < p->k; q++) {
        if (q > 0 && q % ANTLER_PART == 0)
            parts[++count] = 0;
        parts[count] = fused(p->a[i * p->a_row + q * p->a_col], p->b[q * p->b_row + j * p->b_col], parts[count]);
    }
    const antler_real sum = tree_of(parts, 0, count + 1);
    return p->bias != NULL ? sum + p->bias[i * p->bias_row + j] : sum;
}

/* The whole of C, guards and gaps as they were. */
static antler_real *expected(const sample *s)
{
    antler_real *c = copy_of(s->c, s->c_size);
    for (int64_t i = s->i0; i < s->i1; i++)
        for (int64_t j = s->j0; j < s->j1; j++)
            c[GUARD + i * s->p.c_row + j] = element(&s->p, i, j);
    return c;
}

static void run_table(const sample *s, const antler_kernels *k, const antler_real *right)
{
    antler_product p = s->p;
    antler_real *c = copy_of(s->c, s->c_size);
    antler_real *scratch = numbers((int64_t)k->product_scratch, true);
    char what[200];
    p.c = c + GUARD;
    if (p.bias == s->p.c)
        p.bias = p.c;
    k->product(&p, s->i0, s->i1, s->j0, s->j1, scratch);
    snprintf(what, sizeof what, "product %lld %lld %lld (a %lld %lld, b %s, bias %d resume %d) [%lld %lld) [%lld %lld)",
             (long long)p.m, (long long)p.n, (long long)p.k, (long long)p.a_row, (long long)p.a_col, s->kind,
             p.bias != NULL, p.resume, (long long)s->i0, (long long)s->i1, (long long)s->j0, (long long)s->j1);
    check_same(c, right, s->c_size, k->name, what);
    free(c);
    free(scratch);
}

START_TEST(products_are_right)
{
    for (int round = 0; round < 400; round++) {
        sample s = make_sample();
        antler_real *right = expected(&s);
        for (int t = 0; t < ISAS; t++) {
            const antler_kernels *k = antler__kernels_of(isa[t]);
            if (k != NULL)
                run_table(&s, k, right);
        }
        free(right);
        free_sample(&s);
    }
}
END_TEST

/* A sum that stops and goes on gives what one sum gives. */
START_TEST(resumed_products_are_whole)
{
    enum { M = 21, N = 35, K = 700, CUT = 333 };
    antler_real *a = numbers(M * K, false), *b = numbers(K * N, false), *bias = numbers(N, false);
    antler_real whole[M * N], cut[M * N];
    for (int t = 0; t < ISAS; t++) {
        const antler_kernels *k = antler__kernels_of(isa[t]);
        if (!k)
            continue;
        antler_real *scratch = numbers((int64_t)k->product_scratch, true);
        antler_product p = {.m = M,
                            .n = N,
                            .k = K,
                            .a = a,
                            .a_row = K,
                            .a_col = 1,
                            .b = b,
                            .b_row = N,
                            .b_col = 1,
                            .c = whole,
                            .c_row = N,
                            .bias = bias};
        k->product(&p, 0, M, 0, N, scratch);
        p.c = cut;
        p.k = CUT;
        p.bias = NULL;
        k->product(&p, 0, M, 0, N, scratch);
        p.a = a + CUT;
        p.b = b + CUT * N;
        p.k = K - CUT;
        p.bias = bias;
        p.resume = true;
        k->product(&p, 0, M, 0, N, scratch);
        check_same(cut, whole, M * N, k->name, "resumed product");
        free(scratch);
    }
    free(a);
    free(b);
    free(bias);
}
END_TEST

static void check_tree(const antler_kernels *k, int64_t count, int64_t n, bool in_place)
{
    const int64_t stride = n + between(0, 5), size = (count - 1) * stride + n;
    antler_real *parts = numbers(size, random_word() % 2), *before = copy_of(parts, size);
    antler_real *y = numbers(n, false), *right = numbers(n, false), *column = numbers(count, false);
    for (int64_t j = 0; j < n; j++) {
        for (int64_t i = 0; i < count; i++)
            column[i] = before[i * stride + j];
        right[j] = tree_of(column, 0, count);
    }
    k->tree(in_place ? parts : y, parts, count, stride, n);
    check_same(in_place ? parts : y, right, n, k->name, "tree");
    for (int64_t i = 0; i + 1 < count; i++)
        check_same(parts + i * stride + n, before + i * stride + n, stride - n, k->name, "gap in the tree's parts");
    free(parts);
    free(before);
    free(y);
    free(right);
    free(column);
}

START_TEST(trees_are_right)
{
    for (int t = 0; t < ISAS; t++) {
        const antler_kernels *k = antler__kernels_of(isa[t]);
        for (int64_t count = 1; k != NULL && count < 40; count++)
            check_tree(k, count, between(1, 70), count % 2 == 0);
    }
}
END_TEST

/* The tree of a product cut by its caller is the tree of the product itself. */
START_TEST(parts_of_a_product_join)
{
    enum { M = 5, N = 18, PARTS = 7, K = PARTS * ANTLER_PART - 100 };
    antler_real *a = numbers(M * K, false), *b = numbers(K * N, false);
    antler_real whole[M * N], parts[PARTS * M * N];
    for (int t = 0; t < ISAS; t++) {
        const antler_kernels *k = antler__kernels_of(isa[t]);
        if (!k)
            continue;
        antler_real *scratch = numbers((int64_t)k->product_scratch, true);
        antler_product p = {.m = M,
                            .n = N,
                            .k = K,
                            .a = a,
                            .a_row = K,
                            .a_col = 1,
                            .b = b,
                            .b_row = N,
                            .b_col = 1,
                            .c = whole,
                            .c_row = N};
        k->product(&p, 0, M, 0, N, scratch);
        for (int64_t i = 0; i < PARTS; i++) {
            p.a = a + i * ANTLER_PART;
            p.b = b + i * ANTLER_PART * N;
            p.c = parts + i * M * N;
            p.k = i < PARTS - 1 ? ANTLER_PART : ANTLER_PART - 100;
            k->product(&p, 0, M, 0, N, scratch);
        }
        k->tree(parts, parts, PARTS, M * N, M * N);
        check_same(parts, whole, M * N, k->name, "product of parts");
        free(scratch);
    }
    free(a);
    free(b);
}
END_TEST

/* ANTLER_ISA is a wish, the tables are what is there. */
START_TEST(tables_have_their_names)
{
    const antler_kernels *used = antler__kernels();
    ck_assert_ptr_nonnull(used);
    ck_assert_ptr_eq(used, antler__kernels_of(used->name));
    ck_assert_ptr_eq(used, antler__kernels());
    ck_assert_ptr_nonnull(antler__kernels_of("baseline"));
    ck_assert_ptr_null(antler__kernels_of("z80"));
    const char *wish = getenv("ANTLER_ISA");
    if (wish == NULL || antler__kernels_of(wish) != NULL)
        ck_assert_ptr_null(antler__kernels_error());
    if (wish != NULL && antler__kernels_of(wish) != NULL)
        ck_assert_str_eq(used->name, wish);
}
END_TEST

START_TEST(unknown_tables_are_reported)
{
    ck_assert_int_eq(setenv("ANTLER_ISA", "z80", 1), 0);
    ck_assert_ptr_nonnull(antler__kernels());
    ck_assert_ptr_nonnull(strstr(antler__kernels_error(), "z80"));
}
END_TEST

START_TEST(a_table_is_chosen_by_name)
{
    ck_assert_int_eq(setenv("ANTLER_ISA", "baseline", 1), 0);
    ck_assert_str_eq(antler__kernels()->name, "baseline");
    ck_assert_ptr_null(antler__kernels_error());
}
END_TEST

/* Test vectors of Philox4x32-10 as its authors publish them with Random123. */
START_TEST(philox_is_philox)
{
    static const uint32_t cases[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6,
         0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420,
         0x24126ea1},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        antler__philox(cases[i], cases[i] + 4, out);
        ck_assert_mem_eq(out, cases[i] + 6, sizeof out);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("product");
    TCase *products = tcase_create("products");
    tcase_set_timeout(products, 0);
    tcase_add_test(products, products_are_right);
    tcase_add_test(products, resumed_products_are_whole);
    tcase_add_test(products, trees_are_right);
    tcase_add_test(products, parts_of_a_product_join);
    suite_add_tcase(suite, products);
    TCase *choice = tcase_create("choice");
    tcase_add_test(choice, tables_have_their_names);
    tcase_add_test(choice, philox_is_philox);
    suite_add_tcase(suite, choice);
    SRunner *runner = srunner_create(suite);
    if (srunner_fork_status(runner) == CK_FORK) { /* the table is chosen once in a process */
        tcase_add_test(choice, unknown_tables_are_reported);
        tcase_add_test(choice, a_table_is_chosen_by_name);
    }
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    say_tables();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

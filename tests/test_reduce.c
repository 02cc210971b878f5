/* Reductions and updates of every table, against plain loops, bit for bit. */
#include "suite.h"
#include "tables.h"

/* Lane i % 16 takes element i; the last vector is filled up with zeros. */
static antler_real fold(antler_real lane[16])
{
    for (int half = 8; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            lane[i] += lane[i + half];
    return lane[0];
}

static antler_real plain_sum(const antler_real *x, int64_t n)
{
    antler_real lane[16] = {0};
    for (int64_t i = 0; i < (n + 15) / 16 * 16; i++)
        lane[i % 16] += i < n ? x[i] : 0;
    return fold(lane);
}

static antler_real plain_dot(const antler_real *a, const antler_real *b, int64_t n)
{
    antler_real lane[16] = {0};
    for (int64_t i = 0; i < (n + 15) / 16 * 16; i++)
        lane[i % 16] = i < n ? fused(a[i], b[i], lane[i % 16]) : fused(0, 0, lane[i % 16]);
    return fold(lane);
}

static void check_sums(const antler_kernels *k, int64_t n, bool nasty)
{
    antler_real *a = numbers(n, nasty), *b = numbers(n, nasty);
    antler_real got = k->sum(a, n), right = plain_sum(a, n);
    check_same(&got, &right, 1, k->name, "sum");
    got = k->dot(a, b, n);
    right = plain_dot(a, b, n);
    check_same(&got, &right, 1, k->name, "dot");
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i += ANTLER_CHUNK) {
        const int64_t size = n - i < ANTLER_CHUNK ? n - i : ANTLER_CHUNK;
        sum += (double)plain_sum(a + i, size);
        squares += (double)plain_dot(a + i, a + i, size);
    }
    const double long_sum = k->long_sum(a, n), long_squares = k->long_sum_squares(a, n);
    ck_assert_msg(memcmp(&long_sum, &sum, sizeof sum) == 0 || (isnan(long_sum) && isnan(sum)), "%s: long sum of %lld",
                  k->name, (long long)n);
    ck_assert_msg(memcmp(&long_squares, &squares, sizeof sum) == 0 || (isnan(long_squares) && isnan(squares)),
                  "%s: long sum of squares of %lld", k->name, (long long)n);
    free(a);
    free(b);
}

START_TEST(sums_are_right)
{
    for (int t = 0; t < ISAS; t++) {
        const antler_kernels *k = antler__kernels_of(isa[t]);
        if (!k)
            continue;
        for (int64_t n = 0; n < 70; n++)
            check_sums(k, n, n % 3 == 0);
        for (int round = 0; round < 20; round++)
            check_sums(k, between(1, 3 * ANTLER_CHUNK), round % 4 == 0);
        check_sums(k, 2 * ANTLER_CHUNK, false);
    }
}
END_TEST

/* Softmax and its logarithm by the table's own exp and log, one number at a time. */
static void plain_softmax(const antler_kernels *k, antler_real *y, antler_real *logarithm, const antler_real *x,
                          int64_t n)
{
    antler_real most = (antler_real)-INFINITY, log_sum;
    for (int64_t i = 0; i < n; i++)
        most = x[i] > most ? x[i] : most;
    for (int64_t i = 0; i < n; i++) {
        const antler_real shifted = x[i] - most;
        k->exp(y + i, &shifted, 1);
    }
    const antler_real sum = plain_sum(y, n);
    k->log(&log_sum, &sum, 1);
    for (int64_t i = 0; i < n; i++) {
        y[i] /= sum;
        logarithm[i] = x[i] - most - log_sum;
    }
}

/* Against the definition, in double. */
static void check_accuracy(const antler_real *y, const antler_real *x, int64_t n)
{
    const double tolerance = 64 * (sizeof(antler_real) == sizeof(float) ? 6e-8 : 1.2e-16);
    double most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++)
        most = (double)x[i] > most ? (double)x[i] : most; /* fmax ends gcc 12 for ARM */
    for (int64_t i = 0; i < n; i++)
        sum += exp((double)x[i] - most);
    for (int64_t i = 0; i < n; i++)
        ck_assert_double_eq_tol((double)y[i], exp((double)x[i] - most) / sum, tolerance);
}

static void check_softmax(const antler_kernels *k, int64_t rows, int64_t n, bool nasty)
{
    const int64_t size = rows * n;
    antler_real *x = numbers(size, nasty), *dy = numbers(size, nasty);
    antler_real *y = numbers(size + 1, false), *right = numbers(size, false), *logarithm = numbers(size, false);
    y[size] = 7;
    for (int64_t r = 0; r < rows; r++)
        plain_softmax(k, right + r * n, logarithm + r * n, x + r * n, n);
    k->softmax(y, x, rows, n);
    check_same(y, right, size, k->name, "softmax");
    if (!nasty)
        for (int64_t r = 0; r < rows; r++)
            check_accuracy(y + r * n, x + r * n, n);
    for (int64_t r = 0; r < rows; r++) {
        const antler_real mean = plain_dot(dy + r * n, y + r * n, n);
        for (int64_t i = r * n; i < (r + 1) * n; i++)
            right[i] = y[i] * (dy[i] - mean);
    }
    k->softmax_backward(dy, dy, y, rows, n);
    check_same(dy, right, size, k->name, "softmax_backward");
    k->log_softmax(y, x, rows, n);
    check_same(y, logarithm, size, k->name, "log_softmax");
    k->softmax(y, x, rows, n);
    k->softmax(x, x, rows, n);
    check_same(x, y, size, k->name, "softmax in place");
    ck_assert(y[size] == 7);
    free(x);
    free(dy);
    free(y);
    free(right);
    free(logarithm);
}

START_TEST(softmax_is_right)
{
    for (int t = 0; t < ISAS; t++) {
        const antler_kernels *k = antler__kernels_of(isa[t]);
        if (!k)
            continue;
        for (int64_t n = 1; n < 40; n++)
            check_softmax(k, between(1, 5), n, n % 4 == 0);
        check_softmax(k, 3, 1000, false);
    }
}
END_TEST

/* ---------------------------------------------------------------------------------------------- updates */

enum { SLOTS = 3 };

static antler_descent make_descent(int64_t n, bool nasty)
{
    antler_descent u = {.w = numbers(n + 1, nasty), .g = numbers(n, nasty), .n = n};
    for (int i = 0; i < SLOTS; i++)
        u.slot[i] = numbers(n + 1, nasty);
    for (int64_t i = 0; i < n; i++)
        u.slot[1][i] = (antler_real)fabs((double)u.slot[1][i]);
    u.rate = (antler_real)0.01;
    u.a = (antler_real)0.1;
    u.b = (antler_real)0.001;
    u.c = (antler_real)1e-7;
    u.d = (antler_real)0.9;
    u.e = (antler_real)0.3;
    u.f = (antler_real)0.7;
    return u;
}

static antler_descent copy_descent(const antler_descent *u)
{
    antler_descent v = *u;
    v.w = copy_of(u->w, u->n + 1);
    for (int i = 0; i < SLOTS; i++)
        v.slot[i] = copy_of(u->slot[i], u->n + 1);
    return v;
}

static void free_descent(antler_descent *u)
{
    free(u->w);
    for (int i = 0; i < SLOTS; i++)
        free(u->slot[i]);
}

static antler_real root(antler_real x)
{
#ifdef ANTLER_DOUBLE
    return sqrt(x);
#else
    return sqrtf(x);
#endif
}

static void plain_update(int kind, const antler_descent *u)
{
    for (int64_t i = 0; i < u->n; i++) {
        const antler_real g = u->g[i];
        antler_real *w = u->w + i, *m = u->slot[0] + i, *v = u->slot[1] + i;
        if (kind == 0) {
            *w = *w - u->rate * g;
        } else if (kind == 3) {
            *m = *m + (g - *m) * u->a;
            *v = *v + (g * g - *v) * u->b;
            *w = *w - u->rate * *m / (root(*v) + u->c);
        } else {
            *m = u->a * *m - u->rate * g;
            *w = kind == 1 ? *w + *m : *w + (u->a * *m - u->rate * g);
        }
    }
}

START_TEST(updates_are_right)
{
    static const char *const names[] = {"sgd", "momentum", "nesterov", "adam"};
    for (int round = 0; round < 60; round++) {
        antler_descent u = make_descent(between(0, 80), round % 3 == 0);
        for (int kind = 0; kind < 4; kind++) {
            antler_descent right = copy_descent(&u);
            plain_update(kind, &right);
            for (int t = 0; t < ISAS; t++) {
                const antler_kernels *k = antler__kernels_of(isa[t]);
                if (!k)
                    continue;
                void (*const update[])(const antler_descent *) = {k->sgd, k->momentum, k->nesterov, k->adam};
                antler_descent v = copy_descent(&u);
                update[kind](&v);
                check_same(v.w, right.w, u.n + 1, k->name, names[kind]);
                for (int i = 0; i < 2; i++)
                    check_same(v.slot[i], right.slot[i], u.n + 1, k->name, names[kind]);
                free_descent(&v);
            }
            free_descent(&right);
        }
        free((void *)(uintptr_t)u.g);
        free_descent(&u);
    }
}
END_TEST

/* All of them, against the baseline. */
START_TEST(updates_are_the_same)
{
    typedef void update(const antler_descent *);
    const antler_kernels *base = antler__kernels_of("baseline");
    for (int t = 0; t < ISAS; t++) {
        const antler_kernels *k = antler__kernels_of(isa[t]);
        if (!k)
            continue;
#define ROW(name, slots, what) {#name, base->name, k->name, slots},
        const struct {
            const char *name;
            update *right, *update;
            int slots;
        } rows[] = {ANTLER_DESCENT_MAP(ROW)};
#undef ROW
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
            for (int round = 0; round < 12; round++) {
                antler_descent u = make_descent(between(0, 80), round % 3 == 0), v = copy_descent(&u);
                rows[r].right(&u);
                rows[r].update(&v);
                check_same(v.w, u.w, u.n + 1, k->name, rows[r].name);
                for (int i = 0; i < rows[r].slots; i++)
                    check_same(v.slot[i], u.slot[i], u.n + 1, k->name, rows[r].name);
                free((void *)(uintptr_t)u.g);
                free_descent(&u);
                free_descent(&v);
            }
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, sums_are_right);
    tcase_add_test(tests, softmax_is_right);
    tcase_add_test(tests, updates_are_right);
    tcase_add_test(tests, updates_are_the_same);
    int failed = run_suite("reduce", tests);
    say_tables();
    return failed;
}

/* The noise kernels: Philox against its published answers and against Random123, the order of words, uniforms, normals,
   dropout at any position and length, the same bits from every instruction set and from float and double builds. */
#include "isas.h"
#include "lcg.h"
#include "suite.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef __has_include
#if __has_include(<Random123/philox.h>)
#include <Random123/philox.h>
#define HAVE_RANDOM123
#endif
#endif

enum { MANY = 1 << 16 };

static uint64_t state = 1;

static uint64_t random_bits(void)
{
    lcg64(&state);
    return state ^ state >> 29;
}

/* Published with Random123. */
START_TEST(known_answers)
{
    static const uint32_t vectors[][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6,
         0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420,
         0x24126ea1},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        antler__philox(vectors[i], vectors[i] + 4, out);
        ck_assert(memcmp(out, vectors[i] + 6, sizeof out) == 0);
    }
}
END_TEST

#ifdef HAVE_RANDOM123
START_TEST(random123)
{
    for (int i = 0; i < 10000; i++) {
        const uint64_t a = random_bits(), b = random_bits(), k = random_bits();
        const uint32_t counter[4] = {(uint32_t)a, (uint32_t)(a >> 32), (uint32_t)b, (uint32_t)(b >> 32)};
        const uint32_t key[2] = {(uint32_t)k, (uint32_t)(k >> 32)};
        uint32_t ours[4];
        philox4x32_ctr_t c;
        philox4x32_key_t p;
        memcpy(c.v, counter, sizeof counter);
        memcpy(p.v, key, sizeof key);
        c = philox4x32(c, p);
        antler__philox(counter, key, ours);
        ck_assert(memcmp(ours, c.v, sizeof ours) == 0);
    }
}
END_TEST
#endif

/* Word `e` of a stream, by the definition in kernels.h. */
static uint32_t word(antler_stream at, uint64_t e)
{
    const uint64_t block = 16 * (e / 64) + e % 16;
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)at.step,
                                 (uint32_t)(at.step >> 32)};
    const uint32_t key[2] = {(uint32_t)at.key, (uint32_t)(at.key >> 32)};
    uint32_t out[4];
    antler__philox(counter, key, out);
    return out[e / 16 % 4];
}

/* Streams with positions of all kinds: aligned, not, small, and around where the counter takes its second word. */
static antler_stream stream(int i)
{
    static const uint64_t position[] = {0, 1, 13, 63, 64, 100, 4097, (UINT64_C(1) << 34) - 70, UINT64_C(1) << 40};
    return (antler_stream){random_bits(), i % 3 == 0 ? random_bits() : (uint64_t)i, position[i % 9]};
}

START_TEST(order_of_words)
{
    const antler_kernels *k = antler__kernels_of(isa[_i]);
    if (!k)
        return;
    uint32_t w[300];
    antler_real u[300];
    for (int i = 0; i < 60; i++) {
        const antler_stream at = stream(i);
        const int n = (int)(random_bits() % 290);
        memset(w, 0xee, sizeof w);
        u[n] = 7;
        k->words(at, w, n);
        k->uniform(at, u, n);
        for (int e = 0; e < n; e++) {
            const uint32_t want = word(at, at.position + (uint64_t)e);
            ck_assert_uint_eq(w[e], want);
            ck_assert(u[e] == (antler_real)(want >> 8) * (antler_real)0x1p-24);
        }
        ck_assert(w[n] == 0xeeeeeeee && u[n] == 7);
    }
}
END_TEST

START_TEST(normals)
{
    const antler_kernels *k = antler__kernels();
    const antler_stream at = {UINT64_C(0x0123456789abcdef), 42, 0};
    static antler_real z[MANY];
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    double sum = 0, squares = 0, fourth = 0;
    k->normal(at, z, MANY);
    for (uint64_t e = 0; e < MANY; e++) {
        const double u = ((double)(word(at, e & ~UINT64_C(16)) >> 8) + 1) * 0x1p-24;
        const double turn = (double)(word(at, e | 16) >> 8) * 0x1p-24 * 2 * acos(-1);
        const double want = sqrt(-2 * log(u)) * (e & 16 ? sin(turn) : cos(turn)), got = (double)z[e];
        ck_assert_msg(fabs(got - want) < 1e-6, "normal %d: %g, not %g", (int)e, got, want);
        const float single = (float)z[e];
        uint32_t bits;
        memcpy(&bits, &single, sizeof bits);
        hash = (hash ^ bits) * UINT64_C(0x100000001b3);
        sum += got;
        squares += got * got;
        fourth += got * got * got * got;
        ck_assert(sizeof(antler_real) == 4 || (double)single == got);
    }
    ck_assert(fabs(sum / MANY) < 0.02 && fabs(squares / MANY - 1) < 0.03 && fabs(fourth / MANY - 3) < 0.2);
    /* float and double builds, all machines */
    ck_assert_msg(hash == UINT64_C(0xc3bdb67996b31b6d), "hash of the normals is %llx", (unsigned long long)hash);
}
END_TEST

/* Everything from one position on is the same in pieces of any length. */
START_TEST(pieces)
{
    const antler_kernels *base = antler__kernels_of("baseline"), *k = antler__kernels_of(isa[_i]);
    if (!k)
        return;
    static antler_real whole[3000], piece[3000];
    for (int i = 0; i < 20; i++) {
        const antler_stream at = stream(i);
        base->normal(at, whole, 3000);
        for (int64_t done = 0, n; done < 3000; done += n) {
            n = (int64_t)(random_bits() % 200);
            if (n > 3000 - done)
                n = 3000 - done;
            k->normal((antler_stream){at.key, at.step, at.position + (uint64_t)done}, piece + done, n);
        }
        ck_assert(memcmp(whole, piece, sizeof whole) == 0);
    }
}
END_TEST

/* Dropout of n elements between guards, against the definition; in place where `in_place`. */
static void check_drop(const antler_kernels *k, antler_stream at, uint32_t threshold, int n, bool in_place, bool keep)
{
    enum { MOST = 400 };
    const antler_real scale = (antler_real)0.7;
    antler_real x[MOST], y[MOST + 2], again[MOST + 2];
    uint64_t bits[MOST / 64 + 3];
    for (int i = 0; i < n; i++)
        x[i] = i % 17 == 3 ? INFINITY : i % 19 == 4 ? NAN : (antler_real)(i - 100) / 8;
    memset(bits, 0xa5, sizeof bits);
    y[0] = y[n + 1] = again[n + 1] = 55;
    if (in_place)
        memcpy(y + 1, x, (size_t)n * sizeof *x);
    k->drop(at, threshold, scale, y + 1, in_place ? y + 1 : x, keep ? bits : NULL, n);
    for (int i = 0; i < n; i++) {
        const bool kept = word(at, at.position + (uint64_t)i) >= threshold;
        const antler_real want = kept ? x[i] / scale : 0, got = y[i + 1];
        ck_assert_msg(memcmp(&want, &got, sizeof got) == 0 || (isnan(want) && isnan(got)), "element %d of %d", i, n);
        if (keep)
            ck_assert((bits[i / 64] >> (i % 64) & 1) == kept);
    }
    ck_assert(y[0] == 55 && y[n + 1] == 55);
    ck_assert(bits[(n + 63) / 64] == UINT64_C(0xa5a5a5a5a5a5a5a5));
    for (int first = 0; keep && first < n; first += 1 + (int)(random_bits() % 70)) {
        k->drop_again(bits, first, scale, again, x + first, n - first);
        for (int i = first; i < n; i++)
            ck_assert(memcmp(&again[i - first], &y[i + 1], sizeof *y) == 0 || isnan(y[i + 1]));
        again[n - first] = 55;
        k->drop_again(bits, first, scale, again, x + first, (n - first) / 2);
        ck_assert(again[n - first] == 55);
    }
}

START_TEST(drop)
{
    const antler_kernels *k = antler__kernels_of(isa[_i]);
    if (!k)
        return;
    static const uint32_t thresholds[] = {1, 1u << 31, 429496730, 3865470567u, 0xffffffff};
    for (int i = 0; i < 300; i++)
        check_drop(k, stream(i), thresholds[i % 5], (int)(random_bits() % 390), i & 1, i % 7 != 0);
    for (int n = 0; n < 140; n++)
        check_drop(k, stream(n), 1u << 31, n, n & 1, true);
}
END_TEST

/* The share of elements that stay is 1 - rate, at rates whose confusion would show. */
START_TEST(rates)
{
    static antler_real x[MANY], y[MANY];
    for (int i = 0; i < MANY; i++)
        x[i] = 1;
    for (int i = 1; i < 10; i++) {
        const double rate = i / 10.0;
        const antler_stream at = {random_bits(), 3, 0};
        int kept = 0;
        antler__kernels()->drop(at, (uint32_t)ceil(rate * 0x1p32), (antler_real)(1 - rate), y, x, NULL, MANY);
        for (int e = 0; e < MANY; e++)
            kept += y[e] != 0;
        ck_assert(fabs(kept / (double)MANY - (1 - rate)) < 5 * sqrt(rate * (1 - rate) / MANY));
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("noise");
    tcase_add_test(tests, known_answers);
#ifdef HAVE_RANDOM123
    tcase_add_test(tests, random123);
#endif
    tcase_add_loop_test(tests, order_of_words, 0, ISAS);
    tcase_add_test(tests, normals);
    tcase_add_loop_test(tests, pieces, 0, ISAS);
    tcase_add_loop_test(tests, drop, 0, ISAS);
    tcase_add_test(tests, rates);
    int failed = run_suite("noise", tests);
    say_tables();
    return failed;
}

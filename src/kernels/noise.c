/* Random numbers: Philox4x32-10 in 16 lanes, uniforms, normals and dropout. A stream's words come in blocks of 64, four
   vectors of one computation; calls may begin and end inside a block. */
#include "vmath.h"

enum { BLOCK = 64 };

enum { ROUNDS = 10 };

/* What all blocks of a call share. */
typedef struct generator {
    uint64_t step;
    uint32_t key[ROUNDS][2]; /* by round */
} generator;

static generator generator_of(antler_stream at)
{
    generator g = {.step = at.step};
    for (uint32_t round = 0; round < ROUNDS; round++) {
        g.key[round][0] = (uint32_t)at.key + round * 0x9e3779b9u;
        g.key[round][1] = (uint32_t)(at.key >> 32) + round * 0xbb67ae85u;
    }
    return g;
}

/* One block: ten rounds on the counters of 16 lanes, whose four results are elements 0 .. 15, 16 .. 31, and so on. */
static void philox(const generator *g, uint64_t block, uint32_t words[BLOCK])
{
    static const uint32_t number[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const uint64_t first = 16 * block;
    w16 c0 = wadd(wset((uint32_t)first), wload(number)), c1 = wset((uint32_t)(first >> 32));
    w16 c2 = wset((uint32_t)g->step), c3 = wset((uint32_t)(g->step >> 32));
    for (int round = 0; round < ROUNDS; round++) {
        w16 high0, low0, high2, low2;
        wmul_wide(c0, wset(0xd2511f53u), &high0, &low0);
        wmul_wide(c2, wset(0xcd9e8d57u), &high2, &low2);
        c0 = wxor(high2, wxor(c1, wset(g->key[round][0])));
        c2 = wxor(high0, wxor(c3, wset(g->key[round][1])));
        c1 = low2;
        c3 = low0;
    }
    wstore(words, c0);
    wstore(words + 16, c1);
    wstore(words + 32, c2);
    wstore(words + 48, c3);
}

/* The part of a block that a call covers: elements [from, from + count) of it are elements [done, done + count) of the
   call. */
typedef struct piece {
    uint64_t block;
    int from, count;
} piece;

ANTLER_INLINE piece piece_at(antler_stream at, int64_t done, int64_t n)
{
    const uint64_t e = at.position + (uint64_t)done;
    const int from = (int)(e % BLOCK);
    return (piece){e / BLOCK, from, n - done < BLOCK - from ? (int)(n - done) : BLOCK - from};
}

static void words(antler_stream at, uint32_t *to, int64_t n)
{
    const generator g = generator_of(at);
    uint32_t w[BLOCK];
    piece p;
    for (int64_t done = 0; done < n; done += p.count) {
        p = piece_at(at, done, n);
        const bool whole = p.count == BLOCK;
        philox(&g, p.block, whole ? to + done : w);
        if (!whole)
            memcpy(to + done, w + p.from, (size_t)p.count * sizeof *to);
    }
}

/* Words as numbers in [0, 1): of 24 bits, all of which float holds. */
ANTLER_INLINE v16 fraction(w16 w)
{
    return fmul(v_of_int(wshr(w, 8)), vset((antler_real)0x1p-24));
}

static void uniform(antler_stream at, antler_real *u, int64_t n)
{
    const generator g = generator_of(at);
    uint32_t w[BLOCK];
    piece p;
    for (int64_t done = 0; done < n; done += p.count) {
        p = piece_at(at, done, n);
        philox(&g, p.block, w);
        for (int i = 0; i < p.count; i += 16) {
            const int lanes = lanes_at(i, p.count);
            vstore_upto(u + done + i, fraction(wload_upto(w + p.from + i, lanes)), lanes);
        }
    }
}

/* Radius sqrt(-2 log u) from one word, u in (0, 1], and angle 2 pi v from the other, v in [0, 1). In float whatever
   antler_real is, so that both libraries draw the same. */
ANTLER_INLINE void box_muller(antler_real *to, w16 radius_word, w16 angle_word)
{
    v16 u = fadd(fraction(radius_word), vset((antler_real)0x1p-24)), cosine, sine;
    v16 radius = froot(fmul(vset(-2), flog(u)));
    fcircle(fraction(angle_word), &cosine, &sine);
    vstore(to, fmul(radius, cosine));
    vstore(to + 16, fmul(radius, sine));
}

static void normal(antler_stream at, antler_real *z, int64_t n)
{
    const generator g = generator_of(at);
    uint32_t w[BLOCK];
    antler_real all[BLOCK];
    piece p;
    for (int64_t done = 0; done < n; done += p.count) {
        p = piece_at(at, done, n);
        philox(&g, p.block, w);
        const bool whole = p.count == BLOCK;
        for (int i = 0; i < BLOCK; i += 32)
            box_muller((whole ? z + done : all) + i, wload(w + i), wload(w + i + 16));
        if (!whole)
            memcpy(z + done, all + p.from, (size_t)p.count * sizeof *z);
    }
}

/* y = keep ? x / scale : 0: selected, so that a dropped NaN or Inf is 0. */
ANTLER_INLINE v16 dropped(v16 x, v16 scale, m16 keep)
{
    return vselect(keep, vdiv(x, scale), vset(0));
}

/* Writes `count` low bits of `mask` to bits [first, first + count). Bits beyond are cleared where they share a word. */
ANTLER_INLINE void put_bits(uint64_t *bits, int64_t first, uint64_t mask, int count)
{
    uint64_t *word = bits + first / 64;
    const int shift = (int)(first % 64);
    if (count < 64)
        mask &= (UINT64_C(1) << count) - 1;
    if (shift == 0) {
        word[0] = mask;
        return;
    }
    word[0] |= mask << shift;
    if (shift + count > 64)
        word[1] = mask >> (64 - shift);
}

/* Bits [first, first + count), low; reads no word beyond them. */
ANTLER_INLINE uint64_t get_bits(const uint64_t *bits, int64_t first, int count)
{
    const uint64_t *word = bits + first / 64;
    const int shift = (int)(first % 64);
    return word[0] >> shift | (shift + count > 64 ? word[1] << (64 - shift) : 0);
}

static void drop(antler_stream at, uint32_t threshold, antler_real scale, antler_real *y, const antler_real *x,
                 uint64_t *bits, int64_t n)
{
    const generator g = generator_of(at);
    uint32_t w[BLOCK];
    piece p;
    for (int64_t done = 0; done < n; done += p.count) {
        p = piece_at(at, done, n);
        philox(&g, p.block, w);
        uint64_t mask = 0;
        for (int i = 0; i < p.count; i += 16) {
            const int lanes = lanes_at(i, p.count);
            const m16 keep = wge(wload_upto(w + p.from + i, lanes), wset(threshold));
            vstore_upto(y + done + i, dropped(vload_upto(x + done + i, lanes), vset(scale), keep), lanes);
            mask |= (uint64_t)mbits(keep) << i;
        }
        if (bits)
            put_bits(bits, done, mask, p.count);
    }
}

static void drop_again(const uint64_t *bits, int64_t first, antler_real scale, antler_real *y, const antler_real *x,
                       int64_t n)
{
    for (int64_t done = 0; done < n; done += 64) {
        const int count = n - done < 64 ? (int)(n - done) : 64;
        const uint64_t mask = get_bits(bits, first + done, count);
        for (int i = 0; i < count; i += 16) {
            const int lanes = lanes_at(i, count);
            const m16 keep = mof((uint16_t)(mask >> i));
            vstore_upto(y + done + i, dropped(vload_upto(x + done + i, lanes), vset(scale), keep), lanes);
        }
    }
}

void ANTLER_VARIANT(antler__noise_kernels)(antler_kernels *k)
{
    k->words = words;
    k->uniform = uniform;
    k->normal = normal;
    k->drop = drop;
    k->drop_again = drop_again;
}

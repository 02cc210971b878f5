/* Numbers that are the same on every machine, for programs that make data: streams of random numbers, and the cosine.
 */
#ifndef ANTLER_RANDOM_H
#define ANTLER_RANDOM_H

#include "antler/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A place in a stream of random words. Word e of a stream is word (e / 16) % 4 of Philox4x32-10 with this key and the
   counter {block & 0xffffffff, block >> 32, step & 0xffffffff, step >> 32}, block = 16 * (e / 64) + e % 16: the order
   in which 16 lanes make 64 words without a transpose. */
typedef struct antler_stream {
    uint64_t key;      /* low 32 bits are Philox's first key word */
    uint64_t step;     /* tells the streams of a key apart; for noise the training batch, or Monte Carlo sample */
    uint64_t position; /* e of the first element */
} antler_stream;

/* n elements of the stream: words; uniform numbers in [0, 1), one a word, in steps of 2^-24; normal numbers of mean 0
   and deviation 1, one a word. Any cut of a stream into calls gives the same numbers. */
ANTLER_API void antler_random_words(antler_stream at, uint32_t *words, int64_t n);
ANTLER_API void antler_random_uniform(antler_stream at, antler_real *numbers, int64_t n);
ANTLER_API void antler_random_normal(antler_stream at, antler_real *numbers, int64_t n);

/* Within 1 ulp. Accurate for |x| up to 2^20; larger ones are first taken modulo 2 pi rounded to double. */
ANTLER_API double antler_cos(double x);

#ifdef __cplusplus
}
#endif
#endif

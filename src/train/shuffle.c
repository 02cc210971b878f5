/* The order of the rows in an epoch. */
#include "train/shuffle.h"

#include "core/key.h"
#include "kernels/kernels.h"
#include "train/shuffle.h"

enum { WORDS = 256 };

/* Random words in stream order, a block at a time. */
typedef struct source {
    antler_stream at;
    uint32_t word[WORDS];
    int next;
} source;

static uint32_t next_word(source *s)
{
    if (s->next == WORDS) {
        antler__kernels()->words(s->at, s->word, WORDS);
        s->at.position += WORDS;
        s->next = 0;
    }
    return s->word[s->next++];
}

/* A number in [0, n), each equally likely: the high half of word * n, where words whose low half would favour some
   results are drawn again (Lemire, ACM TOMACS 2019). n < 2^32. */
static uint32_t below(source *s, uint32_t n)
{
    uint64_t product = (uint64_t)next_word(s) * n;
    uint32_t unfair = (uint32_t)(-n) % n;
    while ((uint32_t)product < unfair)
        product = (uint64_t)next_word(s) * n;
    return (uint32_t)(product >> 32);
}

static void swap(int64_t *row, int64_t i, int64_t j)
{
    int64_t kept = row[i];
    row[i] = row[j];
    row[j] = kept;
}

/* Fisher and Yates, from the end. More than 2^32 rows are shuffled as far as one word reaches. */
static void shuffle_part(source *s, int64_t *row, int64_t n)
{
    for (int64_t i = n - 1; i > 0; i--)
        swap(row, i, below(s, i < UINT32_MAX ? (uint32_t)i + 1 : UINT32_MAX));
}

void antler__shuffle(int64_t *row, int64_t n, int64_t window, int64_t seed, int64_t epoch)
{
    source s = {.at = {antler__key(seed, ANTLER_FOR_SHUFFLE, 0), (uint64_t)epoch, 0}, .next = WORDS};
    if (window <= 0 || window >= n) {
        for (int64_t i = 0; i < n; i++)
            row[i] = i;
        shuffle_part(&s, row, n);
        return;
    }
    /* The windows' order stands at the end of row, where it is read before the rows reach it. */
    int64_t windows = (n + window - 1) / window, filled = 0;
    int64_t *order = row + n - windows;
    for (int64_t w = 0; w < windows; w++)
        order[w] = w;
    shuffle_part(&s, order, windows);
    for (int64_t w = 0; w < windows; w++) {
        int64_t first = order[w] * window, length = n - first < window ? n - first : window;
        for (int64_t i = 0; i < length; i++)
            row[filled + i] = first + i;
        shuffle_part(&s, row + filled, length);
        filled += length;
    }
}

/* make_data: writes the data sets of the examples that are computed, not shipped.

       make_data dummy_time OUT.h5 [--seed N]
       make_data captcha_mnist MNIST5K.h5 OUT.h5
       make_data ptm_protein_21 POSITIVE.dat NEGATIVE.dat OUT.h5 [--seed N]
       make_data author_music OUT.h5 [--seed N] [--wav FOLDER]
       make_data author_music_wav FOLDER [--seed N]
       make_data pair DIGITS.h5 OUT.h5 [--seed N]
       make_data SET OUT.h5 [--seed N] [--samples N]

   SET is one of those of drawn.c. Random numbers come from Philox and no number from the C library's mathematics, so
   that a seed means the same file on every machine. */
#include "make_data.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- random numbers ---- */

generator generator_make(int64_t seed, uint32_t use)
{
    return (generator){.at = {.key = (uint64_t)seed, .step = (uint64_t)use << 32}, .used = 64};
}

uint32_t generator_word(generator *g)
{
    if (g->used == 64) {
        antler_random_words(g->at, g->word, 64);
        g->at.position += 64;
        g->used = 0;
    }
    int i = g->used++;
    return g->word[16 * (i % 4) + i / 4]; /* the stream has the first words of 16 counts, then their second ones ... */
}

double generator_uniform(generator *g)
{
    return (generator_word(g) >> 8) / 16777216.0;
}

int64_t generator_below(generator *g, int64_t n)
{
    return (int64_t)(((uint64_t)generator_word(g) * (uint64_t)n) >> 32);
}

void generator_shuffle(generator *g, int64_t *order, int64_t n)
{
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = generator_below(g, i + 1), other = order[j];
        order[j] = order[i];
        order[i] = other;
    }
}

int64_t *shuffled(generator *g, int64_t n)
{
    int64_t *order = malloc((size_t)n * sizeof *order);
    for (int64_t i = 0; order && i < n; i++)
        order[i] = i;
    if (order)
        generator_shuffle(g, order, n);
    return order;
}

/* ---- rows and their file ---- */

rows rows_make(antler_dtype dtype, int64_t n, const int64_t *shape, int rank)
{
    rows r = {.dtype = dtype, .shape = {.rank = rank + 1, .dim = {n}}};
    for (int i = 0; i < rank; i++)
        r.shape.dim[i + 1] = shape[i];
    r.values = calloc((size_t)n, row_bytes(&r));
    return r;
}

size_t row_bytes(const rows *r)
{
    return (size_t)antler_count(&r->shape, 1) * antler_dtype_size(r->dtype);
}

rows rows_take(const rows *r, const int64_t *order, int64_t n)
{
    rows taken = rows_make(r->dtype, n, r->shape.dim + 1, r->shape.rank - 1);
    size_t bytes = row_bytes(r);
    for (int64_t i = 0; taken.values && i < n; i++)
        memcpy((char *)taken.values + (size_t)i * bytes, (const char *)r->values + (size_t)order[i] * bytes, bytes);
    return taken;
}

/* Rows [first, first + n) as a data set. */
static antler_array part(const char *name, const rows *r, int64_t first, int64_t n)
{
    antler_array array = {name, r->dtype, r->shape, (const char *)r->values + (size_t)first * row_bytes(r)};
    array.shape.dim[0] = n;
    return array;
}

antler_status write_split(const char *path, const char *about, const rows *x, const rows *y, int64_t train,
                          antler_error *err)
{
    if (!x->values || !y->values)
        return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
    int64_t test = x->shape.dim[0] - train;
    const antler_array array[] = {part("x_train", x, 0, train), part("y_train", y, 0, train),
                                  part("x_test", x, train, test), part("y_test", y, train, test)};
    antler_status status = antler_data_save(path, about, array, 4, err);
    if (status == ANTLER_OK)
        printf("%s: %lld samples to train, %lld to test. %s\n", path, (long long)train, (long long)test, about);
    return status;
}

/* ---- the command ---- */

static int usage(void)
{
    fputs("usage: make_data dummy_time OUT.h5 [--seed N]\n"
          "       make_data captcha_mnist MNIST5K.h5 OUT.h5\n"
          "       make_data ptm_protein_21 POSITIVE.dat NEGATIVE.dat OUT.h5 [--seed N]\n"
          "       make_data author_music OUT.h5 [--seed N] [--wav FOLDER]\n"
          "       make_data author_music_wav FOLDER [--seed N]\n"
          "       make_data pair DIGITS.h5 OUT.h5 [--seed N]\n"
          "       make_data SET OUT.h5 [--seed N] [--samples N]\n"
          "SET: dummy_boolean, dummy_string, dummy_image, discs, echoes, curve, reversals\n",
          stderr);
    return 2;
}

typedef struct arguments {
    const char *file[3]; /* what is no option, in order */
    int files;
    const char *wav;
    int64_t seed, samples; /* samples 0: as many as the set has by itself */
} arguments;

enum { MOST_SAMPLES = 1000000 };

static bool whole(const char *text, int64_t *value)
{
    char *end = NULL;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return !errno && !*end && end != text;
}

/* argv[2 ..]; false for what no data set takes. */
static bool parse(int argc, char **argv, arguments *a)
{
    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "--wav") && i + 1 < argc) {
            a->wav = argv[++i];
        } else if (!strcmp(argv[i], "--seed") && i + 1 < argc) {
            if (!whole(argv[++i], &a->seed))
                return false;
        } else if (!strcmp(argv[i], "--samples") && i + 1 < argc) {
            if (!whole(argv[++i], &a->samples) || a->samples < 3 || a->samples > MOST_SAMPLES)
                return false;
        } else if (argv[i][0] != '-' && a->files < 3) {
            a->file[a->files++] = argv[i];
        } else {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    arguments a = {.seed = 1};
    if (argc < 3 || !parse(argc, argv, &a))
        return usage();
    antler_error err = {0};
    if (a.files == 1 && make_drawn(argv[1], a.file[0], a.samples, a.seed, &err))
        ;
    else if (a.samples)
        return usage();
    else if (!strcmp(argv[1], "dummy_time") && a.files == 1)
        make_dummy_time(a.file[0], a.seed, &err);
    else if (!strcmp(argv[1], "captcha_mnist") && a.files == 2)
        make_captcha_mnist(a.file[0], a.file[1], &err);
    else if (!strcmp(argv[1], "ptm_protein_21") && a.files == 3)
        make_ptm_protein_21(a.file[0], a.file[1], a.file[2], a.seed, &err);
    else if (!strcmp(argv[1], "author_music") && a.files == 1)
        make_author_music(a.wav, a.file[0], a.seed, &err);
    else if (!strcmp(argv[1], "author_music_wav") && a.files == 1)
        make_author_music_wav(a.file[0], a.seed, &err);
    else if (!strcmp(argv[1], "pair") && a.files == 2)
        make_pair(a.file[0], a.file[1], a.seed, &err);
    else
        return usage();
    if (err.status == ANTLER_OK)
        return 0;
    char text[1100];
    fprintf(stderr, "make_data: %s\n", antler_error_text(&err, text, sizeof text));
    return 1;
}

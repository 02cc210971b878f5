/* What the programs behind make_data share: random numbers that are the same everywhere, and the HDF5 file. */
#ifndef MAKE_DATA_H
#define MAKE_DATA_H

#include "antler/antler.h"
#include "antler/random.h"

/* Words of a stream, a block of 64 at a time, in the order of Philox's counter: the four words of a count one after the
   other. `use` tells the streams of one seed apart. */
typedef struct generator {
    antler_stream at;
    uint32_t word[64];
    int used;
} generator;

generator generator_make(int64_t seed, uint32_t use);
uint32_t generator_word(generator *g);
double generator_uniform(generator *g);                          /* [0, 1), in steps of 2^-24 */
int64_t generator_below(generator *g, int64_t n);                /* 0 .. n - 1 */
void generator_shuffle(generator *g, int64_t *order, int64_t n); /* in place */

/* order[i] = i, shuffled; to be freed. NULL without memory. */
int64_t *shuffled(generator *g, int64_t n);

/* Rows of one shape, as they go to a file. */
typedef struct rows {
    antler_dtype dtype;
    antler_shape shape; /* dim[0]: how many */
    void *values;
} rows;

/* Zeroed rows of n samples with the given shape; values is NULL without memory. */
rows rows_make(antler_dtype dtype, int64_t n, const int64_t *shape, int rank);
size_t row_bytes(const rows *r);
/* New rows: those of r that order[0 .. n) names. */
rows rows_take(const rows *r, const int64_t *order, int64_t n);

/* Writes x_train, y_train (the first `train` rows), x_test, y_test (the rest) and the file's attribute "about". */
antler_status write_split(const char *path, const char *about, const rows *x, const rows *y, int64_t train,
                          antler_error *err);

/* The data sets: EpyNN's rules are told in docs/epynn.md. */
antler_status make_dummy_time(const char *path, int64_t seed, antler_error *err);
antler_status make_captcha_mnist(const char *mnist, const char *path, antler_error *err);
antler_status make_ptm_protein_21(const char *positive, const char *negative, const char *path, int64_t seed,
                                  antler_error *err);
antler_status make_pair(const char *digits, const char *path, int64_t seed, antler_error *err);
/* A set of drawn.c: samples 0 is its own number of them. False: there is no set of this name. */
bool make_drawn(const char *name, const char *path, int64_t samples, int64_t seed, antler_error *err);
/* folder: where true/ and false/ hold WAV files; NULL: the synthetic players. */
antler_status make_author_music(const char *folder, const char *path, int64_t seed, antler_error *err);
/* Writes what the synthetic players play as WAV files to folder/true and folder/false. */
antler_status make_author_music_wav(const char *folder, int64_t seed, antler_error *err);

#endif

/* ptm_protein_21: EpyNN's own input of ptm_protein, for those who have its two files. Each holds one window of 21
   residues a line: 21_positive.dat (human proteins that carry O-GlcNAc on the middle residue; label 0) and
   21_negative.dat (label 1). Both are shuffled, the negatives cut to the number of positives, joined, shuffled, and the
   first 1,280 kept: 853 train, 427 test. One-hot: x (21 residues, 21 symbols), y (2). */
#include "core/memory.h"
#include "files/file.h"
#include "make_data.h"

#include <stdlib.h>
#include <string.h>

enum { RESIDUES = 21, MOST = 1280, USE_WINDOWS = 3, LARGEST_FILE = 1 << 28 };

static const char symbols[] = "ACDEFGHIKLMNPQRSTVWY_"; /* '_' fills where the protein ends */

/* One of the two files: its text, where each of its n lines starts, and an order to take them in. */
typedef struct windows {
    void *text;
    const char **line;
    int64_t n, *order;
} windows;

/* Checks every line and notes where it starts. */
static antler_status find_lines(windows *w, const char *path, antler_error *err)
{
    const char *text = w->text;
    for (int64_t number = 1; *text; number++) {
        size_t length = strcspn(text, "\r\n");
        if (length != 0 && (length != RESIDUES || strspn(text, symbols) < RESIDUES))
            return antler_error_set(err, ANTLER_FORMAT, NULL, "%s:%lld: expected %d residues of %s", path,
                                    (long long)number, RESIDUES, symbols);
        if (length != 0)
            w->line[w->n++] = text;
        text += length;
        text += *text == '\r';
        text += *text == '\n';
    }
    return ANTLER_OK;
}

static antler_status read_windows(windows *w, const char *path, generator *g, antler_error *err)
{
    size_t bytes = 0;
    ANTLER_TRY(antler__file_read(path, LARGEST_FILE, &w->text, &bytes, err));
    w->line = malloc((bytes / RESIDUES + 1) * sizeof *w->line);
    if (!w->line)
        return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
    ANTLER_TRY(find_lines(w, path, err));
    w->order = shuffled(g, w->n);
    return w->order ? ANTLER_OK : antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
}

static void free_windows(windows *w)
{
    antler__free(w->text);
    free(w->line);
    free(w->order);
}

/* Of 2 n samples, n positive and n negative, those that order names. w[0] has n windows, w[1] at least as many. */
static void encode(const windows w[2], const int64_t *order, rows *x, rows *y)
{
    uint8_t *one = x->values, *label = y->values;
    for (int64_t i = 0; i < x->shape.dim[0]; i++) {
        bool negative = order[i] >= w[0].n;
        const windows *from = &w[negative];
        const char *window = from->line[from->order[negative ? order[i] - w[0].n : order[i]]];
        for (int k = 0; k < RESIDUES; k++, one += RESIDUES)
            one[strchr(symbols, window[k]) - symbols] = 1;
        label[2 * i + negative] = 1;
    }
}

static antler_status write_windows(const windows w[2], const char *path, generator *g, antler_error *err)
{
    int64_t n = 2 * w[0].n < MOST ? 2 * w[0].n : MOST;
    int64_t *order = shuffled(g, 2 * w[0].n);
    rows x = rows_make(ANTLER_UINT8, n, (int64_t[]){RESIDUES, RESIDUES}, 2);
    rows y = rows_make(ANTLER_UINT8, n, (int64_t[]){2}, 1);
    if (order && x.values && y.values)
        encode(w, order, &x, &y);
    antler_status status = order ? write_split(path, "Windows with (0) and without (1) O-GlcNAc; EpyNN's ptm_protein.",
                                               &x, &y, (2 * n + 1) / 3, err)
                                 : antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
    free(order);
    free(x.values);
    free(y.values);
    return status;
}

antler_status make_ptm_protein_21(const char *positive, const char *negative, const char *path, int64_t seed,
                                  antler_error *err)
{
    windows w[2] = {0};
    generator g = generator_make(seed, USE_WINDOWS);
    antler_status status = read_windows(&w[0], positive, &g, err);
    if (status == ANTLER_OK)
        status = read_windows(&w[1], negative, &g, err);
    if (status == ANTLER_OK && (w[0].n < 2 || w[1].n < w[0].n))
        status = antler_error_set(err, ANTLER_DATA, NULL, "%s: %lld windows; expected at least as many as in %s, %lld",
                                  negative, (long long)w[1].n, positive, (long long)w[0].n);
    if (status == ANTLER_OK)
        status = write_windows(w, path, &g, err);
    free_windows(&w[0]);
    free_windows(&w[1]);
    return status;
}

/* Callbacks that write files. */
#include "core/status.h"
#include "core/text.h"
#include "parts/callbacks.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- ModelCheckpoint --------------------------------------------------------------------------------------------- */

typedef struct model_checkpoint {
    antler_monitor_keys keys;
    const char *filepath;
    double threshold;
    int64_t save_freq; /* batches; -1: every epoch */
    bool save_best_only, save_weights_only;
} model_checkpoint;

enum { BEST, HAS_BEST, SEEN, NUMBERS };

static const char checkpoint_name[] = "ModelCheckpoint";

static bool saves_batches(const void *config)
{
    return ((const model_checkpoint *)config)->save_freq > 0;
}

/* A file's own path does not end in .h5: that may be somebody's data. */
static antler_status check_suffix(const model_checkpoint *c, const antler_moment *m)
{
    const bool weights = antler__ends_with(c->filepath, ".weights.h5");
    const bool hdf5 = !m->foreign && !weights && antler__ends_with(c->filepath, ".h5");
    if (c->save_weights_only ? weights : hdf5 || antler__ends_with(c->filepath, ".keras"))
        return ANTLER_OK;
    return antler_error_set(m->err, ANTLER_VALUE, "filepath", "\"%.100s\" must end in %s", c->filepath,
                            c->save_weights_only ? ".weights.h5, for weights alone"
                            : m->foreign         ? ".keras"
                                                 : ".keras or .h5");
}

/* All that can go wrong with the path goes wrong before the first step. */
static antler_status checkpoint_start(const void *config, double *state, antler_moment *m)
{
    const model_checkpoint *c = config;
    char path[PATH_MAX];
    if (!isnan(c->threshold)) {
        state[BEST] = c->threshold;
        state[HAS_BEST] = 1;
    }
    ANTLER_TRY(antler__path_check(c->filepath, "filepath", m));
    ANTLER_TRY(check_suffix(c, m));
    if (c->save_best_only)
        ANTLER_TRY(antler__monitor_check(&c->keys, checkpoint_name, m));
    ANTLER_TRY(antler__path_format(c->filepath, m, saves_batches(c) ? 0 : -1, path, sizeof path));
    ANTLER_TRY(antler_save_check(m->model, path, m->err));
    ANTLER_TRY(antler__path_folders(path, m->err));
    return antler_file_check(path, m->err);
}

/* Whether this is the moment; without the monitored value it is, as in Keras. */
static bool is_best(const model_checkpoint *c, double *state, antler_moment *m)
{
    if (!c->save_best_only)
        return true;
    const int at = antler__monitor_at(&c->keys, checkpoint_name, "all are saved, whether better or not", m);
    if (at >= 0 && state[HAS_BEST] != 0 && !antler__monitor_better(&c->keys, m->value[at], state[BEST]))
        return false;
    if (at >= 0) {
        state[BEST] = m->value[at];
        state[HAS_BEST] = 1;
    }
    return true;
}

static antler_status save(const model_checkpoint *c, double *state, antler_moment *m, int64_t batch)
{
    char path[PATH_MAX];
    ANTLER_TRY(antler__path_format(c->filepath, m, batch, path, sizeof path));
    if (!is_best(c, state, m))
        return ANTLER_OK;
    ANTLER_TRY(antler__path_folders(path, m->err));
    return antler_save(m->model, path, m->err);
}

static antler_status checkpoint_batch(const void *config, double *state, antler_moment *m)
{
    const model_checkpoint *c = config;
    if (++state[SEEN] < (double)c->save_freq)
        return ANTLER_OK;
    state[SEEN] = 0;
    return save(c, state, m, m->batch);
}

static antler_status checkpoint_epoch(const void *config, double *state, antler_moment *m)
{
    return saves_batches(config) ? ANTLER_OK : save(config, state, m, -1);
}

static const char *const freqs[] = {"epoch", NULL};

static const antler_field checkpoint_fields[] = {
    {.key = "filepath",
     .kind = ANTLER_STRING,
     .offset = offsetof(model_checkpoint, filepath),
     .doc = "file to save to, such as \"best.keras\" or \"{epoch:02d}-{val_loss:.4f}.keras\""},
    ANTLER_FIELDS_MONITOR(model_checkpoint, keys),
    {.key = "verbose", .kind = ANTLER_ANY},
    {.key = "save_best_only",
     .kind = ANTLER_BOOL,
     .offset = offsetof(model_checkpoint, save_best_only),
     .def = "false",
     .doc = "saves when the value is better than at the last time"},
    {.key = "save_weights_only",
     .kind = ANTLER_BOOL,
     .offset = offsetof(model_checkpoint, save_weights_only),
     .def = "false",
     .doc = "saves weights, to a .weights.h5"},
    {.key = "save_freq",
     .kind = ANTLER_INT,
     .offset = offsetof(model_checkpoint, save_freq),
     .def = "\"epoch\"",
     .min = 1,
     .max = 1e15,
     .choices = freqs,
     .doc = "after each epoch, or after so many batches"},
    {.key = "initial_value_threshold",
     .kind = ANTLER_REAL,
     .offset = offsetof(model_checkpoint, threshold),
     .def = "null",
     .flags = ANTLER_NULLABLE,
     .doc = "the first that is saved must be better"},
    ANTLER_FIELD_END,
};

const antler_callback_ops antler__model_checkpoint = {
    .type = {.size = sizeof(antler_callback_ops),
             .kind = ANTLER_KIND_CALLBACK,
             .class_name = checkpoint_name,
             .doc = "saves the model while it is trained",
             .config_size = sizeof(model_checkpoint),
             .fields = checkpoint_fields},
    .numbers = NUMBERS,
    .start = checkpoint_start,
    .batch = checkpoint_batch,
    .epoch = checkpoint_epoch,
    .batches = saves_batches,
};

/* ---- CSVLogger --------------------------------------------------------------------------------------------------- */

typedef struct csv_logger {
    const char *filename, *separator;
    bool append;
} csv_logger;

enum { BYTES, CSV_NUMBERS }; /* of the file, so that a resumed training goes on behind its last line */

/* Whether the file is there and no log, but maybe somebody's data, which a stranger's file must not take the place of.
 */
static bool is_other(const char *path)
{
    char start[5] = "";
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    const size_t n = fread(start, 1, sizeof start, file);
    fclose(file);
    return n > 0 && strncmp(start, "epoch", sizeof start) != 0;
}

static antler_status csv_start(const void *config, double *state, antler_moment *m)
{
    static const char *const suffixes[] = {".csv", ".tsv", ".txt", ".log", NULL};
    const csv_logger *c = config;
    bool known = !m->foreign;
    (void)state;
    for (int i = 0; !known && suffixes[i]; i++)
        known = antler__ends_with(c->filename, suffixes[i]);
    ANTLER_TRY(antler__path_check(c->filename, "filename", m));
    if (!known)
        return antler_error_set(m->err, ANTLER_VALUE, "filename",
                                "\"%.100s\" of a model's file must end in .csv, .tsv, .txt or .log", c->filename);
    if (m->foreign && is_other(c->filename))
        return antler_error_set(
            m->err, ANTLER_VALUE, "filename",
            "\"%.100s\" is there, and does not begin as a log does: a model's file may not overwrite it", c->filename);
    if (strlen(c->separator) != 1 || strchr("\"\r\n", c->separator[0]))
        return antler_error_set(m->err, ANTLER_VALUE, "separator", "\"%.20s\" is not one character", c->separator);
    ANTLER_TRY(antler__path_folders(c->filename, m->err));
    return antler_file_check(c->filename, m->err);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Keras's columns: the names in order, and where nothing is validated, the same with "val_", for a later line that
   might have them. */
static int sort_names(const antler_moment *m, const char *name[ANTLER_MAX_LOGS])
{
    bool validates = false;
    for (int i = 0; i < m->n; i++) {
        name[i] = m->name[i];
        validates = validates || strncmp(name[i], "val_", 4) == 0;
    }
    qsort(name, (size_t)m->n, sizeof *name, by_name);
    return validates ? 0 : m->n;
}

static void put_text(FILE *file, const csv_logger *c, const char *before, const char *text)
{
    const bool quoted = strpbrk(text, "\"\r\n") || strchr(text, c->separator[0]);
    fprintf(file, "%s%s%s", c->separator, quoted ? "\"" : "", before);
    for (; *text; text++)
        fprintf(file, quoted && *text == '"' ? "\"\"" : "%c", *text);
    fputs(quoted ? "\"" : "", file);
}

static void put_heading(FILE *file, const csv_logger *c, const char *const *name, int n, int absent)
{
    fputs("epoch", file);
    for (int i = 0; i < n; i++)
        put_text(file, c, "", name[i]);
    for (int i = 0; i < absent; i++)
        put_text(file, c, "val_", name[i]);
    putc('\n', file);
}

static void put_line(FILE *file, const csv_logger *c, const char *const *name, int absent, const antler_moment *m)
{
    char text[40];
    fprintf(file, "%lld", (long long)m->epoch);
    for (int i = 0; i < m->n; i++)
        for (int k = 0; k < m->n; k++)
            if (m->name[k] == name[i])
                put_text(file, c, "", antler__number_text(m->value[k], text));
    for (int i = 0; i < absent; i++)
        put_text(file, c, "", "NA");
    putc('\n', file);
}

static antler_status csv_epoch(const void *config, double *state, antler_moment *m)
{
    const csv_logger *c = config;
    const char *name[ANTLER_MAX_LOGS];
    const int absent = sort_names(m, name);
    struct stat old;
    char *text = NULL;
    size_t size;
    if (state[BYTES] == 0 && c->append && stat(c->filename, &old) == 0)
        state[BYTES] = (double)old.st_size;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return antler__no_memory(m->err);
    if (state[BYTES] == 0)
        put_heading(file, c, name, m->n, absent);
    put_line(file, c, name, absent, m);
    const bool whole = !ferror(file);
    antler_status status = fclose(file) == 0 && whole
                               ? antler__path_append(c->filename, text, size, &state[BYTES], m->err)
                               : antler__no_memory(m->err);
    free(text);
    return status;
}

static const antler_field csv_fields[] = {
    {.key = "filename",
     .kind = ANTLER_STRING,
     .offset = offsetof(csv_logger, filename),
     .doc = "file of a line an epoch"},
    {.key = "separator",
     .kind = ANTLER_STRING,
     .offset = offsetof(csv_logger, separator),
     .def = "\",\"",
     .doc = "between columns"},
    {.key = "append",
     .kind = ANTLER_BOOL,
     .offset = offsetof(csv_logger, append),
     .def = "false",
     .doc = "goes on behind what the file has"},
    ANTLER_FIELD_END,
};

const antler_callback_ops antler__csv_logger = {
    .type = {.size = sizeof(antler_callback_ops),
             .kind = ANTLER_KIND_CALLBACK,
             .class_name = "CSVLogger",
             .doc = "writes the values of each epoch to a .csv file",
             .config_size = sizeof(csv_logger),
             .fields = csv_fields},
    .numbers = CSV_NUMBERS,
    .start = csv_start,
    .epoch = csv_epoch,
};

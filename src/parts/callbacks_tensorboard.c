/* TensorBoard: event files, which are records (length, its checksum, bytes, their checksum) of protobuf messages. */
#include "core/status.h"
#include "parts/callbacks.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct tensorboard {
    const char *log_dir;
    int64_t update_freq; /* batches; -1: no batches, -2: each */
} tensorboard;

enum { STARTED, PROCESS, TRAINED, VALIDATED, BATCHES, NUMBERS }; /* time, pid, bytes of the two files, batches done */

#ifdef ANTLER_WITH_PROTOBUF
#include <event.pb-c.h>

/* ---- records ----------------------------------------------------------------------------------------------------- */

/* CRC-32C (Castagnoli), bit by bit: a record is some hundred bytes. */
static uint32_t crc_of(const uint8_t *data, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static void put_little(FILE *file, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        putc((int)(value >> 8 * i & 0xff), file);
}

/* Rotated and moved, as the format has it, for a checksum of what holds checksums is weak. */
static void put_crc(FILE *file, const uint8_t *data, size_t size)
{
    const uint32_t crc = crc_of(data, size);
    put_little(file, (uint32_t)((crc >> 15 | crc << 17) + 0xa282ead8u), 4);
}

static bool put_event(FILE *file, const AntlerEvent__Event *event)
{
    const size_t size = antler_event__event__get_packed_size(event);
    uint8_t length[8], *bytes = malloc(size);
    if (!bytes)
        return false;
    antler_event__event__pack(event, bytes);
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)size >> 8 * i & 0xff);
    fwrite(length, 1, sizeof length, file);
    put_crc(file, length, sizeof length);
    fwrite(bytes, 1, size, file);
    put_crc(file, bytes, size);
    free(bytes);
    return true;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool put_scalar(FILE *file, const char *before, const char *name, const char *after, double value, int64_t step)
{
    char tag[400];
    AntlerEvent__Event event = ANTLER_EVENT__EVENT__INIT;
    AntlerEvent__Summary summary = ANTLER_EVENT__SUMMARY__INIT;
    AntlerEvent__Value scalar = ANTLER_EVENT__VALUE__INIT, *list = &scalar;
    snprintf(tag, sizeof tag, "%s%s%s", before, name, after);
    scalar.tag = tag;
    scalar.has_simple_value = true;
    scalar.simple_value = (float)value;
    summary.n_value = 1;
    summary.value = &list;
    event.has_wall_time = event.has_step = true;
    event.wall_time = now();
    event.step = step;
    event.summary = &summary;
    return put_event(file, &event);
}

static bool put_version(FILE *file)
{
    char version[] = "brain.Event:2";
    AntlerEvent__Event event = ANTLER_EVENT__EVENT__INIT;
    event.has_wall_time = true;
    event.wall_time = now();
    event.file_version = version;
    return put_event(file, &event);
}

/* ---- the two files ----------------------------------------------------------------------------------------------- */

static const char *const parts[] = {"train", "validation"};

/* One name for one run, also when it is resumed. */
static void file_name(const tensorboard *c, const double *state, bool validation, char path[PATH_MAX])
{
    char host[64] = "";
    if (gethostname(host, sizeof host) != 0 || strchr(host, '/'))
        host[0] = '\0';
    host[sizeof host - 1] = '\0';
    snprintf(path, PATH_MAX, "%s/%s/events.out.tfevents.%.0f.%s.%.0f.0.v2", c->log_dir, parts[validation],
             state[STARTED], *host ? host : "localhost", state[PROCESS]);
}

/* Which scalars: those of an epoch to train or to validation, or the running means of a batch. */
typedef enum group { OF_TRAINING, OF_VALIDATION, OF_BATCH } group;

static bool logs(const antler_moment *m, const char *start)
{
    for (int i = 0; i < m->n; i++)
        if (strncmp(m->name[i], start, strlen(start)) == 0)
            return true;
    return false;
}

static bool put_group(FILE *file, group which, const double *state, const antler_moment *m)
{
    bool fits = true;
    for (int i = 0; fits && i < m->n; i++) {
        const bool validation = strncmp(m->name[i], "val_", 4) == 0;
        const int64_t steps = (m->epoch + 1) * m->batches;
        if (validation != (which == OF_VALIDATION))
            continue;
        if (which == OF_BATCH)
            fits = put_scalar(file, "batch_", m->name[i], "", m->value[i], (int64_t)state[BATCHES]);
        else
            fits = put_scalar(file, "epoch_", m->name[i] + (validation ? 4 : 0), "", m->value[i], m->epoch);
        if (validation)
            fits = fits && put_scalar(file, "evaluation_", m->name[i] + 4, "_vs_iterations", m->value[i], steps);
    }
    if (which == OF_TRAINING && !logs(m, "learning_rate") && !isnan(m->rate))
        fits = fits && put_scalar(file, "epoch_", "learning_rate", "", m->rate, m->epoch);
    return fits;
}

static antler_status write_group(const tensorboard *c, group which, double *state, const antler_moment *m)
{
    double *bytes = &state[which == OF_VALIDATION ? VALIDATED : TRAINED];
    char path[PATH_MAX], *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return antler__no_memory(m->err);
    bool fits = (*bytes != 0 || put_version(file)) && put_group(file, which, state, m) && !ferror(file);
    fits = fclose(file) == 0 && fits;
    file_name(c, state, which == OF_VALIDATION, path);
    antler_status status = fits ? antler__path_folders(path, m->err) : antler__no_memory(m->err);
    if (status == ANTLER_OK)
        status = antler__path_append(path, text, size, bytes, m->err);
    free(text);
    return status;
}

static antler_status start(const void *config, double *state, antler_moment *m)
{
    const tensorboard *c = config;
    char path[PATH_MAX];
    state[STARTED] = floor(now());
    state[PROCESS] = (double)getpid();
    ANTLER_TRY(antler__path_check(c->log_dir, "log_dir", m));
    file_name(c, state, false, path);
    ANTLER_TRY(antler__path_folders(path, m->err));
    return antler_file_check(path, m->err);
}

static antler_status after_batch(const void *config, double *state, antler_moment *m)
{
    const tensorboard *c = config;
    const int64_t freq = c->update_freq > 0 ? c->update_freq : 1;
    state[BATCHES]++;
    return (int64_t)state[BATCHES] % freq == 0 ? write_group(c, OF_BATCH, state, m) : ANTLER_OK;
}

static bool writes_batches(const void *config)
{
    return ((const tensorboard *)config)->update_freq != -1;
}

static antler_status after_epoch(const void *config, double *state, antler_moment *m)
{
    ANTLER_TRY(write_group(config, OF_TRAINING, state, m));
    return logs(m, "val_") ? write_group(config, OF_VALIDATION, state, m) : ANTLER_OK;
}

#else

static antler_status start(const void *config, double *state, antler_moment *m)
{
    (void)config;
    (void)state;
    return antler_error_set(m->err, ANTLER_UNSUPPORTED, NULL,
                            "TensorBoard: this build has no protobuf-c, which its files are written by");
}

#endif

static const char *const freqs[] = {"epoch", "batch", NULL};

static const antler_field fields[] = {
    {.key = "log_dir",
     .kind = ANTLER_STRING,
     .offset = offsetof(tensorboard, log_dir),
     .def = "\"logs\"",
     .doc = "folder for the folders train and validation"},
    {.key = "update_freq",
     .kind = ANTLER_INT,
     .offset = offsetof(tensorboard, update_freq),
     .def = "\"epoch\"",
     .min = 1,
     .max = 1e15,
     .choices = freqs,
     .doc = "also writes the running means, after each batch or so many"},
    {.key = "histogram_freq", .kind = ANTLER_ANY, .def = "0", .doc = "histograms are not written"},
    {.key = "write_graph", .kind = ANTLER_ANY},
    {.key = "write_images", .kind = ANTLER_ANY, .def = "false"},
    {.key = "write_steps_per_second", .kind = ANTLER_ANY, .def = "false"},
    {.key = "profile_batch", .kind = ANTLER_ANY, .def = "0"},
    {.key = "embeddings_freq", .kind = ANTLER_ANY, .def = "0"},
    {.key = "embeddings_metadata", .kind = ANTLER_ANY, .def = "null"},
    ANTLER_FIELD_END,
};

const antler_callback_ops antler__tensorboard = {
    .type = {.size = sizeof(antler_callback_ops),
             .kind = ANTLER_KIND_CALLBACK,
             .class_name = "TensorBoard",
             .doc = "writes the values of each epoch for TensorBoard",
             .config_size = sizeof(tensorboard),
             .fields = fields},
    .numbers = NUMBERS,
    .start = start,
#ifdef ANTLER_WITH_PROTOBUF
    .batch = after_batch,
    .epoch = after_epoch,
    .batches = writes_batches,
#endif
};

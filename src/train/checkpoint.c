/* Checkpoints: a .keras file with the state of a fit beside the weights, so that a resumed run ends with the same bits.
 */
#include "core/memory.h"
#include "files/files.h"
#include "model/weights.h"
#include "train/fit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 4096 };

static const char *file_in(const char *folder, char *path)
{
    snprintf(path, PATH, "%s/checkpoint.keras", folder);
    return path;
}

static antler_status add_numbers(antler_entries *entries, const char *name, const double *value, int64_t n,
                                 antler_error *err)
{
    const antler_shape shape = {1, {n}};
    return antler__entries_add(entries, name, ANTLER_FLOAT64, &shape, value, (size_t)n * sizeof *value, err);
}

static antler_status add_kept(antler_entries *entries, const antler_training *t, antler_error *err)
{
    const antler_shape shape = {1, {t->model->total}};
    if (!t->kept)
        return ANTLER_OK;
    return antler__entries_add(entries, "/antler/kept", sizeof(antler_real) == 4 ? ANTLER_FLOAT32 : ANTLER_FLOAT64,
                               &shape, t->kept, (size_t)t->model->total * sizeof *t->kept, err);
}

/* The number of a log among all that the compiled model can have, by its name's address; -1 for none. */
static int log_number(const antler_model *model, const char *name)
{
    const antler_compile_settings *compile = model->logged;
    for (int i = 0; i < 2 * (1 + ANTLER_MAX_METRICS); i++)
        if (compile->log_name[i / (1 + ANTLER_MAX_METRICS)][i % (1 + ANTLER_MAX_METRICS)] == name)
            return i;
    return -1;
}

static const char *log_of_number(const antler_model *model, int number)
{
    bool fits = number >= 0 && number < 2 * (1 + ANTLER_MAX_METRICS);
    return fits ? model->logged->log_name[number / (1 + ANTLER_MAX_METRICS)][number % (1 + ANTLER_MAX_METRICS)] : NULL;
}

/* The names of the loss and the metrics, so that a number means the same in another run. */
static antler_status add_names(antler_entries *entries, const antler_model *model, antler_error *err)
{
    antler_name_list list = {0};
    for (int64_t i = 0; i <= model->logged->metrics.n; i++)
        if (antler__name_list_add(&list, model->logged->log_name[0][i], err) != ANTLER_OK) {
            antler__free(list.text);
            return ANTLER_MEMORY;
        }
    return antler__name_list_write(&list, "/antler/history@names", entries, err);
}

static bool same_names(const antler_entries *entries, const antler_model *model)
{
    antler_names names = antler__names_of(entries, "/antler/history@names");
    for (int64_t i = 0; i <= model->logged->metrics.n; i++) {
        const char *name = antler__names_next(&names);
        if (!name || strcmp(name, model->logged->log_name[0][i]) != 0)
            return false;
    }
    return !antler__names_next(&names);
}

static antler_status add_history(antler_entries *entries, const antler_model *model, antler_error *err)
{
    for (int64_t e = 0; e < model->epochs_logged; e++) {
        const antler_logs *logs = &model->history[e];
        for (int i = 0; i < logs->n; i++) {
            char name[64];
            snprintf(name, sizeof name, "/antler/history/%lld/%02d", (long long)e, log_number(model, logs->name[i]));
            ANTLER_TRY(add_numbers(entries, name, &logs->value[i], 1, err));
        }
    }
    return ANTLER_OK;
}

antler_status antler__checkpoint_write(const char *folder, const antler_training *t, antler_error *err)
{
    antler_entries extra = {0};
    char path[PATH];
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return antler__file_error(folder, "make the folder", err);
    const double position[4] = {(double)t->epoch, (double)t->model->seed, t->stop, (double)t->model->iteration};
    antler_status status = add_numbers(&extra, "/antler/fit", position, 4, err);
    if (status == ANTLER_OK)
        status = add_numbers(&extra, "/antler/callbacks", t->callback_state, t->callback_numbers, err);
    if (status == ANTLER_OK)
        status = add_kept(&extra, t, err);
    if (status == ANTLER_OK)
        status = add_names(&extra, t->model, err);
    if (status == ANTLER_OK)
        status = add_history(&extra, t->model, err);
    if (status == ANTLER_OK)
        status = antler__save_keras(t->model, file_in(folder, path), &extra, err);
    antler__entries_free(&extra);
    return status;
}

/* ---- reading ---- */

static const antler_entry *find(const antler_entries *entries, const char *name, antler_dtype dtype, int64_t n)
{
    const antler_entry *entry = antler__entries_find(entries, name);
    return entry && entry->dtype == dtype && antler_count(&entry->shape, 0) == n ? entry : NULL;
}

static antler_status read_kept(const antler_entries *entries, antler_training *t, antler_error *err)
{
    const antler_entry *kept =
        find(entries, "/antler/kept", sizeof(antler_real) == 4 ? ANTLER_FLOAT32 : ANTLER_FLOAT64, t->model->total);
    if (!kept)
        return ANTLER_OK;
    if (!t->kept)
        t->kept = antler__allocate_aligned((size_t)t->model->total, sizeof *t->kept);
    if (!t->kept)
        return antler__no_memory(err);
    memcpy(t->kept, kept->data, kept->bytes);
    return ANTLER_OK;
}

/* The logs of epoch e: entries "/antler/history/e/ii" by the number of the log, which sorting keeps in order. */
static void read_logs(const antler_entries *entries, const antler_model *model, long long e, antler_logs *logs)
{
    char prefix[64];
    int length = snprintf(prefix, sizeof prefix, "/antler/history/%lld/", e);
    logs->n = 0;
    for (int64_t i = 0; i < entries->n && logs->n < ANTLER_MAX_LOGS; i++) {
        const antler_entry *entry = &entries->entry[i];
        if (strncmp(entry->name, prefix, (size_t)length) != 0 || entry->dtype != ANTLER_FLOAT64 || entry->bytes != 8 ||
            !log_of_number(model, atoi(entry->name + length)))
            continue;
        logs->name[logs->n] = log_of_number(model, atoi(entry->name + length));
        memcpy(&logs->value[logs->n++], entry->data, sizeof(double));
    }
}

static antler_status read_history(const antler_entries *entries, antler_training *t, antler_error *err)
{
    for (long long e = 0;; e++) {
        antler_logs logs;
        read_logs(entries, t->model, e, &logs);
        if (logs.n == 0)
            return ANTLER_OK;
        ANTLER_TRY(antler__history_add(t->model, &logs, err));
    }
}

static antler_status read_state(const antler_entries *entries, antler_training *t, antler_error *err)
{
    const antler_entry *fit = find(entries, "/antler/fit", ANTLER_FLOAT64, 4);
    const antler_entry *callbacks = find(entries, "/antler/callbacks", ANTLER_FLOAT64, t->callback_numbers);
    if (!fit || !callbacks)
        return antler_error_set(err, ANTLER_FORMAT, NULL, "not a checkpoint of this training");
    const double *position = fit->data;
    if (position[1] != (double)t->model->seed)
        return antler_error_set(err, ANTLER_VALUE, NULL, "a checkpoint of seed %.0f, not of seed %lld", position[1],
                                (long long)t->model->seed);
    if (!same_names(entries, t->model))
        return antler_error_set(err, ANTLER_VALUE, NULL, "a checkpoint of other metrics");
    ANTLER_TRY(antler__counter_read(fit, 0, &t->epoch, err));
    t->model->iteration = -1;
    ANTLER_TRY(antler__weights_read(t->model, entries, err));
    if ((double)t->model->iteration != position[3]) /* weights alone may start an optimizer afresh, a checkpoint not */
        return antler_error_set(err, ANTLER_VALUE, NULL, "a checkpoint of another optimizer");
    ANTLER_TRY(read_kept(entries, t, err));
    ANTLER_TRY(read_history(entries, t, err));
    if (callbacks->bytes)
        memcpy(t->callback_state, callbacks->data, callbacks->bytes);
    t->stop = position[2] != 0;
    return ANTLER_OK;
}

antler_status antler__checkpoint_read(const char *folder, antler_training *t, bool *found, antler_error *err)
{
    char path[PATH];
    antler_member member = {.name = "model.weights.h5"};
    antler_entries entries = {0};
    *found = access(file_in(folder, path), F_OK) == 0;
    if (!*found)
        return ANTLER_OK;
    ANTLER_TRY(antler__archive_read(path, &member, 1, err));
    antler_status status = member.data ? antler__hdf5_read(path, member.data, member.bytes, &entries, err)
                                       : antler_error_set(err, ANTLER_FORMAT, NULL, "no model.weights.h5 in it");
    if (status == ANTLER_OK)
        status = read_state(&entries, t, err);
    if (status != ANTLER_OK)
        antler__error_file(err, path);
    antler__entries_free(&entries);
    antler__free(member.data);
    return status;
}

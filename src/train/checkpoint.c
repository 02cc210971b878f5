/* Checkpoints: a .keras file with the state of a fit beside the weights, so that a resumed run ends with the same bits.
 */
#include "train/checkpoint.h"

#include "config/fields.h"
#include "core/memory.h"
#include "files/archive.h"
#include "files/file.h"
#include "files/hdf5.h"
#include "model/compile.h"
#include "model/model_file.h"
#include "model/run.h"
#include "model/weights.h"
#include "model/weights_optimizer.h"
#include "train/history.h"
#include "train/objective.h"

#include <errno.h>
#include <math.h>
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

/* ---- writing: all of it in a group of our own, "/antler" --------------------------------------------------------- */

/* "/antler/fit": what a resumed fit must agree with, and where it goes on. */
enum { EPOCH, SEED, STOP, ITERATION, POSITION };
enum { MOST_EPOCHS = 1000000000 };

static antler_status add_position(antler_entries *entries, const antler_training *t, antler_error *err)
{
    const antler_shape shape = {1, {POSITION}};
    const int64_t position[POSITION] = {
        [EPOCH] = t->epoch, [SEED] = t->model->seed, [STOP] = t->stop, [ITERATION] = t->model->iteration};
    return antler__entries_add(entries, "/antler/fit", ANTLER_INT64, &shape, position, sizeof position, err);
}

static antler_status add_callbacks(antler_entries *entries, const antler_training *t, antler_error *err)
{
    const antler_shape shape = {1, {t->callback_numbers}};
    return antler__entries_add(entries, "/antler/callbacks", ANTLER_FLOAT64, &shape, t->callback_state,
                               (size_t)t->callback_numbers * sizeof(double), err);
}

static antler_status add_kept(antler_entries *entries, const antler_training *t, antler_error *err)
{
    const antler_shape shape = {1, {t->model->size}}, one = {1, {1}};
    if (!t->has_kept)
        return ANTLER_OK;
    ANTLER_TRY(antler__entries_add(entries, "/antler/kept_epoch", ANTLER_INT64, &one, &t->kept_epoch,
                                   sizeof t->kept_epoch, err));
    return antler__entries_add(entries, "/antler/kept", ANTLER_DTYPE_REAL, &shape, t->kept,
                               (size_t)t->model->size * sizeof *t->kept, err);
}

/* The rate that the fit began with, and what callbacks have made of it. */
enum { BEGAN, NOW, RATES };

static antler_status add_rate(antler_entries *entries, const antler_training *t, antler_error *err)
{
    const antler_shape shape = {1, {RATES}};
    const double rate[RATES] = {[BEGAN] = t->rate, [NOW] = antler_learning_rate(t->model)};
    return isnan(rate[NOW])
               ? ANTLER_OK
               : antler__entries_add(entries, "/antler/learning_rate", ANTLER_FLOAT64, &shape, rate, sizeof rate, err);
}

/* In the midst of an epoch: where, and the running sums. */
enum { BATCH, BATCHES, BATCH_SIZE, MIDST };

static antler_status add_midst(antler_entries *entries, const antler_training *t, antler_error *err)
{
    const int64_t at[MIDST] = {[BATCH] = t->batch, [BATCHES] = t->batches, [BATCH_SIZE] = t->batch_size};
    const antler_shape shape = {1, {MIDST}}, sums = {1, {antler__objective_sums(t->context->objective)}};
    void *data;
    if (t->batch == 0)
        return ANTLER_OK;
    ANTLER_TRY(antler__entries_add(entries, "/antler/batch", ANTLER_INT64, &shape, at, sizeof at, err));
    ANTLER_TRY(antler__entries_reserve(entries, "/antler/sums", ANTLER_FLOAT64, &sums,
                                       (size_t)sums.dim[0] * sizeof(double), &data, err));
    antler__objective_copy_sums(t->context->objective, data, true);
    return ANTLER_OK;
}

static void count_carry(void *arg, antler_tensor *carry)
{
    *(int64_t *)arg += antler_count(&carry->shape, 0);
}

/* arg is where the next number goes. */
static void save_carry(void *arg, antler_tensor *carry)
{
    antler_real **next = arg;
    int64_t n = antler_count(&carry->shape, 0);
    memcpy(*next, carry->data, (size_t)n * sizeof **next);
    *next += n;
}

static antler_status add_carry(antler_entries *entries, const antler_training *t, antler_error *err)
{
    antler_shape shape = {1, {0}};
    void *data;
    antler__context_carry(t->context, count_carry, &shape.dim[0]);
    if (shape.dim[0] == 0)
        return ANTLER_OK;
    ANTLER_TRY(antler__entries_reserve(entries, "/antler/carry", ANTLER_DTYPE_REAL, &shape,
                                       (size_t)shape.dim[0] * sizeof(antler_real), &data, err));
    antler_real *next = data;
    antler__context_carry(t->context, save_carry, &next);
    return ANTLER_OK;
}

/* Bytes of a name: as many as one of a single output can have, or more. */
static int64_t name_room(const antler_logs *logs)
{
    size_t room = sizeof "val_" + ANTLER_LONGEST_NAME;
    for (int i = 0; i < logs->n; i++)
        room = strlen(logs->name[i]) < room ? room : strlen(logs->name[i]) + 1;
    return (int64_t)room;
}

static bool same_names(const antler_logs *a, const antler_logs *b)
{
    bool same = a->n == b->n;
    for (int i = 0; same && i < a->n; i++)
        same = strcmp(a->name[i], b->name[i]) == 0;
    return same;
}

/* Part `part` of the history: epochs that logged the same names. Those lie in a data set of their own, for a metric may
   have any name, and a path may not. */
static antler_status add_logs(antler_entries *entries, int part, const antler_logs *logs, int64_t epochs,
                              antler_error *err)
{
    const size_t room = (size_t)name_room(logs);
    const antler_shape names = {2, {logs->n, (int64_t)room}}, values = {2, {epochs, logs->n}};
    char path[64];
    void *data;
    snprintf(path, sizeof path, "/antler/history/%d/names", part);
    ANTLER_TRY(antler__entries_reserve(entries, path, ANTLER_UINT8, &names, (size_t)logs->n * room, &data, err));
    memset(data, 0, (size_t)logs->n * room);
    for (int i = 0; i < logs->n; i++)
        strcpy((char *)data + (size_t)i * room, logs->name[i]);
    snprintf(path, sizeof path, "/antler/history/%d/values", part);
    size_t row = (size_t)logs->n * sizeof(double);
    ANTLER_TRY(antler__entries_reserve(entries, path, ANTLER_FLOAT64, &values, (size_t)epochs * row, &data, err));
    for (int64_t e = 0; e < epochs; e++)
        memcpy((char *)data + (size_t)e * row, logs[e].value, row);
    return ANTLER_OK;
}

static antler_status add_history(antler_entries *entries, const antler_model *model, antler_error *err)
{
    int part = 0;
    for (int64_t first = 0, end; first < model->epochs_logged; first = end) {
        for (end = first + 1; end < model->epochs_logged; end++)
            if (!same_names(&model->history[first], &model->history[end]))
                break;
        ANTLER_TRY(add_logs(entries, part++, &model->history[first], end - first, err));
    }
    return ANTLER_OK;
}

static antler_status add_all(antler_entries *entries, const antler_training *t, antler_error *err)
{
    ANTLER_TRY(add_position(entries, t, err));
    ANTLER_TRY(add_callbacks(entries, t, err));
    ANTLER_TRY(add_kept(entries, t, err));
    ANTLER_TRY(add_rate(entries, t, err));
    ANTLER_TRY(add_midst(entries, t, err));
    ANTLER_TRY(add_carry(entries, t, err));
    return add_history(entries, t->model, err);
}

antler_status antler__checkpoint_write(const char *folder, const antler_training *t, antler_error *err)
{
    antler_entries extra = {0};
    char path[PATH];
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return antler__file_error(folder, "make the folder", err);
    antler_status status = add_all(&extra, t, err);
    if (status == ANTLER_OK)
        status = antler__save_keras(t->model, file_in(folder, path), &extra, err);
    antler__entries_free(&extra);
    return status;
}

antler_status antler__kept_room(antler_training *t, antler_error *err)
{
    if (!t->kept)
        t->kept = antler__allocate_aligned((size_t)t->model->size, sizeof *t->kept);
    return t->kept ? ANTLER_OK : antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory: the copy of the weights");
}

antler_status antler__save_freq_read(const char *text, antler_save_freq *freq, antler_error *err)
{
    static const char *const units[] = {"", "batch", "batches", "epoch", "epochs"};
    enum { EPOCHS = 3, UNITS = 5 };
    int unit = 0;
    char *rest = NULL;
    const long long n = text[0] >= '0' && text[0] <= '9' ? strtoll(text, &rest, 10) : 1;
    if (!rest) /* "epoch" */
        rest = (char *)(uintptr_t)(strcmp(text, "epoch") == 0 ? text : "?");
    rest += strspn(rest, " ");
    while (unit < UNITS && strcmp(rest, units[unit]) != 0)
        unit++;
    if (unit == UNITS || n < 1 || n > MOST_EPOCHS)
        return antler_error_set(
            err, ANTLER_VALUE, "save_freq",
            "\"%.40s\" is not \"epoch\", a number of epochs (\"10 epochs\"), or of batches (\"500\")", text);
    *freq = unit < EPOCHS ? (antler_save_freq){.batches = n} : (antler_save_freq){.epochs = n};
    return ANTLER_OK;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static const antler_entry *find(const antler_entries *entries, const char *name, antler_dtype dtype, int64_t n)
{
    const antler_entry *entry = antler__entries_find(entries, name);
    return entry && entry->dtype == dtype && antler_count(&entry->shape, 0) == n ? entry : NULL;
}

static antler_status read_kept(const antler_entries *entries, antler_training *t, antler_error *err)
{
    const antler_entry *kept = find(entries, "/antler/kept", ANTLER_DTYPE_REAL, t->model->size);
    if (!kept)
        return ANTLER_OK;
    ANTLER_TRY(antler__kept_room(t, err));
    const antler_entry *epoch = find(entries, "/antler/kept_epoch", ANTLER_INT64, 1);
    memcpy(t->kept, kept->data, kept->bytes);
    t->has_kept = true;
    t->kept_epoch = epoch ? *(const int64_t *)epoch->data : -1;
    return ANTLER_OK;
}

/* Where in the midst of an epoch, if so; *sums then. */
static antler_status find_midst(const antler_entries *entries, const antler_training *t, int64_t *batch,
                                const antler_entry **sums, antler_error *err)
{
    const antler_entry *midst = find(entries, "/antler/batch", ANTLER_INT64, MIDST);
    const int64_t *at = midst ? midst->data : NULL;
    *batch = 0;
    if (!at)
        return ANTLER_OK;
    *sums = find(entries, "/antler/sums", ANTLER_FLOAT64, antler__objective_sums(t->context->objective));
    if (at[BATCHES] != t->batches || at[BATCH_SIZE] != t->batch_size)
        return antler_error_set(err, ANTLER_VALUE, NULL,
                                "a checkpoint in the midst of an epoch of %lld batches of %lld, not of %lld of %lld",
                                (long long)at[BATCHES], (long long)at[BATCH_SIZE], (long long)t->batches,
                                (long long)t->batch_size);
    if (!*sums || at[BATCH] <= 0 || at[BATCH] > at[BATCHES])
        return antler_error_set(err, ANTLER_FORMAT, NULL, "not a checkpoint of this training");
    *batch = at[BATCH];
    return ANTLER_OK;
}

/* NaN: the rate stays, for a schedule decides, or the fit begins with another one than the checkpoint's did: somebody
   has chosen that. */
static antler_status find_rate(const antler_entries *entries, const antler_training *t, double *rate, antler_error *err)
{
    const antler_entry *entry = find(entries, "/antler/learning_rate", ANTLER_FLOAT64, RATES);
    const double *rates = entry ? entry->data : NULL;
    *rate = (double)NAN;
    if (!rates || isnan(t->rate) || rates[BEGAN] != t->rate)
        return ANTLER_OK;
    *rate = rates[NOW];
    return isfinite(*rate) && *rate >= 0 ? ANTLER_OK
                                         : antler_error_set(err, ANTLER_FORMAT, NULL, "no learning rate: %g", *rate);
}

/* Weights alone may start an optimizer afresh, a checkpoint may not. */
static antler_status check_optimizer(const antler_entries *entries, antler_training *t, int64_t iteration,
                                     antler_error *err)
{
    int64_t steps;
    ANTLER_TRY(antler__optimizer_steps(t->model, entries, &steps, err));
    return steps == iteration ? ANTLER_OK
                              : antler_error_set(err, ANTLER_VALUE, NULL, "a checkpoint of another optimizer");
}

static void load_carry(void *arg, antler_tensor *carry)
{
    const antler_real **next = arg;
    int64_t n = antler_count(&carry->shape, 0);
    memcpy(carry->data, *next, (size_t)n * sizeof **next);
    *next += n;
}

/* A part of the history; `values` NULL: there is none of this number. */
typedef struct logs_part {
    antler_logs logs; /* names */
    const antler_entry *values;
} logs_part;

static antler_status find_logs(const antler_entries *entries, int part, const antler_training *t, logs_part *found,
                               antler_error *err)
{
    char path[64];
    *found = (logs_part){.values = NULL};
    snprintf(path, sizeof path, "/antler/history/%d/names", part);
    const antler_entry *names = antler__entries_find(entries, path);
    snprintf(path, sizeof path, "/antler/history/%d/values", part);
    const antler_entry *values = antler__entries_find(entries, path);
    if (!names || !values)
        return ANTLER_OK;
    antler_logs *logs = &found->logs;
    int64_t n = values->shape.rank == 2 ? values->shape.dim[1] : 0;
    if (n < 1 || n > ANTLER_MAX_LOGS || values->dtype != ANTLER_FLOAT64 || names->dtype != ANTLER_UINT8 ||
        names->shape.rank != 2 || names->shape.dim[0] != n)
        return antler_error_set(err, ANTLER_FORMAT, path, "not the history of a fit");
    const size_t room = (size_t)names->shape.dim[1];
    for (; logs->n < n; logs->n++) {
        const char *name = (const char *)names->data + (size_t)logs->n * room;
        logs->name[logs->n] = room && memchr(name, 0, room) ? antler__log_named(t->model->compile, name) : NULL;
        if (!logs->name[logs->n])
            return antler_error_set(err, ANTLER_VALUE, NULL, "a checkpoint of other metrics");
    }
    found->values = values;
    return ANTLER_OK;
}

/* Its names are the model's; and there is room for all of it. */
static antler_status check_history(const antler_entries *entries, antler_training *t, antler_error *err)
{
    logs_part found;
    int64_t epochs = 0;
    int part = 0;
    do {
        ANTLER_TRY(find_logs(entries, part++, t, &found, err));
        epochs += found.values ? found.values->shape.dim[0] : 0;
    } while (found.values);
    return antler__history_reserve(t->model, epochs, err);
}

static antler_status read_history(const antler_entries *entries, antler_training *t, antler_error *err)
{
    logs_part found;
    antler__history_begin(t->model);
    for (int part = 0;; part++) {
        ANTLER_TRY(find_logs(entries, part, t, &found, err));
        if (!found.values)
            return ANTLER_OK;
        for (int64_t e = 0, n = found.logs.n; e < found.values->shape.dim[0]; e++) {
            memcpy(found.logs.value, (const double *)found.values->data + e * n, (size_t)n * sizeof(double));
            ANTLER_TRY(antler__history_add(t->model, &found.logs, err));
        }
    }
}

static antler_status read_state(const antler_entries *entries, antler_training *t, antler_error *err)
{
    int64_t carried = 0;
    antler__context_carry(t->context, count_carry, &carried);
    const antler_entry *fit = find(entries, "/antler/fit", ANTLER_INT64, POSITION);
    const antler_entry *callbacks = find(entries, "/antler/callbacks", ANTLER_FLOAT64, t->callback_numbers);
    const antler_entry *carry = carried ? find(entries, "/antler/carry", ANTLER_DTYPE_REAL, carried) : NULL;
    const int64_t *position = fit ? fit->data : NULL;
    if (!position || !callbacks || position[EPOCH] < 0 || position[EPOCH] > MOST_EPOCHS || (carried && !carry))
        return antler_error_set(err, ANTLER_FORMAT, NULL, "not a checkpoint of this training");
    if (position[SEED] != t->model->seed)
        return antler_error_set(err, ANTLER_VALUE, NULL, "a checkpoint of seed %lld, not of seed %lld",
                                (long long)position[SEED], (long long)t->model->seed);
    const antler_entry *sums = NULL;
    int64_t batch;
    double rate;
    ANTLER_TRY(find_midst(entries, t, &batch, &sums, err));
    ANTLER_TRY(find_rate(entries, t, &rate, err));
    ANTLER_TRY(check_optimizer(entries, t, position[ITERATION], err));
    ANTLER_TRY(check_history(entries, t, err));
    ANTLER_TRY(read_kept(entries, t, err));
    ANTLER_TRY(antler__weights_read(t->model, entries, err)); /* all or nothing; what follows cannot fail */
    ANTLER_TRY(read_history(entries, t, err));
    if (callbacks->bytes)
        memcpy(t->callback_state, callbacks->data, callbacks->bytes);
    if (carry) {
        const antler_real *next = carry->data;
        antler__context_carry(t->context, load_carry, &next);
    }
    if (sums)
        antler__objective_copy_sums(t->context->objective, sums->data, false);
    if (!isnan(rate))
        antler_set_learning_rate(t->model, rate, err);
    t->batch = batch;
    t->epoch = position[EPOCH];
    t->stop = position[STOP] != 0;
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

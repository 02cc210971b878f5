#include "cli/command.h"
#include "model/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int antler__fail(const antler_error *err)
{
    char text[1200];
    fflush(stdout);
    fprintf(stderr, "antler: %s\n", antler_error_text(err, text, sizeof text));
    return 1;
}

double antler__seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static antler_status prepare(const antler_arguments *a, antler_model *model, antler_error *err)
{
    antler_status status = ANTLER_OK;
    if (a->given & ANTLER_OPTION_SEED)
        status = antler_set_seed(model, a->seed);
    if (status == ANTLER_OK && a->weights)
        status = antler_load_weights(model, a->weights, err);
    if (status == ANTLER_OK)
        status = antler_build(model);
    if (status != ANTLER_OK && err->status == ANTLER_OK)
        *err = *antler_model_error(model);
    return status;
}

int64_t antler__print_warnings(const antler_model *model, int64_t from)
{
    const antler_error *warning;
    for (; (warning = antler_model_warning(model, from)) != NULL; from++) {
        char text[1200];
        fprintf(stderr, "antler: warning: %s\n", antler_error_text(warning, text, sizeof text));
    }
    return from;
}

antler_model *antler__open_model(const antler_arguments *a, antler_error *err)
{
    antler_model *model = antler_load(a->argument[0], err);
    if (!model)
        return NULL;
    if (!a->quiet)
        antler__print_warnings(model, 0);
    if (prepare(a, model, err) == ANTLER_OK)
        return model;
    antler_model_free(model);
    return NULL;
}

int64_t antler__batch_size(const antler_arguments *a, const antler_model *model)
{
    if (a->given & ANTLER_OPTION_BATCH_SIZE)
        return a->batch_size;
    return model->fit && model->fit->args.batch_size > 0 ? model->fit->args.batch_size : 32;
}

/* ---- data ------------------------------------------------------------------------------------------------------- */

antler_status antler__set_rows(antler_set *set, const antler_data *data, int64_t first, int64_t n, antler_error *err)
{
    antler_data *view = antler_data_rows(data, first, n, err);
    if (!view)
        return err->status;
    set->owned[set->views++] = view;
    set->data = view;
    return ANTLER_OK;
}

void antler__set_close(antler_set *set)
{
    while (set->views > 0)
        antler_data_free(set->owned[--set->views]);
    set->data = NULL;
}

int64_t antler__set_count(const antler_set *set)
{
    return set->data ? antler_data_shape(set->data)->dim[0] : 0;
}

antler_status antler__set_open(antler_set *set, const char *path, const char *name, antler_error *err)
{
    set->owned[0] = antler_data_open(path, name, err);
    if (!set->owned[0])
        return err->status;
    set->views = 1;
    set->data = set->owned[0];
    return ANTLER_OK;
}

const char *antler__data_path(const antler_arguments *a, const antler_model *model, char *text, size_t size,
                              antler_error *err)
{
    const char *named = model->fit ? model->fit->data : NULL, *slash = strrchr(a->argument[0], '/');
    int folder = slash ? (int)(slash + 1 - a->argument[0]) : 0;
    int length;
    if (!a->data && !named) {
        antler_error_set(err, ANTLER_VALUE, NULL, "no data: give --data, or \"data\" in the model's \"fit\"");
        return NULL;
    }
    if (a->data || named[0] == '/')
        length = snprintf(text, size, "%s", a->data ? a->data : named);
    else {
        length = snprintf(text, size, "%.*s%s", folder, a->argument[0], named);
        if (access(text, F_OK) != 0 && access(named, F_OK) == 0)
            length = snprintf(text, size, "%s", named);
    }
    if (length >= 0 && (size_t)length < size)
        return text;
    antler_error_set(err, ANTLER_FILE, NULL, "the path of the data is too long");
    return NULL;
}

antler_status antler__open_pair(const char *path, const char *x_name, const char *y_name, antler_set *x, antler_set *y,
                                antler_error *err)
{
    ANTLER_TRY(antler__set_open(x, path, x_name, err));
    ANTLER_TRY(antler__set_open(y, path, y_name, err));
    if (antler__set_count(x) == antler__set_count(y))
        return ANTLER_OK;
    antler_error_set(err, ANTLER_SHAPE, NULL, "%s has %lld rows and %s has %lld; they must have the same number",
                     x_name, (long long)antler__set_count(x), y_name, (long long)antler__set_count(y));
    snprintf(err->file, sizeof err->file, "%s", path);
    return err->status;
}

void antler__blame_data(const char *path, antler_error *err)
{
    if ((err->status == ANTLER_DATA || err->status == ANTLER_SHAPE) && !err->file[0])
        snprintf(err->file, sizeof err->file, "%s", path);
}

/* ---- output ----------------------------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

/* Creating a file beside the one that will be written is the only test that also holds for root and odd file systems.
 */
static antler_status probe(const char *path, antler_error *err)
{
    static const char tail[] = ".XXXXXX";
    size_t n = strlen(path);
    char *name = malloc(n + sizeof tail);
    int file;
    if (!name)
        return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
    memcpy(name, path, n);
    memcpy(name + n, tail, sizeof tail);
    file = mkstemp(name);
    if (file < 0)
        antler_error_set(err, ANTLER_FILE, NULL, "cannot be written: %s", strerror(errno));
    else {
        close(file);
        unlink(name);
    }
    free(name);
    return err->status;
}

antler_status antler__check_output(const char *path, const char *const *suffixes, antler_error *err)
{
    char list[128] = "";
    bool known = false;
    size_t used = 0;
    for (int i = 0; suffixes[i]; i++) {
        known = known || ends_with(path, suffixes[i]);
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? (suffixes[i + 1] ? ", " : " or ") : "",
                                 suffixes[i]);
    }
    if (!known)
        antler_error_set(err, ANTLER_VALUE, NULL, "the name of the output must end in %s", list);
    else
        probe(path, err);
    if (err->status != ANTLER_OK)
        snprintf(err->file, sizeof err->file, "%s", path);
    return err->status;
}

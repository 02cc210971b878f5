#include "cli/command.h"

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

void *antler__room(int64_t count, size_t size, antler_error *err)
{
    enum { ALIGNMENT = 64 };
    size_t most = (SIZE_MAX - ALIGNMENT) / size, bytes = 0;
    void *memory = NULL;
    if (count >= 0 && (uint64_t)count <= most) {
        bytes = ((size_t)count * size / ALIGNMENT + 1) * ALIGNMENT;
        memory = aligned_alloc(ALIGNMENT, bytes);
    }
    if (memory)
        memset(memory, 0, bytes);
    else
        antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory: no room for %lld numbers", (long long)count);
    return memory;
}

/* ---- models ------------------------------------------------------------------------------------------------------ */

static antler_status prepare(const antler_arguments *a, antler_model *model, antler_error *err)
{
    antler_status status = ANTLER_OK;
    if (a->given & ANTLER_OPTION_SEED)
        status = antler_set_seed(model, a->seed);
    if (status == ANTLER_OK && a->weights)
        status = a->by_name ? antler_load_weights_by_name(model, a->weights, err)
                            : antler_load_weights(model, a->weights, err);
    if (status != ANTLER_OK && err->status == ANTLER_OK)
        *err = *antler_model_error(model);
    return status;
}

static antler_status build(antler_model *model, antler_error *err)
{
    antler_status status = antler_build(model);
    if (status != ANTLER_OK)
        *err = *antler_model_error(model);
    return status;
}

int64_t antler__print_warnings(const antler_model *model, int64_t from)
{
    const antler_error *warning;
    for (; (warning = antler_model_warning(model, from)) != NULL; from++) {
        char text[1200];
        fprintf(stderr, "antler: warning: %s%s\n", antler_error_text(warning, text, sizeof text),
                warning->status == ANTLER_OK             ? ""
                : strncmp(warning->place, "fit", 3) == 0 ? " (only training needs it)"
                                                         : " (only training and evaluating need it)");
    }
    return from;
}

antler_status antler__save(const antler_arguments *a, antler_model *model, const char *path, antler_error *err)
{
    int64_t warnings = 0;
    while (antler_model_warning(model, warnings))
        warnings++;
    ANTLER_TRY(antler_save(model, path, err));
    if (!a->quiet)
        antler__print_warnings(model, warnings);
    return ANTLER_OK;
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

/* "mae,accuracy" as a list; a list in JSON as it is. Cuts the text at its commas. */
static antler_status split_metrics(char *text, struct antler_compile *settings, antler_error *err)
{
    int n = 0;
    if (*text == '[' || *text == '{') {
        settings->metrics[0] = text;
        return ANTLER_OK;
    }
    for (char *comma = text; comma; text = comma + 1) {
        if (n == ANTLER_MAX_METRICS)
            return antler_error_set(err, ANTLER_VALUE, NULL, "--metrics: more than %d", ANTLER_MAX_METRICS);
        comma = strchr(text, ',');
        if (comma)
            *comma = '\0';
        settings->metrics[n++] = text;
    }
    return ANTLER_OK;
}

static antler_status compile(const antler_arguments *a, antler_model *model, antler_error *err)
{
    struct antler_compile settings = {.optimizer = a->optimizer, .loss = a->loss, .keep = true};
    char *metrics = a->metrics ? strdup(a->metrics) : NULL;
    antler_status status = ANTLER_OK;
    if (!a->optimizer && !a->loss && !a->metrics)
        return status;
    if (a->metrics)
        status = metrics ? split_metrics(metrics, &settings, err)
                         : antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
    if (status == ANTLER_OK && (status = antler_compile_given(model, &settings, sizeof settings,
                                                              ".optimizer=,.loss=,.metrics=,.keep=")) != ANTLER_OK)
        *err = *antler_model_error(model);
    free(metrics);
    return status;
}

/* Which option cures it. */
static void advise(const antler_arguments *a, antler_error *err)
{
    static const char *const option[] = {"optimizer", "loss", "metrics"};
    const char *setting = strchr(err->place, '.');
    for (size_t i = 0; setting && i < sizeof option / sizeof *option; i++)
        if (strncmp(setting + 1, option[i], strlen(option[i])) == 0 && strncmp(err->place, "fit.", 4) != 0) {
            size_t used = strlen(err->message);
            snprintf(err->message + used, sizeof err->message - used, "; give --%s NAME%s", option[i],
                     i == 2 ? "S" : "");
            break;
        }
    antler__blame(a->argument[0], err);
}

/* What there is to train or evaluate with. */
static antler_status check_ready(const antler_model *model, bool trains, antler_error *err)
{
    antler_object optimizer;
    antler_error unready = {0};
    if (antler_model_ready(model, &unready) != ANTLER_OK && (trains || strncmp(unready.place, "fit", 3) != 0)) {
        *err = unready;
        return err->status;
    }
    return !trains || antler_model_object(model, ANTLER_KIND_OPTIMIZER, 0, &optimizer)
               ? ANTLER_OK
               : antler_error_set(err, ANTLER_VALUE, "compile_config.optimizer", "the model has no optimizer");
}

antler_model *antler__open_compiled(const antler_arguments *a, bool trains, antler_error *err)
{
    antler_model *model = antler_load_changed(a->argument[0], a->set, err);
    if (!model)
        return NULL;
    antler_status status = compile(a, model, err);
    if (status == ANTLER_OK && a->given & ANTLER_OPTION_LEARNING_RATE)
        status = antler_set_learning_rate(model, a->learning_rate, err);
    if (status == ANTLER_OK && (status = prepare(a, model, err)) == ANTLER_OK &&
        (status = build(model, err)) == ANTLER_OK && (status = check_ready(model, trains, err)) != ANTLER_OK)
        advise(a, err);
    if (status == ANTLER_OK && !a->quiet)
        antler__print_warnings(model, 0);
    if (status == ANTLER_OK)
        return model;
    antler_model_free(model);
    return NULL;
}

const void *antler__fit_value(const antler_model *model, const char *key)
{
    antler_object fit;
    return antler_model_object(model, ANTLER_KIND_SETTINGS, 0, &fit) ? antler_object_field(fit, key) : NULL;
}

const char *antler__fit_text(const antler_model *model, const char *key)
{
    const char *const *text = antler__fit_value(model, key);
    return text ? *text : NULL;
}

const antler_loss_ops *antler__loss(const antler_model *model, int64_t output)
{
    antler_object loss;
    antler_model_object(model, ANTLER_KIND_LOSS, output, &loss);
    return (const antler_loss_ops *)loss.type;
}

int64_t antler__outputs(const antler_model *model)
{
    int64_t n = 0;
    while (antler_model_output(model, n, NULL))
        n++;
    return n;
}

antler_shape *antler__output_shapes(antler_model *model, const antler_data *x, antler_error *err)
{
    antler_shape *shapes = antler__room(antler__outputs(model), sizeof *shapes, err);
    if (shapes && antler_output_shapes(model, x, shapes, err) == ANTLER_OK)
        return shapes;
    free(shapes);
    return NULL;
}

int64_t antler__batch_size(const antler_arguments *a, const antler_model *model)
{
    return a->given & ANTLER_OPTION_BATCH_SIZE ? a->batch_size : antler_model_batch(model);
}

/* ---- data -------------------------------------------------------------------------------------------------------- */

static void set_add(antler_set *set, antler_data *data)
{
    set->owned[set->views++] = data;
    set->data = data;
}

antler_status antler__set_open(antler_set *set, const char *path, const char *name, antler_error *err)
{
    antler_data *data = antler_data_open(path, name, err);
    if (!data)
        return err->status;
    set_add(set, data);
    return ANTLER_OK;
}

void antler__set_warn(const antler_arguments *a, const antler_set *x, const antler_set *y)
{
    const antler_error *warning = antler_data_warning(x->data);
    char text[1200];
    if (!warning && y)
        warning = antler_data_warning(y->data);
    if (warning && !a->quiet)
        fprintf(stderr, "antler: warning: %s\n", antler_error_text(warning, text, sizeof text));
}

antler_status antler__set_weigh(antler_set *set, const char *path, const char *name, antler_error *err)
{
    if (!name)
        return ANTLER_OK;
    set->weight = antler_data_open(path, name, err);
    if (set->weight)
        antler_data_weigh(set->owned[0], set->weight, err);
    antler__blame(path, err);
    return err->status;
}

antler_status antler__set_split(antler_set *set, double split, antler_set *rest, antler_error *err)
{
    antler_data *first, *last;
    ANTLER_TRY(antler_data_split(set->data, split, &first, &last, err));
    set_add(set, first);
    set_add(rest, last);
    return ANTLER_OK;
}

void antler__set_close(antler_set *set)
{
    while (set->views > 0)
        antler_data_free(set->owned[--set->views]);
    antler_data_free(set->weight);
    set->weight = NULL;
    set->data = NULL;
}

int64_t antler__set_count(const antler_set *set)
{
    return set->data ? antler_data_shape(set->data)->dim[0] : 0;
}

const char *antler__data_path(const antler_arguments *a, const antler_model *model, char *text, size_t size,
                              antler_error *err)
{
    const char *named = antler__fit_text(model, "data"), *slash = strrchr(a->argument[0], '/');
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
    if (!a->data && length >= 0 && (size_t)length < size && access(text, F_OK) != 0) {
        antler_error_set(err, ANTLER_FILE, NULL, "cannot open: %s; the model's \"fit\" names it, --data another",
                         strerror(errno));
        antler__blame(text, err);
        return NULL;
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
    antler__blame(path, err);
    return err->status;
}

void antler__blame(const char *path, antler_error *err)
{
    if (err->status != ANTLER_OK && !err->file[0])
        antler__shown(path, err->file, sizeof err->file);
}

void antler__blame_data(const char *path, antler_error *err)
{
    bool part = err->status == ANTLER_NAME && (strcmp(err->place, "x") == 0 || strcmp(err->place, "y") == 0);
    if (part || err->status == ANTLER_DATA || err->status == ANTLER_SHAPE)
        antler__blame(path, err);
}

/* `antler check`: all mistakes of a model's file, and of data for it, before any work. */
#include "cli/command.h"

#include <stdlib.h>

typedef struct tally {
    bool quiet;
    int mistakes;
} tally;

static void hear(void *user, antler_finding finding, const antler_error *what)
{
    tally *t = user;
    char text[1200];
    bool fault = finding == ANTLER_FOUND_FAULT;
    t->mistakes += fault;
    if (fault || !t->quiet)
        printf("%s%s\n", fault ? "" : "warning: ", antler_error_text(what, text, sizeof text));
}

/* Tells an error of the data, and makes room for the next one. */
static void hear_data(tally *t, const char *path, antler_error *err)
{
    antler__blame(path, err);
    if (err->status != ANTLER_OK)
        hear(t, ANTLER_FOUND_FAULT, err);
    *err = (antler_error){0};
}

/* Whether all numbers of the data can be used. */
static void check_numbers(const antler_data *data, const char *name, antler_error *err)
{
    int64_t rows = antler_data_shape(data)->dim[0], numbers = 0;
    const antler_data *part;
    for (int64_t i = 0; (part = antler_data_part(data, i, NULL)); i++)
        numbers += antler_count(antler_data_shape(part), 1);
    antler_real *row = antler__room(numbers, sizeof *row, err);
    for (int64_t i = 0; row && i < rows && err->status == ANTLER_OK; i++)
        antler_data_gather(data, &i, 1, row, err);
    if (err->status != ANTLER_OK && !*err->place)
        snprintf(err->place, sizeof err->place, "%s", name);
    free(row);
}

/* The inputs' shape, and one row through model and loss. */
static void check_shapes(antler_model *model, const antler_set *x, const antler_set *y, antler_error *err)
{
    antler_shape *shapes = antler__output_shapes(model, x->data, err);
    antler_data *one_x = shapes ? antler_data_rows(x->data, 0, 1, err) : NULL;
    antler_data *one_y = one_x ? antler_data_rows(y->data, 0, 1, err) : NULL;
    if (one_y && antler_model_ready(model, NULL) == ANTLER_OK)
        antler_evaluate(model, one_x, one_y, 1, 1, NULL, err);
    free(shapes);
    antler_data_free(one_x);
    antler_data_free(one_y);
}

/* Opens a data set and reads all of it. */
static bool check_set(const char *path, const char *name, antler_set *set, tally *t)
{
    antler_error err = {0};
    int before = t->mistakes;
    if (antler__set_open(set, path, name, &err) == ANTLER_OK)
        check_numbers(set->data, name, &err);
    hear_data(t, path, &err);
    return t->mistakes == before;
}

static void check_pair(const antler_arguments *a, antler_model *model, const char *path, const char *x_name,
                       const char *y_name, tally *t)
{
    antler_error err = {0};
    antler_set x = {0}, y = {0};
    bool x_fits = check_set(path, x_name, &x, t), y_fits = check_set(path, y_name, &y, t);
    if (y_fits)
        y_fits = antler__targets_check(model, y.data, path, y_name, &err) == ANTLER_OK;
    hear_data(t, path, &err);
    int64_t rows[2] = {antler__set_count(&x), antler__set_count(&y)};
    if (rows[0] && rows[1] && rows[0] != rows[1])
        antler_error_set(&err, ANTLER_SHAPE, NULL, "%s has %lld rows and %s has %lld; they must have the same number",
                         x_name, (long long)rows[0], y_name, (long long)rows[1]);
    hear_data(t, path, &err);
    if (x_fits && y_fits && rows[0] && rows[1])
        check_shapes(model, &x, &y, &err);
    hear_data(t, path, &err);
    if (x.data)
        antler__set_warn(a, &x, y.data ? &y : NULL);
    antler__set_close(&x);
    antler__set_close(&y);
}

static void check_data(const antler_arguments *a, tally *t)
{
    char text[4096];
    antler_error err = {0};
    antler_model *model = antler_load(a->argument[0], &err); /* its warnings have been told */
    const char *path = model ? antler__data_path(a, model, text, sizeof text, &err) : NULL;
    if (path) {
        const char *x = a->x ? a->x : antler__fit_text(model, "x"), *y = a->y ? a->y : antler__fit_text(model, "y");
        const char *const *names = antler__fit_value(model, "validation_data");
        check_pair(a, model, path, x ? x : "x_train", y ? y : "y_train", t);
        if (names && names[0])
            check_pair(a, model, path, names[0], names[1], t);
    } else if (model) {
        hear_data(t, a->argument[0], &err);
    }
    antler_model_free(model);
}

static int run(const antler_arguments *a)
{
    tally t = {.quiet = a->quiet};
    antler_status status = antler_check(a->argument[0], hear, &t);
    if (a->data || a->x || a->y)
        check_data(a, &t);
    if (status == ANTLER_OK && !t.mistakes && !a->quiet)
        printf("no mistakes found\n");
    return status == ANTLER_OK && !t.mistakes ? 0 : 1;
}

const antler_command antler__command_check = {
    "check",
    "MODEL",
    1,
    1,
    ANTLER_OPTION_DATA | ANTLER_OPTION_X | ANTLER_OPTION_Y | ANTLER_OPTION_QUIET,
    "tells all mistakes of a model's file at once, and, with --data, those of data for it",
    run,
    "antler check models/residual.json --data examples/data/digits.h5",
};

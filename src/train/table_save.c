/* Predictions as a table. */
#include "antler/table.h"
#include "core/memory.h"
#include "core/text.h"
#include "files/columns.h"
#include "files/file.h"
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct answers {
    const antler_model *model;
    const antler_real *y, *deviation;
    int64_t rows, width;
    const antler_column *target; /* of the record; NULL: there is none */
    int64_t targets;
    bool classes; /* which output is the largest, or above a half, is told last */
} answers;

static void put_cell(FILE *out, const char *text)
{
    if (!text[strcspn(text, ",;\t\"\r\n")] && *text) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (; *text; text++)
        fputs(*text == '"' ? "\"\"" : (char[]){*text, '\0'}, out);
    putc('"', out);
}

/* Class i; for a number where classes have no names. */
static void put_class(const answers *a, FILE *out, int64_t i)
{
    const char *name = antler_class_name(a->model, i);
    if (name)
        put_cell(out, name);
    else
        fprintf(out, "%lld", (long long)i);
}

/* Of a single probability, that of class 1. */
static void put_name(const answers *a, FILE *out, int64_t i, const char *end)
{
    char name[512];
    const char *class = antler_class_name(a->model, a->width == 1 ? 1 : i);
    const char *target = i < a->targets ? a->target[i].name : NULL;
    const char *text = a->classes ? class : target;
    if (text)
        snprintf(name, sizeof name, "%.490s%s", text, end);
    else if (a->classes)
        snprintf(name, sizeof name, "%lld%s", (long long)(a->width == 1 ? 1 : i), end);
    else if (a->width == 1)
        snprintf(name, sizeof name, "y%s", end);
    else
        snprintf(name, sizeof name, "y_%lld%s", (long long)i, end);
    put_cell(out, name);
}

static void put_heading(const answers *a, FILE *out)
{
    for (int std = 0; std < (a->deviation ? 2 : 1); std++)
        for (int64_t i = 0; i < a->width; i++) {
            if (i > 0 || std)
                putc(',', out);
            put_name(a, out, i, std ? "_std" : "");
        }
    if (a->classes) {
        putc(',', out);
        put_cell(out, a->target && a->target->name ? a->target->name : "class");
    }
    putc('\n', out);
}

/* The shortest that reads back. */
static void put_number(FILE *out, antler_real value)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if ((antler_real)strtod(text, NULL) == value)
            break;
    }
    fputs(text, out);
}

static void put_row(const answers *a, FILE *out, int64_t row)
{
    const antler_real *y = a->y + row * a->width;
    int64_t best = 0;
    for (int64_t i = 0; i < a->width; i++) {
        if (i > 0)
            putc(',', out);
        put_number(out, y[i]);
        best = y[i] > y[best] ? i : best;
    }
    for (int64_t i = 0; a->deviation && i < a->width; i++) {
        putc(',', out);
        put_number(out, a->deviation[row * a->width + i]);
    }
    if (a->classes) {
        putc(',', out);
        put_class(a, out, a->width == 1 ? y[0] > (antler_real)0.5 : best);
    }
    putc('\n', out);
}

static antler_status describe(answers *a, antler_error *err)
{
    const antler_shape *out = antler_model_output(a->model, 0, NULL);
    char shape[128];
    if (!out)
        return antler_error_set(err, ANTLER_VALUE, NULL, "the model is not built");
    if (antler_model_output(a->model, 1, NULL) || out->rank > 2 || (out->rank == 2 && out->dim[1] < 1))
        return antler_error_set(
            err, ANTLER_UNSUPPORTED, NULL, "a table is of one output of one axis; the model's is %s%s: write .h5",
            antler_shape_text(out, shape, sizeof shape), antler_model_output(a->model, 1, NULL) ? " and more" : "");
    const antler_columns *columns = a->model->columns;
    const char *activation = antler_output_activation(a->model);
    a->width = out->rank == 2 ? out->dim[1] : 1;
    a->target = columns ? columns->column[ANTLER_COLUMNS_Y] : NULL;
    a->targets = columns ? columns->n[ANTLER_COLUMNS_Y] : 0;
    a->classes = antler_class_name(a->model, 0) ||
                 (activation && a->targets < 2 && strcmp(activation, a->width > 1 ? "softmax" : "sigmoid") == 0);
    return ANTLER_OK;
}

static antler_status print(const answers *a, FILE *out, antler_error *err)
{
    locale_t before = antler__plain_numbers();
    put_heading(a, out);
    for (int64_t row = 0; row < a->rows && !ferror(out); row++)
        put_row(a, out, row);
    antler__own_numbers(before);
    return ferror(out) ? antler_error_set(err, ANTLER_FILE, NULL, "cannot write") : ANTLER_OK;
}

static antler_status write_file(const answers *a, const char *path, antler_error *err)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return antler__no_memory(err);
    antler_status status = print(a, file, err);
    if (fclose(file) != 0)
        status = antler__no_memory(err);
    if (status == ANTLER_OK)
        status = antler__file_write(path, text, size, err);
    free(text);
    return status;
}

antler_status antler_table_save(const antler_model *model, const char *path, const antler_real *y,
                                const antler_real *deviation, int64_t rows, antler_error *err)
{
    answers a = {.model = model, .y = y, .deviation = deviation, .rows = rows};
    ANTLER_TRY(antler__require(model, "model", err));
    ANTLER_TRY(antler__require(path, "path", err));
    ANTLER_TRY(antler__require(y, "array of predictions", err));
    ANTLER_TRY(describe(&a, err));
    return strcmp(path, "-") == 0 ? print(&a, stdout, err) : write_file(&a, path, err);
}

/* Predictions in files: HDF5, CSV and JSON. */
#include "cli/predictions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What there may be of an output, and how it is called. */
typedef struct quantity {
    const char *set, *key, *column; /* in HDF5, JSON and CSV */
    bool of_lines;
} quantity;
static const quantity quantities[] = {
    {"predict", "predictions", "output_", false},
    {"predict_std", "deviations", "std_", false},
    {"predict_entropy", "entropy", "entropy", true},
    {"predict_mutual_information", "mutual_information", "mutual_information", true},
};
enum { QUANTITIES = sizeof quantities / sizeof quantities[0] };

static const antler_real *values_of(const antler_prediction *o, int which)
{
    const antler_real *const values[QUANTITIES] = {o->y, o->deviation, o->entropy, o->information};
    return values[which];
}

/* Of lines it is that of the predictions without the last axis. */
static antler_shape shape_of(const antler_prediction *o, int which)
{
    antler_shape shape = o->shape;
    if (quantities[which].of_lines && shape.rank > 1)
        shape.rank--;
    return shape;
}

/* Data sets "predict", "predict_std" ..., or groups of these names with a set for each output. */
static antler_status write_h5(const char *path, const antler_predictions *p, antler_error *err)
{
    enum { NAME = 512 };
    int64_t sets = 0;
    antler_array *array = antler__room(QUANTITIES * p->n, sizeof *array, err);
    char(*name)[NAME] = array ? antler__room(QUANTITIES * p->n, sizeof *name, err) : NULL;
    for (int which = 0; name && which < QUANTITIES; which++)
        for (int64_t k = 0; k < p->n; k++) {
            const antler_prediction *o = &p->output[k];
            if (!values_of(o, which))
                continue;
            snprintf(name[sets], NAME, "%s%s%s", quantities[which].set, p->n > 1 ? "/" : "", p->n > 1 ? o->name : "");
            array[sets] = (antler_array){name[sets], ANTLER_DTYPE_REAL, shape_of(o, which), values_of(o, which)};
            sets++;
        }
    if (name)
        antler_data_save(path, NULL, array, (int)sets, err);
    free(name);
    free(array);
    return err->status;
}

void antler__predictions_put(FILE *file, const antler_predictions *p)
{
    bool more = false;
    putc('{', file);
    for (int which = 0; which < QUANTITIES; which++) {
        bool any = false;
        for (int64_t k = 0; k < p->n; k++) {
            const antler_prediction *o = &p->output[k];
            antler_shape shape = shape_of(o, which);
            if (!values_of(o, which))
                continue;
            if (!any)
                fprintf(file, "%s\n  \"%s\": {", more ? "," : "", quantities[which].key);
            fputs(any ? ", " : "", file);
            antler__put_string(file, o->name);
            fputs(": ", file);
            antler__put_array(file, values_of(o, which), &shape, 0);
            any = more = true;
        }
        fputs(any ? "}" : "", file);
    }
    fputs("\n}\n", file);
}

/* A field of CSV: "NAME_std_3", quoted where it must be. */
static void put_field(FILE *file, const char *name, const char *column, int64_t index)
{
    char shown[256], text[400];
    antler__shown(name, shown, sizeof shown);
    int used = snprintf(text, sizeof text, "%s%s%s", shown, *shown ? "_" : "", column);
    if (index >= 0)
        snprintf(text + used, sizeof text - (size_t)used, "%" PRId64, index);
    if (!strpbrk(text, ",\"")) {
        fprintf(file, ",%s", text);
        return;
    }
    fputs(",\"", file);
    for (const char *c = text; *c; c++)
        fprintf(file, *c == '"' ? "\"\"" : "%c", *c);
    putc('"', file);
}

/* Columns of an output: decision, values, deviations ...; names begin with the output's where there are several. */
static void put_heading(FILE *file, const antler_prediction *o, const char *name)
{
    if (o->classes)
        put_field(file, name, "decision", -1);
    for (int which = 0; which < QUANTITIES; which++)
        for (int64_t i = 0; values_of(o, which) && i < (quantities[which].of_lines ? 1 : o->last); i++)
            put_field(file, name, quantities[which].column, quantities[which].of_lines ? -1 : i);
}

static void put_line(FILE *file, const antler_prediction *o, int64_t line)
{
    if (o->classes)
        fprintf(file, ",%" PRId64, antler__decide(o, line));
    for (int which = 0; which < QUANTITIES; which++) {
        int64_t n = quantities[which].of_lines ? 1 : o->last;
        const antler_real *values = values_of(o, which);
        for (int64_t i = 0; values && i < n; i++) {
            putc(',', file);
            antler__put_number(file, (double)values[line * n + i]);
        }
    }
}

/* A line for each line of the predictions; outputs beside each other, if they have the same lines. */
static bool put_csv(FILE *file, const antler_predictions *p)
{
    char text[128];
    fputs("index", file);
    for (int64_t k = 0; k < p->n; k++)
        put_heading(file, &p->output[k], p->n > 1 ? p->output[k].name : "");
    putc('\n', file);
    for (int64_t line = 0; line < p->output[0].lines; line++) {
        antler__line_text(&p->output[0], line, text, sizeof text);
        fprintf(file, strchr(text, ',') ? "\"%s\"" : "%s", text);
        for (int64_t k = 0; k < p->n; k++)
            put_line(file, &p->output[k], line);
        putc('\n', file);
    }
    return !ferror(file);
}

static antler_status write_text(const char *path, const antler_predictions *p, bool csv, antler_error *err)
{
    char part[4096];
    if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part)
        return antler_error_set(err, ANTLER_FILE, NULL, "the path is too long");
    FILE *file = fopen(part, "w");
    bool written = file != NULL;
    if (file && csv)
        written = put_csv(file, p);
    else if (file)
        antler__predictions_put(file, p);
    if (file)
        written = !ferror(file) && written;
    if (file && fclose(file) != 0)
        written = false;
    if (written && rename(part, path) == 0)
        return ANTLER_OK;
    antler_error_set(err, ANTLER_FILE, NULL, "cannot write: %s", strerror(errno));
    antler__blame(path, err);
    remove(part);
    return err->status;
}

antler_status antler__predictions_write(const char *path, const antler_predictions *p, antler_error *err)
{
    bool csv = antler__has_suffix(path, ".csv");
    for (int64_t k = 1; csv && k < p->n; k++)
        if (p->output[k].lines != p->output[0].lines)
            return antler_error_set(err, ANTLER_SHAPE, NULL,
                                    "outputs of different lengths are no table: write .h5 or .json");
    return csv || antler__has_suffix(path, ".json") ? write_text(path, p, csv, err) : write_h5(path, p, err);
}

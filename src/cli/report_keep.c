/* What a training leaves for its report: the model and the names of its data. */
#include "cli/reader.h"
#include "cli/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static antler_status fail(const char *path, const char *what, antler_error *err)
{
    antler_error_set(err, ANTLER_FILE, NULL, "cannot %s: %s", what, strerror(errno));
    antler__blame(path, err);
    return err->status;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void put(FILE *file, const char *key, const char *text)
{
    fputs("  ", file);
    antler__put_text(file, key, text);
    fputs(",\n", file);
}

static void put_data(FILE *file, const antler_arguments *a, const antler_model *model, const char *data)
{
    const char *x = a->x ? a->x : antler__fit_text(model, "x"), *y = a->y ? a->y : antler__fit_text(model, "y");
    const char *const *names = antler__fit_value(model, "validation_data");
    const double *split = antler__fit_value(model, "validation_split");
    bool named = a->validation || (names && names[0] && names[1]);
    char *here = realpath(data, NULL);
    fputs("{\n", file);
    put(file, "data", here ? here : data);
    put(file, "x", x ? x : "x_train");
    put(file, "y", y ? y : "y_train");
    if (named) {
        put(file, "validation_x", a->validation ? "x_test" : names[0]);
        put(file, "validation_y", a->validation ? "y_test" : names[1]);
    }
    fprintf(file, "  \"validation_split\": %.17g\n}\n", named || !split ? 0 : *split);
    free(here);
}

antler_status antler__report_keep(const antler_arguments *a, antler_model *model, const char *data, antler_error *err)
{
    char path[ANTLER_REPORT_TEXT];
    antler_error unsayable = {0};
    if (!a->log_dir)
        return ANTLER_OK;
    snprintf(path, sizeof path, "%s/data.json", a->log_dir);
    FILE *file = fopen(path, "w");
    if (!file)
        return fail(path, "write", err);
    put_data(file, a, model, data);
    bool written = !ferror(file);
    if (fclose(file) != 0 || !written)
        return fail(path, "write", err);
    snprintf(path, sizeof path, "%s/model.keras", a->log_dir);
    if (antler_save_check(model, path, &unsayable) != ANTLER_OK)
        return ANTLER_OK;
    return antler_save(model, path, err) == ANTLER_UNSUPPORTED ? ANTLER_OK : err->status;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool read_member(antler_reader *r, antler_report_data *d)
{
    const struct {
        const char *key;
        char *text;
        size_t size;
    } texts[] = {
        {"data", d->data, sizeof d->data},
        {"x", d->x, sizeof d->x},
        {"y", d->y, sizeof d->y},
        {"validation_x", d->validation_x, sizeof d->validation_x},
        {"validation_y", d->validation_y, sizeof d->validation_y},
    };
    char key[64];
    if (!antler__reader_key(r, key, sizeof key))
        return false;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(key, texts[i].key) == 0)
            return antler__reader_string(r, texts[i].text, texts[i].size);
    return strcmp(key, "validation_split") == 0 ? antler__reader_number(r, &d->split) : antler__reader_skip(r);
}

antler_status antler__report_data_read(antler_report_data *d, const char *folder, antler_error *err)
{
    char path[ANTLER_REPORT_TEXT], text[4 * ANTLER_REPORT_TEXT];
    bool first = true;
    *d = (antler_report_data){0};
    snprintf(d->model, sizeof d->model, "%s/model.keras", folder);
    snprintf(path, sizeof path, "%s/data.json", folder);
    FILE *file = fopen(path, "r");
    if (!file)
        return fail(path, "open", err);
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    antler_reader r = antler__reader(text, size, err);
    if (antler__reader_enter(&r, '{'))
        while (antler__reader_more(&r, '{', &first) && read_member(&r, d)) {
        }
    if (err->status == ANTLER_OK && (!*d->data || !*d->x || !*d->y))
        antler_error_set(err, ANTLER_FORMAT, NULL, "expected \"data\", \"x\" and \"y\"");
    antler__blame(path, err);
    return err->status;
}

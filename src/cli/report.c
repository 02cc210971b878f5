/* `antler report`: one page of what a training was, and what came of it. */
#include "cli/report.h"

#include <stdlib.h>
#include <string.h>

enum { MC_ROWS = 1000, MC_SAMPLES = 30 };

/* Which columns of a table, the model knows. */
static antler_status open_set(const antler_report *r, antler_report_set *set, const char *title, const char *path,
                              const char *x, const char *y, antler_error *err)
{
    const bool table = antler__is_table(path);
    const antler_arguments named = {.x = table ? NULL : x, .y = table ? NULL : y};
    set->title = title;
    return antler__open_xy(&named, r->model, path, &set->x, &set->y, err);
}

static antler_status open_sets(antler_report *r, const antler_arguments *a, antler_report_data *d, antler_error *err)
{
    const char *path = a->data ? a->data : d->data;
    ANTLER_TRY(open_set(r, &r->training, "training", path, d->x, d->y, err));
    if (*d->validation_x && *d->validation_y)
        ANTLER_TRY(open_set(r, &r->validation, "validation", path, d->validation_x, d->validation_y, err));
    else if (d->split > 0) {
        r->validation.title = "validation";
        ANTLER_TRY(antler__set_split(&r->training.x, d->split, &r->validation.x, err));
        ANTLER_TRY(antler__set_split(&r->training.y, d->split, &r->validation.y, err));
    }
    r->judged = r->validation.x.data ? &r->validation : &r->training;
    return ANTLER_OK;
}

static antler_status evaluate(antler_report *r, const antler_arguments *a, antler_report_set *set, antler_error *err)
{
    if (!set->x.data)
        return ANTLER_OK;
    return antler_evaluate(r->model, set->x.data, set->y.data, a->batch_size, (int)a->threads, &set->logs, err);
}

/* Predictions with the noise on, of the first rows. */
static antler_status sample(antler_report *r, const antler_arguments *a, antler_error *err)
{
    int64_t rows = antler__set_count(&r->judged->x);
    antler_data *first = antler_data_rows(r->judged->x.data, 0, rows < MC_ROWS ? rows : MC_ROWS, err);
    if (first)
        antler__predictions_make(&r->mc, r->model, first, a->mc ? a->mc : MC_SAMPLES, a->batch_size, (int)a->threads,
                                 err);
    antler_data_free(first);
    return err->status;
}

static antler_status judge(antler_report *r, const antler_arguments *a, antler_error *err)
{
    const antler_report_set *set = r->judged;
    ANTLER_TRY(evaluate(r, a, &r->training, err));
    ANTLER_TRY(evaluate(r, a, &r->validation, err));
    ANTLER_TRY(
        antler__predictions_make(&r->predictions, r->model, set->x.data, 0, a->batch_size, (int)a->threads, err));
    r->analysis = antler__room(r->predictions.n, sizeof *r->analysis, err);
    for (int64_t k = 0; r->analysis && k < r->predictions.n; k++) {
        const antler_data *part = antler__loss(r->model, k) ? antler__part_for(r->model, set->y.data, k) : NULL;
        antler_error none = {0}; /* targets that are of no shape to be drawn are left out */
        if (part && antler__analysis_make(&r->analysis[k], &r->predictions.output[k], part, &none) != ANTLER_OK)
            antler__analysis_free(&r->analysis[k]);
    }
    return err->status == ANTLER_OK && antler_model_random(r->model) ? sample(r, a, err) : err->status;
}

/* The model and its data, as far as they are there. */
static antler_status look(antler_report *r, const antler_arguments *a, antler_error *err)
{
    antler_report_data d;
    antler_arguments opened = *a;
    ANTLER_TRY(antler__report_data_read(&d, r->folder, err));
    opened.argument[0] = d.model;
    r->model = antler__open_model(&opened, err);
    if (!r->model)
        return err->status;
    if (antler_build(r->model) != ANTLER_OK) {
        *err = *antler_model_error(r->model);
        return err->status;
    }
    ANTLER_TRY(open_sets(r, a, &d, err));
    judge(r, a, err);
    antler__blame_data(a->data ? a->data : d.data, err);
    return err->status;
}

static antler_status write(const antler_report *r, const char *path, antler_error *err)
{
    char part[ANTLER_REPORT_TEXT + 16];
    snprintf(part, sizeof part, "%s.part", path);
    FILE *file = fopen(part, "w");
    bool written = file != NULL;
    if (file) {
        antler__report_page(file, r);
        written = !ferror(file);
        written = fclose(file) == 0 && written;
    }
    if (written && rename(part, path) == 0)
        return ANTLER_OK;
    remove(part);
    antler_error_set(err, ANTLER_FILE, NULL, "cannot write");
    antler__blame(path, err);
    return err->status;
}

static void drop(antler_report *r)
{
    for (int64_t k = 0; r->analysis && k < r->predictions.n; k++)
        antler__analysis_free(&r->analysis[k]);
    free(r->analysis);
    antler__predictions_free(&r->predictions);
    antler__predictions_free(&r->mc);
    antler__set_close(&r->validation.x); /* rows of the training's, maybe */
    antler__set_close(&r->validation.y);
    antler__set_close(&r->training.x);
    antler__set_close(&r->training.y);
    antler_model_free(r->model);
    antler__history_free(&r->history);
    free(r->chart);
}

static int run(const antler_arguments *a)
{
    static const char *const suffixes[] = {".html", ".htm", NULL};
    char path[ANTLER_REPORT_TEXT];
    antler_report r = {.folder = a->argument[0]};
    antler_error err = {0}, missing = {0};
    if (snprintf(path, sizeof path, "%s", a->output ? a->output : "") >= (int)sizeof path ||
        (!a->output && snprintf(path, sizeof path, "%s/report.html", r.folder) >= (int)sizeof path))
        antler_error_set(&err, ANTLER_FILE, NULL, "the path is too long");
    if (err.status == ANTLER_OK && antler__history_read(&r.history, r.folder, &err) == ANTLER_OK &&
        antler__check_output(path, suffixes, &err) == ANTLER_OK) {
        r.chart = antler__history_charts(&r.history, 1, &r.charts, &err);
        if (look(&r, a, &missing) != ANTLER_OK)
            antler_error_text(&missing, r.missing, sizeof r.missing);
        if (err.status == ANTLER_OK && write(&r, path, &err) == ANTLER_OK && !a->quiet) {
            if (*r.missing)
                fprintf(stderr, "antler: warning: the report has the curves alone: %s\n", r.missing);
            printf("%s\n", path);
        }
    }
    drop(&r);
    return err.status == ANTLER_OK ? 0 : antler__fail(&err);
}

const antler_command antler__command_report = {
    "report",
    "DIR",
    1,
    1,
    ANTLER_OPTION_OUTPUT | ANTLER_OPTION_DATA | ANTLER_OPTION_MC | ANTLER_OPTION_BATCH_SIZE | ANTLER_OPTION_THREADS |
        ANTLER_OPTION_QUIET,
    "writes DIR/report.html, a page of what train --log-dir DIR did",
    run,
    "antler report run",
};

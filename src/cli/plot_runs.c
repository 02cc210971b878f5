/* `antler plot` of trainings, and of a model's predictions against targets. */
#include "cli/analysis.h"
#include "cli/runs.h"

#include <stdlib.h>
#include <string.h>

typedef struct picture {
    const antler_arguments *a;
    const char *output;
    int runs;
    antler_history_table run[ANTLER_MOST_RUNS];
    antler_chart *history;
    int charts;
    antler_model *model;
    antler_set x, y;
    antler_predictions predictions;
    antler_analysis *analysis; /* [predictions.n] */
} picture;

static antler_status read_runs(picture *p, int n, antler_error *err)
{
    if (n > ANTLER_MOST_RUNS)
        return antler_error_set(err, ANTLER_VALUE, NULL, "%d runs; at most %d fit into a picture", n, ANTLER_MOST_RUNS);
    for (; p->runs < n; p->runs++)
        if (antler__history_read(&p->run[p->runs], p->a->argument[p->runs], err) != ANTLER_OK) {
            p->runs++;
            return err->status;
        }
    p->history = antler__history_charts(p->run, p->runs, &p->charts, err);
    return err->status;
}

static antler_status predict(picture *p, antler_error *err)
{
    antler_arguments a = *p->a;
    char text[4096];
    a.argument[0] = a.model;
    p->model = antler__open_model(&a, err);
    const char *path = p->model ? antler__data_path(&a, p->model, text, sizeof text, err) : NULL;
    if (!path)
        return err->status;
    ANTLER_TRY(antler__open_xy(&a, p->model, path, &p->x, &p->y, err));
    antler__predictions_make(&p->predictions, p->model, p->x.data, 0, antler__batch_size(&a, p->model), (int)a.threads,
                             err);
    antler__blame_data(path, err);
    return err->status;
}

static antler_status analyse(picture *p, antler_error *err)
{
    ANTLER_TRY(predict(p, err));
    p->analysis = antler__room(p->predictions.n, sizeof *p->analysis, err);
    for (int64_t k = 0; p->analysis && k < p->predictions.n; k++) {
        const antler_data *part = antler__part_for(p->model, p->y.data, k);
        if (part)
            ANTLER_TRY(antler__analysis_make(&p->analysis[k], &p->predictions.output[k], part, err));
    }
    return err->status;
}

/* All charts one after the other. */
static antler_status write(const picture *p, antler_error *err)
{
    int charts = p->charts;
    for (int64_t k = 0; k < p->predictions.n; k++)
        charts += p->analysis[k].charts;
    antler_chart *all = antler__room(charts, sizeof *all, err), *at = all;
    if (!all)
        return err->status;
    for (int i = 0; i < p->charts; i++)
        *at++ = p->history[i];
    for (int64_t k = 0; k < p->predictions.n; k++)
        for (int i = 0; i < p->analysis[k].charts; i++)
            *at++ = p->analysis[k].chart[i];
    if (charts == 0)
        antler_error_set(err, ANTLER_VALUE, NULL, "nothing to draw");
    else
        antler__charts_write(p->output, all, charts, err);
    free(all);
    return err->status;
}

static void drop(picture *p)
{
    for (int64_t k = 0; p->analysis && k < p->predictions.n; k++)
        antler__analysis_free(&p->analysis[k]);
    free(p->analysis);
    antler__predictions_free(&p->predictions);
    antler__set_close(&p->x);
    antler__set_close(&p->y);
    antler_model_free(p->model);
    for (int i = 0; i < p->runs; i++)
        antler__history_free(&p->run[i]);
    free(p->history);
}

int antler__plot_runs(const antler_arguments *a, int operands)
{
    static const char *const suffixes[] = {".svg", ".png", ".pdf", NULL};
    antler_error err = {0};
    picture p = {.a = a, .output = a->output};
    if (!p.output && operands > 0)
        p.output = a->argument[--operands];
    if (!p.output)
        antler_error_set(&err, ANTLER_VALUE, NULL, "no output: give OUT.svg, or --output");
    else if (antler__check_output(p.output, suffixes, &err) == ANTLER_OK &&
             (operands == 0 || read_runs(&p, operands, &err) == ANTLER_OK) &&
             (!a->model || analyse(&p, &err) == ANTLER_OK))
        write(&p, &err);
    drop(&p);
    return err.status == ANTLER_OK ? 0 : antler__fail(&err);
}

#include "antler/table.h"
#include "cli/predictions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static antler_status predict(const antler_arguments *a, antler_model *model, antler_set *x, antler_predictions *p,
                             antler_error *err)
{
    char text[4096];
    const char *path = antler__data_path(a, model, text, sizeof text, err);
    if (!path)
        return err->status;
    ANTLER_TRY(antler__open_xy(a, model, path, x, NULL, err));
    antler__doubt_weights(a, model);
    int64_t warnings = antler__warnings(model);
    antler__predictions_make(p, model, x->data, a->mc, antler__batch_size(a, model), (int)a->threads, err);
    antler__print_warnings(model, warnings);
    antler__blame_data(path, err);
    return err->status;
}

/* Of the column of decisions: 8, or that of the longest name of a class. */
static int decision_width(const antler_model *model)
{
    size_t width = 8, most = 40;
    const char *name;
    for (int64_t i = 0; (name = antler_class_name(model, i)); i++)
        width = strlen(name) > width ? strlen(name) : width;
    return (int)(width < most ? width : most);
}

static void print_decision(const antler_model *model, int64_t decision, int width)
{
    char shown[256];
    const char *name = antler_class_name(model, decision);
    if (name)
        printf("  %*s", width, antler__shown(name, shown, sizeof shown));
    else
        printf("  %*" PRId64, width, decision);
}

static void print_heading(const antler_prediction *p, int width)
{
    const char *what = p->probability ? "probabilities" : p->last > 1 ? "outputs" : "output";
    printf("   index");
    if (p->classes)
        printf("  %*s", width, "decision");
    printf("  %s", what);
    if (p->entropy)
        printf(", their standard deviations, predictive entropy, mutual information");
    else if (p->deviation)
        printf(" and %s", p->last > 1 ? "their standard deviations" : "its standard deviation");
    putchar('\n');
}

static void print_lines(const antler_model *model, const antler_prediction *p)
{
    char text[128];
    int width = decision_width(model);
    print_heading(p, width);
    for (int64_t line = 0; line < p->lines; line++) {
        printf("%8s", antler__line_text(p, line, text, sizeof text));
        if (p->classes)
            print_decision(model, antler__decide(p, line), width);
        putchar(' ');
        for (int64_t i = 0; i < p->last; i++)
            printf(" %8.5g", (double)p->y[line * p->last + i]);
        for (int64_t i = 0; p->deviation && i < p->last; i++)
            printf("%s%8.5g", i ? " " : "  +- ", (double)p->deviation[line * p->last + i]);
        if (p->entropy)
            printf("   %8.5g %8.5g", (double)p->entropy[line], (double)p->information[line]);
        putchar('\n');
    }
}

/* A table for each output, under its name where there are several. */
static void print_all(const antler_model *model, const antler_predictions *p)
{
    char shown[256];
    for (int64_t k = 0; k < p->n; k++) {
        if (p->n > 1)
            printf("%s%s:\n", k ? "\n" : "", antler__shown(p->output[k].name, shown, sizeof shown));
        print_lines(model, &p->output[k]);
    }
}

/* A table that says what Monte Carlo tells, or has several lines a row, is not one of the model's columns. */
static antler_status write(const char *path, const antler_model *model, const antler_predictions *p, antler_error *err)
{
    bool columns = antler__is_table(path) && p->n == 1 && p->output[0].shape.rank <= 2 && !p->deviation;
    if (columns || strcmp(path, "-") == 0)
        return antler_table_save(model, path, p->y, p->deviation, p->output[0].shape.dim[0], err);
    return antler__predictions_write(path, p, err);
}

static int run(const antler_arguments *a)
{
    static const char *const suffixes[] = {".h5", ".hdf5", ".csv", ".json", NULL};
    antler_error err = {0};
    antler_set x = {0};
    antler_predictions p = {0};
    antler_model *model = NULL;
    if (a->output && strcmp(a->output, "-") != 0 && antler__check_output(a->output, suffixes, &err) == ANTLER_OK)
        antler__check_apart(a->data, a->output, &err);
    if (err.status == ANTLER_OK && (model = antler__open_model(a, &err)) &&
        predict(a, model, &x, &p, &err) == ANTLER_OK) {
        antler__set_warn(a, &x, NULL);
        if (a->output)
            write(a->output, model, &p, &err);
        else if (a->json)
            antler__predictions_put(stdout, &p);
        else
            print_all(model, &p);
    }
    antler__predictions_free(&p);
    antler__set_close(&x);
    antler_model_free(model);
    return err.status == ANTLER_OK ? 0 : antler__fail(&err);
}

const antler_command antler__command_predict = {
    "predict",
    "MODEL",
    1,
    1,
    ANTLER_OPTION_DATA | ANTLER_OPTION_MISSING | ANTLER_OPTION_X | ANTLER_OPTION_OUTPUT | ANTLER_OPTION_MC |
        ANTLER_OPTION_BATCH_SIZE | ANTLER_OPTION_SEED | ANTLER_OPTION_THREADS | ANTLER_OPTION_WEIGHTS |
        ANTLER_OPTION_BY_NAME | ANTLER_OPTION_JSON,
    "prints or writes predictions for a data set",
    run,
    "antler predict digits.keras --data examples/data/digits.h5",
};

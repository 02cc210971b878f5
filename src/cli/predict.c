#include "cli/predictions.h"

#include <inttypes.h>
#include <stdlib.h>

static antler_status predict(const antler_arguments *a, antler_model *model, antler_set *x, antler_predictions *p,
                             antler_error *err)
{
    char text[4096];
    const char *path = antler__data_path(a, model, text, sizeof text, err);
    if (!path)
        return err->status;
    ANTLER_TRY(antler__set_open(x, path, a->x ? a->x : "x_test", err));
    antler__predictions_make(p, model, x->data, a->mc, antler__batch_size(a, model), (int)a->threads, err);
    antler__blame_data(path, err);
    return err->status;
}

static void print_heading(const antler_prediction *p)
{
    const char *what = p->probability ? "probabilities" : p->last > 1 ? "outputs" : "output";
    printf("   index%s  %s", p->classes ? "  decision" : "", what);
    if (p->entropy)
        printf(", their standard deviations, predictive entropy, mutual information");
    else if (p->deviation)
        printf(" and %s", p->last > 1 ? "their standard deviations" : "its standard deviation");
    putchar('\n');
}

static void print_lines(const antler_prediction *p)
{
    char text[128];
    print_heading(p);
    for (int64_t line = 0; line < p->lines; line++) {
        printf("%8s", antler__line_text(p, line, text, sizeof text));
        if (p->classes)
            printf("  %8" PRId64, antler__decide(p, line));
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
static void print_all(const antler_predictions *p)
{
    char shown[256];
    for (int64_t k = 0; k < p->n; k++) {
        if (p->n > 1)
            printf("%s%s:\n", k ? "\n" : "", antler__shown(p->output[k].name, shown, sizeof shown));
        print_lines(&p->output[k]);
    }
}

static int run(const antler_arguments *a)
{
    static const char *const suffixes[] = {".h5", ".hdf5", ".csv", ".json", NULL};
    antler_error err = {0};
    antler_set x = {0};
    antler_predictions p = {0};
    antler_model *model = NULL;
    if (a->output && antler__check_output(a->output, suffixes, &err) == ANTLER_OK)
        antler__check_apart(a->data, a->output, &err);
    if (err.status == ANTLER_OK && (model = antler__open_model(a, &err)) &&
        predict(a, model, &x, &p, &err) == ANTLER_OK) {
        antler__set_warn(a, &x, NULL);
        if (a->output)
            antler__predictions_write(a->output, &p, &err);
        else if (a->json)
            antler__predictions_put(stdout, &p);
        else
            print_all(&p);
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
    ANTLER_OPTION_DATA | ANTLER_OPTION_X | ANTLER_OPTION_OUTPUT | ANTLER_OPTION_MC | ANTLER_OPTION_BATCH_SIZE |
        ANTLER_OPTION_SEED | ANTLER_OPTION_THREADS | ANTLER_OPTION_WEIGHTS | ANTLER_OPTION_BY_NAME | ANTLER_OPTION_JSON,
    "prints or writes predictions for a data set",
    run,
};

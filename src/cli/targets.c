/* A look at the targets before any work: are labels classes of the model, and how many samples has each. */
#include "antler/table.h"
#include "cli/command.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CLASSES = 20 }; /* whose balance is shown */

static antler_status check_row(const antler_real *label, int64_t n, double classes, int64_t ignored, const char *name,
                               int64_t row, antler_error *err)
{
    for (int64_t i = 0; i < n; i++) {
        double value = (double)label[i];
        if ((value >= 0 && value < classes && value == floor(value)) || value == (double)ignored)
            continue;
        return antler_error_set(err, ANTLER_DATA, name,
                                "row %" PRId64 ": %g is no class; expected an integer from 0 to %g", row, value,
                                classes - 1);
    }
    return ANTLER_OK;
}

/* All labels of an output; `name` is the data's. Which classes there are the data decides where the last axis is open:
   the loss will look. */
static antler_status check_labels(const antler_model *model, int64_t output, const antler_data *y, const char *name,
                                  antler_error *err)
{
    antler_object loss;
    antler_model_object(model, ANTLER_KIND_LOSS, output, &loss);
    const antler_shape *out = antler_model_output(model, output, NULL);
    const int64_t *ignored = antler_object_field(loss, "ignore_class");
    int64_t rows = antler_data_shape(y)->dim[0], n = antler_count(antler_data_shape(y), 1);
    double classes = (double)(out->rank > 1 ? out->dim[out->rank - 1] : 1);
    antler_real *label = antler__room(n, sizeof *label, err);
    if (!label)
        return err->status;
    for (int64_t row = 0; classes > 0 && row < rows && err->status == ANTLER_OK; row++)
        if (antler_data_gather(y, &row, 1, label, err) == ANTLER_OK)
            check_row(label, n, classes, ignored ? *ignored : -1, name, row, err);
    free(label);
    return err->status;
}

const antler_data *antler__part_for(const antler_model *model, const antler_data *y, int64_t output)
{
    const antler_data *part;
    const char *name, *wanted;
    antler_model_output(model, output, &wanted);
    for (int64_t i = 0; (part = antler_data_part(y, i, &name)); i++)
        if (!name || strcmp(name, wanted) == 0)
            return part;
    return NULL;
}

antler_status antler__targets_check(const antler_model *model, const antler_data *y, const char *path, const char *name,
                                    antler_error *err)
{
    for (int64_t k = 0; k < antler__outputs(model); k++) {
        const antler_loss_ops *loss = antler__loss(model, k);
        const antler_data *part = loss && loss->sparse && !loss->loose ? antler__part_for(model, y, k) : NULL;
        const char *of;
        char text[512];
        antler_model_output(model, k, &of);
        snprintf(text, sizeof text, "%s%s%s", name, part == y ? "" : "/", part == y ? "" : of);
        if (part)
            check_labels(model, k, part, text, err);
        antler__blame_data(path, err);
        if (err->status != ANTLER_OK)
            return err->status;
    }
    return ANTLER_OK;
}

/* The class of one row of targets: an index, or the place of the 1 among zeros; -1 when it is neither. */
static int64_t class_of(const antler_real *y, int64_t n)
{
    int64_t found = -1;
    if (n == 1)
        return y[0] >= 0 && y[0] < MOST_CLASSES && (double)y[0] == floor((double)y[0]) ? (int64_t)y[0] : -1;
    for (int64_t i = 0; i < n; i++) {
        if (y[i] != 0 && (y[i] != 1 || found >= 0))
            return -1;
        found = y[i] != 0 ? i : found;
    }
    return found;
}

/* Counts the classes of all rows; *balanced is false where the targets are no classes, or too many. */
static antler_status count_classes(const antler_data *y, int64_t *count, bool *balanced, antler_error *err)
{
    int64_t rows = antler_data_shape(y)->dim[0], n = antler_count(antler_data_shape(y), 1);
    antler_real target[MOST_CLASSES];
    *balanced = n >= 1 && n <= MOST_CLASSES;
    for (int64_t row = 0; row < rows && *balanced; row++) {
        ANTLER_TRY(antler_data_gather(y, &row, 1, target, err));
        int64_t c = class_of(target, n);
        *balanced = c >= 0;
        if (c >= 0)
            count[c]++;
    }
    return ANTLER_OK;
}

/* "; setosa 40, versicolor 41": of a single output. */
static antler_status print_named(const antler_model *model, const int64_t *count)
{
    char shown[256];
    const char *name;
    for (int64_t c = 0; (name = antler_class_name(model, c)); c++)
        printf("%s%s %" PRId64, c ? ", " : "; ", antler__shown(name, shown, sizeof shown), count[c]);
    return ANTLER_OK;
}

/* "; classes 0 to 9: 393, 392 ..." where they are some; of a part with its name. */
static antler_status print_classes(const antler_model *model, const antler_data *y, const char *name, antler_error *err)
{
    int64_t count[MOST_CLASSES] = {0};
    int last = 0;
    bool balanced;
    char shown[256];
    ANTLER_TRY(count_classes(y, count, &balanced, err));
    balanced = balanced && !antler_class_name(model, MOST_CLASSES);
    for (int c = 0; c < MOST_CLASSES; c++)
        last = count[c] ? c : last;
    if (balanced && antler_class_name(model, 0))
        return print_named(model, count);
    if (balanced)
        printf("; %s%sclasses 0 to %d: ", name ? antler__shown(name, shown, sizeof shown) : "", name ? " " : "", last);
    for (int c = 0; balanced && c <= last; c++)
        printf("%s%" PRId64, c ? ", " : "", count[c]);
    return ANTLER_OK;
}

antler_status antler__targets_print(const antler_model *model, const char *title, const antler_data *y,
                                    antler_error *err)
{
    const antler_data *part;
    const char *name;
    char text[32];
    printf("%-11s %s samples", title, antler__number_text(antler_data_shape(y)->dim[0], text, sizeof text));
    for (int64_t i = 0; (part = antler_data_part(y, i, &name)); i++)
        ANTLER_TRY(print_classes(model, part, name, err));
    putchar('\n');
    return ANTLER_OK;
}

/* The confusion matrix of `antler evaluate --confusion`: how many rows of each class (a line) were predicted as each.
 */
#include "antler/table.h"
#include "cli/command.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

enum { MOST_CLASSES = 31 /* with a column for their numbers, what a table aligns */ };

/* An output, its predictions and its targets. */
typedef struct confusion {
    const antler_real *p; /* (rows, inner, width) */
    const antler_data *y;
    int64_t rows, inner, width, y_width, classes;
    int64_t *count; /* (classes, classes) */
} confusion;

/* Of one number the side of 1/2 that it is on, or, of a target for several predictions, itself; of several the first
   largest. */
static int64_t class_of(const antler_real *x, int64_t n, bool sparse)
{
    int64_t best = 0;
    if (n == 1)
        return sparse ? (int64_t)x[0] : x[0] > (antler_real)0.5;
    for (int64_t i = 1; i < n; i++)
        best = x[i] > x[best] ? i : best;
    return best;
}

static antler_status count(confusion *c, antler_real *target, antler_error *err)
{
    for (int64_t row = 0; row < c->rows; row++) {
        ANTLER_TRY(antler_data_gather(c->y, &row, 1, target, err));
        for (int64_t i = 0; i < c->inner; i++) {
            int64_t y = class_of(target + i * c->y_width, c->y_width, c->width > 1);
            if (y >= 0 && y < c->classes)
                c->count[y * c->classes + class_of(c->p + (row * c->inner + i) * c->width, c->width, false)]++;
        }
    }
    return ANTLER_OK;
}

static void add_class(antler_table *table, const antler_model *model, int64_t i)
{
    const char *name = antler_class_name(model, i);
    if (name)
        antler__table_add(table, "%s", name);
    else
        antler__table_add(table, "%" PRId64, i);
}

static antler_status print(const confusion *c, const antler_model *model, antler_error *err)
{
    antler_table table = {.columns = (int)c->classes + 1};
    antler__table_add(&table, "%s", "class");
    for (int64_t i = 0; i < c->classes; i++)
        add_class(&table, model, i);
    for (int64_t y = 0; y < c->classes; y++) {
        add_class(&table, model, y);
        for (int64_t i = 0; i < c->classes; i++)
            antler__table_add(&table, "%" PRId64, c->count[y * c->classes + i]);
    }
    return antler__table_print(&table, UINT_MAX, err);
}

static antler_status show(confusion *c, const antler_model *model, const char *name, antler_error *err)
{
    char shown[256];
    int64_t targets = antler_count(antler_data_shape(c->y), 1);
    c->classes = c->width > 1 ? c->width : 2;
    c->y_width = targets / c->inner;
    if ((c->y_width != 1 && c->y_width != c->width) || c->classes > MOST_CLASSES)
        return antler_error_set(err, ANTLER_UNSUPPORTED, "--confusion", "%s has no classes, or more than %d", name,
                                MOST_CLASSES);
    antler_real *target = antler__room(targets, sizeof *target, err);
    c->count = calloc((size_t)(c->classes * c->classes), sizeof *c->count);
    antler_status status =
        !target || !c->count ? antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory") : count(c, target, err);
    printf("\nconfusion of %s: a line for each class of the targets, a column for each that was predicted\n",
           antler__shown(name, shown, sizeof shown));
    if (status == ANTLER_OK)
        status = print(c, model, err);
    free(target);
    free(c->count);
    return status;
}

antler_status antler__confusion_print(antler_model *model, const antler_data *x, const antler_data *y, int64_t batch,
                                      int threads, antler_error *err)
{
    int64_t rows = antler_data_shape(x)->dim[0], width = 0;
    const char *name;
    antler_shape *shapes = antler__output_shapes(model, x, err);
    for (int64_t k = 0; shapes && k < antler__outputs(model); k++)
        width += antler_count(&shapes[k], 1);
    antler_real *p = shapes ? antler__room(rows * width, sizeof *p, err) : NULL, *at = p;
    if (p)
        antler_predict(model, x, batch, threads, p, err);
    for (int64_t k = 0; err->status == ANTLER_OK && k < antler__outputs(model); k++) {
        const antler_shape *out = &shapes[k];
        antler_model_output(model, k, &name);
        const antler_data *part = antler__loss(model, k) ? antler__part_for(model, y, k) : NULL;
        confusion c = {.p = at, .y = part, .rows = rows, .width = out->rank > 1 ? out->dim[out->rank - 1] : 1};
        c.inner = antler_count(out, 1) / c.width;
        at += rows * antler_count(out, 1);
        if (part)
            show(&c, model, name, err);
    }
    free(p);
    free(shapes);
    return err->status;
}

#include "train/doubts.h"

#include "core/memory.h"
#include "core/status.h"

#include <string.h>

enum { LOOKED_AT = 256 }; /* rows at either end: what is sorted shows its largest class there */

typedef struct range {
    double least, most;
} range;

static void widen(range *r, const antler_real *value, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        r->least = (double)value[i] < r->least ? (double)value[i] : r->least;
        r->most = (double)value[i] > r->most ? (double)value[i] : r->most;
    }
}

static void warn(antler_model *model, const antler_goal *g, const range *r)
{
    antler_error warning = {0};
    antler_error_set(&warning, ANTLER_OK, "compile_config.loss",
                     "%s takes targets in [0, 1], and there are some from %.6g to %.6g%s", g->loss->type.class_name,
                     r->least, r->most,
                     r->least >= 0 && g->width == 1 ? "; classes 0, 1, 2 ... take as many units, \"softmax\" and "
                                                      "\"sparse_categorical_crossentropy\""
                                                    : "");
    antler__model_warn(model, &warning);
}

antler_status antler__doubt_targets(antler_model *model, const antler_objective *o, const antler_feed *y, int64_t rows,
                                    antler_error *err)
{
    int64_t row[2 * LOOKED_AT], n = 0, at = 0;
    for (int64_t i = 0; i < rows && n < 2 * LOOKED_AT; i++)
        if (i < LOOKED_AT || i >= rows - LOOKED_AT)
            row[n++] = i;
        else
            i = rows - LOOKED_AT - 1;
    antler_error error = {0};
    antler_real *value = antler__allocate((size_t)(n * y->width), sizeof *value);
    if (!value)
        return antler__no_memory(err);
    if (antler__feed_gather(y, row, n, value, &error) == ANTLER_OK)
        for (const antler_goal *g = o->goal; g < o->goal + o->goals; at += n * g->y_numbers, g++) {
            range r = {0, 1};
            if (!g->loss->probabilities || g->loss->sparse || g->loss->either)
                continue;
            widen(&r, value + at, n * g->y_numbers);
            if (r.least < 0 || r.most > 1)
                warn(model, g, &r);
        }
    antler__free(value);
    return error.status == ANTLER_MEMORY ? antler__no_memory(err) : ANTLER_OK;
}

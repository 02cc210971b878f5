#include "train/class_weight.h"

#include "core/memory.h"
#include "core/status.h"

#include <math.h>
#include <stdlib.h>

static bool read_label(const antler_by_output *given, int64_t i, int64_t *label)
{
    char *end;
    *label = i;
    if (given->form != ANTLER_AS_DICT)
        return true;
    *label = strtoll(given->item[i].name, &end, 10);
    return end != given->item[i].name && *end == '\0';
}

antler_status antler__class_weights_make(const antler_by_output *given, antler_class_weights *weights,
                                         antler_error *err)
{
    *weights = (antler_class_weights){0};
    if (given->n == 0)
        return ANTLER_OK;
    if (given->form == ANTLER_FOR_ALL)
        return antler_error_set(err, ANTLER_VALUE, "fit.class_weight",
                                "%g is neither an object, {\"0\": 1, \"1\": 5}, nor a list", given->item[0].number);
    weights->item = antler__allocate((size_t)given->n, sizeof *weights->item);
    if (!weights->item)
        return antler__no_memory(err);
    for (int64_t i = 0; i < given->n; i++) {
        const antler_output_value *value = &given->item[i];
        antler_class_weight *to = &weights->item[weights->n++];
        if (!read_label(given, i, &to->label))
            return antler_error_set(err, ANTLER_VALUE, "fit.class_weight", "\"%.80s\" is no class; expected an integer",
                                    value->name);
        if (!(value->number >= 0))
            return antler_error_set(err, ANTLER_VALUE, "fit.class_weight", "class %lld: expected a weight of 0 or more",
                                    (long long)to->label);
        to->weight = (antler_real)value->number;
    }
    return ANTLER_OK;
}

void antler__class_weights_free(antler_class_weights *weights)
{
    antler__free(weights->item);
    *weights = (antler_class_weights){0};
}

static double class_of(const antler_real *y, int64_t n)
{
    int64_t best = 0;
    if (n == 1)
        return nearbyint((double)y[0]);
    for (int64_t i = 1; i < n; i++)
        best = y[i] > y[best] ? i : best;
    return (double)best;
}

void antler__class_weights_fill(const antler_class_weights *weights, const antler_goal *goal, const antler_real *y,
                                int64_t n, antler_real *w)
{
    for (int64_t r = 0; r < n * goal->inner; r++) {
        const double label = class_of(y + r * goal->y_width, goal->y_width);
        w[r] = 1;
        for (int64_t i = 0; i < weights->n; i++)
            if ((double)weights->item[i].label == label)
                w[r] = weights->item[i].weight;
    }
}

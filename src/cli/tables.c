/* Tables, .csv and .tsv, as the model of a command takes them; other data by names of its sets. */
#include "antler/table.h"
#include "cli/command.h"

#include <string.h>

bool antler__is_table(const char *path)
{
    return strcmp(path, "-") == 0 || antler__has_suffix(path, ".csv") || antler__has_suffix(path, ".tsv");
}

static antler_status take(antler_set *set, antler_data *data, antler_error *err)
{
    if (data) {
        set->owned[set->views++] = data;
        set->data = data;
    }
    return err->status;
}

antler_status antler__table_learn(const antler_arguments *a, antler_model *model, const char *path, antler_set *x,
                                  antler_set *y, antler_error *err)
{
    const antler_table_choice choice = {.x = a->x, .y = a->y, .sample_weight = a->sample_weight, .missing = a->missing};
    antler_data *data[2] = {NULL, NULL};
    antler_table_learn(model, path, &choice, &data[0], &data[1], err);
    take(x, data[0], err);
    return take(y, data[1], err);
}

antler_status antler__open_xy(const antler_arguments *a, antler_model *model, const char *path, antler_set *x,
                              antler_set *y, antler_error *err)
{
    const antler_table_choice choice = {.x = a->x, .y = a->y, .sample_weight = a->sample_weight, .missing = a->missing};
    antler_data *data[2] = {NULL, NULL};
    const char *y_name = a->y ? a->y : "y_test";
    if (antler__is_table(path)) {
        antler_table_open(model, path, &choice, &data[0], y ? &data[1] : NULL, err);
        take(x, data[0], err);
        return y ? take(y, data[1], err) : err->status;
    }
    if (!y)
        return antler__set_open(x, path, a->x ? a->x : "x_test", err);
    ANTLER_TRY(antler__open_pair(path, a->x ? a->x : "x_test", y_name, x, y, err));
    return antler__set_weigh(y, path, a->sample_weight, err);
}

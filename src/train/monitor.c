#include "train/monitor.h"

#include "antler/parts.h"

#include <math.h>
#include <string.h>

int antler__direction(const char *monitor, const char *mode)
{
    if (strcmp(mode, "auto") != 0)
        return strcmp(mode, "max") == 0 ? 1 : -1;
    const char *name = strncmp(monitor, "val_", 4) == 0 ? monitor + 4 : monitor;
    if (strcmp(name, "loss") == 0)
        return -1;
    const antler_type *type = antler_type_find(ANTLER_KIND_METRIC, name);
    for (; !type && (name = strchr(name, '_')); type = antler_type_find(ANTLER_KIND_METRIC, name))
        if (strcmp(++name, "loss") == 0) /* "kind_loss", "kind_accuracy": of an output */
            return -1;
    return !type ? 0 : ((const antler_metric_ops *)(const void *)type)->larger_is_better ? 1 : -1;
}

bool antler__is_better(int direction, double min_delta, double value, double than)
{
    return direction > 0 ? value - fabs(min_delta) > than : value + fabs(min_delta) < than;
}

int antler__monitor_find(const char *monitor, const char *const *name, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(name[i], monitor) == 0)
            return i;
    return -1;
}

/* The best epoch by a monitor, if that is logged. */
static bool find_best(const char *monitor, const char *mode, const antler_logs *logs, int64_t epochs,
                      antler_outcome *outcome)
{
    const int direction = antler__direction(monitor, mode);
    for (int64_t e = 0; direction != 0 && e < epochs; e++) {
        const int at = antler__monitor_find(monitor, logs[e].name, logs[e].n);
        if (at < 0 || isnan(logs[e].value[at]))
            continue;
        if (outcome->best < 0 || antler__is_better(direction, 0, logs[e].value[at], outcome->value)) {
            outcome->best = e;
            outcome->monitor = logs[e].name[at];
            outcome->value = logs[e].value[at];
        }
    }
    return outcome->best >= 0;
}

antler_outcome antler__outcome_best(const antler_objects *callbacks, const antler_logs *logs, int64_t epochs)
{
    antler_outcome outcome = {.best = -1, .kept = epochs - 1};
    for (int64_t i = 0; i < callbacks->n; i++) {
        const char *const *monitor = antler_object_field(callbacks->item[i], "monitor");
        const char *const *mode = antler_object_field(callbacks->item[i], "mode");
        if (monitor && mode && *monitor && *mode && find_best(*monitor, *mode, logs, epochs, &outcome))
            return outcome;
    }
    if (!find_best("val_loss", "min", logs, epochs, &outcome))
        find_best("loss", "min", logs, epochs, &outcome);
    return outcome;
}

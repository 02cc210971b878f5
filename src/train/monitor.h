/* Values that callbacks watch. */
#ifndef ANTLER_MONITOR_H
#define ANTLER_MONITOR_H

#include "antler/antler.h"

/* 1: larger is better, -1: smaller is, by the mode ("min", "max") or, if it is "auto", by the name: "loss", a metric,
   and both with "val_" or an output's name before; 0: it has none of these. */
int antler__direction(const char *monitor, const char *mode);
/* Whether the value is better by more than min_delta. */
bool antler__is_better(int direction, double min_delta, double value, double than);
/* Where in names the monitor is; -1: nowhere. */
int antler__monitor_find(const char *monitor, const char *const *name, int n);
/* Of a training that did the epochs of logs: `best`, `monitor` and `value` of an outcome. */
antler_outcome antler__outcome_best(const antler_objects *callbacks, const antler_logs *logs, int64_t epochs);

#endif

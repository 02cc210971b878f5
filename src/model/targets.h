/* What compile_config says of each output of a model. */
#ifndef ANTLER_TARGETS_H
#define ANTLER_TARGETS_H

#include "model/model.h"

/* Settles, once the outputs of the model are known, which of them have a loss, with what weight and metrics, and the
   names of the logs. What does not fit the outputs is settings->failure: it keeps nobody from predicting. `settings`
   may be NULL. */
antler_status antler__targets_settle(const antler_model *model, antler_compile_settings *settings, antler_error *err);

/* Warns of losses of probabilities on outputs that are none: an activation that says so is missing. */
void antler__targets_doubt(antler_model *model);

/* How many values a metric has of an output whose last axis is n. */
int64_t antler__metric_values(antler_object metric, int64_t n);

#endif

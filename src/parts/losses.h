/* The losses, for metrics.c: each is a metric too. */
#ifndef ANTLER_LOSSES_H
#define ANTLER_LOSSES_H

#include "antler/layer.h"

/* Configs are antler_loss_keys alone, or with this after it. */
typedef struct antler_crossentropy {
    antler_loss_keys keys;
    bool from_logits;
    double label_smoothing;
    int64_t ignore_class; /* ANTLER_NULL for none */
} antler_crossentropy;

extern const antler_loss_ops antler__mean_squared_error, antler__mean_absolute_error,
    antler__mean_squared_logarithmic_error, antler__binary_crossentropy, antler__categorical_crossentropy,
    antler__sparse_categorical_crossentropy;

#endif

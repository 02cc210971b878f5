/* What the optimizers' files share. */
#ifndef ANTLER_OPTIMIZERS_H
#define ANTLER_OPTIMIZERS_H

#include "antler/layer.h"
#include "kernels/kernels.h"

extern const antler_optimizer_ops antler__adam, antler__adamw, antler__adamax, antler__nadam, antler__adafactor,
    antler__muon, antler__lamb, antler__schedule_free;

/* A step with its first slots and its rate. */
antler_descent antler__descent(const antler_step *step);
int antler__two_slots(const void *config);

/* Keras on TensorFlow rounds betas to float before it computes with them, in float64 models as well. By way of memory:
   GCC 12 at -O3 forgets the rounding of two numbers that it takes side by side. */
static inline double antler__to_float(double x)
{
    volatile float rounded = (float)x;
    return (double)rounded;
}

/* The rate of Adam's step, with the corrections of its means in it. */
double antler__adam_rate(double rate, double beta_1, double beta_2, int64_t iteration);

/* Of 0 to 1; flags may leave out either end. */
#define ANTLER_SHARE(type, member, json, bounds, line)                                                            \
    {                                                                                                             \
        .key = #member, .kind = ANTLER_REAL, .offset = offsetof(type, member), .def = (json), .min = 0, .max = 1, \
        .flags = (bounds), .doc = (line)                                                                          \
    }
#define ANTLER_EPSILON(type, json, line) ANTLER_FIELD_NUMBER(type, epsilon, ANTLER_REAL, json, 0, 1e30, line)

#define ANTLER_OPTIMIZER(class, alias, config, rows, line)                                                            \
    {                                                                                                                 \
        .size = sizeof(antler_optimizer_ops), .kind = ANTLER_KIND_OPTIMIZER, .class_name = (class),                   \
        .aliases = (const char *const[]){alias, NULL}, .doc = (line), .config_size = sizeof(config), .fields = (rows) \
    }

#endif

/* What the initializers' files share. */
#ifndef ANTLER_INITIALIZERS_H
#define ANTLER_INITIALIZERS_H

#include "antler/layer.h"
#include "kernels/kernels.h"

extern const antler_initializer_ops antler__orthogonal, antler__stft;

typedef struct initializer {
    int64_t seed; /* ANTLER_NULL: the model's */
    double mean, stddev, minval, maxval, value, gain, scale;
    const char *mode, *distribution;
    const char *side, *window, *scaling; /* window, scaling NULL: none */
    bool periodic;
} initializer;

/* A seed of the initializer's own gives the same values wherever it stands: the stream of a site that no model has. */
antler_stream antler__initializer_stream(const initializer *config, uint64_t key);

static inline antler_real rounded(double x)
{
    return (antler_real)(float)x;
}

#define ANTLER_NUMBER(member, json, low, high, bounds, line)                                                       \
    {                                                                                                              \
        .key = #member, .kind = ANTLER_REAL, .offset = offsetof(initializer, member), .def = (json), .min = (low), \
        .max = (high), .flags = (bounds), .doc = (line)                                                            \
    }
#define ANTLER_SEED                                                                                   \
    {                                                                                                 \
        .key = "seed", .kind = ANTLER_INT, .offset = offsetof(initializer, seed), .def = "null",      \
        .flags = ANTLER_NULLABLE,                                                                     \
        .doc = "null: drawn from the model's seed; a number gives the same values wherever it stands" \
    }
/* One table: the class, its aliases, its fields and fill function. */
#define ANTLER_INITIALIZER(name, class, rows, scaled, line, ...)       \
    const antler_initializer_ops antler__##name = {                    \
        .type = {.size = sizeof(antler_initializer_ops),               \
                 .kind = ANTLER_KIND_INITIALIZER,                      \
                 .class_name = (class),                                \
                 .aliases = (const char *const[]){#name, __VA_ARGS__}, \
                 .doc = (line),                                        \
                 .config_size = sizeof(initializer),                   \
                 .fields = (rows)},                                    \
        .fill = name##_fill,                                           \
        .fans = (scaled),                                              \
    }

#endif

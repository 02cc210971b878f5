/* What the operators share: the head of their tables. */
#ifndef ANTLER_LAYERS_OPERATION_H
#define ANTLER_LAYERS_OPERATION_H

#include "layers/shared/common.h"

/* A config without settings. */
typedef struct antler_plain_operation {
    ANTLER_LAYER_KEYS
    int end_;
} antler_plain_operation;

/* The head of a table; `config` is its struct. */
#define ANTLER_OPERATION_TYPE(class, config, rows, tries, line, ...)                                               \
    {                                                                                                              \
        .size = sizeof(antler_operation_ops), .kind = ANTLER_KIND_OPERATION, .class_name = (class), .doc = (line), \
        .config_size = sizeof(config), .fields = (rows), .samples = (tries), __VA_ARGS__                           \
    }

/* A REAL that stands for an argument: null where that is a tensor. */
#define ANTLER_FIELD_ARGUMENT(type, member)                                                   \
    {                                                                                         \
        .key = #member, .kind = ANTLER_REAL, .offset = offsetof(type, member), .def = "null", \
        .flags = ANTLER_NULLABLE | ANTLER_UNSAVED, .doc = "a number in the place of a tensor" \
    }

#define ANTLER_NUMPY "keras.src.ops.numpy"
#define ANTLER_NN "keras.src.ops.nn"

static const char *const antler__one_tensor[] = {"x", NULL};

#endif

/* Rows of the tables of convolutions and of pooling. */
#ifndef ANTLER_LAYERS_CONVOLUTION_FIELDS_H
#define ANTLER_LAYERS_CONVOLUTION_FIELDS_H

#include "antler/type.h"

/* A number for each of `axes` axes; json NULL: required. */
#define ANTLER_FIELD_SPATIAL(type, member, axes, json, least, flag, line)                                     \
    {                                                                                                         \
        .key = #member, .kind = ANTLER_INTS, .offset = offsetof(type, member), .def = (json), .min = (least), \
        .max = ANTLER_MOST_UNITS, .flags = (flag), .count = (axes), .doc = (line)                             \
    }

#define ANTLER_FIELD_PADDING(type, known, line)                                                         \
    {                                                                                                   \
        .key = "padding", .kind = ANTLER_STRING, .offset = offsetof(type, padding), .def = "\"valid\"", \
        .choices = (known), .doc = (line)                                                               \
    }

/* The window of a convolution. */
#define ANTLER_FIELDS_WINDOW(type, axes, paddings, line)                              \
    ANTLER_FIELD_SPATIAL(type, kernel_size, axes, NULL, 1, 0, "sizes of the window"), \
        ANTLER_FIELD_SPATIAL(type, strides, axes, "1", 1, 0, "steps of the window"),  \
        ANTLER_FIELD_PADDING(type, paddings, line),                                   \
        ANTLER_FIELD_SPATIAL(type, dilation_rate, axes, "1", 1, 0, "distance of a window's taps")

#endif

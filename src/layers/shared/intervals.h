/* Keras's factors of random images: an interval from which each sample draws a number; and what such layers share. */
#ifndef ANTLER_LAYERS_INTERVALS_H
#define ANTLER_LAYERS_INTERVALS_H

#include "antler/layer.h"

/* For `check`: factor[2] as it was read, {lower, upper} or one number f, which stands for {-f, f}. Numbers lie in
   [least, most]. Of a pair, `strict` says so of both; else it must only not lie outside altogether, as in Keras. */
antler_status antler__interval_check(double *factor, double least, double most, bool strict, const char *key,
                                     antler_error *err);
/* There is something to draw. */
bool antler__interval_is_open(const double *factor);
/* Of u in [0, 1). */
double antler__interval_at(const double *factor, double u);

/* infer of (batch, height, width, channels), whose shape stays. */
antler_status antler__image_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err);

/* One row of each. */
#define ANTLER_FIELD_INTERVAL(type, member, json, flag, line)                                                   \
    {                                                                                                           \
        .key = #member, .kind = ANTLER_REALS, .offset = offsetof(type, member), .def = (json), .flags = (flag), \
        .count = 2, .doc = (line)                                                                               \
    }
/* What all of Keras's layers of images have: no boxes here, and one order of axes. */
#define ANTLER_IMAGE_FIELDS \
    ANTLER_FIELD_IGNORED("data_format", "\"channels_last\""), ANTLER_FIELD_IGNORED("bounding_box_format", "null")

#endif

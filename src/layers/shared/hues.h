/* Colours of three channels by their hue and saturation, as HSV has them, without going there and back. With v the
   largest of the channels, r = v - the smallest, h the hue and k_c(h) in [0, 1] how far it is from the channel c, a
   colour is x_c = v - r k_c(h); its saturation is r / v. */
#ifndef ANTLER_LAYERS_HUES_H
#define ANTLER_LAYERS_HUES_H

#include "antler/base.h"

typedef struct antler_color {
    double x[3], max, range; /* range: max - min */
    int first, last;         /* the channels of the largest and the smallest */
    double hue;              /* in sixths of a turn, [0, 6) */
} antler_color;

/* Of (x - lower) / length. */
antler_color antler__color_of(const antler_real *x, double lower, double length);

/* Of one colour: z, and if there is g, the gradient of z, what it gives to d, the gradient of the colour. */
typedef void antler_color_fn(const antler_color *p, double number, const double *bounds, const double *g, double *z,
                             double *d);

antler_color_fn antler__turn;     /* by `number` turns; clipped to [0, 1] */
antler_color_fn antler__saturate; /* saturation times `number`, clipped to bounds */

#endif

/* A layer of two outputs, for suites that want one. */
#ifndef ANTLER_POWERS_H
#define ANTLER_POWERS_H

#include "merging.h"

/* y_0 = 2 x, y_1 = x^2 */
static antler_status powers_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    (void)config;
    (void)err;
    out[0] = out[1] = *in;
    return ANTLER_OK;
}

static antler_status powers_forward(const void *config, antler_run *run)
{
    (void)config;
    for (int64_t e = 0; e < antler_count(&run->x->shape, 0); e++) {
        antler_real x = run->x->data[e];
        run->y[0].data[e] = 2 * x;
        run->y[1].data[e] = x * x;
    }
    return ANTLER_OK;
}

static antler_status powers_backward(const void *config, antler_run *run)
{
    (void)config;
    for (int64_t e = 0; run->dx->data && e < antler_count(&run->x->shape, 0); e++) {
        antler_real dx = 0;
        if (run->dy[0].data)
            dx += 2 * run->dy[0].data[e];
        if (run->dy[1].data)
            dx += 2 * run->x->data[e] * run->dy[1].data[e];
        run->dx->data[e] = dx;
    }
    return ANTLER_OK;
}

static const antler_layer_ops powers = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Powers",
             .doc = "two outputs",
             .config_size = sizeof(struct merging),
             .fields = merging_fields},
    .flags = ANTLER_NEEDS_X,
    .infer = powers_infer,
    .forward = powers_forward,
    .backward = powers_backward,
};

#endif

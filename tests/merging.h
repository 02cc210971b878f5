/* Layers of several inputs, for suites that want some: one that works in place and one whose pass back reads its
   inputs. */
#ifndef ANTLER_MERGING_H
#define ANTLER_MERGING_H

#include "antler/layer.h"
#include "antler/layers.h"
#include "antler/work.h"

struct merging {
    ANTLER_LAYER_KEYS
    int end_;
};
static const antler_field merging_fields[] = {ANTLER_FIELD_END};
static const char *const merging_samples[] = {"(3,) (3,) {}", "(4, 3) (4, 3) (4, 3) {}", NULL};

/* A step is there where any input has it. */
static void join_masks(antler_run *run)
{
    if (!run->mask_out->data)
        return;
    for (int64_t e = 0; e < antler_count(&run->mask_out->shape, 0); e++) {
        run->mask_out->data[e] = 0;
        for (int i = 0; i < run->inputs; i++)
            if (run->mask[i].data && run->mask[i].data[e] != 0)
                run->mask_out->data[e] = 1;
    }
}

/* y = x_0 / 2 + x_1 + x_2 3 / 2 ...; element by element, so that y may be any x and one dx may be dy. */
static antler_real share(int input)
{
    return (antler_real)(input + 1) / 2; /* 1 for the first would hide that dy is read after its dx took its place */
}

static antler_status weigh_forward(const void *config, antler_run *run)
{
    (void)config;
    int64_t n = antler_count(&run->y->shape, 0);
    for (int64_t e = 0; e < n; e++) {
        antler_real sum = 0;
        for (int i = 0; i < run->inputs; i++)
            sum += share(i) * run->x[i].data[e];
        run->y->data[e] = sum;
    }
    join_masks(run);
    return ANTLER_OK;
}

static antler_status weigh_backward(const void *config, antler_run *run)
{
    (void)config;
    int64_t n = antler_count(&run->dy->shape, 0);
    for (int64_t e = 0; e < n; e++) {
        antler_real dy = run->dy->data[e];
        for (int i = 0; i < run->inputs; i++)
            if (run->dx[i].data)
                run->dx[i].data[e] = share(i) * dy;
    }
    return ANTLER_OK;
}

static const antler_layer_ops weigh = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Weigh",
             .doc = "a weighted sum",
             .config_size = sizeof(struct merging),
             .fields = merging_fields,
             .samples = merging_samples},
    .flags = ANTLER_IN_PLACE,
    .inputs = ANTLER_MANY,
    .mask = ANTLER_MASK_ALL,
    .infer = antler_infer_same,
    .forward = weigh_forward,
    .backward = weigh_backward,
};

/* y = x_0 x_1 x_2 ... */
static antler_status multiply_forward(const void *config, antler_run *run)
{
    (void)config;
    int64_t n = antler_count(&run->y->shape, 0);
    for (int64_t e = 0; e < n; e++) {
        antler_real product = 1;
        for (int i = 0; i < run->inputs; i++)
            product *= run->x[i].data[e];
        run->y->data[e] = product;
    }
    join_masks(run);
    return ANTLER_OK;
}

static antler_real product_of_others(const antler_run *run, int left_out, int64_t e)
{
    antler_real product = 1;
    for (int i = 0; i < run->inputs; i++)
        product *= i == left_out ? 1 : run->x[i].data[e];
    return product;
}

static antler_status multiply_backward(const void *config, antler_run *run)
{
    (void)config;
    int64_t n = antler_count(&run->dy->shape, 0);
    for (int i = 0; i < run->inputs; i++)
        for (int64_t e = 0; run->dx[i].data && e < n; e++)
            run->dx[i].data[e] = run->dy->data[e] * product_of_others(run, i, e);
    return ANTLER_OK;
}

static const antler_layer_ops multiply = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "MultiplyAll",
             .doc = "a product",
             .config_size = sizeof(struct merging),
             .fields = merging_fields,
             .samples = merging_samples},
    .flags = ANTLER_NEEDS_X,
    .inputs = ANTLER_MANY,
    .mask = ANTLER_MASK_ALL,
    .infer = antler_infer_same,
    .forward = multiply_forward,
    .backward = multiply_backward,
};

static inline antler_status register_merging_layers(antler_error *err)
{
    ANTLER_TRY(antler_register(&weigh.type, err));
    return antler_register(&multiply.type, err);
}

#endif

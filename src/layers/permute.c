/* Permute: axis i of y is axis dims[i - 1] of x; the batch's stays where it is. Gradient: the way back. */
#include "layers/shared/common.h"
#include "layers/shared/pick.h"

static const antler_field fields[] = {
    ANTLER_FIELD_INTS(struct antler_permute, dims, NULL, 0, 1, "the input's axes, from 1, in the order of the output"),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {"(4, 3) {\"dims\": [2, 1]}", "(2, 3, 2) {\"dims\": [3, 1, 2]}",
                                      "(5) {\"dims\": [1]}", NULL};

static int count_of(const struct antler_permute *cfg)
{
    int n = 0;
    while (n < ANTLER_MAX_RANK && cfg->dims[n] != 0)
        n++;
    return n;
}

static antler_status check(void *config, antler_error *err)
{
    const struct antler_permute *cfg = config;
    bool seen[ANTLER_MAX_RANK + 1] = {false};
    int n = count_of(cfg);
    for (int i = 0; i < n; i++) {
        if (cfg->dims[i] > n || seen[cfg->dims[i]])
            return antler_error_set(err, ANTLER_VALUE, "dims", "expected each of 1 .. %d once", n);
        seen[cfg->dims[i]] = true;
    }
    return ANTLER_OK;
}

static antler_pick pick_of(const struct antler_permute *cfg, const antler_shape *x)
{
    int order[ANTLER_MAX_RANK] = {0};
    for (int i = 1; i < x->rank; i++)
        order[i] = (int)cfg->dims[i - 1];
    return antler__pick_axes(x, order);
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const struct antler_permute *cfg = config;
    int n = count_of(cfg);
    if (in->rank != n + 1)
        return antler_error_set(err, ANTLER_SHAPE, "dims", "%d entries, but the input has %d axes beside the batch", n,
                                in->rank - 1);
    antler_pick p = pick_of(cfg, in);
    *out = antler__picked_shape(&p, in->dim[0]);
    return ANTLER_OK;
}

static antler_status forward(const void *config, antler_run *run)
{
    antler_pick p = pick_of(config, &run->x->shape);
    antler__pick_forward(run, &p);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    antler_pick p = pick_of(config, &run->dx->shape);
    antler__pick_backward(run, &p);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_permute = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Permute",
             .doc = "a sample's axes in another order",
             .config_size = sizeof(struct antler_permute),
             .fields = fields,
             .samples = samples,
             .check = check},
    .infer = infer,
    .forward = forward,
    .backward = backward,
};

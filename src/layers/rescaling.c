/* Rescaling: y = x * scale + offset, in two roundings as in Keras.   dx = dy * scale */
#include "layers/shared/common.h"

static const antler_field fields[] = {
    ANTLER_FIELD_NUMBER(struct antler_rescaling, scale, ANTLER_REAL, NULL, 0, 0, "factor"),
    ANTLER_FIELD_NUMBER(struct antler_rescaling, offset, ANTLER_REAL, "0.0", 0, 0, "added after the factor"),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4, 3) {\"scale\": 0.5, \"offset\": -1.0}",
    "(5) {\"scale\": 0.00392156862745098}",
    NULL,
};

typedef struct job {
    const antler_kernels *k;
    antler_real *y;
    const antler_real *x;
    antler_real scale, offset;
} job;

static void piece(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    j->k->affine(j->y + first, j->x + first, count, j->scale, j->offset);
}

static antler_status forward(const void *config, antler_run *run)
{
    const struct antler_rescaling *cfg = config;
    job j = {run->k, run->y->data, run->x->data, (antler_real)cfg->scale, (antler_real)cfg->offset};
    antler_run_ranges(run, antler_count(&run->x->shape, 0), 1, piece, &j);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    const struct antler_rescaling *cfg = config;
    if (!run->dx->data)
        return ANTLER_OK;
    job j = {run->k, run->dx->data, run->dy->data, (antler_real)cfg->scale, 0};
    antler_run_ranges(run, antler_count(&run->dy->shape, 0), 1, piece, &j);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_rescaling = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Rescaling",
             .doc = "x * scale + offset",
             .config_size = sizeof(struct antler_rescaling),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_IN_PLACE,
    .mask = ANTLER_MASK_PASS,
    .infer = antler_infer_same,
    .forward = forward,
    .backward = backward,
};

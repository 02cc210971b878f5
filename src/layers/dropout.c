/* Dropout: y = keep ? x / (1 - rate) : 0, each element kept with probability 1 - rate; dx = keep ? dy / (1 - rate) : 0
   with the same choices. Active in training and in Monte Carlo inference; else, and at rate 0, y = x and nothing is
   drawn. Rate 1 gives zeros. noise_shape has an entry for each axis: null or the input's size for a choice of its own
   along the axis, 1 for one that is shared. The work is in drop.c. */
#include "layers/shared/common.h"

enum { CHOICE }; /* slot of bits, noise and scratch */

static const antler_field fields[] = {
    ANTLER_FIELD_NUMBER(struct antler_dropout, rate, ANTLER_REAL, NULL, 0, 1, "probability that an element is dropped"),
    ANTLER_FIELD_INTS(struct antler_dropout, noise_shape, "null", ANTLER_NULLABLE, 1,
                      "an entry for each axis: 1 shares the choice along it, null does not"),
    ANTLER_FIELD_SEED(struct antler_dropout),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(5) {\"rate\": 0.5}",
    "(4, 3) {\"rate\": 0.1, \"seed\": 7}",
    "(4, 3) {\"rate\": 0.4, \"noise_shape\": [null, 1, 3]}",
    "(2, 3, 2) {\"rate\": 0.3, \"noise_shape\": [1, null, 1, 2]}",
    "(4) {\"rate\": 0.0}",
    "(4) {\"rate\": 1.0}",
    NULL,
};

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const struct antler_dropout *cfg = config;
    int rank = 0;
    while (rank < ANTLER_MAX_RANK && cfg->noise_shape[rank] != 0)
        rank++;
    if (rank != 0 && rank != in->rank)
        return antler_error_set(err, ANTLER_SHAPE, "noise_shape", "%d entries, but the input has %d axes", rank,
                                in->rank);
    for (int i = 0; i < rank; i++) {
        int64_t entry = cfg->noise_shape[i];
        if (entry != ANTLER_NULL && entry != 1 && entry != in->dim[i])
            return antler_error_set(err, ANTLER_SHAPE, "noise_shape",
                                    "entry %d is %lld: expected null, 1, or the size of the input's axis", i,
                                    (long long)entry);
    }
    *out = *in;
    return ANTLER_OK;
}

static void declare(const void *config, const antler_shape *in, antler_plan *plan)
{
    const struct antler_dropout *cfg = config;
    antler_shape drawn = antler__drawn_shape(cfg->noise_shape, in);
    antler__drop_declare(plan, CHOICE, cfg->rate, cfg->seed, in, &drawn);
}

static antler_status forward(const void *config, antler_run *run)
{
    const struct antler_dropout *cfg = config;
    antler_shape drawn = antler__drawn_shape(cfg->noise_shape, &run->x->shape);
    antler__drop(run, CHOICE, cfg->rate, &drawn, run->y->data, run->x);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    const struct antler_dropout *cfg = config;
    antler_shape drawn = antler__drawn_shape(cfg->noise_shape, &run->dy->shape);
    if (run->dx)
        antler__drop_backward(run, CHOICE, cfg->rate, &drawn, run->dx->data, run->dy);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_dropout = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Dropout",
             .doc = "drops elements at random in training, and scales the others up",
             .config_size = sizeof(struct antler_dropout),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_RANDOM | ANTLER_IN_PLACE,
    .mask = ANTLER_MASK_PASS,
    .infer = infer,
    .declare = declare,
    .forward = forward,
    .backward = backward,
};

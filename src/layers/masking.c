/* Masking of (B, T, F): a step is masked where all its features equal mask_value. The mask goes on to the next layers;
   the features of masked steps become 0, and so does their gradient. */
#include "layers/shared/common.h"

#include <string.h>

enum { KEPT }; /* bits: (B, T), 1 where the step is not masked */

static const antler_field fields[] = {
    ANTLER_FIELD_NUMBER(struct antler_masking, mask_value, ANTLER_REAL, "0.0", 0, 0,
                        "a step of nothing else is masked"),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4, 3) {}",
    "(5, 1) {\"mask_value\": -1.0}",
    NULL,
};

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    (void)config;
    if (in->rank != 3)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input has %d axes; expected (batch, steps, features)",
                                in->rank);
    *out = *in;
    return ANTLER_OK;
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    (void)config;
    antler_plan_bits(plan, KEPT, &(antler_shape){.rank = 2, .dim = {in->dim[0], in->dim[1]}});
}

typedef struct job {
    antler_real value;
    antler_real *y; /* or dx */
    const antler_real *x;
    antler_real *mask; /* NULL for nobody */
    uint64_t *bits;    /* NULL outside training */
    int64_t steps, features;
} job;

static bool is_kept(const job *j, int64_t step)
{
    const antler_real *x = j->x + step * j->features;
    for (int64_t f = 0; f < j->features; f++)
        if (x[f] != j->value)
            return true;
    return false;
}

static void write_step(const job *j, int64_t step, bool kept)
{
    antler_real *y = j->y + step * j->features;
    size_t bytes = (size_t)j->features * sizeof *y;
    if (!kept)
        memset(y, 0, bytes);
    else if (j->y != j->x)
        memcpy(y, j->x + step * j->features, bytes);
}

/* Items are words of bits: 64 steps, so that no two threads share one. */
static void forward_piece(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t word = first; word < first + count; word++) {
        uint64_t bits = 0;
        for (int64_t step = word * 64; step < (word + 1) * 64 && step < j->steps; step++) {
            bool kept = is_kept(j, step);
            write_step(j, step, kept);
            if (j->mask)
                j->mask[step] = kept;
            bits |= (uint64_t)kept << step % 64;
        }
        if (j->bits)
            j->bits[word] = bits;
    }
}

static void backward_piece(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t step = first; step < first + count; step++)
        write_step(j, step, j->bits[step / 64] >> step % 64 & 1);
}

static antler_status forward(const void *config, antler_run *run)
{
    const struct antler_masking *cfg = config;
    const antler_shape *shape = &run->x->shape;
    job j = {.value = (antler_real)cfg->mask_value, .y = run->y->data, .x = run->x->data};
    j.mask = run->mask_out->data;
    j.bits = run->bits[KEPT].word;
    j.steps = shape->dim[0] * shape->dim[1];
    j.features = shape->dim[2];
    antler_run_ranges(run, (j.steps + 63) / 64, 64 * j.features, forward_piece, &j);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    (void)config;
    if (!run->dx->data)
        return ANTLER_OK;
    const antler_shape *shape = &run->dy->shape;
    job j = {.y = run->dx->data, .x = run->dy->data, .bits = run->bits[KEPT].word, .features = shape->dim[2]};
    antler_run_ranges(run, shape->dim[0] * shape->dim[1], j.features, backward_piece, &j);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_masking = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Masking",
             .doc = "masks the steps that hold one value only",
             .config_size = sizeof(struct antler_masking),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_IN_PLACE,
    .mask = ANTLER_MASK_MAKE,
    .infer = infer,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
};

/* Concatenate: tensors one behind the other along an axis,

     y [.., offset_i + j, ..] = x_i [.., j, ..]

   A tensor is `rows` rows of `width` numbers, those from the axis on; y's rows are theirs side by side.

   Masks: along the steps (axis 1) they are joined as the tensors are; along another axis a step is there if it is in
   any tensor, in Keras before 3.4 if it is in all. A tensor without a mask has all its steps. */
#include "layers/shared/common.h"
#include "layers/shared/masks.h"

#include <string.h>

enum { STEPS = 1 }; /* the axis that a mask has */

static const antler_field fields[] = {
    ANTLER_FIELD_NUMBER(struct antler_concatenate, axis, ANTLER_INT, "-1", 0, 0,
                        "along which the tensors lie one behind the other; not that of the batch, 0"),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4, 3) (4, 1) (4, 2) {}",
    "(4, 3) (1, 3) {\"axis\": 1}",
    "(2, 3, 2) (2, 1, 2) {\"axis\": -2}",
    "(5) (3) {\"axis\": 1}",
    NULL,
};

static antler_status refuse_shapes(antler_error *err, int axis)
{
    return antler_error_set(err, ANTLER_SHAPE, NULL, "expected tensors of equal sizes but for axis %d", axis);
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const struct antler_concatenate *cfg = config;
    int axis = antler_axis(cfg->axis, in->rank);
    if (in[1].rank == 0)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "it takes a list of at least 2 tensors, got 1");
    if (axis < 1)
        return antler_error_set(err, ANTLER_SHAPE, "axis", "%lld is not an axis of %d, or it is the batch's",
                                (long long)cfg->axis, in->rank);
    *out = in[0];
    for (int i = 1; in[i].rank; i++) {
        if (in[i].rank != in->rank)
            return refuse_shapes(err, axis);
        for (int d = 1; d < in->rank; d++)
            if (d != axis && in[i].dim[d] != in->dim[d])
                return refuse_shapes(err, axis);
        out->dim[axis] += in[i].dim[axis];
        if (out->dim[axis] > (int64_t)ANTLER_MOST_UNITS)
            return antler_error_set(err, ANTLER_SHAPE, NULL, "axis %d of the output is larger than %.0f", axis,
                                    ANTLER_MOST_UNITS);
    }
    return ANTLER_OK;
}

typedef struct job {
    const antler_run *run;
    int axis;
    int64_t width; /* of a row of y */
} job;

static void forward_rows(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    antler_real *y = j->run->y->data + first * j->width;
    for (int64_t row = first; row < first + count; row++)
        for (int i = 0; i < j->run->inputs; i++) {
            const antler_tensor *x = &j->run->x[i];
            int64_t width = antler_count(&x->shape, j->axis);
            memcpy(y, x->data + row * width, (size_t)width * sizeof *y);
            y += width;
        }
}

static void backward_rows(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const antler_real *dy = j->run->dy->data + first * j->width;
    for (int64_t row = first; row < first + count; row++)
        for (int i = 0; i < j->run->inputs; i++) {
            antler_real *dx = j->run->dx[i].data;
            int64_t width = antler_count(&j->run->x[i].shape, j->axis);
            if (dx)
                memcpy(dx + row * width, dy, (size_t)width * sizeof *dx);
            dy += width;
        }
}

/* The masks one behind the other; a tensor without one has all its steps. */
static void append_masks(const antler_run *run)
{
    antler_real *to = run->mask_out->data;
    for (int64_t b = 0; b < run->y->shape.dim[0]; b++)
        for (int i = 0; i < run->inputs; i++) {
            const antler_real *mask = run->mask[i].data;
            int64_t steps = run->x[i].shape.dim[STEPS];
            for (int64_t t = 0; t < steps; t++)
                *to++ = !mask || mask[b * steps + t] != 0;
        }
}

static antler_status forward(const void *config, antler_run *run)
{
    const struct antler_concatenate *cfg = config;
    job j = {.run = run, .axis = antler_axis(cfg->axis, run->y->shape.rank)};
    j.width = antler_count(&run->y->shape, j.axis);
    antler_run_ranges(run, antler_count(&run->y->shape, 0) / j.width, j.width, forward_rows, &j);
    if (j.axis != STEPS)
        antler__join_masks(run);
    else if (run->mask_out->data)
        append_masks(run);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    const struct antler_concatenate *cfg = config;
    job j = {.run = run, .axis = antler_axis(cfg->axis, run->dy->shape.rank)};
    j.width = antler_count(&run->dy->shape, j.axis);
    antler_run_ranges(run, antler_count(&run->dy->shape, 0) / j.width, j.width, backward_rows, &j);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_concatenate = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Concatenate",
             .doc = "tensors one behind the other",
             .config_size = sizeof(struct antler_concatenate),
             .fields = fields,
             .samples = samples},
    .inputs = ANTLER_MANY,
    .mask = ANTLER_MASK_ANY,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};

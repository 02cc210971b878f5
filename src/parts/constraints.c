/* Constraints: what is done to a weight after each update. The norm constraints scale the vectors along `axis` of w by
   wanted / (1e-7 + norm), so that a norm of 0 stays one. Norms are in double. */
#include "parts/parts.h"

#include <math.h>

#define ANTLER_NORM_EPSILON 1e-7

typedef struct norms {
    double min_value, max_value, rate;
    int64_t axis[ANTLER_MAX_RANK + 1];
} norms;

/* One bit for each axis of w that the norm runs along. An axis that w has not is left out. */
static unsigned axes_of(const norms *config, int rank)
{
    unsigned axes = 0;
    for (int i = 0; i <= ANTLER_MAX_RANK && config->axis[i] != ANTLER_NULL; i++) {
        const int64_t axis = config->axis[i] < 0 ? config->axis[i] + rank : config->axis[i];
        if (axis >= 0 && axis < rank)
            axes |= 1u << axis;
    }
    return axes;
}

static int64_t count_of(const antler_shape *shape, unsigned axes)
{
    int64_t n = 1;
    for (int i = 0; i < shape->rank; i++)
        n *= axes >> i & 1 ? shape->dim[i] : 1;
    return n;
}

/* Offset of the index-th element of the sub-array that has only these axes, in row-major order. */
static int64_t place_of(const antler_shape *shape, unsigned axes, int64_t index)
{
    int64_t place = 0, stride = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        if (axes >> i & 1) {
            place += index % shape->dim[i] * stride;
            index /= shape->dim[i];
        }
        stride *= shape->dim[i];
    }
    return place;
}

/* What vectors of this norm are multiplied by. */
typedef double scale_fn(const norms *config, double norm);

enum { BLOCK = 64 };

/* Scales `width` vectors that lie side by side from w on. */
static void scale_block(const norms *config, scale_fn *scale, const antler_shape *shape, unsigned along, antler_real *w,
                        int64_t width)
{
    const int64_t length = count_of(shape, along);
    double sum[BLOCK] = {0};
    antler_real factor[BLOCK];
    for (int64_t r = 0; r < length; r++) {
        const antler_real *x = w + place_of(shape, along, r);
        for (int64_t j = 0; j < width; j++)
            sum[j] += (double)x[j] * (double)x[j];
    }
    for (int64_t j = 0; j < width; j++)
        factor[j] = (antler_real)scale(config, sqrt(sum[j]));
    for (int64_t r = 0; r < length; r++) {
        antler_real *x = w + place_of(shape, along, r);
        for (int64_t j = 0; j < width; j++)
            x[j] *= factor[j];
    }
}

/* The last axes that the norm does not run along are contiguous: vectors are taken side by side there. */
static void scale_all(const norms *config, scale_fn *scale, antler_tensor *w)
{
    const antler_shape *shape = &w->shape;
    const unsigned along = axes_of(config, shape->rank);
    unsigned inner = 0, outer;
    for (int i = shape->rank - 1; i >= 0 && !(along >> i & 1); i--)
        inner |= 1u << i;
    outer = ((1u << shape->rank) - 1) & ~along & ~inner;
    const int64_t outers = count_of(shape, outer), width = count_of(shape, inner);
    for (int64_t o = 0; o < outers; o++) {
        antler_real *start = w->data + place_of(shape, outer, o);
        for (int64_t j = 0; j < width; j += BLOCK)
            scale_block(config, scale, shape, along, start + j, width - j < BLOCK ? width - j : BLOCK);
    }
}

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static double to_max(const norms *config, double norm)
{
    return clamp(norm, 0, config->max_value) / (ANTLER_NORM_EPSILON + norm);
}

static double to_unit(const norms *config, double norm)
{
    (void)config;
    return 1 / (ANTLER_NORM_EPSILON + norm);
}

static double to_range(const norms *config, double norm)
{
    const double wanted = config->rate * clamp(norm, config->min_value, config->max_value) + (1 - config->rate) * norm;
    return wanted / (ANTLER_NORM_EPSILON + norm);
}

static void max_norm_apply(const void *config, antler_tensor *w)
{
    scale_all(config, to_max, w);
}

static void unit_norm_apply(const void *config, antler_tensor *w)
{
    scale_all(config, to_unit, w);
}

static void min_max_norm_apply(const void *config, antler_tensor *w)
{
    scale_all(config, to_range, w);
}

static void non_neg_apply(const void *config, antler_tensor *w)
{
    (void)config;
    const int64_t n = antler_count(&w->shape, 0);
    for (int64_t i = 0; i < n; i++)
        if (w->data[i] < 0)
            w->data[i] = 0;
}

#define ANTLER_NORM(member, json, most, line)                                                            \
    {                                                                                                    \
        .key = #member, .kind = ANTLER_REAL, .offset = offsetof(norms, member), .def = (json), .min = 0, \
        .max = (most), .doc = (line)                                                                     \
    }
#define ANTLER_NORM_AXIS                                                                                          \
    {                                                                                                             \
        .key = "axis", .kind = ANTLER_INTS, .offset = offsetof(norms, axis), .def = "0", .min = -ANTLER_MAX_RANK, \
        .max = ANTLER_MAX_RANK - 1, .flags = ANTLER_AXES,                                                         \
        .doc = "axis or axes that a vector runs along; [0, 1, 2] for a Conv2D kernel"                             \
    }

static const antler_field max_norm_fields[] = {
    ANTLER_NORM(max_value, "2", 1e30, "largest norm"),
    ANTLER_NORM_AXIS,
    ANTLER_FIELD_END,
};
static const antler_field unit_norm_fields[] = {ANTLER_NORM_AXIS, ANTLER_FIELD_END};
static const antler_field min_max_norm_fields[] = {
    ANTLER_NORM(min_value, "0.0", 1e30, "smallest norm"),
    ANTLER_NORM(max_value, "1.0", 1e30, "largest norm"),
    ANTLER_NORM(rate, "1.0", 1, "share of the way to the wanted norm that one step goes"),
    ANTLER_NORM_AXIS,
    ANTLER_FIELD_END,
};
#undef ANTLER_NORM
#undef ANTLER_NORM_AXIS

static const antler_constraint_ops max_norm = {
    .type = {.size = sizeof(antler_constraint_ops),
             .kind = ANTLER_KIND_CONSTRAINT,
             .class_name = "MaxNorm",
             .aliases = (const char *const[]){"max_norm", NULL},
             .doc = "vectors no longer than max_value",
             .config_size = sizeof(norms),
             .fields = max_norm_fields},
    .apply = max_norm_apply,
};

static const antler_constraint_ops non_neg = {
    .type = {.size = sizeof(antler_constraint_ops),
             .kind = ANTLER_KIND_CONSTRAINT,
             .class_name = "NonNeg",
             .aliases = (const char *const[]){"non_neg", NULL},
             .doc = "negative weights become 0"},
    .apply = non_neg_apply,
};

static const antler_constraint_ops unit_norm = {
    .type = {.size = sizeof(antler_constraint_ops),
             .kind = ANTLER_KIND_CONSTRAINT,
             .class_name = "UnitNorm",
             .aliases = (const char *const[]){"unit_norm", NULL},
             .doc = "vectors of length 1",
             .config_size = sizeof(norms),
             .fields = unit_norm_fields},
    .apply = unit_norm_apply,
};

static const antler_constraint_ops min_max_norm = {
    .type = {.size = sizeof(antler_constraint_ops),
             .kind = ANTLER_KIND_CONSTRAINT,
             .class_name = "MinMaxNorm",
             .aliases = (const char *const[]){"min_max_norm", NULL},
             .doc = "vectors of a length between min_value and max_value",
             .config_size = sizeof(norms),
             .fields = min_max_norm_fields},
    .apply = min_max_norm_apply,
};

const antler_type *const antler__constraints[] = {
    &max_norm.type, &non_neg.type, &unit_norm.type, &min_max_norm.type, NULL,
};

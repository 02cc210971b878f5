/* Operators that leave the numbers where they are, under another shape: Reshape, ExpandDims, Squeeze; and Cast from one
   kind of real numbers to another, which are all one here. */
#include "layers/operations/operation.h"

#include <string.h>

/* Checks what was inferred against the numbers of a sample. */
static antler_status check_size(const antler_shape *in, const antler_shape *out, const char *key, antler_error *err)
{
    double wanted = 1;
    for (int i = 1; i < out->rank; i++)
        wanted *= (double)out->dim[i];
    if (wanted == (double)antler_count(in, 1))
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_SHAPE, key, "a sample has %lld numbers, which do not fit",
                            (long long)antler_count(in, 1));
}

/* ---- Reshape ------------------------------------------------------------------------------------------------------
 */

typedef struct reshape {
    ANTLER_LAYER_KEYS
    int64_t newshape[ANTLER_MAX_RANK + 1];
} reshape;

static const antler_field reshape_fields[] = {
    ANTLER_FIELD_INTS(reshape, newshape, NULL, 0, -1, "sizes; the first is the batch's: -1, or a number"),
    ANTLER_FIELD_END,
};
static const char *const reshape_samples[] = {"(4, 6) {\"newshape\": [-1, 2, 12]}", "(4) {\"newshape\": [-1, 2, 2]}",
                                              NULL};

/* A size of -1 behind the batch's would be what the batch leaves. */
static antler_status reshape_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const reshape *cfg = config;
    *out = (antler_shape){.rank = 1, .dim = {in->dim[0]}};
    for (int i = 1; i < ANTLER_MAX_RANK && cfg->newshape[i]; i++) {
        if (cfg->newshape[i] < 0)
            return antler_error_set(err, ANTLER_UNSUPPORTED, "newshape",
                                    "only the first size, the batch's, can be left open");
        out->dim[out->rank++] = cfg->newshape[i];
    }
    return check_size(in, out, "newshape", err);
}

/* ---- ExpandDims, Squeeze ------------------------------------------------------------------------------------------
 */

typedef struct dims {
    ANTLER_LAYER_KEYS
    int64_t axis[ANTLER_MAX_RANK + 1];
} dims;

static const antler_field expand_fields[] = {
    ANTLER_FIELD_INTS(dims, axis, NULL, ANTLER_AXES, -ANTLER_MAX_RANK,
                      "of the output, where an axis of size 1 goes in"),
    ANTLER_FIELD_END,
};
static const antler_field squeeze_fields[] = {
    ANTLER_FIELD_INTS(dims, axis, "null", ANTLER_AXES | ANTLER_NULLABLE, -ANTLER_MAX_RANK,
                      "of size 1, that goes; null: all of them"),
    ANTLER_FIELD_END,
};
static const char *const expand_samples[] = {"(4, 3) {\"axis\": 1}", "(4, 3) {\"axis\": -1}", "(4) {\"axis\": [1, -1]}",
                                             NULL};
static const char *const squeeze_samples[] = {"(1, 3) {\"axis\": 1}", "(1, 3, 1) {}", NULL};

/* The axes of a list, of a tensor of `rank` axes; false: one is none of them, or the batch's, or comes twice. */
static bool mark_axes(const int64_t *axis, int rank, bool *marked)
{
    memset(marked, 0, ANTLER_MAX_RANK * sizeof *marked);
    for (int i = 0; i < ANTLER_MAX_RANK && axis[i] != ANTLER_NULL; i++) {
        int a = antler_axis(axis[i], rank);
        if (a < 1 || marked[a])
            return false;
        marked[a] = true;
    }
    return true;
}

static int count_axes(const int64_t *axis)
{
    int n = 0;
    while (n < ANTLER_MAX_RANK && axis[n] != ANTLER_NULL)
        n++;
    return n;
}

static antler_status refuse_axis(antler_error *err, int rank)
{
    return antler_error_set(err, ANTLER_SHAPE, "axis", "expected other axes of %d than the batch's, 0, each once",
                            rank);
}

static antler_status expand_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const dims *cfg = config;
    bool marked[ANTLER_MAX_RANK];
    int rank = in->rank + count_axes(cfg->axis), from = 0;
    if (rank > ANTLER_MAX_RANK || !mark_axes(cfg->axis, rank, marked))
        return refuse_axis(err, rank);
    out->rank = rank;
    for (int i = 0; i < rank; i++)
        out->dim[i] = marked[i] ? 1 : in->dim[from++];
    return ANTLER_OK;
}

static antler_status squeeze_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const dims *cfg = config;
    bool marked[ANTLER_MAX_RANK], all = cfg->axis[0] == ANTLER_NULL;
    if (!all && !mark_axes(cfg->axis, in->rank, marked))
        return refuse_axis(err, in->rank);
    *out = (antler_shape){.rank = 1, .dim = {in->dim[0]}};
    for (int i = 1; i < in->rank; i++) {
        bool goes = all ? in->dim[i] == 1 : marked[i];
        if (goes && in->dim[i] != 1)
            return antler_error_set(err, ANTLER_SHAPE, "axis", "axis %d has size %lld, not 1", i,
                                    (long long)in->dim[i]);
        if (!goes)
            out->dim[out->rank++] = in->dim[i];
    }
    return ANTLER_OK;
}

/* ---- Cast ---------------------------------------------------------------------------------------------------------
 */

typedef struct cast {
    ANTLER_LAYER_KEYS
    const char *to;
} cast;

static const antler_field cast_fields[] = {
    {.key = "dtype",
     .kind = ANTLER_STRING,
     .offset = offsetof(cast, to),
     .def = "\"float32\"",
     .doc = "a real type; computation is in float"},
    ANTLER_FIELD_END,
};
static const char *const cast_samples[] = {"(4, 3) {\"dtype\": \"float32\"}", NULL};

static antler_status cast_check(void *config, antler_error *err)
{
    const cast *cfg = config;
    if (strstr(cfg->to, "float"))
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_UNSUPPORTED, "dtype", "\"%.40s\" is no type of real numbers", cfg->to);
}

/* ---- the tables ---------------------------------------------------------------------------------------------------
 */

#define VIEW(name, class, home, config, rows, tries, line, rule, inferred, ...)                     \
    const antler_operation_ops antler__operation_##name = {                                         \
        .layer = {.type = ANTLER_OPERATION_TYPE(class, config, rows, tries, line, .check = (rule)), \
                  .flags = ANTLER_VIEW,                                                             \
                  .mask = ANTLER_MASK_END,                                                          \
                  .infer = (inferred),                                                              \
                  .arguments = antler__one_tensor},                                                 \
        .module = (home),                                                                           \
        .spelling = (const antler_spelling[]){__VA_ARGS__, {NULL, NULL}},                           \
    };

VIEW(cast, "Cast", "keras.src.ops.core", cast, cast_fields, cast_samples, "to another type of numbers", cast_check,
     antler_infer_same, {"cast", "x dtype"}, {"identity", "input=x"})
VIEW(expand_dims, "ExpandDims", ANTLER_NUMPY, dims, expand_fields, expand_samples, "more axes, of size 1", NULL,
     expand_infer, {"expand_dims", "input=x axis"})
VIEW(reshape, "Reshape", ANTLER_NUMPY, reshape, reshape_fields, reshape_samples, "a sample under another shape", NULL,
     reshape_infer, {"reshape", "tensor=x shape=newshape"})
VIEW(squeeze, "Squeeze", ANTLER_NUMPY, dims, squeeze_fields, squeeze_samples, "without axes of size 1", NULL,
     squeeze_infer, {"compat.v1.squeeze", "input=x axis"}, {"squeeze", "input=x axis"})

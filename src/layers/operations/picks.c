/* Operators that pick numbers of a sample by steps along its axes: GetItem (x[:, 1:3]), Transpose, Swapaxes, Moveaxis,
   Flip. The axis of the batch stays as it is. */
#include "layers/operations/operation.h"
#include "layers/shared/pick.h"

#include <stdlib.h>
#include <string.h>

typedef struct picking {
    ANTLER_LAYER_KEYS
    int64_t axes[ANTLER_MAX_RANK + 1];
    int64_t from, to;
    const char *key;
} picking;

/* What a config picks of x, or why it cannot. */
typedef antler_status pick_fn(const picking *cfg, const antler_shape *x, antler_pick *p, antler_error *err);

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err,
                           pick_fn *pick)
{
    antler_pick p;
    ANTLER_TRY(pick(config, in, &p, err));
    *out = antler__picked_shape(&p, in->dim[0]);
    return ANTLER_OK;
}

static antler_status forward(const void *config, antler_run *run, pick_fn *pick)
{
    antler_pick p;
    ANTLER_TRY(pick(config, &run->x->shape, &p, run->err));
    antler__pick_forward(run, &p);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run, pick_fn *pick)
{
    antler_pick p;
    if (!run->dx->data)
        return ANTLER_OK;
    ANTLER_TRY(pick(config, &run->dx->shape, &p, run->err));
    antler__pick_backward(run, &p);
    return ANTLER_OK;
}

/* ---- axes ---------------------------------------------------------------------------------------------------------
 */

static antler_status refuse_axis(antler_error *err, const char *key, int rank)
{
    return antler_error_set(err, ANTLER_SHAPE, key, "expected axes of %d; that of the batch, 0, stays where it is",
                            rank);
}

static antler_status pick_transpose(const picking *cfg, const antler_shape *x, antler_pick *p, antler_error *err)
{
    int order[ANTLER_MAX_RANK];
    bool seen[ANTLER_MAX_RANK] = {false};
    for (int i = 0; i < x->rank; i++) {
        order[i] = cfg->axes[i] == ANTLER_NULL ? -1 : antler_axis(cfg->axes[i], x->rank);
        if (order[i] < 0 || seen[order[i]] || (i == 0) != (order[i] == 0))
            return refuse_axis(err, "axes", x->rank);
        seen[order[i]] = true;
    }
    if (x->rank < ANTLER_MAX_RANK && cfg->axes[x->rank] != ANTLER_NULL)
        return refuse_axis(err, "axes", x->rank);
    *p = antler__pick_axes(x, order);
    return ANTLER_OK;
}

static antler_status pick_swap(const picking *cfg, const antler_shape *x, antler_pick *p, antler_error *err)
{
    int order[ANTLER_MAX_RANK], a = antler_axis(cfg->from, x->rank), b = antler_axis(cfg->to, x->rank);
    if (a < 1 || b < 1)
        return refuse_axis(err, a < 1 ? "axis1" : "axis2", x->rank);
    for (int i = 0; i < x->rank; i++)
        order[i] = i == a ? b : i == b ? a : i;
    *p = antler__pick_axes(x, order);
    return ANTLER_OK;
}

static antler_status pick_move(const picking *cfg, const antler_shape *x, antler_pick *p, antler_error *err)
{
    int order[ANTLER_MAX_RANK], from = antler_axis(cfg->from, x->rank), to = antler_axis(cfg->to, x->rank);
    if (from < 1 || to < 1)
        return refuse_axis(err, from < 1 ? "source" : "destination", x->rank);
    for (int i = 0; i < x->rank; i++) {
        int left = i < to ? i : i - 1; /* its place among the others */
        order[i] = i == to ? from : left < from ? left : left + 1;
    }
    *p = antler__pick_axes(x, order);
    return ANTLER_OK;
}

static antler_status pick_flip(const picking *cfg, const antler_shape *x, antler_pick *p, antler_error *err)
{
    *p = antler__pick(x);
    for (int i = 0; i < ANTLER_MAX_RANK && cfg->axes[i] != ANTLER_NULL; i++) {
        int a = antler_axis(cfg->axes[i], x->rank) - 1;
        if (a < 0)
            return refuse_axis(err, "axis", x->rank);
        p->first += (p->dim[a] - 1) * p->step[a];
        p->step[a] = -p->step[a];
    }
    return ANTLER_OK;
}

/* ---- GetItem ------------------------------------------------------------------------------------------------------
 */

/* One of an index's items, "1:3", "-1", "None" or "...", as text. */
typedef struct item {
    char text[48];
} item;

static int split(const char *key, item *items)
{
    int n = 0;
    while (*key && n < 2 * ANTLER_MAX_RANK) {
        size_t length = strcspn(key, ",");
        memset(items[n].text, 0, sizeof items[n].text);
        memcpy(items[n++].text, key, length < sizeof items->text - 1 ? length : sizeof items->text - 1);
        key += length;
        key += strspn(key, ", ");
    }
    return n;
}

static bool is_slice(const item *i)
{
    return strchr(i->text, ':') != NULL;
}

/* A number, to be clamped to [least, most] after one below 0 has counted from the end; none: `def`. */
static int64_t bound(const char **text, int64_t size, int64_t least, int64_t most, int64_t def)
{
    char *end;
    int64_t number = strtol(*text, &end, 10);
    bool none = end == *text;
    *text = *end == ':' ? end + 1 : end;
    if (none)
        return def;
    number += number < 0 ? size : 0;
    return number < least ? least : number > most ? most : number;
}

static int64_t step_of(const char *text)
{
    const char *last = strrchr(text, ':');
    int64_t step = last && last != strchr(text, ':') && last[1] ? strtol(last + 1, NULL, 10) : 1;
    return step;
}

/* As Python's slice.indices. */
static bool take_slice(const item *i, int64_t size, int64_t step_in, int64_t *first, int64_t *dim, int64_t *step)
{
    const char *text = i->text;
    int64_t by = step_of(text);
    bool back = by < 0;
    int64_t start = bound(&text, size, back ? -1 : 0, back ? size - 1 : size, back ? size - 1 : 0);
    int64_t stop = bound(&text, size, back ? -1 : 0, back ? size - 1 : size, back ? -1 : size);
    if (by == 0)
        return false;
    *dim = back ? (start - stop - by - 1) / -by : (stop - start + by - 1) / by;
    *first += start * step_in;
    *step = by * step_in;
    return *dim > 0;
}

static antler_status refuse_key(const picking *cfg, const antler_shape *x, antler_error *err, const char *why)
{
    char text[128];
    return antler_error_set(err, ANTLER_UNSUPPORTED, NULL, "[%.80s] of %s: %s", cfg->key ? cfg->key : "",
                            antler_shape_text(x, text, sizeof text), why);
}

/* Item k of the index, for axis `axis` of x: it is one of y, or goes, or y gets one of size 1. */
static antler_status take_item(const picking *cfg, const item *it, const antler_shape *x, const antler_pick *all,
                               int axis, antler_pick *p, antler_error *err)
{
    int64_t size = all->dim[axis - 1], step = all->step[axis - 1];
    if (is_slice(it)) {
        if (!take_slice(it, size, step, &p->first, &p->dim[p->rank], &p->step[p->rank]))
            return refuse_key(cfg, x, err, "a slice is empty, or has step 0");
        p->rank++;
        return ANTLER_OK;
    }
    int64_t index = strtol(it->text, NULL, 10);
    index += index < 0 ? size : 0;
    if (index < 0 || index >= size)
        return refuse_key(cfg, x, err, "an index lies outside of its axis");
    p->first += index * step;
    return ANTLER_OK;
}

static antler_status pick_items(const picking *cfg, const antler_shape *x, antler_pick *p, antler_error *err)
{
    item items[2 * ANTLER_MAX_RANK];
    antler_pick all = antler__pick(x);
    int n = split(cfg->key ? cfg->key : "", items), axes = 0, axis = 0;
    *p = (antler_pick){.size = all.size};
    for (int k = 0; k < n; k++)
        axes += strcmp(items[k].text, "None") != 0 && strcmp(items[k].text, "...") != 0;
    for (int k = 0; k < n; k++) {
        bool rest = strcmp(items[k].text, "...") == 0, is_new = strcmp(items[k].text, "None") == 0;
        if (axis == 0 && !rest && strcmp(items[k].text, ":") != 0)
            return refuse_key(cfg, x, err, "the axis of the batch can only be taken whole");
        if (axes > x->rank || p->rank >= ANTLER_MAX_RANK - 1)
            return refuse_key(cfg, x, err, "too many axes");
        if (is_new) {
            p->dim[p->rank] = 1;
            p->step[p->rank++] = 0;
            continue;
        }
        for (int left = rest ? x->rank - axes : 0; left > 0; left--, axis++)
            if (axis > 0) {
                p->dim[p->rank] = all.dim[axis - 1];
                p->step[p->rank++] = all.step[axis - 1];
            }
        if (rest)
            axes = x->rank; /* only one is possible */
        else if (axis++ > 0)
            ANTLER_TRY(take_item(cfg, &items[k], x, &all, axis - 1, p, err));
    }
    for (; axis < x->rank; axis++)
        if (axis > 0) {
            p->dim[p->rank] = all.dim[axis - 1];
            p->step[p->rank++] = all.step[axis - 1];
        }
    return p->rank > 0 ? ANTLER_OK : refuse_key(cfg, x, err, "one number of a sample; expected at least one axis");
}

antler_status antler__pick_items(const void *config, const antler_shape *x, antler_pick *p)
{
    return pick_items(config, x, p, NULL);
}

/* ---- the tables ---------------------------------------------------------------------------------------------------
 */

#define AXIS(name, member, line)                                                              \
    {                                                                                         \
        .key = (name), .kind = ANTLER_INT, .offset = offsetof(picking, member), .doc = (line) \
    }
static const antler_field transpose_fields[] = {
    ANTLER_FIELD_INTS(picking, axes, NULL, ANTLER_AXES, -ANTLER_MAX_RANK, "of x, in the order of y; 0 first"),
    ANTLER_FIELD_END,
};
static const antler_field flip_fields[] = {
    {.key = "axis",
     .kind = ANTLER_INTS,
     .offset = offsetof(picking, axes),
     .min = -ANTLER_MAX_RANK,
     .max = ANTLER_MAX_RANK,
     .flags = ANTLER_AXES,
     .doc = "that are turned round"},
    ANTLER_FIELD_END,
};
static const antler_field swap_fields[] = {
    AXIS("axis1", from, "one axis"),
    AXIS("axis2", to, "the other"),
    ANTLER_FIELD_END,
};
static const antler_field move_fields[] = {
    AXIS("source", from, "of x"),
    AXIS("destination", to, "of y"),
    ANTLER_FIELD_END,
};
static const antler_field item_fields[] = {
    {.key = "key",
     .kind = ANTLER_STRING,
     .offset = offsetof(picking, key),
     .def = "null",
     .flags = ANTLER_NULLABLE | ANTLER_UNSAVED,
     .doc = "the index, as Python spells it"},
    ANTLER_FIELD_END,
};

static const char *const transpose_samples[] = {"(2, 3) {\"axes\": [0, 2, 1]}", "(2, 3, 4) {\"axes\": [0, 3, 1, -2]}",
                                                NULL};
static const char *const flip_samples[] = {"(4, 3) {\"axis\": 1}", "(4, 3) {\"axis\": [1, -1]}", NULL};
static const char *const swap_samples[] = {"(2, 3, 4) {\"axis1\": 1, \"axis2\": -1}", NULL};
static const char *const move_samples[] = {"(2, 3, 4) {\"source\": 1, \"destination\": 3}",
                                           "(2, 3, 4) {\"source\": -1, \"destination\": 1}", NULL};
static const char *const item_samples[] = {
    "(4, 3) {\"key\": \":, 1:3\"}",      "(4, 3) {\"key\": \":, -1\"}",
    "(4, 3) {\"key\": \"..., 0\"}",      "(4, 3) {\"key\": \":, ::-1\"}",
    "(5, 3) {\"key\": \":, 1::2\"}",     "(4, 3) {\"key\": \"..., None\"}",
    "(5) {\"key\": \":, None, -9:-1\"}", NULL,
};

static const char *const item_arguments[] = {"x", "key", NULL};

#define PICK(name, class, rows, tries, line, takes, pick, ...)                                       \
    static antler_status name##_infer(const void *config, const antler_shape *in, antler_shape *out, \
                                      antler_error *err)                                             \
    {                                                                                                \
        return infer(config, in, out, err, pick);                                                    \
    }                                                                                                \
    static antler_status name##_forward(const void *config, antler_run *run)                         \
    {                                                                                                \
        return forward(config, run, pick);                                                           \
    }                                                                                                \
    static antler_status name##_backward(const void *config, antler_run *run)                        \
    {                                                                                                \
        return backward(config, run, pick);                                                          \
    }                                                                                                \
    const antler_operation_ops antler__operation_##name = {                                          \
        .layer = {.type = ANTLER_OPERATION_TYPE(class, picking, rows, tries, line, .aliases = NULL), \
                  .mask = ANTLER_MASK_END,                                                           \
                  .infer = name##_infer,                                                             \
                  .forward = name##_forward,                                                         \
                  .backward = name##_backward,                                                       \
                  .arguments = (takes)},                                                             \
        .module = ANTLER_NUMPY,                                                                      \
        .spelling = (const antler_spelling[]){__VA_ARGS__, {NULL, NULL}},                            \
    };

PICK(flip, "Flip", flip_fields, flip_samples, "axes turned round", antler__one_tensor, pick_flip,
     {"reverse", "tensor=x axis"})
PICK(get_item, "GetItem", item_fields, item_samples, "a part by an index", item_arguments, pick_items,
     {"__operators__.getitem", "x slice_spec=key"})
PICK(moveaxis, "Moveaxis", move_fields, move_samples, "one axis elsewhere", antler__one_tensor, pick_move, {NULL, NULL})
PICK(swapaxes, "Swapaxes", swap_fields, swap_samples, "two axes exchanged", antler__one_tensor, pick_swap, {NULL, NULL})
PICK(transpose, "Transpose", transpose_fields, transpose_samples, "axes in another order", antler__one_tensor,
     pick_transpose, {"compat.v1.transpose", "a=x perm=axes"}, {"transpose", "a=x perm=axes"})

/* The tables together, and what every layer's saying has around it. */
#include "onnx/say.h"

#include "core/memory.h"
#include "layers/shared/common.h"
#include "model/channels.h"

#include <stdio.h>
#include <string.h>

/* ---- finding ----------------------------------------------------------------------------------------------------- */

static const antler_saying *find_in(const antler_saying *table, const antler_type *type)
{
    while (table->type && table->type != type)
        table++;
    return table->type ? table : NULL;
}

static bool has_open_axes(const antler_layer *layer)
{
    bool open = false;
    for (int i = 0; i < layer->inputs; i++)
        open |= antler__is_open(&layer->in[i]);
    for (int i = 0; i < layer->outputs; i++)
        open |= antler__is_open(&layer->out[i]);
    return open;
}

/* To a shape with one open axis, which is what is left. */
static void reshape_open(antler_onnx *o, antler_said *s)
{
    const antler_shape *out = antler__out_of(s);
    int64_t size[ANTLER_MAX_RANK];
    int open = 0;
    for (int i = 0; i < out->rank; i++) {
        size[i] = i == 0 ? 0 : out->dim[i];
        open += size[i] < 0;
    }
    if (open > 1)
        antler__onnx_refuse(o,
                            "several axes of variable length: with a number in place of all but one it can be said in "
                            "ONNX");
    s->y[0] = antler__reshape(o, s->x[0], out->rank, size);
}

/* Two lists of sizes, one behind the other, as the shape of x. */
static antler_term *reshape_to(antler_onnx *o, antler_term *x, antler_term *before, antler_term *behind)
{
    antler_term *shape = antler__op2(o, "Concat", before, behind);
    antler__set_int(o, "axis", 0);
    return antler__op2(o, "Reshape", x, shape);
}

static antler_term *sizes_from(antler_onnx *o, antler_term *x, int64_t first)
{
    antler_term *sizes = antler__op1(o, "Shape", x);
    antler__set_int(o, "start", first);
    return sizes;
}

antler_term *antler__steps_in(antler_onnx *o, antler_term *x, const antler_shape *to)
{
    const int64_t rest = -1;
    return antler__is_open(to) ? reshape_to(o, x, antler__ints(o, 1, &rest), sizes_from(o, x, 2))
                               : antler__shaped(o, x, to);
}

antler_term *antler__steps_out(antler_onnx *o, antler_term *y, antler_term *x, const antler_shape *to)
{
    if (!antler__is_open(to))
        return antler__shaped(o, y, to);
    antler_term *begin = antler__op1(o, "Shape", x);
    antler__set_int(o, "end", 2);
    return reshape_to(o, y, begin, sizes_from(o, y, 1));
}

/* What changes no number is said by its shape alone. The core's own views, which have no name, make steps a part of the
   batch. */
static void say_view(antler_onnx *o, antler_said *s)
{
    const antler_shape *in = antler__in_of(s), *out = antler__out_of(s);
    if (!s->layer->ops->type.class_name)
        s->y[0] = s->entered ? antler__steps_out(o, s->x[0], s->entered, out) : antler__steps_in(o, s->x[0], out);
    else if (antler_shape_equal(in, out))
        s->y[0] = s->x[0];
    else if (antler__is_open(in) || antler__is_open(out))
        reshape_open(o, s);
    else
        s->y[0] = antler__shaped(o, s->x[0], out);
}

void antler__say_same(antler_onnx *o, antler_said *s)
{
    (void)o;
    s->y[0] = s->x[0];
}

static const antler_saying *find(const antler_onnx *o, const antler_layer *layer)
{
    static const antler_saying view = {NULL, say_view, true}, same = {NULL, antler__say_same, true};
    const antler_saying *const tables[] = {antler__say_plain,     antler__say_categories,    antler__say_spectrograms,
                                           antler__say_merging,   antler__say_convolutions,  antler__say_pooling,
                                           antler__say_attention, antler__say_recurrent,     antler__say_conv_lstm,
                                           antler__say_images,    antler__say_normalization, antler__say_operations};
    const antler_saying *found = NULL;
    if (o->noise && layer->sites > 0)
        return find_in(antler__say_noise, &layer->ops->type);
    for (size_t i = 0; !found && i < sizeof tables / sizeof *tables; i++)
        found = find_in(tables[i], &layer->ops->type);
    if (!found && layer->ops->flags & ANTLER_VIEW)
        found = &view;
    if (!found && layer->ops->flags & ANTLER_PASSES)
        found = &same;
    return found;
}

/* By the table's function, which like the layer's own methods sees channels behind all other axes. */
static void say_moved(antler_onnx *o, const antler_saying *row, antler_said *s)
{
    antler_layer seen = *s->layer;
    antler_term **x = antler__onnx_room(o, (size_t)seen.inputs + 1, sizeof *x);
    seen.in = antler__channels_seen(seen.object, s->layer->in);
    if (!seen.in && o->status == ANTLER_OK)
        o->status = antler__no_memory(o->err);
    for (int i = 0; x && i < seen.inputs && o->status == ANTLER_OK; i++) {
        const int rank = s->layer->in[i].rank;
        const int axis = antler__channels_axis(seen.object, rank);
        x[i] = axis ? antler__move_axis(o, s->x[i], rank, axis, rank - 1) : s->x[i];
    }
    for (int k = 0; k < seen.outputs; k++)
        seen.out[k] = antler__channels_last(&seen.out[k], antler__channels_axis(seen.object, seen.out[k].rank));
    antler_said inner = {.layer = &seen, .x = x, .mask = s->mask};
    if (o->status == ANTLER_OK)
        row->say(o, &inner);
    for (int k = 0; k < seen.outputs && o->status == ANTLER_OK; k++) {
        const int rank = seen.out[k].rank, axis = antler__channels_axis(seen.object, rank);
        s->y[k] = axis ? antler__move_axis(o, inner.y[k], rank, rank - 1, axis) : inner.y[k];
    }
    s->mask_out = inner.mask_out;
    antler__free(seen.in);
}

void antler__say(antler_onnx *o, antler_said *s)
{
    const antler_saying *row = find(o, s->layer);
    o->class_name = s->layer->ops->type.class_name;
    if (o->status != ANTLER_OK)
        return;
    if (!row && o->noise && s->layer->sites > 0)
        antler__onnx_refuse(o, "its noise cannot be said in ONNX");
    else if (!row)
        antler__onnx_refuse(o, "it cannot be said in ONNX");
    else if (!row->any_length && has_open_axes(s->layer))
        antler__onnx_refuse(o, "an axis of variable length: with a number in its place it can be said in ONNX");
    else if (antler__channels_field(s->layer->object))
        say_moved(o, row, s);
    else
        row->say(o, s);
    if (o->status == ANTLER_OK && s->layer->f)
        s->y[0] = antler__say_activation(o, s->layer->f, s->y[0]);
}

antler_said antler__say_child(antler_onnx *o, const antler_layer *child, antler_term *const *x,
                              antler_term *const *mask)
{
    const char *before = o->prefix, *class_before = o->class_name;
    size_t size = strlen(before) + strlen(child->name) + 2;
    char *path = antler__onnx_room(o, size, 1);
    antler_said s = {.layer = child, .x = x, .mask = mask};
    if (!path)
        return s;
    snprintf(path, size, "%s/%s", before, child->name);
    o->prefix = path;
    antler__say(o, &s);
    o->prefix = before;
    o->class_name = class_before;
    return s;
}

/* ---- for all ----------------------------------------------------------------------------------------------------- */

antler_term *antler__param(antler_onnx *o, const antler_said *s, int slot)
{
    return antler__parameter(o, antler__variable_at(s->layer, slot));
}

const antler_tensor *antler__param_tensor(const antler_onnx *o, const antler_said *s, int slot)
{
    return &o->model->variable[antler__variable_at(s->layer, slot)].view.value;
}

antler_term *antler__channels_second(antler_onnx *o, antler_term *x, int rank)
{
    return antler__move_axis(o, x, rank, rank - 1, 1);
}

antler_term *antler__channels_behind(antler_onnx *o, antler_term *x, int rank)
{
    return antler__move_axis(o, x, rank, 1, rank - 1);
}

antler_term *antler__mask_stretched(antler_onnx *o, antler_term *mask, int rank)
{
    return antler__widen(o, mask, 2, rank - 2);
}

antler_term *antler__mask_numbers(antler_onnx *o, antler_term *mask, int rank)
{
    return antler__cast(o, antler__mask_stretched(o, mask, rank), ANTLER_ONNX_REAL);
}

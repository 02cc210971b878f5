/* How layers are said in ONNX: a function for each type, found by its table. It is given a call, with the terms that
   are its inputs and their masks, and gives the terms of its outputs, before the activation, which the caller adds. */
#ifndef ANTLER_ONNX_SAY_H
#define ANTLER_ONNX_SAY_H

#include "antler/layers.h"
#include "antler/work.h"
#include "model/model.h"
#include "onnx/graph.h"

/* One use of a layer, or of a child of one. */
typedef struct antler_said {
    const antler_layer *layer;
    antler_term *const *x;              /* [layer->inputs] */
    antler_term *const *mask;           /* [layer->inputs] of booleans, (B, T); NULL each: none */
    antler_term *y[ANTLER_MAX_OUTPUTS]; /* [layer->outputs] */
    antler_term *mask_out;              /* of a layer that makes one */
    antler_term *entered;               /* where a model on steps ends: what it was given; else NULL */
} antler_said;

typedef void antler_say_fn(antler_onnx *o, antler_said *s);

/* A row of a table: what a type is said by, and whether axes beside the batch's may be of any length (size -1): else
   such a call is refused. Without a type it ends the table. */
typedef struct antler_saying {
    const antler_type *type;
    antler_say_fn *say;
    bool any_length;
} antler_saying;

/* The tables, of all kinds of layers. */
extern const antler_saying antler__say_plain[], antler__say_categories[], antler__say_spectrograms[],
    antler__say_merging[], antler__say_convolutions[], antler__say_pooling[], antler__say_normalization[],
    antler__say_attention[], antler__say_recurrent[], antler__say_conv_lstm[], antler__say_operations[],
    antler__say_images[], antler__say_noise[];

/* Says a layer or a child: by its table's function, then the activation. */
void antler__say(antler_onnx *o, antler_said *s);
/* Of a layer that changes nothing. */
antler_say_fn antler__say_same;
/* A child of a layer, with terms in the order of its inputs. */
antler_said antler__say_child(antler_onnx *o, const antler_layer *child, antler_term *const *x,
                              antler_term *const *mask);
/* y = f(x); NULL for the linear one. rank: of x. */
antler_term *antler__say_activation(antler_onnx *o, const antler_activation_ops *f, antler_term *x);

/* The config of the layer, and its first input and output. */
static inline const void *antler__config_of(const antler_said *s)
{
    return s->layer->object.config;
}
static inline const antler_shape *antler__in_of(const antler_said *s)
{
    return s->layer->in;
}
static inline const antler_shape *antler__out_of(const antler_said *s)
{
    return s->layer->out;
}

/* A parameter, or behind those a state, by slot. */
antler_term *antler__param(antler_onnx *o, const antler_said *s, int slot);

/* Its numbers. */
const antler_tensor *antler__param_tensor(const antler_onnx *o, const antler_said *s, int slot);

/* Channels behind the batch's axis, as ONNX has them, and back at the end. */
antler_term *antler__channels_second(antler_onnx *o, antler_term *x, int rank);
antler_term *antler__channels_behind(antler_onnx *o, antler_term *x, int rank);

/* Steps as a part of the batch: (B, T, ...) as (B T, ...), and what is made of it back, with the B and T of x. */
antler_term *antler__steps_in(antler_onnx *o, antler_term *x, const antler_shape *to);
antler_term *antler__steps_out(antler_onnx *o, antler_term *y, antler_term *x, const antler_shape *to);

/* A mask (B, T) as numbers 0 and 1, (B, T, 1 ...) for a tensor of `rank` axes. */
antler_term *antler__mask_numbers(antler_onnx *o, antler_term *mask, int rank);
/* The same as booleans. */
antler_term *antler__mask_stretched(antler_onnx *o, antler_term *mask, int rank);

#endif

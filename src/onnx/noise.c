/* Layers of noise that keep it: Dropout as ONNX has it, in its form for training. */
#include "onnx/say.h"

#include "layers/shared/common.h"

/* x, of which a part is 0 and the rest divided by 1 - rate. The choices are read, too, which changes nothing:
   onnxruntime takes any Dropout out of which they are not. */
static antler_term *drop(antler_onnx *o, antler_term *x, double rate)
{
    antler_term *y = antler__op3(o, "Dropout", x, antler__real(o, rate), antler__true(o));
    antler_term *kept = antler__also(o, 1);
    return antler__op3(o, "Where", kept, y, antler__real(o, 0));
}

/* One choice for each number of `drawn`: ones of that shape are dropped, and x multiplied by what is left. */
static void drop_shared(antler_onnx *o, antler_said *s, double rate, const antler_shape *drawn)
{
    const antler_shape *in = antler__in_of(s);
    antler_term *ones = s->x[0];
    if (antler_shape_equal(drawn, in)) {
        s->y[0] = drop(o, s->x[0], rate);
        return;
    }
    for (int i = 0; i < in->rank; i++)
        if (drawn->dim[i] == 1 && in->dim[i] != 1)
            ones = antler__slice(o, ones, i, 0, 1, 1);
    ones = antler__op1(o, "ConstantOfShape", antler__op1(o, "Shape", ones));
    ones = antler__op2(o, "Add", antler__cast(o, ones, ANTLER_ONNX_REAL), antler__real(o, 1));
    s->y[0] = antler__op2(o, "Mul", s->x[0], drop(o, ones, rate));
}

static void dropout(antler_onnx *o, antler_said *s)
{
    const struct antler_dropout *c = antler__config_of(s);
    const antler_shape drawn = antler__drawn_shape(c->noise_shape, antler__in_of(s));
    drop_shared(o, s, c->rate, &drawn);
}

/* One choice for each channel of a sample. */
static void spatial_dropout(antler_onnx *o, antler_said *s)
{
    const struct antler_spatial_dropout1d *c = antler__config_of(s);
    antler_shape drawn = *antler__in_of(s);
    for (int i = 1; i < drawn.rank - 1; i++)
        drawn.dim[i] = 1;
    drop_shared(o, s, c->rate, &drawn);
}

static antler_term *normal(antler_onnx *o, antler_term *x, double mean, double deviation)
{
    antler_term *n = antler__op1(o, "RandomNormalLike", x);
    antler__set_real(o, "mean", mean);
    antler__set_real(o, "scale", deviation);
    return n;
}

static void gaussian_noise(antler_onnx *o, antler_said *s)
{
    const struct antler_gaussian_noise *c = antler__config_of(s);
    s->y[0] = antler__op2(o, "Add", s->x[0], normal(o, s->x[0], 0, c->stddev));
}

const antler_saying antler__say_noise[] = {
    {&antler_layer_dropout.type, dropout, true},
    {&antler_layer_spatial_dropout1d.type, spatial_dropout, true},
    {&antler_layer_spatial_dropout2d.type, spatial_dropout, true},
    {&antler_layer_spatial_dropout3d.type, spatial_dropout, true},
    {&antler_layer_gaussian_noise.type, gaussian_noise, true},
    {NULL, NULL, false},
};

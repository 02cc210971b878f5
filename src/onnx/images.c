/* Images and axes of positions: margins, repetitions, other sizes. Other sizes are sums of weights along each axis, as
   the layers make them themselves: a matrix for the rows and one for the columns. */
#include "onnx/say.h"

#include "layers/shared/resample.h"

#include <string.h>

/* ---- margins ------------------------------------------------------------------------------------------------------
 */

static void zero_padding(antler_onnx *o, antler_said *s)
{
    const struct antler_zero_padding3d *c = antler__config_of(s);
    int rank = antler__in_of(s)->rank;
    int64_t pads[2 * ANTLER_MAX_RANK] = {0};
    for (int i = 0; i < rank - 2; i++) {
        pads[1 + i] = c->padding[2 * i];
        pads[rank + 1 + i] = c->padding[2 * i + 1];
    }
    s->y[0] = antler__op2(o, "Pad", s->x[0], antler__ints(o, 2 * rank, pads));
}

static void cropping(antler_onnx *o, antler_said *s)
{
    const struct antler_cropping3d *c = antler__config_of(s);
    const antler_shape *in = antler__in_of(s);
    int64_t first[3], end[3], axes[3];
    int n = in->rank - 2;
    for (int i = 0; i < n; i++) {
        first[i] = c->cropping[2 * i];
        end[i] = in->dim[1 + i] - c->cropping[2 * i + 1];
        axes[i] = 1 + i;
    }
    antler_term *x[] = {s->x[0], antler__ints(o, n, first), antler__ints(o, n, end), antler__ints(o, n, axes)};
    s->y[0] = antler__op(o, "Slice", 4, x);
}

/* ---- repetitions --------------------------------------------------------------------------------------------------
 */

/* As an axis of its own behind each, along which a number is repeated. */
static void repeat(antler_onnx *o, antler_said *s, const int64_t *times)
{
    const antler_shape *in = antler__in_of(s);
    int64_t size[ANTLER_ONNX_MOST] = {-1}, tiles[ANTLER_ONNX_MOST] = {1};
    int rank = 1;
    for (int i = 1; i < in->rank; i++) {
        size[rank] = in->dim[i];
        tiles[rank++] = 1;
        if (i < in->rank - 1) {
            size[rank] = 1;
            tiles[rank++] = times[i - 1];
        }
    }
    antler_term *x = antler__reshape(o, s->x[0], rank, size);
    x = antler__op2(o, "Tile", x, antler__ints(o, rank, tiles));
    s->y[0] = antler__shaped(o, x, antler__out_of(s));
}

static void up_sampling(antler_onnx *o, antler_said *s)
{
    const struct antler_up_sampling3d *c = antler__config_of(s);
    repeat(o, s, c->size);
}

static void up_sampling1d(antler_onnx *o, antler_said *s)
{
    const struct antler_up_sampling1d *c = antler__config_of(s);
    repeat(o, s, &c->size);
}

/* ---- other sizes --------------------------------------------------------------------------------------------------
 */

/* The weights of an axis, (out, in). */
static antler_term *weights(antler_onnx *o, const antler_resampling *r, const antler_window *window, int64_t in,
                            antler_real **to)
{
    antler_term *table = antler__table(o, 2, (int64_t[]){window->out, in}, to);
    for (int64_t i = 0; table && i < window->out; i++)
        antler__resample_weights(r, window, in, i, *to + i * in);
    return table;
}

static antler_real sum_of(const antler_real *weight, int64_t n)
{
    antler_real sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += weight[i];
    return sum;
}

/* What lies beyond the image, (rows, columns, 1); NULL for nothing. */
static antler_term *frame(antler_onnx *o, const antler_resampling *r, const antler_shape *in, const antler_real *rows,
                          const antler_real *columns)
{
    antler_real *to;
    antler_term *table = r->fill == 0 ? NULL : antler__table(o, 3, (int64_t[]){r->height.out, r->width.out, 1}, &to);
    for (int64_t y = 0; table && y < r->height.out; y++)
        for (int64_t x = 0; x < r->width.out; x++)
            to[y * r->width.out + x] = r->fill * (1 - sum_of(rows + y * in->dim[1], in->dim[1]) *
                                                          sum_of(columns + x * in->dim[2], in->dim[2]));
    return table;
}

static void resample(antler_onnx *o, antler_said *s, antler_resampling r)
{
    const antler_shape *in = antler__in_of(s);
    antler_real *of_rows = NULL, *of_columns = NULL;
    antler_term *rows = weights(o, &r, &r.height, in->dim[1], &of_rows);
    antler_term *columns = weights(o, &r, &r.width, in->dim[2], &of_columns);
    if (!rows || !columns)
        return;
    antler_term *y = antler__op2(o, "Einsum", s->x[0], rows);
    antler__set_text(o, "equation", "nhwc,yh->nywc");
    y = antler__op2(o, "Einsum", y, columns);
    antler__set_text(o, "equation", "nywc,xw->nyxc");
    antler_term *beyond = frame(o, &r, in, of_rows, of_columns);
    s->y[0] = beyond ? antler__op2(o, "Add", y, beyond) : y;
}

static void up_sampling2d(antler_onnx *o, antler_said *s)
{
    const struct antler_up_sampling2d *c = antler__config_of(s);
    const antler_shape *out = antler__out_of(s);
    int method = ANTLER_NEAREST;
    while (strcmp(antler__resample_methods[method], c->interpolation) != 0)
        method++;
    if (method == ANTLER_NEAREST)
        repeat(o, s, c->size);
    else
        resample(o, s, antler__resampling(antler__in_of(s), method, out->dim[1], out->dim[2]));
}

static void resizing(antler_onnx *o, antler_said *s)
{
    resample(o, s, antler__resizing(antler__config_of(s), antler__in_of(s)));
}

static void center_crop(antler_onnx *o, antler_said *s)
{
    resample(o, s, antler__center_crop(antler__config_of(s), antler__in_of(s)));
}

static void random_crop(antler_onnx *o, antler_said *s)
{
    resample(o, s, antler__random_crop(antler__config_of(s), antler__in_of(s)));
}

/* The others change images in training alone. */
const antler_saying antler__say_images[] = {
    {&antler_layer_zero_padding1d.type, zero_padding, true},
    {&antler_layer_zero_padding2d.type, zero_padding, true},
    {&antler_layer_zero_padding3d.type, zero_padding, true},
    {&antler_layer_cropping1d.type, cropping, false},
    {&antler_layer_cropping2d.type, cropping, false},
    {&antler_layer_cropping3d.type, cropping, false},
    {&antler_layer_up_sampling1d.type, up_sampling1d, false},
    {&antler_layer_up_sampling2d.type, up_sampling2d, false},
    {&antler_layer_up_sampling3d.type, up_sampling, false},
    {&antler_layer_resizing.type, resizing, false},
    {&antler_layer_center_crop.type, center_crop, false},
    {&antler_layer_random_crop.type, random_crop, false},
    {&antler_layer_rand_augment.type, antler__say_same, true},
    {&antler_layer_random_brightness.type, antler__say_same, true},
    {&antler_layer_random_color_degeneration.type, antler__say_same, true},
    {&antler_layer_random_color_jitter.type, antler__say_same, true},
    {&antler_layer_random_contrast.type, antler__say_same, true},
    {&antler_layer_random_elastic_transform.type, antler__say_same, true},
    {&antler_layer_random_erasing.type, antler__say_same, true},
    {&antler_layer_random_flip.type, antler__say_same, true},
    {&antler_layer_random_gaussian_blur.type, antler__say_same, true},
    {&antler_layer_random_grayscale.type, antler__say_same, true},
    {&antler_layer_random_hue.type, antler__say_same, true},
    {&antler_layer_random_invert.type, antler__say_same, true},
    {&antler_layer_random_perspective.type, antler__say_same, true},
    {&antler_layer_random_posterization.type, antler__say_same, true},
    {&antler_layer_random_rotation.type, antler__say_same, true},
    {&antler_layer_random_saturation.type, antler__say_same, true},
    {&antler_layer_random_sharpness.type, antler__say_same, true},
    {&antler_layer_random_shear.type, antler__say_same, true},
    {&antler_layer_random_translation.type, antler__say_same, true},
    {&antler_layer_random_zoom.type, antler__say_same, true},
    {&antler_layer_solarization.type, antler__say_same, true},
    {NULL, NULL, false},
};

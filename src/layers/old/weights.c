/* Weights of Keras 1, of CuDNN's layers, and of Theano, in today's layouts. See config/old.h. */
#include "config/old.h"
#include "core/axes.h"
#include "core/memory.h"
#include "core/status.h"
#include "layers/shared/window.h"

#include <string.h>

enum { KERAS2 = 200 };

/* ---- arrays ------------------------------------------------------------------------------------------------------ */

/* Takes the place of another array's numbers. */
static antler_status replace(antler_tensor *array, const antler_shape *shape, antler_real *data)
{
    antler__free(array->data);
    *array = (antler_tensor){*shape, data};
    return ANTLER_OK;
}

/* Axis i of the result is axis order[i]. */
static antler_status transpose(antler_tensor *array, const int *order, antler_error *err)
{
    antler_shape shape = array->shape;
    antler_real *data = antler__allocate((size_t)antler_count(&shape, 0), sizeof *data);
    if (!data)
        return antler__no_memory(err);
    for (int i = 0; i < shape.rank; i++)
        shape.dim[i] = array->shape.dim[order[i]];
    antler__turn_axes(data, array->data, shape.rank, array->shape.dim, order);
    return replace(array, &shape, data);
}

/* Turns the first axes by 180 degrees: all positions of a window, backwards. */
static void turn(antler_tensor *array, int axes)
{
    int64_t inner = antler_count(&array->shape, axes), windows = antler_count(&array->shape, 0) / (inner ? inner : 1);
    for (int64_t i = 0; i < windows / 2; i++)
        for (int64_t k = 0; k < inner; k++) {
            antler_real *a = &array->data[i * inner + k], *b = &array->data[(windows - 1 - i) * inner + k], c = *a;
            *a = *b;
            *b = c;
        }
}

/* Of positions, as the name of a class says. */
static int axes_of(antler_object layer)
{
    const char *name = layer.type->class_name;
    return strstr(name, "1D") ? 1 : strstr(name, "2D") ? 2 : 3;
}

static bool is_shape(const antler_tensor *array, int rank)
{
    return array->shape.rank == rank;
}

/* ---- recurrent layers -------------------------------------------------------------------------------------------- */

/* Puts arrays `first`, `first + step` ... in the order of `gates` (ended by -1) one beside the other along the last
   axis. NULL without memory, or if they are not alike. */
static antler_real *join(const antler_old_weights *w, int first, int step, const int *gates, antler_shape *shape)
{
    const antler_shape *one = &w->array[first].shape;
    int n = 0;
    for (; gates[n] >= 0; n++)
        if (!antler_shape_equal(one, &w->array[first + step * gates[n]].shape))
            return NULL;
    int64_t columns = one->dim[one->rank - 1], rows = antler_count(one, 0) / (columns ? columns : 1);
    antler_real *data = antler__allocate((size_t)(rows * columns * n), sizeof *data);
    for (int64_t r = 0; data && r < rows; r++)
        for (int g = 0; g < n; g++)
            memcpy(data + (r * n + g) * columns, w->array[first + step * gates[g]].data + r * columns,
                   (size_t)columns * sizeof *data);
    *shape = *one;
    shape->dim[shape->rank - 1] = columns * n;
    return data;
}

static bool are_alike(const antler_old_weights *w, int gates)
{
    for (int i = 3; i < 3 * gates; i++)
        if (!antler_shape_equal(&w->array[i].shape, &w->array[i % 3].shape))
            return false;
    return w->array[0].shape.rank >= 1 && w->array[1].shape.rank >= 1 && is_shape(&w->array[2], 1);
}

/* An array a gate: W_i, U_i, b_i, W_c ... become kernel, recurrent kernel and bias. */
static antler_status join_gates(antler_old_weights *w, const int *gates, int n, antler_error *err)
{
    antler_shape shape[3];
    antler_real *joined[3] = {NULL, NULL, NULL};
    bool fits = true;
    for (int i = 0; fits && i < 3; i++)
        fits = (joined[i] = join(w, i, 3, gates, &shape[i])) != NULL;
    for (int i = 0; i < 3; i++)
        if (fits)
            replace(&w->array[i], &shape[i], joined[i]);
        else
            antler__free(joined[i]);
    w->used = 3 * n;
    return fits ? ANTLER_OK : antler__no_memory(err);
}

/* CuDNN keeps each gate's kernel by output: its columns lie one after the other in memory, in the same shape. */
static antler_status turn_gates(antler_tensor *kernel, int gates, bool reshaped, antler_error *err)
{
    int64_t rows = kernel->shape.dim[0], units = kernel->shape.dim[1] / gates;
    antler_real *data = antler__allocate((size_t)(rows * units * gates), sizeof *data);
    if (!data)
        return antler__no_memory(err);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t g = 0; g < gates; g++)
            for (int64_t u = 0; u < units; u++) {
                int64_t place = u * rows + r; /* among the gate's numbers, row by row, as the file has them */
                int64_t row = reshaped ? place / units : u, column = reshaped ? place % units : r;
                data[(r * gates + g) * units + u] = kernel->data[(row * gates + g) * units + column];
            }
    return replace(kernel, &kernel->shape, data);
}

static bool is_cudnn(const antler_old_weights *w, int gates)
{
    if (w->n < 3 || !is_shape(&w->array[0], 2) || !is_shape(&w->array[1], 2) || !is_shape(&w->array[2], 1))
        return false;
    int64_t units = w->array[1].shape.dim[0];
    return units > 0 && w->array[0].shape.dim[1] == gates * units && w->array[1].shape.dim[1] == gates * units &&
           w->array[2].shape.dim[0] == 2 * gates * units;
}

static antler_status from_cudnn(antler_old_weights *w, int gates, antler_error *err)
{
    ANTLER_TRY(turn_gates(&w->array[0], gates, true, err));
    return turn_gates(&w->array[1], gates, false, err);
}

static antler_status lstm(antler_object layer, antler_origin origin, antler_old_weights *w, antler_error *err)
{
    static const int gates[] = {0, 2, 1, 3, -1}; /* i, c, f, o in Keras 1 */
    (void)layer;
    if (origin.keras < KERAS2 && w->n >= 12 && are_alike(w, 4))
        return join_gates(w, gates, 4, err);
    if (is_cudnn(w, 4)) { /* two biases, which are added */
        int64_t half = w->array[2].shape.dim[0] / 2;
        ANTLER_TRY(from_cudnn(w, 4, err));
        for (int64_t i = 0; i < half; i++)
            w->array[2].data[i] += w->array[2].data[half + i];
        w->array[2].shape.dim[0] = half;
    }
    return ANTLER_OK;
}

static antler_status gru(antler_object layer, antler_origin origin, antler_old_weights *w, antler_error *err)
{
    static const int gates[] = {0, 1, 2, -1};
    (void)layer;
    if (origin.keras < KERAS2 && w->n >= 9 && are_alike(w, 3))
        return join_gates(w, gates, 3, err);
    if (is_cudnn(w, 3)) {
        int64_t half = w->array[2].shape.dim[0] / 2;
        ANTLER_TRY(from_cudnn(w, 3, err));
        w->array[2].shape = (antler_shape){2, {2, half}};
    }
    return ANTLER_OK;
}

/* ---- convolutions ------------------------------------------------------------------------------------------------ */

static bool is_first(antler_object layer)
{
    const char *const *format = antler_object_field(layer, "data_format");
    return format && *format && strcmp(*format, "channels_first") == 0;
}

/* (filters, channels, window ...) to (window ..., channels, filters): how Keras 1 kept kernels beside channels that
   come first. */
static antler_status window_first(antler_tensor *kernel, antler_error *err)
{
    int order[ANTLER_MAX_RANK], rank = kernel->shape.rank;
    for (int i = 0; i < rank - 2; i++)
        order[i] = i + 2;
    order[rank - 2] = 1;
    order[rank - 1] = 0;
    return transpose(kernel, order, err);
}

/* (length, 1, channels, filters), before Keras 1.2 (filters, channels, length, 1): a picture one pixel wide. */
static antler_status one_axis(antler_object layer, antler_tensor *kernel, antler_error *err)
{
    const int64_t *size = antler_object_field(layer, "kernel_size"), *filters = antler_object_field(layer, "filters");
    const antler_shape *s = &kernel->shape;
    if (!(s->dim[0] == *size && s->dim[1] == 1 && s->dim[3] == *filters))
        ANTLER_TRY(window_first(kernel, err));
    if (s->dim[1] == 1)
        kernel->shape = (antler_shape){3, {s->dim[0], s->dim[2], s->dim[3]}};
    return ANTLER_OK;
}

static antler_status convolution(antler_object layer, antler_origin origin, antler_old_weights *w, antler_error *err)
{
    antler_tensor *kernel = &w->array[0];
    const int axes = axes_of(layer);
    if (w->n < 1)
        return ANTLER_OK;
    if (origin.keras < KERAS2 && axes == 1 && is_shape(kernel, 4))
        ANTLER_TRY(one_axis(layer, kernel, err));
    else if (origin.keras < KERAS2 && is_first(layer) && is_shape(kernel, axes + 2))
        ANTLER_TRY(window_first(kernel, err));
    if (origin.theano && is_shape(kernel, axes + 2))
        turn(kernel, axes);
    return ANTLER_OK;
}

/* Kept as the kernel of the convolution that it is the gradient of: the last two axes change places. */
static antler_status transposed(antler_object layer, antler_origin origin, antler_old_weights *w, antler_error *err)
{
    static const int order[] = {0, 1, 3, 2};
    antler_tensor *kernel = &w->array[0];
    ANTLER_TRY(convolution(layer, origin, w, err));
    return w->n > 0 && origin.keras < KERAS2 && is_shape(kernel, 4) ? transpose(kernel, order, err) : ANTLER_OK;
}

static antler_status conv_lstm(antler_object layer, antler_origin origin, antler_old_weights *w, antler_error *err)
{
    static const int gates[] = {0, 2, 1, 3, -1};
    bool joined = origin.keras < KERAS2 && w->n >= 12 && are_alike(w, 4);
    if (joined && is_first(layer)) /* filters are the first axis there, and are to be the last */
        for (int i = 0; i < 12; i++)
            if (is_shape(&w->array[i], 4))
                ANTLER_TRY(window_first(&w->array[i], err));
    if (joined)
        ANTLER_TRY(join_gates(w, gates, 4, err));
    for (int i = 0; origin.theano && i < 2; i++)
        if (w->n > i && is_shape(&w->array[i], 4))
            turn(&w->array[i], 2);
    return ANTLER_OK;
}

/* ---- kernels of each position ------------------------------------------------------------------------------------ */

/* Whether the windows of output o reach input i, both numbered over all axes. */
static bool reaches(const antler_window *w, int64_t o, int64_t i)
{
    for (int axis = ANTLER_SPATIAL - 1; axis >= 0; o /= w[axis].out, i /= w[axis].in, axis--) {
        int64_t tap = i % w[axis].in - (o % w[axis].out * w[axis].stride - w[axis].before);
        if (tap < 0 || tap >= w[axis].taps)
            return false;
    }
    return true;
}

/* Of a matrix of all inputs (positions, channels) and outputs (positions, filters), or with channels and filters first,
   what the windows reach, as a list: output by output, and of each the inputs. */
static antler_status list_reached(antler_tensor *kernel, const antler_window *w, bool first, antler_error *err)
{
    const int64_t positions_in = antler__inputs(w), positions_out = antler__outputs(w);
    const int64_t outs = antler_count(&kernel->shape, kernel->shape.rank / 2);
    const int64_t ins = antler_count(&kernel->shape, 0) / outs;
    const int64_t channels = ins / positions_in, filters = outs / positions_out;
    int64_t n = 0;
    antler_real *data = antler__allocate((size_t)(ins * outs), sizeof *data);
    if (!data)
        return antler__no_memory(err);
    for (int64_t out = 0; out < outs; out++)
        for (int64_t in = 0; in < ins; in++)
            if (reaches(w, first ? out % positions_out : out / filters, first ? in % positions_in : in / channels))
                data[n++] = kernel->data[in * outs + out];
    return replace(kernel, &(antler_shape){1, {n}}, data);
}

/* Keras 1 said (filters, positions ...) of a bias that later lies the same under (positions ..., filters). */
static void name_filters_last(antler_tensor *bias, int axes, int64_t filters)
{
    if (!is_shape(bias, axes + 1) || bias->shape.dim[0] != filters)
        return;
    for (int i = 0; i < axes; i++)
        bias->shape.dim[i] = bias->shape.dim[i + 1];
    bias->shape.dim[axes] = filters;
}

static antler_status local(antler_object layer, antler_origin origin, antler_old_weights *w, antler_error *err)
{
    const antler_tensor *kernel = &w->array[0];
    const int axes = axes_of(layer), first = is_first(layer);
    const char *const *padding = antler_object_field(layer, "padding");
    antler_window window[ANTLER_SPATIAL];
    antler_window_config config = {.axes = axes, .padding = *padding};
    antler_shape in = {axes + 2, {1}};
    config.taps = antler_object_field(layer, "kernel_size");
    config.strides = antler_object_field(layer, "strides");
    if (origin.keras < KERAS2 && first && w->n > 1)
        name_filters_last(&w->array[1], axes, *(const int64_t *)antler_object_field(layer, "filters"));
    if (w->n < 1 || !is_shape(kernel, 2 * axes + 2) || antler_count(&kernel->shape, 0) == 0)
        return ANTLER_OK;
    for (int i = 0; i < axes; i++)
        in.dim[1 + i] = kernel->shape.dim[first + i];
    in.dim[1 + axes] = kernel->shape.dim[first ? 0 : axes];
    ANTLER_TRY(antler__windows(window, &config, &in, err));
    antler__windows_center(window, *padding);
    for (int i = 0; i < axes; i++)
        if (window[ANTLER_SPATIAL - axes + i].out != kernel->shape.dim[axes + 1 + first + i])
            return ANTLER_OK; /* of another layer */
    return list_reached(&w->array[0], window, first, err);
}

/* ---- which layer ------------------------------------------------------------------------------------------------- */

static const struct form {
    const char *name;
    bool always; /* not of Keras 1 and Theano alone */
    antler_status (*make)(antler_object layer, antler_origin origin, antler_old_weights *w, antler_error *err);
} forms[] = {
    {"LSTM", true, lstm},
    {"GRU", true, gru},
    {"ConvLSTM2D", false, conv_lstm},
    {"Conv1D", false, convolution},
    {"Conv2D", false, convolution},
    {"Conv3D", false, convolution},
    {"Conv2DTranspose", false, transposed},
    {"LocallyConnected1D", true, local},
    {"LocallyConnected2D", true, local},
};

static const struct form *form_of(antler_object layer, antler_origin origin)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcmp(forms[i].name, layer.type->class_name) == 0)
            return forms[i].always || origin.keras < KERAS2 || origin.theano ? &forms[i] : NULL;
    return NULL;
}

bool antler__old_has_weights(antler_object layer, antler_origin origin)
{
    return form_of(layer, origin) != NULL;
}

antler_status antler__old_weights(antler_object layer, antler_origin origin, antler_old_weights *weights,
                                  antler_error *err)
{
    return form_of(layer, origin)->make(layer, origin, weights, err);
}

/* ---- Theano's borders -------------------------------------------------------------------------------------------- */

/* With "same" Theano puts half a window before the input, others as much as the output needs: the same where the window
   is odd and moves by one. */
antler_status antler__old_check(antler_object layer, antler_origin origin, antler_error *err)
{
    const char *const *padding = antler_object_field(layer, "padding");
    const int64_t *size = antler_object_field(layer, "kernel_size"), *strides = antler_object_field(layer, "strides");
    bool pools = antler_object_field(layer, "pool_size") != NULL;
    if (!origin.theano || !padding || !*padding || strcmp(*padding, "same") != 0 || !(pools || (size && strides)))
        return ANTLER_OK;
    int axes = axes_of(layer);
    bool fits = !pools;
    for (int i = 0; fits && i < axes; i++)
        fits = size[i] % 2 == 1 && strides[i] == 1;
    return fits ? ANTLER_OK
                : antler_error_set(
                      err, ANTLER_UNSUPPORTED, "padding",
                      "\"same\" of a file that Keras wrote on Theano, whose borders lie otherwise; only odd "
                      "kernels with strides of 1 are read");
}

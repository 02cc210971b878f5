/* LocallyConnected1D, LocallyConnected2D of Keras 1 and 2: a convolution whose kernel is another one at each position
   o. With the taps k that a window has inside of the input,

     z (n, o, f) = sum over k, c of x (n, o s - p + k, c) kernel (o, k, c, f) + bias (o, f)        y = activation(z)

     kernel' (o, k, c, f) = sum over n of x (as above) dz (n, o, f)        bias' (o, f) = sum over n of dz
     dx (n, i, c) = sum over o, where k = i + p - o s are taps, of sum over f of dz (n, o, f) kernel (o, k, c, f)

   For each o that is one product over the batch, and dx adds them in the order of o. Keras has the kernel in three
   forms: implementation 1 is (o, k c, f), for windows that never leave the input; 3 is a list, of o, f, k, c in this
   order; 2 is a matrix of all inputs and all outputs, from which a file's reader takes what 3 keeps.

   With "channels_first" these are (o, c k, f), a list of f, o, c, k, and its matrix; and the bias, under the same
   shape, lies as (f, o). The core has moved x and y, as for every layer; kernel and bias stay as Keras has them, so
   that weights and the state of optimizers pass both ways. */
#include "layers/shared/common.h"
#include "layers/shared/convolution_fields.h"
#include "layers/shared/window.h"

#include <string.h>

enum { KERNEL, BIAS };
enum { SEEN, TURNED }; /* scratch: what the windows of one position see of the batch; the bias as (o, f) */

typedef struct antler_locally_connected local;

/* The windows of an input. */
typedef struct windows {
    antler_window w[ANTLER_SPATIAL];
    int64_t channels, filters, outputs;
    bool first; /* of channels and filters, where Keras has them: before the positions */
} windows;

/* One position: the taps [first, last) of each axis that lie inside of the input, of which the first meets input `at`.
 */
typedef struct position {
    int64_t at[ANTLER_SPATIAL], taps[ANTLER_SPATIAL];
    int64_t numbers; /* that a window sees: taps and channels */
} position;

static antler_status windows_of(const local *c, int axes, const antler_shape *in, windows *out, antler_error *err)
{
    const antler_window_config config = {axes, c->kernel_size, c->strides, NULL, c->padding};
    ANTLER_TRY(antler__windows(out->w, &config, in, err));
    antler__windows_center(out->w, c->padding);
    out->channels = in->dim[in->rank - 1];
    out->filters = c->filters;
    out->outputs = antler__outputs(out->w);
    out->first = c->data_format && strcmp(c->data_format, "channels_first") == 0;
    return ANTLER_OK;
}

static position position_of(const windows *c, int64_t o)
{
    position p = {.numbers = c->channels};
    for (int i = ANTLER_SPATIAL - 1; i >= 0; i--) {
        const antler_window *w = &c->w[i];
        const int64_t at = o % w->out * w->stride - w->before, end = at + w->taps < w->in ? at + w->taps : w->in;
        p.at[i] = at > 0 ? at : 0;
        p.taps[i] = end > p.at[i] ? end - p.at[i] : 0;
        p.numbers *= p.taps[i];
        o /= w->out;
    }
    return p;
}

/* Numbers of the kernel as a list. */
static int64_t list_length(const windows *c)
{
    int64_t n = 0;
    for (int64_t o = 0; o < c->outputs; o++)
        n += position_of(c, o).numbers * c->filters;
    return n;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static antler_status check(void *config, antler_error *err)
{
    local *c = config;
    if (c->implementation == 1 && c->padding == antler__paddings[1])
        return antler_error_set(err, ANTLER_VALUE, "implementation",
                                "1 keeps no kernel of windows that leave the input; padding \"same\" needs 2 or 3");
    c->implementation = c->implementation == 2 ? 3 : c->implementation;
    return ANTLER_OK;
}

static antler_status infer(const void *config, int axes, const antler_shape *in, antler_shape *out, antler_error *err)
{
    windows c;
    ANTLER_TRY(windows_of(config, axes, in, &c, err));
    *out = antler__windows_shape(c.w, axes, in->dim[0], c.filters);
    return ANTLER_OK;
}

static antler_status infer_1d(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    return infer(config, 1, in, out, err);
}

static antler_status infer_2d(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    return infer(config, 2, in, out, err);
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const local *cfg = config;
    const int axes = in->rank - 2;
    windows c;
    if (windows_of(cfg, axes, in, &c, NULL) != ANTLER_OK) /* infer has refused it else */
        return;
    antler_shape kernel = {3, {c.outputs, antler__taps(c.w) * c.channels, c.filters}};
    if (cfg->implementation == 3)
        kernel = (antler_shape){1, {list_length(&c)}};
    antler_shape bias = {axes + 1, {0}};
    for (int i = 0; i < axes; i++)
        bias.dim[i] = c.w[ANTLER_SPATIAL - axes + i].out;
    bias.dim[axes] = c.filters;
    antler_plan_param(plan, KERNEL, "kernel", "kernel", &kernel);
    if (cfg->use_bias)
        antler_plan_param(plan, BIAS, "bias", "bias", &bias);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    windows c;
    if (windows_of(config, in->rank - 2, in, &c, NULL) != ANTLER_OK)
        return;
    antler_plan_scratch(plan, SEEN, &(antler_shape){2, {in->dim[0], antler__taps(c.w) * c.channels}});
    if (c.first && ((const local *)config)->use_bias)
        antler_plan_scratch(plan, TURNED, &(antler_shape){2, {c.outputs, c.filters}});
}

/* ---- what a position sees ---------------------------------------------------------------------------------------- */

/* Runs of neighbours in x, one after the other in `seen`: copied there, or added back. With channels first a run has
   one channel's numbers. */
static void move(const windows *c, const position *p, antler_real *x, antler_real *seen, int64_t batch, bool back)
{
    const int64_t step = c->first ? c->channels : 1, run = p->taps[2] * c->channels / step;
    const int64_t image = antler__inputs(c->w) * c->channels, lines = p->taps[0] * p->taps[1];
    for (int64_t n = 0; n < batch; n++, x += image)
        for (int64_t i = 0; i < step * lines; i++, seen += run) {
            const int64_t d = i % lines / p->taps[1], h = i % p->taps[1];
            const int64_t line = (p->at[0] + d) * c->w[1].in + p->at[1] + h;
            antler_real *at = x + (line * c->w[2].in + p->at[2]) * c->channels + i / lines;
            if (!back && step == 1)
                memcpy(seen, at, (size_t)run * sizeof *seen);
            for (int64_t k = 0; !back && step > 1 && k < run; k++)
                seen[k] = at[k * step];
            for (int64_t k = 0; back && k < run; k++)
                at[k * step] += seen[k];
        }
}

/* The kernel of one position: (numbers, filters) by its strides. */
typedef struct kernel {
    int64_t offset, row, col;
    bool list;
} kernel;

static kernel first_kernel(const local *cfg, const windows *c)
{
    const bool list = cfg->implementation == 3;
    return (kernel){0, list ? 1 : c->filters, list && c->first ? list_length(c) / c->filters : 1, list};
}

/* That of the next position, behind one that sees so many numbers. */
static void next_kernel(kernel *k, const windows *c, int64_t numbers)
{
    k->offset += k->list && c->first ? numbers : numbers * c->filters;
}

/* (rows, columns) to (columns, rows): a bias between (o, f) and (f, o). */
static void turn(antler_real *to, const antler_real *from, int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            to[j * rows + i] = from[i * columns + j];
}

/* ---- forward, backward ------------------------------------------------------------------------------------------- */

static antler_status forward(const void *config, antler_run *run)
{
    const local *cfg = config;
    const int64_t batch = run->x->shape.dim[0];
    antler_real *seen = run->scratch[SEEN].data;
    windows c;
    ANTLER_TRY(windows_of(cfg, run->x->shape.rank - 2, &run->x->shape, &c, run->err));
    kernel k = first_kernel(cfg, &c);
    const antler_real *bias = cfg->use_bias ? run->param[BIAS].data : NULL;
    if (bias && c.first) {
        turn(run->scratch[TURNED].data, bias, c.filters, c.outputs);
        bias = run->scratch[TURNED].data;
    }
    for (int64_t o = 0; o < c.outputs; o++) {
        const position p = position_of(&c, o);
        k.col = k.list && !c.first ? p.numbers : k.col;
        move(&c, &p, run->x->data, seen, batch, false);
        antler_product z = {.m = batch, .n = c.filters, .k = p.numbers, .a = seen, .a_row = p.numbers, .a_col = 1};
        z.b = run->param[KERNEL].data + k.offset;
        z.b_row = k.row;
        z.b_col = k.col;
        z.c = run->y->data + o * c.filters;
        z.c_row = c.outputs * c.filters;
        z.bias = bias ? bias + o * c.filters : NULL;
        antler_run_product(run, &z);
        next_kernel(&k, &c, p.numbers);
    }
    return ANTLER_OK;
}

/* kernel' of a position: (numbers, filters) = seen^T dz, or as its list has it, (filters, numbers) = dz^T seen. */
static void kernel_gradient(antler_run *run, const windows *c, const position *p, const kernel *k,
                            const antler_real *dz)
{
    const int64_t row = c->outputs * c->filters, batch = run->x->shape.dim[0];
    antler_real *seen = run->scratch[SEEN].data;
    antler_product g = {.m = p->numbers, .n = c->filters, .k = batch, .a = seen, .a_row = 1, .a_col = p->numbers};
    g.b = dz;
    g.b_row = row;
    g.b_col = 1;
    g.c = run->grad[KERNEL].data + k->offset;
    g.c_row = c->filters;
    if (k->list)
        g = (antler_product){.m = c->filters,
                             .n = p->numbers,
                             .k = batch,
                             .a = dz,
                             .a_row = 1,
                             .a_col = row,
                             .b = seen,
                             .b_row = p->numbers,
                             .b_col = 1,
                             .c = g.c,
                             .c_row = k->col};
    move(c, p, run->x->data, seen, batch, false);
    antler_run_product(run, &g);
}

static void input_gradient(antler_run *run, const windows *c, const position *p, const kernel *k, const antler_real *dz)
{
    const int64_t batch = run->x->shape.dim[0];
    antler_real *seen = run->scratch[SEEN].data;
    antler_product g = {
        .m = batch, .n = p->numbers, .k = c->filters, .a = dz, .a_row = c->outputs * c->filters, .a_col = 1};
    g.b = run->param[KERNEL].data + k->offset;
    g.b_row = k->col;
    g.b_col = k->row;
    g.c = seen;
    g.c_row = p->numbers;
    antler_run_product(run, &g);
    move(c, p, run->dx->data, seen, batch, true);
}

static antler_status backward(const void *config, antler_run *run)
{
    const local *cfg = config;
    const int64_t batch = run->x->shape.dim[0];
    const antler_real *dz = run->dy->data;
    windows c;
    ANTLER_TRY(windows_of(cfg, run->x->shape.rank - 2, &run->x->shape, &c, run->err));
    kernel k = first_kernel(cfg, &c);
    if (run->dx->data)
        memset(run->dx->data, 0, (size_t)antler_count(&run->dx->shape, 0) * sizeof *run->dx->data);
    for (int64_t o = 0; o < c.outputs; o++) {
        const position p = position_of(&c, o);
        k.col = k.list && !c.first ? p.numbers : k.col;
        if (run->grad[KERNEL].data)
            kernel_gradient(run, &c, &p, &k, dz + o * c.filters);
        if (run->dx->data)
            input_gradient(run, &c, &p, &k, dz + o * c.filters);
        next_kernel(&k, &c, p.numbers);
    }
    if (cfg->use_bias && run->grad[BIAS].data) {
        antler_real *sums = c.first ? run->scratch[TURNED].data : run->grad[BIAS].data;
        antler_run_column_sums(run, sums, dz, batch, c.outputs * c.filters);
        if (c.first)
            turn(run->grad[BIAS].data, sums, c.outputs, c.filters);
    }
    return ANTLER_OK;
}

static const antler_object *activation(const void *config)
{
    return &((const local *)config)->activation_;
}

/* ---- the tables -------------------------------------------------------------------------------------------------- */

static const char *const samples_1d[] = {
    "(5, 2) {\"filters\": 3, \"kernel_size\": 3}",
    "(5, 2) {\"filters\": 2, \"kernel_size\": 3, \"strides\": 2, \"padding\": \"same\", \"implementation\": 3, "
    "\"activation\": \"tanh\"}",
    "(4, 1) {\"filters\": 2, \"kernel_size\": 2, \"use_bias\": false}",
    NULL,
};
static const char *const samples_2d[] = {
    "(4, 3, 2) {\"filters\": 2, \"kernel_size\": [2, 3], \"strides\": [2, 1], \"activation\": \"gelu\"}",
    "(3, 3, 1) {\"filters\": 2, \"kernel_size\": 2, \"padding\": \"same\", \"implementation\": 3, \"use_bias\": false}",
    "(2, 4, 3) {\"filters\": 2, \"kernel_size\": [2, 3], \"strides\": [2, 1], \"data_format\": \"channels_first\"}",
    "(2, 3, 3) {\"filters\": 3, \"kernel_size\": 2, \"padding\": \"same\", \"implementation\": 3, "
    "\"activation\": \"sigmoid\", \"data_format\": \"channels_first\"}",
    NULL,
};

#define FIELDS(axes)                                                                                                \
    static const antler_field fields_##axes##d[] = {                                                                \
        ANTLER_FIELD_COUNT(local, filters, "channels of the output"),                                               \
        ANTLER_FIELD_SPATIAL(local, kernel_size, axes, NULL, 1, 0, "sizes of the window"),                          \
        ANTLER_FIELD_SPATIAL(local, strides, axes, "1", 1, 0, "steps of the window"),                               \
        ANTLER_FIELD_PADDING(local, antler__paddings, "valid: windows inside of the input; same: zeros around it"), \
        ANTLER_FIELD_NUMBER(local, implementation, ANTLER_INT, "1", 1, 3,                                           \
                            "form of the kernel: 1 (positions, window, filters); 3 a list; 2 becomes 3"),           \
        ANTLER_FIELD_ACTIVATION(local, activation, "\"linear\"", "of the sums"),                                    \
        ANTLER_KERNEL_FIELDS(local),                                                                                \
        ANTLER_FIELD_DATA_FORMAT(local, 0),                                                                         \
        ANTLER_FIELD_END,                                                                                           \
    }
FIELDS(1);
FIELDS(2);

#define LOCALLY_CONNECTED(axes)                                                                        \
    {                                                                                                  \
        .type = {.size = sizeof(antler_layer_ops),                                                     \
                 .kind = ANTLER_KIND_LAYER,                                                            \
                 .class_name = "LocallyConnected" #axes "D",                                           \
                 .doc = "a convolution with a kernel of its own at each position; of Keras 1 and 2",   \
                 .config_size = sizeof(local),                                                         \
                 .fields = fields_##axes##d,                                                           \
                 .samples = samples_##axes##d,                                                         \
                 .check = check},                                                                      \
        .flags = ANTLER_NEEDS_X, .infer = infer_##axes##d, .variables = variables, .buffers = buffers, \
        .forward = forward, .backward = backward, .activation = activation,                            \
    }
const antler_layer_ops antler_layer_locally_connected1d = LOCALLY_CONNECTED(1);
const antler_layer_ops antler_layer_locally_connected2d = LOCALLY_CONNECTED(2);

/* EinsumDense: a Dense of any axes, as an equation says: "abc,cd->abd" is Dense, "abc,cde->abde" makes two axes of one.

     z = einsum(equation, x, kernel) + bias        y = activation(z)

   A letter stands in two or three of input, kernel and output. So there are four sorts of axes: of the batch of
   products (in all three), rows (not in the kernel), sums (not in the output), units (not in the input), and

     Z (batch, rows, units) = X (batch, rows, sums) W (batch, sums, units)

     dW = X^T dZ    dX = dZ W^T    bias' = sums of dZ over the axes that share it

   A tensor whose axes are in this order, as in most equations, is used where it lies; another one is put in order in
   scratch. The activation is the core's: y below is z, and dy is dz. */
#include "layers/shared/equation.h"

#include <string.h>

typedef struct antler_einsum_dense einsum;

enum { KERNEL, BIAS };                /* parameters */
enum { IN, WEIGHT, OUT, SUMMED, DX }; /* scratch: tensors in order */

static const antler_field fields[] = {
    {.key = "equation",
     .kind = ANTLER_STRING,
     .offset = offsetof(einsum, equation),
     .doc = "input,kernel->output, a letter an axis; input and output may begin or end with ..."},
    {.key = "output_shape",
     .kind = ANTLER_INTS,
     .offset = offsetof(einsum, output_shape),
     .min = 1,
     .max = ANTLER_MOST_UNITS,
     .flags = ANTLER_NULLABLE,
     .doc = "without the batch and what ... stands for; null where the axis is the input's"},
    {.key = "bias_axes",
     .kind = ANTLER_STRING,
     .offset = offsetof(einsum, bias_axes),
     .def = "null",
     .flags = ANTLER_NULLABLE,
     .doc = "letters of the output that have numbers of their own in the bias; null: there is none"},
    ANTLER_FIELD_ACTIVATION(einsum, activation, "\"linear\"", "applied to the sums"),
    ANTLER_FIELD_VARIABLE(einsum, kernel, "\"glorot_uniform\""),
    ANTLER_FIELD_VARIABLE(einsum, bias, "\"zeros\""),
    ANTLER_FIELD_IGNORED("lora_rank", "null"),
    ANTLER_FIELD_IGNORED("lora_alpha", "null"),
    ANTLER_FIELD_IGNORED("gptq_unpacked_column_size", "null"),
    ANTLER_FIELD_IGNORED("quantization_config", "null"),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(3) {\"equation\": \"ab,bc->ac\", \"output_shape\": 2, \"bias_axes\": \"c\", \"activation\": \"tanh\"}",
    "(2, 3) {\"equation\": \"...x,xyz->...yz\", \"output_shape\": [2, 2], \"bias_axes\": \"z\"}",
    "(2, 3, 2) {\"equation\": \"abcd,bde->aebc\", \"output_shape\": [2, 2, null], \"bias_axes\": \"eb\"}",
    "(3, 2, 2) {\"equation\": \"ab...,bc->ac...\", \"output_shape\": 2, \"bias_axes\": \"c\"}",
    NULL,
};

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    antler_equation e;
    if (in->rank < 2)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input has no axis but the batch's; expected (batch, ..., n)");
    ANTLER_TRY(antler__equation_parse(&e, config, in, err));
    *out = antler__equation_shape(&e, e.output, e.outputs);
    return ANTLER_OK;
}

static void read_equation(antler_equation *e, const einsum *c, const antler_shape *in)
{
    antler_error ignored = {0};
    antler__equation_parse(e, c, in, &ignored); /* infer saw it */
}

static antler_shape bias_shape(const antler_equation *e)
{
    antler_shape s = antler__equation_shape(e, e->bias, e->biases);
    for (int i = 0; i < e->biases; i++)
        if (!e->bias_own[i])
            s.dim[i] = 1;
    return s;
}

/* Numbers that a unit takes: all axes of the kernel that are none of the output's. */
static int64_t inputs_of_unit(const antler_equation *e)
{
    int64_t n = 1;
    for (int i = 0; i < e->kernels; i++)
        n *= antler__equation_has(e->output, e->outputs, e->kernel[i]) ? 1 : e->size[(int)e->kernel[i]];
    return n;
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const einsum *c = config;
    antler_equation e;
    read_equation(&e, c, in);
    antler_shape kernel = antler__equation_shape(&e, e.kernel, e.kernels), bias = bias_shape(&e);
    antler_plan_fan_in(plan, inputs_of_unit(&e));
    antler_plan_param(plan, KERNEL, "kernel", "kernel", &kernel);
    antler_plan_fan_in(plan, 0);
    if (e.biases)
        antler_plan_param(plan, BIAS, "bias", "bias", &bias);
}

/* ---- axes in order ----------------------------------------------------------------------------------------------- */

/* Letters in the order of the products, by sorts. */
typedef struct order {
    char batch[ANTLER_MAX_RANK], rows[ANTLER_MAX_RANK], sums[ANTLER_MAX_RANK], units[ANTLER_MAX_RANK];
    int batches, row, sum, unit;
    int64_t b, m, k, n; /* how many of each sort */
} order;

static void add(const antler_equation *e, char *sort, int *n, int64_t *count, char letter)
{
    sort[(*n)++] = letter;
    *count *= e->size[(int)letter];
}

/* In the order of the output, and of the input. */
static order order_of(const antler_equation *e)
{
    order o = {.b = 1, .m = 1, .k = 1, .n = 1};
    for (int i = 0; i < e->outputs; i++) {
        bool in = antler__equation_has(e->input, e->inputs, e->output[i]),
             kernel = antler__equation_has(e->kernel, e->kernels, e->output[i]);
        if (in && kernel)
            add(e, o.batch, &o.batches, &o.b, e->output[i]);
        else if (in)
            add(e, o.rows, &o.row, &o.m, e->output[i]);
        else
            add(e, o.units, &o.unit, &o.n, e->output[i]);
    }
    for (int i = 0; i < e->inputs; i++)
        if (!antler__equation_has(e->output, e->outputs, e->input[i]))
            add(e, o.sums, &o.sum, &o.k, e->input[i]);
    return o;
}

/* A tensor's letters in order: batch, then two more sorts. */
static int in_order(const order *o, const char *second, int seconds, const char *third, int thirds, char *to)
{
    memcpy(to, o->batch, (size_t)o->batches);
    memcpy(to + o->batches, second, (size_t)seconds);
    memcpy(to + o->batches + seconds, third, (size_t)thirds);
    return o->batches + seconds + thirds;
}

/* A tensor as it lies, and its axes in order: how many there are of each, and how far one is from the next. */
typedef struct turning {
    int rank;
    int64_t dim[ANTLER_MAX_RANK], step[ANTLER_MAX_RANK];
    bool needed; /* it is not in order */
    const antler_real *from;
    antler_real *to;
    bool back; /* `from` is in order, `to` is not */
} turning;

static turning turning_of(const antler_equation *e, const char *letters, const char *ordered, int n)
{
    turning t = {.rank = n, .needed = memcmp(letters, ordered, (size_t)n) != 0};
    for (int i = 0; i < n; i++) {
        t.dim[i] = e->size[(int)ordered[i]];
        t.step[i] = 1;
        for (int k = (int)((const char *)memchr(letters, ordered[i], (size_t)n) - letters) + 1; k < n; k++)
            t.step[i] *= e->size[(int)letters[k]];
    }
    return t;
}

static void turn_rows(void *arg, int64_t first, int64_t count)
{
    const turning *t = arg;
    int64_t n = t->dim[t->rank - 1], step = t->step[t->rank - 1];
    for (int64_t row = first; row < first + count; row++) {
        int64_t at = 0, left = row;
        for (int i = t->rank - 2; i >= 0; i--) {
            at += left % t->dim[i] * t->step[i];
            left /= t->dim[i];
        }
        for (int64_t i = 0; i < n; i++)
            if (t->back)
                t->to[at + i * step] = t->from[row * n + i];
            else
                t->to[row * n + i] = t->from[at + i * step];
    }
}

static void turn(antler_run *run, turning t, const antler_real *from, antler_real *to, bool back)
{
    int64_t rows = 1;
    for (int i = 0; i < t.rank - 1; i++)
        rows *= t.dim[i];
    t.from = from;
    t.to = to;
    t.back = back;
    antler_run_ranges(run, rows, t.dim[t.rank - 1], turn_rows, &t);
}

/* All three of a call. */
typedef struct call {
    antler_equation e;
    order o;
    turning input, kernel, output;
} call;

static void prepare(call *j, const einsum *c, const antler_shape *in)
{
    char ordered[3 * ANTLER_MAX_RANK];
    read_equation(&j->e, c, in);
    j->o = order_of(&j->e);
    const order *o = &j->o;
    in_order(o, o->rows, o->row, o->sums, o->sum, ordered);
    j->input = turning_of(&j->e, j->e.input, ordered, j->e.inputs);
    in_order(o, o->sums, o->sum, o->units, o->unit, ordered);
    j->kernel = turning_of(&j->e, j->e.kernel, ordered, j->e.kernels);
    in_order(o, o->rows, o->row, o->units, o->unit, ordered);
    j->output = turning_of(&j->e, j->e.output, ordered, j->e.outputs);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    call j;
    prepare(&j, config, in);
    antler_shape out = antler__equation_shape(&j.e, j.e.output, j.e.outputs),
                 kernel = antler__equation_shape(&j.e, j.e.kernel, j.e.kernels);
    antler_shape bias = bias_shape(&j.e), sample = {.rank = 1, .dim = {antler_count(&out, 1)}};
    bool trains = antler_plan_mode(plan) == ANTLER_TRAIN;
    if (j.input.needed)
        antler_plan_scratch(plan, IN, in);
    if (j.kernel.needed)
        antler_plan_scratch(plan, WEIGHT, &kernel);
    if (j.output.needed)
        antler_plan_scratch(plan, OUT, &out);
    if (trains && j.e.biases && antler_count(&bias, 0) > 0)
        antler_plan_scratch(plan, SUMMED, &sample);
    if (trains && j.input.needed)
        antler_plan_scratch(plan, DX, in);
}

/* ---- forward and backward ---------------------------------------------------------------------------------------- */

static const antler_real *ordered(antler_run *run, const turning *t, const antler_real *x, int slot)
{
    if (!t->needed)
        return x;
    turn(run, *t, x, run->scratch[slot].data, false);
    return run->scratch[slot].data;
}

/* c (m, n) = a (m, k) b (k, n), for each of the batch. */
typedef struct operand {
    const antler_real *at;
    int64_t row, column;
} operand;

static void multiply(antler_run *run, int64_t batch, int64_t m, int64_t n, int64_t k, operand a, operand b,
                     antler_real *c)
{
    antler_product p = {.m = m, .n = n, .k = k, .a_row = a.row, .a_col = a.column};
    p.b_row = b.row;
    p.b_col = b.column;
    p.c_row = n;
    for (int64_t i = 0; i < batch; i++) {
        p.a = a.at + i * m * k;
        p.b = b.at + i * k * n;
        p.c = c + i * m * n;
        antler_run_product(run, &p);
    }
}

/* Where the bias of the element `i` of a sample lies. */
static int64_t bias_place(const antler_equation *e, const antler_shape *bias, int64_t i)
{
    int64_t at = 0, step = 1;
    for (int d = e->biases - 1; d >= 0; d--) {
        int64_t size = e->size[(int)e->bias[d]];
        at += bias->dim[d] == 1 ? 0 : i % size * step;
        step *= bias->dim[d];
        i /= size;
    }
    return at;
}

typedef struct biasing {
    const antler_equation *e;
    antler_shape shape;
    const antler_real *bias;
    antler_real *y;
    int64_t sample;
} biasing;

static void add_bias(void *arg, int64_t first, int64_t count)
{
    const biasing *b = arg;
    for (int64_t i = first; i < first + count; i++)
        b->y[i] += b->bias[bias_place(b->e, &b->shape, i % b->sample)];
}

static antler_status forward(const void *config, antler_run *run)
{
    call j;
    prepare(&j, config, &run->x->shape);
    const order *o = &j.o;
    antler_real *y = j.output.needed ? run->scratch[OUT].data : run->y->data;
    operand x = {ordered(run, &j.input, run->x->data, IN), o->k, 1};
    operand w = {ordered(run, &j.kernel, run->param[KERNEL].data, WEIGHT), o->n, 1};
    multiply(run, o->b, o->m, o->n, o->k, x, w, y);
    if (j.output.needed)
        turn(run, j.output, y, run->y->data, true);
    if (j.e.biases) {
        biasing b = {.e = &j.e, .shape = bias_shape(&j.e), .bias = run->param[BIAS].data, .y = run->y->data};
        b.sample = antler_count(&run->y->shape, 1);
        antler_run_ranges(run, antler_count(&run->y->shape, 0), 8, add_bias, &b);
    }
    return ANTLER_OK;
}

/* Over samples by a product; what shares a number is then added in the order of memory. */
static void bias_gradient(antler_run *run, const antler_equation *e, const antler_tensor *dy)
{
    antler_shape shape = bias_shape(e);
    antler_real *gradient = run->grad[BIAS].data, *sum = run->scratch[SUMMED].data;
    int64_t n = antler_count(&dy->shape, 1);
    antler_run_column_sums(run, sum, dy->data, dy->shape.dim[0], n);
    memset(gradient, 0, (size_t)antler_count(&shape, 0) * sizeof *gradient);
    for (int64_t i = 0; i < n; i++)
        gradient[bias_place(e, &shape, i)] += sum[i];
}

static antler_status backward(const void *config, antler_run *run)
{
    call j;
    prepare(&j, config, &run->x->shape);
    const order *o = &j.o;
    const antler_real *dz = ordered(run, &j.output, run->dy->data, OUT);
    if (j.e.biases && run->grad[BIAS].data)
        bias_gradient(run, &j.e, run->dy);
    if (run->dx->data) {
        operand w = {ordered(run, &j.kernel, run->param[KERNEL].data, WEIGHT), 1, o->n};
        antler_real *dx = j.input.needed ? run->scratch[DX].data : run->dx->data;
        multiply(run, o->b, o->m, o->k, o->n, (operand){dz, o->n, 1}, w, dx);
        if (j.input.needed)
            turn(run, j.input, dx, run->dx->data, true);
    }
    if (run->grad[KERNEL].data) {
        operand x = {ordered(run, &j.input, run->x->data, IN), 1, o->k};
        antler_real *dw = j.kernel.needed ? run->scratch[WEIGHT].data : run->grad[KERNEL].data;
        multiply(run, o->b, o->k, o->n, o->m, x, (operand){dz, o->n, 1}, dw);
        if (j.kernel.needed)
            turn(run, j.kernel, dw, run->grad[KERNEL].data, true);
    }
    return ANTLER_OK;
}

static const antler_object *activation(const void *config)
{
    return &((const einsum *)config)->activation_;
}

const antler_layer_ops antler_layer_einsum_dense = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "EinsumDense",
             .doc = "activation(einsum(equation, x, kernel) + bias)",
             .config_size = sizeof(einsum),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_NEEDS_X,
    .mask = ANTLER_MASK_END,
    .infer = infer,
    .variables = variables,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
    .activation = activation,
};

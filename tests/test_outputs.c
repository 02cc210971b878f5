/* Models of several inputs and outputs: losses, metrics and logs as Keras has them, and data of several parts. */
#include "core/memory.h"
#include "files/hdf5.h"
#include "merging.h"
#include "model/structure.h"
#include "networks.h"
#include "outputs_golden.h"
#include "scratch.h"
#include "torture.h"
#include "train/data.h"
#include "train/objective.h"

#include <math.h>
#include <sys/stat.h>

enum { ROWS = 6, EPOCHS = 3, MOST = 4, ROOM = 512, MOST_CALLS = 8, END = -100, BUFFER = 4096 };

static const double tolerance = sizeof(antler_real) == 4 ? 2e-5 : 1e-11;

/* ---- models and data -------------------------------------------------------------------------------------------- */

/* As make_outputs.py has it. */
static double value(int64_t i, int64_t stream)
{
    return (double)((i * 37 + stream * 13 + 11) % 41 - 20) / 32;
}

static void fill_values(antler_real *x, int64_t n, int64_t stream, int scale)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (antler_real)(value(i, stream) * scale);
}

static antler_ref ref_of(int number)
{
    return (antler_ref){.call = number};
}

/* The graph of `uses` and `outputs`, as in the golden cases. */
static void connect(antler_model *m, const int *uses, const int *outputs)
{
    antler_use use[MOST_CALLS];
    antler_ref in[MOST_CALLS][MOST], output[MOST];
    antler_graph graph = {.use = use, .output = output};
    antler_error err = {0};
    for (const int *u = uses; *u != END; u += 2 + u[1]) {
        for (int k = 0; k < u[1]; k++)
            in[graph.uses][k] = ref_of(u[2 + k]);
        use[graph.uses] = (antler_use){.layer = u[0], .inputs = u[1], .in = in[graph.uses]};
        graph.uses++;
    }
    for (; outputs[graph.outputs] != END; graph.outputs++)
        output[graph.outputs] = ref_of(outputs[graph.outputs]);
    must(antler__model_connect(m, &graph, &err), &err);
    must(antler_build(m), antler_model_error(m));
}

static antler_model *model_of(const char *const *layers, const int *uses, const int *outputs)
{
    antler_error err = {0};
    antler_model *m = antler__model_new("m", true, &err);
    char text[1024];
    ck_assert_ptr_nonnull(m);
    for (; *layers; layers++) {
        snprintf(text, sizeof text, "%s", *layers);
        must(antler_add_json(m, quoted(text)), antler_model_error(m));
    }
    connect(m, uses, outputs);
    return m;
}

static const char *json(const char *text, char room[1024])
{
    if (!text)
        return NULL;
    snprintf(room, 1024, "%s", text);
    size_t length = strlen(room);
    quoted(room);
    if (*room != '"')
        return room;
    room[length - 1] = 0; /* a name */
    return room + 1;
}

static antler_status compile(antler_model *m, const char *optimizer, const char *loss, const char *weights,
                             const char *metrics)
{
    char a[1024], b[1024], c[1024], d[1024];
    const char *w = json(weights, c), *s = json(metrics, d);
    if (!w)
        return antler_compile(m, .optimizer = json(optimizer, a), .loss = json(loss, b), .metrics = {s});
    return antler_compile(m, .optimizer = json(optimizer, a), .loss = json(loss, b), .loss_weights = w, .metrics = {s});
}

static antler_model *case_model(const outputs_case *c)
{
    antler_model *m = model_of(c->layers, c->uses, c->outputs);
    const antler_variable *v;
    for (int64_t i = 0; (v = antler_model_variable(m, i)); i++)
        fill_values(v->value.data, antler_count(&v->value.shape, 0), 100 + i, c->scale);
    must(compile(m, c->optimizer, c->loss, c->loss_weights, c->metrics), antler_model_error(m));
    return m;
}

/* Parts, and the data that joins them. */
typedef struct joined {
    int64_t n;
    antler_real value[MOST][ROOM];
    antler_data *part[MOST + 1], *data;
    const char *name[MOST + 1];
} joined;

static void join(joined *j, bool named)
{
    antler_error err = {0};
    j->data = antler_data_join(named ? j->name : NULL, (const antler_data *const *)j->part, &err);
    must(j->data ? ANTLER_OK : err.status, &err);
}

static joined *inputs_of(const antler_model *m, bool masked)
{
    joined *j = calloc(1, sizeof *j);
    const antler_shape *shape;
    ck_assert_ptr_nonnull(j);
    for (; (shape = antler_model_input(m, j->n, &j->name[j->n])); j->n++) {
        antler_real *x = j->value[j->n];
        fill_values(x, ROWS * antler_count(shape, 1), j->n, 1);
        for (int step = 0; masked && step < 4; step++)
            for (int i = 0; i < 2; i++) {
                if (step >= 2)
                    x[(1 * 4 + step) * 2 + i] = 0;
                if (step >= 1)
                    x[(3 * 4 + step) * 2 + i] = 0;
                if (step == 0)
                    x[i] = 0;
            }
        j->part[j->n] = data_of(x, shape, ROWS);
    }
    join(j, true);
    return j;
}

static void fill_targets(antler_real *y, const antler_shape *shape, int64_t k, const char *loss)
{
    int64_t n = shape->dim[shape->rank - 1], count = ROWS * antler_count(shape, 1);
    fill_values(y, count, 50 + k, 1);
    if (loss && strcmp(loss, "CategoricalCrossentropy") == 0)
        for (int64_t i = 0; i < count; i++)
            y[i] = i / n * 2 % n == i % n;
    for (int64_t i = 0; loss && strcmp(loss, "BinaryCrossentropy") == 0 && i < count; i++)
        y[i] = (antler_real)fabs((double)y[i]);
}

/* Of all outputs, or of those that have a loss. */
static joined *targets_of(const antler_model *m, bool all)
{
    joined *j = calloc(1, sizeof *j);
    const antler_shape *shape;
    const char *name;
    ck_assert_ptr_nonnull(j);
    for (int64_t k = 0; (shape = antler_model_output(m, k, &name)); k++) {
        antler_object loss;
        antler_model_object(m, ANTLER_KIND_LOSS, k, &loss);
        if (!loss.type && !all)
            continue;
        fill_targets(j->value[j->n], shape, k, loss.type ? loss.type->class_name : NULL);
        j->part[j->n] = data_of(j->value[j->n], shape, ROWS);
        j->name[j->n++] = name;
    }
    join(j, true);
    return j;
}

static void drop(joined *j)
{
    antler_data_free(j->data);
    for (int64_t i = 0; i < j->n; i++)
        antler_data_free(j->part[i]);
    free(j);
}

static bool is_masked(const outputs_case *c)
{
    return strcmp(c->name, "masks") == 0;
}

/* ---- against Keras ---------------------------------------------------------------------------------------------- */

static const expected_log *expected(const outputs_case *c, const char *name)
{
    for (int i = 0; i < c->logs; i++)
        if (strcmp(c->log[i].name, name) == 0)
            return &c->log[i];
    ck_abort_msg("%s: Keras logs no \"%s\"", c->name, name);
    return NULL;
}

static void check(const outputs_case *c, const char *what, double got, double wanted)
{
    ck_assert_msg(fabs(got - wanted) <= tolerance * fmax(1, fabs(wanted)), "%s: %s %.17g, expected %.17g", c->name,
                  what, got, wanted);
}

START_TEST(trains_as_keras_does)
{
    const outputs_case *c = &outputs_cases[_i];
    antler_model *m = case_model(c);
    joined *x = inputs_of(m, is_masked(c)), *y = targets_of(m, false);
    antler_logs logs;
    const antler_logs *history;
    antler_error err = {0};
    must(antler_evaluate(m, x->data, y->data, ROWS, 1, &logs, &err), &err);
    ck_assert_int_eq(logs.n, c->logs);
    ck_assert_str_eq(logs.name[0], "loss");
    for (int i = 0; i < logs.n; i++)
        check(c, logs.name[i], logs.value[i], expected(c, logs.name[i])->first);
    must(antler_fit(m, x->data, y->data, .epochs = EPOCHS, .batch_size = 2, .shuffle = false, .threads = 2),
         antler_model_error(m));
    ck_assert_int_eq(antler_history(m, &history), EPOCHS);
    for (int e = 0; e < EPOCHS; e++)
        for (int i = 0; i < history[e].n; i++)
            check(c, history[e].name[i], history[e].value[i], expected(c, history[e].name[i])->epoch[e]);
    const antler_variable *v;
    int at = 0;
    for (int64_t i = 0; (v = antler_model_variable(m, i)); i++)
        for (int64_t e = 0; e < antler_count(&v->value.shape, 0); e++)
            check(c, v->layer, (double)v->value.data[e], c->after[at++]);
    ck_assert_int_eq(at, c->weights);
    drop(x);
    drop(y);
    antler_model_free(m);
}
END_TEST

/* ---- the same by other ways ------------------------------------------------------------------------------------- */

static void copy_weights(const antler_model *m, antler_real *to)
{
    memcpy(to, m->parameters, (size_t)m->size * sizeof *to);
}

/* By names in another order, by order, with targets that no loss takes; and by hand with packed arrays. */
START_TEST(joined_data_is_packed_arrays)
{
    const outputs_case *c = &outputs_cases[_i];
    antler_real first[BUFFER];
    antler_error err = {0};
    for (int way = 0; way < 4; way++) {
        antler_model *m = case_model(c);
        joined *x = inputs_of(m, is_masked(c)), *y = targets_of(m, way == 1);
        ck_assert_int_le(m->size, BUFFER);
        if (way == 2 && x->n == 2) {
            antler_data_free(x->data);
            const antler_data *parts[] = {x->part[1], x->part[0], NULL};
            x->data = antler_data_join((const char *[]){x->name[1], x->name[0], NULL}, parts, &err);
        } else if (way == 2) { /* one input needs no name */
            antler_data_free(x->data);
            join(x, false);
            antler_data_free(y->data);
            join(y, false);
        }
        if (way < 3) {
            must(antler_fit(m, x->data, y->data, .epochs = 2, .batch_size = ROWS, .shuffle = false, .threads = 1 + way),
                 antler_model_error(m));
        } else {
            antler_context *context = context_of(m, ANTLER_TRAIN, ROWS, 0);
            const int64_t rows[ROWS] = {0, 1, 2, 3, 4, 5};
            antler_real px[BUFFER], py[BUFFER];
            must(antler_data_gather(x->data, rows, ROWS, px, &err), &err);
            must(antler_data_gather(y->data, rows, ROWS, py, &err), &err);
            for (int step = 0; step < 2; step++) {
                antler_context_seek(context, step, 0);
                forward(context, px, ROWS, NULL);
                must(antler_backward(context, py, NULL, &err), &err);
                must(antler_update(context, &err), &err);
            }
            antler_context_free(context);
        }
        if (way == 0)
            copy_weights(m, first);
        ck_assert_mem_eq(first, m->parameters, (size_t)m->size * sizeof *first);
        drop(x);
        drop(y);
        antler_model_free(m);
    }
}
END_TEST

START_TEST(predictions_are_one_output_after_the_other)
{
    const outputs_case *c = &outputs_cases[_i];
    antler_model *m = case_model(c);
    joined *x = inputs_of(m, is_masked(c));
    antler_error err = {0};
    const int64_t rows[ROWS] = {0, 1, 2, 3, 4, 5};
    antler_real px[BUFFER], whole[BUFFER] = {0}, small[BUFFER] = {0}, mean[BUFFER] = {0}, deviation[BUFFER];
    antler_context *context = context_of(m, ANTLER_INFER, ROWS, 0);
    must(antler_data_gather(x->data, rows, ROWS, px, &err), &err);
    forward(context, px, ROWS, whole);
    must(antler_predict(m, x->data, 2, 1, small, &err), &err);
    must(antler_predict_mc(m, x->data, 3, 2, 1, mean, deviation, &err), &err);
    ck_assert_mem_eq(whole, small, sizeof whole);
    ck_assert_mem_eq(whole, mean, sizeof whole); /* no noise */
    antler_context_free(context);
    drop(x);
    antler_model_free(m);
}
END_TEST

/* ---- gradients -------------------------------------------------------------------------------------------------- */

#ifdef ANTLER_DOUBLE
static double loss_at(antler_context *context, const antler_real *x, const antler_real *y)
{
    antler_error err = {0};
    double loss;
    antler_context_seek(context, 1, 0);
    forward(context, x, ROWS, NULL);
    must(antler_backward(context, y, &loss, &err), &err);
    return loss;
}

START_TEST(gradients_are_those_of_the_sum)
{
    const outputs_case *c = &outputs_cases[_i];
    const int64_t rows[ROWS] = {0, 1, 2, 3, 4, 5};
    const double h = 1e-6;
    antler_real px[BUFFER], py[BUFFER], gradients[BUFFER];
    antler_error err = {0};
    antler_model *m = case_model(c);
    joined *x = inputs_of(m, is_masked(c)), *y = targets_of(m, false);
    antler_context *context = context_of(m, ANTLER_TRAIN, ROWS, 0);
    must(antler_data_gather(x->data, rows, ROWS, px, &err), &err);
    must(antler_data_gather(y->data, rows, ROWS, py, &err), &err);
    if (strcmp(c->loss, "['categorical_crossentropy', 'mse']") == 0) /* one that is not saturated */
        for (int64_t i = 0; i < m->size; i++)
            m->parameters[i] /= c->scale;
    loss_at(context, px, py);
    memcpy(gradients, context->gradients, (size_t)m->trained_size * sizeof *gradients);
    for (int64_t v = 0; v < m->variables; v++)
        for (int64_t i = 0; m->variable[v].view.trainable && i < m->variable[v].length; i++) {
            antler_real *w = &m->variable[v].view.value.data[i], kept = *w;
            *w = kept + h;
            double above = loss_at(context, px, py);
            *w = kept - h;
            double slope = (above - loss_at(context, px, py)) / (2 * h);
            *w = kept;
            double gradient = gradients[m->variable[v].offset + i];
            ck_assert_msg(fabs(slope - gradient) <= 1e-6 * fmax(1, fabs(slope)), "%s, %s %d: %.12g, numeric %.12g",
                          c->name, m->variable[v].view.name, (int)i, gradient, slope);
        }
    antler_context_free(context);
    drop(x);
    drop(y);
    antler_model_free(m);
}
END_TEST
#endif

/* Whatever memory held, and whether it is shared or kept. */
START_TEST(memory_and_threads_change_no_bit)
{
    const outputs_case *c = &outputs_cases[_i];
    const int64_t rows[ROWS] = {0, 1, 2, 3, 4, 5};
    antler_real px[BUFFER], py[BUFFER], first[BUFFER];
    antler_error err = {0};
    antler_model *m = case_model(c);
    joined *x = inputs_of(m, is_masked(c)), *y = targets_of(m, false);
    must(antler_data_gather(x->data, rows, ROWS, px, &err), &err);
    must(antler_data_gather(y->data, rows, ROWS, py, &err), &err);
    for (int way = 0; way < 3; way++) {
        antler_context *context = antler_context_create_train(m, ROWS, way + 1, way == 1 ? ANTLER_KEEP : 0, &err);
        must(context ? ANTLER_OK : err.status, &err);
        for (int again = 0; again < 2; again++) {
            if (!again)
                memset(context->arena.memory, 0xff, (size_t)context->arena.bytes);
            forward(context, px, ROWS, NULL);
            must(antler_backward(context, py, NULL, &err), &err);
            if (way == 0 && !again)
                memcpy(first, context->gradients, (size_t)m->trained_size * sizeof *first);
            ck_assert_mem_eq(first, context->gradients, (size_t)m->trained_size * sizeof *first);
        }
        antler_context_free(context);
    }
    for (int64_t i = 0; i < m->trained_size; i++)
        ck_assert(isfinite(first[i]));
    drop(x);
    drop(y);
    antler_model_free(m);
}
END_TEST

/* A caller's gradient of an output that is used again, and of one from whose logits the loss is taken, is of the output
   itself. */
START_TEST(gradients_of_a_caller_are_of_the_outputs)
{
    const outputs_case *c = &outputs_cases[_i];
    antler_real x[ROWS * 4], dy[BUFFER], dx[2][ROWS * 4];
    antler_model *m = model_of(c->layers, c->uses, c->outputs);
    fill_values(x, ROWS * 4, 0, 1);
    random_numbers(dy, BUFFER, 3);
    for (int compiled = 0; compiled < 2; compiled++) {
        if (compiled)
            must(compile(m, c->optimizer, c->loss, NULL, NULL), antler_model_error(m));
        antler_context *context = context_of(m, ANTLER_TRAIN, ROWS, ANTLER_INPUT_GRADIENT);
        forward(context, x, ROWS, NULL);
        backward(context, dy, dx[compiled]);
        antler_context_free(context);
    }
    for (int i = 0; i < ROWS * 4; i++)
        ck_assert_double_eq_tol((double)dx[0][i], (double)dx[1][i], 1e-5);
    antler_model_free(m);
}
END_TEST

static const char *const heads[] = {
    "{'class_name': 'InputLayer', 'config': {'name': 'left', 'shape': [3]}}",
    "{'class_name': 'InputLayer', 'config': {'name': 'right', 'shape': [3]}}",
    "{'class_name': 'MultiplyAll', 'config': {'name': 'both'}}",
    "{'class_name': 'Dense', 'config': {'name': 'kind', 'units': 4, 'activation': 'softmax'}}",
    "{'class_name': 'Dense', 'config': {'name': 'size', 'units': 2}}",
    NULL};

/* Two inputs, two outputs. */
static antler_model *pair(void)
{
    return model_of(heads, (const int[]){2, 2, -1, -2, 3, 1, 0, 4, 1, 0, END}, (const int[]){1, 2, END});
}

START_TEST(an_output_without_a_loss_gives_no_gradient)
{
    antler_model *m = pair();
    antler_real x[ROWS * 6], y[ROWS * 4] = {0}, dy[ROWS * 6] = {0};
    antler_error err = {0};
    must(compile(m, "'sgd'", "['mse', null]", NULL, NULL), antler_model_error(m));
    random_numbers(x, ROWS * 6, 1);
    antler_context *context = context_of(m, ANTLER_TRAIN, ROWS, 0);
    forward(context, x, ROWS, NULL);
    must(antler_backward(context, y, NULL, &err), &err); /* targets of the first alone */
    forward(context, x, ROWS, NULL);
    ck_assert_int_eq(antler_backward_from(context, dy, NULL, &err), ANTLER_UNSUPPORTED);
    ck_assert_str_eq(err.message, "output \"size\" has no loss, and so no gradient in this context");
    antler_context_free(context);
    antler_model_free(m);
}
END_TEST

/* ---- data ------------------------------------------------------------------------------------------------------- */

START_TEST(parts_and_rows_of_joined_data)
{
    antler_error err = {0};
    antler_model *m = pair();
    joined *x = inputs_of(m, false);
    const char *name;
    ck_assert_int_eq(antler_data_shape(x->data)->dim[0], ROWS);
    ck_assert_ptr_eq(antler_data_part(x->data, 1, &name), x->part[1]);
    ck_assert_str_eq(name, "right");
    ck_assert_ptr_null(antler_data_part(x->data, 2, &name));
    ck_assert_ptr_eq(antler_data_part(x->part[0], 0, &name), x->part[0]);
    ck_assert_ptr_null(name);
    antler_data *view = antler_data_rows(x->data, 1, 3, &err), *inner = antler_data_rows(view, 1, 2, &err);
    antler_real out[12];
    must(antler_data_gather(inner, (const int64_t[]){1, 0}, 2, out, &err), &err);
    ck_assert_mem_eq(out, x->value[0] + 3 * 3, 3 * sizeof *out); /* row 1 of rows 2, 3 */
    ck_assert_mem_eq(out + 6, x->value[1] + 3 * 3, 3 * sizeof *out);
    ck_assert_ptr_null(antler_data_rows(x->data, 4, 3, &err));
    antler_data_free(inner);
    antler_data_free(view);
    drop(x);
    antler_model_free(m);
}
END_TEST

static void expect(antler_error *err, antler_status status, const char *text)
{
    expect_error(err, status, text);
    *err = (antler_error){0};
}

START_TEST(data_that_does_not_join)
{
    antler_error err = {0};
    antler_real x[40] = {0};
    antler_data *a = rows_of(x, 4, 3), *b = rows_of(x, 5, 3), *j;
    const antler_data *const two[] = {a, b, NULL}, *const same[] = {a, a, NULL}, *const none[] = {NULL};
    ck_assert_ptr_null(antler_data_join(NULL, two, &err));
    expect(&err, ANTLER_SHAPE, "has 4 rows and \"data in memory\" has 5; they must have the same number");
    ck_assert_ptr_null(antler_data_join((const char *[]){"p", NULL}, same, &err));
    expect(&err, ANTLER_VALUE, "1 names for 2 arrays");
    ck_assert_ptr_null(antler_data_join((const char *[]){"p", "p", NULL}, same, &err));
    expect(&err, ANTLER_NAME, "two parts have the name \"p\"");
    ck_assert_ptr_null(antler_data_join(NULL, none, &err));
    expect(&err, ANTLER_VALUE, "no data to join");
    ck_assert_ptr_null(antler_data_join(NULL, NULL, &err));
    expect(&err, ANTLER_VALUE, "the list of data is NULL");
    j = antler_data_join(NULL, same, &err);
    ck_assert_ptr_null(antler_data_join(NULL, (const antler_data *const[]){a, j, NULL}, &err));
    expect(&err, ANTLER_VALUE, "part 1 has parts itself");
    antler_data_free(j);
    antler_data_free(a);
    antler_data_free(b);
}
END_TEST

START_TEST(data_that_does_not_fit)
{
    antler_error err = {0};
    antler_real v[64] = {0};
    antler_model *m = pair();
    must(compile(m, "'sgd'", "{'size': 'mse', 'kind': 'sparse_categorical_crossentropy'}", NULL, NULL),
         antler_model_error(m));
    joined *x = inputs_of(m, false);
    antler_data *three = rows_of(v, ROWS, 3), *four = rows_of(v, ROWS, 4), *one = rows_of(v, ROWS, 1),
                *two = rows_of(v, ROWS, 2);
    const struct {
        bool y;
        const antler_data *part[4];
        const char *name[4];
        antler_status status;
        const char *text;
    } cases[] = {
        {false,
         {three, three},
         {"left", "rigth"},
         ANTLER_NAME,
         "x: the model has no input \"rigth\"; did you mean \"right\"?"},
        {false,
         {three, three},
         {"left", "x"},
         ANTLER_NAME,
         "x: the model has no input \"x\"; it has \"left\", \"right\""},
        {false, {three}, {"left"}, ANTLER_NAME, "x: no data for the input \"right\"; there is \"left\""},
        {false, {three, three, three}, {NULL}, ANTLER_SHAPE, "x: 3 arrays for the 2 inputs \"left\", \"right\""},
        {false,
         {three, four},
         {NULL},
         ANTLER_SHAPE,
         "x: data of shape (6, 4) does not fit the model's input \"right\" (None, 3)"},
        {true,
         {one, two},
         {"kind", "sise"},
         ANTLER_NAME,
         "y: the model has no output \"sise\"; did you mean \"size\"?"},
        {true, {one}, {"kind"}, ANTLER_NAME, "y: no data for the output \"size\"; there is \"kind\""},
        {true,
         {two, one},
         {NULL},
         ANTLER_SHAPE,
         "kind: targets of shape (6, 2): SparseCategoricalCrossentropy of an output (None, 4) wants one class a row"},
        {true, {one, one, one}, {NULL}, ANTLER_SHAPE, "y: 3 arrays for the 2 outputs \"kind\", \"size\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        antler_data *data = antler_data_join(*cases[i].name ? cases[i].name : NULL, cases[i].part, &err);
        must(data ? ANTLER_OK : err.status, &err);
        ck_assert_int_ne(antler_fit(m, cases[i].y ? x->data : data, data, .epochs = 1), ANTLER_OK);
        err = *antler_model_error(m);
        expect(&err, cases[i].status, cases[i].text);
        ck_assert_int_ne(antler_evaluate(m, cases[i].y ? x->data : data, data, 0, 1, NULL, &err), ANTLER_OK);
        expect(&err, cases[i].status, cases[i].text);
        antler_data_free(data);
    }
    ck_assert_int_eq(antler_predict(m, three, 0, 1, v, &err), ANTLER_SHAPE);
    expect(&err, ANTLER_SHAPE, "x: one array for the 2 inputs \"left\", \"right\"; expected one for each");
    ck_assert_int_eq(antler_evaluate(m, x->data, one, 0, 1, NULL, &err), ANTLER_SHAPE);
    expect(&err, ANTLER_SHAPE, "y: one array for the 2 outputs \"kind\", \"size\"; expected one for each");
    drop(x);
    antler_data_free(three);
    antler_data_free(four);
    antler_data_free(one);
    antler_data_free(two);
    antler_model_free(m);
}
END_TEST

/* A bad label is told with its output. */
START_TEST(labels_of_an_output)
{
    antler_error err = {0};
    antler_real kinds[ROWS] = {0, 1, 7}, sizes[ROWS * 2] = {0};
    antler_model *m = pair();
    must(compile(m, "'sgd'", "{'size': 'mse', 'kind': 'sparse_categorical_crossentropy'}", NULL, NULL),
         antler_model_error(m));
    joined *x = inputs_of(m, false);
    antler_data *kind = rows_of(kinds, ROWS, 1), *size = rows_of(sizes, ROWS, 2);
    antler_data *y = antler_data_join(NULL, (const antler_data *const[]){kind, size, NULL}, &err);
    ck_assert_int_eq(antler_evaluate(m, x->data, y, 0, 1, NULL, &err), ANTLER_DATA);
    expect(&err, ANTLER_DATA, "kind: SparseCategoricalCrossentropy: ");
    antler_data_free(y);
    antler_data_free(kind);
    antler_data_free(size);
    drop(x);
    antler_model_free(m);
}
END_TEST

static void write_set(antler_entries *entries, const char *name, const antler_real *values, int64_t width)
{
    antler_error err = {0};
    const antler_shape shape = {2, {ROWS, width}};
    must(antler__entries_add(entries, name, ANTLER_DTYPE_REAL, &shape, values, (size_t)(ROWS * width) * sizeof *values,
                             &err),
         &err);
}

/* A group of a file, and a folder in a directory, give what their data sets give joined. */
START_TEST(groups_and_folders)
{
    antler_error err = {0};
    antler_model *m = pair();
    joined *x = inputs_of(m, false);
    antler_real from[BUFFER], wanted[BUFFER];
    const int64_t rows[ROWS] = {4, 2, 0, 1, 3, 5};
    const char *name;
    antler_guard_files(_i == 1);
    char path[512];
    scratch_make();
    snprintf(path, sizeof path, "%s", scratch_path("data.h5"));
    antler_entries entries = {0};
    write_set(&entries, "/x/right", x->value[1], 3);
    write_set(&entries, "/x/left", x->value[0], 3);
    write_set(&entries, "/short/a", x->value[0], 3);
    must(antler__hdf5_write(path, &entries, NULL, NULL, &err), &err);
    antler__entries_free(&entries);
    for (int64_t most = 0; most < 10000; most += 9999) { /* read by rows, or whole */
        antler_data *data = antler__data_open(path, "x", most, &err);
        must(data ? ANTLER_OK : err.status, &err);
        ck_assert_ptr_nonnull(antler_data_part(data, 0, &name));
        ck_assert_str_eq(name, "left");
        must(antler_data_gather(data, rows, ROWS, from, &err), &err);
        must(antler_data_gather(x->data, rows, ROWS, wanted, &err), &err);
        ck_assert_mem_eq(from, wanted, ROWS * 6 * sizeof *from);
        antler_real a[64], b[64];
        must(antler_predict(m, data, 0, 1, a, &err), &err);
        must(antler_predict(m, x->data, 0, 1, b, &err), &err);
        ck_assert_mem_eq(a, b, ROWS * 6 * sizeof *a);
        antler_data_free(data);
    }
    antler_data *data = antler_data_open(path, "short", &err);
    must(data ? ANTLER_OK : err.status, &err);
    ck_assert_int_eq(antler_predict(m, data, 0, 1, from, &err), ANTLER_NAME);
    expect(&err, ANTLER_NAME, "x: the model has no input \"a\"; it has \"left\", \"right\"");
    antler_data_free(data);
    antler_guard_files(false);
    scratch_remove();
    drop(x);
    antler_model_free(m);
}
END_TEST

/* ---- compile settings ------------------------------------------------------------------------------------------- */

START_TEST(settings_that_do_not_fit)
{
    static const struct {
        const char *loss, *weights, *metrics;
        antler_status status;
        const char *text;
    } cases[] = {
        {"{'size': 'mse', 'knd': 'mse'}", NULL, NULL, ANTLER_NAME,
         "compile_config.loss: the model has no output \"knd\"; did you mean \"kind\"?"},
        {"{'other': 'mse'}", NULL, NULL, ANTLER_NAME,
         "compile_config.loss: the model has no output \"other\"; it has \"kind\", \"size\""},
        {"['mse']", NULL, NULL, ANTLER_VALUE,
         "compile_config.loss: a list of 1 for 2 outputs; expected one for each, or a dict by name: \"kind\", "
         "\"size\""},
        {"['mse', 'mse', 'mse']", NULL, NULL, ANTLER_VALUE, "compile_config.loss: a list of 3 for 2 outputs"},
        {"['mse', 'msee']", NULL, NULL, ANTLER_NAME,
         "compile_config.loss[1]: unknown loss \"msee\"; did you mean \"mse\"?"},
        {"{'size': 'msee'}", NULL, NULL, ANTLER_NAME, "compile_config.loss.size: unknown loss \"msee\""},
        {"{'size': ['mse', 'mae']}", NULL, NULL, ANTLER_VALUE,
         "compile_config.loss.size: [\"mse\", \"mae\"] is not for one output"},
        {"'mse'", "[1, 'a']", NULL, ANTLER_VALUE, "compile_config.loss_weights[1]: \"a\" is not a number"},
        {"'mse'", "[1, 2, 3]", NULL, ANTLER_VALUE, "compile_config.loss_weights: a list of 3 for 2 outputs"},
        {"'mse'", "{'kind': 1, 'siz': 2}", NULL, ANTLER_NAME,
         "compile_config.loss_weights: the model has no output \"siz\""},
        {"'mse'", NULL, "'mae'", ANTLER_VALUE, "compile_config.metrics: a list of 1 for 2 outputs"},
        {"'mse'", NULL, "{'kind': ['acuracy']}", ANTLER_NAME,
         "compile_config.metrics.kind[0]: unknown metric \"acuracy\"; did you mean \"accuracy\"?"},
        {"['mse', null]", NULL, "{'size': ['mae']}", ANTLER_UNSUPPORTED,
         "compile_config.metrics: output \"size\" has metrics and no loss; expected both or none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        antler_model *m = pair();
        antler_error err;
        ck_assert_int_eq(compile(m, "'sgd'", cases[i].loss, cases[i].weights, cases[i].metrics), cases[i].status);
        err = *antler_model_error(m);
        expect(&err, cases[i].status, cases[i].text);
        must(compile(m, "'sgd'", "'mse'", NULL, NULL), antler_model_error(m)); /* which mends it */
        antler_model_free(m);
    }
}
END_TEST

/* What is compiled before the outputs are known is told by the fit that it cannot serve, and hinders no prediction. */
START_TEST(settings_are_checked_when_the_outputs_are_known)
{
    antler_error err = {0};
    antler_real v[64] = {0};
    antler_model *m = antler_sequential("m", (int[]){3}, 1, &err);
    antler_add(m, dense, .units = 2);
    must(antler_compile(m, .loss = ANTLER_JSON([ "mse", "mse" ])), antler_model_error(m));
    must(antler_build(m), antler_model_error(m));
    antler_data *x = rows_of(v, ROWS, 3), *y = rows_of(v, ROWS, 2);
    must(antler_predict(m, x, 0, 1, v + 32, &err), &err);
    ck_assert_int_eq(antler_fit(m, x, y, .epochs = 1), ANTLER_VALUE);
    err = *antler_model_error(m);
    expect(&err, ANTLER_VALUE, "compile_config.loss: a list of 2 for 1 output; expected one for each");
    ck_assert_ptr_null(antler_context_create_train(m, 2, 1, 0, &err));
    expect(&err, ANTLER_VALUE, "compile_config.loss: a list of 2 for 1 output");
    antler_data_free(x);
    antler_data_free(y);
    antler_model_free(m);
}
END_TEST

/* Written as they came. */
START_TEST(settings_keep_their_form)
{
    static const struct {
        const char *loss, *weights, *metrics;
        const char *text[3];
    } cases[] = {
        {"{'size': 'mse', 'kind': null}",
         "{'size': 2}",
         "{'size': ['mae']}",
         {"\"loss\":{\"size\":{", "\"kind\":null}", "\"metrics\":{\"size\":[{"}},
        {"['mse', null]", "[2, null]", "[['mae'], null]", {"\"loss\":[{", "\"loss_weights\":[2.0,null]", "}],null]"}},
        {"'mse'",
         NULL,
         "['mae', 'mse']",
         {"\"loss\":{\"module\"", "\"metrics\":[{\"module\"", "\"config\":{\"name\":\"mae\""}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        antler_model *m = pair();
        antler_error err = {0};
        must(compile(m, "'sgd'", cases[i].loss, cases[i].weights, cases[i].metrics), antler_model_error(m));
        char *text = antler_model_json(m, &err), *to = text;
        ck_assert_ptr_nonnull(text);
        for (const char *c = text; *c; c++)
            if (*c != ' ' && *c != '\n')
                *to++ = *c;
        *to = 0;
        for (int k = 0; k < 3; k++)
            ck_assert_msg(strstr(text, cases[i].text[k]), "%s in %s", cases[i].text[k], text);
        ck_assert_int_eq(!cases[i].weights, !strstr(text, "loss_weights"));
        antler_text_free(text);
        antler_model_free(m);
    }
}
END_TEST

static antler_model *compiled_pair(void)
{
    antler_model *m = pair();
    must(compile(m, "'adam'", "['categorical_crossentropy', 'mse']", "[1, 0.5]", "[['accuracy'], ['mae', 'mse']]"),
         antler_model_error(m));
    return m;
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

/* A model of two outputs is made, trained with one loss and used; layers from outside do not outlive an allocator. */
static antler_status whole_life(void *arg)
{
    const joined *x = ((joined **)arg)[0], *y = ((joined **)arg)[1];
    const char *const layers[] = {heads[0], heads[3], heads[4]};
    antler_error err = {0};
    antler_real out[64];
    antler_data *xs = antler_data_join(x->name, (const antler_data *const *)x->part, &err);
    antler_model *m = xs ? antler__model_new("m", true, &err) : NULL;
    antler_status status = m ? ANTLER_OK : err.status;
    for (int i = 0; status == ANTLER_OK && i < 3; i++) {
        char text[256];
        snprintf(text, sizeof text, "%s", layers[i]);
        status = antler_add_json(m, quoted(text));
    }
    if (status == ANTLER_OK) {
        const antler_ref in = {-1, 0}, outputs[] = {{0, 0}, {1, 0}};
        const antler_use use[] = {{.layer = 1, .inputs = 1, .in = &in}, {.layer = 2, .inputs = 1, .in = &in}};
        status =
            antler__model_connect(m, &(antler_graph){.uses = 2, .outputs = 2, .use = use, .output = outputs}, &err);
    }
    if (status == ANTLER_OK)
        status = compile(m, "'sgd'", "{'kind': 'categorical_crossentropy', 'size': null}", "{'kind': 2}",
                         "{'kind': ['accuracy']}");
    if (status == ANTLER_OK)
        status = antler_fit(m, xs, y->part[0], .epochs = 1, .threads = 1, .validation_split = 0.5);
    if (status == ANTLER_OK)
        status = antler_predict(m, xs, 0, 1, out, &err);
    antler_model_free(m);
    antler_data_free(xs);
    return status;
}

START_TEST(no_memory)
{
    antler_model *m = model_of((const char *const[]){heads[0], heads[3], heads[4], NULL},
                               (const int[]){1, 1, -1, 2, 1, -1, END}, (const int[]){0, 1, END});
    must(compile(m, "'sgd'", "'categorical_crossentropy'", NULL, NULL), antler_model_error(m));
    joined *x = inputs_of(m, false), *y = targets_of(m, false), *both[] = {x, y};
    x->name[0] = "left"; /* it was lent */
    antler_model_free(m);
    torture(whole_life, both);
    drop(x);
    drop(y);
}
END_TEST

/* ---- fits ------------------------------------------------------------------------------------------------------- */

static antler_status fit_pair(antler_model *m, const joined *x, const joined *y, int64_t epochs, const char *folder)
{
    const char *callbacks = ANTLER_JSON(
        [ {"class_name" : "EarlyStopping", "config" : {"monitor" : "val_kind_accuracy", "patience" : 50}} ]);
    if (!folder)
        return antler_fit(m, x->data, y->data, .epochs = epochs, .batch_size = 2, .seed = 3, .validation_split = 0.4,
                          .callbacks = callbacks);
    return antler_fit(m, x->data, y->data, .epochs = epochs, .batch_size = 2, .seed = 3, .validation_split = 0.4,
                      .callbacks = callbacks, .checkpoint = folder, .resume = true);
}

START_TEST(resumes_with_all_logs)
{
    static const char *const names[] = {"loss", "kind_loss", "size_loss", "kind_accuracy", "size_mae", "size_mse"};
    antler_model *m = compiled_pair();
    joined *x = inputs_of(m, false), *y = targets_of(m, false);
    const antler_logs *whole, *resumed;
    scratch_make();
    must(fit_pair(m, x, y, 4, NULL), antler_model_error(m));
    for (int part = 0; part < 2; part++) {
        antler_model *other = compiled_pair();
        must(fit_pair(other, x, y, part ? 4 : 2, scratch), antler_model_error(other));
        if (part) {
            ck_assert_mem_eq(m->parameters, other->parameters, (size_t)m->size * sizeof(antler_real));
            ck_assert_int_eq(antler_history(m, &whole), 4);
            ck_assert_int_eq(antler_history(other, &resumed), 4);
            for (int e = 0; e < 4; e++)
                for (int i = 0; i < 12; i++) {
                    ck_assert_int_eq(resumed[e].n, 12);
                    ck_assert_str_eq(whole[e].name[i] + (i < 6 ? 0 : 4), names[i % 6]);
                    ck_assert_str_eq(whole[e].name[i], resumed[e].name[i]);
                    ck_assert_double_eq(whole[e].value[i], resumed[e].value[i]);
                }
        }
        antler_model_free(other);
    }
    scratch_remove();
    drop(x);
    drop(y);
    antler_model_free(m);
}
END_TEST

static void register_layers(void)
{
    antler_error err = {0};
    must(register_merging_layers(&err), &err);
}

int main(void)
{
    const int cases = sizeof outputs_cases / sizeof *outputs_cases;
    TCase *tests = tcase_create("all");
    tcase_add_unchecked_fixture(tests, register_layers, NULL);
    tcase_add_loop_test(tests, trains_as_keras_does, 0, cases);
    tcase_add_loop_test(tests, joined_data_is_packed_arrays, 0, cases);
    tcase_add_loop_test(tests, predictions_are_one_output_after_the_other, 0, cases);
    tcase_add_loop_test(tests, memory_and_threads_change_no_bit, 0, cases);
#ifdef ANTLER_DOUBLE
    tcase_add_loop_test(tests, gradients_are_those_of_the_sum, 0, cases);
#endif
    tcase_add_loop_test(tests, gradients_of_a_caller_are_of_the_outputs, 5, 9); /* used again */
    tcase_add_test(tests, an_output_without_a_loss_gives_no_gradient);
    tcase_add_test(tests, parts_and_rows_of_joined_data);
    tcase_add_test(tests, data_that_does_not_join);
    tcase_add_test(tests, data_that_does_not_fit);
    tcase_add_test(tests, labels_of_an_output);
    if (HAS_HDF5)
        tcase_add_loop_test(tests, groups_and_folders, 0, 2);
    tcase_add_test(tests, no_memory);
    tcase_add_test(tests, settings_that_do_not_fit);
    tcase_add_test(tests, settings_are_checked_when_the_outputs_are_known);
    tcase_add_test(tests, settings_keep_their_form);
    if (HAS_HDF5 && HAS_ZIP)
        tcase_add_test(tests, resumes_with_all_logs);
    return run_suite("outputs", tests);
}

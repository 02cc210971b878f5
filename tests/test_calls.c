/* Calls and wires beyond a chain: random graphs with branches, layers of several inputs and outputs, views and layers
   in place. Nothing reads such models from a file yet, so they are laid out by hand here. */
#include "core/memory.h"
#include "lcg.h"
#include "merging.h"
#include "model/structure.h"
#include "model/work.h"
#include "networks.h"
#include "powers.h"
#include "train/objective.h"

#include <math.h>

enum { WIDTH = 4, BATCH = 17, MOST_CALLS = 12, MOST_INPUTS = 3, GRAPHS = 300, PENALIZED = 100 };

static void register_layers(void)
{
    antler_error err = {0};
    must(register_merging_layers(&err), &err);
    must(antler_register(&powers.type, &err), &err);
}

/* ---- graphs ----------------------------------------------------------------------------------------------------- */

static const char *const kinds[] = {
    "{'class_name': 'Dense', 'config': {'units': 4, 'activation': 'tanh'}}",
    "{'class_name': 'Dense', 'config': {'units': 4, 'activation': 'gelu', 'use_bias': false}}",
    "{'class_name': 'Dense', 'config': {'units': 4, 'activity_regularizer': 'L2'}}",
    "{'class_name': 'Dense', 'config': {'units': 4, 'trainable': false}}",
    "{'class_name': 'Activation', 'config': {'activation': 'sigmoid'}}",
    "{'class_name': 'Activation', 'config': {'activation': 'gelu'}}",
    "{'class_name': 'Dropout', 'config': {'rate': 0.3}}",
    "{'class_name': 'Flatten', 'config': {}}",
    "{'class_name': 'Reshape', 'config': {'target_shape': [4]}}",
    "{'class_name': 'Rescaling', 'config': {'scale': 0.5}}",
    "{'class_name': 'PReLU', 'config': {'alpha_initializer': 'ones'}}",
    "{'class_name': 'Powers', 'config': {}}",
    "{'class_name': 'Weigh', 'config': {}}",
    "{'class_name': 'Weigh', 'config': {}}",
    "{'class_name': 'Weigh', 'config': {}}",
};
enum { KINDS = sizeof kinds / sizeof *kinds, WEIGH = 12, POWERS = 11, SIGMOID = 4 };

/* What a graph is made of; the model is laid out from it as often as wanted. */
typedef struct plan {
    int inputs, calls, outputs;
    int kind[MOST_CALLS], of[MOST_CALLS]; /* of: how many inputs the call has */
    antler_ref in[MOST_CALLS][MOST_INPUTS], output[2];
    bool penalized[MOST_CALLS]; /* on its output, beside the kinds that always are */
} plan;

static uint64_t below(uint64_t *state, uint64_t n)
{
    lcg64(state);
    return (*state >> 33) % n;
}

/* Any wire that is there before call i. */
static antler_ref any_wire(const plan *p, int i, uint64_t *state)
{
    int64_t call = (int64_t)below(state, (uint64_t)(p->inputs + i)) - p->inputs;
    return (antler_ref){call, call >= 0 && p->kind[call] == POWERS ? (int)below(state, 2) : 0};
}

static plan random_plan(uint64_t seed)
{
    uint64_t state = seed * 7919 + 1;
    plan p = {.inputs = 1 + (int)below(&state, 2), .calls = 2 + (int)below(&state, MOST_CALLS - 2)};
    for (int i = 0; i < p.calls; i++) {
        p.kind[i] = (int)below(&state, KINDS);
        p.of[i] = p.kind[i] >= WEIGH ? 1 + (int)below(&state, MOST_INPUTS) : 1;
        for (int k = 0; k < p.of[i]; k++)
            p.in[i][k] = any_wire(&p, i, &state);
        if (p.of[i] > 0 && below(&state, 3)) /* mostly go on from the last call */
            p.in[i][0] = (antler_ref){i - 1, 0};
    }
    p.outputs = 1 + (p.calls > 3 && below(&state, 3) == 0);
    p.output[0] = (antler_ref){p.calls - 1, 0};
    p.output[1] = (antler_ref){p.calls / 2, 0};
    return p;
}

/* The JSON of call i's layer. */
static char *layer_text(const plan *p, int i, char text[256])
{
    static const char config[] = "'config': {", penalty[] = "'activity_regularizer': {'class_name': 'L2', 'config': "
                                                            "{'l2': 0.3}}";
    const char *kind = kinds[p->kind[i]], *keys = strstr(kind, config) + strlen(config);
    if (!p->penalized[i] || strstr(kind, "activity_regularizer"))
        snprintf(text, 256, "%s", kind);
    else
        snprintf(text, 256, "%.*s%s%s%s", (int)(keys - kind), kind, penalty, *keys == '}' ? "" : ", ", keys);
    return quoted(text);
}

static antler_model *lay_out(const plan *p)
{
    antler_error err = {0};
    antler_model *m = antler__model_new("graph", true, &err);
    antler_use use[MOST_CALLS];
    char text[256];
    ck_assert_ptr_nonnull(m);
    for (int i = 0; i < p->inputs; i++)
        must(antler_add_json(m, strcpy(text, "{\"class_name\": \"InputLayer\", \"config\": {\"shape\": [4]}}")),
             antler_model_error(m));
    for (int i = 0; i < p->calls; i++) {
        must(antler_add_json(m, layer_text(p, i, text)), antler_model_error(m));
        use[i] = (antler_use){.layer = p->inputs + i, .inputs = p->of[i], .in = p->in[i]};
    }
    antler_graph graph = {.uses = p->calls, .outputs = p->outputs, .use = use, .output = p->output};
    must(antler__model_connect(m, &graph, &err), &err);
    must(antler_build(m), antler_model_error(m));
    return m;
}

/* A training context; its memory is NaN, so that what is read before it is written shows. */
static antler_context *context_with(antler_model *m, int threads, unsigned flags)
{
    antler_error err = {0};
    antler_context *c = antler_context_create_train(m, BATCH, threads, flags | ANTLER_INPUT_GRADIENT, &err);
    must(c ? ANTLER_OK : err.status, &err);
    memset(c->arena.memory, 0xff, (size_t)c->arena.bytes);
    antler_context_seek(c, 5, 7);
    return c;
}

typedef struct pass {
    antler_real x[2 * BATCH * WIDTH], y[2 * BATCH * WIDTH], dy[2 * BATCH * WIDTH], dx[2 * BATCH * WIDTH];
    antler_real gradients[4096];
} pass;

static void fill(pass *p)
{
    random_numbers(p->x, 2 * BATCH * WIDTH, 1);
    random_numbers(p->dy, 2 * BATCH * WIDTH, 2);
}

static void run_pass(antler_context *c, pass *p)
{
    antler_error err = {0};
    must(antler_forward(c, p->x, BATCH, p->y, &err), &err);
    must(antler_backward_from(c, p->dy, p->dx, &err), &err);
    ck_assert_int_le(c->model->trained_size, 4096);
    memcpy(p->gradients, c->gradients, (size_t)c->model->trained_size * sizeof *p->gradients);
}

/* ---- the tests -------------------------------------------------------------------------------------------------- */

START_TEST(memory_and_threads_change_no_bit)
{
    plan p = random_plan((uint64_t)_i);
    antler_model *m = lay_out(&p);
    pass first = {0}, other = {0};
    fill(&first);
    fill(&other);
    antler_context *c = context_with(m, 1, 0);
    run_pass(c, &first);
    antler_context_free(c);
    size_t ys = (size_t)(p.outputs * BATCH * WIDTH) * sizeof(antler_real);
    size_t xs = (size_t)(p.inputs * BATCH * WIDTH) * sizeof(antler_real);
    for (int threads = 1; threads <= 2; threads++) {
        c = context_with(m, threads, threads == 1 ? ANTLER_KEEP : 0);
        for (int again = 0; again < 2; again++) {
            run_pass(c, &other);
            ck_assert_mem_eq(first.y, other.y, ys);
            ck_assert_mem_eq(first.dx, other.dx, xs);
            ck_assert_mem_eq(first.gradients, other.gradients, (size_t)m->trained_size * sizeof(antler_real));
        }
        antler_context_free(c);
    }
    for (int64_t i = 0; i < p.inputs * BATCH * WIDTH; i++)
        ck_assert(isfinite(first.dx[i]));
    antler_model_free(m);
}
END_TEST

START_TEST(a_small_batch_is_its_rows)
{
    plan p = random_plan((uint64_t)_i);
    antler_model *m = lay_out(&p);
    pass whole = {0};
    antler_error err = {0};
    antler_real x[2 * WIDTH], y[2 * WIDTH];
    fill(&whole);
    antler_context *c = antler_context_create(m, ANTLER_INFER, BATCH, 1, 0, &err);
    must(antler_forward(c, whole.x, BATCH, whole.y, &err), &err);
    for (int row = 0; row < BATCH; row++) {
        for (int k = 0; k < p.inputs; k++)
            memcpy(x + k * WIDTH, whole.x + (k * BATCH + row) * WIDTH, WIDTH * sizeof *x);
        must(antler_forward(c, x, 1, y, &err), &err);
        for (int k = 0; k < p.outputs; k++)
            ck_assert_mem_eq(y + k * WIDTH, whole.y + (k * BATCH + row) * WIDTH, WIDTH * sizeof *y);
    }
    antler_context_free(c);
    antler_model_free(m);
}
END_TEST

#ifdef ANTLER_DOUBLE
static double objective(antler_context *c, pass *p)
{
    antler_error err = {0};
    double sum = 0;
    must(antler_forward(c, p->x, BATCH, p->y, &err), &err);
    for (int i = 0; i < c->model->outputs * BATCH * WIDTH; i++)
        sum += p->dy[i] * p->y[i];
    return sum;
}

/* The gradient of f by one value against a difference. */
static void check(double (*f)(antler_context *c, pass *p), antler_context *c, pass *p, antler_real *value,
                  double gradient, double size)
{
    const double h = 1e-5;
    antler_real kept = *value;
    *value = kept + h;
    double above = f(c, p);
    *value = kept - h;
    double below_ = f(c, p);
    *value = kept;
    ck_assert_msg(fabs((above - below_) / (2 * h) - gradient) <= 1e-6 * fmax(size, 1), "%.12g, numeric %.12g", gradient,
                  (above - below_) / (2 * h));
}

START_TEST(gradients_are_right)
{
    plan p = random_plan((uint64_t)_i);
    antler_model *m = lay_out(&p);
    antler_context *c = context_with(m, 1, 0);
    pass one = {0};
    double size = 0;
    fill(&one);
    run_pass(c, &one);
    for (int64_t i = 0; i < m->trained_size; i++)
        size = fmax(size, fabs(one.gradients[i]));
    for (int i = 0; i < p.inputs * BATCH * WIDTH; i++)
        size = fmax(size, fabs(one.dx[i]));
    for (int i = 0; i < p.inputs * BATCH * WIDTH; i++)
        check(objective, c, &one, &one.x[i], one.dx[i], size);
    for (int64_t v = 0; v < m->variables; v++)
        for (int64_t i = 0; m->variable[v].view.trainable && i < m->variable[v].length; i++)
            check(objective, c, &one, &m->variable[v].view.value.data[i], one.gradients[m->variable[v].offset + i],
                  size);
    antler_context_free(c);
    antler_model_free(m);
}
END_TEST
#endif

/* ---- the loss and its penalties ---- */

/* Plan i, in which the outputs of many calls have a penalty, and the losses of many outputs take the logits. */
static plan penalized_plan(uint64_t i)
{
    uint64_t state = i + 99;
    plan p = random_plan(i);
    for (int k = 0; k < p.outputs; k++) {
        int call = (int)p.output[k].call;
        if (p.kind[call] != POWERS && p.of[call] == 1 && below(&state, 2))
            p.kind[call] = SIGMOID;
    }
    if (p.outputs == 2 && below(&state, 4) == 0)
        p.output[1] = p.output[0];
    for (int k = 0; k < p.calls; k++)
        p.penalized[k] = below(&state, 2);
    return p;
}

static const char *loss_of(const plan *p, int output)
{
    return p->kind[p->output[output].call] == SIGMOID ? "\"binary_crossentropy\"" : "\"mean_squared_error\"";
}

static antler_model *penalized_model(const plan *p)
{
    antler_model *m = lay_out(p);
    char loss[128];
    if (p->outputs == 2)
        snprintf(loss, sizeof loss, "[%s, %s]", loss_of(p, 0),
                 p->output[1].call == p->output[0].call ? "\"mae\"" : loss_of(p, 1));
    else
        snprintf(loss, sizeof loss, "[%s]", loss_of(p, 0));
    antler_compile(m, .loss = loss, .loss_weights = p->outputs == 2 ? "[0.5, 3]" : NULL);
    must(antler_model_error(m)->status, antler_model_error(m));
    return m;
}

/* Forward and back from the loss against p->dy; gradients of parameters and inputs where p is. */
static double run_loss(antler_context *c, pass *p)
{
    antler_error err = {0};
    double loss;
    must(antler_forward(c, p->x, BATCH, p->y, &err), &err);
    must(antler_backward(c, p->dy, &loss, &err), &err);
    ck_assert_int_le(c->model->trained_size, 4096);
    memcpy(p->gradients, c->gradients, (size_t)c->model->trained_size * sizeof *p->gradients);
    for (int64_t k = 0; k < c->model->inputs; k++)
        if (c->edge[c->model->input[k]].dy.data) /* else no output depends on it */
            memcpy(p->dx + k * BATCH * WIDTH, c->edge[c->model->input[k]].dy.data, BATCH * WIDTH * sizeof *p->dx);
    return loss;
}

START_TEST(memory_changes_no_bit_of_penalties)
{
    plan p = penalized_plan((uint64_t)_i);
    antler_model *m = penalized_model(&p);
    pass first = {0}, other = {0};
    fill(&first);
    fill(&other);
    for (int kept = 0; kept < 2; kept++) {
        antler_context *c = context_with(m, 1 + kept, kept ? ANTLER_KEEP : 0);
        run_loss(c, kept ? &other : &first);
        antler_context_free(c);
    }
    ck_assert_mem_eq(first.y, other.y, (size_t)(p.outputs * BATCH * WIDTH) * sizeof *first.y);
    ck_assert_mem_eq(first.dx, other.dx, sizeof first.dx);
    ck_assert_mem_eq(first.gradients, other.gradients, sizeof first.gradients);
    antler_model_free(m);
}
END_TEST

#ifdef ANTLER_DOUBLE
START_TEST(gradients_of_penalties_are_right)
{
    plan p = penalized_plan((uint64_t)_i);
    antler_model *m = penalized_model(&p);
    antler_context *c = context_with(m, 1, 0);
    pass one = {0};
    fill(&one);
    double size = fabs(run_loss(c, &one));
    pass other = one;
    for (int64_t i = 0; i < m->trained_size; i++)
        size = fmax(size, fabs(one.gradients[i]));
    for (int i = 0; i < p.inputs * BATCH * WIDTH; i++)
        check(run_loss, c, &other, &other.x[i], one.dx[i], size);
    for (int64_t v = 0; v < m->variables; v++)
        for (int64_t i = 0; m->variable[v].view.trainable && i < m->variable[v].length; i++)
            check(run_loss, c, &other, &m->variable[v].view.value.data[i], one.gradients[m->variable[v].offset + i],
                  size);
    antler_context_free(c);
    antler_model_free(m);
}
END_TEST
#endif

/* The penalty on a layer's output is no part of the gradient that a layer behind it, which only gives the same numbers
   another shape, is read to have. */
START_TEST(a_kept_gradient_is_that_of_its_own_output)
{
    static const char dense[] = "{'class_name': 'Dense', 'config': {'name': 'a', 'units': 4, 'activity_regularizer': "
                                "'L2'}}, {'class_name': 'Flatten', 'config': {'name': 'b'}}";
    antler_error err = {0};
    antler_tensor a, b;
    antler_model *m = network("4", dense, "");
    antler_compile(m, .loss = "mean_squared_error");
    must(antler_model_error(m)->status, antler_model_error(m));
    antler_context *c = context_with(m, 1, ANTLER_KEEP);
    pass p = {0};
    fill(&p);
    run_loss(c, &p);
    must(antler_read(c, "a", ANTLER_GRADIENT, 0, &a, &err), &err);
    must(antler_read(c, "b", ANTLER_GRADIENT, 0, &b, &err), &err);
    for (int i = 0; i < BATCH * WIDTH; i++) {
        double loss = 2 * (p.y[i] - p.dy[i]) / (BATCH * WIDTH), penalty = 0.02 * p.y[i] / BATCH;
        ck_assert_double_eq_tol(b.data[i], loss, 1e-6);
        ck_assert_double_eq_tol(a.data[i], loss + penalty, 1e-6);
    }
    antler_context_free(c);
    antler_model_free(m);
}
END_TEST

/* A mask goes on where all inputs have one. */
START_TEST(masks_of_several_inputs)
{
    for (int masked = 1; masked <= 2; masked++) {
        antler_error err = {0};
        antler_model *m = antler__model_new("masks", true, &err);
        char text[128];
        antler_real x[12] = {1, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0}; /* two inputs of (2, 3, 1) */
        for (int i = 0; i < 2; i++)
            must(antler_add_json(m, quoted(strcpy(text, "{'class_name': 'InputLayer', 'config': {'shape': [3, 1]}}"))),
                 antler_model_error(m));
        for (int i = 0; i < 2; i++)
            must(antler_add_json(m, quoted(strcpy(text, "{'class_name': 'Masking', 'config': {}}"))),
                 antler_model_error(m));
        must(antler_add_json(m, quoted(strcpy(text, "{'class_name': 'Weigh', 'config': {}}"))), antler_model_error(m));
        antler_ref in[] = {{-1, 0}, {-2, 0}}, both[] = {{0, 0}, {masked == 2 ? 1 : -2, 0}}, out = {2, 0};
        antler_use use[] = {{.layer = 2, .inputs = 1, .in = &in[0]},
                            {.layer = 3, .inputs = 1, .in = &in[1]},
                            {.layer = 4, .inputs = 2, .in = both}};
        must(antler__model_connect(m, &(antler_graph){.uses = 3, .outputs = 1, .use = use, .output = &out}, &err),
             &err);
        must(antler_build(m), antler_model_error(m));
        antler_context *c = antler_context_create(m, ANTLER_INFER, 2, 1, 0, &err);
        must(antler_forward(c, x, 2, NULL, &err), &err);
        const antler_tensor *mask = &c->edge[m->output[0]].mask;
        const antler_real either[] = {1, 0, 1, 1, 0, 0};
        ck_assert_int_eq(mask->data != NULL, masked == 2);
        if (masked == 2)
            ck_assert_mem_eq(mask->data, either, sizeof either);
        antler_context_free(c);
        antler_model_free(m);
    }
}
END_TEST

START_TEST(inputs_of_different_shapes_are_refused)
{
    antler_error err = {0};
    antler_model *m = antler__model_new("two", true, &err);
    char text[128];
    static const char *const layers[] = {"{'class_name': 'InputLayer', 'config': {'shape': [3]}}",
                                         "{'class_name': 'InputLayer', 'config': {'shape': [2]}}",
                                         "{'class_name': 'Weigh', 'config': {}}"};
    for (int i = 0; i < 3; i++)
        must(antler_add_json(m, quoted(strcpy(text, layers[i]))), antler_model_error(m));
    antler_ref in[] = {{-1, 0}, {-2, 0}}, out = {0, 0};
    antler_use use = {.layer = 2, .inputs = 2, .in = in};
    ck_assert_int_eq(
        antler__model_connect(m, &(antler_graph){.uses = 1, .outputs = 1, .use = &use, .output = &out}, &err),
        ANTLER_SHAPE);
    expect_error(&err, ANTLER_SHAPE, "inputs of different shapes");
    antler_model_free(m);
}
END_TEST

START_TEST(too_many_inputs_are_refused)
{
    antler_error err = {0};
    antler_model *m = antler__model_new("two", true, &err);
    char text[128];
    for (int i = 0; i < 2; i++)
        must(antler_add_json(m, quoted(strcpy(text, "{'class_name': 'InputLayer', 'config': {'shape': [4]}}"))),
             antler_model_error(m));
    must(antler_add_json(m, quoted(strcpy(text, "{'class_name': 'Dense', 'config': {'units': 2}}"))),
         antler_model_error(m));
    antler_ref in[] = {{-1, 0}, {-2, 0}}, out = {0, 0};
    antler_use use = {.layer = 2, .inputs = 2, .in = in};
    ck_assert_int_eq(
        antler__model_connect(m, &(antler_graph){.uses = 1, .outputs = 1, .use = &use, .output = &out}, &err),
        ANTLER_SHAPE);
    ck_assert_str_eq(err.place, "config.layers[2]");
    ck_assert_str_eq(err.message, "dense (Dense), input (None, 4), (None, 4): it takes 1 tensor, got 2");
    antler_model_free(m);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("calls");
    antler__task_elements = 2; /* a task for every few elements */
    tcase_add_unchecked_fixture(tests, register_layers, NULL);
    tcase_add_loop_test(tests, memory_and_threads_change_no_bit, 0, GRAPHS);
    tcase_add_loop_test(tests, a_small_batch_is_its_rows, 0, GRAPHS);
    tcase_add_loop_test(tests, memory_changes_no_bit_of_penalties, 0, PENALIZED);
#ifdef ANTLER_DOUBLE
    tcase_add_loop_test(tests, gradients_are_right, 0, GRAPHS);
    tcase_add_loop_test(tests, gradients_of_penalties_are_right, 0, PENALIZED);
#endif
    tcase_add_test(tests, a_kept_gradient_is_that_of_its_own_output);
    tcase_add_test(tests, masks_of_several_inputs);
    tcase_add_test(tests, inputs_of_different_shapes_are_refused);
    tcase_add_test(tests, too_many_inputs_are_refused);
    return run_suite("calls", tests);
}

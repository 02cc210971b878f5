/* Layers that make one tensor of several, against numbers that Keras wrote; ties, NaN, masks by the version of Keras,
   what is refused, and the same bits for any number of threads and every instruction set (CTest runs this suite under
   each). Gradients against differences are test_conformance.c's, memory that is shared test_neighbours.c's. */
#include "model/context.h"
#include "model/structure.h"
#include "model/work.h"
#include "networks.h"

#include <math.h>

enum { MOST_INPUTS = 3, BATCH = 2, MOST = 256 };

typedef struct merging_case {
    const char *class_name, *config;
    int keras;
    const char *shape[MOST_INPUTS];
    unsigned masked; /* one bit an input */
    const char *y, *mask, *dx[MOST_INPUTS];
} merging_case;

#include "merging_cases.h"

enum { CASES = sizeof cases / sizeof *cases };

/* ---- models ------------------------------------------------------------------------------------------------------ */

static void add(antler_model *m, const char *class_name, const char *config)
{
    char text[512];
    snprintf(text, sizeof text, "{'class_name': '%s', 'config': %s}", class_name, config);
    must(antler_add_json(m, quoted(text)), antler_model_error(m));
}

static int inputs_of(const merging_case *c)
{
    int n = 0;
    while (n < MOST_INPUTS && c->shape[n])
        n++;
    return n;
}

static antler_status connect(antler_model *m, const merging_case *c, antler_error *err)
{
    antler_use use[MOST_INPUTS + 1];
    antler_ref own[MOST_INPUTS], in[MOST_INPUTS], out;
    int n = inputs_of(c), calls = 0;
    for (int i = 0; i < n; i++) {
        in[i] = own[i] = (antler_ref){-1 - i, 0};
        if (c->masked >> i & 1) {
            use[calls] = (antler_use){.layer = n + calls, .inputs = 1, .in = &own[i]};
            in[i] = (antler_ref){calls++, 0};
        }
    }
    use[calls] = (antler_use){.layer = n + calls, .inputs = n, .in = in};
    out = (antler_ref){calls, 0};
    return antler__model_connect(m, &(antler_graph){.uses = calls + 1, .outputs = 1, .use = use, .output = &out}, err);
}

/* NULL: it was refused, as err says. */
static antler_model *lay_out(const merging_case *c, antler_error *err)
{
    char config[64];
    antler_model *m = antler__model_new("m", true, err);
    ck_assert_ptr_nonnull(m);
    for (int i = 0; i < inputs_of(c); i++) {
        snprintf(config, sizeof config, "{'shape': [%s]}", c->shape[i]);
        add(m, "InputLayer", config);
    }
    for (int i = 0; i < inputs_of(c); i++)
        if (c->masked >> i & 1)
            add(m, "Masking", "{}");
    add(m, c->class_name, c->config);
    m->keras = c->keras;
    if (connect(m, c, err) == ANTLER_OK && antler_build(m) == ANTLER_OK)
        return m;
    antler_model_free(m);
    return NULL;
}

static antler_model *model_of(const merging_case *c)
{
    antler_error err = {0};
    antler_model *m = lay_out(c, &err);
    must(m ? ANTLER_OK : err.status, &err);
    return m;
}

/* Its memory is NaN, so that what is read before it is written shows. */
static antler_context *training(antler_model *m, int64_t batch, int threads, unsigned flags)
{
    antler_error err = {0};
    antler_context *c = antler_context_create_train(m, batch, threads, flags | ANTLER_INPUT_GRADIENT, &err);
    must(c ? ANTLER_OK : err.status, &err);
    memset(c->arena.memory, 0xff, (size_t)c->arena.bytes);
    return c;
}

/* ---- against Keras ----------------------------------------------------------------------------------------------- */

/* Input k of a case; 9: the gradient of y. */
static void numbers(antler_real *x, int64_t n, int k)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (antler_real)(((i + 3) * (k + 5) * 7 + i / 3) % 17 - 8) / 4;
}

/* Step k of the first sample and the last step of the other are masked, no others. */
static void mask_steps(antler_real *x, const antler_shape *shape, int k)
{
    int64_t steps = shape->dim[1], features = shape->dim[2];
    for (int64_t i = 0; i < BATCH * steps * features; i++) {
        int64_t step = i / features % steps, sample = i / (steps * features);
        x[i] = x[i] == 0 ? (antler_real)0.5 : x[i];
        x[i] = step == (sample == 0 ? k % steps : steps - 1) ? 0 : x[i];
    }
}

static void check(const merging_case *c, const char *what, const antler_real *value, int64_t n, const char *text)
{
    for (int64_t i = 0; i < n; i++) {
        char *end;
        double expected = strtod(text, &end);
        ck_assert_msg(end != text, "%s %s, case %d: %s has more numbers", c->class_name, c->config, (int)(c - cases),
                      what);
        ck_assert_msg(fabs(value[i] - expected) <= 1e-6 * fmax(1, fabs(expected)),
                      "%s %s, case %d: %s[%d] is %g, not %g", c->class_name, c->config, (int)(c - cases), what, (int)i,
                      (double)value[i], expected);
        text = end;
    }
    ck_assert_msg(!*text, "%s %s, case %d: %s has no%s", c->class_name, c->config, (int)(c - cases), what, text);
}

START_TEST(as_keras)
{
    const merging_case *c = &cases[_i];
    antler_real x[MOST], y[MOST], dy[MOST], dx[MOST], *at = x;
    antler_error err = {0};
    antler_model *m = model_of(c);
    for (int k = 0; k < inputs_of(c); k++) {
        const antler_shape *shape = &m->wire[m->input[k]].shape;
        numbers(at, BATCH * antler_count(shape, 1), k);
        if (c->masked >> k & 1)
            mask_steps(at, shape, k);
        at += BATCH * antler_count(shape, 1);
    }
    for (unsigned flags = 0; flags <= ANTLER_KEEP; flags += ANTLER_KEEP) {
        antler_context *context = training(m, BATCH, 1, flags);
        const antler_edge *out = &context->edge[m->output[0]];
        int64_t n = BATCH * antler_count(&m->wire[m->output[0]].shape, 1);
        must(antler_forward(context, x, BATCH, y, &err), &err);
        check(c, "y", y, n, c->y);
        check(c, "mask", out->mask.data, out->mask.data ? antler_count(&out->mask.shape, 0) : 0, c->mask);
        numbers(dy, n, 9);
        must(antler_backward_from(context, dy, dx, &err), &err);
        at = dx;
        for (int k = 0; k < inputs_of(c); k++) {
            int64_t count = BATCH * antler_count(&m->wire[m->input[k]].shape, 1);
            check(c, "dx", at, count, c->dx[k]);
            at += count;
        }
        antler_context_free(context);
    }
    antler_model_free(m);
}
END_TEST

/* A tie goes to the first. A NaN stays, and its gradient goes to what comes after it: so does TensorFlow's. */
START_TEST(ties_and_nan)
{
    enum { ROWS = 6 };
    static const double x[3][ROWS] = {{1, 1, 0, NAN, 1, 1}, {1, 1, 1, 1, NAN, 2}, {0, 1, 1, 2, 2, NAN}};
    static const int most[ROWS] = {0, 0, 1, 2, 2, 2}, least[ROWS] = {2, 0, 0, 2, 2, 2}; /* whose the gradient is */
    for (int smallest = 0; smallest < 2; smallest++) {
        merging_case c = {smallest ? "Minimum" : "Maximum", "{}", 315, {"1", "1", "1"}, 0, "", "", {""}};
        antler_error err = {0};
        antler_model *m = model_of(&c);
        antler_context *context = training(m, ROWS, 1, 0);
        antler_real in[3 * ROWS], y[ROWS], dy[ROWS], dx[3 * ROWS];
        for (int i = 0; i < 3 * ROWS; i++)
            in[i] = (antler_real)x[i / ROWS][i % ROWS];
        for (int i = 0; i < ROWS; i++)
            dy[i] = 1;
        must(antler_forward(context, in, ROWS, y, &err), &err);
        must(antler_backward_from(context, dy, dx, &err), &err);
        for (int i = 0; i < ROWS; i++) {
            ck_assert_int_eq(isnan(y[i]) != 0, i >= 3);
            for (int k = 0; k < 3; k++)
                ck_assert_double_eq(dx[k * ROWS + i], k == (smallest ? least : most)[i]);
        }
        antler_context_free(context);
        antler_model_free(m);
    }
}
END_TEST

/* Vectors so short that their length is cut off at 1e-7, and one of 0; the gradients as Keras has them. */
START_TEST(vectors_of_no_length)
{
    merging_case c = {"Dot", "{'axes': 1, 'normalize': true}", 315, {"2", "2"}, 0, "", "", {""}};
    antler_error err = {0};
    antler_model *m = model_of(&c);
    antler_context *context = training(m, 3, 1, 0);
    const antler_real x[] = {0, 0, (antler_real)3e-8, (antler_real)4e-8, 3, 4, 1, 2, 1, 2, 1, 2}, dy[] = {1, 1, 1};
    const double values[] = {0, 0.49193496, 0.9838699};
    const double gradients[] = {4472136, 8944272, 4472136, 8944272, -0.028621670, 0.021466253};
    antler_real y[3], dx[12];
    must(antler_forward(context, x, 3, y, &err), &err);
    must(antler_backward_from(context, dy, dx, &err), &err);
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq_tol(y[i], values[i], 1e-6);
    for (int i = 0; i < 6; i++)
        ck_assert_double_eq_tol(dx[i], gradients[i], 1e-6 * fmax(1, fabs(gradients[i])));
    antler_context_free(context);
    antler_model_free(m);
}
END_TEST

/* ---- bits -------------------------------------------------------------------------------------------------------- */

static const merging_case large[] = {
    {.class_name = "Add", .config = "{}", .shape = {"40, 65", "40, 65"}},
    {.class_name = "Add", .config = "{}", .shape = {"40, 65", "65", "40, 1"}},
    {.class_name = "Average", .config = "{}", .shape = {"40, 65", "40, 65", "40, 65"}},
    {.class_name = "Multiply", .config = "{}", .shape = {"12, 14, 24", "1, 1, 24"}},
    {.class_name = "Multiply", .config = "{}", .shape = {"30, 1, 40", "20, 1"}},
    {.class_name = "Maximum", .config = "{}", .shape = {"3000", "3000", "1"}},
    {.class_name = "Subtract", .config = "{}", .shape = {"300, 1", "1, 9"}},
    {.class_name = "Concatenate", .config = "{'axis': 1}", .shape = {"30, 40", "7, 40", "1, 40"}},
    {.class_name = "Dot", .config = "{'axes': [2, 1]}", .shape = {"30, 1100", "1100, 40"}},
    {.class_name = "Dot", .config = "{'axes': [2, 3], 'normalize': true}", .shape = {"5, 40, 6", "7, 9, 40"}},
    {.class_name = "Dot", .config = "{'axes': 1, 'normalize': true}", .shape = {"300", "300"}},
};

/* Of y and dx. */
static uint64_t hash_of(antler_model *m, int64_t batch, int threads)
{
    int64_t nx = 0, ny = batch * antler_count(&m->wire[m->output[0]].shape, 1);
    for (int64_t k = 0; k < m->inputs; k++)
        nx += batch * antler_count(&m->wire[m->input[k]].shape, 1);
    antler_real *x = malloc((size_t)(2 * (nx + ny)) * sizeof *x), *dx = x + nx, *y = dx + nx, *dy = y + ny;
    antler_error err = {0};
    antler_context *c = training(m, batch, threads, 0);
    random_numbers(x, nx, 1);
    random_numbers(dy, ny, 2);
    must(antler_forward(c, x, batch, y, &err), &err);
    must(antler_backward_from(c, dy, dx, &err), &err);
    uint64_t hash = hash_bytes(hash_bytes(hash_start, y, (size_t)ny * sizeof *y), dx, (size_t)nx * sizeof *dx);
    antler_context_free(c);
    free(x);
    return hash;
}

START_TEST(the_same_bits)
{
    uint64_t all = hash_start;
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        antler_error err = {0};
        merging_case c = large[i];
        c.keras = ANTLER_KERAS;
        antler_model *m = lay_out(&c, &err);
        must(err.status, &err);
        for (int64_t batch = 1; batch <= 9; batch += 8) {
            uint64_t hash = hash_of(m, batch, 1);
            for (int threads = 2; threads <= 8; threads += threads == 3 ? 5 : 1)
                ck_assert_msg(hash_of(m, batch, threads) == hash, "%s %s: %d threads", c.class_name, c.config, threads);
            all = hash_bytes(all, &hash, sizeof hash);
        }
        antler_model_free(m);
    }
#ifndef ANTLER_DOUBLE /* which promises none */
    ck_assert_msg(all == 0x0febc3ed21c10c92u, "the bits are others, or a rule of theirs was broken: 0x%016llxu with %s",
                  (unsigned long long)all, antler_isa(NULL));
#endif
}
END_TEST

/* ---- what is refused --------------------------------------------------------------------------------------------- */

static const struct {
    merging_case c;
    const char *message;
} refused[] = {
    {{.class_name = "Add", .config = "{}", .shape = {"4"}}, "it takes a list of at least 2 tensors, got 1"},
    {{.class_name = "Concatenate", .config = "{}", .shape = {"4"}}, "it takes a list of at least 2 tensors, got 1"},
    {{.class_name = "Dot", .config = "{'axes': 1}", .shape = {"4"}}, "it takes a list of 2 tensors, got 1"},
    {{.class_name = "Subtract", .config = "{}", .shape = {"4", "4", "4"}}, "it takes 2 tensors, got 3"},
    {{.class_name = "Dot", .config = "{'axes': 1}", .shape = {"4", "4", "4"}}, "it takes 2 tensors, got 3"},
    {{.class_name = "Multiply", .config = "{}", .shape = {"4, 3", "4"}},
     "axis -1 is 3 in one tensor and 4 in another; expected equal sizes, or 1"},
    {{.class_name = "Average", .config = "{}", .shape = {"1, 3", "4, 1", "2, 3"}},
     "axis -2 is 4 in one tensor and 2 in another"},
    {{.class_name = "Concatenate", .config = "{'axis': 0}", .shape = {"4", "4"}}, "0 is not an axis of 2, or it is"},
    {{.class_name = "Concatenate", .config = "{'axis': -2}", .shape = {"4", "4"}}, "-2 is not an axis of 2, or it is"},
    {{.class_name = "Concatenate", .config = "{'axis': 2}", .shape = {"4", "4"}}, "2 is not an axis of 2, or it is"},
    {{.class_name = "Concatenate", .config = "{}", .shape = {"4, 3", "3"}}, "equal sizes but for axis 2"},
    {{.class_name = "Concatenate", .config = "{}", .shape = {"4, 3", "1, 3"}}, "equal sizes but for axis 2"},
    {{.class_name = "Dot", .config = "{'axes': 0}", .shape = {"4", "4"}},
     "0 is not an axis of 2, or it is the batch's"},
    {{.class_name = "Dot", .config = "{'axes': [1, 2]}", .shape = {"4", "4"}}, "2 is not an axis of 2, or it is"},
    {{.class_name = "Dot", .config = "{'axes': -1}", .shape = {"2, 3", "4"}},
     "axis 2 of the first has 3 numbers, axis 1 of the other 4; expected as many"},
    {{.class_name = "Dot", .config = "{'axes': 1}", .shape = {"3, 1, 1, 1, 1", "3, 1, 1, 1, 1"}},
     "the output has 9 axes; at most 8 are possible"},
};

START_TEST(refusals)
{
    antler_error err = {0};
    ck_assert_ptr_null(lay_out(&refused[_i].c, &err));
    expect_error(&err, ANTLER_SHAPE, refused[_i].message);
}
END_TEST

/* In a Sequential there is one tensor. */
START_TEST(a_sequential_has_too_few)
{
    antler_error err = {0};
    char text[] = "{'class_name': 'Sequential', 'config': {'layers': [{'class_name': 'InputLayer', 'config': "
                  "{'batch_shape': [null, 4]}}, {'class_name': 'Add', 'config': {}}]}}";
    ck_assert_ptr_null(antler_load_json(quoted(text), NULL, &err));
    expect_error(&err, ANTLER_SHAPE, "add (Add), input (None, 4): it takes a list of at least 2 tensors, got 1");
    ck_assert_str_eq(err.place, "config.layers[1]");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("merging");
    tcase_add_loop_test(tests, as_keras, 0, CASES);
    tcase_add_test(tests, ties_and_nan);
    tcase_add_test(tests, vectors_of_no_length);
    tcase_add_test(tests, the_same_bits);
    tcase_add_loop_test(tests, refusals, 0, (int)(sizeof refused / sizeof *refused));
    tcase_add_test(tests, a_sequential_has_too_few);
    return run_suite("merging", tests);
}

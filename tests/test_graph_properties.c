/* What holds of every graph: gradients are those of the loss; memory and threads change no bit, nor
   does the order of a file's list, nor its form; memory that fails is told. */
#include "graph_passes.h"
#include "torture.h"

enum { DIFFERENTIATED = 1000, GRAPHS = 150, TORTURED = 6 };

static const form keras3 = {false, 0};

static graph *graph_and_model(int seed, unsigned without, antler_model **m)
{
    graph *g = random_graph((uint64_t)seed, 0, without);
    *m = graph_model(g, keras3);
    return g;
}

/* ---- gradients ---- */

#ifdef ANTLER_DOUBLE
/* The gradient by one value against a difference. */
static void check(antler_context *c, pass *p, antler_real *value, double gradient, double size)
{
    const double h = 1e-5;
    antler_real kept = *value;
    *value = kept + h;
    double above = run_loss(c, p);
    *value = kept - h;
    double below_ = run_loss(c, p), numeric = (above - below_) / (2 * h);
    *value = kept;
    ck_assert_msg(fabs(numeric - gradient) <= 1e-6 * size, "%.12g, numeric %.12g, largest %.3g", gradient, numeric,
                  size);
}

/* Of every parameter that is trained, and of every input. */
START_TEST(gradients_are_right)
{
    antler_model *m;
    graph *g = graph_and_model(_i, 0, &m);
    antler_context *c = context_with(m, 1, 0);
    pass *one = pass_new(), *other = pass_new();
    double size = fmax(1, fabs(run_loss(c, one)));
    for (int64_t i = 0; i < m->trained_size; i++)
        size = fmax(size, fabs(one->gradients[i]));
    for (int64_t i = 0; i < m->inputs * BATCH * WIDTH; i++)
        size = fmax(size, fabs(one->dx[i]));
    for (int64_t i = 0; i < m->inputs * BATCH * WIDTH; i++)
        check(c, other, &other->x[i], one->dx[i], size);
    for (int64_t v = 0; v < m->variables; v++)
        for (int64_t i = 0; m->variable[v].view.trainable && i < m->variable[v].length; i++)
            check(c, other, &m->variable[v].view.value.data[i], one->gradients[m->variable[v].offset + i], size);
    antler_context_free(c);
    antler_model_free(m);
    graph_free(g);
    free(one);
    free(other);
}
END_TEST
#endif

/* ---- bits ---- */

START_TEST(memory_and_threads_change_no_bit)
{
    static const int threads[] = {1, 2, 3, 8};
    antler_model *m;
    graph *g = graph_and_model(_i, STATE, &m); /* a pass moves statistics */
    pass *first = pass_of(m, 1, ANTLER_KEEP);
    for (int64_t i = 0; i < m->inputs * BATCH * WIDTH; i++)
        ck_assert(isfinite(first->dx[i]));
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        pass *other = pass_of(m, threads[i], 0);
        check_same(first, other);
        free(other);
    }
    free(first);
    antler_model_free(m);
    graph_free(g);
}
END_TEST

START_TEST(a_second_pass_is_as_the_first)
{
    antler_model *m;
    graph *g = graph_and_model(_i, STATE, &m);
    antler_context *c = context_with(m, 2, 0);
    pass *first = pass_new(), *other = pass_new();
    run_loss(c, first);
    run_loss(c, other);
    check_same(first, other);
    antler_context_free(c);
    antler_model_free(m);
    graph_free(g);
    free(first);
    free(other);
}
END_TEST

/* Layers and variables have the same names in the same order, and a pass the same bits. */
static void check_same_models(antler_model *a, antler_model *b)
{
    const antler_variable *v, *w;
    for (int64_t i = 0; (v = antler_model_variable(a, i)); i++) {
        w = antler_model_variable(b, i);
        ck_assert_ptr_nonnull(w);
        ck_assert_str_eq(v->layer, w->layer);
        ck_assert_str_eq(v->name, w->name);
    }
    ck_assert_int_eq(a->calls, b->calls);
    ck_assert_int_eq(hash_weights(a) == hash_weights(b), true);
    pass *one = pass_of(a, 1, 0), *other = pass_of(b, 1, 0);
    check_same(one, other);
    ck_assert_int_eq(hash_weights(a) == hash_weights(b), true);
    free(one);
    free(other);
}

START_TEST(forms_and_order_of_a_file_change_no_bit)
{
    const form forms[] = {{false, 11}, {true, 0}, {true, 12}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        antler_model *m;
        graph *g = graph_and_model(_i, 0, &m);
        antler_model *other = graph_model(g, forms[i]);
        check_same_models(m, other);
        antler_model_free(m);
        antler_model_free(other);
        graph_free(g);
    }
}
END_TEST

START_TEST(written_and_read_again_it_is_the_same)
{
    antler_model *m;
    antler_error err = {0};
    graph *g = graph_and_model(_i, 0, &m);
    char *json = antler_model_json(m, &err);
    must(json ? ANTLER_OK : err.status, &err);
    antler_model *again = antler_load_json(json, NULL, &err);
    must(again ? ANTLER_OK : err.status, &err);
    antler_set_seed(again, 7);
    char *second = antler_model_json(again, &err);
    ck_assert_str_eq(json, second);
    must(antler_build(again), antler_model_error(again));
    check_same_models(m, again);
    antler_text_free(json);
    antler_text_free(second);
    antler_model_free(again);
    antler_model_free(m);
    graph_free(g);
}
END_TEST

START_TEST(a_small_batch_is_its_rows)
{
    antler_model *m;
    graph *g = graph_and_model(_i, 0, &m);
    pass *p = pass_new();
    antler_error err = {0};
    antler_real x[MOST_ENDS * WIDTH], y[MOST_ENDS * WIDTH];
    antler_context *c = antler_context_create(m, ANTLER_INFER, BATCH, 1, 0, &err);
    must(antler_forward(c, p->x, BATCH, p->y, &err), &err);
    for (int row = 0; row < BATCH; row++) {
        for (int k = 0; k < g->inputs; k++)
            memcpy(x + k * WIDTH, p->x + (k * BATCH + row) * WIDTH, WIDTH * sizeof *x);
        must(antler_forward(c, x, 1, y, &err), &err);
        for (int k = 0; k < g->outputs; k++)
            ck_assert_mem_eq(y + k * WIDTH, p->y + (k * BATCH + row) * WIDTH, WIDTH * sizeof *y);
    }
    antler_context_free(c);
    antler_model_free(m);
    graph_free(g);
    free(p);
}
END_TEST

/* ---- memory that fails ---- */

static antler_status load_and_step(void *arg)
{
    antler_error err = {0};
    pass *p = pass_new();
    antler_model *m = antler_load_json(arg, NULL, &err);
    antler_context *c = NULL;
    if (m && antler_build(m) == ANTLER_OK) {
        antler_compile(m, .loss = "mean_squared_error", .optimizer = "adam");
        c = antler_model_error(m)->status == ANTLER_OK ? antler_context_create_train(m, BATCH, 1, 0, &err) : NULL;
    }
    if (c && antler_forward(c, p->x, BATCH, p->y, &err) == ANTLER_OK &&
        antler_backward(c, p->targets, NULL, &err) == ANTLER_OK)
        antler_update(c, &err);
    antler_status status = err.status != ANTLER_OK || !m ? err.status : antler_model_error(m)->status;
    antler_context_free(c);
    antler_model_free(m);
    free(p);
    return status;
}

/* The text of a graph that loading does not warn of: a warning that there is no memory for is lost, which is no error.
 */
static char *quiet_text(int i)
{
    for (uint64_t seed = (uint64_t)i * 100;; seed++) {
        graph *g = random_graph(seed, 5, 0);
        antler_model *m = graph_model(g, keras3);
        bool quiet = !antler_model_warning(m, 0);
        char *json = quiet ? strdup(graph_text(g, (form){i % 2 == 1, 3})) : NULL;
        antler_model_free(m);
        graph_free(g);
        if (quiet)
            return json;
    }
}

START_TEST(memory_that_fails)
{
    char *json = quiet_text(_i);
    torture(load_and_step, json);
    free(json);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("graphs");
    tcase_add_unchecked_fixture(tests, register_layers, NULL);
#ifdef ANTLER_DOUBLE
    tcase_add_loop_test(tests, gradients_are_right, 0, DIFFERENTIATED);
#endif
    tcase_add_loop_test(tests, memory_and_threads_change_no_bit, 0, GRAPHS);
    tcase_add_loop_test(tests, a_second_pass_is_as_the_first, 0, GRAPHS);
    tcase_add_loop_test(tests, forms_and_order_of_a_file_change_no_bit, 0, GRAPHS);
    tcase_add_loop_test(tests, written_and_read_again_it_is_the_same, 0, GRAPHS);
    tcase_add_loop_test(tests, a_small_batch_is_its_rows, 0, GRAPHS);
    tcase_add_loop_test(tests, memory_that_fails, 0, TORTURED);
    return run_suite("graph_properties", tests);
}

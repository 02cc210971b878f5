/* One model said in several ways: a chain as a Functional and as a Sequential, models in models and all layers in one,
   a layer that is called again and several with the same weights. */
#include "graph_passes.h"
#include "networks.h"
#include "scratch.h"

enum { GRAPHS = 150, CHAINS = 60 };

static const form keras3 = {false, 0};
/* Sums of gradients may come in another order. */
static const double tolerance = sizeof(antler_real) == 4 ? 2e-5 : 1e-12;

/* ---- making one graph of another ---- */

/* Appends the layers and calls of `from`, whose inputs are `in`, with their models' layers in the models' places; the
   names of these begin with that of the model. */
static void inline_calls(graph *to, const graph *from, const char *prefix, bool frozen, const giver *in, giver *out)
{
    giver(*made)[MOST_AGAIN][MOST_ENDS] = calloc(MOST_LAYERS, sizeof *made);
    for (int s = 0; s < from->steps; s++) {
        const graph_layer *l = &from->layer[from->step[s].layer];
        int call = from->step[s].call;
        char name[64];
        giver taken[MOST_TAKEN];
        snprintf(name, sizeof name, "%.40s%.20s", prefix, l->name);
        for (int k = 0; k < l->of; k++) {
            giver v = l->in[call][k];
            taken[k] = v.layer < 0 ? in[-1 - v.layer] : made[v.layer][v.call][v.output];
        }
        giver *here = made[from->step[s].layer][call];
        if (l->model) {
            strcat(name, ".");
            inline_calls(to, l->model, name, frozen || l->model->frozen, taken, here);
            continue;
        }
        int i = 0;
        while (i < to->layers && strcmp(to->layer[i].name, name) != 0)
            i++;
        if (i == to->layers) {
            add_kind(to, l->kind, l->of);
            strcpy(to->layer[i].name, name);
            to->layer[i].frozen = frozen;
        }
        memcpy(to->layer[i].in[to->layer[i].calls], taken, sizeof taken);
        int again = add_step(to, i);
        for (int k = 0; k < MOST_ENDS; k++)
            here[k] = (giver){i, again, k};
    }
    for (int k = 0; k < from->outputs; k++) {
        giver v = from->output[k];
        out[k] = v.layer < 0 ? in[-1 - v.layer] : made[v.layer][v.call][v.output];
    }
    free(made);
}

static graph *inlined(const graph *g)
{
    graph *flat = calloc(1, sizeof *flat);
    giver in[MOST_ENDS] = {{-1, 0, 0}, {-2, 0, 0}};
    flat->inputs = g->inputs;
    flat->outputs = g->outputs;
    strcpy(flat->name, g->name);
    inline_calls(flat, g, "", false, in, flat->output);
    return flat;
}

/* Of a graph without models: each call has a layer of its own, "l1", "l1.1", "l1.2". */
static graph *untied(const graph *g)
{
    graph *loose = calloc(1, sizeof *loose);
    int(*made)[MOST_AGAIN] = calloc(MOST_LAYERS, sizeof *made);
    loose->inputs = g->inputs;
    loose->outputs = g->outputs;
    strcpy(loose->name, g->name);
    for (int s = 0; s < g->steps; s++) {
        const graph_layer *l = &g->layer[g->step[s].layer];
        int call = g->step[s].call, i = loose->layers;
        graph_layer *own = add_kind(loose, l->kind, l->of);
        snprintf(own->name, sizeof own->name, call ? "%.50s.%d" : "%.50s", l->name, call);
        own->frozen = l->frozen;
        for (int k = 0; k < l->of; k++) {
            giver v = l->in[call][k];
            own->in[0][k] = v.layer < 0 ? v : (giver){made[v.layer][v.call], 0, v.output};
        }
        add_step(loose, i);
        made[g->step[s].layer][call] = i;
    }
    for (int k = 0; k < g->outputs; k++) {
        giver v = g->output[k];
        loose->output[k] = v.layer < 0 ? v : (giver){made[v.layer][v.call], 0, v.output};
    }
    free(made);
    return loose;
}

/* ---- comparing ---- */

/* "a/b" and "a.b", and with `again` "a.b.1" too, are the same layer. */
static bool is_same_layer(const char *a, const char *b, bool again)
{
    for (; *a && (*a == *b || (*a == '/' && *b == '.')); a++, b++)
        ;
    return !*a && (!*b || (again && *b == '.' && strspn(b + 1, "0123456789") == strlen(b + 1)));
}

static bool is_same_variable(const antler_variable *a, const antler_variable *b, bool again)
{
    return strcmp(a->name, b->name) == 0 && is_same_layer(a->layer, b->layer, again);
}

/* Gives b's variables the values of a's. */
static void copy_weights(antler_model *a, antler_model *b, bool again)
{
    const antler_variable *v, *w;
    for (int64_t j = 0; (w = antler_model_variable(b, j)); j++) {
        int64_t i = 0;
        while ((v = antler_model_variable(a, i)) && !is_same_variable(v, w, again))
            i++;
        ck_assert_msg(v != NULL, "no %s of %s", w->name, w->layer);
        memcpy(w->value.data, v->value.data, (size_t)antler_count(&v->value.shape, 0) * sizeof(antler_real));
    }
}

static void check_near(double got, double wanted, double size)
{
    ck_assert_msg(fabs(got - wanted) <= tolerance * fmax(size, 1), "%.12g, not %.12g", got, wanted);
}

/* a's gradients are the sums of b's. */
static void check_gradients(const antler_model *a, const pass *pa, const antler_model *b, const pass *pb)
{
    double size = fabs(pa->loss);
    for (int64_t i = 0; i < a->trained_size; i++)
        size = fmax(size, fabs((double)pa->gradients[i]));
    for (int i = 0; i < NUMBERS; i++) {
        size = fmax(size, fabs((double)pa->dx[i]));
        check_near((double)pb->dx[i], (double)pa->dx[i], size);
    }
    for (int64_t v = 0; v < a->variables; v++)
        for (int64_t i = 0; a->variable[v].view.trainable && i < a->variable[v].length; i++) {
            double sum = 0;
            for (int64_t w = 0; w < b->variables; w++)
                if (is_same_variable(&a->variable[v].view, &b->variable[w].view, true))
                    sum += (double)pb->gradients[b->variable[w].offset + i];
            check_near(sum, (double)pa->gradients[a->variable[v].offset + i], size);
        }
    check_near(pb->loss, pa->loss, size);
}

static void check_same_model(const graph *one, const graph *other)
{
    antler_model *a = graph_model(one, keras3), *b = graph_model(other, keras3);
    copy_weights(a, b, true);
    pass *pa = pass_of(a, 1, ANTLER_SILENT), *pb = pass_of(b, 1, ANTLER_SILENT);
    ck_assert_mem_eq(pa->y, pb->y, sizeof pa->y);
    check_gradients(a, pa, b, pb);
    antler_model_free(a);
    antler_model_free(b);
    free(pa);
    free(pb);
}

/* ---- the tests ---- */

/* A penalty counts in a model whose output it is that nothing takes, as in Keras; the layer alone would not be there.
 */
START_TEST(models_in_models_are_their_layers)
{
    graph *g = random_graph((uint64_t)_i, 0, PENALTY | ACTIVITY), *flat = inlined(g);
    check_same_model(g, flat);
    graph_free(g);
    graph_free(flat);
}
END_TEST

/* A penalty on weights counts once for a layer, however often it is called: such layers are left out. */
START_TEST(a_layer_called_again_is_layers_with_the_same_weights)
{
    graph *g = random_graph((uint64_t)_i, 0, PENALTY), *flat = inlined(g), *loose = untied(flat);
    check_same_model(flat, loose);
    graph_free(g);
    graph_free(flat);
    graph_free(loose);
}
END_TEST

/* Some steps of training; a hash of all that they give. */
static uint64_t train(antler_model *m)
{
    antler_error err = {0};
    antler_context *c = context_with(m, 2, 0);
    pass *p = pass_new();
    uint64_t hash = hash_start;
    for (int step = 0; step < 3; step++) {
        run_loss(c, p);
        hash = hash_bytes(hash, p->y, sizeof p->y);
        hash = hash_bytes(hash, p->dx, sizeof p->dx);
        hash = hash_bytes(hash, p->gradients, sizeof p->gradients);
        hash = hash_bytes(hash, &p->loss, sizeof p->loss);
        must(antler_update(c, &err), &err);
    }
    antler_context_free(c);
    free(p);
    return hash_bytes(hash, &(uint64_t){hash_weights(m)}, sizeof(uint64_t));
}

/* Files of weights of one are read by the other, with the optimizer's state. */
static void check_exchange(antler_model *from, const graph *to, const char *file)
{
    antler_error err = {0};
    antler_model *m = graph_model(to, keras3);
    must(antler_save(from, scratch_path(file), &err), &err);
    must(antler_load_weights(m, scratch_path(file), &err), &err);
    ck_assert(hash_weights(m) == hash_weights(from));
    ck_assert_int_eq(m->iteration, from->iteration);
    antler_model *same = graph_model(to, keras3);
    copy_weights(from, same, false);
    pass *one = pass_of(m, 1, 0), *other = pass_of(same, 1, 0);
    check_same(one, other);
    free(one);
    free(other);
    antler_model_free(m);
    antler_model_free(same);
}

START_TEST(a_chain_as_functional_is_a_sequential)
{
    graph *chain = calloc(1, sizeof *chain);
    uint64_t state = (uint64_t)_i + 5;
    chain->sequential = true;
    strcpy(chain->name, "chain");
    grow(chain, 2 + (int)below(&state, 6), 0, 0, &state);
    graph *functional = calloc(1, sizeof *functional);
    memcpy(functional, chain, sizeof *chain);
    functional->sequential = false;
    antler_model *a = graph_model(chain, keras3), *b = graph_model(functional, keras3);
    ck_assert(hash_weights(a) == hash_weights(b));
    ck_assert(train(a) == train(b));
    scratch_make();
    const char *const files[] = {"m.weights.h5", "m.h5", "m.keras"};
    for (int i = 0; HAS_HDF5 && i < 2 + HAS_ZIP; i++) {
        check_exchange(a, functional, files[i]);
        check_exchange(b, chain, files[i]);
    }
    scratch_remove();
    antler_model_free(a);
    antler_model_free(b);
    graph_free(chain);
    graph_free(functional);
}
END_TEST

#define INPUT(shape)                                                                                                 \
    "{'class_name': 'InputLayer', 'name': 'x', 'config': {'name': 'x', 'batch_shape': " shape "}, 'inbound_nodes': " \
    "[]}"
#define INNER                                                                                       \
    "{'name': 's', 'layers': [{'class_name': 'InputLayer', 'config': {'batch_shape': [null, 3]}}, " \
    "{'class_name': 'Dense', 'config': {'units': 3}}]}"
#define TWICE(class_name, config, output)                                                                             \
    "{'class_name': '" class_name "', 'name': 's', 'config': " config ", 'inbound_nodes': [[['x', 0, 0]], [['s', 0, " \
    "0]]]}], 'input_layers': [['x', 0, 0]], 'output_layers': [['s', " output ", 0]]}}"
#define FUNCTIONAL "{'class_name': 'Functional', 'config': {'name': 'm', 'layers': ["

/* In the order of the calls, which stand in lists that count from 0; and what null means of the axes of Squeeze. */
static const struct {
    const char *text, *shape;
    int64_t calls;
} written_by_hand[] = {
    {FUNCTIONAL INPUT("[null, 3]") ", " TWICE("Sequential", INNER, "1"), "(None, 3)", 2},
    {FUNCTIONAL INPUT("[null, 4, 3]") ", " TWICE(
         "TimeDistributed", "{'name': 's', 'layer': {'class_name': 'Sequential', 'config': " INNER "}}", "1"),
     "(None, 4, 3)", 6}, /* each time onto the steps, the layer, and back */
    {FUNCTIONAL INPUT("[null, 1, 3, 1]") ", {'class_name': 'Squeeze', 'module': 'keras.src.ops.numpy', 'name': 's', "
                                         "'config': {'name': 's', 'axis': null}, 'inbound_nodes': [{'args': [{'class_"
                                         "name': '__keras_tensor__', 'config': {'shape': [null, 1, 3, 1], "
                                         "'keras_history': ['x', 0, 0]}}], 'kwargs': {}}]}], "
                                         "'input_layers': [['x', 0, 0]], 'output_layers': [['s', 0, 0]]}}",
     "(None, 3)", 1},
};

START_TEST(forms_that_people_write)
{
    char json[2048], shape[64];
    antler_error err = {0};
    snprintf(json, sizeof json, "%s", written_by_hand[_i].text);
    antler_model *m = antler_load_json(quoted(json), NULL, &err);
    must(m ? antler_build(m) : err.status, m ? antler_model_error(m) : &err);
    ck_assert_int_eq(m->calls, written_by_hand[_i].calls);
    ck_assert_str_eq(antler_shape_text(antler_output_shape(m), shape, sizeof shape), written_by_hand[_i].shape);
    antler_model_free(m);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("forms");
    tcase_add_loop_test(tests, forms_that_people_write, 0, sizeof written_by_hand / sizeof *written_by_hand);
    tcase_add_unchecked_fixture(tests, register_layers, NULL);
    tcase_add_loop_test(tests, models_in_models_are_their_layers, 0, GRAPHS);
    tcase_add_loop_test(tests, a_layer_called_again_is_layers_with_the_same_weights, 0, GRAPHS);
    tcase_add_loop_test(tests, a_chain_as_functional_is_a_sequential, 0, CHAINS);
    return run_suite("graph_forms", tests);
}

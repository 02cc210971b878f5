/* What the reader of Functional models refuses: one line each, with the place and the names. */
#include "networks.h"

typedef struct refusal {
    const char *layers, *ends; /* of the config; ends NULL: one input "x" and one output "y" */
    const char *place, *message;
} refusal;

#define X "{'class_name': 'InputLayer', 'config': {'name': 'x', 'batch_shape': [null, 4]}, 'inbound_nodes': []}"
#define Z "{'class_name': 'InputLayer', 'config': {'name': 'z', 'batch_shape': [null, 4]}, 'inbound_nodes': []}"
#define LAYER(class_name, name, config, nodes)                                                  \
    "{'class_name': '" class_name "', 'name': '" name "', 'config': {'name': '" name "'" config \
    "}, 'inbound_nodes': " nodes "}"
#define DENSE(name, nodes) LAYER("Dense", name, ", 'units': 4", nodes)
#define Y DENSE("y", "[[['x', 0, 0]]]")
#define MODEL(name, nodes) /* of one input and one output */                                               \
    "{'class_name': 'Functional', 'name': '" name "', 'config': {'name': '" name "', 'layers': [" X ", " Y \
    "], 'input_layers': [['x', 0, 0]], 'output_layers': [['y', 0, 0]]}, 'inbound_nodes': " nodes "}"
#define TENSOR(name) \
    "{'class_name': '__keras_tensor__', 'config': {'shape': [null, 4], 'keras_history': ['" name "', 0, 0]}}"
#define ENDS(in, out) "'input_layers': " in ", 'output_layers': " out

static const refusal refusals[] = {
    /* layers that there are none of */
    {X ", " LAYER("Lambda", "y", "", "[[['x', 0, 0]]]"), NULL, "config.layers[1].class_name",
     "Lambda is not supported: it holds Python code"},
    {X ", " LAYER("Mine>Own", "y", "", "[[['x', 0, 0]]]"), NULL, "config.layers[1].class_name",
     "unknown layer \"Mine>Own\""},
    {X ", " LAYER("Cumsum", "y", "", "[[['x', 0, 0]]]"), NULL, "config.layers[1].class_name",
     "unknown layer \"Cumsum\""},
    /* names */
    {X ", {'class_name': 'Dense', 'config': {'units': 4}, 'inbound_nodes': [[['x', 0, 0]]]}", NULL, "config.layers[1]",
     "no \"name\", by which the layers of a Functional refer to each other"},
    {X ", {'class_name': 'Dense', 'name': 'y', 'config': {'name': 'w', 'units': 4}, 'inbound_nodes': [[['x', 0, 0]]]}",
     NULL, "config.layers[1]", "two names: \"y\", and \"w\" in its config"},
    {X ", " Y ", " Y, NULL, "config.layers[", "two layers have the name \"y\""},
    {X ", " Y ", " DENSE("x", "[[['y', 0, 0]]]"), NULL, "config.layers[", "two layers have the name \"x\""},
    /* references */
    {X ", " DENSE("y", "[[['w', 0, 0]]]"), NULL, "config.layers[1].inbound_nodes[0][0]", "there is no layer \"w\""},
    {X ", " DENSE("y", "[{'args': [" TENSOR("w") "], 'kwargs': {}}]"), NULL,
     "config.layers[1].inbound_nodes[0].args[0]", "there is no layer \"w\""},
    {X ", " DENSE("y", "[[['x', 0.5, 0]]]"), NULL, "config.layers[1].inbound_nodes[0][0]",
     "call 0.5, output 0 of \"x\" are not counts"},
    {X ", " DENSE("y", "[[['x', 0, -1]]]"), NULL, "config.layers[1].inbound_nodes[0][0]",
     "call 0, output -1 of \"x\" are not counts"},
    {X ", " Y ", " DENSE("w", "[[['y', 1, 0]]]"), ENDS("[['x', 0, 0]]", "[['w', 0, 0]]"),
     "config.layers[2].inbound_nodes", "\"y\" is called 1 time, not 2"},
    {X ", " DENSE("y", "[[['x', 0, 1]]]"), NULL, "config.layers[1]", "\"x\" has 1 output, not 2"},
    {X ", " Y ", " DENSE("w", "[[['y', 0, 2]]]"), ENDS("[['x', 0, 0]]", "[['w', 0, 0]]"), "config.layers[2]",
     "y (Dense) has 1 output, not 3"},
    {X ", " MODEL("m", "[[['x', 0, 0]]]") ", " DENSE("y", "[[['m', 0, 1]]]"), NULL, "config.layers[2]",
     "\"m\" has 1 output, not 2"},
    {X ", " Y, ENDS("[['x', 0, 0]]", "[['y', 3, 0]]"), "config.output_layers", "\"y\" is called 1 time, not 4"},
    {X ", " Y, ENDS("[['x', 0, 0]]", "[['y', 0, 1]]"), "config.output_layers", "y (Dense) has 1 output, not 2"},
    {X ", " DENSE("w", "[]") ", " DENSE("y", "[[['w', 0, 0]]]"), NULL, "config.layers[2].inbound_nodes",
     "\"w\" is called 0 times, not 1"},
    {X ", " Y, ENDS("[['x', 0, 0]]", "[['x', 0, 0]]"), "config.layers", "the model has no layers"},
    /* models in the model */
    {"{'class_name': 'InputLayer', 'config': {'name': 'x', 'batch_shape': [null, 3]}, 'inbound_nodes': []}, " MODEL(
         "y", "[[['x', 0, 0]]]"),
     NULL, "", "model \"y\" takes (None, 4), and is given (None, 3)"},
    /* constants and masks of the program that made the model */
    {X ", " LAYER("Add", "y", "", "[{'args': [[" TENSOR("x") ", 5]], 'kwargs': {}}]"), NULL,
     "config.layers[1].inbound_nodes[0].args[0]", "5 is no tensor of the model"},
    {X ", " LAYER("Add", "y", "",
                  "[{'args': [[" TENSOR("x") ", {'class_name': '__numpy__', 'config': {}}]], 'kwargs': {}}]"),
     NULL, "config.layers[1].inbound_nodes[0].args[0]", "is no tensor of the model"},
    {X ", " Z ", " LAYER("Softmax", "y", "", "[{'args': [" TENSOR("x") "], 'kwargs': {'mask': " TENSOR("z") "}}]"),
     ENDS("[['x', 0, 0], ['z', 0, 0]]", "[['y', 0, 0]]"), "config.layers[2]",
     "\"mask\" that no layer before makes and passes on is not supported"},
    {X ", {'class_name': 'Mean', 'module': 'keras.src.ops.numpy', 'name': 'y', 'config': {'name': 'y', 'axis': null}, "
       "'inbound_nodes': [{'args': [" TENSOR("x") "], 'kwargs': {}}]}",
     NULL, "config.layers[1].config.axis", "over the batch, 0, or all axes, null, is not supported"},
    /* calls */
    {X ", " DENSE("y", "7"), NULL, "config.layers[1].inbound_nodes", "expected a list of calls"},
    {X ", " DENSE("y", "[7]"), NULL, "config.layers[1].inbound_nodes[0]", "expected a call"},
    {X ", " DENSE("y", "[[7]]"), NULL, "config.layers[1].inbound_nodes[0][0]", "expected [layer, call, output]"},
    {X ", " DENSE("y", "[[]]"), NULL, "config.layers[1].inbound_nodes[0]", "a call without a tensor"},
    {X ", " DENSE("y", "[{'kwargs': {}}]"), NULL, "config.layers[1].inbound_nodes[0].args", "expected a list"},
    {X ", " DENSE("y", "[{'args': [1.5], 'kwargs': {}}]"), NULL, "config.layers[1].inbound_nodes[0].args[0]",
     "1.5 is no tensor of the model"},
    {X ", " DENSE("y", "[{'args': [" TENSOR("x") ", " TENSOR("x") "], 'kwargs': {}}]"), NULL,
     "config.layers[1].inbound_nodes[0].args[1]", "more than 1 argument"},
    {X ", " DENSE("y", "[{'args': [" TENSOR("x") "], 'kwargs': {'causal': true}}]"), NULL,
     "config.layers[1].inbound_nodes[0].kwargs.causal", "true is not supported"},
    {X ", " DENSE("y", "[[['x', 0, 0, {'causal': 3}]]]"), NULL, "config.layers[1].inbound_nodes[0][0][3].causal",
     "3 is not supported"},
    {X ", " Z ", " DENSE("y", "[[['x', 0, 0], ['z', 0, 0]]]"), ENDS("[['x', 0, 0], ['z', 0, 0]]", "[['y', 0, 0]]"),
     "config.layers[2]", "y (Dense), input (None, 4), (None, 4): it takes 1 tensor, got 2"},
    {X ", " Z ", " MODEL("y", "[[['x', 0, 0], ['z', 0, 0]]]"), ENDS("[['x', 0, 0], ['z', 0, 0]]", "[['y', 0, 0]]"),
     "config.layers[2]", "model \"y\" takes 1 tensor, got 2"},
    {X ", " DENSE("y", "[[['x', 0, 0]], [['w', 0, 0]]]") ", " LAYER("Reshape", "w", ", 'target_shape': [2, 2]",
                                                                    "[[['y', 0, 0]]]"),
     ENDS("[['x', 0, 0]]", "[['y', 1, 0]]"), "config.layers[1]", "y (Dense), input (None, 2, 2)"},
    {"{'class_name': 'InputLayer', 'config': {'name': 'x', 'batch_shape': [null, 4, 4]}, 'inbound_nodes': []}, " Z
     ", " LAYER("SimpleRNN", "y", ", 'units': 4",
                "[{'args': [" TENSOR("x") "], 'kwargs': {'initial_state': " TENSOR("z") ", 'mask': " TENSOR("z") "}}]"),
     ENDS("[['x', 0, 0], ['z', 0, 0]]", "[['y', 0, 0]]"), "config.layers[2].inbound_nodes[0].kwargs.mask",
     "a mask beside \"initial_state\" is not supported"},
    {"{'class_name': 'InputLayer', 'config': {'name': 'x', 'batch_shape': [null, 4]}, 'inbound_nodes': [[['y', 0, 0]]]}"
     ", " Y,
     NULL, "config.layers[0].inbound_nodes", "an InputLayer takes no tensor; expected []"},
    {X ", " DENSE("y", "[{'args': [" TENSOR("x") "], 'kwargs': 5}]"), NULL, "config.layers[1].inbound_nodes[0].kwargs",
     "expected an object, arguments by name"},
    {X ", " DENSE("y", "[{'args': [" TENSOR("x") "], 'kwargs': {'mask': 5}}]"), NULL,
     "config.layers[1].inbound_nodes[0].kwargs.mask", "5 is no tensor of the model"},
    {X ", " DENSE("y", "[{'args': [" TENSOR("x") "], 'kwarg': {}}]"), NULL, "config.layers[1].inbound_nodes[0].kwarg",
     "a call has no such key; did you mean \"kwargs\"?"},
    {X ", " DENSE("y", "[[['x', 0, 0, 5]]]"), NULL, "config.layers[1].inbound_nodes[0][0]",
     "expected [layer, call, output, {arguments by name}]"},
    {X ", {'class_name': 'Dense', 'name': 'y', 'config': {'name': 'y', 'units': 4}, 'inbound_node': [[['x', 0, 0]]]}",
     NULL, "config.layers[1].inbound_node", "a layer has no such key; did you mean \"inbound_nodes\"?"},
    {X ", {'class_name': 'Sequential', 'name': 'y', 'config': {'name': 'y', 'layers': [" DENSE(
         "d", "[[['x', 0, 0]]]") "]}, 'inbound_nodes': [[['x', 0, 0]]]}",
     NULL, "config.layers[1].config.layers[0].inbound_nodes", "calls stand in the file of a Functional; expected none"},
    /* circles */
    {X ", " DENSE("y", "[[['w', 0, 0]]]") ", " DENSE("w", "[[['y', 0, 0]]]"), NULL, "config.layers[1]",
     "\"y\" depends on its own output"},
    {X ", " DENSE("y", "[[['y', 0, 0]]]"), NULL, "config.layers[1]", "\"y\" depends on its own output"},
    /* ends */
    {X ", " Y, "'output_layers': [['y', 0, 0]]", "config.input_layers", "missing; expected [layer, call, output]"},
    {X ", " Y, ENDS("[]", "[['y', 0, 0]]"), "config.input_layers", "no tensor; expected [layer, call, output]"},
    {X ", " Y, "'input_layers': [['x', 0, 0]]", "config.output_layers", "missing; expected [layer, call, output]"},
    {X ", " Y, ENDS("[['x', 0, 0]]", "[7]"), "config.output_layers", "7 is no [layer, call, output]"},
    {X ", " Y, ENDS("[['x', 0, 0]]", "[['y', 0, 0], ['y', 0]]"), "config.output_layers",
     "\"y\" is no [layer, call, output]"},
    {X ", " Y, ENDS("[['x', 7, 9]]", "[['y', 0, 0]]"), "config.input_layers",
     "an InputLayer has call 0, output 0 alone"},
    {X ", " Y, ENDS("[['x', 0, 0]]", "[['w', 0, 0]]"), "config.output_layers[0]", "there is no layer \"w\""},
    {X ", " Y, ENDS("[['x', 0, 0]]", "{'a': [['y', 0, 0], ['y', 0, 0]]}"), "config.output_layers",
     "an object of lists"},
    {X ", " Y, ENDS("[['y', 0, 0]]", "[['y', 0, 0]]"), "config.input_layers", "\"y\" is no InputLayer"},
    {X ", " Y, ENDS("[['x', 0, 0], ['x', 0, 0]]", "[['y', 0, 0]]"), "config.input_layers", "\"x\" twice"},
    {X ", " Z ", " Y, NULL, "config.layers[1]", "\"z\" is not among the input_layers"},
    {"7", NULL, "config.layers[0]", "a layer is an object with \"class_name\""},
    {X, ENDS("[['x', 0, 0]]", "[['x', 0, 0]]"), "config.layers", "the model has no layers"},
    /* inputs */
    {"{'class_name': 'InputLayer', 'config': {'name': 'x', 'batch_shape': [null, 4], 'sparse': true}}, " Y, NULL,
     "config.layers[0].config.sparse", "true is not supported, only false is"},
    {"{'class_name': 'InputLayer', 'config': {'name': 'x', 'batch_shape': [null, 4], 'ragged': true}}, " Y, NULL,
     "config.layers[0].config.ragged", "true is not supported, only false is"},
    {"{'class_name': 'InputLayer', 'config': {'name': 'x', 'batch_shape': [null, 4], 'optional': true}}, " Y, NULL,
     "config.layers[0].config.optional", "true is not supported, only false is"},
    /* of models in models, the place goes inside */
    {X ", "
       "{'class_name': 'Functional', 'name': 'y', 'config': {'name': 'y', 'layers': [" X
       ", " DENSE("y", "[[['w', 0, 0]]]") "], 'input_layers': [['x', 0, 0]], 'output_layers': [['y', 0, 0]]}, "
                                          "'inbound_nodes': [[['x', 0, 0]]]}",
     NULL, "config.layers[1].config.layers[1].inbound_nodes[0][0]", "there is no layer \"w\""},
    {X ", "
       "{'class_name': 'Functional', 'name': 'y', 'config': {'name': 'y', 'layers': [" X
       ", " DENSE("y", "[[['y', 0, 0]]]") "], 'input_layers': [['x', 0, 0]], 'output_layers': [['y', 0, 0]]}, "
                                          "'inbound_nodes': [[['x', 0, 0]]]}",
     NULL, "config.layers[1].config.layers[1]", "\"y\" depends on its own output"},
    {X ", "
       "{'class_name': 'Functional', 'name': 'y', 'config': {'name': 'y', 'layers': [" X ", " MODEL(
           "m", "[[['x', 0, 0], ['x', 0, 0]]]") "], 'input_layers': [['x', 0, 0]], 'output_layers': [['m', 0, 0]]}, "
                                                "'inbound_nodes': [[['x', 0, 0]]]}",
     NULL, "config.layers[1].config.layers[1]", "model \"m\" takes 1 tensor, got 2"},
    {X ", {'class_name': 'Dense', 'name': 'y', 'config': {'name': 'y', 'units': 4}, 'shared_object_id': 1402, "
       "'inbound_nodes': [[['x', 0, 0]]]}",
     NULL, "config.layers[1]", "\"y\" is part of two models"},
    /* a layer with a state of its own, twice */
    {"{'class_name': 'InputLayer', 'config': {'name': 'x', 'batch_shape': [2, 4, 4]}, 'inbound_nodes': []}, " LAYER(
         "SimpleRNN", "y", ", 'units': 4, 'stateful': true, 'return_sequences': true",
         "[[['x', 0, 0]], [['y', 0, 0]]]"),
     ENDS("[['x', 0, 0]]", "[['y', 1, 0]]"), "config.layers[1]", "\"y\" is stateful and is called more than once"},
};

static void load_text(const refusal *r, antler_error *err)
{
    static char text[16384];
    snprintf(text, sizeof text, "{'class_name': 'Functional', 'config': {'name': 'm', 'layers': [%s], %s}}", r->layers,
             r->ends ? r->ends : ENDS("[['x', 0, 0]]", "[['y', 0, 0]]"));
    antler_model *m = antler_load_json(quoted(text), NULL, err);
    if (m && antler_build(m) != ANTLER_OK)
        *err = *antler_model_error(m);
    else if (m)
        antler_context_free(antler_context_create(m, ANTLER_INFER, 2, 1, 0, err));
    antler_model_free(m);
    ck_assert_msg(err->status != ANTLER_OK, "it is taken: %s", text);
}

START_TEST(refused_by_place_and_name)
{
    antler_error err = {0};
    const refusal *r = &refusals[_i];
    load_text(r, &err);
    expect_error(&err, err.status, r->message);
    ck_assert_msg(strncmp(err.place, r->place, strlen(r->place)) == 0 &&
                      (strlen(err.place) == strlen(r->place) || r->place[strlen(r->place) - 1] == '['),
                  "%s: the place is \"%s\", not \"%s\"", r->message, err.place, r->place);
}
END_TEST

/* 17 models in each other. */
START_TEST(models_too_deep)
{
    static char text[1 << 16];
    size_t n = 0;
    antler_error err = {0};
    for (int i = 0; i < 18; i++)
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "{'class_name': 'Functional', 'name': 'm', 'config': {'name': 'm', 'layers': [" X ", ");
    n += (size_t)snprintf(text + n, sizeof text - n, DENSE("m", "[[['x', 0, 0]]]"));
    for (int i = 0; i < 18; i++)
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "], 'input_layers': [['x', 0, 0]], 'output_layers': [['m', 0, 0]]}, 'inbound_nodes': "
                              "[[['x', 0, 0]]]}");
    ck_assert_ptr_null(antler_load_json(quoted(text), NULL, &err));
    expect_error(&err, err.status, "models in models more than 16 deep");
}
END_TEST

/* Five models in each other, each called 20 times by the one around it: 3,200,000 calls of the innermost layer. */
START_TEST(too_many_calls)
{
    static char text[1 << 16];
    size_t n =
        (size_t)snprintf(text, sizeof text, "{'class_name': 'Functional', 'config': {'name': 'm', 'layers': [" X);
    antler_error err = {0};
    for (int i = 0; i < 5; i++)
        n += (size_t)snprintf(text + n, sizeof text - n,
                              ", {'class_name': 'Functional', 'name': 'm', 'config': {'name': 'm', 'layers': [" X);
    n += (size_t)snprintf(text + n, sizeof text - n, ", " DENSE("m", "[[['x', 0, 0]]]"));
    for (int i = 0; i < 5; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "], 'input_layers': [['x', 0, 0]], 'output_layers': [['m', %d, 0]]}, 'inbound_nodes': "
                              "[[['x', 0, 0]]",
                              i ? 19 : 0);
        for (int k = 0; k < 19; k++)
            n += (size_t)snprintf(text + n, sizeof text - n, ", [['m', %d, 0]]", k);
        n += (size_t)snprintf(text + n, sizeof text - n, "]}");
    }
    snprintf(text + n, sizeof text - n, "], 'input_layers': [['x', 0, 0]], 'output_layers': [['m', 19, 0]]}}");
    antler_model *m = antler_load_json(quoted(text), NULL, &err);
    const antler_status status = m ? antler_build(m) : err.status;
    expect_error(m ? antler_model_error(m) : &err, ANTLER_UNSUPPORTED, "more than 16384 calls");
    ck_assert_int_eq(status, ANTLER_UNSUPPORTED);
    antler_model_free(m);
}
END_TEST

/* A layer that reaches no output is left out, as Keras does, and told. */
START_TEST(what_no_output_needs)
{
    static char text[4096];
    antler_error err = {0};
    snprintf(text, sizeof text, "{'class_name': 'Functional', 'config': {'name': 'm', 'layers': [%s], %s}}",
             X ", " Y ", " DENSE("w", "[[['y', 0, 0]]]"), ENDS("[['x', 0, 0]]", "[['y', 0, 0]]"));
    antler_model *m = antler_load_json(quoted(text), NULL, &err);
    must(m ? ANTLER_OK : err.status, &err);
    must(antler_build(m), antler_model_error(m));
    ck_assert_ptr_null(antler_model_variable(m, 2));
    const antler_error *warning = antler_model_warning(m, 0);
    ck_assert_ptr_nonnull(warning);
    ck_assert_str_eq(warning->place, "config.layers[2]");
    ck_assert_str_eq(warning->message, "no output of the model needs \"w\": it is left out");
    antler_model_free(m);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("refusals");
    tcase_add_loop_test(tests, refused_by_place_and_name, 0, sizeof refusals / sizeof *refusals);
    tcase_add_test(tests, models_too_deep);
    tcase_add_test(tests, too_many_calls);
    tcase_add_test(tests, what_no_output_needs);
    return run_suite("graph_refusals", tests);
}

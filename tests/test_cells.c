/* RNN of cells: of one it is the layer of that cell, of several it is a chain of RNNs; states of stacks in graphs; what
   is refused. */
#include "networks.h"

enum { ROWS = 5, STEPS = 4, FEATURES = 3, MOST = ROWS * STEPS * 8 };

/* Outputs and gradients of the input of two models, with noise, must be the same bits. */
static void same_bits(antler_model *models[2])
{
    antler_real x[ROWS * STEPS * FEATURES], dy[MOST], y[2][MOST] = {{0}}, dx[2][ROWS * STEPS * FEATURES];
    random_numbers(x, ROWS * STEPS * FEATURES, 1);
    random_numbers(dy, MOST, 2);
    for (int64_t i = 0; i < ROWS * STEPS; i += 3)
        memset(x + i * FEATURES, 0, FEATURES * sizeof *x);
    for (int i = 0; i < 2; i++) {
        must(antler_set_seed(models[i], 3), antler_model_error(models[i]));
        must(antler_build(models[i]), antler_model_error(models[i]));
        antler_context *context = context_of(models[i], ANTLER_TRAIN, ROWS, ANTLER_INPUT_GRADIENT);
        forward(context, x, ROWS, y[i]);
        backward(context, dy, dx[i]);
        antler_context_free(context);
        antler_model_free(models[i]);
    }
    ck_assert_mem_eq(y[0], y[1], sizeof y[0]);
    ck_assert_mem_eq(dx[0], dx[1], sizeof dx[0]);
}

static antler_model *chain(const char *layers)
{
    static char text[4096];
    snprintf(text, sizeof text, "{'class_name': 'Masking', 'config': {}}, %s", layers);
    return network("4, 3", text, ", 'fit': {'seed': 3}");
}

static const struct {
    const char *class_name, *cell, *loop;
} cells[] = {
    {"SimpleRNN", "'units': 3, 'dropout': 0.3, 'recurrent_dropout': 0.3", "'return_sequences': true"},
    {"LSTM", "'units': 3, 'dropout': 0.3, 'activation': 'gelu'", "'go_backwards': true"},
    {"LSTM", "'units': 2, 'recurrent_dropout': 0.3", "'return_sequences': true, 'zero_output_for_mask': true"},
    {"GRU", "'units': 3, 'recurrent_dropout': 0.3, 'use_bias': false", "'return_sequences': true, 'stateful': true"},
    {"GRU", "'units': 3, 'reset_after': false", "'go_backwards': true, 'return_sequences': true"},
};

START_TEST(one_cell_is_its_layer)
{
    char layer[512], loop[512];
    snprintf(layer, sizeof layer, "{'class_name': '%s', 'config': {%s, %s}}", cells[_i].class_name, cells[_i].cell,
             cells[_i].loop);
    snprintf(loop, sizeof loop,
             "{'class_name': 'RNN', 'config': {'cell': {'class_name': '%sCell', 'config': {%s}}, %s}}",
             cells[_i].class_name, cells[_i].cell, cells[_i].loop);
    same_bits((antler_model *[2]){chain(layer), chain(loop)});
}
END_TEST

#define LSTM_CELL "{'class_name': 'LSTMCell', 'config': {'units': 2}}"
#define GRU_CELL "{'class_name': 'GRUCell', 'config': {'units': 3}}"
#define RNN(cell, more) "{'class_name': 'RNN', 'config': {'cell': " cell more "}}"

START_TEST(a_stack_is_a_chain)
{
    same_bits((antler_model *[2]){chain(RNN(LSTM_CELL, ", 'return_sequences': true") ", " RNN(
                                      GRU_CELL, ", 'return_sequences': true") ", " RNN(LSTM_CELL, "")),
                                  chain(RNN("[" LSTM_CELL ", [" GRU_CELL ", " LSTM_CELL "]]", ""))});
}
END_TEST

/* Backward, the first cell takes the mask as it is, and the others turned round, with the steps. */
START_TEST(a_stack_goes_back)
{
    antler_real x[ROWS * STEPS * FEATURES], turned[ROWS * STEPS * FEATURES], y[2][ROWS * STEPS * 3];
    const antler_real *in[2] = {x, turned};
    random_numbers(x, ROWS * STEPS * FEATURES, 1);
    for (int64_t i = 0; i < ROWS * STEPS; i += 3)
        memset(x + i * FEATURES, 0, FEATURES * sizeof *x);
    for (int64_t b = 0; b < ROWS; b++)
        for (int64_t t = 0; t < STEPS; t++)
            memcpy(turned + (b * STEPS + t) * FEATURES, x + (b * STEPS + STEPS - 1 - t) * FEATURES,
                   FEATURES * sizeof *x);
    for (int i = 0; i < 2; i++) {
        antler_model *m =
            chain(i ? RNN("[" LSTM_CELL ", " GRU_CELL "]", ", 'return_sequences': true")
                    : RNN("[" LSTM_CELL ", " GRU_CELL "]", ", 'return_sequences': true, 'go_backwards': true"));
        antler_context *context = context_of(m, ANTLER_INFER, ROWS, 0);
        forward(context, in[i], ROWS, y[i]);
        antler_context_free(context);
        antler_model_free(m);
    }
    ck_assert_mem_eq(y[0], y[1], sizeof y[0]);
}
END_TEST

/* An encoder's states are a decoder's first; what is written has them cell by cell, and reads as the same model. */
START_TEST(states_of_a_stack)
{
    antler_error err = {0};
    antler_real x[ROWS * STEPS * FEATURES], y[2][ROWS * 3];
    random_numbers(x, ROWS * STEPS * FEATURES, 1);
    antler_model *models[2] = {antler_functional("m", &err)};
    antler_model *m = models[0];
    antler_value in = antler_input(m, .name = "in", .shape = {STEPS, FEATURES});
    antler_value code = antler_call(
        m, rnn, (in), .return_state = true, .name = "encoder",
        .cell = ANTLER_JSON([
            {"class_name" : "LSTMCell", "config" : {"units" : 2}}, {"class_name" : "GRUCell", "config" : {"units" : 3}}
        ]));
    antler_value h = antler_output(code, 1), c = antler_output(code, 2), g = antler_output(code, 3);
    antler_call(m, rnn, (in, h, c, g), .name = "decoder", .cell = ANTLER_JSON([
                                                              {"class_name" : "LSTMCell", "config" : {"units" : 2}},
                                                              {"class_name" : "GRUCell", "config" : {"units" : 3}}
                                                          ]));
    must(antler_set_seed(m, 3), antler_model_error(m));
    must(antler_build(m), antler_model_error(m));
    char *text = antler_model_json(m, &err);
    must(text ? ANTLER_OK : err.status, &err);
    const char *states = strstr(text, "\"initial_state\"");
    ck_assert_ptr_nonnull(states);
    ck_assert_ptr_nonnull(strstr(text, "StackedRNNCells"));
    models[1] = antler_load_json(text, NULL, &err);
    must(models[1] ? ANTLER_OK : err.status, &err);
    antler_text_free(text);
    for (int i = 0; i < 2; i++) {
        must(antler_set_seed(models[i], 3), antler_model_error(models[i]));
        must(antler_build(models[i]), antler_model_error(models[i]));
        antler_context *context = context_of(models[i], ANTLER_INFER, ROWS, 0);
        forward(context, x, ROWS, y[i]);
        antler_context_free(context);
        antler_model_free(models[i]);
    }
    ck_assert_mem_eq(y[0], y[1], sizeof y[0]);
}
END_TEST

/* Keras 2 writes a stack's first states as lists in the list of a call's tensors. */
START_TEST(states_in_lists_of_keras_2)
{
    static char text[] =
        "{'class_name': 'Functional', 'config': {'name': 'm', 'layers': ["
        "{'class_name': 'InputLayer', 'config': {'batch_input_shape': [null, 4, 3], 'name': 'x'}, 'name': 'x', "
        "'inbound_nodes': []}, {'class_name': 'RNN', 'config': {'name': 'e', 'return_state': true, 'cell': [" LSTM_CELL
        ", " GRU_CELL
        "]}, 'name': 'e', 'inbound_nodes': [[['x', 0, 0, {}]]]}, {'class_name': 'RNN', 'config': {'name': "
        "'d', 'cell': [" LSTM_CELL ", " GRU_CELL
        "]}, 'name': 'd', 'inbound_nodes': [[['x', 0, 0, {}], [['e', 0, 1, {}], ['e', 0, 2, {}]], ['e', 0, 3, {}]]]}], "
        "'input_layers': [['x', 0, 0]], 'output_layers': [['d', 0, 0]]}}";
    antler_error err = {0};
    antler_model *m = antler_load_json(quoted(text), NULL, &err);
    must(m ? ANTLER_OK : err.status, &err);
    must(antler_build(m), antler_model_error(m));
    antler_model_free(m);
}
END_TEST

static const struct {
    const char *layer, *place, *message;
} wrong[] = {
    {LSTM_CELL, "class_name", "\"LSTMCell\" is a cell of an RNN, not a layer"},
    {RNN("{'class_name': 'LSTM', 'config': {'units': 2}}", ""), "config.cell.class_name",
     "\"LSTM\" is a layer, not a cell"},
    {RNN("[" GRU_CELL ", {'class_name': 'LSTMCel', 'config': {'units': 2}}]", ""), "config.cell[1].class_name",
     "unknown cell \"LSTMCel\"; did you mean \"LSTMCell\"?"},
    {RNN("[]", ""), "config.cell", "no cells; expected one or more"},
    {RNN("null", ""), "config.cell", "null is not an object"},
    {RNN(LSTM_CELL, ", 'time_major': true"), "config.time_major", "true is not supported, only false is"},
    {RNN("{'class_name': 'GRUCell', 'config': {'units': 2, 'go_backwards': true}}", ""),
     "config.cell.config.go_backwards", "GRUCell has no such key"},
    {"{'class_name': 'TimeDistributed', 'config': {'layer': " GRU_CELL "}}", "config.layer.class_name",
     "\"GRUCell\" is a cell of an RNN, not a layer"},
    {RNN("[" LSTM_CELL ", " LSTM_CELL ", " LSTM_CELL ", " LSTM_CELL "]", ", 'return_state': true"), "",
     "return_state of 8 tensors; expected 7 or fewer"},
    {"{'class_name': 'Bidirectional', 'config': {'layer': " RNN("[" LSTM_CELL ", " LSTM_CELL "]",
                                                                ", 'return_state': true") "}}",
     "", "9 outputs; expected 8 or fewer"},
};

START_TEST(wrong_cells)
{
    antler_error err = {0};
    char text[2048];
    antler_model *m = antler_sequential("m", (int[]){STEPS, FEATURES}, 2, &err);
    snprintf(text, sizeof text, "%s", wrong[_i].layer);
    if (antler_add_json(m, quoted(text)) == ANTLER_OK)
        ck_assert_int_ne(antler_build(m), ANTLER_OK);
    const antler_error *said = antler_model_error(m);
    ck_assert_msg(strstr(said->message, wrong[_i].message) && strstr(said->place, wrong[_i].place), "%s: %s",
                  said->place, said->message);
    antler_model_free(m);
}
END_TEST

START_TEST(wrong_states)
{
    antler_error err = {0};
    antler_model *m = antler_functional("m", &err);
    antler_value x = antler_input(m, .shape = {STEPS, FEATURES}), h = antler_input(m, .shape = {2});
    antler_call(m, rnn, (x, h), .cell = ANTLER_JSON([
                                    {"class_name" : "LSTMCell", "config" : {"units" : 2}},
                                    {"class_name" : "GRUCell", "config" : {"units" : 3}}
                                ]));
    antler_build(m);
    expect_error(antler_model_error(m), ANTLER_SHAPE, "initial_state has 1 tensor, expected 3: those of 2 cells");
    antler_model_free(m);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("cells");
    tcase_add_loop_test(tests, one_cell_is_its_layer, 0, sizeof cells / sizeof *cells);
    tcase_add_test(tests, a_stack_is_a_chain);
    tcase_add_test(tests, a_stack_goes_back);
    tcase_add_test(tests, states_of_a_stack);
    tcase_add_test(tests, states_in_lists_of_keras_2);
    tcase_add_loop_test(tests, wrong_cells, 0, sizeof wrong / sizeof *wrong);
    tcase_add_test(tests, wrong_states);
    return run_suite("cells", tests);
}

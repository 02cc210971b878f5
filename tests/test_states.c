/* States of recurrent layers as tensors: a sequence in two halves is the sequence in one; both directions side by side
   are those that are joined; what is refused. */
#include "networks.h"

enum { ROWS = 5, STEPS = 6, HALF = STEPS / 2, FEATURES = 3, UNITS = 4 };

static antler_model *functional(void)
{
    antler_error err = {0};
    antler_model *model = antler_functional("m", &err);
    must(err.status, &err);
    return model;
}

static antler_value layer(antler_model *m, const char *class_name, const char *config, antler_value x)
{
    static char text[1024];
    const char *size = strncmp(class_name, "Conv", 4) == 0 ? "'filters': 2, 'kernel_size': 2" : "'units': 4";
    snprintf(text, sizeof text, "{'class_name': '%s', 'config': {%s, 'name': 'layer'%s}}", class_name, size, config);
    return antler_call_json(m, quoted(text), (x));
}

/* The features of a step are a line of one channel to a ConvLSTM1D, which makes two positions of two channels. */
static antler_value sequence(antler_model *m, const char *class_name, int steps)
{
    if (strncmp(class_name, "Conv", 4) == 0)
        return antler_input(m, .shape = {steps, FEATURES, 1});
    return antler_input(m, .shape = {steps, FEATURES});
}

/* Frees the model. */
static void predict(antler_model *m, const antler_real *x, antler_real *y)
{
    must(antler_set_seed(m, 3), antler_model_error(m));
    must(antler_build(m), antler_model_error(m));
    antler_context *context = context_of(m, ANTLER_INFER, ROWS, 0);
    forward(context, x, ROWS, y);
    antler_context_free(context);
    antler_model_free(m);
}

static const struct {
    const char *class_name, *config;
    int states;
} layers[] = {
    {"SimpleRNN", ", 'return_sequences': true, 'return_state': true", 1},
    {"LSTM", ", 'return_sequences': true, 'return_state': true", 2},
    {"GRU", ", 'return_sequences': true, 'return_state': true, 'recurrent_activation': 'hard_sigmoid'", 1},
    {"GRU", ", 'return_sequences': true, 'return_state': true, 'reset_after': false", 1},
    {"LSTM", ", 'return_sequences': true, 'return_state': true, 'activation': 'gelu'", 2}, /* no kernel has it */
    {"ConvLSTM1D", ", 'return_sequences': true, 'return_state': true", 2},
};

START_TEST(two_halves_are_one_sequence)
{
    antler_real x[ROWS * STEPS * FEATURES], halves[2 * ROWS * HALF * FEATURES];
    antler_real whole[ROWS * STEPS * UNITS], first[2 * ROWS * HALF * UNITS];
    const size_t in = HALF * FEATURES, out = HALF * UNITS;
    random_numbers(x, ROWS * STEPS * FEATURES, 9);
    for (size_t row = 0; row < ROWS; row++)
        for (size_t half = 0; half < 2; half++)
            memcpy(halves + (half * ROWS + row) * in, x + (2 * row + half) * in, in * sizeof *x);
    antler_model *m = functional();
    layer(m, layers[_i].class_name, layers[_i].config, sequence(m, layers[_i].class_name, STEPS));
    predict(m, x, whole);
    m = functional();
    antler_value a = sequence(m, layers[_i].class_name, HALF), b = sequence(m, layers[_i].class_name, HALF);
    antler_value y = layer(m, layers[_i].class_name, layers[_i].config, a);
    antler_value h = antler_output(y, 1), z;
    if (layers[_i].states == 2)
        z = antler_again(m, y, (b, h, antler_output(y, 2)));
    else
        z = antler_again(m, y, (b, h));
    antler_outputs(m, (y, z));
    predict(m, halves, first);
    for (size_t row = 0; row < ROWS; row++)
        for (size_t half = 0; half < 2; half++)
            ck_assert_mem_eq(first + (half * ROWS + row) * out, whole + (2 * row + half) * out, out * sizeof *whole);
}
END_TEST

/* What a Bidirectional gives of rows in which steps are masked; joined by itself, or by a Concatenate behind it, whose
   mask is the one that the last layer sees. */
static void both_ways(bool apart, antler_real *y)
{
    antler_real x[ROWS * STEPS * FEATURES];
    random_numbers(x, ROWS * STEPS * FEATURES, 4);
    for (int64_t i = 0; i < ROWS * STEPS; i += 2 + i % 3)
        memset(x + i * FEATURES, 0, FEATURES * sizeof *x);
    antler_model *m = functional();
    antler_value v = antler_input(m, .shape = {STEPS, FEATURES});
    v = antler_call(m, masking, (v), .mask_value = 0);
    if (apart) {
        v = antler_call(m, bidirectional, (v), .merge_mode = NULL, .name = "both",
                        .layer = "{\"class_name\": \"GRU\", \"config\": {\"units\": 4, \"return_sequences\": true}}");
        v = antler_call(m, concatenate, (v, antler_output(v, 1)));
    } else {
        v = antler_call(m, bidirectional, (v), .name = "both",
                        .layer = "{\"class_name\": \"GRU\", \"config\": {\"units\": 4, \"return_sequences\": true}}");
    }
    antler_call(m, simple_rnn, (v), .units = UNITS);
    predict(m, x, y);
}

START_TEST(both_directions_apart)
{
    antler_real joined[ROWS * UNITS], apart[ROWS * UNITS];
    both_ways(false, joined);
    both_ways(true, apart);
    ck_assert_mem_eq(joined, apart, sizeof joined);
}
END_TEST

/* docs/graphs.md has this. */
static antler_model *build_seq2seq(antler_error *err)
{
    antler_model *m = antler_functional("seq2seq", err);
    antler_value in = antler_input(m, .name = "in", .shape = {10, 3});
    antler_value out = antler_input(m, .name = "out", .shape = {8, 2});
    antler_value code = antler_call(m, lstm, (in), .units = 16, .return_state = true);
    antler_value h = antler_output(code, 1), c = antler_output(code, 2);
    antler_value y = antler_call(m, lstm, (out, h, c), .units = 16, .return_sequences = true);
    antler_call(m, dense, (y), .units = 2);
    return m;
}

/* A gradient reaches all weights of the encoder, through the states alone; what is written is read as the same model.
 */
START_TEST(an_encoder_and_a_decoder)
{
    antler_error err = {0};
    antler_model *m = build_seq2seq(&err), *again;
    antler_real x[ROWS * 46], y[ROWS * 16], same[ROWS * 16], dx[ROWS * 46];
    antler_set_seed(m, 3);
    must(antler_build(m), antler_model_error(m));
    random_numbers(x, ROWS * 46, 5);
    antler_context *context = context_of(m, ANTLER_TRAIN, ROWS, ANTLER_INPUT_GRADIENT);
    forward(context, x, ROWS, y);
    backward(context, y, dx);
    for (int i = 0; i < ROWS * 46; i++)
        ck_assert_msg(dx[i] != 0, "no gradient of input number %d", i);
    antler_context_free(context);
    char *text = antler_model_json(m, &err);
    again = antler_load_json(text, NULL, &err);
    must(again ? ANTLER_OK : err.status, &err);
    antler_text_free(text);
    predict(m, x, y);
    predict(again, x, same);
    ck_assert_mem_eq(y, same, sizeof y);
}
END_TEST

static void refused(antler_model *m, const char *message)
{
    antler_build(m);
    expect_error(antler_model_error(m), antler_model_error(m)->status, message);
    antler_model_free(m);
}

START_TEST(wrong_states)
{
    antler_model *m = functional();
    antler_value x = antler_input(m, .shape = {STEPS, FEATURES}), h = antler_input(m, .shape = {UNITS});
    antler_call(m, lstm, (x, h), .units = UNITS);
    refused(m, "initial_state has 1 tensor, expected 2 (h, c)");
    m = functional();
    x = antler_input(m, .shape = {STEPS, FEATURES});
    h = antler_input(m, .shape = {UNITS + 1});
    antler_call(m, gru, (x, h), .units = UNITS);
    refused(m, "initial_state[0] is (None, 5), expected (None, 4)");
    m = functional();
    x = antler_input(m, .shape = {STEPS, 5, 4, 1});
    h = antler_input(m, .shape = {4, 4, 2});
    antler_call(m, conv_lstm2d, (x, h, h), .filters = 2, .kernel_size = {2, 2});
    refused(m, "initial_state[0] is (None, 4, 4, 2), expected (None, 4, 3, 2)");
    m = functional();
    antler_call(m, conv_lstm2d, (antler_input(m, .shape = {STEPS, 5, 4})), .filters = 2, .kernel_size = {2, 2});
    refused(m, "input is (None, 6, 5, 4), expected (batch, steps, height, width, channels)");
    m = functional();
    antler_call(m, conv_lstm1d, (antler_input(m, .shape = {STEPS, 2, 1})), .filters = 2, .kernel_size = {3});
    refused(m, "input has 2 positions along an axis, the window needs 3");
    m = functional();
    x = antler_input(m, .shape = {STEPS, FEATURES});
    h = antler_input(m, .shape = {UNITS});
    antler_call(m, bidirectional, (x, h), .layer = "{\"class_name\": \"GRU\", \"config\": {\"units\": 4}}");
    refused(m, "initial_state has 1 tensor, an odd number for two layers");
}
END_TEST

/* Each layer of a Sequential has one output, also of one within another model. */
START_TEST(states_in_a_sequential)
{
    antler_error err = {0};
    antler_model *m = antler_sequential("m", (int[]){STEPS, FEATURES}, 2, &err);
    antler_add(m, lstm, .units = UNITS, .return_state = true);
    refused(m, "lstm (LSTM) has 3 outputs, and layers of a Sequential have one");
    antler_model *inner = antler_sequential("inner", (int[]){STEPS, FEATURES}, 2, &err);
    antler_add(inner, gru, .units = UNITS, .return_state = true);
    antler_add(inner, dense, .units = 2);
    m = functional();
    antler_call_model(m, inner, (antler_input(m, .shape = {STEPS, FEATURES})));
    refused(m, "(GRU) has 2 outputs, and layers of a Sequential have one");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("states");
    tcase_add_loop_test(tests, two_halves_are_one_sequence, 0, sizeof layers / sizeof *layers);
    tcase_add_test(tests, both_directions_apart);
    tcase_add_test(tests, an_encoder_and_a_decoder);
    tcase_add_test(tests, wrong_states);
    tcase_add_test(tests, states_in_a_sequential);
    return run_suite("states", tests);
}

/* Axes of variable length: a net that is open gives, at each length, the bits of the same net with that length in its
   file; contexts move from length to length; what cannot be open is refused by name. */
#include "networks.h"
#include "scratch.h"
#include "torture.h"

enum { ROWS = 6, MOST = ROWS * 24 * 24 * 3, MOST_LAYERS = 1024 };

#define LSTM "{'class_name': 'LSTM', 'config': {'units': 4, 'return_sequences': true, 'recurrent_dropout': 0.2}}"
#define DENSE "{'class_name': 'Dense', 'config': {'units': 2}}"

static const char *const compiled =
    ", 'compile_config': {'optimizer': 'adam', 'loss': 'mse', 'metrics': ['mae']}, 'fit': {'epochs': 2, "
    "'batch_size': 4, 'seed': 5}";

/* Shapes as a file has them: open, and with the lengths that are tried. */
static const struct {
    const char *open, *at[2];
    const char *layers;
} nets[] = {
    {"null, 3", {"5, 3", "9, 3"}, LSTM ", {'class_name': 'GRU', 'config': {'units': 3}}, " DENSE},
    {"null, 3",
     {"8, 3", "13, 3"},
     "{'class_name': 'Conv1D', 'config': {'filters': 4, 'kernel_size': 3, 'padding': 'causal', 'dilation_rate': 2}}, "
     "{'class_name': 'SpatialDropout1D', 'config': {'rate': 0.3}}, {'class_name': 'GlobalMaxPooling1D', 'config': "
     "{}}, " DENSE},
    {"null, null, 3",
     {"6, 9, 3", "12, 7, 3"},
     "{'class_name': 'Conv2D', 'config': {'filters': 4, 'kernel_size': 3, 'strides': 2, 'activation': 'relu'}}, "
     "{'class_name': 'BatchNormalization', 'config': {}}, {'class_name': 'Dropout', 'config': {'rate': 0.2}}, "
     "{'class_name': 'UpSampling2D', 'config': {'size': 2}}, "
     "{'class_name': 'Conv2D', 'config': {'filters': 2, 'kernel_size': 1}}"},
    {"null, 3",
     {"4, 3", "7, 3"},
     "{'class_name': 'Masking', 'config': {}}, {'class_name': 'Bidirectional', 'config': {'layer': {'class_name': "
     "'GRU', 'config': {'units': 3, 'return_sequences': true, 'dropout': 0.1}}}}, "
     "{'class_name': 'TimeDistributed', 'config': {'layer': " DENSE "}}"},
    {"null, 4, 3",
     {"2, 4, 3", "5, 4, 3"},
     "{'class_name': 'TimeDistributed', 'config': {'layer': {'class_name': 'Sequential', 'config': {'name': 'inner', "
     "'layers': [{'class_name': 'InputLayer', 'config': {'batch_shape': [null, 4, 3]}}, {'class_name': 'Flatten', "
     "'config': {}}, {'class_name': 'Dropout', 'config': {'rate': 0.5}}, " DENSE "]}}}}, " LSTM},
    {"null, 6",
     {"4, 6", "6, 6"},
     "{'class_name': 'Reshape', 'config': {'target_shape': [-1, 3]}}, {'class_name': 'AveragePooling1D', 'config': "
     "{}}, "
     "{'class_name': 'Conv1D', 'config': {'filters': 1, 'kernel_size': 2}}, {'class_name': 'Flatten', 'config': {}}, "
     "{'class_name': 'Softmax', 'config': {}}"},
};
enum { NETS = sizeof nets / sizeof nets[0] };

static antler_real x_values[MOST], y_values[MOST], a_values[MOST], b_values[MOST];

/* Data of the shape of a net that is not open, and targets for it. */
static antler_data *inputs_for(const antler_model *fixed)
{
    random_numbers(x_values, ROWS * antler_count(antler_input_shape(fixed), 1), 1);
    return data_of(x_values, antler_input_shape(fixed), ROWS);
}

static antler_data *targets_for(const antler_model *fixed)
{
    random_numbers(y_values, ROWS * antler_count(antler_output_shape(fixed), 1), 2);
    return data_of(y_values, antler_output_shape(fixed), ROWS);
}

/* Fits, evaluates and predicts; the bits of all that came of it. Numbers of the prediction in `count`. */
static uint64_t results(antler_model *model, const antler_data *x, const antler_data *y, antler_real *p)
{
    antler_error err = {0};
    antler_logs logs;
    antler_shape out;
    must(antler_fit(model, x, y, .validation_x = x, .validation_y = y), antler_model_error(model));
    must(antler_evaluate(model, x, y, 4, 2, &logs, &err), &err);
    must(antler_output_shapes(model, x, &out, &err), &err);
    ck_assert_int_eq(out.dim[0], ROWS);
    must(antler_predict(model, x, 4, 2, p, &err), &err);
    uint64_t hash = hash_bytes(hash_weights(model), p, (size_t)antler_count(&out, 0) * sizeof *p);
    must(antler_predict_mc(model, x, 3, 4, 2, p, NULL, &err), &err);
    hash = hash_bytes(hash, p, (size_t)antler_count(&out, 0) * sizeof *p);
    return hash_bytes(hash, logs.value, (size_t)logs.n * sizeof *logs.value);
}

START_TEST(an_open_net_has_the_bits_of_a_fixed_one)
{
    for (int i = 0; i < 2; i++) {
        antler_model *open = network(nets[_i].open, nets[_i].layers, compiled);
        antler_model *fixed = network(nets[_i].at[i], nets[_i].layers, compiled);
        antler_data *x = inputs_for(fixed), *y = targets_for(fixed);
        ck_assert(hash_weights(open) == hash_weights(fixed));
        ck_assert(results(open, x, y, a_values) == results(fixed, x, y, b_values));
        antler_data_free(x);
        antler_data_free(y);
        antler_model_free(open);
        antler_model_free(fixed);
    }
}
END_TEST

/* One model, and one context, at both lengths in turn: what one leaves behind does not show in the other. */
START_TEST(lengths_alternate)
{
    antler_error err = {0};
    antler_model *open = network(nets[_i].open, nets[_i].layers, compiled);
    antler_context *context = context_of(open, ANTLER_INFER, ROWS, 0);
    for (int i = 0; i < 4; i++) {
        antler_model *fixed = network(nets[_i].at[i % 2], nets[_i].layers, compiled);
        antler_data *x = inputs_for(fixed);
        antler_shape out;
        must(antler_predict(fixed, x, 4, 2, a_values, &err), &err);
        must(antler_predict(open, x, 4, 2, b_values, &err), &err);
        int64_t n = ROWS * antler_count(antler_output_shape(fixed), 1);
        ck_assert_mem_eq(a_values, b_values, (size_t)n * sizeof *a_values);
        must(antler_context_at(context, antler_input_shape(fixed), &out, &err), &err);
        ck_assert(antler_shape_equal(&out, antler_output_shape(fixed)));
        forward(context, x_values, ROWS, b_values);
        ck_assert_mem_eq(a_values, b_values, (size_t)n * sizeof *a_values);
        antler_data_free(x);
        antler_model_free(fixed);
    }
    antler_context_free(context);
    antler_model_free(open);
}
END_TEST

START_TEST(shapes_are_open_and_saved_as_null)
{
    static const char *const outputs[NETS] = {"(None, 2)",       "(None, 2)",       "(None, None, None, 2)",
                                              "(None, None, 2)", "(None, None, 4)", "(None, None)"};
    static const char *const files[] = {"m.json", "m.keras", "m.h5"};
    char text[128], input[128];
    antler_error err = {0};
    antler_model *open = network(nets[_i].open, nets[_i].layers, compiled);
    ck_assert_str_eq(antler_shape_text(antler_output_shape(open), text, sizeof text), outputs[_i]);
    antler_shape_text(antler_input_shape(open), input, sizeof input);
    char *json = antler_model_json(open, &err);
    scratch_make();
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        if ((f == 1 && !HAS_ZIP) || (f > 0 && !HAS_HDF5))
            continue;
        must(antler_save(open, scratch_path(files[f]), &err), &err);
        antler_model *again = antler_load(scratch_path(files[f]), &err);
        must(again ? ANTLER_OK : err.status, &err);
        char *second = antler_model_json(again, &err);
        ck_assert_str_eq(json, second);
        must(antler_build(again), antler_model_error(again));
        ck_assert_str_eq(antler_shape_text(antler_input_shape(again), text, sizeof text), input);
        antler_text_free(second);
        antler_model_free(again);
    }
    scratch_remove();
    antler_text_free(json);
    antler_model_free(open);
}
END_TEST

/* Trained on one length, validated on another. */
START_TEST(validation_has_a_length_of_its_own)
{
    antler_real p[ROWS * 2];
    antler_error err = {0};
    antler_logs logs;
    const antler_logs *history;
    antler_model *open = network(nets[0].open, nets[0].layers, compiled);
    random_numbers(x_values, ROWS * 9 * 3, 1);
    random_numbers(y_values, ROWS * 2, 2);
    antler_data *x = data_of(x_values, &(antler_shape){3, {ROWS, 5, 3}}, ROWS), *y = rows_of(y_values, ROWS, 2);
    antler_data *longer = data_of(x_values, &(antler_shape){3, {ROWS, 9, 3}}, ROWS);
    must(antler_fit(open, x, y, .validation_x = longer, .validation_y = y), antler_model_error(open));
    must(antler_evaluate(open, longer, y, 4, 2, &logs, &err), &err);
    ck_assert_int_eq(antler_history(open, &history), 2);
    ck_assert_str_eq(history[1].name[2], "val_loss");
    ck_assert(history[1].value[2] == logs.value[0]);
    must(antler_predict(open, longer, 4, 2, p, &err), &err);
    antler_data_free(x);
    antler_data_free(longer);
    antler_data_free(y);
    antler_model_free(open);
}
END_TEST

/* A layer learns of all steps of the data's length. */
START_TEST(layers_adapt_at_the_length_of_the_data)
{
    static const char *const layers = "{'class_name': 'Normalization', 'config': {}}, "
                                      "{'class_name': 'GlobalAveragePooling1D', 'config': {}}";
    antler_error err = {0};
    antler_model *open = network("null, 3", layers, ""), *fixed = network("7, 3", layers, "");
    antler_data *x = inputs_for(fixed);
    must(antler_adapt(open, x, &err), &err);
    must(antler_adapt(fixed, x, &err), &err);
    ck_assert(hash_weights(open) == hash_weights(fixed));
    antler_data_free(x);
    antler_model_free(open);
    antler_model_free(fixed);
}
END_TEST

/* A stateful layer reads a sequence in pieces of any length. */
START_TEST(states_go_from_length_to_length)
{
    enum { STEPS = 7, FIRST = 4, UNITS = 3 };
    antler_real whole[2 * UNITS], pieces[2 * UNITS], part[2 * STEPS * 3];
    antler_error err = {0};
    antler_model *m = network("null, 3", "{'class_name': 'GRU', 'config': {'units': 3, 'stateful': true}}",
                              ", 'fit': {'batch_size': 2}");
    antler_context *context = context_of(m, ANTLER_INFER, 2, 0);
    random_numbers(x_values, 2 * STEPS * 3, 4);
    must(antler_context_at(context, &(antler_shape){3, {2, STEPS, 3}}, NULL, &err), &err);
    forward(context, x_values, 2, whole);
    antler_context_reset(context);
    for (int from = 0, n = FIRST; from < STEPS; from += n, n = STEPS - FIRST) {
        for (int row = 0; row < 2; row++)
            memcpy(part + row * n * 3, x_values + (row * STEPS + from) * 3, (size_t)n * 3 * sizeof *part);
        must(antler_context_at(context, &(antler_shape){3, {2, n, 3}}, NULL, &err), &err);
        forward(context, part, 2, pieces);
    }
    ck_assert_mem_eq(whole, pieces, sizeof whole);
    antler_context_free(context);
    antler_model_free(m);
}
END_TEST

/* ---- graphs ------------------------------------------------------------------------------------------------------ */

/* Two inputs, each of a length of its own, joined along it; and one that is twice as long as the other. */
START_TEST(inputs_have_lengths_of_their_own)
{
    antler_real p[ROWS * 24 * 3];
    antler_error err = {0};
    antler_shape out;
    antler_model *m = antler_functional("m", &err);
    antler_value a = antler_input(m, .name = "a", .shape = {ANTLER_NULL, 3});
    antler_value b = antler_input(m, .name = "b", .shape = {ANTLER_NULL, 3});
    antler_value h = antler_call(m, dense, (a), .units = 3);
    antler_call(m, concatenate, (h, b), .axis = 1);
    must(antler_build(m), antler_model_error(m));
    antler_context *context = context_of(m, ANTLER_INFER, ROWS, 0);
    random_numbers(x_values, ROWS * 11 * 3, 4);
    must(antler_context_at(context, (antler_shape[]){{3, {ROWS, 4, 3}}, {3, {ROWS, 7, 3}}}, &out, &err), &err);
    ck_assert_int_eq(out.dim[1], 11);
    forward(context, x_values, ROWS, p);
    for (int row = 0; row < ROWS; row++)
        ck_assert_mem_eq(p + (row * 11 + 4) * 3, x_values + (ROWS * 4 + row * 7) * 3, 7 * 3 * sizeof *p);
    antler_context_free(context);
    antler_model_free(m);
}
END_TEST

/* A layer that takes but odd lengths, and an input that is twice as long as the other. */
START_TEST(lengths_may_depend_on_each_other)
{
    antler_error err = {0};
    antler_shape out;
    antler_model *odd = antler_functional("odd", &err), *twice = antler_functional("twice", &err);
    antler_value x = antler_input(odd, .shape = {ANTLER_NULL, 3});
    antler_value h = antler_call(odd, conv1d, (x), .filters = 3, .kernel_size = {3}, .strides = {2});
    h = antler_call(odd, conv1d_transpose, (h), .filters = 3, .kernel_size = {3}, .strides = {2});
    antler_call(odd, add, (h, x));
    must(antler_build(odd), antler_model_error(odd));
    antler_value a = antler_input(twice, .shape = {ANTLER_NULL, 3}), b = antler_input(twice, .shape = {ANTLER_NULL, 3});
    h = antler_call(twice, average_pooling1d, (b));
    antler_call(twice, add, (a, h));
    must(antler_build(twice), antler_model_error(twice));
    antler_context *c = context_of(odd, ANTLER_INFER, ROWS, 0), *d = context_of(twice, ANTLER_INFER, ROWS, 0);
    must(antler_context_at(c, &(antler_shape){3, {ROWS, 9, 3}}, &out, &err), &err);
    ck_assert_int_eq(out.dim[1], 9);
    ck_assert_int_ne(antler_context_at(c, &(antler_shape){3, {ROWS, 8, 3}}, &out, &err), ANTLER_OK);
    expect_error(&err, ANTLER_SHAPE, "add (Add), input (None, 7, 3), (None, 8, 3)");
    err = (antler_error){0};
    must(antler_context_at(d, (antler_shape[]){{3, {ROWS, 4, 3}}, {3, {ROWS, 8, 3}}}, &out, &err), &err);
    ck_assert_int_eq(out.dim[1], 4);
    antler_context_free(c);
    antler_context_free(d);
    antler_model_free(odd);
    antler_model_free(twice);
}
END_TEST

/* The first 100 steps are fewer of a short sequence. */
START_TEST(what_is_cut_off_is_open)
{
    char text[] =
        "{'class_name': 'Functional', 'config': {'name': 'm', 'layers': [{'class_name': 'InputLayer', 'config': "
        "{'batch_shape': [null, null, 3], 'name': 'x'}, 'name': 'x', 'inbound_nodes': []}, {'module': "
        "'keras.src.ops.numpy', 'class_name': 'GetItem', 'config': {'name': 'cut'}, 'name': 'cut', 'inbound_nodes': "
        "[{'args': [{'class_name': '__keras_tensor__', 'config': {'shape': [null, null, 3], 'dtype': 'float32', "
        "'keras_history': ['x', 0, 0]}}, [{'class_name': '__slice__', 'config': {'start': null, 'stop': null, 'step': "
        "null}}, {'class_name': '__slice__', 'config': {'start': null, 'stop': 100, 'step': null}}]], 'kwargs': "
        "{}}]}], "
        "'input_layers': ['x', 0, 0], 'output_layers': ['cut', 0, 0]}}";
    antler_error err = {0};
    antler_shape out;
    antler_model *m = antler_load_json(quoted(text), NULL, &err);
    must(m ? antler_build(m) : err.status, m ? antler_model_error(m) : &err);
    ck_assert_int_eq(antler_output_shape(m)->dim[1], ANTLER_OPEN);
    antler_context *c = context_of(m, ANTLER_INFER, 1, 0);
    for (int length = 99; length < 102; length++) {
        must(antler_context_at(c, &(antler_shape){3, {1, length, 3}}, &out, &err), &err);
        ck_assert_int_eq(out.dim[1], length < 100 ? length : 100);
    }
    antler_context_free(c);
    antler_model_free(m);
}
END_TEST

/* ---- refusals ---------------------------------------------------------------------------------------------------- */

START_TEST(what_cannot_be_open_is_refused_by_name)
{
    static const struct {
        const char *shape, *layer, *what;
    } refused[] = {
        {"null, 3",
         "'Dense', 'config': {'units': 2}}, {'class_name': 'Flatten', 'config': {}}, {'class_name': 'Dense', "
         "'config': {'units': 2, 'name': 'last'}",
         "last (Dense), input (None, 15360) (tried with 7680 for null): its kernel would have the shape (None, 2)"},
        {"null, 3", "'PReLU', 'config': {'name': 'p'}",
         "p (PReLU), input (None, 7680, 3) (tried with 7680 for null): its alpha would have the shape (None, 3)"},
        {"null, null", "'Dense', 'config': {'units': 2}", "give that a number in the model's input"},
        {"null, 3", "'Reshape', 'config': {'target_shape': [5, 3], 'name': 'r'}", "(tried with 3840 for null)"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *line = layer_refusal(refused[i].shape, refused[i].layer);
        ck_assert_msg(strstr(line, refused[i].what), "%s: no \"%s\"", line, refused[i].what);
    }
}
END_TEST

START_TEST(a_metric_of_an_open_axis_keeps_from_training)
{
    antler_error err = {0};
    antler_model *m = network("null", "{'class_name': 'Activation', 'config': {'activation': 'sigmoid'}}",
                              ", 'compile_config': {'optimizer': 'sgd', 'loss': 'mse', 'metrics': [{'class_name': "
                              "'F1Score', 'config': {}}]}");
    ck_assert_int_ne(antler_model_ready(m, &err), ANTLER_OK);
    expect_error(&err, ANTLER_UNSUPPORTED, "compile_config.metrics: F1Score may have a value for each place");
    antler_model_free(m);
}
END_TEST

START_TEST(contexts_need_lengths_that_fit)
{
    antler_error err = {0};
    antler_real y[ROWS * 2];
    antler_tensor t;
    antler_model *m = network("null, 3",
                              "{'class_name': 'Conv1D', 'config': {'filters': 4, 'kernel_size': 3, 'name': 'conv'}}, "
                              "{'class_name': 'GlobalMaxPooling1D', 'config': {}}, " DENSE,
                              compiled);
    antler_context *c = context_of(m, ANTLER_TRAIN, ROWS, ANTLER_KEEP);
    antler_context_reset(c);
    ck_assert_int_ne(antler_forward(c, x_values, ROWS, y, &err), ANTLER_OK);
    expect_error(&err, ANTLER_VALUE, "(None, None, 3) has axes of variable length: antler_context_at");
    err = (antler_error){0};
    ck_assert_int_ne(antler_read(c, "conv", ANTLER_OUTPUT, 0, &t, &err), ANTLER_OK);
    static const antler_shape wrong[] = {{3, {ROWS, 5, 4}}, {2, {ROWS, 5}}, {3, {ROWS, 0, 3}}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        err = (antler_error){0};
        ck_assert_int_ne(antler_context_at(c, &wrong[i], NULL, &err), ANTLER_OK);
        expect_error(&err, ANTLER_SHAPE, "does not fit the model's input");
    }
    err = (antler_error){0};
    must(antler_context_at(c, &(antler_shape){3, {ROWS, 5, 3}}, NULL, &err), &err);
    forward(c, x_values, ROWS, a_values);
    ck_assert_int_ne(antler_context_at(c, &(antler_shape){3, {ROWS, 2, 3}}, NULL, &err), ANTLER_OK);
    expect_error(&err, ANTLER_SHAPE, "conv (Conv1D), input (None, 2, 3)");
    forward(c, x_values, ROWS, y); /* it is as it was */
    ck_assert_mem_eq(y, a_values, sizeof y);
    err = (antler_error){0};
    antler_data *x = data_of(x_values, &(antler_shape){3, {ROWS, 2, 3}}, ROWS);
    ck_assert_int_ne(antler_predict(m, x, 4, 2, y, &err), ANTLER_OK);
    expect_error(&err, ANTLER_SHAPE, "conv (Conv1D), input (None, 2, 3)");
    antler_data_free(x);
    antler_context_free(c);
    antler_model_free(m);
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static antler_status move(void *arg)
{
    antler_error err = {0};
    antler_model *m = arg;
    antler_context *c = antler_context_create_train(m, 2, 1, 0, &err);
    for (int length = 5; c && err.status == ANTLER_OK && length < 7; length++)
        if (antler_context_at(c, &(antler_shape){3, {2, length, 3}}, NULL, &err) == ANTLER_OK)
            antler_forward(c, x_values, 2, NULL, &err);
    antler_context_free(c);
    return err.status;
}

START_TEST(memory_may_fail)
{
    antler_model *m = network(nets[0].open, nets[0].layers, compiled);
    torture(move, m);
    antler_model_free(m);
}
END_TEST

static antler_status build(void *arg)
{
    (void)arg;
    antler_error err = {0};
    antler_model *m = antler_sequential("m", (int[]){ANTLER_OPEN, 3}, 2, &err);
    antler_add(m, lstm, .units = 2);
    antler_add(m, dense, .units = 2);
    antler_status status = antler_build(m);
    antler_model_free(m);
    return status;
}

START_TEST(memory_may_fail_in_building)
{
    torture(build, NULL);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("lengths");
    tcase_add_loop_test(tests, an_open_net_has_the_bits_of_a_fixed_one, 0, NETS);
    tcase_add_loop_test(tests, lengths_alternate, 0, NETS);
    tcase_add_loop_test(tests, shapes_are_open_and_saved_as_null, 0, NETS);
    tcase_add_test(tests, validation_has_a_length_of_its_own);
    tcase_add_test(tests, layers_adapt_at_the_length_of_the_data);
    tcase_add_test(tests, states_go_from_length_to_length);
    tcase_add_test(tests, inputs_have_lengths_of_their_own);
    tcase_add_test(tests, lengths_may_depend_on_each_other);
    tcase_add_test(tests, what_is_cut_off_is_open);
    tcase_add_test(tests, what_cannot_be_open_is_refused_by_name);
    tcase_add_test(tests, a_metric_of_an_open_axis_keeps_from_training);
    tcase_add_test(tests, contexts_need_lengths_that_fit);
    tcase_add_test(tests, memory_may_fail);
    tcase_add_test(tests, memory_may_fail_in_building);
    return run_suite("lengths", tests);
}

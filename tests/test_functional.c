/* Graphs made in C: the same as those read from JSON, bit for bit; layers and models called again; models as parts of
   models, with their weights; every refusal with its line. */
#include "networks.h"
#include "scratch.h"
#include "torture.h"

enum { ROWS = 12, WIDE = 16 };

static antler_model *functional(const char *name)
{
    antler_error err = {0};
    antler_model *model = antler_functional(name, &err);
    must(err.status, &err);
    return model;
}

static antler_model *encoder(const char *name, int width)
{
    antler_error err = {0};
    antler_model *model = antler_sequential(name, &width, 1, &err);
    must(err.status, &err);
    antler_add(model, dense, .units = 5, .activation = "tanh");
    antler_add(model, dense, .units = 3);
    return model;
}

static antler_model *read_json(const char *json)
{
    static char text[16384];
    antler_error err = {0};
    ck_assert_int_lt(snprintf(text, sizeof text, "%s", json), sizeof text);
    antler_model *model = antler_load_json(quoted(text), NULL, &err);
    must(model ? ANTLER_OK : err.status, &err);
    return model;
}

static void fine(const antler_model *model)
{
    must(antler_model_error(model)->status, antler_model_error(model));
}

/* The model's error has this line. Frees it. */
static void refused(antler_model *model, antler_status status, const char *line)
{
    char text[1100];
    antler_build(model);
    antler_error_text(antler_model_error(model), text, sizeof text);
    ck_assert_msg(antler_model_error(model)->status == status, "%s", text);
    ck_assert_str_eq(text, line);
    antler_model_free(model);
}

/* Random rows for all inputs of the model, one after the other. */
static void predict(antler_model *model, antler_real *y)
{
    static antler_real x[ROWS * 4 * WIDE];
    antler_error err = {0};
    random_numbers(x, ROWS * 4 * WIDE, 7);
    must(antler_build(model), antler_model_error(model));
    antler_context *context = context_of(model, ANTLER_INFER, ROWS, 0);
    must(antler_forward(context, x, ROWS, y, &err), &err);
    antler_context_free(context);
}

static void expect_same_predictions(antler_model *a, antler_model *b, size_t numbers)
{
    static antler_real y[2][ROWS * 64];
    predict(a, y[0]);
    predict(b, y[1]);
    ck_assert_uint_eq(hash_weights(a), hash_weights(b));
    ck_assert_mem_eq(y[0], y[1], numbers * sizeof(antler_real));
}

/* What Antler writes of the model is read as the same model, which without weights of its own predicts the same. */
static antler_model *read_back(antler_model *model)
{
    antler_error err = {0};
    char *text = antler_model_json(model, &err);
    must(text ? ANTLER_OK : err.status, &err);
    antler_model *again = antler_load_json(text, NULL, &err);
    must(again ? ANTLER_OK : err.status, &err);
    char *second = antler_model_json(again, &err);
    ck_assert_str_eq(text, second);
    antler_text_free(text);
    antler_text_free(second);
    return again;
}

static void expect_read_back(antler_model *model, size_t numbers)
{
    antler_model *again = read_back(model);
    expect_same_predictions(model, again, numbers);
    antler_model_free(again);
}

/* ---- the same as from JSON ---- */

static antler_model *residual(void)
{
    antler_model *m = functional("residual");
    antler_value x = antler_input(m, .name = "x", .shape = {WIDE});
    antler_value h = antler_call(m, dense, (x), .units = 8, .activation = "relu");
    h = antler_call(m, dropout, (h), .rate = 0.2);
    h = antler_call(m, dense, (h), .units = WIDE);
    h = antler_call(m, add, (x, h));
    antler_call(m, dense, (h), .units = 4, .activation = "softmax");
    antler_compile(m, .loss = "sparse_categorical_crossentropy", .optimizer = "sgd");
    fine(m);
    return m;
}

static const char residual_json[] =
    "{'class_name': 'Functional', 'config': {'name': 'residual', 'layers': ["
    "{'class_name': 'InputLayer', 'name': 'x', 'config': {'batch_shape': [null, 16]}, 'inbound_nodes': []},"
    "{'class_name': 'Dense', 'name': 'dense', 'config': {'units': 8, 'activation': 'relu'}, "
    "'inbound_nodes': [[['x', 0, 0]]]},"
    "{'class_name': 'Dropout', 'name': 'dropout', 'config': {'rate': 0.2}, 'inbound_nodes': [[['dense', 0, 0]]]},"
    "{'class_name': 'Dense', 'name': 'dense_1', 'config': {'units': 16}, 'inbound_nodes': [[['dropout', 0, 0]]]},"
    "{'class_name': 'Add', 'name': 'add', 'config': {}, 'inbound_nodes': [[['x', 0, 0], ['dense_1', 0, 0]]]},"
    "{'class_name': 'Dense', 'name': 'dense_2', 'config': {'units': 4, 'activation': 'softmax'}, "
    "'inbound_nodes': [[['add', 0, 0]]]}],"
    "'input_layers': [['x', 0, 0]], 'output_layers': [['dense_2', 0, 0]]}, "
    "'compile_config': {'loss': 'sparse_categorical_crossentropy', 'optimizer': 'sgd'}}";

static void train(antler_model *model)
{
    static antler_real x[ROWS * WIDE], y[ROWS];
    random_numbers(x, ROWS * WIDE, 1);
    random_classes(y, ROWS, 4, 2);
    antler_data *in = rows_of(x, ROWS, WIDE), *out = rows_of(y, ROWS, 1);
    must(antler_fit(model, in, out, .epochs = 3, .batch_size = 5, .seed = 3), antler_model_error(model));
    antler_data_free(in);
    antler_data_free(out);
}

START_TEST(a_residual_network_is_the_one_of_its_json)
{
    antler_model *m = residual(), *other = read_json(residual_json);
    expect_read_back(m, ROWS * 4);
    expect_same_predictions(m, other, ROWS * 4);
    train(m);
    train(other);
    expect_same_predictions(m, other, ROWS * 4);
    antler_model_free(m);
    antler_model_free(other);
}
END_TEST

static antler_model *pair(void)
{
    antler_model *m = functional("pair");
    antler_value a = antler_input(m, .name = "left", .shape = {WIDE});
    antler_value b = antler_input(m, .name = "right", .shape = {WIDE});
    antler_value ea = antler_call(m, dense, (a), .units = 8, .activation = "tanh", .name = "encoder");
    antler_value eb = antler_again(m, ea, (b));
    antler_value both = antler_call(m, concatenate, (ea, eb), .name = "both");
    antler_value same = antler_call(m, dense, (both), .units = 1, .activation = "sigmoid", .name = "same");
    antler_value far = antler_call(m, dense, (both), .units = 1, .name = "far");
    antler_outputs(m, (same, far));
    antler_compile(m, .optimizer = "adam", .loss = ANTLER_JSON({"same" : "binary_crossentropy", "far" : "mse"}),
                   .loss_weights = ANTLER_JSON({"same" : 1, "far" : 0.125}));
    fine(m);
    return m;
}

static const char pair_json[] =
    "{'module': 'keras', 'class_name': 'Model', 'config': {'name': 'pair', 'layers': ["
    "{'class_name': 'InputLayer', 'name': 'left', 'config': {'batch_shape': [null, 16]}, 'inbound_nodes': []},"
    "{'class_name': 'InputLayer', 'name': 'right', 'config': {'batch_shape': [null, 16]}, 'inbound_nodes': []},"
    "{'class_name': 'Dense', 'name': 'encoder', 'config': {'units': 8, 'activation': 'tanh'}, "
    "'inbound_nodes': [[['left', 0, 0]], [['right', 0, 0]]]},"
    "{'class_name': 'Concatenate', 'name': 'both', 'config': {}, "
    "'inbound_nodes': [[['encoder', 0, 0], ['encoder', 1, 0]]]},"
    "{'class_name': 'Dense', 'name': 'same', 'config': {'units': 1, 'activation': 'sigmoid'}, "
    "'inbound_nodes': [[['both', 0, 0]]]},"
    "{'class_name': 'Dense', 'name': 'far', 'config': {'units': 1}, 'inbound_nodes': [[['both', 0, 0]]]}],"
    "'input_layers': [['left', 0, 0], ['right', 0, 0]], 'output_layers': [['same', 0, 0], ['far', 0, 0]]},"
    "'compile_config': {'optimizer': 'adam', 'loss': {'same': 'binary_crossentropy', 'far': 'mean_squared_error'}, "
    "'loss_weights': {'same': 1.0, 'far': 0.125}}}";

static void train_pair(antler_model *model)
{
    static antler_real x[2][ROWS * WIDE], y[2][ROWS];
    antler_error err = {0};
    for (int i = 0; i < 2; i++) {
        random_numbers(x[i], ROWS * WIDE, (uint64_t)i);
        random_classes(y[i], ROWS, 2, (uint64_t)i);
    }
    antler_data *part[] = {rows_of(x[0], ROWS, WIDE), rows_of(x[1], ROWS, WIDE), rows_of(y[0], ROWS, 1),
                           rows_of(y[1], ROWS, 1)};
    antler_data *in = antler_data_join((const char *[]){"right", "left", NULL},
                                       (const antler_data *[]){part[1], part[0], NULL}, &err);
    antler_data *out =
        antler_data_join((const char *[]){"same", "far", NULL}, (const antler_data *[]){part[2], part[3], NULL}, &err);
    must(in && out ? ANTLER_OK : err.status, &err);
    must(antler_fit(model, in, out, .epochs = 3, .batch_size = 5), antler_model_error(model));
    antler_data_free(in);
    antler_data_free(out);
    for (int i = 0; i < 4; i++)
        antler_data_free(part[i]);
}

START_TEST(a_pair_is_the_one_of_its_json)
{
    antler_model *m = pair(), *other = read_json(pair_json);
    expect_read_back(m, ROWS * 2);
    expect_same_predictions(m, other, ROWS * 2);
    train_pair(m);
    train_pair(other);
    expect_same_predictions(m, other, ROWS * 2);
    antler_model_free(m);
    antler_model_free(other);
}
END_TEST

/* The two towers share a model, which is called twice. */
static antler_model *siamese(antler_model *inner)
{
    antler_model *m = functional("siamese");
    antler_value a = antler_input(m, .name = "a", .shape = {WIDE}), b = antler_input(m, .name = "b", .shape = {WIDE});
    antler_value ea = antler_call_model(m, inner, (a));
    antler_value eb = antler_call_model(m, inner, (b));
    antler_call(m, concatenate, (ea, eb));
    antler_add(m, dense, .units = 2);
    fine(m);
    return m;
}

static const char siamese_json[] =
    "{'class_name': 'Functional', 'config': {'name': 'siamese', 'layers': ["
    "{'class_name': 'InputLayer', 'name': 'a', 'config': {'batch_shape': [null, 16]}, 'inbound_nodes': []},"
    "{'class_name': 'InputLayer', 'name': 'b', 'config': {'batch_shape': [null, 16]}, 'inbound_nodes': []},"
    "{'class_name': 'Sequential', 'name': 'tower', 'config': {'name': 'tower', 'layers': ["
    "{'class_name': 'InputLayer', 'config': {'batch_shape': [null, 16]}},"
    "{'class_name': 'Dense', 'config': {'units': 5, 'activation': 'tanh'}},"
    "{'class_name': 'Dense', 'config': {'units': 3}}]}, 'inbound_nodes': [[['a', 0, 0]], [['b', 0, 0]]]},"
    "{'class_name': 'Concatenate', 'name': 'concatenate', 'config': {}, "
    "'inbound_nodes': [[['tower', 0, 0], ['tower', 1, 0]]]},"
    "{'class_name': 'Dense', 'name': 'dense', 'config': {'units': 2}, 'inbound_nodes': [[['concatenate', 0, 0]]]}],"
    "'input_layers': [['a', 0, 0], ['b', 0, 0]], 'output_layers': [['dense', 0, 0]]}}";

START_TEST(a_model_called_twice_is_the_one_of_its_json)
{
    antler_model *m = siamese(encoder("tower", WIDE)), *other = read_json(siamese_json);
    expect_read_back(m, ROWS * 2);
    expect_same_predictions(m, other, ROWS * 2);
    ck_assert_ptr_null(antler_model_variable(m, 6));
    ck_assert_str_eq(antler_model_variable(m, 0)->layer, "tower/dense");
    antler_model_free(m);
    antler_model_free(other);
}
END_TEST

START_TEST(a_chain_is_the_sequential)
{
    antler_error err = {0};
    antler_model *s = antler_sequential("m", (int[]){WIDE}, 1, &err), *f = functional("m");
    antler_input(f, .shape = {WIDE});
    antler_model *both[] = {s, f};
    for (int i = 0; i < 2; i++) {
        antler_add(both[i], dense, .units = 8, .activation = "relu");
        antler_add(both[i], dropout, .rate = 0.5);
        antler_add(both[i], batch_normalization);
        antler_add_json(both[i],
                        "{\"class_name\": \"Dense\", \"config\": {\"units\": 4, \"activation\": \"softmax\"}}");
        antler_compile(both[i], .loss = "sparse_categorical_crossentropy");
        train(both[i]);
    }
    expect_same_predictions(s, f, ROWS * 4);
    antler_model_free(s);
    antler_model_free(f);
}
END_TEST

/* ---- values and outputs ---- */

START_TEST(the_last_call_is_the_output_unless_told)
{
    antler_real y[ROWS * (4 + 2 * WIDE)];
    antler_model *m = functional(NULL);
    ck_assert_str_eq(antler_model_name(m), "functional");
    antler_value x = antler_input(m, .shape = {WIDE});
    antler_value h = antler_call(m, dense, (x), .units = 4);
    antler_call_json(m, "{\"class_name\": \"Dense\", \"config\": {\"units\": 7}}", (h));
    antler_build(m);
    ck_assert_int_eq(antler_output_shape(m)->dim[1], 7);
    antler_model_free(m);

    m = functional("m");
    x = antler_input(m, .shape = {WIDE});
    h = antler_call(m, dense, (x), .units = 4);
    must(antler_outputs(m, (x)), antler_model_error(m));
    must(antler_outputs(m, (h, x, x)), antler_model_error(m));
    antler_call(m, dense, (x), .units = 2);
    predict(m, y);
    ck_assert_ptr_null(antler_model_output(m, 3, NULL));
    ck_assert_int_eq(antler_model_output(m, 0, NULL)->dim[1], 4);
    ck_assert_mem_eq(y + ROWS * 4, y + ROWS * (4 + WIDE), ROWS * WIDE * sizeof *y);
    ck_assert_ptr_nonnull(strstr(antler_model_warning(m, 0)->message, "no output of the model needs \"dense_1\""));
    antler_model_free(m);
}
END_TEST

/* A part of two outputs, the second of which is taken. */
START_TEST(another_output_of_a_call)
{
    antler_model *inner = functional("two"), *m = functional("m");
    antler_value x = antler_input(inner, .shape = {WIDE});
    antler_value a = antler_call(inner, dense, (x), .units = 2), b = antler_call(inner, dense, (x), .units = 3);
    antler_outputs(inner, (a, b));
    antler_value two = antler_call_model(m, inner, (antler_input(m, .shape = {WIDE})));
    antler_call(m, softmax, (antler_output(two, 1)));
    antler_build(m);
    fine(m);
    ck_assert_int_eq(antler_output_shape(m)->dim[1], 3);
    expect_read_back(m, ROWS * 3);
    antler_model_free(m);

    antler_value none = antler_output((antler_value){0}, 3);
    ck_assert_ptr_null(none.model);
    ck_assert_int_eq(none.output, 0);
}
END_TEST

#define TANH .activation = "tanh"
#define FOUR .units = 4, TANH
#define BOTH (a, b)

START_TEST(settings_and_values_may_come_from_macros)
{
    antler_model *m = functional("m");
    antler_value a = antler_input(m, .shape = {WIDE}), b = antler_call(m, dense, (a), .units = WIDE, TANH);
    antler_call(m, add, BOTH);
    antler_value c = antler_call(m, dense, (antler_call(m, add, (a, b))), FOUR);
    antler_outputs(m, (c));
    antler_build(m);
    fine(m);
    ck_assert_int_eq(antler_output_shape(m)->dim[1], 4);
    antler_model_free(m);
}
END_TEST

START_TEST(views_tell_where_inputs_come_from)
{
    antler_model *m = siamese(encoder("tower", WIDE));
    antler_build(m);
    const antler_layer_view *first = antler_model_layer(m, 2), *join = antler_model_layer(m, 4);
    ck_assert_str_eq(first->name, "tower/dense");
    ck_assert_int_eq(first->calls, 2);
    bool seen[2] = {false};
    for (int i = 0; i < 2; i++) { /* Keras may make the second call first */
        ck_assert_int_eq(first->call[i].inputs, 1);
        ck_assert_int_lt(first->call[i].input->layer, 2);
        seen[first->call[i].input->layer] = true;
        ck_assert_int_eq(first->call[i].output->dim[1], 5);
        ck_assert(!first->call[i].is_output[0]);
    }
    ck_assert(seen[0] && seen[1]);
    ck_assert_str_eq(join->class_name, "Concatenate");
    ck_assert_int_eq(join->call->inputs, 2);
    ck_assert_int_eq(join->call->input[0].layer, 3);
    ck_assert_int_ne(join->call->input[0].call, join->call->input[1].call);
    ck_assert_int_eq(antler_model_layer(m, 0)->calls, 1);
    ck_assert_int_eq(antler_model_layer(m, 0)->call->inputs, 0);
    ck_assert(antler_model_layer(m, 5)->call->is_output[0]);
    ck_assert_ptr_null(antler_model_layer(m, 6));
    antler_model_free(m);
}
END_TEST

/* ---- models as parts ---- */

static void set_weights(antler_model *model, antler_real value)
{
    must(antler_build(model), antler_model_error(model));
    const antler_variable *v;
    for (int64_t i = 0; (v = antler_model_variable(model, i)); i++)
        for (int64_t e = 0; e < antler_count(&v->value.shape, 0); e++)
            v->value.data[e] = value + (antler_real)(i * 100 + e) / 1024;
}

/* The weights of the layers whose path begins so are what set_weights left. */
static bool has_weights(const antler_model *model, const char *path, antler_real value)
{
    const antler_variable *v;
    int64_t of = 0;
    bool has = true;
    for (int64_t i = 0; (v = antler_model_variable(model, i)); i++) {
        if (strncmp(v->layer, path, strlen(path)) != 0)
            continue;
        for (int64_t e = 0; e < antler_count(&v->value.shape, 0); e++)
            has = has && v->value.data[e] == value + (antler_real)(of * 100 + e) / 1024;
        of++;
    }
    return has && of > 0;
}

START_TEST(weights_come_along)
{
    antler_model *tower = encoder("tower", WIDE), *drawn = siamese(encoder("tower", WIDE));
    set_weights(tower, 2);
    antler_model *m = siamese(tower);
    antler_build(m);
    antler_build(drawn);
    ck_assert(has_weights(m, "tower/", 2));
    const antler_variable *ours = antler_model_variable(m, 4), *theirs = antler_model_variable(drawn, 4);
    ck_assert_str_eq(ours->layer, "dense"); /* what is drawn beside them is the same */
    ck_assert_mem_eq(ours->value.data, theirs->value.data, 12 * sizeof(antler_real));

    antler_model *whole = functional("whole"); /* it and its part, once more */
    antler_value a = antler_input(whole, .shape = {WIDE}), b = antler_input(whole, .shape = {WIDE});
    antler_value y = antler_call_model(whole, m, (a, b));
    antler_call(whole, dense, (y), .units = 1);
    set_weights(drawn, 3);
    antler_value z = antler_call_model(whole, drawn, (a, b));
    antler_build(whole);
    refused(whole, ANTLER_NAME, "config.layers[2].config.name: two layers have the name \"siamese\"");
    (void)z;

    tower = encoder("tower", WIDE);
    set_weights(tower, 2);
    whole = functional("whole");
    antler_model *middle = siamese(tower);
    a = antler_input(whole, .shape = {WIDE});
    antler_call_model(whole, middle, (a, a));
    antler_build(whole);
    fine(whole);
    ck_assert(has_weights(whole, "siamese/tower/", 2));
    antler_model_free(whole);
}
END_TEST

START_TEST(a_base_that_was_trained_is_loaded_and_frozen)
{
    if (!HAS_HDF5 || !HAS_ZIP)
        return;
    antler_error err = {0};
    scratch_make();
    antler_model *tower = encoder("tower", WIDE);
    set_weights(tower, 2);
    antler_compile(tower, .loss = "mse");
    must(antler_save(tower, scratch_path("tower.keras"), &err), &err);
    antler_model_free(tower);

    antler_model *base = antler_load(scratch_path("tower.keras"), &err), *m = functional("m");
    must(base ? ANTLER_OK : err.status, &err);
    must(antler_set_trainable(base, false), antler_model_error(base));
    must(antler_set_trainable(base, false), antler_model_error(base));
    antler_call_model(m, base, (antler_input(m, .shape = {WIDE})));
    antler_add(m, dense, .units = 4, .activation = "softmax");
    antler_compile(m, .loss = "sparse_categorical_crossentropy");
    antler_build(m);
    uint64_t before = hash_weights(m);
    train(m);
    ck_assert(has_weights(m, "tower/", 2));
    ck_assert_uint_ne(hash_weights(m), before);
    ck_assert_int_eq(antler_model_layer(m, 1)->trainable, 0);
    antler_model_free(read_back(m));
    must(antler_save(m, scratch_path("m.keras"), &err), &err);
    antler_model *again = antler_load(scratch_path("m.keras"), &err);
    must(again ? ANTLER_OK : err.status, &err);
    expect_same_predictions(m, again, ROWS * 4);

    must(antler_set_trainable(again, true), antler_model_error(again));
    antler_model_free(again);
    antler_model_free(m);
    scratch_remove();
}
END_TEST

START_TEST(a_model_that_is_frozen_keeps_its_weights)
{
    antler_model *m = encoder("m", WIDE);
    antler_compile(m, .loss = "mse");
    set_weights(m, 2);
    must(antler_set_trainable(m, false), antler_model_error(m));
    must(antler_build(m), antler_model_error(m));
    ck_assert(has_weights(m, "", 2));
    ck_assert_int_eq(antler_model_layer(m, 1)->trainable, 0);
    must(antler_set_trainable(m, true), antler_model_error(m));
    must(antler_build(m), antler_model_error(m));
    ck_assert(has_weights(m, "", 2));
    ck_assert_int_gt(antler_model_layer(m, 1)->trainable, 0);
    antler_model_free(m);
}
END_TEST

START_TEST(models_are_layers_of_a_sequential)
{
    antler_error err = {0};
    antler_model *m = antler_sequential("m", (int[]){WIDE}, 1, &err), *inner = encoder(NULL, WIDE);
    set_weights(inner, 2);
    must(antler_add_model(m, inner), antler_model_error(m));
    must(antler_add_model(m, encoder(NULL, 3)), antler_model_error(m));
    antler_add(m, dense, .units = 2);
    antler_build(m);
    fine(m);
    ck_assert_str_eq(antler_model_layer(m, 1)->name, "sequential/dense");
    ck_assert_str_eq(antler_model_layer(m, 3)->name, "sequential_1/dense");
    ck_assert(has_weights(m, "sequential/", 2));
    antler_model_free(read_back(m));
    ck_assert_int_eq(antler_add_model(m, encoder("late", 2)), ANTLER_VALUE);
    antler_model_free(m);

    m = functional("m");
    antler_input(m, .shape = {WIDE});
    must(antler_add_model(m, encoder("a", WIDE)), antler_model_error(m));
    must(antler_build(m), antler_model_error(m));
    ck_assert_int_eq(antler_output_shape(m)->dim[1], 3);
    antler_model_free(m);
}
END_TEST

/* A part answers nothing but calls, and is freed by the whole alone. */
START_TEST(a_part_is_the_whole_s)
{
    antler_error err = {0};
    antler_model *m = functional("m"), *part = encoder("part", WIDE);
    antler_build(part);
    antler_value x = antler_input(m, .shape = {WIDE}), y = antler_call_model(m, part, (x));
    antler_model_free(part);
    ck_assert_int_eq(antler_add(part, dense, .units = 1), ANTLER_VALUE);
    expect_error(antler_model_error(part), ANTLER_VALUE, "the model is a part of \"m\", which alone can call it");
    ck_assert_int_eq(antler_build(part), ANTLER_VALUE);
    ck_assert_int_eq(antler_set_trainable(part, false), ANTLER_VALUE);
    ck_assert_ptr_null(antler_model_json(part, &err));
    ck_assert_ptr_null(antler_model_variable(part, 0));
    ck_assert_str_eq(antler_model_name(part), "part");
    antler_again(m, y, (x));
    antler_build(m);
    fine(m);
    antler_model_free(m);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(bad_values_are_told)
{
    antler_model *m = functional("m"), *other = functional("o");
    antler_value x = antler_input(m, .name = "x", .shape = {4}), theirs = antler_input(other, .shape = {4});
    antler_call(m, add, (x, theirs));
    refused(m, ANTLER_VALUE, "config.layers[1]: value 2 is of another model");
    antler_model_free(other);

    m = functional("m");
    antler_input(m, .shape = {4});
    antler_value none = {0};
    ck_assert_ptr_null(antler_call(m, flatten, (none)).model);
    ck_assert_int_eq(antler_add(m, flatten), ANTLER_VALUE);
    refused(m, ANTLER_VALUE, "config.layers[1]: value 1 is none");

    m = functional("m");
    x = antler_input(m, .shape = {4});
    x.call = 1;
    antler_call(m, flatten, (x));
    refused(m, ANTLER_VALUE, "config.layers[1]: value 1 comes from no call of the model");

    m = functional("m");
    x = antler_output(antler_input(m, .shape = {4}), 1);
    antler_call(m, flatten, (x));
    refused(m, ANTLER_VALUE, "config.layers[1]: value 1 is output 1 of a call that has 1 at most");

    m = functional("m");
    x = antler_output(antler_input(m, .shape = {4}), -1);
    antler_outputs(m, (x));
    refused(m, ANTLER_VALUE, "config.layers[1]: value 1 is output -1 of a call that has 1 at most");

    m = functional("m");
    x = antler_input(m, .shape = {4});
    antler_value y = antler_call(m, flatten, (x));
    antler_call(m, flatten, (antler_output(y, 1)));
    refused(m, ANTLER_VALUE, "config.layers[2]: flatten (Flatten) has 1 output, not 2");

    m = functional("m");
    x = antler_input(m, .shape = {4});
    antler_call_given(m, &antler_layer_flatten, NULL, 1, NULL, 0, "");
    refused(m, ANTLER_VALUE, "the list of values is NULL");

    m = functional("m");
    x = antler_input(m, .shape = {4});
    antler_call_given(m, &antler_layer_flatten, &x, -1, NULL, 0, "");
    refused(m, ANTLER_VALUE, "-1 values: expected up to 1024");
}
END_TEST

START_TEST(bad_calls_are_told)
{
    antler_error err = {0};
    antler_model *m = functional("m");
    refused(m, ANTLER_VALUE, "config.layers: the model has no layers");

    m = functional("m");
    antler_input(m, .shape = {4});
    refused(m, ANTLER_VALUE, "config.layers: the model has no layers");

    m = functional("m");
    antler_add(m, flatten);
    refused(m, ANTLER_VALUE, "config.layers[0]: a Functional begins with an input: antler_input");

    m = functional("m");
    antler_input(m);
    refused(m, ANTLER_VALUE, "config.layers[0].config.batch_shape: missing: the shape of a sample is not known");

    m = functional("m");
    antler_value x = antler_input(m, .shape = {4});
    antler_call(m, input_layer, (x), .shape = {4});
    refused(m, ANTLER_VALUE, "config.layers[1]: an input takes no values: InputLayer");

    m = functional("m");
    antler_call_given(m, &antler_layer_flatten, NULL, 0, NULL, 0, "");
    refused(m, ANTLER_VALUE, "config.layers[0]: a layer is called on values: Flatten");

    m = functional("m");
    x = antler_input(m, .shape = {4});
    antler_again(m, x, (x));
    refused(m, ANTLER_VALUE, "config.layers[0]: an input is no layer that could be called");

    m = functional("m");
    x = antler_input(m, .shape = {4});
    antler_call(m, dense, (x, x), .units = 1);
    refused(m, ANTLER_SHAPE, "config.layers[1]: dense (Dense), input (None, 4), (None, 4): it takes 1 tensor, got 2");

    m = functional("m");
    x = antler_input(m, .shape = {4});
    antler_call(m, dense, (x), .units = 0);
    ck_assert_ptr_null(antler_call(m, flatten, (x)).model);
    refused(m, ANTLER_VALUE, "config.layers[1].config.units: 0 is not in [1, 2147483647]");

    m = functional("m");
    x = antler_input(m, .shape = {4});
    antler_call_json(m, "{\"class_name\": \"Dens\"}", (x));
    refused(m, ANTLER_NAME, "config.layers[1].class_name: unknown layer \"Dens\"; did you mean \"Dense\"?");

    m = functional("m");
    x = antler_input(m, .name = "a", .shape = {4});
    antler_call(m, dense, (x), .units = 1, .name = "a");
    refused(m, ANTLER_NAME, "config.layers[0].config.name: two layers have the name \"a\"");

    m = functional("m");
    x = antler_input(m, .shape = {4});
    antler_call(m, flatten, (x));
    antler_build(m);
    antler_call(m, flatten, (x));
    refused(m, ANTLER_VALUE, "the model is built: no call can be added");

    m = antler_sequential("s", (int[]){4}, 1, &err);
    antler_input(m, .shape = {4});
    refused(m, ANTLER_VALUE,
            "the model is a Sequential, whose layers follow one another: antler_add; antler_functional makes graphs");

    m = functional("m");
    x = antler_input(m, .shape = {4});
    antler_outputs_list(m, &x, 0);
    refused(m, ANTLER_VALUE, "config.output_layers: no value");

    m = antler_functional("a/b", &err);
    ck_assert_int_eq(err.status, ANTLER_VALUE);
    antler_model_free(m);
}
END_TEST

START_TEST(bad_parts_are_told)
{
    antler_error err = {0};
    antler_model *m = functional("m"), *inner = encoder("inner", 4);
    antler_value x = antler_input(m, .shape = {4});
    antler_call_model(m, m, (x));
    refused(m, ANTLER_VALUE, "a model can not be a part of itself");

    m = functional("m");
    x = antler_input(m, .shape = {4});
    antler_add(inner, dense, .units = -1);
    antler_call_model(m, inner, (x));
    refused(m, ANTLER_VALUE, "config.layers[1].config.layers[3].config.units: -1 is not in [1, 2147483647]");

    m = functional("m");
    x = antler_input(m, .shape = {4});
    antler_call_model(m, NULL, (x));
    refused(m, ANTLER_MEMORY, "out of memory");

    m = functional("m");
    x = antler_input(m, .shape = {4});
    antler_call(m, dense, (x), .units = 0);
    antler_call_model(m, encoder("lost", 4), (x)); /* freed with the model */
    antler_add_model(m, encoder("lost", 4));
    refused(m, ANTLER_VALUE, "config.layers[1].config.units: 0 is not in [1, 2147483647]");

    m = functional("m");
    x = antler_input(m, .shape = {4});
    antler_call_model(m, encoder("e", 4), (x, x));
    refused(m, ANTLER_SHAPE, "config.layers[1]: model \"e\" takes 1 tensor, got 2");

    m = functional("m");
    x = antler_input(m, .shape = {4});
    antler_call_model(m, encoder("e", 4), ((antler_value){0}));
    refused(m, ANTLER_VALUE, "config.layers[1]: value 1 is none");

    m = functional("m");
    x = antler_input(m, .shape = {8});
    inner = encoder("e", 4);
    antler_build(inner);
    antler_call_model(m, inner, (x));
    refused(m, ANTLER_SHAPE, "model \"e\" takes (None, 4), and is given (None, 8)");

    m = antler_sequential("s", (int[]){4}, 1, &err);
    inner = encoder("e", 4);
    antler_add_model(m, inner);
    antler_add_model(m, inner);
    refused(m, ANTLER_VALUE, "\"e\" is a layer of the model already");

    m = functional("m");
    antler_model *other = functional("other");
    inner = encoder("e", 4);
    antler_call_model(m, inner, (antler_input(m, .shape = {4})));
    antler_call_model(other, inner, (antler_input(other, .shape = {4})));
    refused(other, ANTLER_VALUE, "\"e\" is a part of another model");
    other = functional("other");
    antler_call_model(other, m, (antler_input(other, .shape = {4})));
    antler_call_model(m, other, (antler_input(m, .shape = {4})));
    must(antler_build(other), antler_model_error(other));
    antler_model_free(m);
    antler_model_free(other);

    inner = encoder("e", 4);
    for (int i = 0; i < 17; i++) {
        char name[8];
        snprintf(name, sizeof name, "m%d", i);
        m = functional(name);
        antler_call_model(m, inner, (antler_input(m, .shape = {4})));
        inner = m;
    }
    refused(m, ANTLER_UNSUPPORTED, "models in models more than 16 deep");
}
END_TEST

START_TEST(no_model_is_no_memory)
{
    const antler_value none = {0};
    antler_model *m = NULL;
    ck_assert_ptr_null(antler_input(m, .shape = {4}).model);
    ck_assert_ptr_null(antler_call(m, flatten, (none)).model);
    ck_assert_ptr_null(antler_call_json(m, "{}", (none)).model);
    ck_assert_ptr_null(antler_again(m, none, (none)).model);
    antler_model *inner = encoder("e", 4);
    ck_assert_ptr_null(antler_call_model(m, inner, (none)).model);
    ck_assert_ptr_null(antler_call_model(m, m, (none)).model);
    ck_assert_int_eq(antler_add_model(m, inner), ANTLER_MEMORY);
    ck_assert_int_eq(antler_add_model(m, m), ANTLER_MEMORY);
    must(antler_build(inner), antler_model_error(inner)); /* it is the caller's still */
    antler_model_free(inner);
    ck_assert_int_eq(antler_outputs(m, (none)), ANTLER_MEMORY);
    ck_assert_int_eq(antler_set_trainable(m, true), ANTLER_MEMORY);
}
END_TEST

/* ---- memory ---- */

static antler_status whole_life(void *arg)
{
    (void)arg;
    static antler_real x[2 * ROWS * 4], y[ROWS * 3];
    antler_error err = {0};
    antler_model *inner = antler_sequential("tower", (int[]){4}, 1, NULL), *m = antler_functional("m", NULL);
    antler_add(inner, dense, .units = 3);
    antler_build(inner);
    antler_value a = antler_input(m, .shape = {4}), b = antler_input(m, .shape = {4});
    antler_value ea = antler_call_model(m, inner, (a)), eb = antler_call_model(m, inner, (b));
    antler_value sum = antler_call(m, add, (ea, eb));
    sum = antler_call_json(m, "{\"class_name\": \"Softmax\"}", (sum));
    antler_value again = antler_again(m, sum, (ea));
    antler_outputs(m, (sum, again));
    antler_outputs(m, (sum));
    antler_set_trainable(m, false);
    antler_status status = antler_build(m);
    antler_context *context = status ? NULL : antler_context_create(m, ANTLER_INFER, ROWS, 1, 0, &err);
    if (status == ANTLER_OK)
        status = context ? antler_forward(context, x, ROWS, y, &err) : err.status;
    if (status == ANTLER_OK)
        status = antler_set_trainable(m, true);
    if (status == ANTLER_OK)
        status = antler_build(m);
    antler_context_free(context);
    antler_model_free(inner); /* the caller's still where there is no m */
    antler_model_free(m);
    return status;
}

START_TEST(memory_runs_out)
{
    torture(whole_life, NULL);
}
END_TEST

/* A stateful model that Keras loads has its batch in the file; antler_add goes on from the input. */
START_TEST(an_input_fixes_the_batch)
{
    antler_error err = {0};
    antler_model *m = antler_functional("states", &err);
    antler_input(m, .batch_shape = {1, 1, 1});
    antler_add(m, lstm, .units = 3, .stateful = true);
    antler_add(m, dense, .units = 1);
    ck_assert_int_eq(antler_build(m), ANTLER_OK);
    ck_assert_int_eq(antler_model_batch(m), 1);
    ck_assert_int_eq(antler_input_shape(m)->dim[0], 1);
    char *json = antler_model_json(m, &err);
    ck_assert_ptr_nonnull(json);
    ck_assert_ptr_null(strstr(json, "null,\n            1,"));
    antler_text_free(json);
    antler_model_free(m);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("functional");
    tcase_add_test(tests, an_input_fixes_the_batch);
    tcase_add_test(tests, a_residual_network_is_the_one_of_its_json);
    tcase_add_test(tests, a_pair_is_the_one_of_its_json);
    tcase_add_test(tests, a_model_called_twice_is_the_one_of_its_json);
    tcase_add_test(tests, a_chain_is_the_sequential);
    tcase_add_test(tests, the_last_call_is_the_output_unless_told);
    tcase_add_test(tests, another_output_of_a_call);
    tcase_add_test(tests, settings_and_values_may_come_from_macros);
    tcase_add_test(tests, views_tell_where_inputs_come_from);
    tcase_add_test(tests, weights_come_along);
    tcase_add_test(tests, a_base_that_was_trained_is_loaded_and_frozen);
    tcase_add_test(tests, a_model_that_is_frozen_keeps_its_weights);
    tcase_add_test(tests, models_are_layers_of_a_sequential);
    tcase_add_test(tests, a_part_is_the_whole_s);
    tcase_add_test(tests, bad_values_are_told);
    tcase_add_test(tests, bad_calls_are_told);
    tcase_add_test(tests, bad_parts_are_told);
    tcase_add_test(tests, no_model_is_no_memory);
    tcase_add_test(tests, memory_runs_out);
    return run_suite("functional", tests);
}

/* The C API: its macros, its errors, its refusals; types of the user's; bad JSON, each with the line that tells it. */
#include "antler/layer.h"
#include "networks.h"
#include "scratch.h"
#include "torture.h"

#include <math.h>

static antler_model *fresh(void)
{
    antler_error err = {0};
    antler_model *model = antler_sequential("m", (int[]){4}, 1, &err);
    must(err.status, &err);
    return model;
}

/* A model's error as one line, or "ok". */
static const char *error_of(const antler_model *model)
{
    static char text[1100];
    const antler_error *err = antler_model_error(model);
    return err->status == ANTLER_OK ? "ok" : antler_error_text(err, text, sizeof text);
}

static bool json_has(antler_model *model, const char *part)
{
    antler_error err = {0};
    char wanted[512];
    snprintf(wanted, sizeof wanted, "%s", part);
    char *text = antler_model_json(model, &err);
    must(text ? ANTLER_OK : err.status, &err);
    bool has = strstr(text, quoted(wanted)) != NULL;
    antler_text_free(text);
    return has;
}

/* ---- macros ---- */

START_TEST(what_is_left_out_takes_its_default)
{
    antler_model *m = fresh();
    antler_add(m, dense, .units = 3);
    antler_add(m, dense, .units = 2, .use_bias = false, .activation = "relu", .name = "a, .rate = 3");
    antler_add(m, dropout, .rate = 0);
    antler_compile(m, .loss = "mse");
    ck_assert_str_eq(error_of(m), "ok");
    ck_assert(json_has(m, "'name': 'dense'"));
    ck_assert(json_has(m, "'units': 3"));
    ck_assert(json_has(m, "'use_bias': true"));
    ck_assert(json_has(m, "'activation': 'linear'"));
    ck_assert(json_has(m, "'name': 'a, .rate = 3'"));
    ck_assert(json_has(m, "'use_bias': false"));
    ck_assert(json_has(m, "'activation': 'relu'"));
    ck_assert(json_has(m, "'rate': 0.0"));
    ck_assert(json_has(m, "'class_name': 'Adam'"));
    ck_assert(json_has(m, "'learning_rate': 0.001"));
    ck_assert_int_eq(antler_model_layer(m, 1)->parameters, 15);
    ck_assert_int_eq(antler_model_layer(m, 2)->parameters, 6);
    ck_assert_ptr_null(antler_model_layer(m, 4));
    ck_assert_str_eq(antler_model_variable(m, 1)->name, "bias");
    ck_assert_ptr_null(antler_model_variable(m, 3));
    antler_model_free(m);
}
END_TEST

START_TEST(settings_may_be_json)
{
    antler_model *m = fresh();
    antler_add(m, dense, .units = 2, .kernel_regularizer = ANTLER_JSON({"class_name" : "L2", "config" : {"l2" : 0.25}}),
               .kernel_initializer = "he_normal", .bias_constraint = "MaxNorm");
    antler_add_json(m, "{\"class_name\": \"Dense\", \"config\": {\"units\": 3, \"activation\": \"tanh\"}}");
    antler_compile(m, .optimizer = ANTLER_JSON({"class_name" : "SGD", "config" : {"momentum" : 0.5}}), .loss = "mse",
                   .metrics = {"mae", ANTLER_JSON({"class_name" : "MeanSquaredError", "config" : {"name" : "e"}})});
    ck_assert_str_eq(error_of(m), "ok");
    ck_assert(json_has(m, "'l2': 0.25"));
    ck_assert(json_has(m, "'HeNormal'"));
    ck_assert(json_has(m, "'MaxNorm'"));
    ck_assert(json_has(m, "'activation': 'tanh'"));
    ck_assert(json_has(m, "'momentum': 0.5"));
    ck_assert(json_has(m, "'name': 'e'"));
    antler_compile(m, .optimizer = "sgd", .learning_rate = 0.5, .loss = "mae"); /* again: the last one counts */
    ck_assert(json_has(m, "'learning_rate': 0.5"));
    ck_assert(!json_has(m, "'momentum': 0.5"));
    antler_model_free(m);
}
END_TEST

/* ---- errors ---- */

START_TEST(the_first_error_stays)
{
    antler_error err = {0};
    antler_real x[4] = {0};
    antler_model *m = fresh();
    antler_data *data = rows_of(x, 1, 4);
    ck_assert_int_eq(antler_add(m, dense, .units = 0), ANTLER_VALUE);
    const antler_error first = *antler_model_error(m);
    ck_assert_int_eq(antler_add(m, dropout, .rate = 3), ANTLER_VALUE);
    ck_assert_int_eq(antler_add(m, dense, .units = 3), ANTLER_VALUE);
    ck_assert_int_eq(antler_add_json(m, "{"), ANTLER_VALUE);
    ck_assert_int_eq(antler_compile(m, .loss = "nonsense"), ANTLER_VALUE);
    ck_assert_int_eq(antler_build(m), ANTLER_VALUE);
    ck_assert_int_eq(antler_fit(m, data, data, .epochs = 1), ANTLER_VALUE);
    ck_assert_int_eq(antler_set_seed(m, 1), ANTLER_VALUE);
    ck_assert_int_eq(antler_save(m, "/nowhere/m.keras", &err), ANTLER_VALUE);
    ck_assert_str_eq(err.message, first.message);
    ck_assert_mem_eq(antler_model_error(m), &first, sizeof first);
    antler_data_free(data);
    antler_model_free(m);
}
END_TEST

START_TEST(no_model_is_no_memory)
{
    antler_error err = {0};
    antler_logs logs;
    antler_real x[4] = {0};
    antler_data *data = rows_of(x, 1, 4);
    ck_assert_int_eq(antler_add(NULL, dense, .units = 1), ANTLER_MEMORY);
    ck_assert_int_eq(antler_add_json(NULL, "{}"), ANTLER_MEMORY);
    ck_assert_int_eq(antler_compile(NULL, .loss = "mse"), ANTLER_MEMORY);
    ck_assert_int_eq(antler_build(NULL), ANTLER_MEMORY);
    ck_assert_int_eq(antler_set_seed(NULL, 1), ANTLER_MEMORY);
    ck_assert_int_eq(antler_fit(NULL, data, data, .epochs = 1), ANTLER_MEMORY);
    ck_assert_int_eq(antler_evaluate(NULL, data, data, 1, 1, &logs, &err), ANTLER_MEMORY);
    ck_assert_int_eq(antler_predict(NULL, data, 1, 1, x, NULL), ANTLER_MEMORY);
    ck_assert_int_eq(antler_predict_mc(NULL, data, 1, 1, 1, x, NULL, NULL), ANTLER_MEMORY);
    ck_assert_int_eq(antler_save(NULL, "/nowhere/m.keras", NULL), ANTLER_MEMORY);
    ck_assert_int_eq(antler_load_weights(NULL, "/nowhere/m.keras", NULL), ANTLER_MEMORY);
    ck_assert_int_eq(antler_model_error(NULL)->status, ANTLER_MEMORY);
    ck_assert_ptr_null(antler_model_json(NULL, NULL));
    ck_assert_ptr_null(antler_model_variable(NULL, 0));
    ck_assert_ptr_null(antler_model_layer(NULL, 0));
    ck_assert_ptr_null(antler_model_warning(NULL, 0));
    ck_assert_ptr_null(antler_input_shape(NULL));
    ck_assert_ptr_null(antler_output_shape(NULL));
    ck_assert_ptr_null(antler_context_create(NULL, ANTLER_INFER, 1, 1, 0, NULL));
    ck_assert_int_eq(antler_history(NULL, NULL), 0);
    antler_model_free(NULL);
    antler_context_free(NULL);
    antler_data_free(NULL);
    antler_text_free(NULL);
    antler_data_free(data);
}
END_TEST

static void refused(antler_model *m, antler_status status, const char *wanted)
{
    ck_assert_str_eq(error_of(m), wanted);
    ck_assert_int_eq(antler_model_error(m)->status, status);
    antler_model_free(m);
}

START_TEST(bad_settings_are_told)
{
    antler_model *m = fresh();
    antler_add(m, dropout, .rate = (double)NAN);
    refused(m, ANTLER_VALUE, "config.layers[1].config.rate: nan is not a finite number");
    antler_add(m = fresh(), dropout, .rate = (double)INFINITY);
    refused(m, ANTLER_VALUE, "config.layers[1].config.rate: inf is not a finite number");
    antler_add(m = fresh(), dropout, .rate = 1.5);
    refused(m, ANTLER_VALUE, "config.layers[1].config.rate: 1.5 is not in [0, 1]");
    antler_add(m = fresh(), dropout, .rate = -0.1);
    refused(m, ANTLER_VALUE, "config.layers[1].config.rate: -0.1 is not in [0, 1]");
    antler_add(m = fresh(), dropout, .seed = 1);
    refused(m, ANTLER_VALUE, "config.layers[1].config.rate: missing; it has no default");
    antler_add(m = fresh(), dense, .units = 0);
    refused(m, ANTLER_VALUE, "config.layers[1].config.units: 0 is not in [1, 2147483647]");
    antler_add(m = fresh(), dense, .units = -3);
    refused(m, ANTLER_VALUE, "config.layers[1].config.units: -3 is not in [1, 2147483647]");
    antler_add(m = fresh(), dense, .units = 1000000000000);
    refused(m, ANTLER_VALUE, "config.layers[1].config.units: 1000000000000 is not in [1, 2147483647]");
    antler_add(m = fresh(), dense, .units = 3, .activation = "rleu");
    refused(m, ANTLER_NAME, "config.layers[1].config.activation: unknown activation \"rleu\"; did you mean \"relu\"?");
    antler_add(m = fresh(), dense, .units = 3, .kernel_regularizer = "{\"class_name\": ");
    refused(m, ANTLER_FORMAT,
            "config.layers[1].config.kernel_regularizer: expected a value (JSON has neither NaN nor "
            "Infinity), not the end of the text");
    antler_add(m = fresh(), conv2d, .filters = 3, .kernel_size = {3, 0});
    refused(m, ANTLER_VALUE, "config.layers[1].config.kernel_size[1]: 0 is not in [1, 2147483647]");
    antler_add_json(m = fresh(), "{\"class_name\": \"Dense\"");
    refused(m, ANTLER_FORMAT, "config.layers[1]: expected ',' or '}' after a value, not the end of the text");
    antler_add_json(m = fresh(), "null");
    refused(m, ANTLER_VALUE, "config.layers[1]: a layer is an object with \"class_name\"");
    antler_compile(m = fresh(), .optimizer = "adan", .loss = "mse");
    refused(m, ANTLER_NAME, "compile_config.optimizer: unknown optimizer \"adan\"; did you mean \"Adam\"?");
    antler_compile(m = fresh(), .loss = "mean_square_error");
    refused(m, ANTLER_NAME,
            "compile_config.loss: unknown loss \"mean_square_error\"; did you mean "
            "\"mean_squared_error\"?");
    antler_compile(m = fresh(), .loss = "mse", .metrics = {"mae", "acuracy"});
    refused(m, ANTLER_NAME, "compile_config.metrics[1]: unknown metric \"acuracy\"; did you mean \"accuracy\"?");
    antler_compile(m = fresh(), .learning_rate = (double)NAN, .loss = "mse");
    refused(m, ANTLER_VALUE, "compile_config.optimizer.config.learning_rate: nan is not a finite number");
}
END_TEST

START_TEST(bad_structures_are_told)
{
    antler_model *m = fresh();
    antler_build(m);
    refused(m, ANTLER_VALUE, "config.layers: the model has no layers");
    antler_error err = {0};
    m = antler_sequential("m", (int[]){4, 0}, 2, &err);
    ck_assert_int_eq(err.status, ANTLER_VALUE);
    antler_add(m, dense, .units = 1);
    refused(m, ANTLER_VALUE, "axis 2 of the input has size 0");
    refused(antler_sequential("m", NULL, 0, NULL), ANTLER_SHAPE, "an input of rank 0: expected 1 to 7");
    antler_add(m = fresh(), dense, .units = 3, .name = "a");
    antler_add(m, dense, .units = 3, .name = "a");
    antler_build(m);
    refused(m, ANTLER_NAME, "config.layers[1].config.name: two layers have the name \"a\"");
    antler_add(m = fresh(), lstm, .units = 3);
    antler_build(m);
    refused(m, ANTLER_SHAPE,
            "config.layers[1]: lstm (LSTM), input (None, 4): input is (None, 4), expected (batch, steps, features)");
    antler_add(m = fresh(), dense, .units = 2000000000);
    antler_add(m, dense, .units = 2000000000);
    antler_build(m);
    refused(m, ANTLER_SHAPE,
            "config.layers[2]: dense_1 (Dense), input (None, 2000000000): kernel of shape (2000000000, 2000000000) is "
            "too large");
    antler_add(m = fresh(), dense, .units = 1);
    antler_build(m);
    antler_add(m, dense, .units = 1);
    ck_assert_int_eq(antler_build(m), ANTLER_VALUE); /* a chain is checked by its last call */
    antler_real x[4] = {1, 2, 3, 4}, y[1];
    antler_data *data = rows_of(x, 1, 4);
    must(antler_predict(m, data, 1, 1, y, &(antler_error){0}), NULL); /* what is built serves on */
    antler_data_free(data);
    refused(m, ANTLER_VALUE, "the model is built: no layer can be added");
    antler_add_given(m = fresh(), (const antler_layer_ops *)(const void *)antler_type_find(ANTLER_KIND_LOSS, "mse"),
                     NULL, 0, "");
    refused(m, ANTLER_VALUE, "MeanSquaredError: a loss is no layer");
}
END_TEST

/* A Sequential has one input: what came behind a second would read its shape from the first one's memory. */
START_TEST(a_second_input_is_told)
{
    antler_model *m = fresh();
    antler_add(m, input_layer, .shape = {4000});
    antler_add(m, dense, .units = 1);
    antler_build(m);
    refused(m, ANTLER_VALUE, "config.layers[1]: only the first layer can be an InputLayer");
    antler_add(m = fresh(), dense, .units = 1);
    antler_add_json(m, "{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": [null, 4000]}}");
    antler_build(m);
    refused(m, ANTLER_VALUE, "config.layers[2]: only the first layer can be an InputLayer");
}
END_TEST

static antler_model *small(void)
{
    antler_model *m = fresh();
    antler_add(m, dense, .units = 2, .name = "d");
    antler_compile(m, .loss = "mse");
    must(antler_build(m), antler_model_error(m));
    return m;
}

START_TEST(misuse_of_a_context_is_told)
{
    antler_real x[16] = {0}, y[16] = {0};
    antler_tensor tensor;
    antler_model *m = fresh();
    antler_add(m, dense, .units = 2);
    ck_assert_ptr_null(antler_context_create(m, ANTLER_INFER, 1, 1, 0, NULL)); /* not built */
    antler_model_free(m);
    m = small();
    ck_assert_ptr_null(antler_context_create(m, ANTLER_INFER, 0, 1, 0, NULL));
    ck_assert_ptr_null(antler_context_create(m, ANTLER_TRAIN, 1, 1, 0, NULL));
    ck_assert_ptr_null(antler_context_create(m, ANTLER_INFER, 1, 1000, 0, NULL));
    antler_error err = {0};
    ck_assert_ptr_null(antler_context_create(m, ANTLER_INFER, 1, 1, ANTLER_KEEP | 8, &err));
    ck_assert_str_eq(err.message, "0x8 is no flag of a context");
    ck_assert_ptr_null(antler_context_create(m, ANTLER_INFER, 1, 1, 1 << 16, NULL));
    ck_assert_ptr_null(antler_context_create_train(m, 1, 1, 1 << 16, NULL));
    antler_context *infer = context_of(m, ANTLER_INFER, 2, 0), *train = context_of(m, ANTLER_TRAIN, 2, 0);
    ck_assert_int_eq(antler_forward(infer, x, 3, NULL, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_forward(infer, x, 0, NULL, NULL), ANTLER_VALUE);
    forward(infer, x, 2, y);
    ck_assert_int_eq(antler_backward(infer, y, NULL, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_update(infer, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_read(infer, "d", ANTLER_OUTPUT, 0, &tensor, NULL), ANTLER_VALUE); /* without KEEP */
    ck_assert_ptr_null(antler_gradient(infer, 0));
    ck_assert_int_eq(antler_backward(train, y, NULL, NULL), ANTLER_VALUE); /* no pass yet */
    forward(train, x, 2, y);
    ck_assert_int_eq(antler_update(train, &err), ANTLER_VALUE);              /* no gradients of this pass yet */
    ck_assert_int_eq(antler_backward_from(train, y, x, NULL), ANTLER_VALUE); /* without INPUT_GRADIENT */
    antler_context_free(infer);
    antler_context_free(train);
    train = context_of(m, ANTLER_TRAIN, 2, ANTLER_KEEP);
    forward(train, x, 2, y);
    must(antler_backward(train, y, NULL, NULL), NULL);
    ck_assert_int_eq(antler_backward(train, y, NULL, NULL), ANTLER_VALUE); /* a pass forward serves one pass back */
    must(antler_read(train, "d", ANTLER_OUTPUT, 0, &tensor, NULL), NULL);
    ck_assert(antler_shape_equal(&tensor.shape, &(antler_shape){2, {2, 2}}));
    must(antler_read(train, "d", ANTLER_GRADIENT, 0, &tensor, NULL), NULL);
    must(antler_read(train, "d", ANTLER_PARAMETER_GRADIENT, 1, &tensor, NULL), NULL);
    ck_assert(antler_shape_equal(&tensor.shape, &(antler_shape){1, {2}}));
    ck_assert_int_eq(antler_read(train, "d", ANTLER_PARAMETER_GRADIENT, 2, &tensor, NULL), ANTLER_NAME);
    ck_assert_int_eq(antler_read(train, "d", ANTLER_MASK_BITS, 0, &tensor, NULL), ANTLER_NAME);
    ck_assert_int_eq(antler_read(train, "e", ANTLER_OUTPUT, 0, &tensor, NULL), ANTLER_NAME);
    ck_assert_int_eq(antler_read(train, "input_layer", ANTLER_GRADIENT, 0, &tensor, NULL), ANTLER_NAME);
    antler_context_free(train);
    antler_model_free(m);
}
END_TEST

START_TEST(a_context_without_a_loss_is_told)
{
    antler_real x[4] = {0}, y[2] = {0};
    antler_error err = {0};
    antler_model *m = fresh();
    antler_add(m, dense, .units = 2);
    must(antler_build(m), antler_model_error(m));
    antler_context *c = context_of(m, ANTLER_TRAIN, 1, 0);
    forward(c, x, 1, y);
    ck_assert_int_eq(antler_backward(c, y, NULL, &err), ANTLER_VALUE);
    ck_assert_str_eq(err.message, "the model has no loss");
    err = (antler_error){0};
    antler_compile(m, .loss = "mse");
    forward(c, x, 1, y);
    ck_assert_int_eq(antler_backward(c, y, NULL, &err), ANTLER_VALUE);
    ck_assert_str_eq(err.message, "this context was made before the model had a loss");
    antler_context_free(c);
    antler_model_free(m);
}
END_TEST

START_TEST(texts)
{
    char text[64];
    antler_error err = {0};
    ck_assert_str_eq(antler_status_text(ANTLER_OK), "ok");
    ck_assert_str_eq(antler_status_text(ANTLER_DATA), "bad data");
    ck_assert_str_eq(antler_status_text(1), "unknown status");
    ck_assert_str_eq(antler_shape_text(&(antler_shape){0, {0}}, text, sizeof text), "()");
    ck_assert_str_eq(antler_shape_text(&(antler_shape){1, {28}}, text, sizeof text), "(28,)");
    ck_assert_str_eq(antler_shape_text(&(antler_shape){3, {ANTLER_BATCH, 28, 2}}, text, sizeof text), "(None, 28, 2)");
    ck_assert_int_eq(antler_error_set(&err, ANTLER_FILE, "a.b", "no %s\nhere", "file"), ANTLER_FILE);
    ck_assert_int_eq(antler_error_set(&err, ANTLER_DATA, NULL, "later"), ANTLER_DATA); /* dropped */
    ck_assert_str_eq(antler_error_text(&err, text, sizeof text), "a.b: no file?here");
    snprintf(err.file, sizeof err.file, "m.json");
    err.line = 3;
    ck_assert_str_eq(antler_error_text(&err, text, sizeof text), "m.json:3: a.b: no file?here");
    ck_assert_str_eq(antler_error_text(&err, text, 9), "m.json:3");
    ck_assert_int_eq(antler_error_set(NULL, ANTLER_FILE, NULL, "nobody listens"), ANTLER_FILE);
    ck_assert_ptr_nonnull(strchr(antler_version(), '.'));
}
END_TEST

/* ---- types of the user's ---- */

static antler_status infer_same(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    (void)config;
    (void)err;
    *out = *in;
    return ANTLER_OK;
}

static antler_status add_one(const void *config, antler_run *run)
{
    (void)config;
    for (int64_t i = 0; i < antler_count(&run->x->shape, 0); i++)
        run->y->data[i] = run->x->data[i] + 1;
    return ANTLER_OK;
}

static antler_status pass_back(const void *config, antler_run *run)
{
    (void)config;
    for (int64_t i = 0; run->dx && i < antler_count(&run->x->shape, 0); i++)
        run->dx->data[i] = run->dy->data[i];
    return ANTLER_OK;
}

struct antler_plus_one {
    ANTLER_LAYER_KEYS
    int end_;
};

static const char *const plus_aliases[] = {"AddOne", NULL}, *const taken_aliases[] = {"More", "Dense", NULL};

static const antler_layer_ops antler_layer_plus_one = {.type = {.size = sizeof(antler_layer_ops),
                                                                .kind = ANTLER_KIND_LAYER,
                                                                .class_name = "PlusOne",
                                                                .aliases = plus_aliases,
                                                                .config_size = sizeof(struct antler_plus_one)},
                                                       .infer = infer_same,
                                                       .forward = add_one,
                                                       .backward = pass_back};

/* The table with one thing wrong. */
static antler_layer_ops wrong_table(int what)
{
    antler_layer_ops ops = antler_layer_plus_one;
    ops.type.class_name = what == 0 ? NULL : what == 1 ? "Dense" : what == 2 ? "AddOne" : "Other";
    ops.type.aliases = what == 3 ? taken_aliases : NULL;
    if (what == 4)
        ops.type.size += sizeof(void *);
    if (what == 5)
        ops.infer = NULL;
    if (what == 6)
        ops.forward = NULL;
    if (what == 7)
        ops.backward = NULL;
    if (what == 8)
        ops.type.kind = ANTLER_KIND_SETTINGS;
    if (what == 9)
        ops.type.size = sizeof ops.type - 1;
    if (what == 10)
        ops.type.size = sizeof ops.type; /* its methods come after */
    return ops;
}

/* The table as an older version had it: nothing is there after backward. */
static const antler_type *older_table(void)
{
    const size_t size = offsetof(antler_layer_ops, backward) + sizeof antler_layer_plus_one.backward;
    antler_layer_ops ops = antler_layer_plus_one;
    ops.type.class_name = "PlusOneOfOld";
    ops.type.aliases = NULL;
    ops.type.size = size;
    void *table = malloc(size); /* so that the address sanitizer sees what is read */
    ck_assert_ptr_nonnull(table);
    return memcpy(table, &ops, size);
}

START_TEST(tables_of_older_versions_are_taken)
{
    const antler_real x[4] = {1, 2, 3, 4};
    antler_real y[4];
    antler_error err = {0};
    const antler_type *table = older_table(); /* tables are kept */
    must(antler_register(table, &err), &err);
    ck_assert_int_eq(antler_register(table, NULL), ANTLER_NAME);
    antler_model *m = fresh();
    antler_add_json(m, "{\"class_name\": \"PlusOneOfOld\", \"config\": {}}");
    antler_add_given(m, (const antler_layer_ops *)table, NULL, 0, "");
    antler_compile(m, .loss = "mse");
    must(antler_build(m), antler_model_error(m));
    antler_context *c = context_of(m, ANTLER_TRAIN, 1, 0);
    forward(c, x, 1, y);
    ck_assert(y[0] == 3 && y[3] == 6);
    must(antler_backward(c, x, NULL, &err), &err);
    antler_context_free(c);
    antler_model_free(m);
}
END_TEST

START_TEST(types_are_registered)
{
    static const antler_status wanted[] = {ANTLER_VALUE, ANTLER_NAME,  ANTLER_NAME,  ANTLER_NAME,
                                           ANTLER_VALUE, ANTLER_VALUE, ANTLER_VALUE, ANTLER_VALUE,
                                           ANTLER_VALUE, ANTLER_VALUE, ANTLER_VALUE};
    static const char *const message[] = {
        "a type to register needs a class name and a kind",
        "Dense: this name is registered already",
        "AddOne: this name is registered already",
        "Dense: this name is registered already",
        "Other: its table has",
        "Other: its table has no `infer`",
        "Other: its table has no `forward`",
        "Other: its table has no `backward`",
        "a type to register needs a class name and a kind",
        "Other: its table has",
        "Other: its table has no `infer`",
    };
    antler_error err = {0};
    char text[1100];
    must(antler_register(&antler_layer_plus_one.type, &err), &err);
    ck_assert_int_eq(antler_register(&antler_layer_plus_one.type, &err), ANTLER_NAME);
    ck_assert_str_eq(antler_error_text(&err, text, sizeof text), "PlusOne: this name is registered already");
    for (int what = 0; what < 11; what++) {
        static antler_layer_ops ops[11]; /* tables are kept */
        ops[what] = wrong_table(what);
        err = (antler_error){0};
        ck_assert_int_eq(antler_register(&ops[what].type, &err), wanted[what]);
        antler_error_text(&err, text, sizeof text);
        ck_assert_msg(strncmp(text, message[what], strlen(message[what])) == 0, "%s", text);
    }
    ck_assert_int_eq(antler_register(NULL, NULL), ANTLER_VALUE);
    const antler_real x[4] = {1, 2, 3, 4};
    antler_real y[4];
    antler_model *m = fresh();
    antler_add(m, plus_one, .name = "first");
    antler_add_json(m, "{\"class_name\": \"AddOne\", \"config\": {}}");
    must(antler_build(m), antler_model_error(m));
    antler_context *c = context_of(m, ANTLER_INFER, 1, 0);
    forward(c, x, 1, y);
    ck_assert(y[0] == 3 && y[3] == 6);
    ck_assert(json_has(m, "'class_name': 'PlusOne'"));
    antler_context_free(c);
    antler_model_free(m);
}
END_TEST

/* ---- bad JSON ---- */

/* A model whose third line is one layer. */
#define AROUND(layer)                                                         \
    "{'class_name': 'Sequential', 'config': {'layers': [\n"                   \
    "  {'class_name': 'InputLayer', 'config': {'batch_shape': [null, 4]}},\n" \
    "  " layer "\n"                                                           \
    "]}}"

static const struct {
    const char *json;
    antler_status status;
    const char *error;
} bad_json[] = {
    {AROUND("{'class_name': 'Dropout', 'config': {'rate': 1.5}}"), ANTLER_VALUE,
     "m.json:3: config.layers[1].config.rate: 1.5 is not in [0, 1]"},
    {AROUND("{'class_name': 'Dropout', 'config': {'rate': -0.1}}"), ANTLER_VALUE,
     "m.json:3: config.layers[1].config.rate: -0.1 is not in [0, 1]"},
    {AROUND("{'class_name': 'Dropout', 'config': {'rate': NaN}}"), ANTLER_FORMAT,
     "m.json:3: config.layers[1].config.rate: expected a value (JSON has neither NaN nor Infinity), not 'N'"},
    {AROUND("{'class_name': 'Dropout', 'config': {'rate': 'half'}}"), ANTLER_VALUE,
     "m.json:3: config.layers[1].config.rate: \"half\" is not a number"},
    {AROUND("{'class_name': 'Dropout', 'config': {'rate': null}}"), ANTLER_VALUE,
     "m.json:3: config.layers[1].config.rate: null is not a number"},
    {AROUND("{'class_name': 'Dropout', 'config': {}}"), ANTLER_VALUE,
     "m.json:3: config.layers[1].config.rate: missing; it has no default"},
    {AROUND("{'class_name': 'GaussianDropout', 'config': {'rate': 1.0}}"), ANTLER_VALUE,
     "m.json:3: config.layers[1].config.rate: 1 is not in [0, 1)"},
    {AROUND("{'class_name': 'SpatialDropout1D', 'config': {'rate': 0.5}}"), ANTLER_SHAPE,
     "m.json:3: config.layers[1]: spatial_dropout1d (SpatialDropout1D), input (None, 4): input has 2 axes; expected "
     "(batch, steps, channels)"},
    {AROUND("{'class_name': 'Dense', 'config': {'units': 0}}"), ANTLER_VALUE,
     "m.json:3: config.layers[1].config.units: 0 is not in [1, 2147483647]"},
    {AROUND("{'class_name': 'Dense', 'config': {'units': -3}}"), ANTLER_VALUE,
     "m.json:3: config.layers[1].config.units: -3 is not in [1, 2147483647]"},
    {AROUND("{'class_name': 'Dense', 'config': {'units': 2.5}}"), ANTLER_VALUE,
     "m.json:3: config.layers[1].config.units: 2.5 is not an integer"},
    {AROUND("{'class_name': 'Dense', 'config': {'units': 1000000000000}}"), ANTLER_VALUE,
     "m.json:3: config.layers[1].config.units: 1000000000000 is not in [1, 2147483647]"},
    {AROUND("{'class_name': 'Dense', 'config': {'units': 1e300}}"), ANTLER_VALUE,
     "m.json:3: config.layers[1].config.units: 1e+300 is not an integer"},
    {AROUND("{'class_name': 'Dorpout', 'config': {'rate': 0.5}}"), ANTLER_NAME,
     "m.json:3: config.layers[1].class_name: unknown layer \"Dorpout\"; did you mean \"Dropout\"?"},
    {AROUND("{'class_name': 'Transformer', 'config': {}}"), ANTLER_NAME,
     "m.json:3: config.layers[1].class_name: unknown layer \"Transformer\""},
    {AROUND("{'class_name': 'Dropout', 'config': {'rate': 0.5,\n 'nosie_shape': [1]}}"), ANTLER_NAME,
     "m.json:4: config.layers[1].config.nosie_shape: Dropout has no such key; did you mean \"noise_shape\"?"},
    {AROUND("{'class_name': 'Dropout', 'config': {'rate': 0.5,\n 'rate': 0.4}}"), ANTLER_FORMAT,
     "m.json:4: config.layers[1].config.rate: a key that occurs twice in one object"},
    {AROUND("{'class_name': 'Dense', 'config': {'units': 3, 'activation': 'rleu'}}"), ANTLER_NAME,
     "m.json:3: config.layers[1].config.activation: unknown activation \"rleu\"; did you mean \"relu\"?"},
    {AROUND("{'class_name': 'LSTM', 'config': {'units': 3}}"), ANTLER_SHAPE,
     "m.json:3: config.layers[1]: lstm (LSTM), input (None, 4): input is (None, 4), expected (batch, steps, features)"},
    {AROUND("{'class_name': 'Reshape', 'config': {'target_shape': [3]}}"), ANTLER_SHAPE,
     "m.json:3: config.layers[1].config.target_shape: reshape (Reshape), input (None, 4): "},
    {AROUND("{'class_name': 'InputLayer', 'config': {'batch_shape': [null, 4]}}"), ANTLER_VALUE,
     "m.json:3: config.layers[1]: only the first layer can be an InputLayer"},
    {AROUND("{'config': {'rate': 0.5}}"), ANTLER_VALUE,
     "m.json:3: config.layers[1]: no \"class_name\", which names the layer"},
    {AROUND("'Flatten'"), ANTLER_VALUE, "m.json:3: config.layers[1]: a layer is an object with \"class_name\""},
    {AROUND("null"), ANTLER_VALUE, "m.json:3: config.layers[1]: a layer is an object with \"class_name\""},
    {AROUND("{'class_name': 'Flatten', 'config': 3}"), ANTLER_VALUE,
     "m.json:3: config.layers[1].config: 3 is not an object with the keys of its class"},
    {"{'class_name': 'Sequential',\n 'config': {'name': 'm'}}", ANTLER_VALUE,
     "m.json:2: config.layers: missing; expected a list of layers"},
    {"{'class_name': 'Sequential',\n 'config': {'layers': []}}", ANTLER_VALUE,
     "m.json:2: config.layers: empty; expected a list of layers"},
    {"{'class_name': 'Sequential',\n 'config': {'layers': null}}", ANTLER_VALUE,
     "m.json:2: config.layers: null; expected a list of layers"},
    {"{'class_name': 'Sequential',\n 'config': {'layers': 7}}", ANTLER_VALUE,
     "m.json:2: config.layers: not a list; expected a list of layers"},
    {"{'class_name': 'Sequential',\n 'config': {'layers': [{'class_name': 'InputLayer', "
     "'config': {'batch_shape': [null, 4]}}]}}",
     ANTLER_VALUE, "m.json:2: config.layers: only an input; expected layers after it"},
    {"{'class_name': 'Sequential',\n 'config': {'layers': [{'class_name': 'Flatten', 'config': {}}]}}", ANTLER_SHAPE,
     "m.json:2: config.layers[0]: the model has no input shape: put an InputLayer with \"batch_shape\" first"},
    {"{'class_name': 'Sequential'}", ANTLER_VALUE, "m.json:1: config: missing; expected an object with \"layers\""},
    {"{'class_name': 'Sequential', 'config': null}", ANTLER_VALUE,
     "m.json:1: config: null; expected an object with \"layers\""},
    {"{'class_name': 'Transformer', 'config': {}}", ANTLER_UNSUPPORTED,
     "m.json:1: class_name: \"Transformer\" is not supported, only \"Sequential\" and \"Functional\" are"},
    {"[]", ANTLER_FORMAT, "m.json: not a model: expected an object with \"class_name\": \"Sequential\""},
    {"", ANTLER_FORMAT, "m.json:1: expected a value (JSON has neither NaN nor Infinity), not the end of the text"},
};

START_TEST(bad_json_is_told)
{
    char json[1024], text[1100];
    antler_error err = {0};
    snprintf(json, sizeof json, "%s", bad_json[_i].json);
    ck_assert_ptr_null(antler_load_json(quoted(json), "m.json", &err));
    antler_error_text(&err, text, sizeof text);
    ck_assert_msg(strncmp(text, bad_json[_i].error, strlen(bad_json[_i].error)) == 0, "got  %s\nnot  %s", text,
                  bad_json[_i].error);
    ck_assert_int_eq(err.status, bad_json[_i].status);
    ck_assert_ptr_null(antler_load_json(json, NULL, NULL));
}
END_TEST

static const char *const good_json =
    "{'class_name': 'Sequential', 'config': {'name': 'm', 'layers': ["
    "{'class_name': 'InputLayer', 'config': {'batch_shape': [null, 4]}}, "
    "{'class_name': 'Dropout', 'config': {'rate': 0.25}}, "
    "{'class_name': 'Dense', 'config': {'units': 3, 'kernel_regularizer': {'class_name': 'L2', 'config': {'l2': "
    "0.125}}}}, {'class_name': 'BatchNormalization', 'config': {}}, {'class_name': 'Softmax', 'config': {}}]}, "
    "'compile_config': {'optimizer': 'adam', 'loss': 'sparse_categorical_crossentropy', 'metrics': ['accuracy']}, "
    "'fit': {'epochs': 1, 'batch_size': 3, 'seed': 5, 'validation_split': 0.25, 'callbacks': [{'class_name': "
    "'EarlyStopping', 'config': {'restore_best_weights': true}}]}}";

START_TEST(json_cut_short_is_told)
{
    char json[1024];
    snprintf(json, sizeof json, "%s", good_json);
    quoted(json);
    antler_model *model = antler_load_json(json, NULL, NULL);
    ck_assert_ptr_nonnull(model);
    antler_model_free(model);
    for (size_t size = strlen(json); size-- > 0;) {
        antler_error err = {0};
        json[size] = 0;
        ck_assert_ptr_null(antler_load_json(json, "m.json", &err));
        ck_assert_int_eq(err.status, ANTLER_FORMAT);
        ck_assert_int_eq(err.line, 1);
        ck_assert_str_ne(err.message, "");
    }
}
END_TEST

START_TEST(deep_json_is_told)
{
    enum { DEPTH = 100000 };
    char *json = malloc(DEPTH * 11 + 1);
    for (int i = 0; i < DEPTH; i++)
        memcpy(json + i * 11, "{\"config\": ", 11);
    json[DEPTH * 11] = 0;
    antler_error err = {0};
    ck_assert_ptr_null(antler_load_json(json, "m.json", &err));
    ck_assert_int_eq(err.status, ANTLER_FORMAT);
    ck_assert_str_eq(err.message, "nested deeper than 200");
    free(json);
}
END_TEST

/* ---- out of memory ---- */

/* From JSON to a saved, loaded and predicting model. */
static antler_status whole_life(void *arg)
{
    static antler_real x[8 * 4], y[8], p[8 * 3], deviation[8 * 3];
    antler_logs logs;
    antler_error err = {0};
    const antler_shape x_shape = {2, {8, 4}}, y_shape = {1, {8}};
    const antler_dtype dtype = ANTLER_DTYPE_REAL;
    antler_data *x_data = antler_data_from(x, dtype, &x_shape, &err),
                *y_data = antler_data_from(y, dtype, &y_shape, &err);
    antler_model *model = antler_load_json(arg, NULL, &err), *again = NULL;
    antler_compile(model, .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"});
    antler_status status = err.status ? err.status : antler_fit(model, x_data, y_data, .threads = 1);
    if (status == ANTLER_OK)
        status = antler_save(model, scratch_path("m.keras"), &err);
    if (status == ANTLER_OK && !(again = antler_load(scratch_path("m.keras"), &err)))
        status = err.status;
    if (status == ANTLER_OK)
        status = antler_predict(again, x_data, 5, 1, p, &err);
    if (status == ANTLER_OK)
        status = antler_predict_mc(again, x_data, 2, 5, 1, p, deviation, &err);
    if (status == ANTLER_OK)
        status = antler_evaluate(again, x_data, y_data, 5, 1, &logs, &err);
    antler_model_free(model);
    antler_model_free(again);
    antler_data_free(x_data);
    antler_data_free(y_data);
    return status;
}

/* A fit that resumes from a checkpoint. */
static antler_status resumed_life(void *arg)
{
    static antler_real x[8 * 4], y[8];
    antler_error err = {0};
    const antler_shape x_shape = {2, {8, 4}}, y_shape = {1, {8}};
    const antler_dtype dtype = ANTLER_DTYPE_REAL;
    antler_data *x_data = antler_data_from(x, dtype, &x_shape, &err),
                *y_data = antler_data_from(y, dtype, &y_shape, &err);
    antler_model *model = antler_load_json(arg, NULL, &err);
    antler_status status = err.status;
    if (status == ANTLER_OK)
        status = antler_fit(model, x_data, y_data, .epochs = 2, .threads = 1, .checkpoint = scratch, .resume = true);
    antler_model_free(model);
    antler_data_free(x_data);
    antler_data_free(y_data);
    return status;
}

START_TEST(memory_runs_out_when_resuming)
{
    char json[1024];
    snprintf(json, sizeof json, "%s", good_json);
    scratch_make();
    torture(resumed_life, quoted(json)); /* writes checkpoints */
    torture(resumed_life, json);         /* only reads the last one */
    ck_assert_int_eq(scratch_files(), 1);
    scratch_remove();
}
END_TEST

START_TEST(memory_runs_out)
{
    char json[1024];
    snprintf(json, sizeof json, "%s", good_json);
    scratch_make();
    torture(whole_life, quoted(json));
    ck_assert_int_eq(scratch_files(), 1);
    scratch_remove();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("api");
    tcase_add_test(tests, what_is_left_out_takes_its_default);
    tcase_add_test(tests, settings_may_be_json);
    tcase_add_test(tests, the_first_error_stays);
    tcase_add_test(tests, no_model_is_no_memory);
    tcase_add_test(tests, bad_settings_are_told);
    tcase_add_test(tests, bad_structures_are_told);
    tcase_add_test(tests, a_second_input_is_told);
    tcase_add_test(tests, misuse_of_a_context_is_told);
    tcase_add_test(tests, a_context_without_a_loss_is_told);
    tcase_add_test(tests, texts);
    tcase_add_test(tests, types_are_registered);
    tcase_add_test(tests, tables_of_older_versions_are_taken);
    tcase_add_loop_test(tests, bad_json_is_told, 0, sizeof bad_json / sizeof bad_json[0]);
    tcase_add_test(tests, json_cut_short_is_told);
    tcase_add_test(tests, deep_json_is_told);
    if (HAS_ZIP) {
        tcase_add_test(tests, memory_runs_out);
        tcase_add_test(tests, memory_runs_out_when_resuming);
    }
    return run_suite("api", tests);
}

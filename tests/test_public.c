/* What a program that shows, makes and runs models asks the library: types and their keys, what a model is made of,
   data written and split, files tried, text made safe, random numbers. */
#include "antler/layer.h"
#include "antler/random.h"
#include "networks.h"
#include "scratch.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- types --------------------------------------------------------------------------------------------------------
 */

START_TEST(types_are_listed_and_found)
{
    bool dense = false;
    for (int kind = 0; kind < ANTLER_KINDS; kind++) {
        const antler_type *type;
        for (int64_t i = 0; (type = antler_type_at((antler_kind)kind, i)); i++) {
            ck_assert_int_eq(type->kind, kind);
            ck_assert_ptr_eq(antler_type_find((antler_kind)kind, type->class_name), type);
            dense = dense || strcmp(type->class_name, "Dense") == 0;
        }
    }
    ck_assert(dense);
    ck_assert_str_eq(antler_type_find(ANTLER_KIND_LOSS, "mse")->class_name, "MeanSquaredError");
    ck_assert_ptr_null(antler_type_find(ANTLER_KIND_LAYER, "Dnese"));
    ck_assert_str_eq(antler_type_nearest(ANTLER_KIND_LAYER, "Dnese"), "Dense");
    ck_assert_ptr_null(antler_type_nearest(ANTLER_KIND_LAYER, "xyzzyxyzzy"));
    ck_assert_str_eq(antler_kind_name(ANTLER_KIND_OPTIMIZER), "optimizer");
    ck_assert_int_eq(antler_name_distance("Dropout", "dorpout"), 1);
}
END_TEST

START_TEST(long_names_are_compared)
{
    char name[201] = {0}, other[71] = {0}, key[800];
    antler_error err = {0};
    memset(name, 'a', sizeof name - 1);
    memset(other, 'A', sizeof other - 1);
    ck_assert_ptr_null(antler_type_nearest(ANTLER_KIND_LAYER, name));
    ck_assert_int_eq(antler_name_distance(name, name), 0);
    ck_assert_int_eq(antler_name_distance(name + sizeof name - sizeof other, other), 0);
    ck_assert_int_eq(antler_name_distance(name, other), 200);
    ck_assert_int_eq(antler_name_distance("a", other), 70);
    snprintf(key, sizeof key, "{'class_name': 'Flatten', 'config': {'%s%s%s': 1}}", name, name, name);
    antler_model *m = antler_sequential("m", (int[]){4}, 1, &err);
    ck_assert_int_eq(antler_add_json(m, quoted(key)), ANTLER_NAME);
    ck_assert_ptr_null(strstr(antler_model_error(m)->message, "did you mean"));
    antler_model_free(m);
}
END_TEST

START_TEST(what_no_type_has)
{
    const antler_type *dense = antler_type_find(ANTLER_KIND_LAYER, "Dense");
    static const antler_kind kinds[] = {ANTLER_KINDS, (antler_kind)99, (antler_kind)-1};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        ck_assert_str_eq(antler_kind_name(kinds[i]), "unknown kind");
        ck_assert_ptr_null(antler_type_at(kinds[i], 0));
        ck_assert_ptr_null(antler_type_find(kinds[i], "Dense"));
        ck_assert_ptr_null(antler_type_nearest(kinds[i], "Dense"));
    }
    ck_assert_ptr_null(antler_type_at(ANTLER_KIND_LAYER, -1));
    ck_assert_ptr_null(antler_type_field(dense, -1));
    ck_assert_ptr_null(antler_type_field(dense, 1000));
    ck_assert_ptr_null(antler_type_field(NULL, 0));
}
END_TEST

/* Those of the kind, then the type's own; SGD's rate, which has a row of its own, once. */
START_TEST(keys_of_a_type)
{
    const antler_type *sgd = antler_type_find(ANTLER_KIND_OPTIMIZER, "SGD");
    const antler_field *field;
    int rates = 0, momentum = -1, decay = -1;
    for (int i = 0; (field = antler_type_field(sgd, i)); i++) {
        rates += strcmp(field->key, "learning_rate") == 0;
        momentum = strcmp(field->key, "momentum") == 0 ? i : momentum;
        decay = strcmp(field->key, "weight_decay") == 0 ? i : decay;
    }
    ck_assert_int_eq(rates, 1);
    ck_assert_int_ge(decay, 0);
    ck_assert_int_gt(momentum, decay);
}
END_TEST

/* ---- a model ------------------------------------------------------------------------------------------------------
 */

static antler_object object_of(const antler_model *model, antler_kind kind, int64_t index)
{
    antler_object object;
    ck_assert(antler_model_object(model, kind, index, &object));
    return object;
}

START_TEST(what_a_model_is_made_of)
{
    antler_object object;
    antler_model *m =
        network("4", "{'class_name': 'Dense', 'config': {'units': 3, 'activation': 'sigmoid'}}",
                ", 'compile_config': {'optimizer': 'adam', 'loss': 'mse', 'metrics': ['mae', 'accuracy']}, "
                "'fit': {'epochs': 7, 'batch_size': 5, 'x': 'inputs', 'seed': 3, 'callbacks': "
                "[{'class_name': 'EarlyStopping', 'config': {'patience': 2}}]}");
    ck_assert_str_eq(antler_model_name(m), "m");
    ck_assert_int_eq(antler_model_seed(m), 3);
    ck_assert_int_eq(antler_model_batch(m), 5);
    ck_assert_str_eq(antler_output_activation(m), "sigmoid");
    ck_assert_str_eq(object_of(m, ANTLER_KIND_LAYER, 1).type->class_name, "Dense");
    ck_assert_int_eq(*(int64_t *)antler_object_field(object_of(m, ANTLER_KIND_LAYER, 1), "units"), 3);
    ck_assert_str_eq(object_of(m, ANTLER_KIND_OPTIMIZER, 0).type->class_name, "Adam");
    ck_assert_str_eq(object_of(m, ANTLER_KIND_LOSS, 0).type->class_name, "MeanSquaredError");
    ck_assert_str_eq(object_of(m, ANTLER_KIND_METRIC, 0).type->class_name, "MeanAbsoluteError");
    ck_assert_str_eq(object_of(m, ANTLER_KIND_CALLBACK, 0).type->class_name, "EarlyStopping");
    object = object_of(m, ANTLER_KIND_SETTINGS, 0);
    ck_assert_int_eq(*(int64_t *)antler_object_field(object, "epochs"), 7);
    ck_assert_str_eq(*(const char **)antler_object_field(object, "x"), "inputs");
    ck_assert_ptr_null(antler_object_field(object, "nothing"));
    const antler_kind kinds[] = {ANTLER_KIND_LAYER,  ANTLER_KIND_OPTIMIZER, ANTLER_KIND_LOSS,
                                 ANTLER_KIND_METRIC, ANTLER_KIND_CALLBACK,  ANTLER_KIND_SETTINGS};
    for (int i = 0; i < 6; i++) {
        ck_assert(!antler_model_object(m, kinds[i], 2, &object));
        ck_assert_ptr_null(object.type);
        ck_assert(!antler_model_object(m, kinds[i], -1, &object));
    }
    ck_assert(!antler_model_object(m, ANTLER_KIND_INITIALIZER, 0, &object));
    antler_model_free(m);
    m = network("4", "{'class_name': 'Dense', 'config': {'units': 3}}", "");
    ck_assert(!antler_model_object(m, ANTLER_KIND_SETTINGS, 0, &object));
    ck_assert(!antler_model_object(m, ANTLER_KIND_LOSS, 0, &object));
    ck_assert_int_eq(antler_model_batch(m), 32);
    ck_assert_ptr_null(antler_output_activation(m));
    antler_model_free(m);
    ck_assert(!antler_model_object(NULL, ANTLER_KIND_LAYER, 0, &object));
}
END_TEST

/* Keys that are never written come along, and so do objects within objects. */
START_TEST(objects_are_copied)
{
    antler_error err = {0};
    antler_object copy, cell;
    antler_model *m = network("4, 2",
                              "{'class_name': 'SpatialDropout1D', 'config': {'rate': 0.25, 'trainable': false}}, "
                              "{'class_name': 'Bidirectional', 'config': {'name': 'both', 'layer': {'class_name': "
                              "'GRU', 'config': {'units': 3, 'kernel_regularizer': {'class_name': 'L2', 'config': "
                              "{'l2': 0.5}}}}}}",
                              "");
    must(antler_object_copy(object_of(m, ANTLER_KIND_LAYER, 1), &copy, &err), &err);
    ck_assert(!*(bool *)antler_object_field(copy, "trainable"));
    ck_assert(*(double *)antler_object_field(copy, "rate") == 0.25);
    antler_object_free(copy);
    must(antler_object_copy(object_of(m, ANTLER_KIND_LAYER, 2), &copy, &err), &err);
    antler_model_free(m); /* the copy has nothing of it */
    ck_assert_str_eq(*(char **)antler_object_field(copy, "name"), "both");
    ck_assert_str_eq(*(char **)antler_object_field(copy, "merge_mode"), "concat");
    cell = *(antler_object *)antler_object_field(copy, "layer");
    ck_assert_int_eq(*(int64_t *)antler_object_field(cell, "units"), 3);
    cell = *(antler_object *)antler_object_field(cell, "kernel_regularizer");
    ck_assert(*(double *)antler_object_field(cell, "l2") == 0.5);
    antler_object_free(copy);
    must(antler_object_copy((antler_object){NULL, NULL}, &copy, &err), &err);
    ck_assert_ptr_null(copy.type);
}
END_TEST

START_TEST(only_layers_are_renamed)
{
    antler_error err = {0};
    antler_model *m = network("4", "{'class_name': 'Dense', 'config': {'units': 3, 'activation': 'relu'}}", "");
    antler_object dense = object_of(m, ANTLER_KIND_LAYER, 1), none = {NULL, NULL};
    antler_object relu = *(antler_object *)antler_object_field(dense, "activation");
    ck_assert_int_eq(antler_object_rename(dense, "forward_", none, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_object_rename(none, "forward_", dense, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_object_rename(relu, "forward_", dense, NULL), ANTLER_VALUE);
    must(antler_object_rename(dense, "forward_", dense, &err), &err);
    ck_assert_str_eq(*(char **)antler_object_field(dense, "name"), "forward_dense");
    antler_model_free(m);
}
END_TEST

START_TEST(tokens_and_noise)
{
    static const struct {
        const char *layers;
        int64_t tokens;
        bool random;
    } cases[] = {
        {"{'class_name': 'Embedding', 'config': {'input_dim': 11, 'output_dim': 2}}", 11, false},
        {"{'class_name': 'CategoryEncoding', 'config': {'num_tokens': 6}}", 6, false},
        {"{'class_name': 'Dense', 'config': {'units': 11}}, {'class_name': 'Dropout', 'config': {'rate': 0.5}}", 0,
         true},
        {"{'class_name': 'Dropout', 'config': {'rate': 0.0}}", 0, false},
        {"{'class_name': 'Reshape', 'config': {'target_shape': [4, 1]}}, {'class_name': 'Bidirectional', 'config': "
         "{'layer': {'class_name': 'LSTM', 'config': {'units': 2, 'recurrent_dropout': 0.2}}}}",
         0, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        antler_model *m = network("4", cases[i].layers, "");
        ck_assert_int_eq(antler_model_tokens(m), cases[i].tokens);
        ck_assert_int_eq(antler_model_random(m), cases[i].random);
        antler_model_free(m);
    }
    ck_assert_int_eq(antler_model_tokens(NULL), 0);
    char pixels[] = "{'class_name': 'Sequential', 'config': {'layers': [{'class_name': 'InputLayer', 'config': "
                    "{'batch_shape': [null, 1], 'dtype': 'int32'}}, {'class_name': 'Dense', 'config': {'units': 1}}]}}";
    antler_error err = {0};
    antler_real x[] = {200}, y[1];
    antler_model *m = antler_load_json(quoted(pixels), NULL, &err);
    antler_data *data = rows_of(x, 1, 1);
    must(antler_build(m), &err);
    ck_assert_int_eq(antler_model_tokens(m), 2); /* but any whole number is taken */
    must(antler_predict(m, data, 1, 1, y, &err), &err);
    antler_data_free(data);
    antler_model_free(m);
    ck_assert(!antler_model_random(NULL));
}
END_TEST

/* Without noise a training pass and a Monte Carlo one give what inference gives. */
START_TEST(a_silent_context_draws_nothing)
{
    static const char *const layers[] = {
        "{'class_name': 'Dropout', 'config': {'rate': 0.5}}, {'class_name': 'Dense', 'config': {'units': 2}}",
        "{'class_name': 'Dropout', 'config': {'rate': 1.0}}",
        "{'class_name': 'GaussianNoise', 'config': {'stddev': 0.5}}",
        ("{'class_name': 'Reshape', 'config': {'target_shape': [2, 2]}}, {'class_name': 'Bidirectional', 'config': "
         "{'layer': {'class_name': 'GRU', 'config': {'units': 2, 'dropout': 0.5, 'recurrent_dropout': 0.5}}}}"),
    };
    const antler_real x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        antler_error err = {0};
        antler_real wanted[16] = {0}, got[16] = {0};
        antler_model *m = network("4", layers[i], "");
        antler_context *c = antler_context_create(m, ANTLER_INFER, 2, 1, 0, &err);
        must(antler_forward(c, x, 2, wanted, &err), &err);
        antler_context_free(c);
        for (int mode = 0; mode < 2; mode++) {
            c = mode ? antler_context_create_train(m, 2, 1, ANTLER_SILENT, &err)
                     : antler_context_create(m, ANTLER_MC, 2, 1, ANTLER_SILENT, &err);
            must(antler_forward(c, x, 2, got, &err), &err);
            ck_assert_mem_eq(got, wanted, sizeof got);
            antler_context_free(c);
        }
        antler_model_free(m);
    }
}
END_TEST

/* A stateful model whose file fixes the batch: the state goes from batch to batch, so another batch is another result.
 */
START_TEST(a_fixed_batch_is_taken)
{
    antler_error err = {0};
    antler_model *m = antler_load_json(
        "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"m\", \"layers\": ["
        "{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": [2, 1, 1]}},"
        "{\"class_name\": \"SimpleRNN\", \"config\": {\"units\": 1, \"stateful\": true}}]},"
        "\"compile_config\": {\"optimizer\": \"sgd\", \"loss\": \"mse\"}, \"fit\": {\"batch_size\": 3}}",
        "m.json", &err);
    must(err.status, &err);
    must(antler_build(m), antler_model_error(m));
    const antler_real x[6] = {1, 2, 3, 4, 5, 6};
    antler_real chosen[6], two[6], three[6];
    const antler_dtype dtype = sizeof *x == 4 ? ANTLER_FLOAT32 : ANTLER_FLOAT64;
    antler_data *data = antler_data_from(x, dtype, &(antler_shape){3, {6, 1, 1}}, &err);
    ck_assert_int_eq(antler_model_batch(m), 2);
    must(antler_predict(m, data, 0, 1, chosen, &err), &err);
    must(antler_predict(m, data, 2, 1, two, &err), &err);
    must(antler_predict(m, data, 3, 1, three, &err), &err);
    ck_assert_mem_eq(chosen, two, sizeof two);
    ck_assert_mem_ne(chosen, three, sizeof three);
    antler_logs logs[3];
    for (int64_t batch = 0; batch < 3; batch++)
        must(antler_evaluate(m, data, data, batch ? batch + 1 : 0, 1, &logs[batch], &err), &err);
    ck_assert_double_eq(logs[0].value[0], logs[1].value[0]);
    ck_assert_double_ne(logs[0].value[0], logs[2].value[0]);
    antler_data_free(data);
    antler_model_free(m);
}
END_TEST

static bool count_batches(void *user, const antler_progress *progress)
{
    *(int64_t *)user = progress->batches;
    return true;
}

START_TEST(a_fixed_batch_trains)
{
    antler_error err = {0};
    int64_t batches = 0;
    antler_model *m = antler_load_json("{\"class_name\": \"Sequential\", \"config\": {\"layers\": ["
                                       "{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": [2, 1]}},"
                                       "{\"class_name\": \"Dense\", \"config\": {\"units\": 1}}]},"
                                       "\"compile_config\": {\"optimizer\": \"sgd\", \"loss\": \"mse\"}}",
                                       "m.json", &err);
    const float x[6] = {1, 2, 3, 4, 5, 6};
    antler_data *data = antler_data_from(x, ANTLER_FLOAT32, &(antler_shape){2, {6, 1}}, &err);
    must(antler_fit(m, data, data, .progress = count_batches, .user = &batches), antler_model_error(m));
    ck_assert_int_eq(batches, 3);
    must(antler_fit(m, data, data, .batch_size = 6, .progress = count_batches, .user = &batches),
         antler_model_error(m));
    ck_assert_int_eq(batches, 1);
    antler_data_free(data);
    antler_model_free(m);
}
END_TEST

/* ---- data and files -----------------------------------------------------------------------------------------------
 */

START_TEST(arrays_are_saved_and_read)
{
    antler_error err = {0};
    const char *path = scratch_path("arrays.h5");
    const float a[6] = {1, 2, 3, 4, 5, 6};
    const uint8_t b[2] = {7, 8};
    const antler_array arrays[] = {{"x_train", ANTLER_FLOAT32, {2, {2, 3}}, a}, {"y_train", ANTLER_UINT8, {1, {2}}, b}};
    antler_status status = antler_data_save(path, "numbers", arrays, 2, &err);
    if (status == ANTLER_UNSUPPORTED)
        return; /* a build without HDF5 */
    must(status, &err);
    antler_real got[6];
    antler_data *data = antler_data_open(path, "x_train", &err);
    must(err.status, &err);
    must(antler_data_gather(data, (int64_t[]){1, 0}, 2, got, &err), &err);
    for (int i = 0; i < 6; i++)
        ck_assert(got[i] == (antler_real)a[(i + 3) % 6]);
    antler_data_free(data);
    data = antler_data_open(path, "y_train", &err);
    must(antler_data_gather(data, (int64_t[]){1}, 1, got, &err), &err);
    ck_assert(got[0] == 8);
    antler_data_free(data);
}
END_TEST

START_TEST(arrays_that_are_refused)
{
    const float a[1] = {1};
    static const struct {
        const char *names[2];
        antler_dtype dtype;
        int64_t size;
        const char *message;
    } cases[] = {
        {{""}, ANTLER_FLOAT32, 1, "is no name for a data set"},
        {{"a//b"}, ANTLER_FLOAT32, 1, "\"a//b\" is no name for a data set"},
        {{"/a"}, ANTLER_FLOAT32, 1, "is no name for a data set"},
        {{"a/"}, ANTLER_FLOAT32, 1, "is no name for a data set"},
        {{"a/.."}, ANTLER_FLOAT32, 1, "is no name for a data set"},
        {{"@a"}, ANTLER_FLOAT32, 1, "is no name for a data set"},
        {{"."}, ANTLER_FLOAT32, 1, "is no name for a data set"},
        {{NULL}, ANTLER_FLOAT32, 1, "is no name for a data set"},
        {{"a"}, ANTLER_TEXT, 1, "a: its type holds no numbers"},
        {{"a"}, ANTLER_FLOAT16, 1, "a: float16 is read, not written"},
        {{"a"}, ANTLER_FLOAT32, -1, "a: its shape is negative or too large"},
        {{"a"}, ANTLER_FLOAT32, INT64_MAX / 2, "a: its shape is negative or too large"},
        {{"a", "a"}, ANTLER_FLOAT32, 1, "a: two arrays have this name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        antler_error err = {0};
        char text[1100];
        const char *path = scratch_path("refused.h5");
        antler_array arrays[2];
        for (int k = 0; k < 2; k++)
            arrays[k] = (antler_array){cases[i].names[k], cases[i].dtype, {1, {cases[i].size}}, a};
        ck_assert_int_ne(antler_data_save(path, NULL, arrays, cases[i].names[1] ? 2 : 1, &err), ANTLER_OK);
        antler_error_text(&err, text, sizeof text);
        ck_assert_msg(strstr(text, cases[i].message) && strstr(text, "refused.h5"), "%s", text);
        ck_assert_int_ne(access(path, F_OK), 0);
    }
}
END_TEST

START_TEST(sizes_of_numbers)
{
    ck_assert_uint_eq(antler_dtype_size(ANTLER_FLOAT64), 8);
    ck_assert_uint_eq(antler_dtype_size(ANTLER_UINT8), 1);
    ck_assert_uint_eq(antler_dtype_size(ANTLER_TEXT), 0);
    ck_assert_uint_eq(antler_dtype_size((antler_dtype)99), 0);
}
END_TEST

/* Keras trains on the first floor(n (1 - split)). */
START_TEST(data_is_split)
{
    static const struct {
        int64_t rows;
        double split;
        int64_t first; /* 0: refused */
    } cases[] = {{10, 0.2, 8}, {7, 0.5, 3}, {3, 0.1, 2}, {10, 0.99, 0}, {1, 0.5, 0},
                 {10, 0, 0},   {10, 1, 0},  {10, -1, 0}, {10, NAN, 0}};
    const float x[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        antler_error err = {0};
        antler_data *first, *rest,
            *all = antler_data_from(x, ANTLER_FLOAT32, &(antler_shape){1, {cases[i].rows}}, &err);
        antler_real got;
        antler_status status = antler_data_split(all, cases[i].split, &first, &rest, &err);
        ck_assert_int_eq(status, cases[i].first ? ANTLER_OK : ANTLER_VALUE);
        if (cases[i].first) {
            ck_assert_int_eq(antler_data_shape(first)->dim[0], cases[i].first);
            ck_assert_int_eq(antler_data_shape(rest)->dim[0], cases[i].rows - cases[i].first);
            must(antler_data_gather(rest, (int64_t[]){0}, 1, &got, &err), &err);
            ck_assert(got == (antler_real)cases[i].first);
        } else {
            ck_assert_ptr_null(first);
            ck_assert_ptr_null(rest);
        }
        antler_data_free(first);
        antler_data_free(rest);
        antler_data_free(all);
    }
}
END_TEST

START_TEST(a_file_is_tried)
{
    antler_error err = {0};
    char text[1100];
    const char *path = scratch_path("tried.keras");
    must(antler_file_check(path, &err), &err);
    ck_assert_int_ne(access(path, F_OK), 0);
    must(antler_file_check("/dev/null", &err), &err);
    static const char *const bad[] = {"", "nowhere/tried.keras", "tried.keras/inside.keras", NULL};
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
    must(antler_file_check(path, &err), &err);
    for (int i = 0; bad[i]; i++) {
        err = (antler_error){0};
        path = scratch_path(bad[i]);
        ck_assert_int_eq(antler_file_check(path, &err), ANTLER_FILE);
        antler_error_text(&err, text, sizeof text);
        ck_assert_msg(strncmp(text, path, strlen(path)) == 0 && strstr(text, "cannot write: "), "%s", text);
    }
}
END_TEST

/* ---- text and numbers ---------------------------------------------------------------------------------------------
 */

START_TEST(text_is_one_line)
{
    static const char *const cases[][2] = {
        {"plain", "plain"},
        {"a\nb\tc\x1b[2J\x7f", "a?b?c?[2J?"},
        {"\xc2\x9b"
         "2J",
         "??2J"},                                     /* U+009B, an escape sequence's begin */
        {"\xc2\x80\xc2\x9f\xc2\xa0", "????\xc2\xa0"}, /* U+0080, U+009F; U+00A0 is a space */
        {"\x9b"
         "2J",
         "?2J"},                                                                          /* of no UTF-8 */
        {"\xc3\x9b\xe2\x82\xac\xf0\x9f\x8e\x84", "\xc3\x9b\xe2\x82\xac\xf0\x9f\x8e\x84"}, /* bytes 80 to 9f inside */
        {"\xe2\x82", "\xe2\x82"},                                                         /* cut off */
        {"\xe2\n\x9b", "\xe2??"},
        {"\xc2", "\xc2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s", cases[i][0]);
        ck_assert_str_eq(antler_one_line(text), cases[i][1]);
    }
    antler_error err = {0};
    antler_error_set(&err, ANTLER_VALUE,
                     "a\xc2\x9b"
                     "b",
                     "c\xc2\x85"
                     "d");
    ck_assert_str_eq(err.place, "a??b");
    ck_assert_str_eq(err.message, "c??d");
}
END_TEST

/* Warnings too are one line: keys come from the file. */
START_TEST(warnings_are_one_line)
{
    antler_model *m =
        network("4", "{'class_name': 'Dropout', 'config': {'rate': 0.5, 'a\\n\\u001b\\u009b': null}}", "");
    const antler_error *warning = antler_model_warning(m, 0);
    ck_assert_ptr_nonnull(warning);
    ck_assert_str_eq(warning->place, "config.layers[1].config.a????");
    antler_model_free(m);
}
END_TEST

START_TEST(random_numbers_are_functions_of_their_place)
{
    /* Philox4x32-10's known answer: counter and key 0; the words are 16 apart */
    static const uint32_t zero[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    uint32_t words[100], part[100];
    antler_real u[100], z[100], again[100];
    antler_random_words((antler_stream){0}, words, 100);
    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(words[16 * i], zero[i]);
    antler_random_uniform((antler_stream){0}, u, 100);
    for (int i = 0; i < 100; i++)
        ck_assert(u[i] == (antler_real)(words[i] >> 8) / 16777216);
    antler_random_normal((antler_stream){.key = 7, .step = 3}, z, 100);
    for (int cut = 0; cut < 100; cut += 9) {
        antler_random_words((antler_stream){.position = (uint64_t)cut}, part, 100 - cut);
        ck_assert_mem_eq(part, words + cut, (size_t)(100 - cut) * sizeof *part);
        antler_random_normal((antler_stream){7, 3, (uint64_t)cut}, again, 100 - cut);
        ck_assert_mem_eq(again, z + cut, (size_t)(100 - cut) * sizeof *again);
    }
    ck_assert_double_eq(antler_cos(0), 1);
    ck_assert_double_eq_tol(antler_cos(1), 0.54030230586813972, 1e-15);
}
END_TEST

/* One number for the library and whoever asks for threads. */
START_TEST(most_threads)
{
    antler_error err = {0};
    antler_model *m = network("4", "{'class_name': 'Dense', 'config': {'units': 3}}", "");
    antler_context *c = antler_context_create(m, ANTLER_INFER, 1, ANTLER_MAX_THREADS, 0, &err);
    must(err.status, &err);
    antler_context_free(c);
    ck_assert_ptr_null(antler_context_create(m, ANTLER_INFER, 1, ANTLER_MAX_THREADS + 1, 0, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "65 is not in [0, 64]"));
    antler_model_free(m);
}
END_TEST

START_TEST(nothing_is_less_than_none)
{
    antler_error err = {0};
    antler_real x[4] = {0}, y[3];
    antler_model *m = network("4", "{'class_name': 'Dense', 'config': {'units': 3}}",
                              ", 'compile_config': {'optimizer': 'sgd', 'loss': 'mse'}");
    antler_data *in = rows_of(x, 1, 4), *out = rows_of(x, 1, 3);
    must(antler_predict(m, in, 0, 0, y, &err), &err); /* a context of the machine's threads is kept */
    ck_assert_int_eq(antler_predict(m, in, 0, -1, y, &err), ANTLER_VALUE);
    ck_assert_ptr_nonnull(strstr(err.message, "-1 is not in [0, 64]"));
    ck_assert_ptr_null(antler_context_create(m, ANTLER_INFER, 1, -1, 0, NULL));
    ck_assert_ptr_null(antler_context_create_train(m, 1, -1, 0, NULL));
    ck_assert_int_eq(antler_fit(m, in, out, .threads = -1), ANTLER_VALUE);
    err = (antler_error){0};
    ck_assert_int_eq(antler_predict(m, in, -7, 1, y, &err), ANTLER_VALUE);
    ck_assert_str_eq(err.message, "-7 is less than 0");
    ck_assert_int_eq(antler_predict_mc(m, in, 2, -7, 1, y, NULL, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_evaluate(m, in, out, -7, 1, NULL, NULL), ANTLER_VALUE);
    antler_data_free(in);
    antler_data_free(out);
    antler_model_free(m);
}
END_TEST

/* What must be given and is not. */
START_TEST(null_is_told)
{
    antler_error err = {0};
    antler_real x[4] = {0}, y[3];
    antler_tensor tensor;
    const antler_shape shape = {2, {1, 4}};
    antler_model *m = network("4", "{'class_name': 'Dense', 'config': {'units': 3, 'name': 'd'}}",
                              ", 'compile_config': {'optimizer': 'sgd', 'loss': 'mse'}");
    antler_data *in = rows_of(x, 1, 4);
    antler_context *c = context_of(m, ANTLER_TRAIN, 1, ANTLER_KEEP);
    ck_assert_int_eq(antler_save(m, NULL, &err), ANTLER_VALUE);
    ck_assert_str_eq(err.message, "the path is NULL");
    ck_assert_int_eq(antler_load_weights(m, NULL, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_file_check(NULL, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_data_save(NULL, NULL, NULL, 0, NULL), ANTLER_VALUE);
    ck_assert_ptr_null(antler_load(NULL, NULL));
    ck_assert_ptr_null(antler_load_json(NULL, NULL, NULL));
    ck_assert_ptr_null(antler_data_open(NULL, "x", NULL));
    ck_assert_ptr_null(antler_data_from(x, ANTLER_DTYPE_REAL, NULL, NULL));
    ck_assert_ptr_null(antler_data_from(NULL, ANTLER_DTYPE_REAL, &shape, NULL));
    ck_assert_ptr_null(antler_data_rows(NULL, 0, 1, NULL));
    ck_assert_ptr_null(antler_data_shape(NULL));
    ck_assert_int_eq(antler_data_gather(NULL, NULL, 0, x, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_predict(m, in, 1, 1, NULL, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_predict_mc(m, in, 2, 1, 1, NULL, NULL, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_forward(c, NULL, 1, y, NULL), ANTLER_VALUE);
    forward(c, x, 1, y);
    ck_assert_int_eq(antler_backward(c, NULL, NULL, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_backward_from(c, NULL, NULL, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_read(c, NULL, ANTLER_OUTPUT, 0, &tensor, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_read(c, "d", ANTLER_OUTPUT, 0, NULL, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_fit_given(m, in, in, NULL, 0, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_fit_given(m, in, in, NULL, 16, ""), ANTLER_VALUE);
    ck_assert_int_eq(antler_compile_given(m, NULL, 0, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_compile_given(m, NULL, 16, ""), ANTLER_VALUE);
    antler_context_free(c);
    antler_data_free(in);
    antler_model_free(m);
    m = antler_sequential("m", NULL, 1, NULL);
    ck_assert_int_eq(antler_model_error(m)->status, ANTLER_VALUE);
    antler_model_free(m);
    for (int i = 0; i < 4; i++) {
        m = antler_sequential("m", (int[]){4}, 1, NULL);
        ck_assert_int_eq(i == 0   ? antler_add_json(m, NULL)
                         : i == 1 ? antler_add_given(m, NULL, NULL, 0, "")
                         : i == 2 ? antler_add_given(m, &antler_layer_dense, NULL, 0, NULL)
                                  : antler_add_given(m, &antler_layer_dense, NULL, sizeof(struct antler_dense), ""),
                         ANTLER_VALUE);
        antler_model_free(m);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("public");
    tcase_add_checked_fixture(tests, scratch_make, scratch_remove);
    tcase_add_test(tests, types_are_listed_and_found);
    tcase_add_test(tests, long_names_are_compared);
    tcase_add_test(tests, what_no_type_has);
    tcase_add_test(tests, keys_of_a_type);
    tcase_add_test(tests, what_a_model_is_made_of);
    tcase_add_test(tests, objects_are_copied);
    tcase_add_test(tests, only_layers_are_renamed);
    tcase_add_test(tests, tokens_and_noise);
    tcase_add_test(tests, a_silent_context_draws_nothing);
    tcase_add_test(tests, a_fixed_batch_is_taken);
    tcase_add_test(tests, a_fixed_batch_trains);
    tcase_add_test(tests, arrays_are_saved_and_read);
    tcase_add_test(tests, arrays_that_are_refused);
    tcase_add_test(tests, sizes_of_numbers);
    tcase_add_test(tests, data_is_split);
    tcase_add_test(tests, a_file_is_tried);
    tcase_add_test(tests, text_is_one_line);
    tcase_add_test(tests, warnings_are_one_line);
    tcase_add_test(tests, random_numbers_are_functions_of_their_place);
    tcase_add_test(tests, most_threads);
    tcase_add_test(tests, nothing_is_less_than_none);
    tcase_add_test(tests, null_is_told);
    return run_suite("public", tests);
}

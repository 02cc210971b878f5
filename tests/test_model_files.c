/* Models in files: what Keras's formats hold beyond plain weights, what a file may not say, and names. What Keras
   itself makes of our files is in test_keras_interop.py, what we make of Keras's in test_golden.c. */
#include "networks.h"
#include "scratch.h"

#include "core/memory.h"
#include "files/archive.h"
#include "files/hdf5.h"
#include "model/model_json.h"
#include "model/structure.h"
#include "model/weights.h"
#include "model/weights_entries.h"
#include "model/weights_names.h"
#include "model/weights_optimizer.h"

#include <math.h>

#define DENSE "{'class_name': 'Dense', 'config': {'units': 3}}"
#define SOFTMAX "{'class_name': 'Dense', 'config': {'units': 3, 'activation': 'softmax'}}"
#define SCCE ", 'compile_config': {'optimizer': 'adam', 'loss': 'sparse_categorical_crossentropy', 'metrics': [%s]}"

static const antler_shape scalar = {0, {0}};

/* The error of a model's JSON that must not load. */
static antler_error refused(const char *layers, const char *more)
{
    char text[4096];
    antler_error err = {0};
    snprintf(text, sizeof text,
             "{'class_name': 'Sequential', 'config': {'layers': [{'class_name': 'InputLayer', 'config': "
             "{'batch_shape': [null, 4]}}, %s]}%s}",
             layers, more);
    antler_model *model = antler_load_json(quoted(text), NULL, &err);
    if (model) /* settings of training are refused when they are needed */
        ck_assert_msg(antler_model_ready(model, &err) != ANTLER_OK, "%s", text);
    antler_model_free(model);
    return err;
}

static antler_entries written(const antler_model *model, antler_style style)
{
    antler_error err = {0};
    antler_entries entries = {0};
    must(antler__weights_write(model, style, &entries, &err), &err);
    antler__entries_sort(&entries);
    return entries;
}

static antler_entry *entry_of(antler_entries *entries, const char *name)
{
    antler_entry *entry = (antler_entry *)(uintptr_t)antler__entries_find(entries, name);
    ck_assert_msg(entry != NULL, "no %s", name);
    return entry;
}

/* ---- layout ---- */

#define RECURRENT(name, trainable)                                                              \
    "{'class_name': 'LSTM', 'config': {'units': 2, 'name': '" name "', 'trainable': " trainable \
    ", 'go_backwards': false}}"
#define BIDIRECTIONAL(trainable) \
    "{'class_name': 'Bidirectional', 'config': {'name': 'both', 'layer': " RECURRENT("f", trainable) "}}"

START_TEST(legacy_lists_have_trained_weights_first)
{
    static const struct {
        const char *layers, *list, *first[4];
    } cases[] = {
        {"{'class_name': 'BatchNormalization', 'config': {'name': 'bn', 'trainable': false}}",
         "bn",
         {"bn/gamma", "bn/beta", "bn/moving_mean", "bn/moving_variance"}},
        {BIDIRECTIONAL("true"), "both", {"both/forward_layer/kernel", NULL}},
        {"{'class_name': 'Bidirectional', 'config': {'name': 'both', 'layer': " RECURRENT(
             "f", "false") ", 'backward_layer': {'class_name': 'LSTM', 'config': {'units': 2, 'go_backwards': true}}}}",
         "both",
         {"both/backward_layer/kernel", "both/backward_layer/recurrent_kernel", "both/backward_layer/bias",
          "both/forward_layer/kernel"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        antler_model *model = network("4, 3", cases[i].layers, "");
        antler_entries entries = written(model, ANTLER_STYLE_LEGACY);
        char attribute[64];
        snprintf(attribute, sizeof attribute, "/model_weights/%s@weight_names", cases[i].list);
        antler_names names = antler__names_of(&entries, attribute);
        for (int k = 0; k < 4 && cases[i].first[k]; k++)
            ck_assert_str_eq(antler__names_next(&names), cases[i].first[k]);
        antler__entries_free(&entries);
        antler_model_free(model);
    }
}
END_TEST

/* Weights that tf_keras (Keras 2) saved alone: the lists are at the root. */
START_TEST(legacy_files_of_weights_alone_are_read)
{
    const antler_real x[] = {(antler_real)0.6803784370422363, (antler_real)-0.13656634092330933,
                             (antler_real)-0.3790985643863678, (antler_real)0.46311014890670776};
    antler_model *model = network("4", DENSE ", {'class_name': 'Dense', 'config': {'units': 2, 'name': 'other'}}", "");
    antler_error err = {0};
    must(antler_load_weights(model, ANTLER_SOURCE_DIR "/tests/files/keras2_weights_only.h5", &err), &err);
    antler_context *context = context_of(model, ANTLER_INFER, 1, 0);
    antler_real y[2];
    forward(context, x, 1, y);
    ck_assert_double_eq_tol((double)y[0], 0.489475, 1e-6); /* as tf_keras and Keras 3.15.1 predict */
    ck_assert_double_eq_tol((double)y[1], 0.261139, 1e-6);
    antler_context_free(context);
    antler_model_free(model);
}
END_TEST

/* In a legacy file a layer has no "module", but one within another has: Keras looks for it there. */
START_TEST(wrapped_layers_have_their_module_in_legacy_files)
{
    antler_model *model = network("4, 3", BIDIRECTIONAL("true"), "");
    antler_json *root = antler__model_write(model, ANTLER_STYLE_LEGACY, false);
    const antler_json *layer =
        antler__json_next(antler__json_first(antler__json_get(antler__json_get(root, "config"), "layers")));
    ck_assert_ptr_null(antler__json_get(layer, "module"));
    const antler_json *inner = antler__json_get(antler__json_get(layer, "config"), "layer");
    ck_assert_str_eq(antler__json_string(antler__json_get(inner, "module")), "keras.layers");
    antler__json_free(root);
    antler_model_free(model);
}
END_TEST

/* Keras 2 reads them too: it has other names for some keys and classes, which Keras 3 still knows. */
START_TEST(legacy_files_have_the_names_of_keras2)
{
    antler_model *model = network("4, 3",
                                  "{'class_name': 'SimpleRNN', 'config': {'units': 2}}, "
                                  "{'class_name': 'LeakyReLU', 'config': {'negative_slope': 0.25}}",
                                  "");
    antler_json *root = antler__model_write(model, ANTLER_STYLE_LEGACY, false);
    const antler_json *source = antler__json_first(antler__json_get(antler__json_get(root, "config"), "layers"));
    const antler_json *rnn = antler__json_next(source), *leaky = antler__json_next(rnn);
    const antler_json *initializer = antler__json_get(antler__json_get(rnn, "config"), "recurrent_initializer");
    ck_assert_int_eq(antler__json_length(antler__json_get(antler__json_get(source, "config"), "batch_input_shape")), 3);
    ck_assert_str_eq(antler__json_string(antler__json_get(initializer, "class_name")), "orthogonal");
    ck_assert_ptr_null(antler__json_get(initializer, "module"));
    ck_assert_double_eq(antler__json_number(antler__json_get(antler__json_get(leaky, "config"), "alpha")), 0.25);
    antler__json_free(root);
    antler_model_free(model);
}
END_TEST

/* The config of the operator of that class among a graph's layers. */
static const antler_json *operator_config(const antler_json *root, const char *class_name)
{
    const antler_json *layer = antler__json_first(antler__json_get(antler__json_get(root, "config"), "layers"));
    while (layer && strcmp(antler__string_at(layer, "class_name"), class_name) != 0)
        layer = antler__json_next(layer);
    ck_assert_ptr_nonnull(layer);
    return antler__json_get(layer, "config");
}

/* Keras 3.6 takes no name in an operator's config, Keras 3.15 names an output by it. */
START_TEST(operators_have_a_name_where_an_output_has_it)
{
    antler_error err = {0};
    static const struct {
        const char *file, *class_name;
        bool named;
    } cases[] = {{"operators_functions", "Transpose", false}, {"operator_output", "Multiply", true}};
    for (int i = 0; i < 2; i++) {
        char path[512];
        snprintf(path, sizeof path, ANTLER_SOURCE_DIR "/tests/golden_graphs/%s/model.json", cases[i].file);
        antler_model *model = antler_load(path, &err);
        must(model ? antler_build(model) : err.status, &err);
        antler_json *root = antler__model_write(model, ANTLER_STYLE_KERAS, false);
        bool named = antler__json_get(operator_config(root, cases[i].class_name), "name");
        ck_assert_msg(named == cases[i].named, "%s of %s", cases[i].class_name, cases[i].file);
        antler__json_free(root);
        antler_model_free(model);
    }
}
END_TEST

/* A graph of Keras 2 stays one: its calls are lists, which count a model's from 1, and hard_sigmoid is what it was. */
START_TEST(graphs_of_keras2_go_back)
{
    antler_error err = {0};
    antler_model *model = antler_load(ANTLER_SOURCE_DIR "/tests/golden_graphs/k215_siamese_sequential/model.h5", &err);
    must(model ? antler_build(model) : err.status, &err);
    antler_json *root = antler__model_write(model, ANTLER_STYLE_KERAS2, false);
    char *text = antler__json_print(root, false);
    ck_assert_ptr_nonnull(strstr(text, "[[[\"base\", 1, 0, {}], [\"base\", 2, 0, {}]]]"));
    antler__free(text);
    antler__json_free(root);
    antler_model_free(model);
    model = antler_load(ANTLER_SOURCE_DIR "/tests/golden_graphs/k215_chain/model.h5", &err);
    must(model ? antler_build(model) : err.status, &err);
    root = antler__model_write(model, ANTLER_STYLE_KERAS2, false);
    text = antler__json_print(root, false);
    ck_assert(strstr(text, "\"hard_sigmoid\"") && !strstr(text, "keras2"));
    antler__free(text);
    antler__json_free(root);
    antler_model_free(model);
}
END_TEST

/* Keras's SpatialDropout1D has no argument "trainable". */
START_TEST(a_key_that_keras_refuses_is_not_written)
{
    antler_model *model =
        network("4, 3", "{'class_name': 'SpatialDropout1D', 'config': {'rate': 0.5, 'trainable': false}}", "");
    antler_error err = {0};
    char *text = antler_model_json(model, &err);
    ck_assert_ptr_nonnull(text);
    ck_assert_ptr_null(strstr(text, "trainable"));
    antler_text_free(text);
    antler_model_free(model);
}
END_TEST

/* Lists beyond what an attribute holds are cut as Keras cuts them. */
START_TEST(long_lists_of_names_are_cut_and_joined)
{
    antler_name_list list = {0};
    antler_entries entries = {0}, back = {0};
    antler_error err = {0};
    char name[32];
    void *image;
    size_t bytes;
    for (int i = 0; i < 7001; i++) {
        snprintf(name, sizeof name, "layer_%d", i);
        must(antler__name_list_add(&list, name, &err), &err);
    }
    must(antler__weights_put_group(&entries, "/a", &err), &err);
    must(antler__name_list_write(&list, "/a@names", &entries, &err), &err);
    must(antler__hdf5_write(NULL, &entries, &image, &bytes, &err), &err);
    must(antler__hdf5_read("image", image, bytes, &back, &err), &err);
    antler_names names = antler__names_of(&back, "/a@names");
    for (int i = 0; i < 7001; i++) {
        snprintf(name, sizeof name, "layer_%d", i);
        ck_assert_str_eq(antler__names_next(&names), name);
    }
    ck_assert_ptr_null(antler__names_next(&names));
    antler__free(image);
    antler__entries_free(&entries);
    antler__entries_free(&back);
}
END_TEST

/* A layer whose variables lie in several groups, as those of Keras's MultiHeadAttention do. */
static antler_status grouped_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    (void)config, (void)err;
    out[0] = in[0];
    return ANTLER_OK;
}

static void grouped_variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    static const char *const names[] = {"own", "kernel", "bias", "scale"};
    (void)config;
    for (int slot = 0; slot < 4; slot++) {
        if (slot == 1 || slot == 3)
            antler_plan_group(plan, slot == 1 ? "query_dense" : "key_dense");
        antler_plan_param(plan, slot, names[slot], NULL, &(antler_shape){1, {in[0].dim[1]}});
    }
}

static antler_status grouped_pass(const void *config, antler_run *run)
{
    (void)config, (void)run;
    return ANTLER_OK;
}

static const antler_layer_ops grouped = {.type = {.size = sizeof(antler_layer_ops),
                                                  .kind = ANTLER_KIND_LAYER,
                                                  .class_name = "GroupedVariables",
                                                  .config_size = sizeof(struct antler_layer_keys)},
                                         .infer = grouped_infer,
                                         .variables = grouped_variables,
                                         .forward = grouped_pass,
                                         .backward = grouped_pass};

START_TEST(variables_lie_in_the_groups_that_hold_them)
{
    static const char *const paths[] = {
        "/layers/grouped_variables/vars/0", "/layers/grouped_variables/query_dense/vars/0",
        "/layers/grouped_variables/query_dense/vars/1", "/layers/grouped_variables/key_dense/vars/0",
        "/layers/grouped_variables_1/vars/0"};
    antler_error err = {0};
    must(antler_register(&grouped.type, &err), &err);
    antler_model *model = network("4", "{'class_name': 'GroupedVariables'}, {'class_name': 'GroupedVariables'}", "");
    for (int64_t i = 0; i < model->variables; i++)
        random_numbers(model->variable[i].view.value.data, 4, (uint64_t)i);
    const uint64_t weights = hash_weights(model);
    antler_entries entries = written(model, ANTLER_STYLE_KERAS);
    for (int i = 0; i < 5; i++)
        ck_assert_mem_eq(entry_of(&entries, paths[i])->data, model->variable[i].view.value.data,
                         4 * sizeof(antler_real));
    memset(model->parameters, 0, (size_t)model->size * sizeof *model->parameters);
    must(antler__weights_read(model, &entries, &err), &err);
    ck_assert_uint_eq(hash_weights(model), weights);
    antler__entries_free(&entries);
    antler_model_free(model);
}
END_TEST

START_TEST(weights_of_a_larger_model_are_refused)
{
    static const antler_style styles[] = {ANTLER_STYLE_KERAS, ANTLER_STYLE_LEGACY};
    for (int i = 0; i < 2; i++) {
        antler_model *large = network("4", DENSE ", " DENSE, ""), *small = network("4", DENSE, "");
        const uint64_t before = hash_weights(small);
        antler_entries entries = written(large, styles[i]);
        antler_error err = {0};
        ck_assert_int_eq(antler__weights_read(small, &entries, &err), ANTLER_SHAPE);
        ck_assert_msg(strstr(err.message, "\"dense_1\" more than the") != NULL, "%s", err.message);
        ck_assert_uint_eq(hash_weights(small), before);
        antler__entries_free(&entries);
        entries = written(small, styles[i]);
        err = (antler_error){0};
        ck_assert_int_eq(antler__weights_read(large, &entries, &err), ANTLER_SHAPE);
        ck_assert_msg(strstr(err.message, "the file has") != NULL && strstr(err.message, "dense_1") != NULL, "%s",
                      err.message);
        antler__entries_free(&entries);
        antler_model_free(large);
        antler_model_free(small);
    }
}
END_TEST

/* ---- compile settings ---- */

static char *json_of(antler_model *model)
{
    antler_error err = {0};
    char *text = antler_model_json(model, &err);
    must(text ? ANTLER_OK : err.status, &err);
    return text;
}

START_TEST(a_model_that_was_never_compiled_stays_so)
{
    static const char *const never[] = {"", ", 'compile_config': {}", ", 'compile_config': null",
                                        ", 'compile_config': {'optimizer': null, 'loss': null, 'metrics': []}"};
    for (int i = 0; i < 4; i++) {
        antler_model *model = network("4", DENSE, never[i]);
        ck_assert_ptr_null(model->compile);
        char *text = json_of(model);
        ck_assert_ptr_null(strstr(text, "compile_config"));
        antler_text_free(text);
        antler_model_free(model);
    }
}
END_TEST

/* With a loss alone: Keras takes its own optimizer where none is named, but not a null one. */
START_TEST(a_loss_alone_is_kept_in_every_format)
{
    static const char *const suffixes[] = {"m.json", "m.keras", "m.h5"};
    scratch_make();
    for (int i = 0; i < 3; i++) {
        antler_model *model = network("4", DENSE, ", 'compile_config': {'loss': 'mae'}");
        antler_error err = {0};
        char *text = json_of(model);
        ck_assert_ptr_null(strstr(text, "\"optimizer\""));
        antler_text_free(text);
        must(antler_save(model, scratch_path(suffixes[i]), &err), &err);
        antler_model_free(model);
        model = antler_load(scratch_path(suffixes[i]), &err);
        must(model ? ANTLER_OK : err.status, &err);
        ck_assert_str_eq(model->compile->loss.item->objects.item->type->class_name, "MeanAbsoluteError");
        ck_assert_ptr_null(model->compile->optimizer.type);
        antler_model_free(model);
    }
    scratch_remove();
}
END_TEST

START_TEST(one_way_to_clip_and_no_negative_rate)
{
    static const struct {
        const char *optimizer, *place, *message;
    } cases[] = {
        {"'clipnorm': 1, 'global_clipnorm': 2", "clipnorm",
         "only one of clipnorm, global_clipnorm and clipvalue can be set, not 2"},
        {"'global_clipnorm': 1, 'clipvalue': 2", "global_clipnorm",
         "only one of clipnorm, global_clipnorm and clipvalue can be set, not 2"},
        {"'clipnorm': 1, 'global_clipnorm': 1, 'clipvalue': 2", "clipnorm",
         "only one of clipnorm, global_clipnorm and clipvalue can be set, not 3"},
        {"'learning_rate': -0.1", "learning_rate", "-0.1 is not in [0, 1e+30]"},
        {"'learning_rate': {'class_name': 'ExponentialDecay', 'config': {'initial_learning_rate': -1, 'decay_steps': "
         "2, "
         "'decay_rate': 0.5}}",
         "learning_rate.config.initial_learning_rate", "-1 is not in [0, 1e+30]"},
        {"'learning_rate': {'class_name': 'ExponentialDecay', 'config': {'initial_learning_rate': 1, 'decay_steps': 2, "
         "'decay_rate': -0.5}}",
         "learning_rate.config.decay_rate", "-0.5 is not in [0, 1e+30]"},
        {"'learning_rate': {'class_name': 'PolynomialDecay', 'config': {'initial_learning_rate': 1, 'decay_steps': 2, "
         "'end_learning_rate': -3}}",
         "learning_rate.config.end_learning_rate", "-3 is not in [0, 1e+30]"},
        {"'learning_rate': {'class_name': 'CosineDecay', 'config': {'initial_learning_rate': 1, 'decay_steps': 2, "
         "'warmup_target': -3}}",
         "learning_rate.config.warmup_target", "-3 is not in [0, 1e+30]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char more[512], place[128];
        snprintf(more, sizeof more, ", 'compile_config': {'optimizer': {'class_name': 'SGD', 'config': {%s}}}",
                 cases[i].optimizer);
        antler_error err = refused(DENSE, more);
        snprintf(place, sizeof place, "compile_config.optimizer.config.%s", cases[i].place);
        ck_assert_str_eq(err.place, place);
        ck_assert_str_eq(err.message, cases[i].message);
    }
    antler_model *both = network("4", DENSE, "");
    ck_assert_int_eq(antler_compile(both, .optimizer = ANTLER_JSON({"class_name" : "SGD"}), .learning_rate = 0.1),
                     ANTLER_VALUE);
    antler_model_free(both);
    static const double rates[] = {-0.1, (double)NAN, (double)INFINITY};
    for (int i = 0; i < 3; i++) {
        antler_model *model = network("4", DENSE, "");
        ck_assert_int_eq(antler_compile(model, .optimizer = "sgd", .loss = "mse", .learning_rate = rates[i]),
                         ANTLER_VALUE);
        ck_assert_str_eq(antler_model_error(model)->place, "compile_config.optimizer.config.learning_rate");
        antler_model_free(model);
    }
}
END_TEST

/* The loss that a context began with is its own: the model may be compiled anew meanwhile. */
START_TEST(a_context_keeps_the_loss_that_it_was_made_with)
{
    const antler_real x[] = {1, 2, 3, 4}, y[] = {0, 0, 0};
    antler_model *model = network("4", DENSE,
                                  ", 'compile_config': {'optimizer': 'sgd', 'loss': 'mae', 'metrics': "
                                  "[{'class_name': 'MeanSquaredError', 'config': {'name': 'own'}}]}");
    antler_context *context = context_of(model, ANTLER_TRAIN, 1, 0);
    antler_error err = {0};
    double before, after;
    forward(context, x, 1, NULL);
    must(antler_backward(context, y, &before, &err), &err);
    must(antler_compile(model, .optimizer = "adam", .loss = "mse", .learning_rate = 0), antler_model_error(model));
    forward(context, x, 1, NULL);
    must(antler_backward(context, y, &after, &err), &err);
    ck_assert_double_eq(before, after);
    must(antler_update(context, &err), &err); /* by the new optimizer */
    antler_context_free(context);
    antler_model_free(model);
}
END_TEST

/* ---- softmax and sigmoid under each other's losses: Keras on TensorFlow takes the logits (golden cases
 * loss_..._of_...) */

START_TEST(a_loss_as_a_metric_takes_the_logits_too)
{
    static const struct {
        const char *activation, *loss, *metric;
    } cases[] = {{"softmax", "binary_crossentropy", "binary_crossentropy"},
                 {"sigmoid", "categorical_crossentropy", "categorical_crossentropy"}};
    const antler_real x[] = {1, 2, -3, 4, 0, 1, 2, 1}, y[] = {0, 1, 0, 1, 0, 0};
    for (int i = 0; i < 2; i++) {
        char layer[128], more[256];
        snprintf(layer, sizeof layer, "{'class_name': 'Dense', 'config': {'units': 3, 'activation': '%s'}}",
                 cases[i].activation);
        snprintf(more, sizeof more, ", 'compile_config': {'optimizer': 'sgd', 'loss': '%s', 'metrics': ['%s']}",
                 cases[i].loss, cases[i].metric);
        antler_model *model = network("4", layer, more);
        antler_data *xs = rows_of(x, 2, 4), *ys = rows_of(y, 2, 3);
        antler_logs logs;
        antler_error err = {0};
        must(antler_evaluate(model, xs, ys, 2, 1, &logs, &err), &err);
        ck_assert_double_eq_tol(logs.value[0], logs.value[1], 1e-6);
        antler_data_free(xs);
        antler_data_free(ys);
        antler_model_free(model);
    }
}
END_TEST

/* Where the output is penalized, too, which the gradient of the loss then does not go through. */
START_TEST(a_penalized_output_has_logits)
{
    const antler_real x[] = {1, 2, -3, 4, 0, 1, 2, 1}, y[] = {0, 1, 0, 1, 0, 0};
    static const char *const penalties[] = {"",
                                            ", 'activity_regularizer': {'class_name': 'L2', 'config': {'l2': 0.25}}"};
    double loss[2];
    antler_real p[6];
    for (int i = 0; i < 2; i++) {
        char layer[256];
        antler_error err = {0};
        snprintf(layer, sizeof layer, "{'class_name': 'Dense', 'config': {'units': 3, 'activation': 'softmax'%s}}",
                 penalties[i]);
        antler_model *model = network("4", layer, ", 'compile_config': {'optimizer': 'sgd', 'loss': 'bce'}");
        antler_context *context = context_of(model, ANTLER_TRAIN, 2, 0);
        forward(context, x, 2, p);
        must(antler_backward(context, y, &loss[i], &err), &err);
        antler_context_free(context);
        antler_model_free(model);
    }
    double squares = 0;
    for (int i = 0; i < 6; i++)
        squares += (double)p[i] * (double)p[i];
    ck_assert_double_eq_tol(loss[1] - loss[0], 0.25 * squares / 2, 1e-6);
}
END_TEST

/* ---- what a file may not say ---- */

/* The whole legacy file of a model with one attribute in the place of its own, as `path`. */
static void write_with(const char *path, const char *attribute, const char *text, bool empty)
{
    char more[256];
    snprintf(more, sizeof more, SCCE ", 'fit': {'epochs': 3, 'seed': 4}", "");
    antler_model *model = network("4", SOFTMAX, more);
    antler_error err = {0};
    antler_entries entries = {0};
    must(antler_save(model, path, &err), &err);
    must(antler__hdf5_read(path, NULL, 0, &entries, &err), &err);
    antler_entry *entry = entry_of(&entries, attribute);
    antler__free(entry->data);
    entry->data = antler__copy_text(text);
    entry->bytes = empty ? 0 : strlen(text) + 1;
    entry->shape = empty ? (antler_shape){1, {0}} : scalar;
    must(antler__hdf5_write(path, &entries, NULL, NULL, &err), &err);
    antler__entries_free(&entries);
    antler_model_free(model);
}

START_TEST(an_attribute_without_a_string_is_none)
{
    static const char *const attributes[] = {"/@model_config", "/@training_config", "/@antler_fit"};
    scratch_make();
    for (int i = 0; i < 3; i++) {
        antler_error err = {0};
        write_with(scratch_path("m.h5"), attributes[i], "", true);
        antler_model *model = antler_load(scratch_path("m.h5"), &err);
        ck_assert_int_eq(model != NULL, i > 0);
        ck_assert_msg(model || strstr(err.message, "no architecture (\"model_config\")") != NULL, "%s", err.message);
        ck_assert(!model || (model->compile != NULL) == (i != 1));
        ck_assert(!model || (model->fit != NULL) == (i != 2));
        antler_model_free(model);
    }
    scratch_remove();
}
END_TEST

/* "fit" in both of its places: the attribute counts, and nothing is lost. */
START_TEST(fit_in_two_places_is_read_once)
{
    char json[1024];
    antler_error err = {0};
    scratch_make();
    snprintf(json, sizeof json,
             "{'class_name': 'Sequential', 'config': {'layers': [{'class_name': 'InputLayer', 'config': "
             "{'batch_shape': [null, 4]}}, {'class_name': 'Dense', 'config': {'name': 'dense', 'units': 3}}]}, "
             "'fit': {'epochs': 9, 'data': 'a file'}}");
    write_with(scratch_path("m.h5"), "/@model_config", quoted(json), false);
    antler_model *model = antler_load(scratch_path("m.h5"), &err);
    must(model ? ANTLER_OK : err.status, &err);
    ck_assert_int_eq(model->fit->args.epochs, 3);
    ck_assert_ptr_null(model->fit->data);
    antler_model_free(model);
    scratch_remove();
}
END_TEST

START_TEST(counts_of_a_file_are_checked)
{
    static const char *const names[] = {"/optimizer/vars/0", "/antler/step", "/antler/epoch"};
    static const int64_t wrong[] = {INT64_MAX, -1, INT64_MIN, ((int64_t)1 << 53) + 2};
    for (size_t i = 0; i < 12; i++) {
        char more[256];
        snprintf(more, sizeof more, SCCE, "");
        antler_model *model = network("4", SOFTMAX, more);
        antler_error err = {0};
        must(antler__model_slots(model, &err), &err);
        model->step = 7, model->iteration = 7;
        antler_entries entries = written(model, ANTLER_STYLE_KERAS);
        memcpy(entry_of(&entries, names[i % 3])->data, &wrong[i / 3], sizeof wrong[0]);
        ck_assert_int_eq(antler__weights_read(model, &entries, &err), ANTLER_FORMAT);
        ck_assert_str_eq(err.place, names[i % 3]);
        ck_assert_int_eq(model->step, 7);
        ck_assert_int_eq(model->iteration, 7);
        antler__entries_free(&entries);
        antler_model_free(model);
    }
}
END_TEST

static const antler_real x_values[] = {1, 2, -3, 4, 0, 1, 2, 1}, y_values[] = {0, 2};

/* Fits a model of one metric of this name (JSON's inside), with a checkpoint. */
static antler_model *fitted(const char *metric, int epochs, bool resume)
{
    char more[1024];
    snprintf(more, sizeof more, SCCE, metric);
    antler_model *model = network("4", SOFTMAX, more);
    antler_data *x = rows_of(x_values, 2, 4), *y = rows_of(y_values, 2, 1);
    antler_fit(model, x, y, .epochs = epochs, .checkpoint = scratch_path("c"), .resume = resume, .validation_x = x,
               .validation_y = y);
    antler_data_free(x);
    antler_data_free(y);
    return model;
}

static void remove_checkpoint(void)
{
    unlink(scratch_path("c/checkpoint.keras"));
    rmdir(scratch_path("c"));
}

START_TEST(positions_of_a_checkpoint_are_checked)
{
    static const double wrong[] = {(double)NAN, 1e300, -1, 0.5};
    for (int i = 0; i < 4; i++) {
        antler_error err = {0};
        antler_member member = {.name = "model.weights.h5"};
        antler_entries entries = {0};
        scratch_make();
        antler_model_free(fitted("", 1, false));
        const char *path = scratch_path("c/checkpoint.keras");
        must(antler__archive_read(path, &member, 1, &err), &err);
        must(antler__hdf5_read(path, member.data, member.bytes, &entries, &err), &err);
        memcpy(entry_of(&entries, "/antler/fit")->data, &wrong[i], sizeof wrong[0]);
        antler__free(member.data);
        must(antler__hdf5_write(NULL, &entries, &member.data, &member.bytes, &err), &err);
        must(antler__archive_write(path, &member, 1, &err), &err);
        antler_model *model = fitted("", 2, true);
        ck_assert_int_eq(antler_model_error(model)->status, ANTLER_FORMAT);
        antler_model_free(model);
        antler__free(member.data);
        antler__entries_free(&entries);
        remove_checkpoint();
        scratch_remove();
    }
}
END_TEST

/* ---- names ---- */

static const char *long_name(int bytes)
{
    static char name[512];
    memset(name, 'n', (size_t)bytes);
    name[bytes] = 0;
    return name;
}

START_TEST(names_that_no_file_holds_are_refused)
{
    const char *const wrong[] = {"", "/", "a/b", ".", "a\nb", long_name(256)};
    for (int i = 0; i < 6; i++) {
        antler_error err = {0};
        antler_model *model = antler_sequential(wrong[i], (int[]){4}, 1, &err);
        ck_assert_int_eq(err.status, ANTLER_VALUE);
        ck_assert_str_eq(err.place, "config.name");
        antler_model_free(model);
        err = (antler_error){0};
        model = antler_sequential("m", (int[]){4}, 1, &err);
        antler_add(model, dense, .units = 2, .name = wrong[i]);
        ck_assert_int_eq(antler_build(model), ANTLER_VALUE);
        ck_assert_str_eq(antler_model_error(model)->place, "config.layers[1].config.name");
        antler_model_free(model);
        char text[1024];
        snprintf(text, sizeof text, "{'class_name': 'Sequential', 'config': {'name': '%s', 'layers': [%s]}}",
                 i == 4 ? "a\\nb" : wrong[i], DENSE);
        ck_assert_ptr_null(antler_load_json(quoted(text), NULL, &err));
        ck_assert_str_eq(err.place, "config.name");
    }
}
END_TEST

START_TEST(the_longest_names_are_kept_in_every_format)
{
    static const char *const files[] = {"m.json", "m.keras", "m.h5", "m.weights.h5"};
    scratch_make();
    for (int i = 0; i < 4; i++) {
        antler_error err = {0};
        antler_model *model = antler_sequential(long_name(255), (int[]){4, 3}, 2, &err);
        char json[512];
        snprintf(json, sizeof json, "{'class_name': 'Bidirectional', 'config': {'name': '%s', 'layer': %s}}",
                 long_name(255), RECURRENT("f", "true"));
        must(antler_add_json(model, quoted(json)), antler_model_error(model));
        must(antler_save(model, scratch_path(files[i]), &err), &err);
        const uint64_t weights = hash_weights(model);
        if (i == 3)
            must(antler_load_weights(model, scratch_path(files[i]), &err), &err);
        antler_model *back = i == 3 ? model : antler_load(scratch_path(files[i]), &err);
        must(back ? ANTLER_OK : err.status, &err);
        ck_assert(i == 0 || hash_weights(back) == weights);
        if (back != model)
            antler_model_free(back);
        antler_model_free(model);
    }
    scratch_remove();
}
END_TEST

START_TEST(metrics_of_any_name_are_logged_and_resumed)
{
    static const char *const names[] = {
        "/",     "a/",
        "a/./b", "@",
        "..",    "loss",
        "a b",   "precise_share_of_right_answers_among_all_of_the_answers_that_were_given_to_any_question_asked"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char metric[256], wanted[128];
        const antler_logs *logs;
        scratch_make();
        snprintf(metric, sizeof metric, "{'class_name': 'MeanSquaredError', 'config': {'name': '%s'}}", names[i]);
        antler_model_free(fitted(metric, 2, false));
        antler_model *model = fitted(metric, 3, true);
        must(antler_model_error(model)->status, antler_model_error(model));
        must(antler_compile(model, .loss = "mse"), antler_model_error(model)); /* the history is of before */
        ck_assert_int_eq(antler_history(model, &logs), 3);
        for (int e = 0; e < 3; e++) {
            ck_assert_int_eq(logs[e].n, 4);
            ck_assert_str_eq(logs[e].name[1], names[i]);
            snprintf(wanted, sizeof wanted, "val_%s", names[i]);
            ck_assert_str_eq(logs[e].name[3], wanted);
        }
        antler_model_free(model);
        model = fitted("'mae'", 4, true);
        ck_assert_str_eq(antler_model_error(model)->message,
                         strcmp(names[i], "loss") == 0 ? "" : "a checkpoint of other metrics");
        antler_model_free(model);
        remove_checkpoint();
        scratch_remove();
    }
}
END_TEST

/* Keras logs "acc" as it was given, and stops by it. */
START_TEST(acc_is_logged_and_monitored_as_acc)
{
    char more[512];
    snprintf(more, sizeof more,
             SCCE ", 'fit': {'epochs': 8, 'callbacks': [{'class_name': 'EarlyStopping', 'config': "
                  "{'monitor': 'val_acc', 'patience': 2}}]}",
             "'acc'");
    antler_model *model = network("4", SOFTMAX, more);
    antler_data *x = rows_of(x_values, 2, 4), *y = rows_of(y_values, 2, 1);
    const antler_logs *logs;
    must(antler_fit(model, x, y, .validation_x = x, .validation_y = y), antler_model_error(model));
    ck_assert_int_lt(antler_history(model, &logs), 8);
    ck_assert_str_eq(logs[0].name[1], "acc");
    ck_assert_str_eq(logs[0].name[3], "val_acc");
    char *text = json_of(model);
    ck_assert_ptr_nonnull(strstr(text, "\"acc\""));
    antler_text_free(text);
    antler_data_free(x);
    antler_data_free(y);
    antler_model_free(model);
}
END_TEST

/* ---- an input of integers ---- */

START_TEST(fractions_are_refused_where_the_input_is_of_integers)
{
    const antler_real x[] = {1, 2, 3, (antler_real)2.5};
    antler_real y[2];
    char text[512];
    antler_error err = {0};
    snprintf(text, sizeof text,
             "{'class_name': 'Sequential', 'config': {'layers': [{'class_name': 'InputLayer', 'config': "
             "{'batch_shape': [null, 2], 'dtype': 'int32'}}, {'class_name': 'Dense', 'config': {'units': 1}}]}}");
    antler_model *model = antler_load_json(quoted(text), NULL, &err);
    must(model ? ANTLER_OK : err.status, &err);
    must(antler_build(model), antler_model_error(model));
    antler_data *data = rows_of(x, 2, 2);
    ck_assert_int_eq(antler_predict(model, data, 1, 1, y, &err), ANTLER_DATA);
    ck_assert_str_eq(err.message, "row 1 of the input holds 2.5; the model takes integers (dtype \"int32\")");
    antler_context *context = context_of(model, ANTLER_INFER, 2, 0);
    err = (antler_error){0};
    ck_assert_int_eq(antler_forward(context, x, 2, y, &err), ANTLER_DATA);
    forward(context, x, 1, y);
    antler_context_free(context);
    antler_data_free(data);
    antler_model_free(model);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, legacy_lists_have_trained_weights_first);
    tcase_add_test(tests, wrapped_layers_have_their_module_in_legacy_files);
    tcase_add_test(tests, legacy_files_have_the_names_of_keras2);
    tcase_add_test(tests, operators_have_a_name_where_an_output_has_it);
    tcase_add_test(tests, a_key_that_keras_refuses_is_not_written);
    tcase_add_test(tests, variables_lie_in_the_groups_that_hold_them);
    tcase_add_test(tests, weights_of_a_larger_model_are_refused);
    tcase_add_test(tests, a_model_that_was_never_compiled_stays_so);
    tcase_add_test(tests, one_way_to_clip_and_no_negative_rate);
    tcase_add_test(tests, a_context_keeps_the_loss_that_it_was_made_with);
    tcase_add_test(tests, a_loss_as_a_metric_takes_the_logits_too);
    tcase_add_test(tests, a_penalized_output_has_logits);
    tcase_add_test(tests, counts_of_a_file_are_checked);
    tcase_add_test(tests, names_that_no_file_holds_are_refused);
    tcase_add_test(tests, acc_is_logged_and_monitored_as_acc);
    tcase_add_test(tests, fractions_are_refused_where_the_input_is_of_integers);
    if (HAS_HDF5) {
        tcase_add_test(tests, graphs_of_keras2_go_back);
        tcase_add_test(tests, legacy_files_of_weights_alone_are_read);
        tcase_add_test(tests, an_attribute_without_a_string_is_none);
        tcase_add_test(tests, fit_in_two_places_is_read_once);
        tcase_add_test(tests, long_lists_of_names_are_cut_and_joined);
    }
    if (HAS_ZIP) {
        tcase_add_test(tests, a_loss_alone_is_kept_in_every_format);
        tcase_add_test(tests, the_longest_names_are_kept_in_every_format);
        tcase_add_test(tests, metrics_of_any_name_are_logged_and_resumed);
        tcase_add_test(tests, positions_of_a_checkpoint_are_checked);
    }
    return run_suite("model_files", tests);
}

/* Files of Keras 1 and 2 that tests/make_old_files.py wrote: they load, predict what they predicted there, and go on
   doing so in the .h5 and .keras that we write of them. What cannot be read is refused in words. */
#include "files/hdf5.h"
#include "networks.h"
#include "scratch.h"
#include "torture.h"

#include <math.h>

#define FOLDER ANTLER_SOURCE_DIR "/tests/old_files/"

static const char *const old_files[] = {
    "keras1_bidirectional",
    "keras1_conv_lstm",
    "keras1_convolution",
    "keras1_convolution1d",
    "keras1_convolution1d_first",
    "keras1_graph",
    "keras1_local",
    "keras1_lstm",
    "keras1_merge",
    "keras1_theano",
    "keras1_transpose",
    "keras2_adadelta",
    "keras2_adagrad",
    "keras2_adam",
    "keras2_adamax",
    "keras2_chunks",
    "keras2_cudnngru",
    "keras2_cudnnlstm",
    "keras2_gates",
    "keras2_local1",
    "keras2_local1_first",
    "keras2_local2",
    "keras2_local2_first",
    "keras2_local3",
    "keras2_local3_first",
    "keras2_nadam",
    "keras2_operators",
    "keras2_rmsprop",
    "keras2_sgd",
    "keras2_theano",
    "keras2_threshold",
};
enum { FILES = sizeof old_files / sizeof *old_files };

static antler_model *load(const char *path)
{
    antler_error err = {0};
    antler_model *model = antler_load(path, &err);
    must(model ? ANTLER_OK : err.status, &err);
    return model;
}

/* That the model predicts what the old Keras did, within 1e-5 of each number, as of golden cases. */
static void check_predictions(antler_model *model, const char *path, const char *what)
{
    antler_error err = {0};
    antler_entries io = {0};
    must(antler__hdf5_read(path, NULL, 0, &io, &err), &err);
    const antler_entry *wanted = antler__entries_find(&io, "/predict");
    antler_data *x = antler_data_open(path, "x", &err);
    must(x ? ANTLER_OK : err.status, &err);
    const int64_t n = antler_count(&wanted->shape, 0);
    antler_real *y = malloc((size_t)n * sizeof *y);
    ck_assert_int_eq(antler_count(antler_output_shape(model), 1), antler_count(&wanted->shape, 1));
    must(antler_predict(model, x, 32, 2, y, &err), &err);
    for (int64_t i = 0; i < n; i++) {
        double right = (double)((const float *)wanted->data)[i];
        ck_assert_msg(fabs((double)y[i] - right) <= 1e-5 + 1e-4 * fabs(right), "%s, %s: [%lld] is %.9g, not %.9g", path,
                      what, (long long)i, (double)y[i], right);
    }
    free(y);
    antler_data_free(x);
    antler__entries_free(&io);
}

START_TEST(test_old_file)
{
    char file[512], io[512];
    snprintf(file, sizeof file, FOLDER "%s.h5", old_files[_i]);
    snprintf(io, sizeof io, FOLDER "%s.io.h5", old_files[_i]);
    antler_model *model = load(file);
    check_predictions(model, io, "as it came");
    scratch_make();
    static const char *const written[] = {"again.h5", "again.keras"};
    for (int i = 0; i < (1 + HAS_ZIP); i++) {
        antler_error err = {0};
        must(antler_save(model, scratch_path(written[i]), &err), &err);
        antler_model *again = load(scratch_path(written[i]));
        check_predictions(again, io, written[i]);
        antler_model_free(again);
    }
    scratch_remove();
    antler_model_free(model);
}
END_TEST

START_TEST(test_note)
{
    antler_model *model = load(FOLDER "keras1_graph.h5");
    const antler_error *note = antler_model_warning(model, 0);
    ck_assert_msg(note && strstr(note->message, "no keras_version: read as Keras 1's, which alone has the key"), "%s",
                  note ? note->message : "no note");
    antler_model_free(model);
}
END_TEST

/* Recurrent defaults of the version: gates were hard, and a GRU multiplied by its reset gate first. */
START_TEST(test_versions)
{
    static const struct {
        const char *version, *gate;
        bool after;
    } versions[] = {
        {"2.1.6-tf", "hard_sigmoid_keras2", false}, {"2.3.1", "sigmoid", false}, {"2.4.0", "sigmoid", true}};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        char text[512];
        antler_error err = {0};
        antler_object layer;
        snprintf(text, sizeof text,
                 "{'class_name': 'Sequential', 'keras_version': '%s', 'config': [{'class_name': 'GRU', 'config': "
                 "{'units': 2, 'batch_input_shape': [null, 3, 2], 'kernel_initializer': {'class_name': 'Zeros', "
                 "'config': {'dtype': 'float32'}}}}]}",
                 versions[i].version);
        antler_model *model = antler_load_json(quoted(text), NULL, &err);
        must(model ? antler_build(model) : err.status, &err);
        ck_assert(antler_model_object(model, ANTLER_KIND_LAYER, 1, &layer));
        const antler_object *gate = antler_object_field(layer, "recurrent_activation");
        ck_assert_str_eq(gate->type->class_name, versions[i].gate);
        ck_assert_int_eq(*(const bool *)antler_object_field(layer, "reset_after"), versions[i].after);
        antler_model_free(model);
    }
}
END_TEST

#define FIRST "'batch_input_shape': [null, 4]"
static const struct refusal {
    const char *version, *layers, *says;
} refusals[] = {
    {"1.2.2", "{'class_name': 'Dense', 'config': {'output_dim': 2}}", "no input shape"},
    {"1.2.2", "{'class_name': 'BatchNormalization', 'config': {'mode': 1, " FIRST "}}",
     "config[0].config.mode: 1: only 0 is read, as it normalizes by other statistics"},
    {"1.2.2", "{'class_name': 'Highway', 'config': {'init': 'one', " FIRST "}}",
     "config[0].class_name: Highway is not supported: a layer of Keras 1"},
    {"1.2.2", "{'class_name': 'Embedding', 'config': {'input_dim': 3, 'output_dim': 2, 'dropout': 0.5, " FIRST "}}",
     "config[0].config.dropout: 0.5: only 0 is read, as Keras 1 dropped whole words"},
    {"1.2.2", "{'class_name': 'Merge', 'config': {'mode': 'cos', " FIRST "}}", "Merge is not supported: only modes"},
    {"1.2.2", "{'class_name': 'Convolution2D', 'config': {'nb_filter': 2, 'nb_row': 3, " FIRST "}}",
     "config[0].config.nb_col: missing; it has no default"},
    {"1.2.2", "{'class_name': 'Dense', 'config': {'output_dim': 2, 'units': 2, " FIRST "}}",
     "config[0].config.output_dim: \"units\" stands beside it"},
    {"2.2.4", "{'class_name': 'Dense', 'config': {'output_dim': 2, " FIRST "}}", "Dense has no such key"},
    {"2.2.4", "{'class_name': 'Lambda', 'config': {'function': 'f', " FIRST "}}",
     "Lambda is not supported: it holds Python code, which is not run"},
    {"2.2.4", "{'class_name': 'Lambda', 'config': {'function': ['4\\u0000'], " FIRST "}}",
     "the Python code of a Lambda"},
    {"2.2.4",
     "{'class_name': 'LocallyConnected1D', 'config': {'filters': 2, 'kernel_size': 2, 'padding': 'same', "
     "'batch_input_shape': [null, 4, 2]}}",
     "padding \"same\" needs 2 or 3"},
};

START_TEST(test_refusal)
{
    const struct refusal *r = &refusals[_i];
    char text[1024];
    antler_error err = {0};
    snprintf(text, sizeof text, "{'class_name': 'Sequential', 'keras_version': '%s', 'config': [%s]}", r->version,
             r->layers);
    antler_model *model = antler_load_json(quoted(text), NULL, &err);
    ck_assert_msg(!model, "%s is taken", r->layers);
    expect_error(&err, err.status, r->says);
}
END_TEST

START_TEST(test_theano_borders)
{
    antler_error err = {0};
    ck_assert_ptr_null(antler_load(FOLDER "refused_theano.h5", &err));
    expect_error(&err, ANTLER_UNSUPPORTED, "on Theano, whose borders lie otherwise");
}
END_TEST

/* A penalty on outputs that was added up over the batch loads with a warning; where it was not, without. */
static const struct summed {
    const char *version, *class_name, *key;
    int warnings;
} summed[] = {
    {"2.2.4", "Dense", "'units': 2, 'activity_regularizer': {'class_name': 'L1L2', 'config': {'l1': 0.0, 'l2': 0.1}}",
     1},
    {"2.3.1", "Dense", "'units': 2, 'activity_regularizer': 'l2'", 1},
    {"2.2.4-tf", "Dense", "'units': 2, 'activity_regularizer': 'l2'", 0},
    {"2.4.0", "Dense", "'units': 2, 'activity_regularizer': 'l2'", 0},
    {"2.2.4", "Dense", "'units': 2, 'activity_regularizer': null", 0},
    {"2.2.4", "ActivityRegularization", "'l1': 0.0, 'l2': 0.1", 1},
    {"1.2.2", "Dense", "'output_dim': 2, 'activity_regularizer': {'name': 'L1L2Regularizer', 'l1': 0.1, 'l2': 0}", 1},
    {"1.1.1", "Dense", "'output_dim': 2, 'activity_regularizer': {'name': 'ActivityRegularizer', 'l1': 0.1, 'l2': 0}",
     0},
};

START_TEST(test_summed)
{
    const struct summed *s = &summed[_i];
    char text[1024];
    antler_error err = {0};
    snprintf(text, sizeof text,
             "{'class_name': 'Sequential', 'keras_version': '%s', 'config': [{'class_name': '%s', 'config': {%s, " FIRST
             "}}]}",
             s->version, s->class_name, s->key);
    antler_model *model = antler_load_json(quoted(text), NULL, &err);
    must(model ? ANTLER_OK : err.status, &err);
    for (int i = 0; i < s->warnings; i++) {
        ck_assert_msg(antler_model_warning(model, i), "%s: no warning", text);
        ck_assert_ptr_nonnull(strstr(antler_model_warning(model, i)->message, "divide it by the batch size"));
    }
    ck_assert_ptr_null(antler_model_warning(model, s->warnings));
    antler_model_free(model);
}
END_TEST

/* Settings of an old file that nothing today computes keep no model: what trains names them, and the others are read.
 */
static const struct setting {
    const char *version, *optimizer, *says; /* NULL: read */
} old_settings[] = {
    {"2.15.0", "{'class_name': 'Nadam', 'config': {'learning_rate': 0.1, 'decay': 0.01}}",
     "compile_config.optimizer.config.decay: 0.01: only 0.004 is read, as Keras 3 has that one alone"},
    {"2.2.4", "{'class_name': 'Nadam', 'config': {'lr': 0.1, 'schedule_decay': 0.5}}", "schedule_decay: 0.5: only"},
    {"2.2.4", "{'class_name': 'Nadam', 'config': {'lr': 0.1, 'schedule_decay': 0.004}}", NULL},
    {"2.15.0", "{'class_name': 'Nadam', 'config': {'learning_rate': 0.1, 'decay': 0.004}}", NULL},
    {"2.2.4", "{'class_name': 'SGD', 'config': {'lr': 0.1, 'learning_rate': 0.2}}",
     "lr: \"learning_rate\" stands beside it"},
    {"3.0.0", "{'class_name': 'Nadam', 'config': {'decay': 0.1}}", "decay: Nadam has no such key"},
    {"3.0.0", "{'class_name': 'SGD', 'config': {'learning_rate': 0.1, 'decay': 0.1}}", NULL},
};

static antler_model *load_settings(const struct setting *s)
{
    char text[1024];
    antler_error err = {0};
    snprintf(text, sizeof text,
             "{'class_name': 'Sequential', 'keras_version': '%s', 'compile_config': {'optimizer': %s, 'loss': 'mse'}, "
             "'config': [{'class_name': 'Dense', 'config': {'units': 2, " FIRST "}}]}",
             s->version, s->optimizer);
    antler_model *model = antler_load_json(quoted(text), NULL, &err);
    must(model ? ANTLER_OK : err.status, &err);
    return model;
}

START_TEST(test_settings)
{
    const struct setting *s = &old_settings[_i];
    antler_error err = {0};
    antler_model *model = load_settings(s);
    antler_status status = antler_model_ready(model, &err);
    if (s->says)
        expect_error(&err, status, s->says);
    else
        must(status, &err);
    ck_assert_int_eq(status == ANTLER_OK, !s->says);
    antler_model_free(model);
}
END_TEST

static antler_status load_tortured(void *path)
{
    antler_error err = {0};
    antler_model *model = antler_load(path, &err);
    antler_model_free(model);
    return model ? ANTLER_OK : err.status;
}

START_TEST(test_memory)
{
    static char *const files[] = {FOLDER "keras1_merge.h5",  FOLDER "keras1_bidirectional.h5",
                                  FOLDER "keras2_local2.h5", FOLDER "keras2_cudnngru.h5",
                                  FOLDER "keras2_nadam.h5",  FOLDER "keras2_local2_first.h5"};
    torture(load_tortured, files[_i]);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("old files");
    if (!HAS_HDF5)
        return SKIPPED;
    tcase_set_timeout(tests, 0);
    tcase_add_loop_test(tests, test_old_file, 0, FILES);
    tcase_add_loop_test(tests, test_refusal, 0, sizeof refusals / sizeof *refusals);
    tcase_add_loop_test(tests, test_memory, 0, 6);
    tcase_add_loop_test(tests, test_summed, 0, sizeof summed / sizeof *summed);
    tcase_add_loop_test(tests, test_settings, 0, sizeof old_settings / sizeof *old_settings);
    tcase_add_test(tests, test_note);
    tcase_add_test(tests, test_versions);
    tcase_add_test(tests, test_theano_borders);
    return run_suite("old_files", tests);
}

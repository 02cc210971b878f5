/* Settings of C callers: what a macro of theirs brings is kept, what has no name is refused, older and shorter structs
   are taken, longer ones are not. */
#include "networks.h"
#include "scratch.h"
#include "torture.h"

#define WIDE .units = 64, .activation = "relu"
#define TANH .activation = "tanh"
#define NOTHING_MORE
#define ONE_EPOCH .epochs = 1, .batch_size = 2
#define SGD_MSE .optimizer = "sgd", .loss = "mse"

static antler_model *fresh(void)
{
    antler_error err = {0};
    antler_model *model = antler_sequential("m", (int[]){4}, 1, &err);
    must(err.status, &err);
    return model;
}

static bool json_has(antler_model *model, const char *part)
{
    antler_error err = {0};
    char wanted[512];
    snprintf(wanted, sizeof wanted, "%s", part);
    must(antler_model_error(model)->status, antler_model_error(model));
    char *text = antler_model_json(model, &err);
    must(text ? ANTLER_OK : err.status, &err);
    bool has = strstr(text, quoted(wanted)) != NULL;
    antler_text_free(text);
    return has;
}

/* The model's error is this line. Frees the model. */
static void refused(antler_model *model, antler_status status, const char *line)
{
    char text[1100];
    ck_assert_int_eq(antler_model_error(model)->status, status);
    ck_assert_str_eq(antler_error_text(antler_model_error(model), text, sizeof text), line);
    antler_model_free(model);
}

START_TEST(macros_of_the_caller_are_settings_too)
{
    antler_real x[8] = {0};
    const int64_t wide = 7;
    antler_data *data = rows_of(x, 2, 4);
    antler_model *m = fresh();
    antler_add(m, dense, WIDE);
    antler_add(m, dense, .units = wide, TANH, .use_bias = false NOTHING_MORE);
    antler_add(m, dense, .units = 4);
    antler_compile(m, SGD_MSE);
    ck_assert(json_has(m, "'units': 64"));
    ck_assert(json_has(m, "'activation': 'relu'"));
    ck_assert(json_has(m, "'units': 7"));
    ck_assert(json_has(m, "'activation': 'tanh'"));
    ck_assert(json_has(m, "'use_bias': false"));
    ck_assert(json_has(m, "'SGD'"));
    ck_assert_int_eq(antler_fit(m, data, data, ONE_EPOCH), ANTLER_OK);
    ck_assert_int_eq(antler_fit(m, data, data), ANTLER_OK);
    ck_assert_int_eq(antler_history(m, NULL), 1);
    antler_data_free(data);
    antler_model_free(m);
}
END_TEST

START_TEST(the_model_s_fit_needs_no_settings)
{
    antler_real x[8] = {0};
    antler_model *m = network("4", "{'class_name': 'Dense', 'config': {'units': 4}}",
                              ", 'compile_config': {'loss': 'mse', 'optimizer': 'sgd'}, 'fit': {'epochs': 3}");
    antler_data *data = rows_of(x, 2, 4);
    ck_assert_int_eq(antler_fit(m, data, data), ANTLER_OK);
    ck_assert_int_eq(antler_history(m, NULL), 3);
    antler_data_free(data);
    antler_model_free(m);
}
END_TEST

START_TEST(values_may_look_like_anything)
{
    antler_model *m = fresh();
    const char *names[] = {"a", "b"};
    antler_add(m, dense, .units = ((int64_t[]){3, 5})[1], .name = &", .trainable = 0"[2]);
    antler_add(m, dense, .units = 'a' == '\'' ? 1 : 2, .name = names[1]);
    antler_add(m, reshape, .target_shape[0] = 2, .target_shape[1] = 1);
    ck_assert(json_has(m, "'units': 5"));
    ck_assert(antler_shape_equal(antler_output_shape(m), &(antler_shape){3, {ANTLER_BATCH, 2, 1}}));
    antler_model_free(m);
    /* as C++ writes them: a raw string, digits in groups, braces of a lambda */
    static const char *const given =
        ".name = R\"x(a, b)\", \"c)x\", .units = 1'0, .use_bias = [](int a, int b) { return "
        "a < b; }(1, 2)";
    m = fresh();
    antler_add_given(m, &antler_layer_dense, &(struct antler_dense){.name = "n", .units = 10, .use_bias = false},
                     sizeof(struct antler_dense), given);
    ck_assert(json_has(m, "'units': 10"));
    ck_assert(json_has(m, "'use_bias': false"));
    ck_assert(json_has(m, "'name': 'n'"));
    antler_model_free(m);
}
END_TEST

static const struct {
    const char *given;
    antler_status status;
    const char *line;
} bad_layers[] = {
    {"3", ANTLER_VALUE,
     "config.layers[1].config: `3` does not name its setting; write .member = value, such as .units = ..."},
    {".units = 3, \"relu\"", ANTLER_VALUE,
     "config.layers[1].config: `\"relu\"` does not name its setting; write .member = value, such as .units = ..."},
    {"units = 3", ANTLER_VALUE,
     "config.layers[1].config: `units = 3` does not name its setting; write .member = value, such as .units = ..."},
    {"RELU, .units = 3", ANTLER_VALUE,
     "config.layers[1].config: `RELU` does not name its setting; write .member = value, such as .units = ..."},
    {".units", ANTLER_VALUE,
     "config.layers[1].config: `.units` does not name its setting; write .member = value, such as .units = ..."},
    {".unit = 3", ANTLER_NAME, "config.layers[1].config: there is no setting `.unit`"},
    {".activation_ = 3", ANTLER_NAME, "config.layers[1].config: there is no setting `.activation_`"},
    {".units=,,", ANTLER_VALUE,
     "config.layers[1].config: `` does not name its setting; write .member = value, such as .units = ..."},
};

START_TEST(layers_settings_are_named)
{
    antler_model *m = fresh();
    antler_add_given(m, &antler_layer_dense, &(struct antler_dense){.units = 3}, sizeof(struct antler_dense),
                     bad_layers[_i].given);
    refused(m, bad_layers[_i].status, bad_layers[_i].line);
}
END_TEST

START_TEST(settings_of_training_are_named)
{
    antler_real x[8] = {0};
    antler_data *data = rows_of(x, 2, 4);
    antler_model *m = fresh();
    antler_compile(m, .optimizer = "sgd", "mse"); /* C takes it */
    refused(m, ANTLER_VALUE,
            "compile_config: `\"mse\"` does not name its setting; write .member = value, such as .optimizer = ...");
    antler_compile_given(m = fresh(), &(struct antler_compile){0}, sizeof(struct antler_compile), ".metric=");
    refused(m, ANTLER_NAME, "compile_config: there is no setting `.metric`");
    antler_fit(m = fresh(), data, data, .epochs = 20, 0);
    refused(m, ANTLER_VALUE, "fit: `0` does not name its setting; write .member = value, such as .batch_size = ...");
    antler_fit_given(m = fresh(), data, data, &(struct antler_fit){0}, sizeof(struct antler_fit), ".data=");
    refused(m, ANTLER_NAME, "fit: there is no setting `.data`"); /* of "fit" in JSON, not of the struct */
    antler_data_free(data);
}
END_TEST

/* A struct as an older header might have had it: without what came later. */
static void *cut(const void *whole, size_t size)
{
    void *copy = malloc(size); /* so that the address sanitizer sees what is read */
    ck_assert_ptr_nonnull(copy);
    return memcpy(copy, whole, size);
}

START_TEST(older_structs_are_taken)
{
    antler_real x[8] = {0};
    antler_data *data = rows_of(x, 2, 4);
    antler_model *m = fresh();
    const size_t old[] = {offsetof(struct antler_dense, activation), offsetof(struct antler_compile, learning_rate),
                          offsetof(struct antler_fit, checkpoint)};
    void *dense = cut(&(struct antler_dense){.units = 4}, old[0]);
    void *compile = cut(&(struct antler_compile){.loss = "mse"}, old[1]);
    void *fit = cut(&(struct antler_fit){.epochs = 2}, old[2]);
    must(antler_add_given(m, &antler_layer_dense, dense, old[0], ".units="), antler_model_error(m));
    must(antler_add_given(m, &antler_layer_flatten, NULL, 0, ""), antler_model_error(m));
    must(antler_compile_given(m, compile, old[1], ".loss="), antler_model_error(m));
    ck_assert(json_has(m, "'learning_rate': 0.001"));
    must(antler_fit_given(m, data, data, fit, old[2], ".epochs="), antler_model_error(m));
    ck_assert_int_eq(antler_history(m, NULL), 2);
    ck_assert(json_has(m, "'activation': 'linear'"));
    antler_model_free(m);
    antler_add_given(m = fresh(), &antler_layer_dense, dense, old[0], ".activation=");
    refused(m, ANTLER_NAME, "config.layers[1].config: there is no setting `.activation`");
    antler_data_free(data);
    free(dense);
    free(compile);
    free(fit);
}
END_TEST

/* A member counts when all of it is there. */
START_TEST(members_cut_in_two_are_refused)
{
    antler_real x[8] = {0};
    antler_data *data = rows_of(x, 2, 4);
    struct antler_dense dense = {.units = 3, .use_bias = true, .activation = "relu"};
    antler_model *m = fresh();
    antler_add_given(m, &antler_layer_dense, &dense, offsetof(struct antler_dense, units) + 1, ".units=");
    refused(m, ANTLER_NAME, "config.layers[1].config: there is no setting `.units`");
    antler_add_given(m = fresh(), &antler_layer_dense, &dense, offsetof(struct antler_dense, activation) + 7,
                     ".units=,.activation=");
    refused(m, ANTLER_NAME, "config.layers[1].config: there is no setting `.activation`");
    antler_add_given(m = fresh(), &antler_layer_conv2d, &(struct antler_conv2d){.filters = 1, .kernel_size = {1, 1}},
                     offsetof(struct antler_conv2d, kernel_size) + sizeof(int64_t), ".filters=,.kernel_size=");
    refused(m, ANTLER_NAME, "config.layers[1].config: there is no setting `.kernel_size`");
    antler_compile_given(m = fresh(), &(struct antler_compile){.loss = "mse"}, offsetof(struct antler_compile, loss),
                         ".loss=");
    refused(m, ANTLER_NAME, "compile_config: there is no setting `.loss`");
    antler_fit_given(m = fresh(), data, data, &(struct antler_fit){.resume = true},
                     offsetof(struct antler_fit, checkpoint), ".resume=");
    refused(m, ANTLER_NAME, "fit: there is no setting `.resume`");
    antler_data_free(data);
}
END_TEST

/* "PLACE: a struct of N bytes, where this version's has M: ..." */
static void refused_by_size(antler_model *model, const char *place, size_t size)
{
    char line[256];
    snprintf(line, sizeof line,
             "%s: a struct of %zu bytes, where this version's has %zu: the program was compiled with the headers of a "
             "later version",
             place, size + 8, size);
    refused(model, ANTLER_VALUE, line);
}

START_TEST(later_structs_are_refused)
{
    const char bytes[4096] = {0};
    antler_model *m = fresh();
    antler_add_given(m, &antler_layer_dense, bytes, sizeof(struct antler_dense) + 8, ".units=");
    refused_by_size(m, "config.layers[1].config", sizeof(struct antler_dense));
    antler_compile_given(m = fresh(), (const void *)bytes, sizeof(struct antler_compile) + 8, ".loss=");
    refused_by_size(m, "compile_config", sizeof(struct antler_compile));
    antler_fit_given(m = fresh(), NULL, NULL, (const void *)bytes, sizeof(struct antler_fit) + 8, ".epochs=");
    refused_by_size(m, "fit", sizeof(struct antler_fit));
}
END_TEST

/* ---- settings of a file that cannot be read ---- */

static const char unread[] =
    "{'class_name': 'Sequential', 'config': {'layers': [{'class_name': 'InputLayer', 'config': {'batch_shape': "
    "[null, 4]}}, {'class_name': 'Dense', 'config': {'units': 4}}]}, 'compile_config': {'optimizer': {'class_name': "
    "'SGD', 'config': {'learning_rate': 0.5}}, 'loss': {'class_name': 'my_loss', 'config': {'a': [1]}}, 'metrics': "
    "['mae', "
    "'other']}, 'fit': {'epochs': 2, 'callbacks': ['Theirs']}}";

static antler_model *load_unread(antler_error *err)
{
    char json[sizeof unread];
    memcpy(json, unread, sizeof json);
    return antler_load_json(quoted(json), NULL, err);
}

static void expect_unready(const antler_model *model, const char *line)
{
    char text[1100];
    antler_error err = {0};
    ck_assert_int_eq(antler_model_ready(model, &err), ANTLER_NAME);
    err.line = 0;
    antler_error_text(&err, text, sizeof text);
    text[strlen(line)] = '\0'; /* what there is may follow */
    ck_assert_str_eq(text, line);
}

START_TEST(what_training_needs_keeps_nobody_from_predicting)
{
    antler_error err = {0};
    antler_real x[8] = {0}, y[8];
    antler_model *m = load_unread(&err);
    must(m ? ANTLER_OK : err.status, &err);
    ck_assert_str_eq(antler_model_warning(m, 0)->message, "unknown loss \"my_loss\"");
    ck_assert_str_eq(antler_model_warning(m, 1)->place, "compile_config.metrics[1]");
    ck_assert_str_eq(antler_model_warning(m, 2)->place, "fit.callbacks[0]");
    ck_assert_ptr_null(antler_model_warning(m, 3));
    antler_data *data = rows_of(x, 2, 4);
    must(antler_predict(m, data, 0, 1, y, &err), &err);
    ck_assert_int_eq(antler_evaluate(m, data, data, 0, 1, NULL, &err), ANTLER_NAME);
    ck_assert_str_eq(err.message, "unknown loss \"my_loss\"");
    err = (antler_error){0};
    ck_assert(json_has(m, "'a': ["));
    ck_assert(json_has(m, "'other'"));
    ck_assert(json_has(m, "'Theirs'"));
    expect_unready(m, "compile_config.loss.class_name: unknown loss \"my_loss\"");
    must(antler_compile(m, .loss = "mse", .keep = true), antler_model_error(m));
    expect_unready(m, "compile_config.metrics[1]: unknown metric \"other\"");
    ck_assert(json_has(m, "'learning_rate': 0.5"));
    ck_assert(json_has(m, "'other'"));
    must(antler_compile(m, .metrics = {"mse"}, .loss = NULL, .keep = true), antler_model_error(m));
    expect_unready(m, "fit.callbacks[0]: unknown callback \"Theirs\"");
    ck_assert(json_has(m, "'MeanSquaredError'"));
    must(antler_evaluate(m, data, data, 0, 1, NULL, &err), &err);
    ck_assert_int_eq(antler_fit(m, data, data), ANTLER_NAME);
    must(antler_fit(m, data, data, .callbacks = "[]"), antler_model_error(m));
    ck_assert_int_eq(antler_compile(m, .learning_rate = 0.1, .keep = true), ANTLER_VALUE);
    antler_data_free(data);
    antler_model_free(m);
}
END_TEST

START_TEST(settings_anew_replace_all_that_was_not_read)
{
    antler_error err = {0};
    antler_model *m = load_unread(&err);
    must(antler_compile(m, .loss = "mae"), antler_model_error(m));
    expect_unready(m, "fit.callbacks[0]: unknown callback \"Theirs\"");
    ck_assert(!json_has(m, "'my_loss'") && !json_has(m, "'other'") && json_has(m, "'Adam'"));
    antler_model_free(m);
}
END_TEST

/* Another loss leaves the optimizer's state as it is, another optimizer does not. */
START_TEST(what_is_kept_goes_on)
{
    antler_error err = {0};
    antler_real v[8] = {1, 2, 3, 4};
    antler_model *m = network("4", "{'class_name': 'Dense', 'config': {'units': 4}}",
                              ", 'compile_config': {'optimizer': 'adam', 'loss': 'mse'}");
    antler_data *data = rows_of(v, 2, 4);
    must(antler_fit(m, data, data, .epochs = 3), antler_model_error(m));
    scratch_make();
    must(antler_compile(m, .loss = "mae", .keep = true), antler_model_error(m));
    must(antler_save(m, scratch_path("kept.weights.h5"), &err), &err);
    must(antler_compile(m, .optimizer = "adam", .keep = true), antler_model_error(m));
    must(antler_save(m, scratch_path("new.weights.h5"), &err), &err);
    antler_data *kept = antler_data_open(scratch_path("kept.weights.h5"), "optimizer/vars/2", &err);
    antler_data *anew = antler_data_open(scratch_path("new.weights.h5"), "optimizer/vars/2", &err);
    must(kept && anew ? ANTLER_OK : err.status, &err);
    antler_real a[16], b[16];
    const int64_t rows[] = {0, 1, 2, 3};
    must(antler_data_gather(kept, rows, 4, a, &err), &err);
    must(antler_data_gather(anew, rows, 4, b, &err), &err);
    bool moved = false;
    for (int i = 0; i < 16; i++) {
        moved |= a[i] != 0;
        ck_assert(b[i] == 0);
    }
    ck_assert(moved);
    antler_data_free(kept);
    antler_data_free(anew);
    scratch_remove();
    antler_data_free(data);
    antler_model_free(m);
}
END_TEST

static antler_status unread_life(void *arg)
{
    antler_error err = {0};
    antler_model *m = load_unread(&err);
    (void)arg;
    if (!m)
        return err.status;
    char *text = antler_model_json(m, &err);
    antler_text_free(text);
    antler_status status = text ? antler_compile(m, .loss = "mse", .keep = true) : err.status;
    antler_model_free(m);
    return status;
}

START_TEST(unread_settings_without_memory)
{
    torture(unread_life, NULL);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("settings");
    tcase_add_test(tests, what_training_needs_keeps_nobody_from_predicting);
    tcase_add_test(tests, settings_anew_replace_all_that_was_not_read);
    if (HAS_HDF5)
        tcase_add_test(tests, what_is_kept_goes_on);
    tcase_add_test(tests, unread_settings_without_memory);
    tcase_add_test(tests, macros_of_the_caller_are_settings_too);
    tcase_add_test(tests, the_model_s_fit_needs_no_settings);
    tcase_add_test(tests, values_may_look_like_anything);
    tcase_add_loop_test(tests, layers_settings_are_named, 0, sizeof bad_layers / sizeof *bad_layers);
    tcase_add_test(tests, settings_of_training_are_named);
    tcase_add_test(tests, older_structs_are_taken);
    tcase_add_test(tests, members_cut_in_two_are_refused);
    tcase_add_test(tests, later_structs_are_refused);
    return run_suite("settings", tests);
}

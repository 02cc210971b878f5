/* ONNX files as bytes: that they can be written, again and again the same, and what is refused. What onnxruntime makes
   of them is in test_onnx.py, for which this suite, given a folder in ANTLER_ONNX_CASES, leaves a file there for each
   sample of every layer and operator and each network of models/: N.onnx, N.bin with the numbers of all inputs and then
   of all outputs, and a line "N NAME" in cases.txt; or "refused NAME: why". */
#include "samples.h"
#include "scratch.h"
#include "suite.h"
#include "torture.h"

#include <glob.h>

static int cases;
static FILE *list; /* cases.txt, or NULL */
static const char *folder;

/* ---- cases --------------------------------------------------------------------------------------------------------
 */

/* The value that a Masking drops, or NULL. */
static const double *dropped(const antler_model *model)
{
    for (int64_t l = 0; l < model->layers; l++)
        if (model->layer[l].object.type && antler_object_field(model->layer[l].object, "mask_value"))
            return antler_object_field(model->layer[l].object, "mask_value");
    return NULL;
}

/* Whole numbers for an input that looks them up; every third step for a Masking. */
static void fill_inputs(const antler_model *model, antler_real *x)
{
    const double *value = dropped(model);
    for (int64_t k = 0; k < model->inputs; k++) {
        const antler_shape *shape = &model->wire[model->input[k]].shape;
        int64_t n = BATCH * antler_count(shape, 1), tokens = antler_input_tokens(model, k);
        int64_t step = antler_count(shape, 2);
        fill(x, n, (uint32_t)k + 1);
        for (int64_t i = 0; i < n; i++)
            if (tokens)
                x[i] = (antler_real)(((i + 1) * 7 / 3) % tokens);
            else if (value && i / step % 3 == 1)
                x[i] = (antler_real)*value;
        x += n;
    }
}

static void write_numbers(bench *b)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%d.bin", folder, cases);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    fill_inputs(b->model, b->x);
    forward(b, b->x, BATCH, b->y);
    ck_assert_int_eq((int64_t)fwrite(b->x, sizeof *b->x, (size_t)b->nx, file), b->nx);
    ck_assert_int_eq((int64_t)fwrite(b->y, sizeof *b->y, (size_t)b->ny, file), b->ny);
    ck_assert_int_eq(fclose(file), 0);
}

/* A case is written, or refused with its layer's name. What the bench computes is what the file must. */
static antler_status check_as(const char *name, antler_model *model, bench *b)
{
    char path[1024], text[1200];
    antler_error err = {0};
    snprintf(path, sizeof path, "%s/%d.onnx", folder, cases);
    antler_status status = antler_save_onnx(model, path, 0, &err);
    if (status == ANTLER_OK && list) {
        write_numbers(b);
        fprintf(list, "%d %s\n", cases++, name);
    } else if (status != ANTLER_OK) {
        antler_error_text(&err, text, sizeof text);
        ck_assert_msg(status == ANTLER_UNSUPPORTED && strstr(text, "layer \"") != NULL, "%s: %s", name, text);
        if (list)
            fprintf(list, "refused %s: %s\n", name, err.message);
    }
    return status;
}

/* Takes the model over. */
static void check_case(const char *name, antler_model *model)
{
    bench b = bench_of(model, ANTLER_INFER, 0); /* which changes the weights */
    check_as(name, model, &b);
    close_bench(&b);
}

/* ---- axes of any length -------------------------------------------------------------------------------------------
 */

/* "INPUT LAYERS": "@" is null in the model that is written, and LENGTH, as in test_onnx.py, in the one that computes.
 */
#define LENGTH "5"
#define STEPS "{'class_name': 'InputLayer', 'config': {'batch_shape': [null, @, 3]}}, "
#define IMAGES "{'class_name': 'InputLayer', 'config': {'batch_shape': [null, @, @, 3]}}, "
#define ON_STEPS(layers)                                                                                              \
    "{'class_name': 'TimeDistributed', 'config': {'layer': {'class_name': 'Sequential', 'config': {'name': 'inner', " \
    "'layers': [" layers "]}}}}"
#define DENSE "{'class_name': 'Dense', 'config': {'units': 4, 'activation': 'tanh'}}"
#define SAMPLE "{'class_name': 'InputLayer', 'config': {'batch_shape': [null, 3]}}, "

static const char *const open_models[] = {
    STEPS "{'class_name': 'TimeDistributed', 'config': {'layer': " DENSE
          "}}, {'class_name': 'LSTM', 'config': {'units': 2}}",
    STEPS ON_STEPS(SAMPLE DENSE ", {'class_name': 'Reshape', 'config': {'target_shape': [2, 2]}}"),
    IMAGES ON_STEPS(STEPS "{'class_name': 'GRU', 'config': {'units': 2}}"),
    IMAGES "{'class_name': 'TimeDistributed', 'config': {'layer': {'class_name': 'Conv1D', 'config': {'filters': 2, "
           "'kernel_size': 3, 'padding': 'same'}}}}",
    STEPS "{'class_name': 'UpSampling1D', 'config': {}}", /* which is refused */
    "{'class_name': 'InputLayer', 'config': {'batch_shape': [null, @, 2, 3]}}, " ON_STEPS(
        "{'class_name': 'InputLayer', 'config': {'batch_shape': [null, 2, 3]}}, " ON_STEPS(SAMPLE DENSE)),
    STEPS "{'class_name': 'PReLU', 'config': {'shared_axes': [1], 'alpha_initializer': 'he_normal'}}",
    IMAGES "{'class_name': 'PReLU', 'config': {'shared_axes': [1, 2], 'alpha_initializer': 'he_normal'}}",
};
enum { REFUSED = 4 };

static antler_model *open_model(const char *layers, const char *length)
{
    char text[2048] = "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"m\", \"layers\": [";
    size_t n = strlen(text);
    for (const char *c = layers; *c && n < sizeof text - 16; c++) {
        snprintf(text + n, sizeof text - n, *c == '@' ? "%s" : "%.1s", *c == '@' ? length : *c == '\'' ? "\"" : c);
        n += strlen(text + n);
    }
    snprintf(text + n, sizeof text - n, "]}}");
    return load_text(text);
}

static void check_open_models(void)
{
    for (size_t i = 0; i < sizeof open_models / sizeof *open_models; i++) {
        antler_model *model = open_model(open_models[i], "null");
        bench b = bench_of(open_model(open_models[i], LENGTH), ANTLER_INFER, 0);
        const antler_variable *to, *from;
        for (int64_t v = 0; (to = antler_model_variable(model, v)) && (from = antler_model_variable(b.model, v)); v++)
            memcpy(to->value.data, from->value.data,
                   (size_t)antler_count(&to->value.shape, 0) * sizeof *to->value.data);
        ck_assert_int_eq(check_as(open_models[i], model, &b), i == REFUSED ? ANTLER_UNSUPPORTED : ANTLER_OK);
        antler_model_free(model);
        close_bench(&b);
    }
}

static void check_models(const char *pattern)
{
    glob_t found;
    ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        antler_error err = {0};
        antler_model *model = antler_load(found.gl_pathv[i], &err);
        ck_assert_msg(model != NULL || getenv("ANTLER_ONNX_MODELS"), "%s: %s", found.gl_pathv[i], err.message);
        if (model && antler_build(model) == ANTLER_OK && antler_input_shape(model)->dim[0] == ANTLER_BATCH &&
            !antler__is_open(antler_input_shape(model))) /* there are no numbers to run it on */
            check_case(found.gl_pathv[i], model);
        else
            antler_model_free(model);
    }
    globfree(&found);
}

START_TEST(every_sample_and_network_is_written_or_refused)
{
    char name[1024];
    const char *kept = getenv("ANTLER_ONNX_CASES");
    scratch_make();
    folder = kept ? kept : scratch;
    snprintf(name, sizeof name, "%s/cases.txt", folder);
    list = kept ? fopen(name, "w") : NULL;
    collect();
    collect_kind(ANTLER_KIND_OPERATION);
    for (int i = 0; i < samples; i++) {
        snprintf(name, sizeof name, "%s %s", all[i].ops->type.class_name, all[i].text);
        check_case(name, load(&all[i]));
    }
    check_models(ANTLER_SOURCE_DIR "/models/*.json");
    check_models(ANTLER_SOURCE_DIR "/models/*/*.json");
    check_open_models();
    if (getenv("ANTLER_ONNX_MODELS"))
        check_models(getenv("ANTLER_ONNX_MODELS"));
    if (list)
        ck_assert_int_eq(fclose(list), 0);
    free(all);
    scratch_remove();
}
END_TEST

/* ---- files ---------------------------------------------------------------------------------------------------------
 */

#define MASKED                                                                                                     \
    "{'class_name': 'Masking', 'config': {}}, {'class_name': 'Bidirectional', 'config': {'layer': {'class_name': " \
    "'LSTM', 'config': {'units': 2}}}}"

/* A Sequential of layers, with Dropout and Dense behind them; ' stands for ". */
static antler_model *network(const char *layers)
{
    char text[2048];
    snprintf(text, sizeof text,
             "{'class_name': 'Sequential', 'config': {'name': 'm', 'layers': [{'class_name': 'InputLayer', 'config': "
             "{'batch_shape': [null, 4, 3]}}, %s, {'class_name': 'Dropout', 'config': {'rate': 0.5}}, {'class_name': "
             "'Dense', 'config': {'units': 2, 'activation': 'softmax'}}]}}",
             layers);
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    return load_text(text);
}

static char *bytes_of(const char *path, long *size)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    *size = ftell(file);
    rewind(file);
    char *bytes = malloc((size_t)*size + 1);
    ck_assert_uint_eq(fread(bytes, 1, (size_t)*size, file), (size_t)*size);
    bytes[*size] = 0;
    fclose(file);
    return bytes;
}

static bool holds(const char *bytes, long size, const char *text)
{
    const size_t length = strlen(text);
    for (long i = 0; i + (long)length <= size; i++)
        if (memcmp(bytes + i, text, length) == 0)
            return true;
    return false;
}

START_TEST(the_same_model_gives_the_same_bytes)
{
    long size[2];
    char *bytes[2];
    antler_error err = {0};
    scratch_make();
    for (int i = 0; i < 2; i++) {
        antler_model *model = network(MASKED);
        must(antler_save_onnx(model, scratch_path("m.onnx"), 0, &err), &err);
        bytes[i] = bytes_of(scratch_path("m.onnx"), &size[i]);
        antler_model_free(model);
    }
    ck_assert_int_eq(size[0], size[1]);
    ck_assert_int_eq(memcmp(bytes[0], bytes[1], (size_t)size[0]), 0);
    ck_assert(holds(bytes[0], size[0], "batch") && holds(bytes[0], size[0], "Scan"));
    ck_assert(!holds(bytes[0], size[0], "Dropout"));
    free(bytes[0]), free(bytes[1]);
    scratch_remove();
}
END_TEST

START_TEST(noise_is_kept_where_it_is_wanted)
{
    long size;
    antler_error err = {0};
    antler_model *model = network("{'class_name': 'SpatialDropout1D', 'config': {'rate': 0.25}}");
    scratch_make();
    must(antler_save_onnx(model, scratch_path("m.onnx"), ANTLER_ONNX_NOISE, &err), &err);
    char *bytes = bytes_of(scratch_path("m.onnx"), &size);
    ck_assert(holds(bytes, size, "spatial_dropout1d/Dropout") && holds(bytes, size, "dropout/Dropout"));
    antler_model_free(model);
    model = network("{'class_name': 'LSTM', 'config': {'units': 2, 'recurrent_dropout': 0.5}}");
    must(antler_save_onnx(model, scratch_path("m.onnx"), 0, &err), &err);
    antler_save_onnx(model, scratch_path("m.onnx"), ANTLER_ONNX_NOISE, &err);
    expect_error(&err, ANTLER_UNSUPPORTED, "layer \"lstm\" (LSTM): its noise");
    antler_model_free(model);
    free(bytes);
    scratch_remove();
}
END_TEST

/* For test_onnx.py, which looks at what they drop; and whether they can be written. */
START_TEST(noise_for_those_who_run_it)
{
    char path[1024];
    antler_error err = {0};
    const char *kept = getenv("ANTLER_ONNX_CASES");
    antler_model *model = antler_sequential("m", (int[]){4, 3}, 2, &err);
    scratch_make();
    snprintf(path, sizeof path, "%s/noise.onnx", kept ? kept : scratch);
    antler_add(model, spatial_dropout1d, .rate = 0.25);
    antler_add(model, dropout, .rate = 0.5);
    antler_add(model, gaussian_noise, .stddev = 1e-6);
    must(antler_save_onnx(model, path, ANTLER_ONNX_NOISE, &err), &err);
    antler_model_free(model);
    scratch_remove();
}
END_TEST

START_TEST(a_refusal_names_the_layer_and_leaves_the_file)
{
    long size, again;
    antler_error err = {0};
    antler_model *model = network("{'class_name': 'Masking', 'config': {}}"), *refused;
    scratch_make();
    must(antler_save_onnx(model, scratch_path("m.onnx"), 0, &err), &err);
    char *bytes = bytes_of(scratch_path("m.onnx"), &size);
    refused = network("{'class_name': 'Dense', 'config': {'units': 2, 'name': 'odd', 'activation': 'sparsemax'}}");
    antler_save_onnx(refused, scratch_path("m.onnx"), 0, &err);
    expect_error(&err, ANTLER_UNSUPPORTED, "m.onnx: layer \"odd\" (Dense): the activation \"sparsemax\"");
    char *kept = bytes_of(scratch_path("m.onnx"), &again);
    ck_assert(size == again && memcmp(bytes, kept, (size_t)size) == 0);
    ck_assert_int_eq(scratch_files(), 1);
    err = (antler_error){0};
    ck_assert_int_eq(antler_save_onnx(model, "/nowhere/m.onnx", 0, &err), ANTLER_FILE);
    err = (antler_error){0};
    ck_assert_int_eq(antler_save_onnx(NULL, scratch_path("m.onnx"), 0, &err), ANTLER_MEMORY);
    err = (antler_error){0};
    ck_assert_int_eq(antler_save_onnx(model, NULL, 0, &err), ANTLER_VALUE);
    antler_model_free(model), antler_model_free(refused);
    free(bytes), free(kept);
    scratch_remove();
}
END_TEST

static antler_status save(void *model)
{
    antler_error err = {0};
    return antler_save_onnx(model, scratch_path("m.onnx"), 0, &err);
}

START_TEST(every_allocation_may_fail)
{
    antler_model *model = network(MASKED);
    scratch_make();
    torture(save, model);
    antler_model_free(model);
    scratch_remove();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("onnx");
    tcase_add_test(tests, the_same_model_gives_the_same_bytes);
    tcase_add_test(tests, noise_is_kept_where_it_is_wanted);
    tcase_add_test(tests, noise_for_those_who_run_it);
    tcase_add_test(tests, a_refusal_names_the_layer_and_leaves_the_file);
    tcase_add_test(tests, every_allocation_may_fail);
    tcase_add_test(tests, every_sample_and_network_is_written_or_refused);
    return run_suite("onnx", tests);
}

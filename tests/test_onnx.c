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

/* Whole numbers for an input that looks them up. */
static void fill_inputs(const antler_model *model, antler_real *x)
{
    for (int64_t k = 0; k < model->inputs; k++) {
        int64_t n = BATCH * antler_count(&model->wire[model->input[k]].shape, 1),
                tokens = antler_input_tokens(model, k);
        fill(x, n, (uint32_t)k + 1);
        for (int64_t i = 0; tokens && i < n; i++)
            x[i] = (antler_real)(((i + 1) * 7 / 3) % tokens);
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

/* Takes the model over. A case is written, or refused with its layer's name. */
static void check_case(const char *name, antler_model *model)
{
    char path[1024], text[1200];
    antler_error err = {0};
    snprintf(path, sizeof path, "%s/%d.onnx", folder, cases);
    bench b = bench_of(model, ANTLER_INFER, 0); /* which changes the weights */
    antler_status status = antler_save_onnx(model, path, 0, &err);
    if (status == ANTLER_OK && list) {
        write_numbers(&b);
        fprintf(list, "%d %s\n", cases++, name);
    } else if (status != ANTLER_OK) {
        antler_error_text(&err, text, sizeof text);
        ck_assert_msg(status == ANTLER_UNSUPPORTED && strstr(text, "layer \"") != NULL, "%s: %s", name, text);
        if (list)
            fprintf(list, "refused %s: %s\n", name, err.message);
    }
    close_bench(&b);
}

static void check_models(const char *pattern)
{
    glob_t found;
    ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        antler_error err = {0};
        antler_model *model = antler_load(found.gl_pathv[i], &err);
        ck_assert_msg(model != NULL, "%s: %s", found.gl_pathv[i], err.message);
        ck_assert_int_eq(antler_build(model), ANTLER_OK);
        check_case(found.gl_pathv[i], model);
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
    if (list)
        ck_assert_int_eq(fclose(list), 0);
    free(all);
    scratch_remove();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("onnx");
    tcase_add_test(tests, every_sample_and_network_is_written_or_refused);
    return run_suite("onnx", tests);
}

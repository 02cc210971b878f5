/* Models of strangers: what a small file may ask for is bounded, and takes time in proportion. */
#include "antler/antler.h"
#include "build.h"
#include "core/index.h"
#include "core/memory.h"
#include "scratch.h"
#include "suite.h"
#include "torture.h"

#include <inttypes.h>

/* ---- names are found -------------------------------------------------------------------------------------------- */

START_TEST(finds_texts)
{
    enum { N = 5000 };
    static char text[N][16];
    antler_index index = {0};
    for (int i = 0; i < N; i++) {
        snprintf(text[i], sizeof text[i], "%d", (i * 7919) % N);
        ck_assert_ptr_null(antler__index_find(&index, text[i]));
        ck_assert(antler__index_add(&index, text[i], i));
        if (i % 97 == 0 || i < 70)
            for (int k = 0; k <= i; k++)
                ck_assert_int_eq(*antler__index_find(&index, text[k]), k);
    }
    ck_assert_int_eq(*antler__index_find_part(&index, "42x", 2), *antler__index_find(&index, "42"));
    ck_assert_ptr_null(antler__index_find(&index, "5000"));
    ck_assert_int_eq(++*antler__index_count(&index, "new"), 1);
    ck_assert_int_eq(*antler__index_count(&index, "new"), 1);
    antler__index_free(&index);
}
END_TEST

static antler_status index_once(void *arg)
{
    antler_index index = {0};
    (void)arg;
    bool fits =
        antler__index_count(&index, "a") && antler__index_add(&index, "b", 1) && antler__index_add(&index, "c", 2);
    antler__index_free(&index);
    return fits ? ANTLER_OK : ANTLER_MEMORY;
}

START_TEST(memory_runs_out)
{
    torture(index_once, NULL);
}
END_TEST

/* ---- models ------------------------------------------------------------------------------------------------------ */

#define MODEL "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"m\", \"layers\": ["
#define INPUT "{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": [null, 3]}}"

/* A text of `head`, n times `item`, and `tail`. */
static char *repeated(const char *head, const char *item, int n, const char *tail)
{
    char *text = malloc(strlen(head) + (size_t)n * strlen(item) + strlen(tail) + 1), *end = text;
    end += sprintf(end, "%s", head);
    for (int i = 0; i < n; i++)
        end += sprintf(end, "%s", item);
    sprintf(end, "%s", tail);
    return text;
}

/* With 16,000 of them what grows with the square would not end in time. */
START_TEST(names_many_layers)
{
    char *text = repeated(MODEL INPUT,
                          ", {\"class_name\": \"Flatten\"}, {\"class_name\": \"Dropout\", \"config\": "
                          "{\"rate\": 0}}",
                          8000, "]}}");
    antler_error err = {0};
    antler_model *model = antler_load_json(text, NULL, &err);
    ck_assert_msg(model != NULL, "%s", err.message);
    ck_assert_str_eq(antler_model_layer(model, 1)->name, "flatten");
    ck_assert_str_eq(antler_model_layer(model, 16000)->name, "dropout_7999");
    antler_model_free(model);
    free(text);
}
END_TEST

/* Names that are given are kept, and those made go around them. */
START_TEST(goes_around_names)
{
    static const char text[] =
        MODEL INPUT ", {\"class_name\": \"Flatten\"}, {\"class_name\": \"Flatten\", \"config\": "
                    "{\"name\": \"flatten_1\"}}, {\"class_name\": \"Flatten\"}, {\"class_name\": \"Flatten\", "
                    "\"config\": {\"name\": \"flatten\"}}, {\"class_name\": \"Flatten\"}]}}";
    static const char *const names[] = {"flatten_2", "flatten_1", "flatten_3", "flatten", "flatten_4"};
    antler_model *model = antler_load_json(text, NULL, NULL);
    for (int i = 0; i < 5; i++)
        ck_assert_str_eq(antler_model_layer(model, i + 1)->name, names[i]);
    antler_model_free(model);
}
END_TEST

START_TEST(refuses_twins)
{
    antler_error err = {0};
    char *text = repeated(MODEL INPUT, ", {\"class_name\": \"Flatten\", \"config\": {\"name\": \"a\"}}", 2, "]}}");
    ck_assert_ptr_null(antler_load_json(text, NULL, &err));
    expect_error(&err, ANTLER_NAME, "config.layers[1].config.name: two layers have the name \"a\"");
    free(text);
}
END_TEST

START_TEST(bounds_layers)
{
    antler_error err = {0};
    char *text = repeated(MODEL INPUT, ", {\"class_name\": \"Flatten\"}", 1 << 14, "]}}");
    ck_assert_ptr_null(antler_load_json(text, NULL, &err));
    expect_error(&err, ANTLER_UNSUPPORTED, "config.layers: more than 16384 layers");
    free(text);
}
END_TEST

START_TEST(bounds_values)
{
    antler_error err = {0};
    char *text = repeated(MODEL "0", ",0", 1 << 19, "]}}");
    ck_assert_ptr_null(antler_load_json(text, NULL, &err));
    expect_error(&err, ANTLER_FORMAT, "more than 524288 values");
    free(text);
}
END_TEST

START_TEST(bounds_warnings)
{
    char item[32], *text = malloc(1 << 20), *end = text;
    end += sprintf(end, MODEL INPUT ",\n{\"class_name\": \"Dense\", \"config\": {\"units\": 2");
    for (int i = 0; i < 20000; i++) {
        snprintf(item, sizeof item, ",\n\"k%d\": false", i);
        end += sprintf(end, "%s", item);
    }
    sprintf(end, "}}]}}");
    antler_model *model = antler_load_json(text, "f.json", NULL);
    ck_assert_str_eq(antler_model_warning(model, 0)->place, "config.layers[1].config.k0");
    ck_assert_str_eq(antler_model_warning(model, 63)->place, "config.layers[1].config.k63");
    ck_assert_int_eq(antler_model_warning(model, 63)->line, 66);
    ck_assert_str_eq(antler_model_warning(model, 64)->message, "there are more warnings, which are not kept");
    ck_assert_ptr_null(antler_model_warning(model, 65));
    antler_model_free(model);
    free(text);
}
END_TEST

static void *allocate_little(size_t bytes, void *user)
{
    (void)user;
    return bytes > (size_t)1 << 20 ? NULL : malloc(bytes);
}

static void release(void *memory, void *user)
{
    (void)user;
    free(memory);
}

/* Weights of 3.6 GB, of which an answer about shapes takes none. */
START_TEST(draws_weights_late)
{
    static const char text[] = MODEL "{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": [null, 30000]}}, "
                                     "{\"class_name\": \"Dense\", \"config\": {\"units\": 30000}}]}}";
    antler_error err = {0};
    antler_set_allocator(&(antler_allocator){allocate_little, release, NULL});
    antler_model *model = antler_load_json(text, NULL, &err);
    ck_assert_msg(model != NULL, "%s", err.message);
    ck_assert_int_eq(antler_model_layer(model, 1)->parameters, 900030000);
    ck_assert_ptr_null(antler_model_variable(model, 0)->value.data);
    ck_assert_int_eq(antler_build(model), ANTLER_MEMORY);
    expect_error(antler_model_error(model), ANTLER_MEMORY, "out of memory: the weights need ");
    antler_model_free(model);
    antler_set_allocator(NULL);
}
END_TEST

#ifdef ANTLER_WITH_HDF5
/* The file has the weights of a small model, and this one is not made to see that they do not fit. */
START_TEST(compares_before_it_allocates)
{
    static const char small[] = MODEL INPUT ", {\"class_name\": \"Dense\", \"config\": {\"units\": 2}}]}}";
    static const char large[] = MODEL "{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": [null, 30000]}}, "
                                      "{\"class_name\": \"Dense\", \"config\": {\"units\": 30000}}]}}";
    antler_error err = {0};
    const char *path = scratch_path("a.weights.h5");
    antler_model *model = antler_load_json(small, NULL, NULL);
    ck_assert_int_eq(antler_save(model, path, NULL), ANTLER_OK);
    antler_model_free(model);
    antler_set_allocator(&(antler_allocator){allocate_little, release, NULL});
    model = antler_load_json(large, NULL, NULL);
    ck_assert_int_eq(antler_load_weights(model, path, &err), ANTLER_SHAPE);
    expect_error(&err, ANTLER_SHAPE, "the model has 900030000 weights, the file ");
    antler_model_free(model);
    antler_set_allocator(NULL);
}
END_TEST
#endif

int main(void)
{
    TCase *tests = tcase_create("strangers");
    tcase_add_checked_fixture(tests, scratch_make, scratch_remove);
    tcase_add_test(tests, finds_texts);
    tcase_add_test(tests, memory_runs_out);
    tcase_add_test(tests, names_many_layers);
    tcase_add_test(tests, goes_around_names);
    tcase_add_test(tests, refuses_twins);
    tcase_add_test(tests, bounds_layers);
    tcase_add_test(tests, bounds_values);
    tcase_add_test(tests, bounds_warnings);
    tcase_add_test(tests, draws_weights_late);
#ifdef ANTLER_WITH_HDF5
    tcase_add_test(tests, compares_before_it_allocates);
#endif
    return run_suite("strangers", tests);
}

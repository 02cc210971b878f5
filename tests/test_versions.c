/* Small models that Keras 3.0 to 3.15 and tf-keras wrote, in each of their formats (tests/files/versions, by
   make_versions.py): all load, answer as their Keras does, and have the state of their optimizer. */
#include "golden.h"

/* That training goes on where it stopped: in a whole model's file, where Keras has its optimizer. */
static void check_state(const antler_json *item, const char *file)
{
    double steps = antler__json_number(antler__json_get(item, "steps"));
    if (strstr(file, ".json") || strstr(file, ".weights.") || strcmp(file, "io.h5") == 0 ||
        (!HAS_ZIP && strstr(file, ".keras")))
        return;
    antler_model *model = load(item, file);
    ck_assert_msg((double)model->iteration == steps, "%s (%s): %lld steps, not %g", text_at(item, "name"), file,
                  (long long)model->iteration, steps);
    antler_model_free(model);
}

START_TEST(answers_as_its_keras)
{
    const antler_json *item = item_at(cases(), _i);
    open_values(item);
    check_files(item);
    const antler_json *file = antler__json_first(antler__json_get(item, "files"));
    for (; file; file = antler__json_next(file))
        check_state(item, antler__json_string(file));
    antler__entries_free(&io);
}
END_TEST

int main(void)
{
    int status = open_cases(ANTLER_SOURCE_DIR "/tests/files/versions");
    if (status >= 0)
        return status;
    TCase *tests = tcase_create("versions");
    tcase_add_loop_test(tests, answers_as_its_keras, 0, (int)antler__json_length(cases()));
    int failed = run_suite("versions", tests);
    antler__json_free(golden_index);
    return failed;
}

#include "cli/command.h"

static int run(const antler_arguments *a)
{
    static const char *const suffixes[] = {".keras", ".weights.h5", ".h5", ".json", NULL};
    antler_error err = {0};
    antler_model *model = NULL;
    if (antler__check_output(a->argument[1], suffixes, &err) == ANTLER_OK && (model = antler__open_model(a, &err)))
        antler__save(a, model, a->argument[1], &err);
    antler_model_free(model);
    return err.status == ANTLER_OK ? 0 : antler__fail(&err);
}

const antler_command antler__command_convert = {
    "convert",
    "IN OUT",
    2,
    2,
    ANTLER_OPTION_WEIGHTS | ANTLER_OPTION_BY_NAME,
    "loads a model and saves it in the format of OUT's suffix",
    run,
};

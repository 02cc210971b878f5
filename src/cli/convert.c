#include "cli/command.h"

static const char onnx[] = ".onnx";

static antler_status save(antler_model *model, const antler_arguments *a, antler_error *err)
{
    const char *path = a->argument[1];
    const bool is_onnx = antler__has_suffix(path, onnx);
    if (a->noise && !is_onnx)
        return antler_error_set(err, ANTLER_VALUE, NULL, "--noise is for a file whose name ends in %s", onnx);
    return is_onnx ? antler_save_onnx(model, path, a->noise ? ANTLER_ONNX_NOISE : 0, err)
                   : antler__save(a, model, path, err);
}

static int run(const antler_arguments *a)
{
    static const char *const suffixes[] = {".keras", ".weights.h5", ".h5", ".json", onnx, NULL};
    antler_error err = {0};
    antler_model *model = NULL;
    if (antler__check_output(a->argument[1], suffixes, &err) == ANTLER_OK && (model = antler__open_model(a, &err)))
        save(model, a, &err);
    antler_model_free(model);
    return err.status == ANTLER_OK ? 0 : antler__fail(&err);
}

const antler_command antler__command_convert = {
    "convert",
    "IN OUT",
    2,
    2,
    ANTLER_OPTION_WEIGHTS | ANTLER_OPTION_BY_NAME | ANTLER_OPTION_NOISE,
    "loads a model and saves it in the format of OUT's suffix",
    run,
    "antler convert digits.keras digits.h5",
};

#include "cli/command.h"

static antler_status evaluate(const antler_arguments *a, antler_model *model, antler_set *x, antler_set *y,
                              antler_logs *logs, antler_error *err)
{
    char text[4096];
    const char *path = antler__data_path(a, model, text, sizeof text, err);
    if (!path)
        return err->status;
    ANTLER_TRY(antler__open_xy(a, model, path, x, y, err));
    antler__set_warn(a, x, y);
    ANTLER_TRY(antler__targets_check(model, y->data, path, a->y ? a->y : antler__is_table(path) ? "y" : "y_test", err));
    antler_evaluate(model, x->data, y->data, antler__batch_size(a, model), (int)a->threads, logs, err);
    antler__blame_data(path, err);
    return err->status;
}

static int run(const antler_arguments *a)
{
    antler_error err = {0};
    antler_logs logs = {0};
    antler_set x = {0}, y = {0};
    antler_model *model = antler__open_compiled(a, false, &err);
    if (model && evaluate(a, model, &x, &y, &logs, &err) == ANTLER_OK) {
        antler__logs_print(&logs);
        putchar('\n');
        if (a->confusion)
            antler__confusion_print(model, x.data, y.data, antler__batch_size(a, model), (int)a->threads, &err);
    }
    antler__set_close(&x);
    antler__set_close(&y);
    antler_model_free(model);
    return err.status == ANTLER_OK ? 0 : antler__fail(&err);
}

const antler_command antler__command_evaluate = {
    "evaluate",
    "MODEL",
    1,
    1,
    ANTLER_OPTION_DATA | ANTLER_OPTION_MISSING | ANTLER_OPTION_X | ANTLER_OPTION_Y | ANTLER_OPTION_SAMPLE_WEIGHT |
        ANTLER_OPTION_CONFUSION | ANTLER_OPTION_BATCH_SIZE | ANTLER_OPTION_THREADS | ANTLER_OPTION_WEIGHTS |
        ANTLER_OPTION_BY_NAME | ANTLER_OPTION_LOSS | ANTLER_OPTION_OPTIMIZER | ANTLER_OPTION_METRICS,
    "prints loss and metrics over a data set",
    run,
};

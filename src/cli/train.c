#include "cli/training.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    interrupted = signal;
}

/* ---- data -------------------------------------------------------------------------------------------------------- */

static antler_status split(antler_training_run *t, double part, antler_error *err)
{
    if (antler__set_split(&t->x, part, &t->validation_x, err) == ANTLER_OK)
        antler__set_split(&t->y, part, &t->validation_y, err);
    antler__blame(t->a->argument[0], err);
    return err->status;
}

static antler_status open_validation(antler_training_run *t, antler_error *err)
{
    const char *const *names = antler__fit_value(t->model, "validation_data");
    const double *part = antler__fit_value(t->model, "validation_split");
    const char *x = t->a->validation ? "x_test" : names ? names[0] : NULL;
    const char *y = t->a->validation ? "y_test" : x ? names[1] : NULL;
    if (x && y) {
        ANTLER_TRY(antler__open_pair(t->path, x, y, &t->validation_x, &t->validation_y, err));
        ANTLER_TRY(antler__set_weigh(&t->validation_y, t->path, t->a->validation ? NULL : names[2], err));
        return antler__targets_check(t->model, t->validation_y.data, t->path, y, err);
    }
    return part && *part > 0 ? split(t, *part, err) : ANTLER_OK;
}

/* A table has no x_test: what it is validated on is a part of its rows. */
static antler_status open_table(antler_training_run *t, antler_error *err)
{
    const double *part = antler__fit_value(t->model, "validation_split");
    const char *const *names = antler__fit_value(t->model, "validation_data");
    if (t->a->validation || (names && names[0])) {
        antler_error_set(err, ANTLER_VALUE, t->a->validation ? "--validation" : "fit.validation_data",
                         "a table has no other data sets; \"validation_split\" of \"fit\" holds back some of its rows");
        antler__blame(t->path, err);
        return err->status;
    }
    ANTLER_TRY(antler__table_learn(t->a, t->model, t->path, &t->x, &t->y, err));
    antler__set_warn(t->a, &t->x, &t->y);
    ANTLER_TRY(antler__targets_check(t->model, t->y.data, t->path, "y", err));
    return part && *part > 0 ? split(t, *part, err) : ANTLER_OK;
}

static antler_status open_data(antler_training_run *t, antler_error *err)
{
    const char *x = t->a->x ? t->a->x : antler__fit_text(t->model, "x");
    const char *y = t->a->y ? t->a->y : antler__fit_text(t->model, "y");
    x = x ? x : "x_train";
    y = y ? y : "y_train";
    if (!antler__data_path(t->a, t->model, t->path, sizeof t->path, err))
        return err->status;
    if (antler__is_table(t->path))
        return open_table(t, err);
    ANTLER_TRY(antler__open_pair(t->path, x, y, &t->x, &t->y, err));
    antler__set_warn(t->a, &t->x, &t->y);
    const char *weight = t->a->sample_weight ? t->a->sample_weight : antler__fit_text(t->model, "sample_weight");
    ANTLER_TRY(antler__set_weigh(&t->y, t->path, weight, err));
    ANTLER_TRY(antler__targets_check(t->model, t->y.data, t->path, y, err));
    return open_validation(t, err);
}

/* ---- before ------------------------------------------------------------------------------------------------------ */

static antler_status print_header(antler_training_run *t, antler_error *err)
{
    int64_t n = antler__set_count(&t->x), steps = (n + t->batch - 1) / t->batch;
    char shown[4096];
    const char *complaint;
    const char *isa = antler_isa(&complaint);
    if (complaint)
        fprintf(stderr, "antler: warning: %s\n", complaint);
    printf("%s: antler %s, %s kernels, %s\n\n", antler__shown(antler_model_name(t->model), shown, sizeof shown),
           antler_version(), isa, sizeof(antler_real) == 4 ? "float" : "double");
    printf("%-11s %s\n", "data", antler__shown(t->path, shown, sizeof shown));
    ANTLER_TRY(antler__targets_print(t->model, "training", t->y.data, err));
    if (t->validation_y.data)
        ANTLER_TRY(antler__targets_print(t->model, "validation", t->validation_y.data, err));
    printf("%-11s %" PRId64 ", so %" PRId64 " steps an epoch; %" PRId64 " epochs\n\n", "batch", t->batch, steps,
           t->epochs);
    ANTLER_TRY(antler__print_layers(t->model, err));
    putchar('\n');
    antler__print_compile(t->model, steps * t->epochs);
    putchar('\n');
    antler__flush();
    return ANTLER_OK;
}

/* Options before "fit", and "fit" before Keras's defaults. */
static void settle(antler_training_run *t)
{
    const int64_t *epochs = antler__fit_value(t->model, "epochs");
    const int64_t *first = antler__fit_value(t->model, "initial_epoch");
    const bool *shuffle = antler__fit_value(t->model, "shuffle");
    const bool *adapt = antler__fit_value(t->model, "adapt");
    t->batch = antler__batch_size(t->a, t->model);
    t->epochs = t->a->epochs ? t->a->epochs : epochs ? *epochs : 1;
    t->first_epoch = first ? *first : 0;
    t->adapt = t->a->adapt || (adapt && *adapt);
    t->shuffle = !t->a->no_shuffle && (!shuffle || *shuffle);
}

static antler_status begin(antler_training_run *t, antler_error *err)
{
    settle(t);
    t->display.model = t->model;
    while (antler_model_warning(t->model, t->display.warnings)) /* those of loading have been printed */
        t->display.warnings++;
    if (t->a->output)
        ANTLER_TRY(antler_save_check(t->model, t->a->output, err));
    ANTLER_TRY(antler__checkpoint_free(t->a, err));
    ANTLER_TRY(open_data(t, err));
    if (t->a->checkpoint)
        ANTLER_TRY(antler__folder_make(&t->checkpoint, t->a->checkpoint, "checkpoint.keras", err));
    if (t->a->log_dir) {
        char *text = antler__settings_text(t, err);
        if (!text)
            return err->status;
        t->display.history = &t->history;
        ANTLER_TRY(antler__history_begin(&t->history, t->a->log_dir, text, err));
    }
    antler__warn_unsaved(t);
    return t->a->quiet ? ANTLER_OK : print_header(t, err);
}

/* ---- training and after ------------------------------------------------------------------------------------------ */

/* Ctrl-C, or a request to end, stops after the batch; a second one kills. Where the caller ignores it (nohup), so do
 * we.
 */
static void catch_signal(int number)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND}, before;
    sigemptyset(&action.sa_mask);
    if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(number, &action, NULL);
}

static antler_status fit(antler_training_run *t, antler_error *err)
{
    const antler_arguments *a = t->a;
    catch_signal(SIGINT);
    catch_signal(SIGTERM);
    antler_status status =
        antler_fit(t->model, t->x.data, t->y.data, .epochs = t->epochs, .batch_size = t->batch, .shuffle = t->shuffle,
                   .validation_split = 0, .validation_x = t->validation_x.data, .validation_y = t->validation_y.data,
                   .threads = (int)a->threads, .checkpoint = a->checkpoint, .resume = a->resume,
                   .save_freq = a->save_freq, .progress = antler__display, .user = &t->display, .adapt = t->adapt);
    if (t->display.err.status != ANTLER_OK)
        *err = t->display.err;
    else if (status == ANTLER_STOPPED) /* by us, so no error of the model */
        err->status = status;
    else if (status != ANTLER_OK)
        *err = *antler_model_error(t->model);
    antler__blame_data(t->path, err);
    if (status == ANTLER_OK && a->log_dir && !t->history.file) { /* the checkpoint had all epochs already */
        int64_t n = antler_history(t->model, NULL);
        status = n ? antler__history_line(&t->history, t->model, t->first_epoch + n - 1, err) : ANTLER_OK;
    }
    return status;
}

static antler_status print_result(antler_training_run *t, const char *title, const antler_set *x, const antler_set *y,
                                  antler_error *err)
{
    antler_logs logs = {0};
    if (!x->data)
        return ANTLER_OK;
    ANTLER_TRY(antler_evaluate(t->model, x->data, y->data, t->batch, (int)t->a->threads, &logs, err));
    printf("%-11s ", title);
    antler__logs_print(&logs);
    putchar('\n');
    return ANTLER_OK;
}

static antler_status finish(antler_training_run *t, double seconds, antler_error *err)
{
    if (!t->a->quiet) {
        putchar('\n');
        antler__outcome_print(t);
        printf("after %.3g seconds, evaluated in inference (dropout off):\n", seconds);
        ANTLER_TRY(print_result(t, "training", &t->x, &t->y, err));
        ANTLER_TRY(print_result(t, "validation", &t->validation_x, &t->validation_y, err));
    }
    if (!t->a->output)
        return ANTLER_OK;
    ANTLER_TRY(antler__save(t->a, t->model, t->a->output, err));
    if (!t->a->quiet)
        printf("%-11s %s\n", "saved", t->a->output);
    return ANTLER_OK;
}

static void end(antler_training_run *t, antler_error *err)
{
    if (t->history.path[0])
        antler__history_end(&t->history, err);
    antler__folder_drop(&t->checkpoint);
    antler__set_close(&t->validation_x);
    antler__set_close(&t->validation_y);
    antler__set_close(&t->x);
    antler__set_close(&t->y);
    antler_model_free(t->model);
    antler__flush();
}

static int run(const antler_arguments *a)
{
    static const char *const suffixes[] = {".keras", ".weights.h5", ".h5", ".json", NULL};
    antler_training_run t = {.a = a};
    antler_error err = {0};
    int exit_status = 0;
    double start;
    t.display = (antler_display){.quiet = a->quiet, .terminal = isatty(STDOUT_FILENO), .interrupted = &interrupted};
    if (a->resume && !a->checkpoint) {
        fprintf(stderr, "antler: train: --resume needs --checkpoint DIR (see 'antler train --help')\n");
        return 2;
    }
    if (a->save_freq && !a->checkpoint) {
        fprintf(stderr, "antler: train: --save-freq needs --checkpoint DIR (see 'antler train --help')\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* the model matters more than who reads of its training: see antler__flush */
    if (a->output && antler__check_output(a->output, suffixes, &err) == ANTLER_OK)
        antler__check_apart(a->data, a->output, &err);
    if (err.status == ANTLER_OK && (t.model = antler__open_compiled(a, true, &err)) && begin(&t, &err) == ANTLER_OK) {
        start = antler__seconds();
        if (fit(&t, &err) == ANTLER_OK)
            finish(&t, antler__seconds() - start, &err);
        else if (interrupted && err.status == ANTLER_STOPPED)
            exit_status = antler__interrupted(&t, interrupted, &err);
    }
    end(&t, &err);
    return err.status == ANTLER_OK || exit_status ? exit_status : antler__fail(&err);
}

const antler_command antler__command_train = {
    "train",
    "MODEL",
    1,
    1,
    ANTLER_OPTION_DATA | ANTLER_OPTION_MISSING | ANTLER_OPTION_X | ANTLER_OPTION_Y | ANTLER_OPTION_SAMPLE_WEIGHT | ANTLER_OPTION_EPOCHS |
        ANTLER_OPTION_BATCH_SIZE | ANTLER_OPTION_VALIDATION | ANTLER_OPTION_NO_SHUFFLE | ANTLER_OPTION_SEED |
        ANTLER_OPTION_THREADS | ANTLER_OPTION_OUTPUT | ANTLER_OPTION_CHECKPOINT | ANTLER_OPTION_RESUME |
        ANTLER_OPTION_LOG_DIR | ANTLER_OPTION_WEIGHTS | ANTLER_OPTION_BY_NAME | ANTLER_OPTION_LOSS |
        ANTLER_OPTION_OPTIMIZER | ANTLER_OPTION_METRICS | ANTLER_OPTION_QUIET | ANTLER_OPTION_ADAPT |
        ANTLER_OPTION_SAVE_FREQ | ANTLER_OPTION_LEARNING_RATE | ANTLER_OPTION_SET,
    "trains, as compile_config and \"fit\" of the model say",
    run,
};

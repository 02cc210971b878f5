#include "cli/progress.h"
#include "config/json.h"
#include "core/memory.h"
#include "model/model.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

typedef struct training {
    const antler_arguments *a;
    antler_model *model;
    char path[4096]; /* of the data */
    antler_set x, y, validation_x, validation_y;
    int64_t batch, epochs;
    antler_history_file history;
    antler_display display;
} training;

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

/* ---- data ------------------------------------------------------------------------------------------------------- */

/* The last part of the data, as Keras cuts it: floor(n (1 - split)) samples train. */
static antler_status split(training *t, double part, antler_error *err)
{
    int64_t n = antler__set_count(&t->x), train = (int64_t)floor((double)n * (1 - part));
    if (train < 1 || train >= n) {
        snprintf(err->file, sizeof err->file, "%s", t->a->argument[0]);
        return antler_error_set(err, ANTLER_VALUE, "fit.validation_split",
                                "%g of %" PRId64 " samples leaves none to train or to validate on", part, n);
    }
    ANTLER_TRY(antler__set_rows(&t->validation_x, t->x.data, train, n - train, err));
    ANTLER_TRY(antler__set_rows(&t->validation_y, t->y.data, train, n - train, err));
    ANTLER_TRY(antler__set_rows(&t->x, t->x.data, 0, train, err));
    return antler__set_rows(&t->y, t->y.data, 0, train, err);
}

static antler_status open_validation(training *t, antler_error *err)
{
    const antler_fit_settings *fit = t->model->fit;
    const char *x = t->a->validation ? "x_test" : fit ? fit->validation_data[0] : NULL;
    const char *y = t->a->validation ? "y_test" : x ? fit->validation_data[1] : NULL;
    if (x && y) {
        ANTLER_TRY(antler__open_pair(t->path, x, y, &t->validation_x, &t->validation_y, err));
        return antler__targets_check(t->model, t->validation_y.data, t->path, y, err);
    }
    return fit && fit->args.validation_split > 0 ? split(t, fit->args.validation_split, err) : ANTLER_OK;
}

static antler_status open_data(training *t, antler_error *err)
{
    const antler_fit_settings *fit = t->model->fit;
    const char *x = t->a->x ? t->a->x : fit && fit->x ? fit->x : "x_train";
    const char *y = t->a->y ? t->a->y : fit && fit->y ? fit->y : "y_train";
    if (!antler__data_path(t->a, t->model, t->path, sizeof t->path, err))
        return err->status;
    ANTLER_TRY(antler__open_pair(t->path, x, y, &t->x, &t->y, err));
    ANTLER_TRY(antler__targets_check(t->model, t->y.data, t->path, y, err));
    return open_validation(t, err);
}

/* ---- before ----------------------------------------------------------------------------------------------------- */

static antler_status print_header(training *t, antler_error *err)
{
    int64_t n = antler__set_count(&t->x), steps = (n + t->batch - 1) / t->batch;
    const char *complaint;
    const char *isa = antler_isa(&complaint);
    if (complaint)
        fprintf(stderr, "antler: warning: %s\n", complaint);
    printf("%s: antler %s, %s kernels, %s\n\n", t->model->name ? t->model->name : "model", antler_version(), isa,
           sizeof(antler_real) == 4 ? "float" : "double");
    printf("%-11s %s\n", "data", t->path);
    ANTLER_TRY(antler__targets_print("training", t->y.data, err));
    if (t->validation_y.data)
        ANTLER_TRY(antler__targets_print("validation", t->validation_y.data, err));
    printf("%-11s %" PRId64 ", so %" PRId64 " steps an epoch; %" PRId64 " epochs\n\n", "batch", t->batch, steps,
           t->epochs);
    ANTLER_TRY(antler__print_layers(t->model, err));
    putchar('\n');
    antler__print_compile(t->model, steps * t->epochs);
    putchar('\n');
    fflush(stdout);
    return ANTLER_OK;
}

/* settings.json: what is needed to repeat the run. For antler__free; NULL without memory. */
static char *settings_text(const training *t)
{
    antler_json *root = antler__json_object(NULL, NULL);
    antler__json_add_string(root, "antler", antler_version());
    antler__json_add_string(root, "kernels", antler_isa(NULL));
    antler__json_add_string(root, "model", t->a->argument[0]);
    antler__json_add_string(root, "data", t->path);
    if (t->a->weights)
        antler__json_add_string(root, "weights", t->a->weights);
    antler__json_add_number(root, "training_samples", (double)antler__set_count(&t->x));
    antler__json_add_number(root, "validation_samples", (double)antler__set_count(&t->validation_x));
    antler__json_add_number(root, "batch_size", (double)t->batch);
    antler__json_add_number(root, "epochs", (double)t->epochs);
    antler__json_add_bool(root, "shuffle", !t->a->no_shuffle && (!t->model->fit || t->model->fit->args.shuffle));
    antler__json_add_number(root, "seed", (double)t->model->seed);
    char *text = antler__json_print(root, true);
    antler__json_free(root);
    return text;
}

static antler_status begin(training *t, antler_error *err)
{
    const antler_fit_settings *fit = t->model->fit;
    t->batch = antler__batch_size(t->a, t->model);
    t->epochs = t->a->epochs ? t->a->epochs : fit && fit->args.epochs > 0 ? fit->args.epochs : 1;
    ANTLER_TRY(open_data(t, err));
    if (t->a->log_dir) {
        char *text = settings_text(t);
        if (!text)
            return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
        antler_status status = antler__history_begin(&t->history, t->a, text, err);
        antler__free(text);
        ANTLER_TRY(status);
        t->display.history = &t->history;
    }
    return t->a->quiet ? ANTLER_OK : print_header(t, err);
}

/* ---- training and after ----------------------------------------------------------------------------------------- */

static antler_status fit(training *t, antler_error *err)
{
    const antler_arguments *a = t->a;
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND}; /* a second one kills */
    struct antler_fit settings = {
        .epochs = t->epochs,
        .batch_size = t->batch,
        .seed = a->seed,
        .threads = (int)a->threads,
        .checkpoint = a->checkpoint,
        .resume = a->resume,
        .validation_x = t->validation_x.data,
        .validation_y = t->validation_y.data,
        .progress = antler__display,
        .user = &t->display,
    };
    char given[512]; /* shuffle and split are left to "fit" where the user said nothing of them */
    snprintf(given, sizeof given,
             ".epochs = 0, .batch_size = 0, .threads = 0, .validation_x = 0, .validation_y = 0, .validation_split = 0, "
             ".progress = 0, .user = 0%s%s%s%s",
             a->given & ANTLER_OPTION_SEED ? ", .seed = 0" : "", a->no_shuffle ? ", .shuffle = 0" : "",
             a->checkpoint ? ", .checkpoint = 0" : "", a->resume ? ", .resume = 0" : "");
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    antler_status status = antler_fit_given(t->model, t->x.data, t->y.data, &settings, sizeof settings, given);
    if (t->display.err.status != ANTLER_OK)
        *err = t->display.err;
    else if (status == ANTLER_STOPPED) /* by us, so no error of the model */
        err->status = status;
    else if (status != ANTLER_OK)
        *err = *antler_model_error(t->model);
    antler__blame_data(t->path, err);
    return status;
}

static antler_status print_result(training *t, const char *title, const antler_set *x, const antler_set *y,
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

static antler_status finish(training *t, double seconds, antler_error *err)
{
    if (!t->a->quiet) {
        printf("\nafter %.3g seconds, evaluated in inference (dropout off):\n", seconds);
        ANTLER_TRY(print_result(t, "training", &t->x, &t->y, err));
        ANTLER_TRY(print_result(t, "validation", &t->validation_x, &t->validation_y, err));
    }
    if (!t->a->output)
        return ANTLER_OK;
    ANTLER_TRY(antler_save(t->model, t->a->output, err));
    if (!t->a->quiet)
        printf("%-11s %s\n", "saved", t->a->output);
    return ANTLER_OK;
}

static int stopped(const training *t)
{
    printf("%s", t->display.terminal && !t->display.quiet ? "\n" : "");
    fflush(stdout);
    fprintf(stderr, "antler: interrupted in epoch %" PRId64 " of %" PRId64 "\n", t->display.epoch + 1, t->epochs);
    return 130;
}

static int run(const antler_arguments *a)
{
    static const char *const suffixes[] = {".keras", ".weights.h5", ".h5", ".json", NULL};
    training t = {.a = a};
    antler_error err = {0};
    int exit_status = 0;
    double start;
    t.display = (antler_display){.quiet = a->quiet, .terminal = isatty(STDOUT_FILENO), .interrupted = &interrupted};
    if (a->resume && !a->checkpoint) {
        fprintf(stderr, "antler: train: --resume needs --checkpoint DIR (see 'antler train --help')\n");
        return 2;
    }
    if (a->output)
        antler__check_output(a->output, suffixes, &err);
    if (err.status == ANTLER_OK && (t.model = antler__open_model(a, &err)) && begin(&t, &err) == ANTLER_OK) {
        start = antler__seconds();
        if (fit(&t, &err) == ANTLER_OK)
            finish(&t, antler__seconds() - start, &err);
        else if (interrupted && err.status == ANTLER_STOPPED)
            exit_status = stopped(&t);
    }
    antler__history_end(&t.history);
    antler__set_close(&t.validation_x);
    antler__set_close(&t.validation_y);
    antler__set_close(&t.x);
    antler__set_close(&t.y);
    antler_model_free(t.model);
    return err.status == ANTLER_OK || exit_status ? exit_status : antler__fail(&err);
}

const antler_command antler__command_train = {
    "train",
    "MODEL",
    1,
    1,
    ANTLER_OPTION_DATA | ANTLER_OPTION_X | ANTLER_OPTION_Y | ANTLER_OPTION_EPOCHS | ANTLER_OPTION_BATCH_SIZE |
        ANTLER_OPTION_VALIDATION | ANTLER_OPTION_NO_SHUFFLE | ANTLER_OPTION_SEED | ANTLER_OPTION_THREADS |
        ANTLER_OPTION_OUTPUT | ANTLER_OPTION_CHECKPOINT | ANTLER_OPTION_RESUME | ANTLER_OPTION_LOG_DIR |
        ANTLER_OPTION_WEIGHTS | ANTLER_OPTION_QUIET,
    "trains, as compile_config and \"fit\" of the model say",
    run,
};

/* Every gradient of a model against central differences of its loss, with its noise on and off. */
#include "cli/command.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef ANTLER_DOUBLE

/* Where this program lies, "/usr/bin/": as the system tells, or else as it was called; "" when it was found by PATH. */
static const char *folder(char *text, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", text, size - 1);
    text[length > 0 ? length : 0] = '\0';
    if (length <= 0 && strlen(antler__program) < size)
        strcpy(text, antler__program);
    char *slash = strrchr(text, '/');
    text[slash ? slash + 1 - text : 0] = '\0';
    return text;
}

/* A float has not the digits for this: the command of the double library, which lies beside this one, does it. */
static int run(const antler_arguments *a)
{
    char program[4096], threads[32], length[48];
    const struct {
        const char *name, *value;
    } texts[] = {{"--weights", a->weights}, {"--loss", a->loss}, {"--optimizer", a->optimizer}};
    char *words[16] = {program, "gradcheck"};
    int n = 2;
    folder(program, sizeof program - sizeof "antler64");
    strcat(program, "antler64");
    for (int i = 0; i < 3; i++)
        if (texts[i].value) {
            words[n++] = (char *)(uintptr_t)texts[i].name; /* execvp takes no const, but changes nothing */
            words[n++] = (char *)(uintptr_t)texts[i].value;
        }
    if (a->by_name)
        words[n++] = "--by-name";
    if (a->threads) {
        snprintf(threads, sizeof threads, "--threads=%d", (int)a->threads);
        words[n++] = threads;
    }
    if (a->length) {
        snprintf(length, sizeof length, "--length=%lld", (long long)a->length);
        words[n++] = length;
    }
    if (a->all)
        words[n++] = "--all";
    words[n++] = "--";
    words[n++] = (char *)(uintptr_t)a->argument[0];
    execvp(program, words); /* a name without a folder is looked for along PATH, where this program was found */
    fprintf(stderr, "antler: gradcheck needs the double-precision command %s: %s\n", program, strerror(errno));
    return 1;
}

#else

enum { ROWS = 3 }; /* samples of the batch */

static void print_line(void *user, const antler_gradient_outcome *o)
{
    int *failed = user;
    const antler_variable *v = o->variable;
    char shape[128], checked[64], name[64];
    snprintf(checked, sizeof checked, "%" PRId64 "/%" PRId64, o->checked, antler_count(&v->value.shape, 0));
    printf("%-20s %-18s %-16s %14s  %9.3g  %9.2g  %9.2g  %s", antler__shown(v->layer, name, sizeof name), v->name,
           antler_shape_text(&v->value.shape, shape, sizeof shape), checked, o->largest, o->difference,
           o->largest > 0 ? o->difference / o->largest : 0, o->ok ? "OK" : "FAIL");
    if (o->kinks)
        printf(" (%" PRId64 " at kinks)", o->kinks);
    putchar('\n');
    fflush(stdout);
    *failed += !o->ok;
}

/* Checks the model as `title` says, in contexts of these flags. */
static antler_status pass(const char *title, const antler_arguments *a, antler_model *model, unsigned flags,
                          int *failed, antler_error *err)
{
    antler_random_data random = {0};
    antler_context *context = NULL;
    antler_error wrong = {0};
    int found = 0;
    printf("%s\n", title);
    if (antler__random_data_make(model, ROWS, a->length, &random, err) == ANTLER_OK)
        context = antler_context_create_train(model, ROWS, (int)a->threads, flags, err);
    if (context && antler_context_at(context, random.input, NULL, err) == ANTLER_OK) {
        puts("layer                weight             shape                   checked   gradient  difference   "
             "relative");
        antler_gradcheck(context, random.x, random.y, ROWS, a->all, print_line, &found, &wrong);
        if (!found && wrong.status != ANTLER_OK)
            *err = wrong;
    }
    *failed += found;
    antler_context_free(context);
    antler__random_data_free(&random);
    return err->status;
}

static int run(const antler_arguments *a)
{
    antler_error err = {0};
    int failed = 0;
    antler_model *model = antler__open_compiled(a, true, &err);
    if (!model)
        return antler__fail(&err);
    bool random = antler_model_random(model);
    pass(random ? "dropout on, the same masks for every loss:" : "no layer is random:", a, model, 0, &failed, &err);
    if (random && err.status == ANTLER_OK) {
        putchar('\n');
        pass("dropout off:", a, model, ANTLER_SILENT, &failed, &err);
    }
    antler_model_free(model);
    if (err.status != ANTLER_OK)
        return antler__fail(&err);
    if (failed)
        fprintf(stderr,
                "antler: gradcheck: %d of the weights have a gradient that differs by more than 1e-6 of its "
                "largest element\n",
                failed);
    return failed ? 1 : 0;
}

#endif

const antler_command antler__command_gradcheck = {
    "gradcheck",
    "MODEL",
    1,
    1,
    ANTLER_OPTION_ALL | ANTLER_OPTION_LENGTH | ANTLER_OPTION_THREADS | ANTLER_OPTION_WEIGHTS | ANTLER_OPTION_BY_NAME |
        ANTLER_OPTION_LOSS | ANTLER_OPTION_OPTIMIZER,
    "compares every gradient with central differences, in double precision",
    run,
    "antler gradcheck models/residual.json",
};

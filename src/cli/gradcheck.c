/* Every gradient of a model against central differences of its loss, with its noise on and off. */
#include "cli/gradient.h"
#include "config/fields.h"
#include "core/memory.h"
#include "model/model.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#ifndef ANTLER_DOUBLE

/* A float has not the digits for this: the command of the double library, which lies beside this one, does it. */
static int run(const antler_arguments *a)
{
    char path[4096], threads[32];
    char *words[10] = {path, "gradcheck"};
    int n = 2;
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof "antler64");
    path[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(path, '/');
    strcpy(slash ? slash + 1 : path, "antler64");
    if (a->weights) {
        words[n++] = "--weights";
        words[n++] = (char *)(uintptr_t)a->weights; /* execv takes no const, but changes nothing */
    }
    if (a->threads) {
        snprintf(threads, sizeof threads, "--threads=%d", (int)a->threads);
        words[n++] = threads;
    }
    if (a->all)
        words[n++] = "--all";
    words[n++] = "--";
    words[n++] = (char *)(uintptr_t)a->argument[0];
    execv(path, words);
    fprintf(stderr, "antler: gradcheck needs the double-precision command %s: %s\n", path, strerror(errno));
    return 1;
}

#else

static void print_line(const antler_variable *v, const antler_gradient_outcome *o)
{
    char shape[128], checked[64];
    snprintf(checked, sizeof checked, "%" PRId64 "/%" PRId64, o->checked, antler_count(&v->value.shape, 0));
    printf("%-20s %-18s %-16s %14s  %9.3g  %9.2g  %9.2g  %s", v->layer, v->name,
           antler_shape_text(&v->value.shape, shape, sizeof shape), checked, o->largest, o->difference,
           o->largest > 0 ? o->difference / o->largest : 0, o->ok ? "OK" : "FAIL");
    if (o->kinks)
        printf(" (%" PRId64 " at kinks)", o->kinks);
    putchar('\n');
    fflush(stdout);
}

/* One line: the weight, and how its gradient compares. */
static antler_status check_variable(antler_gradient_check *c, const antler_variable *v, const antler_real *gradient,
                                    antler_error *err)
{
    antler_gradient_outcome o;
    size_t n = (size_t)antler_count(&v->value.shape, 0);
    antler_real *copy = antler__allocate(n, sizeof *copy);
    if (!copy)
        return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
    memcpy(copy, gradient, n * sizeof *copy);
    antler_status status = antler__gradient_check(c, v, copy, &o, err);
    antler__free(copy);
    ANTLER_TRY(status);
    print_line(v, &o);
    c->failed += !o.ok;
    return ANTLER_OK;
}

static antler_status check_model(antler_gradient_check *c, int threads, antler_error *err)
{
    const antler_variable *v;
    ANTLER_TRY(antler__random_data_make(c->model, ANTLER_CHECK_ROWS, &c->random, err));
    c->context = antler_context_create_train(c->model, ANTLER_CHECK_ROWS, threads, 0, err);
    if (!c->context)
        return err->status;
    printf("%-20s %-18s %-16s %14s  %9s  %9s  %9s\n", "layer", "weight", "shape", "checked", "gradient", "difference",
           "relative");
    for (int64_t i = 0; (v = antler_model_variable(c->model, i)); i++) {
        double loss;
        ANTLER_TRY(antler__gradient_loss(c, &loss, err));
        c->noise = 4e-16 * fmax(1, fabs(loss));
        const antler_real *gradient = antler_gradient(c->context, i);
        if (gradient)
            ANTLER_TRY(check_variable(c, v, gradient, err));
    }
    return ANTLER_OK;
}

/* Sets all rates of a layer, and of those inside it, to 0; whether any was not. */
static bool silence(antler_object layer)
{
    static const char *const keys[] = {"rate", "dropout", "recurrent_dropout", "stddev"};
    bool any = false;
    for (int i = 0; i < 4; i++) {
        double *rate = antler_object_field(layer, keys[i]);
        any = any || (rate && *rate != 0);
        if (rate)
            *rate = 0;
    }
    for (const antler_field *f = layer.type->fields; f && f->kind != ANTLER_END; f++) {
        antler_object *child = antler_object_field(layer, f->key);
        if (f->kind == ANTLER_OBJECT && f->of == ANTLER_KIND_LAYER && child->type)
            any = silence(*child) || any;
    }
    return any;
}

/* A second model of the same weights without any noise; NULL, and err clean, when the first has no noise. */
static antler_model *silent_model(antler_model *model, antler_error *err)
{
    const antler_variable *from, *to;
    bool any = false;
    char *json = antler_model_json(model, err);
    antler_model *copy = json ? antler_load_json(json, model->file ? model->file : "model", err) : NULL;
    antler_text_free(json);
    for (int64_t i = 0; copy && i < copy->layers; i++)
        any = silence(copy->object[i]) || any;
    if (any && antler_build(copy) != ANTLER_OK)
        *err = *antler_model_error(copy);
    if (!any || err->status != ANTLER_OK) {
        antler_model_free(copy);
        return NULL;
    }
    for (int64_t i = 0; (from = antler_model_variable(model, i)); i++) {
        to = antler_model_variable(copy, i);
        memcpy(to->value.data, from->value.data, (size_t)antler_count(&from->value.shape, 0) * sizeof(antler_real));
    }
    return copy;
}

/* Checks the model as `title` says, and frees it. */
static antler_status pass(const char *title, const antler_arguments *a, antler_model *model, int *failed,
                          antler_error *err)
{
    antler_gradient_check c = {.model = model, .all = a->all, .state = 1};
    printf("%s\n", title);
    antler_status status = check_model(&c, (int)a->threads, err);
    *failed += c.failed;
    antler_context_free(c.context);
    antler__random_data_free(&c.random);
    antler_model_free(model);
    return status;
}

static int run(const antler_arguments *a)
{
    antler_error err = {0};
    int failed = 0;
    antler_model *model = antler__open_model(a, &err), *silent;
    if (!model)
        return antler__fail(&err);
    silent = silent_model(model, &err);
    if (err.status != ANTLER_OK)
        antler_model_free(model);
    else if (pass(silent ? "dropout on, the same masks for every loss:" : "no layer is random:", a, model, &failed,
                  &err) == ANTLER_OK &&
             silent) {
        putchar('\n');
        pass("dropout off:", a, silent, &failed, &err);
        silent = NULL;
    }
    antler_model_free(silent);
    if (err.status != ANTLER_OK)
        return antler__fail(&err);
    if (failed)
        fprintf(stderr, "antler: gradcheck: %d of the tensors differ by more than 1e-6 of their largest gradient\n",
                failed);
    return failed ? 1 : 0;
}

#endif

const antler_command antler__command_gradcheck = {
    "gradcheck",
    "MODEL",
    1,
    1,
    ANTLER_OPTION_ALL | ANTLER_OPTION_THREADS | ANTLER_OPTION_WEIGHTS,
    "compares every gradient with central differences, in double precision",
    run,
};

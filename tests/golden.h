/* Golden cases that real Keras wrote: a folder with an index.json, and a folder for each case, of model files in
   Keras's formats and io.h5, what Keras computes with them. Of several inputs or outputs "x", "y" and "predict" are
   groups, with a data set for each under its name. */
#ifndef ANTLER_GOLDEN_H
#define ANTLER_GOLDEN_H

#include "antler/antler.h"
#include "build.h"
#include "config/json.h"
#include "files/file.h"
#include "files/hdf5.h"
#include "model/model.h"
#include "suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *golden_directory;
static antler_json *golden_index;

static inline const antler_json *cases(void)
{
    return antler__json_get(golden_index, "cases");
}

static inline const antler_json *item_at(const antler_json *list, int64_t i)
{
    const antler_json *item = list ? antler__json_first(list) : NULL;
    while (item && i-- > 0)
        item = antler__json_next(item);
    return item;
}

static inline const char *text_at(const antler_json *node, const char *key)
{
    return antler__json_string(antler__json_get(node, key));
}

static inline bool listed(const antler_json *node, const char *list, const char *wanted)
{
    const antler_json *item = antler__json_first(antler__json_get(node, list));
    for (; item; item = antler__json_next(item))
        if (strcmp(antler__json_string(item), wanted) == 0)
            return true;
    return false;
}

static inline const char *path_of(const antler_json *item, const char *file)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s/%s", golden_directory, text_at(item, "name"), file);
    return path;
}

static inline void ensure(antler_status status, const antler_error *err, const char *what, const antler_json *item)
{
    char text[1200];
    ck_assert_msg(status == ANTLER_OK, "%s: %s: %s", text_at(item, "name"), what,
                  antler_error_text(err, text, sizeof text));
}

/* ---- a case's values ---- */

static antler_entries io;

static inline void open_values(const antler_json *item)
{
    antler_error err = {0};
    ensure(antler__hdf5_read(path_of(item, "io.h5"), NULL, 0, &io, &err), &err, "io.h5", item);
}

static inline double number_of(const antler_entry *e, int64_t i)
{
    switch (e->dtype) {
    case ANTLER_FLOAT32:
        return (double)((const float *)e->data)[i];
    case ANTLER_FLOAT64:
        return ((const double *)e->data)[i];
    case ANTLER_INT32:
        return ((const int32_t *)e->data)[i];
    case ANTLER_INT64:
        return (double)((const int64_t *)e->data)[i];
    default:
        ck_abort_msg("%s has type %s", e->name, antler__dtype_name(e->dtype));
        return 0;
    }
}

/* "/group", or "/group/k"; NULL: it is not there. */
static inline const antler_entry *value(const char *group, int64_t k)
{
    char name[64];
    if (k < 0)
        snprintf(name, sizeof name, "/%s", group);
    else
        snprintf(name, sizeof name, "/%s/%lld", group, (long long)k);
    return antler__entries_find(&io, name);
}

/* The data set of an input or output: the one there is, or its own. */
static inline const antler_entry *part_of(const char *group, const char *name)
{
    char path[256];
    const antler_entry *whole = value(group, -1);
    if (whole && whole->data)
        return whole;
    snprintf(path, sizeof path, "/%s/%s", group, name);
    return antler__entries_find(&io, path);
}

enum { MOST_PARTS = 8 };

/* What a group has for the model's inputs (outputs), in their order; without one whose loss is null. */
typedef struct parts {
    int64_t n;
    const char *name[MOST_PARTS + 1];
    const antler_entry *entry[MOST_PARTS];
} parts;

static inline parts parts_of(const antler_json *item, const char *group)
{
    parts p = {0};
    const antler_json *names = antler__json_get(item, *group == 'x' ? "inputs" : "outputs");
    const antler_json *name = names ? antler__json_first(names) : NULL;
    do {
        const char *text = name ? antler__json_string(name) : "";
        const antler_entry *e = part_of(group, text);
        ck_assert_int_lt(p.n, MOST_PARTS);
        p.name[p.n] = text;
        p.entry[p.n] = e;
        p.n += e != NULL;
        name = name ? antler__json_next(name) : NULL;
    } while (name);
    p.name[p.n] = NULL;
    return p;
}

/* Of all parts, one after the other. */
static inline antler_real *reals(const parts *p)
{
    int64_t n = 0, at = 0;
    for (int64_t k = 0; k < p->n; k++)
        n += antler_count(&p->entry[k]->shape, 0);
    antler_real *r = malloc((size_t)n * sizeof *r);
    for (int64_t k = 0; k < p->n; k++)
        for (int64_t i = 0; i < antler_count(&p->entry[k]->shape, 0); i++)
            r[at++] = (antler_real)number_of(p->entry[k], i);
    return r;
}

static inline int64_t rows_of_case(const antler_json *item)
{
    return parts_of(item, "x").entry[0]->shape.dim[0];
}

/* What a group has, as data of a part for each input (output). */
typedef struct joined {
    int64_t n;
    antler_data *part[MOST_PARTS + 1], *data;
} joined;

static inline joined join(const parts *p)
{
    antler_error err = {0};
    joined j = {0};
    for (; j.n < p->n; j.n++) {
        const antler_entry *e = p->entry[j.n];
        j.part[j.n] = antler_data_from(e->data, e->dtype, &e->shape, &err);
        must(j.part[j.n] ? ANTLER_OK : err.status, &err);
    }
    j.data =
        j.n == 1 ? j.part[0] : antler_data_join((const char *const *)p->name, (const antler_data *const *)j.part, &err);
    must(j.data ? ANTLER_OK : err.status, &err);
    return j;
}

static inline void unjoin(joined *j)
{
    if (j->n > 1)
        antler_data_free(j->data);
    while (j->n > 0)
        antler_data_free(j->part[--j->n]);
}

/* ---- agreement ---- */

/* |got - wanted| <= atol + rtol * (of each: |wanted|; or `scale` >= 0 for the tensor). */
static inline void compare(const antler_json *item, const char *quantity, const char *file, int64_t k,
                           const antler_real *got, const antler_entry *wanted, double scale)
{
    const antler_json *tolerance = antler__json_get(antler__json_get(item, "tolerance"), quantity);
    double atol = antler__json_number(antler__json_get(tolerance, "atol"));
    double rtol = antler__json_number(antler__json_get(tolerance, "rtol"));
#ifndef ANTLER_DOUBLE
    /* A float64 case, run in float, can only be as good as float: it is judged by the bounds of float32 cases. */
    if (strcmp(text_at(item, "dtype"), "float64") == 0) {
        atol = strcmp(quantity, "predict") == 0 ? 1e-5 : strcmp(quantity, "after") == 0 ? 2e-6 : 1e-6;
        rtol = strcmp(quantity, "loss") == 0 ? 1e-5 : strcmp(quantity, "after") == 0 ? 1e-3 : 1e-4;
    }
#endif
    int64_t n = antler_count(&wanted->shape, 0);
    for (int64_t i = 0; i < n; i++) {
        double w = number_of(wanted, i), g = (double)got[i];
        double bound = atol + rtol * (scale >= 0 ? scale : fabs(w));
        ck_assert_msg(fabs(g - w) <= bound, "%s (%s): %s/%lld[%lld] is %.9g, Keras has %.9g, bound %.3g",
                      text_at(item, "name"), file, quantity, (long long)k, (long long)i, g, w, bound);
    }
}

static inline double largest(const antler_entry *a, const antler_entry *minus)
{
    double most = 0;
    for (int64_t i = 0; i < antler_count(&a->shape, 0); i++) {
        double d = fabs(number_of(a, i) - (minus ? number_of(minus, i) : 0));
        most = d > most ? d : most;
    }
    return most;
}

static inline void set_weights(antler_model *model, const antler_json *item)
{
    ensure(antler_build(model), antler_model_error(model), "build", item);
    int64_t k = 0;
    for (const antler_entry *e; (e = value("init", k)) != NULL; k++) {
        const antler_variable *v = antler_model_variable(model, k);
        ck_assert_msg(v && antler_shape_equal(&v->value.shape, &e->shape), "%s: init/%lld does not fit",
                      text_at(item, "name"), (long long)k);
        for (int64_t i = 0; i < antler_count(&e->shape, 0); i++)
            v->value.data[i] = (antler_real)number_of(e, i);
    }
    ck_assert_msg(!antler_model_variable(model, k), "%s: more variables than Keras's %lld", text_at(item, "name"),
                  (long long)k);
}

/* ---- checks ---- */

/* Of all outputs, one after the other. For free. */
static inline antler_real *predictions(antler_model *model, const antler_json *item, const char *file)
{
    antler_error err = {0};
    parts px = parts_of(item, "x"), py = parts_of(item, "predict");
    antler_real *y = reals(&py); /* as many */
    joined x = join(&px);
    ensure(antler_predict(model, x.data, 1000, 2, y, &err), &err, file, item);
    unjoin(&x);
    return y;
}

static inline void check_predict(antler_model *model, const antler_json *item, const char *file)
{
    antler_real *y = predictions(model, item, file), *at = y;
    parts wanted = parts_of(item, "predict");
    for (int64_t k = 0; k < wanted.n; k++) {
        compare(item, "predict", file, wanted.n > 1 ? k : -1, at, wanted.entry[k], -1);
        at += antler_count(&wanted.entry[k]->shape, 0);
    }
    free(y);
}

/* The output that Keras's name of a log means: of several outputs of one layer ("y", "y_1") the last. "": none does. */
static inline const char *output_of_log(const antler_json *item, const char *log, size_t *length)
{
    const antler_json *first = NULL, *last = NULL;
    const antler_json *name = antler__json_first(antler__json_get(item, "outputs"));
    for (; name; name = antler__json_next(name)) {
        const char *text = antler__json_string(name);
        size_t n = first ? strlen(antler__json_string(first)) : 0;
        if (!first && strncmp(text, log, strlen(text)) == 0 && log[strlen(text)] == '_')
            first = last = name;
        else if (first && strncmp(text, log, n) == 0 && text[n] == '_' && strspn(text + n + 1, "0123456789") > 0)
            last = name;
    }
    *length = first ? strlen(antler__json_string(first)) : 0;
    return last ? antler__json_string(last) : "";
}

/* What evaluate reports: the loss, and all that Keras logged. */
static inline void check_loss(antler_model *model, const antler_json *item)
{
    antler_error err = {0};
    antler_logs logs;
    parts px = parts_of(item, "x"), py = parts_of(item, "y");
    joined x = join(&px), y = join(&py);
    ensure(antler_evaluate(model, x.data, y.data, 1000, 1, &logs, &err), &err, "evaluate", item);
    antler_real loss = (antler_real)logs.value[0];
    compare(item, "loss", "model.json", -1, &loss, value("loss", -1), -1);
    unjoin(&x);
    unjoin(&y);
    for (int64_t i = 0; i < io.n; i++) {
        const char *name = io.entry[i].name;
        if (strncmp(name, "/logs/", 6) != 0 || strchr(name, '@'))
            continue;
        size_t length;
        char own[128];
        const char *output = output_of_log(item, name + 6, &length);
        snprintf(own, sizeof own, "%s%s", output, name + 6 + length);
        int k = 0;
        while (k < logs.n && strcmp(logs.name[k], own) != 0)
            k++;
        ck_assert_msg(k < logs.n, "%s: no log \"%s\"", text_at(item, "name"), own);
        antler_real log = (antler_real)logs.value[k];
        compare(item, "loss", name, k, &log, &io.entry[i], -1);
    }
}

/* The text of an attribute in io.h5. */
static inline const char *attribute(const char *name)
{
    const antler_entry *e = antler__entries_find(&io, name);
    return e ? (const char *)e->data : NULL;
}

/* Metrics that stand beside what they were configured with: "/metrics/auc", "/metrics/auc@config". */
static inline void check_metrics(antler_model *model, const antler_json *item)
{
    static char list[8192];
    antler_error err = {0};
    antler_logs logs;
    size_t used = 0;
    for (int64_t i = 0; i < io.n; i++) {
        const char *name = io.entry[i].name, *at = strstr(name, "@config");
        if (strncmp(name, "/metrics/", 9) == 0 && at)
            used += (size_t)snprintf(list + used, sizeof list - used, "%c%s", used ? ',' : '[',
                                     (const char *)io.entry[i].data);
    }
    if (used == 0)
        return;
    snprintf(list + used, sizeof list - used, "]");
    set_weights(model, item); /* training moved them */
    antler_compile(model, .loss = attribute("/@loss_config"), .metrics = {list});
    ensure(antler_model_error(model)->status, antler_model_error(model), list, item);
    parts px = parts_of(item, "x"), py = parts_of(item, "y");
    joined x = join(&px), y = join(&py);
    ensure(antler_evaluate(model, x.data, y.data, 7, 1, &logs, &err), &err, "metrics", item);
    for (int k = 1; k < logs.n; k++) {
        char name[128];
        antler_real log = (antler_real)logs.value[k];
        snprintf(name, sizeof name, "/metrics/%s", logs.name[k]);
        ck_assert_ptr_nonnull(antler__entries_find(&io, name));
        compare(item, "loss", name, k, &log, antler__entries_find(&io, name), -1);
    }
    unjoin(&x);
    unjoin(&y);
}

/* One forward and one backward pass; the context is made at the first one. */
static inline antler_context *step(antler_model *model, antler_context *context, const antler_json *item,
                                   unsigned flags, double *loss)
{
    antler_error err = {0};
    parts px = parts_of(item, "x"), py = parts_of(item, "y");
    antler_real *x = reals(&px), *y = reals(&py);
    int64_t n = rows_of_case(item);
    if (!context)
        context = antler_context_create_train(model, n, 2, flags, &err);
    ensure(err.status, &err, "context", item);
    if (model->open) {
        antler_shape shape[MOST_PARTS];
        for (int64_t k = 0; k < px.n; k++)
            shape[k] = px.entry[k]->shape;
        ensure(antler_context_at(context, shape, NULL, &err), &err, "lengths", item);
    }
    ensure(antler_forward(context, x, n, NULL, &err), &err, "forward", item);
    ensure(antler_backward(context, y, loss, &err), &err, "backward", item);
    free(x);
    free(y);
    return context;
}

/* The place of the k-th gradient's weight, where the case tells; else the k-th of those that are trained. */
static inline int64_t weight_of_gradient(antler_model *model, const char *group, int64_t k)
{
    char name[64];
    snprintf(name, sizeof name, "/%s/%lld@weight", group, (long long)k);
    const antler_entry *place = antler__entries_find(&io, name);
    if (place)
        return (int64_t)number_of(place, 0);
    for (int64_t v = 0; antler_model_variable(model, v); v++)
        if (antler_model_variable(model, v)->trainable && k-- == 0)
            return v;
    return -1;
}

static inline void check_gradients(antler_model *model, const antler_json *item, const char *group, unsigned flags)
{
    double loss;
    antler_context *context = step(model, NULL, item, flags, &loss);
    const antler_entry *loss_train = antler__entries_find(&io, "/@loss_train");
    antler_real rounded = (antler_real)loss;
    int64_t k = 0, trained = 0;
    if (loss_train)
        compare(item, "loss", "loss_train", -1, &rounded, loss_train, -1);
    for (const antler_entry *wanted; (wanted = value(group, k)) != NULL; k++) {
        int64_t v = weight_of_gradient(model, group, k);
        const antler_real *gradient = v < 0 ? NULL : antler_gradient(context, v);
        ck_assert_msg(gradient != NULL, "%s: Keras has %s/%lld", text_at(item, "name"), group, (long long)k);
        compare(item, group, "model.json", k, gradient, wanted, largest(wanted, NULL));
    }
    for (int64_t v = 0; antler_model_variable(model, v); v++)
        trained += antler_gradient(context, v) != NULL;
    ck_assert_msg(trained == k, "%s: %lld gradients, Keras has %lld", text_at(item, "name"), (long long)trained,
                  (long long)k);
    antler_context_free(context);
}

static inline void check_training(antler_model *model, const antler_json *item)
{
    antler_error err = {0};
    antler_context *context = NULL;
    int64_t steps = (int64_t)antler__json_number(antler__json_get(item, "steps"));
    for (int64_t s = 0; s < steps; s++) {
        context = step(model, context, item, 0, NULL);
        ensure(antler_update(context, &err), &err, "update", item);
    }
    const antler_entry *after, *init;
    for (int64_t k = 0; (after = value("after", k)) != NULL && (init = value("init", k)) != NULL; k++)
        compare(item, "after", "model.json", k, antler_model_variable(model, k)->value.data, after,
                largest(after, init));
    antler_context_free(context);
}

static inline antler_model *load(const antler_json *item, const char *file)
{
    antler_error err = {0};
    antler_model *model = antler_load(path_of(item, file), &err);
    ensure(model ? ANTLER_OK : err.status, &err, file, item);
    return model;
}

static inline void check_file(const antler_json *item, const char *file)
{
    antler_error err = {0};
    bool weights = strstr(file, ".weights.") != NULL;
    antler_model *model = load(item, weights ? "model.json" : file);
    if (weights)
        ensure(antler_load_weights(model, path_of(item, file), &err), &err, file, item);
    check_predict(model, item, file);
    antler_model_free(model);
}

/* All files of a case but the .json, as far as this build reads them. */
static inline void check_files(const antler_json *item)
{
    const antler_json *file = antler__json_first(antler__json_get(item, "files"));
    for (; file; file = antler__json_next(file)) {
        const char *name = antler__json_string(file);
        if (strcmp(name, "io.h5") != 0 && strcmp(name, "model.json") != 0 &&
            (HAS_ZIP || strcmp(name, "model.keras") != 0))
            check_file(item, name);
    }
}

/* The folder's index; its exit status for main, or -1: go on. */
static inline int open_cases(const char *directory)
{
    void *text;
    size_t size;
    antler_error err = {0};
    char path[512];
    golden_directory = directory;
    snprintf(path, sizeof path, "%s/index.json", directory);
    if (!HAS_HDF5) {
        printf("SKIP: the cases are HDF5 files, which this build does not read\n");
        return SKIPPED;
    }
    if (antler__file_read(path, 1 << 24, &text, &size, &err) != ANTLER_OK ||
        antler__json_parse(text, size, &golden_index, &err) != ANTLER_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    free(text);
    return -1;
}

#endif

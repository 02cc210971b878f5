/* The golden cases that real Keras wrote (tests/golden): every case there must load from each of its files and agree in
   prediction, loss, gradients and training, within the tolerances of its index. */
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

#define GOLDEN ANTLER_SOURCE_DIR "/tests/golden/"

static antler_json *golden_index;

static const antler_json *cases(void)
{
    return antler__json_get(golden_index, "cases");
}

static const antler_json *case_at(int i)
{
    const antler_json *item = antler__json_first(cases());
    while (i-- > 0)
        item = antler__json_next(item);
    return item;
}

static const char *text_at(const antler_json *node, const char *key)
{
    return antler__json_string(antler__json_get(node, key));
}

static bool listed(const antler_json *node, const char *list, const char *wanted)
{
    const antler_json *item = antler__json_first(antler__json_get(node, list));
    for (; item; item = antler__json_next(item))
        if (strcmp(antler__json_string(item), wanted) == 0)
            return true;
    return false;
}

static const char *path_of(const antler_json *item, const char *file)
{
    static char path[512];
    snprintf(path, sizeof path, GOLDEN "%s/%s", text_at(item, "name"), file);
    return path;
}

static void ensure(antler_status status, const antler_error *err, const char *what, const char *name)
{
    char text[1024];
    ck_assert_msg(status == ANTLER_OK, "%s: %s: %s", name, what, antler_error_text(err, text, sizeof text));
}

/* ---- a case's values ---- */

static antler_entries io;

static double number_of(const antler_entry *e, int64_t i)
{
    switch (e->dtype) {
    case ANTLER_FLOAT32:
        return (double)((const float *)e->data)[i];
    case ANTLER_FLOAT64:
        return ((const double *)e->data)[i];
    case ANTLER_INT32:
        return ((const int32_t *)e->data)[i];
    default:
        ck_abort_msg("%s has type %s", e->name, antler__dtype_name(e->dtype));
        return 0;
    }
}

static const antler_entry *value(const char *group, int64_t k)
{
    char name[64];
    if (k < 0)
        snprintf(name, sizeof name, "/%s", group);
    else
        snprintf(name, sizeof name, "/%s/%lld", group, (long long)k);
    return antler__entries_find(&io, name);
}

static antler_real *reals(const antler_entry *e)
{
    int64_t n = antler_count(&e->shape, 0);
    antler_real *r = malloc((size_t)n * sizeof *r);
    for (int64_t i = 0; i < n; i++)
        r[i] = (antler_real)number_of(e, i);
    return r;
}

/* |got - wanted| <= atol + rtol * (of each: |wanted|; or `scale` >= 0 for the tensor). */
static void compare(const antler_json *item, const char *quantity, const char *file, int64_t k, const antler_real *got,
                    const antler_entry *wanted, double scale)
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

static double largest(const antler_entry *a, const antler_entry *minus)
{
    double most = 0;
    for (int64_t i = 0; i < antler_count(&a->shape, 0); i++) {
        double d = fabs(number_of(a, i) - (minus ? number_of(minus, i) : 0));
        most = d > most ? d : most;
    }
    return most;
}

static void set_weights(antler_model *model, const char *name)
{
    antler_error err = *antler_model_error(model);
    ensure(antler_build(model), antler_model_error(model), "build", name);
    (void)err;
    int64_t k = 0;
    for (const antler_entry *e; (e = value("init", k)) != NULL; k++) {
        const antler_variable *v = antler_model_variable(model, k);
        ck_assert_msg(v && antler_shape_equal(&v->value.shape, &e->shape), "%s: init/%lld does not fit", name,
                      (long long)k);
        for (int64_t i = 0; i < antler_count(&e->shape, 0); i++)
            v->value.data[i] = (antler_real)number_of(e, i);
    }
    ck_assert_msg(!antler_model_variable(model, k), "%s: more variables than Keras's %lld", name, (long long)k);
}

static antler_data *data_of(const antler_entry *e)
{
    antler_error err = {0};
    antler_data *data = antler_data_from(e->data, e->dtype, &e->shape, &err);
    ck_assert(data != NULL);
    return data;
}

/* ---- checks ---- */

static void check_predict(antler_model *model, const antler_json *item, const char *file)
{
    antler_error err = {0};
    const antler_entry *x = value("x", -1), *wanted = value("predict", -1);
    antler_real *y = malloc((size_t)antler_count(&wanted->shape, 0) * sizeof *y);
    antler_data *data = data_of(x);
    ensure(antler_predict(model, data, 1000, 2, y, &err), &err, file, text_at(item, "name"));
    compare(item, "predict", file, -1, y, wanted, -1);
    antler_data_free(data);
    free(y);
}

static void check_loss(antler_model *model, const antler_json *item)
{
    antler_error err = {0};
    antler_logs logs;
    antler_data *x = data_of(value("x", -1)), *y = data_of(value("y", -1));
    ensure(antler_evaluate(model, x, y, 1000, 1, &logs, &err), &err, "evaluate", text_at(item, "name"));
    antler_real loss = (antler_real)logs.value[0];
    compare(item, "loss", "model.json", -1, &loss, value("loss", -1), -1);
    antler_data_free(x);
    antler_data_free(y);
}

static antler_context *step(antler_model *model, antler_context *context, const antler_real *x, const antler_real *y,
                            int64_t n, const char *name)
{
    antler_error err = {0};
    if (!context)
        context = antler_context_create_train(model, n, 2, 0, &err);
    ensure(err.status, &err, "context", name);
    ensure(antler_forward(context, x, n, NULL, &err), &err, "forward", name);
    ensure(antler_backward(context, y, NULL, &err), &err, "backward", name);
    return context;
}

static void check_gradients(antler_model *model, const antler_json *item, const char *group)
{
    antler_real *x = reals(value("x", -1)), *y = reals(value("y", -1));
    antler_context *context = step(model, NULL, x, y, value("x", -1)->shape.dim[0], text_at(item, "name"));
    int64_t k = 0;
    for (int64_t v = 0; antler_model_variable(model, v); v++) {
        const antler_real *gradient = antler_gradient(context, v);
        if (!gradient)
            continue;
        const antler_entry *wanted = value(group, k);
        ck_assert_msg(wanted != NULL, "%s: Keras has no gradient %lld", text_at(item, "name"), (long long)k);
        compare(item, group, "model.json", k++, gradient, wanted, largest(wanted, NULL));
    }
    ck_assert_msg(!value(group, k), "%s: Keras has more gradients than %lld", text_at(item, "name"), (long long)k);
    antler_context_free(context);
    free(x);
    free(y);
}

static void check_training(antler_model *model, const antler_json *item)
{
    antler_error err = {0};
    antler_real *x = reals(value("x", -1)), *y = reals(value("y", -1));
    antler_context *context = NULL;
    int64_t steps = (int64_t)antler__json_number(antler__json_get(item, "steps"));
    for (int64_t s = 0; s < steps; s++) {
        context = step(model, context, x, y, value("x", -1)->shape.dim[0], text_at(item, "name"));
        ensure(antler_update(context, &err), &err, "update", text_at(item, "name"));
    }
    const antler_entry *after, *init;
    for (int64_t k = 0; (after = value("after", k)) != NULL && (init = value("init", k)) != NULL; k++)
        compare(item, "after", "model.json", k, antler_model_variable(model, k)->value.data, after,
                largest(after, init));
    antler_context_free(context);
    free(x);
    free(y);
}

static antler_model *load(const antler_json *item, const char *file)
{
    antler_error err = {0};
    antler_model *model = antler_load(path_of(item, file), &err);
    ensure(model ? ANTLER_OK : err.status, &err, file, text_at(item, "name"));
    return model;
}

static void check_file(const antler_json *item, const char *file)
{
    antler_error err = {0};
    bool weights = strstr(file, ".weights.") != NULL;
    antler_model *model = load(item, weights ? "model.json" : file);
    if (weights)
        ensure(antler_load_weights(model, path_of(item, file), &err), &err, file, text_at(item, "name"));
    check_predict(model, item, file);
    antler_model_free(model);
}

START_TEST(agrees_with_keras)
{
    const antler_json *item = case_at(_i);
    antler_error err = {0};
    ensure(antler__hdf5_read(path_of(item, "io.h5"), NULL, 0, &io, &err), &err, "io.h5", text_at(item, "name"));
    antler_model *model = load(item, "model.json");
    set_weights(model, text_at(item, "name"));
    check_predict(model, item, "model.json");
    if (value("loss", -1))
        check_loss(model, item);
    if (listed(item, "has", "grad_train"))
        check_gradients(model, item, "grad_train");
    if (listed(item, "has", "after")) {
        set_weights(model, text_at(item, "name")); /* moving statistics were updated */
        check_training(model, item);
    }
    antler_model_free(model);
    check_file(item, "model.h5");
    if (listed(item, "files", "model.weights.h5"))
        check_file(item, "model.weights.h5");
    if (HAS_ZIP && listed(item, "files", "model.keras"))
        check_file(item, "model.keras");
    antler__entries_free(&io);
}
END_TEST

int main(void)
{
    void *text;
    size_t size;
    antler_error err = {0};
    if (!HAS_HDF5) {
        printf("SKIP: the cases are HDF5 files, which this build does not read\n");
        return SKIPPED;
    }
    if (antler__file_read(GOLDEN "index.json", 1 << 24, &text, &size, &err) != ANTLER_OK ||
        antler__json_parse(text, size, &golden_index, &err) != ANTLER_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    free(text);
    TCase *tests = tcase_create("keras");
    tcase_add_loop_test(tests, agrees_with_keras, 0, (int)antler__json_length(cases()));
    int failed = run_suite("golden", tests);
    antler__json_free(golden_index);
    return failed;
}

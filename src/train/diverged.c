#include "train/diverged.h"

#include "train/objective.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool all_finite(const antler_real *x, int64_t n)
{
    bool finite = true;
    for (int64_t i = 0; i < n; i++)
        finite = finite && isfinite(x[i]);
    return finite;
}

bool antler__weights_finite(const antler_model *model)
{
    return all_finite(model->parameters, model->size);
}

static double largest(const antler_real *x, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fabs((double)x[i]) > most ? fabs((double)x[i]) : most;
    return most;
}

/* ---- where ------------------------------------------------------------------------------------------------------- */

static bool find_weight(const antler_model *model, char *text, size_t size)
{
    for (int64_t i = 0; i < model->variables; i++) {
        const antler_variable *v = &model->variable[i].view;
        if (!all_finite(v->value.data, antler_count(&v->value.shape, 0))) {
            snprintf(text, size, "the step before left \"%.60s\" of layer \"%.60s\" without finite numbers", v->name,
                     v->layer);
            return true;
        }
    }
    return false;
}

/* Of `what` of each layer, from the first on; gradients come from the last. */
static bool find_layer(antler_context *c, antler_what what, char *text, size_t size)
{
    const bool forward = what == ANTLER_OUTPUT;
    const int64_t layers = c->model->layers;
    for (int64_t i = 0; i < layers; i++) {
        const antler_layer_view *layer = antler_model_layer(c->model, forward ? i : layers - 1 - i);
        antler_tensor tensor;
        antler_error unread = {0}; /* a layer that has none */
        if (antler_read(c, layer->name, what, 0, &tensor, &unread) == ANTLER_OK && tensor.data &&
            !all_finite(tensor.data, antler_count(&tensor.shape, 0))) {
            snprintf(text, size, "the %s of layer \"%.60s\" (%s) is the first that is not",
                     forward ? "output" : "gradient", layer->name, layer->class_name);
            return true;
        }
    }
    return false;
}

/* The batch once more, with all that its layers give. */
static void find_place(const antler_divergence *at, char *text, size_t size)
{
    antler_error err = {0};
    snprintf(text, size, "the layers' outputs are finite, but so large that the loss is not");
    if (find_weight(at->model, text, size))
        return;
    antler_context *c =
        antler__training_context(at->model, at->model, ANTLER_TRAIN, at->n, 1, ANTLER_KEEP, at->in, &err);
    if (!c)
        return;
    antler_context_seek(c, at->model->step, 0);
    if (antler__forward(c, at->x, at->n, &err) == ANTLER_OK && !find_layer(c, ANTLER_OUTPUT, text, size) &&
        antler__backward_tracked(c, at->y, &err) == ANTLER_OK)
        find_layer(c, ANTLER_GRADIENT, text, size);
    antler_context_free(c);
}

/* ---- why --------------------------------------------------------------------------------------------------------- */

static void find_cause(double x, double y, double rate, char *text, size_t size)
{
    enum { LARGE_INPUT = 100, LARGE_TARGET = 1000 };
    const double high = 0.1; /* no optimizer's default is above */
    if (x > LARGE_INPUT && y > LARGE_TARGET)
        snprintf(text, size, "scale inputs and targets to about -1 to 1 (a Normalization layer does it for inputs)");
    else if (x > LARGE_INPUT)
        snprintf(text, size, "scale the inputs to about -1 to 1 (a Normalization layer does)");
    else if (y > LARGE_TARGET)
        snprintf(text, size, "scale the targets, such as to a mean of 0 and a deviation of 1");
    else if (rate > high)
        snprintf(text, size, "the learning rate is large: try %g", 1e-3);
    else if (isnan(rate))
        snprintf(text, size, "try smaller rates in the schedule, or \"clipnorm\": 1 of the optimizer");
    else
        snprintf(text, size, "try a learning rate of %g, or \"clipnorm\": 1 of the optimizer", rate / 10);
}

antler_status antler__diverged(const antler_divergence *at, antler_error *err)
{
    char place[200], cause[100], rate_text[32] = "a schedule's";
    const double x = largest(at->x, at->n * at->x_width), y = largest(at->y, at->n * at->y_width);
    const double rate = antler_learning_rate(at->model);
    find_place(at, place, sizeof place);
    find_cause(x, y, rate, cause, sizeof cause);
    if (!isnan(rate))
        snprintf(rate_text, sizeof rate_text, "%.4g", rate);
    return antler_error_set(err, ANTLER_DIVERGED, NULL,
                            "the %s no finite number in epoch %lld, batch %lld: %s. Largest input %.4g, largest target "
                            "%.4g, learning rate %s: %s",
                            isfinite(at->loss) ? "weights are" : "loss is", (long long)at->epoch + 1,
                            (long long)at->batch + 1, place, x, y, rate_text, cause);
}

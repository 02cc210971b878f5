/* antler_gradcheck: the gradient of every weight against central differences of the loss. */
#include "core/memory.h"
#include "core/status.h"
#include "model/context.h"
#include "train/slopes.h"

#include <math.h>
#include <string.h>

typedef struct pass {
    antler_context *context;
    const antler_real *x, *y;
    int64_t n;
} pass;

/* The loss with the masks of step 1; its gradients stay in the context. */
static antler_status loss(void *arg, double *value, antler_error *err)
{
    const pass *p = arg;
    antler_context_reset(p->context);
    antler_context_seek(p->context, 1, 0);
    ANTLER_TRY(antler_forward(p->context, p->x, p->n, NULL, err));
    return antler_backward(p->context, p->y, value, err);
}

/* The loss of such a model is another function after each pass. */
static antler_status refuse_moving(const antler_model *model, antler_error *err)
{
    antler_object layer;
    for (int64_t i = 0; antler_model_object(model, ANTLER_KIND_LAYER, i, &layer); i++)
        if (((const antler_layer_ops *)layer.type)->flags & ANTLER_MOVES_PARAMS)
            return antler_error_set(err, ANTLER_UNSUPPORTED, NULL,
                                    "a pass in training changes the weights of %s: there are no differences to check",
                                    layer.type->class_name);
    return ANTLER_OK;
}

/* A copy of the gradient is looked at, as every evaluation writes the context's. */
static antler_status check_variable(pass *p, const antler_variable *v, const antler_real *gradient, bool all,
                                    double size, antler_gradient_outcome *told, antler_error *err)
{
    const antler_slopes slopes = {.f = loss, .arg = p, .size = fabs(size)};
    antler_slope_outcome o;
    int64_t n = antler_count(&v->value.shape, 0);
    antler_real *copy = antler__allocate((size_t)n, sizeof *copy);
    if (!copy)
        return antler__no_memory(err);
    memcpy(copy, gradient, (size_t)n * sizeof *copy);
    antler_status status = antler__slopes_compare(&slopes, v->value.data, copy, n, all, &o, err);
    antler__free(copy);
    *told = (antler_gradient_outcome){v, o.checked, o.kinks, o.largest, o.difference, o.ok};
    return status;
}

antler_status antler_gradcheck(antler_context *context, const antler_real *x, const antler_real *y, int64_t n, bool all,
                               antler_gradient_fn tell, void *user, antler_error *err)
{
    pass p = {context, x, y, n};
    const antler_variable *v;
    antler_error wrong = {0};
    ANTLER_TRY(antler__require(context, "context", err));
    ANTLER_TRY(refuse_moving(context->model, err));
    for (int64_t i = 0; (v = antler_model_variable(context->model, i)); i++) {
        antler_gradient_outcome o;
        double value;
        ANTLER_TRY(loss(&p, &value, err));
        const antler_real *gradient = antler_gradient(context, i);
        if (!gradient)
            continue;
        ANTLER_TRY(check_variable(&p, v, gradient, all, value, &o, err));
        if (tell)
            tell(user, &o);
        if (!o.ok)
            antler_error_set(
                &wrong, ANTLER_VALUE, NULL,
                "the gradient of %s of layer %s is not the slope of the loss: they differ by %.3g, and the "
                "largest element is %.3g",
                v->name, v->layer, o.difference, o.largest);
    }
    return wrong.status == ANTLER_OK ? ANTLER_OK : antler__error_copy(err, &wrong);
}

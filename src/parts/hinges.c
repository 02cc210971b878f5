/* Hinge losses: a value for each row of predictions p against targets y, and its gradient.

       hinge                           mean(max(1 - y p, 0)), labels 0 and 1 taken as -1 and 1
       squared hinge                   mean(max(1 - y p, 0)^2)
       categorical hinge               max(max((1 - y) p) - sum(y p) + 1, 0) */
#include "parts/losses.h"

#include "kernels/kernels.h"

/* Labels that are all 0 or 1 stand for -1 and 1. */
static bool are_binary(const antler_loss_call *call)
{
    for (int64_t i = 0; i < call->rows * call->n; i++)
        if (call->y[i] != 0 && call->y[i] != 1)
            return false;
    return true;
}

static void hinges(const antler_loss_call *call, bool squared)
{
    const bool binary = are_binary(call);
    const antler_real step = 1 / (antler_real)call->n;
    for (int64_t i = 0; i < call->rows * call->n; i++) {
        const antler_real y = binary ? 2 * call->y[i] - 1 : call->y[i], gap = 1 - y * call->p[i];
        const antler_real left = gap > 0 ? gap : 0;
        call->scratch[i] = squared ? left * left : left;
        if (call->dp)
            call->dp[i] = gap < 0 ? 0 : -y * (squared ? 2 * left : 1) * step;
    }
    antler__loss_means(call);
}

static antler_status hinge(const void *config, const antler_loss_call *call)
{
    (void)config;
    hinges(call, false);
    return ANTLER_OK;
}

static antler_status squared_hinge(const void *config, const antler_loss_call *call)
{
    (void)config;
    hinges(call, true);
    return ANTLER_OK;
}

/* The largest of several equal ones share its gradient, as in TensorFlow. */
static void categorical_hinge_row(const antler_loss_call *call, int64_t r)
{
    const int64_t n = call->n;
    const antler_real *p = call->p + r * n, *y = call->y + r * n, pos = antler__kernels()->dot(y, p, n);
    antler_real *against = call->scratch + r * n, most = (1 - y[0]) * p[0];
    int64_t ties = 0;
    for (int64_t i = 0; i < n; i++) {
        against[i] = (1 - y[i]) * p[i];
        most = against[i] > most ? against[i] : most;
    }
    for (int64_t i = 0; i < n; i++)
        ties += against[i] == most;
    const antler_real gap = most - pos + 1;
    call->value[r] = gap > 0 ? gap : 0;
    for (int64_t i = 0; call->dp && i < n; i++) {
        const antler_real up = against[i] == most ? (1 - y[i]) / (antler_real)ties : 0;
        call->dp[r * n + i] = gap < 0 ? 0 : up - y[i];
    }
}

static antler_status categorical_hinge(const void *config, const antler_loss_call *call)
{
    (void)config;
    for (int64_t r = 0; r < call->rows; r++)
        categorical_hinge_row(call, r);
    return ANTLER_OK;
}

const antler_loss_ops antler__hinge = {
    ANTLER_LOSS_HEAD("Hinge", "mean(max(1 - y p, 0)), y -1 or 1", antler_loss_keys, NULL, "hinge"),
    .compute = hinge,
};

const antler_loss_ops antler__squared_hinge = {
    ANTLER_LOSS_HEAD("SquaredHinge", "mean(max(1 - y p, 0)^2), y -1 or 1", antler_loss_keys, NULL, "squared_hinge"),
    .compute = squared_hinge,
};

const antler_loss_ops antler__categorical_hinge = {
    ANTLER_LOSS_HEAD("CategoricalHinge", "max(max((1 - y) p) - sum(y p) + 1, 0)", antler_loss_keys, NULL,
                     "categorical_hinge"),
    .compute = categorical_hinge,
};

/* Dropout inside of recurrent layers: one mask a sequence, for all steps and gates. */
#include "dropouts.h"

static const char *const recurrent[] = {
    "{'class_name': 'SimpleRNN', 'config': {'name': 'r', 'units': 6%s}}",
    "{'class_name': 'LSTM', 'config': {'name': 'r', 'units': 6%s}}",
    "{'class_name': 'GRU', 'config': {'name': 'r', 'units': 6%s}}",
    "{'class_name': 'GRU', 'config': {'name': 'r', 'units': 6, 'reset_after': false%s}}",
};

static antler_model *recurrent_model(int which, const char *more)
{
    char layer[256];
    snprintf(layer, sizeof layer, recurrent[which], more);
    return network("9, 5", layer, "");
}

/* The gradient of an input is 0 at all steps or at none. */
START_TEST(recurrent_input_dropout_is_one_mask) /* D11, D14 */
{
    enum { T = 9, F = 5 };
    antler_model *model = recurrent_model(_i, ", 'dropout': 0.3");
    antler_context *context = context_of(model, ANTLER_TRAIN, BATCH, ANTLER_INPUT_GRADIENT);
    antler_real *x = numbers(BATCH * T * F, 1), *dy = numbers(BATCH * 6, 2), *dx = room(BATCH * T * F);
    int kept = 0;
    forward(context, x, BATCH, NULL);
    backward(context, dy, dx);
    for (int b = 0; b < BATCH; b++)
        for (int f = 0; f < F; f++) {
            bool keep = dx[b * T * F + f] != 0;
            kept += keep;
            for (int t = 0; t < T; t++)
                ck_assert((dx[(b * T + t) * F + f] != 0) == keep);
        }
    ck_assert(fabs(kept - BATCH * F * 0.7) <= 6 * sqrt(BATCH * F * 0.7 * 0.3));
    antler_context_free(context);
    antler_model_free(model);
    free(x);
    free(dy);
    free(dx);
}
END_TEST

static bool any(const antler_real *x, int64_t n)
{
    while (n > 0 && x[n - 1] == 0)
        n--;
    return n > 0;
}

/* Of one sequence, a unit's row of the recurrent kernel's gradient is 0 in every gate when the unit is dropped, which
   it is at all steps, and in none when it is not. */
START_TEST(recurrent_state_dropout_is_one_mask) /* D11, D14 */
{
    enum { T = 9, F = 5, U = 6, STEPS = 100 };
    antler_model *model = recurrent_model(_i, ", 'recurrent_dropout': 0.3");
    antler_context *context = context_of(model, ANTLER_TRAIN, 1, 0);
    antler_real *x = numbers(T * F, 1), *dy = numbers(U, 2);
    const int64_t columns = antler_model_variable(model, 1)->value.shape.dim[1];
    int kept = 0;
    for (int step = 0; step < STEPS; step++) {
        antler_context_seek(context, step, 0);
        forward(context, x, 1, NULL);
        backward(context, dy, NULL);
        const antler_real *du = antler_gradient(context, 1); /* (U, columns) */
        for (int u = 0; u < U; u++) {
            bool keep = any(du + u * columns, U);
            kept += keep;
            for (int64_t gate = 0; gate < columns / U; gate++)
                ck_assert(any(du + u * columns + gate * U, U) == keep);
        }
    }
    ck_assert(fabs(kept - STEPS * U * 0.7) <= 6 * sqrt(STEPS * U * 0.7 * 0.3));
    antler_context_free(context);
    antler_model_free(model);
    free(x);
    free(dy);
}
END_TEST

/* Of one sequence of one position, the row of a channel in a gate's part of a kernel's gradient is 0 where the channel
   is dropped for that gate: in some gates, and not in others. */
START_TEST(a_conv_lstm_has_a_mask_for_each_gate)
{
    enum { C = 5, U = 5, STEPS = 100 };
    antler_model *model = network("9, 1, 5",
                                  _i == 0 ? "{'class_name': 'ConvLSTM1D', 'config': {'filters': 5, 'kernel_size': 1, "
                                            "'dropout': 0.3}}"
                                          : "{'class_name': 'ConvLSTM1D', 'config': {'filters': 5, 'kernel_size': 1, "
                                            "'recurrent_dropout': 0.3}}",
                                  "");
    antler_context *context = context_of(model, ANTLER_TRAIN, 1, 0);
    antler_real *x = numbers(9 * C, 1), *dy = numbers(U, 2);
    int kept = 0, mixed = 0;
    for (int step = 0; step < STEPS; step++) {
        antler_context_seek(context, step, 0);
        forward(context, x, 1, NULL);
        backward(context, dy, NULL);
        const antler_real *d = antler_gradient(context, _i); /* (C, 4 U) */
        for (int c = 0; c < C; c++) {
            int gates = 0;
            for (int gate = 0; gate < 4; gate++)
                gates += any(d + (c * 4 + gate) * U, U);
            kept += gates;
            mixed += gates > 0 && gates < 4;
        }
    }
    const double n = STEPS * C * 4, some = 1 - pow(0.7, 4) - pow(0.3, 4);
    ck_assert(fabs(kept - n * 0.7) <= 6 * sqrt(n * 0.7 * 0.3));
    ck_assert(fabs(mixed - n / 4 * some) <= 6 * sqrt(n / 4 * some * (1 - some)));
    antler_context_free(context);
    antler_model_free(model);
    free(x);
    free(dy);
}
END_TEST

/* h(t) = 1 + keep / (1 - rate) * h(t-1) for each unit by itself: the values say which units were dropped. */
START_TEST(recurrent_values_are_right)
{
    enum { T = 9, U = 5 };
    antler_model *model = network("9, 5",
                                  "{'class_name': 'SimpleRNN', 'config': {'units': 5, 'activation': "
                                  "'linear', 'return_sequences': true, 'recurrent_dropout': 0.5}}",
                                  "");
    for (int v = 0; v < 2; v++) /* kernel and recurrent kernel: the identity */
        for (int i = 0; i < U * U; i++)
            antler_model_variable(model, v)->value.data[i] = i % (U + 1) == 0;
    antler_context *context = context_of(model, ANTLER_TRAIN, BATCH, 0);
    antler_real *x = room(BATCH * T * U), *y = room(BATCH * T * U);
    for (int i = 0; i < BATCH * T * U; i++)
        x[i] = 1;
    forward(context, x, BATCH, y);
    for (int b = 0; b < BATCH; b++)
        for (int u = 0; u < U; u++) {
            antler_real h = 0;
            bool keep = y[(b * T + 1) * U + u] != 1;
            for (int t = 0; t < T; t++) {
                h = 1 + (keep ? 2 * h : 0);
                ck_assert(y[(b * T + t) * U + u] == h);
            }
        }
    antler_context_free(context);
    antler_model_free(model);
    free(x);
    free(y);
}
END_TEST

START_TEST(recurrent_inference_drops_nothing) /* D15 */
{
    enum { NX = BATCH * 45, NY = BATCH * 6 };
    antler_model *with = recurrent_model(_i, ", 'dropout': 0.5, 'recurrent_dropout': 0.5");
    antler_model *without = recurrent_model(_i, "");
    antler_context *a = context_of(with, ANTLER_INFER, BATCH, 0), *b = context_of(without, ANTLER_INFER, BATCH, 0);
    antler_context *mc = context_of(with, ANTLER_MC, BATCH, 0);
    antler_real *x = numbers(NX, 1), *y = room(NY), *z = room(NY);
    forward(a, x, BATCH, y);
    forward(b, x, BATCH, z);
    ck_assert(same_bits(y, z, NY));
    forward(mc, x, BATCH, z);
    ck_assert(!same_bits(y, z, NY));
    antler_context_free(a);
    antler_context_free(b);
    antler_context_free(mc);
    antler_model_free(with);
    antler_model_free(without);
    free(x);
    free(y);
    free(z);
}
END_TEST

int main(void)
{
    enum { KINDS = sizeof recurrent / sizeof recurrent[0] };
    TCase *tests = tcase_create("recurrent dropout");
    tcase_add_loop_test(tests, recurrent_input_dropout_is_one_mask, 0, KINDS);
    tcase_add_loop_test(tests, recurrent_state_dropout_is_one_mask, 0, KINDS);
    tcase_add_loop_test(tests, a_conv_lstm_has_a_mask_for_each_gate, 0, 2);
    tcase_add_test(tests, recurrent_values_are_right);
    tcase_add_loop_test(tests, recurrent_inference_drops_nothing, 0, KINDS);
    return run_suite("recurrent dropout", tests);
}

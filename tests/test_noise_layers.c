/* Layers of normal noise, and Monte Carlo: statistics with fixed seeds and bounds of 6 standard deviations. */
#include "dropouts.h"

/* ---- other noise ---- */

START_TEST(gaussian_moments)
{
    enum { F = 500, N = BATCH * F };
    const double rate = rates[_i], deviation = sqrt(rate / (1 - rate));
    char layer[128];
    snprintf(layer, sizeof layer, "{'class_name': 'GaussianDropout', 'config': {'rate': %g}}", rate);
    antler_model *model = network("500", layer, "");
    antler_context *context = context_of(model, ANTLER_TRAIN, BATCH, ANTLER_INPUT_GRADIENT);
    antler_real *x = room(N), *y = room(N), *dx = room(N);
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++)
        x[i] = 1;
    forward(context, x, BATCH, y);
    for (int i = 0; i < N; i++) {
        sum += (double)y[i];
        squares += ((double)y[i] - 1) * ((double)y[i] - 1);
    }
    ck_assert(fabs(sum / N - 1) <= 6 * deviation / sqrt(N));
    ck_assert(fabs(squares / N - deviation * deviation) <= 6 * deviation * deviation * sqrt(2.0 / N));
    backward(context, x, dx); /* the same numbers, drawn again */
    ck_assert(same_bits(y, dx, N));
    antler_context_free(context);
    antler_model_free(model);
    free(x);
    free(y);
    free(dx);
}
END_TEST

/* ---- Monte Carlo ---- */

/* With y = sum over i of a(i) k(i) / q + bias, k(i) 1 with probability q = 1 - rate: mean sum a + bias, variance
   rate / q sum a^2, and the estimate of the variance from n samples has variance (k4 + 2 variance^2) / n about, where
   k4 = sum a^4 rate (1 - 6 rate q) / q^3 is the fourth cumulant. */
START_TEST(mc_is_as_theory_says)
{
    enum { F = 64, N = 50, SAMPLES = 200 };
    const double rate = rates[_i], q = 1 - rate, bias = 0.25;
    char layers[256];
    snprintf(layers, sizeof layers,
             "{'class_name': 'Dropout', 'config': {'rate': %g}}, "
             "{'class_name': 'Dense', 'config': {'units': 1}}",
             rate);
    antler_model *model = network("64", layers, ", 'fit': {'seed': 3}");
    antler_real *w = antler_model_variable(model, 0)->value.data, *x = numbers(N * F, 1), mean[N], deviation[N];
    random_numbers(w, F, 9);
    antler_model_variable(model, 1)->value.data[0] = (antler_real)bias;
    antler_data *data = rows_of(x, N, F);
    antler_error err = {0};
    must(antler_predict_mc(model, data, SAMPLES, 16, 2, mean, deviation, &err), &err);
    for (int i = 0; i < N; i++) {
        double sum = bias, variance = 0, fourth = 0;
        for (int j = 0; j < F; j++) {
            double a = (double)x[i * F + j] * (double)w[j];
            sum += a;
            variance += rate / q * a * a;
            fourth += a * a * a * a * rate * (1 - 6 * rate * q) / (q * q * q);
        }
        double got = (double)deviation[i] * (double)deviation[i];
        ck_assert_msg(fabs((double)mean[i] - sum) <= 6 * sqrt(variance / SAMPLES), "row %d: mean %g, not %g", i,
                      (double)mean[i], sum);
        ck_assert_msg(fabs(got - variance) <= 6 * sqrt((fourth + 2 * variance * variance) / SAMPLES),
                      "row %d: variance %g, not %g", i, got, variance);
    }
    antler_data_free(data);
    antler_model_free(model);
    free(x);
}
END_TEST

static const char *const mc_layers =
    "{'class_name': 'Dropout', 'config': {'rate': 0.2}}, "
    "{'class_name': 'LSTM', 'config': {'units': 4, 'return_sequences': true, 'dropout': 0.2, "
    "'recurrent_dropout': 0.2}}, "
    "{'class_name': 'SpatialDropout1D', 'config': {'rate': 0.2}}, {'class_name': 'BatchNormalization', "
    "'config': {}}, {'class_name': 'Dropout', 'config': {'rate': 0.3, 'noise_shape': [null, 1, 4]}}, "
    "{'class_name': 'GaussianDropout', 'config': {'rate': 0.2}}, {'class_name': 'Flatten', 'config': "
    "{}}, "
    "{'class_name': 'Dropout', 'config': {'rate': 0.3, 'noise_shape': [1, null]}}, "
    "{'class_name': 'Dense', 'config': {'units': 3, 'activation': 'softmax'}}";

START_TEST(mc_does_not_depend_on_the_batch)
{
    enum { N = 23, F = 15 };
    static const int batches[] = {N, 1, 7, 1000};
    antler_real *x = numbers(N * F, 1), mean[2][N * 3], deviation[2][N * 3];
    antler_error err = {0};
    antler_data *data = data_of(x, &(antler_shape){3, {N, 5, 3}}, N);
    antler_model *model = network("5, 3", mc_layers, "");
    for (int b = 0; b < 4; b++) {
        int to = b > 0;
        must(antler_predict_mc(model, data, 10, batches[b], b % 2 + 1, mean[to], deviation[to], &err), &err);
        ck_assert(same_bits(mean[0], mean[to], N * 3));
        ck_assert(same_bits(deviation[0], deviation[to], N * 3));
    }
    ck_assert(deviation[0][0] > 0);
    must(antler_predict_mc(model, data, 10, 4, 1, mean[1], NULL, &err), &err); /* the deviation may be left out */
    ck_assert(same_bits(mean[0], mean[1], N * 3));
    antler_data_free(data);
    antler_model_free(model);
    free(x);
}
END_TEST

START_TEST(mc_leaves_statistics_alone) /* D23 */
{
    enum { N = BATCH * 6 };
    antler_model *model = network("6",
                                  "{'class_name': 'BatchNormalization', 'config': {}}, "
                                  "{'class_name': 'Dropout', 'config': {'name': 'd', 'rate': 0.5}}",
                                  "");
    for (int v = 0; v < 4; v++)
        for (int i = 0; i < 6; i++)
            antler_model_variable(model, v)->value.data[i] = (antler_real)(1 + v + i) / 4;
    uint64_t weights = hash_weights(model);
    antler_real *x = numbers(N, 1), *mc = room(N), *infer = room(N);
    antler_context *a = context_of(model, ANTLER_MC, BATCH, 0), *b = context_of(model, ANTLER_INFER, BATCH, 0);
    forward(a, x, BATCH, mc);
    forward(b, x, BATCH, infer);
    for (int i = 0; i < N; i++)
        ck_assert(mc[i] == 0 || mc[i] == infer[i] / (antler_real)0.5);
    ck_assert(!same_bits(mc, infer, N));
    ck_assert_uint_eq(hash_weights(model), weights);
    antler_context_free(a);
    antler_context_free(b);
    antler_model_free(model);
    free(x);
    free(mc);
    free(infer);
}
END_TEST

int main(void)
{
    enum { RATES = sizeof rates / sizeof rates[0] };
    TCase *tests = tcase_create("noise layers");
    tcase_add_loop_test(tests, gaussian_moments, 0, RATES);
    tcase_add_loop_test(tests, mc_is_as_theory_says, 0, RATES);
    tcase_add_test(tests, mc_does_not_depend_on_the_batch);
    tcase_add_test(tests, mc_leaves_statistics_alone);
    return run_suite("noise layers", tests);
}

/* Dropout, in all its forms, through the public API. Statistics have fixed seeds and bounds of 6 standard deviations.
   The cases named D1 to D24, here, in test_dropout_recurrent.c and test_noise_layers.c, are faults that other libraries
   had. */
#include "dropouts.h"
#include "layers/shared/common.h"

/* ---- which elements share a choice ---- */

START_TEST(noise_shape_drops_samples)
{
    enum { N = 200, F = 6 };
    antler_model *model = dropout("6", 0.4, ", 'noise_shape': [null, 1]");
    antler_context *context = context_of(model, ANTLER_TRAIN, N, ANTLER_KEEP);
    antler_real *x = numbers(N * F, 1), *y = room(N * F);
    forward(context, x, N, y);
    antler_tensor mask = mask_of(context, "d");
    ck_assert(antler_shape_equal(&mask.shape, &(antler_shape){2, {N, 1}}));
    int kept = 0;
    for (int i = 0; i < N; i++) {
        kept += mask.data[i] != 0;
        for (int j = 0; j < F; j++)
            ck_assert(y[i * F + j] == (mask.data[i] != 0 ? x[i * F + j] / (antler_real)0.6 : 0));
    }
    ck_assert(fabs(kept - N * 0.6) <= 6 * sqrt(N * 0.6 * 0.4));
    antler_context_free(context);
    antler_model_free(model);
    free(x);
    free(y);
}
END_TEST

START_TEST(noise_shape_shares_features)
{
    enum { N = 6, F = 200 };
    antler_model *model = dropout("200", 0.4, ", 'noise_shape': [1, null]");
    antler_context *context = context_of(model, ANTLER_TRAIN, N, ANTLER_KEEP);
    antler_real *x = numbers(N * F, 1), *y = room(N * F);
    forward(context, x, N, y);
    antler_tensor mask = mask_of(context, "d");
    ck_assert(antler_shape_equal(&mask.shape, &(antler_shape){2, {1, F}}));
    int kept = 0;
    for (int j = 0; j < F; j++) {
        kept += mask.data[j] != 0;
        for (int i = 0; i < N; i++)
            ck_assert(y[i * F + j] == (mask.data[j] != 0 ? x[i * F + j] / (antler_real)0.6 : 0));
    }
    ck_assert(fabs(kept - F * 0.6) <= 6 * sqrt(F * 0.6 * 0.4));
    uint64_t whole = drawn(context, x, N, 0, 0); /* the same features whatever the cut of the batch */
    ck_assert_uint_eq(drawn(context, x, 2, 0, 4), whole);
    antler_context_free(context);
    antler_model_free(model);
    free(x);
    free(y);
}
END_TEST

START_TEST(spatial_dropout_drops_channels)
{
    enum { T = 5, C = 40 };
    antler_model *model =
        network("5, 40", "{'class_name': 'SpatialDropout1D', 'config': {'name': 'd', 'rate': 0.3}}", "");
    antler_context *context = context_of(model, ANTLER_TRAIN, BATCH, ANTLER_KEEP);
    antler_real *x = numbers(BATCH * T * C, 1), *y = room(BATCH * T * C);
    forward(context, x, BATCH, y);
    int kept = 0;
    for (int b = 0; b < BATCH; b++)
        for (int c = 0; c < C; c++) {
            bool keep = y[b * T * C + c] != 0;
            kept += keep;
            for (int t = 0; t < T; t++) {
                int at = (b * T + t) * C + c;
                ck_assert(y[at] == (keep ? x[at] / (antler_real)0.7 : 0));
            }
        }
    ck_assert(fabs(kept - BATCH * C * 0.7) <= 6 * sqrt(BATCH * C * 0.7 * 0.3));
    antler_context_free(context);
    antler_model_free(model);
    free(x);
    free(y);
}
END_TEST

static const struct {
    const char *shape, *noise_shape, *message;
} bad_noise[] = {
    {"4, 3", "[null, 1]", "2 entries, but the input has 3 axes"},
    {"4", "[null, 1, 1]", "3 entries, but the input has 2 axes"},
    {"4, 3", "[null, 2, 3]", "entry 1 is 2: expected null, 1, or the size of the input's axis"},
    {"4", "[null, 0]", "0 is not in [1, 2147483647]"},
    {"4", "[null, -1]", "-1 is not in [1, 2147483647]"},
    {"4", "[null, 1.5]", "1.5 is not an integer"},
    {"4", "[]", "[] is not a list of 1 to 8 integers"},
};

START_TEST(noise_shapes_must_fit) /* D18 */
{
    char text[512];
    antler_error err = {0};
    snprintf(text, sizeof text,
             "{'class_name': 'Sequential', 'config': {'layers': [{'class_name': 'InputLayer', 'config': "
             "{'batch_shape': [null, %s]}}, {'class_name': 'Dropout', 'config': {'rate': 0.5, "
             "'noise_shape': %s}}]}}",
             bad_noise[_i].shape, bad_noise[_i].noise_shape);
    ck_assert_ptr_null(antler_load_json(quoted(text), NULL, &err));
    ck_assert_msg(strncmp(err.place, "config.layers[1].config.noise_shape", 35) == 0, "%s", err.place);
    ck_assert_msg(strstr(err.message, bad_noise[_i].message) != NULL, "%s", err.message);
}
END_TEST

/* ---- values ---- */

START_TEST(rate_0_is_the_identity) /* D6, D7 */
{
    antler_error err = {0};
    antler_tensor mask;
    antler_model *model = dropout("7", 0, "");
    antler_context *context = context_of(model, ANTLER_TRAIN, BATCH, ANTLER_KEEP | ANTLER_INPUT_GRADIENT);
    antler_real *x = numbers(BATCH * 7, 1), *y = room(BATCH * 7);
    forward(context, x, BATCH, y);
    ck_assert(same_bits(x, y, BATCH * 7));
    backward(context, x, y);
    ck_assert(same_bits(x, y, BATCH * 7));
    ck_assert_int_eq(antler_read(context, "d", ANTLER_MASK_BITS, 0, &mask, &err), ANTLER_NAME);
    antler_context_free(context);
    antler_model_free(model);
    free(x);
    free(y);
}
END_TEST

/* A layer of rate 0 takes nothing from the others' noise. */
START_TEST(rate_0_draws_nothing) /* D7 */
{
    static const char *const half = "{'class_name': 'Dropout', 'config': {'name': 'd', 'rate': 0.5}}";
    char layers[512];
    snprintf(layers, sizeof layers,
             "{'class_name': 'Dropout', 'config': {'rate': 0.0}}, {'class_name': 'GaussianDropout', "
             "'config': {'rate': 0.0}}, %s",
             half);
    antler_real *x = numbers(BATCH * 7, 1);
    uint64_t hash[2];
    for (int with = 0; with < 2; with++) {
        antler_model *model = network("7", with ? layers : half, "");
        antler_context *context = context_of(model, ANTLER_TRAIN, BATCH, ANTLER_KEEP);
        hash[with] = drawn(context, x, BATCH, 3, 5);
        antler_context_free(context);
        antler_model_free(model);
    }
    ck_assert_uint_eq(hash[0], hash[1]);
    free(x);
}
END_TEST

START_TEST(rate_1_gives_zeros) /* D5 */
{
    for (int mode = ANTLER_TRAIN; mode <= ANTLER_MC; mode++) {
        antler_model *model = dropout("7", 1, "");
        antler_context *context =
            context_of(model, (antler_mode)mode, BATCH, mode == ANTLER_TRAIN ? ANTLER_INPUT_GRADIENT : 0);
        antler_real *x = numbers(BATCH * 7, 1), *y = numbers(BATCH * 7, 2), *zeros = room(BATCH * 7);
        x[3] = (antler_real)NAN;
        forward(context, x, BATCH, y);
        ck_assert(same_bits(y, zeros, BATCH * 7));
        if (mode == ANTLER_TRAIN) {
            random_numbers(y, BATCH * 7, 2);
            backward(context, x, y);
            ck_assert(same_bits(y, zeros, BATCH * 7));
        }
        antler_context_free(context);
        antler_model_free(model);
        free(x);
        free(y);
        free(zeros);
    }
}
END_TEST

START_TEST(what_is_dropped_is_0_whatever_it_was)
{
    static const char *const shared[] = {"", ", 'noise_shape': [null, 1]", ", 'noise_shape': [1, null]"};
    for (int s = 0; s < 3; s++)
        for (int kind = 0; kind < 3; kind++) {
            const double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
            antler_model *model = dropout("33", 0.5, shared[s]);
            antler_context *context = context_of(model, ANTLER_TRAIN, BATCH, 0);
            antler_real *x = numbers(BATCH * 33, 1), *y = room(BATCH * 33), *z = room(BATCH * 33);
            forward(context, x, BATCH, y);
            for (int i = 0; i < BATCH * 33; i++)
                x[i] = (antler_real)bad[kind];
            forward(context, x, BATCH, z);
            for (int i = 0; i < BATCH * 33; i++)
                ck_assert(y[i] == 0 ? z[i] == 0 : kind == 0 ? isnan(z[i]) : z[i] == (antler_real)bad[kind]);
            antler_context_free(context);
            antler_model_free(model);
            free(x);
            free(y);
            free(z);
        }
}
END_TEST

/* Also beside a training context of the same model: the mode is the call's. */
START_TEST(inference_is_the_identity) /* D1 */
{
    static const double all[] = {0, 0.1, 0.5, 0.999, 1};
    for (int r = 0; r < 5; r++) {
        antler_model *model = dropout("7", all[r], "");
        antler_context *infer = context_of(model, ANTLER_INFER, BATCH, 0);
        antler_context *train = context_of(model, ANTLER_TRAIN, BATCH, 0);
        antler_real *x = numbers(BATCH * 7, 1), *y = room(BATCH * 7);
        x[0] = (antler_real)-0.0;
        x[1] = (antler_real)INFINITY;
        forward(train, x, BATCH, y);
        forward(infer, x, BATCH, y);
        ck_assert(same_bits(x, y, BATCH * 7));
        antler_error err = {0};
        ck_assert_int_eq(antler_backward_from(infer, x, NULL, &err), ANTLER_VALUE); /* D9: no gradients here */
        antler_context_free(train);
        antler_context_free(infer);
        antler_model_free(model);
        free(x);
        free(y);
    }
}
END_TEST

START_TEST(as_many_are_kept_as_should_be) /* D2, D3, D4 */
{
    enum { F = 500 };
    const double rate = rates[_i], n = BATCH * F;
    antler_model *model = dropout("500", rate, "");
    antler_context *context = context_of(model, ANTLER_TRAIN, BATCH, ANTLER_KEEP);
    antler_real *x = room(BATCH * F), *y = room(BATCH * F);
    for (int i = 0; i < BATCH * F; i++)
        x[i] = 1;
    forward(context, x, BATCH, y);
    double kept = 0, sum = 0;
    for (int i = 0; i < BATCH * F; i++) {
        kept += y[i] != 0;
        sum += (double)y[i];
    }
    ck_assert_msg(fabs(kept / n - (1 - rate)) <= 6 * sqrt(rate * (1 - rate) / n), "%g kept at rate %g", kept / n, rate);
    ck_assert_msg(fabs(sum / n - 1) <= 6 * sqrt(rate / (1 - rate) / n), "mean %g at rate %g", sum / n, rate);
    random_numbers(x, BATCH * F, 1);
    forward(context, x, BATCH, y);
    antler_tensor mask = mask_of(context, "d");
    for (int i = 0; i < BATCH * F; i++)
        ck_assert(y[i] == (mask.data[i] != 0 ? x[i] / (antler_real)(1 - rate) : 0));
    antler_context_free(context);
    antler_model_free(model);
    free(x);
    free(y);
}
END_TEST

/* Every word that can be drawn: the lowest drops, the highest keeps, at any rate between 0 and 1. */
START_TEST(thresholds_hold_at_the_ends) /* D6 */
{
    ck_assert_uint_eq(antler__drop_threshold(0.5), 0x80000000u);
    ck_assert_uint_eq(antler__drop_threshold(0x1p-32), 1);
    ck_assert_uint_eq(antler__drop_threshold(1e-300), 1);
    ck_assert_uint_eq(antler__drop_threshold(1 - 0x1p-32), UINT32_MAX);
    ck_assert_uint_eq(antler__drop_threshold(nextafter(1, 0)), UINT32_MAX);
    ck_assert_uint_eq(antler__drop_threshold(0.25), 0x40000000u);
}
END_TEST

static const struct {
    const char *shape, *more;
    int64_t features;
} shapes[] = {
    {"7", "", 7},
    {"130", "", 130},
    {"4, 3, 5", "", 60},
    {"4, 3, 5", ", 'noise_shape': [null, 1, 3, 1]", 60},
    {"4, 3, 5", ", 'noise_shape': [1, null, 1, 5]", 60},
    {"4, 3, 5", ", 'noise_shape': [null, 1, 1, null]", 60},
};

/* A gradient of ones comes back as what ones became on the way up. */
START_TEST(backward_uses_the_same_mask) /* D8 */
{
    const int64_t n = BATCH * shapes[_i].features;
    antler_model *model = dropout(shapes[_i].shape, 0.3, shapes[_i].more);
    antler_context *context = context_of(model, ANTLER_TRAIN, BATCH, ANTLER_INPUT_GRADIENT);
    antler_real *x = room(n), *y = room(n), *dy = numbers(n, 3), *dx = room(n);
    for (int64_t i = 0; i < n; i++)
        x[i] = 1;
    for (int step = 0; step < 3; step++) {
        antler_context_seek(context, step, 0);
        forward(context, x, BATCH, y);
        backward(context, dy, dx);
        for (int64_t i = 0; i < n; i++)
            ck_assert(dx[i] == (y[i] != 0 ? dy[i] / (antler_real)0.7 : 0));
    }
    antler_context_free(context);
    antler_model_free(model);
    free(x);
    free(y);
    free(dy);
    free(dx);
}
END_TEST

/* ---- where the choices come from ---- */

START_TEST(each_step_has_its_own_mask) /* D11 */
{
    antler_model *model = dropout("7", 0.5, "");
    antler_context *context = context_of(model, ANTLER_TRAIN, BATCH, ANTLER_KEEP);
    antler_real *x = numbers(BATCH * 7, 1);
    uint64_t first = drawn(context, x, BATCH, 0, 0), last = first;
    for (int64_t step = 1; step < 50; step++) {
        uint64_t next = drawn(context, x, BATCH, step, 0);
        ck_assert(next != last && next != first);
        last = next;
    }
    ck_assert(drawn(context, x, BATCH, INT64_C(1) << 40, 0) != first);
    ck_assert_uint_eq(drawn(context, x, BATCH, 0, 0), first);
    antler_context_free(context);
    antler_model_free(model);
    free(x);
}
END_TEST

START_TEST(layers_and_seeds_have_their_own) /* D12, D24 */
{
    static const char *const text = "{'class_name': 'Dropout', 'config': {'name': '%s', 'rate': 0.5%s}}";
    static const struct {
        const char *more;
        int seed;
        bool as_first;
    } variants[] = {{"", 7, true}, {"", 8, false}, {", 'seed': 3", 7, false}, {", 'trainable': false", 7, true}};
    antler_real *x = numbers(BATCH * 7, 1);
    uint64_t first = 0, seeded = 0;
    for (int v = 0; v < 4; v++) {
        char a[256], b[256], layers[640];
        snprintf(a, sizeof a, text, "d", variants[v].more);
        snprintf(b, sizeof b, text, "e", variants[v].more);
        snprintf(layers, sizeof layers, "%s, %s", a, b);
        antler_model *model = network("7", layers, "");
        must(antler_set_seed(model, variants[v].seed), antler_model_error(model));
        antler_context *context = context_of(model, ANTLER_TRAIN, BATCH, ANTLER_KEEP);
        uint64_t hash = drawn(context, x, BATCH, 0, 0);
        first = v == 0 ? hash : first;
        seeded = v == 2 ? hash : seeded;
        ck_assert((hash == first) == variants[v].as_first);
        ck_assert(hash_mask(hash_start, context, "e") != hash);
        antler_context_free(context);
        antler_model_free(model);
    }
    antler_model *model = dropout("7", 0.5, ", 'seed': 3"); /* its own seed, whatever the model's */
    must(antler_set_seed(model, 12345), antler_model_error(model));
    antler_context *context = context_of(model, ANTLER_TRAIN, BATCH, ANTLER_KEEP);
    ck_assert_uint_eq(drawn(context, x, BATCH, 0, 0), seeded);
    antler_context_free(context);
    antler_model_free(model);
    free(x);
}
END_TEST

START_TEST(a_batch_cut_in_two_draws_the_same) /* D10 */
{
    static const struct {
        const char *layer;
        int64_t features;
    } layers[] = {
        {"{'class_name': 'Dropout', 'config': {'rate': 0.5}}", 21},
        {"{'class_name': 'Dropout', 'config': {'rate': 0.5, 'noise_shape': [null, 1, null]}}", 21},
        {"{'class_name': 'SpatialDropout1D', 'config': {'rate': 0.5}}", 21},
        {"{'class_name': 'GaussianDropout', 'config': {'rate': 0.5}}", 21},
        {"{'class_name': 'LSTM', 'config': {'units': 3, 'return_sequences': true, 'dropout': 0.4, "
         "'recurrent_dropout': 0.4}}",
         21},
    };
    static const int cuts[] = {1, 5, 23, 63};
    const int64_t n = BATCH * layers[_i].features;
    antler_model *model = network("7, 3", layers[_i].layer, "");
    antler_context *context = context_of(model, ANTLER_TRAIN, BATCH, 0);
    antler_real *x = numbers(n, 1), *whole = room(n), *parts = room(n);
    forward(context, x, BATCH, whole);
    for (int c = 0; c < 4; c++) {
        const int64_t first = cuts[c] * layers[_i].features;
        antler_context_seek(context, 0, 0);
        forward(context, x, cuts[c], parts);
        antler_context_seek(context, 0, cuts[c]);
        forward(context, x + first, BATCH - cuts[c], parts + first);
        ck_assert_msg(same_bits(whole, parts, n), "cut at %d", cuts[c]);
    }
    antler_context_free(context);
    antler_model_free(model);
    free(x);
    free(whole);
    free(parts);
}
END_TEST

/* Recorded once: it must never change, in float or double, or old runs could not be repeated. */
START_TEST(masks_are_what_they_were)
{
    static const char *const layers =
        "{'class_name': 'Dropout', 'config': {'name': 'd', 'rate': 0.2}}, "
        "{'class_name': 'Dense', 'config': {'units': 3}}, "
        "{'class_name': 'Dropout', 'config': {'name': 'e', 'rate': 0.7, 'noise_shape': [null, 1, 3]}}, "
        "{'class_name': 'SpatialDropout1D', 'config': {'name': 'f', 'rate': 0.5, 'seed': 11}}";
    antler_model *model = network("5, 13", layers, ", 'fit': {'seed': 42}");
    antler_context *context = context_of(model, ANTLER_TRAIN, BATCH, ANTLER_KEEP);
    antler_real *x = numbers(BATCH * 65, 1);
    uint64_t hash = hash_start;
    for (int64_t step = 0; step < 3; step++) {
        antler_context_seek(context, step, step * 1000);
        forward(context, x, BATCH, NULL);
        hash = hash_mask(hash, context, "d");
        hash = hash_mask(hash, context, "e");
        hash = hash_mask(hash, context, "f");
    }
    ck_assert_msg(hash == 0x063049c5b8018bb1u, "0x%016llx", (unsigned long long)hash);
    antler_context_free(context);
    antler_model_free(model);
    free(x);
}
END_TEST

/* Predicting between two training passes changes neither. */
START_TEST(inference_draws_nothing) /* D12 */
{
    antler_model *model = dropout("7", 0.5, "");
    antler_context *train = context_of(model, ANTLER_TRAIN, BATCH, ANTLER_KEEP);
    antler_context *other[2] = {context_of(model, ANTLER_INFER, BATCH, 0), context_of(model, ANTLER_MC, BATCH, 0)};
    antler_real *x = numbers(BATCH * 7, 1), *y = room(BATCH * 7), *z = room(BATCH * 7);
    uint64_t first = drawn(train, x, BATCH, 5, 0), second = drawn(train, x, BATCH, 6, 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(drawn(train, x, BATCH, 5, 0), first);
        forward(other[i], x, BATCH, y);
        forward(other[i], x, BATCH, y);
        ck_assert_uint_eq(drawn(train, x, BATCH, 6, 0), second);
        forward(other[i], x, BATCH, z);
        ck_assert(same_bits(y, z, BATCH * 7));
    }
    antler_context_free(other[0]);
    antler_context_free(other[1]);
    antler_context_free(train);
    antler_model_free(model);
    free(x);
    free(y);
    free(z);
}
END_TEST

int main(void)
{
    enum { RATES = sizeof rates / sizeof rates[0] };
    TCase *tests = tcase_create("dropout");
    tcase_add_test(tests, noise_shape_drops_samples);
    tcase_add_test(tests, noise_shape_shares_features);
    tcase_add_test(tests, spatial_dropout_drops_channels);
    tcase_add_loop_test(tests, noise_shapes_must_fit, 0, sizeof bad_noise / sizeof bad_noise[0]);
    tcase_add_test(tests, rate_0_is_the_identity);
    tcase_add_test(tests, rate_0_draws_nothing);
    tcase_add_test(tests, rate_1_gives_zeros);
    tcase_add_test(tests, what_is_dropped_is_0_whatever_it_was);
    tcase_add_test(tests, inference_is_the_identity);
    tcase_add_loop_test(tests, as_many_are_kept_as_should_be, 0, RATES);
    tcase_add_test(tests, thresholds_hold_at_the_ends);
    tcase_add_loop_test(tests, backward_uses_the_same_mask, 0, sizeof shapes / sizeof shapes[0]);
    tcase_add_test(tests, each_step_has_its_own_mask);
    tcase_add_test(tests, layers_and_seeds_have_their_own);
    tcase_add_loop_test(tests, a_batch_cut_in_two_draws_the_same, 0, 5);
    tcase_add_test(tests, masks_are_what_they_were);
    tcase_add_test(tests, inference_draws_nothing);
    return run_suite("dropout", tests);
}

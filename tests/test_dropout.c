/* Dropout, in all its forms, through the public API. Statistics have fixed seeds and bounds of 6 standard deviations.
   The cases named D1 to D24 are faults that other libraries had. */
#include "layers/shared/common.h"
#include "networks.h"

#include <math.h>

enum { BATCH = 64 };

static const double rates[] = {0.1, 0.5, 0.9};

/* `count` numbers, for free. */
static antler_real *numbers(int64_t count, uint64_t stream)
{
    antler_real *x = malloc((size_t)count * sizeof *x);
    random_numbers(x, count, stream);
    return x;
}

static antler_real *room(int64_t count)
{
    return calloc((size_t)count, sizeof(antler_real));
}

/* A model of one Dropout, "d". */
static antler_model *dropout(const char *shape, double rate, const char *more)
{
    char layer[256];
    snprintf(layer, sizeof layer, "{'class_name': 'Dropout', 'config': {'name': 'd', 'rate': %.17g%s}}", rate, more);
    return network(shape, layer, ", 'fit': {'seed': 7}");
}

static antler_tensor mask_of(antler_context *context, const char *layer)
{
    antler_error err = {0};
    antler_tensor mask;
    must(antler_read(context, layer, ANTLER_MASK_BITS, 0, &mask, &err), &err);
    return mask;
}

static uint64_t hash_mask(uint64_t hash, antler_context *context, const char *layer)
{
    antler_tensor mask = mask_of(context, layer);
    for (int64_t i = 0; i < antler_count(&mask.shape, 0); i++)
        hash = hash_bytes(hash, mask.data[i] != 0 ? "1" : "0", 1);
    return hash;
}

/* The mask of a training pass at (step, row) over n samples. */
static uint64_t drawn(antler_context *context, const antler_real *x, int64_t n, int64_t step, int64_t row)
{
    antler_context_seek(context, step, row);
    forward(context, x, n, NULL);
    return hash_mask(hash_start, context, "d");
}

static bool same_bits(const antler_real *a, const antler_real *b, int64_t n)
{
    return memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

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

/* ---- recurrent layers: one mask a sequence, for all steps and gates ---- */

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
    enum { RATES = sizeof rates / sizeof rates[0], KINDS = sizeof recurrent / sizeof recurrent[0] };
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
    tcase_add_loop_test(tests, recurrent_input_dropout_is_one_mask, 0, KINDS);
    tcase_add_loop_test(tests, recurrent_state_dropout_is_one_mask, 0, KINDS);
    tcase_add_test(tests, recurrent_values_are_right);
    tcase_add_loop_test(tests, recurrent_inference_drops_nothing, 0, KINDS);
    tcase_add_loop_test(tests, gaussian_moments, 0, RATES);
    tcase_add_loop_test(tests, mc_is_as_theory_says, 0, RATES);
    tcase_add_test(tests, mc_does_not_depend_on_the_batch);
    tcase_add_test(tests, mc_leaves_statistics_alone);
    return run_suite("dropout", tests);
}

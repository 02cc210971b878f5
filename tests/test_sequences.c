/* Random sequences of layers, each run twice: as it is used, with buffers that take each other's place, and with
   ANTLER_KEEP, where every output and gradient has memory of its own. Both must give the same bits, also where all
   memory holds NaN before. */
#include "networks.h"
#include "train/objective.h"

#include <math.h>

enum { SEQUENCES = 150, BATCH = 5, STEPS = 4, FEATURES = 3, MOST_LAYERS = 8, MOST = 64 };

/* What a layer may be: %s is the place of "trainable" and "activity_regularizer". */
static const char *const choices[] = {
    "{'class_name': 'Dense', 'config': {'units': 3%s}}",
    "{'class_name': 'Dense', 'config': {'units': 4, 'activation': 'gelu'%s}}",
    "{'class_name': 'Activation', 'config': {'activation': 'gelu'%s}}",
    "{'class_name': 'Activation', 'config': {'activation': 'tanh'%s}}",
    "{'class_name': 'Activation', 'config': {'activation': 'softmax'%s}}",
    "{'class_name': 'Activation', 'config': {'activation': 'linear'%s}}",
    "{'class_name': 'Dropout', 'config': {'rate': 0.4%s}}",
    "{'class_name': 'GaussianNoise', 'config': {'stddev': 0.3%s}}",
    "{'class_name': 'BatchNormalization', 'config': {'epsilon': 0.001%s}}",
    "{'class_name': 'PReLU', 'config': {'shared_axes': [1]%s}}",
    "{'class_name': 'Rescaling', 'config': {'scale': 0.7%s}}",
    "{'class_name': 'Flatten', 'config': {'data_format': null%s}}",
    "{'class_name': 'Reshape', 'config': {'target_shape': [2, -1]%s}}",
    "{'class_name': 'LSTM', 'config': {'units': 3, 'return_sequences': true, 'recurrent_dropout': 0.2%s}}",
    "{'class_name': 'GRU', 'config': {'units': 2, 'dropout': 0.3%s}}",
    "{'class_name': 'Bidirectional', 'config': {'layer': {'class_name': 'SimpleRNN', 'config': {'units': 2}}%s}}",
    "{'class_name': 'Masking', 'config': {'mask_value': 0.0%s}}",
};

static uint32_t draw(uint32_t below, uint64_t sequence, uint64_t position)
{
    uint32_t word;
    antler__kernels()->words((antler_stream){.key = 3, .step = sequence, .position = position}, &word, 1);
    return word % below;
}

/* The model of a sequence, or NULL where its shapes do not meet. */
static antler_model *sequence_model(uint64_t sequence)
{
    antler_error err = {0};
    antler_model *model = antler_sequential("m", (int[]){STEPS, FEATURES}, 2, &err);
    uint32_t layers = 1 + draw(MOST_LAYERS, sequence, 0);
    for (uint32_t i = 1; i <= layers; i++) {
        char text[512], more[128] = "";
        if (draw(4, sequence, 4 * i) == 0)
            strcat(more, ", 'trainable': false");
        if (draw(4, sequence, 4 * i + 1) == 0)
            strcat(more, ", 'activity_regularizer': 'l2'");
        uint32_t choice = draw(sizeof choices / sizeof *choices, sequence, 4 * i + 2);
        snprintf(text, sizeof text, choices[choice], more);
        antler_add_json(model, quoted(text));
    }
    if (draw(2, sequence, 1)) {
        antler_compile(model, .optimizer = "sgd", .loss = "mse");
    } else {
        antler_add(model, activation, .activation = "softmax"); /* takes the loss by way of its logits */
        antler_compile(model, .optimizer = "sgd", .loss = "categorical_crossentropy");
    }
    antler_set_seed(model, 5);
    if (antler_build(model) == ANTLER_OK)
        return model;
    ck_assert_msg(antler_model_error(model)->status == ANTLER_SHAPE, "%s", antler_model_error(model)->message);
    antler_model_free(model);
    return NULL;
}

/* A context whose memory is full of NaN: whoever reads what was not written shows it. */
static antler_context *poisoned(antler_model *model, antler_mode mode, unsigned flags)
{
    antler_error err = {0};
    antler_context *c =
        antler__training_context(model, mode == ANTLER_TRAIN ? model : NULL, mode, BATCH, 2, flags, NULL, &err);
    must(c ? ANTLER_OK : err.status, &err);
    for (int64_t i = 0; i < c->arena.bytes / (int64_t)sizeof(antler_real); i++)
        ((antler_real *)(void *)c->arena.memory)[i] = (antler_real)NAN;
    antler_context_reset(c);
    return c;
}

static uint64_t hash_gradients(uint64_t hash, const antler_context *c)
{
    const antler_variable *v;
    for (int64_t i = 0; (v = antler_model_variable(c->model, i)) != NULL; i++)
        if (v->trainable)
            hash =
                hash_bytes(hash, antler_gradient(c, i), (size_t)antler_count(&v->value.shape, 0) * sizeof(antler_real));
    return hash;
}

/* All noise that can be read: it must be the same before and after the pass back. */
static uint64_t hash_noise(antler_context *c)
{
    uint64_t hash = hash_start;
    const antler_layer_view *layer;
    antler_tensor mask;
    for (int64_t i = 1; (layer = antler_model_layer(c->model, i)) != NULL; i++)
        for (int slot = 0; slot < 2; slot++)
            if (antler_read(c, layer->name, ANTLER_MASK_BITS, slot, &mask, NULL) == ANTLER_OK)
                hash = hash_bytes(hash, mask.data, (size_t)antler_count(&mask.shape, 0) * sizeof(antler_real));
    return hash;
}

typedef struct outcome {
    uint64_t bits; /* of outputs and gradients */
    double loss, evaluated;
} outcome;

/* A pass of a whole batch, one of a part of it by the loss and one from a gradient, then an evaluation. */
static outcome run_sequence(uint64_t sequence, unsigned flags)
{
    antler_error err = {0};
    antler_real x[BATCH * STEPS * FEATURES], y[BATCH * MOST], output[BATCH * MOST], dx[BATCH * STEPS * FEATURES] = {0};
    antler_model *model = sequence_model(sequence);
    size_t width = (size_t)antler_count(antler_output_shape(model), 1), n = 3;
    outcome o = {.bits = hash_start};
    ck_assert_uint_le(width, MOST);
    random_numbers(x, BATCH * STEPS * FEATURES, sequence);
    memset(x + FEATURES, 0, FEATURES * sizeof *x); /* a step to be masked */
    random_classes(y, (int64_t)(BATCH * width), 2, sequence);
    antler_context *c = poisoned(model, ANTLER_TRAIN, flags | ANTLER_INPUT_GRADIENT);
    for (int pass = 0; pass < 3; pass++) {
        antler_context_seek(c, pass, 0);
        forward(c, x, pass == 0 ? BATCH : (int64_t)n, output);
        uint64_t noise = hash_noise(c);
        o.bits = hash_bytes(o.bits, output, n * width * sizeof *output);
        if (pass < 2)
            must(antler_backward(c, y, &o.loss, &err), &err);
        else
            backward(c, y, dx);
        ck_assert_uint_eq(noise, hash_noise(c));
        o.bits = hash_gradients(o.bits, c);
    }
    o.bits = hash_bytes(o.bits, dx, sizeof dx);
    antler_context_free(c);
    c = poisoned(model, ANTLER_INFER, flags | ANTLER_WITH_OBJECTIVE);
    forward(c, x, BATCH, output);
    o.bits = hash_bytes(o.bits, output, BATCH * width * sizeof *output);
    must(antler__objective_loss(c, y, false, &o.evaluated, &err), &err);
    antler_context_free(c);
    antler_model_free(model);
    return o;
}

START_TEST(shared_memory_changes_no_bit)
{
    int built = 0;
    for (uint64_t sequence = 0; sequence < SEQUENCES; sequence++) {
        antler_model *model = sequence_model(sequence);
        if (!model)
            continue;
        antler_model_free(model);
        built++;
        outcome shared = run_sequence(sequence, 0), kept = run_sequence(sequence, ANTLER_KEEP);
        ck_assert_msg(shared.bits == kept.bits, "sequence %d", (int)sequence);
        ck_assert_double_eq(shared.loss, kept.loss);
        ck_assert_double_eq(shared.evaluated, kept.evaluated);
        ck_assert(isfinite(shared.loss) && isfinite(shared.evaluated));
    }
    ck_assert_int_gt(built, SEQUENCES / 3);
}
END_TEST

/* Without the pass forward that it belongs to, a pass back would mix two batches. */
START_TEST(failed_pass_allows_no_pass_back)
{
    antler_error err = {0};
    antler_model *model =
        network("2",
                "{'class_name': 'Embedding', 'config': {'input_dim': 3, 'output_dim': 2}}, {'class_name': "
                "'Flatten'}, {'class_name': 'Dense', 'config': {'units': 1}}",
                ", 'compile_config': {'optimizer': 'sgd', 'loss': 'mse'}");
    antler_context *c = context_of(model, ANTLER_TRAIN, 1, 0);
    forward(c, (const antler_real[]){0, 1}, 1, NULL);
    ck_assert_int_eq(antler_forward(c, (const antler_real[]){0, 7}, 1, NULL, &err), ANTLER_DATA);
    ck_assert_int_eq(antler_backward(c, (const antler_real[]){0}, NULL, NULL), ANTLER_VALUE);
    antler_context_free(c);
    antler_model_free(model);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("sequences");
    tcase_add_test(tests, shared_memory_changes_no_bit);
    tcase_add_test(tests, failed_pass_allows_no_pass_back);
    return run_suite("sequences", tests);
}

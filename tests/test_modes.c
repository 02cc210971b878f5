/* Every sample of every layer in the modes and settings that are not its own: with masks, in Monte Carlo, frozen, with
   a penalty on its output, stateful, on smaller batches, on numbers that are none. */
#include "differences.h"
#include "samples.h"
#include "suite.h"
#include "train/objective.h"

#include <math.h>

enum { WIDE = 8192 };

/* The sample's config with more keys in front: "{\"units\": 2}" and "\"trainable\": false". */
static const char *config_with(const sample *s, const char *keys)
{
    static char text[4096];
    const char *given = config_of(s->text);
    snprintf(text, sizeof text, "{%s%s%s", keys, given[1] == '}' ? "" : ", ", given + 1);
    return text;
}

static bench bench_with(const sample *s, const char *before, const char *keys, antler_mode mode, unsigned flags)
{
    return bench_of(load_text(model_text_after(s, before, *keys ? config_with(s, keys) : config_of(s->text))), mode,
                    flags);
}

static bool has_key(const sample *s, const char *key)
{
    for (const antler_field *f = s->ops->type.fields; f && f->kind != ANTLER_END; f++)
        if (strcmp(f->key, key) == 0)
            return true;
    return false;
}

/* ---- batches ---------------------------------------------------------------------------------------------------- */

START_TEST(a_smaller_batch_runs_back_as_in_a_context_of_its_own)
{
    enum { FEW = 2 };
    if (!is_single(&all[_i]) || all[_i].ops->flags & ANTLER_MOVES_PARAMS) /* two passes differ */
        return;
    for (int exact = 0; exact < 2; exact++) {
        static antler_real y[WIDE], dx[WIDE], gradients[WIDE];
        antler_error err = {0};
        bench b = open_bench(&all[_i], ANTLER_TRAIN, ANTLER_INPUT_GRADIENT);
        int64_t nx = b.nx / BATCH * FEW, ny = b.ny / BATCH * FEW;
        ck_assert(b.nx <= WIDE && b.ny <= WIDE && params_of(&b) <= WIDE);
        if (exact) {
            antler_context_free(b.context);
            b.context = antler_context_create_train(b.model, FEW, 1, ANTLER_INPUT_GRADIENT, &err);
            antler_context_seek(b.context, 3, 2);
        } else {
            forward(&b, b.x, BATCH, b.y); /* leaves something behind, */
            backward(&b, b.dx);           /* in gradients too */
        }
        for (int64_t v = 0; v < b.model->variables; v++) /* what the larger batch moved */
            if (!b.model->variable[v].view.trainable)
                for (int64_t i = 0; i < b.model->variable[v].length; i++)
                    b.model->variable[v].view.value.data[i] = 1;
        antler_context_reset(b.context);
        forward(&b, b.x, FEW, b.y);
        backward(&b, b.dx);
        if (exact) {
            ck_assert_mem_eq(b.y, y, (size_t)ny * sizeof *y);
            ck_assert_mem_eq(b.dx, dx, (size_t)nx * sizeof *dx);
            ck_assert_mem_eq(b.context->gradients, gradients, (size_t)params_of(&b) * sizeof *gradients);
        }
        memcpy(y, b.y, (size_t)ny * sizeof *y);
        memcpy(dx, b.dx, (size_t)nx * sizeof *dx);
        memcpy(gradients, b.context->gradients, (size_t)params_of(&b) * sizeof *gradients);
        close_bench(&b);
    }
}
END_TEST

/* ---- Monte Carlo ------------------------------------------------------------------------------------------------ */

/* A sample's numbers depend on step and place alone: not on what ran before, nor on how the batch is cut. */
START_TEST(monte_carlo_is_a_function_of_step_and_row)
{
    if (!is_single(&all[_i]))
        return;
    bench b = open_bench(&all[_i], ANTLER_MC, 0);
    int64_t nx = b.nx / BATCH, ny = b.ny / BATCH;
    size_t bytes = (size_t)b.ny * sizeof *b.y;
    antler_real *again = malloc(bytes);
    antler_context_reset(b.context);
    forward(&b, b.x, BATCH, b.y);
    antler_context_seek(b.context, 4, 2);
    antler_context_reset(b.context);
    forward(&b, b.x, BATCH, again);
    bool moved = memcmp(b.y, again, bytes) != 0;
    ck_assert_msg(moved == (b.model->sites > 0), "%s: %s", all[_i].text,
                  moved ? "random without a noise site" : "the noise is the same in every step");
    for (int64_t row = 0; row < BATCH; row++) {
        antler_context_seek(b.context, 3, 2 + row);
        antler_context_reset(b.context);
        forward(&b, b.x + row * nx, 1, again);
        ck_assert_msg(memcmp(again, b.y + row * ny, (size_t)ny * sizeof *again) == 0, "%s: row %d", all[_i].text,
                      (int)row);
    }
    free(again);
    close_bench(&b);
}
END_TEST

/* A silenced context is as one without noise: Monte Carlo as inference. */
START_TEST(silence_is_inference)
{
    if (!is_single(&all[_i]))
        return;
    bench b = open_bench(&all[_i], ANTLER_INFER, 0);
    size_t bytes = (size_t)b.ny * sizeof *b.y;
    antler_real *again = malloc(bytes);
    forward(&b, b.x, BATCH, b.y);
    open_context(&b, ANTLER_MC, 1, ANTLER_SILENT);
    forward(&b, b.x, BATCH, again);
    ck_assert_mem_eq(b.y, again, bytes);
    free(again);
    close_bench(&b);
}
END_TEST

/* ---- gradients in double ---------------------------------------------------------------------------------------- */

/* The compiled loss in training, with the same noise each time. */

static double loss_of(bench *b)
{
    antler_error err = {0};
    double loss;
    antler_context_reset(b->context);
    ck_assert_msg(antler_forward(b->context, b->x, BATCH, b->y, &err) == ANTLER_OK, "%s", err.message);
    ck_assert_msg(antler_backward(b->context, b->dy, &loss, &err) == ANTLER_OK, "%s", err.message);
    return loss;
}

/* Gradients of a compiled loss and its penalties against differences, in double; in float that all are finite. */
static void check_loss(bench *b)
{
    size_t bytes = (size_t)params_of(b) * sizeof(antler_real);
    antler_real *gradients = malloc(bytes + 1);
    antler_compile(b->model, .loss = "mean_squared_error");
    ck_assert_int_eq(antler_model_error(b->model)->status, ANTLER_OK);
    open_context(b, ANTLER_TRAIN, 2, 0);
    ck_assert(isfinite(loss_of(b)));
    memcpy(gradients, b->context->gradients, bytes);
    for (int64_t v = 0; v < b->model->variables; v++) {
        antler_model_variable_entry *variable = &b->model->variable[v];
        if (!variable->view.trainable)
            continue;
#ifdef ANTLER_DOUBLE
        check_gradient_of(loss_of, b, variable->view.name, variable->view.value.data, gradients + variable->offset,
                          variable->length);
#else
        for (int64_t i = 0; i < variable->length; i++)
            ck_assert(isfinite(gradients[variable->offset + i]));
#endif
    }
    free(gradients);
}

START_TEST(a_penalty_on_the_output)
{
    if (!is_single(&all[_i]) || has_key(&all[_i], "activity_regularizer") || all[_i].ops->flags & ANTLER_MOVES_PARAMS)
        return;
    bench b = bench_with(&all[_i], "", "\"activity_regularizer\": \"L2\"", ANTLER_TRAIN, 0);
    check_loss(&b);
    close_bench(&b);
}
END_TEST

/* ---- masks ------------------------------------------------------------------------------------------------------ */

/* Whether a mask can come before the layer: it takes (steps, features). */
static bool takes_steps(const sample *s)
{
    char shape[MOST_INPUTS][64];
    return shapes_of(s->text, shape) == 1 && strchr(shape[0], ',') && !strchr(strchr(shape[0], ',') + 1, ',') &&
           !s->ops->tokens;
}

/* The last steps of some rows, and all of one, are masked; the last row is not. */
static void hide_steps(bench *b)
{
    const antler_shape *in = antler_input_shape(b->model);
    int64_t steps = in->dim[1], width = in->dim[2];
    for (int64_t row = 0; row < BATCH - 1; row++)
        for (int64_t step = row == 2 ? 0 : steps - row; step < steps; step++)
            memset(b->x + (row * steps + (step < 0 ? 0 : step)) * width, 0, (size_t)width * sizeof *b->x);
}

static const char masking[] = "{\"class_name\": \"Masking\", \"config\": {}},";

/* Layers that refuse a mask, which is the run's own error; all others go on. */
static const char *const refusing[] = {"Softmax"};

static bool refuses(bench *b)
{
    antler_error err = {0};
    const char *class_name = b->model->layer[b->model->layers - 1].object.type->class_name;
    bool expected = false;
    for (size_t i = 0; i < sizeof refusing / sizeof *refusing; i++)
        expected = expected || strcmp(refusing[i], class_name) == 0;
    antler_status status = antler_forward(b->context, b->x, BATCH, b->y, &err);
    ck_assert_msg(status == (expected ? ANTLER_UNSUPPORTED : ANTLER_OK), "%s: %s", class_name, err.message);
    return expected;
}

START_TEST(masks_and_threads)
{
    static antler_real y[WIDE], gradients[WIDE];
    if (!takes_steps(&all[_i]))
        return;
    for (int threads = 1; threads <= 3; threads++) {
        bench b = bench_with(&all[_i], masking, "", ANTLER_TRAIN, 0);
        hide_steps(&b);
        open_context(&b, ANTLER_TRAIN, threads, 0);
        bool refused = refuses(&b);
        if (!refused) {
            backward(&b, NULL);
            for (int64_t i = 0; i < b.ny; i++)
                ck_assert_msg(isfinite(b.y[i]), "%s: y[%d]", all[_i].text, (int)i);
            if (threads > 1) {
                ck_assert_mem_eq(b.y, y, (size_t)b.ny * sizeof *y);
                ck_assert_mem_eq(b.context->gradients, gradients, (size_t)params_of(&b) * sizeof *gradients);
            }
            memcpy(y, b.y, (size_t)b.ny * sizeof *y);
            memcpy(gradients, b.context->gradients, (size_t)params_of(&b) * sizeof *gradients);
        }
        close_bench(&b);
        if (refused)
            return;
    }
}
END_TEST

START_TEST(gradients_under_a_mask)
{
    if (!takes_steps(&all[_i]))
        return;
    bench b = bench_with(&all[_i], masking, "", ANTLER_TRAIN, 0);
    hide_steps(&b);
    if (!refuses(&b))
        check_loss(&b);
    close_bench(&b);
}
END_TEST

/* ---- frozen ----------------------------------------------------------------------------------------------------- */

START_TEST(a_frozen_layer_trains_nothing_and_passes_its_gradient)
{
    if (!is_single(&all[_i]) || all[_i].ops->flags & ANTLER_MOVES_PARAMS) /* two passes differ */
        return;
    bench b = bench_with(&all[_i], "", "\"trainable\": false", ANTLER_TRAIN, ANTLER_INPUT_GRADIENT);
    size_t weights = (size_t)b.model->size * sizeof(antler_real);
    antler_real *before = malloc(weights + 1);
    bool tokens = tokens_of(b.model) > 0;
    memcpy(before, b.model->parameters, weights);
    ck_assert_int_eq(b.model->trained_size, 0);
    forward(&b, b.x, BATCH, b.y);
    backward(&b, tokens ? NULL : b.dx);
    ck_assert_mem_eq(before, b.model->parameters, weights); /* statistics too */
#ifdef ANTLER_DOUBLE
    antler_real *dx = malloc((size_t)b.nx * sizeof *dx);
    memcpy(dx, b.dx, (size_t)b.nx * sizeof *dx);
    for (int64_t i = 0; !tokens && i < b.nx; i++) {
        double sum[2] = {0, 0}, h = 1e-5;
        antler_real kept = b.x[i];
        for (int side = 0; side < 2; side++) {
            b.x[i] = kept + (side ? h : -h);
            antler_context_reset(b.context);
            forward(&b, b.x, BATCH, b.y);
            for (int64_t k = 0; k < b.ny; k++)
                sum[side] += b.dy[k] * b.y[k];
        }
        b.x[i] = kept;
        ck_assert_msg(fabs((sum[1] - sum[0]) / (2 * h) - dx[i]) <= 1e-6 * fmax(1, fabs(dx[i])), "%s: dx[%d]",
                      all[_i].text, (int)i);
    }
    free(dx);
#endif
    free(before);
    close_bench(&b);
}
END_TEST

/* ---- stateful --------------------------------------------------------------------------------------------------- */

START_TEST(a_state_goes_on_until_it_is_reset)
{
    if (!is_single(&all[_i]) || !has_key(&all[_i], "stateful"))
        return;
    for (int training = 0; training < 2; training++) {
        bench b = bench_with(&all[_i], "", "\"stateful\": true", training ? ANTLER_TRAIN : ANTLER_INFER, 0);
        size_t bytes = (size_t)b.ny * sizeof *b.y;
        antler_real *next = malloc(bytes);
        forward(&b, b.x, BATCH, b.y);
        forward(&b, b.x, BATCH, next);
        ck_assert_mem_ne(b.y, next, bytes);
        antler_context_reset(b.context);
        forward(&b, b.x, BATCH, next);
        ck_assert_mem_eq(b.y, next, bytes);
        free(next);
        close_bench(&b);
    }
}
END_TEST

START_TEST(gradients_of_a_stateful_layer)
{
    if (!is_single(&all[_i]) || !has_key(&all[_i], "stateful"))
        return;
    bench b = bench_with(&all[_i], "", "\"stateful\": true", ANTLER_TRAIN, 0);
    check_loss(&b);
    close_bench(&b);
}
END_TEST

/* ---- numbers that are none -------------------------------------------------------------------------------------- */

/* A NaN stays in its row. Tokens refuse it. */
START_TEST(a_nan_stays_in_its_row)
{
    if (!is_single(&all[_i]))
        return;
    antler_error err = {0};
    bench b = open_bench(&all[_i], ANTLER_INFER, 0);
    int64_t nx = b.nx / BATCH, ny = b.ny / BATCH;
    antler_real *clean = malloc((size_t)b.ny * sizeof *clean);
    forward(&b, b.x, BATCH, clean);
    for (int64_t i = 0; i < nx; i++)
        b.x[nx + i] = i % 2 ? (antler_real)NAN : (antler_real)-INFINITY;
    antler_context_reset(b.context);
    antler_status status = antler_forward(b.context, b.x, BATCH, b.y, &err);
    ck_assert_int_eq(status, tokens_of(b.model) ? ANTLER_DATA : ANTLER_OK);
    for (int64_t row = 0; status == ANTLER_OK && row < BATCH; row++)
        if (row != 1)
            ck_assert_mem_eq(clean + row * ny, b.y + row * ny, (size_t)ny * sizeof *clean);
    free(clean);
    close_bench(&b);
}
END_TEST

/* -0 is 0: no output differs by more than the sign of a zero. */
START_TEST(negative_zeros)
{
    if (!is_single(&all[_i]))
        return;
    bench b = open_bench(&all[_i], ANTLER_INFER, 0);
    antler_real *y = malloc((size_t)b.ny * sizeof *y);
    for (int sign = 0; sign < 2; sign++) {
        for (int64_t i = 0; i < b.nx; i++)
            b.x[i] = sign ? -(antler_real)0 : (antler_real)0;
        antler_context_reset(b.context);
        forward(&b, b.x, BATCH, sign ? b.y : y);
    }
    for (int64_t i = 0; i < b.ny; i++)
        ck_assert_msg(y[i] == b.y[i], "%s: y[%d] is %g of 0, %g of -0", all[_i].text, (int)i, (double)y[i],
                      (double)b.y[i]);
    free(y);
    close_bench(&b);
}
END_TEST

int main(void)
{
    collect();
    TCase *tests = tcase_create("layers");
    tcase_add_loop_test(tests, a_smaller_batch_runs_back_as_in_a_context_of_its_own, 0, samples);
    tcase_add_loop_test(tests, monte_carlo_is_a_function_of_step_and_row, 0, samples);
    tcase_add_loop_test(tests, silence_is_inference, 0, samples);
    tcase_add_loop_test(tests, a_penalty_on_the_output, 0, samples);
    tcase_add_loop_test(tests, masks_and_threads, 0, samples);
    tcase_add_loop_test(tests, gradients_under_a_mask, 0, samples);
    tcase_add_loop_test(tests, a_frozen_layer_trains_nothing_and_passes_its_gradient, 0, samples);
    tcase_add_loop_test(tests, a_state_goes_on_until_it_is_reset, 0, samples);
    tcase_add_loop_test(tests, gradients_of_a_stateful_layer, 0, samples);
    tcase_add_loop_test(tests, a_nan_stays_in_its_row, 0, samples);
    tcase_add_loop_test(tests, negative_zeros, 0, samples);
    return run_suite("modes", tests);
}

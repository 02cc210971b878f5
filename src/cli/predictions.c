#include "cli/predictions.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- outputs ----------------------------------------------------------------------------------------------------- */

static antler_probability probability_of(const antler_model *model, int64_t output)
{
    const char *activation = antler_model_activation(model, output);
    if (!activation)
        return ANTLER_NO_PROBABILITY;
    return strcmp(activation, "softmax") == 0   ? ANTLER_OF_CLASSES
           : strcmp(activation, "sigmoid") == 0 ? ANTLER_OF_TWO
                                                : ANTLER_NO_PROBABILITY;
}

/* Probabilities, or what a loss takes for logits; of a model without a loss, any several numbers. */
static bool has_classes(const antler_model *model, int64_t output, const antler_prediction *p)
{
    antler_object loss;
    bool compiled = antler_model_object(model, ANTLER_KIND_LOSS, output, &loss);
    const bool *logits = compiled ? antler_object_field(loss, "from_logits") : NULL;
    return p->probability || (p->last > 1 && (!compiled || ((const antler_loss_ops *)loss.type)->sparse)) ||
           (logits && *logits && p->last > 1);
}

/* The shapes of all predictions, how many numbers they are, and how many lines. */
static antler_status measure(antler_predictions *p, antler_model *model, const antler_data *x, int64_t *numbers,
                             int64_t *lines, antler_error *err)
{
    p->n = antler__outputs(model);
    p->output = antler__room(p->n, sizeof *p->output, err);
    antler_shape *shapes = antler__output_shapes(model, x, err);
    for (int64_t k = 0; p->output && shapes && k < p->n; k++) {
        antler_prediction *o = &p->output[k];
        int64_t width = antler_count(&shapes[k], 1), rows = shapes[k].dim[0];
        if (width > 0 && rows > (INT64_MAX - *numbers) / width) {
            antler_error_set(err, ANTLER_SHAPE, NULL, "the predictions would be too large");
            break;
        }
        o->shape = shapes[k];
        antler_model_output(model, k, &o->name);
        o->last = shapes[k].rank > 1 ? shapes[k].dim[shapes[k].rank - 1] : 1;
        o->lines = o->last > 0 ? rows * width / o->last : 0;
        o->probability = probability_of(model, k);
        o->classes = has_classes(model, k, o);
        *numbers += rows * width;
        *lines += o->lines;
    }
    free(shapes);
    return err->status;
}

/* Where each output's predictions lie. */
static void place(antler_predictions *p, int64_t lines)
{
    int64_t at = 0, line = 0;
    for (int64_t k = 0; k < p->n; k++) {
        antler_prediction *o = &p->output[k];
        bool sure = p->of_lines && o->probability;
        o->y = p->y + at;
        o->deviation = p->deviation ? p->deviation + at : NULL;
        o->entropy = sure ? p->of_lines + line : NULL;
        o->information = sure ? p->of_lines + lines + line : NULL;
        at += antler_count(&o->shape, 0);
        line += o->lines;
    }
}

/* ---- what Monte Carlo tells ----------------------------------------------------------------------------------------
 */

static double term(double p)
{
    return p > 0 ? -p * log(p) : 0;
}

/* Entropy of a line in nats; of several questions of two their sum. */
static double entropy(antler_probability of, const antler_real *p, int64_t n)
{
    double h = 0;
    for (int64_t i = 0; i < n; i++)
        h += term((double)p[i]) + (of == ANTLER_OF_TWO ? term(1 - (double)p[i]) : 0);
    return h;
}

/* Adds the entropies of a sample's rows. */
static void on_sample(void *user, int64_t output, int64_t first, int64_t n, const antler_real *y)
{
    const antler_predictions *p = user;
    const antler_prediction *o = &p->output[output];
    int64_t each = o->shape.dim[0] > 0 ? o->lines / o->shape.dim[0] : 0;
    for (int64_t i = 0; o->entropy && i < n * each; i++)
        o->information[first * each + i] +=
            (antler_real)(entropy(o->probability, y + i * o->last, o->last) / (double)p->samples);
}

/* From the mean of the samples' entropies to the mean's entropy, and the difference. */
static void finish(const antler_prediction *o)
{
    for (int64_t i = 0; o->entropy && i < o->lines; i++) {
        double h = entropy(o->probability, o->y + i * o->last, o->last), d = h - (double)o->information[i];
        o->entropy[i] = (antler_real)h;
        o->information[i] = (antler_real)(d > 0 ? d : 0); /* below 0 it is the rounding */
    }
}

antler_status antler__predictions_make(antler_predictions *p, antler_model *model, const antler_data *x,
                                       int64_t samples, int64_t batch, int threads, antler_error *err)
{
    int64_t numbers = 0, lines = 0;
    *p = (antler_predictions){.samples = samples};
    ANTLER_TRY(measure(p, model, x, &numbers, &lines, err));
    p->y = antler__room(numbers, sizeof *p->y, err);
    p->deviation = samples ? antler__room(numbers, sizeof *p->deviation, err) : NULL;
    p->of_lines = samples ? antler__room(2 * lines, sizeof *p->of_lines, err) : NULL;
    if (err->status != ANTLER_OK)
        return err->status;
    place(p, lines);
    if (!samples)
        return antler_predict(model, x, batch, threads, p->y, err);
    ANTLER_TRY(antler_predict_samples(model, x, samples, batch, threads, p->y, p->deviation, on_sample, p, err));
    for (int64_t k = 0; k < p->n; k++)
        finish(&p->output[k]);
    return ANTLER_OK;
}

void antler__predictions_free(antler_predictions *p)
{
    free(p->output);
    free(p->y);
    free(p->deviation);
    free(p->of_lines);
    *p = (antler_predictions){0};
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

int64_t antler__decide(const antler_prediction *p, int64_t line)
{
    const antler_real *y = p->y + line * p->last;
    int64_t best = 0;
    if (!p->classes || p->last < 1)
        return -1;
    if (p->last == 1)
        return y[0] > (antler_real)0.5;
    for (int64_t i = 1; i < p->last; i++)
        best = y[i] > y[best] ? i : best;
    return best;
}

const char *antler__line_text(const antler_prediction *p, int64_t line, char *text, size_t size)
{
    const antler_shape *shape = &p->shape;
    size_t used = 0;
    int64_t below = 1;
    for (int axis = 1; axis < shape->rank - 1; axis++)
        below *= shape->dim[axis];
    for (int axis = 0; axis == 0 || axis < shape->rank - 1; axis++) {
        used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, axis ? "," : "", line / below);
        line %= below;
        below /= axis + 1 < shape->rank - 1 ? shape->dim[axis + 1] : 1;
    }
    return text;
}

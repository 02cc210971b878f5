/* antler_check_layer: what every layer must do, for the samples of one. A model of a sample is a Functional of its
   inputs, the layer, and, to see whether its flags are right, layers around it that share memory with it. */
#include "config/registry.h"
#include "core/memory.h"
#include "model/context.h"
#include "model/run.h"
#include "model/structure.h"
#include "model/work.h"
#include "train/slopes.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 7, MOST_INPUTS = 8, TEXT = 8192 };

/* A model of the sample on a batch, with numbers for all that goes in and comes back. */
typedef struct trial {
    const antler_layer_ops *ops;
    const char *sample;
    int inputs;
    bool wrapped; /* layers around it */
    antler_model *model;
    antler_context *context;
    int64_t nx, ny;
    antler_real *x, *y, *dy, *dx; /* one block, which begins with x */
    antler_error *err;
} trial;

ANTLER_PRINTF(2, 3)
static antler_status fail(const trial *t, const char *format, ...)
{
    char what[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return antler_error_set(t->err, ANTLER_VALUE, NULL, "%s %.80s: %s", t->ops->type.class_name, t->sample, what);
}

/* ---- the model --------------------------------------------------------------------------------------------------- */

/* Appends to the text of a model; what there is no room for is cut off. */
ANTLER_PRINTF(3, 4)
static void add(char *text, size_t *used, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text + *used, TEXT - *used, format, arguments);
    va_end(arguments);
    *used = n < 0 || *used + (size_t)n >= TEXT ? TEXT - 1 : *used + (size_t)n;
}

/* A layer that works in place, which reads x or y on the way back as its activation asks. */
static void add_neighbour(char *text, size_t *used, const char *name, const char *from)
{
    add(text, used,
        ", {\"class_name\": \"Activation\", \"name\": \"%s\", \"config\": {\"name\": \"%s\", \"activation\": "
        "\"tanh\"}, "
        "\"inbound_nodes\": [[[\"%s\", 0, 0, {}]]]}",
        name, name, from);
}

static antler_status write_model(trial *t, char *text)
{
    size_t used = 0;
    char shape[64];
    const char *config = strchr(t->sample, '{');
    add(text, &used, "{\"class_name\": \"Functional\", \"config\": {\"name\": \"m\", \"layers\": [");
    for (const char *open = strchr(t->sample, '('); config && open && open < config; open = strchr(open + 1, '(')) {
        size_t length = strcspn(open + 1, ")");
        if (t->inputs == MOST_INPUTS || length >= sizeof shape)
            return fail(t, "more than %d inputs, or a shape too long", MOST_INPUTS);
        snprintf(shape, sizeof shape, "%.*s", (int)length, open + 1);
        if (length && shape[length - 1] == ',') /* "(5,)" */
            shape[length - 1] = '\0';
        add(text, &used,
            "%s{\"class_name\": \"InputLayer\", \"name\": \"x%d\", \"config\": {\"name\": \"x%d\", \"batch_shape\": "
            "[null, %s]}, "
            "\"inbound_nodes\": []}",
            t->inputs ? ", " : "", t->inputs, t->inputs, shape);
        t->inputs++;
    }
    if (!config || !t->inputs)
        return fail(t, "not a sample: expected \"(4, 3) {\\\"units\\\": 2}\"");
    if (t->wrapped)
        add_neighbour(text, &used, "before", "x0");
    char rest[4096];
    snprintf(rest, sizeof rest, "%s", config + 1);
    char *end = strrchr(rest, '}');
    if (!end || strlen(config) >= sizeof rest)
        return fail(t, "not a sample: its config does not end, or is too long");
    *end = '\0';
    add(text, &used,
        ", {\"class_name\": \"%s\", \"name\": \"layer\", \"config\": {\"name\": \"layer\"%s%s}, \"inbound_nodes\": [[",
        t->ops->type.class_name, strspn(rest, " ") < strlen(rest) ? ", " : "", rest);
    for (int i = 0; i < t->inputs; i++)
        add(text, &used, "%s[\"%s\", 0, 0, {}]", i ? ", " : "",
            t->wrapped ? "before" : (char[]){'x', (char)('0' + i), 0});
    add(text, &used, "]]}");
    if (t->wrapped)
        add_neighbour(text, &used, "after", "layer");
    add(text, &used, "], \"input_layers\": [");
    for (int i = 0; i < t->inputs; i++)
        add(text, &used, "%s[\"x%d\", 0, 0]", i ? ", " : "", i);
    add(text, &used, "], \"output_layers\": [[\"%s\", 0, 0]]}, \"fit\": {\"seed\": 7}}",
        t->wrapped ? "after" : "layer");
    return used < TEXT - 1 ? ANTLER_OK : fail(t, "the sample is too long");
}

/* Numbers away from 0, in (-1, 1), all different, the same for both precisions: samples are chosen so that no kink is
   near to one. */
static void fill(antler_real *to, int64_t n, uint32_t state)
{
    for (int64_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u; /* a linear congruential generator, whose high bits are good */
        double u = (double)(state >> 8) / 16777216.0 * 1.8 - 0.9;
        to[i] = (antler_real)(float)(u + (u < 0 ? -0.05 : 0.05));
    }
}

/* Input 0 takes integers where the layer has tokens. */
static void fill_x(const trial *t)
{
    int64_t tokens = antler_input_tokens(t->model, 0);
    int64_t first = ROWS * antler_count(antler_model_input(t->model, 0, NULL), 1);
    fill(t->x, t->nx, 1);
    for (int64_t i = 0; tokens > 0 && i < first; i++)
        t->x[i] = (antler_real)((i + 1) * 7 / 3 % tokens);
}

static antler_status open_trial(trial *t)
{
    char *text = antler__allocate(TEXT, 1);
    antler_error error = {0};
    if (!text)
        return antler__no_memory(t->err);
    antler_status status = write_model(t, text);
    t->model = status == ANTLER_OK ? antler_load_json(text, NULL, &error) : NULL;
    antler__free(text);
    if (status != ANTLER_OK)
        return status;
    if (!t->model || antler_build(t->model) != ANTLER_OK)
        return fail(t, "%s: %s", t->model ? "" : error.place,
                    t->model ? antler_model_error(t->model)->message : error.message);
    for (int i = 0; i < t->inputs; i++)
        t->nx += ROWS * antler_count(antler_model_input(t->model, i, NULL), 1);
    t->ny = ROWS * antler_count(antler_output_shape(t->model), 1);
    t->x = antler__allocate_zeroed((size_t)(2 * (t->nx + t->ny)), sizeof *t->x);
    if (!t->x)
        return antler__no_memory(t->err);
    t->y = t->x + t->nx;
    t->dy = t->y + t->ny;
    t->dx = t->dy + t->ny;
    fill_x(t);
    fill(t->dy, t->ny, 2);
    for (int64_t v = 0; v < t->model->variables; v++) { /* off 0, where many begin */
        antler_tensor *w = &t->model->variable[v].view.value;
        for (int64_t i = 0; i < antler_count(&w->shape, 0); i++)
            w->data[i] += (antler_real)(0.01 * (double)((i * 5 + v) % 7));
    }
    return ANTLER_OK;
}

static void close_trial(trial *t)
{
    antler_context_free(t->context);
    antler_model_free(t->model);
    antler__free(t->x);
}

static antler_status open_context(trial *t, antler_mode mode, int threads, unsigned flags)
{
    antler_context_free(t->context);
    t->context = mode == ANTLER_TRAIN ? antler_context_create_train(t->model, ROWS, threads, flags, t->err)
                                      : antler_context_create(t->model, mode, ROWS, threads, flags, t->err);
    return t->context ? ANTLER_OK : t->err->status;
}

static antler_status forward(const trial *t, const antler_real *x, int64_t n, antler_real *y)
{
    antler_context_reset(t->context);
    antler_context_seek(t->context, 3, 2);
    return antler_forward(t->context, x, n, y, t->err);
}

/* Forward and back; a layer of tokens has no gradient of its input. */
static antler_status step(const trial *t, bool dx)
{
    ANTLER_TRY(forward(t, t->x, ROWS, t->y));
    return antler_backward_from(t->context, t->dy, dx && !antler_input_tokens(t->model, 0) ? t->dx : NULL, t->err);
}

/* ---- what must be so --------------------------------------------------------------------------------------------- */

static bool moves(const trial *t)
{
    return t->ops->flags & ANTLER_MOVES_PARAMS;
}

static antler_status check_json(trial *t)
{
    char *first = antler_model_json(t->model, t->err);
    antler_model *again = first ? antler_load_json(first, NULL, t->err) : NULL;
    char *second = again ? antler_model_json(again, t->err) : NULL;
    antler_status status = !second                      ? t->err->status
                           : strcmp(first, second) == 0 ? ANTLER_OK
                                                        : fail(t, "its JSON, read again, is not written as it was");
    antler_text_free(first);
    antler_text_free(second);
    antler_model_free(again);
    return status;
}

static antler_status check_inference(trial *t)
{
    size_t bytes = (size_t)t->ny * sizeof *t->y, weights = (size_t)t->model->size * sizeof(antler_real);
    ANTLER_TRY(open_context(t, ANTLER_INFER, 1, 0));
    antler_real *before = antler__allocate(weights + bytes + 1, 1);
    if (!before)
        return antler__no_memory(t->err);
    antler_real *first = before + t->model->size;
    memcpy(before, t->model->parameters, weights);
    if (!(t->ops->flags & ANTLER_VIEW)) /* NaN: what forward does not write stays one */
        memset(antler__output(t->context, 0)->data, 0xff, bytes);
    antler_status status = forward(t, t->x, ROWS, t->y);
    memcpy(first, t->y, bytes);
    for (int64_t i = 0; status == ANTLER_OK && i < t->ny; i++)
        if (!isfinite(t->y[i]))
            status = fail(t, "y[%lld] is not written, or no number, in inference", (long long)i);
    status = status == ANTLER_OK ? forward(t, t->x, ROWS, t->y) : status;
    if (status == ANTLER_OK && memcmp(first, t->y, bytes) != 0)
        status = fail(t, "a second inference gives other bits");
    if (status == ANTLER_OK && memcmp(before, t->model->parameters, weights) != 0)
        status = fail(t, "inference changes a variable");
    const int64_t row_x = t->nx / ROWS, row_y = t->ny / ROWS;
    for (int64_t r = 0; status == ANTLER_OK && t->inputs == 1 && r < ROWS; r++) {
        status = forward(t, t->x + r * row_x, 1, t->y);
        if (status == ANTLER_OK && memcmp(first + r * row_y, t->y, (size_t)row_y * sizeof *t->y) != 0)
            status = fail(t, "row %lld alone, as a batch of one, gives other bits than in its batch", (long long)r);
    }
    antler__free(before);
    return status;
}

/* y, gradients and dx of a step, one after the other. */
static void take(const trial *t, antler_real *to)
{
    memcpy(to, t->y, (size_t)t->ny * sizeof *to);
    memcpy(to + t->ny, t->dx, (size_t)t->nx * sizeof *to);
    memcpy(to + t->ny + t->nx, t->context->gradients, (size_t)t->model->trained_size * sizeof *to);
}

/* The gradients become NaN: what is added to one stays so. */
static void poison(const trial *t)
{
    for (int64_t v = 0; v < t->model->variables; v++) {
        antler_real *g = (antler_real *)(uintptr_t)antler_gradient(t->context, v);
        for (int64_t i = 0; g && i < t->model->variable[v].length; i++)
            g[i] = (antler_real)NAN;
    }
    memset(t->dx, 0xff, (size_t)t->nx * sizeof *t->dx);
    if (antler_input_tokens(t->model, 0))
        memset(t->dx, 0, (size_t)t->nx * sizeof *t->dx);
}

/* Another step in a context of these flags has the bits of the first one: all of them, or the gradients alone. */
static antler_status check_again(trial *t, const antler_real *first, antler_real *now, int threads, unsigned flags,
                                 const char *otherwise)
{
    int64_t skipped = flags & ANTLER_INPUT_GRADIENT ? 0 : t->ny + t->nx, n = t->ny + t->nx + t->model->trained_size;
    ANTLER_TRY(open_context(t, ANTLER_TRAIN, threads, flags));
    ANTLER_TRY(step(t, skipped == 0));
    poison(t);
    ANTLER_TRY(step(t, skipped == 0));
    take(t, now);
    return memcmp(first + skipped, now + skipped, (size_t)(n - skipped) * sizeof *now) == 0 ? ANTLER_OK
                                                                                            : fail(t, "%s", otherwise);
}

static antler_status check_training(trial *t)
{
    const int64_t n = t->ny + t->nx + t->model->trained_size;
    antler_real *first = moves(t) ? NULL : antler__allocate_zeroed((size_t)(2 * n + 1), sizeof *first);
    if (!first)
        return moves(t) ? ANTLER_OK : antler__no_memory(t->err);
    antler_status status = open_context(t, ANTLER_TRAIN, 1, ANTLER_INPUT_GRADIENT);
    status = status == ANTLER_OK ? step(t, true) : status;
    if (status == ANTLER_OK)
        take(t, first);
    const unsigned dx = ANTLER_INPUT_GRADIENT;
    const struct {
        int threads;
        unsigned flags;
        const char *otherwise;
    } trials[] = {{1, dx, "a gradient is added to what was there, or not written whole"},
                  {1, 0, "the gradients of its variables differ where nobody wants that of its input"},
                  {3, dx, "three threads give other bits than one"},
                  {1, dx | ANTLER_KEEP,
                   "other bits where no memory is shared: a flag says too little (ANTLER_NEEDS_X, "
                   "ANTLER_NEEDS_Y), or it works in place as it must not"}};
    for (size_t i = 0; status == ANTLER_OK && i < sizeof trials / sizeof *trials; i++)
        status = check_again(t, first, first + n, trials[i].threads, trials[i].flags, trials[i].otherwise);
    antler__free(first);
    return status;
}

/* sum(dy y), with the same noise each time. */
static antler_status objective(void *arg, double *value, antler_error *err)
{
    const trial *t = arg;
    (void)err; /* the trial's */
    ANTLER_TRY(forward(t, t->x, ROWS, t->y));
    *value = 0;
    for (int64_t i = 0; i < t->ny; i++)
        *value += (double)t->dy[i] * (double)t->y[i];
    return ANTLER_OK;
}

static antler_status compare(trial *t, const char *name, antler_real *w, const antler_real *gradient, int64_t n)
{
    antler_slopes slopes = {.f = objective, .arg = t, .size = (double)t->ny};
    antler_slope_outcome o;
    ANTLER_TRY(antler__slopes_compare(&slopes, w, gradient, n, false, &o, t->err));
    return o.ok ? ANTLER_OK
                : fail(t, "the gradient of %s is wrong: element %lld is %.4g, and differs from the slope by %.2g", name,
                       (long long)o.worst, (double)gradient[o.worst], o.difference);
}

static antler_status check_gradients(trial *t)
{
    antler_real *gradients = moves(t) ? NULL : antler__allocate((size_t)t->model->trained_size + 1, sizeof *gradients);
    if (!gradients)
        return moves(t) ? ANTLER_OK : antler__no_memory(t->err);
    antler_status status = open_context(t, ANTLER_TRAIN, 1, ANTLER_INPUT_GRADIENT);
    status = status == ANTLER_OK ? step(t, true) : status;
    if (status == ANTLER_OK)
        memcpy(gradients, t->context->gradients, (size_t)t->model->trained_size * sizeof *gradients);
    for (int64_t v = 0; status == ANTLER_OK && v < t->model->variables; v++) {
        const antler_model_variable_entry *variable = &t->model->variable[v];
        if (variable->view.trainable)
            status = compare(t, variable->view.name, variable->view.value.data, gradients + variable->offset,
                             variable->length);
    }
    if (status == ANTLER_OK && !antler_input_tokens(t->model, 0))
        status = compare(t, "its input", t->x, t->dx, t->nx);
    antler__free(gradients);
    return status;
}

/* Its variables have no gradient then. */
static antler_status check_frozen(trial *t)
{
    antler_context_free(t->context); /* none may be in use */
    t->context = NULL;
    if (antler_set_trainable(t->model, false) != ANTLER_OK || antler_build(t->model) != ANTLER_OK)
        return antler__error_copy(t->err, antler_model_error(t->model));
    ANTLER_TRY(open_context(t, ANTLER_TRAIN, 1, ANTLER_INPUT_GRADIENT));
    return step(t, true);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static antler_status check_sample(const antler_layer_ops *ops, const char *sample, bool wrapped, antler_error *err)
{
    antler_status (*const alone[])(trial *) = {check_json,      check_inference, check_training,
                                               check_gradients, check_frozen,    NULL};
    antler_status (*const among[])(trial *) = {check_training, NULL};
    trial t = {.ops = ops, .sample = sample, .wrapped = wrapped, .err = err};
    antler_status status = open_trial(&t);
    if (wrapped && status == ANTLER_OK && antler_input_tokens(t.model, 0)) { /* takes no other layer's numbers */
        close_trial(&t);
        return ANTLER_OK;
    }
    for (antler_status (*const *check)(trial *) = wrapped ? among : alone; status == ANTLER_OK && *check; check++)
        status = (*check)(&t);
    close_trial(&t);
    return status;
}

static antler_status check_samples(const antler_layer_ops *ops, antler_error *err)
{
    for (const char *const *sample = ops->type.samples; *sample; sample++) {
        const char *second = strchr(strchr(*sample, '(') ? strchr(*sample, '(') + 1 : *sample, '(');
        bool several = second && strchr(*sample, '{') && second < strchr(*sample, '{');
        ANTLER_TRY(check_sample(ops, *sample, false, err));
        if (!several && !ops->tokens)
            ANTLER_TRY(check_sample(ops, *sample, true, err));
    }
    return ANTLER_OK;
}

antler_status antler_check_layer(const struct antler_layer_ops *ops, antler_error *err)
{
    antler_error error = {0};
    ANTLER_TRY(antler__require(ops, "layer", err));
    if (antler_type_find(ANTLER_KIND_LAYER, ops->type.class_name) != &ops->type)
        ANTLER_TRY(antler_register(&ops->type, err));
    if (!ops->type.samples || !*ops->type.samples)
        return antler_error_set(err, ANTLER_VALUE, NULL, "%s has no samples: there is nothing to try",
                                ops->type.class_name);
    int64_t cut = antler__task_elements;
    antler__task_elements = 2; /* so that a sample's work is cut in several */
    antler_status status = check_samples(ops, &error);
    antler__task_elements = cut;
    return status == ANTLER_OK ? status : antler__error_copy(err, &error);
}

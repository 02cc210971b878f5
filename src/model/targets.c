#include "model/targets.h"

#include "core/memory.h"
#include "model/ends.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- values by output -------------------------------------------------------------------------------------------- */

static antler_status check_names(const antler_model *model, const antler_by_output *value, const char *place,
                                 antler_error *err)
{
    char names[256];
    for (int64_t i = 0; i < value->n; i++) {
        int64_t k = 0;
        while (k < model->outputs && strcmp(model->output_name[k], value->item[i].name) != 0)
            k++;
        if (k < model->outputs)
            continue;
        const char *near = antler__name_near(model->output_name, model->outputs, value->item[i].name);
        if (near)
            return antler_error_set(err, ANTLER_NAME, place, "the model has no output \"%.80s\"; did you mean \"%s\"?",
                                    value->item[i].name, near);
        return antler_error_set(err, ANTLER_NAME, place, "the model has no output \"%.80s\"; it has %s",
                                value->item[i].name,
                                antler__names_text(model->output_name, model->outputs, names, sizeof names));
    }
    return ANTLER_OK;
}

/* A list has a value for each output, and a dict's names are theirs. Where there is one output, one value is its
   whatever the form. */
static antler_status check(const antler_model *model, const antler_by_output *value, const char *place,
                           antler_error *err)
{
    if (model->outputs == 1 && value->n <= 1)
        return ANTLER_OK;
    if (value->form == ANTLER_AS_DICT)
        return check_names(model, value, place, err);
    if (value->form == ANTLER_AS_LIST && value->n != model->outputs) {
        char names[256];
        return antler_error_set(err, ANTLER_VALUE, place,
                                "a list of %lld for %lld output%s; expected one for each, or a dict by name: %s",
                                (long long)value->n, (long long)model->outputs, model->outputs > 1 ? "s" : "",
                                antler__names_text(model->output_name, model->outputs, names, sizeof names));
    }
    return ANTLER_OK;
}

/* The value for output k; NULL for none. */
static const antler_output_value *value_for(const antler_model *model, const antler_by_output *value, int64_t k)
{
    if (value->n == 1 && (value->form == ANTLER_FOR_ALL || model->outputs == 1))
        return value->item;
    if (value->form != ANTLER_AS_DICT)
        return k < value->n ? &value->item[k] : NULL;
    for (int64_t i = 0; i < value->n; i++)
        if (strcmp(value->item[i].name, model->output_name[k]) == 0)
            return &value->item[i];
    return NULL;
}

/* ---- targets ----------------------------------------------------------------------------------------------------- */

static antler_status check_metrics(const antler_model *model, const antler_by_output *metrics, const char *place,
                                   antler_error *err)
{
    if (model->outputs == 1 || metrics->n == 0) /* one output: all metrics are its */
        return ANTLER_OK;
    if (metrics->form == ANTLER_FOR_ALL)
        return antler_error_set(err, ANTLER_VALUE, place, "one metric for %lld outputs; expected a list or a dict",
                                (long long)model->outputs);
    return check(model, metrics, place, err);
}

static antler_status check_all(const antler_model *model, const antler_compile_settings *s, antler_error *err)
{
    ANTLER_TRY(check(model, &s->loss, "compile_config.loss", err));
    ANTLER_TRY(check(model, &s->loss_weights, "compile_config.loss_weights", err));
    if (model->outputs > 1 && s->loss_weights.form == ANTLER_FOR_ALL && s->loss_weights.n > 0)
        return antler_error_set(err, ANTLER_VALUE, "compile_config.loss_weights",
                                "one number for %lld outputs; expected a list or a dict", (long long)model->outputs);
    ANTLER_TRY(check_metrics(model, &s->metrics, "compile_config.metrics", err));
    return check_metrics(model, &s->weighted_metrics, "compile_config.weighted_metrics", err);
}

/* All metrics of output k: of one output those of all items. */
static void add_metrics(const antler_model *model, const antler_by_output *metrics, int64_t k, antler_target *target)
{
    const antler_output_value *value = model->outputs > 1 ? value_for(model, metrics, k) : metrics->item;
    int64_t items = !value ? 0 : model->outputs > 1 ? 1 : metrics->n;
    for (int64_t j = 0; j < items; j++)
        for (int64_t i = 0; i < value[j].objects.n; i++)
            target->metric[target->metrics++] = value[j].objects.item[i]; /* no more than ANTLER_MOST_METRICS in all */
}

/* Logs have names before any data has a length. */
static antler_status check_width(const antler_model *model, const antler_target *target, antler_error *err)
{
    const antler_shape *out = antler_model_output(model, target->output, NULL);
    for (int64_t i = 0; out->rank > 1 && out->dim[out->rank - 1] == ANTLER_OPEN && i < target->metrics; i++)
        if (((const antler_metric_ops *)target->metric[i].type)->values)
            return antler_error_set(
                err, ANTLER_UNSUPPORTED, "compile_config.metrics",
                "%s may have a value for each place of the last axis of the output, whose length is "
                "not known (null)",
                target->metric[i].type->class_name);
    return ANTLER_OK;
}

static antler_status add_target(const antler_model *model, antler_compile_settings *s, int64_t k, antler_error *err)
{
    const antler_output_value *loss = value_for(model, &s->loss, k), *weight = value_for(model, &s->loss_weights, k);
    antler_target found = {.output = k, .weight = 1};
    add_metrics(model, &s->metrics, k, &found);
    found.unweighted = found.metrics;
    add_metrics(model, &s->weighted_metrics, k, &found);
    if (!loss || loss->objects.n == 0)
        return model->outputs == 1 || found.metrics == 0
                   ? ANTLER_OK
                   : antler_error_set(err, ANTLER_UNSUPPORTED, "compile_config.metrics",
                                      "output \"%s\" has metrics and no loss; expected both or none",
                                      model->output_name[k]);
    if (s->targets == ANTLER_MOST_LOSSES)
        return antler_error_set(err, ANTLER_UNSUPPORTED, "compile_config.loss", "more than %d outputs with a loss",
                                ANTLER_MOST_LOSSES);
    antler_target *target = &s->target[s->targets++];
    *target = found;
    target->loss = loss->objects.item[0];
    if (loss->objects.n > 1)
        return antler_error_set(err, ANTLER_VALUE, "compile_config.loss", "%lld losses for one output",
                                (long long)loss->objects.n);
    if (weight && !isnan(weight->number))
        target->weight = weight->number;
    return check_width(model, target, err);
}

/* ---- names of logs ----------------------------------------------------------------------------------------------- */

static const char *metric_name(antler_object metric)
{
    const antler_metric_keys *keys = metric.config;
    return keys->name ? keys->name : metric.type->aliases ? metric.type->aliases[0] : metric.type->class_name;
}

int64_t antler__metric_values(antler_object metric, int64_t n)
{
    const antler_metric_ops *ops = (const antler_metric_ops *)metric.type;
    return ops->values ? ops->values(metric.config, n) : 1;
}

/* A log: the name of its output or NULL, its own, and which of several values it is, or -1. */
typedef struct log_name {
    const char *output, *name;
    int64_t index;
    bool weighted;
} log_name;

static void name_metrics(const antler_model *model, const antler_target *target, bool weighted,
                         void (*add)(void *arg, const log_name *log), void *arg)
{
    const char *output;
    const antler_shape *shape = antler_model_output(model, target->output, &output);
    int64_t width = shape->rank > 1 ? shape->dim[shape->rank - 1] : 1;
    int64_t j = weighted ? target->unweighted : 0, end = weighted ? target->metrics : target->unweighted;
    for (; j < end; j++) {
        int64_t values = antler__metric_values(target->metric[j], width);
        for (int64_t v = 0; v < values; v++)
            add(arg, &(log_name){.output = model->outputs > 1 ? output : NULL,
                                 .name = metric_name(target->metric[j]),
                                 .index = values > 1 ? v : -1,
                                 .weighted = weighted});
    }
}

/* Calls add for each log. */
static void name_logs(const antler_model *model, const antler_compile_settings *s,
                      void (*add)(void *arg, const log_name *log), void *arg)
{
    add(arg, &(log_name){.name = "loss", .index = -1});
    for (int64_t i = 0; s->targets > 1 && i < s->targets; i++)
        add(arg, &(log_name){.output = model->output_name[s->target[i].output], .name = "loss", .index = -1});
    for (int weighted = 0; weighted < 2; weighted++)
        for (int64_t i = 0; i < s->targets; i++)
            name_metrics(model, &s->target[i], weighted != 0, add, arg);
}

enum { ADDED = 48 }; /* room for "weighted_" in front of a name, and "_3_1" behind one that comes again */

typedef struct writing {
    antler_compile_settings *settings;
    char *text;
    int64_t logs;
    size_t size;
} writing;

static void measure(void *arg, const log_name *log)
{
    writing *w = arg;
    w->size += 2 * (sizeof "val_" + (log->output ? strlen(log->output) + 1 : 0) + strlen(log->name) + ADDED);
    w->logs++;
}

static bool is_taken(const antler_compile_settings *s, const char *name)
{
    for (int i = 1; i < s->logs; i++)
        if (strcmp(s->log_name[0][i], name) == 0)
            return true;
    return false;
}

/* A metric whose name comes again gets a number, as in Keras; a weighted one gets "weighted_" first. */
static void write(void *arg, const log_name *log)
{
    writing *w = arg;
    antler_compile_settings *s = w->settings;
    char *text = w->text, *end = text;
    for (int prefixed = 0; prefixed < (log->weighted ? 2 : 1); prefixed++) {
        end = text + sprintf(text, "%s%s%s%s", log->output ? log->output : "", log->output ? "_" : "",
                             prefixed ? "weighted_" : "", log->name);
        if (log->index >= 0)
            end += sprintf(end, "_%lld", (long long)log->index);
        if (!is_taken(s, text))
            break;
    }
    char *number = end;
    for (int times = 1; is_taken(s, text); times++)
        end = number + sprintf(number, "_%d", times);
    s->log_name[0][s->logs] = text;
    s->log_name[1][s->logs] = end + 1;
    end += 1 + sprintf(end + 1, "val_%s", text);
    w->text = end + 1;
    s->logs++;
}

static antler_status make_names(const antler_model *model, antler_compile_settings *s, antler_error *err)
{
    writing w = {.settings = s};
    name_logs(model, s, measure, &w);
    if (w.logs > ANTLER_MAX_LOGS / 2) {
        antler_error_set(&s->failure, ANTLER_UNSUPPORTED, "compile_config.metrics",
                         "%lld values to log, more than %d: a metric that has one for each class can be averaged",
                         (long long)w.logs, ANTLER_MAX_LOGS / 2);
        return ANTLER_OK;
    }
    w.text = s->log_text = antler__allocate(w.size, 1);
    if (!s->log_text)
        return antler__no_memory(err);
    name_logs(model, s, write, &w);
    return ANTLER_OK;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* A dict for one output becomes a list: Keras takes no dict for a Sequential, whose output has no name there. */
static void leave_name(antler_by_output *value)
{
    if (value->form == ANTLER_AS_DICT)
        value->form = ANTLER_AS_LIST;
}

antler_status antler__targets_settle(const antler_model *model, antler_compile_settings *s, antler_error *err)
{
    if (!model->built || !s || s->settled)
        return ANTLER_OK;
    antler__free(s->target);
    s->targets = 0;
    s->target = antler__allocate((size_t)model->outputs, sizeof *s->target);
    if (!s->target)
        return antler__no_memory(err);
    antler_status status = check_all(model, s, &s->failure);
    for (int64_t k = 0; status == ANTLER_OK && k < model->outputs; k++)
        status = add_target(model, s, k, &s->failure);
    ANTLER_TRY(make_names(model, s, err));
    if (model->outputs == 1) {
        leave_name(&s->loss);
        leave_name(&s->metrics);
        leave_name(&s->weighted_metrics);
        leave_name(&s->loss_weights);
    }
    if (model->file && s->failure.status != ANTLER_OK)
        antler__error_file(&s->failure, model->file);
    s->settled = true;
    return ANTLER_OK;
}

/* ---- doubts ------------------------------------------------------------------------------------------------------ */

/* The layer that gives an output, if it says with which activation; NULL else. */
static const antler_layer *activated(const antler_model *model, int64_t output)
{
    int64_t giver = model->wire[model->output[output]].giver;
    const antler_layer *layer = giver < 0 ? NULL : &model->layer[model->call[giver].layer];
    return layer && layer->ops->activation && layer->ops->activation(layer->object.config) ? layer : NULL;
}

static bool gives_probabilities(const antler_layer *layer)
{
    static const char *const none[] = {"linear", "relu", "tanh"};
    const char *name = layer->f ? layer->f->type.class_name : "linear";
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (strcmp(name, none[i]) == 0)
            return false;
    return true;
}

static void doubt(antler_model *model, const antler_target *target)
{
    const antler_loss_ops *loss = (const antler_loss_ops *)target->loss.type;
    const antler_layer *layer = activated(model, target->output);
    const bool logits = loss->from_logits && loss->from_logits(target->loss.config);
    const antler_shape *out = &model->wire[model->output[target->output]].shape;
    antler_error warning = {0};
    if (!loss->probabilities || logits || !layer || gives_probabilities(layer))
        return;
    antler_error_set(&warning, ANTLER_OK, "compile_config.loss",
                     "%s takes probabilities, and \"%.80s\" ends in \"%s\": expected \"%s\"%s", loss->type.class_name,
                     layer->name, layer->f ? layer->f->type.class_name : "linear",
                     loss->from                     ? loss->from
                     : out->dim[out->rank - 1] == 1 ? "sigmoid"
                                                    : "softmax",
                     loss->from_logits ? ", or \"from_logits\": true" : "");
    if (model->file)
        snprintf(warning.file, sizeof warning.file, "%s", model->file);
    antler__model_warn(model, &warning);
}

void antler__targets_doubt(antler_model *model)
{
    for (int64_t i = 0; model->built && model->compile && i < model->compile->targets; i++)
        doubt(model, &model->compile->target[i]);
}

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

static antler_status check_all(const antler_model *model, const antler_compile_settings *s, antler_error *err)
{
    const antler_by_output *metrics = &s->metrics;
    ANTLER_TRY(check(model, &s->loss, "compile_config.loss", err));
    ANTLER_TRY(check(model, &s->loss_weights, "compile_config.loss_weights", err));
    if (model->outputs > 1 && s->loss_weights.form == ANTLER_FOR_ALL && s->loss_weights.n > 0)
        return antler_error_set(err, ANTLER_VALUE, "compile_config.loss_weights",
                                "one number for %lld outputs; expected a list or a dict", (long long)model->outputs);
    if (model->outputs == 1 || metrics->n == 0) /* one output: all metrics are its */
        return ANTLER_OK;
    if (metrics->form == ANTLER_FOR_ALL)
        return antler_error_set(err, ANTLER_VALUE, "compile_config.metrics",
                                "one metric for %lld outputs; expected a list or a dict", (long long)model->outputs);
    return check(model, metrics, "compile_config.metrics", err);
}

static void add_metrics(antler_target *target, const antler_output_value *value)
{
    for (int64_t i = 0; value && i < value->objects.n; i++)
        target->metric[target->metrics++] = value->objects.item[i]; /* no more than ANTLER_MOST_METRICS in all */
}

static antler_status add_target(const antler_model *model, antler_compile_settings *s, int64_t k, antler_error *err)
{
    const antler_output_value *loss = value_for(model, &s->loss, k), *weight = value_for(model, &s->loss_weights, k);
    const antler_output_value *metrics = model->outputs > 1 ? value_for(model, &s->metrics, k) : NULL;
    if (!loss || loss->objects.n == 0)
        return !metrics || metrics->objects.n == 0
                   ? ANTLER_OK
                   : antler_error_set(err, ANTLER_UNSUPPORTED, "compile_config.metrics",
                                      "output \"%s\" has metrics and no loss; expected both or none",
                                      model->output_name[k]);
    if (s->targets == ANTLER_MOST_LOSSES)
        return antler_error_set(err, ANTLER_UNSUPPORTED, "compile_config.loss", "more than %d outputs with a loss",
                                ANTLER_MOST_LOSSES);
    antler_target *target = &s->target[s->targets++];
    *target = (antler_target){.output = k, .loss = loss->objects.item[0], .weight = 1};
    if (loss->objects.n > 1)
        return antler_error_set(err, ANTLER_VALUE, "compile_config.loss", "%lld losses for one output",
                                (long long)loss->objects.n);
    if (weight && !isnan(weight->number))
        target->weight = weight->number;
    add_metrics(target, metrics);
    for (int64_t i = 0; model->outputs == 1 && i < s->metrics.n; i++)
        add_metrics(target, &s->metrics.item[i]);
    return ANTLER_OK;
}

/* ---- names of logs ----------------------------------------------------------------------------------------------- */

static const char *metric_name(antler_object metric)
{
    const antler_metric_keys *keys = metric.config;
    return keys->name ? keys->name : metric.type->aliases ? metric.type->aliases[0] : metric.type->class_name;
}

/* Calls add for each log: the name of its output or NULL, and its own. */
static void name_logs(const antler_model *model, const antler_compile_settings *s,
                      void (*add)(void *arg, const char *output, const char *name), void *arg)
{
    add(arg, NULL, "loss");
    for (int64_t i = 0; s->targets > 1 && i < s->targets; i++)
        add(arg, model->output_name[s->target[i].output], "loss");
    for (int64_t i = 0; i < s->targets; i++)
        for (int64_t j = 0; j < s->target[i].metrics; j++)
            add(arg, model->outputs > 1 ? model->output_name[s->target[i].output] : NULL,
                metric_name(s->target[i].metric[j]));
}

enum { NUMBER = 8 }; /* room for "_1" behind a name that comes again */

static void measure(void *arg, const char *output, const char *name)
{
    *(size_t *)arg += 2 * (sizeof "val_" + (output ? strlen(output) + 1 : 0) + strlen(name) + NUMBER);
}

typedef struct writing {
    antler_compile_settings *settings;
    char *text;
} writing;

/* A metric whose name comes again gets a number, as in Keras. */
static int times_named(const antler_compile_settings *s, const char *name)
{
    int times = 0;
    for (int i = 1; i < s->logs; i++)
        times += strcmp(s->log_name[0][i], name) == 0;
    return times;
}

static void write(void *arg, const char *output, const char *name)
{
    writing *w = arg;
    antler_compile_settings *s = w->settings;
    char *text = w->text;
    text += sprintf(text, "%s%s%s", output ? output : "", output ? "_" : "", name);
    int times = times_named(s, w->text);
    if (times > 0)
        text += sprintf(text, "_%d", times);
    s->log_name[0][s->logs] = w->text;
    s->log_name[1][s->logs] = text + 1;
    text += 1 + sprintf(text + 1, "val_%s", w->text);
    w->text = text + 1;
    s->logs++;
}

static antler_status make_names(const antler_model *model, antler_compile_settings *s, antler_error *err)
{
    size_t size = 0;
    name_logs(model, s, measure, &size);
    s->log_text = antler__allocate(size, 1);
    if (!s->log_text)
        return antler__no_memory(err);
    writing w = {s, s->log_text};
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
        leave_name(&s->loss_weights);
    }
    if (model->file && status != ANTLER_OK)
        antler__error_file(&s->failure, model->file);
    s->settled = true;
    return ANTLER_OK;
}

#include "cli/command.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Class, and the numbers, names and switches of its config, in one line; of an output by its name. */
static void print_object(const char *title, const char *of, antler_object object)
{
    const antler_field *field;
    char shown[256];
    printf("%-11s ", title);
    if (of)
        printf("%s: ", antler__shown(of, shown, sizeof shown));
    printf("%s", object.type ? object.type->class_name : "none");
    for (int64_t i = 0; object.type && (field = antler_type_field(object.type, i)); i++) {
        const void *at = (const char *)object.config + field->offset;
        if (strcmp(field->key, "name") == 0)
            continue;
        if (field->kind == ANTLER_REAL && !isnan(*(const double *)at))
            printf(", %s %g", field->key, *(const double *)at);
        else if (field->kind == ANTLER_INT && *(const int64_t *)at != ANTLER_NULL)
            printf(", %s %" PRId64, field->key, *(const int64_t *)at);
        else if (field->kind == ANTLER_BOOL && *(const bool *)at)
            printf(", %s", field->key);
        else if (field->kind == ANTLER_STRING && *(const char *const *)at)
            printf(", %s %s", field->key, antler__shown(*(const char *const *)at, shown, sizeof shown));
    }
    putchar('\n');
}

static void print_rate(antler_object optimizer, int64_t steps)
{
    antler_object schedule = ((const antler_optimizer_keys *)optimizer.config)->learning_rate;
    const antler_schedule_ops *ops = (const antler_schedule_ops *)schedule.type;
    double first = ops->rate(schedule.config, 0), last = ops->rate(schedule.config, steps > 0 ? steps - 1 : 0);
    printf("rate        %g", first);
    if (last != first)
        printf(" at first, %g at last (%s)", last, ops->type.class_name);
    putchar('\n');
}

static void print_losses(const antler_model *model)
{
    int64_t outputs = antler__outputs(model);
    for (int64_t k = 0; k < outputs; k++) {
        antler_object loss;
        const char *name;
        antler_model_object(model, ANTLER_KIND_LOSS, k, &loss);
        antler_model_output(model, k, &name);
        print_object(k ? "" : "loss", outputs > 1 ? name : NULL, loss);
    }
}

/* The settings of training that could not be read, or do not fit, each by its name; whether one is "loss". */
static bool print_unread(const antler_model *model)
{
    const antler_error *warning;
    bool loss = false;
    for (int64_t i = 0; (warning = antler_model_warning(model, i)); i++) {
        const char *dot = strchr(warning->place, '.'), *setting = dot ? dot + 1 : warning->place;
        int length = (int)strcspn(setting, ".[");
        char text[1200];
        if (warning->status == ANTLER_OK)
            continue;
        loss |= length == 4 && strncmp(setting, "loss", 4) == 0;
        printf("%-11.*s %s\n", length, setting, antler_error_text(warning, text, sizeof text));
    }
    return loss;
}

void antler__print_compile(const antler_model *model, int64_t steps)
{
    antler_object optimizer, loss, metric;
    bool optimized = antler_model_object(model, ANTLER_KIND_OPTIMIZER, 0, &optimizer);
    bool has_loss = antler_model_object(model, ANTLER_KIND_LOSS, 0, &loss);
    if (optimized) {
        print_object("optimizer", NULL, optimizer);
        print_rate(optimizer, steps);
    }
    if (print_unread(model))
        has_loss = false;
    else if (!has_loss)
        printf("%s\n", optimized ? "loss        none" : "not compiled: the model has neither an optimizer nor a loss");
    if (has_loss) {
        print_losses(model);
        printf("%-11s ", "metrics");
        int64_t metrics = 0;
        for (; antler_model_object(model, ANTLER_KIND_METRIC, metrics, &metric); metrics++)
            printf("%s%s", metrics ? ", " : "", metric.type->class_name);
        printf("%s\n", metrics ? "" : "none");
    }
}

/* ---- as JSON ----------------------------------------------------------------------------------------------------- */

static void put_shape(const antler_shape *shape)
{
    putchar('[');
    for (int i = 0; i < shape->rank; i++) {
        fputs(i ? ", " : "", stdout);
        if (shape->dim[i] < 0)
            fputs("null", stdout);
        else
            printf("%" PRId64, shape->dim[i]);
    }
    putchar(']');
}

static void put_layer(const antler_model *model, const antler_layer_view *layer)
{
    char text[512];
    fputs("{", stdout);
    antler__put_text(stdout, "name", layer->name);
    fputs(", ", stdout);
    antler__put_text(stdout, "class_name", layer->class_name);
    fputs(", \"outputs\": [", stdout);
    for (int k = 0; k < layer->call->outputs; k++) {
        fputs(k ? ", " : "", stdout);
        put_shape(k ? &layer->call->output[k] : &layer->output);
    }
    printf("], \"weights\": %" PRId64 ", \"trained\": %" PRId64 ", \"from\": [", layer->parameters, layer->trainable);
    for (int64_t call = 0; call < layer->calls; call++) {
        fputs(call ? ", [" : "[", stdout);
        for (int k = 0; k < layer->call[call].inputs; k++) {
            fputs(k ? ", " : "", stdout);
            antler__put_string(stdout, antler__giver_text(model, &layer->call[call].input[k], text, sizeof text));
        }
        putchar(']');
    }
    fputs("]}", stdout);
}

/* One object: the layers, what each takes from in each of its calls, and the classes of compile_config. */
static void put_model(const antler_model *model)
{
    static const struct {
        const char *key;
        antler_kind kind;
    } parts[] = {{"optimizer", ANTLER_KIND_OPTIMIZER}, {"losses", ANTLER_KIND_LOSS}, {"metrics", ANTLER_KIND_METRIC}};
    const antler_layer_view *layer;
    putchar('{');
    antler__put_text(stdout, "name", antler_model_name(model));
    fputs(",\n \"layers\": [", stdout);
    for (int64_t i = 0; (layer = antler_model_layer(model, i)); i++) {
        fputs(i ? ",\n  " : "\n  ", stdout);
        put_layer(model, layer);
    }
    fputs("]", stdout);
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        antler_object object = {0};
        int64_t n = parts[p].kind == ANTLER_KIND_LOSS ? antler__outputs(model) : INT64_MAX, i = 0;
        printf(",\n \"%s\": [", parts[p].key);
        for (; i < n && (antler_model_object(model, parts[p].kind, i, &object) || n < INT64_MAX); i++) {
            fputs(i ? ", " : "", stdout);
            if (object.type)
                antler__put_string(stdout, object.type->class_name);
            else
                fputs("null", stdout);
            if (parts[p].kind == ANTLER_KIND_OPTIMIZER)
                break;
        }
        putchar(']');
    }
    fputs("}\n", stdout);
}

static int run(const antler_arguments *a)
{
    antler_error err = {0};
    char shown[1024];
    antler_model *model = antler__open_model(a, &err);
    if (model && a->json) {
        put_model(model);
    } else if (model) {
        printf("%s\n\n", antler__shown(antler_model_name(model), shown, sizeof shown));
        if (antler__print_layers(model, &err) == ANTLER_OK) {
            putchar('\n');
            antler__print_compile(model, 1);
        }
    }
    antler_model_free(model);
    return err.status == ANTLER_OK ? 0 : antler__fail(&err);
}

const antler_command antler__command_summary = {
    "summary",
    "MODEL",
    1,
    1,
    ANTLER_OPTION_WEIGHTS | ANTLER_OPTION_BY_NAME | ANTLER_OPTION_JSON,
    "prints layers, shapes, weights and compile settings",
    run,
    "antler summary models/pair.json",
};

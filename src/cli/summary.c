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

static int run(const antler_arguments *a)
{
    antler_error err = {0};
    char shown[1024];
    antler_model *model = antler__open_model(a, &err);
    if (model) {
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
    ANTLER_OPTION_WEIGHTS | ANTLER_OPTION_BY_NAME,
    "prints layers, shapes, weights and compile settings",
    run,
    "antler summary models/pair.json",
};

#include "cli/command.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* "kernel 784x512" of one variable. */
static void variable_text(const antler_variable *v, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%s ", v->name);
    for (int i = 0; i < v->value.shape.rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, i ? "x" : "", v->value.shape.dim[i]);
}

/* A layer's rows: the variables from *next on, as many as its parameters make up, a few to a row. */
static void add_layer(antler_table *table, const antler_model *model, const antler_layer_view *layer, int64_t *next)
{
    enum { WIDTH = 44 };
    char shape[128], count[32], line[512] = "", text[256];
    const antler_variable *v;
    int64_t left = layer->parameters;
    antler__table_add(table, "%s", layer->name);
    antler__table_add(table, "%s", layer->class_name);
    antler__table_add(table, "%s", antler_shape_text(&layer->output, shape, sizeof shape));
    antler__table_add(table, "%s", antler__number_text(layer->parameters, count, sizeof count));
    while (left > 0 && (v = antler_model_variable(model, *next))) {
        variable_text(v, text, sizeof text);
        if (line[0] && strlen(line) + strlen(text) > WIDTH) {
            antler__table_add(table, "%s", line);
            for (int i = 0; i < 4; i++)
                antler__table_add(table, "%s", "");
            line[0] = '\0';
        }
        snprintf(line + strlen(line), sizeof line - strlen(line), "%s%s", line[0] ? ", " : "", text);
        left -= antler_count(&v->value.shape, 0);
        ++*next;
    }
    antler__table_add(table, "%s", line);
}

antler_status antler__print_layers(const antler_model *model, antler_error *err)
{
    antler_table table = {.columns = 5};
    static const char *const heading[] = {"layer", "type", "output", "weights", "shapes"};
    int64_t parameters = 0, trainable = 0, next = 0;
    const antler_layer_view *layer;
    char text[3][32];
    for (int i = 0; i < table.columns; i++)
        antler__table_add(&table, "%s", heading[i]);
    for (int64_t i = 0; (layer = antler_model_layer(model, i)); i++) {
        add_layer(&table, model, layer, &next);
        parameters += layer->parameters;
        trainable += layer->trainable;
    }
    ANTLER_TRY(antler__table_print(&table, 1 << 3, err));
    printf("%s weights, %s trained, %s bytes\n", antler__number_text(parameters, text[0], sizeof text[0]),
           antler__number_text(trainable, text[1], sizeof text[1]),
           antler__number_text(parameters * (int64_t)sizeof(antler_real), text[2], sizeof text[2]));
    return ANTLER_OK;
}

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

void antler__print_compile(const antler_model *model, int64_t steps)
{
    antler_object optimizer, loss, metric;
    bool optimized = antler_model_object(model, ANTLER_KIND_OPTIMIZER, 0, &optimizer);
    if (!antler_model_object(model, ANTLER_KIND_LOSS, 0, &loss) && !optimized) {
        printf("not compiled: the model has neither an optimizer nor a loss\n");
        return;
    }
    print_object("optimizer", NULL, optimizer);
    if (optimized)
        print_rate(optimizer, steps);
    print_losses(model);
    printf("%-11s ", "metrics");
    int64_t metrics = 0;
    for (; antler_model_object(model, ANTLER_KIND_METRIC, metrics, &metric); metrics++)
        printf("%s%s", metrics ? ", " : "", metric.type->class_name);
    printf("%s\n", metrics ? "" : "none");
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
    "summary", "MODEL", 1, 1, ANTLER_OPTION_WEIGHTS, "prints layers, shapes, weights and compile settings", run,
};

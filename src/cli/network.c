/* The table of a model's layers, and what it shares with the picture. */
#include "cli/command.h"

#include <inttypes.h>
#include <string.h>

/* ---- layers and calls -------------------------------------------------------------------------------------------- */

bool antler__is_chain(const antler_model *model)
{
    const antler_layer_view *layer;
    for (int64_t i = 0; (layer = antler_model_layer(model, i)); i++) {
        if (layer->calls != 1 || layer->call->inputs != (i > 0) || strchr(layer->name, '/'))
            return false;
        if (i > 0 && (layer->call->input->layer != i - 1 || layer->call->input->output != 0))
            return false;
    }
    return true;
}

const char *antler__giver_text(const antler_model *model, const antler_giver *giver, char *text, size_t size)
{
    const antler_layer_view *layer = antler_model_layer(model, giver->layer);
    char call[32] = "", output[32] = "";
    if (giver->call > 0)
        snprintf(call, sizeof call, ":%" PRId64, giver->call);
    if (layer->call[giver->call].outputs > 1)
        snprintf(output, sizeof output, "[%d]", giver->output);
    snprintf(text, size, "%s%s%s", layer->name, call, output);
    return text;
}

const char *antler__outputs_text(const antler_layer_view *layer, char *text, size_t size)
{
    char one[128];
    size_t used = 0;
    for (int k = 0; k < layer->call->outputs && used < size; k++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", k ? ", " : "",
                                 antler_shape_text(k ? &layer->call->output[k] : &layer->output, one, sizeof one));
    return text;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

enum { WIDTH = 44, LINE = 512 };

/* What of a layer is left to be shown, a line at a time. */
typedef struct rest {
    const antler_model *model;
    const antler_layer_view *layer;
    int64_t *variable, weights; /* of the model, the next; how many numbers are left */
    int64_t call;
    int input; /* of that call, the next */
} rest;

/* Adds an item to a line; false if it is full. */
static bool add_item(char *line, const char *item)
{
    if (line[0] && strlen(line) + strlen(item) + 2 > WIDTH)
        return false;
    snprintf(line + strlen(line), LINE - strlen(line), "%s%s", line[0] ? ", " : "", item);
    return true;
}

/* "kernel 784x512" of one variable. */
static void variable_text(const antler_variable *v, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%s ", v->name);
    for (int i = 0; i < v->value.shape.rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, i ? "x" : "", v->value.shape.dim[i]);
}

/* The next variables, as many as the layer's weights make up. */
static void next_shapes(rest *r, char *line)
{
    const antler_variable *v;
    char text[256];
    for (line[0] = '\0'; r->weights > 0 && (v = antler_model_variable(r->model, *r->variable)); ++*r->variable) {
        variable_text(v, text, sizeof text);
        if (!add_item(line, text))
            return;
        r->weights -= antler_count(&v->value.shape, 0);
    }
}

/* The next givers of one call. */
static void next_givers(rest *r, char *line)
{
    char text[LINE];
    line[0] = '\0';
    if (r->call == r->layer->calls)
        return;
    const antler_call_view *call = &r->layer->call[r->call];
    for (; r->input < call->inputs; r->input++)
        if (!add_item(line, antler__giver_text(r->model, &call->input[r->input], text, sizeof text)))
            return;
    r->call++;
    r->input = 0;
}

/* A layer's rows; its variables are those from *next on. */
static void add_layer(antler_table *table, const antler_model *model, const antler_layer_view *layer, int64_t *next)
{
    bool from = table->columns > 5;
    rest r = {model, layer, next, layer->parameters, from ? 0 : layer->calls, 0};
    char text[LINE], shapes[LINE], givers[LINE];
    antler__table_add(table, "%s", layer->name);
    antler__table_add(table, "%s", layer->class_name);
    antler__table_add(table, "%s", antler__outputs_text(layer, text, sizeof text));
    antler__table_add(table, "%s", antler__number_text(layer->parameters, text, sizeof text));
    for (bool first = true; first || shapes[0] || givers[0]; first = false) {
        next_shapes(&r, shapes);
        next_givers(&r, givers);
        if (!first && !shapes[0] && !givers[0])
            return;
        for (int i = 0; !first && i < 4; i++)
            antler__table_add(table, "%s", "");
        antler__table_add(table, "%s", shapes);
        if (from)
            antler__table_add(table, "%s", givers);
    }
}

antler_status antler__print_layers(const antler_model *model, antler_error *err)
{
    antler_table table = {.columns = antler__is_chain(model) ? 5 : 6};
    static const char *const heading[] = {"layer", "type", "output", "weights", "shapes", "from"};
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

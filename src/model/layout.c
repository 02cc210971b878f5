#include "model/layout.h"

#include "config/fields.h"
#include "core/memory.h"
#include "model/call_settings.h"
#include "model/tree.h"

#include <stdio.h>
#include <string.h>

/* ---- layers ------------------------------------------------------------------------------------------------------ */

static bool is_flat(const antler_tree_member *member, bool root)
{
    return member->layer.type && (root || !antler__member_is_source(member));
}

static int64_t count_layers(const antler_tree *tree, bool root)
{
    int64_t n = 0;
    for (int64_t i = 0; i < tree->ordered; i++) {
        const antler_tree_member *member = &tree->member[tree->order[i]];
        n += is_flat(member, root);
        n += member->model ? count_layers(member->model, false) : 0;
    }
    return n;
}

/* Where a tree stands. */
typedef struct site {
    const char *path;  /* "base/"; "" for the root */
    const char *place; /* of its "config" */
    bool trainable, root;
} site;

static antler_status add_layer(antler_model *model, antler_tree_member *member, const site *at, const char *name,
                               const char *place, antler_error *err)
{
    antler_layer *layer = &model->layer[model->layers];
    *layer = (antler_layer){.ops = (const antler_layer_ops *)member->layer.type,
                            .object = member->layer,
                            .path = antler__copy_text(name),
                            .place = antler__copy_text(place),
                            .frozen = !at->trainable,
                            .times = 1};
    layer->name = layer->path;
    member->flat = model->layers++; /* it is cleared with the model */
    return layer->path && layer->place ? ANTLER_OK : antler__no_memory(err);
}

static antler_status add_layers(antler_model *model, antler_tree *tree, const site *at, antler_error *err)
{
    for (int64_t i = 0; i < tree->ordered; i++) {
        antler_tree_member *member = &tree->member[tree->order[i]];
        char name[1024], place[1024];
        snprintf(name, sizeof name, "%s%s", at->path, antler__member_name(member));
        snprintf(place, sizeof place, "%s.layers[%lld]", at->place, (long long)member->place);
        bool trainable = at->trainable && (!member->layer.type || antler__layer_keys(member->layer)->trainable);
        if (is_flat(member, at->root))
            ANTLER_TRY(add_layer(model, member, at, name, place, err));
        if (!member->model)
            continue;
        strncat(name, "/", sizeof name - strlen(name) - 1);
        strncat(place, member->layer.type ? ".config.layer.config" : ".config", sizeof place - strlen(place) - 1);
        const site inside = {name, place, trainable && member->model->trainable, false};
        ANTLER_TRY(add_layers(model, member->model, &inside, err));
    }
    return ANTLER_OK;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

/* What a call of a member gives: the outputs of a flat call, or, of a model, its outputs. */
typedef struct given {
    int64_t flat;
    antler_ref *output; /* of a model; [outputs] */
    int outputs;
} given;

/* A tree that is being laid out, once for each of its calls. */
typedef struct walk {
    antler_tree *tree;
    const antler_ref *input; /* [tree->inputs], or one for a chain without a source */
    int64_t *first;          /* [members] number of its first call */
    given *given;            /* by call */
} walk;

static antler_status add_use(antler_graph *graph, antler_use use, antler_error *err)
{
    if (graph->uses >= ANTLER_MOST_CALLS)
        return antler_error_set(err, ANTLER_UNSUPPORTED, NULL, "more than %d calls, those of models in models counted",
                                ANTLER_MOST_CALLS);
    antler_ref *copy = antler__allocate((size_t)use.inputs, sizeof *copy);
    if (!copy || !antler__grow_by(&graph->use, (size_t)graph->uses, 1, sizeof *graph->use)) {
        antler__free(copy);
        return antler__no_memory(err);
    }
    memcpy(copy, use.in, (size_t)use.inputs * sizeof *copy);
    use.in = copy;
    ((antler_use *)(uintptr_t)graph->use)[graph->uses++] = use;
    return ANTLER_OK;
}

/* Where an error lies, seen from the model whose member it is in: the places of those around come in front. */
static void place_error(antler_error *err, const antler_tree_member *member)
{
    const char *inside = !err->place[0] ? "" : member->layer.type ? ".config.layer.config." : ".config.";
    antler_error inner = *err;
    char place[sizeof inner.place + 64];
    snprintf(place, sizeof place, "layers[%lld]%s%s", (long long)member->place, inside, inner.place);
    antler__error_clear(err);
    antler_error_set(err, inner.status, place, "%s", inner.message);
}

/* `taker` is whose call takes it; NULL: it is an output of the tree. */
static antler_status resolve(const walk *w, const antler_from *from, const antler_tree_member *taker, antler_ref *ref,
                             antler_error *err)
{
    if (from->member < 0) {
        *ref = w->input[from->output];
        return ANTLER_OK;
    }
    const antler_tree_member *member = &w->tree->member[from->member];
    const given *g = &w->given[w->first[from->member] + from->call];
    if (!g->output) {
        *ref = (antler_ref){g->flat, w->tree->sequential ? ANTLER_ONLY_OUTPUT : from->output};
        return ANTLER_OK;
    }
    if (w->tree->sequential && g->outputs > 1) {
        antler_error_set(err, ANTLER_VALUE, NULL, "\"%s\" has %d outputs, and layers of a Sequential have one",
                         antler__member_name(member), g->outputs);
        place_error(err, member);
        return err->status;
    }
    if (from->output < g->outputs) {
        *ref = g->output[from->output];
        return ANTLER_OK;
    }
    antler_error_set(err, ANTLER_VALUE, taker ? NULL : "output_layers", "\"%s\" has %d output%s, not %d",
                     antler__member_name(member), g->outputs, g->outputs > 1 ? "s" : "", from->output + 1);
    if (taker)
        place_error(err, taker);
    return err->status;
}

static antler_status lay_out(antler_graph *graph, antler_tree *tree, const antler_ref *input, antler_ref *output,
                             antler_error *err);

/* Shapes are not known yet: what the inputs are given is remembered. */
static antler_status add_takings(antler_graph *graph, const antler_tree *model, const antler_ref *in, antler_error *err)
{
    for (int64_t k = 0; k < model->inputs; k++) {
        if (!antler__grow_by(&graph->taken, (size_t)graph->takings, 1, sizeof *graph->taken))
            return antler__no_memory(err);
        graph->taken[graph->takings++] =
            (antler_taken){in[k], model->member[model->input[k].member].layer, model->name};
    }
    return ANTLER_OK;
}

static antler_status lay_out_model(antler_graph *graph, antler_tree_member *member, const antler_ref *in, int inputs,
                                   given *g, antler_error *err)
{
    antler_tree *model = member->model;
    int wanted = model->sequential ? 1 : (int)model->inputs;
    if (inputs != wanted)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "model \"%s\" takes %d tensor%s, got %d", model->name, wanted,
                                wanted > 1 ? "s" : "", inputs);
    ANTLER_TRY(add_takings(graph, model, in, err));
    g->output = antler__allocate((size_t)model->outputs, sizeof *g->output);
    g->outputs = (int)model->outputs;
    return g->output ? lay_out(graph, model, in, g->output, err) : antler__no_memory(err);
}

static antler_status lay_out_layer(antler_graph *graph, const antler_tree_member *member, const antler_ref *in,
                                   antler_member_call *call, given *g, antler_error *err)
{
    g->flat = graph->uses;
    if (call->flat < 0)
        call->flat = graph->uses;
    const antler_use use = {.layer = member->flat,
                            .inputs = call->inputs,
                            .in = in,
                            .given_mask = call->mask != NULL,
                            .object = call->layer};
    return add_use(graph, use, err);
}

/* A model on steps: between two views that the core knows. */
static antler_status lay_out_steps(antler_graph *graph, antler_tree_member *member, const antler_ref *in,
                                   antler_member_call *call, given *g, antler_error *err)
{
    antler_use enter = {.layer = member->flat, .inputs = 1, .in = in, .enters = true};
    given inside = {0};
    if (call->inputs != 1 || member->model->outputs != 1)
        return antler_error_set(err, ANTLER_UNSUPPORTED, NULL, "\"%s\" takes one tensor, and a model of one output",
                                antler__member_name(member));
    antler_ref first = {graph->uses, 0};
    antler_status status = add_use(graph, enter, err);
    if (status == ANTLER_OK)
        status = lay_out_model(graph, member, &first, 1, &inside, err);
    if (status == ANTLER_OK) {
        g->flat = graph->uses;
        if (call->flat < 0)
            call->flat = graph->uses;
        antler_use leave = {
            .layer = member->flat, .inputs = 1, .in = inside.output, .leaves = true, .entered = first.call};
        status = add_use(graph, leave, err);
    }
    antler__free(inside.output);
    return status;
}

static antler_status lay_out_call(antler_graph *graph, walk *w, antler_turn turn, antler_error *err)
{
    antler_tree_member *member = &w->tree->member[turn.member];
    antler_member_call *call = &member->call[turn.call];
    given *g = &w->given[w->first[turn.member] + turn.call];
    antler_status status = ANTLER_OK;
    if (member->mask_operator)
        return ANTLER_OK;
    antler_ref *in = antler__allocate((size_t)call->inputs, sizeof *in);
    if (!in)
        return antler__no_memory(err);
    for (int k = 0; status == ANTLER_OK && k < call->inputs; k++)
        status = resolve(w, &call->in[k], member, &in[k], err);
    if (status == ANTLER_OK) {
        status = !member->model       ? lay_out_layer(graph, member, in, call, g, err)
                 : member->layer.type ? lay_out_steps(graph, member, in, call, g, err)
                                      : lay_out_model(graph, member, in, call->inputs, g, err);
        if (status != ANTLER_OK && status != ANTLER_MEMORY)
            place_error(err, member);
    }
    antler__free(in);
    return status;
}

static antler_status prepare(walk *w, antler_error *err)
{
    const antler_tree *tree = w->tree;
    int64_t calls = 0;
    w->first = antler__allocate((size_t)tree->members, sizeof *w->first);
    for (int64_t i = 0; w->first && i < tree->members; i++) {
        w->first[i] = calls;
        calls += tree->member[i].calls;
    }
    w->given = w->first ? antler__allocate_zeroed((size_t)calls, sizeof *w->given) : NULL;
    if (!w->given)
        return antler__no_memory(err);
    for (int64_t k = 0; k < tree->inputs; k++) { /* a source gives what its tree is given */
        given *g = &w->given[w->first[tree->input[k].member]];
        g->output = antler__allocate(1, sizeof *g->output);
        g->outputs = 1;
        if (!g->output)
            return antler__no_memory(err);
        *g->output = w->input[k];
    }
    return ANTLER_OK;
}

static void release(walk *w)
{
    int64_t calls = 0;
    for (int64_t i = 0; i < w->tree->members; i++)
        calls += w->tree->member[i].calls;
    for (int64_t i = 0; w->given && i < calls; i++)
        antler__free(w->given[i].output);
    antler__free(w->given);
    antler__free(w->first);
}

/* Appends the calls of a tree to the graph: its inputs come from `input`, its outputs go to `output`. */
static antler_status lay_out(antler_graph *graph, antler_tree *tree, const antler_ref *input, antler_ref *output,
                             antler_error *err)
{
    walk w = {.tree = tree, .input = input};
    antler_status status = prepare(&w, err);
    for (int64_t i = 0; status == ANTLER_OK && i < tree->steps; i++)
        status = lay_out_call(graph, &w, tree->step[i], err);
    for (int64_t k = 0; status == ANTLER_OK && k < tree->outputs; k++)
        status = resolve(&w, &tree->output[k], NULL, &output[k], err);
    release(&w);
    return status;
}

void antler__graph_free(antler_graph *graph)
{
    for (int64_t i = 0; i < graph->uses; i++)
        antler__free((void *)(uintptr_t)graph->use[i].in);
    antler__free((void *)(uintptr_t)graph->use);
    antler__free((void *)(uintptr_t)graph->output);
    antler__free(graph->taken);
    *graph = (antler_graph){0};
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* A Sequential calls each member once, with what the one before gives. */
static antler_status chain(antler_tree *tree, antler_error *err)
{
    antler_from last = {.member = -1};
    tree->inputs = tree->outputs = 0;
    for (int64_t i = 0; i < tree->members; i++) {
        antler_tree_member *member = &tree->member[i];
        bool source = antler__member_is_source(member);
        ANTLER_TRY(antler__refuse_call_settings(member, err));
        if (!member->calls)
            ANTLER_TRY(antler__tree_call(tree, i, &last, source ? 0 : 1, err));
        else if (!source)
            member->call->in[0] = last;
        if (source)
            ANTLER_TRY(antler__tree_input(tree, i, err));
        last = (antler_from){.member = i};
    }
    return antler__tree_output(tree, last, err);
}

static antler_status chain_all(antler_tree *tree, antler_error *err)
{
    for (int64_t i = 0; i < tree->members; i++)
        if (tree->member[i].model)
            ANTLER_TRY(chain_all(tree->member[i].model, err));
    return tree->sequential ? chain(tree, err) : ANTLER_OK;
}

/* Keras, too, leaves out what no output needs. */
static antler_status warn_of_unused(antler_model *model, const antler_tree *tree, const antler_place *config,
                                    antler_error *err)
{
    bool *used = antler__allocate_zeroed((size_t)tree->members, sizeof *used);
    antler_place layers = antler__at(config, "layers");
    antler_status status = used ? ANTLER_OK : antler__no_memory(err);
    for (int64_t i = 0; used && i < tree->ordered; i++)
        used[tree->order[i]] = true;
    for (int64_t i = 0; status == ANTLER_OK && i < tree->members; i++) {
        const antler_tree_member *member = &tree->member[i];
        antler_place item = antler__at_item(&layers, member->place), inside = antler__at(&item, "config");
        char text[256];
        antler_error warning = {0};
        antler_error_set(&warning, ANTLER_OK, antler__place_text(&item, text, sizeof text),
                         "no output of the model needs \"%.80s\": it is left out", antler__member_name(member));
        if (!used[i])
            antler__model_warn(model, &warning);
        else if (member->model)
            status = warn_of_unused(model, member->model, &inside, err);
    }
    antler__free(used);
    return status;
}

static antler_status add_all_layers(antler_model *model, antler_error *err)
{
    const site root = {"", "config", model->tree->trainable, true};
    model->layer = antler__allocate_zeroed((size_t)count_layers(model->tree, true), sizeof *model->layer);
    return model->layer ? add_layers(model, model->tree, &root, err) : antler__no_memory(err);
}

static antler_status lay_out_root(antler_model *model, antler_graph *graph, antler_error *err)
{
    antler_tree *tree = model->tree;
    antler_ref *input = antler__allocate((size_t)tree->inputs, sizeof *input);
    antler_ref *output = antler__allocate((size_t)tree->outputs, sizeof *output);
    graph->output = output;
    graph->outputs = tree->outputs;
    for (int64_t k = 0; input && k < tree->inputs; k++)
        input[k] = (antler_ref){.call = -1 - k};
    antler_error error = {0};
    antler_status status = input && output ? lay_out(graph, tree, input, output, &error) : antler__no_memory(&error);
    antler__free(input);
    if (status == ANTLER_OK)
        return ANTLER_OK;
    char place[sizeof error.place + 16];
    snprintf(place, sizeof place, "config.%s", error.place);
    return antler_error_set(err, status, error.place[0] ? place : NULL, "%s", error.message);
}

antler_status antler__layout(antler_model *model, antler_graph *graph, antler_error *err)
{
    const antler_place config = antler__at(NULL, "config");
    antler__tree_lift(model->tree);
    ANTLER_TRY(antler__tree_name(model->tree, &config, err));
    ANTLER_TRY(chain_all(model->tree, err));
    ANTLER_TRY(antler__tree_order(model->tree, &config, err));
    ANTLER_TRY(warn_of_unused(model, model->tree, &config, err));
    ANTLER_TRY(add_all_layers(model, err));
    return lay_out_root(model, graph, err);
}

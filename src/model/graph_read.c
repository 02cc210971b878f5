/* The calls of a Functional: "inbound_nodes" of its layers in the forms of Keras 3 (objects with "args" and "kwargs"),
   of Keras 1 and 2 (lists, ["x", 0, 0, {}]) and of hand; "input_layers" and "output_layers". */
#include "core/memory.h"
#include "model/call_settings.h"
#include "model/graph_references.h"
#include "model/operator.h"

#include <string.h>

/* ---- calls --------------------------------------------------------------------------------------------------------
 */

/* What is gathered of one call. */
typedef struct gathered {
    antler_references parents;                             /* in Keras's order */
    antler_references argument[ANTLER_MAX_CALL_ARGUMENTS]; /* tensors of each argument of Keras's call() */
} gathered;

static const char *const one_argument[] = {"inputs", NULL};

/* Names of what a member's call takes. */
static const char *const *arguments_of(const antler_tree_member *member)
{
    const antler_layer_ops *ops = (const antler_layer_ops *)member->layer.type;
    return ops && ops->arguments ? ops->arguments : one_argument;
}

static int count_names(const char *const *names)
{
    int n = 0;
    while (names[n])
        n++;
    return n;
}

/* Tensors in a list, in lists of them, or null. */
static antler_status expect_tensors(antler_graph_reader *r, const antler_json *value, const antler_place *place)
{
    const antler_json *wrong = antler__json_is_null(value) ? NULL : antler__graph_no_tensor(value);
    char brief[64];
    if (!wrong)
        return ANTLER_OK;
    return antler__report_error(r->report, ANTLER_UNSUPPORTED, place, "%s is no tensor of the model",
                                antler__json_brief(wrong, brief, sizeof brief));
}

/* One, or a list with null for tensors that have none. */
static antler_status expect_masks(antler_graph_reader *r, const antler_json *value, const antler_place *place)
{
    if (antler__json_type(value) != ANTLER_JSON_ARRAY || antler__reference(value))
        return expect_tensors(r, value, place);
    for (const antler_json *item = antler__json_first(value); item; item = antler__json_next(item))
        ANTLER_TRY(expect_tensors(r, item, place));
    return ANTLER_OK;
}

static antler_status take_argument(antler_graph_reader *r, const antler_json *value, const antler_place *place,
                                   gathered *g, int index)
{
    ANTLER_TRY(expect_tensors(r, value, place));
    return antler__graph_gather(r, value, place, &g->argument[index]);
}

/* An argument that is given by name and is no tensor. */
static antler_status check_setting(antler_graph_reader *r, const antler_json *value, const antler_place *place)
{
    const char *key = antler__json_key(value);
    char brief[64];
    if (strcmp(key, "training") == 0) {
        if (antler__json_type(value) == ANTLER_JSON_BOOL && antler__json_bool(value))
            antler__report_warning(r->report, place, "has no effect, as in Keras: fit trains, and prediction does not");
        return ANTLER_OK;
    }
    if (antler__json_is_null(value))
        return ANTLER_OK;
    return antler__report_error(r->report, ANTLER_UNSUPPORTED, place, "%s is not supported",
                                antler__json_brief(value, brief, sizeof brief));
}

static antler_status take_named(antler_graph_reader *r, const antler_tree_member *member, const antler_json *value,
                                const antler_place *place, gathered *g, antler_member_call *call)
{
    const char *key = antler__json_key(value);
    int index = antler__argument_find(arguments_of(member), key);
    antler_place there = antler__at(place, key);
    ANTLER_TRY(antler__graph_gather(r, value, &there, &g->parents));
    if (strcmp(key, "mask") == 0) {
        ANTLER_TRY(expect_masks(r, value, &there));
        call->mask = antler__json_is_null(value) ? NULL : antler__json_add_copy(NULL, NULL, value);
        return call->mask || antler__json_is_null(value) ? ANTLER_OK : antler__graph_no_memory(r);
    }
    if (index >= 0)
        return take_argument(r, value, &there, g, index);
    if (antler__call_setting(member, key))
        return antler__json_is_null(value) || antler__json_type(value) == ANTLER_JSON_BOOL
                   ? ANTLER_OK
                   : antler__report_error(r->report, ANTLER_VALUE, &there, "expected true or false");
    return check_setting(r, value, &there);
}

/* Arguments by name, by sorted name. */
static antler_status take_all_named(antler_graph_reader *r, const antler_tree_member *member, const antler_json *named,
                                    const antler_place *place, gathered *g, antler_member_call *call)
{
    if (antler__json_is_null(named))
        return ANTLER_OK;
    if (antler__json_type(named) != ANTLER_JSON_OBJECT)
        return antler__report_error(r->report, ANTLER_FORMAT, place, "expected an object, arguments by name");
    for (const antler_json *item = antler__json_least(named); item; item = antler__json_after(named, item))
        ANTLER_TRY(take_named(r, member, item, place, g, call));
    return ANTLER_OK;
}

/* Keras 3 writes out the mask that goes to a layer of one tensor; one of several (a recurrent layer that is given its
   first states) gets none, unless the program that made the model handed it over. */
static antler_status check_mask(antler_graph_reader *r, const antler_tree_member *member, const antler_place *named,
                                const gathered *g, const antler_member_call *call)
{
    const char *const *arguments = arguments_of(member);
    if (!call->mask || !arguments[1] || !g->argument[1].n)
        return ANTLER_OK;
    antler_place place = antler__at(named, "mask");
    return antler__report_error(r->report, ANTLER_UNSUPPORTED, &place, "a mask beside \"%s\" is not supported",
                                arguments[1]);
}

static const antler_field call_fields[] = {
    {.key = "args", .kind = ANTLER_ANY}, {.key = "kwargs", .kind = ANTLER_ANY}, ANTLER_FIELD_END};

static const antler_type call_type = {
    .size = sizeof(antler_type), .kind = ANTLER_KIND_SETTINGS, .class_name = "a call", .fields = call_fields};

/* {"args": [...], "kwargs": {...}} */
static antler_status read_object_call(antler_graph_reader *r, const antler_tree_member *member, const antler_json *node,
                                      const antler_place *place, gathered *g, antler_member_call *call)
{
    const antler_json *args = antler__json_get(node, "args"), *named = antler__json_get(node, "kwargs");
    antler_place args_place = antler__at(place, "args"), named_place = antler__at(place, "kwargs");
    int most = count_names(arguments_of(member)), i = 0;
    ANTLER_TRY(antler__envelope_check(&call_type, node, place, r->report));
    if (antler__json_type(args) != ANTLER_JSON_ARRAY)
        return antler__report_error(r->report, ANTLER_FORMAT, &args_place, "expected a list");
    for (const antler_json *item = antler__json_first(args); item; item = antler__json_next(item), i++) {
        antler_place there = antler__at_item(&args_place, i);
        if (i >= most)
            return antler__report_error(r->report, ANTLER_UNSUPPORTED, &there, "more than %d argument%s", most,
                                        most > 1 ? "s" : "");
        ANTLER_TRY(antler__graph_gather(r, item, &there, &g->parents));
        ANTLER_TRY(take_argument(r, item, &there, g, i));
    }
    ANTLER_TRY(take_all_named(r, member, named, &named_place, g, call));
    return check_mask(r, member, &named_place, g, call);
}

/* The fourth item of a reference of Keras 2, what is given by name; NULL for none. */
static const antler_json *fourth(const antler_json *reference)
{
    const antler_json *item = antler__json_first(reference);
    for (int i = 0; item && i < 3; i++)
        item = antler__json_next(item);
    return item;
}

/* [["x", 0, 0, {}], ["a", 0, 0, {}]]: the first one's fourth item counts, and the others repeat it or are empty. */
static antler_status read_list_call(antler_graph_reader *r, const antler_tree_member *member, const antler_json *node,
                                    const antler_place *place, gathered *g, antler_member_call *call)
{
    int most = count_names(arguments_of(member)), i = 0;
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item), i++) {
        antler_place there = antler__at_item(place, i);
        antler_from from;
        if (i > 0 && i >= most - 1 && antler__json_type(item) == ANTLER_JSON_ARRAY && !antler__reference(item) &&
            !antler__graph_no_tensor(item)) { /* a list in the list that comes last: an LSTMCell's states in a stack */
            ANTLER_TRY(antler__graph_gather(r, item, &there, &g->parents));
            ANTLER_TRY(antler__graph_gather(r, item, &there, &g->argument[most - 1]));
            continue;
        }
        if (antler__reference(item) != item)
            return antler__report_error(r->report, ANTLER_FORMAT, &there, "expected [layer, call, output]");
        if (!antler__json_is_null(fourth(item)) && antler__json_type(fourth(item)) != ANTLER_JSON_OBJECT)
            return antler__report_error(r->report, ANTLER_FORMAT, &there,
                                        "expected [layer, call, output, {arguments by name}]");
        ANTLER_TRY(antler__graph_reference(r, item, &there, &from));
        ANTLER_TRY(antler__graph_append(r, &g->parents, from, &there));
        ANTLER_TRY(antler__graph_append(r, &g->argument[i < most ? i : most - 1], from, &there));
    }
    const antler_json *first = antler__json_first(node);
    antler_place first_place = antler__at_item(place, 0), named_place = antler__at_item(&first_place, 3);
    return first ? take_all_named(r, member, fourth(first), &named_place, g, call) : ANTLER_OK;
}

/* The tensors that the call computes with, argument by argument. */
static antler_status join_arguments(antler_graph_reader *r, const antler_tree_member *member, const antler_place *place,
                                    gathered *g, antler_member_call *call)
{
    const char *const *names = arguments_of(member);
    antler_references all = {0};
    antler_status status = ANTLER_OK;
    for (int i = 0; status == ANTLER_OK && names[i]; i++) {
        int other = antler__argument_stand_in(names, i);
        bool more = names[i + 1] && g->argument[i + 1].n > 0;
        if (more && g->argument[i].n == 0 && other >= 0)
            for (int k = 0; status == ANTLER_OK && k < g->argument[other].n; k++)
                status = antler__graph_append(r, &g->argument[i], g->argument[other].item[k], place);
        if (status == ANTLER_OK && i > 0 && g->argument[i].n > 0 && g->argument[i - 1].n == 0)
            status = antler__report_error(r->report, ANTLER_UNSUPPORTED, place, "\"%s\" without \"%s\"", names[i],
                                          names[i - 1]);
        for (int k = 0; status == ANTLER_OK && k < g->argument[i].n; k++)
            status = antler__graph_append(r, &all, g->argument[i].item[k], place);
    }
    if (status == ANTLER_OK && all.n == 0)
        status = antler__report_error(r->report, ANTLER_VALUE, place, "a call without a tensor");
    call->in = all.item;
    call->inputs = all.n;
    return status;
}

/* All that an operator depends on: it may take numbers beside tensors. */
static antler_status gather_operator(antler_graph_reader *r, const antler_json *node, const antler_place *place,
                                     gathered *g, antler_member_call *call)
{
    antler_place args = antler__at(place, "args"), named = antler__at(place, "kwargs");
    ANTLER_TRY(antler__graph_gather(r, antler__json_get(node, "args"), &args, &g->parents));
    ANTLER_TRY(antler__graph_gather(r, antler__json_get(node, "kwargs"), &named, &g->parents));
    call->in = antler__allocate((size_t)g->parents.n, sizeof *call->in);
    if (!call->in)
        return antler__graph_no_memory(r);
    if (g->parents.n)
        memcpy(call->in, g->parents.item, (size_t)g->parents.n * sizeof *call->in);
    call->inputs = g->parents.n;
    return ANTLER_OK;
}

static antler_status read_call(antler_graph_reader *r, int64_t i, const antler_json *node, const antler_place *place)
{
    antler_tree_member *member = &r->tree->member[i];
    gathered g;
    memset(&g, 0, sizeof g);
    antler_error error = {0};
    if (antler__tree_call(r->tree, i, NULL, 0, &error) != ANTLER_OK)
        return antler__graph_no_memory(r);
    antler_member_call *call = &member->call[member->calls - 1];
    antler__free(call->in);
    *call = (antler_member_call){.flat = -1};
    r->objects = r->objects || (antler__json_type(node) == ANTLER_JSON_OBJECT &&
                                !member->mask_operator); /* all operators have that form here */
    antler_status status;
    if (member->mask_operator)
        status = gather_operator(r, node, place, &g, call);
    else if (antler__json_type(node) == ANTLER_JSON_OBJECT)
        status = read_object_call(r, member, node, place, &g, call);
    else if (antler__json_type(node) == ANTLER_JSON_ARRAY)
        status = read_list_call(r, member, node, place, &g, call);
    else
        status = antler__report_error(r->report, ANTLER_FORMAT, place, "expected a call");
    if (status == ANTLER_OK && !member->mask_operator)
        status = join_arguments(r, member, place, &g, call);
    call->parent = g.parents.item;
    call->parents = g.parents.n;
    for (int k = 0; k < ANTLER_MAX_CALL_ARGUMENTS; k++)
        antler__free(g.argument[k].item);
    return status;
}

static antler_status read_calls_of(antler_graph_reader *r, int64_t i, const antler_json *node,
                                   const antler_place *place)
{
    antler_tree_member *member = &r->tree->member[i];
    const antler_json *calls = antler__json_get(member->mask_operator ? member->mask_operator : node, "inbound_nodes");
    antler_place there = antler__at(place, "inbound_nodes");
    antler_error error = {0};
    if (antler__member_is_source(member) && antler__json_type(calls) == ANTLER_JSON_ARRAY &&
        antler__json_length(calls) > 0)
        return antler__report_error(r->report, ANTLER_VALUE, &there, "an InputLayer takes no tensor; expected []");
    if (antler__member_is_source(member))
        return antler__tree_call(r->tree, i, NULL, 0, &error) == ANTLER_OK ? ANTLER_OK : antler__graph_no_memory(r);
    if (!antler__json_is_null(calls) && antler__json_type(calls) != ANTLER_JSON_ARRAY)
        return antler__report_error(r->report, ANTLER_FORMAT, &there, "expected a list of calls");
    int64_t k = 0;
    for (const antler_json *call = calls ? antler__json_first(calls) : NULL; call;
         call = antler__json_next(call), k++) {
        antler_place here = antler__at_item(&there, k);
        if (k >= ANTLER_MOST_CALLS)
            return antler__report_error(r->report, ANTLER_UNSUPPORTED, &here, "more than %d calls", ANTLER_MOST_CALLS);
        ANTLER_TRY(read_call(r, i, call, &here));
        if (antler__call_settings(member, call, &error) != ANTLER_OK)
            return antler__graph_no_memory(r);
    }
    return ANTLER_OK;
}

/* ---- calls of models, which Keras counts from 0 or from 1 ----------------------------------------------------------
 */

/* Keras 3 counts from 0 where layers refer to a model; where outputs refer to a Functional, and in the lists of Keras
   2, calls begin at 1: call 0 is the one that defined the model. People write 0 for the first call there is. */
static bool may_count_from_one(const antler_graph_reader *r, int64_t member, bool output)
{
    const antler_tree *model = antler__called_model(&r->tree->member[member]);
    return model && (!r->objects || (output && !model->sequential));
}

static void look_at(antler_graph_reader *r, const antler_from *from, int n, bool output)
{
    for (int i = 0; i < n; i++)
        if (from[i].call == 0)
            r->from_zero[2 * from[i].member + output] = true;
}

static antler_status settle(antler_graph_reader *r, antler_from *from, int64_t n, bool output,
                            const antler_place *place)
{
    for (int64_t i = 0; i < n; i++) {
        const antler_tree_member *giver = &r->tree->member[from[i].member];
        const bool *zero = &r->from_zero[2 * from[i].member];
        if (may_count_from_one(r, from[i].member, output) && !zero[output] && (r->objects || !zero[!output]))
            from[i].call--;
        if (from[i].call >= giver->calls)
            return antler__report_error(r->report, ANTLER_VALUE, place, "\"%.80s\" is called %lld time%s, not %lld",
                                        antler__member_name(giver), (long long)giver->calls,
                                        giver->calls == 1 ? "" : "s", (long long)from[i].call + 1);
    }
    return ANTLER_OK;
}

static antler_status settle_calls(antler_graph_reader *r, const antler_place *layers)
{
    antler_tree *tree = r->tree;
    for (int64_t i = 0; i < tree->members; i++)
        for (int64_t k = 0; k < tree->member[i].calls; k++)
            look_at(r, tree->member[i].call[k].parent, tree->member[i].call[k].parents, false);
    for (int64_t k = 0; k < tree->outputs; k++)
        look_at(r, &tree->output[k], 1, true);
    for (int64_t i = 0; i < tree->members; i++) {
        antler_place item = antler__at_item(layers, i), place = antler__at(&item, "inbound_nodes");
        for (int64_t k = 0; k < tree->member[i].calls; k++) {
            antler_member_call *call = &tree->member[i].call[k];
            ANTLER_TRY(settle(r, call->parent, call->parents, false, &place));
            ANTLER_TRY(settle(r, call->in, call->inputs, false, &place));
        }
    }
    antler_place config = *layers->up, place = antler__at(&config, "output_layers");
    return settle(r, tree->output, tree->outputs, true, &place);
}

/* ---- inputs and outputs -------------------------------------------------------------------------------------------
 */

/* The keys of an object, sorted; *keys stays NULL for a list. */
static antler_status read_keys(antler_graph_reader *r, const antler_json *node, const antler_place *place, int64_t n,
                               char ***keys)
{
    if (antler__json_type(node) != ANTLER_JSON_OBJECT)
        return ANTLER_OK;
    if (antler__json_length(node) != n)
        return antler__report_error(r->report, ANTLER_UNSUPPORTED, place, "an object of lists");
    *keys = antler__allocate_zeroed((size_t)n, sizeof **keys);
    if (!*keys)
        return antler__graph_no_memory(r);
    int64_t k = 0;
    for (const antler_json *item = antler__json_least(node); item; item = antler__json_after(node, item), k++)
        if (!((*keys)[k] = antler__copy_text(antler__json_key(item))))
            return antler__graph_no_memory(r);
    return ANTLER_OK;
}

static antler_status read_ends(antler_graph_reader *r, const antler_json *config, const char *key,
                               const antler_place *up, antler_references *to)
{
    const antler_json *node = antler__json_get(config, key);
    antler_place place = antler__at(up, key);
    const antler_json *wrong = antler__json_is_null(node) ? NULL : antler__graph_no_tensor(node);
    char brief[64];
    if (wrong && wrong != node)
        return antler__report_error(r->report, ANTLER_FORMAT, &place, "%s is no [layer, call, output]",
                                    antler__json_brief(wrong, brief, sizeof brief));
    ANTLER_TRY(antler__graph_gather(r, node, &place, to));
    if (to->n == 0)
        return antler__report_error(r->report, ANTLER_VALUE, &place, "%s; expected [layer, call, output]",
                                    node ? "no tensor" : "missing");
    return ANTLER_OK;
}

static antler_status read_inputs(antler_graph_reader *r, const antler_json *config, const antler_place *up)
{
    antler_tree *tree = r->tree;
    antler_place place = antler__at(up, "input_layers");
    antler_references all = {0};
    antler_status status = read_ends(r, config, "input_layers", up, &all);
    tree->input = all.item;
    tree->inputs = all.n;
    for (int64_t k = 0; status == ANTLER_OK && k < tree->inputs; k++) {
        const antler_tree_member *member = &tree->member[tree->input[k].member];
        if (!antler__member_is_source(member))
            status = antler__report_error(r->report, ANTLER_UNSUPPORTED, &place, "\"%.80s\" is no InputLayer",
                                          antler__member_name(member));
        for (int64_t other = 0; status == ANTLER_OK && other < k; other++)
            if (tree->input[other].member == tree->input[k].member)
                status = antler__report_error(r->report, ANTLER_VALUE, &place, "\"%.80s\" twice",
                                              antler__member_name(member));
        if (status == ANTLER_OK && (tree->input[k].call != 0 || tree->input[k].output != 0))
            status = antler__report_error(r->report, ANTLER_VALUE, &place, "an InputLayer has call 0, output 0 alone");
    }
    return status == ANTLER_OK
               ? read_keys(r, antler__json_get(config, "input_layers"), &place, tree->inputs, &tree->input_key)
               : status;
}

static antler_status read_outputs(antler_graph_reader *r, const antler_json *config, const antler_place *up)
{
    antler_place place = antler__at(up, "output_layers");
    antler_references all = {0};
    antler_status status = read_ends(r, config, "output_layers", up, &all);
    r->tree->output = all.item;
    r->tree->outputs = all.n;
    return status == ANTLER_OK
               ? read_keys(r, antler__json_get(config, "output_layers"), &place, r->tree->outputs, &r->tree->output_key)
               : status;
}

/* Every InputLayer that something takes must be one of the model's inputs. */
static antler_status check_sources(antler_graph_reader *r, const antler_place *layers)
{
    const antler_tree *tree = r->tree;
    for (int64_t i = 0; i < tree->members; i++) {
        bool given = !antler__member_is_source(&tree->member[i]);
        for (int64_t k = 0; !given && k < tree->inputs; k++)
            given = tree->input[k].member == i;
        antler_place place = antler__at_item(layers, i);
        if (!given)
            return antler__report_error(r->report, ANTLER_VALUE, &place, "\"%.80s\" is not among the input_layers",
                                        antler__member_name(&tree->member[i]));
    }
    return ANTLER_OK;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------
 */

static antler_status read_all(antler_graph_reader *r, const antler_json *config, const antler_place *place)
{
    const antler_json *layers = antler__json_get(config, "layers");
    antler_place layers_place = antler__at(place, "layers");
    int64_t i = 0;
    ANTLER_TRY(antler__graph_names(r, layers, &layers_place));
    for (const antler_json *node = antler__json_first(layers); node; node = antler__json_next(node), i++) {
        antler_place there = antler__at_item(&layers_place, i);
        ANTLER_TRY(read_calls_of(r, i, node, &there));
    }
    ANTLER_TRY(read_inputs(r, config, place));
    ANTLER_TRY(read_outputs(r, config, place));
    ANTLER_TRY(check_sources(r, &layers_place));
    ANTLER_TRY(settle_calls(r, &layers_place));
    return antler__operators_settle(r->tree, &layers_place, r->report);
}

antler_status antler__graph_read(antler_tree *tree, const antler_json *config, const antler_place *place,
                                 antler_report *report)
{
    antler_graph_reader r = {.tree = tree, .report = report};
    r.names = antler__allocate_zeroed((size_t)tree->members, sizeof *r.names);
    r.from_zero = antler__allocate_zeroed(2 * (size_t)tree->members, sizeof *r.from_zero);
    antler_status status = r.names && r.from_zero ? read_all(&r, config, place) : antler__graph_no_memory(&r);
    antler__free(r.names);
    antler__free(r.from_zero);
    return status;
}

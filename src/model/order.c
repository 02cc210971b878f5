/* Keras's order of a model's layers and calls: a search from the outputs, then depths. Numbers of variables in files
   and of optimizer slots follow it; so do sums of gradients, noise and initial weights, which makes them independent of
   the order in a file and of that in which a program made its calls. */
#include "config/fields.h"
#include "core/memory.h"
#include "model/tree.h"

#include <stdlib.h>
#include <string.h>

/* A call, numbered over all members. */
typedef struct node {
    int64_t member, call;
    int64_t depth;   /* -1: none yet */
    int64_t touched; /* when depth was first set */
    int next;        /* the parent to visit next */
    bool open, done;
} node;

typedef struct search {
    const antler_tree *tree;
    int64_t nodes;
    node *node;
    int64_t *first;        /* [members] number of its first call */
    int64_t *depth, *seen; /* [members] -1: none yet */
    int64_t *post;         /* [nodes] in the order in which they were left */
    int64_t posts, *stack;
    int64_t visits, touches;
} search;

static int64_t number_of(const search *s, const antler_from *from)
{
    return from->member < 0 ? -1 : s->first[from->member] + from->call;
}

static const antler_from *parents(const antler_member_call *call, int *n)
{
    *n = call->parent ? call->parents : call->inputs;
    return call->parent ? call->parent : call->in;
}

static const antler_member_call *call_of(const search *s, int64_t i)
{
    return &s->tree->member[s->node[i].member].call[s->node[i].call];
}

static antler_status refuse_circle(const search *s, int64_t i, const antler_place *place, antler_error *err)
{
    const antler_tree_member *member = &s->tree->member[s->node[i].member];
    antler_place layers = antler__at(place, "layers"), item = antler__at_item(&layers, member->place);
    char text[256];
    return antler_error_set(err, ANTLER_VALUE, antler__place_text(&item, text, sizeof text),
                            "\"%.80s\" depends on its own output", antler__member_name(member));
}

/* Depth first, parents in their order; without recursion, for a file may be as deep as it is long. */
static antler_status visit(search *s, int64_t root, const antler_place *place, antler_error *err)
{
    int64_t depth = 0;
    if (s->node[root].done)
        return ANTLER_OK;
    s->stack[depth++] = root;
    while (depth > 0) {
        int64_t i = s->stack[depth - 1];
        node *at = &s->node[i];
        if (!at->open) {
            at->open = true;
            if (s->seen[at->member] < 0)
                s->seen[at->member] = s->visits++;
        }
        int n;
        const antler_from *parent = parents(call_of(s, i), &n);
        int64_t to = -1;
        while (at->next < n && to < 0) {
            to = number_of(s, &parent[at->next++]);
            if (to >= 0 && s->node[to].done)
                to = -1;
        }
        if (to >= 0 && s->node[to].open)
            return refuse_circle(s, to, place, err);
        if (to >= 0) {
            s->stack[depth++] = to;
            continue;
        }
        at->done = true;
        s->post[s->posts++] = i;
        depth--;
    }
    return ANTLER_OK;
}

static void deepen(search *s, int64_t i, int64_t depth)
{
    node *at = &s->node[i];
    if (at->depth < 0)
        at->touched = s->touches++;
    if (at->depth < depth)
        at->depth = depth;
}

/* From the outputs back: a call lies before all that need it, and as deep as the calls of its layer seen so far. */
static void find_depths(search *s)
{
    for (int64_t k = s->posts - 1; k >= 0; k--) {
        node *at = &s->node[s->post[k]];
        deepen(s, s->post[k], s->depth[at->member] > 0 ? s->depth[at->member] : 0);
        s->depth[at->member] = at->depth;
        int n;
        const antler_from *parent = parents(call_of(s, s->post[k]), &n);
        for (int i = 0; i < n; i++)
            if (parent[i].member >= 0)
                deepen(s, number_of(s, &parent[i]), at->depth + 1);
    }
    for (int64_t k = 0; k < s->tree->inputs; k++) { /* those that nothing uses */
        int64_t i = number_of(s, &s->tree->input[k]), member = s->tree->input[k].member;
        if (s->depth[member] >= 0)
            continue;
        deepen(s, i, 0);
        s->depth[member] = 0;
        s->seen[member] = k - s->tree->inputs;
    }
}

/* Something to sort: deepest first, then by `second`. */
typedef struct rank {
    int64_t depth, second, index;
} rank;

static int compare(const void *a, const void *b)
{
    const rank *x = a, *y = b;
    if (x->depth != y->depth)
        return x->depth > y->depth ? -1 : 1;
    return x->second < y->second ? -1 : x->second > y->second;
}

static void number_calls(const search *s, antler_tree *tree)
{
    for (int64_t i = 0, n = 0; i < s->nodes; i++) {
        const node *at = &s->node[i];
        n = at->call ? n : 0;
        tree->member[at->member].call[at->call].number = at->depth >= 0 ? n++ : -1;
    }
}

static void take_order(const search *s, antler_tree *tree, rank *list)
{
    for (int64_t i = 0; i < tree->members; i++)
        if (s->depth[i] >= 0)
            list[tree->ordered++] = (rank){s->depth[i], s->seen[i], i};
    number_calls(s, tree);
    qsort(list, (size_t)tree->ordered, sizeof *list, compare);
    for (int64_t i = 0; i < tree->ordered; i++)
        tree->order[i] = list[i].index;
    int64_t n = 0;
    for (int64_t i = 0; i < s->nodes; i++)
        if (s->node[i].depth >= 0 && !antler__member_is_source(&tree->member[s->node[i].member]))
            list[n++] = (rank){s->node[i].depth, s->node[i].touched, i};
    qsort(list, (size_t)n, sizeof *list, compare);
    for (; tree->steps < n; tree->steps++) {
        const node *at = &s->node[list[tree->steps].index];
        tree->step[tree->steps] = (antler_turn){at->member, at->call};
    }
}

static bool allocate(search *s, antler_tree *tree)
{
    size_t members = (size_t)tree->members;
    s->first = antler__allocate(members, sizeof *s->first);
    s->depth = antler__allocate(members, sizeof *s->depth);
    s->seen = antler__allocate(members, sizeof *s->seen);
    if (!s->first || !s->depth || !s->seen)
        return false;
    for (int64_t i = 0; i < tree->members; i++) {
        s->first[i] = s->nodes;
        s->depth[i] = s->seen[i] = -1;
        s->nodes += tree->member[i].calls;
    }
    size_t nodes = (size_t)s->nodes;
    s->node = antler__allocate_zeroed(nodes, sizeof *s->node);
    s->post = antler__allocate(nodes, sizeof *s->post);
    s->stack = antler__allocate(nodes, sizeof *s->stack);
    if (!s->node || !s->post || !s->stack)
        return false;
    for (int64_t i = 0, n = 0; i < tree->members; i++)
        for (int64_t k = 0; k < tree->member[i].calls; k++)
            s->node[n++] = (node){.member = i, .call = k, .depth = -1};
    return true;
}

static void release(search *s)
{
    antler__free(s->first);
    antler__free(s->depth);
    antler__free(s->seen);
    antler__free(s->node);
    antler__free(s->post);
    antler__free(s->stack);
}

static antler_status order_functional(antler_tree *tree, const antler_place *place, antler_error *err)
{
    search s = {.tree = tree};
    rank *list = NULL;
    antler_status status = allocate(&s, tree) ? ANTLER_OK : antler__no_memory(err);
    for (int64_t k = 0; status == ANTLER_OK && k < tree->outputs; k++)
        status = visit(&s, number_of(&s, &tree->output[k]), place, err);
    if (status == ANTLER_OK) {
        find_depths(&s);
        tree->step = antler__allocate((size_t)s.nodes, sizeof *tree->step);
        list = antler__allocate((size_t)(s.nodes + tree->members), sizeof *list);
        if (tree->step && list)
            take_order(&s, tree, list);
        else
            status = antler__no_memory(err);
    }
    antler__free(list);
    release(&s);
    return status;
}

static antler_status order_chain(antler_tree *tree, antler_error *err)
{
    tree->step = antler__allocate((size_t)tree->members, sizeof *tree->step);
    if (!tree->step)
        return antler__no_memory(err);
    for (int64_t i = 0; i < tree->members; i++) {
        tree->order[tree->ordered++] = i;
        if (!antler__member_is_source(&tree->member[i]))
            tree->step[tree->steps++] = (antler_turn){i, 0};
    }
    return ANTLER_OK;
}

antler_status antler__tree_order(antler_tree *tree, const antler_place *place, antler_error *err)
{
    antler__free(tree->order);
    antler__free(tree->step);
    tree->ordered = tree->steps = 0;
    tree->step = NULL;
    tree->order = antler__allocate((size_t)tree->members, sizeof *tree->order);
    if (!tree->order)
        return antler__no_memory(err);
    ANTLER_TRY(tree->sequential ? order_chain(tree, err) : order_functional(tree, place, err));
    for (int64_t i = 0; i < tree->members; i++) {
        antler_place layers = antler__at(place, "layers"), item = antler__at_item(&layers, tree->member[i].place);
        antler_place config = antler__at(&item, "config");
        if (tree->member[i].model)
            ANTLER_TRY(antler__tree_order(tree->member[i].model, &config, err));
    }
    return ANTLER_OK;
}

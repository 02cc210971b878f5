#include "onnx/graph.h"

#include "core/memory.h"
#include "core/status.h"
#include "model/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- memory ------------------------------------------------------------------------------------------------------ */

typedef union block {
    union block *next;
    max_align_t alignment;
} block;

void *antler__onnx_room(antler_onnx *o, size_t count, size_t size)
{
    if (o->status != ANTLER_OK)
        return NULL;
    bool fits = size == 0 || count <= (SIZE_MAX / 2 - sizeof(block)) / size;
    block *b = fits ? antler__allocate_zeroed(1, sizeof(block) + count * size) : NULL;
    if (!b) {
        o->status = antler__no_memory(o->err);
        return NULL;
    }
    b->next = o->room;
    o->room = b;
    return b + 1;
}

void antler__onnx_free(antler_onnx *o)
{
    for (block *b = o->room, *next; b; b = next) {
        next = b->next;
        antler__free(b);
    }
    o->room = NULL;
}

void antler__onnx_begin(antler_onnx *o, const antler_model *model, antler_error *err)
{
    o->model = model;
    o->err = err;
    o->status = ANTLER_OK;
    o->prefix = "";
    o->whole = o->graph = antler__onnx_room(o, 1, sizeof *o->graph);
    if (o->graph)
        o->graph->name = antler_model_name(model);
    o->parameter = antler__onnx_room(o, (size_t)model->variables + 1, sizeof *o->parameter);
}

void antler__onnx_refuse(antler_onnx *o, const char *format, ...)
{
    char why[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    const char *name = o->class_name;
    if (o->status == ANTLER_OK)
        o->status = antler_error_set(o->err, ANTLER_UNSUPPORTED, NULL, "layer \"%.160s\"%s%.60s%s: %s", o->prefix,
                                     name ? " (" : "", name ? name : "", name ? ")" : "", why);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static bool is_an_end(const antler_model *model, const char *name)
{
    for (int64_t k = 0; k < model->inputs; k++)
        if (strcmp(model->input_name[k], name) == 0)
            return true;
    for (int64_t k = 0; k < model->outputs; k++)
        if (strcmp(model->output_name[k], name) == 0)
            return true;
    return false;
}

/* "dense/MatMul_3": the number is given once, so that no name comes twice. */
static const char *new_name(antler_onnx *o, const char *what)
{
    size_t size = strlen(o->prefix) + strlen(what) + 32;
    char *name = antler__onnx_room(o, size, 1);
    do {
        if (name)
            snprintf(name, size, "%s/%s_%lld", o->prefix, what, (long long)o->names++);
    } while (name && is_an_end(o->model, name));
    return name;
}

static antler_term *new_term(antler_onnx *o, const char *name)
{
    antler_term *term = antler__onnx_room(o, 1, sizeof *term);
    if (term)
        term->name = name;
    return term;
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

antler_term *antler__also(antler_onnx *o, int output)
{
    antler_onnx_node *node = o->status == ANTLER_OK ? o->graph->last : NULL;
    if (!node)
        return NULL;
    for (; node->outputs <= output; node->outputs++) {
        antler_term *term = new_term(o, new_name(o, node->op));
        if (!term)
            return NULL;
        term->node = node;
        node->out[node->outputs] = term;
    }
    return node->out[output];
}

antler_term *antler__op(antler_onnx *o, const char *op, int inputs, antler_term *const *in)
{
    antler_onnx_node *node = antler__onnx_room(o, 1, sizeof *node);
    antler_term **list = antler__onnx_room(o, (size_t)inputs, sizeof *list);
    if (!node || !list)
        return NULL;
    memcpy(list, in, (size_t)inputs * sizeof *list);
    while (inputs > 0 && !list[inputs - 1])
        inputs--;
    node->op = op;
    node->inputs = inputs;
    node->in = list;
    node->before = o->graph->last;
    o->graph->last = node;
    antler_term *y = antler__also(o, 0);
    node->name = y ? y->name : "";
    return y;
}

antler_term *antler__op1(antler_onnx *o, const char *op, antler_term *a)
{
    return antler__op(o, op, 1, &a);
}

antler_term *antler__op2(antler_onnx *o, const char *op, antler_term *a, antler_term *b)
{
    return antler__op(o, op, 2, (antler_term *[]){a, b});
}

antler_term *antler__op3(antler_onnx *o, const char *op, antler_term *a, antler_term *b, antler_term *c)
{
    return antler__op(o, op, 3, (antler_term *[]){a, b, c});
}

/* An attribute of the last node; NULL without memory. */
static antler_onnx_attribute *attribute(antler_onnx *o, const char *name, antler_onnx_kind kind)
{
    antler_onnx_attribute *a = antler__onnx_room(o, 1, sizeof *a);
    if (!a)
        return NULL;
    a->name = name;
    a->kind = kind;
    a->next = o->graph->last->attribute;
    o->graph->last->attribute = a;
    return a;
}

void antler__set_int(antler_onnx *o, const char *name, int64_t value)
{
    antler_onnx_attribute *a = attribute(o, name, ANTLER_ONNX_INTEGER);
    if (a)
        a->integer = value;
}

void antler__set_real(antler_onnx *o, const char *name, double value)
{
    antler_onnx_attribute *a = attribute(o, name, ANTLER_ONNX_NUMBER);
    if (a)
        a->number = (float)value;
}

static const char *const *texts_of(antler_onnx *o, int n, const char *const *text)
{
    const char **list = antler__onnx_room(o, (size_t)n, sizeof *list);
    for (int i = 0; list && i < n; i++)
        list[i] = text[i];
    return list;
}

void antler__set_text(antler_onnx *o, const char *name, const char *text)
{
    antler_onnx_attribute *a = attribute(o, name, ANTLER_ONNX_TEXT);
    if (a)
        a->texts = texts_of(o, 1, &text);
}

void antler__set_texts(antler_onnx *o, const char *name, int n, const char *const *text)
{
    antler_onnx_attribute *a = attribute(o, name, ANTLER_ONNX_TEXTS);
    if (a) {
        a->n = n;
        a->texts = texts_of(o, n, text);
    }
}

void antler__set_ints(antler_onnx *o, const char *name, int n, const int64_t *value)
{
    antler_onnx_attribute *a = attribute(o, name, ANTLER_ONNX_INTEGERS);
    int64_t *list = antler__onnx_room(o, (size_t)n, sizeof *list);
    if (!a || !list)
        return;
    memcpy(list, value, (size_t)n * sizeof *list);
    a->n = n;
    a->integers = list;
}

/* ---- constants --------------------------------------------------------------------------------------------------- */

static antler_term *constant(antler_onnx *o, const char *name, antler_onnx_type type, int rank, const int64_t *size,
                             const void *data)
{
    antler_term *c = new_term(o, name);
    if (!c)
        return NULL;
    c->type = type;
    c->rank = rank;
    for (int i = 0; i < rank; i++)
        c->size[i] = size[i];
    c->data = data;
    c->next = o->whole->constant;
    o->whole->constant = c;
    return c;
}

static int64_t count_of(int rank, const int64_t *size)
{
    int64_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= size[i];
    return n;
}

antler_term *antler__table(antler_onnx *o, int rank, const int64_t *size, antler_real **value)
{
    *value = antler__onnx_room(o, (size_t)count_of(rank, size), sizeof **value);
    return *value ? constant(o, new_name(o, "table"), ANTLER_ONNX_REAL, rank, size, *value) : NULL;
}

antler_term *antler__real(antler_onnx *o, double value)
{
    antler_real *to;
    antler_term *c = antler__table(o, 0, &(int64_t){0}, &to);
    if (c)
        *to = (antler_real)value;
    return c;
}

antler_term *antler__ints(antler_onnx *o, int n, const int64_t *value)
{
    const int64_t size = n;
    int64_t *to = antler__onnx_room(o, (size_t)n, sizeof *to);
    if (!to)
        return NULL;
    memcpy(to, value, (size_t)n * sizeof *to);
    return constant(o, new_name(o, "integers"), ANTLER_ONNX_INT64, 1, &size, to);
}

antler_term *antler__int(antler_onnx *o, int64_t value)
{
    int64_t *to = antler__onnx_room(o, 1, sizeof *to);
    if (!to)
        return NULL;
    *to = value;
    return constant(o, new_name(o, "integer"), ANTLER_ONNX_INT64, 0, NULL, to);
}

antler_term *antler__true(antler_onnx *o)
{
    static const uint8_t yes = 1;
    return constant(o, new_name(o, "true"), ANTLER_ONNX_BOOL, 0, NULL, &yes);
}

antler_term *antler__parameter(antler_onnx *o, int64_t variable)
{
    if (o->status != ANTLER_OK)
        return NULL;
    const antler_model_variable_entry *v = &o->model->variable[variable];
    if (!o->parameter[variable]) {
        antler_shape shape = v->view.value.shape;
        o->parameter[variable] =
            constant(o, new_name(o, v->view.name), ANTLER_ONNX_REAL, shape.rank, shape.dim, v->view.value.data);
    }
    return o->parameter[variable];
}

/* ---- axes in another order ----------------------------------------------------------------------------------------
 */

static bool is_in_order(int rank, const int *order)
{
    for (int i = 0; i < rank; i++)
        if (order[i] != i)
            return false;
    return true;
}

/* Once for each order, however many nodes want it. */
static antler_term *turn_constant(antler_onnx *o, const antler_term *x, const int *order)
{
    int64_t size[ANTLER_ONNX_MOST];
    antler_real *to;
    for (antler_term *c = o->whole->constant; c; c = c->next)
        if (c->of == x && memcmp(c->turned, order, (size_t)x->rank * sizeof *order) == 0)
            return c;
    for (int i = 0; i < x->rank; i++)
        size[i] = x->size[order[i]];
    antler_term *y = antler__table(o, x->rank, size, &to);
    if (!y)
        return NULL;
    antler__turn_axes(to, x->data, x->rank, x->size, order);
    y->of = x;
    memcpy(y->turned, order, (size_t)x->rank * sizeof *order);
    return y;
}

static const char turns[] = "Transpose";

static bool is_turned(const antler_term *x)
{
    return x && x->node && x->node->op == turns;
}

antler_term *antler__transpose(antler_onnx *o, antler_term *x, int rank, const int *order)
{
    int64_t axes[ANTLER_ONNX_MOST];
    int both[ANTLER_ONNX_MOST];
    if (o->status != ANTLER_OK || is_in_order(rank, order))
        return x;
    if (x->data)
        return turn_constant(o, x, order);
    for (int i = 0; i < rank; i++)
        both[i] = is_turned(x) ? (int)x->node->attribute->integers[order[i]] : order[i];
    if (is_turned(x))
        x = x->node->in[0];
    if (is_in_order(rank, both))
        return x;
    for (int i = 0; i < rank; i++)
        axes[i] = both[i];
    antler_term *y = antler__op1(o, turns, x);
    antler__set_ints(o, "perm", rank, axes);
    return y;
}

antler_term *antler__move_axis(antler_onnx *o, antler_term *x, int rank, int from, int to)
{
    int order[ANTLER_ONNX_MOST];
    for (int i = 0; i < rank; i++) {
        int left = i < to ? i : i - 1; /* its place among the others */
        order[i] = i == to ? from : left < from ? left : left + 1;
    }
    return antler__transpose(o, x, rank, order);
}

int antler__untranspose(antler_term **x, int *order)
{
    if (!is_turned(*x))
        return 0;
    const antler_onnx_attribute *turn = (*x)->node->attribute;
    for (int i = 0; i < turn->n; i++)
        order[i] = (int)turn->integers[i];
    *x = (*x)->node->in[0];
    return turn->n;
}

/* ---- what is said often ------------------------------------------------------------------------------------------ */

antler_term *antler__reshape(antler_onnx *o, antler_term *x, int rank, const int64_t *size)
{
    if (o->status == ANTLER_OK && x->data) {
        antler_term *y = constant(o, new_name(o, "table"), x->type, rank, size, x->data);
        return y;
    }
    return antler__op2(o, "Reshape", x, antler__ints(o, rank, size));
}

antler_term *antler__shaped(antler_onnx *o, antler_term *x, const antler_shape *shape)
{
    int64_t size[ANTLER_MAX_RANK];
    for (int i = 0; i < shape->rank; i++)
        size[i] = i ? shape->dim[i] : -1;
    return antler__reshape(o, x, shape->rank, size);
}

antler_term *antler__cast(antler_onnx *o, antler_term *x, antler_onnx_type type)
{
    antler_term *y = antler__op1(o, "Cast", x);
    antler__set_int(o, "to", type);
    return y;
}

antler_term *antler__reduce(antler_onnx *o, const char *op, antler_term *x, int n, const int64_t *axis, bool kept)
{
    antler_term *y = antler__op2(o, op, x, antler__ints(o, n, axis));
    antler__set_int(o, "keepdims", kept);
    return y;
}

antler_term *antler__squeeze(antler_onnx *o, antler_term *x, int64_t axis)
{
    return antler__op2(o, "Squeeze", x, antler__ints(o, 1, &axis));
}

antler_term *antler__unsqueeze(antler_onnx *o, antler_term *x, int n, const int64_t *axis)
{
    return antler__op2(o, "Unsqueeze", x, antler__ints(o, n, axis));
}

antler_term *antler__widen(antler_onnx *o, antler_term *x, int at, int n)
{
    int64_t axis[ANTLER_ONNX_MOST];
    for (int i = 0; i < n; i++)
        axis[i] = at + i;
    return n > 0 ? antler__unsqueeze(o, x, n, axis) : x;
}

antler_term *antler__slice(antler_onnx *o, antler_term *x, int64_t axis, int64_t first, int64_t end, int64_t step)
{
    antler_term *in[] = {x, antler__ints(o, 1, &first), antler__ints(o, 1, &end), antler__ints(o, 1, &axis),
                         antler__ints(o, 1, &step)};
    return antler__op(o, "Slice", 5, in);
}

antler_term *antler__zeros(antler_onnx *o, antler_term *x, int n, const int64_t *size, antler_onnx_type type)
{
    antler_term *batch = antler__op1(o, "Shape", x);
    antler__set_int(o, "end", 1);
    antler_term *shape = antler__op2(o, "Concat", batch, antler__ints(o, n, size));
    antler__set_int(o, "axis", 0);
    return antler__cast(o, antler__op1(o, "ConstantOfShape", shape), type);
}

/* Whether x is what antler__backwards made, of this axis. */
static bool is_backwards(const antler_term *x, int64_t axis)
{
    const antler_onnx_node *n = x ? x->node : NULL;
    return n && strcmp(n->op, "Slice") == 0 && n->inputs == 5 && *(const int64_t *)n->in[4]->data == -1 &&
           *(const int64_t *)n->in[1]->data == -1 && *(const int64_t *)n->in[2]->data == INT64_MIN &&
           *(const int64_t *)n->in[3]->data == axis;
}

antler_term *antler__backwards(antler_onnx *o, antler_term *x, int64_t axis)
{
    if (o->status == ANTLER_OK && is_backwards(x, axis))
        return x->node->in[0];
    return antler__slice(o, x, axis, -1, INT64_MIN, -1);
}

/* ---- bodies -------------------------------------------------------------------------------------------------------
 */

static antler_term *list_term(antler_onnx *o, antler_term **list, const char *name, antler_onnx_type type)
{
    antler_term *term = new_term(o, name);
    if (!term)
        return NULL;
    term->type = type;
    term->rank = -1;
    term->next = *list;
    *list = term;
    return term;
}

void antler__body_begin(antler_onnx *o)
{
    antler_onnx_graph *body = antler__onnx_room(o, 1, sizeof *body);
    if (!body)
        return;
    body->around = o->graph;
    body->name = new_name(o, "step");
    o->graph = body;
}

antler_term *antler__body_input(antler_onnx *o, antler_onnx_type type)
{
    return o->status == ANTLER_OK ? list_term(o, &o->graph->input, new_name(o, "x"), type) : NULL;
}

/* Each output has a node of its own, as one term may be several. */
void antler__body_output(antler_onnx *o, antler_term *term, antler_onnx_type type)
{
    antler_term *y = antler__op1(o, "Identity", term);
    antler_term *out = y ? list_term(o, &o->graph->output, y->name, type) : NULL;
    if (out)
        out->node = y->node;
}

antler_term *antler__body_end(antler_onnx *o, int states, int scans, int outputs, antler_term *const *in)
{
    antler_term *given[16];
    int n = 0;
    if (o->status != ANTLER_OK)
        return NULL;
    antler_onnx_graph *body = o->graph;
    o->graph = body->around;
    for (int i = 0; i < states + scans; i++)
        if (in[i])
            given[n++] = in[i];
    antler_term *y = antler__op(o, "Scan", n, given);
    antler__set_int(o, "num_scan_inputs", n - states);
    antler_onnx_attribute *a = attribute(o, "body", ANTLER_ONNX_GRAPH);
    if (a)
        a->graph = body;
    antler__also(o, states + outputs - 1);
    return y;
}

/* ---- the ends -----------------------------------------------------------------------------------------------------
 */

static void set_shape(antler_term *term, const antler_shape *shape)
{
    term->rank = shape->rank;
    memcpy(term->size, shape->dim, (size_t)shape->rank * sizeof *shape->dim);
}

antler_term *antler__graph_input(antler_onnx *o, const char *name, antler_onnx_type type, const antler_shape *shape)
{
    antler_term *term = o->status == ANTLER_OK ? list_term(o, &o->whole->input, name, type) : NULL;
    if (term)
        set_shape(term, shape);
    return term;
}

void antler__graph_output(antler_onnx *o, antler_term *term, const char *name, const antler_shape *shape)
{
    antler_term *y = antler__op1(o, "Identity", term);
    if (!y)
        return;
    y->name = name;
    antler_term *out = list_term(o, &o->whole->output, name, ANTLER_ONNX_REAL);
    if (out) {
        out->node = y->node;
        set_shape(out, shape);
    }
}

/* ---- what is written ----------------------------------------------------------------------------------------------
 */

static bool is_wanted(const antler_onnx_node *node)
{
    for (int i = 0; i < node->outputs; i++)
        if (node->out[i]->wanted)
            return true;
    return false;
}

void antler__onnx_sweep(antler_onnx_graph *graph)
{
    for (antler_term *t = graph->output; t; t = t->next)
        t->node->out[0]->wanted = true;
    graph->first = NULL;
    for (antler_onnx_node *n = graph->last; n; n = n->before) {
        if (!is_wanted(n))
            continue;
        n->next = graph->first;
        graph->first = n;
        for (int i = 0; i < n->inputs; i++)
            if (n->in[i])
                n->in[i]->wanted = true;
        for (antler_onnx_attribute *a = n->attribute; a; a = a->next)
            if (a->graph)
                antler__onnx_sweep(a->graph);
    }
}

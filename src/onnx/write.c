/* A graph in the words of the format. */
#include "core/memory.h"
#include "core/status.h"
#include "onnx/graph.h"

#ifdef ANTLER_WITH_ONNX

#include <limits.h>
#include <onnx.pb-c.h>
#include <string.h>

typedef AntlerOnnx__Graph graph_message;

/* As messages hold them, which change nothing. */
static char *text(const char *t)
{
    return (char *)(uintptr_t)t;
}

static void *room(antler_onnx *o, int64_t count, size_t size)
{
    return antler__onnx_room(o, (size_t)count, size);
}

/* ---- types and tensors --------------------------------------------------------------------------------------------
 */

static size_t bytes_of(antler_onnx_type type)
{
    return type == ANTLER_ONNX_INT64 || type == ANTLER_ONNX_DOUBLE ? 8 : type == ANTLER_ONNX_FLOAT ? 4 : 1;
}

static AntlerOnnx__Tensor *tensor(antler_onnx *o, const antler_term *c)
{
    AntlerOnnx__Tensor *t = room(o, 1, sizeof *t);
    int64_t n = 1;
    if (!t)
        return NULL;
    antler_onnx__tensor__init(t);
    t->n_size = (size_t)c->rank;
    t->size = (int64_t *)(uintptr_t)c->size;
    for (int i = 0; i < c->rank; i++)
        n *= c->size[i];
    t->name = text(c->name);
    t->has_type = t->has_data = true;
    t->type = (int32_t)c->type;
    t->data.len = (size_t)n * bytes_of(c->type);
    t->data.data = (uint8_t *)(uintptr_t)c->data;
    return t;
}

/* An axis of any size has a name, which tells that two are of one size: only the batch's is known to be. */
static AntlerOnnx__Shape *shape(antler_onnx *o, const antler_term *term)
{
    AntlerOnnx__Shape *s = room(o, 1, sizeof *s);
    AntlerOnnx__Axis **list = room(o, term->rank, sizeof *list), *axis = room(o, term->rank, sizeof *axis);
    if (!s || !list || !axis)
        return NULL;
    antler_onnx__shape__init(s);
    s->n_axis = (size_t)term->rank;
    s->axis = list;
    for (int i = 0; i < term->rank; i++) {
        list[i] = &axis[i];
        antler_onnx__axis__init(&axis[i]);
        if (term->size[i] >= 0) {
            axis[i].has_size = true;
            axis[i].size = term->size[i];
        } else if (i == 0)
            axis[i].variable = text("batch");
    }
    return s;
}

static AntlerOnnx__Value *value(antler_onnx *o, const antler_term *term)
{
    AntlerOnnx__Value *v = room(o, 1, sizeof *v);
    AntlerOnnx__Type *type = room(o, 1, sizeof *type);
    AntlerOnnx__TensorType *of = room(o, 1, sizeof *of);
    if (!v || !type || !of)
        return NULL;
    antler_onnx__value__init(v);
    antler_onnx__type__init(type);
    antler_onnx__tensor_type__init(of);
    v->name = text(term->name);
    v->type = type;
    type->tensor = of;
    of->has_element = true;
    of->element = (int32_t)term->type;
    if (term->rank >= 0)
        of->shape = shape(o, term);
    return v;
}

/* A list that was made backwards. */
static AntlerOnnx__Value **values(antler_onnx *o, const antler_term *list, size_t *n)
{
    int64_t count = 0;
    for (const antler_term *t = list; t; t = t->next)
        count++;
    AntlerOnnx__Value **v = room(o, count, sizeof *v);
    *n = (size_t)count;
    for (const antler_term *t = list; v && t; t = t->next)
        v[--count] = value(o, t);
    return v;
}

/* ---- nodes --------------------------------------------------------------------------------------------------------
 */

static graph_message *graph(antler_onnx *o, const antler_onnx_graph *g);

static ProtobufCBinaryData *texts(antler_onnx *o, const antler_onnx_attribute *a)
{
    ProtobufCBinaryData *list = room(o, a->n, sizeof *list);
    for (int i = 0; list && i < a->n; i++) {
        list[i].len = strlen(a->texts[i]);
        list[i].data = (uint8_t *)(uintptr_t)a->texts[i];
    }
    return list;
}

static AntlerOnnx__Attribute *attribute(antler_onnx *o, const antler_onnx_attribute *a)
{
    AntlerOnnx__Attribute *m = room(o, 1, sizeof *m);
    if (!m)
        return NULL;
    antler_onnx__attribute__init(m);
    m->name = text(a->name);
    m->has_kind = true;
    m->kind = (int32_t)a->kind;
    m->has_number = a->kind == ANTLER_ONNX_NUMBER;
    m->number = a->number;
    m->has_integer = a->kind == ANTLER_ONNX_INTEGER;
    m->integer = a->integer;
    if (a->kind == ANTLER_ONNX_TEXT) {
        m->has_text = true;
        m->text = (ProtobufCBinaryData){strlen(a->texts[0]), (uint8_t *)(uintptr_t)a->texts[0]};
    }
    if (a->kind == ANTLER_ONNX_GRAPH)
        m->graph = graph(o, a->graph);
    if (a->kind == ANTLER_ONNX_INTEGERS) {
        m->n_integers = (size_t)a->n;
        m->integers = (int64_t *)(uintptr_t)a->integers;
    }
    if (a->kind == ANTLER_ONNX_TEXTS) {
        m->n_texts = (size_t)a->n;
        m->texts = texts(o, a);
    }
    return m;
}

static char **names(antler_onnx *o, antler_term *const *term, int n)
{
    char **list = room(o, n, sizeof *list);
    for (int i = 0; list && i < n; i++)
        list[i] = text(term[i] ? term[i]->name : "");
    return list;
}

static AntlerOnnx__Node *node(antler_onnx *o, const antler_onnx_node *n)
{
    AntlerOnnx__Node *m = room(o, 1, sizeof *m);
    int64_t count = 0;
    if (!m)
        return NULL;
    antler_onnx__node__init(m);
    m->name = text(n->name);
    m->op = text(n->op);
    m->n_input = (size_t)n->inputs;
    m->input = names(o, n->in, n->inputs);
    m->n_output = (size_t)n->outputs;
    m->output = names(o, n->out, n->outputs);
    for (const antler_onnx_attribute *a = n->attribute; a; a = a->next)
        count++;
    m->n_attribute = (size_t)count;
    m->attribute = room(o, count, sizeof(AntlerOnnx__Attribute *));
    for (const antler_onnx_attribute *a = n->attribute; m->attribute && a; a = a->next)
        m->attribute[--count] = attribute(o, a);
    return m;
}

static void add_constants(antler_onnx *o, graph_message *m, const antler_onnx_graph *g)
{
    int64_t count = 0;
    for (const antler_term *c = g->constant; c; c = c->next)
        count += c->wanted;
    m->n_initializer = (size_t)count;
    m->initializer = room(o, count, sizeof *m->initializer);
    for (const antler_term *c = g->constant; m->initializer && c; c = c->next)
        if (c->wanted)
            m->initializer[--count] = tensor(o, c);
}

static graph_message *graph(antler_onnx *o, const antler_onnx_graph *g)
{
    graph_message *m = room(o, 1, sizeof *m);
    int64_t count = 0;
    if (!m)
        return NULL;
    antler_onnx__graph__init(m);
    m->name = text(g->name);
    m->input = values(o, g->input, &m->n_input);
    m->output = values(o, g->output, &m->n_output);
    add_constants(o, m, g);
    for (const antler_onnx_node *n = g->first; n; n = n->next)
        count++;
    m->n_node = (size_t)count;
    m->node = room(o, count, sizeof *m->node);
    count = 0;
    for (const antler_onnx_node *n = g->first; m->node && n; n = n->next)
        m->node[count++] = node(o, n);
    return m;
}

/* ---- the file -----------------------------------------------------------------------------------------------------
 */

antler_status antler__onnx_pack(antler_onnx *o, void **bytes, size_t *size)
{
    AntlerOnnx__OperatorSet set = ANTLER_ONNX__OPERATOR_SET__INIT, *sets = &set;
    AntlerOnnx__Model model = ANTLER_ONNX__MODEL__INIT;
    model.has_ir_version = set.has_version = true;
    model.ir_version = ANTLER_ONNX_IR;
    set.domain = text("");
    set.version = ANTLER_ONNX_OPSET;
    model.producer = text("antler");
    model.producer_version = text(antler_version());
    model.n_operator_set = 1;
    model.operator_set = &sets;
    model.graph = graph(o, o->whole);
    if (o->status != ANTLER_OK)
        return o->status;
    *size = protobuf_c_message_get_packed_size(&model.base);
    if (*size > INT_MAX)
        return antler_error_set(o->err, ANTLER_UNSUPPORTED, NULL,
                                "the file would have %lld bytes; the format ends at 2 GiB", (long long)*size);
    *bytes = antler__allocate(*size, 1);
    if (!*bytes)
        return antler__no_memory(o->err);
    protobuf_c_message_pack(&model.base, *bytes);
    return ANTLER_OK;
}

#else

antler_status antler__onnx_pack(antler_onnx *o, void **bytes, size_t *size)
{
    (void)bytes;
    (void)size;
    return antler_error_set(o->err, ANTLER_UNSUPPORTED, NULL,
                            "this build of Antler writes no ONNX files (it was made without protobuf-c)");
}

#endif

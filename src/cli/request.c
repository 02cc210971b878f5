#include "cli/request.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

/* Where a tensor is being read, and what it must not exceed. */
typedef struct reading {
    antler_reader *r;
    antler_request_input *in;
    int64_t rows; /* the most */
} reading;

static bool add_number(const reading *g)
{
    antler_request_input *in = g->in;
    double value;
    if (in->n == in->room) {
        int64_t room = in->room ? 2 * in->room : 256;
        antler_real *grown = realloc(in->values, (size_t)room * sizeof *grown);
        if (!grown) {
            antler_error_set(g->r->err, ANTLER_MEMORY, NULL, "out of memory");
            return false;
        }
        in->values = grown;
        in->room = room;
    }
    if (!antler__reader_number(g->r, &value))
        return false;
    in->values[in->n++] = (antler_real)value;
    return true;
}

static bool read_tensor(const reading *g, int axis);

static bool read_list(const reading *g, int axis)
{
    int64_t count = 0, *dim = &g->in->shape.dim[axis];
    bool first = true;
    if (!antler__reader_enter(g->r, '['))
        return false;
    while (antler__reader_more(g->r, '[', &first)) {
        if (axis == 0 && count == g->rows)
            return antler__reader_fail(g->r, "more than %" PRId64 " rows", g->rows);
        if (!read_tensor(g, axis + 1))
            return false;
        count++;
    }
    if (g->r->err->status != ANTLER_OK)
        return false;
    if (*dim >= 0 && *dim != count)
        return antler__reader_fail(g->r, "a list of %" PRId64 " beside one of %" PRId64, count, *dim);
    *dim = count;
    return true;
}

/* Lists in lists, as deep and as long as those beside them; the numbers are of axis `leaf`. */
static bool read_tensor(const reading *g, int axis)
{
    bool list = antler__reader_peek(g->r) == '[';
    if (list && axis == ANTLER_MAX_RANK)
        return antler__reader_fail(g->r, "more than %d axes", ANTLER_MAX_RANK);
    if (g->in->leaf >= 0 && list == (axis >= g->in->leaf))
        return antler__reader_fail(g->r, "lists are not of one depth");
    if (list)
        return read_list(g, axis);
    g->in->leaf = axis;
    return add_number(g);
}

/* ---- inputs by name ---------------------------------------------------------------------------------------------- */

/* A name of the request's, as it may be said in the answer. */
static char *plain(char *name)
{
    for (char *c = name; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    return antler_one_line(name);
}

static antler_request_input *find(antler_request *q, const char *name)
{
    for (int i = 0; i < q->inputs; i++)
        if (strcmp(q->input[i].name, name) == 0)
            return &q->input[i];
    return NULL;
}

/* {"name": tensor, ...}: each input once. */
static bool read_named(antler_request *q, antler_reader *r, int64_t rows, int axis)
{
    bool first = true;
    char name[256];
    if (!antler__reader_enter(r, '{'))
        return false;
    while (antler__reader_more(r, '{', &first)) {
        if (!antler__reader_key(r, name, sizeof name))
            return false;
        antler_request_input *in = find(q, name);
        if (!in)
            return antler__reader_fail(r, "the model has no input \"%s\"; its first is \"%s\"", plain(name),
                                       q->input[0].name);
        if (in->given > q->rows)
            return antler__reader_fail(r, "input \"%s\" comes twice", in->name);
        in->given++;
        if (!read_tensor(&(reading){r, in, rows}, axis))
            return false;
    }
    for (int i = 0; i < q->inputs && r->err->status == ANTLER_OK; i++)
        if (q->input[i].given <= q->rows)
            return antler__reader_fail(r, "input \"%s\" is missing", q->input[i].name);
    return r->err->status == ANTLER_OK;
}

/* One row, or the columns: of a model of one input also without its name. */
static bool read_inputs(antler_request *q, antler_reader *r, int64_t rows, int axis)
{
    if (antler__reader_peek(r) == '{')
        return read_named(q, r, rows, axis);
    if (q->inputs > 1)
        return antler__reader_fail(r, "the model has %d inputs: expected an object of them by name", q->inputs);
    q->input[0].given++;
    return read_tensor(&(reading){r, &q->input[0], rows}, axis);
}

static bool read_rows(antler_request *q, antler_reader *r, int64_t most)
{
    bool first = true;
    if (!antler__reader_enter(r, '['))
        return false;
    for (; antler__reader_more(r, '[', &first); q->rows++) {
        if (q->rows == most)
            return antler__reader_fail(r, "more than %" PRId64 " rows", most);
        if (!read_inputs(q, r, most, 1))
            return false;
    }
    for (int i = 0; i < q->inputs; i++)
        q->input[i].shape.dim[0] = q->rows;
    return r->err->status == ANTLER_OK;
}

static bool read_columns(antler_request *q, antler_reader *r, int64_t most)
{
    if (!read_inputs(q, r, most, 0))
        return false;
    q->rows = q->input[0].shape.dim[0];
    return true;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static bool read_member(antler_request *q, antler_reader *r, const char *key, int64_t most, bool *found)
{
    char name[64];
    bool by_rows = strcmp(key, "instances") == 0;
    if (strcmp(key, "signature_name") == 0) {
        if (!antler__reader_string(r, name, sizeof name))
            return false;
        return strcmp(name, "") == 0 || strcmp(name, "serving_default") == 0 ||
               antler__reader_fail(r, "the one signature is \"serving_default\"");
    }
    if (!by_rows && strcmp(key, "inputs") != 0)
        return antler__reader_skip(r);
    if (*found)
        return antler__reader_fail(r, "a second \"instances\" or \"inputs\"");
    *found = true;
    q->by_rows = by_rows;
    return by_rows ? read_rows(q, r, most) : read_columns(q, r, most);
}

static bool read_body(antler_request *q, antler_reader *r, int64_t most)
{
    bool first = true, found = false;
    char key[64];
    if (antler__reader_peek(r) != '{')
        return antler__reader_fail(r, "expected a JSON object with \"instances\" or \"inputs\"");
    if (!antler__reader_enter(r, '{'))
        return false;
    while (antler__reader_more(r, '{', &first))
        if (!antler__reader_key(r, key, sizeof key) || !read_member(q, r, key, most, &found))
            return false;
    if (!antler__reader_end(r))
        return false;
    return found || antler__reader_fail(r, "neither \"instances\" nor \"inputs\"");
}

static antler_status check_shape(const antler_request *q, const antler_request_input *in, const antler_shape *wanted,
                                 int64_t length, antler_error *err)
{
    char came[128], expected[128];
    bool fits = in->shape.rank == wanted->rank;
    if (q->rows < 1)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "no rows");
    if (in->shape.rank == wanted->rank && in->shape.dim[0] != q->rows)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input \"%s\" has %" PRId64 " rows, \"%s\" has %" PRId64,
                                in->name, in->shape.dim[0], q->input[0].name, q->rows);
    for (int i = 1; fits && i < wanted->rank; i++)
        fits = in->shape.dim[i] == wanted->dim[i] || wanted->dim[i] < 0;
    if (!fits)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input \"%s\" has the shape %s, expected %s", in->name,
                                antler_shape_text(&in->shape, came, sizeof came),
                                antler_shape_text(wanted, expected, sizeof expected));
    for (int i = 1; i < wanted->rank; i++)
        if (wanted->dim[i] < 0 && (in->shape.dim[i] < 1 || in->shape.dim[i] > length))
            return antler_error_set(err, ANTLER_SHAPE, NULL, "input \"%s\" is %" PRId64 " long, at most %" PRId64,
                                    in->name, in->shape.dim[i], length);
    return ANTLER_OK;
}

antler_status antler__request_read(antler_request *q, const antler_model *model, const char *text, size_t size,
                                   const antler_request_limits *limits, antler_error *err)
{
    antler_reader r = antler__reader(text, size, err);
    *q = (antler_request){0};
    while (antler_model_input(model, q->inputs, NULL))
        q->inputs++;
    q->input = antler__room(q->inputs, sizeof *q->input, err);
    if (!q->input)
        return err->status;
    for (int i = 0; i < q->inputs; i++) {
        antler_model_input(model, i, &q->input[i].name);
        q->input[i].leaf = -1;
        for (int axis = 0; axis < ANTLER_MAX_RANK; axis++)
            q->input[i].shape.dim[axis] = -1;
    }
    if (!read_body(q, &r, limits->rows))
        return err->status;
    for (int i = 0; i < q->inputs && err->status == ANTLER_OK; i++) {
        q->input[i].shape.rank = q->input[i].leaf > 0 ? q->input[i].leaf : 0;
        check_shape(q, &q->input[i], antler_model_input(model, i, NULL), limits->length, err);
    }
    return err->status;
}

void antler__request_free(antler_request *q)
{
    for (int i = 0; q->input && i < q->inputs; i++)
        free(q->input[i].values);
    free(q->input);
    q->input = NULL;
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

/* The outputs of one row, or (row -1) of all: by name where there are several. */
static void put_outputs(FILE *file, const antler_model *model, const antler_shape *output, int64_t rows,
                        const antler_real *y, int64_t row)
{
    int64_t n = antler__outputs(model);
    const char *name;
    if (n > 1)
        putc('{', file);
    for (int64_t k = 0; k < n; k++) {
        int64_t width = antler_count(&output[k], 1);
        antler_model_output(model, k, &name);
        if (n > 1) {
            fputs(k ? ", " : "", file);
            antler__put_string(file, name);
            fputs(": ", file);
        }
        antler__put_array(file, row < 0 ? y : y + row * width, &output[k], row < 0 ? 0 : 1);
        y += rows * width;
    }
    if (n > 1)
        putc('}', file);
}

static void put_values(FILE *file, const antler_request *q, const antler_model *model, const antler_shape *output,
                       const antler_real *y)
{
    if (!q->by_rows) {
        put_outputs(file, model, output, q->rows, y, -1);
        return;
    }
    for (int64_t row = 0; row < q->rows; row++) {
        fputs(row ? ",\n  " : "[\n  ", file);
        put_outputs(file, model, output, q->rows, y, row);
    }
    fputs("\n]", file);
}

char *antler__request_answer(const antler_request *q, const antler_model *model, const antler_shape *output,
                             const antler_real *y, const antler_real *deviation, size_t *size)
{
    char *text = NULL;
    FILE *file = open_memstream(&text, size);
    if (!file)
        return NULL;
    fprintf(file, "{\"%s\": ", q->by_rows ? "predictions" : "outputs");
    put_values(file, q, model, output, y);
    if (deviation) {
        fputs(", \"deviations\": ", file);
        put_values(file, q, model, output, deviation);
    }
    fputs("}\n", file);
    bool whole = !ferror(file);
    if (fclose(file) == 0 && whole)
        return text;
    free(text);
    return NULL;
}

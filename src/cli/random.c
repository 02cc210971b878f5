/* Random data of the shape and kind that a model takes: for bench and gradcheck, where only that matters. */
#include "antler/random.h"
#include "cli/command.h"

#include <stdlib.h>
#include <string.h>

static uint32_t next(antler_source *source)
{
    enum { WORDS = sizeof source->word / sizeof source->word[0] };
    if (source->left == 0) {
        antler_stream at = {.key = source->seed, .position = source->position};
        antler_random_words(at, source->word, WORDS);
        source->position += WORDS;
        source->left = WORDS;
    }
    return source->word[--source->left];
}

double antler__random_uniform(antler_source *source)
{
    uint32_t high = next(source) >> 5, low = next(source) >> 6; /* 53 bits, which a double holds */
    return ((double)high * 0x1p26 + (double)low) * 0x1p-53;
}

int64_t antler__random_below(antler_source *source, int64_t n)
{
    int64_t at = (int64_t)(antler__random_uniform(source) * (double)n);
    return at < n ? at : n - 1;
}

/* n numbers: integers below `limit`, or uniform in [0, 1) where limit is 0. */
static void fill(antler_real *out, int64_t n, int64_t limit, antler_source *source)
{
    for (int64_t i = 0; i < n; i++)
        out[i] =
            (antler_real)(limit > 0 ? (double)antler__random_below(source, limit) : antler__random_uniform(source));
}

static void fill_one_hot(antler_real *out, int64_t rows, int64_t n, antler_source *source)
{
    memset(out, 0, (size_t)(rows * n) * sizeof *out);
    for (int64_t i = 0; i < rows; i++)
        out[i * n + antler__random_below(source, n)] = 1;
}

/* Elements of rows of a shape, which were checked when the model was built; -1 when they are too many. */
static int64_t count(const antler_shape *shape)
{
    int64_t sample = antler_count(shape, 1);
    return sample > 0 && shape->dim[0] > INT64_MAX / sample ? -1 : shape->dim[0] * sample;
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */

/* Data of an input or of targets: its shape, with the rows, and where its numbers lie. */
typedef struct part {
    antler_shape shape;
    int64_t at;
    const antler_loss_ops *loss; /* of targets */
    int64_t limit;               /* tokens of an input; classes of targets */
} part;

static part target_part(const antler_model *model, int64_t k, const antler_shape *shape)
{
    part p = {.shape = *shape, .loss = antler__loss(model, k)};
    p.limit = p.shape.rank > 1 ? p.shape.dim[p.shape.rank - 1] : 1;
    const bool sequence = p.loss && p.loss->loose && !p.loss->sparse;
    if (p.loss && (p.loss->sparse || sequence))
        p.shape.dim[p.shape.rank - 1] = 1;
    p.limit = sequence ? 1 : p.limit; /* an empty one fits whatever the steps */
    return p;
}

static void fill_part(const part *p, antler_real *out, antler_source *source)
{
    const antler_loss_ops *loss = p->loss;
    int64_t n = antler_count(&p->shape, 0);
    if (!loss || loss->sparse || loss->loose)
        fill(out, n, p->limit, source);
    else if (loss->from && strcmp(loss->from, "softmax") == 0)
        fill_one_hot(out, n / p->limit, p->limit, source);
    else
        fill(out, n, loss->from ? 2 : 0, source);
}

/* Sets the rows of a part and where it begins, behind `at` numbers; returns where the next one does, or -1 when they
   are too many. */
static int64_t place(part *p, int64_t rows, int64_t at)
{
    p->shape.dim[0] = rows;
    p->at = at;
    int64_t n = count(&p->shape);
    return n < 0 || at < 0 || at > INT64_MAX - n ? -1 : at + n;
}

/* n parts, filled and joined; the values are for free. */
static antler_data *join(antler_random_data *data, part *parts, int n, int64_t rows, antler_source *source,
                         antler_real **values, int64_t *width, antler_error *err)
{
    int64_t all = 0;
    for (int i = 0; i < n; i++)
        all = place(&parts[i], rows, all);
    *values = antler__room(all, sizeof **values, err);
    *width = all / rows;
    if (*values && n == 1) {
        fill_part(parts, *values, source);
        return antler_data_from(*values, ANTLER_DTYPE_REAL, &parts->shape, err);
    }
    const antler_data **list = *values ? antler__room(n + 1, sizeof *list, err) : NULL;
    for (int i = 0; list && i < n; i++) {
        fill_part(&parts[i], *values + parts[i].at, source);
        antler_data *one = antler_data_from(*values + parts[i].at, ANTLER_DTYPE_REAL, &parts[i].shape, err);
        if (!one)
            break;
        data->part[data->parts++] = one;
        list[i] = one;
    }
    antler_data *joined = list && err->status == ANTLER_OK ? antler_data_join(NULL, list, err) : NULL;
    free(list);
    return joined;
}

static void free_parts(antler_random_data *data)
{
    antler_data_free(data->x_data);
    antler_data_free(data->y_data);
    data->x_data = data->y_data = NULL;
    while (data->parts > 0)
        antler_data_free(data->part[--data->parts]);
    free(data->x);
    free(data->y);
    data->x = data->y = NULL;
}

/* Inputs with a length for open axes, and the shapes of the outputs for them. */
static antler_status make_inputs(antler_model *model, part *parts, int n, int64_t rows, int64_t length,
                                 antler_random_data *data, antler_source *source, antler_error *err)
{
    for (int k = 0; k < n; k++) {
        part *p = &parts[k];
        *p = (part){.shape = *antler_model_input(model, k, NULL), .limit = antler_input_tokens(model, k)};
        for (int i = 1; i < p->shape.rank; i++)
            p->shape.dim[i] = p->shape.dim[i] == ANTLER_OPEN ? length : p->shape.dim[i];
    }
    data->x_data = join(data, parts, n, rows, source, &data->x, &data->x_width, err);
    if (data->x_data)
        data->output = antler__output_shapes(model, data->x_data, err);
    for (int k = 0; k < n; k++)
        data->input[k] = parts[k].shape;
    return err->status;
}

antler_status antler__random_data_make(antler_model *model, int64_t rows, int64_t length, antler_random_data *data,
                                       antler_error *err)
{
    enum { LEAST_LENGTH = 32, MOST_LENGTH = 1024 };
    antler_source source = {.seed = 1};
    antler_error last = {0};
    int inputs = 0, outputs = (int)antler__outputs(model), n = 0;
    while (antler_model_input(model, inputs, NULL))
        inputs++;
    data->part = antler__room(inputs + outputs, sizeof(antler_data *), err);
    data->input = antler__room(inputs, sizeof *data->input, err);
    part *parts =
        data->part && data->input ? antler__room(inputs > outputs ? inputs : outputs, sizeof *parts, err) : NULL;
    if (!parts)
        return err->status;
    for (int64_t l = length ? length : LEAST_LENGTH; !data->output && l <= (length ? length : MOST_LENGTH); l *= 2) {
        free_parts(data);
        source = (antler_source){.seed = 1};
        last = (antler_error){0};
        make_inputs(model, parts, inputs, rows, l, data, &source, &last);
    }
    for (int k = 0; data->output && k < outputs; k++)
        if (antler__loss(model, k))
            parts[n++] = target_part(model, k, &data->output[k]);
    if (data->output)
        data->y_data = join(data, parts, n, rows, &source, &data->y, &data->y_width, &last);
    free(parts);
    if (last.status != ANTLER_OK)
        *err = last;
    return err->status;
}

void antler__random_data_free(antler_random_data *data)
{
    free_parts(data);
    free(data->part);
    free(data->input);
    free(data->output);
    *data = (antler_random_data){0};
}

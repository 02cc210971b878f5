#include "layers/shared/equation.h"

#include <string.h>

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool antler__equation_has(const char *letters, int n, char c)
{
    return memchr(letters, c, (size_t)n) != NULL;
}

/* Letters, each once, and where `dots` is not NULL, those of "..."; the end of what was read, NULL if it does not fit.
 */
static const char *read_side(const char *at, char *to, int *n, int rank, int *dots)
{
    int begin = -1;
    *n = 0;
    for (; is_letter(*at) || *at == '.'; at += *at == '.' ? 3 : 1) {
        if (*at == '.') {
            if (!dots || begin >= 0 || strncmp(at, "...", 3) != 0)
                return NULL;
            begin = *n;
        } else {
            if (*n == ANTLER_MAX_RANK || antler__equation_has(to, *n, *at))
                return NULL;
            to[(*n)++] = *at;
        }
    }
    if (begin < 0 || *n == 0)
        return *n ? at : NULL;
    if (begin != 0 && begin != *n)
        return NULL;
    int elided = *dots >= 0 ? *dots : rank - *n;
    if (elided < 0 || *n + elided > ANTLER_MAX_RANK)
        return NULL;
    memmove(to + begin + elided, to + begin, (size_t)(*n - begin));
    for (int i = 0; i < elided; i++)
        to[begin + i] = (char)(1 + i);
    *n += elided;
    *dots = elided;
    return at;
}

static antler_status refuse(antler_error *err, const struct antler_einsum_dense *c, const char *why)
{
    return antler_error_set(err, ANTLER_VALUE, "equation", "\"%s\": %s", c->equation, why);
}

/* Every letter stands in two of the three sides, the batch's in the input and in the output, in front. */
static antler_status check_letters(const antler_equation *e, const struct antler_einsum_dense *c, antler_error *err)
{
    for (int i = 0; i < e->inputs; i++)
        if (!antler__equation_has(e->kernel, e->kernels, e->input[i]) &&
            !antler__equation_has(e->output, e->outputs, e->input[i]))
            return refuse(err, c, "a letter stands in the input alone");
    for (int i = 0; i < e->kernels; i++)
        if (!antler__equation_has(e->input, e->inputs, e->kernel[i]) &&
            !antler__equation_has(e->output, e->outputs, e->kernel[i]))
            return refuse(err, c, "a letter stands in the kernel alone");
    for (int i = 0; i < e->outputs; i++)
        if (!antler__equation_has(e->input, e->inputs, e->output[i]) &&
            !antler__equation_has(e->kernel, e->kernels, e->output[i]))
            return refuse(err, c, "a letter stands in the output alone");
    if (e->input[0] != e->output[0] || antler__equation_has(e->kernel, e->kernels, e->input[0]))
        return refuse(err, c,
                      "the first axis is the batch's: the output begins with it, too, and the kernel has it not");
    return ANTLER_OK;
}

/* What each letter's size is: the input's axis, or the entry of output_shape, which is for the letters of the output
   but for the batch and "...". */
static antler_status find_sizes(antler_equation *e, const struct antler_einsum_dense *c, const antler_shape *in,
                                antler_error *err)
{
    int entry = 0;
    for (int i = 0; i < e->inputs; i++)
        e->size[(int)e->input[i]] = in->dim[i];
    for (int i = 1; i < e->outputs; i++) {
        int letter = e->output[i];
        if (letter < 32)
            continue;
        int64_t given = c->output_shape[entry];
        if (given == 0)
            return antler_error_set(err, ANTLER_SHAPE, "output_shape", "%d entries; the output has more axes", entry);
        if (given != ANTLER_NULL && e->size[letter] != 0 && e->size[letter] != given)
            return antler_error_set(err, ANTLER_SHAPE, "output_shape", "entry %d is %lld, the input's axis \"%c\" %lld",
                                    entry, (long long)given, letter, (long long)e->size[letter]);
        if (given == ANTLER_NULL && e->size[letter] == 0)
            return antler_error_set(err, ANTLER_SHAPE, "output_shape", "entry %d is null, and the input has no \"%c\"",
                                    entry, letter);
        if (e->size[letter] == 0)
            e->size[letter] = given;
        entry++;
    }
    return c->output_shape[entry] == 0 ? ANTLER_OK
                                       : antler_error_set(err, ANTLER_SHAPE, "output_shape",
                                                          "more than %d entries, which the output has axes", entry);
}

/* The bias begins at the first of its letters. */
static antler_status find_bias(antler_equation *e, const struct antler_einsum_dense *c, antler_error *err)
{
    int first = e->outputs;
    for (const char *b = c->bias_axes; b && *b; b++) {
        const char *at = is_letter(*b) ? memchr(e->output, *b, (size_t)e->outputs) : NULL;
        if (!at || at == e->output)
            return antler_error_set(err, ANTLER_VALUE, "bias_axes", "\"%s\": expected letters of the output \"%s\"",
                                    c->bias_axes, c->equation);
        first = at - e->output < first ? (int)(at - e->output) : first;
    }
    e->biases = e->outputs - first;
    for (int i = 0; i < e->biases; i++) {
        e->bias[i] = e->output[first + i];
        e->bias_own[i] = is_letter(e->bias[i]) && strchr(c->bias_axes, e->bias[i]) != NULL;
    }
    return ANTLER_OK;
}

antler_status antler__equation_parse(antler_equation *e, const struct antler_einsum_dense *c, const antler_shape *in,
                                     antler_error *err)
{
    memset(e, 0, sizeof *e);
    int dots = -1;
    const char *at = read_side(c->equation, e->input, &e->inputs, in->rank, &dots);
    at = at && *at == ',' ? read_side(at + 1, e->kernel, &e->kernels, 0, NULL) : NULL;
    bool arrow = at && strncmp(at, "->", 2) == 0;
    int elided = dots;
    at = arrow ? read_side(at + 2, e->output, &e->outputs, in->rank, dots >= 0 ? &elided : NULL) : NULL;
    if (!at || *at != 0)
        return refuse(err, c, "expected ab,bc->ac, ...b,bc->...c or ab...,bc->ac..., and at most 8 axes a tensor");
    if (dots < 0 && e->inputs != in->rank)
        return antler_error_set(err, ANTLER_SHAPE, "equation", "\"%s\": the input has %d axes", c->equation, in->rank);
    ANTLER_TRY(check_letters(e, c, err));
    ANTLER_TRY(find_sizes(e, c, in, err));
    return find_bias(e, c, err);
}

antler_shape antler__equation_shape(const antler_equation *e, const char *letters, int n)
{
    antler_shape s = {.rank = n};
    for (int i = 0; i < n; i++)
        s.dim[i] = e->size[(int)letters[i]];
    return s;
}

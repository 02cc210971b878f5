/* IntegerLookup: integers as their places in a vocabulary, or as rows of 0 and 1, or counts, at these places
   (shared/encode.c). The places are, in this order:

     0                     mask_token, if there is one, with output_mode int alone; else it has no place
     num_oov_indices       integers that are not in the vocabulary, by x mod num_oov_indices
     the vocabulary's      in its order

   invert is the way back, of output_mode int. Numbers are cut to integers, as in Keras, and have no gradient. */
#include "layers/shared/common.h"
#include "layers/shared/encode.h"
#include "layers/shared/lookup.h"

#include <math.h>

enum { TABLE }; /* scratch */

typedef struct antler_integer_lookup lookup;

static const char *const modes[] = {"one_hot", "multi_hot", "count", "int", NULL}; /* as antler_encoding_mode */
enum { INT = 3 };

static const antler_field fields[] = {
    {.key = "max_tokens",
     .kind = ANTLER_INT,
     .offset = offsetof(lookup, max_tokens),
     .def = "null",
     .min = 2,
     .max = ANTLER_MOST_UNITS,
     .flags = ANTLER_NULLABLE,
     .doc = "most that there may be, with those in front of the vocabulary"},
    ANTLER_FIELD_NUMBER(lookup, num_oov_indices, ANTLER_INT, "1", 0, ANTLER_MOST_UNITS,
                        "places of integers that are not in the vocabulary; 0: they are an error"),
    {.key = "mask_token",
     .kind = ANTLER_INT,
     .offset = offsetof(lookup, mask_token),
     .def = "null",
     .flags = ANTLER_NULLABLE,
     .doc = "becomes 0, in front of all others"},
    ANTLER_FIELD_NUMBER(lookup, oov_token, ANTLER_INT, "-1", 0, 0, "what invert gives for a place that has none"),
    {.key = "vocabulary",
     .kind = ANTLER_REALS,
     .offset = offsetof(lookup, vocabulary),
     .def = "null",
     .flags = ANTLER_NULLABLE,
     .doc = "the integers, each once; the tokens for mask and others may stand in front"},
    ANTLER_FIELD_BOOL(lookup, invert, "false", "from places to integers"),
    {.key = "output_mode",
     .kind = ANTLER_STRING,
     .offset = offsetof(lookup, output_mode),
     .def = "\"int\"",
     .choices = modes,
     .doc = "what becomes of the places"},
    ANTLER_FIELD_BOOL(lookup, pad_to_max_tokens, "false", "rows of max_tokens numbers"),
    ANTLER_FIELD_IGNORED("sparse", "false"),
    ANTLER_FIELD_IGNORED("vocabulary_dtype", "\"int64\""),
    ANTLER_FIELD_IGNORED("vocabulary_size", NULL),
    ANTLER_FIELD_IGNORED("idf_weights", "null"),
    ANTLER_FIELD_IGNORED("oov_method", "\"floormod\""),
    ANTLER_FIELD_IGNORED("salt", "null"),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4) {\"vocabulary\": [3, 0, -7]}",
    "(3) {\"vocabulary\": [5, 9], \"num_oov_indices\": 2, \"output_mode\": \"count\", \"max_tokens\": 6, "
    "\"pad_to_max_tokens\": true}",
    "(2, 1) {\"vocabulary\": [8, 2], \"mask_token\": 0, \"invert\": true}",
    NULL,
};

/* ---- places ------------------------------------------------------------------------------------------------------ */

static bool masks(const lookup *c)
{
    return c->mask_token != ANTLER_NULL;
}

/* Of the first integer that is in no vocabulary. */
static int64_t first_oov(const lookup *c)
{
    return masks(c) && c->output_mode == modes[INT] ? 1 : 0;
}

static int64_t first_token(const lookup *c)
{
    return first_oov(c) + c->num_oov_indices;
}

/* How many of the vocabulary are the tokens that Keras may put in front. */
static int64_t special_tokens(const lookup *c)
{
    const int64_t n = first_token(c);
    if (n > c->vocabulary.n)
        return 0;
    for (int64_t i = 0; i < n; i++)
        if (c->vocabulary.value[i] != (double)(i < first_oov(c) ? c->mask_token : c->oov_token))
            return 0;
    return n;
}

static int64_t size_of(const lookup *c)
{
    return first_token(c) + c->vocabulary.n - special_tokens(c);
}

static antler_status check(void *config, antler_error *err)
{
    const lookup *c = config;
    if (c->vocabulary.n == 0)
        return antler_error_set(err, ANTLER_UNSUPPORTED, "vocabulary",
                                "expected a list of integers; one that was learnt lies apart in Keras's files, and is "
                                "not read");
    for (int64_t i = 0; i < c->vocabulary.n; i++)
        if (!(fabs(c->vocabulary.value[i]) <= 0x1p53) || c->vocabulary.value[i] != trunc(c->vocabulary.value[i]))
            return antler_error_set(err, ANTLER_VALUE, "vocabulary", "%g is not an integer", c->vocabulary.value[i]);
    if (c->vocabulary.n > 1 << 24)
        return antler_error_set(err, ANTLER_UNSUPPORTED, "vocabulary", "%lld integers are more than %d",
                                (long long)c->vocabulary.n, 1 << 24);
    if (c->max_tokens != ANTLER_NULL && size_of(c) > c->max_tokens)
        return antler_error_set(err, ANTLER_VALUE, "max_tokens", "is %lld, but there are %lld places",
                                (long long)c->max_tokens, (long long)size_of(c));
    if (c->pad_to_max_tokens && c->max_tokens == ANTLER_NULL)
        return antler_error_set(err, ANTLER_VALUE, "pad_to_max_tokens", "needs max_tokens");
    if (c->invert && c->output_mode != modes[INT])
        return antler_error_set(err, ANTLER_VALUE, "output_mode", "must be \"int\" with invert");
    return ANTLER_OK;
}

/* ---- the table: where in the vocabulary an integer is ------------------------------------------------------------ */

/* Slots hold a place in the vocabulary plus 1, at the first free one from where the integer's bits lead to; 0: free. */
typedef struct table {
    const lookup *c;
    antler_real *slot; /* [slots], a power of two, at most half of them used */
    int64_t slots, skip;
} table;

static int64_t slots_for(const lookup *c)
{
    int64_t slots = 4;
    while (slots < 2 * c->vocabulary.n)
        slots *= 2;
    return slots;
}

/* The slot of an integer, or the free one that it would get. */
static int64_t slot_of(const table *t, double token)
{
    uint64_t bits = (uint64_t)(int64_t)token * UINT64_C(0x9e3779b97f4a7c15);
    int64_t at = (int64_t)(bits >> 32) & (t->slots - 1);
    while (t->slot[at] != 0 && t->c->vocabulary.value[(int64_t)t->slot[at] - 1] != token)
        at = (at + 1) & (t->slots - 1);
    return at;
}

static antler_status make_table(table *t, antler_run *run)
{
    const lookup *c = t->c;
    t->slot = run->scratch[TABLE].data;
    t->slots = slots_for(c);
    t->skip = special_tokens(c);
    for (int64_t i = 0; i < t->slots; i++)
        t->slot[i] = 0;
    for (int64_t i = t->skip; i < c->vocabulary.n; i++) {
        const double token = c->vocabulary.value[i];
        const int64_t at = slot_of(t, token);
        if (t->slot[at] != 0 || (masks(c) && token == (double)c->mask_token))
            return antler_run_fail(run, ANTLER_VALUE, "vocabulary: %.0f comes twice, or is mask_token", token);
        t->slot[at] = (antler_real)(i + 1);
    }
    return ANTLER_OK;
}

/* What is no integer that a double holds is in no vocabulary. */
static double whole(antler_real x)
{
    return fabs((double)x) <= 0x1p53 ? trunc((double)x) : -0x1p53;
}

/* -1: it has none. */
static int64_t place_of(const void *arg, antler_real x)
{
    const table *t = arg;
    const lookup *c = t->c;
    const double token = whole(x);
    if (masks(c) && token == (double)c->mask_token)
        return first_oov(c) - 1;
    const int64_t found = (int64_t)t->slot[slot_of(t, token)];
    if (found > 0)
        return first_token(c) + found - 1 - t->skip;
    if (c->num_oov_indices == 0)
        return -1;
    const int64_t rest = (int64_t)token % c->num_oov_indices;
    return first_oov(c) + (rest < 0 ? rest + c->num_oov_indices : rest);
}

/* The integer at a place. */
static double token_at(const lookup *c, double place)
{
    const int64_t at = (int64_t)place - first_token(c) + special_tokens(c);
    if (masks(c) && place == 0)
        return (double)c->mask_token;
    return (int64_t)place >= first_token(c) && at < c->vocabulary.n ? c->vocabulary.value[at] : (double)c->oov_token;
}

/* ---- the layer --------------------------------------------------------------------------------------------------- */

/* Of an output_mode that is not int. */
static antler_encoding encoding_of(const lookup *c, const table *t)
{
    int mode = 0;
    while (modes[mode] != c->output_mode)
        mode++;
    return (antler_encoding){.mode = (antler_encoding_mode)mode,
                             .depth = c->pad_to_max_tokens ? c->max_tokens : size_of(c),
                             .index = place_of,
                             .arg = t};
}

antler_lookup_places antler__lookup_places(const struct antler_integer_lookup *c)
{
    return (antler_lookup_places){masks(c), first_oov(c), first_token(c), special_tokens(c),
                                  encoding_of(c, NULL).depth};
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const lookup *c = config;
    *out = *in;
    if (c->output_mode == modes[INT])
        return ANTLER_OK;
    const antler_encoding e = encoding_of(c, NULL);
    return antler__encode_infer(&e, in, out, err);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    (void)in;
    antler_plan_scratch(plan, TABLE, &(antler_shape){.rank = 1, .dim = {slots_for(config)}});
}

static void look_up(void *arg, int64_t first, int64_t count)
{
    const antler_run *run = ((void **)arg)[0];
    const table *t = ((void **)arg)[1];
    for (int64_t i = first; i < first + count; i++)
        run->y->data[i] =
            (antler_real)(t->c->invert ? token_at(t->c, whole(run->x->data[i])) : (double)place_of(t, run->x->data[i]));
}

/* Refuses what has no place, where there are none for others. */
static antler_status check_data(const table *t, antler_run *run)
{
    const int64_t n = antler_count(&run->x->shape, 0), size = antler_count(&run->x->shape, 1);
    for (int64_t i = 0; t->c->num_oov_indices == 0 && !t->c->invert && i < n; i++) {
        const antler_real x = run->x->data[i];
        if (place_of(t, x) < 0 && !(masks(t->c) && whole(x) == (double)t->c->mask_token))
            return antler_run_fail(run, ANTLER_DATA, "sample %lld, position %lld: %g is not in the vocabulary",
                                   (long long)(i / size), (long long)(i % size), (double)x);
    }
    return ANTLER_OK;
}

static antler_status forward(const void *config, antler_run *run)
{
    const lookup *c = config;
    table t = {.c = c};
    ANTLER_TRY(make_table(&t, run));
    ANTLER_TRY(check_data(&t, run));
    if (c->output_mode == modes[INT]) {
        void *arg[] = {run, &t};
        antler_run_ranges(run, antler_count(&run->x->shape, 0), 4, look_up, arg);
        return ANTLER_OK;
    }
    const antler_encoding e = encoding_of(c, &t);
    antler__encode(run, &e);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_integer_lookup = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "IntegerLookup",
             .doc = "integers as their places in a vocabulary",
             .config_size = sizeof(lookup),
             .fields = fields,
             .samples = samples,
             .check = check},
    .infer = infer,
    .buffers = buffers,
    .forward = forward,
    .backward = antler__encode_backward,
};

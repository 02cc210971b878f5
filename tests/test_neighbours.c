/* Every sample of every layer between other layers, which share memory with it: a layer that reads in its pass back
   what it did not ask for, or writes what is still to be read, is seen here. Alone, as test_conformance.c has it, its
   inputs are the caller's and its output is the model's, and both stay as they are. */
#include "differences.h"
#include "merging.h"
#include "suite.h"

#include <math.h>

enum { WIDE = 8192 };

/* ---- a model around the layer ------------------------------------------------------------------------------------ */

static const char prelu[] = "{\"class_name\": \"PReLU\", \"config\": {\"alpha_initializer\": {\"class_name\": "
                            "\"Constant\", \"config\": {\"value\": 0.5}}}}";
static const char masking[] = "{\"class_name\": \"Masking\", \"config\": {}}";
static const char rescaling[] = "{\"class_name\": \"Rescaling\", \"config\": {\"scale\": 0.5}}"; /* reads only dy */

/* Which inputs of the layer have another layer before them, one bit each. The others are the model's own inputs, whose
   gradient may not be wanted. */
typedef struct setting {
    const sample *s;
    const char *before;
    unsigned preceded;
    bool shares; /* all inputs are one */
} setting;

static bool has_before(const setting *set, int input)
{
    return set->preceded >> input & 1;
}

static const char *name_of(const setting *set)
{
    static char name[512];
    snprintf(name, sizeof name, "%s %s, behind others: inputs %#x%s", set->s->ops->type.class_name, set->s->text,
             set->preceded, set->shares ? ", all one" : "");
    return name;
}

static void add(antler_model *model, const char *json)
{
    antler_add_json(model, json);
    ck_assert_msg(antler_model_error(model)->status == ANTLER_OK, "%s: %s", json, antler_model_error(model)->message);
}

/* Connects the model's inputs, the layers before, the layer, which is the last object, and the one behind. */
static void connect(antler_model *model, const setting *set, int given, int n)
{
    antler_error err = {0};
    antler_use use[MOST_INPUTS + 2];
    antler_ref source[MOST_INPUTS], in[MOST_INPUTS];
    int calls = 0;
    for (int i = 0; i < given; i++) {
        in[i] = source[i] = (antler_ref){-1 - i, 0};
        if (has_before(set, i)) {
            use[calls] = (antler_use){.layer = given + calls, .inputs = 1, .in = &source[i]};
            in[i] = (antler_ref){calls++, 0};
        }
    }
    for (int i = given; i < n; i++)
        in[i] = in[0];
    antler_ref y = {calls, 0}, out = {calls + 1, 0};
    use[calls] = (antler_use){.layer = given + calls + 1, .inputs = n, .in = in};
    use[calls + 1] = (antler_use){.layer = given + calls, .inputs = 1, .in = &y};
    antler_graph graph = {.uses = calls + 2, .outputs = 1, .use = use, .output = &out};
    ck_assert_msg(antler__model_connect(model, &graph, &err) == ANTLER_OK, "%s: %s", set->s->text, err.message);
}

static antler_model *lay_between(const setting *set)
{
    char shape[MOST_INPUTS][64], text[4096];
    antler_error err = {0};
    int n = shapes_of(set->s->text, shape), given = set->shares ? 1 : n;
    antler_model *model = antler__model_new("m", true, &err);
    ck_assert_ptr_nonnull(model);
    for (int i = 0; i < given; i++) {
        snprintf(text, sizeof text, "{\"class_name\": \"InputLayer\", \"config\": {\"shape\": [%s]}}", shape[i]);
        add(model, text);
    }
    for (int i = 0; i < given; i++)
        if (has_before(set, i))
            add(model, set->before);
    add(model, rescaling);
    snprintf(text, sizeof text, "{\"class_name\": \"%s\", \"config\": %s}", set->s->ops->type.class_name,
             config_of(set->s->text));
    add(model, text);
    connect(model, set, given, n);
    antler_set_seed(model, 7);
    ck_assert_int_eq(antler_build(model), ANTLER_OK);
    return model;
}

static bool are_alike(char shape[MOST_INPUTS][64], int n)
{
    for (int i = 1; i < n; i++)
        if (strcmp(shape[i], shape[0]) != 0)
            return false;
    return true;
}

/* A layer before none of the inputs, one, all but one, all; and one for all. Tokens come from the model's input. */
static void for_each_setting(const sample *s, const char *before, void (*check)(const setting *set))
{
    char shape[MOST_INPUTS][64];
    int n = shapes_of(s->text, shape);
    unsigned every = (1u << n) - 1;
    setting set = {.s = s, .before = before};
    check(&set);
    if (s->ops->tokens)
        return;
    for (int i = 0; n > 1 && i < n; i++) {
        set.preceded = 1u << i;
        check(&set);
        set.preceded = every & ~set.preceded;
        if (n > 2)
            check(&set);
    }
    set.preceded = every;
    check(&set);
    set.shares = n > 1 && are_alike(shape, n);
    if (set.shares)
        check(&set);
}

/* ---- passes ------------------------------------------------------------------------------------------------------ */

typedef struct pass {
    antler_real y[WIDE], dx[WIDE], gradients[WIDE];
} pass;

static void open_bare_context(bench *b, int threads, unsigned flags)
{
    open_context(b, ANTLER_TRAIN, threads, flags);
    memset(b->context->arena.memory, 0xff, (size_t)b->context->arena.bytes); /* NaN: what is not written shows */
}

static const antler_call *call_of_layer(const antler_model *model)
{
    const antler_call *call = model->call;
    while (call->layer != model->layers - 1)
        call++;
    return call;
}

static void spoil(antler_tensor *t)
{
    for (int64_t i = 0; i < antler_count(&t->shape, 0); i++)
        t->data[i] = (antler_real)NAN;
}

/* NaN over what the layer has not said that its pass back reads. Nobody else here reads that: the layers before read
   the model's inputs, the one behind none. */
static void spoil_unread(bench *b)
{
    const antler_call *call = call_of_layer(b->model);
    const antler_layer *layer = &b->model->layer[call->layer];
    unsigned flags = layer->ops->flags;
    bool reads_x = flags & ANTLER_NEEDS_X || (layer->f && layer->f->needs_x && !layer->ops->forward);
    bool reads_y = flags & ANTLER_NEEDS_Y || layer->f;
    for (int k = 0; !reads_x && k < call->inputs; k++)
        spoil(&b->context->edge[call->in[k]].y);
    if (!reads_y)
        spoil(&b->context->edge[call->out].y);
}

static void check_finite(const setting *set, const char *what, const antler_real *value, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(isfinite(value[i]), "%s: %s[%d]", name_of(set), what, (int)i);
}

/* Forward and back. False: the layer refuses the mask. */
static bool run_pass(bench *b, bool spoils, const setting *set, pass *p)
{
    antler_error err = {0};
    antler_real *x = malloc((size_t)b->nx * sizeof *x); /* spoilt too */
    memcpy(x, b->x, (size_t)b->nx * sizeof *x);
    antler_context_reset(b->context);
    antler_status status = antler_forward(b->context, x, BATCH, p->y, &err);
    ck_assert_msg(status == ANTLER_OK || (status == ANTLER_UNSUPPORTED && set->before == masking), "%s: %s",
                  name_of(set), err.message);
    if (status == ANTLER_OK) {
        bool wants_dx = b->context->flags & ANTLER_INPUT_GRADIENT && tokens_of(b->model) == 0;
        if (spoils)
            spoil_unread(b);
        backward(b, wants_dx ? p->dx : NULL);
        memcpy(p->gradients, b->context->gradients, (size_t)params_of(b) * sizeof *p->gradients);
        check_finite(set, "y", p->y, b->ny);
        check_finite(set, "gradients", p->gradients, params_of(b));
        check_finite(set, "dx", p->dx, wants_dx ? b->nx : 0);
    }
    free(x);
    return status == ANTLER_OK;
}

static void check_same(const setting *set, const char *what, const antler_real *value, const antler_real *expected,
                       int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(memcmp(&value[i], &expected[i], sizeof *value) == 0,
                      "%s: %s[%d] is %.9g, and %.9g in memory of its own", name_of(set), what, (int)i, (double)value[i],
                      (double)expected[i]);
}

static void check_mask(const setting *set, const bench *b)
{
    const antler_tensor *mask = &b->context->edge[b->model->output[0]].mask;
    for (int64_t i = 0; mask->data && i < antler_count(&mask->shape, 0); i++)
        ck_assert_msg(mask->data[i] == 0 || mask->data[i] == 1, "%s: mask[%d] is %g", name_of(set), (int)i,
                      (double)mask->data[i]);
}

static void check_pass(bench *b, const setting *set, bool spoils, const pass *apart)
{
    static pass other;
    memset(&other, 0, sizeof other);
    run_pass(b, spoils, set, &other);
    check_mask(set, b);
    check_same(set, "y", other.y, apart->y, b->ny);
    check_same(set, "gradients", other.gradients, apart->gradients, params_of(b));
    check_same(set, "dx", other.dx, apart->dx, b->nx);
}

/* The same bits where arrays lie in each other's place as where each has its own, and as where nothing is left of what
   the pass back does not ask for. */
static void compare(bench *b, const setting *set, unsigned flags)
{
    static pass apart;
    memset(&apart, 0, sizeof apart);
    ck_assert(b->nx <= WIDE && b->ny <= WIDE && params_of(b) <= WIDE);
    open_bare_context(b, 1, flags | ANTLER_KEEP);
    if (!run_pass(b, false, set, &apart))
        return;
    check_mask(set, b);
    check_pass(b, set, true, &apart);
    for (int threads = 1; threads <= 2; threads++) {
        open_bare_context(b, threads, flags);
        check_pass(b, set, false, &apart);
        check_pass(b, set, false, &apart); /* over what the first pass left */
    }
}

/* ---- the tests --------------------------------------------------------------------------------------------------- */

static void check_bits(const setting *set)
{
    bench b = bench_of(lay_between(set), ANTLER_TRAIN, 0);
    compare(&b, set, 0);
    compare(&b, set, ANTLER_INPUT_GRADIENT);
    close_bench(&b);
}

START_TEST(shared_memory_changes_no_bit)
{
    if (!(all[_i].ops->flags & ANTLER_MOVES_PARAMS)) /* two passes differ */
        for_each_setting(&all[_i], prelu, check_bits);
}
END_TEST

#ifdef ANTLER_DOUBLE
static void check_gradients(const setting *set)
{
    static pass p;
    char name[1024];
    bench b = bench_of(lay_between(set), ANTLER_TRAIN, 0);
    open_bare_context(&b, 2, ANTLER_INPUT_GRADIENT);
    run_pass(&b, false, set, &p);
    for (int64_t v = 0; v < b.model->variables; v++) {
        antler_model_variable_entry *variable = &b.model->variable[v];
        snprintf(name, sizeof name, "%s: %s", name_of(set), variable->view.name);
        if (variable->view.trainable)
            check_gradient(&b, name, variable->view.value.data, p.gradients + variable->offset, variable->length);
    }
    snprintf(name, sizeof name, "%s: x", name_of(set));
    if (tokens_of(b.model) == 0)
        check_gradient(&b, name, b.x, p.dx, b.nx);
    close_bench(&b);
}

START_TEST(gradients_are_right)
{
    if (!(all[_i].ops->flags & ANTLER_MOVES_PARAMS))
        for_each_setting(&all[_i], prelu, check_gradients);
}
END_TEST
#endif

/* Whether masks can come with all inputs: they are (steps, features). */
static bool takes_steps(const sample *s)
{
    char shape[MOST_INPUTS][64];
    for (int i = shapes_of(s->text, shape) - 1; i >= 0; i--) {
        const char *comma = strchr(shape[i], ',');
        if (!comma || strchr(comma + 1, ','))
            return false;
    }
    return !s->ops->tokens;
}

/* The last steps of the rows are masked, of each input in another way; the last row's are not. */
static void hide_steps(bench *b)
{
    antler_real *x = b->x;
    for (int64_t k = 0; k < b->model->inputs; k++) {
        const antler_shape *in = &b->model->wire[b->model->input[k]].shape;
        int64_t steps = in->dim[1], width = in->dim[2];
        for (int64_t row = 0; row < BATCH; row++, x += steps * width) {
            int64_t hidden = row == BATCH - 1 ? 0 : (row + k) % (steps + 1);
            memset(x + (steps - hidden) * width, 0, (size_t)(hidden * width) * sizeof *x);
        }
    }
}

static void check_bits_under_masks(const setting *set)
{
    bench b = bench_of(lay_between(set), ANTLER_TRAIN, 0);
    hide_steps(&b);
    compare(&b, set, 0);
    compare(&b, set, ANTLER_INPUT_GRADIENT);
    close_bench(&b);
}

START_TEST(masks_are_written)
{
    if (takes_steps(&all[_i]))
        for_each_setting(&all[_i], masking, check_bits_under_masks);
}
END_TEST

static bool keeps_its_size(const sample *s)
{
    setting set = {.s = s};
    antler_model *model = lay_between(&set);
    const antler_call *call = call_of_layer(model);
    int64_t size = antler_count(&model->wire[call->out].shape, 1);
    bool keeps = false;
    for (int k = 0; k < call->inputs; k++)
        keeps = keeps || antler_count(&model->wire[call->in[k]].shape, 1) == size;
    antler_model_free(model);
    return keeps;
}

/* Without a sample whose output is as large as an input nothing would show that the flag is right. */
START_TEST(the_flag_for_in_place_has_a_sample)
{
    bool tried = !(all[_i].ops->flags & ANTLER_IN_PLACE);
    for (int i = 0; i < samples; i++)
        tried = tried || (all[i].ops == all[_i].ops && keeps_its_size(&all[i]));
    ck_assert_msg(tried, "%s: no sample's output has the size of its input", all[_i].ops->type.class_name);
}
END_TEST

int main(void)
{
    antler_error err = {0};
    if (register_merging_layers(&err) != ANTLER_OK) /* so that there are layers of several inputs */
        return 1;
    collect();
    TCase *tests = tcase_create("layers");
    tcase_add_loop_test(tests, shared_memory_changes_no_bit, 0, samples);
#ifdef ANTLER_DOUBLE
    tcase_add_loop_test(tests, gradients_are_right, 0, samples);
#endif
    tcase_add_loop_test(tests, masks_are_written, 0, samples);
    tcase_add_loop_test(tests, the_flag_for_in_place_has_a_sample, 0, samples);
    return run_suite("neighbours", tests);
}

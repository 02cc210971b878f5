/* Layers with a data_format, over every sample: with "channels_first" they do to transposed numbers, bit for bit, what
   they do with "channels_last", in every mode, forward and back. What that is, other suites and Keras have checked. */
#include "model/channels.h"
#include "samples.h"
#include "suite.h"

/* Not those whose kernels lie otherwise then: tests/golden and tests/old_files have them, from Keras 2. */
static bool has_format(const sample *s)
{
    if (strncmp(s->ops->type.class_name, "LocallyConnected", 16) == 0)
        return false;
    return antler__channels_field((antler_object){&s->ops->type, NULL}) && !strstr(s->text, "channels_first");
}

/* A shape's sizes with the channels, its last, moved before the last `behind` axes (0: to the front). */
static void write_shape(char *text, size_t size, const char *shape, int behind)
{
    int dim[ANTLER_MAX_RANK], n = 0;
    for (const char *at = shape; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        dim[n++] = atoi(at);
    int to = n == 1 ? 0 : behind ? n - 1 - behind : 0;
    text[0] = 0;
    for (int i = 0; i < n; i++)
        snprintf(text + strlen(text), size - strlen(text), i ? ", %d" : "%d",
                 i < to    ? dim[i]
                 : i == to ? dim[n - 1]
                           : dim[i - 1]);
}

/* The sample's twin: "(2, 3, 4) {\"data_format\": \"channels_first\", ...". */
static sample twin_of(const sample *s, char *text, size_t size)
{
    char shape[MOST_INPUTS][64], moved[64];
    const char *config = config_of(s->text);
    const antler_field *field = antler__channels_field((antler_object){&s->ops->type, NULL});
    text[0] = 0;
    for (int k = 0, n = shapes_of(s->text, shape); k < n; k++) {
        write_shape(moved, sizeof moved, shape[k], field->count);
        snprintf(text + strlen(text), size - strlen(text), "(%s) ", moved);
    }
    snprintf(text + strlen(text), size - strlen(text), "{\"data_format\": \"channels_first\"%s%s",
             config[1] == '}' ? "" : ", ", config + 1);
    return (sample){s->ops, text};
}

/* The numbers of some wires with their channels moved to the end, or back, one wire after the other. `model` has them
   channels first. */
static void transpose(antler_real *to, const antler_real *from, const antler_model *model, int64_t n,
                      const int64_t *wire, bool back)
{
    antler_object layer = model->layer[model->layers - 1].object;
    for (int64_t k = 0; k < n; k++) {
        antler_shape shape = model->wire[wire[k]].shape;
        int axis = antler__channels_axis(layer, shape.rank);
        int64_t before = BATCH, channels = axis ? shape.dim[axis] : 1;
        int64_t behind = antler_count(&shape, axis ? axis + 1 : 1);
        for (int i = 1; i < axis; i++)
            before *= shape.dim[i];
        for (int64_t b = 0; b < before; b++)
            for (int64_t c = 0; c < channels; c++)
                for (int64_t e = 0; e < behind; e++) {
                    int64_t first = (b * channels + c) * behind + e, last = (b * behind + e) * channels + c;
                    to[back ? first : last] = from[back ? last : first];
                }
        to += before * channels * behind;
        from += before * channels * behind;
    }
}

typedef struct twins {
    bench last, first;
    antler_real *turned; /* room for inputs or outputs */
    char text[2048];
} twins;

static twins open_twins(const sample *s, antler_mode mode)
{
    twins t;
    t.last = open_bench(s, mode, ANTLER_INPUT_GRADIENT);
    sample twin = twin_of(s, t.text, sizeof t.text);
    t.first = open_bench(&twin, mode, ANTLER_INPUT_GRADIENT);
    ck_assert_msg(t.last.nx == t.first.nx && t.last.ny == t.first.ny, "%s: %s", s->text, t.text);
    ck_assert_int_eq(params_of(&t.last), params_of(&t.first));
    t.turned = malloc((size_t)(t.last.nx + t.last.ny) * sizeof *t.turned);
    const antler_model *m = t.first.model;
    transpose(t.first.x, t.last.x, m, m->inputs, m->input, true);
    transpose(t.first.dy, t.last.dy, m, m->outputs, m->output, true);
    return t;
}

static void close_twins(twins *t)
{
    close_bench(&t->last);
    close_bench(&t->first);
    free(t->turned);
}

/* An activation over rows works on another axis then, as in Keras. */
static bool is_rowwise(const twins *t)
{
    const antler_activation_ops *f = t->last.model->layer[t->last.model->layers - 1].f;
    return f && f->rowwise;
}

static void check_forward(twins *t)
{
    const antler_model *m = t->first.model;
    forward(&t->last, t->last.x, BATCH, t->last.y);
    forward(&t->first, t->first.x, BATCH, t->first.y);
    transpose(t->turned, t->first.y, m, m->outputs, m->output, false);
    ck_assert_msg(memcmp(t->turned, t->last.y, (size_t)t->last.ny * sizeof *t->turned) == 0, "%s: outputs", t->text);
}

START_TEST(the_output_is_the_twins)
{
    static const antler_mode modes[] = {ANTLER_INFER, ANTLER_MC, ANTLER_TRAIN};
    if (!has_format(&all[_i]))
        return;
    for (int i = 0; i < 3; i++) {
        twins t = open_twins(&all[_i], modes[i]);
        if (!is_rowwise(&t))
            check_forward(&t);
        close_twins(&t);
    }
}
END_TEST

START_TEST(the_gradients_are_the_twins)
{
    if (!has_format(&all[_i]))
        return;
    twins t = open_twins(&all[_i], ANTLER_TRAIN);
    const antler_model *m = t.first.model;
    if (!is_rowwise(&t)) {
        check_forward(&t);
        backward(&t.last, t.last.dx);
        backward(&t.first, t.first.dx);
        transpose(t.turned, t.first.dx, m, m->inputs, m->input, false);
        ck_assert_msg(memcmp(t.turned, t.last.dx, (size_t)t.last.nx * sizeof *t.turned) == 0, "%s: dx", t.text);
        ck_assert_msg(memcmp(t.first.context->gradients, t.last.context->gradients,
                             (size_t)params_of(&t.last) * sizeof *t.turned) == 0,
                      "%s: gradients", t.text);
    }
    close_twins(&t);
}
END_TEST

/* It is written as it was read, and shapes are those of the file. */
START_TEST(the_format_is_written)
{
    if (!has_format(&all[_i]) || !is_single(&all[_i]))
        return;
    char text[2048];
    sample twin = twin_of(&all[_i], text, sizeof text);
    antler_model *model = load(&twin);
    char *json = antler_model_json(model, NULL);
    ck_assert_msg(json && strstr(json, "\"channels_first\""), "%s: %s", text, json);
    antler_text_free(json);
    antler_model_free(model);
}
END_TEST

/* ---- chains ------------------------------------------------------------------------------------------------------ */

/* Layers behind an input of 6 x 5 pixels of 3 channels; "$" stands for the data_format. Tensors between them lie
   channels last where nobody else looks; with ANTLER_KEEP none does. */
static const char *const chains[] = {
    "Conv2D {\"filters\": 4, \"kernel_size\": 3, \"activation\": \"gelu\", $} MaxPooling2D {$}"
    "DepthwiseConv2D {\"kernel_size\": 2, \"padding\": \"same\", $} Flatten {$} Dense {\"units\": 2}",
    "ZeroPadding2D {$} Conv2D {\"filters\": 3, \"kernel_size\": 2, \"activity_regularizer\": \"l2\", $}"
    "SpatialDropout2D {\"rate\": 0.4, $} Activation {\"activation\": \"tanh\"} AveragePooling2D {$}"
    "Conv2DTranspose {\"filters\": 2, \"kernel_size\": 2, \"activation\": \"silu\", $} Cropping2D {\"cropping\": 1, $}"
    "GlobalMaxPooling2D {$} Dense {\"units\": 2, \"activation\": \"sigmoid\"}",
    "SeparableConv2D {\"filters\": 2, \"kernel_size\": 2, $} Resizing {\"height\": 3, \"width\": 4, $} UpSampling2D {$}"
    "GlobalAveragePooling2D {\"keepdims\": true, $} Flatten {$} Dropout {\"rate\": 0.5} Dense {\"units\": 3}",
};

static antler_model *chain(const char *layers, const char *format)
{
    char text[4096], key[64];
    snprintf(key, sizeof key, "\"data_format\": \"channels_%s\"", format);
    snprintf(
        text, sizeof text,
        "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"m\", \"layers\": [{\"class_name\": \"InputLayer\","
        " \"config\": {\"batch_shape\": [null, %s]}}",
        *format == 'f' ? "3, 6, 5" : "6, 5, 3");
    for (const char *at = layers; *at; at++) {
        size_t n = strlen(text);
        if (*at >= 'A' && *at <= 'Z' && (at == layers || at[-1] == '}' || at[-1] == ' ')) {
            int name = (int)strcspn(at, " ");
            snprintf(text + n, sizeof text - n, ", {\"class_name\": \"%.*s\", \"config\": ", name, at);
            at += name;
        } else {
            snprintf(text + n, sizeof text - n, *at == '$' ? "%s" : *at == '}' ? "}}" : "%.1s", *at == '$' ? key : at);
        }
    }
    strcat(text, "]}, \"fit\": {\"seed\": 7}}");
    return load_text(text);
}

static void run_chain(bench *b, antler_mode mode, unsigned flags, int threads)
{
    open_context(b, mode, threads, flags | (mode == ANTLER_TRAIN ? ANTLER_INPUT_GRADIENT : 0));
    forward(b, b->x, BATCH, b->y);
    if (mode == ANTLER_TRAIN)
        backward(b, b->dx);
}

START_TEST(a_chain_is_its_twin_kept_or_not)
{
    static const antler_mode modes[] = {ANTLER_INFER, ANTLER_MC, ANTLER_TRAIN};
    antler_mode mode = modes[_i % 3];
    twins t = {.last = bench_of(chain(chains[_i / 3], "last"), mode, 0),
               .first = bench_of(chain(chains[_i / 3], "first"), mode, 0)};
    const antler_model *m = t.first.model;
    size_t bytes = (size_t)t.last.ny * sizeof *t.turned;
    for (int64_t b = 0; b < BATCH; b++)
        for (int64_t c = 0; c < 3; c++)
            for (int64_t e = 0; e < 30; e++)
                t.first.x[(b * 3 + c) * 30 + e] = t.last.x[(b * 30 + e) * 3 + c];
    run_chain(&t.last, mode, 0, 2);
    for (int kept = 0; kept < 2; kept++) {
        run_chain(&t.first, mode, kept ? ANTLER_KEEP : 0, 1 + kept);
        bool settles = false;
        for (int64_t w = 0; w < m->wires; w++)
            settles = settles || t.first.context->edge[w].settled;
        ck_assert_int_eq(settles, !kept);
        ck_assert_mem_eq(t.first.y, t.last.y, bytes);
        for (int64_t i = 0; mode == ANTLER_TRAIN && i < params_of(&t.last); i++)
            ck_assert_msg(t.first.context->gradients[i] == t.last.context->gradients[i], "gradient %d", (int)i);
        for (int64_t i = 0; mode == ANTLER_TRAIN && i < t.last.nx; i++) {
            int64_t c = i % 3, e = i / 3 % 30, b = i / 90;
            ck_assert_msg(t.first.dx[(b * 3 + c) * 30 + e] == t.last.dx[i], "dx %d", (int)i);
        }
    }
    close_bench(&t.last);
    close_bench(&t.first);
}
END_TEST

int main(void)
{
    collect();
    TCase *tests = tcase_create("twins");
    tcase_add_loop_test(tests, the_output_is_the_twins, 0, samples);
    tcase_add_loop_test(tests, the_gradients_are_the_twins, 0, samples);
    tcase_add_loop_test(tests, the_format_is_written, 0, samples);
    tcase_add_loop_test(tests, a_chain_is_its_twin_kept_or_not, 0, 3 * (int)(sizeof chains / sizeof *chains));
    return run_suite("channels", tests);
}

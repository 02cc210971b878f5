/* Every sample of every layer with axes of its inputs open, one at a time and all but the last: at the sample's lengths
   it computes, forward and back, what it does where the file has them, bit for bit; or it is refused in one line. What
   most nets of variable length are made of is never refused. */
#include "samples.h"
#include "suite.h"

static int opened;

/* The sample's text with null for axis `axis` of all its inputs; below 0: for all but the last. False: no input has
   that axis. */
static bool open_text(const sample *s, int axis, char *text, size_t size)
{
    char shape[MOST_INPUTS][64];
    int n = shapes_of(s->text, shape);
    bool any = false;
    *text = 0;
    for (int k = 0; k < n; k++) {
        int i = 0;
        strcat(text, k ? " (" : "(");
        for (char *next, *size_of = strtok_r(shape[k], ", ", &next); size_of; i++) {
            char *after = strtok_r(NULL, ", ", &next);
            bool open = axis < 0 ? after != NULL : i == axis;
            any = any || open;
            strcat(text, i ? ", " : "");
            strcat(text, open ? "null" : size_of);
            size_of = after;
        }
        strcat(text, i == 1 ? ",)" : ")");
    }
    snprintf(text + strlen(text), size - strlen(text), " %s", config_of(s->text));
    return any;
}

/* With channels first an axis of the image stands where the kernel has its channels. */
static bool may_be_refused(const char *class_name, const char *text, int axis)
{
    static const char *const taken[] = {"Activation",   "Add",         "Attention",       "Conv1D",
                                        "Conv2D",       "Dropout",     "Embedding",       "GlobalAveragePooling1D",
                                        "GRU",          "LSTM",        "MaxPooling2D",    "MultiHeadAttention",
                                        "UpSampling2D", "Concatenate", "TimeDistributed", "ZeroPadding2D"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(class_name, taken[i]) == 0)
            return axis >= 0 || strstr(text, "channels_first");
    return true;
}

static void run(bench *b, bool backs)
{
    forward(b, b->x, BATCH, b->y);
    if (backs)
        backward(b, b->dx);
}

static void compare(const sample *s, const char *text, bench *open, bench *fixed)
{
    antler_error err = {0};
    antler_shape shape[MOST_INPUTS];
    const bool backs = !tokens_of(fixed->model);
    for (int64_t k = 0; k < fixed->model->inputs; k++)
        shape[k] = fixed->model->wire[fixed->model->input[k]].shape;
    open->context = antler_context_create_train(open->model, BATCH, 2, backs ? ANTLER_INPUT_GRADIENT : 0, &err);
    must(open->context ? ANTLER_OK : err.status, &err);
    antler_context_seek(open->context, 3, 2);
    must(antler_context_at(open->context, shape, NULL, &err), &err);
    memset(open->y, 0xff, (size_t)open->ny * sizeof *open->y);
    run(open, backs);
    ck_assert_msg(memcmp(open->y, fixed->y, (size_t)open->ny * sizeof *open->y) == 0, "%s %s: other outputs",
                  s->ops->type.class_name, text);
    ck_assert_msg(!backs || memcmp(open->dx, fixed->dx, (size_t)open->nx * sizeof *open->dx) == 0,
                  "%s %s: other gradients", s->ops->type.class_name, text);
    for (int64_t i = 0; i < fixed->model->trained_size && backs; i++)
        ck_assert_msg(memcmp(&open->context->gradients[i], &fixed->context->gradients[i], sizeof(antler_real)) == 0,
                      "%s %s: other gradients of weights", s->ops->type.class_name, text);
}

static void check(const sample *s, int axis)
{
    char text[4096], line[1200];
    antler_error err = {0};
    if (!open_text(s, axis, text, sizeof text))
        return;
    const sample open_sample = {s->ops, text};
    antler_model *model = lay_out(&open_sample, &err);
    if (!model) {
        antler_error_text(&err, line, sizeof line);
        ck_assert_msg(err.status == ANTLER_SHAPE || err.status == ANTLER_VALUE || err.status == ANTLER_UNSUPPORTED,
                      "%s %s: %s", s->ops->type.class_name, text, line);
        ck_assert_msg(may_be_refused(s->ops->type.class_name, text, axis), "%s %s: %s", s->ops->type.class_name, text,
                      line);
        if (getenv("ANTLER_SHOW"))
            printf("%s %s: %s\n", s->ops->type.class_name, text, line);
        return;
    }
    bench fixed = bench_of(lay_out(s, &err), ANTLER_TRAIN, tokens_of(model) ? 0 : ANTLER_INPUT_GRADIENT);
    bench open = fixed;
    open.model = model;
    open.context = NULL;
    open.y = malloc((size_t)open.ny * sizeof *open.y);
    open.dx = malloc((size_t)open.nx * sizeof *open.dx);
    memcpy(model->parameters, fixed.model->parameters, (size_t)model->size * sizeof *model->parameters);
    run(&fixed, !tokens_of(model));
    compare(s, text, &open, &fixed);
    antler_context_free(open.context);
    antler_model_free(open.model);
    free(open.y);
    free(open.dx);
    close_bench(&fixed);
    opened++;
}

START_TEST(open_samples_have_the_bits_of_fixed_ones)
{
    for (int i = 0; i < samples; i++)
        for (int axis = -1; axis < ANTLER_MAX_RANK - 1; axis++)
            check(&all[i], axis);
    ck_assert_int_gt(opened, samples);
}
END_TEST

int main(void)
{
    collect();
    TCase *tests = tcase_create("lengths of samples");
    tcase_add_test(tests, open_samples_have_the_bits_of_fixed_ones);
    return run_suite("lengths of samples", tests);
}

#include "antler/table.h"
#include "cli/command.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Of one output: lies in the predictions of all. */
typedef struct prediction {
    const char *name;
    antler_shape shape; /* (rows, output shape) */
    const antler_real *y, *deviation;
} prediction;

typedef struct predictions {
    int64_t n;
    prediction *output;         /* [n] */
    antler_real *y, *deviation; /* one output after the other; deviation may be NULL */
} predictions;

/* The shapes of all predictions, and how many numbers they are. */
static antler_status measure(antler_model *model, const antler_data *x, predictions *p, int64_t *numbers,
                             antler_error *err)
{
    p->n = antler__outputs(model);
    p->output = antler__room(p->n, sizeof *p->output, err);
    antler_shape *shapes = antler__output_shapes(model, x, err);
    *numbers = 0;
    for (int64_t k = 0; p->output && shapes && k < p->n; k++) {
        prediction *output = &p->output[k];
        output->shape = shapes[k];
        antler_model_output(model, k, &output->name);
        int64_t width = antler_count(&output->shape, 1), rows = output->shape.dim[0];
        if (width > 0 && rows > (INT64_MAX - *numbers) / width)
            antler_error_set(err, ANTLER_SHAPE, NULL, "the predictions would be too large");
        else
            *numbers += rows * width;
    }
    free(shapes);
    return err->status;
}

/* Where each output's predictions lie. */
static void place(predictions *p)
{
    int64_t at = 0;
    for (int64_t k = 0; k < p->n; k++) {
        p->output[k].y = p->y + at;
        p->output[k].deviation = p->deviation ? p->deviation + at : NULL;
        at += antler_count(&p->output[k].shape, 0);
    }
}

static antler_status predict(const antler_arguments *a, antler_model *model, antler_set *x, predictions *p,
                             antler_error *err)
{
    char text[4096];
    const char *path = antler__data_path(a, model, text, sizeof text, err);
    int64_t numbers, batch = antler__batch_size(a, model);
    if (!path)
        return err->status;
    ANTLER_TRY(antler__open_xy(a, model, path, x, NULL, err));
    measure(model, x->data, p, &numbers, err);
    antler__blame_data(path, err);
    ANTLER_TRY(err->status);
    p->y = antler__room(numbers, sizeof *p->y, err);
    p->deviation = a->mc ? antler__room(numbers, sizeof *p->deviation, err) : NULL;
    if (err->status != ANTLER_OK)
        return err->status;
    place(p);
    if (a->mc)
        antler_predict_mc(model, x->data, a->mc, batch, (int)a->threads, p->y, p->deviation, err);
    else
        antler_predict(model, x->data, batch, (int)a->threads, p->y, err);
    antler__blame_data(path, err);
    return err->status;
}

/* Data sets "predict" and "predict_std", or groups of these names with a set for each output. */
static antler_status write_file(const char *path, const predictions *p, antler_error *err)
{
    enum { NAME = 512 };
    int64_t sets = 0;
    antler_array *array = antler__room(2 * p->n, sizeof *array, err);
    char(*name)[NAME] = array ? antler__room(2 * p->n, sizeof *name, err) : NULL;
    for (int std = 0; name && std < 1 + (p->deviation != NULL); std++)
        for (int64_t k = 0; k < p->n; k++, sets++) {
            const prediction *o = &p->output[k];
            snprintf(name[sets], NAME, "predict%s%s%s", std ? "_std" : "", p->n > 1 ? "/" : "",
                     p->n > 1 ? o->name : "");
            array[sets] = (antler_array){name[sets], ANTLER_DTYPE_REAL, o->shape, std ? o->deviation : o->y};
        }
    if (name)
        antler_data_save(path, NULL, array, (int)sets, err);
    free(name);
    free(array);
    return err->status;
}

/* The class of one row of n outputs: the largest, or for one probability whether it is above a half; -1 for none. */
static int64_t decide(const antler_real *y, int64_t n, bool probability)
{
    int64_t best = 0;
    if (n == 1)
        return probability ? y[0] > (antler_real)0.5 : -1;
    for (int64_t i = 1; i < n; i++)
        best = y[i] > y[best] ? i : best;
    return best;
}

/* Index of a row: of the sample and, for outputs of several axes, of each axis but the last: "12,3". */
static void print_index(const antler_shape *shape, int64_t row)
{
    char text[128];
    size_t used = 0;
    int64_t below = 1;
    for (int axis = 1; axis < shape->rank - 1; axis++)
        below *= shape->dim[axis];
    for (int axis = 0; axis == 0 || axis < shape->rank - 1; axis++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%" PRId64, axis ? "," : "", row / below);
        row %= below;
        below /= axis + 1 < shape->rank - 1 ? shape->dim[axis + 1] : 1;
    }
    printf("%8s", text);
}

static bool ends_in(const antler_model *model, int64_t output, const char *name)
{
    const char *activation = antler_model_activation(model, output);
    return activation && strcmp(activation, name) == 0;
}

/* Of the column of decisions: 8, or that of the longest name of a class. */
static int decision_width(const antler_model *model)
{
    size_t width = 8, most = 40;
    const char *name;
    for (int64_t i = 0; (name = antler_class_name(model, i)); i++)
        width = strlen(name) > width ? strlen(name) : width;
    return (int)(width < most ? width : most);
}

static void print_decision(int64_t decision, const char *name, int width)
{
    char shown[256];
    if (decision < 0 || name)
        printf("  %*s ", width, name ? antler__shown(name, shown, sizeof shown) : "-");
    else
        printf("  %*" PRId64 " ", width, decision);
}

static void print_rows(const antler_model *model, int64_t output, const prediction *p)
{
    int64_t n = p->shape.rank > 1 ? p->shape.dim[p->shape.rank - 1] : 1;
    int64_t rows = n > 0 ? antler_count(&p->shape, 0) / n : 0;
    bool probability = ends_in(model, output, "sigmoid");
    int width = decision_width(model);
    printf("   index  %*s  %s%s\n", width, "decision",
           probability || ends_in(model, output, "softmax") ? "probabilities" : "outputs",
           p->deviation ? " and their standard deviations" : "");
    for (int64_t row = 0; row < rows; row++) {
        int64_t decision = decide(p->y + row * n, n, probability);
        print_index(&p->shape, row);
        print_decision(decision, decision < 0 ? NULL : antler_class_name(model, decision), width);
        for (int64_t i = 0; i < n; i++)
            printf(" %8.5g", (double)p->y[row * n + i]);
        for (int64_t i = 0; p->deviation && i < n; i++)
            printf("%s%8.5g", i ? " " : "  +- ", (double)p->deviation[row * n + i]);
        putchar('\n');
    }
}

/* A table for each output, under its name where there are several. */
static void print_all(const antler_model *model, const predictions *p)
{
    char shown[256];
    for (int64_t k = 0; k < p->n; k++) {
        if (p->n > 1)
            printf("%s%s:\n", k ? "\n" : "", antler__shown(p->output[k].name, shown, sizeof shown));
        print_rows(model, k, &p->output[k]);
    }
}

static int run(const antler_arguments *a)
{
    static const char *const suffixes[] = {".csv", ".h5", ".hdf5", NULL};
    antler_error err = {0};
    antler_set x = {0};
    predictions p = {0};
    antler_model *model = NULL;
    if (a->output && strcmp(a->output, "-") != 0 && antler__check_output(a->output, suffixes, &err) == ANTLER_OK)
        antler__check_apart(a->data, a->output, &err);
    if (err.status == ANTLER_OK && (model = antler__open_model(a, &err)) &&
        predict(a, model, &x, &p, &err) == ANTLER_OK) {
        antler__set_warn(a, &x, NULL);
        if (a->output && antler__is_table(a->output))
            antler_table_save(model, a->output, p.y, p.deviation, p.output->shape.dim[0], &err);
        else if (a->output)
            write_file(a->output, &p, &err);
        else
            print_all(model, &p);
    }
    free(p.output);
    free(p.y);
    free(p.deviation);
    antler__set_close(&x);
    antler_model_free(model);
    return err.status == ANTLER_OK ? 0 : antler__fail(&err);
}

const antler_command antler__command_predict = {
    "predict",
    "MODEL",
    1,
    1,
    ANTLER_OPTION_DATA | ANTLER_OPTION_MISSING | ANTLER_OPTION_X | ANTLER_OPTION_OUTPUT | ANTLER_OPTION_MC |
        ANTLER_OPTION_BATCH_SIZE | ANTLER_OPTION_SEED | ANTLER_OPTION_THREADS | ANTLER_OPTION_WEIGHTS |
        ANTLER_OPTION_BY_NAME,
    "prints or writes predictions for a data set",
    run,
};

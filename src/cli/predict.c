#include "cli/command.h"
#include "core/memory.h"
#include "files/hdf5.h"
#include "model/model.h"

#include <inttypes.h>
#include <string.h>

typedef struct prediction {
    antler_shape shape; /* (rows, output shape) */
    antler_real *y, *deviation;
} prediction;

static antler_status predict(const antler_arguments *a, antler_model *model, antler_set *x, prediction *p,
                             antler_error *err)
{
    char text[4096];
    const char *path = antler__data_path(a, model, text, sizeof text, err);
    int64_t count, batch = antler__batch_size(a, model);
    if (!path)
        return err->status;
    ANTLER_TRY(antler__set_open(x, path, a->x ? a->x : "x_test", err));
    p->shape = *antler_output_shape(model);
    p->shape.dim[0] = antler__set_count(x);
    if (!antler__count(&p->shape, 0, &count))
        return antler_error_set(err, ANTLER_SHAPE, NULL, "the predictions would be too large");
    p->y = antler__allocate((size_t)count, sizeof *p->y);
    p->deviation = a->mc ? antler__allocate((size_t)count, sizeof *p->deviation) : NULL;
    if (!p->y || (a->mc && !p->deviation))
        return antler_error_set(err, ANTLER_MEMORY, NULL, "no memory for %" PRId64 " predictions", count);
    if (a->mc)
        antler_predict_mc(model, x->data, a->mc, batch, (int)a->threads, p->y, p->deviation, err);
    else
        antler_predict(model, x->data, batch, (int)a->threads, p->y, err);
    antler__blame_data(path, err);
    return err->status;
}

static antler_status write_file(const char *path, const prediction *p, antler_error *err)
{
    antler_dtype dtype = ANTLER_DTYPE_REAL;
    size_t bytes = (size_t)antler_count(&p->shape, 0) * sizeof(antler_real);
    antler_entries entries = {0};
    antler_status status = antler__entries_add(&entries, "/predict", dtype, &p->shape, p->y, bytes, err);
    if (status == ANTLER_OK && p->deviation)
        status = antler__entries_add(&entries, "/predict_std", dtype, &p->shape, p->deviation, bytes, err);
    if (status == ANTLER_OK)
        status = antler__hdf5_write(path, &entries, NULL, NULL, err);
    antler__entries_free(&entries);
    return status;
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

static bool gives_probability(const antler_model *model)
{
    const antler_layer *last = &model->layer[model->layers - 1];
    return last->f && strcmp(last->f->type.class_name, "sigmoid") == 0;
}

static void print_rows(const antler_model *model, const prediction *p)
{
    int64_t n = p->shape.rank > 1 ? p->shape.dim[p->shape.rank - 1] : 1;
    int64_t rows = n > 0 ? antler_count(&p->shape, 0) / n : 0;
    bool probability = gives_probability(model);
    printf("   index  decision  probabilities%s\n", p->deviation ? " and their standard deviations" : "");
    for (int64_t row = 0; row < rows; row++) {
        int64_t decision = decide(p->y + row * n, n, probability);
        print_index(&p->shape, row);
        if (decision < 0)
            printf("  %8s ", "-");
        else
            printf("  %8" PRId64 " ", decision);
        for (int64_t i = 0; i < n; i++)
            printf(" %8.5g", (double)p->y[row * n + i]);
        for (int64_t i = 0; p->deviation && i < n; i++)
            printf("%s%8.5g", i ? " " : "  +- ", (double)p->deviation[row * n + i]);
        putchar('\n');
    }
}

static int run(const antler_arguments *a)
{
    static const char *const suffixes[] = {".h5", ".hdf5", NULL};
    antler_error err = {0};
    antler_set x = {0};
    prediction p = {0};
    antler_model *model = NULL;
    if (a->output)
        antler__check_output(a->output, suffixes, &err);
    if (err.status == ANTLER_OK && (model = antler__open_model(a, &err)) &&
        predict(a, model, &x, &p, &err) == ANTLER_OK) {
        if (a->output)
            write_file(a->output, &p, &err);
        else
            print_rows(model, &p);
    }
    antler__free(p.y);
    antler__free(p.deviation);
    antler__set_close(&x);
    antler_model_free(model);
    return err.status == ANTLER_OK ? 0 : antler__fail(&err);
}

const antler_command antler__command_predict = {
    "predict",
    "MODEL",
    1,
    1,
    ANTLER_OPTION_DATA | ANTLER_OPTION_X | ANTLER_OPTION_OUTPUT | ANTLER_OPTION_MC | ANTLER_OPTION_BATCH_SIZE |
        ANTLER_OPTION_SEED | ANTLER_OPTION_THREADS | ANTLER_OPTION_WEIGHTS,
    "prints or writes predictions for a data set",
    run,
};

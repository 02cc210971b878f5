/* Two images go through one encoder; are they the same digit, and how far apart are the digits? Two inputs, two
   outputs, a model that is a layer of another, and called twice. models/pair.json is the same network.

       pair examples/data/digits.h5 [EPOCHS] */
#include "antler/antler.h"

#include <stdio.h>
#include <stdlib.h>

static antler_model *encoder(antler_error *err)
{
    antler_model *m = antler_sequential("encoder", (int[]){8, 8}, 2, err);
    antler_add(m, flatten);
    antler_add(m, dense, .units = 64, .activation = "relu");
    antler_add(m, dense, .units = 16, .activation = "tanh");
    return m;
}

static antler_model *build(antler_error *err)
{
    antler_model *m = antler_functional("pair", err), *shared = encoder(err);
    antler_value left = antler_input(m, .name = "left", .shape = {8, 8});
    antler_value right = antler_input(m, .name = "right", .shape = {8, 8});
    antler_value a = antler_call_model(m, shared, (left));
    antler_value b = antler_again(m, a, (right));
    antler_value h = antler_call(m, concatenate, (a, b));
    h = antler_call(m, dense, (h), .units = 64, .activation = "relu");
    antler_value same = antler_call(m, dense, (h), .units = 1, .activation = "sigmoid", .name = "same");
    antler_value far = antler_call(m, dense, (h), .units = 1, .name = "far");
    antler_outputs(m, (same, far));
    antler_compile(m, .optimizer = "adam", .loss = ANTLER_JSON({"same" : "binary_crossentropy", "far" : "mse"}),
                   .metrics = {ANTLER_JSON({"same" : "accuracy", "far" : "mae"})},
                   .loss_weights = ANTLER_JSON({"same" : 1, "far" : 0.1}));
    return m;
}

/* Pair i is image i and a later one: of the same digit where i is even, else the next. */
enum { ROWS = 1438, PIXELS = 64 };
static int64_t first[ROWS], second[ROWS];
static antler_real left[ROWS * PIXELS], right[ROWS * PIXELS], digit[ROWS], same[ROWS], far[ROWS];

static void choose_pairs(void)
{
    for (int64_t i = 0; i < ROWS; i++) {
        int64_t j = (i + 1) % ROWS;
        while (i % 2 == 0 && digit[j] != digit[i])
            j = (j + 1) % ROWS;
        second[i] = j;
        same[i] = digit[i] == digit[j];
        far[i] = digit[i] > digit[j] ? digit[i] - digit[j] : digit[j] - digit[i];
    }
}

static antler_status read_pairs(const char *path, antler_error *err)
{
    antler_data *x = antler_data_open(path, "x_train", err), *y = antler_data_open(path, "y_train", err);
    antler_status status = err->status;
    for (int64_t i = 0; i < ROWS; i++)
        first[i] = i;
    if (status == ANTLER_OK)
        status = antler_data_gather(y, first, ROWS, digit, err);
    choose_pairs();
    if (status == ANTLER_OK)
        status = antler_data_gather(x, first, ROWS, left, err);
    if (status == ANTLER_OK)
        status = antler_data_gather(x, second, ROWS, right, err);
    antler_data_free(x);
    antler_data_free(y);
    return status;
}

static antler_data *lend(const antler_real *values, int rank, antler_error *err)
{
    return antler_data_from(values, ANTLER_DTYPE_REAL, &(antler_shape){rank, {ROWS, rank > 1 ? 8 : 1, 8}}, err);
}

static antler_status train(antler_model *m, int epochs, antler_error *err)
{
    antler_data *part[] = {lend(left, 3, err), lend(right, 3, err), lend(same, 1, err), lend(far, 1, err)};
    antler_data *x =
        antler_data_join((const char *[]){"left", "right", NULL}, (const antler_data *[]){part[0], part[1], NULL}, err);
    antler_data *y =
        antler_data_join((const char *[]){"same", "far", NULL}, (const antler_data *[]){part[2], part[3], NULL}, err);
    const antler_logs *logs;
    antler_status status = err->status;
    if (status == ANTLER_OK && antler_fit(m, x, y, .epochs = epochs, .validation_split = 0.2, .seed = 1) != ANTLER_OK)
        status = (*err = *antler_model_error(m)).status;
    int64_t n = antler_history(m, &logs);
    for (int i = 0; status == ANTLER_OK && n > 0 && i < logs[n - 1].n; i++)
        printf("%s %.4f\n", logs[n - 1].name[i], logs[n - 1].value[i]);
    antler_data_free(x);
    antler_data_free(y);
    for (int i = 0; i < 4; i++)
        antler_data_free(part[i]);
    return status;
}

int main(int argc, char **argv)
{
    antler_error err = {0};
    char text[1100];
    if (argc < 2) {
        fprintf(stderr, "usage: pair digits.h5 [EPOCHS]\n");
        return 2;
    }
    antler_status status = read_pairs(argv[1], &err);
    antler_model *m = build(&err);
    if (status == ANTLER_OK)
        status = train(m, argc > 2 ? atoi(argv[2]) : 20, &err);
    if (status != ANTLER_OK)
        fprintf(stderr, "pair: %s\n", antler_error_text(&err, text, sizeof text));
    antler_model_free(m);
    return status == ANTLER_OK ? 0 : 1;
}

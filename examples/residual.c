/* A network with a way around: what goes into the sum is what two layers make of the image, and the image itself.
   models/residual.json is the same network.

       residual examples/data/digits.h5 [EPOCHS] */
#include "antler/antler.h"

#include <stdio.h>
#include <stdlib.h>

static antler_model *build(antler_error *err)
{
    antler_model *m = antler_functional("residual", err);
    antler_value x = antler_input(m, .name = "x", .shape = {8, 8});
    antler_value flat = antler_call(m, flatten, (x));
    antler_value h = antler_call(m, dense, (flat), .units = 64, .activation = "relu");
    h = antler_call(m, dropout, (h), .rate = 0.2);
    h = antler_call(m, dense, (h), .units = 64);
    h = antler_call(m, add, (flat, h));
    antler_call(m, dense, (h), .units = 10, .activation = "softmax");
    antler_compile(m, .optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"});
    return m;
}

static antler_status train(antler_model *m, const char *path, int epochs, antler_error *err)
{
    antler_data *x = antler_data_open(path, "x_train", err), *y = antler_data_open(path, "y_train", err);
    antler_data *x_test = antler_data_open(path, "x_test", err), *y_test = antler_data_open(path, "y_test", err);
    antler_logs logs;
    antler_status status = err->status;
    if (status == ANTLER_OK)
        status = antler_fit(m, x, y, .epochs = epochs, .batch_size = 32, .seed = 1);
    if (status != ANTLER_OK && antler_model_error(m)->status != ANTLER_OK)
        *err = *antler_model_error(m);
    if (status == ANTLER_OK)
        status = antler_evaluate(m, x_test, y_test, 32, 0, &logs, err);
    if (status == ANTLER_OK)
        printf("test, dropout off: loss %.4f, accuracy %.4f\n", logs.value[0], logs.value[1]);
    antler_data_free(x);
    antler_data_free(y);
    antler_data_free(x_test);
    antler_data_free(y_test);
    return status;
}

int main(int argc, char **argv)
{
    antler_error err = {0};
    char text[1100];
    if (argc < 2) {
        fprintf(stderr, "usage: residual digits.h5 [EPOCHS]\n");
        return 2;
    }
    antler_model *m = build(&err);
    antler_status status = train(m, argv[1], argc > 2 ? atoi(argv[2]) : 20, &err);
    if (status != ANTLER_OK)
        fprintf(stderr, "residual: %s\n", antler_error_text(&err, text, sizeof text));
    antler_model_free(m);
    return status == ANTLER_OK ? 0 : 1;
}

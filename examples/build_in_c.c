/* The network ptm_protein, built, trained and asked in C, without any JSON:

       build_in_c examples/data/peptides.h5 [EPOCHS]

   Peptides of at most 50 residues come as tokens, 0 for none; the question is which are antimicrobial (label 1). */
#include "antler/antler.h"

#include <stdio.h>
#include <stdlib.h>

enum { RESIDUES = 50, SYMBOLS = 21, CLASSES = 2 };

static antler_model *build(antler_error *err)
{
    antler_model *m = antler_sequential("ptm_protein", (int[]){RESIDUES}, 1, err);
    antler_add(m, category_encoding, .num_tokens = SYMBOLS, .output_mode = "one_hot");
    antler_add(m, lstm, .units = 8, .return_sequences = true);
    antler_add(m, flatten);
    antler_add(m, dropout, .rate = 0.5);
    antler_add(m, dense, .units = 64, .activation = "relu");
    antler_add(m, dropout, .rate = 0.5);
    antler_add(m, dense, .units = CLASSES, .activation = "softmax");
    antler_compile(m, .optimizer = "adam", .learning_rate = 3e-3, .loss = "sparse_categorical_crossentropy",
                   .metrics = {"accuracy"});
    return m;
}

static bool show(void *user, const antler_progress *p)
{
    (void)user;
    if (p->end_of_epoch)
        printf("epoch %lld: loss %.4f\n", (long long)p->epoch + 1, p->logs->value[0]);
    return true;
}

/* The first test peptide, a hundred times with dropout on: the spread tells how sure the network is. */
static antler_status ask(antler_model *m, const antler_data *x, antler_error *err)
{
    antler_real mean[CLASSES], deviation[CLASSES];
    antler_data *one = antler_data_rows(x, 0, 1, err);
    if (!one)
        return err->status;
    antler_status status = antler_predict_mc(m, one, 100, 1, 0, mean, deviation, err);
    antler_data_free(one);
    if (status == ANTLER_OK)
        printf("first test peptide: antimicrobial with probability %.3f +- %.3f\n", (double)mean[1],
               (double)deviation[1]);
    return status;
}

static antler_status train(antler_model *m, const char *path, int epochs, antler_error *err)
{
    antler_data *x = antler_data_open(path, "x_train", err), *y = antler_data_open(path, "y_train", err);
    antler_data *x_test = antler_data_open(path, "x_test", err), *y_test = antler_data_open(path, "y_test", err);
    antler_logs logs;
    antler_status status = err->status;
    if (status == ANTLER_OK)
        status = antler_fit(m, x, y, .epochs = epochs, .batch_size = 32, .seed = 1, .progress = show);
    if (status != ANTLER_OK && antler_model_error(m)->status != ANTLER_OK)
        *err = *antler_model_error(m);
    if (status == ANTLER_OK)
        status = antler_evaluate(m, x_test, y_test, 32, 0, &logs, err);
    if (status == ANTLER_OK)
        printf("test, dropout off: loss %.4f, accuracy %.4f\n", logs.value[0], logs.value[1]);
    if (status == ANTLER_OK)
        status = ask(m, x_test, err);
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
        fprintf(stderr, "usage: build_in_c peptides.h5 [EPOCHS]\n");
        return 2;
    }
    antler_model *m = build(&err);
    antler_status status = train(m, argv[1], argc > 2 ? atoi(argv[2]) : 20, &err);
    if (status != ANTLER_OK)
        fprintf(stderr, "build_in_c: %s\n", antler_error_text(&err, text, sizeof text));
    antler_model_free(m);
    return status == ANTLER_OK ? 0 : 1;
}

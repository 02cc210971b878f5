/* Tables in text files as people have them, .csv and .tsv: from rows of numbers and texts to answers with names.

       antler_model *m = antler_load("iris.json", &err);
       antler_data *x, *y;
       antler_table_learn(m, "iris.csv", &(antler_table_choice){.y = "species"}, &x, &y, &err);
       antler_fit(m, x, y, .epochs = 100);
       antler_save(m, "iris.keras", &err);

   The model keeps how columns became numbers ("table" of its "fit": names, classes, categories, means), and does the
   same with the next table:

       antler_table_open(m, "new.csv", NULL, &x, NULL, &err);
       antler_predict(m, x, 0, 0, p, &err);
       antler_table_save(m, "answers.csv", p, NULL, antler_data_shape(x)->dim[0], &err);

   docs/your-data.md tells how separators, headings, texts and missing values are understood. */
#ifndef ANTLER_TABLE_H
#define ANTLER_TABLE_H

#include "antler/antler.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is wanted of a table. A member that is NULL or 0 is as "fit" of the model says, or else as here. */
typedef struct antler_table_choice {
    const char *x;             /* columns: "age,income", "#1,#2", "all but id"; default: all that are not in y */
    const char *y;             /* the last */
    const char *sample_weight; /* none */
    const char *missing;       /* "refuse"; "drop" leaves out rows with a missing value, "mean" fills those of x */
    const char *tokens;        /* columns whose texts are numbers 1, 2 ...: those of a model that looks numbers up */
    const char *categories;    /* columns whose cells are names, though they look like numbers */
    double validation_split;   /* 0; what antler_fit will hold back: means are those of the rows before */
} antler_table_choice;

/* Opens a table ("-": standard input) to train on: *x has a number for each column of numbers and as many as there are
   different texts for one of texts, in the shape of the model's input; *y is what the model's loss takes. Builds the
   model, which keeps the record; one that has a record already goes by that, as antler_table_open. `choice` may be
   NULL. ANTLER_DATA and the line of a cell that is not what it must be; ANTLER_NAME for an unknown column;
   ANTLER_SHAPE where the columns do not make what the model takes. Both are for antler_data_free, y with its sample
   weights. */
ANTLER_API antler_status antler_table_learn(antler_model *model, const char *path, const antler_table_choice *choice,
                                            antler_data **x, antler_data **y, antler_error *err);
/* The same for a table to evaluate (y) or predict (y NULL) by the model's record: columns are found by their names,
   whatever their order, or, where a table has none, by their places; a table of as many columns as x are its inputs
   alone. x and y of the choice name columns in place of the learned ones. Texts that training has not seen are
   ANTLER_DATA. A model without a record takes columns of numbers. */
ANTLER_API antler_status antler_table_open(antler_model *model, const char *path, const antler_table_choice *choice,
                                           antler_data **x, antler_data **y, antler_error *err);
/* The name of a class of the targets; NULL past the last, or where they are no texts. The model's. */
ANTLER_API const char *antler_class_name(const antler_model *model, int64_t index);
/* Writes predictions of antler_predict (rows, output) as a .csv file with a heading ("-": to standard output): a column
   for each output, under the name of its class or target, after all of them their deviations (may be NULL), and last,
   of classes, the name of the one that is predicted. For a model of one output of one axis, or else ANTLER_UNSUPPORTED.
   The file is replaced whole or left as it was. */
ANTLER_API antler_status antler_table_save(const antler_model *model, const char *path, const antler_real *y,
                                           const antler_real *deviation, int64_t rows, antler_error *err);

#ifdef __cplusplus
}
#endif
#endif

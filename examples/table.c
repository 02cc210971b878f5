/* From a table with names of classes to a table of answers: table MODEL.json TABLE.csv NEW.csv ANSWERS.csv */
#include "antler/table.h"

#include <stdio.h>
#include <stdlib.h>

int main(int words, char **word)
{
    antler_error err = {0};
    antler_data *x = NULL, *y = NULL, *new = NULL;
    antler_real *answers = NULL;
    char text[1200];
    if (words != 5)
        return 2;
    antler_model *m = antler_load(word[1], &err);
    if (m && antler_table_learn(m, word[2], NULL, &x, &y, &err) == ANTLER_OK) {
        if (antler_fit(m, x, y) != ANTLER_OK)
            err = *antler_model_error(m);
        else if (antler_table_open(m, word[3], NULL, &new, NULL, &err) == ANTLER_OK) {
            int64_t rows = antler_data_shape(new)->dim[0], width = antler_output_shape(m)->dim[1];
            answers = malloc((size_t)(rows * width) * sizeof *answers);
            if (answers && antler_predict(m, new, 0, 0, answers, &err) == ANTLER_OK)
                antler_table_save(m, word[4], answers, NULL, rows, &err);
        }
    }
    antler_data_free(x);
    antler_data_free(y);
    antler_data_free(new);
    antler_model_free(m);
    free(answers);
    if (err.status != ANTLER_OK)
        fprintf(stderr, "%s\n", antler_error_text(&err, text, sizeof text));
    return err.status != ANTLER_OK;
}

/* .csv files: all columns, those of x, and two by name; and as tables that a model learns of and then reads again. */
#include "antler/table.h"
#include "fuzz.h"

#include <stdlib.h>

static antler_model *make(void)
{
    antler_model *m = antler_sequential("m", (int[]){ANTLER_OPEN, 2}, 2, NULL);
    antler_add_json(m, "{\"class_name\": \"Dense\", \"config\": {\"units\": 2}}");
    antler_compile(m, .loss = "sparse_categorical_crossentropy");
    return m;
}

static void learn(const char *path, const antler_table_choice *choice)
{
    antler_model *m = make();
    antler_data *x, *y;
    if (antler_table_learn(m, path, choice, &x, &y, NULL) == ANTLER_OK) {
        antler_data_free(x);
        antler_data_free(y);
        if (antler_table_open(m, path, NULL, &x, &y, NULL) != ANTLER_OK)
            abort(); /* what was learned from it */
        antler_data_free(x);
        antler_data_free(y);
    }
    antler_model_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size, ".csv");
    antler_data_free(antler_data_open(path, NULL, NULL));
    antler_data_free(antler_data_open(path, "x_train", NULL));
    antler_data_free(antler_data_open(path, "a,b", NULL));
    learn(path, NULL);
    learn(path, &(antler_table_choice){.missing = "drop", .x = "all but #2", .tokens = "#1"});
    learn(path, &(antler_table_choice){.missing = "mean", .categories = "#1", .validation_split = 0.5});
    unlink(path);
    return 0;
}

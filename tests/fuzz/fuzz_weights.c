/* Weights as a table, whatever format they come from: a line for each entry, its name, a letter for its type, its
   sizes, and for names the names. The first line says of which model. What is read is written, and read again. */
#include "files/entries.h"
#include "fuzz.h"
#include "model/model.h"
#include "model/weights.h"

#include <string.h>

#define INPUT "{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": [null, 4, 3]}}, "
#define MODEL(layers)                                                                                  \
    "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"m\", \"layers\": [" INPUT layers "]}, " \
    "\"compile_config\": {\"optimizer\": \"adam\", \"loss\": \"mse\"}}"

static const char *const models[] = {
    MODEL("{\"class_name\": \"Dense\", \"config\": {\"units\": 2}}, {\"class_name\": \"Dense\", \"config\": "
          "{\"units\": 1}}"),
    MODEL("{\"class_name\": \"Bidirectional\", \"config\": {\"layer\": {\"class_name\": \"LSTM\", \"config\": "
          "{\"units\": 2}}}}"),
    MODEL("{\"class_name\": \"BatchNormalization\"}, {\"class_name\": \"GRU\", \"config\": {\"units\": 2}}"),
};
enum { MODELS = sizeof models / sizeof models[0], MOST = 1 << 14 };

/* "3x4", or "-" for a scalar. */
static antler_shape shape_of(const char *text)
{
    antler_shape shape = {0};
    while (*text >= '0' && *text <= '9' && shape.rank < ANTLER_MAX_RANK) {
        char *end;
        shape.dim[shape.rank++] = strtol(text, &end, 10);
        text = *end == 'x' ? end + 1 : end;
    }
    return shape;
}

static void add_numbers(antler_entries *entries, const char *name, char letter, const char *sizes)
{
    static const char letters[] = "efdbBhHiIqQ"; /* in the order of antler_dtype, as NumPy names them */
    static const double zeros[MOST];
    const char *at = strchr(letters, letter);
    antler_shape shape = shape_of(sizes);
    int64_t n = 1;
    for (int i = 0; i < shape.rank; i++)
        n = shape.dim[i] <= MOST && n <= MOST ? n * shape.dim[i] : MOST + 1;
    if (at && *at && at > letters && n <= MOST)
        antler__entries_add(entries, name, (antler_dtype)(at - letters), &shape, zeros,
                            (size_t)n * antler_dtype_size((antler_dtype)(at - letters)), NULL);
}

/* NAME TYPE SIZES, or NAME t NAMES, with a comma between two. */
static void add_line(antler_entries *entries, char *line)
{
    char *type = strchr(line, ' '), *rest = type ? strchr(type + 1, ' ') : NULL;
    antler_shape shape = {0};
    if (!rest)
        return;
    *type++ = *rest++ = '\0';
    if (*type == 'g')
        antler__entries_add(entries, line, ANTLER_GROUP, &shape, NULL, 0, NULL);
    if (*type != 't') {
        add_numbers(entries, line, *type, rest);
        return;
    }
    size_t bytes = strlen(rest) + 1;
    shape = (antler_shape){1, {1}};
    for (char *comma = rest; (comma = strchr(comma, ',')); shape.dim[0]++)
        *comma++ = '\0';
    antler__entries_add(entries, line, ANTLER_TEXT, &shape, rest, bytes, NULL);
}

static void read_again(antler_model *model, antler_style style)
{
    antler_entries entries = {0};
    antler_error err = {0};
    antler_status status = antler__weights_write(model, style, &entries, &err);
    antler__entries_sort(&entries);
    if (status == ANTLER_OK)
        status = antler__weights_read(model, &entries, &err);
    if (status != ANTLER_OK) {
        fprintf(stderr, "%s: %s\n", err.place, err.message);
        abort();
    }
    antler__entries_free(&entries);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    antler_entries entries = {0};
    char *text = malloc(size + 1), *end;
    memcpy(text, data, size);
    text[size] = '\0';
    antler_model *model = antler_load_json(models[size > 0 ? *data % MODELS : 0], NULL, NULL);
    for (char *line = strchr(text, '\n'); line; line = end) {
        end = strchr(++line, '\n');
        if (end)
            *end = '\0';
        add_line(&entries, line);
    }
    antler__entries_sort(&entries);
    if (antler__weights_read(model, &entries, NULL) == ANTLER_OK) {
        read_again(model, ANTLER_STYLE_KERAS);
        read_again(model, ANTLER_STYLE_LEGACY);
    }
    antler__entries_free(&entries);
    antler_model_free(model);
    free(text);
    return 0;
}

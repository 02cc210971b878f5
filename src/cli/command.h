/* What the subcommands share: the model, its data, tables and the one line of an error. */
#ifndef ANTLER_COMMAND_H
#define ANTLER_COMMAND_H

#include "antler/antler.h"
#include "antler/layer.h"
#include "cli/options.h"

#include <stdio.h>

extern const antler_command antler__command_train, antler__command_evaluate, antler__command_predict,
    antler__command_summary, antler__command_layers, antler__command_bench, antler__command_gradcheck,
    antler__command_convert, antler__command_doctor, antler__command_plot;

/* The word that the command was called by. */
extern const char *antler__program;

/* Prints "antler: " and the error as one line on standard error; returns exit status 1. */
int antler__fail(const antler_error *err);

/* Zeroed memory for count numbers of `size` bytes, as aligned as a vector likes it; for free. NULL and *err without. */
void *antler__room(int64_t count, size_t size, antler_error *err);

/* ---- models ------------------------------------------------------------------------------------------------------ */

/* Loads argument[0] and --weights, sets --seed; weights that no file has are not drawn yet. Prints the warnings of
 * loading. NULL and *err on failure. */
antler_model *antler__open_model(const antler_arguments *a, antler_error *err);
/* The same for training (which takes an optimizer, too) and evaluating: puts --loss, --optimizer and --metrics in the
   place of the file's. NULL and *err also for a model that is not ready. */
antler_model *antler__open_compiled(const antler_arguments *a, bool trains, antler_error *err);

/* Saves, and prints the warnings of that. */
antler_status antler__save(const antler_arguments *a, antler_model *model, const char *path, antler_error *err);

/* The warnings of a model from number `from` on; returns how many there are in all. */
int64_t antler__print_warnings(const antler_model *model, int64_t from);

/* A text of the model's "fit"; NULL where it says nothing. */
const char *antler__fit_text(const antler_model *model, const char *key);
/* The value of a key of the model's "fit", to be cast by its kind (include/antler/layer.h); NULL without "fit". */
const void *antler__fit_value(const antler_model *model, const char *key);
/* The loss of an output; NULL for none. */
const antler_loss_ops *antler__loss(const antler_model *model, int64_t output);
/* The outputs of the model, and their shapes for data x; for free. NULL and *err on failure. */
int64_t antler__outputs(const antler_model *model);
antler_shape *antler__output_shapes(antler_model *model, const antler_data *x, antler_error *err);

/* --batch-size, or the model's own. */
int64_t antler__batch_size(const antler_arguments *a, const antler_model *model);

/* Whether each layer takes what the one before gives, and all are the model's own. */
bool antler__is_chain(const antler_model *model);
/* "dense", "dense:1" of its second call, "lstm[1]" of another output. */
const char *antler__giver_text(const antler_model *model, const antler_giver *giver, char *text, size_t size);
/* "(None, 8), (None, 4)": the outputs of a layer's first call. */
const char *antler__outputs_text(const antler_layer_view *layer, char *text, size_t size);
/* The table of layers and the totals; of a graph also where each takes its inputs from. */
antler_status antler__print_layers(const antler_model *model, antler_error *err);
/* Optimizer, its rate from the first of `steps` steps to the last, and loss. */
void antler__print_compile(const antler_model *model, int64_t steps);

/* ---- data -------------------------------------------------------------------------------------------------------- */

/* Rows of a data set, and what they are rows of. {0} is empty. */
typedef struct antler_set {
    antler_data *owned[2]; /* each rows of the one before */
    int views;
    antler_data *weight;     /* of the samples, or NULL */
    const antler_data *data; /* the last of them; NULL for none */
} antler_set;

antler_status antler__set_open(antler_set *set, const char *path, const char *name, antler_error *err);
/* Gives targets that were just opened their sample weights; NULL: none. */
antler_status antler__set_weigh(antler_set *set, const char *path, const char *name, antler_error *err);
/* Leaves the set what a validation_split leaves to train on; the rest is another set, to be closed before this one. */
antler_status antler__set_split(antler_set *set, double split, antler_set *rest, antler_error *err);
/* Prints what reading x, or else y, warned of. */
void antler__set_warn(const antler_arguments *a, const antler_set *x, const antler_set *y);
void antler__set_close(antler_set *set);
int64_t antler__set_count(const antler_set *set); /* rows; 0 for an empty one */

/* The data file: --data, or what "fit" names, seen from the model file's folder or else from here. Fills and returns
   text; NULL and *err for none. */
const char *antler__data_path(const antler_arguments *a, const antler_model *model, char *text, size_t size,
                              antler_error *err);
/* Opens x and y of the path, named by the options or else as given. They must have the same number of rows. */
antler_status antler__open_pair(const char *path, const char *x_name, const char *y_name, antler_set *x, antler_set *y,
                                antler_error *err);

/* Whether a path is that of a table, which the model says how to read; "-" is one from standard input. */
bool antler__is_table(const char *path);
/* Opens a table to train on. */
antler_status antler__table_learn(const antler_arguments *a, antler_model *model, const char *path, antler_set *x,
                                  antler_set *y, antler_error *err);
/* Opens what is evaluated, with weights, or of y NULL predicted: of a table, or x_test and y_test, or what the options
   say. */
antler_status antler__open_xy(const antler_arguments *a, antler_model *model, const char *path, antler_set *x,
                              antler_set *y, antler_error *err);

/* Names the file of an error that has none yet; of data only where it is one of data or shapes. */
void antler__blame(const char *path, antler_error *err);
void antler__blame_data(const char *path, antler_error *err);

/* Predicts x and prints a matrix of classes for each output that has a loss. */
antler_status antler__confusion_print(antler_model *model, const antler_data *x, const antler_data *y, int64_t batch,
                                      int threads, antler_error *err);

/* Refuses labels that are no classes of the model, before any work, with their row in the file. */
antler_status antler__targets_check(const antler_model *model, const antler_data *y, const char *path, const char *name,
                                    antler_error *err);
/* The part of y that is for an output by its name, or else the only one; NULL for none. */
const antler_data *antler__part_for(const antler_model *model, const antler_data *y, int64_t output);
/* "title  4,000 samples; classes 0 to 9: 393, 392 ..."; the classes where there are up to 20, by their
   names where the model has such. */
antler_status antler__targets_print(const antler_model *model, const char *title, const antler_data *y,
                                    antler_error *err);

/* Random data that a model can train on: tokens where it takes such, targets that fit its losses. */
typedef struct antler_random_data {
    antler_shape *input, *output; /* of the model; dim[0]: rows. Open axes have a length */
    antler_real *x, *y;           /* for all inputs, and for all outputs with a loss, one after the other */
    antler_data *x_data, *y_data;
    antler_data **part; /* [parts] of which these are joined */
    int parts;
    int64_t x_width, y_width; /* numbers of a sample */
} antler_random_data;
/* For a model of antler__open_compiled. length: of open axes; 0: 32, or more where the model takes no less. */
antler_status antler__random_data_make(antler_model *model, int64_t rows, int64_t length, antler_random_data *data,
                                       antler_error *err);
void antler__random_data_free(antler_random_data *data);

/* Random numbers, a function of the seed. */
typedef struct antler_source {
    uint64_t seed, position;
    uint32_t word[64];
    int left; /* of word */
} antler_source;
double antler__random_uniform(antler_source *source);           /* in [0, 1) */
int64_t antler__random_below(antler_source *source, int64_t n); /* 0 .. n - 1 */

/* ---- output ------------------------------------------------------------------------------------------------------ */

/* Refuses a path that could not be written: a missing or read-only folder, a suffix that is not in the list. Done
   before hours of work, not after. */
bool antler__has_suffix(const char *path, const char *suffix); /* and a name before it */
antler_status antler__check_output(const char *path, const char *const *suffixes, antler_error *err);
/* The output is another file than the data; NULL: there is none. */
antler_status antler__check_apart(const char *data, const char *output, antler_error *err);

/* A folder for output, and how much of its path was there before. {0} is none. */
typedef struct antler_folder {
    const char *path;
    size_t there; /* characters of path */
} antler_folder;
/* Makes the folder and those above it, and tries whether `file` can be written in it. */
antler_status antler__folder_make(antler_folder *folder, const char *path, const char *file, antler_error *err);
/* Takes back the folders that were made and are empty still. */
void antler__folder_drop(const antler_folder *folder);

/* Brings what was printed to the reader. One that has gone away (`antler train | head`) is no failure: the work goes
   on, and what is printed later goes nowhere. For a command that has another result than what it prints. */
void antler__flush(void);

/* The text as it may be shown on a terminal, cut to fit; returns shown. */
const char *antler__shown(const char *text, char *shown, size_t size);

/* A table of text, printed when it is whole, so that columns fit their cells. */
typedef struct antler_table {
    int columns;
    size_t cells, room;
    char **cell;
    bool failed; /* no memory */
} antler_table;
void antler__table_add(antler_table *table, const char *format, ...) ANTLER_PRINTF(2, 3);
/* Prints the rows, the first of them a heading with a rule beneath it, and frees the cells. `right`: bit i aligns
   column i to the right. */
antler_status antler__table_print(antler_table *table, unsigned right, antler_error *err);

/* "key": "text", in JSON. */
void antler__put_text(FILE *file, const char *key, const char *text);
/* "407,050" */
const char *antler__number_text(int64_t n, char *text, size_t size);
/* "loss 0.5 accuracy 0.9", without an end of line. */
void antler__logs_print(const antler_logs *logs);
double antler__seconds(void); /* of a clock that only goes forward */

#endif

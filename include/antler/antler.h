/* Antler: networks defined in JSON or in C, trained, evaluated, saved and served. A model file is a Keras model file.

       antler_error err = {0};
       antler_data *x = antler_data_open("digits.h5", "x_train", &err);
       antler_data *y = antler_data_open("digits.h5", "y_train", &err);
       antler_model *m = antler_sequential("mlp", (int[]){8, 8}, 2, &err);
       antler_add(m, flatten);
       antler_add(m, dense, .units = 64, .activation = "relu");
       antler_add(m, batch_normalization);
       antler_add(m, dense, .units = 10, .activation = "softmax");
       antler_compile(m, .optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"});
       if (antler_fit(m, x, y, .epochs = 20, .batch_size = 32, .validation_split = 0.2) != ANTLER_OK)
           ... antler_error_text(antler_model_error(m), text, sizeof text) ...
       else if (antler_save(m, "digits.keras", &err) != ANTLER_OK)
           ... antler_error_text(&err, text, sizeof text) ...

   An error in making a model (antler_add, antler_compile, antler_build) stays with it: later calls return the same
   status and do nothing, so that a chain of calls is checked once, by its last call or by antler_model_error. A compile
   that failed is made good by one that succeeds. What is built can be predicted with, saved and given weights whatever
   came after. Errors of antler_fit (its settings, its data) are of that call: antler_model_error tells them until the
   next antler_fit, and they refuse nothing; the weights are those that the batches before the error left, but moving
   statistics have seen a batch whose targets are refused. All take a NULL model, as one for which there was no memory.
   Strings and arrays given are copied; a getter lends, until the model changes. */
#ifndef ANTLER_ANTLER_H
#define ANTLER_ANTLER_H

#include "antler/base.h"
#include "antler/layers.h"

/* For the macros below: the text of their arguments after expansion, and the address of a struct that holds them until
   the call is over. An item without a name comes after the last member, which the compiler complains of. */
#define ANTLER_TEXT_(...) #__VA_ARGS__
#ifdef __cplusplus
#include "antler/cplusplus.h"
extern "C" {
#else
#define ANTLER_LEND_(type, ...) \
    &(struct type)              \
    {                           \
        .end_ = 0, __VA_ARGS__  \
    }
#define ANTLER_VALUES_(...) \
    (const antler_value[]){__VA_ARGS__}, (int)(sizeof((antler_value[]){__VA_ARGS__}) / sizeof(antler_value))
#endif

/* The library's version, "0.1.0"; static. */
ANTLER_API const char *antler_version(void);

/* The instruction set of the kernels in use: "avx512", "avx2", "neon" or "baseline"; *complaint (may be NULL) is what
   was wrong with ANTLER_ISA in the environment, or NULL. */
ANTLER_API const char *antler_isa(const char **complaint);

/* ---- data: n rows of one shape ---------------------------------------------------------------------------------- */

/* Opaque: rows in memory or in files, for antler_fit and its like. antler_data_free frees it. */
typedef struct antler_data antler_data;

/* The types of numbers in arrays and files; computation is in antler_real. */
typedef enum antler_dtype {
    ANTLER_FLOAT16,
    ANTLER_FLOAT32,
    ANTLER_FLOAT64,
    ANTLER_INT8,
    ANTLER_UINT8,
    ANTLER_INT16,
    ANTLER_UINT16,
    ANTLER_INT32,
    ANTLER_UINT32,
    ANTLER_INT64,
    ANTLER_UINT64,
    ANTLER_TEXT, /* zero-terminated strings, one after the other: attributes of files only */
    ANTLER_GROUP /* no data: a group of a file */
} antler_dtype;
ANTLER_API size_t antler_dtype_size(antler_dtype dtype); /* bytes of one number; 0 for text and group */

/* The one that antler_real is. */
#ifdef ANTLER_DOUBLE
#define ANTLER_DTYPE_REAL ANTLER_FLOAT64
#else
#define ANTLER_DTYPE_REAL ANTLER_FLOAT32
#endif

/* Opens data set `name` of `path`: a data set of an HDF5 file (.h5, .hdf5), NAME.npy or NAME.csv of a directory, a .npy
   file (name may be NULL), or columns of a .csv or .tsv file: one by its name in the header, or several, "a,b", in that
   order; a name "x_..." that is no column is all but the last column, "y_..." the last; without a name all columns. The
   shape of a .csv file is always (rows, columns); columns that are not asked for may hold any text. NULL and *err on
   failure. Data sets of up to 1 GiB are read into memory; of larger ones the rows are read when they are used (a .csv
   file must not be larger). */
ANTLER_API antler_data *antler_data_open(const char *path, const char *name, antler_error *err);
/* Parts, one for each input or output of a model that has several: matched to them by name, without names (NULL) by
   order. Both lists end with NULL, and the parts must outlive this. A group of an HDF5 file, or a folder of .npy and
   .csv files in a directory, is opened by its name as the same: its data sets are the parts. Of outputs without a loss
   there need be none. */
ANTLER_API antler_data *antler_data_join(const char *const *name, const antler_data *const *part, antler_error *err);
/* The index-th part with its name, or NULL for none; data that was not joined is its own one part. NULL past the last.
 */
ANTLER_API const antler_data *antler_data_part(const antler_data *data, int64_t index, const char **name);

/* Lends the caller's array to the library: it must outlive the data. shape.dim[0] is the number of rows. */
ANTLER_API antler_data *antler_data_from(const void *values, antler_dtype dtype, const antler_shape *shape,
                                         antler_error *err);
/* Rows [first, first + n) of other data, which must outlive this one. */
ANTLER_API antler_data *antler_data_rows(const antler_data *data, int64_t first, int64_t n, antler_error *err);
/* The part that a validation_split of Keras leaves to train on, the first floor(rows * (1 - split)) rows, and the rest.
   Both are as antler_data_rows makes them; a split that leaves either empty is ANTLER_VALUE. */
ANTLER_API antler_status antler_data_split(const antler_data *data, double split, antler_data **first,
                                           antler_data **rest, antler_error *err);

/* Windows of a series, whose rows are steps of time, as Keras's timeseries_dataset_from_array makes them. */
struct antler_timeseries {
    int64_t sequence_length; /* steps of a window */
    int64_t horizon;         /* steps from a window's last step to its target; 0: the last step itself */
    int64_t sequence_stride; /* steps from a window to the next */
    int64_t sampling_rate;   /* steps from one of a window to the next: 1 takes all */
};
enum { ANTLER_MOST_STEPS = 1000000000 }; /* of each of these */
/* Windows of a series (steps, ...), of shape (windows, sequence_length, ...), and the targets that belong to them, rows
   of the same or another series as long: (windows, ...). Only windows whose target is in the series are there; with a
   horizon of 0 that is all. The rows stay the series', which must outlive these; its sample weights are the targets'.
   antler_data_split cuts the series, so that no window or target of one part reaches into the other. */
ANTLER_API antler_data *antler_data_windows(const antler_data *series, const struct antler_timeseries *settings,
                                            antler_error *err);
ANTLER_API antler_data *antler_data_targets(const antler_data *series, const struct antler_timeseries *settings,
                                            antler_error *err);
/* How images are read. */
struct antler_images {
    int64_t height, width; /* that they are resized to, bilinearly */
    int64_t channels;      /* 1: grey; 3: red, green, blue; 4: and alpha */
    bool shuffle;          /* in an order by the seed, or in that of the classes and names */
    int64_t seed;          /* of that order */
};
/* The images of a folder, (images, height, width, channels) with numbers from 0 to 255, and their classes, numbers from
   0 (images): there is a folder in it for each class, in the order of their names, as Keras's
   image_dataset_from_directory has it. PNG and JPEG are read, when they are used; names that begin with a dot are
   passed over. y NULL: the classes are not wanted, and the images may lie in the folder itself. ANTLER_DATA where there
   are none; a damaged image is an error, with its name, of what reads it. */
ANTLER_API antler_status antler_data_images(const char *path, const struct antler_images *settings, antler_data **x,
                                            antler_data **y, antler_error *err);
/* The name of a class of such targets; NULL past the last. */
ANTLER_API const char *antler_data_class(const antler_data *y, int64_t index);
/* Whether it is a folder that has images, in folders of classes or itself. */
ANTLER_API bool antler_is_image_folder(const char *path);
/* Gives targets sample weights, which antler_fit and antler_evaluate then multiply the rows of the losses by, and those
   of the weighted metrics: one for each sample, or one for each step. The weights must outlive the targets and all that
   antler_data_rows and antler_data_split make of these, which have them, too; NULL: none. Those of joined targets are
   for every output whose part has none itself. */
ANTLER_API antler_status antler_data_weigh(antler_data *y, const antler_data *weight, antler_error *err);
/* NULL is fine. Data made of it (rows, parts) is to be freed before. */
ANTLER_API void antler_data_free(antler_data *data);
/* What was read and may have been meant otherwise, such as a first line "0,1,2" of a .csv file; NULL for nothing. */
ANTLER_API const antler_error *antler_data_warning(const antler_data *data);
ANTLER_API const antler_shape *antler_data_shape(const antler_data *data); /* dim[0]: rows; of joined data that alone */

/* Rows row[0..n) as antler_real, one after the other, to `out`; of joined data those of each part after another.
   Refuses NaN and infinities, and integers beyond 2^24, which a float does not hold: the error says which row of which
   file. */
ANTLER_API antler_status antler_data_gather(const antler_data *data, const int64_t *row, int64_t n, antler_real *out,
                                            antler_error *err);

/* An array, as antler_data_save writes it. */
typedef struct antler_array {
    const char *name;   /* of the data set: "x_train"; in a group "x_train/left" */
    antler_dtype dtype; /* of each number in `values` */
    antler_shape shape; /* of `values` */
    const void *values; /* borrowed for the call: row-major, as many as the shape says */
} antler_array;

/* Writes arrays as the data sets of one HDF5 file, which is replaced whole or left as it was; the same arrays give the
   same bytes. about: a line for people, the file's attribute "about"; NULL for none. */
ANTLER_API antler_status antler_data_save(const char *path, const char *about, const antler_array *array, int arrays,
                                          antler_error *err);

/* ---- models ----------------------------------------------------------------------------------------------------- */

/* Opaque: layers, weights, compile settings. antler_model_free frees it, all that it lends, and contexts that it keeps.
 */
typedef struct antler_model antler_model;

/* A Sequential without layers for samples of the given shape (no batch axis). A size of ANTLER_OPEN is an axis of
   variable length, as null in files: the data has it. NULL only without memory. Its batch is open, which Keras does not
   take for a stateful layer: a model of those begins with antler_functional and antler_input(m, .batch_shape = ...). */
ANTLER_API antler_model *antler_sequential(const char *name, const int *shape, int rank, antler_error *err);
/* NULL is fine. Contexts of the model are to be freed before. */
ANTLER_API void antler_model_free(antler_model *model);

/* Adds a layer: antler_add(m, dense, .units = 10). The struct is in layers.h. Settings are named, and may come from a
   macro of yours; in C++ they stand in the order of the struct's members.

   antler_add, antler_compile and antler_fit are macros over a function each, which other languages call. These take a
   struct of settings, its size, and the text `given`, which tells the members that were given, as 0 and false are
   values too: ".units = 10, .use_bias = false", of which what stands between an = and the next comma (outside of
   brackets and literals) does not matter; ".units=,.use_bias=" says the same. "" is none. Members that it does not name
   are not read. Later versions only append members: `size` may be less than this version's, never more. */
#define antler_add(model, ...) ANTLER_ADD_(model, __VA_ARGS__, )
#define ANTLER_ADD_(model, t, ...)                                                                               \
    antler_add_given(model, &antler_layer_##t, ANTLER_LEND_(antler_##t, __VA_ARGS__), sizeof(struct antler_##t), \
                     ANTLER_TEXT_(__VA_ARGS__))
ANTLER_API antler_status antler_add_given(antler_model *model, const struct antler_layer_ops *ops, const void *settings,
                                          size_t size, const char *given);
/* The same from JSON, of a layer or of a model: {"class_name": "Dense", "config": {"units": 10}}. */
ANTLER_API antler_status antler_add_json(antler_model *model, const char *json);

/* ---- models that are graphs: docs/graphs.md ---- */

/* A tensor of a Functional under construction: what a call of a layer or model gave. {0}: none, as a call gives that
   failed; what is made of it fails too, and the first error stays with the model. */
typedef struct antler_value {
    const antler_model *model; /* that it is a value of */
    int64_t layer, call;       /* the call that gave it: of which layer, and which of that layer's, from 0 */
    int output;                /* which output of the call, from 0 */
} antler_value;

/* A Functional without layers: antler_input and antler_call make it, each adding a layer.

       antler_value x = antler_input(m, .name = "x", .shape = {64});
       antler_value h = antler_call(m, dense, (x), .units = 64, .activation = "relu");
       antler_call(m, add, (x, h));

   Its inputs are in the order in which they were made. antler_add goes on from the last value. */
ANTLER_API antler_model *antler_functional(const char *name, antler_error *err);

/* An input; settings are those of input_layer (layers.h): .shape of a sample, or .batch_shape. */
#define antler_input(...) ANTLER_INPUT_(__VA_ARGS__, )
#define ANTLER_INPUT_(model, ...)                                                                               \
    antler_call_given(model, &antler_layer_input_layer, NULL, 0, ANTLER_LEND_(antler_input_layer, __VA_ARGS__), \
                      sizeof(struct antler_input_layer), ANTLER_TEXT_(__VA_ARGS__))
/* Adds a layer and calls it on values: antler_call(m, concatenate, (a, b), .axis = 1). Settings are as of antler_add.
   The value is its first output. */
#define antler_call(model, ...) ANTLER_CALL_(model, __VA_ARGS__, )
#define ANTLER_CALL_(model, t, in, ...)                                                                   \
    antler_call_given(model, &antler_layer_##t, ANTLER_VALUES_ in, ANTLER_LEND_(antler_##t, __VA_ARGS__), \
                      sizeof(struct antler_##t), ANTLER_TEXT_(__VA_ARGS__))
ANTLER_API antler_value antler_call_given(antler_model *model, const struct antler_layer_ops *ops,
                                          const antler_value *in, int inputs, const void *settings, size_t size,
                                          const char *given);
/* The macros below are over a function each, whose name ends in _list: it takes values and how many they are. */

/* The same from JSON, of a layer or of a model. */
#define antler_call_json(model, json, in) antler_call_json_list(model, json, ANTLER_VALUES_ in)
ANTLER_API antler_value antler_call_json_list(antler_model *model, const char *json, const antler_value *in,
                                              int inputs);
/* Calls the layer or model that `made` came from once more, on other values: its weights are shared. */
#define antler_again(model, made, in) antler_again_list(model, made, ANTLER_VALUES_ in)
ANTLER_API antler_value antler_again_list(antler_model *model, antler_value made, const antler_value *in, int inputs);
/* Calls a model as a layer. `inner` is a part of `model` from then on, on failure too, which frees it: it can be called
   by this again, which shares its weights, and is refused all else. Where it has weights, loaded or drawn, they come
   along; its compile settings do not, and contexts of it are to be freed before. Its name is that of a layer; one that
   nobody gave is numbered. antler_model_free leaves a part alone, and a NULL model takes none: a program may free both,
   the part first. */
#define antler_call_model(model, inner, in) antler_call_model_list(model, inner, ANTLER_VALUES_ in)
ANTLER_API antler_value antler_call_model_list(antler_model *model, antler_model *inner, const antler_value *in,
                                               int inputs);
/* Another output of the same call: the states of an LSTM with return_state, the second output of a model. */
ANTLER_API antler_value antler_output(antler_value of, int index);
/* The outputs, in this order. Left out: the last call alone. */
#define antler_outputs(model, values) antler_outputs_list(model, ANTLER_VALUES_ values)
ANTLER_API antler_status antler_outputs_list(antler_model *model, const antler_value *value, int values);

/* Adds a model as a layer, as antler_call_model does: to a Sequential, or on the last value. */
ANTLER_API antler_status antler_add_model(antler_model *model, antler_model *inner);
/* Whether any of the model's layers is trained, as Keras's model.trainable; default true. Weights that it has stay;
   what an optimizer remembers does not, nor may a context of the model be in use. */
ANTLER_API antler_status antler_set_trainable(antler_model *model, bool trainable);

/* ---- what all models have ---- */

enum { ANTLER_MAX_METRICS = 8 };

/* Settings of training. optimizer and loss: a name or ANTLER_JSON({"class_name": ..., "config": ...}).
   A model of several outputs takes a loss that is given so for each of them, and adds up. A list has one for each,
   ANTLER_JSON(["mse", null]), a dict one for those that it names, ANTLER_JSON({"kind": "mse"}): an output without a
   loss has no targets. Its metrics are such a list, .metrics = {ANTLER_JSON([["mae"], ["accuracy", "mse"]])}, or such a
   dict. */
struct antler_compile {
    const char *optimizer;                   /* default "rmsprop" in Keras; here "adam" */
    const char *loss;                        /* NULL: none, or with `keep` the one there is */
    const char *metrics[ANTLER_MAX_METRICS]; /* names or JSON */
    double learning_rate;                    /* of an optimizer given by name; default: the optimizer's */
    const char *loss_weights;                /* ANTLER_JSON([1, 0.5]), ANTLER_JSON({"kind": 0.5}); default: all 1 */
    const char *weighted_metrics;            /* ANTLER_JSON(["mae"]): as metrics, but weighted by sample weights */
    bool keep;                               /* false; what is not given, or NULL, stays as it was: as the file says */
    int end_;
};
/* Sets optimizer, loss and metrics: antler_compile(m, .loss = "mse"). Macro over antler_compile_given, as antler_add
   is. ANTLER_NAME or ANTLER_VALUE stay with the model until a compile succeeds. */
#define antler_compile(...) ANTLER_COMPILE_(__VA_ARGS__, )
#define ANTLER_COMPILE_(model, ...)                                                                       \
    antler_compile_given(model, ANTLER_LEND_(antler_compile, __VA_ARGS__), sizeof(struct antler_compile), \
                         ANTLER_TEXT_(__VA_ARGS__))
ANTLER_API antler_status antler_compile_given(antler_model *model, const struct antler_compile *settings, size_t size,
                                              const char *given);
/* Whether a built model has a loss that fits its outputs: if not, why antler_fit and antler_evaluate will refuse it. A
   model that was loaded predicts whatever its file says of training. What could not be read of that, such as a loss of
   somebody's own, is among its warnings, with a status other than ANTLER_OK; antler_fit and antler_evaluate refuse it
   with the same error until antler_compile has put something in its place: with .keep in that of what was not read. */
ANTLER_API antler_status antler_model_ready(const antler_model *model, antler_error *err);

/* Loads a model: .json (architecture, compile settings, "fit"), .keras, or .h5 (Keras's whole-model file), told by its
   first bytes, whatever its name. NULL and *err on failure; nothing is half loaded. */
ANTLER_API antler_model *antler_load(const char *path, antler_error *err);
/* The same with places of its JSON changed before it is read: "fit.epochs=5", "config.layers[1].config.units=64" (a
   value is JSON, or a bare word), NULL-terminated. A place that is not there is ANTLER_NAME; in a "config",
   "compile_config" or "fit" a last key may be new. An .h5 file has no "compile_config" there. */
ANTLER_API antler_model *antler_load_changed(const char *path, const char *const *change, antler_error *err);
/* The same from a JSON text; `name` stands for the file in errors. */
ANTLER_API antler_model *antler_load_json(const char *json, const char *name, antler_error *err);
/* Adds weights from .weights.h5, .keras or .h5. All or nothing: every weight of the model has one in the file, and
   every weight of the file is the model's. */
ANTLER_API antler_status antler_load_weights(antler_model *model, const char *path, antler_error *err);
/* The same for the layers whose names are in the file, a legacy .h5: other layers keep what they have, and what the
   file has beyond them is passed over, its optimizer state too. No layer in common is ANTLER_NAME. */
ANTLER_API antler_status antler_load_weights_by_name(antler_model *model, const char *path, antler_error *err);
/* Saves by suffix: .keras, .weights.h5 (weights and optimizer), .h5 (whole model), .json (no weights). The file is
   replaced whole, or left as it was. */
ANTLER_API antler_status antler_save(antler_model *model, const char *path, antler_error *err);
/* Whether antler_save could say the model in the format of the path's suffix, to be asked before hours of work: a model
   of an older Keras may compute what a file of today's cannot say. ANTLER_UNSUPPORTED and *err if not. */
ANTLER_API antler_status antler_save_check(const antler_model *model, const char *path, antler_error *err);
/* Writes the model as an ONNX file (opset 18) for inference: layers' names and weights, a batch of any size; what a
   layer means that ONNX cannot say is refused by its name (ANTLER_UNSUPPORTED, docs/onnx.md). The file is replaced
   whole, or left as it was. flags: 0, or ANTLER_ONNX_NOISE, which keeps Dropout and its like as nodes that drop. */
enum { ANTLER_ONNX_NOISE = 1 };
ANTLER_API antler_status antler_save_onnx(antler_model *model, const char *path, unsigned flags, antler_error *err);
/* The model's JSON as Keras writes it. The caller frees it with antler_text_free. NULL without memory. */
ANTLER_API char *antler_model_json(antler_model *model, antler_error *err);
/* Frees what antler_model_json gave; NULL is fine. */
ANTLER_API void antler_text_free(char *text);

/* What a file is, one thing at a time: what->place (may be "") and what->message. */
typedef enum antler_finding {
    ANTLER_FOUND_FILE,       /* its format and size */
    ANTLER_FOUND_WRITER,     /* who wrote it, when */
    ANTLER_FOUND_CONTENT,    /* layers, weights, an optimizer's state; data sets */
    ANTLER_FOUND_TRANSLATED, /* what it says in another Keras's words */
    ANTLER_FOUND_IGNORED,    /* what has no effect */
    ANTLER_FOUND_UNREAD,     /* of training, what could not be read: antler_fit and antler_evaluate refuse it */
    ANTLER_FOUND_FAULT,      /* what keeps it from being used */
    ANTLER_FOUND_KERAS       /* what today's Keras, 3.15, makes of it, from what is known of that */
} antler_finding;
typedef void (*antler_finding_fn)(void *user, antler_finding finding, const antler_error *what);
/* Looks into a model, weights or data file, whole or damaged, and tells what it is. ANTLER_OK: the library can use it,
   as what it is. */
ANTLER_API antler_status antler_examine(const char *path, antler_finding_fn tell, void *user);

/* Reads a model's file and tells all its mistakes at once, in the order of the file: ANTLER_FOUND_FAULT with file, line
   (of a .json), place and message, also of what only training needs; then ANTLER_FOUND_IGNORED for each warning. A
   layer that cannot be read hides nothing but the shapes behind it. ANTLER_OK: there is none, else the status of the
   first. */
ANTLER_API antler_status antler_check(const char *path, antler_finding_fn tell, void *user);

/* Reads HDF5 in a forked child, which a damaged file may crash without harm (the command does). Default off. */
ANTLER_API void antler_guard_files(bool on);
/* Whether a file could be written at path now, tried in the way antler_save goes: through links to their file, by a new
   one beside it. ANTLER_FILE and *err if not; nothing is left behind, and what is there stays as it is. For checking an
   output before hours of work. */
ANTLER_API antler_status antler_file_check(const char *path, antler_error *err);

/* Settles shapes, parameters and initial weights. Called by whatever needs it; call it to see errors early. The weights
   are drawn from `seed` of antler_set_seed, or of "fit" in the model's JSON; 0 else. */
ANTLER_API antler_status antler_build(antler_model *model);
/* What initial weights are drawn from, before antler_build. */
ANTLER_API antler_status antler_set_seed(antler_model *model, int64_t seed);
/* The seed in use: of antler_set_seed, antler_fit or "fit"; 0 else. */
ANTLER_API int64_t antler_model_seed(const antler_model *model);
/* Lent until the model changes. */
ANTLER_API const char *antler_model_name(const antler_model *model);
/* Why the model cannot be made, or why the last antler_fit failed; status ANTLER_OK: neither. */
ANTLER_API const antler_error *antler_model_error(const antler_model *model);
/* What loading warned of (keys without effect; settings of training that could not be read, which have a status; a loss
   of probabilities on an output that gives none), training (a callback that watches what is not there, targets that are
   no probabilities), predicting and evaluating (weights that the call itself drew), and saving (what the file does not
   hold); NULL past the last. antler_compile takes away what it replaced. */
ANTLER_API const antler_error *antler_model_warning(const antler_model *model, int64_t index);

/* Shapes with ANTLER_BATCH in dim[0], or the batch that the model's input fixes, and ANTLER_OPEN where the data
   decides; of several the first. The model must have been built; so for all questions about it that follow. */
ANTLER_API const antler_shape *antler_input_shape(const antler_model *model);
ANTLER_API const antler_shape *antler_output_shape(const antler_model *model);
/* The index-th input or output, with its name: that of its layer; of an output, of the layer or the model in the model
   that gives it, "NAME_1" for a second one of a name; a key where the file has an object of them. *name may be left
   out. NULL past the last. */
ANTLER_API const antler_shape *antler_model_input(const antler_model *model, int64_t index, const char **name);
ANTLER_API const antler_shape *antler_model_output(const antler_model *model, int64_t index, const char **name);
/* The shapes of all outputs for data x, with its rows and the lengths that it has along open axes: what antler_predict
   gives. output: [outputs]. ANTLER_SHAPE where the data does not fit. */
ANTLER_API antler_status antler_output_shapes(antler_model *model, const antler_data *x, antler_shape *output,
                                              antler_error *err);
/* Samples of a batch where a call does not say: the batch that the input fixes, or that of "fit", or 32. */
ANTLER_API int64_t antler_model_batch(const antler_model *model);
/* The input takes whole numbers from 0 to below this (rows of an Embedding's table); 0: any numbers. 2 also stands for
   an input of an integer dtype that no layer looks up: it takes any whole numbers (pixels), of which 0 and 1 will do.
 */
ANTLER_API int64_t antler_model_tokens(const antler_model *model);
ANTLER_API int64_t antler_input_tokens(const antler_model *model, int64_t index); /* of the index-th input */
/* Whether the model has noise that training or Monte Carlo prediction turns on. */
ANTLER_API bool antler_model_random(const antler_model *model);
/* The activation that the output comes from ("softmax"); NULL where there is none. */
ANTLER_API const char *antler_output_activation(const antler_model *model);
ANTLER_API const char *antler_model_activation(const antler_model *model, int64_t index); /* of the index-th output */

/* A variable of the model, in the order of Keras's model.weights; NULL past the last. The data may be changed. */
typedef struct antler_variable {
    const char *layer;   /* "dense_1" */
    const char *name;    /* "kernel" */
    bool trainable;      /* whether antler_fit changes it by gradients */
    antler_tensor value; /* without data until antler_build draws the weights, or a file gives them */
} antler_variable;
ANTLER_API const antler_variable *antler_model_variable(const antler_model *model, int64_t index);

/* Where an input of a call comes from: an output of a call of a layer. */
typedef struct antler_giver {
    int64_t layer, call; /* call: of that layer, from 0 */
    int output;          /* of that call, from 0 */
} antler_giver;

/* One call of a layer. */
typedef struct antler_call_view {
    int inputs, outputs;        /* lengths of the lists below */
    const antler_giver *input;  /* [inputs] */
    const antler_shape *output; /* [outputs] */
    const bool *is_output;      /* [outputs] whether the model gives it */
} antler_call_view;

/* A layer as the summary shows it; NULL past the last. Layers of models in the model are named by their path,
   "base/dense". */
typedef struct antler_layer_view {
    const char *name, *class_name; /* "dense_1", "Dense" */
    antler_shape output;           /* the first, of its first call */
    int64_t parameters, trainable; /* numbers of weights, and of those that are trained */
    int64_t calls;                 /* an input has one, which takes nothing */
    const antler_call_view *call;  /* [calls] */
} antler_layer_view;
ANTLER_API const antler_layer_view *antler_model_layer(const antler_model *model, int64_t index);

/* ---- running: a context holds all that changes in a run --------------------------------------------------------- */

/* Opaque: all that changes while a model runs (activations, gradients, states), and the threads that it runs on. */
typedef struct antler_context antler_context;
enum {                            /* flags of a context */
       ANTLER_KEEP = 1,           /* every layer's output and gradient stays readable (antler_read) */
       ANTLER_INPUT_GRADIENT = 2, /* the pass back goes down to the input */
       ANTLER_SILENT = 4,         /* noise is off in every mode, as if all rates were 0 */
};

/* For ANTLER_INFER or ANTLER_MC: any number of contexts may run one model at a time. batch: the largest batch. threads:
   0 for the machine's number, at most ANTLER_MAX_THREADS. NULL and *err on failure. The model must stay until the
   context is freed; its weights may change between two passes, by antler_fit too, and antler_compile leaves the context
   its old loss. One thread at a time may use a context. In a child of fork it works on one thread. */
ANTLER_API antler_context *antler_context_create(const antler_model *model, antler_mode mode, int64_t batch,
                                                 int threads, unsigned flags, antler_error *err);
/* For ANTLER_TRAIN: updates statistics in the model, so this context has the model to itself while it runs. */
ANTLER_API antler_context *antler_context_create_train(antler_model *model, int64_t batch, int threads, unsigned flags,
                                                       antler_error *err);
/* NULL is fine. */
ANTLER_API void antler_context_free(antler_context *context);
/* Of a model with axes of variable length (ANTLER_OPEN): how long they are in the passes that follow, which a new
   context does not know. input: [inputs] shapes whose dim[0] is not looked at. output: [outputs], or NULL: those of the
   outputs then, with dim[0] of the model's. The same lengths again cost nothing; others plan the context anew, on its
   threads and with the model's compile settings of now: what stateful layers carry stays, gradients and what
   antler_read shows do not. On failure (a layer does not take them, no memory) it is as it was. */
ANTLER_API antler_status antler_context_at(antler_context *context, const antler_shape *input, antler_shape *output,
                                           antler_error *err);

/* Where the noise of the next forward pass comes from: the batch number in training or the Monte Carlo sample, and the
   global index of the batch's first sample. Both are 0 at first; they do not move by themselves. */
ANTLER_API void antler_context_seek(antler_context *context, int64_t step, int64_t row);
/* Zeroes the state of stateful layers. */
ANTLER_API void antler_context_reset(antler_context *context);

/* A forward pass over n samples (n <= batch) in the context's mode. x: (n, input shape); in training it must stay until
   the pass back. y: (n, output shape), or NULL. */
ANTLER_API antler_status antler_forward(antler_context *context, const antler_real *x, int64_t n, antler_real *y,
                                        antler_error *err);
/* After antler_forward of a training context: the compiled loss of that pass against y, penalties included, and all
   gradients. *loss may be NULL. */
ANTLER_API antler_status antler_backward(antler_context *context, const antler_real *y, double *loss,
                                         antler_error *err);
/* The same from a gradient of the output, without any loss or penalty: dy (n, output shape). dx: NULL, or (in a context
   made with ANTLER_INPUT_GRADIENT) where the gradient of the input goes (n, input shape). */
ANTLER_API antler_status antler_backward_from(antler_context *context, const antler_real *dy, antler_real *dx,
                                              antler_error *err);
/* One step of the compiled optimizer with the gradients of the last backward pass. */
ANTLER_API antler_status antler_update(antler_context *context, antler_error *err);

/* What the last pass left in a layer of a context made with ANTLER_KEEP. GRADIENT: of the output (of the
   logits, for a last layer whose loss takes them). PARAMETER_GRADIENT:
   index-th parameter of the layer itself. MASK_BITS: the index-th of the layer's masks of one bit an element: 1 where
   Dropout kept, where Masking let a step pass; 0 elsewhere. The tensor's data is the context's; MASK_BITS' shape is the
   mask's, and its data stays until the next one is read. */
typedef enum antler_what { ANTLER_OUTPUT, ANTLER_GRADIENT, ANTLER_PARAMETER_GRADIENT, ANTLER_MASK_BITS } antler_what;
ANTLER_API antler_status antler_read(antler_context *context, const char *layer, antler_what what, int index,
                                     antler_tensor *tensor, antler_error *err);
/* Gradient of a variable of the model after antler_backward, without ANTLER_KEEP; NULL for one that is not trained. */
ANTLER_API const antler_real *antler_gradient(const antler_context *context, int64_t variable);

/* How the gradient of one weight compares with central differences of the loss. */
typedef struct antler_gradient_outcome {
    const antler_variable *variable; /* whose gradient it is; the model's */
    int64_t checked, kinks; /* elements that were looked at; those of them where the loss has a kink, and any gradient
                               between the slopes on its two sides is right */
    double largest, difference; /* elements of the gradient; between it and the differences */
    bool ok;                    /* within what rounding allows */
} antler_gradient_outcome;
typedef void (*antler_gradient_fn)(void *user, const antler_gradient_outcome *outcome);
/* Compares the gradients of a context for training of a compiled model, for one batch of n samples as antler_forward
   and antler_backward take them, with the noise of step 1. Of weights with more than 20 elements 20 are looked at, or
   `all`. tell, which may be NULL, hears of each trained weight. ANTLER_VALUE and *err name the first whose gradient is
   wrong: in double by more than 1e-6 of its largest element; in float, which has not the digits, more
   than half of it by 1e-2. */
ANTLER_API antler_status antler_gradcheck(antler_context *context, const antler_real *x, const antler_real *y,
                                          int64_t n, bool all, antler_gradient_fn tell, void *user, antler_error *err);

/* ---- training, evaluating, predicting --------------------------------------------------------------------------- */

/* Losses that a model of several outputs can have, and values of all metrics. */
enum { ANTLER_MOST_LOSSES = 8, ANTLER_MOST_METRICS = 32 };
enum { ANTLER_MAX_LOGS = 2 * (1 + ANTLER_MOST_LOSSES + ANTLER_MOST_METRICS) + 2 };

/* Values of one epoch or evaluation: "loss"; of several losses each, unweighted, as "NAME_loss" by its output's name;
   then the metrics, "NAME_accuracy" where there are several outputs, and "f1_score_0", "f1_score_1" ... of a metric
   that has several values; then "val_loss" ...; of a callback that changes it, "learning_rate". The names are the
   model's: they last until it is compiled anew or freed, those of its history until the next antler_fit. */
typedef struct antler_logs {
    int n;                             /* how many of the following */
    const char *name[ANTLER_MAX_LOGS]; /* "loss", "accuracy", "val_loss" ... */
    double value[ANTLER_MAX_LOGS];     /* of the same index */
} antler_logs;

/* Called during fit: after every batch (end_of_epoch false; running means) and after every epoch. Returning false stops
   the training after this batch, with status ANTLER_STOPPED; a checkpoint is then written as of that batch. */
typedef struct antler_progress {
    int64_t epoch, epochs, batch, batches; /* from 0; `batch` batches of this epoch are done */
    double seconds;                        /* since the epoch began */
    bool end_of_epoch;                     /* false: a batch was done */
    const antler_logs *logs;               /* lent for the call: means so far, or of the epoch */
    double checkpoint;                     /* of the epoch's seconds, those that checkpoints took */
} antler_progress;
typedef bool (*antler_progress_fn)(void *user, const antler_progress *progress);

/* Model.fit's arguments. What is left out comes from "fit" in the model's JSON, or is Keras's default. */
struct antler_fit {
    int64_t epochs;                                 /* 1; passes over the data, those before initial_epoch counted */
    int64_t initial_epoch;                          /* 0; the number of the first one */
    int64_t batch_size;                             /* antler_model_batch: 32 */
    double validation_split;                        /* 0; the last part of the data, before shuffling */
    const antler_data *validation_x, *validation_y; /* borrowed for the call; both or neither */
    bool shuffle;                                   /* true; the rows anew in each epoch */
    int64_t window;                                 /* rows that are shuffled together; 0: all */
    int64_t seed;           /* of the shuffle, the noise and, if the model has no weights yet, those: the model's from
                               then on, unless the fit is refused before its first step */
    const char *callbacks;  /* JSON list, in place of the one of "fit" */
    const char *checkpoint; /* directory: the whole state is written there after every epoch */
    bool resume;            /* go on from the checkpoint, if there is one; that of another fit changes nothing */
    int threads;            /* 0: the machine's number */
    antler_progress_fn progress; /* NULL: none */
    void *user;                  /* for progress */
    bool adapt;                  /* false; antler_adapt with the data to train on, before the first step */
    const char *class_weight;    /* ANTLER_JSON({"0": 1, "1": 5}): weights of samples by the class of their target, of a
                                    model of one output; default: all 1 */
    const char *learning_rate_multipliers; /* ANTLER_JSON({"base/dense": 0.1}): factors of the rate, by names of layers;
                                              0: no update */
    const char *save_freq; /* how often to write the checkpoint: "epoch", "10 epochs", or "500" for as many batches */
    bool terminate_on_nan; /* true: a loss that is no finite number ends it with ANTLER_DIVERGED and an error that says
                              where, before the step; the model has the weights of the last whole epoch then (or those
                              from before the fit), and its optimizer starts anew. False: Keras's way */
    int end_;
};
/* Trains: antler_fit(m, x, y, .epochs = 20). x and y (inputs and targets) are borrowed. Builds the model first. Status
   and antler_model_error tell what is wrong with settings or data; ANTLER_STOPPED is a `progress` that said so. */
#define antler_fit(model, x, ...) ANTLER_FIT_(model, x, __VA_ARGS__, )
#define ANTLER_FIT_(model, x, y, ...)                                                               \
    antler_fit_given(model, x, y, ANTLER_LEND_(antler_fit, __VA_ARGS__), sizeof(struct antler_fit), \
                     ANTLER_TEXT_(__VA_ARGS__))
ANTLER_API antler_status antler_fit_given(antler_model *model, const antler_data *x, const antler_data *y,
                                          const struct antler_fit *settings, size_t size, const char *given);

/* What the last antler_fit logged: epochs, and the logs of each. */
ANTLER_API int64_t antler_history(const antler_model *model, const antler_logs **logs);

/* How the last antler_fit ended. Indices are into its history, and -1 for none. */
typedef struct antler_outcome {
    bool stopped_early; /* a callback ended it before its last epoch */
    int64_t best;       /* epoch whose `monitor` is best */
    const char
        *monitor; /* of the first callback that has one and whose value is logged; else "val_loss"; else "loss" */
    double value; /* of it in that epoch */
    int64_t kept; /* epoch whose weights the model has: the last, or one that a callback put back */
} antler_outcome;
ANTLER_API antler_outcome antler_fit_outcome(const antler_model *model);

/* The rate of the compiled optimizer; NaN where a schedule decides, or without an optimizer. Setting it takes the place
   of a schedule; 0 or more. */
ANTLER_API double antler_learning_rate(const antler_model *model);
ANTLER_API antler_status antler_set_learning_rate(antler_model *model, double rate, antler_error *err);

/* These three run on a context that the model keeps for the next call (of any batch up to the largest so far, and the
   same `threads`), so that only the first one starts threads and takes memory. Several threads may call them on one
   model that has been built, while none changes it; where they meet, all but one make contexts of their own, which is
   slow: a server gives each of its threads a context (antler_context_create). */

/* Loss and metrics over all of x and y, in inference. logs may be NULL. In these three, a batch_size of 0 is
   antler_model_batch, and the number of threads is as for a context; below 0 they are ANTLER_VALUE. */
ANTLER_API antler_status antler_evaluate(antler_model *model, const antler_data *x, const antler_data *y,
                                         int64_t batch_size, int threads, antler_logs *logs, antler_error *err);
/* Before training: layers that are to know their inputs (Normalization, Discretization) learn of all of x, each from
   what the layers before it make of it, as by Keras's layer.adapt. One that was given what it needs stays as it is; a
   model without any is no error. All of a layer's inputs are in memory at a time. */
ANTLER_API antler_status antler_adapt(antler_model *model, const antler_data *x, antler_error *err);
/* Predictions for all of x, in inference: y has rows * output numbers, of a model with axes of variable length those
   that antler_output_shapes tells. The rows of one x have one length; another x may have another one. */
ANTLER_API antler_status antler_predict(antler_model *model, const antler_data *x, int64_t batch_size, int threads,
                                        antler_real *y, antler_error *err);
/* Mean and standard deviation (population; may be NULL) of `samples` predictions with the noise layers on. */
ANTLER_API antler_status antler_predict_mc(antler_model *model, const antler_data *x, int64_t samples,
                                           int64_t batch_size, int threads, antler_real *mean, antler_real *deviation,
                                           antler_error *err);

/* The same, and shows what they are made of: each (may be NULL) is called, by the calling thread, for rows
   [first, first + n) of an output in each sample; y: (n, output shape), until it returns. A row comes once a sample. */
typedef void (*antler_sample_fn)(void *user, int64_t output, int64_t first, int64_t n, const antler_real *y);
ANTLER_API antler_status antler_predict_samples(antler_model *model, const antler_data *x, int64_t samples,
                                                int64_t batch_size, int threads, antler_real *mean,
                                                antler_real *deviation, antler_sample_fn each, void *user,
                                                antler_error *err);

#ifdef __cplusplus
}
#endif
#endif

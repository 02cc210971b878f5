/* The settings of a fit: Model.fit's arguments, from "fit" in a model's JSON and from C callers. */

#include "train/fit_settings.h"

#include "config/given.h"
#include "config/registry.h"
#include "core/memory.h"
#include "files/columns.h"
#include "model/compile.h"

#include <string.h>

#define AT(member) offsetof(antler_fit_settings, member)

static const antler_field fields[] = {
    {.key = "data",
     .kind = ANTLER_STRING,
     .offset = AT(data),
     .def = "null",
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .doc = "file to train on, from the model file's folder"},
    {.key = "x",
     .kind = ANTLER_STRING,
     .offset = AT(x),
     .def = "null",
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .doc = "name of its inputs; x_train when left out"},
    {.key = "y",
     .kind = ANTLER_STRING,
     .offset = AT(y),
     .def = "null",
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .doc = "name of its targets; y_train when left out"},
    {.key = "validation_data",
     .kind = ANTLER_STRINGS,
     .offset = AT(validation_data),
     .def = "[]",
     .flags = ANTLER_UNWRITTEN,
     .doc = "names of x, y and maybe weights to validate on, such as [\"x_test\", \"y_test\"]"},
    {.key = "batch_size",
     .kind = ANTLER_INT,
     .offset = AT(args.batch_size),
     .def = "32",
     .min = 1,
     .max = 1e9,
     .doc = "samples of one step"},
    {.key = "epochs",
     .kind = ANTLER_INT,
     .offset = AT(args.epochs),
     .def = "1",
     .min = 1,
     .max = 1e9,
     .doc = "number of the last epoch"},
    {.key = "initial_epoch",
     .kind = ANTLER_INT,
     .offset = AT(args.initial_epoch),
     .def = "0",
     .min = 0,
     .max = 1e9,
     .flags = ANTLER_UNWRITTEN,
     .doc = "number of the first epoch"},
    {.key = "validation_split",
     .kind = ANTLER_REAL,
     .offset = AT(args.validation_split),
     .def = "0",
     .min = 0,
     .max = 1,
     .flags = ANTLER_OPEN_MAX,
     .doc = "share of the data, from its end, that is validated on"},
    {.key = "shuffle",
     .kind = ANTLER_BOOL,
     .offset = AT(args.shuffle),
     .def = "true",
     .doc = "a new order of the samples every epoch"},
    {.key = "adapt",
     .kind = ANTLER_BOOL,
     .offset = AT(args.adapt),
     .def = "false",
     .flags = ANTLER_UNWRITTEN,
     .doc = "layers that are to know the data learn of it before the first step"},
    {.key = "terminate_on_nan",
     .kind = ANTLER_BOOL,
     .offset = AT(args.terminate_on_nan),
     .def = "true",
     .flags = ANTLER_UNWRITTEN,
     .doc = "a loss that is no finite number ends the training, as a failure"},
    {.key = "window",
     .kind = ANTLER_INT,
     .offset = AT(args.window),
     .def = "0",
     .min = 0,
     .max = 1e15,
     .flags = ANTLER_UNWRITTEN,
     .doc = "rows that are shuffled together, 0: all"},
    {.key = "seed",
     .kind = ANTLER_INT,
     .offset = AT(args.seed),
     .def = "0",
     .min = -9e15,
     .max = 9e15,
     .doc = "of the initial weights, the shuffle and the noise"},
    {.key = "callbacks",
     .kind = ANTLER_OBJECTS,
     .offset = AT(callbacks),
     .text = AT(args.callbacks),
     .def = "[]",
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .of = ANTLER_KIND_CALLBACK,
     .doc = "Keras's callbacks"},
    {.key = "sample_weight",
     .kind = ANTLER_STRING,
     .offset = AT(sample_weight),
     .def = "null",
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .doc = "name of the weights of its samples"},
    {.key = "missing",
     .kind = ANTLER_STRING,
     .offset = AT(missing),
     .def = "null",
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .doc = "missing values of a table: refuse, drop or mean"},
    {.key = "tokens",
     .kind = ANTLER_STRING,
     .offset = AT(tokens),
     .def = "null",
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .doc = "columns of a table whose texts are numbered from 1"},
    {.key = "categories",
     .kind = ANTLER_STRING,
     .offset = AT(categories),
     .def = "null",
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .doc = "columns of a table that hold names, though they look like numbers"},
    {.key = "class_weight",
     .kind = ANTLER_REAL,
     .offset = AT(class_weight),
     .text = AT(args.class_weight),
     .def = "null",
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN | ANTLER_BY_OUTPUT,
     .doc = "weights of samples by their class, such as {\"0\": 1, \"1\": 5}"},
    {.key = "learning_rate_multipliers",
     .kind = ANTLER_REAL,
     .offset = AT(multipliers),
     .text = AT(args.learning_rate_multipliers),
     .def = "null",
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN | ANTLER_BY_OUTPUT,
     .doc = "factors of the rate, by names of layers: {\"base/dense\": 0.1}; 0: no update"},
    ANTLER_FIELD_END,
};

static antler_status check(void *config, antler_error *err)
{
    const antler_fit_settings *settings = config;
    const antler_by_output *m = &settings->multipliers;
    antler_missing missing;
    if (!antler__missing_find(settings->missing, &missing))
        return antler_error_set(err, ANTLER_VALUE, "missing", "\"%.40s\" is not refuse, drop or mean",
                                settings->missing);
    for (int64_t i = 0; i < m->n; i++)
        if (!m->item[i].name || !(m->item[i].number >= 0 && m->item[i].number <= 1e30))
            return antler_error_set(err, ANTLER_VALUE, "learning_rate_multipliers",
                                    "expected a dict of numbers, 0 or more, by names of layers");
    return ANTLER_OK;
}

const antler_type antler__fit_type = {.size = sizeof(antler_type),
                                      .kind = ANTLER_KIND_SETTINGS,
                                      .class_name = "fit",
                                      .doc = "arguments of training",
                                      .config_size = sizeof(antler_fit_settings),
                                      .fields = fields,
                                      .check = check};

const antler_type *const antler__settings[] = {&antler__fit_type, &antler__compile_type, &antler__training_type, NULL};

/* Keys of the model's own "fit" that the caller did not give. */
static bool add_base(antler_json *config, const antler_fit_settings *base)
{
    antler_json *all = base ? antler__config_write(&antler__fit_type, base, NULL, NULL, ANTLER_STYLE_KERAS)
                            : antler__json_object(NULL, NULL);
    bool fits = all;
    for (const antler_json *item = antler__json_first(all); fits && item; item = antler__json_next(item))
        if (!antler__json_get(config, antler__json_key(item)))
            fits = antler__json_add_copy(config, antler__json_key(item), item) != NULL;
    antler__json_free(all);
    return fits;
}

/* What is no field: pointers and what only a running program has. */
static const antler_member others[] = {
    ANTLER_MEMBER(struct antler_fit, validation_x),
    ANTLER_MEMBER(struct antler_fit, validation_y),
    ANTLER_MEMBER(struct antler_fit, checkpoint),
    ANTLER_MEMBER(struct antler_fit, resume),
    ANTLER_MEMBER(struct antler_fit, threads),
    ANTLER_MEMBER(struct antler_fit, progress),
    ANTLER_MEMBER(struct antler_fit, user),
    ANTLER_MEMBER(struct antler_fit, save_freq),
    {NULL, 0},
};

static void copy_rest(struct antler_fit *to, const struct antler_fit *from, const char *given)
{
    if (antler__given(given, "validation_x"))
        to->validation_x = from->validation_x;
    if (antler__given(given, "validation_y"))
        to->validation_y = from->validation_y;
    if (antler__given(given, "checkpoint"))
        to->checkpoint = from->checkpoint;
    if (antler__given(given, "resume"))
        to->resume = from->resume;
    if (antler__given(given, "threads"))
        to->threads = from->threads;
    if (antler__given(given, "progress"))
        to->progress = from->progress;
    if (antler__given(given, "user"))
        to->user = from->user;
    if (antler__given(given, "save_freq"))
        to->save_freq = from->save_freq;
}

antler_status antler__fit_merge(const antler_model *model, const struct antler_fit *args, size_t size,
                                const char *given, antler_fit_settings **settings, antler_error *err)
{
    antler_place place = antler__at(NULL, "fit");
    ANTLER_TRY(
        antler__given_check(args, size, given, &(antler_form){sizeof *args, &antler__fit_type, others}, &place, err));
    antler_json *config = antler__json_object(NULL, NULL);
    antler_fit_settings members = {0}; /* so that the fields' offsets hold; an older program's may be shorter */
    if (size)
        memcpy(&members.args, args, size);
    antler_report report = {.err = err};
    void *merged = NULL;
    antler_status status = config ? antler__config_from_struct(&antler__fit_type, &members, given, &place, config, err)
                                  : antler__no_memory(err);
    if (status == ANTLER_OK && !add_base(config, model->fit))
        status = antler__no_memory(err);
    if (status == ANTLER_OK)
        status = antler__config_read(&antler__fit_type, config, &place, &report, &merged);
    antler__json_free(config);
    ANTLER_TRY(status);
    *settings = merged;
    copy_rest(&(*settings)->args, &members.args, given);
    return ANTLER_OK;
}

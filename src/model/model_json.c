/* A model's JSON, as Keras writes it and as people write it by hand. */
#include "config/given.h"
#include "config/registry.h"
#include "core/memory.h"
#include "core/number.h"
#include "model/model.h"

#include <math.h>
#include <string.h>

enum { PLACE = 256 };

static antler_status no_memory(antler_report *report, const char *place)
{
    return antler__report_error(report, ANTLER_MEMORY, place, "out of memory");
}

static const char *string_at(const antler_json *object, const char *key)
{
    const antler_json *node = object ? antler__json_get(object, key) : NULL;
    return node && antler__json_type(node) == ANTLER_JSON_STRING ? antler__json_string(node) : NULL;
}

static bool is_null(const antler_json *node)
{
    return !node || antler__json_type(node) == ANTLER_JSON_NULL;
}

/* ---- compile_config ---- */

static bool is_accuracy(const char *name)
{
    return strcmp(name, "accuracy") == 0 || strcmp(name, "acc") == 0;
}

/* "accuracy" is no type of its own, so the registry does not suggest it. */
static bool is_nearly_accuracy(const antler_json *node)
{
    const char *name = antler__json_string(node);
    return antler__json_type(node) == ANTLER_JSON_STRING && !antler_type_find(ANTLER_KIND_METRIC, name) &&
           antler_name_distance(name, "accuracy") <= 2;
}

/* Keras 2 files wrap a metric's function: {"class_name": "MeanMetricWrapper", "config": {"fn": "mean_squared_error"}}.
 */
static const antler_json *unwrap_metric(const antler_json *node)
{
    const char *name = string_at(node, "class_name");
    const antler_json *config = antler__json_get(node, "config");
    const antler_json *fn =
        name && config && strcmp(name, "MeanMetricWrapper") == 0 ? antler__json_get(config, "fn") : NULL;
    return fn ? fn : node;
}

/* Metrics come as a name, an object, or lists or objects of those, nested by output. */
static antler_status read_metrics(const antler_json *node, const char *place, antler_report *report,
                                  antler_compile_settings *s)
{
    bool object = antler__json_type(node) == ANTLER_JSON_OBJECT;
    if (antler__json_type(node) == ANTLER_JSON_NULL)
        return ANTLER_OK;
    if (antler__json_type(node) == ANTLER_JSON_ARRAY || (object && !antler__json_get(node, "class_name"))) {
        int64_t i = 0;
        for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item), i++) {
            char there[PLACE];
            if (object)
                antler__place(there, sizeof there, place, antler__json_key(item));
            else
                antler__place_item(there, sizeof there, place, i);
            ANTLER_TRY(read_metrics(item, there, report, s));
        }
        return ANTLER_OK;
    }
    if (s->metrics == ANTLER_MAX_METRICS)
        return antler__report_error(report, ANTLER_VALUE, place, "more than %d metrics", ANTLER_MAX_METRICS);
    const antler_json *metric = object ? unwrap_metric(node) : node;
    if (antler__json_type(metric) == ANTLER_JSON_STRING && is_accuracy(antler__json_string(metric))) {
        s->metrics++; /* the empty object stands for it */
        return ANTLER_OK;
    }
    if (is_nearly_accuracy(metric))
        return antler__report_error(report, ANTLER_NAME, place, "unknown metric \"%s\"; did you mean \"accuracy\"?",
                                    antler__json_string(metric));
    ANTLER_TRY(antler__object_read(ANTLER_KIND_METRIC, metric, place, report, &s->metric[s->metrics]));
    antler_metric_keys *keys = s->metric[s->metrics++].config;
    if (antler__json_type(node) == ANTLER_JSON_STRING && keys) { /* Keras logs it under the name that it was given by */
        keys->name = antler__copy_text(antler__json_string(node));
        return keys->name ? ANTLER_OK : no_memory(report, place);
    }
    return ANTLER_OK;
}

/* The one loss of one output, which may stand in a list or under the output's name. */
static const antler_json *the_loss(const antler_json *node)
{
    bool list = antler__json_type(node) == ANTLER_JSON_ARRAY;
    bool named = antler__json_type(node) == ANTLER_JSON_OBJECT && !antler__json_get(node, "class_name");
    return (list || named) && antler__json_length(node) == 1 ? antler__json_first(node) : node;
}

/* Keys of compile_config that Antler does not act on, with the one value besides null that they may have. */
static const antler_field compile_ignored[] = {
    {.key = "loss_weights", .kind = ANTLER_ANY, .def = "null"},
    {.key = "weighted_metrics", .kind = ANTLER_ANY, .def = "[]"},
    {.key = "sample_weight_mode", .kind = ANTLER_ANY, .def = "null"},
    {.key = "run_eagerly", .kind = ANTLER_ANY},
    {.key = "steps_per_execution", .kind = ANTLER_ANY},
    {.key = "jit_compile", .kind = ANTLER_ANY},
    {.key = "auto_scale_loss", .kind = ANTLER_ANY},
    {.key = "name", .kind = ANTLER_ANY},
    ANTLER_FIELD_END,
};

static antler_status read_compile_key(const antler_json *item, const char *place, antler_report *report,
                                      antler_compile_settings *s)
{
    const char *key = antler__json_key(item);
    if (strcmp(key, "optimizer") == 0 || strcmp(key, "optimizer_config") == 0) { /* the second is legacy files' */
        if (s->optimizer.type)
            return antler__report_error(report, ANTLER_VALUE, place, "a second optimizer");
        return antler__object_read(ANTLER_KIND_OPTIMIZER, item, place, report, &s->optimizer);
    }
    if (strcmp(key, "loss") == 0)
        return antler__object_read(ANTLER_KIND_LOSS, the_loss(item), place, report, &s->loss);
    if (strcmp(key, "metrics") == 0)
        return read_metrics(item, place, report, s);
    for (const antler_field *field = compile_ignored; field->kind != ANTLER_END; field++)
        if (strcmp(field->key, key) == 0) {
            if (is_null(item) || !field->def || antler__json_is(item, field->def) == 1)
                return ANTLER_OK;
            return antler__report_error(report, ANTLER_UNSUPPORTED, place, "not supported; only %s is", field->def);
        }
    if (is_null(item))
        return ANTLER_OK;
    return antler__report_error(report, ANTLER_NAME, place, "no such key in the compile settings");
}

antler_status antler__compile_read(const antler_json *node, const char *place, antler_report *report,
                                   antler_compile_settings **settings)
{
    *settings = NULL;
    if (is_null(node))
        return ANTLER_OK;
    if (antler__json_type(node) != ANTLER_JSON_OBJECT)
        return antler__report_error(report, ANTLER_VALUE, place, "the compile settings are not an object");
    antler_compile_settings *s = antler__allocate_zeroed(1, sizeof *s);
    if (!s)
        return no_memory(report, place);
    antler_status status = ANTLER_OK;
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item)) {
        char there[PLACE];
        antler__place(there, sizeof there, place, antler__json_key(item));
        antler_status one = read_compile_key(item, there, report, s);
        status = status == ANTLER_OK ? one : status;
    }
    if (status != ANTLER_OK) {
        antler__compile_free(s);
        return status;
    }
    *settings = s;
    return ANTLER_OK;
}

static bool write_compile(const antler_compile_settings *s, antler_json *root, antler_style style)
{
    bool legacy = style == ANTLER_STYLE_LEGACY;
    antler_json *config = legacy ? root : antler__json_object(root, "compile_config"), *metrics;
    if (!config || !antler__object_write(s->optimizer, config, legacy ? "optimizer_config" : "optimizer", style) ||
        !antler__object_write(s->loss, config, "loss", style) || !(metrics = antler__json_array(config, "metrics")))
        return false;
    for (int i = 0; i < s->metrics; i++)
        if (!(s->metric[i].type ? antler__object_write(s->metric[i], metrics, NULL, style)
                                : antler__json_add_string(metrics, NULL, "accuracy")))
            return false;
    return !legacy || antler__json_add_null(root, "loss_weights"); /* without which Keras does not load the file */
}

/* ---- C callers' compile settings ---- */

static bool add_text(antler_json *parent, const char *key, const char *text, antler_status *status, antler_error *err)
{
    if (*text != '{')
        return antler__json_add_string(parent, key, text) != NULL;
    antler_json *parsed;
    *status = antler__json_parse(text, strlen(text), &parsed, err);
    if (*status != ANTLER_OK)
        return true; /* not for want of memory */
    bool added = antler__json_add_copy(parent, key, parsed) != NULL;
    antler__json_free(parsed);
    return added;
}

static bool add_optimizer(antler_json *config, const struct antler_compile *settings, bool rate, antler_status *status,
                          antler_error *err)
{
    if (!rate || *settings->optimizer == '{')
        return add_text(config, "optimizer", settings->optimizer, status, err);
    antler_json *object = antler__json_object(config, "optimizer");
    antler_json *inner = object && antler__json_add_string(object, "class_name", settings->optimizer)
                             ? antler__json_object(object, "config")
                             : NULL;
    return inner && antler__json_add_real(inner, "learning_rate", settings->learning_rate);
}

static antler_status compile_json(const struct antler_compile *settings, const char *given, antler_json *config,
                                  antler_error *err)
{
    struct antler_compile s = *settings;
    if (!antler__given(given, "optimizer") || !s.optimizer)
        s.optimizer = "adam";
    if (antler__given(given, "learning_rate") && !isfinite(s.learning_rate)) /* JSON has no such number */
        return antler_error_set(err, ANTLER_VALUE, "compile_config.optimizer.config.learning_rate",
                                "%g is not a finite number", s.learning_rate);
    antler_status status = ANTLER_OK;
    antler_json *metrics = antler__json_array(config, "metrics");
    bool fits = metrics && add_optimizer(config, &s, antler__given(given, "learning_rate"), &status, err);
    if (fits && status == ANTLER_OK && antler__given(given, "loss") && s.loss)
        fits = add_text(config, "loss", s.loss, &status, err);
    for (int i = 0;
         fits && status == ANTLER_OK && antler__given(given, "metrics") && i < ANTLER_MAX_METRICS && s.metrics[i]; i++)
        fits = add_text(metrics, NULL, s.metrics[i], &status, err);
    return fits ? status : antler__no_memory(err);
}

static const char *const compile_names[] = {"optimizer", "loss", "metrics", "learning_rate", NULL};

antler_status antler_compile_given(antler_model *model, const struct antler_compile *settings, size_t size,
                                   const char *given)
{
    struct antler_compile whole = {0}; /* an older program's may be shorter */
    if (model && model->compile_failed) { /* made good by this one, or failed anew */
        model->error = (antler_error){0};
        model->compile_failed = false;
    }
    ANTLER_TRY(antler__model_status(model));
    antler_error error = {0};
    antler_report report = {.err = &error};
    antler_compile_settings *compiled = NULL;
    antler_json *config = antler__json_object(NULL, NULL);
    antler_status status = config ? antler__given_check(given, size, &(antler_form){sizeof whole, NULL, compile_names},
                                                        "compile_config", &error)
                                  : antler__no_memory(&error);
    if (status == ANTLER_OK && size)
        memcpy(&whole, settings, size);
    if (status == ANTLER_OK)
        status = compile_json(&whole, given, config, &error);
    if (status == ANTLER_OK)
        status = antler__compile_read(config, "compile_config", &report, &compiled);
    antler__json_free(config);
    model->compile_failed = status != ANTLER_OK;
    if (status != ANTLER_OK)
        return antler__model_fail(model, &error);
    antler__spare_drop(model); /* its loss and metrics are the old ones */
    antler__compile_free(model->compile);
    model->compile = compiled;
    antler__slots_free(model); /* another optimizer's state means nothing to this one */
    model->iteration = 0;
    return ANTLER_OK;
}

/* ---- layers ---- */

/* "build_input_shape": [null, 28, 28], as Sequential without an InputLayer keeps it. */
static bool read_shape(const antler_json *node, int64_t *shape)
{
    if (is_null(node) || antler__json_type(node) != ANTLER_JSON_ARRAY || antler__json_length(node) > ANTLER_MAX_RANK)
        return false;
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item), shape++) {
        double size = antler__json_number(item);
        bool fits = antler__json_type(item) == ANTLER_JSON_NUMBER && size >= 1 && size <= ANTLER_DOUBLE_EXACT &&
                    size == floor(size);
        if (!fits && !is_null(item))
            return false;
        *shape = fits ? (int64_t)size : ANTLER_NULL;
    }
    *shape = 0;
    return true;
}

/* A model without an InputLayer gets one, from the legacy key of its first layer or from the shape it was built with.
 */
static antler_status settle_input(antler_model *model, const antler_json *root, const antler_json *config,
                                  antler_report *report)
{
    if (((const antler_layer_ops *)model->object[0].type)->flags & ANTLER_SOURCE)
        return ANTLER_OK;
    struct antler_layer_keys *keys = antler__layer_keys(model->object[0]);
    const antler_json *build = antler__json_get(root, "build_config");
    int64_t shape[ANTLER_MAX_RANK + 1];
    antler_error error = {0};
    bool legacy = keys->batch_input_shape[0] != 0;
    if (!legacy && !read_shape(antler__json_get(config, "build_input_shape"), shape) &&
        !(build && read_shape(antler__json_get(build, "input_shape"), shape)))
        return antler__report_error(report, ANTLER_SHAPE, "config.layers[0]",
                                    "the model has no input shape: put an InputLayer with \"batch_shape\" first");
    if (antler__model_source(model, legacy ? keys->batch_input_shape : shape, &error) != ANTLER_OK)
        return antler__report_error(report, error.status, "config.layers[0]", "%s", error.message);
    keys->batch_input_shape[0] = 0; /* said by the new first layer now */
    return ANTLER_OK;
}

static antler_status read_layer(antler_model *model, const antler_json *node, const char *place, antler_report *report)
{
    antler_object layer;
    antler_error error = {0};
    if (antler__json_type(node) != ANTLER_JSON_OBJECT)
        return antler__report_error(report, ANTLER_VALUE, place, "a layer is an object with \"class_name\"");
    ANTLER_TRY(antler__object_read(ANTLER_KIND_LAYER, node, place, report, &layer));
    if (model->layers > 0 && ((const antler_layer_ops *)layer.type)->flags & ANTLER_SOURCE) {
        antler_object_free(layer);
        return antler__report_error(report, ANTLER_VALUE, place, "only the first layer can be an %s",
                                    antler__source_layer()->type.class_name);
    }
    const char *dtype = antler__layer_keys(layer)->dtype;
    if (dtype && strstr(dtype, "float16")) /* float16, bfloat16, mixed_float16 */
        antler__report_warning(report, place, "dtype \"%.40s\" is computed in float", dtype);
    if (antler__model_append(model, layer, &error) != ANTLER_OK)
        return antler__report_error(report, error.status, place, "%s", error.message);
    return ANTLER_OK;
}

static antler_status read_layers(antler_model *model, const antler_json *root, const antler_json *config,
                                 antler_report *report)
{
    bool bare = antler__json_type(config) == ANTLER_JSON_ARRAY; /* before Keras 2.2.3 */
    const antler_json *list = bare ? config : antler__json_get(config, "layers");
    const char *place = bare ? "config" : "config.layers";
    if (is_null(list) || antler__json_type(list) != ANTLER_JSON_ARRAY || antler__json_length(list) == 0)
        return antler__report_error(report, ANTLER_VALUE, place, "%s; expected a list of layers",
                                    !list                                          ? "missing"
                                    : is_null(list)                                ? "null"
                                    : antler__json_type(list) != ANTLER_JSON_ARRAY ? "not a list"
                                                                                   : "empty");
    antler_status status = ANTLER_OK;
    int64_t i = 0;
    for (const antler_json *item = antler__json_first(list); item; item = antler__json_next(item), i++) {
        char there[PLACE];
        antler_status one = read_layer(model, item, antler__place_item(there, sizeof there, place, i), report);
        status = status == ANTLER_OK ? one : status;
    }
    if (status == ANTLER_OK)
        status = settle_input(model, root, bare ? root : config, report);
    if (status == ANTLER_OK && model->layers < 2)
        status = antler__report_error(report, ANTLER_VALUE, place, "only an input; expected layers after it");
    return status;
}

/* ---- the whole ---- */

static antler_status check_root(const antler_json *root, antler_report *report)
{
    static const char *const known[] = {"module",       "class_name",       "config", "registered_name",
                                        "build_config", "compile_config",   "fit",    "keras_version",
                                        "backend",      "shared_object_id", NULL};
    const char *name = string_at(root, "class_name");
    if (antler__json_type(root) != ANTLER_JSON_OBJECT || !name)
        return antler__report_error(report, ANTLER_FORMAT, NULL,
                                    "not a model: expected an object with \"class_name\": \"Sequential\"");
    if (strcmp(name, "Sequential") != 0)
        return antler__report_error(report, ANTLER_UNSUPPORTED, "class_name",
                                    "\"%.80s\" is not supported, only \"Sequential\" is", name);
    for (const antler_json *item = antler__json_first(root); item; item = antler__json_next(item)) {
        const char *const *key = known;
        while (*key && strcmp(*key, antler__json_key(item)) != 0)
            key++;
        if (!*key && !is_null(item))
            return antler__report_error(report, ANTLER_NAME, antler__json_key(item),
                                        "a model has no such key; expected config, compile_config, fit");
    }
    return ANTLER_OK;
}

static antler_status read_fit(antler_model *model, const antler_json *node, antler_report *report)
{
    void *settings;
    ANTLER_TRY(antler__config_read(&antler__fit_type, node, "fit", report, &settings));
    model->fit = settings;
    model->seed = model->fit->args.seed;
    return ANTLER_OK;
}

antler_status antler__fit_read(antler_model *model, const char *json, antler_report *report)
{
    antler_json *node;
    ANTLER_TRY(antler__json_parse(json, strlen(json), &node, report->err));
    antler_status status = read_fit(model, node, report);
    antler__json_free(node);
    return status;
}

antler_status antler__model_read(antler_model *model, const antler_json *root, antler_report *report)
{
    ANTLER_TRY(check_root(root, report));
    const antler_json *config = antler__json_get(root, "config"), *fit = antler__json_get(root, "fit");
    if (is_null(config) ||
        (antler__json_type(config) != ANTLER_JSON_OBJECT && antler__json_type(config) != ANTLER_JSON_ARRAY))
        return antler__report_error(report, ANTLER_VALUE, "config", "%s; expected an object with \"layers\"",
                                    !config           ? "missing"
                                    : is_null(config) ? "null"
                                                      : "not an object");
    const char *name = string_at(config, "name");
    if (name) {
        antler__free(model->name);
        model->name = antler__copy_text(name);
        if (!model->name)
            return no_memory(report, "config.name");
    }
    antler_status status = read_layers(model, root, config, report);
    antler_status compile =
        antler__compile_read(antler__json_get(root, "compile_config"), "compile_config", report, &model->compile);
    status = status == ANTLER_OK ? compile : status;
    antler_status read = is_null(fit) ? ANTLER_OK : read_fit(model, fit, report);
    return status == ANTLER_OK ? read : status;
}

static bool write_config(const antler_model *model, antler_json *root, antler_style style)
{
    antler_json *config = antler__json_object(root, "config"), *layers;
    if (!config || !antler__json_add_string(config, "name", model->name) ||
        !(layers = antler__json_array(config, "layers")))
        return false;
    for (int64_t i = 0; i < model->layers; i++)
        if (!antler__object_write(model->object[i], layers, NULL, style))
            return false;
    return true;
}

antler_json *antler__model_write(const antler_model *model, antler_style style, bool with_settings)
{
    antler_json *root = antler__json_object(NULL, NULL);
    bool modules = style == ANTLER_STYLE_KERAS;
    bool fits = root && (!modules || antler__json_add_string(root, "module", "keras")) &&
                antler__json_add_string(root, "class_name", "Sequential") && write_config(model, root, style) &&
                (!modules || antler__json_add_null(root, "registered_name"));
    if (fits && with_settings && model->compile)
        fits = write_compile(model->compile, root, style);
    if (fits && with_settings && model->fit)
        fits = antler__config_write(&antler__fit_type, model->fit, root, "fit", style) != NULL;
    if (fits)
        return root;
    antler__json_free(root);
    return NULL;
}

antler_json *antler__compile_write_legacy(const antler_compile_settings *settings)
{
    antler_json *root = antler__json_object(NULL, NULL);
    if (root && write_compile(settings, root, ANTLER_STYLE_LEGACY))
        return root;
    antler__json_free(root);
    return NULL;
}

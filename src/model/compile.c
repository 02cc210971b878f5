/* The compile settings: compile_config of Keras's JSON, training_config of its legacy files. */
#include "model/compile.h"

#include "core/memory.h"
#include "model/model.h"

#include <string.h>

#define AT(member) offsetof(antler_compile_settings, member)

/* Their rows but the optimizer's, which has another key in legacy files. Keras gives what is left out its default. */
#define ANTLER_COMPILE_ROWS                                                                                           \
    {.key = "loss",                                                                                                   \
     .kind = ANTLER_OBJECT,                                                                                           \
     .offset = AT(loss),                                                                                              \
     .def = "null",                                                                                                   \
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN | ANTLER_BY_OUTPUT,                                                  \
     .of = ANTLER_KIND_LOSS,                                                                                          \
     .doc = "needed for training and evaluation; of several outputs for all, a list or a dict"},                      \
        {.key = "metrics",                                                                                            \
         .kind = ANTLER_OBJECTS,                                                                                      \
         .offset = AT(metrics),                                                                                       \
         .def = "[]",                                                                                                 \
         .flags = ANTLER_NULLABLE | ANTLER_BY_OUTPUT,                                                                 \
         .of = ANTLER_KIND_METRIC,                                                                                    \
         .doc = "what is measured beside the loss"},                                                                  \
        {.key = "loss_weights",                                                                                       \
         .kind = ANTLER_REAL,                                                                                         \
         .offset = AT(loss_weights),                                                                                  \
         .def = "null",                                                                                               \
         .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN | ANTLER_BY_OUTPUT,                                              \
         .doc = "of each output's loss in the sum: a list or a dict"},                                                \
        {.key = "weighted_metrics",                                                                                   \
         .kind = ANTLER_OBJECTS,                                                                                      \
         .offset = AT(weighted_metrics),                                                                              \
         .def = "[]",                                                                                                 \
         .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN | ANTLER_BY_OUTPUT,                                              \
         .of = ANTLER_KIND_METRIC,                                                                                    \
         .doc = "metrics that sample weights weigh"},                                                                 \
        {.key = "sample_weight_mode", .kind = ANTLER_ANY, .def = "null"}, {.key = "run_eagerly", .kind = ANTLER_ANY}, \
        {.key = "steps_per_execution", .kind = ANTLER_ANY}, {.key = "jit_compile", .kind = ANTLER_ANY},               \
        {.key = "auto_scale_loss", .kind = ANTLER_ANY}, {.key = "name", .kind = ANTLER_ANY}, ANTLER_FIELD_END
#define ANTLER_OPTIMIZER_ROW(name)                                                                             \
    {                                                                                                          \
        .key = (name), .kind = ANTLER_OBJECT, .offset = AT(optimizer), .def = "null",                          \
        .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN, .of = ANTLER_KIND_OPTIMIZER, .doc = "needed for training" \
    }

static const antler_field compile_fields[] = {ANTLER_OPTIMIZER_ROW("optimizer"), ANTLER_COMPILE_ROWS};
static const antler_field training_fields[] = {ANTLER_OPTIMIZER_ROW("optimizer_config"), ANTLER_COMPILE_ROWS};

static int64_t count(const antler_by_output *metrics)
{
    int64_t n = 0;
    for (int64_t i = 0; i < metrics->n; i++)
        n += metrics->item[i].objects.n;
    return n;
}

static antler_status check(void *config, antler_error *err)
{
    const antler_compile_settings *s = config;
    const antler_optimizer_ops *optimizer = (const antler_optimizer_ops *)s->optimizer.type;
    int slots = optimizer && optimizer->slots ? optimizer->slots(s->optimizer.config) : 0;
    int64_t metrics = count(&s->metrics) + count(&s->weighted_metrics);
    if (metrics > ANTLER_MOST_METRICS)
        return antler_error_set(err, ANTLER_VALUE, "metrics", "%lld metrics, more than %d", (long long)metrics,
                                ANTLER_MOST_METRICS);
    if (slots < 0 || slots > ANTLER_MAX_OPTIMIZER_SLOTS)
        return antler_error_set(err, ANTLER_VALUE, "optimizer", "%s has %d slots, expected 0 to %d",
                                optimizer->type.class_name, slots, ANTLER_MAX_OPTIMIZER_SLOTS);
    return ANTLER_OK;
}

#define ANTLER_COMPILE_TYPE(name, rows)                                                                  \
    {                                                                                                    \
        .size = sizeof(antler_type), .kind = ANTLER_KIND_SETTINGS, .class_name = (name),                 \
        .doc = "settings of training", .config_size = sizeof(antler_compile_settings), .fields = (rows), \
        .check = check                                                                                   \
    }
const antler_type antler__compile_type = ANTLER_COMPILE_TYPE("compile_config", compile_fields);
const antler_type antler__training_type = ANTLER_COMPILE_TYPE("training_config", training_fields);

/* ---- sharing ----------------------------------------------------------------------------------------------------- */

antler_compile_settings *antler__compile_share(antler_compile_settings *settings)
{
    atomic_fetch_add(&settings->shared, 1);
    return settings;
}

void antler__compile_free(antler_compile_settings *settings)
{
    if (!settings || atomic_fetch_sub(&settings->shared, 1) > 0)
        return;
    antler__free(settings->target);
    antler__free(settings->log_text);
    antler__config_free(&antler__compile_type, settings);
}

const char *antler__log_named(const antler_compile_settings *s, const char *name)
{
    for (int validation = 0; validation < 2; validation++)
        for (int i = 0; i < s->logs; i++)
            if (strcmp(s->log_name[validation][i], name) == 0)
                return s->log_name[validation][i];
    return strcmp(name, ANTLER_RATE_LOG) == 0 ? ANTLER_RATE_LOG : NULL;
}

/* ---- from and to JSON -------------------------------------------------------------------------------------------- */

void antler__compile_take(antler_compile_settings *read, antler_compile_settings **settings)
{
    bool none = !read->optimizer.type && !antler__compile_has_loss(read) && read->metrics.n == 0 &&
                read->weighted_metrics.n == 0; /* {}: never compiled */
    *settings = none ? NULL : read;
    if (none)
        antler__compile_free(read);
}

antler_status antler__compile_read(const antler_json *node, antler_report *report, antler_compile_settings **settings)
{
    void *read;
    antler_place place = antler__at(NULL, antler__compile_type.class_name);
    *settings = NULL;
    ANTLER_TRY(antler__config_read(&antler__compile_type, node, &place, report, &read));
    antler__compile_take(read, settings);
    return ANTLER_OK;
}

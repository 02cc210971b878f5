/* What compile settings say in other words. Optimizers of Keras before 2.11 have a "decay", a rate of lr / (1 + decay *
   step): today's InverseTimeDecay. A LossScaleOptimizer stands for the one inside it. */
#include "config/json.h"
#include "model/compile.h"

#include <string.h>

static const antler_json *optimizer_of(const antler_json *node)
{
    const antler_json *optimizer = antler__json_get(node, "optimizer_config");
    return optimizer ? optimizer : antler__json_get(node, "optimizer");
}

/* The optimizer inside a LossScaleOptimizer, which is for half precision alone; NULL for any other. */
static const antler_json *inner_of(const antler_json *optimizer)
{
    const char *name = antler__json_string(antler__json_get(optimizer, "class_name"));
    return name && strcmp(name, "LossScaleOptimizer") == 0
               ? antler__json_get(antler__json_get(optimizer, "config"), "inner_optimizer")
               : NULL;
}

bool antler__compile_is_older(const antler_json *node)
{
    const antler_json *optimizer = optimizer_of(node), *inner = inner_of(optimizer);
    const antler_json *config = antler__json_get(inner ? inner : optimizer, "config");
    const antler_json *older = antler__json_get(config, "is_legacy_optimizer");
    return antler__json_length(config) > 0 && (!older || antler__json_bool(older));
}

/* "decay" beside a constant rate; NULL: there is none. Nadam's is one of its momentum. */
static const antler_json *decay_of(const antler_json *optimizer)
{
    const char *name = antler__string_at(optimizer, "class_name");
    if (name && strcmp(name, "Nadam") == 0)
        return NULL;
    const antler_json *config = antler__json_get(optimizer, "config");
    const antler_json *decay = antler__json_get(config, "decay"), *rate = antler__json_get(config, "learning_rate");
    return antler__json_type(decay) == ANTLER_JSON_NUMBER && antler__json_type(rate) == ANTLER_JSON_NUMBER ? decay
                                                                                                           : NULL;
}

static bool add_schedule(antler_json *config, double rate, double decay)
{
    antler_json *schedule = antler__json_object(config, "learning_rate");
    bool fits = schedule && antler__json_add_string(schedule, "class_name", "InverseTimeDecay");
    antler_json *inside = fits ? antler__json_object(schedule, "config") : NULL;
    return inside && antler__json_add_number(inside, "initial_learning_rate", rate) &&
           antler__json_add_number(inside, "decay_steps", 1) && antler__json_add_number(inside, "decay_rate", decay);
}

static bool add_config(antler_json *optimizer, const antler_json *from)
{
    double decay = antler__json_number(decay_of(from));
    const antler_json *config = antler__json_get(from, "config");
    antler_json *copy = antler__json_object(optimizer, "config");
    bool fits = copy;
    for (const antler_json *item = antler__json_first(config); fits && item; item = antler__json_next(item)) {
        const char *key = antler__json_key(item);
        if (strcmp(key, "decay") == 0)
            continue;
        fits = decay != 0 && strcmp(key, "learning_rate") == 0 ? add_schedule(copy, antler__json_number(item), decay)
                                                               : antler__json_add_copy(copy, key, item) != NULL;
    }
    return fits;
}

static bool add_optimizer(antler_json *root, const char *key, const antler_json *optimizer)
{
    antler_json *copy = antler__json_object(root, key);
    const bool decays = decay_of(optimizer);
    bool fits = copy;
    for (const antler_json *item = antler__json_first(optimizer); fits && item; item = antler__json_next(item))
        fits = decays && strcmp(antler__json_key(item), "config") == 0
                   ? add_config(copy, optimizer)
                   : antler__json_add_copy(copy, antler__json_key(item), item) != NULL;
    return fits;
}

antler_status antler__compile_decay(const antler_json *node, antler_json **translated, antler_error *err)
{
    const antler_json *optimizer = optimizer_of(node), *inner = inner_of(optimizer);
    *translated = NULL;
    if (!inner && !decay_of(optimizer))
        return ANTLER_OK;
    antler_json *root = antler__json_object(NULL, NULL);
    bool fits = root;
    for (const antler_json *item = antler__json_first(node); fits && item; item = antler__json_next(item))
        fits = item == optimizer ? add_optimizer(root, antler__json_key(item), inner ? inner : item)
                                 : antler__json_add_copy(root, antler__json_key(item), item) != NULL;
    if (fits)
        *translated = root;
    else
        antler__json_free(root);
    return fits ? ANTLER_OK : antler__no_memory(err);
}

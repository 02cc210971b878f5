#include "model/keras_view.h"

#include "config/keras3.h"
#include "config/registry.h"
#include "core/text.h"
#include "model/operator.h"
#include "model/tree_read.h"

#include <stdio.h>
#include <string.h>

static void tell(antler_keras_file *file, bool misread, const antler_place *place, const char *text)
{
    char where[256] = "";
    if (place)
        antler__place_text(place, where, sizeof where);
    file->hear(file->user, where, text);
    file->refusals += !misread;
    file->misreadings += misread;
}

/* Read as Keras 2's: what says so, and what lies in HDF5 and says nothing. */
static bool is_legacy(const antler_keras_file *file)
{
    return file->version < 300 && (file->version || file->container == ANTLER_CONTAINER_HDF5);
}

/* Before Keras 3; without a version, as people's JSON is, it is today's. */
static bool is_old(const antler_keras_file *file)
{
    return file->version && file->version < 300;
}

/* ---- an object --------------------------------------------------------------------------------------------------- */

static bool concerns(const antler_keras3_fault *fault, const antler_json *node, const char *class_name)
{
    const antler_json *config = antler__json_get(node, "config");
    bool named = fault->class_name ? strcmp(fault->class_name, class_name) == 0
                                   : antler_type_find(fault->kind, class_name) != NULL;
    if (fault->kind == ANTLER_KIND_OPERATION && antler_type_find(ANTLER_KIND_LAYER, class_name) &&
        !antler__is_operator(node, true))
        return false; /* "Add" is both: a layer, and what adds a number */
    return named && (!fault->key || antler__json_get(config, fault->key));
}

static void view_faults(antler_keras_file *file, const antler_json *node, const char *class_name,
                        const antler_place *place)
{
    for (const antler_keras3_fault *fault = antler__keras3_faults; fault->why; fault++) {
        char text[256];
        if (!concerns(fault, node, class_name) || (fault->when == ANTLER_KERAS3_OLD && !is_legacy(file)) ||
            (fault->when == ANTLER_KERAS3_HDF5 && file->container != ANTLER_CONTAINER_HDF5))
            continue;
        if (fault->key)
            snprintf(text, sizeof text, "Keras's %s %s \"%s\": it does not open the file", class_name, fault->why,
                     fault->key);
        else
            snprintf(text, sizeof text, "Keras %s (%s): it does not open the file", fault->why, class_name);
        tell(file, false, place, text);
    }
}

/* A function's name that means another today: "name@2" is what it meant. */
static void view_name(antler_keras_file *file, const antler_json *node, const antler_place *place)
{
    char old[160], text[256];
    const char *key = antler__json_key(node), *name = antler__json_string(node);
    if (!is_old(file) || !key || strcmp(key, "name") == 0 || strlen(name) > 100)
        return;
    snprintf(old, sizeof old, "%s@2", name);
    const antler_type *meant = antler_type_find(ANTLER_KIND_ACTIVATION, old);
    const antler_type *means = antler_type_find(ANTLER_KIND_ACTIVATION, name);
    if (!meant || !means)
        return;
    snprintf(text, sizeof text, "Keras takes \"%s\" for %s, which was %s: it answers otherwise", name, means->doc,
             meant->doc);
    tell(file, true, place, text);
}

/* A layer in another one's config, which the legacy form must name the module of. */
static void view_inner(antler_keras_file *file, const antler_json *node, const char *class_name,
                       const antler_place *place)
{
    bool layer = antler_type_find(ANTLER_KIND_LAYER, class_name) || antler_type_find(ANTLER_KIND_CELL, class_name);
    if (layer && file->version < 300 && antler__json_key(node) && !antler__json_get(node, "module") &&
        file->container == ANTLER_CONTAINER_HDF5)
        tell(file, false, place, "Keras asks for a \"module\" of a layer in a layer: it does not open the file");
}

/* A class or function of somebody's own, which Keras 3 marks. */
static void view_custom(antler_keras_file *file, const antler_json *node, const antler_place *place)
{
    const char *name = antler__string_at(node, "registered_name");
    char text[256];
    if (!name || !strchr(name, '>'))
        return;
    snprintf(text, sizeof text, "Keras asks for \"%.80s\" among its custom_objects", name);
    tell(file, false, place, text);
}

/* Everything in a model's JSON. The parser has bounded the depth. */
static void view(antler_keras_file *file, const antler_json *node, const antler_place *place)
{
    int64_t i = 0;
    const char *class_name = antler__string_at(node, "class_name");
    if (antler__json_type(node) == ANTLER_JSON_STRING)
        view_name(file, node, place);
    if (class_name) {
        view_custom(file, node, place);
        view_inner(file, node, class_name, place);
        view_faults(file, node, class_name, place);
    }
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item), i++) {
        const char *key = antler__json_key(item);
        antler_place there = key ? antler__at(place, key) : antler__at_item(place, i);
        view(file, item, &there);
    }
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* A Sequential of before Keras 3 whose first layer has the shape of the batch: Keras takes that for the shape of one
   sample. */
static void view_input(antler_keras_file *file, const antler_json *root)
{
    const antler_json *config = antler__json_get(root, "config");
    antler_place place = antler__at(NULL, "config"), layers = antler__at(&place, "layers");
    antler_place first = antler__at_item(&layers, 0);
    const char *name = antler__string_at(root, "class_name");
    if (antler__json_type(config) == ANTLER_JSON_ARRAY) {
        tell(file, false, &place, "Keras expects an object here, with a list \"layers\": it does not open the file");
        return;
    }
    const antler_json *layer = antler__json_first(antler__json_get(config, "layers"));
    const char *class_name = antler__string_at(layer, "class_name");
    const antler_type *type = class_name ? antler_type_find(ANTLER_KIND_LAYER, class_name) : NULL;
    if (!name || strcmp(name, "Sequential") != 0 || !type || type == &antler__source_layer()->type ||
        !antler__json_get(antler__json_get(layer, "config"), "batch_input_shape"))
        return;
    tell(file, false, &first,
         "Keras adds an axis to \"batch_input_shape\" where no InputLayer comes first: the model takes other data");
}

/* Keras goes by the name of a file. */
static void view_name_of_file(antler_keras_file *file)
{
    bool keras = antler__ends_with(file->path, ".keras");
    bool hdf5 = antler__ends_with(file->path, ".h5") || antler__ends_with(file->path, ".hdf5");
    if (file->container == ANTLER_CONTAINER_HDF5 && !hdf5)
        tell(file, false, NULL, "Keras goes by the name, which must end in .h5: it does not open the file");
    if (file->container == ANTLER_CONTAINER_ZIP && !keras)
        tell(file, false, NULL, "Keras goes by the name, which must end in .keras: it does not open the file");
}

void antler__keras_view(antler_keras_file *file, const antler_json *root)
{
    antler_place place = antler__at(NULL, "config");
    view_name_of_file(file);
    if (is_legacy(file))
        view_input(file, root);
    view(file, antler__json_get(root, "config"), &place);
    if (file->theano)
        tell(file, true, NULL, "Keras does not turn the kernels that Theano turned: it answers otherwise");
    const bool json = file->container == ANTLER_CONTAINER_JSON;
    const char *verdict = file->version > ANTLER_KERAS ? "written by a later Keras than 3.15, of which nothing is known"
                          : file->refusals             ? "cannot use it"
                          : file->misreadings          ? "opens it, and answers otherwise without a word"
                          : json ? "model_from_json reads it: nothing is known that it refuses or misreads"
                          : file->custom
                              ? "opens it with compile=False, or with custom_objects for what was not read, and agrees"
                              : "opens it, and agrees: nothing is known that it refuses or misreads";
    file->hear(file->user, "", verdict);
}

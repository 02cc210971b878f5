/* Shared objects with types of the user's own: --plugin FILE in front of the command, and ANTLER_PLUGINS. */
#include "antler/plugin.h"
#include "cli/command.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

typedef const antler_type *const *(*entry)(void);

#ifdef ANTLER_DOUBLE /* which gives its functions names of their own: a plugin of floats is none here */
static const char name[] = "antler64_plugin_1";
#else
static const char name[] = "antler_plugin_1";
#endif

/* The function of a symbol: POSIX has them of one size, ISO C has no cast for it. */
static entry find_entry(void *object)
{
    void *symbol = dlsym(object, name);
    entry found = NULL;
    if (symbol)
        memcpy(&found, &symbol, sizeof found);
    return found;
}

/* What the linker says, without the path that it begins with. */
static const char *reason(const char *path)
{
    const char *said = dlerror();
    size_t length = strlen(path);
    said = said ? said : "unknown";
    return strncmp(said, path, length) == 0 && said[length] == ':' ? said + length + strspn(said + length, ": ") : said;
}

antler_status antler__plugin_load(const char *path, antler_error *err)
{
    char here[4096];
    int length = snprintf(here, sizeof here, "%s%s", strchr(path, '/') ? "" : "./", path); /* else it is looked for */
    void *object = (size_t)length < sizeof here ? dlopen(here, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!object) {
        antler_error_set(err, ANTLER_FILE, NULL, "cannot load the plugin: %s", reason(here));
        antler__blame(path, err);
        return err->status;
    }
    entry types = find_entry(object); /* the object stays: its tables do */
    if (!types)
        antler_error_set(err, ANTLER_FORMAT, NULL, "no plugin for this command: it has no function %s", name);
    for (const antler_type *const *type = types ? types() : NULL; type && *type && err->status == ANTLER_OK; type++)
        if (antler_type_find((*type)->kind, (*type)->class_name) != *type) /* else it is loaded already */
            antler_register(*type, err);
    antler__blame(path, err);
    return err->status;
}

antler_status antler__plugins_load(antler_error *err)
{
    const char *list = getenv("ANTLER_PLUGINS");
    char path[4096];
    for (const char *end; list && *list; list = end + (*end == ':')) {
        end = list + strcspn(list, ":");
        int length = snprintf(path, sizeof path, "%.*s", (int)(end - list), list);
        if (length > 0 && (size_t)length < sizeof path)
            ANTLER_TRY(antler__plugin_load(path, err));
    }
    return ANTLER_OK;
}

/* The settings of a fit. */
#ifndef ANTLER_FIT_SETTINGS_H
#define ANTLER_FIT_SETTINGS_H

#include "model/model.h"

/* The type of "fit", NULL-terminated for the registry. */
extern const antler_type *const antler__settings[];

/* The settings of one fit: the model's "fit", with what the caller gave in its place. For antler__config_free. */
antler_status antler__fit_merge(const antler_model *model, const struct antler_fit *args, size_t size,
                                const char *given, antler_fit_settings **settings, antler_error *err);

#endif

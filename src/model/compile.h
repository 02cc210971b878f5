/* compile_config: optimizer, loss, metrics. */
#ifndef ANTLER_COMPILE_H
#define ANTLER_COMPILE_H

#include "model/model.h"

extern const antler_type antler__compile_type, antler__training_type; /* the second: of legacy files */
antler_compile_settings *antler__compile_share(antler_compile_settings *settings);
void antler__compile_free(antler_compile_settings *settings); /* one share of it */
/* Reads a program's settings; NULL for those of a model that was never compiled. Those of files: unread.h. */
antler_status antler__compile_read(const antler_json *node, antler_report *report, antler_compile_settings **settings);
/* *translated: the same settings with a schedule for an optimizer's "decay", or with the optimizer inside another;
   NULL: there is neither. For antler__json_free.
 */
antler_status antler__compile_decay(const antler_json *node, antler_json **translated, antler_error *err);
/* Whether Keras 2 takes the settings for those of an optimizer of before 2.11. */
bool antler__compile_is_older(const antler_json *node);
/* Takes what was read as a config of these types, or frees it if it says nothing. */
void antler__compile_take(antler_compile_settings *read, antler_compile_settings **settings);
/* The log of the rate, which callbacks add. */
#define ANTLER_RATE_LOG "learning_rate"
/* The settings' own copy of the name of a log, which a history may keep; NULL for another name. */
const char *antler__log_named(const antler_compile_settings *settings, const char *name);

#endif

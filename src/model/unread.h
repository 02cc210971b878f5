/* Settings of training that a file has and that could not be read: a loss of somebody's own, an optimizer of another
   library. They keep nobody from predicting; training and evaluating are refused until others take their place. */
#ifndef ANTLER_UNREAD_H
#define ANTLER_UNREAD_H

#include "model/model.h"

/* Reads the settings of a section, antler__compile_type, antler__training_type or antler__fit_type. A key that cannot
   be read is left out and goes to model->unread. */
antler_status antler__settings_read(antler_model *model, const antler_type *section, const antler_json *node,
                                    antler_report *report, void **settings);

/* A section of which nothing can be read, for this reason. */
antler_status antler__unread_whole(antler_model *model, const antler_type *section, const antler_error *why,
                                   antler_error *err);

/* Whether an item is of the compile settings, and of which: "optimizer" and "loss", in both forms of file; "" of all.
 */
bool antler__unread_is(const antler_unread *item, const char *setting);
/* The error of the first item of the compile settings, or of "fit"; ANTLER_OK without one. */
antler_status antler__unread_compile(const antler_model *model, antler_error *err);
antler_status antler__unread_fit(const antler_model *model, const char *given, antler_error *err);
/* Forgets the i-th item: something else is in its place. */
void antler__unread_forget(antler_model *model, int64_t i);
void antler__unread_free(antler_model *model);

/* What the model's file says could be read, there is a loss, or else ANTLER_VALUE with that message, and the settings
   fit the model's outputs, if these are known. */
antler_status antler__compile_ready(const antler_model *model, const char *without, antler_error *err);
/* training_config; NULL without memory. */
antler_json *antler__compile_write_legacy(const antler_model *model, antler_style style);
/* Adds to `written` the settings of a section: those that were read (or NULL), and the items as they came. False
   without memory. */
bool antler__unread_write(const antler_model *model, const antler_type *section, const void *settings,
                          antler_style style, antler_json *written);
/* Warns of what became of the items in a file whose compile settings are in the form of `section`; NULL: it has none.
 */
void antler__unread_tell(antler_model *model, const antler_type *section, const char *path);

#endif

/* Errors of what is not known. */
#ifndef ANTLER_UNKNOWN_H
#define ANTLER_UNKNOWN_H

#include "config/fields.h"

/* A key that a type has not: an error, or for a value that says nothing a warning. */
antler_status antler__key_unknown(const antler_type *type, const antler_json *item, const antler_place *place,
                                  antler_report *report);
/* Whether a key of `config` that the type has not may have been meant for `field`. */
bool antler__key_is_meant(const antler_type *type, const antler_field *field, const antler_json *config);
/* A class, or another name, that a kind has not. */
antler_status antler__class_unknown(antler_kind kind, const char *name, const antler_place *place,
                                    antler_report *report);

#endif

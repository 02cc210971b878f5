/* What C callers gave: a struct of settings (antler/layers.h, antler/antler.h), as JSON for the one reader. */
#ifndef ANTLER_GIVEN_H
#define ANTLER_GIVEN_H

#include "config/fields.h"

/* Whether the text of a macro's arguments assigns `.member =`. */
bool antler__given(const char *given, const char *member);

/* A member that is no field, and where it ends in its struct. */
typedef struct antler_member {
    const char *name;
    size_t end;
} antler_member;
#define ANTLER_MEMBER(type, member)                                      \
    {                                                                    \
#member, offsetof(type, member) + sizeof(((type *)NULL)->member) \
    }

/* What may be given. */
typedef struct antler_form {
    size_t size;             /* of this version's struct; a caller's may be shorter, where an older header made it */
    const antler_type *type; /* its fields; may be NULL */
    const antler_member *others; /* members that are no fields, ended by a name NULL; may be NULL */
} antler_form;

/* Refuses NULL, but for a struct of no bytes; a struct of more bytes than this version's (it is a later one's); and a
   text with an item that is not `.member = value` of a member that is within those bytes. `place` is the settings', for
   errors. */
antler_status antler__given_check(const void *settings, size_t size, const char *given, const antler_form *form,
                                  const antler_place *place, antler_error *err);
/* The config: the members that were given, as JSON. */
antler_status antler__config_from_struct(const antler_type *type, const void *members, const char *given,
                                         const antler_place *place, antler_json *config, antler_error *err);

/* Adds what a C caller's text names or holds: JSON when it begins like it, else a name; NULL is null. */
antler_status antler__text_add(const char *text, const char *key, const antler_place *place, antler_json *config,
                               antler_error *err);

#endif

/* .keras archives. */
#ifndef ANTLER_ARCHIVE_H
#define ANTLER_ARCHIVE_H

#include "antler/antler.h"
#include "core/status.h"

typedef struct antler_member {
    const char *name;
    void *data;
    size_t bytes;
    size_t most;         /* bytes that it may have; 0: 4 GiB */
    const char *refused; /* why an archive with it is not read; NULL: it is */
} antler_member;

/* Reads the members of the given names whole: data (zero-terminated beyond bytes) is for antler__free, NULL if absent.
   Refuses members beyond 4 GiB or compressed more than 100 times or otherwise than by deflate, and an archive with
   paths that lead out of it, whoever's they are: Keras unpacks assets. Members of other names are passed over. */
antler_status antler__archive_read(const char *path, antler_member *member, int members, antler_error *err);
/* Members are stored, not compressed. The file is replaced whole or left as it was; the same members, the same bytes.
 */
antler_status antler__archive_write(const char *path, const antler_member *member, int members, antler_error *err);

#endif

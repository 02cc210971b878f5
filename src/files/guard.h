/* Reading that a damaged file may crash or keep busy for ever: by a child process, with limits. */
#ifndef ANTLER_GUARD_H
#define ANTLER_GUARD_H

#include "antler/antler.h"
#include "core/status.h"

#include <pthread.h>

typedef struct antler_guarded {
    antler_status (*read)(void *arg, antler_error *err); /* to where arg says; in the child, or here */
    /* Hand over what the child has read; may be NULL. False: it could not be sent, or ended before all was there. */
    bool (*send)(void *arg, int to);
    bool (*receive)(void *arg, int from, antler_error *err); /* without memory: true, and *err says so */
    pthread_mutex_t
        *lock; /* which read takes; nobody else has it when the child is made, or the child waits for ever */
} antler_guarded;

/* With antler_guard_files(true): a child reads and this process takes over what it read; a crash or hang of it is
   ANTLER_FORMAT, "damaged". Without, and inside such a child: reads. */
antler_status antler__guarded(const char *path, const antler_guarded *job, void *arg, antler_error *err);

/* Whether this is such a child, which gets the time and the memory that reading so many bytes of data takes. */
bool antler__guard_expect(int64_t bytes);

#endif

/* Reading that a damaged file may crash or keep busy for ever: by a child process, with limits. */
#ifndef ANTLER_GUARD_H
#define ANTLER_GUARD_H

#include "antler/antler.h"
#include "core/status.h"

#include <pthread.h>
#include <sys/types.h>

/* A child that answers: {0} with socket -1 for none. */
typedef struct antler_server {
    int socket;
    pid_t child;
} antler_server;

typedef struct antler_guarded {
    antler_status (*read)(void *arg, antler_error *err); /* to where arg says; in the child, or here */
    /* Hand over what the child has read; may be NULL. False: it could not be sent, or ended before all was there. */
    bool (*send)(void *arg, int to);
    bool (*receive)(void *arg, int from, antler_error *err); /* without memory: true, and *err says so */
    /* Whether the child stays to answer requests; may be NULL. It then serves until its parent ends or closes. */
    bool (*stays)(const void *arg);
    void (*serve)(void *arg, int with);             /* in the child */
    void (*keep)(void *arg, antler_server *server); /* in the parent: takes over *server */
    pthread_mutex_t
        *lock; /* which read takes; nobody else has it when the child is made, or the child waits for ever */
} antler_guarded;

/* With antler_guard_files(true): a child reads and this process takes over what it read; a crash or hang of it is
   ANTLER_FORMAT, "damaged". Without, and inside such a child: reads. */
antler_status antler__guarded(const char *path, const antler_guarded *job, void *arg, antler_error *err);

/* Bytes to a server; false if it is no more there. How it ended, then; frees it. */
bool antler__server_ask(const antler_server *server, const void *request, size_t bytes);
antler_status antler__server_ended(antler_server *server, const char *path, antler_error *err);
void antler__server_end(antler_server *server);
/* In a server, before it answers: the processor's time for as many bytes. None by the clock: a terminal may stop both.
 */
void antler__server_works(int64_t bytes);

/* Whether this is such a child, which gets the time and the memory that reading so many bytes of data takes. */
bool antler__guard_expect(int64_t bytes);

#endif

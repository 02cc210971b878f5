/* The one place that starts threads. A pool serves one caller at a time; contexts that never run at a time share one.
 */
#ifndef ANTLER_PARALLEL_H
#define ANTLER_PARALLEL_H

#include "antler/base.h"

typedef struct antler_pool antler_pool;

/* threads: 0 for the machine's number. With one share; NULL and *err on failure. */
antler_pool *antler__pool_create(int threads, antler_error *err);
/* One share more, which antler__pool_free gives back; the last one ends the threads. */
antler_pool *antler__pool_share(antler_pool *pool);
void antler__pool_free(antler_pool *pool);
int antler__pool_threads(const antler_pool *pool);
/* The pool was made for so many, and by this process: in a child it has no threads, and does all work alone. */
bool antler__pool_serves(const antler_pool *pool, int threads);

/* Calls task(arg, i, worker) once for each i in [0, n), from this thread (worker 0) and the pool's. Returns when all
   are done. Not to be called from a task. */
void antler__pool_run(antler_pool *pool, void (*task)(void *arg, int64_t i, int worker), void *arg, int64_t n);

#endif

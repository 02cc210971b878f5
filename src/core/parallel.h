/* The one place that starts threads. A pool belongs to a context and serves one caller at a time. */
#ifndef ANTLER_PARALLEL_H
#define ANTLER_PARALLEL_H

#include "antler/base.h"

typedef struct antler_pool antler_pool;

/* threads: 0 for the machine's number. NULL and *err on failure. */
antler_pool *antler__pool_create(int threads, antler_error *err);
void antler__pool_free(antler_pool *pool);
int antler__pool_threads(const antler_pool *pool);

/* Calls task(arg, i, worker) once for each i in [0, n), from this thread (worker 0) and the pool's. Returns when all
   are done. Not to be called from a task. */
void antler__pool_run(antler_pool *pool, void (*task)(void *arg, int64_t i, int worker), void *arg, int64_t n);

#endif

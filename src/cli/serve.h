/* The part of `antler serve` that runs the model: a context for each thread. */
#ifndef ANTLER_SERVE_H
#define ANTLER_SERVE_H

#include "cli/request.h"

#include <pthread.h>

typedef struct antler_pool {
    antler_model *model;
    int64_t samples, batch; /* samples: of Monte Carlo; 0: none */
    antler_request_limits limits;
    bool open; /* the model has axes of variable length */
    int contexts, idle;
    antler_context *context[ANTLER_MAX_THREADS]; /* the first `idle` of them wait for work */
    pthread_mutex_t mutex;
} antler_pool;

/* For a model of antler__open_model; both samples and limits have been set. */
antler_status antler__pool_make(antler_pool *pool, antler_model *model, int64_t batch, int contexts, antler_error *err);
void antler__pool_free(antler_pool *pool);
/* Answers a body of JSON, which ends with a 0. The text is for free; NULL and *err on failure. At most `contexts`
   threads may call it at a time. */
char *antler__pool_answer(antler_pool *pool, const char *body, size_t size, size_t *length, antler_error *err);

#endif

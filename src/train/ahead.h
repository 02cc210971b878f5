/* The batches of an epoch, the next one of which is read while the one before is trained on. */
#ifndef ANTLER_AHEAD_H
#define ANTLER_AHEAD_H

#include "train/evaluate.h"

#include <pthread.h>
#include <sys/types.h>

/* Data that is all in memory is gathered when it is taken, by the caller; else a thread of its own reads ahead. */
typedef struct antler_ahead {
    const antler_feeds *feeds;
    antler_rooms room[2]; /* of which data in memory has the first alone */
    const int64_t *row;   /* [n] of the batch that is wanted */
    int64_t n;
    int next; /* room for it */
    bool threaded;
    pid_t process; /* that has the thread */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t turn;
    bool wanted, ending; /* wanted: and not yet there; both are under the lock */
    antler_error result;
} antler_ahead;

/* For batches of up to `batch` rows with w_width weights each; `feeds` is to stay. To be freed, whatever is returned.
 */
antler_status antler__ahead_make(antler_ahead *ahead, const antler_feeds *feeds, int64_t batch, int64_t w_width,
                                 antler_error *err);
void antler__ahead_free(antler_ahead *ahead);
/* Which rows the next batch has: they stay until it is taken. What was taken stays until the next is. */
void antler__ahead_want(antler_ahead *ahead, const int64_t *row, int64_t n);
const antler_rooms *antler__ahead_take(antler_ahead *ahead, antler_error *err);

#endif

#include "core/lock.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void take(void)
{
    pthread_mutex_lock(&lock);
}

void antler__unlock(void)
{
    pthread_mutex_unlock(&lock);
}

/* Without memory for the handlers a child may find the lock taken, as it would without them. */
static void hold_over_fork(void)
{
    (void)pthread_atfork(take, antler__unlock, antler__unlock);
}

void antler__lock(void)
{
    pthread_once(&once, hold_over_fork);
    take();
}

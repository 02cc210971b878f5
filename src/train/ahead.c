#include "train/ahead.h"
#include "train/data.h"

#include <unistd.h>

static antler_status gather(const antler_ahead *a, const antler_rooms *to, antler_error *err)
{
    ANTLER_TRY(antler__feed_gather(&a->feeds->x, a->row, a->n, to->x, err));
    ANTLER_TRY(antler__feed_gather(&a->feeds->y, a->row, a->n, to->y, err));
    return antler__feed_gather(&a->feeds->w, a->row, a->n, to->w, err);
}

/* The thread: reads what is wanted until the end. */
static void *read_ahead(void *arg)
{
    antler_ahead *a = arg;
    pthread_mutex_lock(&a->lock);
    while (!a->ending) {
        if (!a->wanted) {
            pthread_cond_wait(&a->turn, &a->lock);
            continue;
        }
        pthread_mutex_unlock(&a->lock);
        antler_error result = {0};
        gather(a, &a->room[a->next], &result);
        pthread_mutex_lock(&a->lock);
        a->result = result;
        a->wanted = false;
        pthread_cond_broadcast(&a->turn);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static bool waits(const antler_feed *feed)
{
    bool any = feed->one && antler__data_waits(feed->one);
    for (int64_t i = 0; feed->part && i < feed->parts; i++)
        any = any || (feed->part[i] && antler__data_waits(feed->part[i]));
    return any;
}

antler_status antler__ahead_make(antler_ahead *a, const antler_feeds *feeds, int64_t batch, int64_t w_width,
                                 antler_error *err)
{
    *a = (antler_ahead){.feeds = feeds, .process = getpid()};
    bool slow = waits(&feeds->x) || waits(&feeds->y) || waits(&feeds->w);
    for (int i = 0; i < 1 + slow; i++)
        ANTLER_TRY(antler__rooms_make(&a->room[i], batch, feeds->x.width, feeds->y.width, w_width, err));
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->turn, NULL);
    a->threaded = slow && pthread_create(&a->thread, NULL, read_ahead, a) == 0; /* without, it is read in time */
    return ANTLER_OK;
}

/* A child of fork has not the thread. */
static bool has_thread(const antler_ahead *a)
{
    return a->threaded && a->process == getpid();
}

void antler__ahead_free(antler_ahead *a)
{
    if (a->feeds && has_thread(a)) {
        pthread_mutex_lock(&a->lock);
        a->ending = true;
        pthread_cond_broadcast(&a->turn);
        pthread_mutex_unlock(&a->lock);
        pthread_join(a->thread, NULL);
    }
    for (int i = 0; i < 2; i++)
        antler__rooms_free(&a->room[i]);
}

void antler__ahead_want(antler_ahead *a, const int64_t *row, int64_t n)
{
    if (!has_thread(a)) {
        a->row = row;
        a->n = n;
        return;
    }
    pthread_mutex_lock(&a->lock);
    a->row = row;
    a->n = n;
    a->wanted = true;
    pthread_cond_broadcast(&a->turn);
    pthread_mutex_unlock(&a->lock);
}

const antler_rooms *antler__ahead_take(antler_ahead *a, antler_error *err)
{
    const antler_rooms *room = &a->room[a->next];
    if (!has_thread(a))
        return gather(a, room, err) == ANTLER_OK ? room : NULL;
    pthread_mutex_lock(&a->lock);
    while (a->wanted)
        pthread_cond_wait(&a->turn, &a->lock);
    a->next = 1 - a->next;
    antler_status status = antler__error_copy(err, &a->result);
    pthread_mutex_unlock(&a->lock);
    return status == ANTLER_OK ? room : NULL;
}

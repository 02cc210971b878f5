/* A pool of threads that spin for a moment between jobs, then sleep.

   A job is n tasks, which threads claim one by one from a ticket: the job's number in the high half, the next task in
   the low half. Claiming is a compare-and-swap on both, so that a thread that wakes late for a job that is over cannot
   take a task of the next one by mistake; and the caller waits for tasks, not for threads, so a thread that the system
   has put aside holds nobody up.

   fork copies a pool without its threads, and its lock and its sleepers as they were at that moment. So a pool knows of
   which process it is: in a child it runs alone, and is freed without a word to threads that are not there. */
#include "core/parallel.h"
#include "core/status.h"

#include "core/memory.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

enum { SPINS = 4000 };
static const uint64_t closed = 0xffffffffu; /* low half of a ticket that gives no tasks */

typedef struct worker {
    struct antler_pool *pool;
    pthread_t thread;
    int number;
} worker;

struct antler_pool {
    _Atomic uint64_t ticket;
    _Atomic int64_t tasks, done;
    void (*task)(void *arg, int64_t i, int worker);
    void *arg;
    _Atomic bool ending;
    _Atomic int sleeping;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int threads; /* the caller counted */
    int asked;   /* for so many, 0 for the machine's number */
    int shares;  /* antler__pool_free gives one back */
    unsigned process;
    worker *worker;
};

/* How many forks lie between the first process and this one: unlike getpid, it costs nothing to ask. */
static unsigned forks;

static void count_fork(void)
{
    forks++;
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, count_fork);
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* false in a child of the process that made the pool. */
static bool is_here(const antler_pool *pool)
{
    return pool->process == forks;
}

/* Takes tasks until none is left. Returns whether there was one. */
static bool work(antler_pool *pool, int number)
{
    bool any = false;
    for (;;) {
        uint64_t ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
        int64_t i = (int64_t)(ticket & closed), n = atomic_load_explicit(&pool->tasks, memory_order_acquire);
        if (i >= n)
            return any;
        if (!atomic_compare_exchange_weak_explicit(&pool->ticket, &ticket, ticket + 1, memory_order_acq_rel,
                                                   memory_order_relaxed))
            continue;
        any = true;
        pool->task(pool->arg, i, number);
        atomic_fetch_add_explicit(&pool->done, 1, memory_order_release);
    }
}

static bool has_work(antler_pool *pool)
{
    /* in one order with the caller's "store the ticket, look for sleepers", or both could miss each other */
    uint64_t ticket = atomic_load(&pool->ticket);
    return (int64_t)(ticket & closed) < atomic_load(&pool->tasks);
}

static void sleep_until_work(antler_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleeping, 1);
    while (!has_work(pool) && !atomic_load(&pool->ending))
        pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->sleeping, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void *run_worker(void *arg)
{
    worker *self = arg;
    antler_pool *pool = self->pool;
    int idle = 0;
    while (!atomic_load_explicit(&pool->ending, memory_order_relaxed)) {
        if (work(pool, self->number))
            idle = 0;
        else if (++idle < SPINS)
            relax();
        else
            sleep_until_work(pool);
    }
    return NULL;
}

static void wake_all(antler_pool *pool)
{
    if (atomic_load(&pool->sleeping) == 0)
        return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

void antler__pool_run(antler_pool *pool, void (*task)(void *arg, int64_t i, int worker), void *arg, int64_t n)
{
    if (pool->threads == 1 || n <= 1 || n >= (int64_t)closed || !is_here(pool)) {
        for (int64_t i = 0; i < n; i++)
            task(arg, i, 0);
        return;
    }
    uint64_t job = (atomic_load_explicit(&pool->ticket, memory_order_relaxed) >> 32) + 1;
    atomic_store(&pool->ticket, job << 32 | closed); /* before the fields change: see above */
    pool->task = task;
    pool->arg = arg;
    atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
    atomic_store(&pool->tasks, n);
    atomic_store(&pool->ticket, job << 32);
    wake_all(pool);
    work(pool, 0);
    for (int spins = 0; atomic_load_explicit(&pool->done, memory_order_acquire) < n; spins++) {
        relax();
        if (spins % SPINS == SPINS - 1) /* whoever has the last task may need this processor */
            sched_yield();
    }
}

int antler__pool_threads(const antler_pool *pool)
{
    return pool->threads;
}

bool antler__pool_serves(const antler_pool *pool, int threads)
{
    return pool->asked == threads && is_here(pool);
}

antler_pool *antler__pool_share(antler_pool *pool)
{
    pool->shares++;
    return pool;
}

static void end_threads(antler_pool *pool, int started)
{
    atomic_store(&pool->ending, true);
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < started; i++)
        pthread_join(pool->worker[i].thread, NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->wake);
}

void antler__pool_free(antler_pool *pool)
{
    if (!pool || --pool->shares > 0)
        return;
    if (is_here(pool))
        end_threads(pool, pool->threads - 1);
    antler__free(pool->worker);
    antler__free(pool);
}

antler_pool *antler__pool_create(int threads, antler_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    int asked = threads;
    threads = asked ? asked : online > 0 ? (int)(online < ANTLER_MAX_THREADS ? online : ANTLER_MAX_THREADS) : 1;
    if (threads < 0 || threads > ANTLER_MAX_THREADS) {
        antler_error_set(err, ANTLER_VALUE, "threads", "%d is not in [0, %d]", threads, ANTLER_MAX_THREADS);
        return NULL;
    }
    antler_pool *pool = antler__allocate_zeroed(1, sizeof *pool);
    worker *workers = antler__allocate_zeroed((size_t)threads, sizeof *workers);
    if (!pool || !workers) {
        antler__free(pool);
        antler__free(workers);
        antler__no_memory(err);
        return NULL;
    }
    pool->worker = workers;
    pool->asked = asked;
    pool->shares = 1;
    pool->process = forks;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    for (pool->threads = 1; pool->threads < threads; pool->threads++) {
        worker *next = &workers[pool->threads - 1];
        *next = (worker){.pool = pool, .number = pool->threads};
        if (pthread_create(&next->thread, NULL, run_worker, next) != 0)
            break; /* fewer threads do the same work */
    }
    return pool;
}

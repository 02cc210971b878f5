/* A child reads first what a damaged file may crash. */
#include "files/guard.h"
#include "files/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The sanitizer's shadow is terabytes of address space: no limit on it then. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMIT_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define LIMIT_MEMORY 0
#endif
#endif
#ifndef LIMIT_MEMORY
#define LIMIT_MEMORY 1
#endif

enum { FREE = 256 << 20, SPEED = 16 << 20 /* bytes a second */ };

static atomic_bool guard;
static rlim_t child_bytes; /* of the file, in a child; 0 elsewhere */
static rlim_t child_start; /* bytes of address space that it began with */

void antler_guard_files(bool on)
{
    atomic_store(&guard, on);
}

static void limit(int what, rlim_t value)
{
    struct rlimit now;
    if (getrlimit(what, &now) != 0)
        return;
    now.rlim_cur = now.rlim_max == RLIM_INFINITY || value < now.rlim_max ? value : now.rlim_max;
    setrlimit(what, &now);
}

/* Address space in use, bytes: what the parent has mapped counts against the child's limit. */
static rlim_t in_use(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file)
        return 0;
    if (fscanf(file, "%lu", &pages) != 1)
        pages = 0;
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* The processor's seconds from now on; by the clock, which counts what others do, far more. */
static void limit_time(rlim_t seconds)
{
    struct rusage used = {0};
    getrusage(RUSAGE_SELF, &used);
    limit(RLIMIT_CPU, (rlim_t)used.ru_utime.tv_sec + (rlim_t)used.ru_stime.tv_sec + 1 + seconds);
    alarm((unsigned)(30 * seconds));
}

/* What a child may take that reads a file of `file_bytes` and finds `data` bytes in it. Memory: the table, its data,
   and the pieces that libhdf5 unpacks. */
static void limit_child(rlim_t data)
{
    limit_time(10 + (child_bytes + data) / SPEED);
    if (LIMIT_MEMORY)
        limit(RLIMIT_AS, child_start + FREE + 8 * child_bytes + 4 * data);
}

bool antler__guard_expect(int64_t bytes)
{
    if (child_bytes > 0)
        limit_child((rlim_t)bytes);
    return child_bytes > 0;
}

/* The child: no core dump, no word on the terminal, no handlers of the program's, and limits. */
static void restrict_child(rlim_t file_bytes)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU, SIGALRM};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], SIG_DFL);
    int null = open("/dev/null", O_WRONLY);
    if (null >= 0) {
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
    }
    child_bytes = file_bytes > 0 ? file_bytes : 1;
    child_start = in_use();
    limit(RLIMIT_CORE, 0);
    limit_child(0);
}

static _Noreturn void run_child(int report, rlim_t file_bytes, const antler_guarded *job, void *arg)
{
    antler_guard_files(false);
    restrict_child(file_bytes);
    antler_error result = {0};
    result.status = job->read(arg, &result);
    bool sent = antler__file_put(report, &result, sizeof result);
    if (sent && result.status == ANTLER_OK && job->send)
        sent = job->send(arg, report);
    if (sent && result.status == ANTLER_OK && job->stays && job->stays(arg)) {
        signal(SIGINT, SIG_IGN); /* of a terminal, it is for the parent */
        antler__server_works(0);
        job->serve(arg, report);
    }
    _exit(0);
}

/* The ends of a line both ways, none of them a standard descriptor: the child gives those away. */
static bool make_line(int ends[2])
{
    int low[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, low) != 0)
        return false;
    for (int i = 0; i < 2; i++)
        ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int error = errno;
    close(low[0]);
    close(low[1]);
    if (ends[0] >= 0 && ends[1] >= 0)
        return true;
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    errno = error;
    return false;
}

/* A child made while another thread reads would inherit a lock that nobody in it releases. */
static pid_t fork_unlocked(pthread_mutex_t *lock)
{
    if (lock)
        pthread_mutex_lock(lock);
    pid_t child = fork();
    int error = errno;
    if (lock)
        pthread_mutex_unlock(lock);
    errno = error;
    return child;
}

/* What the child found, and what it read; false if it ended before it could say all. */
static bool collect(int report, const antler_guarded *job, void *arg, antler_error *result)
{
    if (!antler__file_take(report, result, sizeof *result))
        return false;
    return result->status != ANTLER_OK || !job->receive || job->receive(arg, report, result);
}

/* How the child ended; it has when this returns. */
static int wait_for(antler_server *server)
{
    int how = 0;
    close(server->socket);
    server->socket = -1;
    while (waitpid(server->child, &how, 0) < 0 && errno == EINTR)
        ;
    return how;
}

/* How a child that did not say all came to its end. */
static antler_status ended(int how, const char *path, antler_error *err)
{
    bool hung = WIFSIGNALED(how) && (WTERMSIG(how) == SIGXCPU || WTERMSIG(how) == SIGALRM || WTERMSIG(how) == SIGKILL);
    antler_error_set(err, ANTLER_FORMAT, NULL, "damaged: reading it %s", hung ? "does not end" : "crashes");
    antler__error_file(err, path);
    return ANTLER_FORMAT;
}

antler_status antler__guarded(const char *path, const antler_guarded *job, void *arg, antler_error *err)
{
    if (!atomic_load(&guard))
        return job->read(arg, err);
    struct stat info;
    rlim_t file_bytes = stat(path, &info) == 0 && info.st_size > 0 ? (rlim_t)info.st_size : 0;
    int ends[2];
    if (!make_line(ends))
        return antler__file_error(path, "make a pipe", err);
    pid_t child = fork_unlocked(job->lock);
    if (child == 0) {
        close(ends[0]); /* or it would not see its parent end */
        run_child(ends[1], file_bytes, job, arg);
    }
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return antler__file_error(path, "start a process that reads it", err);
    }
    antler_server server = {ends[0], child};
    antler_error result = {0};
    if (!collect(ends[0], job, arg, &result))
        return antler__server_ended(&server, path, err);
    if (result.status == ANTLER_OK && job->stays && job->stays(arg))
        job->keep(arg, &server);
    else
        antler__server_end(&server);
    return antler__error_copy(err, &result);
}

/* ---- a child that stays ------------------------------------------------------------------------------------------ */

bool antler__server_ask(const antler_server *server, const void *request, size_t bytes)
{
    for (size_t used = 0; server->socket >= 0 && used < bytes;) {
        ssize_t n = send(server->socket, (const char *)request + used, bytes - used, MSG_NOSIGNAL);
        if (n <= 0 && errno != EINTR)
            return false;
        used += n > 0 ? (size_t)n : 0;
    }
    return server->socket >= 0;
}

antler_status antler__server_ended(antler_server *server, const char *path, antler_error *err)
{
    return ended(wait_for(server), path, err);
}

void antler__server_end(antler_server *server)
{
    if (server->socket < 0)
        return;
    kill(server->child, SIGKILL); /* one made after it may hold its line open */
    wait_for(server);
}

void antler__server_works(int64_t bytes)
{
    limit_time(10 + (rlim_t)bytes / SPEED);
    alarm(0);
}

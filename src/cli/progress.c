#include "cli/progress.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int columns(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
}

static int digits(int64_t n)
{
    return snprintf(NULL, 0, "%" PRId64, n);
}

static const char *time_text(double seconds, char *text, size_t size)
{
    int64_t s = (int64_t)(seconds + 0.5);
    if (s < 60)
        snprintf(text, size, "%" PRId64 "s", s);
    else if (s < 3600)
        snprintf(text, size, "%" PRId64 ":%02d", s / 60, (int)(s % 60));
    else
        snprintf(text, size, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
    return text;
}

static size_t add_logs(char *line, size_t size, size_t used, const antler_logs *logs)
{
    for (int i = 0; i < logs->n && used < size; i++)
        used += (size_t)snprintf(line + used, size - used, "  %s %.4g", logs->name[i], logs->value[i]);
    antler_one_line(line);
    return used;
}

static void print_epoch(const antler_display *d, const antler_progress *p)
{
    char line[1024];
    size_t used = (size_t)snprintf(line, sizeof line, "epoch %*" PRId64 "/%" PRId64 "  %.3gs", digits(p->epochs),
                                   p->epoch + 1, p->epochs, p->seconds);
    if (p->checkpoint > 0)
        used += (size_t)snprintf(line + used, sizeof line - used, " (checkpoint %.2gs)", p->checkpoint);
    add_logs(line, sizeof line, used, p->logs);
    printf("%s%s%s\n", d->terminal ? "\r" : "", line, d->terminal ? "\033[K" : "");
}

/* Redrawn over itself ten times a second: epoch, bar, batch, time left for all epochs, running means. */
static void print_bar(antler_display *d, const antler_progress *p)
{
    enum { WIDTH = 24 };
    char line[1024], bar[WIDTH + 1], left[32];
    double now = antler__seconds();
    double batches_left = (double)(p->epochs - p->epoch) * (double)p->batches - (double)p->batch;
    int full = (int)(p->batch * WIDTH / (p->batches > 0 ? p->batches : 1));
    size_t used;
    if (now - d->shown < 0.1 && p->batch < p->batches)
        return;
    d->shown = now;
    memset(bar, '.', WIDTH);
    memset(bar, '=', (size_t)(full < WIDTH ? full : WIDTH));
    bar[WIDTH] = '\0';
    used = (size_t)snprintf(line, sizeof line, "epoch %*" PRId64 "/%" PRId64 "  [%s] %*" PRId64 "/%" PRId64 "  %s left",
                            digits(p->epochs), p->epoch + 1, p->epochs, bar, digits(p->batches), p->batch, p->batches,
                            time_text(p->seconds / (double)p->batch * batches_left, left, sizeof left));
    add_logs(line, sizeof line, used, p->logs);
    printf("\r%.*s\033[K", columns(), line);
    antler__flush();
}

bool antler__display(void *user, const antler_progress *progress)
{
    antler_display *d = user;
    d->epoch = progress->epoch;
    if (progress->end_of_epoch) {
        if (d->history && antler__history_line(d->history, d->model, progress->epoch, &d->err) != ANTLER_OK)
            return false;
        if (!d->quiet) {
            print_epoch(d, progress);
            d->warnings = antler__print_warnings(d->model, d->warnings);
        }
        antler__flush();
    } else if (!d->quiet && d->terminal && progress->batch > 0) {
        print_bar(d, progress);
    }
    return !*d->interrupted;
}

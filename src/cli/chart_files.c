/* Pictures of charts: SVG, or what gnuplot draws. */
#include "cli/chart.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- SVG --------------------------------------------------------------------------------------------------------- */

static void write_svg(FILE *file, const antler_chart *chart, int charts)
{
    enum { HEIGHT = ANTLER_CHART_HEIGHT + 80 };
    int columns = charts > 1 ? 2 : 1, rows = (charts + columns - 1) / columns;
    int width = columns * (ANTLER_CHART_WIDTH + 20) + 20, height = rows * (HEIGHT + 10) + 20;
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d "
            "%d\">\n<style>%s</style>\n"
            "<rect width=\"100%%\" height=\"100%%\" style=\"fill:var(--paper)\"/>\n",
            width, height, width, height, antler__chart_style);
    for (int i = 0; i < charts; i++) {
        fprintf(file, "<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\">",
                20 + i % columns * (ANTLER_CHART_WIDTH + 20), 20 + i / columns * (HEIGHT + 10), ANTLER_CHART_WIDTH,
                HEIGHT);
        antler__chart_svg(file, &chart[i]);
        fputs("</svg>\n", file);
    }
    fputs("</svg>\n", file);
}

/* ---- gnuplot ----------------------------------------------------------------------------------------------------- */

/* A string of gnuplot's in quotes, which then says what it is. */
static void put_quoted(FILE *file, const char *text)
{
    putc('\'', file);
    for (const char *c = text; *c; c++)
        fprintf(file, *c == '\'' ? "''" : (unsigned char)*c < 0x20 ? "?" : "%c", *c);
    putc('\'', file);
}

static void put_setting(FILE *file, const char *what, const char *text)
{
    fprintf(file, "set %s ", what);
    put_quoted(file, text);
    fputs(" noenhanced\n", file);
}

static void put_block(FILE *file, int number, const antler_curve *c)
{
    fprintf(file, "$d%d << EOD\n", number);
    for (int64_t i = 0; i < c->n; i++)
        if (isfinite(c->x[i]) && isfinite(c->y[i]))
            fprintf(file, "%.9g %.9g\n", c->x[i], c->y[i]);
        else
            fputs("\n", file);
    fputs("EOD\n", file);
}

static void script_curves(FILE *file, const antler_chart *chart)
{
    static const char *const colours[] = {"#1f6fb4", "#c2410c", "#23824a", "#8b3fb0",
                                          "#a07500", "#b3225c", "#0b7f86", "#5d6470"};
    bool any = false;
    for (int k = 0; k < chart->curves; k++)
        put_block(file, k, &chart->curve[k]);
    fputs(chart->unit ? "set xrange [0:1]\nset yrange [0:1]\n" : "set autoscale\n", file);
    fputs("plot ", file);
    for (int k = 0; k < chart->curves; k++) {
        const antler_curve *c = &chart->curve[k];
        if (c->n == 0)
            continue;
        fprintf(file, "%s$d%d using 1:2 with %s lc rgb '%s' title ", any ? ", " : "", k,
                c->stroke == ANTLER_POINTS   ? "points pt 7 ps 0.5"
                : c->stroke == ANTLER_DASHED ? "lines lw 2 dt 2"
                                             : "lines lw 2",
                colours[c->colour]);
        put_quoted(file, c->name);
        fputs(" noenhanced", file);
        any = true;
    }
    if (chart->diagonal || !any)
        fprintf(file, "%sx with lines dt 3 lc rgb '#5b6675' notitle", any ? ", " : "");
    fputs("\n", file);
}

static void script_matrix(FILE *file, const antler_chart *chart)
{
    int64_t n = chart->classes;
    fputs("$m << EOD\n", file);
    for (int64_t row = 0; row < n; row++) {
        int64_t sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += chart->count[row * n + i];
        for (int64_t i = 0; i < n; i++)
            fprintf(file, "%" PRId64 " %" PRId64 " %g %" PRId64 "\n", i, row,
                    sum ? (double)chart->count[row * n + i] / (double)sum : 0, chart->count[row * n + i]);
    }
    fprintf(file,
            "EOD\nset xrange [-0.5:%g]\nset yrange [%g:-0.5]\nset palette defined (0 '#f7fafd', 1 '#6fa8dc')\n"
            "unset colorbox\nplot $m using 1:2:3 with image notitle%s\nreset\n",
            (double)n - 0.5, (double)n - 0.5, n <= 12 ? ", $m using 1:2:4 with labels notitle" : "");
}

static void write_script(FILE *file, const char *path, const char *format, const antler_chart *chart, int charts)
{
    int columns = charts > 1 ? 2 : 1, rows = (charts + columns - 1) / columns;
    if (strcmp(format, "png") == 0)
        fprintf(file, "set terminal pngcairo size %d,%d font 'sans,11'\n", columns * 560, rows * 400);
    else
        fprintf(file, "set terminal pdfcairo size %d,%d font 'sans,11'\n", columns * 6, rows * 4);
    fputs("set output ", file);
    put_quoted(file, path);
    fprintf(file, "\nset multiplot layout %d,%d\n", rows, columns);
    for (int i = 0; i < charts; i++) {
        put_setting(file, "title", chart[i].title);
        put_setting(file, "xlabel", chart[i].count ? "predicted" : chart[i].x_label);
        put_setting(file, "ylabel", chart[i].count ? "true class" : chart[i].y_label);
        fputs("set border 3\nset tics nomirror\nset grid ytics lc '#e4e4e4'\nset key below\n", file);
        (chart[i].count ? script_matrix : script_curves)(file, &chart[i]);
    }
    fputs("unset multiplot\n", file);
}

enum { NO_GNUPLOT = 127 };

/* Runs gnuplot on the script; its exit status, or -1. */
static int run_gnuplot(FILE *script)
{
    char *words[] = {"gnuplot", "-", NULL};
    pid_t child = fork();
    if (child == 0) {
        if (dup2(fileno(script), STDIN_FILENO) >= 0)
            execvp(words[0], words);
        _exit(errno == ENOENT ? NO_GNUPLOT : 1);
    }
    int status;
    while (child > 0 && waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static antler_status fail(const char *path, const char *what, antler_error *err)
{
    antler_error_set(err, ANTLER_FILE, NULL, "%s", what);
    antler__blame(path, err);
    return err->status;
}

static antler_status draw(const char *path, const char *part, const antler_chart *chart, int charts, antler_error *err)
{
    const char *format = strrchr(path, '.') + 1;
    bool svg = strcmp(format, "svg") == 0;
    FILE *file = svg ? fopen(part, "w") : tmpfile();
    if (!file)
        return fail(path, strerror(errno), err);
    if (svg)
        write_svg(file, chart, charts);
    else
        write_script(file, part, format, chart, charts);
    bool written = fflush(file) == 0 && !ferror(file);
    if (!written)
        fail(path, strerror(errno), err);
    rewind(file);
    int status = written && !svg ? run_gnuplot(file) : 0;
    if (fclose(file) != 0)
        fail(path, strerror(errno), err);
    if (status == NO_GNUPLOT)
        return fail(path, "drawing needs gnuplot, which is not there; install gnuplot-nox, or write .svg", err);
    return status == 0 ? err->status : fail(path, "gnuplot failed", err);
}

antler_status antler__charts_write(const char *path, const antler_chart *chart, int charts, antler_error *err)
{
    char part[4096];
    if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part)
        return fail(path, "the path is too long", err);
    if (draw(path, part, chart, charts, err) == ANTLER_OK && rename(part, path) != 0)
        fail(path, strerror(errno), err);
    if (err->status != ANTLER_OK)
        remove(part);
    return err->status;
}

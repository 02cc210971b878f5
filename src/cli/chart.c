#include "cli/chart.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

const char antler__chart_style[] =
    ":root{color-scheme:light dark;--paper:#fff;--ink:#1c2430;--dim:#5b6675;--rule:#d9dee5;--soft:#f3f5f8;--in:#dbe9f6;"
    "--out:#dff0d8;--c0:#1f6fb4;--c1:#c2410c;--c2:#23824a;--c3:#8b3fb0;--c4:#a07500;--c5:#b3225c;--c6:#0b7f86;"
    "--c7:#5d6470;--heat:31,111,180}"
    "@media(prefers-color-scheme:dark){:root{--paper:#14181e;--ink:#e3e8ef;--dim:#9aa6b5;--rule:#323a45;--soft:#1d232b;"
    "--in:#1d3650;--out:#24402a;--c0:#6db3f2;--c1:#f28b54;--c2:#6fcf8f;--c3:#c792ea;--c4:#e0b94a;--c5:#f27ba6;"
    "--c6:#56c8cf;--c7:#a8b0bb;--heat:109,179,242}}"
    "svg text{font:12px system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;fill:var(--ink)}"
    "svg .t{font-size:14px;font-weight:600}svg .d{fill:var(--dim)}svg .m{text-anchor:middle}svg .e{text-anchor:end}"
    "svg .g{stroke:var(--rule)}svg .a{stroke:var(--dim)}svg .y{stroke:var(--dim);stroke-dasharray:2 4}"
    "svg polyline,svg path.k{fill:none;stroke-width:2;stroke-linejoin:round}"
    ".s0{stroke:var(--c0)}.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}.s4{stroke:var(--c4)}"
    ".s5{stroke:var(--c5)}.s6{stroke:var(--c6)}.s7{stroke:var(--c7)}"
    ".f0{fill:var(--c0)}.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}.f4{fill:var(--c4)}"
    ".f5{fill:var(--c5)}.f6{fill:var(--c6)}.f7{fill:var(--c7)}";

void antler__chart_add(antler_chart *chart, const char *name, int64_t n, const double *x, const double *y,
                       antler_stroke stroke, int colour)
{
    if (chart->curves == ANTLER_MOST_CURVES)
        return;
    antler_curve *c = &chart->curve[chart->curves++];
    *c = (antler_curve){.n = n, .x = x, .y = y, .stroke = stroke, .colour = colour % 8};
    antler__shown(name, c->name, sizeof c->name);
}

/* Bytes of the UTF-8 character at text; 0 for none. */
static int utf8(const unsigned char *text)
{
    int n = text[0] < 0x80 ? 1 : text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : text[0] < 0xf5 ? 4 : 0;
    for (int i = 1; i < n; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

void antler__put_escaped(FILE *file, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c;) {
        int n = utf8(c);
        const char *entity = *c == '&'   ? "&amp;"
                             : *c == '<' ? "&lt;"
                             : *c == '>' ? "&gt;"
                             : *c == '"' ? "&quot;"
                                         : NULL;
        if (entity)
            fputs(entity, file);
        else if (n == 0 || *c < 0x20 || *c == 0x7f)
            putc('?', file);
        else
            fwrite(c, 1, (size_t)n, file);
        c += n ? n : 1;
    }
}

/* ---- axes -------------------------------------------------------------------------------------------------------- */

enum { LEFT = 62, RIGHT = 14, TOP = 34, BOTTOM = 44, LEGEND = 18 };

typedef struct axis {
    double low, high, step;
    double from, to; /* in the picture */
} axis;

static double at(const axis *a, double value)
{
    return a->from + (value - a->low) / (a->high - a->low) * (a->to - a->from);
}

/* About five steps of 1, 2 or 5 times a power of 10; the ends are whole steps. */
static void settle(axis *a, bool whole)
{
    if (!(a->low <= a->high)) {
        a->low = 0;
        a->high = 1;
    }
    if (a->high - a->low <= 1e-12 * fabs(a->high)) {
        double half = a->high != 0 ? fabs(a->high) / 2 : 0.5;
        a->low -= half;
        a->high += half;
    }
    double raw = (a->high - a->low) / 5, power = pow(10, floor(log10(raw))), part = raw / power;
    a->step = power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
    if (whole && a->step < 1)
        a->step = 1;
    if (whole) /* epochs: no empty part behind the last */
        return;
    a->low = floor(a->low / a->step + 1e-9) * a->step;
    a->high = ceil(a->high / a->step - 1e-9) * a->step;
}

static void extend(axis *a, double value)
{
    a->low = value < a->low ? value : a->low;
    a->high = value > a->high ? value : a->high;
}

static bool is_shown(const antler_curve *c, int64_t i)
{
    return isfinite(c->x[i]) && isfinite(c->y[i]);
}

/* The ranges that the curves need. */
static void measure(const antler_chart *chart, axis *x, axis *y)
{
    bool whole = true;
    x->low = y->low = INFINITY;
    x->high = y->high = -INFINITY;
    for (int k = 0; k < chart->curves; k++)
        for (int64_t i = 0; i < chart->curve[k].n; i++)
            if (is_shown(&chart->curve[k], i)) {
                extend(x, chart->curve[k].x[i]);
                extend(y, chart->curve[k].y[i]);
                whole = whole && chart->curve[k].x[i] == floor(chart->curve[k].x[i]);
            }
    if (chart->unit) {
        x->low = y->low = 0;
        x->high = y->high = 1;
    }
    settle(x, whole && !chart->unit);
    settle(y, false);
}

static const char *tick_text(const axis *a, double value, char *text, size_t size)
{
    snprintf(text, size, "%.6g", fabs(value) < 1e-9 * a->step ? 0 : value);
    return text;
}

static void put_axes(FILE *file, const antler_chart *chart, const axis *x, const axis *y)
{
    char text[32];
    for (double v = y->low; v <= y->high + 1e-9 * y->step; v += y->step) {
        fprintf(file, "<line class=\"g\" x1=\"%g\" x2=\"%g\" y1=\"%.1f\" y2=\"%.1f\"/>", x->from, x->to, at(y, v),
                at(y, v));
        fprintf(file, "<text class=\"d e\" x=\"%g\" y=\"%.1f\">%s</text>", x->from - 7, at(y, v) + 4,
                tick_text(y, v, text, sizeof text));
    }
    for (double v = ceil(x->low / x->step - 1e-9) * x->step; v <= x->high + 1e-9 * x->step; v += x->step)
        fprintf(file, "<text class=\"d m\" x=\"%.1f\" y=\"%g\">%s</text>", at(x, v), y->from + 17,
                tick_text(x, v, text, sizeof text));
    fprintf(file, "<line class=\"a\" x1=\"%g\" x2=\"%g\" y1=\"%g\" y2=\"%g\"/>", x->from, x->to, y->from, y->from);
    fprintf(file, "<text class=\"d m\" x=\"%g\" y=\"%g\">", (x->from + x->to) / 2, y->from + 35);
    antler__put_escaped(file, chart->x_label);
    fprintf(file, "</text><text class=\"d m\" transform=\"translate(13 %g) rotate(-90)\">", (y->from + y->to) / 2);
    antler__put_escaped(file, chart->y_label);
    fputs("</text>", file);
}

/* ---- curves ------------------------------------------------------------------------------------------------------ */

static void put_curve(FILE *file, const antler_curve *c, const axis *x, const axis *y)
{
    bool open = false;
    for (int64_t i = 0; i < c->n; i++) {
        if (c->stroke == ANTLER_POINTS) {
            if (is_shown(c, i))
                fprintf(file, "<circle class=\"f%d\" r=\"2.5\" fill-opacity=\".55\" cx=\"%.1f\" cy=\"%.1f\"/>",
                        c->colour, at(x, c->x[i]), at(y, c->y[i]));
            continue;
        }
        if (!is_shown(c, i)) { /* a gap */
            fputs(open ? "\"/>" : "", file);
            open = false;
            continue;
        }
        if (!open)
            fprintf(file, "<polyline class=\"s%d\"%s points=\"", c->colour,
                    c->stroke == ANTLER_DASHED ? " stroke-dasharray=\"5 4\"" : "");
        fprintf(file, "%s%.1f,%.1f", open ? " " : "", at(x, c->x[i]), at(y, c->y[i]));
        open = true;
    }
    fputs(open ? "\"/>" : "", file);
}

/* The names of the curves beneath the chart, as many in a row as there is room for; returns the rows. With file NULL it
   counts alone. */
static int put_legend(FILE *file, const antler_chart *chart, double top)
{
    double x = LEFT;
    int row = 0;
    for (int k = 0; k < chart->curves; k++) {
        const antler_curve *c = &chart->curve[k];
        if (!*c->name)
            continue;
        double width = 34 + 6.9 * (double)strlen(c->name);
        if (x > LEFT && x + width > ANTLER_CHART_WIDTH - RIGHT) {
            x = LEFT;
            row++;
        }
        double y = top + row * LEGEND;
        if (file && c->stroke == ANTLER_POINTS)
            fprintf(file, "<circle class=\"f%d\" r=\"4\" cx=\"%g\" cy=\"%g\"/>", c->colour, x + 9, y - 4);
        else if (file)
            fprintf(file, "<path class=\"k s%d\"%s d=\"M%g %gh18\"/>", c->colour,
                    c->stroke == ANTLER_DASHED ? " stroke-dasharray=\"5 4\"" : "", x, y - 4);
        if (file) {
            fprintf(file, "<text x=\"%g\" y=\"%g\">", x + 23, y);
            antler__put_escaped(file, c->name);
            fputs("</text>", file);
        }
        x += width;
    }
    return chart->curves ? row + 1 : 0;
}

static void put_title(FILE *file, const antler_chart *chart)
{
    fprintf(file, "<text class=\"t\" x=\"%d\" y=\"18\">", LEFT);
    antler__put_escaped(file, chart->title);
    fputs("</text>", file);
}

static void put_curves(FILE *file, const antler_chart *chart)
{
    axis x = {.from = LEFT, .to = ANTLER_CHART_WIDTH - RIGHT}, y = {.from = ANTLER_CHART_HEIGHT - BOTTOM, .to = TOP};
    measure(chart, &x, &y);
    put_axes(file, chart, &x, &y);
    if (chart->diagonal) {
        double low = x.low > y.low ? x.low : y.low, high = x.high < y.high ? x.high : y.high;
        fprintf(file, "<line class=\"y\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>", at(&x, low), at(&y, low),
                at(&x, high), at(&y, high));
    }
    for (int k = 0; k < chart->curves; k++)
        put_curve(file, &chart->curve[k], &x, &y);
    put_legend(file, chart, ANTLER_CHART_HEIGHT + 12);
}

/* ---- matrices ---------------------------------------------------------------------------------------------------- */

/* A square for each pair of classes, as dark as the part of its row. */
static void put_matrix(FILE *file, const antler_chart *chart)
{
    int64_t n = chart->classes;
    double cell = (double)(ANTLER_CHART_HEIGHT - TOP - BOTTOM) / (double)n;
    double wide = (double)(ANTLER_CHART_WIDTH - LEFT - RIGHT) / (double)n;
    wide = wide > 2 * cell ? 2 * cell : wide;
    for (int64_t row = 0; row < n; row++) {
        const int64_t *count = chart->count + row * n;
        int64_t sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += count[i];
        for (int64_t i = 0; i < n; i++) {
            double part = sum ? (double)count[i] / (double)sum : 0, x = LEFT + (double)i * wide,
                   y = TOP + (double)row * cell;
            fprintf(file,
                    "<rect class=\"f0\" fill-opacity=\"%.3f\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
                    0.03 + 0.6 * part, x, y, wide - 1, cell - 1);
            if (n <= 12 && count[i])
                fprintf(file, "<text class=\"m\" x=\"%.1f\" y=\"%.1f\">%" PRId64 "</text>", x + wide / 2,
                        y + cell / 2 + 4, count[i]);
        }
        if (n <= 20) {
            fprintf(file, "<text class=\"d e\" x=\"%d\" y=\"%.1f\">%" PRId64 "</text>", LEFT - 7,
                    TOP + ((double)row + 0.5) * cell + 4, row);
            fprintf(file, "<text class=\"d m\" x=\"%.1f\" y=\"%d\">%" PRId64 "</text>",
                    LEFT + ((double)row + 0.5) * wide, ANTLER_CHART_HEIGHT - BOTTOM + 16, row);
        }
    }
    fprintf(file, "<text class=\"d m\" x=\"%g\" y=\"%d\">predicted</text>", LEFT + (double)n * wide / 2,
            ANTLER_CHART_HEIGHT - BOTTOM + 35);
    fprintf(file, "<text class=\"d m\" transform=\"translate(13 %g) rotate(-90)\">true class</text>",
            TOP + (double)n * cell / 2);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static int height_of(const antler_chart *chart)
{
    return ANTLER_CHART_HEIGHT + (chart->count ? 0 : LEGEND * put_legend(NULL, chart, 0));
}

void antler__chart_svg(FILE *file, const antler_chart *chart)
{
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"xMidYMin\" "
            "role=\"img\"><title>",
            ANTLER_CHART_WIDTH, height_of(chart));
    antler__put_escaped(file, chart->title);
    fputs("</title>", file);
    put_title(file, chart);
    if (chart->count)
        put_matrix(file, chart);
    else
        put_curves(file, chart);
    fputs("</svg>\n", file);
}

/* Charts: described once, drawn as SVG by the command itself or by gnuplot. */
#ifndef ANTLER_CHART_H
#define ANTLER_CHART_H

#include "cli/command.h"

enum { ANTLER_MOST_CURVES = 24, ANTLER_CHART_WIDTH = 520, ANTLER_CHART_HEIGHT = 320 };

typedef enum antler_stroke { ANTLER_SOLID, ANTLER_DASHED, ANTLER_POINTS } antler_stroke;

/* A curve; points that are not finite are left out. The arrays are lent. */
typedef struct antler_curve {
    char name[96];
    int64_t n;
    const double *x, *y;
    antler_stroke stroke;
    int colour; /* 0 to 7, and over again */
} antler_curve;

typedef struct antler_chart {
    char title[160], x_label[64], y_label[64];
    int curves;
    antler_curve curve[ANTLER_MOST_CURVES];
    bool diagonal; /* a line where y is x */
    bool unit;     /* both axes from 0 to 1 */
    /* A matrix in the place of curves: rows of targets, columns of predictions; lent. */
    int64_t classes;
    const int64_t *count; /* [classes * classes], or NULL */
} antler_chart;

/* Adds a curve; what is too many is left out. */
void antler__chart_add(antler_chart *chart, const char *name, int64_t n, const double *x, const double *y,
                       antler_stroke stroke, int colour);

/* Text as HTML and SVG take it: markup becomes text, control characters and bad UTF-8 '?'. */
void antler__put_escaped(FILE *file, const char *text);
/* The style of charts and drawings, for a page or a picture, light or dark as the reader has it. */
extern const char antler__chart_style[];
/* An <svg> of one chart, without a style; it takes the width that it is given. */
void antler__chart_svg(FILE *file, const antler_chart *chart);
/* A picture of several: .svg; by gnuplot .png or .pdf. */
antler_status antler__charts_write(const char *path, const antler_chart *chart, int charts, antler_error *err);

#endif

/* The network as an SVG: a box for each call of a layer, in rows by how far from the inputs it is. */
#include "cli/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 190, HEIGHT = 58, GAP_X = 24, GAP_Y = 30, MOST_BOXES = 400 };

typedef struct box {
    int64_t layer, call;
    int row, column;
} box;

typedef struct drawing {
    const antler_model *model;
    int boxes, rows, columns;
    box box[MOST_BOXES];
    int in_row[MOST_BOXES];
} drawing;

static int find(const drawing *d, const antler_giver *giver)
{
    for (int i = 0; i < d->boxes; i++)
        if (d->box[i].layer == giver->layer && d->box[i].call == giver->call)
            return i;
    return -1;
}

/* Each call a row below all that it takes from. Layers come in an order in which a call may stand before what it takes
   from, so this goes on until nothing moves. */
static void settle_rows(drawing *d)
{
    bool moved = true;
    for (int pass = 0; moved && pass < d->boxes; pass++) {
        moved = false;
        for (int i = 0; i < d->boxes; i++) {
            const antler_call_view *call = &antler_model_layer(d->model, d->box[i].layer)->call[d->box[i].call];
            for (int k = 0; k < call->inputs; k++) {
                int from = find(d, &call->input[k]);
                if (from >= 0 && d->box[from].row >= d->box[i].row) {
                    d->box[i].row = d->box[from].row + 1;
                    moved = true;
                }
            }
        }
    }
}

/* The mean column of what a box takes from: boxes of a row stand in this order. */
static double wish(const drawing *d, const box *b)
{
    const antler_call_view *call = &antler_model_layer(d->model, b->layer)->call[b->call];
    double sum = 0;
    int n = 0;
    for (int k = 0; k < call->inputs; k++) {
        int from = find(d, &call->input[k]);
        if (from >= 0) {
            sum += d->box[from].column + 0.5 - d->in_row[d->box[from].row] / 2.0;
            n++;
        }
    }
    return n ? sum / n : 0;
}

static void settle_columns(drawing *d)
{
    for (int row = 0; row < d->rows; row++) {
        int members[MOST_BOXES], n = 0;
        double wished[MOST_BOXES];
        for (int i = 0; i < d->boxes; i++) {
            if (d->box[i].row != row)
                continue;
            int at = n++;
            double w = wish(d, &d->box[i]);
            for (; at > 0 && wished[at - 1] > w; at--) {
                wished[at] = wished[at - 1];
                members[at] = members[at - 1];
            }
            wished[at] = w;
            members[at] = i;
        }
        for (int i = 0; i < n; i++)
            d->box[members[i]].column = i;
        d->in_row[row] = n;
        d->columns = n > d->columns ? n : d->columns;
    }
}

static double x_of(const drawing *d, const box *b)
{
    double row = d->in_row[b->row], all = d->columns;
    return (b->column + (all - row) / 2) * (WIDTH + GAP_X) + WIDTH / 2.0 + 4;
}

static double y_of(const box *b)
{
    return b->row * (HEIGHT + GAP_Y) + 4;
}

/* A text that fits the box. */
static void put_line(FILE *file, const char *class_name, double x, double y, const char *text)
{
    enum { MOST = 28 };
    char shown[1024];
    antler__shown(text, shown, sizeof shown);
    size_t length = strlen(shown);
    fprintf(file, "<text class=\"m %s\" x=\"%.0f\" y=\"%.0f\">", class_name, x, y);
    if (length > MOST) { /* what tells layers apart is mostly the end */
        char *end = shown + length - (MOST - 3);
        while ((*end & 0xc0) == 0x80)
            end++;
        fputs("...", file);
        antler__put_escaped(file, end);
    } else {
        antler__put_escaped(file, shown);
    }
    fputs("</text>", file);
}

static void put_box(FILE *file, const drawing *d, const box *b)
{
    const antler_layer_view *layer = antler_model_layer(d->model, b->layer);
    const antler_call_view *call = &layer->call[b->call];
    double x = x_of(d, b), y = y_of(b);
    char text[256], number[32], shape[128];
    bool gives = false;
    for (int k = 0; k < call->outputs; k++)
        gives = gives || call->is_output[k];
    fprintf(file,
            "<rect rx=\"7\" x=\"%.0f\" y=\"%.0f\" width=\"%d\" height=\"%d\" "
            "style=\"fill:var(--%s);stroke:var(--dim)%s\"/>",
            x - WIDTH / 2.0, y, WIDTH, HEIGHT,
            gives          ? "out"
            : call->inputs ? "soft"
                           : "in",
            layer->parameters > 0 && layer->trainable == 0 ? ";stroke-dasharray:4 3" : "");
    snprintf(text, sizeof text, "%s", layer->class_name);
    if (layer->calls > 1)
        snprintf(text, sizeof text, "%s, call %" PRId64, layer->class_name, b->call + 1);
    put_line(file, "t", x, y + 19, text);
    put_line(file, "d", x, y + 35, layer->name);
    antler_shape_text(b->call ? &call->output[0] : &layer->output, shape, sizeof shape);
    snprintf(text, sizeof text, "%s%s%s", shape, layer->parameters ? " · " : "",
             layer->parameters ? antler__number_text(layer->parameters, number, sizeof number) : "");
    put_line(file, "d", x, y + 50, text);
}

static void put_edges(FILE *file, const drawing *d, const box *b)
{
    const antler_call_view *call = &antler_model_layer(d->model, b->layer)->call[b->call];
    for (int k = 0; k < call->inputs; k++) {
        int from = find(d, &call->input[k]);
        if (from < 0)
            continue;
        const box *g = &d->box[from];
        double x0 = x_of(d, g), y0 = y_of(g) + HEIGHT, x1 = x_of(d, b), y1 = y_of(b);
        /* a line that passes rows goes around the boxes between */
        int span = b->row - g->row;
        double bend = span > 1 && x0 == x1 ? (WIDTH / 2.0 + 8) * 4 / 3 + 8 * (span < 12 ? span : 12) : 0;
        fprintf(file,
                "<path class=\"k\" style=\"stroke:var(--dim);stroke-width:1.4\" marker-end=\"url(#arrow)\" d=\"M%.0f "
                "%.0f C%.0f %.0f %.0f %.0f %.0f %.0f\"/>",
                x0 + (bend > 0 ? WIDTH / 2.0 - 20 : 0), y0, x0 + bend, y0 + GAP_Y, x1 + bend, y1 - GAP_Y,
                x1 + (bend > 0 ? WIDTH / 2.0 - 20 : 0), y1 - 3);
    }
}

void antler__drawing_svg(FILE *file, const antler_model *model)
{
    const antler_layer_view *layer;
    drawing *d = calloc(1, sizeof *d);
    bool whole = d != NULL;
    for (int64_t i = 0; whole && (layer = antler_model_layer(model, i)); i++)
        for (int64_t call = 0; call < layer->calls && whole; call++) {
            whole = d->boxes < MOST_BOXES;
            if (whole)
                d->box[d->boxes++] = (box){i, call, 0, 0};
        }
    if (!whole) {
        fputs("<p>The network is too large to be drawn here: <code>antler plot</code> draws it.</p>", file);
        free(d);
        return;
    }
    d->model = model;
    settle_rows(d);
    for (int i = 0; i < d->boxes; i++)
        d->rows = d->box[i].row + 1 > d->rows ? d->box[i].row + 1 : d->rows;
    settle_columns(d);
    int width = d->columns * (WIDTH + GAP_X) - GAP_X + (d->rows > 2 ? 100 : 10),
        height = d->rows * (HEIGHT + GAP_Y) - GAP_Y + 8;
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
            "role=\"img\"><title>the network</title>"
            "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
            "orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" style=\"fill:var(--dim)\"/></marker></defs>",
            width, height, width, height);
    for (int i = 0; i < d->boxes; i++)
        put_edges(file, d, &d->box[i]);
    for (int i = 0; i < d->boxes; i++)
        put_box(file, d, &d->box[i]);
    fputs("</svg>\n", file);
    free(d);
}

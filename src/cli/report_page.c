/* The page of a report: HTML that needs nothing from outside. All text goes through antler__put_escaped. */
#include "cli/reader.h"
#include "cli/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WRONG = 12, MOST_VALUES = 16, GROUPS = 8 };

static const char style[] =
    "*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);"
    "font:16px/1.5 system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}"
    "main{max-width:1160px;margin:0 auto;padding:20px 16px 60px}h1{font-size:26px;margin:8px 0 "
    "2px;overflow-wrap:anywhere}"
    "h2{font-size:20px;margin:38px 0 10px}h3{font-size:16px;margin:22px 0 6px;overflow-wrap:anywhere}"
    "p{margin:6px 0;max-width:75ch;overflow-wrap:anywhere}.dim{color:var(--dim)}"
    ".wide{overflow-x:auto;max-width:100%}table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-"
    "nums}"
    "th,td{padding:5px 10px;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}"
    "th:first-child,td:first-child{text-align:left}th{color:var(--dim);font-weight:600}td.l,th.l{text-align:left}"
    "td.w{white-space:normal;overflow-wrap:anywhere;min-width:12em}"
    ".tiles{display:flex;flex-wrap:wrap;gap:10px;margin:16px 0}.tile{background:var(--soft);border-radius:10px;"
    "padding:10px 16px;min-width:120px}.tile b{display:block;font-size:22px}.tile span{color:var(--dim);font-size:13px}"
    ".grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));gap:18px}"
    ".grid>*{min-width:0}.grid svg{display:block;width:100%;max-width:640px;height:auto}.grid .drawing "
    "svg{width:auto;max-width:none}"
    ".confusion{border-collapse:separate;border-spacing:2px}.confusion td,.confusion th{text-align:center;border:0;"
    "padding:5px 8px;border-radius:4px;min-width:34px}"
    ".samples{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:12px}"
    ".sample{background:var(--soft);border-radius:10px;padding:10px;font-size:13px;overflow-wrap:anywhere;min-width:0}"
    ".sample img{display:block;width:100%;max-width:160px;image-rendering:pixelated;background:#fff;margin-bottom:6px;"
    "border-radius:4px}code{font-size:.92em}.note{background:var(--soft);border-left:4px solid var(--c1);padding:8px "
    "14px}"
    "@media(max-width:600px){main{padding:14px 14px 40px}th,td{padding:5px 6px}.results "
    "td:first-child{white-space:normal}"
    ".samples{grid-template-columns:repeat(2,1fr)}}";

static void put_format(FILE *file, const char *format, ...) ANTLER_PRINTF(2, 3);
static void put_format(FILE *file, const char *format, ...)
{
    char text[1200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    antler__put_escaped(file, text);
}

/* ---- head and network -------------------------------------------------------------------------------------------- */

static void put_tile(FILE *file, const char *value, const char *title)
{
    fputs("<div class=\"tile\"><b>", file);
    antler__put_escaped(file, value);
    fputs("</b><span>", file);
    antler__put_escaped(file, title);
    fputs("</span></div>\n", file);
}

static void put_tiles(FILE *file, const antler_report *r)
{
    char text[64], title[160];
    const antler_layer_view *layer;
    int64_t parameters = 0;
    fputs("<div class=\"tiles\">\n", file);
    for (int i = 0; r->judged && i < r->judged->logs.n && i < 3; i++) {
        snprintf(text, sizeof text, "%.4g", r->judged->logs.value[i]);
        snprintf(title, sizeof title, "%s, %s", r->judged->logs.name[i], r->judged->title);
        put_tile(file, text, title);
    }
    snprintf(text, sizeof text, "%" PRId64, r->history.rows);
    put_tile(file, text, "epochs");
    for (int64_t i = 0; r->model && (layer = antler_model_layer(r->model, i)); i++)
        parameters += layer->parameters;
    if (r->model)
        put_tile(file, antler__number_text(parameters, text, sizeof text), "weights");
    fputs("</div>\n", file);
}

static void put_network(FILE *file, const antler_model *model)
{
    const antler_layer_view *layer;
    char text[1024];
    fputs("<h2>The network</h2>\n<p class=\"dim\">Inputs blue, outputs green, frozen layers dashed; shapes, and "
          "numbers of "
          "weights.</p>\n<div class=\"grid\"><div class=\"wide drawing\">",
          file);
    antler__drawing_svg(file, model);
    fputs("</div>\n<div class=\"wide\"><table><tr><th>layer<th class=\"l\">type<th>output<th>weights<th>trained</tr>\n",
          file);
    for (int64_t i = 0; (layer = antler_model_layer(model, i)); i++) {
        fputs("<tr><td>", file);
        antler__put_escaped(file, layer->name);
        fputs("<td class=\"l\">", file);
        antler__put_escaped(file, layer->class_name);
        fputs("<td>", file);
        antler__put_escaped(file, antler__outputs_text(layer, text, sizeof text));
        fprintf(file, "<td>%s", antler__number_text(layer->parameters, text, sizeof text));
        fprintf(file, "<td>%s</tr>\n", antler__number_text(layer->trainable, text, sizeof text));
    }
    fputs("</table></div></div>\n", file);
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

/* The texts, numbers and switches at the top of settings.json. */
static void put_members(FILE *file, antler_reader *r)
{
    char key[128], text[1024];
    bool first = true;
    if (!antler__reader_enter(r, '{'))
        return;
    while (antler__reader_more(r, '{', &first)) {
        if (!antler__reader_key(r, key, sizeof key))
            return;
        char next = antler__reader_peek(r);
        const char *start = r->at;
        if (next == '"' ? !antler__reader_string(r, text, sizeof text) : !antler__reader_skip(r))
            return;
        if (next == '{' || next == '[')
            continue;
        if (next != '"')
            snprintf(text, sizeof text, "%.*s", (int)(r->at - start), start);
        fputs("<tr><td>", file);
        antler__put_escaped(file, key);
        fputs("<td class=\"l w\">", file);
        antler__put_escaped(file, text);
        fputs("</tr>\n", file);
    }
}

static void put_settings(FILE *file, const antler_report *r)
{
    enum { MOST = 64 << 20 };
    char path[ANTLER_REPORT_TEXT];
    antler_error err = {0};
    size_t size = 0;
    snprintf(path, sizeof path, "%s/settings.json", r->folder);
    FILE *settings = fopen(path, "r");
    if (!settings)
        return;
    char *text =
        fseek(settings, 0, SEEK_END) == 0 && ftell(settings) < MOST ? calloc((size_t)ftell(settings) + 1, 1) : NULL;
    if (text) {
        size = (size_t)ftell(settings);
        rewind(settings);
        size = fread(text, 1, size, settings);
        fputs("<h2>Settings</h2>\n<div class=\"wide\"><table>\n", file);
        antler_reader reader = antler__reader(text, size, &err);
        put_members(file, &reader);
        fputs("</table></div>\n", file);
    }
    free(text);
    fclose(settings);
}

/* ---- curves and what dropout does -------------------------------------------------------------------------------- */

static void put_charts(FILE *file, const antler_chart *chart, int charts)
{
    fputs("<div class=\"grid\">\n", file);
    for (int i = 0; i < charts; i++)
        antler__chart_svg(file, &chart[i]);
    fputs("</div>\n", file);
}

static void put_logs(FILE *file, const antler_report_set *set, const char *dropout)
{
    if (!set->x.data)
        return;
    fputs("<tr><td>", file);
    put_format(file, "%s set, %s samples%s", set->title,
               antler__number_text(antler__set_count(&set->x), (char[32]){0}, 32), dropout);
    for (int i = 0; i < set->logs.n; i++)
        fprintf(file, "<td>%.5g", set->logs.value[i]);
    fputs("</tr>\n", file);
}

/* What the last epoch said of itself, with dropout on and weights that still changed. */
static void put_last_epoch(FILE *file, const antler_report *r)
{
    const antler_history_table *h = &r->history;
    fputs("<tr><td>last epoch, in training: dropout on", file);
    for (int i = 0; i < r->training.logs.n; i++) {
        int column = antler__history_column(h, r->training.logs.name[i]);
        if (column >= 0)
            fprintf(file, "<td>%.5g", h->value[column][h->rows - 1]);
        else
            fputs("<td>", file);
    }
    fputs("</tr>\n", file);
}

static void put_results(FILE *file, const antler_report *r)
{
    bool random = antler_model_random(r->model);
    const antler_logs *t = &r->training.logs, *v = &r->validation.logs;
    fputs(random ? "<h2>Results, and what dropout does</h2>\n" : "<h2>Results</h2>\n", file);
    fputs("<div class=\"wide results\"><table><tr><th>", file);
    for (int i = 0; i < t->n; i++) {
        fputs("<th>", file);
        antler__put_escaped(file, t->name[i]);
    }
    fputs("</tr>\n", file);
    if (random)
        put_last_epoch(file, r);
    put_logs(file, &r->training, random ? ": dropout off" : "");
    put_logs(file, &r->validation, random ? ": dropout off" : "");
    fputs("</table></div>\n", file);
    if (t->n && v->n) {
        fputs("<p>", file);
        put_format(file, "The validation loss is %.3g times the training loss: ", v->value[0] / t->value[0]);
        put_format(file, "%s",
                   v->value[0] > 1.5 * t->value[0] ? "the network knows its training set better than what it never saw."
                                                   : "what the network learned holds for what it never saw.");
        fputs("</p>\n", file);
    }
    if (random)
        fputs("<p class=\"dim\">With dropout on the network is thinned, so its loss in training is above that of the "
              "whole "
              "network; compare the two sets with dropout off.</p>\n",
              file);
}

/* ---- predictions ------------------------------------------------------------------------------------------------- */

static void put_confusion(FILE *file, const antler_analysis *n)
{
    fputs("<div><h3>Confusion matrix</h3><p class=\"dim\">A line for each true class, a column for each that was "
          "predicted.</p><div class=\"wide\"><table class=\"confusion\"><tr><th>",
          file);
    for (int64_t i = 0; i < n->classes; i++)
        fprintf(file, "<th>%" PRId64, i);
    fputs("</tr>\n", file);
    for (int64_t row = 0; row < n->classes; row++) {
        const int64_t *count = n->count + row * n->classes;
        int64_t sum = 0;
        for (int64_t i = 0; i < n->classes; i++)
            sum += count[i];
        fprintf(file, "<tr><th>%" PRId64, row);
        for (int64_t i = 0; i < n->classes; i++)
            fprintf(file, "<td style=\"background:rgba(var(--heat),%.2f)\">%.0" PRId64,
                    0.04 + 0.56 * (sum ? (double)count[i] / (double)sum : 0), count[i]);
        fputs("</tr>\n", file);
    }
    fputs("</table></div></div>\n", file);
}

/* Height, width and channels of samples that look like pictures. */
static bool is_picture(const antler_shape *s, int64_t *height, int64_t *width, int64_t *channels)
{
    *height = s->rank >= 3 ? s->dim[1] : 0;
    *width = s->rank >= 3 ? s->dim[2] : 0;
    *channels = s->rank == 4 ? s->dim[3] : 1;
    return (s->rank == 3 || s->rank == 4) && *height >= 6 && *width >= 6 && *height <= 256 && *width <= 256 &&
           (*channels == 1 || *channels == 3);
}

static void put_input(FILE *file, const antler_data *x, int64_t row)
{
    const antler_data *part;
    const char *name;
    antler_error err = {0};
    for (int64_t i = 0; (part = antler_data_part(x, i, &name)); i++) {
        const antler_shape *shape = antler_data_shape(part);
        int64_t n = antler_count(shape, 1), height, width, channels;
        antler_real *value = antler__room(n, sizeof *value, &err);
        if (value && antler_data_gather(part, &row, 1, value, &err) == ANTLER_OK) {
            if (is_picture(shape, &height, &width, &channels)) {
                antler__picture_put(file, value, height, width, channels);
            } else {
                if (name)
                    put_format(file, "%s: ", name);
                for (int64_t j = 0; j < n && j < MOST_VALUES; j++)
                    fprintf(file, "%s%.4g", j ? ", " : "", (double)value[j]);
                if (n > MOST_VALUES)
                    fprintf(file, " ... (%" PRId64 ")", n);
                fputs("<br>", file);
            }
        }
        free(value);
    }
}

static void put_verdict(FILE *file, const antler_analysis *n, int64_t row)
{
    const antler_prediction *p = n->p;
    int64_t each = p->shape.dim[0] > 0 ? p->lines / p->shape.dim[0] : 0;
    fprintf(file, "row %" PRId64 "<br>", row);
    if (each != 1) {
        fprintf(file, "off by %.4g in the mean", n->wrong[row]);
    } else if (n->classes) {
        int64_t decision = antler__decide(p, row), label = n->label[row];
        const antler_real *y = p->y + row * p->last;
        fprintf(file, "class %" PRId64 ", taken for <b>%" PRId64 "</b>", label, decision);
        if (p->probability)
            fprintf(file, "<br>said %.3g for it, %.3g for the true one",
                    p->last == 1 ? (decision ? (double)y[0] : 1 - (double)y[0]) : (double)y[decision],
                    1 - n->wrong[row]);
    } else {
        fputs("predicted ", file);
        for (int64_t i = 0; i < p->last && i < 4; i++)
            fprintf(file, "%s%.4g", i ? ", " : "", (double)p->y[row * p->last + i]);
        fputs(", is ", file);
        for (int64_t i = 0; i < p->last && i < 4; i++)
            fprintf(file, "%s%.4g", i ? ", " : "", n->target[row * p->last + i]);
    }
}

static void put_wrong(FILE *file, const antler_report *r, const antler_analysis *n)
{
    antler_error err = {0};
    int64_t rows = n->p->shape.dim[0], *order = antler__by_size(n->wrong, rows, &err);
    fputs("<h3>The samples that it got most wrong</h3>\n<div class=\"samples\">\n", file);
    for (int64_t i = 0; order && i < rows && i < MOST_WRONG && n->wrong[order[i]] > 0; i++) {
        fputs("<div class=\"sample\">", file);
        put_input(file, r->judged->x.data, order[i]);
        put_verdict(file, n, order[i]);
        fputs("</div>\n", file);
    }
    fputs("</div>\n", file);
    free(order);
}

/* ---- uncertainty ------------------------------------------------------------------------------------------------- */

/* How unsure a line is: its entropy, or the root of its mean square deviation. */
static double unsure(const antler_prediction *p, int64_t line)
{
    double sum = 0;
    if (p->entropy)
        return (double)p->entropy[line];
    for (int64_t i = 0; i < p->last; i++)
        sum += pow((double)p->deviation[line * p->last + i], 2);
    return sqrt(sum / (double)(p->last > 0 ? p->last : 1));
}

static double error_of(const antler_analysis *n, const antler_prediction *p, int64_t line)
{
    double sum = 0;
    if (n->classes)
        return n->label[line] >= 0 && antler__decide(p, line) != n->label[line];
    for (int64_t i = 0; i < p->last; i++)
        sum += pow((double)p->y[line * p->last + i] - n->target[line * p->last + i], 2);
    return sqrt(sum / (double)(p->last > 0 ? p->last : 1));
}

/* Lines in groups by how unsure they are, and how wrong each group is. */
static void put_uncertainty(FILE *file, const antler_report *r, const antler_analysis *n, const antler_prediction *p)
{
    antler_error err = {0};
    double x[GROUPS] = {0}, y[GROUPS] = {0}, *value = antler__room(p->lines, sizeof *value, &err);
    antler_chart chart = {0};
    for (int64_t i = 0; value && i < p->lines; i++)
        value[i] = unsure(p, i);
    int64_t *order = value ? antler__by_size(value, p->lines, &err) : NULL;
    int groups = p->lines < 5 * GROUPS ? 2 : GROUPS;
    for (int g = 0; order && g < groups; g++) {
        int64_t first = p->lines * g / groups, end = p->lines * (g + 1) / groups;
        for (int64_t i = first; i < end; i++) {
            x[g] += value[order[i]] / (double)(end - first);
            y[g] += error_of(n, p, order[i]) / (double)(end - first);
        }
    }
    snprintf(chart.title, sizeof chart.title, "Error by uncertainty");
    snprintf(chart.x_label, sizeof chart.x_label, p->entropy ? "predictive entropy, nats" : "standard deviation");
    snprintf(chart.y_label, sizeof chart.y_label, n->classes ? "part that is wrong" : "error, root mean square");
    antler__chart_add(&chart, "groups of one size", groups, x, y, ANTLER_SOLID, 0);
    antler__chart_add(&chart, "", groups, x, y, ANTLER_POINTS, 0);
    fputs("<h3>How sure, and how right</h3>\n<p class=\"dim\">", file);
    put_format(file,
               "%" PRId64
               " predictions with dropout on, of the first %s samples. Where uncertainty is worth something, "
               "the curve rises.",
               r->mc.samples, antler__number_text(p->shape.dim[0], (char[32]){0}, 32));
    fputs("</p>\n", file);
    if (order)
        put_charts(file, &chart, 1);
    free(order);
    free(value);
}

static void put_output(FILE *file, const antler_report *r, int64_t k)
{
    const antler_analysis *n = &r->analysis[k];
    bool table = n->count && n->classes <= 40;
    if (r->predictions.n > 1) {
        fputs("<h2>", file);
        put_format(file, "Output %s", n->p->name);
        fputs("</h2>\n", file);
    } else {
        fputs("<h2>Predictions</h2>\n", file);
    }
    fputs("<p class=\"dim\">", file);
    put_format(file, "Of the %s set, dropout off.", r->judged->title);
    fputs("</p>\n<div class=\"grid\">\n", file);
    if (table)
        put_confusion(file, n);
    for (int i = 0; i < n->charts; i++)
        if (!n->chart[i].count)
            antler__chart_svg(file, &n->chart[i]);
    fputs("</div>\n", file);
    put_wrong(file, r, n);
    if (r->mc.n)
        put_uncertainty(file, r, n, &r->mc.output[k]);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

void antler__report_page(FILE *file, const antler_report *r)
{
    const char *name = r->model ? antler_model_name(r->model) : r->history.name;
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><link rel=\"icon\" "
          "href=\"data:,\"><title>",
          file);
    antler__put_escaped(file, name);
    fprintf(file, ": training report</title>\n<style>%s%s</style></head>\n<body><main>\n<h1>", antler__chart_style,
            style);
    antler__put_escaped(file, name);
    fputs("</h1>\n<p class=\"dim\">", file);
    put_format(file, "Training report of %s, by antler %s", r->folder, antler_version());
    fputs("</p>\n", file);
    put_tiles(file, r);
    if (*r->missing) {
        fputs("<p class=\"note\">", file);
        put_format(file, "The model's predictions are not shown: %s", r->missing);
        fputs("</p>\n", file);
    }
    fputs("<h2>Curves</h2>\n", file);
    put_charts(file, r->chart, r->charts);
    if (r->training.logs.n)
        put_results(file, r);
    for (int64_t k = 0; r->analysis && k < r->predictions.n; k++)
        if (r->analysis[k].p)
            put_output(file, r, k);
    if (r->model)
        put_network(file, r->model);
    put_settings(file, r);
    fputs("</main></body></html>\n", file);
}

/* A picture of a model: text for graphviz's dot, which draws it where it is installed. */
#include "cli/runs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the text ---------------------------------------------------------------------------------------------------- */

/* A name as dot's HTML-like labels take it. */
static void write_text(FILE *file, const char *text)
{
    char shown[1024];
    for (const char *c = antler__shown(text, shown, sizeof shown); *c; c++) {
        const char *entity = *c == '&' ? "&amp;" : *c == '<' ? "&lt;" : *c == '>' ? "&gt;" : NULL;
        if (entity)
            fputs(entity, file);
        else
            putc(*c, file);
    }
}

static bool gives_output(const antler_layer_view *layer)
{
    for (int64_t i = 0; i < layer->calls; i++)
        for (int k = 0; k < layer->call[i].outputs; k++)
            if (layer->call[i].is_output[k])
                return true;
    return false;
}

/* Name and class, shapes, weights; coloured where data comes in and goes out, dashed where it is frozen. */
static void write_layer(FILE *file, int64_t index, const antler_layer_view *layer)
{
    char text[1024];
    bool output = gives_output(layer), input = layer->call->inputs == 0;
    const char *leaf = strrchr(layer->name, '/');
    fprintf(file, "  n%" PRId64 " [label=<<b>", index);
    write_text(file, leaf ? leaf + 1 : layer->name);
    fputs("</b><br/>", file);
    write_text(file, layer->class_name);
    fputs("<br/><font point-size=\"10\">", file);
    write_text(file, antler__outputs_text(layer, text, sizeof text));
    if (layer->parameters > 0)
        fprintf(file, "<br/>%s weights%s", antler__number_text(layer->parameters, text, sizeof text),
                layer->trainable ? "" : ", frozen");
    fputs(output ? "<br/><i>output</i></font>>" : "</font>>", file);
    if (input || output)
        fprintf(file, ", fillcolor=\"%s\"", input ? "#dbe9f6" : "#dff0d8");
    if (layer->parameters > 0 && layer->trainable == 0)
        fputs(", style=\"rounded,filled,dashed\"", file);
    fputs("];\n", file);
}

/* How many letters of two paths are models that both lie in. */
static size_t common_models(const char *a, const char *b)
{
    size_t common = 0;
    for (size_t i = 0; a[i] && a[i] == b[i]; i++)
        if (a[i] == '/')
            common = i + 1;
    return common;
}

/* Leaves and enters models, from the layer `last` to the layer `name`: those of one model stand in one row. */
static void write_clusters(FILE *file, const char *last, const char *name, int *clusters)
{
    size_t common = common_models(last, name);
    for (const char *c = last + common; (c = strchr(c, '/')); c++)
        fputs("  }\n", file);
    for (const char *start = name + common, *end; (end = strchr(start, '/')); start = end + 1) {
        char model[1024];
        snprintf(model, sizeof model, "%.*s", (int)(end - start), start);
        fprintf(file, "  subgraph cluster_%d {\n  style=\"rounded\"; color=\"#888888\"; label=<", ++*clusters);
        write_text(file, model);
        fputs(">;\n", file);
    }
}

/* Coloured by its call, where the layer is called more than once, or what it takes from is. */
static void write_edge(FILE *file, const antler_model *model, int64_t to, int64_t call, const antler_giver *giver)
{
    static const char *const colours[] = {"#333333", "#c0392b", "#2471a3", "#1e8449", "#b9770e"};
    enum { COLOURS = sizeof colours / sizeof colours[0] };
    const antler_layer_view *layer = antler_model_layer(model, to), *from = antler_model_layer(model, giver->layer);
    int64_t shown = layer->calls > 1 ? call : giver->call;
    const char *colour = colours[shown % COLOURS];
    fprintf(file, "  n%" PRId64 " -> n%" PRId64 " [color=\"%s\"", giver->layer, to, colour);
    if (layer->calls > 1 || from->calls > 1)
        fprintf(file, ", label=\"call %" PRId64 "\", fontcolor=\"%s\"", shown, colour);
    if (from->call[giver->call].outputs > 1)
        fprintf(file, ", taillabel=\"[%d]\"", giver->output);
    fputs("];\n", file);
}

static void write_edges(FILE *file, const antler_model *model)
{
    const antler_layer_view *layer;
    for (int64_t i = 0; (layer = antler_model_layer(model, i)); i++)
        for (int64_t call = 0; call < layer->calls; call++)
            for (int k = 0; k < layer->call[call].inputs; k++)
                write_edge(file, model, i, call, &layer->call[call].input[k]);
}

static void write_graph(FILE *file, const antler_model *model)
{
    const antler_layer_view *layer;
    const char *last = "";
    int clusters = 0;
    fputs("digraph model {\n"
          "  node [shape=box, style=\"rounded,filled\", fillcolor=\"white\", fontname=\"Helvetica\", fontsize=12];\n"
          "  edge [fontname=\"Helvetica\", fontsize=9];\n"
          "  graph [fontname=\"Helvetica\", fontsize=12, labelloc=t, label=<<b>",
          file);
    write_text(file, antler_model_name(model));
    fputs("</b>>];\n", file);
    for (int64_t i = 0; (layer = antler_model_layer(model, i)); i++) {
        write_clusters(file, last, layer->name, &clusters);
        write_layer(file, i, layer);
        last = layer->name;
    }
    write_clusters(file, last, "", &clusters);
    write_edges(file, model);
    fputs("}\n", file);
}

/* ---- the picture ------------------------------------------------------------------------------------------------- */

static antler_status fail(const char *path, const char *what, antler_error *err)
{
    antler_error_set(err, ANTLER_FILE, NULL, "%s", what);
    antler__blame(path, err);
    return err->status;
}

enum { NO_DOT = 127 };

/* Runs dot on the text; its exit status, or -1. */
static int run_dot(FILE *text, const char *format, const char *path)
{
    char *words[] = {"dot", (char *)(uintptr_t)format, "-o", (char *)(uintptr_t)path, NULL};
    pid_t child = fork();
    if (child == 0) {
        if (dup2(fileno(text), STDIN_FILENO) >= 0)
            execvp(words[0], words);
        _exit(errno == ENOENT ? NO_DOT : 1);
    }
    int status;
    while (child > 0 && waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Draws to a file beside the output, which takes its place when it is whole. */
static antler_status draw(FILE *text, const char *path, antler_error *err)
{
    char format[8] = "-T", part[4096];
    snprintf(format + 2, sizeof format - 2, "%s", strrchr(path, '.') + 1);
    if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part)
        return fail(path, "the path is too long", err);
    int status = run_dot(text, format, part);
    if (status == 0 && rename(part, path) == 0)
        return ANTLER_OK;
    remove(part);
    return fail(path,
                status == NO_DOT ? "drawing needs graphviz's program dot, which is not there; install graphviz, or "
                                   "write the text for it: .dot"
                                 : "graphviz's program dot failed",
                err);
}

static antler_status plot(const antler_model *model, const char *path, antler_error *err)
{
    const char *suffix = strrchr(path, '.');
    bool is_text = strcmp(suffix, ".dot") == 0 || strcmp(suffix, ".gv") == 0;
    FILE *file = is_text ? fopen(path, "w") : tmpfile();
    if (!file)
        return fail(path, strerror(errno), err);
    write_graph(file, model);
    bool written = fflush(file) == 0 && !ferror(file);
    antler_status status = written ? ANTLER_OK : fail(path, strerror(errno), err);
    rewind(file);
    if (status == ANTLER_OK && !is_text)
        status = draw(file, path, err);
    if (fclose(file) != 0 && status == ANTLER_OK)
        status = fail(path, strerror(errno), err);
    return status;
}

static int plot_model(const antler_arguments *a, const char *output)
{
    static const char *const suffixes[] = {".svg", ".png", ".pdf", ".dot", ".gv", NULL};
    antler_error err = {0};
    antler_model *model = NULL;
    if (antler__check_output(output, suffixes, &err) == ANTLER_OK && (model = antler__open_model(a, &err)))
        plot(model, output, &err);
    antler_model_free(model);
    return err.status == ANTLER_OK ? 0 : antler__fail(&err);
}

static int run(const antler_arguments *a)
{
    int operands = 0;
    while (operands < ANTLER_MAX_ARGUMENTS && a->argument[operands])
        operands++;
    if (a->data && !a->model) {
        fprintf(stderr, "antler: plot: --data needs --model FILE (see 'antler plot --help')\n");
        return 2;
    }
    if (a->model || (operands > 0 && antler__is_run(a->argument[0])))
        return antler__plot_runs(a, operands);
    if (operands + (a->output != NULL) == 2)
        return plot_model(a, a->output ? a->output : a->argument[1]);
    fprintf(stderr, "antler: plot: %s: expected MODEL OUT, or DIR... OUT (see 'antler plot --help')\n",
            operands + (a->output != NULL) < 2 ? "an operand is missing" : "an operand too many");
    return 2;
}

const antler_command antler__command_plot = {
    "plot",
    "MODEL|DIR... OUT",
    0,
    ANTLER_MAX_ARGUMENTS,
    ANTLER_OPTION_OUTPUT | ANTLER_OPTION_MODEL | ANTLER_OPTION_DATA | ANTLER_OPTION_X | ANTLER_OPTION_Y |
        ANTLER_OPTION_BATCH_SIZE | ANTLER_OPTION_THREADS | ANTLER_OPTION_WEIGHTS | ANTLER_OPTION_BY_NAME |
        ANTLER_OPTION_QUIET,
    "draws a model's layers, by graphviz's dot, or the curves of trainings: .svg, .png, .pdf, or .dot",
    run,
    "antler plot models/pair.json pair.dot",
};

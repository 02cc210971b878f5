#include "cli/training.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- settings.json ----------------------------------------------------------------------------------------------- */

static void put_text(FILE *file, const char *key, const char *text)
{
    if (!text)
        return;
    fputs("  ", file);
    antler__put_text(file, key, text);
    fputs(",\n", file);
}

static void put_time(FILE *file)
{
    char text[32] = "";
    struct tm parts;
    const time_t now = time(NULL);
    if (gmtime_r(&now, &parts) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts))
        put_text(file, "started", text);
}

static void put_all(FILE *file, const antler_training_run *t, const char *model)
{
    const antler_arguments *a = t->a;
    fputs("{\n", file);
    put_text(file, "antler", antler_version());
    put_text(file, "kernels", antler_isa(NULL));
    put_text(file, "precision", sizeof(antler_real) == sizeof(float) ? "float" : "double");
    put_time(file);
    put_text(file, "model", a->argument[0]);
    put_text(file, "data", t->path);
    put_text(file, "weights", a->weights);
    put_text(file, "output", a->output);
    put_text(file, "checkpoint", a->checkpoint);
    fprintf(file, "  \"training_samples\": %" PRId64 ",\n", antler__set_count(&t->x));
    fprintf(file, "  \"validation_samples\": %" PRId64 ",\n", antler__set_count(&t->validation_x));
    fprintf(file, "  \"batch_size\": %" PRId64 ",\n", t->batch);
    fprintf(file, "  \"epochs\": %" PRId64 ",\n", t->epochs);
    fprintf(file, "  \"shuffle\": %s,\n", t->shuffle ? "true" : "false");
    fprintf(file, "  \"threads\": %" PRId64 ",\n", a->threads ? a->threads : (int64_t)sysconf(_SC_NPROCESSORS_ONLN));
    fprintf(file, "  \"seed\": %" PRId64 ",\n", antler_model_seed(t->model));
    fprintf(file, "  \"model_json\": %s\n}\n", model);
}

char *antler__settings_text(const antler_training_run *t, antler_error *err)
{
    char *text = NULL, *model = antler_model_json(t->model, err);
    size_t size;
    FILE *file = model ? open_memstream(&text, &size) : NULL;
    bool whole = file != NULL;
    if (file) {
        put_all(file, t, model);
        whole = !ferror(file);
        whole = fclose(file) == 0 && whole;
    }
    antler_text_free(model);
    if (whole)
        return text;
    free(text);
    antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
    return NULL;
}

/* ---- before the first step --------------------------------------------------------------------------------------- */

/* A callback that saves has the path for that. */
static bool callback_saves(const antler_model *model)
{
    antler_object callback;
    for (int64_t i = 0; antler_model_object(model, ANTLER_KIND_CALLBACK, i, &callback); i++)
        if (antler_object_field(callback, "filepath"))
            return true;
    return false;
}

void antler__warn_unsaved(const antler_training_run *t)
{
    if (!t->a->output && !t->a->checkpoint && !t->a->quiet && !callback_saves(t->model))
        fprintf(stderr, "antler: warning: the trained model will be thrown away: give --output FILE to save it\n");
}

antler_status antler__checkpoint_free(const antler_arguments *a, antler_error *err)
{
    char path[4096];
    if (!a->checkpoint || a->resume)
        return ANTLER_OK;
    struct stat there;
    snprintf(path, sizeof path, "%s/checkpoint.keras", a->checkpoint);
    if (stat(path, &there) != 0 || !S_ISREG(there.st_mode))
        return ANTLER_OK;
    antler_error_set(err, ANTLER_FILE, NULL,
                     "a training has left its checkpoint here: --resume goes on from it; remove it to begin anew");
    antler__blame(path, err);
    return err->status;
}

/* ---- after ------------------------------------------------------------------------------------------------------- */

void antler__outcome_print(const antler_training_run *t)
{
    const antler_outcome outcome = antler_fit_outcome(t->model);
    const int64_t first = t->first_epoch + 1, last = t->first_epoch + antler_history(t->model, NULL);
    char monitor[256];
    if (outcome.stopped_early)
        printf("stopped early, after epoch %" PRId64 " of %" PRId64 "\n", last, t->epochs);
    if (outcome.best < 0)
        return;
    printf("best epoch %" PRId64 ": %s %.6g; ", first + outcome.best,
           antler__shown(outcome.monitor, monitor, sizeof monitor), outcome.value);
    if (outcome.kept == outcome.best)
        printf("the model has its weights\n");
    else
        printf("the model has the weights of epoch %" PRId64 "\n", first + outcome.kept);
}

/* "m.keras" becomes "m.interrupted.keras": what the output's own name had stays. */
static const char *interrupted_name(const char *output, char *name, size_t size)
{
    static const char *const suffixes[] = {".weights.h5", ".keras", ".h5", ".json"};
    size_t end = strlen(output);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (antler__has_suffix(output, suffixes[i])) {
            end -= strlen(suffixes[i]);
            break;
        }
    snprintf(name, size, "%.*s.interrupted%s", (int)end, output, output + end);
    return name;
}

int antler__interrupted(antler_training_run *t, int signal, antler_error *err)
{
    const antler_arguments *a = t->a;
    char name[4096];
    printf("%s", t->display.terminal && !t->display.quiet ? "\n" : "");
    antler__flush();
    fprintf(stderr, "antler: interrupted in epoch %" PRId64 " of %" PRId64 "\n", t->display.epoch + 1, t->epochs);
    *err = (antler_error){0};
    if (a->output && antler__save(a, t->model, interrupted_name(a->output, name, sizeof name), err) == ANTLER_OK)
        fprintf(stderr, "antler: the model as trained so far is in %s\n", name);
    if (a->checkpoint)
        fprintf(stderr, "antler: the same command%s goes on from here\n", a->resume ? "" : " with --resume");
    return err->status == ANTLER_OK ? 128 + signal : 1;
}

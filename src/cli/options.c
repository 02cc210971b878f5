#include "cli/options.h"
#include "antler/layer.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum option_kind { FLAG, TEXT, NUMBER, REAL, LIST } option_kind; /* LIST: may be repeated */

typedef struct option {
    uint64_t bit;
    const char *name;
    option_kind kind;
    size_t offset;     /* of the value in antler_arguments */
    const char *value; /* how the help calls it */
    int64_t min, max;
    const char *doc;
} option;

#define AT(member) offsetof(antler_arguments, member)
static const int64_t MANY = 1000000000;

static const option options[] = {
    {ANTLER_OPTION_DATA, "--data", TEXT, AT(data), "FILE", 0, 0,
     "data: .csv, .tsv, - (a table from standard input), .h5, .npy or a directory of such (default: \"data\" of the "
     "model's \"fit\")"},
    {ANTLER_OPTION_X, "--x", TEXT, AT(x), "NAME", 0, 0,
     "name of the inputs in the data (default: for train \"x\" of \"fit\", or x_train; else x_test)"},
    {ANTLER_OPTION_Y, "--y", TEXT, AT(y), "NAME", 0, 0,
     "name of the targets in the data (default: for train \"y\" of \"fit\", or y_train; else y_test)"},
    {ANTLER_OPTION_SAMPLE_WEIGHT, "--sample-weight", TEXT, AT(sample_weight), "NAME", 0, 0,
     "name of the weights of the samples in the data (default: for train \"sample_weight\" of \"fit\", or none)"},
    {ANTLER_OPTION_MISSING, "--missing", TEXT, AT(missing), "HOW", 0, 0,
     "missing values of a table: refuse, drop (the row) or mean (of training) (default: as trained, or \"missing\" of "
     "\"fit\", or refuse)"},
    {ANTLER_OPTION_EPOCHS, "--epochs", NUMBER, AT(epochs), "N", 1, MANY,
     "passes over the training data (default: that of \"fit\", or 1)"},
    {ANTLER_OPTION_BATCH_SIZE, "--batch-size", NUMBER, AT(batch_size), "N", 1, MANY,
     "samples a step (default: what the model's input fixes, or that of \"fit\", or 32)"},
    {ANTLER_OPTION_LENGTH, "--length", NUMBER, AT(length), "N", 1, MANY,
     "of the model's axes of variable length (default: 32, or the least power of 2 above that the model takes)"},
    {ANTLER_OPTION_ADAPT, "--adapt", FLAG, AT(adapt), NULL, 0, 0,
     "let layers such as Normalization learn of the training data first"},
    {ANTLER_OPTION_VALIDATION, "--validation", FLAG, AT(validation), NULL, 0, 0,
     "validate on x_test and y_test of the data, whatever \"fit\" says"},
    {ANTLER_OPTION_NO_SHUFFLE, "--no-shuffle", FLAG, AT(no_shuffle), NULL, 0, 0,
     "take the samples in the order of the file"},
    {ANTLER_OPTION_SEED, "--seed", NUMBER, AT(seed), "N", -9000000000000000, 9000000000000000,
     "seed of initial weights, shuffle and noise (default: that of \"fit\", or 0)"},
    {ANTLER_OPTION_THREADS, "--threads", NUMBER, AT(threads), "N", 1, ANTLER_MAX_THREADS,
     "threads (default: as many as the machine runs at a time); results do not depend on it"},
    {ANTLER_OPTION_OUTPUT, "--output", TEXT, AT(output), "FILE", 0, 0,
     "file for the result: of train .keras, .h5, .weights.h5 or .json, of predict .csv, - (a table to standard "
     "output), .h5 or "
     ".hdf5"},
    {ANTLER_OPTION_CHECKPOINT, "--checkpoint", TEXT, AT(checkpoint), "DIR", 0, 0,
     "write the whole state there while training"},
    {ANTLER_OPTION_SAVE_FREQ, "--save-freq", TEXT, AT(save_freq), "FREQ", 0, 0,
     "how often the checkpoint is written: epoch, \"10 epochs\", or 500 for as many batches (default: epoch)"},
    {ANTLER_OPTION_RESUME, "--resume", FLAG, AT(resume), NULL, 0, 0, "go on from the checkpoint, if there is one"},
    {ANTLER_OPTION_LOG_DIR, "--log-dir", TEXT, AT(log_dir), "DIR", 0, 0, "write history.csv and settings.json there"},
    {ANTLER_OPTION_MC, "--mc", NUMBER, AT(mc), "N", 1, MANY,
     "Monte Carlo: mean and standard deviation of N predictions with dropout on"},
    {ANTLER_OPTION_ALL, "--all", FLAG, AT(all), NULL, 0, 0, "check every element, not a sample of each weight"},
    {ANTLER_OPTION_WEIGHTS, "--weights", TEXT, AT(weights), "FILE", 0, 0,
     "take the weights from this .weights.h5, .keras or .h5"},
    {ANTLER_OPTION_BY_NAME, "--by-name", FLAG, AT(by_name), NULL, 0, 0,
     "give the weights to the layers of their names; other layers keep theirs"},
    {ANTLER_OPTION_LOSS, "--loss", TEXT, AT(loss), "NAME", 0, 0,
     "loss in place of the model's own: a name, or {\"class_name\": ..., \"config\": ...}"},
    {ANTLER_OPTION_OPTIMIZER, "--optimizer", TEXT, AT(optimizer), "NAME", 0, 0,
     "optimizer in place of the model's own, as --loss"},
    {ANTLER_OPTION_LEARNING_RATE, "--learning-rate", REAL, AT(learning_rate), "X", 0, MANY,
     "learning rate in place of the optimizer's own, or of its schedule"},
    {ANTLER_OPTION_SET, "--set", LIST, AT(set), "PATH=VALUE", 0, 0,
     "change a place of the model's JSON, such as fit.epochs=5 or config.layers[1].config.units=64; may be repeated"},
    {ANTLER_OPTION_METRICS, "--metrics", TEXT, AT(metrics), "NAMES", 0, 0,
     "metrics in place of the model's own: mae,accuracy, or a list in JSON"},
    {ANTLER_OPTION_CONFUSION, "--confusion", FLAG, AT(confusion), NULL, 0, 0,
     "print which classes were taken for which, too"},
    {ANTLER_OPTION_JSON, "--json", FLAG, AT(json), NULL, 0, 0, "print a list of objects in JSON"},
    {ANTLER_OPTION_NOISE, "--noise", FLAG, AT(noise), NULL, 0, 0,
     "keep Dropout and noise in an .onnx file, as nodes that are on, for Monte Carlo predictions"},
    {ANTLER_OPTION_QUIET, "--quiet", FLAG, AT(quiet), NULL, 0, 0, "print nothing but errors"},
};
enum { OPTIONS = sizeof options / sizeof options[0] };

/* Finds the option that `word` names up to its end or "=". */
static const option *find(const antler_command *command, const char *word)
{
    size_t length = strcspn(word, "=");
    for (int i = 0; i < OPTIONS; i++)
        if (command->options & options[i].bit && strlen(options[i].name) == length &&
            strncmp(options[i].name, word, length) == 0)
            return &options[i];
    return NULL;
}

static void unknown(const antler_command *command, const char *word, char *complaint, size_t size)
{
    const char *nearest = NULL;
    int least = 4;
    for (int i = 0; i < OPTIONS; i++) {
        int distance = command->options & options[i].bit ? antler_name_distance(word, options[i].name) : least;
        if (distance < least) {
            least = distance;
            nearest = options[i].name;
        }
    }
    if (nearest)
        snprintf(complaint, size, "unknown option '%s'; did you mean '%s'?", word, nearest);
    else
        snprintf(complaint, size, "unknown option '%s'", word);
}

static bool number(const option *o, const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    /* strtoll skips blanks before the number; we do not take them */
    if (errno != 0 || *end != '\0' || !(text[0] == '-' || (text[0] >= '0' && text[0] <= '9')))
        return false;
    *value = n;
    return n >= o->min && n <= o->max;
}

static bool real(const option *o, const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && strspn(text, "+-.0123456789eE") == strlen(text) && isfinite(*value) &&
           *value >= (double)o->min;
}

/* Appends to a NULL-terminated list. */
static bool append(const option *o, const char *value, const char **list, char *complaint, size_t size)
{
    int n = 0;
    while (list[n])
        n++;
    if (n == ANTLER_MAX_SETS)
        snprintf(complaint, size, "more than %d of %s", ANTLER_MAX_SETS, o->name);
    else if (!strchr(value, '='))
        snprintf(complaint, size, "%s: '%s' is not %s", o->name, value, o->value);
    else
        list[n] = value;
    return list[n] != NULL;
}

/* Stores the value; false, and a complaint, when it is none. */
static bool store(const option *o, const char *value, antler_arguments *a, char *complaint, size_t size)
{
    void *at = (char *)a + o->offset;
    a->given |= o->bit;
    switch (o->kind) {
    case FLAG:
        *(bool *)at = true;
        return true;
    case TEXT:
        *(const char **)at = value;
        if (value[0] == '\0')
            snprintf(complaint, size, "%s: the value is empty", o->name);
        return value[0] != '\0';
    case NUMBER:
        if (number(o, value, at))
            return true;
        snprintf(complaint, size, "%s: '%s' is not a whole number from %" PRId64 " to %" PRId64, o->name, value, o->min,
                 o->max);
        return false;
    case REAL:
        if (real(o, value, at))
            return true;
        snprintf(complaint, size, "%s: '%s' is not a number, %" PRId64 " or more", o->name, value, o->min);
        return false;
    case LIST:
        return append(o, value, at, complaint, size);
    }
    return false;
}

/* An option at word[*i], and its value, which may be the next word. */
static bool take(const antler_command *command, int words, char *const *word, int *i, antler_arguments *a,
                 char *complaint, size_t size)
{
    const char *text = word[*i], *equals = strchr(text, '=');
    const option *o = find(command, text);
    if (!o) {
        unknown(command, text, complaint, size);
        return false;
    }
    if (a->given & o->bit && o->kind != LIST) {
        snprintf(complaint, size, "%s is given twice", o->name);
        return false;
    }
    if (o->kind == FLAG) {
        if (equals)
            snprintf(complaint, size, "%s takes no value", o->name);
        return !equals && store(o, NULL, a, complaint, size);
    }
    if (equals)
        return store(o, equals + 1, a, complaint, size);
    if (*i + 1 >= words) {
        snprintf(complaint, size, "%s needs a value: %s", o->name, o->value);
        return false;
    }
    return store(o, word[++*i], a, complaint, size);
}

bool antler__options_parse(const antler_command *command, int words, char *const *word, antler_arguments *a,
                           char *complaint, size_t size)
{
    int operands = 0;
    bool options_end = false;
    for (int i = 0; i < words; i++) {
        if (!options_end && strcmp(word[i], "--") == 0) {
            options_end = true;
        } else if (!options_end && word[i][0] == '-' && word[i][1] != '\0') {
            if (!take(command, words, word, &i, a, complaint, size))
                return false;
        } else if (operands == command->most) {
            snprintf(complaint, size, "'%s' is one operand too many%s%s", word[i],
                     *command->operands ? ": expected " : "", command->operands);
            return false;
        } else {
            a->argument[operands++] = word[i];
        }
    }
    if (operands < command->least)
        snprintf(complaint, size, "an operand is missing: expected %s", command->operands);
    else if (a->by_name && !a->weights)
        snprintf(complaint, size, "--by-name needs --weights FILE");
    else
        return true;
    return false;
}

void antler__options_help(const antler_command *command)
{
    printf("usage: antler %s %s%s\n%s\n", command->name, command->operands, command->options ? " [options]" : "",
           command->doc);
    for (int i = 0; i < OPTIONS; i++) {
        const option *o = &options[i];
        char text[40];
        if (!(command->options & o->bit))
            continue;
        snprintf(text, sizeof text, "%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("  %-18s  %s\n", text, o->doc);
    }
}

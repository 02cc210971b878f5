/* The command line: one table of options, one struct of their values, one parser for all subcommands. */
#ifndef ANTLER_OPTIONS_H
#define ANTLER_OPTIONS_H

#include "antler/base.h"

/* Bits that say which options a subcommand takes, and which were given. */
enum {
    ANTLER_OPTION_DATA = 1 << 0,
    ANTLER_OPTION_X = 1 << 1,
    ANTLER_OPTION_Y = 1 << 2,
    ANTLER_OPTION_EPOCHS = 1 << 3,
    ANTLER_OPTION_BATCH_SIZE = 1 << 4,
    ANTLER_OPTION_VALIDATION = 1 << 5,
    ANTLER_OPTION_NO_SHUFFLE = 1 << 6,
    ANTLER_OPTION_SEED = 1 << 7,
    ANTLER_OPTION_THREADS = 1 << 8,
    ANTLER_OPTION_OUTPUT = 1 << 9,
    ANTLER_OPTION_CHECKPOINT = 1 << 10,
    ANTLER_OPTION_RESUME = 1 << 11,
    ANTLER_OPTION_LOG_DIR = 1 << 12,
    ANTLER_OPTION_MC = 1 << 13,
    ANTLER_OPTION_ALL = 1 << 14,
    ANTLER_OPTION_WEIGHTS = 1 << 15,
    ANTLER_OPTION_QUIET = 1 << 16,
    ANTLER_OPTION_SAMPLE_WEIGHT = 1 << 17,
    ANTLER_OPTION_CONFUSION = 1 << 18,
    ANTLER_OPTION_ADAPT = 1 << 19,
    ANTLER_OPTION_LOSS = 1 << 20,
    ANTLER_OPTION_OPTIMIZER = 1 << 21,
    ANTLER_OPTION_METRICS = 1 << 22,
    ANTLER_OPTION_BY_NAME = 1 << 23,
    ANTLER_OPTION_JSON = 1 << 24,
    ANTLER_OPTION_LENGTH = 1 << 25,
    ANTLER_OPTION_NOISE = 1 << 26,
    ANTLER_OPTION_SAVE_FREQ = 1 << 27,
    ANTLER_OPTION_LEARNING_RATE = 1 << 28,
    ANTLER_OPTION_SET = 1 << 29
};
#define ANTLER_OPTION_MISSING (UINT64_C(1) << 42)

enum { ANTLER_MAX_ARGUMENTS = 2, ANTLER_MAX_SETS = 64 };

/* What the user wrote. Options that were not given are 0. */
typedef struct antler_arguments {
    const char *argument[ANTLER_MAX_ARGUMENTS]; /* what is no option; NULL beyond */
    uint64_t given;
    const char *data, *x, *y, *output, *checkpoint, *log_dir, *weights, *sample_weight, *loss, *optimizer, *metrics,
        *save_freq, *missing;
    const char *set[ANTLER_MAX_SETS + 1]; /* NULL beyond */
    double learning_rate;
    int64_t epochs, batch_size, length, seed, threads, mc;
    bool adapt, validation, no_shuffle, resume, all, quiet, confusion, by_name, json, noise;
} antler_arguments;

/* A subcommand: one file, and one line in main.c's table. */
typedef struct antler_command {
    const char *name;
    const char *operands; /* "MODEL", "IN OUT", "[NAME]" */
    int least, most;      /* number of operands */
    uint64_t options;
    const char *doc;                       /* one line */
    int (*run)(const antler_arguments *a); /* returns the exit status */
} antler_command;

/* Fills *a from the words after the subcommand. On wrong usage writes the complaint to `complaint` and returns false.
 */
bool antler__options_parse(const antler_command *command, int words, char *const *word, antler_arguments *a,
                           char *complaint, size_t size);
/* Prints what `antler COMMAND --help` shows. */
void antler__options_help(const antler_command *command);

#endif

/* The command `antler`: a table of subcommands. */
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

const char *antler__program = "";

static const antler_command *const commands[] = {
    &antler__command_train,  &antler__command_evaluate,  &antler__command_predict, &antler__command_summary,
    &antler__command_layers, &antler__command_gradcheck, &antler__command_bench,   &antler__command_convert,
    &antler__command_doctor, &antler__command_plot,      &antler__command_check,   &antler__command_schema,
    &antler__command_serve,  &antler__command_report,
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void help(FILE *out)
{
    fprintf(out, "usage: antler COMMAND ...\n"
                 "Neural networks defined in JSON, trained, evaluated, saved and served.\n\n");
    for (int i = 0; i < COMMANDS; i++) {
        char text[40];
        snprintf(text, sizeof text, "%s %s", commands[i]->name, commands[i]->operands);
        fprintf(out, "  %-18s  %s\n", text, commands[i]->doc);
    }
    fprintf(out, "\nMODEL is a .json, .keras or .h5 file. antler COMMAND --help tells the options.\n"
                 "--plugin FILE.so in front of COMMAND loads layers and other types of your own.\n");
}

static const antler_command *find(const char *name)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int unknown(const char *name)
{
    for (int i = 0; i < COMMANDS; i++)
        if (antler_name_distance(name, commands[i]->name) <= 2) {
            fprintf(stderr, "antler: unknown command '%s'; did you mean '%s'?\n", name, commands[i]->name);
            return 2;
        }
    fprintf(stderr, "antler: unknown command '%s'; try 'antler --help'\n", name);
    return 2;
}

static int run(const antler_command *command, int words, char **word)
{
    antler_arguments a = {0};
    char complaint[512];
    for (int i = 0; i < words && strcmp(word[i], "--") != 0; i++)
        if (strcmp(word[i], "--help") == 0 || strcmp(word[i], "-h") == 0) {
            antler__options_help(command);
            return 0;
        }
    if (!antler__options_parse(command, words, word, &a, complaint, sizeof complaint)) {
        fprintf(stderr, "antler: %s: %s (see 'antler %s --help')\n", command->name, complaint, command->name);
        return 2;
    }
    antler_guard_files(true);
    return command->run(&a);
}

/* Plugins of the environment, and those in front of the command: words that are not looked at again. False, and
 *status, where one cannot be loaded. */
static bool load_plugins(int *words, char ***word, int *status)
{
    static const char option[] = "--plugin";
    const size_t length = sizeof option - 1;
    antler_error err = {0};
    antler__plugins_load(&err);
    while (err.status == ANTLER_OK && *words > 1 && strncmp((*word)[1], option, length) == 0) {
        const char *rest = (*word)[1] + length, *path = *rest == '=' ? rest + 1 : *words > 2 ? (*word)[2] : "";
        int taken = *rest == '=' ? 1 : 2;
        if ((*rest && *rest != '=') || !*path) {
            fprintf(stderr,
                    *path ? "antler: unknown option '%s'; did you mean '--plugin'?\n"
                          : "antler: %s needs a value: FILE\n",
                    (*word)[1]);
            *status = 2;
            return false;
        }
        antler__plugin_load(path, &err);
        *words -= taken;
        *word += taken;
    }
    *status = err.status == ANTLER_OK ? 0 : antler__fail(&err);
    return err.status == ANTLER_OK;
}

static int dispatch(int words, char **word)
{
    const antler_command *command;
    int status;
    if (!load_plugins(&words, &word, &status))
        return status;
    if (words < 2) {
        help(stderr);
        return 2;
    }
    if (strcmp(word[1], "--help") == 0 || strcmp(word[1], "-h") == 0 || strcmp(word[1], "help") == 0) {
        help(stdout);
        return 0;
    }
    if (strcmp(word[1], "--version") == 0) {
        printf("antler %s\n", antler_version());
        return 0;
    }
    command = find(word[1]);
    return command ? run(command, words - 2, word + 2) : unknown(word[1]);
}

/* A file must not get the number of a standard stream that the caller closed: what is printed would go into it. */
static void open_standard_streams(void)
{
    int file;
    do
        file = open("/dev/null", O_RDWR);
    while (file >= 0 && file <= STDERR_FILENO);
    close(file);
}

int main(int words, char **word)
{
    open_standard_streams();
    signal(SIGXFSZ, SIG_IGN); /* a file beyond the limit is then a failed write, and is told as one */
    antler__program = words > 0 ? word[0] : "";
    int status = dispatch(words, word);
    /* what was printed must have arrived: `antler predict > full disk` is a failure */
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0) {
        fprintf(stderr, "antler: standard output: %s\n", strerror(errno));
        status = 1;
    }
    return status;
}

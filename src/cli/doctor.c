/* `antler doctor`: what a file is, what becomes of it here, and what Keras makes of it. */
#include "cli/command.h"

#include <string.h>

static const char *const titles[] = {
    [ANTLER_FOUND_FILE] = "file",        [ANTLER_FOUND_WRITER] = "written by",
    [ANTLER_FOUND_CONTENT] = "contains", [ANTLER_FOUND_TRANSLATED] = "translated",
    [ANTLER_FOUND_IGNORED] = "warning",  [ANTLER_FOUND_UNREAD] = "not read",
    [ANTLER_FOUND_FAULT] = "error",      [ANTLER_FOUND_KERAS] = "Keras 3.15",
};

/* Names in the file become '?' where they are no text of one line: findings are such lines already. */
static void print_line(void *user, antler_finding finding, const antler_error *what)
{
    (void)user;
    printf("%-11s %s%s%s%s\n", titles[finding], what->place, *what->place ? ": " : "", what->message,
           finding == ANTLER_FOUND_UNREAD ? " (only training and evaluating need it)" : "");
}

static void print_json(void *user, antler_finding finding, const antler_error *what)
{
    bool *more = user;
    printf("%s\n  {", *more ? "," : "[");
    *more = true;
    antler__put_text(stdout, "finding", titles[finding]);
    printf(", ");
    antler__put_text(stdout, "place", what->place);
    printf(", ");
    antler__put_text(stdout, "text", what->message);
    printf("}");
}

static int run(const antler_arguments *a)
{
    bool more = false;
    antler_status status = antler_examine(a->argument[0], a->json ? print_json : print_line, &more);
    if (a->json)
        printf("%s\n]\n", more ? "" : "[");
    else
        printf("%-11s %s\n", "Antler", status == ANTLER_OK ? "can use it" : "cannot use it");
    return status == ANTLER_OK ? 0 : 1;
}

const antler_command antler__command_doctor = {
    "doctor",
    "FILE",
    1,
    1,
    ANTLER_OPTION_JSON,
    "tells what a file is, and what keeps it from being used",
    run,
    "antler doctor digits.keras",
};

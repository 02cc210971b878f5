/* JSON that the command writes. */
#include "cli/command.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

void antler__put_string(FILE *file, const char *text)
{
    putc('"', file);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20)
            fprintf(file, "\\u%04x", (unsigned)*c);
        else
            fprintf(file, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    putc('"', file);
}

void antler__put_text(FILE *file, const char *key, const char *text)
{
    antler__put_string(file, key);
    fputs(": ", file);
    antler__put_string(file, text);
}

void antler__put_number(FILE *file, double value)
{
    char text[40];
    const bool is_float = sizeof(antler_real) == 4;
    const int most = is_float ? 9 : 17;
    if (!isfinite(value)) {
        fputs("null", file); /* JSON has no other word for it */
        return;
    }
    for (int digits = most - 3; digits <= most; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (is_float ? (float)back == (float)value : back == value)
            break;
    }
    fputs(text, file);
}

void antler__put_array(FILE *file, const antler_real *values, const antler_shape *shape, int axis)
{
    if (axis >= shape->rank) {
        antler__put_number(file, (double)values[0]);
        return;
    }
    int64_t width = antler_count(shape, axis + 1);
    putc('[', file);
    for (int64_t i = 0; i < shape->dim[axis]; i++) {
        fputs(i ? ", " : "", file);
        antler__put_array(file, values + i * width, shape, axis + 1);
    }
    putc(']', file);
}

void antler__put_logs(FILE *file, const antler_logs *logs)
{
    for (int i = 0; i < logs->n; i++) {
        fputs(i ? ", " : "", file);
        antler__put_string(file, logs->name[i]);
        fputs(": ", file);
        if (isfinite(logs->value[i]))
            fprintf(file, "%.9g", logs->value[i]);
        else
            fputs("null", file);
    }
}

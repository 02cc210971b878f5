/* Runs a fuzz target over files, whole and cut short, where there is no libFuzzer; with --neighbours N, a number, over
   N texts like each of them, too, in which a few of the values are others of the same file: those of JSON, or with
   --lines N the words of lines. */
#include "../lcg.h"
#include "fuzz.h"

#include <string.h>

enum { MOST = 1 << 20 };

typedef struct text {
    size_t size;
    uint8_t data[MOST];
} text;

typedef struct span {
    size_t first, end;
} span;

static const char *borders = "[]{},:"; /* of values */

static bool is_border(uint8_t byte)
{
    return byte && strchr(borders, byte) != NULL;
}

/* What lies between two borders, at a random place. */
static span random_value(const text *t, uint32_t *random)
{
    span s;
    s.first = s.end = (lcg32(random) >> 8) % t->size;
    while (s.first > 0 && !is_border(t->data[s.first - 1]))
        s.first--;
    while (s.end < t->size && !is_border(t->data[s.end]))
        s.end++;
    return s;
}

/* `to` is `from` with one value replaced by another. */
static void replace_value(const text *from, text *to, uint32_t *random)
{
    const span old = random_value(from, random), new = random_value(from, random);
    const size_t length = new.end - new.first, rest = from->size - old.end;
    to->size = old.first + length + rest;
    if (to->size > MOST)
        abort();
    memcpy(to->data, from->data, old.first);
    memcpy(to->data + old.first, from->data + new.first, length);
    memcpy(to->data + old.first + length, from->data + old.end, rest);
}

static void run_neighbours(const text *file, long n)
{
    static text at[2];
    uint32_t random = 1;
    for (long i = 0; i < n && file->size > 0; i++) {
        const long changes = 1 + i % 3;
        replace_value(file, &at[0], &random);
        for (long k = 1; k < changes; k++)
            replace_value(&at[(k - 1) % 2], &at[k % 2], &random);
        LLVMFuzzerTestOneInput(at[(changes - 1) % 2].data, at[(changes - 1) % 2].size);
    }
}

int main(int argc, char **argv)
{
    static text t;
    const bool lines = argc > 2 && strcmp(argv[1], "--lines") == 0;
    const bool more = lines || (argc > 2 && strcmp(argv[1], "--neighbours") == 0);
    const int first = more ? 3 : 1;
    if (lines)
        borders = " ,/\n";
    antler_guard_files(true); /* some of these files crash libhdf5 */
    for (int i = first; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file)
            return perror(argv[i]), 1;
        t.size = fread(t.data, 1, MOST, file);
        fclose(file);
        LLVMFuzzerTestOneInput(t.data, t.size);
        LLVMFuzzerTestOneInput(t.data, t.size / 2);
        run_neighbours(&t, more ? strtol(argv[2], NULL, 10) : 0);
    }
    printf("%d files\n", argc - first);
    return argc <= first;
}

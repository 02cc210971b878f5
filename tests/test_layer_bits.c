/* The same bits from every layer: a hash of what each sample of each registered layer computes in training, forward and
   back, with one thread and with three, must be the one in layer_bits.txt, on every instruction set (CTest runs this
   suite under each) and from every compiler. `test_layer_bits_antler write 2>layer_bits.txt` writes that file
   anew: a line that changes
   is a change of every user's results, and the commit says why. Float only, as test_bits. */
#include "build.h"
#include "core/memory.h"
#include "files/file.h"
#include "hash.h"
#include "samples.h"
#include "suite.h"

#include <math.h>

enum { LINE = 4096 };

static const char *expected; /* the file */

static uint64_t hash_numbers(uint64_t hash, const char *name, const antler_real *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) /* signs and payloads of NaN are outside the promise */
        ck_assert_msg(isfinite(x[i]), "%s: %g", name, (double)x[i]);
    return hash_bytes(hash, x, (size_t)n * sizeof *x);
}

/* Outputs, gradients of the inputs and of all variables that have one, and the variables, which training moves. */
static uint64_t hash_of(const sample *s, int threads)
{
    bench b = open_bench(s, ANTLER_TRAIN, 0);
    bool backs = b.model->trained_size > 0 || !tokens_of(b.model);
    open_context(&b, ANTLER_TRAIN, threads, backs && !tokens_of(b.model) ? ANTLER_INPUT_GRADIENT : 0);
    forward(&b, b.x, BATCH, b.y);
    uint64_t hash = hash_numbers(hash_start, s->text, b.y, b.ny);
    if (backs) {
        backward(&b, tokens_of(b.model) ? NULL : b.dx);
        if (!tokens_of(b.model))
            hash = hash_numbers(hash, s->text, b.dx, b.nx);
    }
    const antler_variable *v;
    for (int64_t i = 0; (v = antler_model_variable(b.model, i)) != NULL; i++) {
        const antler_real *gradient = backs ? antler_gradient(b.context, i) : NULL;
        hash = hash_numbers(hash, s->text, v->value.data, antler_count(&v->value.shape, 0));
        if (gradient)
            hash = hash_numbers(hash, s->text, gradient, antler_count(&v->value.shape, 0));
    }
    close_bench(&b);
    return hash;
}

static const char *line_of(const sample *s, int threads)
{
    static char line[LINE];
    int n = snprintf(line, sizeof line, "%016llx %s %s\n", (unsigned long long)hash_of(s, threads),
                     s->ops->type.class_name, s->text);
    ck_assert_int_lt(n, LINE);
    return line;
}

START_TEST(lines_are_printed)
{
    for (int i = 0; i < samples; i++)
        fputs(line_of(&all[i], 1), stderr);
}
END_TEST

START_TEST(every_layer_has_its_bits)
{
    for (int i = 0; i < samples; i++)
        for (int threads = 1; threads <= at_most(3); threads += 2) {
            const char *line = line_of(&all[i], threads);
            ck_assert_msg(strstr(expected, line) != NULL, "not in layer_bits.txt: with %d threads on %s: %s", threads,
                          antler_isa(NULL), line);
        }
}
END_TEST

/* No line stands there for a sample that is gone. */
START_TEST(the_file_has_a_line_a_sample)
{
    int lines = 0;
    for (const char *c = expected; *c; c++)
        lines += *c == '\n';
    ck_assert_int_eq(lines, samples);
}
END_TEST

int main(int argc, char **argv)
{
    const char *complaint;
    antler_error err = {0};
    void *file;
    size_t size;
    collect();
    if (argc > 1 && strcmp(argv[1], "write") == 0) {
        TCase *tests = tcase_create("layer bits");
        tcase_add_test(tests, lines_are_printed);
        return run_suite("layer bits", tests);
    }
    printf("Kernels: %s\n", antler_isa(&complaint));
    if (complaint) {
        printf("SKIP: %s\n", complaint);
        return SKIPPED;
    }
    if (antler__file_read(ANTLER_SOURCE_DIR "/tests/layer_bits.txt", 1 << 24, &file, &size, &err) != ANTLER_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    expected = file;
    TCase *tests = tcase_create("layer bits");
    tcase_add_test(tests, every_layer_has_its_bits);
    tcase_add_test(tests, the_file_has_a_line_a_sample);
    int status = run_suite("layer bits", tests);
    antler__free(file);
    return status;
}

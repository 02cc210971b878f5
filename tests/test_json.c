/* JSON: what is refused and how the error says it, trees built and printed, memory that runs out. */
#include "config/json.h"
#include "core/memory.h"
#include "torture.h"

#include <cjson/cJSON.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "locales.h"
#include "suite.h"

static antler_status parse(const char *text, antler_error *err)
{
    antler_json *root;
    antler_status status = antler__json_parse(text, strlen(text), &root, err);
    antler__json_free(root);
    return status;
}

static const struct {
    const char *text, *error;
} refused[] = {
    {"", "line 1: expected a value (JSON has neither NaN nor Infinity), not the end of the text"},
    {"{", "line 1: expected a key in double quotes, not the end of the text"},
    {"{\"a\": [1,\n2", "line 2: a: expected ',' or ']' after a value, not the end of the text"},
    {"{\"a\": \"b", "line 1: a: the text ends inside a string"},
    {"{\"a\": \"b\\", "line 1: a: expected one of \"\\/bfnrtu after a backslash, not the end of the text"},
    {"{\"a\": tru", "line 1: a: expected a value (JSON has neither NaN nor Infinity), not 't'"},
    {"{\"a\": NaN}", "line 1: a: expected a value (JSON has neither NaN nor Infinity), not 'N'"},
    {"{\"a\": [0, 1,]}", "line 1: a[2]: expected a value (JSON has neither NaN nor Infinity), not ']'"},
    {"{\"a\": 1,}", "line 1: expected a key in double quotes, not '}'"},
    {"{\"a\" 1}", "line 1: a: expected ':' after a key, not '1'"},
    {"{'a': 1}", "line 1: expected a key in double quotes, not '''"},
    {"{\"a\":\n 1}\n x", "line 3: expected the end of the text, not 'x'"},
    {"[01]", "line 1: expected ',' or ']' after a value, not '1'"},
    {"[-]", "line 1: [0]: expected a digit, not ']'"},
    {"[1.]", "line 1: [0]: expected a digit after the decimal point, not ']'"},
    {"[1e+]", "line 1: [0]: expected a digit in the exponent, not ']'"},
    {"[+1]", "line 1: [0]: expected a value (JSON has neither NaN nor Infinity), not '+'"},
    {"[1000000000000000000000000000000000000000000000000000000000000000]",
     "line 1: [0]: a number of 64 characters, expected at most 63"},
    {"{\"config\": {\"layers\": [{},\n {\"rate\": 1e999}]}}",
     "line 2: config.layers[1].rate: a number beyond the range of a double"},
    {"{\"a\": {\"b\": 1, \"c\": 2,\n \"b\": 3}}", "line 2: a.b: a key that occurs twice in one object"},
    {"{\"a\": 1, \"\\u0061\": 3}", "line 1: a: a key that occurs twice in one object"},
    {"[\"a\\u0000b\"]", "line 1: [0]: a string with \\u0000 in it, which no name or text of a model has"},
    {"[\"\\ud800\"]", "line 1: [0]: \\ud800 is the first half of a surrogate pair without the second"},
    {"[\"\\udc00\"]", "line 1: [0]: \\udc00 is the second half of a surrogate pair without the first"},
    {"[\"\\u12g4\"]", "line 1: [0]: expected four hexadecimal digits after \\u, not 'g'"},
    {"[\"\\x\"]", "line 1: [0]: expected one of \"\\/bfnrtu after a backslash, not 'x'"},
    {"[\"\xc0\xaf\"]", "line 1: [0]: byte 0xc0 is not UTF-8"},
    {"[\"\xed\xa0\x80\"]", "line 1: [0]: byte 0xed is not UTF-8"},
    {"[\"\xe2\x82\"]", "line 1: [0]: byte 0xe2 is not UTF-8"},
    {"[\"a\nb\"]", "line 1: [0]: expected a string to have its control characters escaped, not byte 0x0a"},
    {"\xef\xbb\xbf\n{", "line 2: expected"},
    {"{\"a\\nb\": {\"c\": x}}", "line 1: a\\nb.c: expected a value (JSON has neither NaN nor Infinity), not 'x'"},
};

START_TEST(refuses)
{
    antler_error err = {0};
    char text[1024];
    ck_assert_int_eq(parse(refused[_i].text, &err), ANTLER_FORMAT);
    ck_assert_str_eq(antler_error_text(&err, text, sizeof text), refused[_i].error);
    ck_assert_int_eq(parse(refused[_i].text, NULL), ANTLER_FORMAT);
}
END_TEST

START_TEST(refuses_a_zero_byte)
{
    antler_json *root;
    ck_assert_int_eq(antler__json_parse("[1]\0", 4, &root, NULL), ANTLER_FORMAT);
    ck_assert_int_eq(antler__json_parse("[\"a\0b\"]", 7, &root, NULL), ANTLER_FORMAT);
}
END_TEST

/* Every beginning of a good text is refused, and says a line. */
START_TEST(refuses_what_is_cut_short)
{
    const char *text = "{\"a\": [1.5e3, true, {\"b\": \"\\u00e9\\ud83d\\ude00\"}, null],\n \"c\": -0.25}";
    ck_assert_int_eq(parse(text, NULL), ANTLER_OK);
    for (size_t size = 0; size < strlen(text); size++) {
        antler_json *root;
        antler_error err = {0};
        char *cut = malloc(size + 1); /* on the heap, so that the sanitizer sees a read past the end */
        memcpy(cut, text, size);
        ck_assert_int_eq(antler__json_parse(cut, size, &root, &err), ANTLER_FORMAT);
        ck_assert_int_ge(err.line, 1);
        free(cut);
    }
}
END_TEST

START_TEST(refuses_deep_nesting)
{
    enum { DEPTH = 100000 };
    char *text = malloc(2 * DEPTH + 1);
    antler_error err = {0};
    memset(text, '[', DEPTH);
    memset(text + DEPTH, ']', DEPTH);
    text[2 * DEPTH] = '\0';
    ck_assert_int_eq(parse(text, &err), ANTLER_FORMAT);
    ck_assert_str_eq(err.message, "nested deeper than 200");
    text[DEPTH + 200] = '\0';
    ck_assert_int_eq(parse(text + DEPTH - 200, NULL), ANTLER_OK);
    for (int i = 0; i + 5 < DEPTH; i += 5)
        memcpy(text + i, "{\"a\":", 5);
    ck_assert_int_eq(parse(text, NULL), ANTLER_FORMAT);
    free(text);
}
END_TEST

/* 200,000 keys: a quadratic search for duplicates would not end in time. */
START_TEST(stays_linear)
{
    enum { KEYS = 200000 };
    char *text = malloc(KEYS * 16);
    size_t used = 0;
    for (int i = 0; i < KEYS; i++)
        used += (size_t)sprintf(text + used, "%c\"%d\":1", i ? ',' : '{', i);
    used += (size_t)sprintf(text + used, ",\"7\":2}");
    antler_error err = {0};
    ck_assert_int_eq(parse(text, &err), ANTLER_FORMAT);
    ck_assert_str_eq(err.place, "7");
    free(text);
}
END_TEST

START_TEST(reads)
{
    const char *text = " {\"a\": [1, -2.5, \"x\\ty\"], \"b\": {\"B\": true}, \"n\": null}\n";
    antler_json *root;
    ck_assert_int_eq(antler__json_parse(text, strlen(text), &root, NULL), ANTLER_OK);
    ck_assert_int_eq(antler__json_type(root), ANTLER_JSON_OBJECT);
    ck_assert_int_eq(antler__json_length(root), 3);
    const antler_json *a = antler__json_get(root, "a");
    ck_assert_str_eq(antler__json_key(a), "a");
    ck_assert_ptr_null(antler__json_get(root, "A"));
    const antler_json *item = antler__json_first(a);
    ck_assert(antler__json_number(item) == 1);
    item = antler__json_next(item);
    ck_assert(antler__json_number(item) == -2.5);
    item = antler__json_next(item);
    ck_assert_str_eq(antler__json_string(item), "x\ty");
    ck_assert_ptr_null(antler__json_next(item));
    ck_assert(antler__json_bool(antler__json_get(antler__json_get(root, "b"), "B")));
    ck_assert_int_eq(antler__json_type(antler__json_get(root, "n")), ANTLER_JSON_NULL);
    ck_assert_ptr_null(antler__json_get(a, "a"));
    char brief[24];
    ck_assert_str_eq(antler__json_brief(a, brief, sizeof brief), "[1, -2.5, \"x\\ty\"]");
    ck_assert_str_eq(antler__json_brief(root, brief, sizeof brief), "{\"a\": [1, -2.5, \"x\\t...");
    ck_assert_str_eq(antler__json_brief(root, brief, 3), "{\"");
    antler__json_free(root);
}
END_TEST

START_TEST(finds_lines)
{
    const char *text = "{\n"
                       "\"config\": {\n"
                       "  \"layers\": [\n"
                       "    {\"a.b\": 1},\n"
                       "    {\"config\": {\n"
                       "      \"rate\": 2}}]}}";
    size_t size = strlen(text);
    ck_assert_int_eq(antler__json_line(text, size, "config.layers[1].config.rate"), 6);
    ck_assert_int_eq(antler__json_line(text, size, "config.layers[0].a.b"), 4);
    ck_assert_int_eq(antler__json_line(text, size, "config.layers[1].config.rats"), 5);
    ck_assert_int_eq(antler__json_line(text, size, "config.layers[7].config"), 3);
    ck_assert_int_eq(antler__json_line(text, size, "confi"), 1);
    ck_assert_int_eq(antler__json_line(text, size, ""), 1);
    ck_assert_int_eq(antler__json_line(text, size, NULL), 1);
    ck_assert_int_eq(antler__json_line("", 0, "a"), 0);
}
END_TEST

static antler_json *build(void)
{
    antler_json *root = antler__json_object(NULL, NULL);
    if (!root)
        return NULL;
    antler__json_add_string(root, "name", "a\"b\\c\n\x01\xc3\xa9\xff");
    antler_json *list = antler__json_array(root, "list");
    if (list) {
        antler__json_add_number(list, NULL, 0.1);
        antler__json_add_number(list, NULL, 1e-7);
        antler__json_add_null(antler__json_object(list, NULL), "none");
    }
    antler__json_add_bool(root, "yes", true);
    antler__json_add_copy(root, "copy", list);
    antler__json_array(root, "empty");
    return root;
}

START_TEST(prints)
{
    antler_json *root = build();
    char *text = antler__json_print(root, false);
    ck_assert_str_eq(text,
                     "{\"name\": \"a\\\"b\\\\c\\n\\u0001\xc3\xa9\\ufffd\", \"list\": [0.1, 1e-07, {\"none\": null}], "
                     "\"yes\": true, \"copy\": [0.1, 1e-07, {\"none\": null}], \"empty\": []}");
    ck_assert_int_eq(parse(text, NULL), ANTLER_OK);
    antler__free(text);
    antler__json_free(root);
    root = antler__json_array(NULL, NULL);
    antler__json_add_number(antler__json_object(root, NULL), "k", 3);
    antler__json_add_real(root, NULL, 3);
    antler__json_add_real(root, NULL, 0);
    antler__json_add_real(root, NULL, 0.5);
    text = antler__json_print(root, true);
    ck_assert_str_eq(text, "[\n  {\n    \"k\": 3\n  },\n  3.0,\n  0.0,\n  0.5\n]\n");
    antler__free(text);
    antler__json_free(root);
}
END_TEST

/* Every double comes back as it was. */
START_TEST(numbers_read_back)
{
    static const double some[] = {
        0,      -0.0, 1,       -17, 1e15,  9007199254740993.0, 1e22,    1.0 / 3, 1e-5, 1e-300, DBL_MAX, DBL_MIN,
        5e-324, 0.1f, 3.4e38f, 100, 1e100, 123456.789,         1e16 + 2};
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        antler_json *root = antler__json_add_number(NULL, NULL, some[i]), *read;
        char *text = antler__json_print(root, false);
        ck_assert_int_eq(antler__json_parse(text, strlen(text), &read, NULL), ANTLER_OK);
        double value = antler__json_number(read);
        ck_assert_mem_eq(&value, &some[i], sizeof value);
        antler__json_free(root);
        antler__json_free(read);
        antler__free(text);
    }
}
END_TEST

static antler_status parse_once(void *arg)
{
    return parse(arg, NULL);
}

static antler_status build_once(void *arg)
{
    (void)arg;
    antler_json *root = build();
    char *text = root ? antler__json_print(root, true) : NULL;
    antler__free(text);
    antler__json_free(root);
    return text ? ANTLER_OK : ANTLER_MEMORY;
}

/* What is printed and read is JSON, whatever the program's locale makes of numbers, and the locale stays. */
START_TEST(knows_no_locale)
{
    static const char text[] = "[0.1, -2.5e-07, 1e+300, 3.0]";
    char brief[64];
    antler_json *root;
    if (!locale_set(locales[_i]))
        return;
    ck_assert_int_eq(antler__json_parse(text, strlen(text), &root, NULL), ANTLER_OK);
    ck_assert(antler__json_number(antler__json_first(root)) == 1 / 10.);
    antler__json_add_real(root, NULL, 4);
    char *printed = antler__json_print(root, false);
    ck_assert_str_eq(printed, "[0.1, -2.5e-07, 1e+300, 3, 4.0]");
    ck_assert_str_eq(antler__json_brief(antler__json_first(root), brief, sizeof brief), "0.1");
    antler__free(printed);
    antler__json_free(root);
    ck_assert_str_ne(localeconv()->decimal_point, ".");
}
END_TEST

/* cJSON has one allocator in a process. This is the program's. */
static long host_alive;

static void *host_allocate(size_t bytes)
{
    host_alive++;
    return malloc(bytes);
}

static void host_release(void *memory)
{
    host_alive -= memory != NULL;
    free(memory);
}

static void use_ours(void)
{
    static const char text[] = "{\"a\": [1, 2.5, \"text\"]}";
    antler_json *root;
    ck_assert_int_eq(antler__json_parse(text, strlen(text), &root, NULL), ANTLER_OK);
    char *printed = antler__json_print(root, false);
    ck_assert_str_eq(printed, text);
    antler__json_free(root);
    antler__free(printed);
}

/* A program that uses cJSON before, between and after: its trees and texts are its own, whatever allocator the library
   has. */
START_TEST(leaves_cjson_to_the_program)
{
    torture_count count = {.left = -1};
    cJSON_InitHooks(&(cJSON_Hooks){host_allocate, host_release});
    cJSON *tree = cJSON_Parse("[1, 2]");
    antler_set_allocator(&(antler_allocator){torture_allocate, torture_release, &count});
    use_ours();
    char *text = cJSON_Print(tree);
    ck_assert_int_eq(count.alive, 0);
    ck_assert_int_gt(host_alive, 3);
    cJSON_Delete(tree);
    host_release(text);
    ck_assert_int_eq(host_alive, 0);
    cJSON_InitHooks(NULL);
    tree = cJSON_Parse("[1, 2]");
    use_ours();
    text = cJSON_Print(tree);
    free(text);
    cJSON_Delete(tree);
    ck_assert_int_eq(count.alive, 0);
    ck_assert_int_eq(host_alive, 0);
    antler_set_allocator(NULL);
}
END_TEST

/* A host's allocator may have no memory either: the n-th of cJSON's allocations fails. */
static long host_left;

static void *host_fails(size_t bytes)
{
    return host_left-- == 0 ? NULL : host_allocate(bytes);
}

START_TEST(host_runs_out)
{
    static const char text[] = "{\"a\": [1, 2.5, \"text\"]}";
    antler_status status = ANTLER_MEMORY;
    cJSON_InitHooks(&(cJSON_Hooks){host_fails, host_release});
    for (long n = 0; status != ANTLER_OK; n++) {
        antler_json *root;
        host_left = n;
        status = antler__json_parse(text, strlen(text), &root, NULL);
        ck_assert_int_eq(status, host_left >= 0 ? ANTLER_OK : ANTLER_MEMORY);
        antler__json_free(root);
        ck_assert_int_eq(host_alive, 0);
    }
}
END_TEST

START_TEST(memory_runs_out)
{
    char text[] = "{\"a\": [1, \"x\", {\"b\": null, \"c\": true, \"d\": 1}], \"b\": \"y\"}";
    torture(parse_once, text);
    torture(build_once, NULL);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("json");
    tcase_add_loop_test(tests, refuses, 0, sizeof refused / sizeof refused[0]);
    tcase_add_test(tests, refuses_a_zero_byte);
    tcase_add_test(tests, refuses_what_is_cut_short);
    tcase_add_test(tests, refuses_deep_nesting);
    tcase_add_test(tests, stays_linear);
    tcase_add_test(tests, reads);
    tcase_add_test(tests, finds_lines);
    tcase_add_test(tests, prints);
    tcase_add_test(tests, numbers_read_back);
    tcase_add_loop_test(tests, knows_no_locale, 0, LOCALES);
    tcase_add_test(tests, leaves_cjson_to_the_program);
    tcase_add_test(tests, host_runs_out);
    tcase_add_test(tests, memory_runs_out);
    return run_suite("json", tests);
}

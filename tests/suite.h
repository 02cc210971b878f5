/* What every suite needs, those that see the public headers alone included. */
#ifndef ANTLER_SUITE_H
#define ANTLER_SUITE_H

#include "antler/base.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static inline void must(antler_status status, const antler_error *err)
{
    char text[1100];
    ck_assert_msg(status == ANTLER_OK, "%s", antler_error_text(err, text, sizeof text));
}

/* An error of one line that contains `what`. */
static inline void expect_error(const antler_error *err, antler_status status, const char *what)
{
    char text[1200];
    antler_error_text(err, text, sizeof text);
    ck_assert_msg(err->status == status, "status %d: %s", (int)err->status, text);
    ck_assert_msg(strstr(text, what) != NULL, "\"%s\" has no \"%s\"", text, what);
    ck_assert_ptr_null(strchr(text, '\n'));
}

/* Threads that a suite may have: where ANTLER_ONE_THREAD is set (scripts/neon), its emulator may never return from
   making more. */
static inline int at_most(int threads)
{
    return getenv("ANTLER_ONE_THREAD") ? 1 : threads;
}

/* What the main of a suite does. */
static inline int run_suite(const char *name, TCase *tests)
{
    Suite *suite = suite_create(name);
    tcase_set_timeout(tests, 0);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}

#endif

/* A strict reader of JSON text, a piece at a time, for what the command itself reads: requests and its own log files.
 */
#ifndef ANTLER_READER_H
#define ANTLER_READER_H

#include "antler/base.h"

/* Reads from `at`; the text ends with a 0 at `end`. Once something is wrong, all calls return false and `err` says what
   and at which byte. */
typedef struct antler_reader {
    const char *start, *at, *end;
    int depth;
    antler_error *err;
} antler_reader;
antler_reader antler__reader(const char *text, size_t size, antler_error *err);

/* The first character of the next value: '{', '[', '"', 't', 'f', 'n', '-' or a digit; 0 at the end. */
char antler__reader_peek(antler_reader *r);
/* Goes into an object or array: '{' or '['. */
bool antler__reader_enter(antler_reader *r, char open);
/* Whether one more member or element comes; else the closing bracket has been passed. *first is true before the first
   call. */
bool antler__reader_more(antler_reader *r, char open, bool *first);
/* The key of a member and its colon. What does not fit is cut. */
bool antler__reader_key(antler_reader *r, char *text, size_t size);
bool antler__reader_string(antler_reader *r, char *text, size_t size);
bool antler__reader_number(antler_reader *r, double *value);
/* Passes over any value. */
bool antler__reader_skip(antler_reader *r);
/* Nothing but blanks is left. */
bool antler__reader_end(antler_reader *r);
/* Fails with a message and the place. */
bool antler__reader_fail(antler_reader *r, const char *format, ...) ANTLER_PRINTF(2, 3);

#endif

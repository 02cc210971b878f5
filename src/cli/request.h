/* A request for predictions, as TensorFlow Serving's REST API has it, and the answer to it. */
#ifndef ANTLER_REQUEST_H
#define ANTLER_REQUEST_H

#include "cli/command.h"
#include "cli/reader.h"

/* The values of one input: (rows, its shape). */
typedef struct antler_request_input {
    const char *name;
    antler_shape shape; /* dim -1: not known yet */
    int leaf;           /* axes before the numbers; -1: not known yet */
    antler_real *values;
    int64_t n, room;
    int64_t given; /* rows that have named it */
} antler_request_input;

typedef struct antler_request {
    bool by_rows; /* "instances", not "inputs" */
    int64_t rows;
    int inputs;
    antler_request_input *input;
} antler_request;

/* What a request may ask for. */
typedef struct antler_request_limits {
    int64_t rows, length; /* length: of an open axis */
} antler_request_limits;

/* Reads the body, which ends with a 0. The request is to be freed whatever comes. *err says what is wrong with it. */
antler_status antler__request_read(antler_request *request, const antler_model *model, const char *text, size_t size,
                                   const antler_request_limits *limits, antler_error *err);
void antler__request_free(antler_request *request);

/* Outputs of all rows, one output after the other; deviation may be NULL. The text is for free; NULL without memory. */
char *antler__request_answer(const antler_request *request, const antler_model *model, const antler_shape *output,
                             const antler_real *y, const antler_real *deviation, size_t *size);

#endif

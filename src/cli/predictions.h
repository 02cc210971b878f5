/* Predictions of a model for a data set, with what Monte Carlo tells of them. */
#ifndef ANTLER_PREDICTIONS_H
#define ANTLER_PREDICTIONS_H

#include "cli/command.h"

/* How an output's numbers are probabilities: of one class against the rest each, of the classes along the last axis, or
   not at all. */
typedef enum antler_probability { ANTLER_NO_PROBABILITY, ANTLER_OF_TWO, ANTLER_OF_CLASSES } antler_probability;

/* Of one output. A line is its last axis at one place: the classes of a sample, or of a step of a sample. */
typedef struct antler_prediction {
    const char *name;
    antler_shape shape; /* (rows, output shape) */
    antler_probability probability;
    bool classes;        /* the largest of a line is a decision */
    int64_t last, lines; /* numbers of a line; lines of all rows */
    const antler_real *y;
    antler_real *deviation;             /* NULL without Monte Carlo */
    antler_real *entropy, *information; /* [lines], in nats; NULL without Monte Carlo or probabilities */
} antler_prediction;

typedef struct antler_predictions {
    int64_t n;
    antler_prediction *output; /* [n] */
    int64_t samples;
    antler_real *y, *deviation, *of_lines; /* what the outputs' lie in */
} antler_predictions;

/* Predicts x; samples 0: with noise off. To be freed whatever comes. */
antler_status antler__predictions_make(antler_predictions *p, antler_model *model, const antler_data *x,
                                       int64_t samples, int64_t batch, int threads, antler_error *err);
void antler__predictions_free(antler_predictions *p);

/* The class of a line; -1 for none. */
int64_t antler__decide(const antler_prediction *p, int64_t line);
/* Index of a line: of the sample and of each axis but the last: "12,3". Returns text. */
const char *antler__line_text(const antler_prediction *p, int64_t line, char *text, size_t size);

/* As the suffix says: .h5, .csv or .json. */
antler_status antler__predictions_write(const char *path, const antler_predictions *p, antler_error *err);
/* One object of JSON. */
void antler__predictions_put(FILE *file, const antler_predictions *p);

#endif

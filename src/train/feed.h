/* Which data goes to which input or output of a model. */
#ifndef ANTLER_FEED_H
#define ANTLER_FEED_H

#include "train/objective.h"

typedef struct antler_feed {
    int64_t parts, width; /* width: numbers of a sample, of all parts */
    const antler_data *one;
    const antler_data **part; /* [parts], for antler__feed_free; NULL: it is `one` alone */
    antler_shape *shape;      /* of x: [parts] of the inputs as the data has them, open axes too; dim[0]: rows */
} antler_feed;

/* Data for each input of the model, whose shapes it fits; for each output that has a loss, in their order. */
antler_status antler__feed_x(const antler_model *model, const antler_data *x, antler_feed *feed, antler_error *err);
antler_status antler__feed_y(const antler_model *model, const antler_data *y, antler_feed *feed, antler_error *err);
/* The sample weights of targets, a part for each of theirs: NULL for one without; no parts where none has some. */
antler_status antler__feed_w(const antler_feed *y, antler_feed *feed, antler_error *err);
void antler__feed_free(antler_feed *feed);
/* The targets and their weights fit the goals. */
antler_status antler__feed_fits(const antler_feed *y, const antler_feed *w, antler_objective *objective,
                                const antler_model *model, antler_error *err);
/* Rows, packed as a context takes them. */
antler_status antler__feed_gather(const antler_feed *feed, const int64_t *row, int64_t n, antler_real *out,
                                  antler_error *err);

#endif

/* Data, batch by batch, through a model. */
#ifndef ANTLER_EVALUATE_H
#define ANTLER_EVALUATE_H

#include "train/feed.h"

/* The data of a pass: x for the inputs, y for the losses. */
typedef struct antler_feeds {
    int64_t rows;
    antler_feed x, y, w; /* w: sample weights of y */
} antler_feeds;

/* x fits the model's inputs, and y is as many; whether y fits the losses an objective says (antler__feed_fits). */
antler_status antler__feeds_make(const antler_model *model, const antler_data *x, const antler_data *y,
                                 antler_feeds *feeds, antler_error *err);
void antler__feeds_free(antler_feeds *feeds);

/* Rows of x, as the context's inputs take them. */
antler_status antler__gather_x(const antler_context *context, const antler_feed *x, const int64_t *row, int64_t n,
                               antler_real *out, antler_error *err);

/* Room for a batch of x, of targets, of sample weights, and of the numbers of their rows. */
typedef struct antler_rooms {
    int64_t batch;
    antler_real *x, *y, *w;
    int64_t *row;
} antler_rooms;
antler_status antler__rooms_make(antler_rooms *rooms, int64_t batch, int64_t x_width, int64_t y_width, int64_t w_width,
                                 antler_error *err);
void antler__rooms_free(antler_rooms *rooms);

/* Runs all of x and y through an inference context that has an objective and takes the rooms' batch. */
antler_status antler__evaluate(antler_context *context, const antler_feeds *feeds, antler_rooms *rooms,
                               antler_error *err);

#endif

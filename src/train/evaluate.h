/* Data, batch by batch, through a model. */
#ifndef ANTLER_EVALUATE_H
#define ANTLER_EVALUATE_H

#include "train/objective.h"

/* x's rows fit the model's input, and y's the objective (which may be NULL), and both are as many. */
antler_status antler__check_data(const antler_model *model, antler_objective *objective, const antler_data *x,
                                 const antler_data *y, antler_error *err);

/* Rows of x, as the model's input takes them. */
antler_status antler__gather_x(const antler_model *model, const antler_data *x, const int64_t *row, int64_t n,
                               antler_real *out, antler_error *err);

/* Room for a batch of x, of targets, and of the numbers of their rows. */
typedef struct antler_rooms {
    int64_t batch;
    antler_real *x, *y;
    int64_t *row;
} antler_rooms;
antler_status antler__rooms_make(antler_rooms *rooms, int64_t batch, int64_t x_width, int64_t y_width,
                                 antler_error *err);
void antler__rooms_free(antler_rooms *rooms);

/* Runs all of x and y through an inference context that has an objective and takes the rooms' batch. */
antler_status antler__evaluate(antler_context *context, const antler_data *x, const antler_data *y, antler_rooms *rooms,
                               antler_error *err);

#endif

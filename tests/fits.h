/* What the suites of training share: a model with noise, moving statistics, slots and a schedule; data; and fits. */
#ifndef ANTLER_FITS_H
#define ANTLER_FITS_H

#include "networks.h"

enum { ROWS = 45, WIDTH = 6, CLASSES = 3 };

/* Layers and an optimizer with state of every sort: noise, moving statistics, slots, a schedule. */
static const char *const layers = "{'class_name': 'Dropout', 'config': {'rate': 0.2}},"
                                  "{'class_name': 'Dense', 'config': {'units': 9, 'activation': 'relu'}},"
                                  "{'class_name': 'BatchNormalization', 'config': {}},"
                                  "{'class_name': 'GaussianDropout', 'config': {'rate': 0.1}},"
                                  "{'class_name': 'Dense', 'config': {'units': 3, 'activation': 'softmax'}}";

static const char *const compiled =
    ", 'compile_config': {'optimizer': {'class_name': 'Adam', 'config': {'learning_rate': {'class_name': "
    "'ExponentialDecay', 'config': {'initial_learning_rate': 0.02, 'decay_steps': 4, 'decay_rate': 0.9}}}}, "
    "'loss': 'sparse_categorical_crossentropy', 'metrics': ['accuracy']}";

/* The data of most tests: `ROWS` samples with classes that the first number tells, mostly. */
static antler_real x_values[ROWS * WIDTH], y_values[ROWS];

static inline antler_data *x_data(void)
{
    random_numbers(x_values, ROWS * WIDTH, 1);
    return rows_of(x_values, ROWS, WIDTH);
}

static inline antler_data *y_data(void)
{
    random_classes(y_values, ROWS, CLASSES, 2);
    for (int i = 0; i < ROWS; i += 2)
        y_values[i] = x_values[i * WIDTH] > 0;
    return rows_of(y_values, ROWS, 1);
}

static inline antler_model *model_with(const char *fit)
{
    char more[1024];
    snprintf(more, sizeof more, "%s, 'fit': {'seed': 4%s}", compiled, fit);
    return network("6", layers, more);
}

/* The usual model and data, set up. */
typedef struct bench {
    antler_data *x, *y;
    antler_model *model;
} bench;

static inline bench set_up(const char *fit)
{
    bench b = {.x = x_data(), .y = y_data()};
    b.model = model_with(fit);
    return b;
}

static inline void tear_down(bench *b)
{
    antler_data_free(b->x);
    antler_data_free(b->y);
    antler_model_free(b->model);
}

static inline void fitted(antler_status status, const antler_model *model)
{
    must(status, antler_model_error(model));
}

/* What is learned is wrong for the rows that are validated on: the loss there grows in the end. */
static inline void spoil(void)
{
    for (int i = 0; i < ROWS; i++)
        y_values[i] = (x_values[i * WIDTH] > 0) == (i < 30);
}

#define STOPPING "{'class_name': 'EarlyStopping', 'config': {'patience': 2, 'restore_best_weights': %s}}"

#endif

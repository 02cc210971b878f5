/* A run of `antler train`. */
#ifndef ANTLER_TRAINING_RUN_H
#define ANTLER_TRAINING_RUN_H

#include "cli/progress.h"

typedef struct antler_training_run {
    const antler_arguments *a;
    antler_model *model;
    char path[4096]; /* of the data */
    antler_set x, y, validation_x, validation_y;
    int64_t batch, epochs, first_epoch;
    bool shuffle, adapt;
    antler_folder checkpoint;
    antler_history_file history;
    antler_display display;
} antler_training_run;

/* settings.json: what is needed to repeat the run, the whole model with it. For free; NULL and *err on failure. */
char *antler__settings_text(const antler_training_run *run, antler_error *err);
/* Which epoch was best, and whose weights are kept. */
void antler__outcome_print(const antler_training_run *run);
/* What a signal left: saves the model beside the output, says how to go on, and returns the exit status. */
int antler__interrupted(antler_training_run *run, int signal, antler_error *err);
/* Warns where nothing will be left of the training. */
void antler__warn_unsaved(const antler_training_run *run);
/* That no other training's checkpoint would be overwritten. */
antler_status antler__checkpoint_free(const antler_arguments *a, antler_error *err);

#endif

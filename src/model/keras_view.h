/* What today's Keras makes of a file, from tables of what was tried. */
#ifndef ANTLER_KERAS_VIEW_H
#define ANTLER_KERAS_VIEW_H

#include "config/fields.h"
#include "files/container.h"

typedef struct antler_keras_file {
    antler_container container;
    const char *path;
    int version; /* that wrote it; 0: not known */
    bool theano; /* its convolutions turn their kernels */
    bool custom; /* a name in its compile settings is not known */
    void (*hear)(void *user, const char *place, const char *text);
    void *user;
    int refusals, misreadings; /* that were told */
} antler_keras_file;

/* Tells what Keras refuses or misreads of a model's JSON; last the whole: whether it opens the file, and agrees. */
void antler__keras_view(antler_keras_file *file, const antler_json *root);

#endif

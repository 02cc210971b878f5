/* The names of a model's inputs and outputs. */
#ifndef ANTLER_ENDS_H
#define ANTLER_ENDS_H

#include "model/model.h"

/* An input has its layer's name; an output that of the layer that gives it, with _1, _2 ... where that comes again. */
antler_status antler__ends_name(antler_model *model, antler_error *err);
void antler__ends_free(antler_model *model);
/* Of n names the one that is most like `name`; NULL when none is near. */
const char *antler__name_near(char *const *names, int64_t n, const char *name);
/* "a, b, c", cut to fit; returns text. */
const char *antler__names_text(char *const *names, int64_t n, char *text, size_t size);

#endif

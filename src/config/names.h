/* Names, as Keras makes them. */
#ifndef ANTLER_NAMES_H
#define ANTLER_NAMES_H

#include "antler/layer.h"

/* Keras's snake case: of capitals and small letters ("MyLayer2D") small ones with underscores ("my_layer2d"). Returns
   text. */
const char *antler__snake_case(const char *class_name, char *text, size_t size);

/* How unlike a name that somebody gave is to one that there is: twice antler_name_distance, but at most 3 for an
   abbreviation ("lr" of "learning_rate", "scce"), a beginning ("batch" of "batch_size"), and a name with words around
   it ("num_units"). */
int antler__name_unlike(const char *given, const char *name);

#endif

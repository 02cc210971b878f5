/* Names, as Keras makes them. */
#ifndef ANTLER_NAMES_H
#define ANTLER_NAMES_H

#include "antler/layer.h"

/* Keras's snake case: of capitals and small letters ("MyLayer2D") small ones with underscores ("my_layer2d"). Returns
   text. */
const char *antler__snake_case(const char *class_name, char *text, size_t size);

#endif

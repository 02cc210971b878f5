/* The layers, for C callers: one plain struct a layer, with Keras's names, made to be written by antler_add:

       antler_add(model, dense, .units = 64, .activation = "relu");

   What is left out takes Keras's default. A setting that is an object in Keras (activation, initializer, regularizer,
   constraint, layer) is a string here: its name, or its JSON as ANTLER_JSON({"class_name": "L2", "config": {"l2":
   0.1}}). The members that end in an underscore are the library's.
   Members are only ever appended (before end_), so that programs built with older headers keep working.

   One header a family, as Keras groups its layers. */
#ifndef ANTLER_LAYERS_H
#define ANTLER_LAYERS_H

#include "antler/layers/activations.h"
#include "antler/layers/attention.h"
#include "antler/layers/convolutional.h"
#include "antler/layers/core.h"
#include "antler/layers/images.h"
#include "antler/layers/merging.h"
#include "antler/layers/normalization.h"
#include "antler/layers/pooling.h"
#include "antler/layers/preprocessing.h"
#include "antler/layers/regularization.h"
#include "antler/layers/reshaping.h"
#include "antler/layers/rnn.h"

#endif

/* A plugin: a shared object with types of one's own, layers, losses and others, which the command loads before it looks
   at a model: antler --plugin ./mine.so train model.json. It is code that runs as the user's own: a model's file never
   names one. A program needs none of this, it calls antler_register.

   It defines the function below, and is linked without the library, whose functions the command has:

       cc -std=c11 -O2 -ffp-contract=off -shared -fPIC mine.c -o mine.so

   With -DANTLER_DOUBLE it is one for antler64, the command in double. */
#ifndef ANTLER_PLUGIN_H
#define ANTLER_PLUGIN_H

#include "antler/layer.h"
#include "antler/layers.h"
#include "antler/work.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Its types, ended by NULL: as antler_register takes them. The number is that of the tables' layout: a command that has
   another one does not find the function, and says so. */
ANTLER_API const antler_type *const *antler_plugin_1(void);

#ifdef __cplusplus
}
#endif
#endif

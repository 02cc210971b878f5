/* From a tree to layers and calls in one row. */
#ifndef ANTLER_LAYOUT_H
#define ANTLER_LAYOUT_H

#include "model/model.h"

/* Names and orders the model's tree, makes model->layer of it (nothing but ops, object, name, place, frozen is set),
   and gives the calls. The graph is for antler__graph_free, on failure too. */
antler_status antler__layout(antler_model *model, antler_graph *graph, antler_error *err);
void antler__graph_free(antler_graph *graph);

#endif

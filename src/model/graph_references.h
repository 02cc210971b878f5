/* Names and references of the layers of a Functional, while its calls are read. */
#ifndef ANTLER_MODEL_GRAPH_REFERENCES_H
#define ANTLER_MODEL_GRAPH_REFERENCES_H

#include "model/tree_read.h"

typedef struct antler_graph_name {
    const char *text;
    int64_t member;
} antler_graph_name;

/* A Functional's tree while its calls are read. */
typedef struct antler_graph_reader {
    antler_tree *tree;
    antler_report *report;
    antler_graph_name *names; /* [members] sorted */
    bool *from_zero; /* [2 * members] some reference of a layer (0), of an output (1) counts the model's calls from 0 */
    bool objects;    /* some call has the form of Keras 3 */
} antler_graph_reader;

/* References of one call, as they are gathered. */
typedef struct antler_references {
    antler_from *item;
    int n;
} antler_references;

/* A value that refers to a tensor: ["x", 0, 0] itself, or what Keras 3's object around it holds; NULL for any other. */
const antler_json *antler__reference(const antler_json *node);

antler_status antler__graph_no_memory(antler_graph_reader *r);

/* Names of the members, by which they refer to each other. */
antler_status antler__graph_names(antler_graph_reader *r, const antler_json *layers, const antler_place *place);

antler_status antler__graph_reference(antler_graph_reader *r, const antler_json *node, const antler_place *place,
                                      antler_from *from);
antler_status antler__graph_append(antler_graph_reader *r, antler_references *l, antler_from from,
                                   const antler_place *place);

/* All tensors in a value of a call, in Keras's order: lists as they are, objects by sorted key. */
antler_status antler__graph_gather(antler_graph_reader *r, const antler_json *node, const antler_place *place,
                                   antler_references *to);

/* What stands in a list, or in an object that is one, where only tensors may: the first that is none. */
const antler_json *antler__graph_no_tensor(const antler_json *node);

#endif

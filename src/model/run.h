/* What the library's own layers may ask of a run beyond layer.h. */
#ifndef ANTLER_RUN_H
#define ANTLER_RUN_H

#include "antler/layer.h"
#include "kernels/kernels.h"

/* kernels->product_scratch numbers of the worker's own. */
antler_real *antler__worker_scratch(antler_run *run, int worker);

#endif

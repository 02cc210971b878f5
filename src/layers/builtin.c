/* All built-in types, for the registry. */
#include "config/registry.h"
#include "layers/shared/recurrent.h"
#include "parts/parts.h"
#include "train/fit_settings.h"

#define ANTLER_LAYER(t, file) extern const antler_layer_ops antler_layer_##t;
#include "layers/layers.def"
#undef ANTLER_LAYER

static const antler_type *const layers[] = {
#define ANTLER_LAYER(t, file) &antler_layer_##t.type,
#include "layers/layers.def"
#undef ANTLER_LAYER
    NULL,
};

#define ANTLER_OPERATION(t, file) extern const antler_operation_ops antler__operation_##t;
#include "layers/operations/operations.def"
#undef ANTLER_OPERATION

static const antler_type *const operations[] = {
#define ANTLER_OPERATION(t, file) &antler__operation_##t.layer.type,
#include "layers/operations/operations.def"
#undef ANTLER_OPERATION
    NULL,
};

const antler_type *const antler__cells[] = {
    &antler__cell_gru.layer.type,
    &antler__cell_lstm.layer.type,
    &antler__cell_simple_rnn.layer.type,
    &antler__cell_stacked.layer.type,
    NULL,
};

const antler_type *const *const antler__builtin[ANTLER_KINDS] = {
    [ANTLER_KIND_LAYER] = layers,
    [ANTLER_KIND_ACTIVATION] = antler__activations,
    [ANTLER_KIND_INITIALIZER] = antler__initializers,
    [ANTLER_KIND_REGULARIZER] = antler__regularizers,
    [ANTLER_KIND_CONSTRAINT] = antler__constraints,
    [ANTLER_KIND_LOSS] = antler__losses,
    [ANTLER_KIND_METRIC] = antler__metrics,
    [ANTLER_KIND_OPTIMIZER] = antler__optimizers,
    [ANTLER_KIND_SCHEDULE] = antler__schedules,
    [ANTLER_KIND_CALLBACK] = antler__callbacks,
    [ANTLER_KIND_SETTINGS] = antler__settings,
    [ANTLER_KIND_OPERATION] = operations,
    [ANTLER_KIND_CELL] = antler__cells,
};

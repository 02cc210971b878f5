/* Names of Keras 1 and 2. See config/old.h. Sources: get_config of Keras 1.2.2, 2.0.9, 2.2.4, 2.3.1 and tf.keras. */
#include "config/old.h"

#include <limits.h>

enum { KERAS2 = 200, KERAS3 = 300 };

#define RENAME(old, new)             \
    {                                \
        .key = (old), .today = (new) \
    }
#define DROP(old)    \
    {                \
        .key = (old) \
    }
#define ONLY(old, json, reason)                       \
    {                                                 \
        .key = (old), .only = (json), .why = (reason) \
    }
#define END         \
    {               \
        .key = NULL \
    }

/* ---- Keras 1 ----------------------------------------------------------------------------------------------------- */

static const antler_old_key layer_keys1[] = {
    {.key = "nb_filter", .today = "filters", .sure = true},
    {.key = "nb_row nb_col", .today = "kernel_size", .sure = true},
    {.key = "kernel_dim1 kernel_dim2 kernel_dim3", .today = "kernel_size", .sure = true},
    {.key = "filter_length", .today = "kernel_size", .sure = true},
    {.key = "subsample", .today = "strides", .sure = true},
    {.key = "subsample_length", .today = "strides", .sure = true},
    {.key = "border_mode", .today = "padding", .sure = true},
    {.key = "dim_ordering",
     .today = "data_format",
     .values = "tf=channels_last th=channels_first default=channels_last",
     .sure = true},
    {.key = "atrous_rate", .today = "dilation_rate", .sure = true},
    {.key = "pool_length", .today = "pool_size", .sure = true},
    RENAME("stride", "strides"),
    {.key = "output_dim", .today = "units", .sure = true},
    RENAME("init", "kernel_initializer"),
    {.key = "inner_init", .today = "recurrent_initializer", .sure = true},
    {.key = "inner_activation", .today = "recurrent_activation", .sure = true},
    {.key = "forget_bias_init", .today = "unit_forget_bias", .values = "one=true *=false", .sure = true},
    {.key = "W_regularizer", .today = "kernel_regularizer", .sure = true},
    {.key = "U_regularizer", .today = "recurrent_regularizer", .sure = true},
    {.key = "b_regularizer", .today = "bias_regularizer", .sure = true},
    {.key = "W_constraint", .today = "kernel_constraint", .sure = true},
    {.key = "b_constraint", .today = "bias_constraint", .sure = true},
    {.key = "dropout_W", .today = "dropout", .sure = true},
    {.key = "dropout_U", .today = "recurrent_dropout", .sure = true},
    {.key = "consume_less", .sure = true},
    RENAME("bias", "use_bias"),
    RENAME("p", "rate"),
    RENAME("sigma", "stddev"),
    RENAME("length", "size"),
    DROP("input_dtype"),
    DROP("input_dim"),
    DROP("input_length"),
    END,
};

static const antler_old_key embedding_keys1[] = {
    RENAME("init", "embeddings_initializer"),
    RENAME("W_regularizer", "embeddings_regularizer"),
    RENAME("W_constraint", "embeddings_constraint"),
    ONLY("dropout", "0", "Keras 1 dropped whole words, which no layer does today"),
    END,
};

static const antler_old_key separable_keys1[] = {
    RENAME("init", "depthwise_initializer"),
    END,
};

static const antler_old_key transpose_keys1[] = {DROP("output_shape"), END};

static const antler_old_key normalization_keys1[] = {
    {.key = "mode", .only = "0", .why = "it normalizes by other statistics, which no layer does today", .sure = true},
    RENAME("gamma_init", "gamma_initializer"),
    RENAME("beta_init", "beta_initializer"),
    END,
};

static const antler_old_key prelu_keys1[] = {RENAME("init", "alpha_initializer"), END};

#define MERGE_KEYS                                                                                                     \
    DROP("mode"), ONLY("mode_type", "\"raw\"", "it is Python code"), ONLY("output_mask", "null", "it is Python code"), \
        DROP("output_shape"), DROP("output_shape_type"), DROP("output_mask_type"), DROP("arguments"), DROP("layers"),  \
        DROP("node_indices"), DROP("tensor_indices")
static const antler_old_key merge_keys1[] = {MERGE_KEYS, DROP("concat_axis"), DROP("dot_axes"), END};
static const antler_old_key concat_keys1[] = {MERGE_KEYS, RENAME("concat_axis", "axis"), DROP("dot_axes"), END};
static const antler_old_key dot_keys1[] = {MERGE_KEYS, DROP("concat_axis"), RENAME("dot_axes", "axes"), END};

static const antler_old_key max_norm_keys1[] = {RENAME("m", "max_value"), END};

/* ---- Keras 2 ----------------------------------------------------------------------------------------------------- */

static const antler_old_key gate_keys2[] = {
    {.key = "recurrent_activation", .today = "recurrent_activation", .missing = "\"hard_sigmoid\""}, END};
static const antler_old_key reset_keys2[] = {{.key = "reset_after", .today = "reset_after", .missing = "false"}, END};
static const antler_old_key cudnn_keys2[] = {
    {.key = "recurrent_activation", .today = "recurrent_activation", .missing = "\"sigmoid\""},
    {.key = "reset_after", .today = "reset_after", .missing = "true"},
    END,
};
static const antler_old_key cudnn_lstm_keys2[] = {
    {.key = "recurrent_activation", .today = "recurrent_activation", .missing = "\"sigmoid\""}, END};
/* Keras added these up over the batch: TensorFlow's, and both since 2.4, divide by its size. */
#define SUMMED(name)                                                                              \
    {                                                                                             \
        .key = (name), .today = (name),                                                           \
        .warning = "in training it counts less than in the Keras that wrote this, which did not " \
                   "divide it by the batch size"                                                  \
    }
static const antler_old_key activity_keys2[] = {SUMMED("activity_regularizer"), END};
static const antler_old_key activities_keys2[] = {SUMMED("l1"), SUMMED("l2"), END};

static const antler_old_key threshold_keys2[] = {RENAME("theta", "threshold"), END};

static const antler_old_key optimizer_keys2[] = {
    RENAME("lr", "learning_rate"),
    {.key = "decay", .today = "decay", .idle = "0"},
    END,
};

/* One constant under two names: of standalone Keras, and of tf.keras. */
static const antler_old_key nadam_keys2[] = {
    ONLY("schedule_decay", "0.004", "Keras 3 has that one alone"),
    ONLY("decay", "0.004", "Keras 3 has that one alone"),
    END,
};

const antler_old_class antler__old_classes[] = {
    {KERAS2, "Convolution1D", .today = "Conv1D"},
    {KERAS2, "Convolution2D", .today = "Conv2D"},
    {KERAS2, "Convolution3D", .today = "Conv3D"},
    {KERAS2, "AtrousConvolution1D", .today = "Conv1D"},
    {KERAS2, "AtrousConvolution2D", .today = "Conv2D"},
    {KERAS2, "Deconvolution2D", .today = "Conv2DTranspose", .keys = transpose_keys1},
    {KERAS2, "SeparableConvolution2D", .today = "SeparableConv2D", .keys = separable_keys1},
    {KERAS2, "TimeDistributedDense", .today = "Dense"},
    {KERAS2, "Embedding", .keys = embedding_keys1},
    {KERAS2, "BatchNormalization", .keys = normalization_keys1},
    {KERAS2, "PReLU", .keys = prelu_keys1},
    {KERAS2, "Merge", .today = "Add", .when = "mode", .is = "sum", .keys = merge_keys1},
    {KERAS2, "Merge", .today = "Multiply", .when = "mode", .is = "mul", .keys = merge_keys1},
    {KERAS2, "Merge", .today = "Average", .when = "mode", .is = "ave", .keys = merge_keys1},
    {KERAS2, "Merge", .today = "Maximum", .when = "mode", .is = "max", .keys = merge_keys1},
    {KERAS2, "Merge", .today = "Concatenate", .when = "mode", .is = "concat", .keys = concat_keys1},
    {KERAS2, "Merge", .today = "Dot", .when = "mode", .is = "dot", .keys = dot_keys1},
    {KERAS2, "WeightRegularizer", .today = "L1L2"},
    {KERAS2, "ActivityRegularizer", .today = "L1L2"},
    {KERAS2, "L1L2Regularizer", .today = "L1L2"},
    {KERAS2, "MaxNorm", .keys = max_norm_keys1},
    {KERAS2, NULL, ANTLER_KIND_LAYER, .keys = layer_keys1},
    {KERAS3, "BatchNormalizationV1", .today = "BatchNormalization"},
    {KERAS3, "BatchNormalizationV2", .today = "BatchNormalization"},
    {KERAS3, "ThresholdedReLU", .today = "ReLU", .keys = threshold_keys2},
    {KERAS3, "CuDNNLSTM", .today = "LSTM", .keys = cudnn_lstm_keys2},
    {KERAS3, "CuDNNGRU", .today = "GRU", .keys = cudnn_keys2},
    {203, "LSTM", .keys = gate_keys2},
    {203, "GRU", .keys = gate_keys2},
    {203, "ConvLSTM2D", .keys = gate_keys2},
    {203, "LSTMCell", .keys = gate_keys2},
    {203, "GRUCell", .keys = gate_keys2},
    {204, "GRU", .keys = reset_keys2},
    {204, "GRUCell", .keys = reset_keys2},
    {204, "ActivityRegularization", .keys = activities_keys2},
    {204, NULL, ANTLER_KIND_LAYER, .keys = activity_keys2},
    {KERAS3, "Nadam", .keys = nadam_keys2},
    {KERAS3, NULL, ANTLER_KIND_OPTIMIZER, .keys = optimizer_keys2},
    /* whatever the version */
    {INT_MAX, "Lambda", .refused = "it holds Python code, which is not run"},
    {INT_MAX, "Merge",
     .refused = "only modes that are a word are read, without \"cos\", whose result has an axis of "
                "its own in Keras 1"},
    {INT_MAX, "TensorFlowOpLayer",
     .refused = "of those only plain operators are read, with no settings beside numbers"},
    {INT_MAX, "Highway", .refused = "a layer of Keras 1 that no later one has: today two Dense and an Add in a graph"},
    {INT_MAX, "MaxoutDense",
     .refused = "a layer of Keras 1 that no later one has: today a Dense, a Reshape and a GlobalMaxPooling1D"},
    {INT_MAX, "ParametricSoftplus", .refused = "a layer of Keras 1, with learned slopes that no later one has"},
    {INT_MAX, "SReLU", .refused = "a layer of Keras 1, with learned thresholds that no later one has"},
    {0},
};

const antler_old_function antler__old_functions[] = {
    {"Abs", "math.abs", "x"},
    {"Add", "math.add", "x y"},
    {"AddV2", "math.add", "x y"},
    {"Exp", "math.exp", "x"},
    {"ExpandDims", "expand_dims", "input axis"},
    {"Log", "math.log", "x"},
    {"Max", "math.reduce_max", "input_tensor axis keepdims"},
    {"Maximum", "math.maximum", "x y"},
    {"Mean", "math.reduce_mean", "input_tensor axis keepdims"},
    {"Min", "math.reduce_min", "input_tensor axis keepdims"},
    {"Minimum", "math.minimum", "x y"},
    {"Mul", "math.multiply", "x y"},
    {"Neg", "math.negative", "x"},
    {"Pow", "math.pow", "x y"},
    {"RealDiv", "math.truediv", "x y"},
    {"Reshape", "reshape", "tensor shape"},
    {"Sigmoid", "math.sigmoid", "x"},
    {"Sqrt", "math.sqrt", "x"},
    {"Square", "math.square", "x"},
    {"Sub", "math.subtract", "x y"},
    {"Sum", "math.reduce_sum", "input_tensor axis keepdims"},
    {"Tanh", "math.tanh", "x"},
    {"Transpose", "transpose", "a perm"},
    {NULL, NULL, NULL},
};

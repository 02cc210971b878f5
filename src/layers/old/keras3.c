/* What Keras 3.15 does not take of the files of Keras 1 and 2, as it was tried: each row with a model of one such
   layer. Of the keys that its constructors do not know, those that Keras 2 wrote without being asked. */
#include "config/keras3.h"

static const char unknown_key[] = "has no such argument";
static const char unknown_class[] = "has no such class";
static const char code[] = "refuses the Python code in it, and so do we";

#define ANTLER_KEY(kind, class_name, key)                                   \
    {                                                                       \
        ANTLER_KIND_##kind, class_name, key, unknown_key, ANTLER_KERAS3_OLD \
    }
#define ANTLER_CLASS(class_name, why)                               \
    {                                                               \
        ANTLER_KIND_LAYER, class_name, NULL, why, ANTLER_KERAS3_OLD \
    }

const antler_keras3_fault antler__keras3_faults[] = {
    ANTLER_KEY(LAYER, "LSTM", "time_major"),
    ANTLER_KEY(LAYER, "GRU", "time_major"),
    ANTLER_KEY(LAYER, "SimpleRNN", "time_major"),
    ANTLER_KEY(LAYER, "RNN", "time_major"),
    ANTLER_KEY(LAYER, "ConvLSTM1D", "time_major"),
    ANTLER_KEY(LAYER, "ConvLSTM2D", "time_major"),
    ANTLER_KEY(LAYER, "ConvLSTM3D", "time_major"),
    ANTLER_KEY(LAYER, "SimpleRNN", "implementation"),
    ANTLER_KEY(LAYER, "LSTM", "input_length"),
    ANTLER_KEY(LAYER, "GRU", "input_length"),
    ANTLER_KEY(LAYER, "SimpleRNN", "input_length"),
    ANTLER_KEY(LAYER, "DepthwiseConv1D", "groups"),
    ANTLER_KEY(LAYER, "DepthwiseConv2D", "groups"),
    ANTLER_KEY(LAYER, "SeparableConv1D", "groups"),
    ANTLER_KEY(LAYER, "SeparableConv2D", "groups"),
    ANTLER_KEY(LAYER, "Conv1DTranspose", "groups"),
    ANTLER_KEY(LAYER, "Conv2DTranspose", "groups"),
    ANTLER_KEY(LAYER, "Conv3DTranspose", "groups"),
    ANTLER_KEY(LAYER, "SpatialDropout1D", "trainable"),
    ANTLER_KEY(LAYER, "SpatialDropout2D", "trainable"),
    ANTLER_KEY(LAYER, "SpatialDropout3D", "trainable"),
    ANTLER_KEY(LAYER, "BatchNormalization", "mode"),
    ANTLER_KEY(LAYER, "BatchNormalization", "fused"),
    ANTLER_KEY(LAYER, "BatchNormalization", "virtual_batch_size"),
    ANTLER_KEY(LAYER, "Attention", "causal"),
    ANTLER_KEY(LAYER, "AdditiveAttention", "causal"),
    ANTLER_KEY(LAYER, "Dense", "output_dim"),
    ANTLER_KEY(INITIALIZER, NULL, "dtype"),
    {ANTLER_KIND_LAYER, "Attention", "score_mode", "takes for a function the", ANTLER_KERAS3_HDF5},
    {ANTLER_KIND_OPERATION, NULL, NULL, "knows no operator in a .h5", ANTLER_KERAS3_HDF5},
    {ANTLER_KIND_LAYER, "NotEqual", NULL, "knows no operator in a .h5", ANTLER_KERAS3_HDF5}, /* of Masking in a graph */
    ANTLER_CLASS("BatchNormalizationV1", unknown_class),
    ANTLER_CLASS("Convolution1D", unknown_class),
    ANTLER_CLASS("Convolution2D", unknown_class),
    ANTLER_CLASS("CuDNNGRU", unknown_class),
    ANTLER_CLASS("CuDNNLSTM", unknown_class),
    ANTLER_CLASS("DenseFeatures", unknown_class),
    {ANTLER_KIND_LAYER, "Lambda", NULL, code, ANTLER_KERAS3_ALWAYS},
    ANTLER_CLASS("LocallyConnected1D", unknown_class),
    ANTLER_CLASS("LocallyConnected2D", unknown_class),
    ANTLER_CLASS("Merge", unknown_class),
    ANTLER_CLASS("Policy", "does not take a dtype in that form"),
    ANTLER_CLASS("SlicingOpLambda", unknown_class),
    ANTLER_CLASS("TFOpLambda", unknown_class),
    ANTLER_CLASS("TensorFlowOpLayer", unknown_class),
    ANTLER_CLASS("ThresholdedReLU", unknown_class),
    {ANTLER_KIND_LAYER, NULL, NULL, NULL, ANTLER_KERAS3_OLD},
};

/* Preprocessing: see antler/layers.h. */
#ifndef ANTLER_LAYERS_PREPROCESSING_H
#define ANTLER_LAYERS_PREPROCESSING_H

#include "antler/layers/keys.h"
#include "antler/type.h"

struct antler_rescaling { /* x * scale + offset */
    ANTLER_LAYER_KEYS
    double scale, offset;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_rescaling;

struct antler_normalization { /* (x - mean) / sqrt(variance): given, or learned by antler_adapt */
    ANTLER_LAYER_KEYS
    int64_t axis[ANTLER_MAX_RANK + 1]; /* {-1}: a mean and a variance for each place along it; {0}: one for all */
    antler_numbers mean, variance;     /* {.n = 3, .value = ...}; left out: learned */
    bool invert;                       /* x * sqrt(variance) + mean */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_normalization;

struct antler_discretization { /* numbers to the numbers of their bins */
    ANTLER_LAYER_KEYS
    antler_numbers bin_boundaries; /* {.n = 3, .value = ...}, ascending; left out: num_bins, learned by antler_adapt */
    int64_t num_bins;
    double epsilon;          /* 0.01 */
    const char *output_mode; /* "int" */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_discretization;

struct antler_category_encoding { /* (..., n) integers to (..., n, num_tokens) of 0 and 1; n == 1 is replaced */
    ANTLER_LAYER_KEYS
    int64_t num_tokens;
    const char *output_mode; /* "one_hot" */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_category_encoding;

struct antler_integer_lookup { /* (..., n) integers to their places in a vocabulary */
    ANTLER_LAYER_KEYS
    int64_t max_tokens; /* ANTLER_NULL: any number */
    int64_t num_oov_indices, mask_token, oov_token;
    antler_numbers vocabulary; /* integers: {.n = 3, .value = (double[]){10, 20, 30}} */
    const char *output_mode;   /* "int", "one_hot", "multi_hot", "count" */
    bool invert, pad_to_max_tokens;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_integer_lookup;

struct antler_stft_spectrogram { /* (B, steps, channels) to (B, frames, channels * (fft_length / 2 + 1)) */
    ANTLER_LAYER_KEYS
    const char *mode;        /* "log", "magnitude", "psd", "real", "imag", "angle", "stft" */
    int64_t frame_length;    /* 256 */
    int64_t frame_step;      /* ANTLER_NULL: half a frame */
    int64_t fft_length;      /* ANTLER_NULL: the next power of 2 from frame_length on */
    const char *window;      /* "hann", "hamming", "blackman", "boxcar" */
    bool periodic;           /* the window */
    const char *scaling;     /* of the window: "density", "spectrum" */
    const char *padding;     /* "valid", "same" */
    bool expand_dims;        /* (B, frames, fft_length / 2 + 1, channels) */
    const char *data_format; /* "channels_last"; "channels_first": (batch, channels, ...) */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_stft_spectrogram;

struct antler_mel_spectrogram { /* (B, steps) to (B, num_mel_bins, frames) */
    ANTLER_LAYER_KEYS
    int64_t fft_length, sequence_stride; /* 2048, 512 */
    int64_t sequence_length;             /* of the window; ANTLER_NULL: fft_length */
    const char *window;                  /* "hann", "hamming" */
    int64_t sampling_rate, num_mel_bins; /* 16000, 128 */
    double min_freq, max_freq;           /* 20; NaN: half of the sampling rate */
    bool power_to_db;                    /* true */
    double top_db;                       /* 80 below the batch's largest value at most */
    double mag_exp;                      /* 2: power; 1: magnitude */
    double min_power, ref_power;         /* 1e-10, 1 */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_mel_spectrogram;

#endif

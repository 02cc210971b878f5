/* Images, (B, height, width, channels): see antler/layers.h. Those that change them act in training, and in Monte Carlo
   inference; each image draws numbers for itself but where it is said. An interval is {lower, upper}; {f, NAN}, as a
   number in JSON, stands for one that begins at -f, or as low as it can. docs/layers/random_images.md. */
#ifndef ANTLER_LAYERS_IMAGES_H
#define ANTLER_LAYERS_IMAGES_H

#include "antler/layers/keys.h"
#include "antler/type.h"

/* ---- other sizes ---- */

struct antler_resizing { /* the whole image */
    ANTLER_LAYER_KEYS
    int64_t height, width;
    const char *interpolation; /* "nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5" */
    bool crop_to_aspect_ratio, pad_to_aspect_ratio, antialias;
    double fill_value;
    const char *data_format; /* "channels_last"; "channels_first": (batch, channels, ...) */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_resizing;

struct antler_center_crop { /* the middle; of an image that is smaller, what has the aspect ratio, resized */
    ANTLER_LAYER_KEYS
    int64_t height, width;
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_center_crop;

struct antler_random_crop { /* one place for all images; in inference the largest part of the aspect ratio, resized */
    ANTLER_LAYER_KEYS
    int64_t height, width;
    int64_t seed;
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_random_crop;

/* ---- moved ---- */

struct antler_random_flip {
    ANTLER_LAYER_KEYS
    const char *mode; /* "horizontal_and_vertical", "horizontal", "vertical" */
    int64_t seed;
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_random_flip;

/* What those that follow have: how numbers between pixels are had, and what lies beyond the image. */
#define ANTLER_MOVING_KEYS                                                    \
    const char *fill_mode;     /* "reflect", "constant", "wrap", "nearest" */ \
    const char *interpolation; /* "bilinear", "nearest" */                    \
    int64_t seed;                                                             \
    double fill_value;

struct antler_random_rotation {
    ANTLER_LAYER_KEYS
    ANTLER_MOVING_KEYS
    double factor[2]; /* turns, counterclockwise */
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_random_rotation;

struct antler_random_zoom { /* above 0 the image shrinks; no width: the height's number */
    ANTLER_LAYER_KEYS
    ANTLER_MOVING_KEYS
    double height_factor[2], width_factor[2];
    const char *data_format;
    int end_;
};
#define antler_random_translation antler_random_zoom /* down and to the right, as parts of height and width */
ANTLER_API extern const struct antler_layer_ops antler_layer_random_zoom;
ANTLER_API extern const struct antler_layer_ops antler_layer_random_translation;

struct antler_random_shear {
    ANTLER_LAYER_KEYS
    ANTLER_MOVING_KEYS
    double x_factor[2], y_factor[2]; /* pixels along the axis for one along the other */
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_random_shear;

struct antler_random_perspective { /* corners come nearer or go away */
    ANTLER_LAYER_KEYS
    ANTLER_MOVING_KEYS    /* fill_mode is constant */
        double factor[2]; /* probability, {0, 1} */
    double scale;         /* 1: by up to half of the size */
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_random_perspective;

struct antler_random_elastic_transform { /* each pixel a little, and its neighbours alike; then clipped */
    ANTLER_LAYER_KEYS
    ANTLER_MOVING_KEYS
    double factor[2];      /* probability, {0, 1} */
    double scale[2];       /* how far, {0, 1} */
    double value_range[2]; /* {0, 255} */
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_random_elastic_transform;

/* ---- recoloured ---- */

struct antler_random_coloring {
    ANTLER_LAYER_KEYS
    double factor[2];      /* see docs/layers/random_images.md */
    double value_range[2]; /* what numbers can be, {0, 255} */
    int64_t seed;
    const char *data_format;
    int end_;
};
#define antler_random_brightness antler_random_coloring
#define antler_random_color_degeneration antler_random_coloring
#define antler_random_contrast antler_random_coloring
#define antler_random_hue antler_random_coloring
#define antler_random_invert antler_random_coloring
#define antler_random_posterization antler_random_coloring
#define antler_random_saturation antler_random_coloring
#define antler_random_sharpness antler_random_coloring
ANTLER_API extern const struct antler_layer_ops antler_layer_random_brightness;
ANTLER_API extern const struct antler_layer_ops antler_layer_random_color_degeneration;
ANTLER_API extern const struct antler_layer_ops antler_layer_random_contrast;
ANTLER_API extern const struct antler_layer_ops antler_layer_random_hue;
ANTLER_API extern const struct antler_layer_ops antler_layer_random_invert;
ANTLER_API extern const struct antler_layer_ops antler_layer_random_posterization;
ANTLER_API extern const struct antler_layer_ops antler_layer_random_saturation;
ANTLER_API extern const struct antler_layer_ops antler_layer_random_sharpness;

struct antler_random_grayscale {
    ANTLER_LAYER_KEYS
    double factor; /* probability, 0.5 */
    int64_t seed;
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_random_grayscale;

struct antler_random_color_jitter { /* one after the other; those that are left out are not there */
    ANTLER_LAYER_KEYS
    double value_range[2];
    double brightness_factor[2], contrast_factor[2], saturation_factor[2], hue_factor[2];
    int64_t seed;
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_random_color_jitter;

struct antler_solarization { /* a number is added; what is not below a threshold then is inverted */
    ANTLER_LAYER_KEYS
    double addition_factor[2], threshold_factor[2]; /* as parts of value_range: {0, f} */
    double value_range[2];
    int64_t seed;
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_solarization;

struct antler_auto_contrast { /* each channel of each image is stretched over value_range: in inference, too */
    ANTLER_LAYER_KEYS
    double value_range[2];
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_auto_contrast;

struct antler_equalization { /* each channel, over all images of a batch, gets all numbers equally often */
    ANTLER_LAYER_KEYS
    double value_range[2];
    int64_t bins; /* 256 */
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_equalization;

struct antler_contrast_limited_adaptive_histogram_equalization { /* around each pixel: in inference, too */
    ANTLER_LAYER_KEYS
    double value_range[2];
    double clip_limit;         /* 4 */
    int64_t tile_grid_size[2]; /* {8, 8} */
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_contrast_limited_adaptive_histogram_equalization;

/* All images of a batch go through num_ops layers, each picked from RandomShear, -Translation, -Rotation, -Brightness,
   -ColorDegeneration, -Contrast, -Sharpness, -Posterization, Solarization, AutoContrast, Equalization. */
struct antler_rand_augment {
    ANTLER_LAYER_KEYS
    double value_range[2];
    int64_t num_ops;           /* 2 */
    double factor[2];          /* of all of them, {0, 0.5} */
    const char *interpolation; /* "bilinear", "nearest" */
    int64_t seed;
    antler_objects layers_;
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_rand_augment;

/* ---- blurred, and covered ---- */

struct antler_random_gaussian_blur {
    ANTLER_LAYER_KEYS
    double factor[2];       /* probability, {0, 1} */
    int64_t kernel_size[2]; /* 3; odd */
    double sigma[2];        /* {0, 1}: drawn for each axis */
    double value_range[2];
    int64_t seed;
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_random_gaussian_blur;

struct antler_random_erasing { /* a rectangle */
    ANTLER_LAYER_KEYS
    double factor[2];     /* probability, {0, 1} */
    double scale[2];      /* {0.02, 0.33}: squares of its sides as parts of the image's */
    double fill_value[3]; /* {f, NAN}: all channels; {NAN}: normal noise */
    double value_range[2];
    int64_t seed;
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_random_erasing;

#endif

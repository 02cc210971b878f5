/* ContrastLimitedAdaptiveHistogramEqualization, in training and in inference. Each channel of an image is cut into
   tile_grid_size tiles, the last ones filled up by reflection; a tile maps v of 0 .. 255 to how many of its numbers are
   at most v, from 0 to 255, where a v that more than clip_limit times the mean of all have gives the rest to all
   others. A pixel is mapped by the tiles around it, bilinearly by where it lies between their centres.

   Gradient: 0, as of steps. */
#include "layers/shared/images.h"

#include <math.h>
#include <string.h>

typedef struct antler_contrast_limited_adaptive_histogram_equalization clahe;

enum { VALUES = 256 };

/* One channel of an image, and the map of its tiles. */
typedef struct tiling {
    const antler_image *im;
    const clahe *cfg;
    const antler_real *x;
    int64_t rows, columns, height, width; /* of the grid, of a tile */
    antler_real *map;                     /* (rows, columns, VALUES) */
} tiling;

static int64_t reflected(int64_t i, int64_t n)
{
    return i < n ? i : 2 * n - 1 - i;
}

/* In float, as Keras. */
static int value_at(const tiling *t, int64_t row, int64_t column)
{
    const double *range = t->cfg->value_range;
    const int64_t place = reflected(row, t->im->height) * t->im->width + reflected(column, t->im->width);
    float v = (float)t->x[place * t->im->channels];
    if (range[0] != 0 || range[1] != VALUES - 1)
        v = (v - (float)range[0]) / ((float)range[1] - (float)range[0]) * 255;
    return v > 0 ? v < VALUES - 1 ? (int)v : VALUES - 1 : 0;
}

/* Numbers above the limit go to all values alike. */
static void limit_counts(antler_real *count, double limit)
{
    double excess = 0;
    for (int v = 0; v < VALUES; v++) {
        const double above = fmax((double)count[v] - limit, 0);
        excess += above;
        count[v] -= (antler_real)above;
    }
    for (int v = 0; v < VALUES; v++)
        count[v] += (antler_real)(excess / VALUES);
}

static void set_map(const tiling *t, int64_t tile_row, int64_t tile_column)
{
    antler_real *map = t->map + (tile_row * t->columns + tile_column) * VALUES;
    const double n = (double)(t->height * t->width);
    double sum = 0;
    memset(map, 0, VALUES * sizeof *map);
    for (int64_t i = 0; i < t->height; i++)
        for (int64_t j = 0; j < t->width; j++)
            map[value_at(t, tile_row * t->height + i, tile_column * t->width + j)]++;
    if (t->cfg->clip_limit > 0)
        limit_counts(map, t->cfg->clip_limit * n / VALUES);
    const double first = (double)map[0], rest = n - first;
    for (int v = 0; v < VALUES; v++) {
        sum += (double)map[v];
        map[v] = (antler_real)fmin((sum - first) * (VALUES - 1) / (rest > 0 ? rest : 1), VALUES - 1);
    }
}

/* The two of n tiles whose centres are around pixel i of an axis; returns the part of the second. */
static double tiles_around(int64_t i, int64_t size, int64_t n, int64_t tile[2])
{
    const double at = ((double)i - (double)size / 2) / (double)size, below = floor(at);
    for (int k = 0; k < 2; k++) {
        const int64_t place = (int64_t)below + k;
        tile[k] = place < 0 ? 0 : place >= n ? n - 1 : place;
    }
    return at - below;
}

static double mapped(const tiling *t, int64_t row, int64_t column)
{
    int64_t i[2], j[2];
    const double down = tiles_around(row, t->height, t->rows, i), right = tiles_around(column, t->width, t->columns, j);
    const int v = value_at(t, row, column);
    double side[2];
    for (int k = 0; k < 2; k++) {
        const antler_real *line = t->map + i[k] * t->columns * VALUES + v;
        side[k] = (double)line[j[0] * VALUES] * (1 - right) + (double)line[j[1] * VALUES] * right;
    }
    return side[0] * (1 - down) + side[1] * down;
}

static tiling tiling_of(const antler_image *im)
{
    const clahe *cfg = im->config;
    tiling t = {
        .im = im, .cfg = cfg, .rows = cfg->tile_grid_size[0], .columns = cfg->tile_grid_size[1], .map = im->space};
    t.height = (im->height + t.rows - 1) / t.rows;
    t.width = (im->width + t.columns - 1) / t.columns;
    return t;
}

static void clahe_change(const antler_image *im, antler_real *to, const antler_real *x, const antler_real *dy)
{
    tiling t = tiling_of(im);
    const double lower = t.cfg->value_range[0], length = t.cfg->value_range[1] - lower;
    if (dy)
        memset(to, 0, (size_t)antler__image_size(im) * sizeof *to);
    for (int64_t c = 0; !dy && c < im->channels; c++) {
        t.x = x + c;
        for (int64_t tile = 0; tile < t.rows * t.columns; tile++)
            set_map(&t, tile / t.columns, tile % t.columns);
        for (int64_t i = 0; i < im->height * im->width; i++)
            to[i * im->channels + c] =
                (antler_real)(mapped(&t, i / im->width, i % im->width) / (VALUES - 1) * length + lower);
    }
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static const antler_field clahe_fields[] = {
    ANTLER_FIELD_RANGE(clahe),
    ANTLER_FIELD_NUMBER(clahe, clip_limit, ANTLER_REAL, "4.0", 0, 0, "times the mean count of a value; 0: no limit"),
    {.key = "tile_grid_size",
     .kind = ANTLER_INTS,
     .offset = offsetof(clahe, tile_grid_size),
     .def = "[8, 8]",
     .min = 1,
     .max = 1024,
     .count = 2,
     .doc = "tiles down, tiles across"},
    ANTLER_IMAGE_FIELDS(clahe),
    ANTLER_FIELD_END,
};

static const char *const clahe_samples[] = {"(3, 5, 2) {\"value_range\": [-1, 1], \"tile_grid_size\": [2, 3]}", NULL};

static antler_status clahe_check(void *config, antler_error *err)
{
    return antler__range_check(((clahe *)config)->value_range, false, err);
}

/* Reflection fills up by a whole image at most. */
static antler_status clahe_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    ANTLER_TRY(antler__image_infer(config, in, out, err));
    const antler_image im = {.config = config, .height = in->dim[1], .width = in->dim[2]};
    const tiling t = tiling_of(&im);
    if (t.rows * t.height <= 2 * im.height && t.columns * t.width <= 2 * im.width)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_SHAPE, "tile_grid_size", "too many tiles for %lld times %lld pixels",
                            (long long)im.height, (long long)im.width);
}

static antler_image_needs clahe_needs(const void *config, const antler_shape *in)
{
    const clahe *cfg = config;
    (void)in;
    return (antler_image_needs){.always = true, .space = cfg->tile_grid_size[0] * cfg->tile_grid_size[1] * VALUES};
}

#define antler_layer_clahe antler_layer_contrast_limited_adaptive_histogram_equalization
ANTLER_IMAGE_LAYER(clahe, "ContrastLimitedAdaptiveHistogramEqualization", clahe,
                   "makes numbers equally frequent around each pixel of images", clahe_infer, 0);

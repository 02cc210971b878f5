/* Pictures: PNG and JPEG. */
#ifndef ANTLER_PICTURE_H
#define ANTLER_PICTURE_H

#include "antler/antler.h"
#include "core/status.h"

/* Whether a name has the suffix of a picture, of any format that Keras reads. */
bool antler__is_picture(const char *name);

/* Reads a picture, told by its first bytes, as 8 bits a number: (height, width, channels), of 1 (grey), 3 (red, green,
   blue) or 4 (and alpha) channels, whatever it has itself: as TensorFlow's decode_image, which leaves alpha out without
   mixing, and knows no gamma and no orientation. *pixels is for antler__free. Of at most 2^26 pixels. */
antler_status antler__picture_read(const char *path, int channels, unsigned char **pixels, int64_t *height,
                                   int64_t *width, antler_error *err);

#endif

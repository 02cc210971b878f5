#include "files/picture.h"
#include "core/memory.h"
#include "core/text.h"
#include "files/file.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

bool antler__is_picture(const char *name)
{
    static const char *const suffixes[] = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof suffixes / sizeof *suffixes; i++)
        if (strcasecmp(dot, suffixes[i]) == 0)
            return true;
    return false;
}

#ifndef ANTLER_WITH_IMAGES

antler_status antler__picture_read(const char *path, int channels, unsigned char **pixels, int64_t *height,
                                   int64_t *width, antler_error *err)
{
    (void)channels;
    *pixels = NULL;
    *height = *width = 0;
    antler_error_set(err, ANTLER_UNSUPPORTED, NULL, "this build of Antler reads no images (ANTLER_IMAGES is off)");
    antler__error_file(err, path);
    return ANTLER_UNSUPPORTED;
}

#else

#include <png.h>
#include <turbojpeg.h>

/* A file under way. */
typedef struct picture {
    const unsigned char *data;
    size_t bytes;
    int channels;
    int64_t height, width;
    unsigned char *pixels;
} picture;

/* Its size is known: room, or no wish to have it. */
static antler_status make_room(picture *p, int channels, antler_error *err)
{
    const int64_t most = (int64_t)1 << 26;
    if (p->height < 1 || p->width < 1 || p->height > most / p->width)
        return antler_error_set(err, ANTLER_FORMAT, NULL, "%lld times %lld pixels, expected at most %lld in all",
                                (long long)p->height, (long long)p->width, (long long)most);
    p->pixels = antler__allocate((size_t)(p->height * p->width), (size_t)channels);
    return p->pixels ? ANTLER_OK : antler__no_memory(err);
}

/* As libpng does it for TensorFlow. */
static unsigned char grey(const unsigned char *rgb)
{
    if (rgb[0] == rgb[1] && rgb[0] == rgb[2])
        return rgb[0];
    return (unsigned char)((rgb[0] * 9797 + rgb[1] * 19234 + rgb[2] * 3737) >> 15);
}

/* In place, from red, green, blue, alpha. */
static void take_channels(picture *p)
{
    const unsigned char *from = p->pixels;
    unsigned char *to = p->pixels;
    for (int64_t i = 0; i < p->height * p->width; i++, from += 4, to += p->channels)
        if (p->channels == 1)
            *to = grey(from);
        else
            memmove(to, from, (size_t)p->channels);
}

/* Always as red, green, blue, alpha: libpng would mix what has alpha with a background. */
static antler_status read_png(picture *p, antler_error *err)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    antler_status status = ANTLER_OK;
    bool good = png_image_begin_read_from_memory(&image, p->data, p->bytes);
    if (good) {
        image.format = PNG_FORMAT_RGBA;
        image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
        p->height = image.height;
        p->width = image.width;
        status = make_room(p, 4, err);
        good = status == ANTLER_OK && png_image_finish_read(&image, NULL, p->pixels, 0, NULL);
    }
    if (!good && status == ANTLER_OK)
        status = antler_error_set(err, ANTLER_FORMAT, NULL, "a damaged PNG image: %s", image.message);
    png_image_free(&image);
    if (status == ANTLER_OK && p->channels < 4)
        take_channels(p);
    return status;
}

/* All of it is there: other warnings ("extraneous bytes") are common, and harmless. */
static bool is_whole(tjhandle decoder, int result)
{
    return result == 0 || (tjGetErrorCode(decoder) == TJERR_WARNING && !strstr(tjGetErrorStr2(decoder), "remature"));
}

static antler_status decode_jpeg(tjhandle decoder, picture *p, antler_error *err)
{
    static const int formats[] = {[1] = TJPF_GRAY, [3] = TJPF_RGB, [4] = TJPF_RGBA};
    int width = 0, height = 0, sampling, colors;
    if (tjDecompressHeader3(decoder, p->data, (unsigned long)p->bytes, &width, &height, &sampling, &colors) == 0 &&
        width > 0) {
        p->height = height;
        p->width = width;
        ANTLER_TRY(make_room(p, p->channels, err));
        if (is_whole(decoder, tjDecompress2(decoder, p->data, (unsigned long)p->bytes, p->pixels, width, 0, height,
                                            formats[p->channels], TJFLAG_FASTDCT | TJFLAG_LIMITSCANS)))
            return ANTLER_OK;
    }
    return antler_error_set(err, ANTLER_FORMAT, NULL, "a damaged JPEG image, or one of a kind that is not read: %s",
                            tjGetErrorStr2(decoder));
}

static antler_status read_jpeg(picture *p, antler_error *err)
{
    tjhandle decoder = tjInitDecompress();
    if (!decoder)
        return antler__no_memory(err);
    antler_status status = decode_jpeg(decoder, p, err);
    tjDestroy(decoder);
    return status;
}

static antler_status read_any(picture *p, antler_error *err)
{
    if (p->bytes >= 8 && memcmp(p->data, "\x89PNG\r\n\x1a\n", 8) == 0)
        return read_png(p, err);
    if (p->bytes >= 3 && memcmp(p->data, "\xff\xd8\xff", 3) == 0)
        return read_jpeg(p, err);
    return antler_error_set(err, ANTLER_FORMAT, NULL,
                            p->bytes ? "no image that is read: expected PNG or JPEG" : "empty");
}

antler_status antler__picture_read(const char *path, int channels, unsigned char **pixels, int64_t *height,
                                   int64_t *width, antler_error *err)
{
    enum { MOST_BYTES = 1 << 28 };
    void *data;
    picture p = {.channels = channels};
    antler_error error = {0};
    *pixels = NULL;
    if (antler__file_read(path, MOST_BYTES, &data, &p.bytes, &error) == ANTLER_OK) {
        p.data = data;
        read_any(&p, &error);
        antler__free(data);
    }
    if (error.status == ANTLER_OK) {
        *pixels = p.pixels;
        *height = p.height;
        *width = p.width;
        return ANTLER_OK;
    }
    antler__free(p.pixels);
    antler__error_file(&error, path);
    return antler__error_copy(err, &error);
}

#endif

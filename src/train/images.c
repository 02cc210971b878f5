/* Folders of images, one for each class, as Keras's image_dataset_from_directory reads them: while they are used. */
#include "core/memory.h"
#include "core/text.h"
#include "files/picture.h"
#include "train/data.h"
#include "train/shuffle.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH = 4096, DEEPEST = 16 };

/* ---- what there is ----------------------------------------------------------------------------------------------- */

typedef struct image {
    char *path;
    size_t name; /* where the file's own name begins in it */
    int32_t label;
} image;

typedef struct folder {
    image *image;
    int64_t n;
    antler_class_list classes;
    struct antler_images settings;
    bool flat; /* all in one folder, without classes */
    bool any;  /* one image is all that is wanted */
} folder;

static void free_folder(void *self)
{
    folder *f = self;
    for (int64_t i = 0; f && i < f->n; i++)
        antler__free(f->image[i].path);
    if (f)
        antler__free(f->image);
    antler__free(f);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Folders come in the order of their paths, then their files. */
static int compare_images(const void *a, const void *b)
{
    const image *p = a, *q = b;
    size_t shorter = p->name < q->name ? p->name : q->name;
    int order =
        p->label != q->label ? (p->label > q->label) - (p->label < q->label) : memcmp(p->path, q->path, shorter - 1);
    if (order == 0 && p->name != q->name)
        order = p->name < q->name ? -1 : 1;
    return order ? order : strcmp(p->path + p->name, q->path + q->name);
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool join_path(char inside[PATH], const char *path, const char *name)
{
    int length = snprintf(inside, PATH, "%s/%s", path, name);
    return length > 0 && length < PATH;
}

static antler_status add_image(folder *f, const char *path, const char *name, int32_t label, antler_error *err)
{
    char *copy = antler__grow_by(&f->image, (size_t)f->n, 1, sizeof *f->image) ? antler__copy_text(path) : NULL;
    if (!copy)
        return antler__no_memory(err);
    f->image[f->n++] = (image){copy, strlen(path) - strlen(name), label};
    return ANTLER_OK;
}

static antler_status add_images(folder *f, const char *path, int32_t label, int depth, antler_error *err);

static antler_status add_entry(folder *f, const char *path, const char *name, int32_t label, int depth,
                               antler_error *err)
{
    char inside[PATH];
    struct stat info;
    if (name[0] == '.')
        return ANTLER_OK;
    if (!join_path(inside, path, name))
        return antler_error_set(err, ANTLER_FILE, NULL, "a path of more than %d bytes", PATH - 1);
    if (antler__is_picture(name))
        return add_image(f, inside, name, label, err);
    return depth < DEEPEST && lstat(inside, &info) == 0 && S_ISDIR(info.st_mode) /* a link may lead in a circle */
               ? add_images(f, inside, label, depth + 1, err)
               : ANTLER_OK;
}

/* The images of a folder and of those in it; of one without classes only its own. */
static antler_status add_images(folder *f, const char *path, int32_t label, int depth, antler_error *err)
{
    DIR *directory = opendir(path);
    antler_status status = ANTLER_OK;
    if (!directory) {
        antler_error_set(err, ANTLER_FILE, NULL, "cannot open: %s", strerror(errno));
        antler__error_file(err, path);
        return ANTLER_FILE;
    }
    for (struct dirent *entry; status == ANTLER_OK && !(f->any && f->n) && (entry = readdir(directory));)
        status = add_entry(f, path, entry->d_name, label, f->flat ? DEEPEST : depth, err);
    closedir(directory);
    return status;
}

/* The folders in a folder, sorted: its classes. */
static antler_status list_classes(const char *path, antler_class_list *c, antler_error *err)
{
    char inside[PATH];
    DIR *directory = opendir(path);
    bool fits = directory;
    for (struct dirent *entry; fits && (entry = readdir(directory));) {
        if (entry->d_name[0] == '.' || !join_path(inside, path, entry->d_name) || !is_folder(inside))
            continue;
        fits = antler__grow_by(&c->name, (size_t)c->n, 1, sizeof *c->name) &&
               (c->name[c->n] = antler__copy_text(entry->d_name));
        c->n += fits;
    }
    if (directory)
        closedir(directory);
    if (!directory)
        return antler_error_set(err, ANTLER_FILE, NULL, "cannot open: %s", strerror(errno));
    if (c->n > 1)
        qsort(c->name, (size_t)c->n, sizeof *c->name, compare_names);
    return fits ? ANTLER_OK : antler__no_memory(err);
}

void antler__classes_free(antler_class_list *c)
{
    for (int64_t i = 0; i < c->n; i++)
        antler__free(c->name[i]);
    antler__free(c->name);
    *c = (antler_class_list){0};
}

/* A new order of the images, by the seed. */
static antler_status mix(folder *f, antler_error *err)
{
    int64_t *order = antler__allocate((size_t)f->n, sizeof *order);
    image *mixed = antler__allocate((size_t)f->n, sizeof *mixed);
    bool fits = order && mixed;
    if (fits) {
        antler__shuffle(order, f->n, 0, f->settings.seed, -1); /* no epoch's */
        for (int64_t i = 0; i < f->n; i++)
            mixed[i] = f->image[order[i]];
        antler__free(f->image);
        f->image = mixed;
        mixed = NULL;
    }
    antler__free(order);
    antler__free(mixed);
    return fits ? ANTLER_OK : antler__no_memory(err);
}

static antler_status find_images(folder *f, const char *path, antler_class_list *classes, antler_error *err)
{
    char inside[PATH];
    ANTLER_TRY(list_classes(path, classes, err));
    for (int64_t i = 0; i < classes->n; i++)
        if (join_path(inside, path, classes->name[i]))
            ANTLER_TRY(add_images(f, inside, (int32_t)i, 0, err));
    f->flat = f->n == 0;
    if (f->flat)
        ANTLER_TRY(add_images(f, path, 0, 0, err));
    if (f->n == 0)
        return antler_error_set(err, ANTLER_DATA, NULL,
                                "no images; expected a folder for each class, with .png or .jpg files");
    qsort(f->image, (size_t)f->n, sizeof *f->image, compare_images);
    return f->settings.shuffle ? mix(f, err) : ANTLER_OK;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* The two pixels of an axis that output pixel o lies between, and how far it is from the first: as TensorFlow's resize,
   pixels being squares, in float. */
static float between(int64_t o, int64_t in, int64_t out, int64_t at[2])
{
    float place = ((float)o + 0.5f) * ((float)in / (float)out) - 0.5f, below = floorf(place);
    at[0] = below > 0 ? (int64_t)below : 0;
    at[1] = (int64_t)below + 1 < in ? (int64_t)below + 1 : in - 1;
    at[0] = at[0] < in ? at[0] : in - 1;
    return place - below;
}

static void resize(const unsigned char *pixels, int64_t height, int64_t width, const struct antler_images *to,
                   float *out)
{
    int64_t row[2], column[2];
    const int64_t c = to->channels;
    for (int64_t i = 0; i < to->height; i++) {
        float down = between(i, height, to->height, row);
        for (int64_t j = 0; j < to->width; j++) {
            float right = between(j, width, to->width, column);
            for (int64_t k = 0; k < c; k++) {
                float corner[4];
                for (int n = 0; n < 4; n++)
                    corner[n] = pixels[(row[n / 2] * width + column[n % 2]) * c + k];
                float top = corner[0] + (corner[1] - corner[0]) * right;
                float bottom = corner[2] + (corner[3] - corner[2]) * right;
                *out++ = top + (bottom - top) * down;
            }
        }
    }
}

static antler_status read_images(void *self, int64_t first, int64_t n, void *out, antler_error *err)
{
    const folder *f = self;
    const struct antler_images *s = &f->settings;
    for (int64_t i = 0; i < n; i++) {
        unsigned char *pixels;
        int64_t height, width;
        ANTLER_TRY(antler__picture_read(f->image[first + i].path, (int)s->channels, &pixels, &height, &width, err));
        resize(pixels, height, width, s, (float *)out + i * s->height * s->width * s->channels);
        antler__free(pixels);
    }
    return ANTLER_OK;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static antler_data *make_labels(const char *path, const folder *f, antler_class_list *classes, antler_error *err)
{
    antler_data *y = antler__data_create(path, "labels", err);
    int32_t *label = y ? antler__allocate((size_t)f->n, sizeof *label) : NULL;
    if (!label) {
        antler__free(y);
        antler__no_memory(err);
        return NULL;
    }
    for (int64_t i = 0; i < f->n; i++)
        label[i] = f->image[i].label;
    y->values = (const unsigned char *)label;
    y->classes = *classes;
    *classes = (antler_class_list){0};
    antler__data_set_shape(y, ANTLER_INT32, &(antler_shape){1, {f->n}}, err);
    return y;
}

static antler_status open_images(const char *path, folder *f, antler_class_list *classes, antler_data *x,
                                 antler_data **y, antler_error *err)
{
    const struct antler_images *s = &f->settings;
    ANTLER_TRY(find_images(f, path, classes, err));
    ANTLER_TRY(
        antler__data_set_shape(x, ANTLER_FLOAT32, &(antler_shape){4, {f->n, s->height, s->width, s->channels}}, err));
    if (!y)
        return ANTLER_OK;
    if (f->flat)
        return antler_error_set(err, ANTLER_DATA, NULL, "images, but no folders of classes to learn or check");
    *y = make_labels(path, f, classes, err);
    return *y ? ANTLER_OK : ANTLER_MEMORY;
}

static antler_status check(const struct antler_images *s, antler_error *err)
{
    enum { MOST = 1 << 16 };
    if (s->height < 1 || s->height > MOST || s->width < 1 || s->width > MOST)
        return antler_error_set(err, ANTLER_VALUE, "image_size", "%lld times %lld, expected sizes from 1 to %d",
                                (long long)s->height, (long long)s->width, MOST);
    if (s->channels != 1 && s->channels != 3 && s->channels != 4)
        return antler_error_set(err, ANTLER_VALUE, "channels", "%lld, expected 1, 3 or 4", (long long)s->channels);
    return ANTLER_OK;
}

antler_status antler_data_images(const char *path, const struct antler_images *settings, antler_data **x,
                                 antler_data **y, antler_error *err)
{
    antler_error error = {0};
    antler_class_list classes = {0};
    if (y)
        *y = NULL;
    ANTLER_TRY(antler__require(x, "place for the images", err));
    *x = NULL;
    ANTLER_TRY(antler__require(path, "path", err));
    ANTLER_TRY(antler__require(settings, "settings of the images", err));
    ANTLER_TRY(check(settings, err));
    folder *f = antler__allocate_zeroed(1, sizeof *f);
    antler_data *images = f ? antler__data_create(path, "images", &error) : NULL;
    if (images) {
        f->settings = *settings;
        images->source = (antler_source){f, read_images, free_folder};
        open_images(path, f, &classes, images, y, &error);
    } else {
        antler__no_memory(&error);
        antler__free(f);
    }
    antler__classes_free(&classes);
    antler__error_file(&error, path);
    if (error.status == ANTLER_OK)
        *x = images;
    else
        antler_data_free(images);
    return antler__error_copy(err, &error);
}

const char *antler_data_class(const antler_data *y, int64_t index)
{
    return y && index >= 0 && index < y->classes.n ? y->classes.name[index] : NULL;
}

bool antler_is_image_folder(const char *path)
{
    antler_error ignored = {0};
    antler_class_list classes = {0};
    folder *f = path && is_folder(path) ? antler__allocate_zeroed(1, sizeof *f) : NULL;
    if (f)
        f->any = true;
    bool found = f && find_images(f, path, &classes, &ignored) == ANTLER_OK;
    antler__classes_free(&classes);
    free_folder(f);
    return found;
}

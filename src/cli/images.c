/* Folders of images as data. */
#include "cli/command.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "photos/train" for x_train, where that is a folder of images, or else "photos". */
static bool find_folder(const char *path, const char *x_name, char *text, size_t size)
{
    static const char *const suffixes[] = {"npy", "csv"};
    for (int i = 0; i < 2; i++) { /* arrays with pictures beside them */
        snprintf(text, size, "%s/%s.%s", path, x_name, suffixes[i]);
        if (access(text, F_OK) == 0)
            return false;
    }
    const char *name = strncmp(x_name, "x_", 2) == 0 ? x_name + 2 : x_name;
    int length = snprintf(text, size, "%s/%s", path, name);
    if (length <= 0 || (size_t)length >= size || antler_is_image_folder(text))
        return length > 0;
    for (int i = 0; i < 2; i++) { /* or "train" and "test" would be taken for classes */
        char other[4096];
        snprintf(other, sizeof other, "%s/%s", path, i ? "test" : "train");
        if (antler_is_image_folder(other))
            return true;
    }
    snprintf(text, size, "%s", path);
    return antler_is_image_folder(text);
}

/* What "fit" says, or what the model's input takes, or Keras's default. */
static struct antler_images settings_for(const antler_model *model)
{
    const antler_shape *in = antler_input_shape(model);
    const int64_t *size = antler__fit_value(model, "image_size");
    const char *mode = antler__fit_text(model, "color_mode");
    struct antler_images s = {.height = 256, .width = 256, .channels = 3};
    if (in->rank == 4 || in->rank == 3) {
        s.height = in->dim[1] > 0 ? in->dim[1] : s.height;
        s.width = in->dim[2] > 0 ? in->dim[2] : s.width;
        s.channels = in->rank == 3 ? 1 : in->dim[3] > 0 ? in->dim[3] : s.channels;
    }
    if (size && size[0] > 0) {
        s.height = size[0];
        s.width = size[1];
    }
    if (mode)
        s.channels = strcmp(mode, "grayscale") == 0 ? 1 : strcmp(mode, "rgb") == 0 ? 3 : 4;
    return s;
}

bool antler__images_open(antler_model *model, const char *path, const char *x_name, bool shuffle, antler_set *x,
                         antler_set *y, antler_error *err)
{
    char text[4096];
    antler_data *images, *labels;
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode) || !find_folder(path, x_name, text, sizeof text))
        return false;
    if (antler_build(model) != ANTLER_OK) {
        *err = *antler_model_error(model);
        return true;
    }
    struct antler_images settings = settings_for(model);
    settings.shuffle = shuffle;
    settings.seed = antler_model_seed(model);
    if (antler_data_images(text, &settings, &images, y ? &labels : NULL, err) == ANTLER_OK) {
        antler__set_add(x, images);
        if (y)
            antler__set_add(y, labels);
    }
    return true;
}

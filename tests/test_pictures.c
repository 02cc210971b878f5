/* Folders of images: the numbers and the order that Keras has, streams of them, and what is refused. */
#include "files/picture.h"
#include "networks.h"
#include "suite.h"
#include "torture.h"
#include "train/data.h"

#include <math.h>
#include <stdio.h>

#define FILES ANTLER_SOURCE_DIR "/tests/files/"

#ifdef ANTLER_WITH_IMAGES

enum { IMAGES = 5, HEIGHT = 4, WIDTH = 5 };

static void gather_all(const antler_data *data, antler_real *out)
{
    int64_t row[IMAGES] = {0, 1, 2, 3, 4};
    antler_error err = {0};
    must(antler_data_gather(data, row, IMAGES, out, &err), &err);
}

START_TEST(images_are_those_of_keras)
{
    const struct antler_images settings = {HEIGHT, WIDTH, _i ? 3 : 1, false, 0};
    antler_real expected[IMAGES * HEIGHT * WIDTH * 3], got[IMAGES * HEIGHT * WIDTH * 3], label[IMAGES];
    antler_error err = {0};
    antler_data *x, *y;
    must(antler_data_images(FILES "pictures", &settings, &x, &y, &err), &err);
    antler_data *keras = antler_data_open(_i ? FILES "pictures_rgb.npy" : FILES "pictures_grayscale.npy", NULL, &err);
    must(err.status, &err);
    ck_assert(antler_shape_equal(antler_data_shape(x), antler_data_shape(keras)));
    gather_all(keras, expected);
    gather_all(x, got);
    for (int64_t i = 0; i < antler_count(antler_data_shape(x), 0); i++) /* other versions of libjpeg round otherwise */
        ck_assert_msg(fabs((double)got[i] - (double)expected[i]) <=
                          (i / (HEIGHT * WIDTH * settings.channels) == 1 ? 3 : 0),
                      "[%d] %g %g", (int)i, (double)got[i], (double)expected[i]);
    gather_all(y, label);
    ck_assert(label[0] == 0 && label[1] == 0 && label[2] == 1 && label[3] == 1 && label[4] == 1);
    ck_assert_str_eq(antler_data_class(y, 0), "ants");
    ck_assert_str_eq(antler_data_class(y, 1), "cats");
    ck_assert(!antler_data_class(y, 2) && !antler_data_class(y, -1) && !antler_data_class(NULL, 0));
    antler_data *some = antler_data_rows(y, 3, 2, &err);
    ck_assert_str_eq(antler_data_class(some, 1), "cats");
    antler_data_free(some);
    antler_data_free(keras);
    antler_data_free(x);
    antler_data_free(y);
}
END_TEST

/* A seed's order is another one, of images and labels alike; with four channels what has no alpha is opaque. */
START_TEST(orders_are_mixed)
{
    const struct antler_images plain = {HEIGHT, WIDTH, 4, false, 0};
    antler_real a[IMAGES * HEIGHT * WIDTH * 4], b[IMAGES * HEIGHT * WIDTH * 4], label[IMAGES];
    const size_t size = HEIGHT * WIDTH * 4;
    antler_data *x, *y;
    antler_error err = {0};
    bool moved = false;
    must(antler_data_images(FILES "pictures", &plain, &x, NULL, &err), &err);
    gather_all(x, a);
    antler_data_free(x);
    ck_assert(a[3] == 255 && a[size + 3] == 255);
    for (int seed = 0; seed < 4; seed++) {
        struct antler_images mixed = plain;
        mixed.shuffle = true;
        mixed.seed = seed;
        must(antler_data_images(FILES "pictures", &mixed, &x, &y, &err), &err);
        gather_all(x, b);
        gather_all(y, label);
        for (size_t i = 0; i < IMAGES; i++) {
            unsigned from = 0;
            while (from < IMAGES && memcmp(a + from * size, b + i * size, size * sizeof *a) != 0)
                from++;
            ck_assert_uint_lt(from, IMAGES);
            ck_assert(label[i] == (from > 1));
            moved = moved || from != i;
        }
        antler_data_free(x);
        antler_data_free(y);
    }
    ck_assert(moved);
}
END_TEST

/* What reading while training gives does not depend on threads. */
START_TEST(threads_change_nothing)
{
    antler_model *models[2];
    for (int i = 0; i < 2; i++) {
        antler_data *x, *y;
        antler_error err = {0};
        must(antler_data_images(FILES "pictures", &(struct antler_images){HEIGHT, WIDTH, 3, true, 1}, &x, &y, &err),
             &err);
        ck_assert(antler__data_waits(x) && !antler__data_waits(y));
        models[i] = network("4, 5, 3",
                            "{'class_name': 'Rescaling', 'config': {'scale': 0.00392}},"
                            "{'class_name': 'Conv2D', 'config': {'filters': 3, 'kernel_size': 2}},"
                            "{'class_name': 'GlobalAveragePooling2D', 'config': {}},"
                            "{'class_name': 'Dense', 'config': {'units': 2, 'activation': 'softmax'}}",
                            ", 'compile_config': {'optimizer': 'adam', 'loss': 'sparse_categorical_crossentropy'}");
        must(antler_fit(models[i], x, y, .epochs = 3, .batch_size = 2, .validation_split = 0.4, .threads = 1 + 2 * i),
             antler_model_error(models[i]));
        antler_data_free(x);
        antler_data_free(y);
    }
    const antler_variable *v, *w;
    for (int64_t i = 0; (v = antler_model_variable(models[0], i)); i++) {
        w = antler_model_variable(models[1], i);
        ck_assert_mem_eq(v->value.data, w->value.data,
                         (size_t)antler_count(&v->value.shape, 0) * sizeof *v->value.data);
    }
    antler_model_free(models[0]);
    antler_model_free(models[1]);
}
END_TEST

START_TEST(refuses_bad_images)
{
    static const struct {
        const char *file, *error;
    } all[] = {
        {"cut.png", "bad_pictures/cut.png: a damaged PNG image: "},
        {"bomb.png", "bad_pictures/bomb.png: 60000 times 60000 pixels, expected at most 67108864 in all"},
        {"cut.jpg", "bad_pictures/cut.jpg: a damaged JPEG image"},
        {"early.jpg", "bad_pictures/early.jpg: a damaged JPEG image"},
        {"other.gif", "bad_pictures/other.gif: no image that is read: expected PNG or JPEG"},
        {"empty.png", "bad_pictures/empty.png: empty"},
        {"none.png", "bad_pictures/none.png: cannot open: No such file"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char path[512];
        unsigned char *pixels;
        int64_t height, width;
        antler_error err = {0};
        snprintf(path, sizeof path, "%sbad_pictures/%s", FILES, all[i].file);
        antler__picture_read(path, 3, &pixels, &height, &width, &err);
        ck_assert_ptr_null(pixels);
        expect_error(&err, err.status, all[i].error);
        ck_assert_int_ne(err.status, ANTLER_OK);
    }
    antler_data *x;
    antler_error err = {0};
    must(antler_data_images(FILES "bad_pictures", &(struct antler_images){2, 2, 3, false, 0}, &x, NULL, &err), &err);
    ck_assert_int_eq(antler_data_shape(x)->dim[0], 6);
    ck_assert_int_eq(antler_data_gather(x, (int64_t[]){1}, 1, (antler_real[12]){0}, &err), ANTLER_FORMAT);
    expect_error(&err, ANTLER_FORMAT, "bad_pictures/cut.jpg: a damaged JPEG image");
    antler_data_free(x);
}
END_TEST

#else

START_TEST(says_that_it_reads_none)
{
    antler_data *x;
    antler_error err = {0};
    must(antler_data_images(FILES "pictures", &(struct antler_images){2, 2, 3, false, 0}, &x, NULL, &err), &err);
    ck_assert_int_eq(antler_data_gather(x, (int64_t[]){1}, 1, (antler_real[12]){0}, &err), ANTLER_UNSUPPORTED);
    expect_error(&err, ANTLER_UNSUPPORTED, "this build of Antler reads no images (ANTLER_IMAGES is off)");
    antler_data_free(x);
}
END_TEST

#endif

START_TEST(refuses_bad_folders)
{
    antler_data *x, *y;
    static const struct {
        const char *path;
        struct antler_images settings;
        antler_status status;
        const char *error;
    } all[] = {
        {FILES "nowhere", {2, 2, 3, false, 0}, ANTLER_FILE, "nowhere: cannot open: No such file"},
        {FILES "versions", {2, 2, 3, false, 0}, ANTLER_DATA, "versions: no images; expected a folder for each class"},
        {FILES "pictures", {0, 2, 3, false, 0}, ANTLER_VALUE, "image_size: 0 times 2, expected sizes from 1"},
        {FILES "pictures", {2, 65537, 3, false, 0}, ANTLER_VALUE, "image_size: 2 times 65537"},
        {FILES "pictures", {2, 2, 2, false, 0}, ANTLER_VALUE, "channels: 2, expected 1, 3 or 4"},
        {FILES "bad_pictures", {2, 2, 3, false, 0}, ANTLER_DATA, "images, but no folders of classes"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        antler_error err = {0};
        ck_assert_int_eq(antler_data_images(all[i].path, &all[i].settings, &x, &y, &err), all[i].status);
        expect_error(&err, all[i].status, all[i].error);
        ck_assert(!x && !y);
    }
    ck_assert(antler_is_image_folder(FILES "pictures") && antler_is_image_folder(FILES "bad_pictures"));
    ck_assert(!antler_is_image_folder(FILES "versions") && !antler_is_image_folder(FILES "kinds.h5"));
    ck_assert_int_eq(antler_data_images(NULL, &all[0].settings, &x, &y, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_data_images("x", NULL, &x, &y, NULL), ANTLER_VALUE);
}
END_TEST

static antler_status open_folder(void *arg)
{
    (void)arg;
    antler_data *x, *y;
    antler_error err = {0};
    antler_status status =
        antler_data_images(FILES "pictures", &(struct antler_images){2, 2, 3, true, 0}, &x, &y, &err);
    antler_data_free(x);
    antler_data_free(y);
    return status;
}

START_TEST(memory_runs_out)
{
    torture(open_folder, NULL);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pictures");
#ifdef ANTLER_WITH_IMAGES
    tcase_add_loop_test(tests, images_are_those_of_keras, 0, 2);
    tcase_add_test(tests, orders_are_mixed);
    tcase_add_test(tests, threads_change_nothing);
    tcase_add_test(tests, refuses_bad_images);
#else
    tcase_add_test(tests, says_that_it_reads_none);
#endif
    tcase_add_test(tests, refuses_bad_folders);
    tcase_add_test(tests, memory_runs_out);
    return run_suite("pictures", tests);
}

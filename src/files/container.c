#include "files/container.h"
#include "core/text.h"

#include "files/file.h"
#include "files/idx.h"

#include <string.h>
#include <unistd.h>

enum { START = 64 }; /* bytes that are looked at */

typedef struct mark {
    const char *bytes;
    size_t length, at;
    antler_container container;
    const char *what;
} mark;

#define MARK(text, at, container, what)                                \
    {                                                                  \
        text, sizeof(text) - 1, at, ANTLER_CONTAINER_##container, what \
    }
static const mark marks[] = {
    MARK("PK\x03\x04", 0, ZIP, "a ZIP archive"),
    MARK("PK\x05\x06", 0, ZIP, "a ZIP archive"),
    MARK("\x89HDF\r\n\x1a\n", 0, HDF5, "an HDF5 file"),
    MARK("\x93NUMPY", 0, NPY, "a NumPy array"),
    MARK("version https://git-lfs", 0, FOREIGN,
         "a Git LFS pointer, which stands for the file: get that by git lfs pull"),
    MARK("<!DOCTYPE", 0, FOREIGN, "a web page: what was downloaded is not the file"),
    MARK("<!doctype", 0, FOREIGN, "a web page: what was downloaded is not the file"),
    MARK("<html", 0, FOREIGN, "a web page: what was downloaded is not the file"),
    MARK("\x1f\x8b", 0, FOREIGN, "compressed by gzip: unpack it first"),
    MARK("BZh", 0, FOREIGN, "compressed by bzip2: unpack it first"),
    MARK("\xfd"
         "7zXZ",
         0, FOREIGN, "compressed by xz: unpack it first"),
    MARK("\x28\xb5\x2f\xfd", 0, FOREIGN, "compressed by zstd: unpack it first"),
    MARK("\x80\x02", 0, FOREIGN, "a Python pickle, which is a program: save the model with Keras"),
    MARK("\x80\x03", 0, FOREIGN, "a Python pickle, which is a program: save the model with Keras"),
    MARK("\x80\x04", 0, FOREIGN, "a Python pickle, which is a program: save the model with Keras"),
    MARK("\x80\x05", 0, FOREIGN, "a Python pickle, which is a program: save the model with Keras"),
    MARK("TFL3", 4, FOREIGN, "a TensorFlow Lite model, which is not read"),
};

/* An object in JSON begins with a bracket, behind blanks. */
static bool begins_json(const char *text, size_t size)
{
    size_t i = antler__mark_of(text, size);
    while (i < size && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n'))
        i++;
    return i < size && text[i] == '{';
}

/* ONNX has no mark of its own: a message whose first field is the version of the format, and whose second is one of the
   texts, the graph or the operators' versions. */
static bool begins_onnx(const char *text, size_t size)
{
    return size > 3 && text[0] == 0x08 && text[1] > 0 && text[1] < 32 && memchr("\x12\x1a\x22\x32\x3a\x42", text[2], 6);
}

antler_status antler__container_find(const char *path, antler_container *container, const char **what,
                                     antler_error *err)
{
    int file;
    int64_t bytes;
    char start[START];
    *container = ANTLER_CONTAINER_OTHER;
    *what = "neither ZIP, HDF5 nor JSON";
    ANTLER_TRY(antler__file_open(path, &file, &bytes, err));
    size_t size = bytes < START ? (size_t)bytes : START;
    bool there = antler__file_take(file, start, size);
    if (!there)
        antler__file_error(path, "read", err);
    close(file);
    if (!there)
        return ANTLER_FILE;
    if (begins_json(start, size)) {
        *container = ANTLER_CONTAINER_JSON;
        *what = "JSON";
    }
    if (begins_onnx(start, size)) {
        *container = ANTLER_CONTAINER_FOREIGN;
        *what = "an ONNX model, which Antler writes and does not read";
    }
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (size >= marks[i].at + marks[i].length &&
            memcmp(start + marks[i].at, marks[i].bytes, marks[i].length) == 0) {
            *container = marks[i].container;
            *what = marks[i].what;
            break;
        }
    if ((*container == ANTLER_CONTAINER_OTHER || *container == ANTLER_CONTAINER_FOREIGN) && antler__idx_is(path)) {
        *container = ANTLER_CONTAINER_IDX;
        *what = "an IDX file";
    }
    if (bytes == 0)
        *what = "an empty file";
    return ANTLER_OK;
}

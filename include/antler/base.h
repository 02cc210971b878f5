/* Antler's base types: the number, status and error, shape and tensor. Every other header includes this one. */
#ifndef ANTLER_BASE_H
#define ANTLER_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library is built with hidden symbols; what carries ANTLER_API is its interface. */
#if defined(__GNUC__)
#define ANTLER_API __attribute__((visibility("default")))
#define ANTLER_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define ANTLER_API
#define ANTLER_PRINTF(text, first)
#endif

/* The one number type. Library `antler` has float; `antler64`, built from the same sources with ANTLER_DOUBLE, has
   double: it is for proofs (gradient checks, float64 golden cases). Its functions have names of their own (names64.h
   makes antler64_build of antler_build), so that a program compiled for the one does not link the other; a program may
   use both, in different files. */
#ifdef ANTLER_DOUBLE
typedef double antler_real;
#include "antler/names64.h"
#else
typedef float antler_real;
#endif

/* Status codes: 0 is success, all others are negative. The text is what antler_status_text returns. */
#define ANTLER_STATUS_MAP(X)                                                                                         \
    X(OK, 0, "ok")                                                                                                   \
    X(MEMORY, -1, "out of memory")                                                                                   \
    X(VALUE, -2, "bad value")          /* a configuration or argument that no model can have */                      \
    X(SHAPE, -3, "shapes do not meet") /* layers, data or weights that do not fit together */                        \
    X(DATA, -4, "bad data")            /* NaN in the data, a label outside the classes, a token outside the table */ \
    X(FILE, -5, "file error")          /* cannot open, read or write; no space */                                    \
    X(FORMAT, -6, "bad file")          /* not the format it should be, or damaged */                                 \
    X(NAME, -7, "unknown name")        /* a class, key, layer or data set that does not exist */                     \
    X(UNSUPPORTED, -8, "unsupported")  /* Keras has it, this build or version has not */                             \
    X(STOPPED, -9, "stopped")          /* a callback of the caller's ended the work */                               \
    X(DIVERGED, -10, "diverged")       /* the loss of a training is no finite number any more */

/* What functions return; names and texts are ANTLER_STATUS_MAP's. */
typedef enum antler_status {
#define ANTLER_STATUS_ENUM(name, code, text) ANTLER_##name = (code),
    ANTLER_STATUS_MAP(ANTLER_STATUS_ENUM)
#undef ANTLER_STATUS_ENUM
} antler_status;

/* Static text of a status code; "unknown status" for a number that is none. Never NULL. */
ANTLER_API const char *antler_status_text(int status);

/* What went wrong, and where. Owned by the caller, filled without any allocation; every function that takes one takes
   NULL too. The first error stays: a second one reported to the same struct is dropped. Zero it before use ({0}). */
typedef struct antler_error {
    antler_status status; /* ANTLER_OK: nothing is wrong */
    int line;             /* 1-based line in `file`, where the place lies in a JSON text; else 0 */
    char file[256];       /* the file it concerns, or "" */
    char place[256];      /* path inside the file, such as "config.layers[3].config.rate", or "" */
    char message[512];    /* the value that came and what was expected */
} antler_error;

/* Fills *err (when not NULL and still clean) with status, place (may be NULL) and message; returns `status`. */
ANTLER_API antler_status antler_error_set(antler_error *err, antler_status status, const char *place,
                                          const char *format, ...) ANTLER_PRINTF(4, 5);

/* Writes "file:line: place: message" (parts that are empty are left out) to text, at most size bytes with the final
   zero; returns text. */
ANTLER_API const char *antler_error_text(const antler_error *err, char *text, size_t size);

/* In place: control characters, those of U+0080 to U+009F too, become '?', so that a name from a stranger's file
   neither breaks a line nor commands a terminal. Returns text. Errors and warnings are such lines already. */
ANTLER_API char *antler_one_line(char *text);

/* Returns from the calling function when `expression` is not ANTLER_OK. */
#define ANTLER_TRY(expression)                    \
    do {                                          \
        antler_status antler_try_ = (expression); \
        if (antler_try_ != ANTLER_OK)             \
            return antler_try_;                   \
    } while (0)

/* A null among integers (Keras's None): no seed, an axis of noise_shape that follows the input. */
#define ANTLER_NULL INT64_MIN

/* Axes a shape can have, the batch axis counted. */
#define ANTLER_MAX_RANK 8

/* Threads a context can have. */
#define ANTLER_MAX_THREADS 64

/* The size of a batch axis that is not fixed yet; in a shape that is inferred dim[0] is this. */
#define ANTLER_BATCH (-1)

/* The size of another axis of a model's inputs, outputs and layers that is as long as its data: null in files. The
   methods of layers never see it. */
#define ANTLER_OPEN (-1)

/* Sizes of the axes, the batch or rows first. */
typedef struct antler_shape {
    int rank;                     /* 0 .. ANTLER_MAX_RANK; 0 is a scalar */
    int64_t dim[ANTLER_MAX_RANK]; /* dim[rank] and on are not looked at */
} antler_shape;

/* Contiguous, row-major; batch axis first, channels last. The data belongs to whoever made the tensor. */
typedef struct antler_tensor {
    antler_shape shape; /* of `data` */
    antler_real *data;  /* the product of the sizes; NULL where there is none */
} antler_tensor;

/* Product of the sizes from axis `from` on; 1 for none. Sizes are checked for overflow when a model is built. */
static inline int64_t antler_count(const antler_shape *shape, int from)
{
    int64_t n = 1;
    for (int i = from; i < shape->rank; i++)
        n *= shape->dim[i];
    return n;
}

/* Writes "(None, 28, 28)" to text (None is ANTLER_BATCH or ANTLER_OPEN); returns text. */
ANTLER_API const char *antler_shape_text(const antler_shape *shape, char *text, size_t size);

/* The same rank and sizes. */
ANTLER_API bool antler_shape_equal(const antler_shape *a, const antler_shape *b);

/* Every run names its mode; nothing else remembers it. */
typedef enum antler_mode {
    ANTLER_INFER, /* nothing random, nothing written to the model */
    ANTLER_TRAIN, /* everything random is on; statistics are updated; what backward needs is saved */
    ANTLER_MC     /* inference in which noise alone stays on */
} antler_mode;

/* An instance of a type (layer.h): a layer, an initializer, a loss ... The config belongs to whoever holds the object.
 */
typedef struct antler_object {
    const struct antler_type *type; /* NULL for none */
    void *config;                   /* the struct that the type describes */
} antler_object;

/* All memory of the library comes from here; cJSON, HDF5 and libzip keep their own. `allocate` returns NULL when there
   is none, and memory aligned to at least 16 bytes else; `release` gets what allocate gave, or NULL. Both may be called
   from several threads. */
typedef struct antler_allocator {
    void *(*allocate)(size_t bytes, void *user); /* memory, or NULL */
    void (*release)(void *memory, void *user);   /* what allocate gave, or NULL */
    void *user;                                  /* handed to both */
} antler_allocator;

/* Replaces the allocator (NULL: back to malloc and free). Call it while no object of the library exists,
   and before any type is registered. */
ANTLER_API void antler_set_allocator(const antler_allocator *allocator);

#ifdef __cplusplus
}
#endif
#endif

/* Intersection over union of classes, tp / (tp + fp + fn), from the matrix of targets and predictions: the mean over
   the classes wanted that there are. Targets and predictions are numbers of classes, or, where they are not sparse,
   rows whose largest element is the class. */
#include "parts/metrics.h"

#include <math.h>
#include <string.h>

typedef struct iou_config {
    antler_metric_keys keys;
    int64_t num_classes;
    antler_numbers target_class_ids; /* none: all */
    int64_t ignore_class;            /* ANTLER_NULL for none */
    bool sparse_y_true, sparse_y_pred;
    double threshold; /* of a BinaryIoU */
} iou_config;

static bool is_binary(const antler_metric_ops *ops)
{
    return ops == &antler__binary_iou;
}

static int64_t iou_room(const void *config, int64_t n)
{
    const iou_config *c = config;
    (void)n;
    return c->num_classes * c->num_classes;
}

/* The label of element i of a row. */
static double label_of(const antler_real *row, int64_t i, int64_t n, bool sparse)
{
    return sparse ? trunc((double)row[i]) : (double)antler__argmax(row, n);
}

static void count(const iou_config *c, double *sum, double y, double p, double weight)
{
    const double classes = (double)c->num_classes;
    const bool ignored = c->ignore_class != ANTLER_NULL && y == (double)c->ignore_class;
    if (y >= 0 && y < classes && p >= 0 && p < classes && !ignored)
        sum[(int64_t)y * c->num_classes + (int64_t)p] += weight;
}

static void iou_update(const void *config, double *sum, const antler_metric_call *call)
{
    const iou_config *c = config;
    const bool binary = is_binary(call->ops);
    for (int64_t r = 0; r < call->rows; r++) {
        const antler_real *p = call->p + r * call->n, *y = call->y + r * call->y_n;
        for (int64_t i = 0; i < (c->sparse_y_pred ? call->n : 1); i++)
            count(c, sum, label_of(y, i, call->y_n, c->sparse_y_true),
                  binary ? (double)p[i] >= c->threshold : label_of(p, i, call->n, c->sparse_y_pred),
                  antler__metric_weight(call, r));
    }
}

static double iou_result(const void *config, const double *sum, int64_t n, int64_t index)
{
    const iou_config *c = config;
    const int64_t classes = c->num_classes, wanted = c->target_class_ids.n ? c->target_class_ids.n : classes;
    double all = 0, there = 0;
    (void)n;
    (void)index;
    for (int64_t i = 0; i < wanted; i++) {
        const int64_t k = c->target_class_ids.n ? (int64_t)c->target_class_ids.value[i] : i;
        const double hits = sum[k * classes + k];
        double either = -hits;
        for (int64_t j = 0; j < classes; j++)
            either += sum[k * classes + j] + sum[j * classes + k];
        all += either > 1e-9 ? hits / (either + 1e-7) : 0;
        there += either > 1e-9;
    }
    return all / (there + 1e-7);
}

static antler_status iou_fits(const void *config, int64_t n, int64_t y_n, antler_error *err)
{
    const iou_config *c = config;
    const int64_t predictions = c->sparse_y_pred ? n : 1, targets = c->sparse_y_true ? y_n : 1;
    if (predictions == targets)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_SHAPE, NULL,
                            "%lld classes predicted a row and %lld as targets: \"sparse_y_pred\": false takes the "
                            "largest of a row of predictions, \"sparse_y_true\": false that of a row of targets",
                            (long long)predictions, (long long)targets);
}

static antler_status check(void *config, antler_error *err)
{
    const iou_config *c = config;
    for (int64_t i = 0; i < c->target_class_ids.n; i++) {
        const double id = c->target_class_ids.value[i];
        if (!(id >= 0 && id < (double)c->num_classes && id == floor(id)))
            return antler_error_set(err, ANTLER_VALUE, "target_class_ids", "%g is no class; expected 0 to %lld", id,
                                    (long long)c->num_classes - 1);
    }
    return ANTLER_OK;
}

/* What the keys of a class do not say. */
static antler_status check_binary(void *config, antler_error *err)
{
    iou_config *c = config;
    c->num_classes = 2;
    c->ignore_class = ANTLER_NULL;
    c->sparse_y_true = c->sparse_y_pred = true;
    return check(config, err);
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

#define ANTLER_CLASSES                                                                                                \
    {                                                                                                                 \
        .key = "num_classes", .kind = ANTLER_INT, .offset = offsetof(iou_config, num_classes), .min = 1, .max = 4096, \
        .doc = "classes are 0 to one less"                                                                            \
    }
#define ANTLER_WANTED(json)                                                                                \
    {                                                                                                      \
        .key = "target_class_ids", .kind = ANTLER_REALS, .offset = offsetof(iou_config, target_class_ids), \
        .def = (json), .min = 0, .max = 4095, .doc = "the classes whose mean it is"                        \
    }
#define ANTLER_IOU_REST                                                                   \
    {.key = "ignore_class",                                                               \
     .kind = ANTLER_INT,                                                                  \
     .offset = offsetof(iou_config, ignore_class),                                        \
     .def = "null",                                                                       \
     .flags = ANTLER_NULLABLE,                                                            \
     .doc = "targets of this class do not count"},                                        \
    {                                                                                     \
        .key = "axis", .kind = ANTLER_ANY, .def = "-1", .doc = "of the classes: the last" \
    }
#define ANTLER_SPARSE(member, json, line)                                                                         \
    {                                                                                                             \
        .key = #member, .kind = ANTLER_BOOL, .offset = offsetof(iou_config, member), .def = (json), .doc = (line) \
    }
#define ANTLER_SPARSE_TRUE ANTLER_SPARSE(sparse_y_true, "true", "targets are classes, not one-hot rows")
#define ANTLER_SPARSE_PRED(json) ANTLER_SPARSE(sparse_y_pred, json, "predictions are classes, not scores of them")

static const antler_field iou_fields[] = {ANTLER_CLASSES,     ANTLER_WANTED(NULL),        ANTLER_IOU_REST,
                                          ANTLER_SPARSE_TRUE, ANTLER_SPARSE_PRED("true"), ANTLER_FIELD_END};
static const antler_field mean_iou_fields[] = {ANTLER_CLASSES, ANTLER_IOU_REST, ANTLER_SPARSE_TRUE,
                                               ANTLER_SPARSE_PRED("true"), ANTLER_FIELD_END};
static const antler_field one_hot_iou_fields[] = {ANTLER_CLASSES, ANTLER_WANTED(NULL), ANTLER_IOU_REST,
                                                  ANTLER_SPARSE_PRED("false"), ANTLER_FIELD_END};
static const antler_field one_hot_mean_iou_fields[] = {ANTLER_CLASSES, ANTLER_IOU_REST, ANTLER_SPARSE_PRED("false"),
                                                       ANTLER_FIELD_END};
static const antler_field binary_iou_fields[] = {
    ANTLER_WANTED("[0, 1]"),
    {.key = "threshold",
     .kind = ANTLER_REAL,
     .offset = offsetof(iou_config, threshold),
     .def = "0.5",
     .doc = "a prediction that reaches it is of class 1"},
    ANTLER_FIELD_END,
};
#undef ANTLER_CLASSES
#undef ANTLER_WANTED
#undef ANTLER_IOU_REST
#undef ANTLER_SPARSE
#undef ANTLER_SPARSE_TRUE
#undef ANTLER_SPARSE_PRED

/* The table of one; the last arguments are its names. */
#define ANTLER_IOU(symbol, class, line, rows, checks, ...)            \
    const antler_metric_ops symbol = {                                \
        .type = {.size = sizeof(antler_metric_ops),                   \
                 .kind = ANTLER_KIND_METRIC,                          \
                 .class_name = (class),                               \
                 .aliases = (const char *const[]){__VA_ARGS__, NULL}, \
                 .doc = (line),                                       \
                 .config_size = sizeof(iou_config),                   \
                 .fields = (rows),                                    \
                 .check = (checks)},                                  \
        .update = iou_update,                                         \
        .result = iou_result,                                         \
        .larger_is_better = true,                                     \
        .room = iou_room,                                             \
        .all_rows = true,                                             \
        .fits = iou_fits,                                             \
    }

ANTLER_IOU(antler__iou, "IoU", "intersection over union of some classes", iou_fields, check, "iou", "io_u");
ANTLER_IOU(antler__binary_iou, "BinaryIoU", "intersection over union of two classes, by a threshold", binary_iou_fields,
           check_binary, "binary_iou", "binary_io_u");
ANTLER_IOU(antler__mean_iou, "MeanIoU", "mean intersection over union of all classes", mean_iou_fields, check,
           "mean_iou", "mean_io_u");
ANTLER_IOU(antler__one_hot_iou, "OneHotIoU", "IoU of one-hot targets", one_hot_iou_fields, check, "one_hot_iou",
           "one_hot_io_u");
ANTLER_IOU(antler__one_hot_mean_iou, "OneHotMeanIoU", "MeanIoU of one-hot targets", one_hot_mean_iou_fields, check,
           "one_hot_mean_iou", "one_hot_mean_io_u");
#undef ANTLER_IOU

/* Metrics that are a formula of true and false positives and negatives: at each of their thresholds, or the best over
   many of them under a constraint. */
#include "parts/confusion.h"

typedef double (*formula)(const antler_counts *c);

static double true_positives(const antler_counts *c)
{
    return c->tp;
}

static double false_positives(const antler_counts *c)
{
    return c->fp;
}

static double true_negatives(const antler_counts *c)
{
    return c->tn;
}

static double false_negatives(const antler_counts *c)
{
    return c->fn;
}

static double precision(const antler_counts *c)
{
    return antler__share(c->tp, c->tp + c->fp);
}

static double recall(const antler_counts *c)
{
    return antler__share(c->tp, c->tp + c->fn);
}

static double specificity(const antler_counts *c)
{
    return antler__share(c->tn, c->tn + c->fp);
}

static double negative_predictive_value(const antler_counts *c)
{
    return antler__share(c->tn, c->tn + c->fn);
}

/* ---- at thresholds ----------------------------------------------------------------------------------------------- */

static int64_t values(const void *config, int64_t n)
{
    (void)n;
    return antler__thresholds(config);
}

static double at_threshold(const void *config, const double *sum, int64_t index, formula f)
{
    antler_counts counts = {0};
    for (int64_t t = antler__thresholds(config) - 1; t >= index; t--)
        antler__counts_at(config, sum, 0, t, &counts);
    return f(&counts);
}

/* ---- under a constraint ------------------------------------------------------------------------------------------ */

/* The largest `wanted` where `constrained` reaches what the config asks for; 0 where it never does. */
static double best(const void *config, const double *sum, formula constrained, formula wanted)
{
    const antler_confusion *c = config;
    antler_counts counts = {0};
    double most = 0;
    for (int64_t t = antler__thresholds(c) - 1; t >= 0; t--) {
        antler__counts_at(c, sum, 0, t, &counts);
        if (constrained(&counts) >= c->constraint && wanted(&counts) > most)
            most = wanted(&counts);
    }
    return most;
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* Of those that Keras has not, a key is written only where it is set. */
#define ANTLER_LIST_FIELDS(flag)                                                     \
    {.key = "thresholds",                                                            \
     .kind = ANTLER_REALS,                                                           \
     .offset = offsetof(antler_confusion, thresholds),                               \
     .def = "null",                                                                  \
     .min = 0,                                                                       \
     .max = 1,                                                                       \
     .flags = ANTLER_NULLABLE,                                                       \
     .doc = "a prediction above it is positive; of a list a value each; null: 0.5"}, \
        {.key = "top_k",                                                             \
         .kind = ANTLER_INT,                                                         \
         .offset = offsetof(antler_confusion, top_k),                                \
         .def = "null",                                                              \
         .min = 1,                                                                   \
         .max = 1e9,                                                                 \
         .flags = ANTLER_NULLABLE | (flag),                                          \
         .doc = "only the k largest predictions of a row are positive"},             \
        {.key = "class_id",                                                          \
         .kind = ANTLER_INT,                                                         \
         .offset = offsetof(antler_confusion, class_id),                             \
         .def = "null",                                                              \
         .min = 0,                                                                   \
         .max = 1e9,                                                                 \
         .flags = ANTLER_NULLABLE | (flag),                                          \
         .doc = "only this class counts"},                                           \
        ANTLER_FIELD_END

static const antler_field list_fields[] = {ANTLER_LIST_FIELDS(0)};
static const antler_field count_fields[] = {ANTLER_LIST_FIELDS(ANTLER_UNWRITTEN)};
#undef ANTLER_LIST_FIELDS

/* The table of a formula, and of its function for values; the last arguments are its names. */
#define ANTLER_FORMULA(name, class, line, rows, larger, ...)                                     \
    static double name##_result(const void *config, const double *sum, int64_t n, int64_t index) \
    {                                                                                            \
        (void)n;                                                                                 \
        return at_threshold(config, sum, index, name);                                           \
    }                                                                                            \
    const antler_metric_ops antler__##name = {                                                   \
        .type = {.size = sizeof(antler_metric_ops),                                              \
                 .kind = ANTLER_KIND_METRIC,                                                     \
                 .class_name = (class),                                                          \
                 .aliases = (const char *const[]){__VA_ARGS__, NULL},                            \
                 .doc = (line),                                                                  \
                 .config_size = sizeof(antler_confusion),                                        \
                 .fields = (rows),                                                               \
                 .check = antler__confusion_check},                                              \
        .update = antler__confusion_update,                                                      \
        .result = name##_result,                                                                 \
        .larger_is_better = (larger),                                                            \
        .room = antler__confusion_room,                                                          \
        .values = values,                                                                        \
        .all_rows = true,                                                                        \
        .fits = antler__confusion_fits,                                                          \
    }

ANTLER_FORMULA(true_positives, "TruePositives", "number of true targets above the threshold", count_fields, true,
               "true_positives");
ANTLER_FORMULA(false_positives, "FalsePositives", "number of false targets above the threshold", count_fields, false,
               "false_positives");
ANTLER_FORMULA(true_negatives, "TrueNegatives", "number of false targets below the threshold", count_fields, true,
               "true_negatives");
ANTLER_FORMULA(false_negatives, "FalseNegatives", "number of true targets below the threshold", count_fields, false,
               "false_negatives");
ANTLER_FORMULA(precision, "Precision", "share of true ones among the positives", list_fields, true, "precision");
ANTLER_FORMULA(recall, "Recall", "share of positives among the true ones (sensitivity)", list_fields, true, "recall");
ANTLER_FORMULA(specificity, "Specificity", "share of negatives among the false ones", list_fields, true, "specificity");
ANTLER_FORMULA(negative_predictive_value, "NegativePredictiveValue", "share of false ones among the negatives",
               list_fields, true, "negative_predictive_value", "npv");
#undef ANTLER_FORMULA

/* The keys, table and function for the value of a best one; the last argument is its name. */
#define ANTLER_BEST(name, class, line, constrained, wanted, constraint_key, ...)                 \
    static const antler_field name##_fields[] = {                                                \
        {.key = (constraint_key),                                                                \
         .kind = ANTLER_REAL,                                                                    \
         .offset = offsetof(antler_confusion, constraint),                                       \
         .min = 0,                                                                               \
         .max = 1,                                                                               \
         .doc = "what it must reach"},                                                           \
        {.key = "num_thresholds",                                                                \
         .kind = ANTLER_INT,                                                                     \
         .offset = offsetof(antler_confusion, num_thresholds),                                   \
         .def = "200",                                                                           \
         .min = 1,                                                                               \
         .max = 1e6,                                                                             \
         .doc = "evenly spaced in [0, 1]"},                                                      \
        {.key = "class_id",                                                                      \
         .kind = ANTLER_INT,                                                                     \
         .offset = offsetof(antler_confusion, class_id),                                         \
         .def = "null",                                                                          \
         .min = 0,                                                                               \
         .max = 1e9,                                                                             \
         .flags = ANTLER_NULLABLE,                                                               \
         .doc = "only this class counts"},                                                       \
        ANTLER_FIELD_END,                                                                        \
    };                                                                                           \
    static double name##_result(const void *config, const double *sum, int64_t n, int64_t index) \
    {                                                                                            \
        (void)n;                                                                                 \
        (void)index;                                                                             \
        return best(config, sum, constrained, wanted);                                           \
    }                                                                                            \
    const antler_metric_ops antler__##name = {                                                   \
        ANTLER_METRIC_HEAD(class, line, antler_confusion, name##_fields, __VA_ARGS__),           \
        .update = antler__confusion_update,                                                      \
        .result = name##_result,                                                                 \
        .larger_is_better = true,                                                                \
        .room = antler__confusion_room,                                                          \
        .all_rows = true,                                                                        \
        .fits = antler__confusion_fits,                                                          \
    }

ANTLER_BEST(sensitivity_at_specificity, "SensitivityAtSpecificity", "largest recall of a specificity", specificity,
            recall, "specificity", "sensitivity_at_specificity");
ANTLER_BEST(specificity_at_sensitivity, "SpecificityAtSensitivity", "largest specificity of a recall", recall,
            specificity, "sensitivity", "specificity_at_sensitivity");
ANTLER_BEST(precision_at_recall, "PrecisionAtRecall", "largest precision of a recall", recall, precision, "recall",
            "precision_at_recall");
ANTLER_BEST(recall_at_precision, "RecallAtPrecision", "largest recall of a precision", precision, recall, "precision",
            "recall_at_precision");
#undef ANTLER_BEST

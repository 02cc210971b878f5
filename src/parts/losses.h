/* The losses, as their files share them, and for the metrics: each loss of rows is a metric too. */
#ifndef ANTLER_LOSSES_H
#define ANTLER_LOSSES_H

#include "antler/layer.h"

/* Configs are antler_loss_keys alone, or one of these. Their first key is a metric's, too: a metric of a loss has the
   loss's config. */
typedef struct antler_crossentropy {
    antler_loss_keys keys;
    bool from_logits;
    double label_smoothing;
    int64_t ignore_class; /* ANTLER_NULL for none; 0, where a loss has no such key, is not looked at */
    bool apply_class_balancing;
    double alpha, gamma; /* focal */
    double q;            /* generalized */
} antler_crossentropy;

/* The table of a loss: its head. The last arguments are its other names. */
#define ANTLER_LOSS_HEAD(class, line, config, rows, ...)          \
    .type = {.size = sizeof(antler_loss_ops),                     \
             .kind = ANTLER_KIND_LOSS,                            \
             .class_name = (class),                               \
             .aliases = (const char *const[]){__VA_ARGS__, NULL}, \
             .doc = (line),                                       \
             .config_size = sizeof(config),                       \
             .fields = (rows)}

typedef struct antler_huber {
    antler_loss_keys keys;
    double delta;
} antler_huber;

/* Keys that a loss and its metric have. */
extern const antler_field antler__huber_fields[], antler__cosine_fields[], antler__smoothed_fields[],
    antler__sparse_fields[], antler__binary_focal_fields[], antler__categorical_focal_fields[];

/* losses.c */
extern const antler_loss_ops antler__mean_squared_error, antler__mean_absolute_error,
    antler__mean_absolute_percentage_error, antler__mean_squared_logarithmic_error, antler__huber, antler__log_cosh,
    antler__cosine_similarity, antler__poisson, antler__kl_divergence;
/* hinges.c */
extern const antler_loss_ops antler__hinge, antler__squared_hinge, antler__categorical_hinge;
/* crossentropies.c */
extern const antler_loss_ops antler__binary_crossentropy, antler__categorical_crossentropy,
    antler__sparse_categorical_crossentropy, antler__categorical_generalized_crossentropy, antler__any_crossentropy;
/* focal.c */
extern const antler_loss_ops antler__binary_focal_crossentropy, antler__categorical_focal_crossentropy;
/* losses_whole.c: of samples and batches */
extern const antler_loss_ops antler__dice, antler__tversky, antler__circle;
/* ctc.c */
extern const antler_loss_ops antler__ctc;

/* Losses work in blocks of so many numbers. */
enum { ANTLER_LOSS_BLOCK = 256 };

static inline int64_t antler__loss_block(int64_t left)
{
    return left < ANTLER_LOSS_BLOCK ? left : ANTLER_LOSS_BLOCK;
}

/* Keras's epsilon, and 1 less of it: what probabilities are clipped to in front of a logarithm. */
#define ANTLER_LEAST ((antler_real)1e-7)
#define ANTLER_MOST ((antler_real)(1 - 1e-7))

static inline antler_real antler__clip(antler_real p)
{
    return p < ANTLER_LEAST ? ANTLER_LEAST : p > ANTLER_MOST ? ANTLER_MOST : p;
}

static inline bool antler__is_inside(antler_real p)
{
    return p >= ANTLER_LEAST && p <= ANTLER_MOST;
}

/* y (1 - s) + s / 2 */
static inline antler_real antler__smoothed(antler_real y, antler_real s)
{
    return y * (1 - s) + (antler_real)0.5 * s;
}

/* "row 7 of the data": the sample that row r of the call belongs to; "of the batch" where more is not known. */
const char *antler__sample_text(const antler_loss_call *call, int64_t r, char *text, size_t size);

/* The class of row r; -1 for the one that is ignored (ANTLER_NULL: none is), -2 with an error set. */
int64_t antler__class_of(int64_t ignored, const antler_loss_call *call, int64_t r);
/* value = mean(scratch) a row. */
void antler__loss_means(const antler_loss_call *call);

#endif

/* Normalization of each group of a sample's numbers (groups.h) by a statistic of its own:

     mean = sum x / n or 0          s = 1 / sqrt(sum (x - mean)^2 / n + epsilon)
     y = (x - mean) * s * gamma + beta

   Gradient, with g = dy * gamma and d = x - mean:

     beta' = sum over groups dy          gamma' = sum over groups dy * (x - mean) * s
     dx = s * (g - sum g / n - d * s^2 * sum (g d) / n)

   With `centred` false y has x in place of x - mean; then, for y = x s gamma, sum g / n is left out, and sum (g x)
   stands for sum (g d). */
#ifndef ANTLER_LAYERS_NORMALIZING_H
#define ANTLER_LAYERS_NORMALIZING_H

#include "layers/shared/common.h"
#include "layers/shared/groups.h"

typedef struct antler_normalizing {
    antler_groups groups;
    bool deviations;      /* statistics are about the mean; else of x itself */
    bool centred;         /* the mean is taken off; only with deviations */
    bool total;           /* sums are not divided by n */
    double epsilon, most; /* of s; 0: no bound */
    int gamma, beta;      /* parameters' slots, or -1 */
} antler_normalizing;

void antler__normalizing_buffers(const antler_normalizing *how, const antler_shape *in, antler_plan *plan);
void antler__normalizing_forward(const antler_normalizing *how, antler_run *run);
void antler__normalizing_backward(const antler_normalizing *how, antler_run *run);

#endif

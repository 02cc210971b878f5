#include "layers/shared/masks.h"

/* Step t of sample b. */
static bool has_step(const antler_tensor *mask, int64_t steps, int64_t b, int64_t t)
{
    int64_t own = mask->data ? mask->shape.dim[1] : 0;
    if (own == steps)
        return mask->data[b * own + t] != 0;
    return own != 1 || mask->data[b] != 0;
}

void antler__join_masks(const antler_run *run)
{
    const antler_tensor *to = run->mask_out;
    bool any = antler__masks_join_by_or(run->keras);
    for (int64_t e = 0; to->data && e < antler_count(&to->shape, 0); e++) {
        int64_t steps = to->shape.dim[1];
        bool is_there = !any;
        for (int i = 0; i < run->inputs; i++)
            if (has_step(&run->mask[i], steps, e / steps, e % steps) == any)
                is_there = any;
        to->data[e] = is_there;
    }
}

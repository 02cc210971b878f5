/* What recurrent layers share, whatever their products are. */
#include "layers/shared/sequence.h"

#include <string.h>

antler_status antler__sequence_states(const antler_shape *in, const antler_shape *state, int states, antler_error *err)
{
    char text[128], expected[128];
    int given = 0;
    while (in[1 + given].rank)
        given++;
    if (given && given != states)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "initial_state has %d tensor%s, expected %d (%s)", given,
                                given > 1 ? "s" : "", states, states == 1 ? "h" : "h, c");
    for (int i = 0; i < given; i++)
        if (!antler_shape_equal(&in[1 + i], state))
            return antler_error_set(err, ANTLER_SHAPE, NULL, "initial_state[%d] is %s, expected %s", i,
                                    antler_shape_text(&in[1 + i], text, sizeof text),
                                    antler_shape_text(state, expected, sizeof expected));
    return ANTLER_OK;
}

const antler_real *antler__sequence_mask(const antler_run *run)
{
    return run->inputs > 1 && run->keras >= 300 ? NULL : run->mask->data;
}

void antler__sequence_value(const antler_activation_ops *f, antler_real *y, const antler_real *x, int64_t rows,
                            int64_t n)
{
    if (!f)
        memcpy(y, x, (size_t)(rows * n) * sizeof *y);
    else
        f->forward(y, x, f->rowwise ? rows : 1, f->rowwise ? n : rows * n);
}

void antler__sequence_gradient(const antler_activation_ops *f, antler_real *dx, const antler_real *dy,
                               const antler_real *y, const antler_real *x, int64_t rows, int64_t n)
{
    if (f)
        f->backward(dx, dy, y, f->needs_x ? x : NULL, f->rowwise ? rows : 1, f->rowwise ? n : rows * n);
    else if (dx != dy)
        memcpy(dx, dy, (size_t)(rows * n) * sizeof *dx);
}

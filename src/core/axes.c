#include "core/axes.h"

void antler__turn_axes(antler_real *to, const antler_real *from, int rank, const int64_t *size, const int *order)
{
    int64_t behind[ANTLER_MOST_AXES], place[ANTLER_MOST_AXES] = {0}, n = 1; /* behind: numbers behind one of an axis */
    for (int i = rank - 1; i >= 0; n *= size[i--])
        behind[i] = n;
    for (int64_t e = 0, at = 0; e < n; e++) {
        to[e] = from[at];
        for (int i = rank - 1; i >= 0; i--) {
            at += behind[order[i]];
            if (++place[i] < size[order[i]])
                break;
            at -= behind[order[i]] * place[i];
            place[i] = 0;
        }
    }
}

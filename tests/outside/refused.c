/* Lines that must not compile under -Werror: package.sh takes one at a time, CASE 1 and on. CASE 0 is in order. */
#include "antler/antler.h"

antler_status refused(antler_model *m, const antler_data *x, const antler_data *y)
{
#if CASE == 0
    antler_add(m, flatten);
    antler_compile(m);
    return antler_fit(m, x, y);
#elif CASE == 1
    return antler_add(m, dense, 64);
#elif CASE == 2
    return antler_compile(m, "sgd", "mse");
#elif CASE == 3
    return antler_fit(m, x, y, 20);
#elif CASE == 4
    return antler_add(m, dense, .unit = 64);
#elif CASE == 5
    return antler_add(m, dense, units = 64);
#endif
}

/* Lines that must not compile under -Werror: package.sh takes one at a time, CASE 1 and on. CASE 0 is in order. */
#include "antler/antler.h"

antler_status refused(antler_model *m, const antler_data *x, const antler_data *y)
{
#if CASE == 0
    antler_add(m, flatten);
    antler_compile(m);
    antler_value a = antler_input(m, .shape = {4});
    antler_outputs(m, (a, antler_call(m, dense, (a), .units = 64)));
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
#elif CASE == 6
    antler_value a = antler_input(m, .shape = {4});
    return antler_call(m, dense, (a), 64).model ? ANTLER_OK : ANTLER_VALUE;
#elif CASE == 7
    antler_value a = antler_input(m, .shape = {4});
    return antler_call(m, dense, a, .units = 64).model ? ANTLER_OK : ANTLER_VALUE;
#elif CASE == 8
    return antler_call(m, dense, (x), .units = 64).model ? ANTLER_OK : ANTLER_VALUE;
#elif CASE == 9
    return antler_call(m, dense, (), .units = 64).model ? ANTLER_OK : ANTLER_VALUE;
#elif CASE == 10
    return antler_outputs(m, (m));
#elif CASE == 11
    return antler_input(m, 64).model ? ANTLER_OK : ANTLER_VALUE;
#endif
}

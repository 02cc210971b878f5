/* Half a program that uses both libraries: compiled twice, for float with the name ask_float, for double with
   ask_double and without a main. A library's calls reach only what is its own: 1 + 2^-30 is 1 in float. */
#include "antler/antler.h"

#include <stdio.h>

int ask_float(void);
int ask_double(void);

int ASK(void)
{
    const antler_real x[1] = {(antler_real)(1 + 0x1p-30)};
    antler_real y[1] = {0};
    antler_error err = {0};
    antler_model *m = antler_sequential("m", (int[]){1}, 1, &err);
    antler_add(m, dense, .units = 1, .kernel_initializer = "ones");
    antler_build(m);
    antler_context *c = antler_context_create(m, ANTLER_INFER, 1, 1, 0, &err);
    if (c)
        antler_forward(c, x, 1, y, &err);
    antler_context_free(c);
    antler_model_free(m);
    return (double)y[0] == 1 ? 4 : (double)y[0] == 1 + 0x1p-30 ? 8 : 0;
}

#ifndef ANTLER_DOUBLE
int main(void)
{
    int f = ask_float(), d = ask_double();
    printf("%d %d\n", f, d);
    return f == 4 && d == 8 ? 0 : 1;
}
#endif

/* The tables of kernels that the suites compare, and which of them are here to be compared. */
#ifndef ISAS_H
#define ISAS_H

#include "kernels/kernels.h"
#include <stdio.h>

static const char *const isa[] = {"baseline", "neon", "avx2", "avx512"};
enum { ISAS = sizeof isa / sizeof *isa };

/* A suite passes without those that this build or machine has not: so it says which it compared. */
static inline void say_tables(void)
{
    for (int here = 1; here >= 0; here--) {
        printf("%s", here ? "Tables compared:" : "; SKIPPED, not in this build or machine:");
        for (int i = 0; i < ISAS; i++)
            if ((antler__kernels_of(isa[i]) != NULL) == here)
                printf(" %s", isa[i]);
    }
    printf("\n");
}

#endif

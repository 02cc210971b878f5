/* The kernels' sources are compiled once per instruction set, with ANTLER_ISA_SUFFIX naming it. Each exports one
   function, which fills its rows of the table; choose.c calls them. */
#ifndef ANTLER_VARIANTS_H
#define ANTLER_VARIANTS_H

#include "kernels.h"

#define ANTLER_PASTE_(a, b) a##_##b
#define ANTLER_PASTE(a, b) ANTLER_PASTE_(a, b)

/* The name of an exported function in the variant that is being compiled. */
#define ANTLER_VARIANT(name) ANTLER_PASTE(name, ANTLER_ISA_SUFFIX)

/* Declares the exported functions of one variant. */
#define ANTLER_DECLARE_VARIANT(isa)                                          \
    void ANTLER_PASTE(antler__product_kernels, isa)(antler_kernels * k);     \
    void ANTLER_PASTE(antler__elementwise_kernels, isa)(antler_kernels * k); \
    void ANTLER_PASTE(antler__reduce_kernels, isa)(antler_kernels * k);      \
    void ANTLER_PASTE(antler__normalize_kernels, isa)(antler_kernels * k);   \
    void ANTLER_PASTE(antler__stencil_kernels, isa)(antler_kernels * k);     \
    void ANTLER_PASTE(antler__noise_kernels, isa)(antler_kernels * k);       \
    void ANTLER_PASTE(antler__recurrent_kernels, isa)(antler_kernels * k);   \
    void ANTLER_PASTE(antler__update_kernels, isa)(antler_kernels * k)

#endif

/* A vector of 16 lanes, whatever the machine: one register on AVX-512, two on AVX2, four on NEON, an array elsewhere.
   Kernels are written once, on these functions, which vec_avx512.h, vec_avx2.h, vec_neon.h and vec_plain.h define; this
   is the only file that includes intrinsics. The instruction set is what ANTLER_ISA_SUFFIX says, so that the baseline
   is plain C under any compiler flags.

     v16  16 antler_reals      w16  16 words of 32 bits      m16  16 truth values

   Every function gives the same bits on every backend, under these definitions:
     vfma(a, b, c)    a * b + c with one rounding (two in ANTLER_DOUBLE builds, which have one backend only)
     vmin(a, b)       a < b ? a : b: so b where one is NaN, or both are zeros; vmax(a, b) is a > b ? a : b
     vlt veq          false where one is NaN
     vsum, vmaximum   lane i with lane i + 8, then + 4, + 2, + 1
     vlow             lanes 8 .. 15 are not needed, and may be anything: spares work where they are a register
   Functions with _n take n of 0 .. 16 lanes: other lanes load as 0, and memory beyond is neither read nor written. */
#ifndef ANTLER_VEC_H
#define ANTLER_VEC_H

#include "variants.h"
#include <float.h>
#include <math.h>
#include <string.h>

/* Without these two no bit is promised: sums of float in wider registers (i386's x87 unit, -mfpmath=387), and sums that
   the compiler orders as it likes. */
#if !defined(FLT_EVAL_METHOD) || FLT_EVAL_METHOD != 0
#error "Antler needs arithmetic in the precision of its types (FLT_EVAL_METHOD 0): on i386, use -msse2 -mfpmath=sse"
#endif
#ifdef __FAST_MATH__
#error "Antler must not be compiled with -ffast-math: its results are the same everywhere only in the order written"
#endif

/* The suffix as a number, for #if. */
#define ANTLER_LEVEL_baseline 0
#define ANTLER_LEVEL_neon 1
#define ANTLER_LEVEL_avx2 2
#define ANTLER_LEVEL_avx512 3
#define ANTLER_LEVEL ANTLER_PASTE(ANTLER_LEVEL, ANTLER_ISA_SUFFIX)

#if ANTLER_LEVEL != ANTLER_LEVEL_baseline && defined(ANTLER_DOUBLE)
#error "double has only the baseline"
#endif

/* ANTLER_SIMDE: the intrinsics of another machine, in software, so that tests can run its variant here. */
#if ANTLER_LEVEL == ANTLER_LEVEL_avx512
#ifdef ANTLER_SIMDE
#include "simde.h"
#else
#include <immintrin.h>
#endif
#elif ANTLER_LEVEL == ANTLER_LEVEL_avx2
#include <immintrin.h>
#elif ANTLER_LEVEL == ANTLER_LEVEL_neon
#include <arm_neon.h>
#endif

ANTLER_DECLARE_VARIANT(ANTLER_ISA_SUFFIX);

/* Vectors of the baseline are arrays, which stay in memory: inlining them gains nothing beside a software fma, and
   takes compilers minutes. */
#if ANTLER_LEVEL == ANTLER_LEVEL_baseline
#define ANTLER_INLINE static __attribute__((unused))
#else
#define ANTLER_INLINE static inline __attribute__((always_inline))
#endif

/* Before a loop of a few constant turns over an array of vectors, which must end up in registers. */
#if ANTLER_LEVEL == ANTLER_LEVEL_baseline
#define ANTLER_UNROLL
#elif defined(__clang__)
#define ANTLER_UNROLL _Pragma("clang loop unroll(full)")
#else
#define ANTLER_UNROLL _Pragma("GCC unroll 16")
#endif

#if ANTLER_LEVEL == ANTLER_LEVEL_avx512
#include "vec_avx512.h"
#include "vec_x86.h"
#elif ANTLER_LEVEL == ANTLER_LEVEL_avx2
#include "vec_avx2.h"
#include "vec_x86.h"
#elif ANTLER_LEVEL == ANTLER_LEVEL_neon
#include "vec_neon.h"
#else
#include "vec_plain.h"
#endif

/* --------------------------------------------------------------------------------------- all but plain C */
#if ANTLER_LEVEL != ANTLER_LEVEL_baseline

ANTLER_INLINE v16 vabs(v16 a)
{
    return bitsv(wand(vbits(a), wset(0x7fffffffu)));
}

ANTLER_INLINE v16 vneg(v16 a)
{
    return bitsv(wxor(vbits(a), wset(0x80000000u)));
}

#endif

#endif

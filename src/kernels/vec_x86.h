/* What the AVX-512 and AVX2 forms of vec.h share. */
#ifndef ANTLER_VEC_X86_H
#define ANTLER_VEC_X86_H

ANTLER_INLINE float vsum(v16 v)
{
    __m256 low, high;
    halves(v, &low, &high);
    low = _mm256_add_ps(low, high);
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(low), _mm256_extractf128_ps(low, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps(x, x, 1)));
}

ANTLER_INLINE float vmaximum(v16 v)
{
    __m256 low, high;
    halves(v, &low, &high);
    low = _mm256_max_ps(low, high);
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(low), _mm256_extractf128_ps(low, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_shuffle_ps(x, x, 1)));
}

/* Four numbers of two rows, the second row's in the upper half. */
ANTLER_INLINE __m256 load_rows(const float *a, const float *b)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(a)), _mm_loadu_ps(b), 1);
}

/* Columns 0 .. 3 of eight rows become four rows of eight. */
ANTLER_INLINE void transpose_8x4(float *to, int64_t to_row, const float *from, int64_t row)
{
    __m256 a = load_rows(from, from + 4 * row), b = load_rows(from + row, from + 5 * row);
    __m256 c = load_rows(from + 2 * row, from + 6 * row), d = load_rows(from + 3 * row, from + 7 * row);
    __m256 ab = _mm256_unpacklo_ps(a, b), cd = _mm256_unpacklo_ps(c, d);
    _mm256_storeu_ps(to, _mm256_shuffle_ps(ab, cd, 0x44));
    _mm256_storeu_ps(to + to_row, _mm256_shuffle_ps(ab, cd, 0xee));
    ab = _mm256_unpackhi_ps(a, b);
    cd = _mm256_unpackhi_ps(c, d);
    _mm256_storeu_ps(to + 2 * to_row, _mm256_shuffle_ps(ab, cd, 0x44));
    _mm256_storeu_ps(to + 3 * to_row, _mm256_shuffle_ps(ab, cd, 0xee));
}

/* to[j * to_row + i] = from[i * from_row + j] for i and j in 0 .. 15. */
ANTLER_INLINE void vtranspose(float *to, int64_t to_row, const float *from, int64_t from_row)
{
    for (int i = 0; i < 16; i += 8)
        for (int j = 0; j < 16; j += 4)
            transpose_8x4(to + j * to_row + i, to_row, from + i * from_row + j, from_row);
}

#endif

// linear with float weights for AVX2 with FMA and F16C: see linear_float.h. A tile is 16 rows by 6 tokens, 12 of the
// 16 registers; with few tokens the sums of 3 are in registers, so that there are two of each to hide latency.
#if defined(__x86_64__)

#include "linear_common.h"
#include "linear_float_kernels.h"
#include "../reference/packed_float.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#include "simd_avx2.h"
#include "transpose_avx2.h"

#define TILE_TOKENS 6
#define VECTOR_GROUP 3

INLINE vec load_bf16(const uint8_t *p) {
    __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
}
INLINE vec load_bf16_even(const uint8_t *p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_loadu_si256((const __m256i *)p), 16));
}
INLINE vec load_bf16_odd(const uint8_t *p) {
    __m256i both = _mm256_loadu_si256((const __m256i *)p);
    return _mm256_castsi256_ps(_mm256_and_si256(both, _mm256_set1_epi32((int)0xFFFF0000)));
}

#include "linear_tile.h"
#include "linear_float_rows.h"
#include "linear_packed_float.h"
#include "linear_float.h"

void skein_avx2_linear_float(const skein_linear_args *args, int32_t begin, int32_t end, void *workspace) {
    linear_float(args, begin, end, workspace);
}

int32_t skein_avx2_linear_input(int32_t type, int32_t layout, int32_t batch_tokens) {
    return skein_reference_linear_input(type, layout, batch_tokens);
}

#pragma clang attribute pop

#endif

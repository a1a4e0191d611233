// quantize_activations for AVX2: the same float32 operations as the reference, in vectors, and so the same
// bits. AVX-512 machines run it too: the work is a small part of any product's.
//
// Shapes: x [tokens][columns] float32 -> y [tokens] rows of skein_activation_block. Bound by memory.
#if defined(__x86_64__)

#include "../reference/formats.h"

#include <immintrin.h>
#include <math.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

static inline int32_t sum_of_lanes(__m256i v) {
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xB1)));
}

static inline float largest_magnitude(const __m256i bits[4]) {
    const __m256i no_sign = _mm256_set1_epi32(0x7FFFFFFF);
    __m256i largest = _mm256_and_si256(bits[0], no_sign);
    for (int i = 1; i < 4; i++) largest = _mm256_max_epi32(largest, _mm256_and_si256(bits[i], no_sign));
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0xB1));
    return skein_float_from_bits((uint32_t)_mm_cvtsi128_si32(four));
}

// 32 columns. Infinities, NaN and tiny groups as in the reference.
static inline void quantize_group(const float *x, int32_t group, skein_activation_block *block) {
    __m256i bits[4];
    for (int i = 0; i < 4; i++) bits[i] = _mm256_loadu_si256((const __m256i *)x + i);
    float maximum = largest_magnitude(bits);
    if (!(maximum < INFINITY)) block->scales[group] = NAN;
    if (!(maximum >= 0x1p-100f && maximum < INFINITY)) return;
    block->scales[group] = maximum / 127.0f;
    __m256 inverse = _mm256_set1_ps(127.0f / maximum);
    __m256i quants[4];
    for (int i = 0; i < 4; i++) {
        quants[i] = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_castsi256_ps(bits[i]), inverse)); // to nearest even
    }
    int32_t low = sum_of_lanes(_mm256_add_epi32(quants[0], quants[1]));
    int32_t high = sum_of_lanes(_mm256_add_epi32(quants[2], quants[3]));
    block->negated_sums16[2 * group] = -low;
    block->negated_sums16[2 * group + 1] = -high;
    block->negated_sums32[group] = -(low + high);
    // Packing works inside 128 bit lanes: fours of bytes come out in the order 0 2 4 6 1 3 5 7.
    __m256i words = _mm256_packs_epi32(quants[0], quants[1]);
    __m256i bytes = _mm256_packs_epi16(words, _mm256_packs_epi32(quants[2], quants[3]));
    bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_store_si256((__m256i *)(block->quants + 32 * group), bytes);
}

static void quantize_block(const float *x, int32_t columns, skein_activation_block *block) {
    memset(block, 0, sizeof *block);
    int32_t group = 0;
    for (; 32 * (group + 1) <= columns; group++) quantize_group(x + 32 * group, group, block);
    if (32 * group < columns) {
        float copy[32] = {0};
        memcpy(copy, x + 32 * group, (size_t)(columns - 32 * group) * sizeof(float));
        quantize_group(copy, group, block);
    }
}

void skein_avx2_quantize_activations(const void *arguments, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_quantize_activations_args *args = arguments;
    int64_t blocks = skein_activation_blocks(args->columns);
    for (int64_t token = begin; token < end; token++) {
        const float *x = args->x + token * args->columns;
        skein_activation_block *y = (skein_activation_block *)args->y + token * blocks;
        for (int32_t block = 0; block < blocks; block++) {
            int32_t first = block * SKEIN_ACTIVATION_COLUMNS;
            int32_t count = args->columns - first;
            if (count > SKEIN_ACTIVATION_COLUMNS) count = SKEIN_ACTIVATION_COLUMNS;
            quantize_block(x + first, count, y + block);
        }
    }
}

void skein_avx512_quantize_activations(const void *arguments, int32_t begin, int32_t end, void *workspace) {
    skein_avx2_quantize_activations(arguments, begin, end, workspace);
}

#pragma clang attribute pop

#endif

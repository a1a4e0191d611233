// Vectors of 8 floats on AVX2 with FMA and F16C, under the names that the kernels in this folder are
// written in. `simd_avx512.h` has the same names for 16 floats. Include inside a target attribute.
#ifndef SKEIN_SIMD_H
#define SKEIN_SIMD_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define SKEIN_KERNEL(op) skein_avx2_##op
#define SKEIN_SCORES "attention_scores_avx2.h"
#define SKEIN_PAIRS 0  // whether attention_pairs.h may serve
#define SKEIN_INLINE static inline __attribute__((always_inline))

enum { LANES = 8 };
typedef __m256 vec;   // LANES floats
typedef __m256d dvec; // LANES / 2 doubles

// All bits in lanes first ..< end.
SKEIN_INLINE __m256i vec_range(int32_t first, int32_t end) {
    __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i below_end = _mm256_cmpgt_epi32(_mm256_set1_epi32(end), lane);
    return _mm256_andnot_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(first), lane), below_end);
}

SKEIN_INLINE vec vec_set(float x) { return _mm256_set1_ps(x); }
SKEIN_INLINE vec vec_load(const float *p) { return _mm256_loadu_ps(p); }
SKEIN_INLINE void vec_store(float *p, vec v) { _mm256_storeu_ps(p, v); }
// Zeros past the first `count`; memory past them is not touched. Whole vectors go their own way because a
// masked store is slow on AMD's processors (rope: 150 us with it, 50 us without).
SKEIN_INLINE vec vec_load_part(const float *p, int32_t count) {
    if (count >= LANES) return vec_load(p);
    return _mm256_maskload_ps(p, vec_range(0, count));
}
SKEIN_INLINE void vec_store_part(float *p, vec v, int32_t count) {
    if (count >= LANES) {
        vec_store(p, v);
    } else {
        _mm256_maskstore_ps(p, vec_range(0, count), v);
    }
}

SKEIN_INLINE vec vec_load_half(const uint16_t *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}
SKEIN_INLINE vec vec_load_half_part(const uint16_t *p, int32_t count) {
    uint16_t part[LANES] = {0};
    memcpy(part, p, (size_t)count * sizeof *p);
    return vec_load_half(part);
}
// Rounds to nearest, ties to even.
SKEIN_INLINE void vec_store_half_part(uint16_t *p, vec v, int32_t count) {
    __m128i half = _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    if (count >= LANES) {
        _mm_storeu_si128((__m128i *)p, half);
    } else {
        memcpy(p, &half, (size_t)count * sizeof *p);
    }
}

// From the upper half of a float32.
SKEIN_INLINE vec vec_load_bf16(const uint16_t *p) {
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
SKEIN_INLINE vec vec_load_bf16_part(const uint16_t *p, int32_t count) {
    uint16_t part[LANES] = {0};
    memcpy(part, p, (size_t)count * sizeof *p);
    return vec_load_bf16(part);
}

SKEIN_INLINE vec vec_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
// Where one is NaN: b.
SKEIN_INLINE vec vec_max(vec a, vec b) { return _mm256_max_ps(a, b); }
SKEIN_INLINE vec vec_min(vec a, vec b) { return _mm256_min_ps(a, b); }
SKEIN_INLINE vec vec_abs(vec a) { return _mm256_andnot_ps(vec_set(-0.0f), a); }
SKEIN_INLINE vec vec_round(vec a) {
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// a < b ? x : y.
SKEIN_INLINE vec vec_where_less(vec a, vec b, vec x, vec y) {
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
// Lanes first ..< end of v, minus infinity elsewhere.
SKEIN_INLINE vec vec_keep(vec v, int32_t first, int32_t end) {
    return _mm256_blendv_ps(vec_set(-__builtin_inff()), v, _mm256_castsi256_ps(vec_range(first, end)));
}
// 2^n for whole n from -126 to 127.
SKEIN_INLINE vec vec_power2(vec n) {
    __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
}
// v * 2^n for whole n from -252 to 254, in two steps; right also where the result is subnormal.
SKEIN_INLINE vec vec_scale_power2(vec v, vec n) {
    vec half = vec_round(n * vec_set(0.5f));
    return v * vec_power2(half) * vec_power2(n - half);
}
// x - floor(x); 0 for an infinity.
SKEIN_INLINE vec vec_fraction(vec x) {
    x = vec_min(vec_set(150.0f), vec_max(vec_set(-150.0f), x));
    return x - _mm256_floor_ps(x);
}
// v * 2^floor(x), v from 1 to 2; infinite from 2^150 on.
SKEIN_INLINE vec vec_scale_floor(vec v, vec x) {
    x = vec_min(vec_set(150.0f), vec_max(vec_set(-150.0f), x));
    return vec_scale_power2(v, _mm256_floor_ps(x));
}
// Each pair of neighbours exchanged.
SKEIN_INLINE vec vec_swap_pairs(vec v) { return _mm256_permute_ps(v, 0xb1); }

SKEIN_INLINE float vec_sum(vec v) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
SKEIN_INLINE float vec_largest(vec v) {
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

// The larger of two numbers that are not negative: in the order of their bits, NaN lies above all.
SKEIN_INLINE vec vec_max_bits(vec a, vec b) {
    return _mm256_castsi256_ps(_mm256_max_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
}
SKEIN_INLINE float vec_largest_bits(vec v) {
    v = vec_max_bits(v, _mm256_permute2f128_ps(v, v, 1));
    v = vec_max_bits(v, _mm256_permute_ps(v, 0x4e));
    return _mm256_cvtss_f32(vec_max_bits(v, _mm256_permute_ps(v, 0xb1)));
}

// Four vectors' sums within each 128-bit part: lane 4k + i holds the sum of part k of vector i.
SKEIN_INLINE vec vec_sum_parts(vec a, vec b, vec c, vec d) {
    vec ab = _mm256_unpacklo_ps(a, b) + _mm256_unpackhi_ps(a, b);
    vec cd = _mm256_unpacklo_ps(c, d) + _mm256_unpackhi_ps(c, d);
    return _mm256_shuffle_ps(ab, cd, 0x44) + _mm256_shuffle_ps(ab, cd, 0xee);
}

// Lane i: the sum over the lanes of v[i]. Every lane adds up in the same order.
SKEIN_INLINE vec vec_sums(const vec v[LANES]) {
    vec a = vec_sum_parts(v[0], v[1], v[2], v[3]);
    vec b = vec_sum_parts(v[4], v[5], v[6], v[7]);
    return _mm256_permute2f128_ps(a, b, 0x20) + _mm256_permute2f128_ps(a, b, 0x31);
}

// 2 * LANES integers of 16 bits, or LANES of 32.
typedef __m256i words;
SKEIN_INLINE words words_zero(void) { return _mm256_setzero_si256(); }
SKEIN_INLINE words words_load(const int16_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
SKEIN_INLINE words words_load_bytes(const int8_t *p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p));
}
// Two neighbours everywhere.
SKEIN_INLINE words words_set_pair(const int16_t *p) {
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    return _mm256_set1_epi32(pair);
}
// LANES of them from floats, to nearest even.
SKEIN_INLINE void words_store_rounded(int16_t *p, vec v) {
    __m256i whole = _mm256_cvtps_epi32(v);
    __m128i low = _mm256_castsi256_si128(whole);
    _mm_storeu_si128((__m128i *)p, _mm_packs_epi32(low, _mm256_extracti128_si256(whole, 1)));
}
// 32-bit lane i: sum + the products of both 16-bit integers there.
SKEIN_INLINE words words_add_products(words sum, words a, words b) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}
// Pairs (a, b) of the first and of the second four of each eight integers; words_front and words_back bring
// 32-bit lanes in that order back into that of a and b.
SKEIN_INLINE words words_low_pairs(words a, words b) { return _mm256_unpacklo_epi16(a, b); }
SKEIN_INLINE words words_high_pairs(words a, words b) { return _mm256_unpackhi_epi16(a, b); }
SKEIN_INLINE words words_front(words low, words high) { return _mm256_permute2x128_si256(low, high, 0x20); }
SKEIN_INLINE words words_back(words low, words high) { return _mm256_permute2x128_si256(low, high, 0x31); }
SKEIN_INLINE vec vec_from_words(words w) { return _mm256_cvtepi32_ps(w); }

SKEIN_INLINE dvec dvec_set(double x) { return _mm256_set1_pd(x); }
SKEIN_INLINE dvec dvec_fma(dvec a, dvec b, dvec c) { return _mm256_fmadd_pd(a, b, c); }
SKEIN_INLINE dvec dvec_round(dvec a) {
    return _mm256_round_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
SKEIN_INLINE dvec dvec_floor(dvec a) {
    return _mm256_round_pd(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
// a < b ? x : y.
SKEIN_INLINE dvec dvec_where_less(dvec a, dvec b, dvec x, dvec y) {
    return _mm256_blendv_pd(y, x, _mm256_cmp_pd(a, b, _CMP_LT_OQ));
}
SKEIN_INLINE dvec dvec_load_floats(const float *p) { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }
SKEIN_INLINE void dvec_store_floats(float *p, dvec v) { _mm_storeu_ps(p, _mm256_cvtpd_ps(v)); }

#endif

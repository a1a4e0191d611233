// Vectors of 16 floats on AVX-512 (f, bw, dq, vl, vnni), under the names that the kernels in this folder are
// written in. `simd_avx2.h` has the same names for 8 floats. Include inside a target attribute.
#ifndef SKEIN_SIMD_H
#define SKEIN_SIMD_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define SKEIN_KERNEL(op) skein_avx512_##op
#define SKEIN_SCORES "attention_scores_avx512.h"
#define SKEIN_PAIRS 1  // whether attention_pairs.h may serve
#define SKEIN_INLINE static inline __attribute__((always_inline))

enum { LANES = 16 };
typedef __m512 vec;   // LANES floats
typedef __m512d dvec; // LANES / 2 doubles

// The first `count` lanes, 0 to LANES.
SKEIN_INLINE __mmask16 vec_first(int32_t count) { return (__mmask16)((1u << count) - 1); }

SKEIN_INLINE vec vec_set(float x) { return _mm512_set1_ps(x); }
SKEIN_INLINE vec vec_load(const float *p) { return _mm512_loadu_ps(p); }
SKEIN_INLINE void vec_store(float *p, vec v) { _mm512_storeu_ps(p, v); }
// Zeros past the first `count`; memory past them is not touched.
SKEIN_INLINE vec vec_load_part(const float *p, int32_t count) {
    return _mm512_maskz_loadu_ps(vec_first(count), p);
}
SKEIN_INLINE void vec_store_part(float *p, vec v, int32_t count) {
    _mm512_mask_storeu_ps(p, vec_first(count), v);
}

SKEIN_INLINE vec vec_load_half(const uint16_t *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
SKEIN_INLINE vec vec_load_half_part(const uint16_t *p, int32_t count) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(vec_first(count), p));
}
// Rounds to nearest, ties to even.
SKEIN_INLINE void vec_store_half_part(uint16_t *p, vec v, int32_t count) {
    __m256i half = _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    _mm256_mask_storeu_epi16(p, vec_first(count), half);
}

// From the upper half of a float32.
SKEIN_INLINE vec vec_load_bf16(const uint16_t *p) {
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
SKEIN_INLINE vec vec_load_bf16_part(const uint16_t *p, int32_t count) {
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(vec_first(count), p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

SKEIN_INLINE vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
// Where one is NaN: b.
SKEIN_INLINE vec vec_max(vec a, vec b) { return _mm512_max_ps(a, b); }
SKEIN_INLINE vec vec_min(vec a, vec b) { return _mm512_min_ps(a, b); }
SKEIN_INLINE vec vec_abs(vec a) { return _mm512_abs_ps(a); }
SKEIN_INLINE vec vec_round(vec a) {
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// a < b ? x : y.
SKEIN_INLINE vec vec_where_less(vec a, vec b, vec x, vec y) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}
// Lanes first ..< end of v, minus infinity elsewhere.
SKEIN_INLINE vec vec_keep(vec v, int32_t first, int32_t end) {
    first = first < 0 ? 0 : first > LANES ? LANES : first;
    end = end < 0 ? 0 : end > LANES ? LANES : end;
    __mmask16 keep = vec_first(end) & (__mmask16)~vec_first(first);
    return _mm512_mask_blend_ps(keep, vec_set(-__builtin_inff()), v);
}
// v * 2^n for whole n; right also where the result is subnormal.
SKEIN_INLINE vec vec_scale_power2(vec v, vec n) { return _mm512_scalef_ps(v, n); }
// x - floor(x); 0 for an infinity.
SKEIN_INLINE vec vec_fraction(vec x) { return _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
// v * 2^floor(x), v from 1 to 2.
SKEIN_INLINE vec vec_scale_floor(vec v, vec x) { return _mm512_scalef_ps(v, x); }
// Each pair of neighbours exchanged.
SKEIN_INLINE vec vec_swap_pairs(vec v) { return _mm512_permute_ps(v, 0xb1); }

SKEIN_INLINE float vec_sum(vec v) { return _mm512_reduce_add_ps(v); }
SKEIN_INLINE float vec_largest(vec v) { return _mm512_reduce_max_ps(v); }

// The larger of two numbers that are not negative: in the order of their bits, NaN lies above all.
SKEIN_INLINE vec vec_max_bits(vec a, vec b) {
    return _mm512_castsi512_ps(_mm512_max_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
}
SKEIN_INLINE float vec_largest_bits(vec v) {
    int32_t bits = _mm512_reduce_max_epi32(_mm512_castps_si512(v));
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    return largest;
}

// Four vectors' sums within each 128-bit part: lane 4k + i holds the sum of part k of vector i.
SKEIN_INLINE vec vec_sum_parts(vec a, vec b, vec c, vec d) {
    vec ab = _mm512_unpacklo_ps(a, b) + _mm512_unpackhi_ps(a, b);
    vec cd = _mm512_unpacklo_ps(c, d) + _mm512_unpackhi_ps(c, d);
    return _mm512_shuffle_ps(ab, cd, 0x44) + _mm512_shuffle_ps(ab, cd, 0xee);
}

// Lane i: the sum over the lanes of v[i]. Every lane adds up in the same order.
SKEIN_INLINE vec vec_sums(const vec v[LANES]) {
    vec a = vec_sum_parts(v[0], v[1], v[2], v[3]);
    vec b = vec_sum_parts(v[4], v[5], v[6], v[7]);
    vec c = vec_sum_parts(v[8], v[9], v[10], v[11]);
    vec d = vec_sum_parts(v[12], v[13], v[14], v[15]);
    vec ab = _mm512_shuffle_f32x4(a, b, 0x44) + _mm512_shuffle_f32x4(a, b, 0xee);
    vec cd = _mm512_shuffle_f32x4(c, d, 0x44) + _mm512_shuffle_f32x4(c, d, 0xee);
    return _mm512_shuffle_f32x4(ab, cd, 0x88) + _mm512_shuffle_f32x4(ab, cd, 0xdd);
}

// 2 * LANES integers of 16 bits, or LANES of 32.
typedef __m512i words;
SKEIN_INLINE words words_zero(void) { return _mm512_setzero_si512(); }
SKEIN_INLINE words words_load_bytes(const int8_t *p) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)p));
}
// Two neighbours everywhere.
SKEIN_INLINE words words_set_pair(const int16_t *p) {
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    return _mm512_set1_epi32(pair);
}
// LANES of them from floats, to nearest even.
SKEIN_INLINE void words_store_rounded(int16_t *p, vec v) {
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(v)));
}
// 32-bit lane i: sum + the products of both 16-bit integers there.
SKEIN_INLINE words words_add_products(words sum, words a, words b) { return _mm512_dpwssd_epi32(sum, a, b); }
// Pairs (a, b) of the first and of the second four of each eight integers; words_front and words_back bring
// 32-bit lanes in that order back into that of a and b.
SKEIN_INLINE words words_low_pairs(words a, words b) { return _mm512_unpacklo_epi16(a, b); }
SKEIN_INLINE words words_high_pairs(words a, words b) { return _mm512_unpackhi_epi16(a, b); }
SKEIN_INLINE words words_front(words low, words high) {
    const words order = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
    return _mm512_permutex2var_epi32(low, order, high);
}
SKEIN_INLINE words words_back(words low, words high) {
    const words order = _mm512_setr_epi32(8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
    return _mm512_permutex2var_epi32(low, order, high);
}
SKEIN_INLINE vec vec_from_words(words w) { return _mm512_cvtepi32_ps(w); }

SKEIN_INLINE dvec dvec_set(double x) { return _mm512_set1_pd(x); }
SKEIN_INLINE dvec dvec_fma(dvec a, dvec b, dvec c) { return _mm512_fmadd_pd(a, b, c); }
SKEIN_INLINE dvec dvec_round(dvec a) {
    return _mm512_roundscale_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
SKEIN_INLINE dvec dvec_floor(dvec a) {
    return _mm512_roundscale_pd(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
// a < b ? x : y.
SKEIN_INLINE dvec dvec_where_less(dvec a, dvec b, dvec x, dvec y) {
    return _mm512_mask_blend_pd(_mm512_cmp_pd_mask(a, b, _CMP_LT_OQ), y, x);
}
SKEIN_INLINE dvec dvec_load_floats(const float *p) { return _mm512_cvtps_pd(_mm256_loadu_ps(p)); }
SKEIN_INLINE void dvec_store_floats(float *p, dvec v) { _mm256_storeu_ps(p, _mm512_cvtpd_ps(v)); }

#endif

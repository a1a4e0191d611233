// Vectors of 8 floats on NEON (any AArch64), under the names that the kernels of ../x86 are written in: those that are
// the same for all instruction sets are included from there. A vector is two registers: the 32 registers of 4 floats
// then hold the tiles that the 16 of AVX2 do. Include inside a target attribute, after SKEIN_KERNEL.
#ifndef SKEIN_SIMD_H
#define SKEIN_SIMD_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#define SKEIN_SCORES "attention_scores_avx2.h"
#define SKEIN_PAIRS 0  // whether attention_pairs.h may serve
#define SKEIN_INLINE static inline __attribute__((always_inline))
// Templates over constants: they must be inlined into the functions that give the constants.
#define INLINE SKEIN_INLINE

// The name by which the shared kernels ask for a line of memory.
enum { _MM_HINT_T0 = 3, _MM_HINT_T1 = 2 };
#define _mm_prefetch(p, hint) __builtin_prefetch(p, 0, hint)

enum { LANES = 8 };
typedef float vec __attribute__((vector_size(32)));       // LANES floats
typedef double dvec __attribute__((vector_size(32)));     // LANES / 2 doubles
typedef int32_t vec_bits __attribute__((vector_size(32)));

SKEIN_INLINE float32x4_t vec_half(vec v, int half) {
    return half ? __builtin_shufflevector(v, v, 4, 5, 6, 7) : __builtin_shufflevector(v, v, 0, 1, 2, 3);
}
SKEIN_INLINE vec vec_of(float32x4_t low, float32x4_t high) {
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
}

SKEIN_INLINE vec vec_set(float x) { return vec_of(vdupq_n_f32(x), vdupq_n_f32(x)); }
SKEIN_INLINE vec vec_load(const float *p) { return vec_of(vld1q_f32(p), vld1q_f32(p + 4)); }
SKEIN_INLINE void vec_store(float *p, vec v) {
    vst1q_f32(p, vec_half(v, 0));
    vst1q_f32(p + 4, vec_half(v, 1));
}
// Zeros past the first `count`; memory past them is not touched.
SKEIN_INLINE vec vec_load_part(const float *p, int32_t count) {
    if (count >= LANES) return vec_load(p);
    float part[LANES] = {0};
    memcpy(part, p, (size_t)count * sizeof *p);
    return vec_load(part);
}
SKEIN_INLINE void vec_store_part(float *p, vec v, int32_t count) {
    if (count >= LANES) {
        vec_store(p, v);
    } else {
        memcpy(p, &v, (size_t)count * sizeof *p);
    }
}

SKEIN_INLINE vec vec_load_half(const uint16_t *p) {
    float16x8_t half = vreinterpretq_f16_u16(vld1q_u16(p));
    return vec_of(vcvt_f32_f16(vget_low_f16(half)), vcvt_high_f32_f16(half));
}
SKEIN_INLINE vec vec_load_half_part(const uint16_t *p, int32_t count) {
    uint16_t part[LANES] = {0};
    memcpy(part, p, (size_t)count * sizeof *p);
    return vec_load_half(part);
}
// Rounds to nearest, ties to even.
SKEIN_INLINE void vec_store_half_part(uint16_t *p, vec v, int32_t count) {
    float16x8_t half = vcvt_high_f16_f32(vcvt_f16_f32(vec_half(v, 0)), vec_half(v, 1));
    if (count >= LANES) {
        vst1q_u16(p, vreinterpretq_u16_f16(half));
    } else {
        memcpy(p, &half, (size_t)count * sizeof *p);
    }
}

// From the upper half of a float32.
SKEIN_INLINE vec vec_load_bf16(const uint16_t *p) {
    uint16x8_t bits = vld1q_u16(p);
    uint32x4_t low = vshll_n_u16(vget_low_u16(bits), 16), high = vshll_high_n_u16(bits, 16);
    return vec_of(vreinterpretq_f32_u32(low), vreinterpretq_f32_u32(high));
}
SKEIN_INLINE vec vec_load_bf16_part(const uint16_t *p, int32_t count) {
    uint16_t part[LANES] = {0};
    memcpy(part, p, (size_t)count * sizeof *p);
    return vec_load_bf16(part);
}

SKEIN_INLINE vec vec_fma(vec a, vec b, vec c) { return __builtin_elementwise_fma(a, b, c); }
// Where one is NaN: NaN.
SKEIN_INLINE vec vec_max(vec a, vec b) {
    return vec_of(vmaxq_f32(vec_half(a, 0), vec_half(b, 0)), vmaxq_f32(vec_half(a, 1), vec_half(b, 1)));
}
SKEIN_INLINE vec vec_min(vec a, vec b) {
    return vec_of(vminq_f32(vec_half(a, 0), vec_half(b, 0)), vminq_f32(vec_half(a, 1), vec_half(b, 1)));
}
SKEIN_INLINE vec vec_abs(vec a) { return __builtin_elementwise_abs(a); }
SKEIN_INLINE vec vec_round(vec a) { return __builtin_elementwise_roundeven(a); }
// Lane by lane, x where all bits of `mask` are set and y where none is.
SKEIN_INLINE vec vec_select(vec_bits mask, vec x, vec y) {
    return (vec)((mask & (vec_bits)x) | (~mask & (vec_bits)y));
}
// a < b ? x : y.
SKEIN_INLINE vec vec_where_less(vec a, vec b, vec x, vec y) { return vec_select(a < b, x, y); }
// Lanes first ..< end of v, minus infinity elsewhere.
SKEIN_INLINE vec vec_keep(vec v, int32_t first, int32_t end) {
    const vec_bits lane = {0, 1, 2, 3, 4, 5, 6, 7};
    return vec_select((lane >= first) & (lane < end), v, vec_set(-__builtin_inff()));
}
// 2^n for whole n from -126 to 127.
SKEIN_INLINE vec vec_power2(vec n) { return (vec)((__builtin_convertvector(n, vec_bits) + 127) << 23); }
// v * 2^n for whole n from -252 to 254, in two steps; right also where the result is subnormal.
SKEIN_INLINE vec vec_scale_power2(vec v, vec n) {
    vec half = vec_round(n * vec_set(0.5f));
    return v * vec_power2(half) * vec_power2(n - half);
}
// x - floor(x); 0 for an infinity.
SKEIN_INLINE vec vec_fraction(vec x) {
    x = vec_min(vec_set(150.0f), vec_max(vec_set(-150.0f), x));
    return x - __builtin_elementwise_floor(x);
}
// v * 2^floor(x), v from 1 to 2; infinite from 2^150 on.
SKEIN_INLINE vec vec_scale_floor(vec v, vec x) {
    x = vec_min(vec_set(150.0f), vec_max(vec_set(-150.0f), x));
    return vec_scale_power2(v, __builtin_elementwise_floor(x));
}
// Each pair of neighbours exchanged.
SKEIN_INLINE vec vec_swap_pairs(vec v) { return __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6); }

SKEIN_INLINE float vec_sum(vec v) { return vaddvq_f32(vec_half(v, 0) + vec_half(v, 1)); }
SKEIN_INLINE float vec_largest(vec v) { return vmaxvq_f32(vmaxq_f32(vec_half(v, 0), vec_half(v, 1))); }

// The larger of two numbers that are not negative: in the order of their bits, NaN lies above all.
SKEIN_INLINE vec vec_max_bits(vec a, vec b) {
    return (vec)__builtin_elementwise_max((vec_bits)a, (vec_bits)b);
}
SKEIN_INLINE float vec_largest_bits(vec v) {
    int32x4_t low = vreinterpretq_s32_f32(vec_half(v, 0)), high = vreinterpretq_s32_f32(vec_half(v, 1));
    int32_t bits = vmaxvq_s32(vmaxq_s32(low, high));
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    return largest;
}

// Lane i: the sum over the lanes of v[i]. Every lane adds up in the same order.
SKEIN_INLINE vec vec_sums(const vec v[LANES]) {
    float32x4_t pairs[LANES / 2];
    for (int i = 0; i < LANES; i += 2) {
        pairs[i / 2] = vpaddq_f32(vec_half(v[i], 0) + vec_half(v[i], 1), vec_half(v[i + 1], 0) + vec_half(v[i + 1], 1));
    }
    return vec_of(vpaddq_f32(pairs[0], pairs[1]), vpaddq_f32(pairs[2], pairs[3]));
}

// 2 * LANES integers of 16 bits, or LANES of 32.
typedef int16_t words __attribute__((vector_size(32)));
typedef int8_t words_bytes __attribute__((vector_size(16)));
SKEIN_INLINE int16x8_t words_half(words w, int half) {
    return half ? __builtin_shufflevector(w, w, 8, 9, 10, 11, 12, 13, 14, 15)
                : __builtin_shufflevector(w, w, 0, 1, 2, 3, 4, 5, 6, 7);
}
SKEIN_INLINE words words_of(int16x8_t low, int16x8_t high) {
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
SKEIN_INLINE words words_zero(void) { return (words){0}; }
SKEIN_INLINE words words_load(const int16_t *p) { return words_of(vld1q_s16(p), vld1q_s16(p + 8)); }
SKEIN_INLINE words words_load_bytes(const int8_t *p) {
    return __builtin_convertvector((words_bytes)vld1q_s8(p), words);
}
// Two neighbours everywhere.
SKEIN_INLINE words words_set_pair(const int16_t *p) {
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    int16x8_t everywhere = vreinterpretq_s16_s32(vdupq_n_s32(pair));
    return words_of(everywhere, everywhere);
}
// LANES of them from floats, to nearest even.
SKEIN_INLINE void words_store_rounded(int16_t *p, vec v) {
    int32x4_t low = vcvtnq_s32_f32(vec_half(v, 0)), high = vcvtnq_s32_f32(vec_half(v, 1));
    vst1q_s16(p, vqmovn_high_s32(vqmovn_s32(low), high));
}
// Four lanes of words_add_products.
SKEIN_INLINE int32x4_t words_products(int16x8_t a, int16x8_t b) {
    return vpaddq_s32(vmull_s16(vget_low_s16(a), vget_low_s16(b)), vmull_high_s16(a, b));
}
// 32-bit lane i: sum + the products of both 16-bit integers there.
SKEIN_INLINE words words_add_products(words sum, words a, words b) {
    int32x4_t low = vreinterpretq_s32_s16(words_half(sum, 0)), high = vreinterpretq_s32_s16(words_half(sum, 1));
    low = vaddq_s32(low, words_products(words_half(a, 0), words_half(b, 0)));
    high = vaddq_s32(high, words_products(words_half(a, 1), words_half(b, 1)));
    return words_of(vreinterpretq_s16_s32(low), vreinterpretq_s16_s32(high));
}
// Pairs (a, b) of the first and of the second four of each eight integers; words_front and words_back bring
// 32-bit lanes in that order back into that of a and b.
SKEIN_INLINE words words_low_pairs(words a, words b) {
    return words_of(vzip1q_s16(words_half(a, 0), words_half(b, 0)), vzip1q_s16(words_half(a, 1), words_half(b, 1)));
}
SKEIN_INLINE words words_high_pairs(words a, words b) {
    return words_of(vzip2q_s16(words_half(a, 0), words_half(b, 0)), vzip2q_s16(words_half(a, 1), words_half(b, 1)));
}
SKEIN_INLINE words words_front(words low, words high) { return words_of(words_half(low, 0), words_half(high, 0)); }
SKEIN_INLINE words words_back(words low, words high) { return words_of(words_half(low, 1), words_half(high, 1)); }
SKEIN_INLINE vec vec_from_words(words w) { return __builtin_convertvector((vec_bits)w, vec); }

typedef int64_t dvec_bits __attribute__((vector_size(32)));
SKEIN_INLINE dvec dvec_set(double x) { return (dvec){x, x, x, x}; }
SKEIN_INLINE dvec dvec_fma(dvec a, dvec b, dvec c) { return __builtin_elementwise_fma(a, b, c); }
SKEIN_INLINE dvec dvec_round(dvec a) { return __builtin_elementwise_roundeven(a); }
SKEIN_INLINE dvec dvec_floor(dvec a) { return __builtin_elementwise_floor(a); }
// a < b ? x : y.
SKEIN_INLINE dvec dvec_where_less(dvec a, dvec b, dvec x, dvec y) {
    dvec_bits mask = a < b;
    return (dvec)((mask & (dvec_bits)x) | (~mask & (dvec_bits)y));
}
SKEIN_INLINE dvec dvec_load_floats(const float *p) { return __builtin_convertvector(vld1q_f32(p), dvec); }
SKEIN_INLINE void dvec_store_floats(float *p, dvec v) {
    vst1q_f32(p, __builtin_convertvector(v, float32x4_t));
}

#endif

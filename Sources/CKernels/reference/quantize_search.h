// Inside CKernels: what the searches for scales share.
//
// Four lanes, whatever the processor has: sums are taken in the same order everywhere, and compilers make two or
// four of these into one wider operation. Nothing here may be contracted to fused operations.
#ifndef SKEIN_QUANTIZE_SEARCH_H
#define SKEIN_QUANTIZE_SEARCH_H

#include "../include/skein_quantize.h"
#include "formats.h"
#include "half.h"

#pragma STDC FP_CONTRACT OFF

typedef float skein_lanes __attribute__((vector_size(16)));
typedef int32_t skein_lane_bits __attribute__((vector_size(16)));

// The largest finite F16.
#define SKEIN_LARGEST_SCALE 65504.0f

// Blocks that hold nothing above it are zeros in every format with an F16 scale: half of the smallest scale is
// 2^-25. It also keeps inverses finite.
#define SKEIN_SMALLEST_VALUE 0x1p-40f

// No format of integers with an F16 scale reaches it (Q6_K comes nearest, with 2^12 * 65504); squares of smaller
// numbers can be added up.
#define SKEIN_LARGEST_VALUE 1e9f

static inline skein_lanes skein_all(float x) { return (skein_lanes){x, x, x, x}; }

static inline skein_lanes skein_load(const float *x) {
    skein_lanes lanes;
    memcpy(&lanes, x, sizeof lanes);
    return lanes;
}

static inline skein_lanes skein_select(skein_lane_bits mask, skein_lanes yes, skein_lanes no) {
    return (skein_lanes)((mask & (skein_lane_bits)yes) | (~mask & (skein_lane_bits)no));
}

static inline skein_lanes skein_least(skein_lanes a, skein_lanes b) { return skein_select(a < b, a, b); }
static inline skein_lanes skein_most(skein_lanes a, skein_lanes b) { return skein_select(a > b, a, b); }

static inline skein_lanes skein_magnitude(skein_lanes x) {
    return (skein_lanes)((skein_lane_bits)x & (skein_lane_bits){0x7FFFFFFF, 0x7FFFFFFF, 0x7FFFFFFF, 0x7FFFFFFF});
}

// The nearest whole number, ties to even, of |x| < 2^22: adding 1.5 * 2^23 leaves no bits for a fraction.
static inline skein_lanes skein_nearest(skein_lanes x) {
    const skein_lanes shift = skein_all(12582912.0f);
    return (x + shift) - shift;
}

static inline float skein_sum(skein_lanes x) { return (x[0] + x[2]) + (x[1] + x[3]); }

// The largest magnitude of `count` values, a multiple of four.
static inline float skein_largest_magnitude(const float *x, int count) {
    skein_lanes most = skein_all(0);
    for (int i = 0; i < count; i += 4) most = skein_most(skein_magnitude(skein_load(x + i)), most);
    float a = most[0] > most[1] ? most[0] : most[1];
    float b = most[2] > most[3] ? most[2] : most[3];
    return a > b ? a : b;
}

static inline void skein_store_u16(uint8_t *bytes, uint16_t value) {
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

// How much the error of each of a block's values counts: 1, and its square relative to the mean square. Large weights
// matter more to what a model says than their share of the error: with equal weights the errors are 2% less, and the
// perplexity of the bundled model in Q4_K is 1.7734 instead of 1.7616.
static inline void skein_importance(const float *x, int count, float *weights) {
    skein_lanes squares = skein_all(0);
    for (int i = 0; i < count; i += 4) squares += skein_load(x + i) * skein_load(x + i);
    float mean = skein_sum(squares) / (float)count;
    float inverse = mean > 1e-30f ? 1 / mean : 0;
    for (int i = 0; i < count; i += 4) {
        skein_lanes weight = skein_load(x + i) * skein_load(x + i) * inverse + 1.0f;
        memcpy(weights + i, &weight, sizeof weight);
    }
}

// What F16 makes of a scale.
static inline float skein_rounded_scale(float scale) { return skein_float_from_half(skein_half_from_float(scale)); }

// As that, but a subnormal one is rounded up: its steps are so coarse that integer scales would not reach far enough
// to make up for one that is too small, or zero.
static inline float skein_reaching_scale(float scale) {
    uint16_t half = skein_half_from_float(scale);
    float rounded = skein_float_from_half(half);
    bool is_less = scale < 0 ? rounded > scale : rounded < scale;
    if ((half & 0x7FFF) < 0x400 && is_less) half++;
    return skein_float_from_half(half);
}

// A block to its bytes; SKEIN_QUANTIZED or SKEIN_QUANTIZE_TOO_LARGE. Values are finite.
typedef int skein_quantize_block(const float *x, uint8_t *block);

// quantize_blocks.c
skein_quantize_block skein_quantize_q8_0, skein_quantize_q4_0, skein_quantize_q4_1, skein_quantize_q5_0,
    skein_quantize_q5_1, skein_quantize_mxfp4;
// quantize_signed.c
skein_quantize_block skein_quantize_q3_k, skein_quantize_q6_k, skein_quantize_iq4_nl, skein_quantize_iq4_xs;
// quantize_affine.c
skein_quantize_block skein_quantize_q2_k, skein_quantize_q4_k, skein_quantize_q5_k;

#endif

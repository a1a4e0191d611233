// Formats whose scale is given by a rule: the bytes of the public `gguf` Python package.
//
// Blocks of 32: the scale is that of the value with the largest magnitude (Q8_0: without its sign), or of the range
// of all values; quants are made with the scale before it is rounded to F16, one float32 operation after the other.
#include "quantize_search.h"

#include <math.h>

#pragma STDC FP_CONTRACT OFF

// 1 / d, or 0 where d is so small that its inverse would be infinite: such a block is zeros.
static float inverse_of(float d) {
    float inverse = 1.0f / d;
    return d == 0 || fabsf(inverse) > 3.4028234e38f ? 0 : inverse;
}

static int checked_scale(float d, uint8_t *bytes) {
    uint16_t half = skein_half_from_float(d);
    skein_store_u16(bytes, half);
    return (half & 0x7FFF) >= 0x7C00 ? SKEIN_QUANTIZE_TOO_LARGE : SKEIN_QUANTIZED;
}

// Q8_0: d = max |x| / 127, quants to nearest, ties away from zero.
int skein_quantize_q8_0(const float *x, uint8_t *block) {
    float d = skein_largest_magnitude(x, 32) / 127.0f;
    float inverse = inverse_of(d);
    if (checked_scale(d, block)) return SKEIN_QUANTIZE_TOO_LARGE;
    for (int i = 0; i < 32; i++) {
        float scaled = x[i] * inverse;
        float magnitude = fabsf(scaled);
        int whole = (int)magnitude;
        whole += magnitude - (float)whole >= 0.5f;
        block[2 + i] = (uint8_t)(int8_t)(scaled < 0 ? -whole : whole);
    }
    return SKEIN_QUANTIZED;
}

// The value of the largest magnitude, the first of equals.
static float extreme_of(const float *x) {
    float largest = skein_largest_magnitude(x, 32);
    int i = 0;
    while (fabsf(x[i]) != largest) i++;
    return x[i];
}

// quants[i] = x[i] * inverse + offset without its fraction, at most `most`. The sums are positive.
static void whole_quants(const float *x, float subtracted, float inverse, float offset, int most, uint8_t quants[32]) {
    for (int i = 0; i < 32; i++) {
        float scaled = (x[i] - subtracted) * inverse;
        int quant = (int)(scaled + offset);
        quants[i] = (uint8_t)(quant < 0 ? 0 : quant > most ? most : quant);
    }
}

static void pack_nibbles(const uint8_t quants[32], uint8_t *bytes) {
    for (int i = 0; i < 16; i++) bytes[i] = (uint8_t)((quants[i] & 15) | quants[i + 16] << 4);
}

static void pack_fifth_bits(const uint8_t quants[32], uint8_t *bytes) {
    uint32_t high = 0;
    for (int i = 0; i < 32; i++) high |= (uint32_t)(quants[i] >> 4) << i;
    for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(high >> 8 * i);
}

// Q4_0 and Q5_0: the extreme value becomes -8 (-16).
int skein_quantize_q4_0(const float *x, uint8_t *block) {
    uint8_t quants[32];
    float d = extreme_of(x) / -8.0f;
    if (checked_scale(d, block)) return SKEIN_QUANTIZE_TOO_LARGE;
    whole_quants(x, 0, inverse_of(d), 8.5f, 15, quants);
    pack_nibbles(quants, block + 2);
    return SKEIN_QUANTIZED;
}

int skein_quantize_q5_0(const float *x, uint8_t *block) {
    uint8_t quants[32];
    float d = extreme_of(x) / -16.0f;
    if (checked_scale(d, block)) return SKEIN_QUANTIZE_TOO_LARGE;
    whole_quants(x, 0, inverse_of(d), 16.5f, 31, quants);
    pack_fifth_bits(quants, block + 2);
    pack_nibbles(quants, block + 6);
    return SKEIN_QUANTIZED;
}

// Q4_1 and Q5_1: the least value becomes 0, the most 15 (31).
static int quantize_range(const float *x, int most, uint8_t *block, uint8_t quants[32]) {
    float low = x[0], high = x[0];
    for (int i = 1; i < 32; i++) {
        if (x[i] < low) low = x[i];
        if (x[i] > high) high = x[i];
    }
    float d = (high - low) / (float)most;
    if (checked_scale(d, block) || checked_scale(low, block + 2)) return SKEIN_QUANTIZE_TOO_LARGE;
    whole_quants(x, low, inverse_of(d), 0.5f, most, quants);
    return SKEIN_QUANTIZED;
}

int skein_quantize_q4_1(const float *x, uint8_t *block) {
    uint8_t quants[32];
    if (quantize_range(x, 15, block, quants)) return SKEIN_QUANTIZE_TOO_LARGE;
    pack_nibbles(quants, block + 4);
    return SKEIN_QUANTIZED;
}

int skein_quantize_q5_1(const float *x, uint8_t *block) {
    uint8_t quants[32];
    if (quantize_range(x, 31, block, quants)) return SKEIN_QUANTIZE_TOO_LARGE;
    pack_fifth_bits(quants, block + 4);
    pack_nibbles(quants, block + 8);
    return SKEIN_QUANTIZED;
}

// MXFP4: the scale is a power of two that puts the largest magnitude at 4 up to 8 (6 is the largest code point);
// the nearest code points, the smaller of two that are as near.
int skein_quantize_mxfp4(const float *x, uint8_t *block) {
    float largest = skein_largest_magnitude(x, 32);
    // The logarithm is rounded to float32 before its floor is taken, as the package does: a number right below
    // a large power of two counts as that power.
    float exponent = largest > 0 ? floorf((float)log2((double)largest)) + 125.0f : 0;
    block[0] = (uint8_t)(exponent < 0 ? 0 : exponent);
    float d = skein_half_float_from_e8m0(block[0]);
    static const float midpoints[7] = {0.5f, 1.5f, 2.5f, 3.5f, 5.0f, 7.0f, 10.0f};
    uint8_t quants[32] = {0};
    for (int k = 0; k < 7; k++) {
        float threshold = d * midpoints[k];
        for (int i = 0; i < 32; i++) quants[i] += fabsf(x[i]) > threshold;
    }
    for (int i = 0; i < 32; i++) quants[i] |= x[i] < 0 && quants[i] ? 8 : 0;
    pack_nibbles(quants, block + 1);
    return SKEIN_QUANTIZED;
}

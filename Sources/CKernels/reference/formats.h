// The weight formats of GGUF: how many values and bytes a block has, and what a row of blocks means.
//
// Everything here is the specification that the fast kernels are tested against: portable C, no
// dependence on alignment (blocks lie wherever the file puts them) and one float32 operation after
// the other in the order that the public `gguf` Python package performs them, so results are bit-equal.
#ifndef SKEIN_FORMATS_H
#define SKEIN_FORMATS_H

#include "../kernels.h"

#include <string.h>

enum {
    SKEIN_ACTIVATION_COLUMNS = 256, // columns that one activation block covers
    SKEIN_ACTIVATION_GROUP = 32,    // columns that share a scale
};

// Quantized activations: one block for every 256 columns, the last one padded with zeros.
// value[c] = scales[c / 32] * quants[c]. The negated sums of the quants serve the formats whose values
// are `scale * quant - minimum`: the minimum's part of a product is minimum * scales * negated sum.
// Integers, so that every instruction set can fold them into exact integer arithmetic.
typedef struct {
    int8_t quants[256];         // -127 ... 127
    float scales[8];            // of 32 columns each
    int32_t negated_sums32[8];  // over 32 columns
    int32_t negated_sums16[16]; // over 16 columns
} skein_activation_block;

_Static_assert(sizeof(skein_activation_block) == 384, "an activation block is six cache lines");

static inline int32_t skein_activation_blocks(int32_t columns) {
    return (columns + SKEIN_ACTIVATION_COLUMNS - 1) / SKEIN_ACTIVATION_COLUMNS;
}

// The 16 code points of IQ4_NL and IQ4_XS, and those of MXFP4 (doubled, so that they are integers).
extern const int8_t skein_iq4_values[16];
extern const int8_t skein_mxfp4_values[16];

// Values in one block of a type, and its bytes; 0 for a number that is no type.
int32_t skein_block_elements(int32_t type);
int32_t skein_block_bytes(int32_t type);

// y[0 ..< columns] = the values of one row. `columns` is a whole number of blocks.
void skein_dequantize_row(int32_t type, const void *row, int32_t columns, float *y);

// One block of each format of 256 values (formats_k.c).
void skein_dequantize_q2_k(const uint8_t *block, float *y);
void skein_dequantize_q3_k(const uint8_t *block, float *y);
void skein_dequantize_q4_k(const uint8_t *block, float *y);
void skein_dequantize_q5_k(const uint8_t *block, float *y);
void skein_dequantize_q6_k(const uint8_t *block, float *y);
void skein_dequantize_iq4_xs(const uint8_t *block, float *y);

static inline uint16_t skein_load_u16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t skein_load_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static inline float skein_float_from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t skein_bits_from_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float skein_float_from_bf16(uint16_t bits) {
    return skein_float_from_bits((uint32_t)bits << 16);
}

// binary16: subnormals, infinities and NaN included.
static inline float skein_float_from_f16(uint16_t bits) {
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    uint32_t exponent = bits >> 10 & 0x1F;
    uint32_t mantissa = bits & 0x3FF;
    if (exponent == 0) {
        float magnitude = (float)mantissa * 0x1p-24f; // exact
        return skein_float_from_bits(sign | skein_bits_from_float(magnitude));
    }
    uint32_t wide_exponent = exponent == 31 ? 255 : exponent + 112;
    return skein_float_from_bits(sign | wide_exponent << 23 | mantissa << 13);
}

// Half of the E8M0 scale 2^(bits - 127): the code points it multiplies are doubled. The two smallest
// are subnormal in float32. 255, which the standard reserves for NaN, is taken as 2^128, half of it 2^127.
static inline float skein_half_float_from_e8m0(uint8_t bits) {
    uint32_t wide = bits < 2 ? (uint32_t)0x00200000 << bits : (uint32_t)(bits - 1) << 23;
    return skein_float_from_bits(wide);
}

#endif

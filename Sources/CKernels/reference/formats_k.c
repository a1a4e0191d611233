// The formats of 256 values a block: a float16 scale for the block, and small integer scales (and
// minima) for its groups of 16 or 32 values.
//
//     group scale = d * integer scale, group minimum = dmin * integer minimum
//     value       = group scale * quant - group minimum        (Q2_K, Q4_K, Q5_K)
//     value       = group scale * signed quant                 (Q3_K, Q6_K, IQ4_XS)
//
// Each product is rounded to float32 by itself: a fused multiply-add would not give the same bits.
#include "formats.h"

// Q2_K, 84 bytes: 16 bytes of scale (low nibble) and minimum (high nibble), 64 bytes of 2-bit quants,
// d, dmin. Value 128 h + 32 s + i is bits 2s of byte 32 h + i; groups of 16.
void skein_dequantize_q2_k(const uint8_t *block, float *y) {
    float d = skein_float_from_f16(skein_load_u16(block + 80));
    float dmin = skein_float_from_f16(skein_load_u16(block + 82));
    for (int index = 0; index < 256; index++) {
        uint8_t packed = block[index / 16];
        float scale = d * (float)(packed & 15);
        float minimum = dmin * (float)(packed >> 4);
        int quant = block[16 + index / 128 * 32 + index % 32] >> (index % 128 / 32 * 2) & 3;
        float product = scale * (float)quant;
        y[index] = product - minimum;
    }
}

// Q3_K, 110 bytes: 32 bytes of third bits (bit s of byte i for value 32 s + i; a clear bit means -4),
// 64 bytes of 2-bit quants as in Q2_K, 12 bytes of sixteen 6-bit scales, d.
void skein_dequantize_q3_k(const uint8_t *block, float *y) {
    float d = skein_float_from_f16(skein_load_u16(block + 108));
    const uint8_t *packed = block + 96;
    for (int index = 0; index < 256; index++) {
        int group = index / 16;
        int low = packed[group % 8] >> (group / 8 * 4) & 15;
        int high = packed[8 + group % 4] >> (group / 4 * 2) & 3;
        float scale = d * (float)((low | high << 4) - 32);
        int quant = block[32 + index / 128 * 32 + index % 32] >> (index % 128 / 32 * 2) & 3;
        int third = block[index % 32] >> (index / 32) & 1;
        y[index] = scale * (float)(quant - (third ? 0 : 4));
    }
}

// The scales and minima, 6 bits each, of a Q4_K or Q5_K block, from their 12 bytes.
static void unpack_scales_6bit(const uint8_t *packed, uint8_t scales[8], uint8_t minima[8]) {
    for (int i = 0; i < 4; i++) {
        scales[i] = packed[i] & 63;
        minima[i] = packed[4 + i] & 63;
        scales[4 + i] = (uint8_t)((packed[8 + i] & 15) | packed[i] >> 6 << 4);
        minima[4 + i] = (uint8_t)(packed[8 + i] >> 4 | packed[4 + i] >> 6 << 4);
    }
}

// Q4_K, 144 bytes: d, dmin, 12 bytes of 6-bit scales and minima, 128 bytes of nibbles: value 64 h + i is
// the low nibble of byte 32 h + i, value 64 h + 32 + i its high nibble; groups of 32.
void skein_dequantize_q4_k(const uint8_t *block, float *y) {
    float d = skein_float_from_f16(skein_load_u16(block));
    float dmin = skein_float_from_f16(skein_load_u16(block + 2));
    uint8_t scales[8], minima[8];
    unpack_scales_6bit(block + 4, scales, minima);
    for (int index = 0; index < 256; index++) {
        float scale = d * (float)scales[index / 32];
        float minimum = dmin * (float)minima[index / 32];
        int quant = block[16 + index / 64 * 32 + index % 32] >> (index % 64 / 32 * 4) & 15;
        float product = scale * (float)quant;
        y[index] = product - minimum;
    }
}

// Q5_K, 176 bytes: d, dmin, scales and minima as in Q4_K, 32 bytes of fifth bits (bit g of byte i for
// value 32 g + i), nibbles as in Q4_K.
void skein_dequantize_q5_k(const uint8_t *block, float *y) {
    float d = skein_float_from_f16(skein_load_u16(block));
    float dmin = skein_float_from_f16(skein_load_u16(block + 2));
    uint8_t scales[8], minima[8];
    unpack_scales_6bit(block + 4, scales, minima);
    for (int index = 0; index < 256; index++) {
        float scale = d * (float)scales[index / 32];
        float minimum = dmin * (float)minima[index / 32];
        int low = block[48 + index / 64 * 32 + index % 32] >> (index % 64 / 32 * 4) & 15;
        int high = block[16 + index % 32] >> (index / 32) & 1;
        float product = scale * (float)(low | high << 4);
        y[index] = product - minimum;
    }
}

// Q6_K, 210 bytes: 128 bytes of low nibbles (value 128 h + i, i < 64: low nibble of byte 64 h + i; value
// 128 h + 64 + i: its high nibble), 64 bytes of high bit pairs as the quants of Q2_K, 16 signed scales, d.
void skein_dequantize_q6_k(const uint8_t *block, float *y) {
    float d = skein_float_from_f16(skein_load_u16(block + 208));
    for (int index = 0; index < 256; index++) {
        float scale = d * (float)(int8_t)block[192 + index / 16];
        int low = block[index / 128 * 64 + index % 64] >> (index % 128 / 64 * 4) & 15;
        int high = block[128 + index / 128 * 32 + index % 32] >> (index % 128 / 32 * 2) & 3;
        y[index] = scale * (float)((low | high << 4) - 32);
    }
}

// IQ4_XS, 136 bytes: d, 16 bits of the scales' high bit pairs, 4 bytes of their low nibbles, then for
// each group of 32 its 16 bytes of nibbles that name code points, as in IQ4_NL.
void skein_dequantize_iq4_xs(const uint8_t *block, float *y) {
    float d = skein_float_from_f16(skein_load_u16(block));
    uint16_t high = skein_load_u16(block + 2);
    for (int index = 0; index < 256; index++) {
        int group = index / 32;
        int low = block[4 + group / 2] >> (group % 2 * 4) & 15;
        float scale = d * (float)((low | (high >> (2 * group) & 3) << 4) - 32);
        uint8_t quant = block[8 + group * 16 + index % 16] >> (index % 32 / 16 * 4) & 15;
        y[index] = scale * (float)skein_iq4_values[quant];
    }
}

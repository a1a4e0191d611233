// Rows of every weight format to float32. The specification: portable, block by block, value by value.
//
// Blocks of 32 values: a float16 scale d (MXFP4: an E8M0 byte), sometimes a float16 minimum m, the fifth
// bits of the quants, then 16 bytes of nibbles: byte j has value j in its low and value j + 16 in its
// high nibble.
#include "formats.h"

const int8_t skein_iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
const int8_t skein_mxfp4_values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

static inline int nibble(const uint8_t *quants, int index) {
    return index < 16 ? quants[index] & 15 : quants[index - 16] >> 4;
}

// F32, F16 and BF16: a block is one value.
static void dequantize_f32(const uint8_t *block, float *y) {
    *y = skein_float_from_bits(skein_load_u32(block));
}

static void dequantize_f16(const uint8_t *block, float *y) {
    *y = skein_float_from_f16(skein_load_u16(block));
}

static void dequantize_bf16(const uint8_t *block, float *y) {
    *y = skein_float_from_bf16(skein_load_u16(block));
}

// Q8_0: d, 32 signed bytes.
static void dequantize_q8_0(const uint8_t *block, float *y) {
    float d = skein_float_from_f16(skein_load_u16(block));
    for (int i = 0; i < 32; i++) y[i] = (float)(int8_t)block[2 + i] * d;
}

// Q4_0: d, nibbles; value d * (q - 8).
static void dequantize_q4_0(const uint8_t *block, float *y) {
    float d = skein_float_from_f16(skein_load_u16(block));
    for (int i = 0; i < 32; i++) y[i] = d * (float)(nibble(block + 2, i) - 8);
}

// Q4_1: d, m, nibbles; value d * q + m, two roundings.
static void dequantize_q4_1(const uint8_t *block, float *y) {
    float d = skein_float_from_f16(skein_load_u16(block));
    float m = skein_float_from_f16(skein_load_u16(block + 2));
    for (int i = 0; i < 32; i++) {
        float product = d * (float)nibble(block + 4, i);
        y[i] = product + m;
    }
}

// Q5_0: d, 32 fifth bits, nibbles; value d * (q - 16).
static void dequantize_q5_0(const uint8_t *block, float *y) {
    float d = skein_float_from_f16(skein_load_u16(block));
    uint32_t high = skein_load_u32(block + 2);
    for (int i = 0; i < 32; i++) {
        int quant = nibble(block + 6, i) | (int)(high >> i & 1) << 4;
        y[i] = d * (float)(quant - 16);
    }
}

// Q5_1: d, m, 32 fifth bits, nibbles; value d * q + m.
static void dequantize_q5_1(const uint8_t *block, float *y) {
    float d = skein_float_from_f16(skein_load_u16(block));
    float m = skein_float_from_f16(skein_load_u16(block + 2));
    uint32_t high = skein_load_u32(block + 4);
    for (int i = 0; i < 32; i++) {
        int quant = nibble(block + 8, i) | (int)(high >> i & 1) << 4;
        float product = d * (float)quant;
        y[i] = product + m;
    }
}

// IQ4_NL: d, nibbles that name one of 16 unevenly spaced code points.
static void dequantize_iq4_nl(const uint8_t *block, float *y) {
    float d = skein_float_from_f16(skein_load_u16(block));
    for (int i = 0; i < 32; i++) y[i] = d * (float)skein_iq4_values[nibble(block + 2, i)];
}

// MXFP4: an E8M0 scale, nibbles that are E2M1 numbers.
static void dequantize_mxfp4(const uint8_t *block, float *y) {
    float d = skein_half_float_from_e8m0(block[0]);
    for (int i = 0; i < 32; i++) y[i] = d * (float)skein_mxfp4_values[nibble(block + 1, i)];
}

typedef struct {
    int32_t elements;
    int32_t bytes;
    void (*dequantize)(const uint8_t *block, float *y);
} block_format;

static block_format format_of(int32_t type) {
    switch (type) {
    case SKEIN_F32: return (block_format){1, 4, dequantize_f32};
    case SKEIN_F16: return (block_format){1, 2, dequantize_f16};
    case SKEIN_BF16: return (block_format){1, 2, dequantize_bf16};
    case SKEIN_Q8_0: return (block_format){32, 34, dequantize_q8_0};
    case SKEIN_Q4_0: return (block_format){32, 18, dequantize_q4_0};
    case SKEIN_Q4_1: return (block_format){32, 20, dequantize_q4_1};
    case SKEIN_Q5_0: return (block_format){32, 22, dequantize_q5_0};
    case SKEIN_Q5_1: return (block_format){32, 24, dequantize_q5_1};
    case SKEIN_IQ4_NL: return (block_format){32, 18, dequantize_iq4_nl};
    case SKEIN_MXFP4: return (block_format){32, 17, dequantize_mxfp4};
    case SKEIN_Q2_K: return (block_format){256, 84, skein_dequantize_q2_k};
    case SKEIN_Q3_K: return (block_format){256, 110, skein_dequantize_q3_k};
    case SKEIN_Q4_K: return (block_format){256, 144, skein_dequantize_q4_k};
    case SKEIN_Q5_K: return (block_format){256, 176, skein_dequantize_q5_k};
    case SKEIN_Q6_K: return (block_format){256, 210, skein_dequantize_q6_k};
    case SKEIN_IQ4_XS: return (block_format){256, 136, skein_dequantize_iq4_xs};
    default: return (block_format){0, 0, NULL};
    }
}

int32_t skein_block_elements(int32_t type) { return format_of(type).elements; }

int32_t skein_block_bytes(int32_t type) { return format_of(type).bytes; }

void skein_dequantize_row(int32_t type, const void *row, int32_t columns, float *y) {
    block_format format = format_of(type);
    if (format.elements == 0) return;
    const uint8_t *block = row;
    for (int32_t column = 0; column < columns; column += format.elements) {
        format.dequantize(block, y + column);
        block += format.bytes;
    }
}

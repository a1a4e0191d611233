// quantize_rows: rows of float32 to the blocks of a weight format; the formats are in quantize_*.c.
// float8_rows: rows of 8-bit floats to float32.
#include "quantize_search.h"

#pragma STDC FP_CONTRACT OFF

static int quantize_f32(const float *x, uint8_t *block) {
    memcpy(block, x, sizeof *x);
    return SKEIN_QUANTIZED;
}

static int quantize_f16(const float *x, uint8_t *block) {
    uint16_t half = skein_half_from_float(*x);
    skein_store_u16(block, half);
    return (half & 0x7FFF) == 0x7C00 ? SKEIN_QUANTIZE_TOO_LARGE : SKEIN_QUANTIZED;
}

// The upper half of a float32, to nearest even.
static int quantize_bf16(const float *x, uint8_t *block) {
    uint32_t bits = skein_bits_from_float(*x);
    uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    skein_store_u16(block, (uint16_t)rounded);
    return (rounded & 0x7FFF) == 0x7F80 ? SKEIN_QUANTIZE_TOO_LARGE : SKEIN_QUANTIZED;
}

static skein_quantize_block *quantizer_of(int32_t type) {
    switch (type) {
    case SKEIN_F32: return quantize_f32;
    case SKEIN_F16: return quantize_f16;
    case SKEIN_BF16: return quantize_bf16;
    case SKEIN_Q8_0: return skein_quantize_q8_0;
    case SKEIN_Q4_0: return skein_quantize_q4_0;
    case SKEIN_Q4_1: return skein_quantize_q4_1;
    case SKEIN_Q5_0: return skein_quantize_q5_0;
    case SKEIN_Q5_1: return skein_quantize_q5_1;
    case SKEIN_MXFP4: return skein_quantize_mxfp4;
    case SKEIN_Q2_K: return skein_quantize_q2_k;
    case SKEIN_Q3_K: return skein_quantize_q3_k;
    case SKEIN_Q4_K: return skein_quantize_q4_k;
    case SKEIN_Q5_K: return skein_quantize_q5_k;
    case SKEIN_Q6_K: return skein_quantize_q6_k;
    case SKEIN_IQ4_NL: return skein_quantize_iq4_nl;
    case SKEIN_IQ4_XS: return skein_quantize_iq4_xs;
    default: return NULL;
    }
}

// Infinities and NaN are what has all bits of the exponent.
static bool is_finite_row(const float *x, int32_t columns) {
    uint32_t found = 0;
    for (int32_t column = 0; column < columns; column++) {
        found |= (skein_bits_from_float(x[column]) & 0x7F800000) == 0x7F800000;
    }
    return !found;
}

static int quantize_row(const skein_quantize_rows_args *args, const float *x, uint8_t *y) {
    skein_quantize_block *quantize = quantizer_of(args->type);
    int32_t elements = skein_block_elements(args->type), bytes = skein_block_bytes(args->type);
    if (!is_finite_row(x, args->columns)) return SKEIN_QUANTIZE_NOT_FINITE;
    int worst = SKEIN_QUANTIZED;
    for (int32_t column = 0; column < args->columns; column += elements) {
        int result = quantize(x + column, y);
        if (result > worst) worst = result;
        y += bytes;
    }
    return worst;
}

void skein_quantize_rows(const void *arguments, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_quantize_rows_args *args = arguments;
    for (int64_t row = begin; row < end; row++) {
        args->faults[row] =
            (uint8_t)quantize_row(args, args->x + row * args->columns, (uint8_t *)args->y + row * args->row_bytes);
    }
}

// Exact: every E4M3 number is a float32.
static inline float float_from_e4m3(uint8_t bits) {
    uint32_t sign = (uint32_t)(bits & 0x80) << 24;
    uint32_t magnitude = bits & 0x7F;
    if (magnitude == 0x7F) return skein_float_from_bits(sign | 0x7FC00000);
    // Below 2^-6 the exponent stays and the fraction counts units of 2^-9.
    if (magnitude < 8) return skein_float_from_bits(sign | skein_bits_from_float((float)magnitude * 0x1p-9f));
    return skein_float_from_bits(sign | (magnitude + (120 << 3)) << 20);
}

void skein_float8_rows(const void *arguments, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_float8_rows_args *args = arguments;
    for (int64_t row = begin; row < end; row++) {
        const uint8_t *x = args->x + row * args->x_stride;
        float *y = args->y + row * args->y_stride;
        for (int32_t column = 0; column < args->columns; column++) y[column] = args->scale * float_from_e4m3(x[column]);
    }
}

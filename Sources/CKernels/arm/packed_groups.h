// Packed quantized weights (packed.h) in registers: what the vector and the matrix products share.
//
// 32 columns of four rows are 8 vectors of signed bytes, a 32-bit lane a row; scales and minima are vectors of 4
// floats.
//
//     value = scale * quant              symmetric formats
//     value = scale * quant - minimum    the others
//
// The quants of Q2_K and Q3_K are so small that their product with the scale of their 16 columns fits a byte: 0 ... 45,
// and -128 ... 124 for (4 - quant) * scale, the scale of which is -d. So they count as formats with a scale for 32
// columns; minima of Q2_K are for 16. Only Q6_K has two scales.
//
// Include inside target attributes. `type` and `part` (rows 4 * part ...) are constants wherever these are called.
#include "../packed_parts.h"

// The integer scales and minima of a chunk of a format of 256 values a block, a byte each, and what they multiply.
typedef struct {
    float32x4_t d[4], dmin[4];
    int8_t scales[16][SKEIN_PACKED_ROWS];
    int8_t minima[16][SKEIN_PACKED_ROWS];
} packed_scales;

INLINE bool packed_is_by_scale(int type) { return type == SKEIN_Q2_K || type == SKEIN_Q3_K; }
INLINE bool packed_has_two_scales(int type) { return type == SKEIN_Q6_K; }
INLINE bool packed_has_two_minima(int type) { return type == SKEIN_Q2_K; }

// What is taken from a quant, so that it is signed.
INLINE uint8_t packed_offset(int type) {
    switch (type) {
    case SKEIN_Q4_0: return 8;
    case SKEIN_Q5_0: return 16;
    case SKEIN_Q6_K: return 32;
    default: return 0;
    }
}

INLINE float32x4_t packed_f16(const uint8_t *p) { return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p))); }

// `count` values of 6 bits for each row: low halves, two more bits in quarters.
INLINE void packed_six_bits(int count, const uint8_t *low, const uint8_t *high, uint8_t offset,
                            int8_t out[16][SKEIN_PACKED_ROWS]) {
    for (int i = 0; i < count; i++) {
        uint8x16_t value = vld1q_u8(low + 16 * (i % (count / 2))) >> (i / (count / 2) * 4) & 15;
        uint8x16_t top = vld1q_u8(high + 16 * (i % (count / 4))) >> (i / (count / 4) * 2) & 3;
        vst1q_s8(out[i], vreinterpretq_s8_u8((value | top << 4) - offset));
    }
}

INLINE void packed_chunk_scales(int type, const packed_parts *parts, packed_scales *out) {
    if (packed_is_small(type)) return;
    for (int part = 0; part < 4; part++) {
        float32x4_t d = packed_f16(parts->d + 8 * part);
        out->d[part] = type == SKEIN_Q3_K ? -d : d;
        if (packed_has_minimum(type)) out->dmin[part] = packed_f16(parts->dmin + 8 * part);
    }
    if (type == SKEIN_Q6_K) {
        memcpy(out->scales, parts->scales, sizeof out->scales);
    } else if (type == SKEIN_Q2_K) {
        for (int i = 0; i < 16; i++) {
            uint8x16_t both = vld1q_u8(parts->scales + 16 * i);
            vst1q_s8(out->scales[i], vreinterpretq_s8_u8(both & 15));
            vst1q_s8(out->minima[i], vreinterpretq_s8_u8(both >> 4));
        }
    } else {
        bool is_signed = type == SKEIN_Q3_K || type == SKEIN_IQ4_XS;
        int count = SKEIN_PACKED_COLUMNS / packed_group(type);
        packed_six_bits(count, parts->scales, parts->scales_high, is_signed ? 32 : 0, out->scales);
        if (packed_has_minimum(type)) packed_six_bits(count, parts->minima, parts->minima_high, 0, out->minima);
    }
}

INLINE float32x4_t packed_times(float32x4_t d, const int8_t *bytes) {
    int32_t four;
    memcpy(&four, bytes, sizeof four);
    int16x8_t wide = vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four)));
    return d * vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
}

// Half of 2^(bits - 127); the two smallest are subnormal.
INLINE float32x4_t packed_e8m0(const uint8_t *p) {
    uint32_t four;
    memcpy(&four, p, sizeof four);
    uint32x4_t bits = vmovl_u16(vget_low_u16(vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four)))));
    uint32x4_t small = vshlq_u32(vdupq_n_u32(0x00200000), vreinterpretq_s32_u32(bits));
    return vreinterpretq_f32_u32(vbslq_u32(vcltq_u32(bits, vdupq_n_u32(2)), small, (bits - 1) << 23));
}

// The scale of group `group`: of 32 columns, or of 16 where there are two.
INLINE float32x4_t packed_scale(int type, const packed_parts *parts, const packed_scales *chunk, int group, int part) {
    if (packed_is_by_scale(type)) return chunk->d[part];
    if (!packed_is_small(type)) return packed_times(chunk->d[part], &chunk->scales[group][4 * part]);
    if (type == SKEIN_MXFP4) return packed_e8m0(parts->scales + 16 * group + 4 * part);
    return packed_f16(parts->scales + 32 * group + 8 * part);
}

// What is subtracted from scale * quant. For formats that add it: negated.
INLINE float32x4_t packed_minimum(int type, const packed_parts *parts, const packed_scales *chunk, int group,
                                  int part) {
    if (!packed_is_small(type)) return packed_times(chunk->dmin[part], &chunk->minima[group][4 * part]);
    return -packed_f16(parts->minima + 32 * group + 8 * part);
}

// Products with the scales of the 16 columns `half` of a group.
INLINE void packed_multiply_by_scale(int type, const int8_t scales[SKEIN_PACKED_ROWS], int part, uint8x16_t w[4]) {
    const uint8x16_t row = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
    uint8x16_t scale = vqtbl1q_u8(vld1q_u8((const uint8_t *)scales), row + (uint8_t)(4 * part));
    for (int i = 0; i < 4; i++) w[i] = (type == SKEIN_Q3_K ? 4 - w[i] : w[i]) * scale;
}

// Columns 4 i ..< 4 i + 4 of group `group` are w[i].
INLINE void packed_quants(int type, const packed_parts *parts, const packed_scales *chunk, int group, int part,
                          int8x16_t w[8]) {
    uint8x16_t quants[8];
    const uint8_t *low = parts->quants + group * 64 * packed_quant_bits(type) + 16 * part;
    const uint8_t *high = parts->quants_high + group * 64 * packed_high_bits(type) + 16 * part;
    for (int i = 0; i < 8; i++) {
        int bits = packed_quant_bits(type), in_byte = 8 / bits;
        quants[i] = vld1q_u8(low + 64 * (i / in_byte));
        if (in_byte > 1) quants[i] = quants[i] >> (i % in_byte * bits) & (uint8_t)((1 << bits) - 1);
        bits = packed_high_bits(type);
        if (bits == 0) continue;
        in_byte = 8 / bits;
        uint8x16_t top = vld1q_u8(high + 64 * (i / in_byte)) >> (i % in_byte * bits) & (uint8_t)((1 << bits) - 1);
        quants[i] |= top << packed_quant_bits(type);
    }
    if (packed_is_by_scale(type)) {
        packed_multiply_by_scale(type, chunk->scales[2 * group], part, quants);
        packed_multiply_by_scale(type, chunk->scales[2 * group + 1], part, quants + 4);
    }
    for (int i = 0; i < 8; i++) {
        w[i] = vreinterpretq_s8_u8(quants[i] - packed_offset(type));
        if (type == SKEIN_IQ4_NL || type == SKEIN_IQ4_XS) w[i] = vqtbl1q_s8(vld1q_s8(skein_iq4_values), quants[i]);
        if (type == SKEIN_MXFP4) w[i] = vqtbl1q_s8(vld1q_s8(skein_mxfp4_values), quants[i]);
    }
}

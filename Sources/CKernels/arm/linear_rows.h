// linear, quantized weights in rows as in a file, any number of tokens: y[t][r] = sum over c of w[r][c] * x[t][c]
// (+ bias[r])
//
// Shapes: w [rows] rows of runs of 256 columns, x [tokens][blocks of 256 columns], y [tokens][y_stride]. A run of a row
// is unpacked once to 16 vectors of 16 signed bytes, then multiplied with every token. Products are summed exactly
// in 4 lanes over a group, then accumulated in float32, 4 lanes a row and token, which are added up in the end: the
// same for any number of tokens. Packed weights are the fast way; this serves weights that stay as a file has them.
// Bound by unpacking for one token, for many by the products, which have no tile: not measured on an ARM processor.

typedef struct {
    int8x16_t quants[16];
    float scales[16]; // of groups of 32 or of 16 columns
    float minima[16];
} unpacked_run;

INLINE float row_f16(const uint8_t *p) {
    __fp16 half;
    memcpy(&half, p, sizeof half);
    return (float)half;
}

// Bytes of a block before its quants, of the formats of 32 values.
INLINE int row_small_header(int type) {
    return type == SKEIN_MXFP4 ? 1 : type == SKEIN_Q4_1 ? 4 : type == SKEIN_Q5_0 ? 6 : type == SKEIN_Q5_1 ? 8 : 2;
}

INLINE int row_block_bytes(int type) {
    return row_small_header(type) + (type == SKEIN_Q8_0 ? 32 : 16);
}

// Where the low bits of columns 16 k ... of a run are, and how far they are shifted.
INLINE const uint8_t *row_low_bits(int type, const uint8_t *run, int k, int *shift) {
    *shift = 0;
    switch (type) {
    case SKEIN_Q4_K: case SKEIN_Q5_K:
        *shift = k / 2 % 2 * 4;
        return run + (type == SKEIN_Q4_K ? 16 : 48) + k / 4 * 32 + k % 2 * 16;
    case SKEIN_Q6_K: *shift = k % 8 / 4 * 4; return run + k / 8 * 64 + k % 4 * 16;
    case SKEIN_Q2_K: case SKEIN_Q3_K:
        *shift = k % 8 / 2 * 2;
        return run + (type == SKEIN_Q2_K ? 16 : 32) + k / 8 * 32 + k % 2 * 16;
    case SKEIN_IQ4_XS: *shift = k % 2 * 4; return run + 8 + k / 2 * 16;
    case SKEIN_Q8_0: return run + k / 2 * 34 + 2 + k % 2 * 16;
    default: *shift = k % 2 * 4; return run + k / 2 * row_block_bytes(type) + row_small_header(type);
    }
}

// The high bits of columns 16 k ..., in their place above the low ones.
INLINE uint8x16_t row_high_bits(int type, const uint8_t *run, int k) {
    const uint8x16_t byte = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
    const uint8x16_t bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    if (type == SKEIN_Q6_K) return (vld1q_u8(run + 128 + k / 8 * 32 + k % 2 * 16) >> (k % 8 / 2 * 2) & 3) << 4;
    if (type == SKEIN_Q5_K) return (vld1q_u8(run + 16 + k % 2 * 16) >> (k / 2) & 1) << 4;
    if (type == SKEIN_Q3_K) return (vld1q_u8(run + k % 2 * 16) >> (k / 2) & 1) << 2;
    uint16_t bits; // Q5_0, Q5_1
    memcpy(&bits, run + k / 2 * row_block_bytes(type) + row_small_header(type) - 4 + k % 2 * 2, sizeof bits);
    uint8x16_t spread = vqtbl1q_u8(vreinterpretq_u8_u16(vdupq_n_u16(bits)), byte);
    return vtstq_u8(spread, bit) & 16;
}

INLINE int8x16_t row_quants(int type, const uint8_t *run, int k) {
    int shift, bits = packed_quant_bits(type);
    uint8x16_t quants = vld1q_u8(row_low_bits(type, run, k, &shift));
    if (bits < 8) quants = quants >> (uint8_t)shift & (uint8_t)((1 << bits) - 1);
    if (packed_high_bits(type) != 0) quants |= row_high_bits(type, run, k);
    if (type == SKEIN_IQ4_NL || type == SKEIN_IQ4_XS) return vqtbl1q_s8(vld1q_s8(skein_iq4_values), quants);
    if (type == SKEIN_MXFP4) return vqtbl1q_s8(vld1q_s8(skein_mxfp4_values), quants);
    uint8_t offset = type == SKEIN_Q3_K ? 4 : packed_offset(type);
    return vreinterpretq_s8_u8(quants - offset);
}

INLINE void row_small_scales(int type, const uint8_t *run, int groups, unpacked_run *out) {
    for (int g = 0; g < groups; g++) {
        const uint8_t *block = run + g * row_block_bytes(type);
        out->scales[g] = type == SKEIN_MXFP4 ? skein_half_float_from_e8m0(block[0]) : row_f16(block);
        if (packed_has_minimum(type)) out->minima[g] = -row_f16(block + 2);
    }
}

// Scale `g` of a block of 256 values as an integer; `minimum` where the format has one.
INLINE int row_integer_scale(int type, const uint8_t *run, int g, int *minimum) {
    *minimum = 0;
    switch (type) {
    case SKEIN_Q2_K: *minimum = run[g] >> 4; return run[g] & 15;
    case SKEIN_Q3_K: return ((run[96 + g % 8] >> (g / 8 * 4) & 15) | (run[104 + g % 4] >> (g / 4 * 2) & 3) << 4) - 32;
    case SKEIN_Q6_K: return (int8_t)run[192 + g];
    case SKEIN_IQ4_XS:
        return ((run[4 + g / 2] >> (g % 2 * 4) & 15) | (run[2 + g / 4] >> (g % 4 * 2) & 3) << 4) - 32;
    default: // Q4_K, Q5_K
        if (g < 4) {
            *minimum = run[8 + g] & 63;
            return run[4 + g] & 63;
        }
        *minimum = run[8 + g] >> 4 | run[4 + g] >> 6 << 4;
        return (run[8 + g] & 15) | run[g] >> 6 << 4;
    }
}

INLINE void row_large_scales(int type, const uint8_t *run, unpacked_run *out) {
    int at = type == SKEIN_Q2_K ? 80 : type == SKEIN_Q3_K ? 108 : type == SKEIN_Q6_K ? 208 : 0;
    float d = row_f16(run + at), dmin = packed_has_minimum(type) ? row_f16(run + at + 2) : 0;
    for (int g = 0; g < SKEIN_PACKED_COLUMNS / packed_group(type); g++) {
        int minimum, scale = row_integer_scale(type, run, g, &minimum);
        out->scales[g] = d * (float)scale;
        if (packed_has_minimum(type)) out->minima[g] = dmin * (float)minimum;
    }
}

// sum + `groups` groups of 32 columns of a run times the block x.
INLINE float32x4_t multiply_run(int type, const unpacked_run *w, int groups, const skein_activation_block *x,
                                float32x4_t sum) {
    int per_group = 32 / packed_group(type);
    for (int g = 0; g < groups; g++) {
        int32x4_t products = vdupq_n_s32(0);
        for (int i = 0; i < 2; i++) {
            products = dot_lanes(products, w->quants[2 * g + i], vld1q_s8(x->quants + 32 * g + 16 * i));
            if (per_group == 1 && i == 0) continue;
            float scale = w->scales[per_group == 1 ? g : 2 * g + i] * x->scales[g];
            sum = vfmaq_n_f32(sum, vcvtq_f32_s32(products), scale);
            products = vdupq_n_s32(0);
        }
    }
    for (int i = 0; packed_has_minimum(type) && i < per_group * groups; i += 4) {
        float32x4_t scales = vld1q_f32(x->scales + i / (4 * per_group) * 4);
        if (per_group == 2) scales = i % 8 ? vzip2q_f32(scales, scales) : vzip1q_f32(scales, scales);
        const int32_t *negated = per_group == 1 ? x->negated_sums32 : x->negated_sums16;
        sum = vfmaq_f32(sum, vld1q_f32(w->minima + i) * scales, vcvtq_f32_s32(vld1q_s32(negated + i)));
    }
    return sum;
}

// One row times all tokens; `sums` has room for 4 floats a token. `type` is a constant.
INLINE void rows_multiply_row(int type, const skein_linear_args *args, int32_t row, float *sums) {
    const uint8_t *w = (const uint8_t *)args->weights + row * args->row_bytes;
    const skein_activation_block *x = args->x;
    int64_t stride = skein_activation_blocks(args->columns);
    int64_t run_bytes = SKEIN_PACKED_COLUMNS / skein_block_elements(type) * skein_block_bytes(type);
    memset(sums, 0, (size_t)args->tokens * 4 * sizeof(float));
    for (int32_t column = 0; column < args->columns; column += SKEIN_PACKED_COLUMNS, w += run_bytes, x++) {
        int32_t rest = args->columns - column;
        int groups = rest < SKEIN_PACKED_COLUMNS ? rest / 32 : SKEIN_PACKED_COLUMNS / 32;
        unpacked_run run = {0}; // minima past the last group count as zeros
        for (int k = 0; k < 2 * groups; k++) run.quants[k] = row_quants(type, w, k);
        if (packed_is_small(type)) row_small_scales(type, w, groups, &run);
        else row_large_scales(type, w, &run);
        for (int32_t t = 0; t < args->tokens; t++) {
            vst1q_f32(sums + 4 * t, multiply_run(type, &run, groups, x + t * stride, vld1q_f32(sums + 4 * t)));
        }
    }
    float bias = args->bias != NULL ? args->bias[row] : 0;
    for (int64_t t = 0; t < args->tokens; t++) {
        args->y[t * args->y_stride + row] = vaddvq_f32(vld1q_f32(sums + 4 * t)) + bias;
    }
}

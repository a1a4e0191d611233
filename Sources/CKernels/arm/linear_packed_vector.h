// linear, packed quantized weights, 1 to 8 tokens: y[t][r] = sum over c of w[r][c] * x[t][c] (+ bias[r])
//
// Shapes: w packed (packed.h), x [tokens][blocks of 256 columns], y [tokens][y_stride]. A panel of 16 rows is read
// from its first byte to its last, a lane a row: no sums over lanes; four columns of an activation meet a vector.
// Products of 8 bit integers are summed exactly over 32 columns (16 where scales differ); these sums are accumulated
// in float32, one after the other, by the operations of linear_packed_matrix.h: both ways give the same bits.
// Bound by memory bandwidth on the weights for one token, by unpacking or the multipliers for many: an estimate from
// the instructions, as no ARM processor was at hand to measure.
enum { PACKED_VECTOR_TOKENS = 8 };

// sum + the products of 16 columns: four vectors of weights and the 16 bytes of x.
INLINE int32x4_t packed_dot_16(int32x4_t sum, const int8x16_t w[4], int8x16_t x) {
    sum = dot_four(sum, w[0], x, 0);
    sum = dot_four(sum, w[1], x, 1);
    sum = dot_four(sum, w[2], x, 2);
    return dot_four(sum, w[3], x, 3);
}

// The group's part of scales and minima, for the rows of one part.
typedef struct {
    float32x4_t scales[2];
    float32x4_t minima[2];
} group_scales;

INLINE group_scales packed_group_scales(int type, const packed_parts *parts, const packed_scales *scales, int group,
                                        int part) {
    group_scales out;
    int count = packed_has_two_scales(type) ? 2 : 1;
    for (int i = 0; i < count; i++) out.scales[i] = packed_scale(type, parts, scales, count * group + i, part);
    count = packed_has_two_minima(type) ? 2 : 1;
    for (int i = 0; i < count && packed_has_minimum(type); i++) {
        out.minima[i] = packed_minimum(type, parts, scales, count * group + i, part);
    }
    return out;
}

// sums[t] += the products of a group of 32 columns of four rows.
INLINE void packed_vector_group(int type, int tokens, const packed_parts *parts, const packed_scales *scales, int group,
                                int part, const skein_activation_block *x, int64_t stride,
                                float32x4_t sums[PACKED_VECTOR_TOKENS][4]) {
    int8x16_t w[8];
    packed_quants(type, parts, scales, group, part, w);
    group_scales of = packed_group_scales(type, parts, scales, group, part);
    for (int t = 0; t < tokens; t++) {
        const skein_activation_block *xt = x + t * stride;
        const int8_t *quants = xt->quants + 32 * group;
        int32x4_t products = packed_dot_16(vdupq_n_s32(0), w, vld1q_s8(quants));
        float32x4_t sum;
        if (packed_has_two_scales(type)) {
            int32x4_t second = packed_dot_16(vdupq_n_s32(0), w + 4, vld1q_s8(quants + 16));
            sum = vmulq_f32(vcvtq_f32_s32(products), of.scales[0]);
            sum = vfmaq_f32(sum, vcvtq_f32_s32(second), of.scales[1]);
        } else {
            products = packed_dot_16(products, w + 4, vld1q_s8(quants + 16));
            sum = vmulq_f32(vcvtq_f32_s32(products), of.scales[0]);
        }
        if (packed_has_two_minima(type)) {
            sum = vfmaq_n_f32(sum, of.minima[0], (float)xt->negated_sums16[2 * group]);
            sum = vfmaq_n_f32(sum, of.minima[1], (float)xt->negated_sums16[2 * group + 1]);
        } else if (packed_has_minimum(type)) {
            sum = vfmaq_n_f32(sum, of.minima[0], (float)xt->negated_sums32[group]);
        }
        sums[t][part] = vfmaq_n_f32(sums[t][part], sum, xt->scales[group]);
    }
}

// y[t][row ..< row + count] = the 16 sums at `sums` + bias; count is at most 16.
static void packed_store_rows(const skein_linear_args *args, int32_t token, int32_t row, int32_t count,
                              const float32x4_t sums[4]) {
    float *y = args->y + token * args->y_stride + row;
    if (count < SKEIN_PACKED_ROWS) {
        float copy[SKEIN_PACKED_ROWS];
        for (int part = 0; part < 4; part++) vst1q_f32(copy + 4 * part, sums[part]);
        for (int32_t i = 0; i < count; i++) y[i] = args->bias != NULL ? copy[i] + args->bias[row + i] : copy[i];
        return;
    }
    for (int part = 0; part < 4; part++) {
        float32x4_t sum = sums[part];
        if (args->bias != NULL) sum = vaddq_f32(sum, vld1q_f32(args->bias + row + 4 * part));
        vst1q_f32(y + 4 * part, sum);
    }
}

// `count` rows, at most 16, from `row` on, which begins a panel; `type` and `tokens` are constants.
INLINE void packed_vector_panel(int type, int tokens, const skein_linear_args *args, int32_t row, int32_t count) {
    const skein_activation_block *x = args->x;
    int64_t stride = skein_activation_blocks(args->columns), group_bytes = packed_group_bytes(type);
    int64_t panel_bytes = skein_packed_panel_bytes(type, args->columns);
    const uint8_t *w = (const uint8_t *)args->weights + row / SKEIN_PACKED_ROWS * panel_bytes;
    float32x4_t sums[PACKED_VECTOR_TOKENS][4];
    for (int t = 0; t < tokens; t++) {
        for (int part = 0; part < 4; part++) sums[t][part] = vdupq_n_f32(0);
    }
    for (int32_t column = 0; column < args->columns; column += SKEIN_PACKED_COLUMNS, x++) {
        int32_t rest = args->columns - column;
        int groups = rest < SKEIN_PACKED_COLUMNS ? rest / 32 : SKEIN_PACKED_COLUMNS / 32;
        packed_parts parts = packed_parts_of(type, w, w + groups * group_bytes, groups);
        packed_scales scales;
        packed_chunk_scales(type, &parts, &scales);
        for (int group = 0; group < groups; group++) {
            for (int part = 0; part < 4; part++) {
                packed_vector_group(type, tokens, &parts, &scales, group, part, x, stride, sums);
            }
        }
        w += groups * group_bytes;
    }
    for (int t = 0; t < tokens; t++) packed_store_rows(args, t, row, count, sums[t]);
}

INLINE void packed_linear_vector(int type, const skein_linear_args *args, int32_t begin, int32_t end) {
    for (int32_t row = begin; row < end; row += SKEIN_PACKED_ROWS) {
        int32_t count = end - row < SKEIN_PACKED_ROWS ? end - row : SKEIN_PACKED_ROWS;
        switch (args->tokens) {
        case 1: packed_vector_panel(type, 1, args, row, count); break;
        case 2: packed_vector_panel(type, 2, args, row, count); break;
        case 3: packed_vector_panel(type, 3, args, row, count); break;
        case 4: packed_vector_panel(type, 4, args, row, count); break;
        case 5: packed_vector_panel(type, 5, args, row, count); break;
        case 6: packed_vector_panel(type, 6, args, row, count); break;
        case 7: packed_vector_panel(type, 7, args, row, count); break;
        default: packed_vector_panel(type, 8, args, row, count); break;
        }
    }
}

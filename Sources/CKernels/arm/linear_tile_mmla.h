// A tile of 8 rows by 4 tokens by products of matrices: accumulator 2 p + s has rows 2 p, 2 p + 1 of tokens 2 s,
// 2 s + 1, as (row, token): (0, 0), (0, 1), (1, 0), (1, 1). A group's weights are [column / 8][p], vectors of 2 rows by
// 8 columns, zipped from the packed ones, and scales [p], each twice.
enum { TILE_SCALES = 4 };
#define TILE_SCALE_OF(i) ((i) / 2)

INLINE void tile_put_quants(const int8x16_t w[8], int q, int8x16_t to[16]) {
    for (int i = 0; i < 4; i++) {
        int32x4_t left = vreinterpretq_s32_s8(w[2 * i]), right = vreinterpretq_s32_s8(w[2 * i + 1]);
        to[4 * i + 2 * q] = vreinterpretq_s8_s32(vzip1q_s32(left, right));
        to[4 * i + 2 * q + 1] = vreinterpretq_s8_s32(vzip2q_s32(left, right));
    }
}

INLINE void tile_put_scales(float32x4_t scales, int q, float32x4_t to[TILE_SCALES]) {
    to[2 * q] = vzip1q_f32(scales, scales);
    to[2 * q + 1] = vzip2q_f32(scales, scales);
}

// What accumulator i takes of four numbers, one for each token.
INLINE float32x4_t tile_of_tokens(float32x4_t numbers, int i) {
    float32x2_t pair = i % 2 ? vget_high_f32(numbers) : vget_low_f32(numbers);
    return vcombine_f32(pair, pair);
}

// products += 16 columns, of which the first is column `column` of the blocks x.
INLINE void tile_products(const int8x16_t w[8], const skein_activation_block *const x[4], int column,
                          int32x4_t products[8]) {
    int8x16_t pairs[2][2]; // [columns / 8][tokens / 2]
    for (int s = 0; s < 2; s++) {
        int64x2_t even = vreinterpretq_s64_s8(vld1q_s8(x[2 * s]->quants + column));
        int64x2_t odd = vreinterpretq_s64_s8(vld1q_s8(x[2 * s + 1]->quants + column));
        pairs[0][s] = vreinterpretq_s8_s64(vzip1q_s64(even, odd));
        pairs[1][s] = vreinterpretq_s8_s64(vzip2q_s64(even, odd));
    }
    for (int eight = 0; eight < 2; eight++) {
        for (int p = 0; p < 4; p++) {
            for (int s = 0; s < 2; s++) {
                products[2 * p + s] = vmmlaq_s32(products[2 * p + s], w[4 * eight + p], pairs[eight][s]);
            }
        }
    }
}

// The 8 rows of token t.
INLINE void tile_rows(const float32x4_t sums[8], int t, float32x4_t rows[2]) {
    for (int q = 0; q < 2; q++) {
        float32x4_t front = sums[4 * q + t / 2], back = sums[4 * q + 2 + t / 2];
        rows[q] = t % 2 ? vuzp2q_f32(front, back) : vuzp1q_f32(front, back);
    }
}

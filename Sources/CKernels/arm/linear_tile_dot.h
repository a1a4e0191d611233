// A tile of 8 rows by 4 tokens by dot products: accumulator 2 t + q has rows 4 q ... of token t. A group's weights are
// [column / 4][q], vectors of 4 rows by 4 columns as they are packed, and scales [q].
enum { TILE_SCALES = 2 };
#define TILE_SCALE_OF(i) ((i) % 2)

INLINE void tile_put_quants(const int8x16_t w[8], int q, int8x16_t to[16]) {
    for (int i = 0; i < 8; i++) to[2 * i + q] = w[i];
}

INLINE void tile_put_scales(float32x4_t scales, int q, float32x4_t to[TILE_SCALES]) { to[q] = scales; }

// What accumulator i takes of four numbers, one for each token.
INLINE float32x4_t tile_of_tokens(float32x4_t numbers, int i) { return vdupq_n_f32(numbers[i / 2]); }

// products += 16 columns, of which the first is column `column` of the blocks x.
INLINE void tile_products(const int8x16_t w[8], const skein_activation_block *const x[4], int column,
                          int32x4_t products[8]) {
    int8x16_t xt[4];
    for (int t = 0; t < 4; t++) xt[t] = vld1q_s8(x[t]->quants + column);
    for (int q = 0; q < 2; q++) {
        for (int t = 0; t < 4; t++) {
            int32x4_t *sum = &products[2 * t + q];
            *sum = dot_four(*sum, w[q], xt[t], 0);
            *sum = dot_four(*sum, w[2 + q], xt[t], 1);
            *sum = dot_four(*sum, w[4 + q], xt[t], 2);
            *sum = dot_four(*sum, w[6 + q], xt[t], 3);
        }
    }
}

// The 8 rows of token t.
INLINE void tile_rows(const float32x4_t sums[8], int t, float32x4_t rows[2]) {
    rows[0] = sums[2 * t];
    rows[1] = sums[2 * t + 1];
}

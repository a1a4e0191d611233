// The sums of attention over Q8_0 values, in integers of 16 bits: twice the products of an instruction on
// float32, and no conversion of values but a widening.
//
//     weight[p] * d[p][b] = t * m[p],  t = max over p / 32767,  m to nearest, for each row and block b of
//     columns;  sum[i] += t * (sum over p of m[p] * v[p][i])
//
// The inner sums are exact: 64 products in a lane are below 2^28. Beside float32's error there is only that of
// m, half of t: 2^-16 of the largest weight of the 64 positions. Together with the rounding of the queries
// (attention_scores_avx512.h, attention_scores_avx2.h) results were off by 5e-5 of the values, where the 8 bits
// of the cache are 4e-3.
// Measured on a Zen 4 core, 4 heads a kv head of 128 wide: the whole of attention takes 16% less than with
// values converted to float32 and multiplied by their scales.

// The weights of one row on the 64 positions times the scales of one block of columns, as m. Returns t.
SKEIN_INLINE float value_weights(const float *weights, const float *scales, int16_t *m) {
    enum { VECTORS = SKEIN_ATTENTION_BLOCK / LANES };
    vec product[VECTORS];
    vec largest = vec_set(0);
    for (int32_t i = 0; i < VECTORS; i++) {
        product[i] = vec_load(weights + i * LANES) * vec_load(scales + i * LANES);
        largest = vec_max_bits(product[i], largest);
    }
    float most = vec_largest_bits(largest);
    bool counts = !(most <= 1e-30f);  // NaN counts, and shows in the sums
    vec inverse = vec_set(counts ? 32767.0f / most : 0);
    for (int32_t i = 0; i < VECTORS; i++) words_store_rounded(m + i * LANES, product[i] * inverse);
    return counts ? most / 32767.0f : 0;
}

// VECTORS vectors of 2 * LANES columns from `column` on. `m` [ROWS][blocks][BLOCK] and `t` [ROWS][blocks] are
// those of the blocks from `column` on, ROW_BLOCKS from one row to the next.
SKEIN_INLINE void value_columns_integer(const int32_t ROWS, const int32_t VECTORS, const int32_t ROW_BLOCKS,
                                        const value_work *w, int32_t column,
                                        const int16_t (*m)[SKEIN_ATTENTION_BLOCK], const float *t) {
    enum { WORDS = 2 * LANES };
    const int64_t offset = column + (column / SKEIN_CACHE_BLOCK + 1) * (int64_t)sizeof(uint16_t);
    words sums[16];
    for (int32_t i = 0; i < 2 * ROWS * VECTORS; i++) sums[i] = words_zero();
    for (int32_t p = w->first & ~1; p < w->end; p += 2) {
        // Beside the ends: some position that exists; its weight is zero.
        const int8_t *even = (const int8_t *)w->values[p < w->first ? w->first : p] + offset;
        const int8_t *odd = (const int8_t *)w->values[p + 1] + offset;
        // The scales count as well: without them a line in 16 was missed, which took 9% longer.
        int32_t bytes = VECTORS * WORDS * SKEIN_CACHE_BLOCK_BYTES / SKEIN_CACHE_BLOCK;
        for (int32_t i = 0; w->ahead != NULL && i < bytes; i += 64) {
            _mm_prefetch((const char *)w->ahead[p] + offset + i, _MM_HINT_T1);
            _mm_prefetch((const char *)w->ahead[p + 1] + offset + i, _MM_HINT_T1);
        }
        for (int32_t v = 0; v < VECTORS; v++) {
            int32_t block = v * WORDS / SKEIN_CACHE_BLOCK;
            int32_t at = v * WORDS + block * (int32_t)sizeof(uint16_t);
            words first = words_load_bytes(even + at);
            words second = words_load_bytes(odd + at);
            words low = words_low_pairs(first, second);
            words high = words_high_pairs(first, second);
            for (int32_t r = 0; r < ROWS; r++) {
                words pair = words_set_pair(&m[r * ROW_BLOCKS + block][p]);
                words *sum = &sums[2 * (r * VECTORS + v)];
                sum[0] = words_add_products(sum[0], low, pair);
                sum[1] = words_add_products(sum[1], high, pair);
            }
        }
    }
    for (int32_t r = 0; r < ROWS; r++) {
        vec correction = vec_set(w->correction[r]);
        for (int32_t v = 0; v < VECTORS; v++) {
            float *to = w->sums + r * w->sum_stride + column + v * WORDS;
            vec scale = vec_set(t[r * ROW_BLOCKS + v * WORDS / SKEIN_CACHE_BLOCK]);
            const words *sum = &sums[2 * (r * VECTORS + v)];
            vec front = vec_from_words(words_front(sum[0], sum[1]));
            vec back = vec_from_words(words_back(sum[0], sum[1]));
            vec_store(to, vec_fma(front, scale, vec_load(to) * correction));
            vec_store(to + LANES, vec_fma(back, scale, vec_load(to + LANES) * correction));
        }
    }
}

// Columns of BLOCKS blocks from `column` on: the weights of all of them once, then as many columns at a time as
// the registers hold.
SKEIN_INLINE void value_tile_integer(const int32_t ROWS, const int32_t BLOCKS, const value_work *w,
                                     int32_t column) {
    enum { BLOCK = SKEIN_ATTENTION_BLOCK, WORDS = 2 * LANES };
    const int32_t ALL = BLOCKS * SKEIN_CACHE_BLOCK / WORDS;
    const int32_t MOST = LANES / 2 / ROWS > 4 ? 4 : LANES / 2 / ROWS;
    const int32_t VECTORS = ALL < MOST ? ALL : MOST;
    int16_t m[8][BLOCK];
    float t[8];
    for (int32_t i = 0; i < ROWS * BLOCKS; i++) {
        const float *scales = w->scales + (column / SKEIN_CACHE_BLOCK + i % BLOCKS) * BLOCK;
        t[i] = value_weights(w->weights + i / BLOCKS * BLOCK, scales, m[i]);
    }
    for (int32_t v = 0; v < ALL; v += VECTORS) {
        int32_t block = v * WORDS / SKEIN_CACHE_BLOCK;
        value_columns_integer(ROWS, VECTORS, BLOCKS, w, column + v * WORDS, m + block, t + block);
    }
}

// value_tiles on Q8_0.
SKEIN_INLINE void value_tiles_integer(const int32_t ROWS, const value_work *w) {
    const int32_t MOST = ROWS == 4 ? 2 : 4;
    int32_t end = skein_cache_blocks(w->width);
    int32_t block = 0;
    for (; block + MOST <= end; block += MOST) value_tile_integer(ROWS, MOST, w, block * SKEIN_CACHE_BLOCK);
    for (; block < end; block++) value_tile_integer(ROWS, 1, w, block * SKEIN_CACHE_BLOCK);
}

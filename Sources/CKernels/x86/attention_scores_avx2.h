// Scores of queries on Q8_0 keys in integers of 16 bits (AVX2).
//
//     q = s * n,  s = max |q| / 32767 of the head,  n = q / s to nearest
//     score = s * sum over blocks b of d[b] * (sum over i of n[i] * k[i])
//
// The inner sums are exact: a lane adds four products, below 2^24. So the only error beside float32's is that
// of the queries: half of s, 2^-16 of the largest of the head.

// Turns a row of `width` scaled queries into n in its place, padded with zeros to whole blocks. Returns s; NaN
// where a query is infinite or NaN.
static float score_prepare(float *query, int32_t width) {
    vec largest = vec_set(0);
    for (int32_t i = 0; i < width; i += LANES) {
        largest = vec_max_bits(vec_abs(vec_load(query + i)), largest);
    }
    float most = vec_largest_bits(largest);
    bool counts = !(most <= 1e-30f);  // NaN counts, and shows in the scores
    vec inverse = vec_set(counts ? 32767.0f / most : 0);
    for (int32_t i = 0; i < skein_cache_blocks(width) * SKEIN_CACHE_BLOCK; i += LANES) {
        words_store_rounded((int16_t *)query + i, vec_load(query + i) * inverse);
    }
    return counts ? most / 32767.0f : 0;
}

// score_tile on Q8_0; `queries` holds what score_prepare made.
SKEIN_INLINE void score_tile_integer(const int32_t ROWS, const score_work *w) {
    enum { BLOCK = SKEIN_ATTENTION_BLOCK, WORDS = 2 * LANES };  // a block is two vectors of words
    const int32_t POSITIONS = LANES / ROWS;
    const int32_t blocks = skein_cache_blocks(w->width);
    float query_scales[LANES];
    for (int32_t i = 0; i < LANES; i++) query_scales[i] = w->query_scales[i / POSITIONS];
    for (int32_t p = w->first / POSITIONS * POSITIONS; p < w->end; p += POSITIONS) {
        const void *keys[LANES];
        score_rows(POSITIONS, w, p, keys);
        vec sums[LANES];
        for (int32_t i = 0; i < LANES; i++) sums[i] = vec_set(0);
        for (int32_t b = 0; b < blocks; b++) {
            const float *scales = w->scales + b * BLOCK + p;
            const int16_t *query = (const int16_t *)w->queries + b * SKEIN_CACHE_BLOCK;
            for (int32_t j = 0; j < POSITIONS; j++) {
                const int8_t *at = (const int8_t *)keys[j] + b * SKEIN_CACHE_BLOCK_BYTES + sizeof(uint16_t);
                words front = words_load_bytes(at);
                words back = words_load_bytes(at + WORDS);
                for (int32_t r = 0; r < ROWS; r++) {
                    const int16_t *n = query + 2 * r * w->query_stride;
                    words sum = words_add_products(words_zero(), front, words_load(n));
                    sum = words_add_products(sum, back, words_load(n + WORDS));
                    vec *to = &sums[r * POSITIONS + j];
                    *to = vec_fma(vec_from_words(sum), vec_set(scales[j]), *to);
                }
            }
        }
        float tile[LANES];
        vec_store(tile, vec_sums(sums) * vec_load(query_scales));
        for (int32_t r = 0; r < ROWS; r++) {
            memcpy(w->scores + r * BLOCK + p, tile + r * POSITIONS, (size_t)POSITIONS * sizeof *tile);
        }
    }
}

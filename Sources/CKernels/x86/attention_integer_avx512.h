// Scores of queries on Q8_0 keys in integers (AVX-512 VNNI): 64 products an instruction instead of 16.
//
//     q = s * n,  s = max |q| / 16256 of the head,  n = q / s to nearest = 128 * high + low
//     score = s * sum over blocks b of d[b] * (sum over i of n[i] * k[i])
//
// The inner sums are exact: an instruction takes unsigned keys k + 128, and what the 128 adds is subtracted
// beforehand; a lane's sum of four products is below 2^23. So the only error beside float32's is that of the
// queries: half of s, 2^-15 of the largest of the head. A score of size 10 moves by some 1e-4, where the 8 bits
// of the keys themselves move it by 3e-2.
// Measured on a Zen 4 core, 4 heads a kv head of 128 wide: @@@

// What 64 values of a query become; it takes 3/4 of the room of their floats.
typedef struct {
    __m512i high;
    __m512i low;
    __m512i start;  // -(128 * sum of high + sum of low) of four values: takes back the 128 of the keys
} integer_query;

// Turns a row of `width` scaled queries, padded with zeros to 64, into integers in their place. Returns s; NaN
// where a query is infinite or NaN.
static float score_prepare(float *query, int32_t width) {
    vec largest = vec_set(0);
    vec check = vec_set(0);
    for (int32_t i = 0; i < width; i += LANES) {
        vec q = vec_load(query + i);
        largest = vec_max(vec_abs(q), largest);
        check += q * vec_set(0);
    }
    float most = vec_largest(largest);
    float inverse = most > 1e-30f ? 16256.0f / most : 0;
    const __m512i ones = _mm512_set1_epi8(1);
    for (int32_t i = 0; i < width; i += 64) {
        __m512i n[4];
        for (int32_t j = 0; j < 4; j++) n[j] = _mm512_cvtps_epi32(vec_load(query + i + j * LANES) * vec_set(inverse));
        integer_query *to = (integer_query *)query + i / 64;
        __m128i high[4], low[4];
        for (int32_t j = 0; j < 4; j++) {
            __m512i h = _mm512_srai_epi32(_mm512_add_epi32(n[j], _mm512_set1_epi32(64)), 7);
            high[j] = _mm512_cvtepi32_epi8(h);
            low[j] = _mm512_cvtepi32_epi8(_mm512_sub_epi32(n[j], _mm512_slli_epi32(h, 7)));
        }
        memcpy(&to->high, high, sizeof high);
        memcpy(&to->low, low, sizeof low);
        __m512i sum = _mm512_slli_epi32(_mm512_dpbusd_epi32(_mm512_setzero_si512(), ones, to->high), 7);
        sum = _mm512_dpbusd_epi32(sum, ones, to->low);
        to->start = _mm512_sub_epi32(_mm512_setzero_si512(), sum);
    }
    return (most > 1e-30f ? most / 16256.0f : 0) + vec_sum(check);
}

// score_tile on Q8_0; `queries` holds what score_prepare made.
SKEIN_INLINE void score_tile_integer(const int32_t ROWS, const score_work *w) {
    enum { BLOCK = SKEIN_ATTENTION_BLOCK };
    const int32_t POSITIONS = LANES / ROWS;
    const int32_t blocks = skein_cache_blocks(w->width);
    float query_scales[LANES];
    for (int32_t i = 0; i < LANES; i++) query_scales[i] = w->query_scales[i / POSITIONS];
    for (int32_t p = w->first / POSITIONS * POSITIONS; p < w->end; p += POSITIONS) {
        const uint8_t *keys[LANES];
        score_rows(POSITIONS, ROW_Q8_0, w, p, (const void **)keys);
        vec sums[LANES];
        for (int32_t i = 0; i < LANES; i++) sums[i] = vec_set(0);
        for (int32_t b = 0; b < blocks; b += 2) {
            const float *scales = w->scales + b * BLOCK + p;
            const int32_t STEP = ROWS == 4 ? 4 : 1;
            for (int32_t first = 0; first < POSITIONS; first += STEP) {
                __m512i key[4];
                vec scale[4];
                for (int32_t j = 0; j < STEP; j++) {
                    const uint8_t *at = keys[first + j] + b * SKEIN_CACHE_BLOCK_BYTES + sizeof(uint16_t);
                    key[j] = _mm512_zextsi256_si512(_mm256_loadu_si256((const __m256i *)at));
                    scale[j] = _mm512_maskz_mov_ps(0x00ff, vec_set(scales[first + j]));
                    if (b + 1 < blocks) {
                        at += SKEIN_CACHE_BLOCK_BYTES;
                        key[j] = _mm512_inserti64x4(key[j], _mm256_loadu_si256((const __m256i *)at), 1);
                        scale[j] = _mm512_mask_mov_ps(scale[j], 0xff00, vec_set(scales[BLOCK + first + j]));
                    }
                    key[j] = _mm512_xor_si512(key[j], _mm512_set1_epi8(-128));
                }
                for (int32_t r = 0; r < ROWS; r++) {
                    const integer_query *query =
                        (const integer_query *)(w->queries + r * w->query_stride) + b / 2;
                    for (int32_t j = 0; j < STEP; j++) {
                        __m512i sum = _mm512_dpbusd_epi32(query->start, key[j], query->high);
                        sum = _mm512_dpbusd_epi32(_mm512_slli_epi32(sum, 7), key[j], query->low);
                        vec *to = &sums[r * POSITIONS + first + j];
                        *to = vec_fma(_mm512_cvtepi32_ps(sum), scale[j], *to);
                    }
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

// The weights of one row on the 64 positions of a block times the scales of one block of columns, as whole
// numbers: weight * scale = result * n. Returns result.
SKEIN_INLINE float value_weights(const float *weights, const float *scales, int16_t *n) {
    enum { VECTORS = SKEIN_ATTENTION_BLOCK / LANES };
    vec product[VECTORS];
    // Nothing is negative, so numbers are in the order of their bits, and NaN lies above all.
    __m512i largest = _mm512_setzero_si512();
    for (int32_t i = 0; i < VECTORS; i++) {
        product[i] = vec_load(weights + i * LANES) * vec_load(scales + i * LANES);
        largest = _mm512_max_epi32(_mm512_castps_si512(product[i]), largest);
    }
    float most = _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(_mm512_reduce_max_epi32(largest))));
    bool counts = !(most <= 1e-30f);
    vec inverse = vec_set(counts ? 32767.0f / most : 0);
    for (int32_t i = 0; i < VECTORS; i++) {
        __m256i words = _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(product[i] * inverse));
        _mm256_storeu_si256((__m256i *)(n + i * LANES), words);
    }
    return counts ? most / 32767.0f : 0;
}

// Columns of BLOCKS blocks from `column` on.
SKEIN_INLINE void value_tile_integer(const int32_t ROWS, const int32_t BLOCKS, const value_work *w,
                                     int32_t column) {
    enum { BLOCK = SKEIN_ATTENTION_BLOCK };
    const int64_t offset = row_offset(ROW_Q8_0, column);
    int16_t weights[8][BLOCK];
    float factors[8];
    for (int32_t i = 0; i < ROWS * BLOCKS; i++) {
        const float *scales = w->scales + (column / SKEIN_CACHE_BLOCK + i % BLOCKS) * BLOCK;
        factors[i] = value_weights(w->weights + i / BLOCKS * BLOCK, scales, weights[i]);
    }
    __m512i sums[16];
    for (int32_t i = 0; i < 2 * ROWS * BLOCKS; i++) sums[i] = _mm512_setzero_si512();
    for (int32_t p = w->first & ~1; p < w->end; p += 2) {
        // Beside the ends: some position that exists; its weight is zero.
        const uint8_t *even = (const uint8_t *)w->values[p < w->first ? w->first : p] + offset;
        const uint8_t *odd = (const uint8_t *)w->values[p + 1] + offset;
        for (int32_t i = 0; w->ahead != NULL && i < BLOCKS * SKEIN_CACHE_BLOCK_BYTES; i += 64) {
            _mm_prefetch((const char *)w->ahead[p] + offset + i, _MM_HINT_T1);
            _mm_prefetch((const char *)w->ahead[p + 1] + offset + i, _MM_HINT_T1);
        }
        for (int32_t b = 0; b < BLOCKS; b++) {
            int32_t at = b * SKEIN_CACHE_BLOCK_BYTES;
            __m512i first = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(even + at)));
            __m512i second = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(odd + at)));
            __m512i low = _mm512_unpacklo_epi16(first, second);
            __m512i high = _mm512_unpackhi_epi16(first, second);
            for (int32_t r = 0; r < ROWS; r++) {
                int32_t pair;
                memcpy(&pair, &weights[r * BLOCKS + b][p], sizeof pair);
                __m512i *sum = &sums[2 * (r * BLOCKS + b)];
                sum[0] = _mm512_dpwssd_epi32(sum[0], low, _mm512_set1_epi32(pair));
                sum[1] = _mm512_dpwssd_epi32(sum[1], high, _mm512_set1_epi32(pair));
            }
        }
    }
    // Fours of columns lie in turns in `low` and `high`.
    const __m512i front = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
    const __m512i back = _mm512_add_epi32(front, _mm512_set1_epi32(8));
    for (int32_t i = 0; i < ROWS * BLOCKS; i++) {
        float *to = w->sums + i / BLOCKS * w->sum_stride + column + i % BLOCKS * SKEIN_CACHE_BLOCK;
        vec correction = vec_set(w->correction[i / BLOCKS]);
        for (int32_t half = 0; half < 2; half++) {
            __m512i sum = _mm512_permutex2var_epi32(sums[2 * i], half == 0 ? front : back, sums[2 * i + 1]);
            vec before = vec_load(to + half * LANES) * correction;
            vec_store(to + half * LANES, vec_fma(_mm512_cvtepi32_ps(sum), vec_set(factors[i]), before));
        }
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

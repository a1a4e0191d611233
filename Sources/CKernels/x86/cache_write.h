// cache_write: keys and values of new tokens, rounded where the cache is, into their places in the paged cache.
//
// Shapes: keys [tokens][kv_heads][key_width] -> [page][kv_head][page_tokens] rows, values likewise.
// The float32 operations of the reference kernel, and so its bits: F32 as it is; F16 and BF16 to nearest even,
// finite values beyond the largest clamped; Q8_0 with the scale max |x| / 127 rounded up to F16. Bound by memory.
SKEIN_INLINE vec clamp_finite_to_half(vec v) {
    vec clamped = vec_max(vec_set(-65504.0f), vec_min(vec_set(65504.0f), v));
    return vec_where_less(vec_set(__FLT_MAX__), vec_abs(v), v, clamped);
}

static void cache_write_f16_row(uint8_t *row, const float *from, int32_t width) {
    uint16_t *to = (uint16_t *)row;
    for (int32_t i = 0; i < width; i += LANES) {
        int32_t count = width - i < LANES ? width - i : LANES;
        vec_store_half_part(to + i, clamp_finite_to_half(vec_load_part(from + i, count)), count);
    }
}

// The largest magnitude of 32 values, as bits: in the order of integers NaN lies above infinity, and that
// above everything.
SKEIN_INLINE uint32_t cache_largest_bits(const __m256i bits[4]) {
    const __m256i no_sign = _mm256_set1_epi32(0x7fffffff);
    __m256i largest = _mm256_and_si256(bits[0], no_sign);
    for (int32_t i = 1; i < 4; i++) {
        largest = _mm256_max_epi32(largest, _mm256_and_si256(bits[i], no_sign));
    }
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(four);
}

// One block of 32 values, on both instruction sets with the vectors of AVX2: a block is four of them.
SKEIN_INLINE void cache_write_q8_0_block(uint8_t *to, const float *from) {
    __m256i bits[4];
    for (int32_t i = 0; i < 4; i++) bits[i] = _mm256_loadu_si256((const __m256i *)from + i);
    uint32_t largest_bits = cache_largest_bits(bits);
    float largest;
    memcpy(&largest, &largest_bits, sizeof largest);
    float scale = largest / 127.0f;
    if (scale > 65504.0f) scale = 65504.0f;
    uint16_t half = _cvtss_sh(scale, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
    if (largest_bits >= 0x7f800000) half = 0x7e00;
    memcpy(to, &half, sizeof half);
    if (half == 0 || half == 0x7e00) {
        memset(to + sizeof half, 0, SKEIN_CACHE_BLOCK);
        return;
    }
    const __m256 inverse = _mm256_set1_ps(1.0f / _cvtsh_ss(half));
    const __m256 most = _mm256_set1_ps(127.0f);
    __m256i quants[4];
    for (int32_t i = 0; i < 4; i++) {
        __m256 quant = _mm256_mul_ps(_mm256_castsi256_ps(bits[i]), inverse);
        quant = _mm256_min_ps(_mm256_max_ps(quant, -most), most);
        quants[i] = _mm256_cvtps_epi32(quant);  // to nearest even
    }
    // Packing works inside 128 bit lanes: fours of bytes come out in the order 0 2 4 6 1 3 5 7.
    __m256i low = _mm256_packs_epi32(quants[0], quants[1]);
    __m256i bytes = _mm256_packs_epi16(low, _mm256_packs_epi32(quants[2], quants[3]));
    bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256((__m256i *)(to + sizeof half), bytes);
}

static void cache_write_q8_0_row(uint8_t *to, const float *from, int32_t width) {
    int32_t i = 0;
    for (; i + SKEIN_CACHE_BLOCK <= width; i += SKEIN_CACHE_BLOCK) {
        cache_write_q8_0_block(to, from + i);
        to += SKEIN_CACHE_BLOCK_BYTES;
    }
    if (i == width) return;
    float last[SKEIN_CACHE_BLOCK] = {0};
    memcpy(last, from + i, (size_t)(width - i) * sizeof *last);
    cache_write_q8_0_block(to, last);
}

void SKEIN_KERNEL(cache_write)(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_cache_write_args *a = args;
    const skein_cache *c = &a->cache;
    skein_cache_write_row *write_row = skein_cache_plain_writer(c->type);
    if (write_row == NULL) write_row = c->type == SKEIN_Q8_0 ? cache_write_q8_0_row : cache_write_f16_row;
    for (int32_t t = begin; t < end; t++) {
        int64_t entry = (int64_t)a->sequences[t] * c->pages_per_sequence + a->positions[t] / c->page_tokens;
        int64_t page = c->page_table[entry];
        int64_t slot = a->positions[t] % c->page_tokens;
        for (int32_t h = 0; h < c->kv_heads; h++) {
            int64_t to = (page * c->kv_heads + h) * c->page_tokens + slot;
            int64_t from = (int64_t)t * c->kv_heads + h;
            write_row(skein_cache_key(c, to), a->keys + from * c->key_width, c->key_width);
            write_row(skein_cache_value(c, to), a->values + from * c->value_width, c->value_width);
        }
    }
}

// cache_write: keys and values of new tokens, rounded where the cache is, into their places in the paged cache.
//
// Shapes: keys [tokens][kv_heads][key_width] -> [page][kv_head][page_tokens] rows, values likewise.
// The float32 operations of the reference kernel, and so its bits: F32 as it is; F16 to nearest even, finite
// values beyond 65504 clamped; Q8_0 with the scale max |x| / 127 rounded up to F16. Bound by memory.
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

// The least F16 number that is not below `scale`, at most 65504. NEON rounds to nearest only.
SKEIN_INLINE uint16_t cache_scale_rounded_up(float scale) {
    if (scale >= 65504.0f) return 0x7bff;
    uint16_t half = skein_half_from_float(scale);
    return skein_float_from_half(half) < scale ? (uint16_t)(half + 1) : half;
}

static void cache_write_q8_0_block(uint8_t *to, const float *from) {
    enum { VECTORS = SKEIN_CACHE_BLOCK / LANES };
    vec values[VECTORS];
    vec largest = vec_set(0);
    for (int32_t i = 0; i < VECTORS; i++) {
        values[i] = vec_load(from + i * LANES);
        largest = vec_max_bits(vec_abs(values[i]), largest);
    }
    float most = vec_largest_bits(largest);  // NaN lies above infinity
    bool is_finite = most <= __FLT_MAX__;
    uint16_t half = is_finite ? cache_scale_rounded_up(most / 127.0f) : 0x7e00;
    memcpy(to, &half, sizeof half);
    vec inverse = vec_set(is_finite && half != 0 ? 1.0f / skein_float_from_half(half) : 0);
    for (int32_t i = 0; i < VECTORS; i++) {
        vec quants = vec_max(vec_set(-127.0f), vec_min(vec_set(127.0f), values[i] * inverse));
        int16_t rounded[LANES];
        words_store_rounded(rounded, quants);
        int8x8_t bytes = is_finite ? vmovn_s16(vld1q_s16(rounded)) : vdup_n_s8(0);
        vst1_s8((int8_t *)to + sizeof half + i * LANES, bytes);
    }
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

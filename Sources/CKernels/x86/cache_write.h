// cache_write: keys and values of new tokens, rounded to F16, into their places in the paged cache.
//
// Shapes: keys [tokens][kv_heads][key_width] -> [page][kv_head][page_tokens][key_width], values likewise.
// Rounding: to nearest, ties to even; finite values beyond 65504 become 65504 with their sign, infinities
// and NaN stay what they are. Bound by memory.
SKEIN_INLINE vec clamp_finite_to_half(vec v) {
    vec clamped = vec_max(vec_set(-65504.0f), vec_min(vec_set(65504.0f), v));
    return vec_where_less(vec_set(__FLT_MAX__), vec_abs(v), v, clamped);
}

static void cache_write_row(uint16_t *to, const float *from, int32_t width) {
    for (int32_t i = 0; i < width; i += LANES) {
        int32_t count = width - i < LANES ? width - i : LANES;
        vec_store_half_part(to + i, clamp_finite_to_half(vec_load_part(from + i, count)), count);
    }
}

void SKEIN_KERNEL(cache_write)(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_cache_write_args *a = args;
    const skein_cache *c = &a->cache;
    for (int32_t t = begin; t < end; t++) {
        int64_t entry = (int64_t)a->sequences[t] * c->pages_per_sequence + a->positions[t] / c->page_tokens;
        int64_t page = c->page_table[entry];
        int64_t slot = a->positions[t] % c->page_tokens;
        for (int32_t h = 0; h < c->kv_heads; h++) {
            int64_t to = (page * c->kv_heads + h) * c->page_tokens + slot;
            int64_t from = (int64_t)t * c->kv_heads + h;
            cache_write_row(c->keys + to * c->key_width, a->keys + from * c->key_width, c->key_width);
            cache_write_row(c->values + to * c->value_width, a->values + from * c->value_width,
                            c->value_width);
        }
    }
}

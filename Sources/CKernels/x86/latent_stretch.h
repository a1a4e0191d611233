// latent_attention, expanded: keys and values of a stretch of positions, then attention to them.
//
//     k[p][h] = (key_up[h] c[p], r[p])    v[p][h] = value_up[h] c[p]    with (c, r) the row of p
//     y[t][h] = sum over p <= positions[t] of softmax(scale * q[t][h] . k[p][h]) * v[p][h]
//
// Shapes: see skein_latent_stretch_args. Keys and values are float32, in rows of whole vectors. Products as linear has
// them; attention on the register tiles of attention, a head of up to 64 tokens an item, its sums and what the
// softmax needs put by between two stretches: float32. Bound by the multiply-adds: rank * (plain_width + value_width)
// a position and head for all tokens, then plain_width + rope_width + value_width for each.
//
// Measured on one Zen 4 core, 16 heads of DeepSeek-V2's widths, AVX-512, F16 rows: milliseconds absorbed and expanded.
//
//     tokens   context 512, F16   512, Q8_0   2048, F16   2048, Q8_0   4096, F16
//     128            33   36       27   27     100  146      94  110    197  299
//     192            49   40       38   30     148  164     139  128    291  332
//     256            62   42       47   33     196  179     183  144    385  368
//     512           102   47       73   38     374  244     343  205    747  505

// A compressed row's values, in the cache or decoded to `row`; whole is rank + rope_width.
static const float *latent_row(const skein_cache *cache, const uint8_t *from, int32_t width, float *row) {
    if (cache->type == SKEIN_F32) return (const float *)from;
    if (cache->type == SKEIN_Q8_0) {
        skein_dequantize_row(SKEIN_Q8_0, from, skein_cache_blocks(width) * SKEIN_CACHE_BLOCK, row);
        return row;
    }
    const void *rows[1] = {from};
    if (cache->type == SKEIN_BF16) {
        row_convert(ROW_BF16, rows, 0, 1, width, row, 0);
    } else {
        row_convert(ROW_F16, rows, 0, 1, width, row, 0);
    }
    return row;
}

// The item's rows: their first values side by side at `x`, the others behind the keys of its heads.
static void latent_stretch_gather(const skein_latent_stretch_args *a, skein_latent_stretch_item item,
                                  const skein_latent_stretch_layout *layout, char *workspace) {
    const skein_latent_heads *h = &a->attention.heads;
    float *x = (float *)(workspace + layout->item.x);
    for (int32_t p = 0; p < item.positions; p++) {
        const uint8_t *from = skein_latent_row(&a->attention, a->first + item.first + p);
        const float *row = latent_row(&a->attention.cache, from, h->rank + h->rope_width,
                                      (float *)(workspace + layout->row));
        memcpy(x + (int64_t)p * h->rank, row, (size_t)h->rank * sizeof(float));
        for (int32_t head = item.first_head; head < item.first_head + item.heads; head++) {
            int64_t at = (int64_t)head * layout->positions + item.first + p;
            float *key = (float *)((char *)a->shared + layout->keys) + at * layout->key_stride;
            float *value = (float *)((char *)a->shared + layout->values) + at * layout->value_stride;
            int32_t width = h->plain_width + h->rope_width;
            memcpy(key + h->plain_width, row + h->rank, (size_t)h->rope_width * sizeof(float));
            memset(key + width, 0, (size_t)(layout->key_stride - width) * sizeof(float));
            memset(value + h->value_width, 0, (size_t)(layout->value_stride - h->value_width) * sizeof(float));
        }
    }
}

static void latent_stretch_expand(const skein_latent_stretch_args *a, skein_latent_stretch_item item,
                                  const skein_latent_stretch_layout *layout, char *workspace) {
    // The last positions go the way of many too, however few they are.
    enum { BATCH = SKEIN_LATENT_STRETCH_POSITIONS };
    const skein_latent_heads *h = &a->attention.heads;
    latent_stretch_gather(a, item, layout, workspace);
    const float *x = (const float *)(workspace + layout->item.x);
    int32_t type = h->key_rows_plain && skein_linear_takes_quantized(h->key_type) ? h->key_type : h->value_type;
    const void *operand = latent_operand(type, h->rank, item.positions, x, &layout->item, workspace);
    const void *key_operand = skein_linear_takes_quantized(h->key_type) ? operand : x;
    const void *value_operand = skein_linear_takes_quantized(h->value_type) ? operand : x;
    for (int32_t head = item.first_head; head < item.first_head + item.heads; head++) {
        int64_t at = (int64_t)head * layout->positions + item.first;
        float *keys = (float *)((char *)a->shared + layout->keys) + at * layout->key_stride;
        float *values = (float *)((char *)a->shared + layout->values) + at * layout->value_stride;
        latent_matrix key_up = latent_key_up(h, head, BATCH);
        latent_matrix value_up = latent_value_up(h, head, BATCH);
        if (h->key_rows_plain) {
            latent_multiply(&key_up, item.positions, key_operand, keys, layout->key_stride, &layout->item, workspace);
        } else {
            latent_product_of_columns(&key_up, item.positions, x, keys, layout->key_stride, &layout->item, workspace);
        }
        latent_multiply(&value_up, item.positions, value_operand, values, layout->value_stride, &layout->item,
                        workspace);
    }
}

void SKEIN_KERNEL(latent_stretch_expand)(const void *args, int32_t begin, int32_t end, void *workspace) {
    const skein_latent_stretch_args *a = args;
    skein_latent_stretch_layout layout = skein_latent_stretch_layout_make(&a->attention.heads, a->attention.tokens);
    for (int32_t index = begin; index < end; index++) {
        latent_stretch_expand(a, skein_latent_stretch_item_at(a, index), &layout, workspace);
    }
}

// What the item's rows found in the stretches before; `found` is [tokens][heads][2].
static void latent_stretch_resume(attention_state *s, const float *found) {
    const skein_attention_args *a = s->args;
    for (int32_t r = 0; r < s->rows; r++) {
        int64_t at = (int64_t)(s->item.first_token + r) * a->heads + s->item.kv_head;
        s->maximum[r] = found[2 * at];
        s->total[r] = found[2 * at + 1];
        memcpy(s->sums + r * s->sum_stride, a->y + at * a->cache.value_width,
               (size_t)a->cache.value_width * sizeof(float));
    }
}

static void latent_stretch_put_by(const attention_state *s, float *found) {
    const skein_attention_args *a = s->args;
    for (int32_t r = 0; r < s->rows; r++) {
        int64_t at = (int64_t)(s->item.first_token + r) * a->heads + s->item.kv_head;
        found[2 * at] = s->maximum[r];
        found[2 * at + 1] = s->total[r];
        memcpy(a->y + at * a->cache.value_width, s->sums + r * s->sum_stride,
               (size_t)a->cache.value_width * sizeof(float));
    }
}

// All positions of a row are one chunk.
static void latent_stretch_finish(const attention_state *s) {
    for (int32_t r = 0; r < s->rows; r++) {
        attention_part all = {s->sums + r * s->sum_stride, s->maximum[r], s->total[r]};
        part_finish(s->args, s->item.first_token + r, s->item.kv_head, &all);
    }
}

static void latent_stretch_attend(const skein_latent_stretch_args *a, const skein_attention_args *attention,
                                  skein_attention_item item, const skein_latent_stretch_layout *layout,
                                  void *workspace) {
    enum { BLOCK = SKEIN_ATTENTION_BLOCK };
    float *found = (float *)((char *)a->shared + layout->found);
    int32_t end = skein_latent_item_end(&a->attention, item.first_token, item.tokens);
    if (end <= a->first) return;
    attention_state s = attention_prepare(attention, item, workspace);
    if (a->first > 0) latent_stretch_resume(&s, found);
    int64_t at = (int64_t)item.kv_head * layout->positions;
    const float *keys = (const float *)((const char *)a->shared + layout->keys) + at * layout->key_stride;
    const float *values = (const float *)((const char *)a->shared + layout->values) + at * layout->value_stride;
    int32_t here = end - a->first < a->positions ? end - a->first : a->positions;
    for (int32_t begin = 0; begin < here; begin += BLOCK) {
        attention_block block = {
            .begin = a->first + begin, .end = here - begin < BLOCK ? here - begin : BLOCK};
        for (int32_t p = 0; p < BLOCK; p++) {
            int64_t row = begin + (p < block.end ? p : block.end - 1);
            block.keys[p] = keys + row * layout->key_stride;
            block.values[p] = values + row * layout->value_stride;
        }
        all_rows(ROW_CONVERTED, &s, &block, NULL);
    }
    if (end > a->first + a->positions) {
        latent_stretch_put_by(&s, found);
    } else {
        latent_stretch_finish(&s);
    }
}

void SKEIN_KERNEL(latent_stretch_attend)(const void *args, int32_t begin, int32_t end, void *workspace) {
    const skein_latent_stretch_args *a = args;
    const skein_latent_heads *h = &a->attention.heads;
    skein_latent_stretch_layout layout = skein_latent_stretch_layout_make(h, a->attention.tokens);
    skein_attention_args attention = {
        .cache = {.type = SKEIN_F32, .page_tokens = SKEIN_ATTENTION_BLOCK, .kv_heads = h->heads,
                  .key_width = h->plain_width + h->rope_width, .value_width = h->value_width},
        .queries = a->attention.queries,
        .y = a->attention.y,
        .sequences = a->attention.sequences,
        .positions = a->attention.positions,
        .tokens = a->attention.tokens,
        .heads = h->heads,
        .scale = a->attention.scale,
    };
    for (int32_t index = begin; index < end; index++) {
        skein_latent_item item =
            skein_latent_item_at(index, a->attention.tokens, SKEIN_ATTENTION_ROWS, h->heads, 1);
        skein_attention_item one = {
            .first_token = item.first_token, .tokens = item.tokens, .kv_head = item.first_head};
        latent_stretch_attend(a, &attention, one, &layout, workspace);
    }
}

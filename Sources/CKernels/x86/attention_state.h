// The rows of one item of attention: what they look for, where it lies, and what they found.

typedef struct {
    const skein_attention_args *args;
    skein_attention_item item;
    int32_t rows;          // tokens * heads that share the kv head; row = token * sharing + head
    int32_t sharing;
    int64_t query_stride;  // widths in whole vectors
    int64_t sum_stride;
    float *queries;        // [rows][query_stride], scaled
    float *query_scales;   // [rows], of integer products
    float *sums;           // [rows][sum_stride]
    float *scores;         // [rows][BLOCK]; weights after the softmax
    float *maximum;        // [rows]
    float *total;          // [rows]
    float *correction;     // [rows]
    int32_t *first;        // [rows] the positions first ..< end that the row may see
    int32_t *end;          // [rows]
    float *key_block;      // [BLOCK][query_stride]; of Q8_0, the scales of its blocks
    float *value_block;    // [BLOCK][sum_stride]
} attention_state;

// Where the positions first ..< end of a block lie, counted from its begin.
typedef struct {
    int32_t begin;
    int32_t first;
    int32_t end;
    const void *keys[SKEIN_ATTENTION_BLOCK];
    const void *values[SKEIN_ATTENTION_BLOCK];
} attention_block;

static attention_state attention_prepare(const skein_attention_args *a, skein_attention_item item,
                                         float *workspace) {
    attention_state s = {.args = a, .item = item};
    s.sharing = a->heads / a->cache.kv_heads;
    s.rows = item.tokens * s.sharing;
    bool integer = a->cache.type == SKEIN_Q8_0;
    int32_t unit = integer ? SKEIN_ATTENTION_UNIT : LANES;
    s.query_stride = (a->cache.key_width + unit - 1) / unit * unit;
    unit = integer ? SKEIN_CACHE_BLOCK : LANES;
    s.sum_stride = (a->cache.value_width + unit - 1) / unit * unit;
    int64_t rows = (s.rows + LANES - 1) / LANES * LANES;  // keeps every part aligned
    s.queries = workspace;
    s.sums = s.queries + rows * s.query_stride;
    s.scores = s.sums + rows * s.sum_stride;
    s.maximum = s.scores + rows * SKEIN_ATTENTION_BLOCK;
    s.total = s.maximum + rows;
    s.correction = s.total + rows;
    s.query_scales = s.correction + rows;
    s.first = (int32_t *)(s.query_scales + rows);
    s.end = s.first + rows;
    s.key_block = (float *)(s.end + rows);
    s.value_block = s.key_block + SKEIN_ATTENTION_BLOCK * s.query_stride;
    int32_t width = a->cache.key_width;
    for (int32_t r = 0; r < s.rows; r++) {
        int64_t token = item.first_token + r / s.sharing;
        int64_t head = item.kv_head * s.sharing + r % s.sharing;
        const float *query = a->queries + (token * a->heads + head) * width;
        for (int32_t d = 0; d < s.query_stride; d += LANES) {
            int32_t left = width - d < 0 ? 0 : width - d < LANES ? width - d : LANES;
            vec q = vec_load_part(query + d, left);
            vec_store(s.queries + r * s.query_stride + d, q * vec_set(a->scale));
        }
        if (integer) s.query_scales[r] = score_prepare(s.queries + r * s.query_stride, width);
        memset(s.sums + r * s.sum_stride, 0, (size_t)s.sum_stride * sizeof *s.sums);
        s.maximum[r] = -INFINITY;
        s.total[r] = 0;
        int32_t position = a->positions[token];
        s.first[r] = a->window > 0 && position >= a->window ? position - a->window + 1 : 0;
        s.end[r] = position + 1;
    }
    return s;
}

static void find_rows(const attention_state *s, attention_block *block) {
    const skein_cache *c = &s->args->cache;
    const int32_t *table =
        c->page_table + (int64_t)s->args->sequences[s->item.first_token] * c->pages_per_sequence;
    int32_t entry = (block->begin + block->first) / c->page_tokens;
    int32_t slot = (block->begin + block->first) % c->page_tokens;
    int64_t key_bytes = skein_cache_stride(c->type, c->key_width);
    int64_t value_bytes = skein_cache_value_stride(c);
    int64_t row = ((int64_t)table[entry] * c->kv_heads + s->item.kv_head) * c->page_tokens + slot;
    for (int32_t p = block->first; p < block->end; p++) {
        if (slot == c->page_tokens) {
            slot = 0;
            row = ((int64_t)table[++entry] * c->kv_heads + s->item.kv_head) * c->page_tokens;
        }
        block->keys[p] = c->keys + row * key_bytes;
        block->values[p] = c->values + row * value_bytes;
        row++;
        slot++;
    }
    for (int32_t p = block->end; p < SKEIN_ATTENTION_BLOCK; p++) {
        block->keys[p] = block->keys[block->end - 1];
        block->values[p] = block->values[block->end - 1];
    }
}

static void attention_finish(const attention_state *s) {
    const skein_attention_args *a = s->args;
    int32_t width = a->cache.value_width;
    for (int32_t r = 0; r < s->rows; r++) {
        int64_t token = s->item.first_token + r / s->sharing;
        int64_t head = s->item.kv_head * s->sharing + r % s->sharing;
        float *y = a->y + (token * a->heads + head) * width;
        float scale = 1;
        float sum_of_weights = s->total[r];
        if (a->sinks != NULL) {
            // A score without a value; whichever is larger, it or the row's maximum, gets the weight 1.
            float sink = a->sinks[head];
            float base = sink > s->maximum[r] ? sink : s->maximum[r];
            scale = expf(s->maximum[r] - base);
            sum_of_weights = sum_of_weights * scale + expf(sink - base);
        }
        vec total = vec_set(sum_of_weights);
        for (int32_t d = 0; d < width; d += LANES) {
            vec sum = vec_load(s->sums + r * s->sum_stride + d);
            vec_store_part(y + d, sum * vec_set(scale) / total, width - d < LANES ? width - d : LANES);
        }
    }
}

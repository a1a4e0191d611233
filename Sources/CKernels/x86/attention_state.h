// The rows of one item of attention: what they look for, where it lies, and what they found; their softmax, and
// how what chunks of positions gave is merged.

static const float LOG2_E = 0x1.715476p+0f;

static float exp2_of(float x) {
    float y[LANES];
    vec_store(y, vec_exp2(vec_set(x)));
    return y[0];
}

typedef struct {
    const skein_attention_args *args;
    skein_attention_item item;
    int32_t rows;          // tokens * heads that share the kv head; row = token * sharing + head
    int32_t sharing;
    bool in_pairs;         // by attention_pairs.h
    int64_t query_stride;  // widths in whole vectors
    int64_t sum_stride;
    float *queries;        // [rows][query_stride], scaled; but for a soft cap to units of ln 2
    float *query_scales;   // [rows], of integer products
    float *sums;           // [rows][sum_stride] of the chunk
    float *scores;         // [rows][BLOCK]; weights after the softmax
    float *maximum;        // [rows] of the chunk
    float *total;          // [rows] of the chunk
    float *all_sums;       // [rows][sum_stride] of the chunks before it, like the next two
    float *all_maximum;    // [rows]
    float *all_total;      // [rows]
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

static void chunk_begin(const attention_state *s, int32_t row) {
    memset(s->sums + row * s->sum_stride, 0, (size_t)s->sum_stride * sizeof *s->sums);
    s->maximum[row] = -INFINITY;
    s->total[row] = 0;
}

// The rows of a block of which the item's positions are first ..< end.
static void find_rows(const attention_state *s, attention_block *block, int32_t first, int32_t end) {
    const skein_cache *c = &s->args->cache;
    block->first = first > block->begin ? first - block->begin : 0;
    block->end = end - block->begin < SKEIN_ATTENTION_BLOCK ? end - block->begin : SKEIN_ATTENTION_BLOCK;
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
    // Beside the ends: some position that exists; it may be read, and counts for nothing.
    for (int32_t p = 0; p < SKEIN_ATTENTION_BLOCK; p++) {
        if (p == block->first) p = block->end;
        if (p == SKEIN_ATTENTION_BLOCK) break;
        block->keys[p] = block->keys[block->end - 1];
        block->values[p] = block->values[block->end - 1];
    }
}

// The positions of a block that some of `count` rows sees; false where there is none.
SKEIN_INLINE bool tile_positions(const attention_state *s, int32_t row, int32_t count, const attention_block *block,
                                 int32_t *first, int32_t *end) {
    *first = s->first[row];
    *end = s->end[row];
    for (int32_t r = row + 1; r < row + count; r++) {
        *first = s->first[r] < *first ? s->first[r] : *first;
        *end = s->end[r] > *end ? s->end[r] : *end;
    }
    *first = *first - block->begin > block->first ? *first - block->begin : block->first;
    *end = *end - block->begin < block->end ? *end - block->begin : block->end;
    return *first < *end;
}

// Replaces scores, which are in units of their own, by what the soft cap makes of them, in units of ln 2.
static void cap_scores(float *scores, float cap) {
    for (int32_t i = 0; i < SKEIN_ATTENTION_BLOCK; i += LANES) {
        vec capped = vec_set(cap) * vec_tanh(vec_load(scores + i) / vec_set(cap));
        vec_store(scores + i, capped * vec_set(LOG2_E));
    }
}

// One row's scores of the block to weights; the row sees lanes first ..< end of the block. Scores are in units of
// ln 2, so that weights are powers of 2.
static void softmax_row(const attention_state *s, int32_t row, int32_t first, int32_t end) {
    enum { VECTORS = SKEIN_ATTENTION_BLOCK / LANES };
    float *scores = s->scores + row * SKEIN_ATTENTION_BLOCK;
    if (s->args->soft_cap > 0) cap_scores(scores, s->args->soft_cap);
    vec score[VECTORS];
    for (int32_t i = 0; i < VECTORS; i++) score[i] = vec_load(scores + i * LANES);
    if (first > 0 || end < SKEIN_ATTENTION_BLOCK) {
        for (int32_t i = 0; i < VECTORS; i++) score[i] = vec_keep(score[i], first - i * LANES, end - i * LANES);
    }
    vec largest = score[0];
    for (int32_t i = 1; i < VECTORS; i++) largest = vec_max(largest, score[i]);
    float before = s->maximum[row];
    float maximum = vec_largest(largest);
    if (!(maximum > before)) maximum = before;
    // While the row has seen nothing: any finite number, for infinity - infinity is NaN.
    vec base = vec_set(maximum == -INFINITY ? 0 : maximum);
    vec total = vec_set(0);
    for (int32_t i = 0; i < VECTORS; i++) {
        vec weight = vec_exp2(score[i] - base);
        vec_store(scores + i * LANES, weight);
        total += weight;
    }
    float correction = maximum == before ? 1 : exp2_of(before - maximum);
    s->correction[row] = correction;
    s->total[row] = s->total[row] * correction + vec_sum(total);
    s->maximum[row] = maximum;
}

// What some positions gave: the largest score, the sum of weights relative to it, and of values by weight.
typedef struct {
    float *sums;
    float maximum;
    float total;
} attention_part;

// Adds what later positions gave.
static void part_merge(attention_part *all, const attention_part *next, int32_t width) {
    float maximum = next->maximum > all->maximum ? next->maximum : all->maximum;
    float base = maximum == -INFINITY ? 0 : maximum;
    float before = exp2_of(all->maximum - base), now = exp2_of(next->maximum - base);
    for (int32_t d = 0; d < width; d += LANES) {
        vec kept = vec_load(all->sums + d) * vec_set(before);
        vec_store(all->sums + d, vec_fma(vec_load(next->sums + d), vec_set(now), kept));
    }
    all->total = all->total * before + next->total * now;
    all->maximum = maximum;
}

// A row's result.
static void part_finish(const skein_attention_args *a, int64_t token, int64_t head, const attention_part *part) {
    int32_t width = a->cache.value_width;
    float *y = a->y + (token * a->heads + head) * width;
    float scale = 1;
    float sum_of_weights = part->total;
    if (a->sinks != NULL) {
        // A score without a value; whichever is larger, it or the row's maximum, gets the weight 1.
        float sink = a->sinks[head] * LOG2_E;
        float base = sink > part->maximum ? sink : part->maximum;
        scale = exp2_of(part->maximum - base);
        sum_of_weights = sum_of_weights * scale + exp2_of(sink - base);
    }
    vec total = vec_set(sum_of_weights);
    for (int32_t d = 0; d < width; d += LANES) {
        vec sum = vec_load(part->sums + d);
        vec_store_part(y + d, sum * vec_set(scale) / total, width - d < LANES ? width - d : LANES);
    }
}

// A row's chunk is done: leaves it as a part, or merges it with the chunks before it.
static void chunk_end(const attention_state *s, int32_t row, int32_t chunk) {
    const skein_attention_args *a = s->args;
    int32_t begin = chunk * s->item.chunk;
    if (begin >= s->end[row] || s->first[row] - begin >= s->item.chunk) {  // the row sees nothing of it
        chunk_begin(s, row);
        return;
    }
    attention_part now = {s->sums + row * s->sum_stride, s->maximum[row], s->total[row]};
    attention_part all = {s->all_sums + row * s->sum_stride, s->all_maximum[row], s->all_total[row]};
    if (a->parts != NULL) {
        int64_t token = s->item.first_token + row / s->sharing;
        int64_t head = s->item.kv_head * s->sharing + row % s->sharing;
        all.sums = skein_attention_part(a, token, head, chunk);
    }
    if (a->parts != NULL || chunk == s->first[row] / s->item.chunk) {
        for (int32_t d = 0; d < a->cache.value_width; d += LANES) vec_store(all.sums + d, vec_load(now.sums + d));
        all.maximum = now.maximum;
        all.total = now.total;
    } else {
        part_merge(&all, &now, a->cache.value_width);
    }
    if (a->parts != NULL) {
        float *tail = all.sums + skein_attention_part_sums(a->cache.value_width);
        tail[0] = all.maximum;
        tail[1] = all.total;
    }
    s->all_maximum[row] = all.maximum;
    s->all_total[row] = all.total;
    chunk_begin(s, row);
}

static void attention_finish(const attention_state *s) {
    if (s->args->parts != NULL) return;
    for (int32_t r = 0; r < s->rows; r++) {
        int64_t token = s->item.first_token + r / s->sharing;
        int64_t head = s->item.kv_head * s->sharing + r % s->sharing;
        attention_part all = {s->all_sums + r * s->sum_stride, s->all_maximum[r], s->all_total[r]};
        part_finish(s->args, token, head, &all);
    }
}

// attention: for each token t and head h, over the positions p that t may see,
//
//     y[t][h] = sum over p of softmax(scale * q[t][h] . k[p]) * v[p]
//
// Shapes: queries [tokens][heads][key_width], y [tokens][heads][value_width]; keys and values F32, F16, BF16 or
// Q8_0 in pages (see skein_cache). Accumulates in float32; over Q8_0 in exact integers first (attention_integer.h);
// over BF16 by products of pairs where the processor has them (attention_pairs.h).
//
// An item's rows (see attention_items.h) walk together over blocks of 64 positions: scores of the block,
// softmax kept up as it goes (a new maximum scales down what is there), weighted sum of the block's values; at the end
// of a chunk what it gave is merged, or left for attention_combine. A block that lies outside what a row may see leaves
// that row's bits as they are, so a token's result depends on nothing but itself.
//
// Few rows (decoding) read the cache directly and are bound by reading it. With many rows (prompts) a block of 16-bit
// numbers is converted once, and the products on register tiles bound the kernel. F32 is always read directly.
//
// Measured on one Zen 4 core (3.7 GHz: 118 GFLOP/s in float32, 236 in pairs of BF16), AVX-512 (AVX2). One token, heads
// of 128, nanoseconds for each position and kv head; with a cache that the processor's own holds, and one that comes
// from memory, beside other programs:
//
//     heads a kv head   F32 held  F16 held  BF16 held  Q8_0 held   F32 memory  F16 memory  BF16 memory  Q8_0 memory
//     1                 17 (18)   14 (13)   13         13 (13)     60 (63)     27 (28)     29           17 (16)
//     4                 24 (31)   24 (27)   19         24 (31)     59 (52)     29 (29)     30           26 (32)
//     8                 44 (57)   47 (52)   35         43 (56)     79 (78)     52 (54)     48           44 (57)
//
// One head reads 19 GB/s of F16 from memory, where a plain loop read 20; with more heads, arithmetic bounds F16. Where
// several cores share what memory gives, that is half as much for Q8_0. 256 tokens at context 2048, 4 heads a kv head,
// GFLOP/s with heads of 64 and of 128 (softmax takes a tenth and a fifth of it in the first case over F16 and BF16):
//
//     F32           F16           BF16        Q8_0
//     79, 86        79, 86        141, 154    83, 101
//     (63, 69)      (63, 70)      (62, 69)    (63, 74)
//
// After attention_tiles.h, attention_state.h and, where the instruction set has it, attention_pairs.h.

#if !SKEIN_PAIRS
SKEIN_INLINE bool pairs_are_there(void) { return false; }
SKEIN_INLINE void pairs_prepare(float *query, int32_t width) { (void)query, (void)width; }
SKEIN_INLINE void attend_block_in_pairs(const attention_state *s, const attention_block *block,
                                        const attention_block *ahead) {
    (void)s, (void)block, (void)ahead;
}
#endif

// More rows than these convert a block of F16 first. Up to 4 tiles of 4 rows convert anew for each tile, which
// costs less than storing the converted block: 15% at 16 rows on a Zen 4 core. With 64 rows converting first is
// 6% faster there.
enum { ATTENTION_DIRECT_ROWS = 16 };

static attention_state attention_prepare(const skein_attention_args *a, skein_attention_item item,
                                         float *workspace) {
    attention_state s = {.args = a, .item = item};
    s.sharing = a->heads / a->cache.kv_heads;
    s.rows = item.tokens * s.sharing;
    bool integer = a->cache.type == SKEIN_Q8_0;
    s.in_pairs = a->cache.type == SKEIN_BF16 && pairs_are_there();
    int32_t unit = integer || s.in_pairs ? SKEIN_ATTENTION_UNIT : LANES;
    s.query_stride = (a->cache.key_width + unit - 1) / unit * unit;
    unit = integer || s.in_pairs ? SKEIN_CACHE_BLOCK : LANES;
    s.sum_stride = (a->cache.value_width + unit - 1) / unit * unit;
    int64_t rows = (s.rows + LANES - 1) / LANES * LANES;  // keeps every part aligned
    s.queries = workspace;
    s.sums = s.queries + rows * s.query_stride;
    s.scores = s.sums + rows * s.sum_stride;
    s.maximum = s.scores + rows * SKEIN_ATTENTION_BLOCK;
    s.total = s.maximum + rows;
    s.correction = s.total + rows;
    s.query_scales = s.correction + rows;
    s.all_sums = s.query_scales + rows;
    s.all_maximum = s.all_sums + rows * s.sum_stride;
    s.all_total = s.all_maximum + rows;
    s.first = (int32_t *)(s.all_total + rows);
    s.end = s.first + rows;
    s.key_block = (float *)(s.end + rows);
    s.value_block = s.key_block + SKEIN_ATTENTION_BLOCK * s.query_stride;
    int32_t width = a->cache.key_width;
    float scale = a->soft_cap > 0 ? a->scale : a->scale * LOG2_E;
    for (int32_t r = 0; r < s.rows; r++) {
        int64_t token = item.first_token + r / s.sharing;
        int64_t head = item.kv_head * s.sharing + r % s.sharing;
        const float *query = a->queries + (token * a->heads + head) * width;
        for (int32_t d = 0; d < s.query_stride; d += LANES) {
            int32_t left = width - d < 0 ? 0 : width - d < LANES ? width - d : LANES;
            vec q = vec_load_part(query + d, left);
            vec_store(s.queries + r * s.query_stride + d, q * vec_set(scale));
        }
        if (integer) s.query_scales[r] = score_prepare(s.queries + r * s.query_stride, width);
        if (s.in_pairs) pairs_prepare(s.queries + r * s.query_stride, width);
        chunk_begin(&s, r);
        s.first[r] = skein_attention_first(a, a->positions[token]);
        s.end[r] = a->positions[token] + 1;
    }
    return s;
}

// One tile of rows on a block; `ahead` is the next block or NULL.
SKEIN_INLINE void tile_rows(const int32_t ROWS, const row_type type, const attention_state *s, int32_t row,
                            const attention_block *block, const attention_block *ahead) {
    const skein_cache *c = &s->args->cache;
    int32_t first, end;
    if (!tile_positions(s, row, ROWS, block, &first, &end)) return;
    score_work score = {
        .queries = s->queries + row * s->query_stride,
        .query_stride = s->query_stride,
        .query_scales = s->query_scales + row,
        .keys = block->keys,
        .scales = s->key_block,
        .ahead = ahead != NULL ? ahead->keys : NULL,
        .width = c->key_width,
        .row_bytes = skein_cache_stride(c->type, c->key_width),
        .scores = s->scores + row * SKEIN_ATTENTION_BLOCK,
        .first = first,
        .end = end,
    };
    scores_of(ROWS, type, &score);
    for (int32_t r = row; r < row + ROWS; r++) {
        softmax_row(s, r, s->first[r] - block->begin, s->end[r] - block->begin);
    }
    value_work value = {
        .weights = score.scores,
        .correction = s->correction + row,
        .values = block->values,
        .scales = s->value_block,
        .ahead = ahead != NULL ? ahead->values : NULL,
        .width = c->value_width,
        .sums = s->sums + row * s->sum_stride,
        .sum_stride = s->sum_stride,
        .first = first,
        .end = end,
    };
    sums_of(ROWS, type, &value);
}

SKEIN_INLINE void all_rows(const row_type type, const attention_state *s, const attention_block *block,
                           const attention_block *ahead) {
    int32_t row = 0;
    for (; row + 4 <= s->rows; row += 4) tile_rows(4, type, s, row, block, row == 0 ? ahead : NULL);
    if (row + 2 <= s->rows) {
        tile_rows(2, type, s, row, block, row == 0 ? ahead : NULL);
        row += 2;
    }
    if (row < s->rows) tile_rows(1, type, s, row, block, row == 0 ? ahead : NULL);
}

SKEIN_INLINE void attend_block_of(const row_type type, const attention_state *s, attention_block *block,
                                  const attention_block *ahead) {
    const skein_cache *c = &s->args->cache;
    int32_t first = block->first;
    int32_t end = block->end;
    bool converts = (type == ROW_F16 || type == ROW_BF16) && s->rows > ATTENTION_DIRECT_ROWS;
    if (converts) {
        row_convert(type, block->keys, first, end, c->key_width, s->key_block, s->query_stride);
        row_convert(type, block->values, first, end, c->value_width, s->value_block, s->sum_stride);
        all_rows(ROW_CONVERTED, s, block, ahead);
        return;
    }
    if (type == ROW_Q8_0) {
        row_scales(block->keys, first, end, c->key_width, s->key_block);
        row_scales(block->values, first, end, c->value_width, s->value_block);
    }
    all_rows(type, s, block, ahead);
}

static void attend_block(const attention_state *s, attention_block *block, const attention_block *ahead) {
    const skein_cache *c = &s->args->cache;
    if (c->type == SKEIN_Q8_0) {
        attend_block_of(ROW_Q8_0, s, block, ahead);
    } else if (c->type == SKEIN_BF16 && s->in_pairs) {
        attend_block_in_pairs(s, block, ahead);
    } else if (c->type == SKEIN_BF16) {
        attend_block_of(ROW_BF16, s, block, ahead);
    } else if (c->type == SKEIN_F32) {
        attend_block_of(ROW_F32, s, block, ahead);
    } else {
        attend_block_of(ROW_F16, s, block, ahead);
    }
}

// All blocks of the item's chunks that some row may see.
static void attend(const attention_state *s) {
    enum { BLOCK = SKEIN_ATTENTION_BLOCK };
    int32_t chunk = s->item.chunk;
    int32_t first = s->first[0];
    int32_t end = s->end[0];
    for (int32_t r = 1; r < s->rows; r++) {
        first = s->first[r] < first ? s->first[r] : first;
        end = s->end[r] > end ? s->end[r] : end;
    }
    if (first < s->item.first_chunk * chunk) first = s->item.first_chunk * chunk;
    if (end / chunk >= s->item.end_chunk) end = s->item.end_chunk * chunk;
    attention_block blocks[2];
    int32_t now = 0;
    blocks[now].begin = first / BLOCK * BLOCK;
    find_rows(s, &blocks[now], first, end);
    while (true) {
        // The next block is found one round early.
        attention_block *block = &blocks[now], *next = &blocks[now ^ 1];
        bool is_last = end - block->begin <= BLOCK;
        next->begin = block->begin + BLOCK;
        if (!is_last) find_rows(s, next, first, end);
        attend_block(s, block, is_last ? NULL : next);
        if (is_last || next->begin % chunk == 0) {
            for (int32_t r = 0; r < s->rows; r++) chunk_end(s, r, block->begin / chunk);
        }
        if (is_last) return;
        now ^= 1;
    }
}

void SKEIN_KERNEL(attention)(const void *args, int32_t begin, int32_t end, void *workspace) {
    const skein_attention_args *a = args;
    skein_attention_walk walk = {0};
    while (begin < end) {
        attention_state s = attention_prepare(a, skein_attention_items_at(a, &begin, end, &walk), workspace);
        attend(&s);
        attention_finish(&s);
    }
}

void SKEIN_KERNEL(attention_combine)(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_attention_args *a = args;
    int64_t sums = skein_attention_part_sums(a->cache.value_width);
    for (int32_t row = begin; row < end; row++) {
        int32_t token = row / a->heads, head = row % a->heads;
        int32_t position = a->positions[token];
        int32_t chunk = skein_attention_chunk(position);
        int32_t first = skein_attention_first(a, position) / chunk;
        float *part = skein_attention_part(a, token, head, first);
        attention_part all = {part, part[sums], part[sums + 1]};
        for (int32_t c = first + 1; c <= position / chunk; c++) {
            part = skein_attention_part(a, token, head, c);
            attention_part next = {part, part[sums], part[sums + 1]};
            part_merge(&all, &next, a->cache.value_width);
        }
        part_finish(a, token, head, &all);
    }
}

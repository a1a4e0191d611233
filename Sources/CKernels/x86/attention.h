// attention: for each token t and head h, over the positions p that t may see,
//
//     y[t][h] = sum over p of softmax(scale * q[t][h] . k[p]) * v[p]
//
// Shapes: queries [tokens][heads][key_width], y [tokens][heads][value_width]; keys and values F32, F16 or
// Q8_0 in pages (see skein_cache). Accumulates in float32; over Q8_0 in exact integers first (attention_integer.h).
//
// An item's rows (see attention_items.h) walk together over blocks of 64 positions: scores of the block,
// softmax kept up as it goes (a new maximum scales down what is there), weighted sum of the block's values.
// A block that lies outside what a row may see leaves that row's bits as they are, so a token's result
// depends on nothing but itself.
//
// Few rows (decoding) read the cache directly and are bound by reading it. With many rows (prompts) a block of
// F16 is converted once, and the products on register tiles bound the kernel. F32 is always read directly.
//
// Measured on one Zen 4 core, heads of 128, AVX-512 (AVX2). One token, nanoseconds for each position and kv
// head; with a cache that the processor's own holds (context 4096), and one that comes from memory (16384):
//
//     heads a kv head   F32 held  F16 held  Q8_0 held   F32 memory  F16 memory  Q8_0 memory
//     1                 17 (18)   13 (13)   13 (13)     60 (63)     27 (28)     17 (16)
//     4                 24 (31)   25 (27)   24 (31)     59 (52)     27 (29)     26 (32)
//     8                 44 (57)   47 (52)   43 (56)     79 (78)     50 (54)     44 (57)
//
// One head reads 19 GB/s of F16 from memory, and 17 of F32 (beside other programs); with more heads, arithmetic
// bounds F16. Where several cores share what memory gives, that is half as much for Q8_0. 256 tokens at context
// 4096, 4 heads a kv head: 89 (74) GFLOP/s over F16, 85 (70) over F32, 104 (79) over Q8_0.
#include "attention_tiles.h"

#include "attention_state.h"

// More rows than these convert a block of F16 first. Up to 4 tiles of 4 rows convert anew for each tile, which
// costs less than storing the converted block: 15% at 16 rows on a Zen 4 core. With 64 rows converting first is
// 6% faster there.
enum { ATTENTION_DIRECT_ROWS = 16 };

// One row's scores of the block to weights; the row sees lanes first ..< end of the block.
static void softmax_row(const attention_state *s, int32_t row, int32_t first, int32_t end) {
    enum { VECTORS = SKEIN_ATTENTION_BLOCK / LANES };
    float *scores = s->scores + row * SKEIN_ATTENTION_BLOCK;
    float soft_cap = s->args->soft_cap;
    vec score[VECTORS];
    vec largest = vec_set(-INFINITY);
    for (int32_t i = 0; i < VECTORS; i++) {
        score[i] = vec_load(scores + i * LANES);
        if (soft_cap > 0) score[i] = vec_set(soft_cap) * vec_tanh(score[i] / vec_set(soft_cap));
        score[i] = vec_keep(score[i], first - i * LANES, end - i * LANES);
        largest = vec_max(largest, score[i]);
    }
    float before = s->maximum[row];
    float maximum = vec_largest(largest);
    if (!(maximum > before)) maximum = before;
    // While the row has seen nothing: any finite number, for infinity - infinity is NaN.
    vec base = vec_set(maximum == -INFINITY ? 0 : maximum);
    vec total = vec_set(0);
    for (int32_t i = 0; i < VECTORS; i++) {
        vec weight = vec_exp(score[i] - base);
        vec_store(scores + i * LANES, weight);
        total += weight;
    }
    float correction = 1;
    if (maximum != before) {
        float part[LANES];
        vec_store(part, vec_exp(vec_set(before) - base));
        correction = part[0];
    }
    s->correction[row] = correction;
    s->total[row] = s->total[row] * correction + vec_sum(total);
    s->maximum[row] = maximum;
}

// One tile of rows on a block; `ahead` is the next block or NULL.
SKEIN_INLINE void tile_rows(const int32_t ROWS, const row_type type, const attention_state *s, int32_t row,
                            const attention_block *block, const attention_block *ahead) {
    const skein_cache *c = &s->args->cache;
    int32_t first = s->first[row];
    int32_t end = s->end[row];
    for (int32_t r = row + 1; r < row + ROWS; r++) {
        first = s->first[r] < first ? s->first[r] : first;
        end = s->end[r] > end ? s->end[r] : end;
    }
    first = first - block->begin > block->first ? first - block->begin : block->first;
    end = end - block->begin < block->end ? end - block->begin : block->end;
    if (first >= end) return;
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
    bool direct = type != ROW_F16 || s->rows <= ATTENTION_DIRECT_ROWS;
    if (!direct) {
        row_convert(block->keys, first, end, c->key_width, s->key_block, s->query_stride);
        row_convert(block->values, first, end, c->value_width, s->value_block, s->sum_stride);
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
    } else if (c->type == SKEIN_F32) {
        attend_block_of(ROW_F32, s, block, ahead);
    } else {
        attend_block_of(ROW_F16, s, block, ahead);
    }
}

// All blocks of the positions that some row may see.
static void attend(const attention_state *s) {
    enum { BLOCK = SKEIN_ATTENTION_BLOCK };
    int32_t first = s->first[0];
    int32_t end = s->end[0];
    for (int32_t r = 1; r < s->rows; r++) {
        first = s->first[r] < first ? s->first[r] : first;
        end = s->end[r] > end ? s->end[r] : end;
    }
    attention_block blocks[2];
    int32_t begin = first / BLOCK * BLOCK;
    for (int32_t now = -1; begin < end; begin += BLOCK) {
        // The next block is found one round early.
        attention_block *next = &blocks[(now + 1) & 1];
        next->begin = begin;
        next->first = first > begin ? first - begin : 0;
        next->end = end - begin < BLOCK ? end - begin : BLOCK;
        find_rows(s, next);
        if (now >= 0) attend_block(s, &blocks[now & 1], next);
        now++;
        if (begin + BLOCK >= end) attend_block(s, next, NULL);
    }
}

void SKEIN_KERNEL(attention)(const void *args, int32_t begin, int32_t end, void *workspace) {
    skein_attention_walk walk = {0};
    for (int32_t index = begin; index < end; index++) {
        attention_state s = attention_prepare(args, skein_attention_item_at(args, index, &walk), workspace);
        attend(&s);
        attention_finish(&s);
    }
}

// attention: for each token t and head h, over the positions p that t may see,
//
//     y[t][h] = sum over p of softmax(scale * q[t][h] . k[p]) * v[p]
//
// Shapes: queries [tokens][heads][key_width], y [tokens][heads][value_width]; keys and values F16 or Q8_0
// in pages (see skein_cache). Accumulates in float32; over Q8_0 in exact integers first (attention_integer.h).
//
// An item's rows (see attention_items.h) walk together over blocks of 64 positions: scores of the block,
// softmax kept up as it goes (a new maximum scales down what is there), weighted sum of the block's values.
// A block that lies outside what a row may see leaves that row's bits as they are, so a token's result
// depends on nothing but itself.
//
// Few rows (decoding) read the cache directly and are bound by reading it. With many rows (prompts) a block of
// F16 is converted once, and the products on register tiles bound the kernel.
//
// Measured on one Zen 4 core, heads of 128, AVX-512 (AVX2). One token, nanoseconds for each position and kv
// head; with a cache that the processor's own holds (context 4096), and one that comes from memory (16384):
//
//     heads a kv head   F16 held      Q8_0 held     F16 memory    Q8_0 memory
//     1                 13 (13)       13 (13)       27 (28)       17 (16)
//     4                 25 (27)       24 (31)       27 (29)       26 (32)
//     8                 47 (52)       43 (56)       50 (54)       44 (57)
//
// One head reads 19 GB/s of F16 from memory; with more, arithmetic bounds it. Where several cores share what
// memory gives, that is half as much for Q8_0. 256 tokens at context 4096, 4 heads a kv head: 89 (74) GFLOP/s
// over F16, 104 (79) over Q8_0.
#include "attention_tiles.h"

// More rows than these convert a block of F16 first. Up to 4 tiles of 4 rows convert anew for each tile, which
// costs less than storing the converted block: 15% at 16 rows on a Zen 4 core. With 64 rows converting first is
// 6% faster there.
enum { ATTENTION_DIRECT_ROWS = 16 };

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
    // Rows of F32 are copied, since tiles take them padded to whole vectors.
    bool direct = type == ROW_Q8_0 || (type == ROW_F16 && s->rows <= ATTENTION_DIRECT_ROWS);
    if (!direct) {
        row_convert(type, block->keys, first, end, c->key_width, s->key_block, s->query_stride);
        row_convert(type, block->values, first, end, c->value_width, s->value_block, s->sum_stride);
        all_rows(ROW_F32, s, block, ahead);
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

void SKEIN_KERNEL(attention)(const void *args, int32_t begin, int32_t end, void *workspace) {
    skein_attention_walk walk = {0};
    for (int32_t index = begin; index < end; index++) {
        attention_state s = attention_prepare(args, skein_attention_item_at(args, index, &walk), workspace);
        attend(&s);
        attention_finish(&s);
    }
}

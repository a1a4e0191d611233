// attention: for each token t and head h, over the positions p that t may see,
//
//     y[t][h] = sum over p of softmax(scale * q[t][h] . k[p]) * v[p]
//
// Shapes: queries [tokens][heads][key_width], y [tokens][heads][value_width]; keys and values F16 in pages
// (see skein_cache). Accumulates in float32.
//
// An item's rows (see attention_items.h) walk together over blocks of 64 positions: scores of the block,
// softmax kept up as it goes (a new maximum scales down what is there), weighted sum of the block's values.
// A block that lies outside what a row may see leaves that row's bits as they are, so a token's result
// depends on nothing but itself.
//
// Few rows (decoding) read the F16 cache directly and are bound by reading it. With many rows (prompts) a
// block is converted once, and the products on register tiles bound the kernel.
//
// Measured on one Zen 4 core, 4 heads a kv head, AVX-512 (AVX2): 256 tokens at context 4096 81 (68) GFLOP/s
// for heads of 64 and 92 (74) for heads of 128; one token at context 8192 reads 16 (14) and 18 (16) GB/s,
// which is 4 floating-point operations a byte.
#include "attention_tiles.h"

// More rows than these convert a block first. Up to 4 tiles of 4 rows convert anew for each tile, which costs
// less than storing the converted block: 15% at 16 rows on a Zen 4 core. With 64 rows converting first is 6%
// faster there.
enum { ATTENTION_DIRECT_ROWS = 16 };

typedef struct {
    const skein_attention_args *args;
    skein_attention_item item;
    int32_t rows;          // tokens * heads that share the kv head; row = token * sharing + head
    int32_t sharing;
    int64_t query_stride;  // widths in whole vectors
    int64_t sum_stride;
    float *queries;        // [rows][query_stride], scaled
    float *sums;           // [rows][sum_stride]
    float *scores;         // [rows][BLOCK]; weights after the softmax
    float *maximum;        // [rows]
    float *total;          // [rows]
    float *correction;     // [rows]
    int32_t *first;        // [rows] the positions first ..< end that the row may see
    int32_t *end;          // [rows]
    float *key_block;      // [BLOCK][query_stride]
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
    s.query_stride = (a->cache.key_width + LANES - 1) / LANES * LANES;
    s.sum_stride = (a->cache.value_width + LANES - 1) / LANES * LANES;
    int64_t rows = (s.rows + LANES - 1) / LANES * LANES;  // keeps every part aligned
    s.queries = workspace;
    s.sums = s.queries + rows * s.query_stride;
    s.scores = s.sums + rows * s.sum_stride;
    s.maximum = s.scores + rows * SKEIN_ATTENTION_BLOCK;
    s.total = s.maximum + rows;
    s.correction = s.total + rows;
    s.first = (int32_t *)(s.correction + rows);
    s.end = s.first + rows;
    s.key_block = (float *)(s.end + rows);
    s.value_block = s.key_block + SKEIN_ATTENTION_BLOCK * s.query_stride;
    int32_t width = a->cache.key_width;
    for (int32_t r = 0; r < s.rows; r++) {
        int64_t token = item.first_token + r / s.sharing;
        int64_t head = item.kv_head * s.sharing + r % s.sharing;
        const float *query = a->queries + (token * a->heads + head) * width;
        for (int32_t d = 0; d < width; d += LANES) {
            vec q = vec_load_part(query + d, width - d < LANES ? width - d : LANES);
            vec_store(s.queries + r * s.query_stride + d, q * vec_set(a->scale));
        }
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
    int64_t value_stride = skein_value_stride(c);
    int32_t entry = (block->begin + block->first) / c->page_tokens;
    int32_t slot = (block->begin + block->first) % c->page_tokens;
    int64_t row = ((int64_t)table[entry] * c->kv_heads + s->item.kv_head) * c->page_tokens + slot;
    for (int32_t p = block->first; p < block->end; p++) {
        if (slot == c->page_tokens) {
            slot = 0;
            row = ((int64_t)table[++entry] * c->kv_heads + s->item.kv_head) * c->page_tokens;
        }
        block->keys[p] = c->keys + row * c->key_width;
        block->values[p] = c->values + row * value_stride;
        row++;
        slot++;
    }
    for (int32_t p = block->end; p < SKEIN_ATTENTION_BLOCK; p++) {
        block->keys[p] = block->keys[block->end - 1];
        block->values[p] = block->values[block->end - 1];
    }
}

// Converts the rows to float32, whole vectors padded with zeros, and points to the copies.
static void convert_rows(const void **rows, int32_t first, int32_t end, int32_t width, float *block,
                         int64_t stride) {
    for (int32_t p = first; p < end; p++) {
        const uint16_t *from = rows[p];
        float *to = block + p * stride;
        int32_t d = 0;
        for (; d + LANES <= width; d += LANES) vec_store(to + d, vec_load_half(from + d));
        if (d < width) vec_store(to + d, vec_load_half_part(from + d, width - d));
        rows[p] = to;
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
SKEIN_INLINE void tile_rows(const int32_t ROWS, const bool half, const attention_state *s, int32_t row,
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
        .keys = block->keys,
        .ahead = ahead != NULL ? ahead->keys : NULL,
        .width = c->key_width,
        .scores = s->scores + row * SKEIN_ATTENTION_BLOCK,
        .first = first,
        .end = end,
    };
    score_tile(ROWS, half, &score);
    for (int32_t r = row; r < row + ROWS; r++) {
        softmax_row(s, r, s->first[r] - block->begin, s->end[r] - block->begin);
    }
    value_work value = {
        .weights = score.scores,
        .correction = s->correction + row,
        .values = block->values,
        .ahead = ahead != NULL ? ahead->values : NULL,
        .width = c->value_width,
        .sums = s->sums + row * s->sum_stride,
        .sum_stride = s->sum_stride,
        .first = first,
        .end = end,
    };
    value_tiles(ROWS, half, &value);
}

SKEIN_INLINE void all_rows(const bool half, const attention_state *s, const attention_block *block,
                           const attention_block *ahead) {
    int32_t row = 0;
    for (; row + 4 <= s->rows; row += 4) tile_rows(4, half, s, row, block, row == 0 ? ahead : NULL);
    if (row + 2 <= s->rows) {
        tile_rows(2, half, s, row, block, row == 0 ? ahead : NULL);
        row += 2;
    }
    if (row < s->rows) tile_rows(1, half, s, row, block, row == 0 ? ahead : NULL);
}

static void attend_block(const attention_state *s, attention_block *block, const attention_block *ahead) {
    if (s->rows <= ATTENTION_DIRECT_ROWS) {
        all_rows(true, s, block, ahead);
        return;
    }
    const skein_cache *c = &s->args->cache;
    convert_rows(block->keys, block->first, block->end, c->key_width, s->key_block, s->query_stride);
    convert_rows(block->values, block->first, block->end, c->value_width, s->value_block, s->sum_stride);
    all_rows(false, s, block, ahead);
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
        vec total = vec_set(s->total[r]);
        for (int32_t d = 0; d < width; d += LANES) {
            vec sum = vec_load(s->sums + r * s->sum_stride + d);
            vec_store_part(y + d, sum / total, width - d < LANES ? width - d : LANES);
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

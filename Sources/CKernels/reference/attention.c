// attention: for each token t and head h, over the positions p that t may see,
//
//     y[t][h] = sum over p of softmax(scale * q[t][h] . k[p]) * v[p]
//
// where a sink, a score that has no value, takes its part of the softmax.
// Shapes: queries [tokens][heads][key_width], y [tokens][heads][value_width]; keys and values F32, F16, BF16 or Q8_0
// in pages (see skein_cache). One walk over the positions with the softmax kept up as it goes (a new maximum scales
// down what is there) in double for each chunk of positions, whose parts are then merged (see attention_items.h).
// Bound by arithmetic in this plain form.
// Also here: how a call is cut into items, and the workspace, for every instruction set.
#include "../attention_items.h"
#include "../cache_rows.h"
#include "formats.h"
#include "half.h"

#include <math.h>

int32_t skein_attention_items(const skein_attention_args *args) {
    skein_attention_walk walk = {0};
    while (skein_attention_next_run(args, &walk)) continue;
    return walk.end;
}

int32_t skein_attention_chunks(int32_t context_tokens) {
    int32_t chunks = (int32_t)(((int64_t)context_tokens + SKEIN_ATTENTION_CHUNK - 1) / SKEIN_ATTENTION_CHUNK);
    return chunks < SKEIN_ATTENTION_CHUNKS ? chunks : SKEIN_ATTENTION_CHUNKS;
}

size_t skein_attention_parts_bytes(int32_t tokens, int32_t heads, int32_t value_width, int32_t chunks) {
    size_t part_bytes = (size_t)skein_attention_part_floats(value_width) * sizeof(float);
    return (size_t)tokens * (size_t)heads * (size_t)chunks * part_bytes;
}

size_t skein_attention_workspace_bytes(int32_t heads, int32_t kv_heads, int32_t key_width,
                                       int32_t value_width, int32_t page_tokens) {
    (void)page_tokens;  // blocks of positions do not follow pages
    size_t lanes = SKEIN_ATTENTION_LANES;
    size_t rows = (size_t)skein_attention_run_tokens(heads, kv_heads) * (size_t)(heads / kv_heads);
    rows = (rows + lanes - 1) / lanes * lanes;
    size_t unit = SKEIN_ATTENTION_UNIT;
    size_t key = ((size_t)key_width + unit - 1) / unit * unit;
    size_t value = ((size_t)value_width + unit - 1) / unit * unit;
    // Floats: queries and sums of the rows, of a chunk and of those before it; one block of keys, of values and of
    // scores; and for each row two maxima and totals, its correction, scale and first and last position.
    size_t floats = rows * (key + 2 * value + SKEIN_ATTENTION_BLOCK + 8) + SKEIN_ATTENTION_BLOCK * (key + value);
    // The reference keeps two rows of sums in double, and a part.
    size_t reference_bytes = 2 * value * sizeof(double) + (value + lanes) * sizeof(float);
    size_t bytes = floats * sizeof(float);
    return ((bytes > reference_bytes ? bytes : reference_bytes) + 63) / 64 * 64;
}

// The row of (sequence, position, head), in rows of keys or of values.
static int64_t cache_row(const skein_cache *c, int32_t sequence, int32_t position, int32_t kv_head) {
    int64_t page = c->page_table[(int64_t)sequence * c->pages_per_sequence + position / c->page_tokens];
    return (page * c->kv_heads + kv_head) * c->page_tokens + position % c->page_tokens;
}

// Value i of a row of the cache.
static double element(const skein_cache *c, const uint8_t *row, int32_t i) {
    float whole;
    uint16_t half;
    if (c->type == SKEIN_F32) {
        memcpy(&whole, row + (int64_t)i * (int64_t)sizeof whole, sizeof whole);
        return whole;
    }
    if (c->type != SKEIN_Q8_0) {
        memcpy(&half, row + (int64_t)i * (int64_t)sizeof half, sizeof half);
        return c->type == SKEIN_BF16 ? skein_float_from_bf16(half) : skein_float_from_half(half);
    }
    const uint8_t *block = row + i / SKEIN_CACHE_BLOCK * SKEIN_CACHE_BLOCK_BYTES;
    memcpy(&half, block, sizeof half);
    int8_t quant = (int8_t)block[sizeof half + (size_t)(i % SKEIN_CACHE_BLOCK)];
    return (double)skein_float_from_half(half) * quant;
}

static double score(const skein_attention_args *a, const float *query, int64_t row) {
    const uint8_t *key = skein_cache_key(&a->cache, row);
    double sum = 0;
    for (int32_t i = 0; i < a->cache.key_width; i++) sum += query[i] * element(&a->cache, key, i);
    sum *= a->scale;
    return a->soft_cap > 0 ? a->soft_cap * tanh(sum / a->soft_cap) : sum;
}

// What some positions gave: the largest score, the sum of weights relative to it, and of values by weight.
typedef struct {
    double maximum;
    double total;
    double *sums;  // [value_width]
} seen_positions;

static void forget(seen_positions *seen, int32_t width) {
    seen->maximum = -INFINITY;
    seen->total = 0;
    for (int32_t i = 0; i < width; i++) seen->sums[i] = 0;
}

// What weights are relative to; any number while every score was minus infinity, for infinity - infinity is NaN.
static double base(const seen_positions *seen) { return seen->maximum == -INFINITY ? 0 : seen->maximum; }

// Takes `maximum` as what weights are relative to, if that is larger.
static void raise_maximum(seen_positions *seen, double maximum, int32_t width) {
    if (!(maximum > seen->maximum)) return;
    double correction = exp(seen->maximum - maximum);
    seen->total *= correction;
    for (int32_t i = 0; i < width; i++) seen->sums[i] *= correction;
    seen->maximum = maximum;
}

// One chunk's positions first ..< end, into a part.
static void attend(const skein_attention_args *a, int64_t token, int32_t head, int32_t first, int32_t end,
                   seen_positions *seen, float *part) {
    const skein_cache *c = &a->cache;
    int32_t kv_head = head / (a->heads / c->kv_heads);
    const float *query = a->queries + (token * a->heads + head) * c->key_width;
    forget(seen, c->value_width);
    for (int32_t p = first; p < end; p++) {
        int64_t row = cache_row(c, a->sequences[token], p, kv_head);
        double s = score(a, query, row);
        raise_maximum(seen, s, c->value_width);
        double weight = exp(s - base(seen));
        const uint8_t *value = skein_cache_value(c, row);
        seen->total += weight;
        for (int32_t i = 0; i < c->value_width; i++) seen->sums[i] += weight * element(c, value, i);
    }
    for (int32_t i = 0; i < c->value_width; i++) part[i] = (float)seen->sums[i];
    part += skein_attention_part_sums(c->value_width);
    part[0] = (float)seen->maximum;
    part[1] = (float)seen->total;
}

// Adds a part to what the parts before it gave.
static void merge(seen_positions *seen, const float *part, int32_t width) {
    const float *tail = part + skein_attention_part_sums(width);
    raise_maximum(seen, tail[0], width);
    double correction = exp(tail[0] - base(seen));
    seen->total += tail[1] * correction;
    for (int32_t i = 0; i < width; i++) seen->sums[i] += part[i] * correction;
}

static void finish(const skein_attention_args *a, int64_t token, int32_t head, seen_positions *seen) {
    int32_t width = a->cache.value_width;
    float *y = a->y + (token * a->heads + head) * width;
    if (a->sinks != NULL) {
        raise_maximum(seen, a->sinks[head], width);
        seen->total += exp(a->sinks[head] - seen->maximum);
    }
    for (int32_t i = 0; i < width; i++) y[i] = (float)(seen->sums[i] / seen->total);
}

// The chunks of an item for one of its rows: merged at once, or left as parts.
static void attend_row(const skein_attention_args *a, const skein_attention_item *item, int64_t token, int32_t head,
                       double *workspace) {
    int32_t width = a->cache.value_width;
    int32_t position = a->positions[token];
    int32_t seen = skein_attention_first(a, position);
    seen_positions now = {.sums = workspace}, all = {.sums = workspace + width};
    float *own = (float *)(workspace + 2 * width);
    forget(&all, width);
    for (int32_t c = item->first_chunk; c < item->end_chunk; c++) {
        int32_t begin = c * item->chunk;
        if (begin > position || seen - begin >= item->chunk) continue;
        int32_t first = seen > begin ? seen : begin;
        int32_t end = position - begin < item->chunk ? position + 1 : begin + item->chunk;
        float *part = a->parts != NULL ? skein_attention_part(a, token, head, c) : own;
        attend(a, token, head, first, end, &now, part);
        if (a->parts == NULL) merge(&all, part, width);
    }
    if (a->parts == NULL) finish(a, token, head, &all);
}

void skein_reference_attention(const void *args, int32_t begin, int32_t end, void *workspace) {
    const skein_attention_args *a = args;
    int32_t sharing = a->heads / a->cache.kv_heads;
    skein_attention_walk walk = {0};
    while (begin < end) {
        skein_attention_item item = skein_attention_items_at(a, &begin, end, &walk);
        for (int32_t t = item.first_token; t < item.first_token + item.tokens; t++) {
            for (int32_t h = 0; h < sharing; h++) attend_row(a, &item, t, item.kv_head * sharing + h, workspace);
        }
    }
}

void skein_reference_attention_combine(const void *args, int32_t begin, int32_t end, void *workspace) {
    const skein_attention_args *a = args;
    for (int32_t row = begin; row < end; row++) {
        int64_t token = row / a->heads;
        int32_t head = row % a->heads, position = a->positions[token];
        int32_t chunk = skein_attention_chunk(position);
        seen_positions all = {.sums = workspace};
        forget(&all, a->cache.value_width);
        for (int32_t c = skein_attention_first(a, position) / chunk; c <= position / chunk; c++) {
            merge(&all, skein_attention_part(a, token, head, c), a->cache.value_width);
        }
        finish(a, token, head, &all);
    }
}

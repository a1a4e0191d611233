// attention: for each token t and head h, over the positions p that t may see,
//
//     y[t][h] = sum over p of softmax(scale * q[t][h] . k[p]) * v[p]
//
// where a sink, a score that has no value, takes its part of the softmax.
// Shapes: queries [tokens][heads][key_width], y [tokens][heads][value_width]; keys and values F32, F16 or
// Q8_0 in pages (see skein_cache). One walk over the positions with the softmax kept up as it goes (a new maximum
// scales down what is there); scores and sums in double. Bound by arithmetic in this plain form.
// Also here: how a call is cut into items, and the workspace, for every instruction set.
#include "../attention_items.h"
#include "../cache_rows.h"
#include "half.h"

#include <math.h>

int32_t skein_attention_items(const skein_attention_args *args) {
    int32_t runs = 0;
    for (int32_t t = 0; t < args->tokens; t += skein_attention_run_length(args, t)) runs++;
    return runs * args->cache.kv_heads;
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
    // Floats: queries and sums of the rows, one block of keys, of values and of scores, and for each row
    // its maximum, sum, correction, scale and first and last position.
    size_t floats = rows * (key + value + SKEIN_ATTENTION_BLOCK + 6) + SKEIN_ATTENTION_BLOCK * (key + value);
    // The reference keeps one row of sums in double.
    size_t reference_bytes = value * sizeof(double);
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
        return skein_float_from_half(half);
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

static void attend(const skein_attention_args *a, int64_t token, int32_t head, double *sums) {
    const skein_cache *c = &a->cache;
    int32_t kv_head = head / (a->heads / c->kv_heads);
    int32_t last = a->positions[token];
    int32_t first = a->window > 0 && last >= a->window ? last - a->window + 1 : 0;
    const float *query = a->queries + (token * a->heads + head) * c->key_width;
    float *y = a->y + (token * a->heads + head) * c->value_width;
    double maximum = -INFINITY;
    double total = 0;
    for (int32_t i = 0; i < c->value_width; i++) sums[i] = 0;
    for (int32_t p = first; p <= last; p++) {
        int64_t row = cache_row(c, a->sequences[token], p, kv_head);
        double s = score(a, query, row);
        if (s > maximum) {
            double correction = exp(maximum - s);
            total *= correction;
            for (int32_t i = 0; i < c->value_width; i++) sums[i] *= correction;
            maximum = s;
        }
        double weight = exp(s - maximum);
        const uint8_t *value = skein_cache_value(c, row);
        total += weight;
        for (int32_t i = 0; i < c->value_width; i++) sums[i] += weight * element(c, value, i);
    }
    if (a->sinks != NULL) {
        double sink = a->sinks[head];
        double base = sink > maximum ? sink : maximum;
        double correction = exp(maximum - base);
        for (int32_t i = 0; i < c->value_width; i++) sums[i] *= correction;
        total = total * correction + exp(sink - base);
    }
    for (int32_t i = 0; i < c->value_width; i++) y[i] = (float)(sums[i] / total);
}

void skein_reference_attention(const void *args, int32_t begin, int32_t end, void *workspace) {
    const skein_attention_args *a = args;
    int32_t sharing = a->heads / a->cache.kv_heads;
    skein_attention_walk walk = {0};
    for (int32_t index = begin; index < end; index++) {
        skein_attention_item item = skein_attention_item_at(a, index, &walk);
        for (int32_t t = item.first_token; t < item.first_token + item.tokens; t++) {
            for (int32_t h = 0; h < sharing; h++) attend(a, t, item.kv_head * sharing + h, workspace);
        }
    }
}

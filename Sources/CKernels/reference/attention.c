// attention: for each token t and head h, over the positions p that t may see,
//
//     y[t][h] = sum over p of softmax(scale * q[t][h] . k[p]) * v[p]
//
// Shapes: queries [tokens][heads][key_width], y [tokens][heads][value_width]; keys and values F16 in pages
// (see skein_cache). One walk over the positions with the softmax kept up as it goes (a new maximum
// scales down what is there); scores and sums in double. Bound by arithmetic in this plain form.
// Also here: how a call is cut into items, and the workspace, for every instruction set.
#include "../attention_items.h"
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
    size_t key = ((size_t)key_width + lanes - 1) / lanes * lanes;
    size_t value = ((size_t)value_width + lanes - 1) / lanes * lanes;
    // Floats: queries and sums of the rows, one block of keys, of values and of scores, and for each row
    // its maximum, sum, correction and first and last position.
    size_t floats = rows * (key + value + SKEIN_ATTENTION_BLOCK + 5) + SKEIN_ATTENTION_BLOCK * (key + value);
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

static double score(const skein_attention_args *a, const float *query, int64_t row) {
    const uint16_t *key = a->cache.keys + row * a->cache.key_width;
    double sum = 0;
    for (int32_t i = 0; i < a->cache.key_width; i++) sum += (double)query[i] * skein_float_from_half(key[i]);
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
        const uint16_t *value = c->values + row * skein_value_stride(c);
        total += weight;
        for (int32_t i = 0; i < c->value_width; i++) sums[i] += weight * skein_float_from_half(value[i]);
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

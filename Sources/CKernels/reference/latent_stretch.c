// latent_attention, expanded: keys and values of a stretch of positions, then attention to them.
//
//     k[p][h] = (key_up[h] c[p], r[p])    v[p][h] = value_up[h] c[p]    with (c, r) the row of p
//     y[t][h] = sum over p <= positions[t] of softmax(scale * q[t][h] . k[p][h]) * v[p][h]
//
// Shapes: see skein_latent_stretch_args. Keys and values are float32, products as in latent_attention.c, attention in
// double, its sums kept in float32. Bound by arithmetic.
// Also here: how calls are cut into items, and the memory, for every instruction set.
#include "latent_product.h"

#include <math.h>

int32_t skein_latent_stretch_positions(const skein_latent_heads *heads) {
    // 8192 rows of keys and values: 10 MB at widths of 192 and 128. So few that the second cache holds a head's.
    enum { ROWS = 8192, MOST = 512, LEAST = SKEIN_LATENT_STRETCH_POSITIONS };
    int32_t positions = ROWS / heads->heads / LEAST * LEAST;
    return positions < LEAST ? LEAST : positions > MOST ? MOST : positions;
}

size_t skein_latent_stretch_bytes(const skein_latent_heads *heads, int32_t tokens) {
    return skein_latent_stretch_layout_make(heads, tokens).shared_bytes;
}

size_t skein_latent_stretch_workspace_bytes(const skein_latent_heads *heads) {
    return skein_latent_stretch_layout_make(heads, 0).bytes;
}

int32_t skein_latent_stretch_expand_items(const skein_latent_stretch_args *a) {
    enum { POSITIONS = SKEIN_LATENT_STRETCH_POSITIONS, HEADS = SKEIN_LATENT_STRETCH_HEADS };
    return (a->positions + POSITIONS - 1) / POSITIONS * ((a->attention.heads.heads + HEADS - 1) / HEADS);
}

int32_t skein_latent_stretch_attend_items(const skein_latent_stretch_args *a) {
    enum { ROWS = SKEIN_ATTENTION_ROWS };
    return (a->attention.tokens + ROWS - 1) / ROWS * a->attention.heads.heads;
}

static float *key_of(const skein_latent_stretch_args *a, const skein_latent_stretch_layout *layout, int32_t head,
                     int32_t p) {
    int64_t row = (int64_t)head * layout->positions + p;
    return (float *)((char *)a->shared + layout->keys) + row * layout->key_stride;
}

static float *value_of(const skein_latent_stretch_args *a, const skein_latent_stretch_layout *layout, int32_t head,
                       int32_t p) {
    int64_t row = (int64_t)head * layout->positions + p;
    return (float *)((char *)a->shared + layout->values) + row * layout->value_stride;
}

static void expand(const skein_latent_stretch_args *a, int32_t head, int32_t p,
                   const skein_latent_stretch_layout *layout, char *workspace) {
    const skein_latent_heads *h = &a->attention.heads;
    int32_t type = a->attention.cache.type, width = h->rank + h->rope_width;
    float *row = (float *)(workspace + layout->row);
    const uint8_t *from = skein_latent_row(&a->attention, a->first + p);
    skein_dequantize_row(type, from, type == SKEIN_Q8_0 ? (width + 31) / 32 * 32 : width, row);
    const char *key_up = (const char *)h->key_up + head * h->key_head_bytes;
    const char *value_up = (const char *)h->value_up + head * h->value_head_bytes;
    float *key = key_of(a, layout, head, p), *value = value_of(a, layout, head, p);
    if (h->key_rows_plain) {
        product(h->key_type, key_up, h->key_row_bytes, h->plain_width, h->rank, row, key, &layout->item, workspace);
    } else {
        product_of_columns(h->key_type, key_up, h->key_row_bytes, h->rank, h->plain_width, row, key, &layout->item,
                           workspace);
    }
    memcpy(key + h->plain_width, row + h->rank, (size_t)h->rope_width * sizeof(float));
    product(h->value_type, value_up, h->value_row_bytes, h->value_width, h->rank, row, value, &layout->item,
            workspace);
}

void skein_reference_latent_stretch_expand(const void *args, int32_t begin, int32_t end, void *workspace) {
    const skein_latent_stretch_args *a = args;
    skein_latent_stretch_layout layout = skein_latent_stretch_layout_make(&a->attention.heads, a->attention.tokens);
    for (int32_t index = begin; index < end; index++) {
        skein_latent_stretch_item item = skein_latent_stretch_item_at(a, index);
        for (int32_t h = item.first_head; h < item.first_head + item.heads; h++) {
            for (int32_t p = item.first; p < item.first + item.positions; p++) expand(a, h, p, &layout, workspace);
        }
    }
}

static void attend(const skein_latent_stretch_args *a, int64_t token, int32_t head,
                   const skein_latent_stretch_layout *layout) {
    const skein_latent_attention_args *attention = &a->attention;
    const skein_latent_heads *h = &attention->heads;
    int32_t width = h->plain_width + h->rope_width, seen = attention->positions[token] + 1 - a->first;
    if (seen <= 0) return;
    int32_t here = seen < a->positions ? seen : a->positions;
    const float *query = attention->queries + (token * h->heads + head) * width;
    float *y = attention->y + (token * h->heads + head) * h->value_width;
    float *found = (float *)((char *)a->shared + layout->found) + (token * h->heads + head) * 2;
    double maximum = a->first > 0 ? found[0] : -INFINITY, total = a->first > 0 ? found[1] : 0;
    if (a->first == 0) memset(y, 0, (size_t)h->value_width * sizeof(float));
    for (int32_t p = 0; p < here; p++) {
        const float *key = key_of(a, layout, head, p), *value = value_of(a, layout, head, p);
        double score = 0;
        for (int32_t i = 0; i < width; i++) score += (double)query[i] * (double)key[i];
        score = (double)(float)(score * (double)attention->scale);
        double base = score > maximum ? score : maximum;
        double kept = exp(maximum - base), weight = exp(score - base);
        for (int32_t i = 0; i < h->value_width; i++) y[i] = (float)((double)y[i] * kept + weight * (double)value[i]);
        total = total * kept + weight;
        maximum = base;
    }
    found[0] = (float)maximum;
    found[1] = (float)total;
    if (seen > a->positions) return;
    for (int32_t i = 0; i < h->value_width; i++) y[i] = (float)((double)y[i] / total);
}

void skein_reference_latent_stretch_attend(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_latent_stretch_args *a = args;
    const skein_latent_heads *h = &a->attention.heads;
    skein_latent_stretch_layout layout = skein_latent_stretch_layout_make(h, a->attention.tokens);
    for (int32_t index = begin; index < end; index++) {
        skein_latent_item item =
            skein_latent_item_at(index, a->attention.tokens, SKEIN_ATTENTION_ROWS, h->heads, 1);
        for (int32_t t = 0; t < item.tokens; t++) attend(a, item.first_token + t, item.first_head, &layout);
    }
}

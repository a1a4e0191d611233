// How latent attention is cut into items, and the scratch memory of one: shared by every instruction set.
//
// An item of latent_attention is a few heads of a run of tokens: all of them read the same compressed rows. Few
// heads, so that one token's work can be spread over threads; several where there are many, so that a row is
// read and converted once for them. The cut depends on shapes only, never on the number of threads.
#ifndef SKEIN_LATENT_ITEMS_H
#define SKEIN_LATENT_ITEMS_H

#include "attention_items.h"
#include "cache_rows.h"

enum {
    SKEIN_LATENT_HEADS = 8,        // the most heads of an item, and the least items of a token
    SKEIN_LATENT_RUN_TOKENS = 64,  // of an item of expand_latent
    SKEIN_LATENT_ROWS = 32,        // rows of weights that are decoded at a time
    SKEIN_LATENT_STRETCH_HEADS = 2,       // of an item that expands: they share the rows' conversion
    SKEIN_LATENT_STRETCH_POSITIONS = 128, // of such an item: enough for the cost of decoding weights to be small
};

static inline int32_t skein_latent_item_heads(int32_t heads) {
    int32_t count = (heads + SKEIN_LATENT_HEADS - 1) / SKEIN_LATENT_HEADS;
    return count < SKEIN_LATENT_HEADS ? count : SKEIN_LATENT_HEADS;
}

typedef struct {
    int32_t first_token;
    int32_t tokens;
    int32_t first_head;
    int32_t heads;
} skein_latent_item;

// Item `index`; runs of `run` tokens, `together` heads an item.
static inline skein_latent_item skein_latent_item_at(int32_t index, int32_t tokens, int32_t run, int32_t heads,
                                                     int32_t together) {
    int32_t groups = (heads + together - 1) / together;
    skein_latent_item item = {.first_token = index / groups * run, .first_head = index % groups * together};
    item.tokens = tokens - item.first_token < run ? tokens - item.first_token : run;
    item.heads = heads - item.first_head < together ? heads - item.first_head : together;
    return item;
}

static inline skein_latent_item skein_latent_attention_item_at(const skein_latent_attention_args *a,
                                                               int32_t index) {
    int32_t together = skein_latent_item_heads(a->heads.heads);
    int32_t run = skein_attention_run_tokens(together, 1);
    return skein_latent_item_at(index, a->tokens, run, a->heads.heads, together);
}

// Offsets in the workspace.
typedef struct {
    size_t x;         // [tokens][the wider of plain_width and rank], what goes into a product
    size_t quantized; // the same, quantized
    size_t rows;      // [LATENT_ROWS][the wider, in whole vectors]
    size_t linear;    // the workspace of linear
    size_t queries;   // [tokens][heads][rank + rope_width]
    size_t sums;      // [tokens][heads][rank]
    size_t attention; // the workspace of attention
    size_t bytes;
} skein_latent_layout;

static inline int32_t skein_latent_widest(const skein_latent_heads *h) {
    return h->plain_width > h->rank ? h->plain_width : h->rank;
}

static inline size_t skein_latent_take(size_t *offset, size_t bytes) {
    size_t start = *offset;
    *offset = start + (bytes + 63) / 64 * 64;
    return start;
}

// For items of `tokens` tokens and `heads` heads; no heads: for expand_latent.
static inline skein_latent_layout skein_latent_layout_make(const skein_latent_heads *h, int32_t tokens,
                                                           int32_t heads, int32_t page_tokens) {
    skein_latent_layout l = {0};
    size_t widest = (size_t)skein_latent_widest(h);
    size_t key = skein_linear_workspace_bytes(h->key_type, (int32_t)widest, tokens);
    size_t value = skein_linear_workspace_bytes(h->value_type, (int32_t)widest, tokens);
    size_t rows = (size_t)tokens * (size_t)heads;
    l.x = skein_latent_take(&l.bytes, (size_t)tokens * widest * sizeof(float));
    l.quantized = skein_latent_take(&l.bytes, (size_t)tokens * skein_quantized_activation_bytes((int32_t)widest));
    size_t row = (widest + SKEIN_ATTENTION_LANES - 1) / SKEIN_ATTENTION_LANES * SKEIN_ATTENTION_LANES;
    l.rows = skein_latent_take(&l.bytes, SKEIN_LATENT_ROWS * row * sizeof(float));
    l.linear = skein_latent_take(&l.bytes, key > value ? key : value);
    if (heads == 0) return l;
    l.queries = skein_latent_take(&l.bytes, rows * (size_t)(h->rank + h->rope_width) * sizeof(float));
    l.sums = skein_latent_take(&l.bytes, rows * (size_t)h->rank * sizeof(float));
    l.attention = skein_latent_take(&l.bytes, skein_attention_workspace_bytes(
                                                  heads, 1, h->rank + h->rope_width, h->rank, page_tokens));
    return l;
}

// What the kernels of a stretch share, and the scratch memory of one item: offsets in bytes.
typedef struct {
    int32_t positions;    // of a stretch
    int32_t key_stride;   // in floats: whole vectors
    int32_t value_stride;
    size_t keys;          // shared: [heads][positions][key_stride], zeros behind a row
    size_t values;        // shared: [heads][positions][value_stride], zeros behind a row
    size_t found;         // shared: [tokens][heads] largest score and sum of weights so far
    size_t shared_bytes;
    skein_latent_layout item; // of SKEIN_LATENT_STRETCH_POSITIONS "tokens"
    size_t row;           // one compressed row, as float32 in whole blocks of the cache
    size_t bytes;
} skein_latent_stretch_layout;

static inline skein_latent_stretch_layout skein_latent_stretch_layout_make(const skein_latent_heads *h,
                                                                           int32_t tokens) {
    enum { LANES_MOST = SKEIN_ATTENTION_LANES };
    skein_latent_stretch_layout l = {.positions = skein_latent_stretch_positions(h)};
    int32_t key_width = h->plain_width + h->rope_width;
    l.key_stride = (key_width + LANES_MOST - 1) / LANES_MOST * LANES_MOST;
    l.value_stride = (h->value_width + LANES_MOST - 1) / LANES_MOST * LANES_MOST;
    size_t rows = (size_t)h->heads * (size_t)l.positions;
    l.keys = skein_latent_take(&l.shared_bytes, rows * (size_t)l.key_stride * sizeof(float));
    l.values = skein_latent_take(&l.shared_bytes, rows * (size_t)l.value_stride * sizeof(float));
    l.found = skein_latent_take(&l.shared_bytes, (size_t)tokens * (size_t)h->heads * 2 * sizeof(float));
    l.item = skein_latent_layout_make(h, SKEIN_LATENT_STRETCH_POSITIONS, 0, 0);
    l.bytes = l.item.bytes;
    l.row = skein_latent_take(&l.bytes, (size_t)(h->rank + h->rope_width + 31) / 32 * 32 * sizeof(float));
    size_t attention = skein_attention_workspace_bytes(h->heads, h->heads, key_width, h->value_width,
                                                       SKEIN_ATTENTION_BLOCK);
    if (attention > l.bytes) l.bytes = attention;
    return l;
}

// Where the row of a position is in the cache.
static inline const uint8_t *skein_latent_row(const skein_latent_attention_args *a, int32_t position) {
    const skein_cache *c = &a->cache;
    const int32_t *table = c->page_table + (int64_t)a->sequences[0] * c->pages_per_sequence;
    int64_t row = (int64_t)table[position / c->page_tokens] * c->page_tokens + position % c->page_tokens;
    return skein_cache_key(c, row);
}

// The end of the positions that an item's tokens may see.
static inline int32_t skein_latent_item_end(const skein_latent_attention_args *a, int32_t first, int32_t tokens) {
    int32_t last = a->positions[first];
    for (int32_t t = first + 1; t < first + tokens; t++) last = a->positions[t] > last ? a->positions[t] : last;
    return last + 1;
}

// An item of latent_stretch_expand. Consecutive items have the same positions: their rows are at hand.
typedef struct {
    int32_t first;       // counted from the stretch's first position
    int32_t positions;
    int32_t first_head;
    int32_t heads;
} skein_latent_stretch_item;

static inline skein_latent_stretch_item skein_latent_stretch_item_at(const skein_latent_stretch_args *a,
                                                                     int32_t index) {
    skein_latent_item at = skein_latent_item_at(index, a->positions, SKEIN_LATENT_STRETCH_POSITIONS,
                                                a->attention.heads.heads, SKEIN_LATENT_STRETCH_HEADS);
    return (skein_latent_stretch_item){
        .first = at.first_token, .positions = at.tokens, .first_head = at.first_head, .heads = at.heads};
}

#endif

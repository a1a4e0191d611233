// How attention is cut into items, and the scratch memory of one item: shared by every instruction set.
//
// A run is a handful of consecutive tokens of one sequence; an item is one key-value head of a run. The
// query heads of that key-value head, for every token of the run, are the item's rows: they all use the
// same keys and values, which are read (and converted from F16) once for all of them.
// The cut depends on shapes and sequences only, never on the number of threads.
#ifndef SKEIN_ATTENTION_ITEMS_H
#define SKEIN_ATTENTION_ITEMS_H

#include "kernels.h"

enum {
    // Rows of an item. 64 rows make 16 register tiles of 4: the conversion of keys and values is then
    // below 5% of the work, while a prompt of 100 tokens still gives each of 16 cores something to do.
    SKEIN_ATTENTION_ROWS = 64,
    // Positions that are scored at a time; blocks start at its multiples, so that the order of a token's
    // arithmetic depends on its own position only.
    SKEIN_ATTENTION_BLOCK = 64,
    // Widths in the workspace are rounded up to this many elements, the widest vector there is.
    SKEIN_ATTENTION_LANES = 16,
};

typedef struct {
    int32_t first_token;
    int32_t tokens;
    int32_t kv_head;
} skein_attention_item;

// Elements from one row of values to the next.
static inline int64_t skein_value_stride(const skein_cache *c) {
    return c->values == c->keys ? c->key_width : c->value_width;
}

// Where the walk over the items of a call stands. Start with {0}, then ask for rising item numbers.
typedef struct {
    int32_t run;
    int32_t first_token;
} skein_attention_walk;

// The most tokens of a run.
static inline int32_t skein_attention_run_tokens(int32_t heads, int32_t kv_heads) {
    int32_t sharing = heads / kv_heads;
    return sharing >= SKEIN_ATTENTION_ROWS ? 1 : SKEIN_ATTENTION_ROWS / sharing;
}

// Tokens of the run that starts at `first`.
static inline int32_t skein_attention_run_length(const skein_attention_args *a, int32_t first) {
    int32_t most = skein_attention_run_tokens(a->heads, a->cache.kv_heads);
    int32_t end = first + 1;
    while (end < a->tokens && end - first < most && a->sequences[end] == a->sequences[first]) end++;
    return end - first;
}

// Item `index`: run index / kv_heads, head index % kv_heads. `walk` makes a range of items cost one scan
// over the tokens instead of one for each item.
static inline skein_attention_item skein_attention_item_at(const skein_attention_args *a, int32_t index,
                                                           skein_attention_walk *walk) {
    int32_t run = index / a->cache.kv_heads;
    while (walk->run < run) {
        walk->first_token += skein_attention_run_length(a, walk->first_token);
        walk->run++;
    }
    return (skein_attention_item){
        .first_token = walk->first_token,
        .tokens = skein_attention_run_length(a, walk->first_token),
        .kv_head = index % a->cache.kv_heads,
    };
}

#endif

// How attention is cut into items, and the scratch memory of one item: shared by every instruction set.
//
// A run is a handful of consecutive tokens of one sequence; an item is one key-value head of a run. The
// query heads of that key-value head, for every token of the run, are the item's rows: they all use the
// same keys and values, which are read (and converted from F16) once for all of them.
//
// A token's positions are cut into chunks, whose softmax and sums are made on their own and then merged in the
// order of positions. One item does all of that, or, where the call has `parts`, an item is one chunk and
// attention_combine merges: the same arithmetic, and so the same bits, whichever is done. One token then keeps
// as many cores busy as its context has chunks, however few its key-value heads are.
//
// Chunks depend on a token's position, runs on shapes, sequences and positions; nothing on the number of threads.
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
    // And those of queries up to this many, which integer products take at a time.
    SKEIN_ATTENTION_UNIT = 64,
    // The least positions of a chunk. Merging costs 1% of the work on 256 positions.
    SKEIN_ATTENTION_CHUNK = 256,
    // The most chunks of a token: far down a context they are longer, so that parts stay small.
    SKEIN_ATTENTION_CHUNKS = 64,
};

// Positions of each chunk of a token at `position`; chunks start at multiples of it.
static inline int32_t skein_attention_chunk(int32_t position) {
    int32_t chunk = SKEIN_ATTENTION_CHUNK;
    while (position / chunk >= SKEIN_ATTENTION_CHUNKS) chunk *= 2;
    return chunk;
}

// The first position that a token at `position` sees.
static inline int32_t skein_attention_first(const skein_attention_args *a, int32_t position) {
    return a->window > 0 && position >= a->window ? position - a->window + 1 : 0;
}

// A part: the sums of a chunk [value_width, padded], its largest score and the sum of its weights.
static inline int64_t skein_attention_part_sums(int32_t value_width) {
    int32_t lanes = SKEIN_ATTENTION_LANES;
    return (value_width + lanes - 1) / lanes * lanes;
}

static inline int64_t skein_attention_part_floats(int32_t value_width) {
    return skein_attention_part_sums(value_width) + SKEIN_ATTENTION_LANES;
}

static inline float *skein_attention_part(const skein_attention_args *a, int64_t token, int64_t head, int64_t chunk) {
    int64_t index = (token * a->heads + head) * a->part_chunks + chunk;
    return a->parts + index * skein_attention_part_floats(a->cache.value_width);
}

typedef struct {
    int32_t first_token;
    int32_t tokens;
    int32_t kv_head;
    int32_t chunk;        // positions of a chunk
    int32_t first_chunk;  // the chunks first_chunk ..< end_chunk of what the tokens see
    int32_t end_chunk;
} skein_attention_item;

// Where the walk over the items of a call stands. Start with {0}, then ask for rising item numbers.
typedef struct {
    skein_attention_item run;  // of all its chunks
    int32_t begin;             // its items begin ..< end
    int32_t end;
} skein_attention_walk;

// The most tokens of a run.
static inline int32_t skein_attention_run_tokens(int32_t heads, int32_t kv_heads) {
    int32_t sharing = heads / kv_heads;
    return sharing >= SKEIN_ATTENTION_ROWS ? 1 : SKEIN_ATTENTION_ROWS / sharing;
}

// The run that starts at a token: of one sequence, and of tokens whose chunks are equally long.
static inline skein_attention_item skein_attention_run_at(const skein_attention_args *a, int32_t first) {
    int32_t most = skein_attention_run_tokens(a->heads, a->cache.kv_heads);
    skein_attention_item run = {.first_token = first, .chunk = skein_attention_chunk(a->positions[first])};
    int32_t begin = INT32_MAX, last = 0, t = first;
    while (t < a->tokens && t - first < most && a->sequences[t] == a->sequences[first] &&
           skein_attention_chunk(a->positions[t]) == run.chunk) {
        int32_t seen = skein_attention_first(a, a->positions[t]);
        if (seen < begin) begin = seen;
        if (a->positions[t] > last) last = a->positions[t];
        t++;
    }
    run.tokens = t - first;
    run.first_chunk = begin / run.chunk;
    run.end_chunk = last / run.chunk + 1;
    return run;
}

// The next run, from {0} on; false past the last. Its items are one for each key-value head, or for each of its
// chunks.
static inline bool skein_attention_next_run(const skein_attention_args *a, skein_attention_walk *walk) {
    int32_t first = walk->run.first_token + walk->run.tokens;
    if (first >= a->tokens) return false;
    walk->run = skein_attention_run_at(a, first);
    walk->begin = walk->end;
    int32_t each = a->parts != NULL ? walk->run.end_chunk - walk->run.first_chunk : 1;
    walk->end = walk->begin + each * a->cache.kv_heads;
    return true;
}

// The items from `*index` on, below `end`, that are of one key-value head of a run, as one; moves `*index` past
// them.
static inline skein_attention_item skein_attention_items_at(const skein_attention_args *a, int32_t *index, int32_t end,
                                                            skein_attention_walk *walk) {
    while (*index >= walk->end && skein_attention_next_run(a, walk)) continue;
    skein_attention_item item = walk->run;
    int32_t at = *index - walk->begin;
    if (a->parts == NULL) {
        item.kv_head = at;
        *index += 1;
        return item;
    }
    int32_t each = item.end_chunk - item.first_chunk;
    item.kv_head = at / each;
    item.first_chunk += at % each;
    if (item.end_chunk - item.first_chunk > end - *index) item.end_chunk = item.first_chunk + end - *index;
    *index += item.end_chunk - item.first_chunk;
    return item;
}

#endif

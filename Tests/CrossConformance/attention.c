// cache_write, which gives the same bits everywhere, and attention over what it wrote.
#include "conformance.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    int32_t heads, kv_heads, key_width, value_width, page_tokens;
    int32_t context, tokens; // two sequences: all tokens but the last are of the first
    int32_t window;
    float soft_cap;
    bool has_sinks;
} attention_case;

static const attention_case cases[] = {
    {.heads = 4, .kv_heads = 2, .key_width = 64, .value_width = 64, .page_tokens = 16, .context = 1, .tokens = 1},
    {.heads = 1, .kv_heads = 1, .key_width = 8, .value_width = 8, .page_tokens = 16, .context = 67, .tokens = 1},
    {.heads = 8, .kv_heads = 2, .key_width = 128, .value_width = 128, .page_tokens = 16, .context = 129, .tokens = 2},
    {.heads = 7, .kv_heads = 1, .key_width = 24, .value_width = 40, .page_tokens = 7, .context = 130, .tokens = 3},
    {.heads = 4, .kv_heads = 2, .key_width = 1, .value_width = 3, .page_tokens = 1, .context = 70, .tokens = 40},
    {.heads = 3, .kv_heads = 1, .key_width = 100, .value_width = 33, .page_tokens = 64, .context = 66, .tokens = 66},
    {.heads = 4, .kv_heads = 2, .key_width = 32, .value_width = 32, .page_tokens = 5, .context = 200, .tokens = 30,
     .window = 20},
    {.heads = 4, .kv_heads = 2, .key_width = 32, .value_width = 32, .page_tokens = 16, .context = 100, .tokens = 9,
     .soft_cap = 5},
    {.heads = 16, .kv_heads = 2, .key_width = 64, .value_width = 64, .page_tokens = 16, .context = 90, .tokens = 12,
     .window = 64, .has_sinks = true},
    {.heads = 3, .kv_heads = 1, .key_width = 24, .value_width = 40, .page_tokens = 64, .context = 700, .tokens = 2},
};

enum { CASES = sizeof cases / sizeof *cases };

// Room for two sequences of `context` positions, pages of one after those of the other.
static skein_cache make_cache(const attention_case *c, int32_t type) {
    int32_t pages = (c->context + c->page_tokens - 1) / c->page_tokens;
    size_t rows = (size_t)(2 * pages * c->kv_heads * c->page_tokens);
    int32_t *table = guarded((size_t)(2 * pages) * sizeof *table);
    for (int32_t i = 0; i < 2 * pages; i++) table[i] = 2 * pages - 1 - i;
    return (skein_cache){
        .keys = guarded(rows * (size_t)skein_cache_row_bytes(type, c->key_width)),
        .values = guarded(rows * (size_t)skein_cache_row_bytes(type, c->value_width)),
        .type = type, .page_tokens = c->page_tokens, .kv_heads = c->kv_heads, .key_width = c->key_width,
        .value_width = c->value_width, .page_table = table, .pages_per_sequence = pages,
    };
}

// Both sequences whole.
static void fill_cache(const skein_kernels *set, const attention_case *c, const skein_cache *cache) {
    generator g = {.state = 5};
    int32_t count = 2 * c->context;
    int32_t *sequences = guarded((size_t)count * sizeof *sequences);
    int32_t *positions = guarded((size_t)count * sizeof *positions);
    for (int32_t i = 0; i < count; i++) {
        sequences[i] = i / c->context;
        positions[i] = i % c->context;
    }
    skein_cache_write_args args = {
        .cache = *cache, .keys = normal_floats(&g, (int64_t)count * c->kv_heads * c->key_width),
        .values = normal_floats(&g, (int64_t)count * c->kv_heads * c->value_width),
        .sequences = sequences, .positions = positions,
    };
    set->cache_write(&args, 0, 1, NULL);
    set->cache_write(&args, 1, count, NULL);
}

static skein_attention_args make_arguments(const attention_case *c, const skein_cache *cache) {
    generator g = {.state = 6};
    int32_t *sequences = guarded((size_t)c->tokens * sizeof *sequences);
    int32_t *positions = guarded((size_t)c->tokens * sizeof *positions);
    for (int32_t t = 0; t < c->tokens; t++) {
        sequences[t] = t > 0 && t == c->tokens - 1;
        positions[t] = c->context - c->tokens + t;
    }
    return (skein_attention_args){
        .cache = *cache, .queries = normal_floats(&g, (int64_t)c->tokens * c->heads * c->key_width),
        .sequences = sequences, .positions = positions, .tokens = c->tokens, .heads = c->heads,
        .scale = 1 / sqrtf((float)c->key_width), .window = c->window, .soft_cap = c->soft_cap,
        .sinks = c->has_sinks ? normal_floats(&g, c->heads) : NULL,
    };
}

// Items piece by piece.
static float *attend(const skein_kernels *set, skein_attention_args *args, int32_t piece) {
    const skein_cache *c = &args->cache;
    args->y = guarded((size_t)(args->tokens * args->heads * c->value_width) * sizeof(float));
    void *workspace = guarded(skein_attention_workspace_bytes(args->heads, c->kv_heads, c->key_width, c->value_width,
                                                              c->page_tokens));
    int32_t items = skein_attention_items(args);
    for (int32_t first = 0; first < items; first += piece) {
        set->attention(args, first, first + piece < items ? first + piece : items, workspace);
    }
    return args->y;
}

// The same by chunks of positions, whose parts are put together.
static float *attend_by_parts(const skein_kernels *set, skein_attention_args args, int32_t context) {
    args.part_chunks = skein_attention_chunks(context);
    args.parts = guarded(skein_attention_parts_bytes(args.tokens, args.heads, args.cache.value_width, args.part_chunks));
    float *y = attend(set, &args, 1);
    set->attention_combine(&args, 0, 1, NULL);
    set->attention_combine(&args, 1, args.tokens * args.heads, NULL);
    return y;
}

static void check_case(const skein_kernels *set, const attention_case *c, int32_t type) {
    char what[80];
    snprintf(what, sizeof what, "%s attention case %d over type %d", set->name, (int)(c - cases), type);
    skein_cache expected = make_cache(c, type), cache = make_cache(c, type);
    fill_cache(reference_kernels(), c, &expected);
    fill_cache(set, c, &cache);
    int64_t rows = (int64_t)2 * cache.pages_per_sequence * c->kv_heads * c->page_tokens;
    expect_same_bits("keys in the cache", cache.keys, expected.keys,
                     (size_t)(rows * skein_cache_row_bytes(type, c->key_width)));
    expect_same_bits("values in the cache", cache.values, expected.values,
                     (size_t)(rows * skein_cache_row_bytes(type, c->value_width)));
    skein_attention_args args = make_arguments(c, &expected);
    int64_t count = (int64_t)c->tokens * c->heads * c->value_width;
    const float *exact = attend(reference_kernels(), &args, 1 << 20);
    const float *whole = attend(set, &args, 1 << 20);
    // Values are below 6. Over Q8_0 queries and weights are rounded to 16 bits.
    expect_close(what, whole, exact, count, 0, type == SKEIN_Q8_0 ? 4e-4 : 5e-6);
    expect_same_bits(what, attend(set, &args, 1), whole, (size_t)count * sizeof(float));
    expect_same_bits(what, attend_by_parts(set, args, c->context), whole, (size_t)count * sizeof(float));
    // Tokens one by one.
    skein_attention_args one = args;
    one.tokens = 1;
    int64_t width = (int64_t)c->heads * c->value_width;
    for (int32_t t = 0; t < c->tokens; t += 1 + c->tokens / 5) {
        one.queries = args.queries + (int64_t)t * c->heads * c->key_width;
        one.sequences = args.sequences + t;
        one.positions = args.positions + t;
        expect_same_bits(what, attend(set, &one, 1), whole + t * width, (size_t)width * sizeof(float));
    }
}

// What a cache does with values that are too large, too small or no numbers.
static void check_odd_values(const skein_kernels *set, int32_t type) {
    static const float odd[] = {1e6f, -1e6f, 65504, 65520, 1e-7f, -6e-8f, 3e-8f, 1e9f, 3e38f, INFINITY, NAN, 0};
    attention_case c = {.kv_heads = 1, .key_width = 33, .value_width = 33, .page_tokens = 16, .context = 12};
    skein_cache caches[2] = {make_cache(&c, type), make_cache(&c, type)};
    int32_t *places = guarded(12 * sizeof *places), *zeros = guarded(12 * sizeof *zeros);
    float *x = guarded(12 * 33 * sizeof *x);
    for (int32_t t = 0; t < 12; t++) {
        places[t] = t;
        zeros[t] = 0;
        for (int32_t i = 0; i < 33; i++) x[33 * t + i] = i % 7 == 3 ? odd[t] : odd[t] > 1 ? (float)i : 1e-6f * (float)i;
    }
    for (int i = 0; i < 2; i++) {
        skein_cache_write_args args = {
            .cache = caches[i], .keys = x, .values = x, .sequences = zeros, .positions = places};
        (i == 0 ? reference_kernels() : set)->cache_write(&args, 0, 12, NULL);
    }
    size_t bytes = (size_t)(2 * c.page_tokens * skein_cache_row_bytes(type, 33));
    expect_same_bits("odd values in the cache", caches[1].keys, caches[0].keys, bytes);
}

void check_attention(const skein_kernels *set) {
    static const int32_t types[] = {SKEIN_F32, SKEIN_F16, SKEIN_BF16, SKEIN_Q8_0};
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < CASES; k++) {
            check_case(set, &cases[k], types[i]);
            release_guarded();
        }
        check_odd_values(set, types[i]);
        release_guarded();
    }
}

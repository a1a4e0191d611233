// latent_attention and expand_latent, with the matrices of keys in either grain.
#include "conformance.h"

#include <stdio.h>

enum { HEADS = 9, RANK = 64, PLAIN = 32, ROPE = 8, VALUE = 24, CONTEXT = 70, PAGE = 7, LATENT = RANK + ROPE };

static skein_latent_heads make_heads(generator *g, int32_t type, bool rows_plain) {
    int32_t key_rows = rows_plain ? PLAIN : RANK, key_columns = rows_plain ? RANK : PLAIN;
    int64_t key_bytes = row_bytes_of(type, key_columns), value_bytes = row_bytes_of(type, RANK);
    return (skein_latent_heads){
        .heads = HEADS, .rank = RANK, .plain_width = PLAIN, .rope_width = ROPE, .value_width = VALUE,
        .key_rows_plain = rows_plain, .key_up = sample_weights(g, type, HEADS * key_rows, key_columns, ANY_BYTES),
        .value_up = sample_weights(g, type, HEADS * VALUE, RANK, ANY_BYTES), .key_row_bytes = key_bytes,
        .key_head_bytes = key_rows * key_bytes, .value_row_bytes = value_bytes, .value_head_bytes = VALUE * value_bytes,
        .key_type = type, .value_type = type,
    };
}

static skein_cache make_rows(generator *g, int32_t type) {
    enum { PAGES = CONTEXT / PAGE };
    int32_t *table = guarded(PAGES * sizeof *table), *zeros = guarded(CONTEXT * sizeof *zeros);
    int32_t *positions = guarded(CONTEXT * sizeof *positions);
    for (int32_t i = 0; i < PAGES; i++) table[i] = PAGES - 1 - i;
    for (int32_t i = 0; i < CONTEXT; i++) {
        zeros[i] = 0;
        positions[i] = i;
    }
    skein_cache cache = {
        .keys = guarded((size_t)(CONTEXT * skein_cache_row_bytes(type, LATENT))), .type = type, .page_tokens = PAGE,
        .kv_heads = 1, .key_width = LATENT, .page_table = table, .pages_per_sequence = PAGES,
    };
    cache.values = cache.keys;
    skein_cache_write_args args = {
        .cache = cache, .keys = normal_floats(g, (int64_t)CONTEXT * LATENT), .sequences = zeros, .positions = positions,
    };
    args.values = args.keys;
    reference_kernels()->cache_write(&args, 0, CONTEXT, NULL);
    return cache;
}

// The expanded form, in stretches of positions.
static void stretch(const skein_kernels *set, const skein_latent_attention_args *attention) {
    const skein_latent_heads *heads = &attention->heads;
    skein_latent_stretch_args args = {
        .attention = *attention, .shared = guarded(skein_latent_stretch_bytes(heads, attention->tokens))};
    void *workspace = guarded(skein_latent_stretch_workspace_bytes(heads));
    int32_t most = skein_latent_stretch_positions(heads);
    for (args.first = 0; args.first < CONTEXT; args.first += most) {
        args.positions = CONTEXT - args.first < most ? CONTEXT - args.first : most;
        set->latent_stretch_expand(&args, 0, skein_latent_stretch_expand_items(&args), workspace);
        set->latent_stretch_attend(&args, 0, skein_latent_stretch_attend_items(&args), workspace);
    }
}

static void check_attention_of(const skein_kernels *set, generator *g, const skein_latent_heads *heads,
                               int32_t tokens) {
    skein_latent_attention_args args = {
        .cache = make_rows(g, SKEIN_F16), .heads = *heads, .queries = normal_floats(g, tokens * HEADS * (PLAIN + ROPE)),
        .tokens = tokens, .scale = 0.02f,
    };
    int32_t *sequences = guarded((size_t)tokens * sizeof *sequences);
    int32_t *positions = guarded((size_t)tokens * sizeof *positions);
    for (int32_t t = 0; t < tokens; t++) {
        sequences[t] = 0;
        positions[t] = CONTEXT - tokens + t;
    }
    args.sequences = sequences;
    args.positions = positions;
    void *workspace = guarded((skein_latent_attention_workspace_bytes(heads, PAGE) + 63) / 64 * 64);
    size_t count = (size_t)(tokens * HEADS * VALUE);
    float *results[2];
    for (int i = 0; i < 2; i++) {
        results[i] = args.y = guarded(count * sizeof(float));
        const skein_kernels *kernels = i == 0 ? reference_kernels() : set;
        kernels->latent_attention(&args, 0, skein_latent_attention_items(&args), workspace);
    }
    char what[64];
    snprintf(what, sizeof what, "%s latent_attention %s", set->name, type_name(heads->key_type));
    // The inputs of products with quantized weights are rounded to 8 bits, after sums that differ in the last bits:
    // one of them may go the other way.
    bool is_rounded = skein_linear_takes_quantized(heads->key_type);
    expect_close(what, results[1], results[0], (int64_t)count, 0, is_rounded ? 2e-2 : 1e-4);
    for (int i = 0; i < 2; i++) {
        results[i] = args.y = guarded(count * sizeof(float));
        stretch(i == 0 ? reference_kernels() : set, &args);
    }
    expect_close("latent_stretch_attend", results[1], results[0], (int64_t)count, 0, 1e-4);
}

static void check_expansion(const skein_kernels *set, generator *g, const skein_latent_heads *heads, int32_t tokens) {
    char what[64];
    snprintf(what, sizeof what, "%s expand_latent %s", set->name, type_name(heads->key_type));
    for (int makes_keys = 0; makes_keys < 2; makes_keys++) {
        skein_expand_latent_args args = {
            .heads = *heads, .x = normal_floats(g, tokens * LATENT), .tokens = tokens, .makes_keys = makes_keys};
        void *workspace = guarded((skein_expand_latent_workspace_bytes(heads) + 63) / 64 * 64);
        size_t count = (size_t)(tokens * HEADS * (makes_keys ? PLAIN + ROPE : VALUE));
        float *results[2];
        for (int i = 0; i < 2; i++) {
            results[i] = args.y = guarded(count * sizeof(float));
            (i == 0 ? reference_kernels() : set)->expand_latent(&args, 0, skein_expand_latent_items(&args), workspace);
        }
        expect_close(what, results[1], results[0], (int64_t)count, 0, 1e-4);
    }
}

void check_latent_attention(const skein_kernels *set) {
    static const int32_t types[] = {SKEIN_F32, SKEIN_F16, SKEIN_BF16, SKEIN_Q8_0};
    generator g = {.state = 9};
    for (int i = 0; i < 4; i++) {
        for (int rows_plain = 0; rows_plain < 2; rows_plain++) {
            for (int32_t tokens = 1; tokens <= 12; tokens += 11) {
                skein_latent_heads heads = make_heads(&g, types[i], rows_plain);
                check_attention_of(set, &g, &heads, tokens);
                check_expansion(set, &g, &heads, tokens);
                release_guarded();
            }
        }
    }
}

// latent_attention, absorbed: attention whose keys and values are made from compressed rows, without making them.
//
//     q'[t][h] = (q[t][h][0 ..< plain_width] key_up[h], q[t][h][plain_width ...])
//     s[t][h]  = sum over p <= positions[t] of softmax(scale * q'[t][h] . row[p]) * row[p][0 ..< rank]
//     y[t][h]  = value_up[h] s[t][h]
//
// expand_latent: keys[t][h] = (key_up[h] c, r) or values[t][h] = value_up[h] c, with (c, r) the row of t.
//
// Shapes: queries [tokens][heads][plain_width + rope_width], y [tokens][heads][value_width]; rows of
// rank + rope_width values are in the cache as keys of one head, in any of its formats. The products with key_up
// and value_up as linear has them (quantized weights take quantized activations), or, against the grain of the
// rows, in double; the attention between them is the reference kernel of attention. Bound by arithmetic.
// Also here: how a call is cut into items, and the workspace, for every instruction set.
#include "latent_product.h"

int32_t skein_latent_attention_items(const skein_latent_attention_args *a) {
    int32_t together = skein_latent_item_heads(a->heads.heads);
    int32_t run = skein_attention_run_tokens(together, 1);
    return (a->tokens + run - 1) / run * ((a->heads.heads + together - 1) / together);
}

size_t skein_latent_attention_workspace_bytes(const skein_latent_heads *heads, int32_t page_tokens) {
    int32_t together = skein_latent_item_heads(heads->heads);
    int32_t run = skein_attention_run_tokens(together, 1);
    return skein_latent_layout_make(heads, run, together, page_tokens).bytes;
}

skein_latent_span skein_latent_attention_span(const skein_latent_attention_args *a, int32_t first,
                                              int32_t expanded_from) {
    int32_t run = first;  // where the tokens of one sequence begin
    for (int32_t end = first + 1; end <= a->tokens; end++) {
        if (end < a->tokens && a->sequences[end] == a->sequences[run]) continue;
        if (end - run >= expanded_from) {
            return run == first ? (skein_latent_span){.tokens = end - first, .is_expanded = true}
                                : (skein_latent_span){.tokens = run - first};
        }
        run = end;
    }
    return (skein_latent_span){.tokens = a->tokens - first};
}

int32_t skein_expand_latent_items(const skein_expand_latent_args *a) {
    return (a->tokens + SKEIN_LATENT_RUN_TOKENS - 1) / SKEIN_LATENT_RUN_TOKENS * a->heads.heads;
}

size_t skein_expand_latent_workspace_bytes(const skein_latent_heads *heads) {
    return skein_latent_layout_make(heads, SKEIN_LATENT_RUN_TOKENS, 0, 0).bytes;
}

static void attend(const skein_latent_attention_args *a, int64_t token, int32_t head,
                   const skein_latent_layout *layout, char *workspace) {
    const skein_latent_heads *h = &a->heads;
    const float *q = a->queries + (token * h->heads + head) * (h->plain_width + h->rope_width);
    float *query = (float *)(workspace + layout->queries);
    float *sums = (float *)(workspace + layout->sums);
    const char *key_up = (const char *)h->key_up + head * h->key_head_bytes;
    if (h->key_rows_plain) {
        product_of_columns(h->key_type, key_up, h->key_row_bytes, h->plain_width, h->rank, q, query, layout,
                           workspace);
    } else {
        product(h->key_type, key_up, h->key_row_bytes, h->rank, h->plain_width, q, query, layout, workspace);
    }
    memcpy(query + h->rank, q + h->plain_width, (size_t)h->rope_width * sizeof(float));
    skein_attention_args attention = {
        .cache = a->cache, .queries = query, .y = sums, .sequences = a->sequences + token,
        .positions = a->positions + token, .tokens = 1, .heads = 1, .scale = a->scale,
    };
    attention.cache.values = attention.cache.keys;
    attention.cache.value_width = h->rank;
    skein_reference_attention(&attention, 0, 1, workspace + layout->attention);
    product(h->value_type, (const char *)h->value_up + head * h->value_head_bytes, h->value_row_bytes,
            h->value_width, h->rank, sums, a->y + (token * h->heads + head) * h->value_width, layout, workspace);
}

void skein_reference_latent_attention(const void *args, int32_t begin, int32_t end, void *workspace) {
    const skein_latent_attention_args *a = args;
    int32_t together = skein_latent_item_heads(a->heads.heads);
    skein_latent_layout layout = skein_latent_layout_make(&a->heads, skein_attention_run_tokens(together, 1),
                                                          together, a->cache.page_tokens);
    for (int32_t index = begin; index < end; index++) {
        skein_latent_item item = skein_latent_attention_item_at(a, index);
        for (int32_t t = 0; t < item.tokens; t++) {
            for (int32_t h = 0; h < item.heads; h++) {
                attend(a, item.first_token + t, item.first_head + h, &layout, workspace);
            }
        }
    }
}

static void expand(const skein_expand_latent_args *a, int64_t token, int32_t head,
                   const skein_latent_layout *layout, char *workspace) {
    const skein_latent_heads *h = &a->heads;
    const float *x = a->x + token * (h->rank + h->rope_width);
    if (!a->makes_keys) {
        product(h->value_type, (const char *)h->value_up + head * h->value_head_bytes, h->value_row_bytes,
                h->value_width, h->rank, x, a->y + (token * h->heads + head) * h->value_width, layout, workspace);
        return;
    }
    float *y = a->y + (token * h->heads + head) * (h->plain_width + h->rope_width);
    const char *key_up = (const char *)h->key_up + head * h->key_head_bytes;
    if (h->key_rows_plain) {
        product(h->key_type, key_up, h->key_row_bytes, h->plain_width, h->rank, x, y, layout, workspace);
    } else {
        product_of_columns(h->key_type, key_up, h->key_row_bytes, h->rank, h->plain_width, x, y, layout,
                           workspace);
    }
    memcpy(y + h->plain_width, x + h->rank, (size_t)h->rope_width * sizeof(float));
}

void skein_reference_expand_latent(const void *args, int32_t begin, int32_t end, void *workspace) {
    const skein_expand_latent_args *a = args;
    skein_latent_layout layout = skein_latent_layout_make(&a->heads, SKEIN_LATENT_RUN_TOKENS, 0, 0);
    for (int32_t index = begin; index < end; index++) {
        skein_latent_item item =
            skein_latent_item_at(index, a->tokens, SKEIN_LATENT_RUN_TOKENS, a->heads.heads, 1);
        for (int32_t t = 0; t < item.tokens; t++) expand(a, item.first_token + t, item.first_head, &layout, workspace);
    }
}

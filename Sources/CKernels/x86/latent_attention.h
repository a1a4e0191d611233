// latent_attention, absorbed: attention whose keys and values are made from compressed rows, without making them.
//
//     q'[t][h] = (q[t][h][0 ..< plain_width] key_up[h], q[t][h][plain_width ...])
//     s[t][h]  = sum over p <= positions[t] of softmax(scale * q'[t][h] . row[p]) * row[p][0 ..< rank]
//     y[t][h]  = value_up[h] s[t][h]
//
// expand_latent: keys[t][h] = (key_up[h] c, r) or values[t][h] = value_up[h] c, with (c, r) the row of t.
//
// Shapes: queries [tokens][heads][plain_width + rope_width], y [tokens][heads][value_width]; rows of
// rank + rope_width values are in the cache as keys of one head, in any of its formats. Products as linear has
// them; between them the attention kernel, on the item's heads, which share the rows: float32. With rank 512 a
// row's 2,176 operations a head outweigh reading it, so the attention tiles bound the kernel.
#include "latent_product.h"

static void latent_attend(const skein_latent_attention_args *a, skein_latent_item item,
                          const skein_latent_layout *layout, char *workspace) {
    const skein_latent_heads *h = &a->heads;
    int32_t batch_tokens = a->batch_tokens > a->tokens ? a->batch_tokens : a->tokens;
    float *x = (float *)(workspace + layout->x);
    float *queries = (float *)(workspace + layout->queries);
    float *sums = (float *)(workspace + layout->sums);
    int64_t width = h->plain_width + h->rope_width, latent = h->rank + h->rope_width;
    for (int32_t head = 0; head < item.heads; head++) {
        const float *q = a->queries + ((int64_t)item.first_token * h->heads + item.first_head + head) * width;
        float *to = queries + head * latent;
        for (int64_t t = 0; t < item.tokens; t++) {
            const float *from = q + t * h->heads * width;
            memcpy(x + t * h->plain_width, from, (size_t)h->plain_width * sizeof(float));
            memcpy(to + t * item.heads * latent + h->rank, from + h->plain_width,
                   (size_t)h->rope_width * sizeof(float));
        }
        latent_matrix key_up = latent_key_up(h, item.first_head + head, batch_tokens);
        if (h->key_rows_plain) {
            latent_product_of_columns(&key_up, item.tokens, x, to, item.heads * latent, layout, workspace);
        } else {
            latent_product(&key_up, item.tokens, x, to, item.heads * latent, layout, workspace);
        }
    }
    skein_attention_args attention = {
        .cache = a->cache,
        .queries = queries,
        .y = sums,
        .sequences = a->sequences + item.first_token,
        .positions = a->positions + item.first_token,
        .tokens = item.tokens,
        .heads = item.heads,
        .scale = a->scale,
    };
    attention.cache.values = attention.cache.keys;
    attention.cache.value_width = h->rank;
    SKEIN_KERNEL(attention)(&attention, 0, skein_attention_items(&attention), workspace + layout->attention);
    for (int32_t head = 0; head < item.heads; head++) {
        for (int64_t t = 0; t < item.tokens; t++) {
            memcpy(x + t * h->rank, sums + (t * item.heads + head) * h->rank, (size_t)h->rank * sizeof(float));
        }
        latent_matrix value_up = latent_value_up(h, item.first_head + head, batch_tokens);
        float *y = a->y + ((int64_t)item.first_token * h->heads + item.first_head + head) * h->value_width;
        latent_product(&value_up, item.tokens, x, y, (int64_t)h->heads * h->value_width, layout, workspace);
    }
}

void SKEIN_KERNEL(latent_attention)(const void *args, int32_t begin, int32_t end, void *workspace) {
    const skein_latent_attention_args *a = args;
    int32_t together = skein_latent_item_heads(a->heads.heads);
    skein_latent_layout layout = skein_latent_layout_make(&a->heads, skein_attention_run_tokens(together, 1),
                                                          together, a->cache.page_tokens);
    for (int32_t index = begin; index < end; index++) {
        latent_attend(a, skein_latent_attention_item_at(a, index), &layout, workspace);
    }
}

static void latent_expand(const skein_expand_latent_args *a, skein_latent_item item,
                          const skein_latent_layout *layout, char *workspace) {
    const skein_latent_heads *h = &a->heads;
    int64_t latent = h->rank + h->rope_width;
    int64_t width = a->makes_keys ? h->plain_width + h->rope_width : h->value_width;
    const float *rows = a->x + item.first_token * latent;
    float *x = (float *)(workspace + layout->x);
    float *y = a->y + ((int64_t)item.first_token * h->heads + item.first_head) * width;
    for (int64_t t = 0; t < item.tokens; t++) {
        memcpy(x + t * h->rank, rows + t * latent, (size_t)h->rank * sizeof(float));
        if (!a->makes_keys) continue;
        memcpy(y + t * h->heads * width + h->plain_width, rows + t * latent + h->rank,
               (size_t)h->rope_width * sizeof(float));
    }
    latent_matrix m = a->makes_keys ? latent_key_up(h, item.first_head, a->tokens)
                                    : latent_value_up(h, item.first_head, a->tokens);
    if (a->makes_keys && !h->key_rows_plain) {
        latent_product_of_columns(&m, item.tokens, x, y, h->heads * width, layout, workspace);
    } else {
        latent_product(&m, item.tokens, x, y, h->heads * width, layout, workspace);
    }
}

void SKEIN_KERNEL(expand_latent)(const void *args, int32_t begin, int32_t end, void *workspace) {
    const skein_expand_latent_args *a = args;
    skein_latent_layout layout = skein_latent_layout_make(&a->heads, SKEIN_LATENT_RUN_TOKENS, 0, 0);
    for (int32_t index = begin; index < end; index++) {
        skein_latent_item item =
            skein_latent_item_at(index, a->tokens, SKEIN_LATENT_RUN_TOKENS, a->heads.heads, 1);
        latent_expand(a, item, &layout, workspace);
    }
}

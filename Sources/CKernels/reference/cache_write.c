// cache_write: keys and values of new tokens, rounded where the cache is, into their places in the paged cache.
//
// Shapes: keys [tokens][kv_heads][key_width] -> [page][kv_head][page_tokens] rows, values likewise.
// F32: as they are. F16: to nearest, ties to even; finite values beyond 65504 become 65504 with their sign,
// infinities and NaN stay what they are. Q8_0: d = max |x| / 127 rounded up to F16 (rounded to nearest, small scales would clip
// their largest values: by a sixth at d = 3 * 2^-24), q = x * (1 / d) to nearest even.
// Exactly these float32 operations on every instruction set. Bound by memory: every element is read once and
// written once.
#include "../cache_rows.h"
#include "half.h"

#include <math.h>

int64_t skein_cache_row_bytes(int32_t type, int32_t width) {
    return skein_cache_stride(type, width);
}

static void write_f16_row(uint8_t *to, const float *from, int32_t width) {
    for (int32_t i = 0; i < width; i++) {
        float value = from[i];
        if (value > 65504.0f && value <= 3.402823466e38f) value = 65504.0f;
        if (value < -65504.0f && value >= -3.402823466e38f) value = -65504.0f;
        uint16_t half = skein_half_from_float(value);
        memcpy(to + (int64_t)i * (int64_t)sizeof half, &half, sizeof half);
    }
}

// The least F16 number that is not below `scale`, at most 65504.
static uint16_t scale_rounded_up(float scale) {
    if (scale >= 65504.0f) return 0x7bff;
    uint16_t half = skein_half_from_float(scale);
    return skein_float_from_half(half) < scale ? (uint16_t)(half + 1) : half;
}

static void write_q8_0_block(uint8_t *to, const float *from, int32_t count) {
    float largest = 0;
    bool is_finite = true;
    for (int32_t i = 0; i < count; i++) {
        is_finite = is_finite && isfinite(from[i]);
        largest = fmaxf(largest, fabsf(from[i]));
    }
    uint16_t half = is_finite ? scale_rounded_up(largest / 127.0f) : 0x7e00;
    memset(to, 0, SKEIN_CACHE_BLOCK_BYTES);
    memcpy(to, &half, sizeof half);
    if (!is_finite || half == 0) return;
    float inverse = 1.0f / skein_float_from_half(half);
    for (int32_t i = 0; i < count; i++) {
        float quant = nearbyintf(fminf(fmaxf(from[i] * inverse, -127.0f), 127.0f));
        to[sizeof half + (size_t)i] = (uint8_t)(int8_t)quant;
    }
}

static void write_q8_0_row(uint8_t *to, const float *from, int32_t width) {
    for (int32_t i = 0; i < width; i += SKEIN_CACHE_BLOCK) {
        write_q8_0_block(to, from + i, width - i < SKEIN_CACHE_BLOCK ? width - i : SKEIN_CACHE_BLOCK);
        to += SKEIN_CACHE_BLOCK_BYTES;
    }
}

void skein_reference_cache_write(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_cache_write_args *a = args;
    const skein_cache *c = &a->cache;
    skein_cache_write_row *write_row = skein_cache_plain_writer(c->type);
    if (write_row == NULL) write_row = c->type == SKEIN_Q8_0 ? write_q8_0_row : write_f16_row;
    for (int32_t t = begin; t < end; t++) {
        int64_t entry = (int64_t)a->sequences[t] * c->pages_per_sequence + a->positions[t] / c->page_tokens;
        int64_t page = c->page_table[entry];
        int64_t slot = a->positions[t] % c->page_tokens;
        for (int32_t h = 0; h < c->kv_heads; h++) {
            int64_t to = (page * c->kv_heads + h) * c->page_tokens + slot;
            int64_t from = (int64_t)t * c->kv_heads + h;
            write_row(skein_cache_key(c, to), a->keys + from * c->key_width, c->key_width);
            write_row(skein_cache_value(c, to), a->values + from * c->value_width, c->value_width);
        }
    }
}

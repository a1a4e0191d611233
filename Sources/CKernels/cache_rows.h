// Rows of a key-value cache: how many bytes they take, and a block of the 8-bit kind.
//
// F32 and F16: `width` values. Q8_0, as in GGUF: blocks of 32 values, each an F16 scale d, then 32 signed bytes q,
// that stand for d * q; the last block of a row is padded with zeros. d * q has at most 18 bits: exact in
// float32.
#ifndef SKEIN_CACHE_ROWS_H
#define SKEIN_CACHE_ROWS_H

#include "kernels.h"

#include <string.h>

enum {
    SKEIN_CACHE_BLOCK = 32,        // values of a Q8_0 block
    SKEIN_CACHE_BLOCK_BYTES = 34,
};

static inline int32_t skein_cache_blocks(int32_t width) {
    return (width + SKEIN_CACHE_BLOCK - 1) / SKEIN_CACHE_BLOCK;
}

// Bytes of a row. Inline: attention asks for every position.
static inline int64_t skein_cache_stride(int32_t type, int32_t width) {
    if (type == SKEIN_Q8_0) return (int64_t)skein_cache_blocks(width) * SKEIN_CACHE_BLOCK_BYTES;
    return (int64_t)width * (int64_t)(type == SKEIN_F32 ? sizeof(float) : sizeof(uint16_t));
}

// Keys or values of one token and head.
static inline uint8_t *skein_cache_key(const skein_cache *c, int64_t row) {
    return c->keys + row * skein_cache_stride(c->type, c->key_width);
}

static inline int64_t skein_cache_value_stride(const skein_cache *c) {
    // Values that are the first elements of keys.
    return skein_cache_stride(c->type, c->values == c->keys ? c->key_width : c->value_width);
}

static inline uint8_t *skein_cache_value(const skein_cache *c, int64_t row) {
    return c->values + row * skein_cache_value_stride(c);
}

// Writes a row of F32: the bits that there are, on every instruction set.
static inline void skein_cache_write_f32_row(uint8_t *to, const float *from, int32_t width) {
    memcpy(to, from, (size_t)width * sizeof *from);
}

#endif

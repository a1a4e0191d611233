// Rows of a key-value cache: how many bytes they take, and a block of the 8-bit kind.
//
// F32, F16 and BF16: `width` values. Q8_0, as in GGUF: blocks of 32 values, each an F16 scale d, then 32 signed
// bytes q, that stand for d * q; the last block of a row is padded with zeros. d * q has at most 18 bits: exact in
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

// Writes a row of BF16, to nearest even: the same bits on every instruction set.
static inline void skein_cache_write_bf16_row(uint8_t *to, const float *from, int32_t width) {
    for (int32_t i = 0; i < width; i++) {
        uint32_t bits;
        memcpy(&bits, from + i, sizeof bits);
        uint32_t magnitude = bits & 0x7fffffff;
        uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
        // Finite values do not become infinite; infinity stays, and so does NaN, whose fraction may be cut to zero.
        if (magnitude > 0x7f7f7fff) rounded = (bits >> 16 & 0x8000) | 0x7f7f;
        if (magnitude >= 0x7f800000) rounded = bits >> 16;
        if (magnitude > 0x7f800000) rounded |= 0x40;
        uint16_t half = (uint16_t)rounded;
        memcpy(to + 2 * (int64_t)i, &half, sizeof half);
    }
}

// What writes a row of a cache, where there is only one way; NULL where an instruction set has its own.
typedef void skein_cache_write_row(uint8_t *to, const float *from, int32_t width);

static inline skein_cache_write_row *skein_cache_plain_writer(int32_t type) {
    return type == SKEIN_F32 ? skein_cache_write_f32_row : type == SKEIN_BF16 ? skein_cache_write_bf16_row : NULL;
}

#endif

// Keys and values as vectors of float32, whatever a row of them is: F16 or Q8_0 in the cache itself, or
// float32 in a block that was converted once for many rows of queries. Every conversion is exact (d * q of
// Q8_0 has 18 bits), so the three give the same bits.
typedef enum { ROW_F32, ROW_F16, ROW_Q8_0 } row_type;

// The elements of a row that are loaded in whole vectors. Rows of F16 end with their width; the others are
// padded with zeros.
SKEIN_INLINE int32_t row_whole(const row_type type, int32_t width) {
    return type == ROW_F16 ? width / LANES * LANES : (width + LANES - 1) / LANES * LANES;
}

// Bytes of `count` elements of a row in the cache; for Q8_0, whose blocks must be whole, a bound.
SKEIN_INLINE int32_t row_bytes(const row_type type, int32_t count) {
    return type == ROW_Q8_0 ? skein_cache_blocks(count) * SKEIN_CACHE_BLOCK_BYTES : count * 2;
}

// Bytes from the start of a row to element i.
SKEIN_INLINE int64_t row_offset(const row_type type, int32_t i) {
    if (type == ROW_F32) return (int64_t)i * 4;
    if (type == ROW_F16) return (int64_t)i * 2;
    return i + (int64_t)(i / SKEIN_CACHE_BLOCK + 1) * (int64_t)sizeof(uint16_t);
}

// Elements i ..< i + LANES of what lies at `at`: element 0 of a block, or all within one block. `scales` are
// those of the blocks from there on, of Q8_0 only, the next one SKEIN_ATTENTION_BLOCK further on.
SKEIN_INLINE vec row_load(const row_type type, const uint8_t *at, const float *scales, int32_t i) {
    if (type == ROW_F32) return vec_load((const float *)at + i);
    if (type == ROW_F16) return vec_load_half((const uint16_t *)at + i);
    int32_t block = i / SKEIN_CACHE_BLOCK;
    at += i + block * (int32_t)sizeof(uint16_t);
    return vec_load_bytes((const int8_t *)at) * vec_set(scales[block * SKEIN_ATTENTION_BLOCK]);
}

// The scales of the blocks of rows first ..< end as float32, [blocks][position]: they are gathered here so
// that the products need only a broadcast. `scales` has room for 3/2 of them.
SKEIN_INLINE void row_scales(const void *const *rows, int32_t first, int32_t end, int32_t blocks,
                             float *scales) {
    uint16_t halves[SKEIN_ATTENTION_BLOCK] = {0};
    for (int32_t b = 0; b < blocks; b++) {
#pragma clang loop unroll_count(8)
        for (int32_t p = first; p < end; p++) {
            memcpy(halves + p, (const uint8_t *)rows[p] + b * SKEIN_CACHE_BLOCK_BYTES, sizeof *halves);
        }
        for (int32_t p = 0; p < SKEIN_ATTENTION_BLOCK; p += LANES) {
            vec_store(scales + b * SKEIN_ATTENTION_BLOCK + p, vec_load_half(halves + p));
        }
    }
}

// Converts the rows to float32, whole vectors padded with zeros, and points to the copies.
SKEIN_INLINE void row_convert(const row_type type, const void **rows, int32_t first, int32_t end,
                              int32_t width, float *block, int64_t stride) {
    for (int32_t p = first; p < end; p++) {
        const void *from = rows[p];
        float *to = block + p * stride;
        int32_t whole = row_whole(type, width);
        if (type == ROW_Q8_0) {
            for (int32_t i = 0; i < whole; i += SKEIN_CACHE_BLOCK) {
                const uint8_t *at = (const uint8_t *)from + i / SKEIN_CACHE_BLOCK * SKEIN_CACHE_BLOCK_BYTES;
                uint16_t half;
                memcpy(&half, at, sizeof half);
                vec scale = vec_set(_cvtsh_ss(half));
                for (int32_t j = 0; j < SKEIN_CACHE_BLOCK && i + j < whole; j += LANES) {
                    vec_store(to + i + j, vec_load_bytes((const int8_t *)at + sizeof half + j) * scale);
                }
            }
        } else {
            for (int32_t i = 0; i < whole; i += LANES) vec_store(to + i, row_load(type, from, NULL, i));
            if (whole < width) {
                vec_store(to + whole, vec_load_half_part((const uint16_t *)from + whole, width - whole));
            }
        }
        rows[p] = to;
    }
}

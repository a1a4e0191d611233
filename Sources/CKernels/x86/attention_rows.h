// Keys and values as vectors of float32 where a row of them is F32, F16 or BF16 in the cache itself, or float32 in a
// block that was converted once from 16 bits for many rows of queries. The conversion is exact, so both give the same
// bits. Q8_0 goes by integers, for any number of rows: attention_integer.h.
typedef enum { ROW_F32, ROW_F16, ROW_BF16, ROW_CONVERTED, ROW_Q8_0 } row_type;

// The elements of a row that are loaded in whole vectors. Rows of the cache end with their width; converted ones
// are padded with zeros.
SKEIN_INLINE int32_t row_whole(const row_type type, int32_t width) {
    return type == ROW_CONVERTED ? (width + LANES - 1) / LANES * LANES : width / LANES * LANES;
}

// Elements i ..< i + LANES.
SKEIN_INLINE vec row_load(const row_type type, const void *row, int32_t i) {
    if (type == ROW_F16) return vec_load_half((const uint16_t *)row + i);
    if (type == ROW_BF16) return vec_load_bf16((const uint16_t *)row + i);
    return vec_load((const float *)row + i);
}

// Elements i ..< i + count, fewer than LANES, of a row that ends there; zeros after them.
SKEIN_INLINE vec row_load_part(const row_type type, const void *row, int32_t i, int32_t count) {
    if (type == ROW_F16) return vec_load_half_part((const uint16_t *)row + i, count);
    if (type == ROW_BF16) return vec_load_bf16_part((const uint16_t *)row + i, count);
    return vec_load_part((const float *)row + i, count);
}

// Bytes of an element in the cache itself.
SKEIN_INLINE int32_t row_element_bytes(const row_type type) {
    return type == ROW_F32 ? (int32_t)sizeof(float) : (int32_t)sizeof(uint16_t);
}

// Converts rows of 16 bits to float32, whole vectors padded with zeros, and points to the copies.
SKEIN_INLINE void row_convert(const row_type type, const void **rows, int32_t first, int32_t end, int32_t width,
                              float *block, int64_t stride) {
    for (int32_t p = first; p < end; p++) {
        float *to = block + p * stride;
        int32_t d = 0;
        for (; d + LANES <= width; d += LANES) vec_store(to + d, row_load(type, rows[p], d));
        if (d < width) vec_store(to + d, row_load_part(type, rows[p], d, width - d));
        rows[p] = to;
    }
}

// The scales of the blocks of rows first ..< end of Q8_0 as float32, [blocks][position], zeros elsewhere: they
// are gathered here so that the products need only a broadcast.
static void row_scales(const void *const *rows, int32_t first, int32_t end, int32_t width, float *scales) {
    uint16_t halves[SKEIN_ATTENTION_BLOCK] = {0};
    for (int32_t b = 0; b < skein_cache_blocks(width); b++) {
#pragma clang loop unroll_count(8)
        for (int32_t p = first; p < end; p++) {
            memcpy(halves + p, (const uint8_t *)rows[p] + b * SKEIN_CACHE_BLOCK_BYTES, sizeof *halves);
        }
        for (int32_t p = 0; p < SKEIN_ATTENTION_BLOCK; p += LANES) {
            vec_store(scales + b * SKEIN_ATTENTION_BLOCK + p, vec_load_half(halves + p));
        }
    }
}

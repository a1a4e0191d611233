// Keys and values as vectors of float32 where a row of them is F16 in the cache itself, or float32 in a block
// that was converted once for many rows of queries. The conversion is exact, so both give the same bits.
// Q8_0 goes by integers, for any number of rows: attention_integer.h.
typedef enum { ROW_F32, ROW_F16, ROW_Q8_0 } row_type;

// The elements of a row that are loaded in whole vectors. Rows of F16 end with their width; converted ones are
// padded with zeros.
SKEIN_INLINE int32_t row_whole(const row_type type, int32_t width) {
    return type == ROW_F16 ? width / LANES * LANES : (width + LANES - 1) / LANES * LANES;
}

// Elements i ..< i + LANES.
SKEIN_INLINE vec row_load(const row_type type, const void *row, int32_t i) {
    return type == ROW_F16 ? vec_load_half((const uint16_t *)row + i) : vec_load((const float *)row + i);
}

// Converts rows of F16 to float32 or copies those of F32, whole vectors padded with zeros, and points to the copies.
SKEIN_INLINE void row_convert(const row_type type, const void **rows, int32_t first, int32_t end, int32_t width,
                              float *block, int64_t stride) {
    for (int32_t p = first; p < end; p++) {
        const void *from = rows[p];
        float *to = block + p * stride;
        int32_t d = 0;
        for (; d + LANES <= width; d += LANES) vec_store(to + d, row_load(type, from, d));
        if (d < width) {
            int32_t rest = width - d;
            vec_store(to + d, type == ROW_F16 ? vec_load_half_part((const uint16_t *)from + d, rest)
                                              : vec_load_part((const float *)from + d, rest));
        }
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

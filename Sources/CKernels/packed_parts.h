// Where the parts of a chunk of packed quantized weights are (packed.h), and what sets the formats apart. `type` is a
// constant wherever these are called.
#ifndef SKEIN_PACKED_PARTS_H
#define SKEIN_PACKED_PARTS_H

#include "reference/packed_quantized.h"

#define SKEIN_PACKED_INLINE static inline __attribute__((always_inline))

typedef struct {
    const uint8_t *d, *dmin;
    const uint8_t *scales, *minima;
    const uint8_t *scales_high, *minima_high;
    const uint8_t *quants_high, *quants;
} packed_parts;

// Formats of 32 values a block, whose scales are floats.
SKEIN_PACKED_INLINE bool packed_is_small(int type) {
    return !(type >= SKEIN_Q2_K && type <= SKEIN_Q6_K) && type != SKEIN_IQ4_XS;
}

// Columns that share a scale (and a minimum).
SKEIN_PACKED_INLINE int packed_group(int type) {
    return type == SKEIN_Q2_K || type == SKEIN_Q3_K || type == SKEIN_Q6_K ? 16 : 32;
}

SKEIN_PACKED_INLINE bool packed_has_minimum(int type) {
    return type == SKEIN_Q4_1 || type == SKEIN_Q5_1 || type == SKEIN_Q2_K || type == SKEIN_Q4_K || type == SKEIN_Q5_K;
}

// Low bits of a quant.
SKEIN_PACKED_INLINE int packed_quant_bits(int type) {
    return type == SKEIN_Q8_0 ? 8 : type == SKEIN_Q2_K || type == SKEIN_Q3_K ? 2 : 4;
}

// High bits of a quant, which are apart.
SKEIN_PACKED_INLINE int packed_high_bits(int type) {
    if (type == SKEIN_Q6_K) return 2;
    return type == SKEIN_Q5_0 || type == SKEIN_Q5_1 || type == SKEIN_Q5_K || type == SKEIN_Q3_K ? 1 : 0;
}

// Bytes of 32 columns of 16 rows.
SKEIN_PACKED_INLINE int64_t packed_group_bytes(int type) {
    return skein_packed_columns_bytes(type, SKEIN_PACKED_COLUMNS) * 32 / SKEIN_PACKED_COLUMNS;
}

// Of a chunk of `groups` groups of 32 columns at p, which ends at `end`. Parts are counted from the end, since in large
// blocks there may be padding behind d.
SKEIN_PACKED_INLINE packed_parts packed_parts_of(int type, const uint8_t *p, const uint8_t *end, int groups) {
    packed_parts parts = {.d = p, .dmin = p + 2 * SKEIN_PACKED_ROWS};
    parts.quants = end - groups * 64 * packed_quant_bits(type);
    parts.quants_high = parts.quants - groups * 64 * packed_high_bits(type);
    if (packed_is_small(type)) {
        parts.scales = p;
        parts.minima = p + groups * 2 * SKEIN_PACKED_ROWS;
        return parts;
    }
    // Bytes of all low halves of scales, where they are split, and twice as many as those of the high quarters.
    bool is_split = type != SKEIN_Q2_K && type != SKEIN_Q6_K, has_minima = is_split && packed_has_minimum(type);
    int count = SKEIN_PACKED_COLUMNS / packed_group(type) * SKEIN_PACKED_ROWS, low = is_split ? count / 2 : count;
    int high = is_split ? count / 4 : 0;
    parts.minima_high = parts.quants_high - (has_minima ? high : 0);
    parts.scales_high = parts.minima_high - high;
    parts.minima = parts.scales_high - (has_minima ? low : 0);
    parts.scales = parts.minima - low;
    return parts;
}

#endif

// Packed rows of the quantized formats (packed.h): where their parts are, and single rows to and from them.
#ifndef SKEIN_PACKED_QUANTIZED_H
#define SKEIN_PACKED_QUANTIZED_H

#include "../packed.h"

// What follows d in chunks of the formats where the vectors behind it would not be aligned.
static inline int32_t skein_packed_padding(int32_t type) { return type == SKEIN_Q3_K || type == SKEIN_Q6_K ? 32 : 0; }

// Bytes of `columns` columns of 16 rows; `columns` is a whole number of blocks.
static inline int64_t skein_packed_columns_bytes(int32_t type, int64_t columns) {
    int64_t block_bytes = SKEIN_PACKED_ROWS * skein_block_bytes(type) + skein_packed_padding(type);
    return columns / skein_block_elements(type) * block_bytes;
}

// Bytes of a panel of 16 rows.
static inline int64_t skein_packed_panel_bytes(int32_t type, int32_t columns) {
    return (skein_packed_columns_bytes(type, columns) + 63) / 64 * 64;
}

// The blocks of a row's chunk that begins at `column`, a multiple of SKEIN_PACKED_COLUMNS: to the packed matrix, whose
// rows have `columns` columns, and from it.
void skein_pack_quantized_chunk(int32_t type, const uint8_t *blocks, int32_t row, int32_t column, int32_t columns,
                                uint8_t *packed);
void skein_unpack_quantized_chunk(int32_t type, const uint8_t *packed, int32_t row, int32_t column, int32_t columns,
                                  uint8_t *blocks);

#endif

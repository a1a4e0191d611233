// pack_weights: rows of a matrix, from row-major to packed (packed.h). The specification, and the way back.
//
// Shapes: rows of `row_bytes` bytes, `columns` values each; packed: skein_packed_bytes. A permutation of bits: nothing
// is rounded. Item: a row.
#include "packed_float.h"
#include "packed_quantized.h"

int64_t skein_packed_bytes(int32_t type, int32_t rows, int32_t columns) {
    if (skein_is_float(type)) return skein_packed_float_bytes(type, rows, columns);
    if (skein_block_elements(type) == 0) return 0;
    int64_t panels = ((int64_t)rows + SKEIN_PACKED_ROWS - 1) / SKEIN_PACKED_ROWS;
    return panels * skein_packed_panel_bytes(type, columns);
}

void skein_pack_row(int32_t type, const uint8_t *source, int32_t row, int32_t columns, uint8_t *packed) {
    if (skein_is_float(type)) {
        skein_pack_float_row(type, source, row, columns, packed);
        return;
    }
    int32_t chunk_bytes = SKEIN_PACKED_COLUMNS / skein_block_elements(type) * skein_block_bytes(type);
    for (int32_t column = 0; column < columns; column += SKEIN_PACKED_COLUMNS, source += chunk_bytes) {
        skein_pack_quantized_chunk(type, source, row, column, columns, packed);
    }
}

void skein_dequantize_packed_row(int32_t type, const uint8_t *packed, int32_t row, int32_t columns, float *y) {
    if (skein_is_float(type)) {
        // The row's values at the end of y, then widened from the front: none is overwritten before it is read.
        uint8_t *values = (uint8_t *)y + (int64_t)columns * (4 - skein_block_bytes(type));
        skein_unpack_float_row(type, packed, row, columns, values);
        skein_dequantize_row(type, values, columns, y);
        return;
    }
    for (int32_t column = 0; column < columns; column += SKEIN_PACKED_COLUMNS) {
        uint8_t blocks[SKEIN_PACKED_COLUMNS / 32 * 34]; // of the largest format, Q8_0
        int32_t count = columns - column < SKEIN_PACKED_COLUMNS ? columns - column : SKEIN_PACKED_COLUMNS;
        skein_unpack_quantized_chunk(type, packed, row, column, columns, blocks);
        skein_dequantize_row(type, blocks, count, y + column);
    }
}

void skein_reference_pack_weights(const void *arguments, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_pack_weights_args *args = arguments;
    for (int64_t item = begin; item < end; item++) {
        const uint8_t *source = (const uint8_t *)args->rows + item * args->row_bytes;
        skein_pack_row(args->type, source, args->first_row + (int32_t)item, args->columns, args->packed);
    }
}

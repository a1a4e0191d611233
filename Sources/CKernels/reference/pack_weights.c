// pack_weights: rows of a matrix, from row-major to packed (packed.h). The specification, and the way back.
//
// Shapes: rows of `row_bytes` bytes, `columns` values each; packed: skein_packed_bytes. Item: a row.
#include "packed_float.h"

int64_t skein_packed_bytes(int32_t type, int32_t rows, int32_t columns) {
    return skein_is_float(type) ? skein_packed_float_bytes(type, rows, columns) : 0;
}

void skein_dequantize_packed_row(int32_t type, const uint8_t *packed, int32_t row, int32_t columns, float *y) {
    // The row's values at the end of y, then widened from the front: none is overwritten before it is read.
    uint8_t *values = (uint8_t *)y + (int64_t)columns * (4 - skein_block_bytes(type));
    skein_unpack_float_row(type, packed, row, columns, values);
    skein_dequantize_row(type, values, columns, y);
}

void skein_reference_pack_weights(const void *arguments, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_pack_weights_args *args = arguments;
    for (int64_t item = begin; item < end; item++) {
        const uint8_t *source = (const uint8_t *)args->rows + item * args->row_bytes;
        skein_pack_float_row(args->type, source, args->first_row + (int32_t)item, args->columns, args->packed);
    }
}

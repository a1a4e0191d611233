// dequantize: y[r][c] = value c of row r of the weights. embedding: y[t][c] = scale * value c of row tokens[t].
//
// Shapes: rows of `row_bytes` bytes (a table may be packed), each `columns` values in whole blocks; y
// [items][columns] float32.
// Bit-exact on every instruction set, so these serve all of them. Bound by memory.
#include "../packed.h"

void skein_reference_dequantize(const void *arguments, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_dequantize_args *args = arguments;
    for (int64_t row = begin; row < end; row++) {
        const uint8_t *source = (const uint8_t *)args->x + row * args->row_bytes;
        skein_dequantize_row(args->type, source, args->columns, args->y + row * args->columns);
    }
}

void skein_reference_embedding(const void *arguments, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_embedding_args *args = arguments;
    for (int64_t item = begin; item < end; item++) {
        float *y = args->y + item * args->columns;
        if (args->layout == SKEIN_LAYOUT_PACKED) {
            skein_dequantize_packed_row(args->type, args->table, args->tokens[item], args->columns, y);
        } else {
            const uint8_t *source = (const uint8_t *)args->table + (int64_t)args->tokens[item] * args->row_bytes;
            skein_dequantize_row(args->type, source, args->columns, y);
        }
        if (args->scale == 1) continue;
        for (int32_t i = 0; i < args->columns; i++) y[i] *= args->scale;
    }
}

// round_activations: x rounded to BF16, to nearest, ties to even. NaN stays NaN, with its sign.
//
// Shapes: x [tokens][columns] float32 -> y [tokens] rows of skein_input_row_bytes(SKEIN_INPUT_BF16, columns) bytes,
// zeros past `columns`. The same bits on every instruction set. Bound by memory.
//
// A row is an odd number of 512 bytes: so the lines of a tile's tokens, 512 bytes of each, do not meet in the same sets
// of the first cache, as they would 4096 bytes apart.
#include "formats.h"

size_t skein_input_row_bytes(int32_t form, int32_t columns) {
    switch (form) {
    case SKEIN_INPUT_INT8: return skein_quantized_activation_bytes(columns);
    case SKEIN_INPUT_BF16: return (((size_t)columns + 255) / 256 | 1) * 512;
    default: return (size_t)columns * sizeof(float);
    }
}

static uint16_t bf16_from_float(float value) {
    uint32_t bits = skein_bits_from_float(value);
    if ((bits & 0x7FFFFFFF) > 0x7F800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

void skein_reference_round_activations(const void *arguments, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_round_activations_args *args = arguments;
    size_t row_bytes = skein_input_row_bytes(SKEIN_INPUT_BF16, args->columns);
    for (int64_t token = begin; token < end; token++) {
        const float *x = args->x + token * args->columns;
        uint16_t *y = (uint16_t *)((char *)args->y + (size_t)token * row_bytes);
        for (int32_t c = 0; c < args->columns; c++) y[c] = bf16_from_float(x[c]);
        memset(y + args->columns, 0, row_bytes - (size_t)args->columns * sizeof *y);
    }
}

// quantize_activations: x rounded to 8 bits, each 32 columns with a float32 scale of their own.
//
//     scale = max |x| / 127, quant = x * (127 / max |x|) rounded to nearest, ties to even
//
// Shapes: x [tokens][columns] float32 -> y [tokens] rows of skein_activation_block, zeros past `columns`.
// Exactly these float32 operations on every instruction set, so the result is the same bits everywhere.
// A group that holds an infinity or NaN gets the scale NaN and zero quants: products show it, rather
// than a plausible number. Groups below 2^-100 count as zeros (127 / max |x| would overflow).
// Bound by memory.
#include "formats.h"

#include <math.h>

static float group_scale(const float *x, int32_t count, float *inverse) {
    uint32_t largest = 0;
    for (int32_t i = 0; i < count; i++) {
        // As integers, magnitudes are in order, with NaN above infinity above everything.
        uint32_t magnitude = skein_bits_from_float(x[i]) & 0x7FFFFFFF;
        if (magnitude > largest) largest = magnitude;
    }
    float maximum = skein_float_from_bits(largest);
    *inverse = 0;
    if (largest >= 0x7F800000) return NAN;
    if (maximum < 0x1p-100f) return 0;
    *inverse = 127.0f / maximum;
    return maximum / 127.0f;
}

static void quantize_block(const float *x, int32_t columns, skein_activation_block *block) {
    memset(block, 0, sizeof *block);
    for (int32_t group = 0; group * 32 < columns; group++) {
        int32_t first = group * 32;
        int32_t count = columns - first < 32 ? columns - first : 32;
        float inverse;
        block->scales[group] = group_scale(x + first, count, &inverse);
        if (inverse == 0) continue;
        for (int32_t i = 0; i < count; i++) {
            int32_t quant = (int32_t)nearbyintf(x[first + i] * inverse);
            block->quants[first + i] = (int8_t)quant;
            block->negated_sums32[group] -= quant;
            block->negated_sums16[2 * group + i / 16] -= quant;
        }
    }
}

void skein_reference_quantize_activations(const void *arguments, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_quantize_activations_args *args = arguments;
    int64_t blocks = skein_activation_blocks(args->columns);
    for (int64_t token = begin; token < end; token++) {
        const float *x = args->x + token * args->columns;
        skein_activation_block *y = (skein_activation_block *)args->y + token * blocks;
        for (int32_t block = 0; block < blocks; block++) {
            int32_t first = block * SKEIN_ACTIVATION_COLUMNS;
            int32_t count = args->columns - first;
            if (count > SKEIN_ACTIVATION_COLUMNS) count = SKEIN_ACTIVATION_COLUMNS;
            quantize_block(x + first, count, y + block);
        }
    }
}

size_t skein_quantized_activation_bytes(int32_t columns) {
    return (size_t)skein_activation_blocks(columns) * sizeof(skein_activation_block);
}

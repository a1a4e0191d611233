// linear, packed BF16 weights, many tokens, AVX512_BF16: y[t][r] = sum over c of w[r][c] * x[t][c] (+ bias[r])
//
// Shapes: w packed, panels [columns / 2][16][2]; x [tokens] rows of skein_input_row_bytes bytes, BF16, as
// round_activations made them; y [tokens][y_stride]. Products of BF16 are exact, sums are float32, a lane a row, over
// pairs of columns one after the other: a result depends neither on the rows and tokens beside it nor on the blocks.
// vdpbf16ps takes subnormal numbers as zeros.
//
// 32 rows by BLOCK_PAIRS pairs of columns stay in the first cache while all tokens pass by, TILE_TOKENS at a time.
// Bound by the multipliers, one vdpbf16ps of 64 bytes a cycle on Zen 4: 24 of them take 12 broadcasts and 2 loads.
#if defined(__x86_64__)

#include "linear_common.h"
#include "linear_float_kernels.h"
#include "../reference/packed_float.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"))), \
                             apply_to = function)

#include "simd_avx512.h"

#define TILE_TOKENS 12

#include "linear_tile.h"

enum { LINE_PAIRS = 16, BLOCK_PAIRS = LINE_PAIRS * TILE_PARTS };

typedef struct {
    const uint8_t *low;  // the block's pairs of the first 16 rows
    const uint8_t *high; // of the second
    int32_t pairs;
    const uint8_t *x;    // of the tile's first token
    const uint8_t *next; // of the tile after this one
    int64_t x_stride;
} tile_input;

// sums += the block times `tokens` tokens, a constant, which are in threes so that their addresses are a base and once
// or twice a stride.
INLINE void multiply_pairs(int tokens, const tile_input *in, int32_t first, int32_t count, tile_sums sums) {
    const uint8_t *bases[TILE_TOKENS / 3];
    EACH for (int i = 0; 3 * i < tokens; i++) bases[i] = in->x + 3 * i * in->x_stride + 4 * first;
    const uint8_t *low = in->low + 64 * (int64_t)first, *high = in->high + 64 * (int64_t)first;
    for (int32_t p = 0; p < count; p++) {
        __m512bh wl = (__m512bh)_mm512_load_si512(low), wh = (__m512bh)_mm512_load_si512(high);
        EACH for (int t = 0; t < tokens; t++) {
            int32_t two;
            memcpy(&two, bases[t / 3] + t % 3 * in->x_stride, sizeof two);
            __m512bh xt = (__m512bh)_mm512_set1_epi32(two);
            sums[t][0] = _mm512_dpbf16_ps(sums[t][0], wl, xt);
            sums[t][1] = _mm512_dpbf16_ps(sums[t][1], wh, xt);
        }
        EACH for (int i = 0; 3 * i < tokens; i++) bases[i] += 4;
        low += 64;
        high += 64;
    }
}

// The next tile's activations come to the cache while this one is multiplied, a line of each token at a time.
INLINE void multiply_tile(int tokens, const tile_input *in, next_block *next, const tile_output *out) {
    tile_sums sums;
    begin_tile(tokens, out, sums);
    for (int32_t p = 0; p < in->pairs; p += LINE_PAIRS) {
        EACH for (int t = 0; t < tokens; t++) __builtin_prefetch(in->next + t * in->x_stride + 4 * p);
        prefetch_part(next);
        int32_t count = in->pairs - p < LINE_PAIRS ? in->pairs - p : LINE_PAIRS;
        multiply_pairs(tokens, in, p, count, sums);
    }
    end_tile(tokens, out, sums);
}

static void multiply_tile_of(int tokens, const tile_input *in, next_block *next, const tile_output *out) {
    switch (tokens) {
#define CASE(n) case n: multiply_tile(n, in, next, out); break;
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11)
#undef CASE
    default: multiply_tile(TILE_TOKENS, in, next, out); break;
    }
}

// All tokens times the rows row ..< end, TILE_ROWS of them at most.
static void multiply_rows(const skein_linear_args *args, int32_t row, int32_t end, float *carried) {
    int64_t panel_bytes = skein_packed_float_panel_bytes(SKEIN_BF16, args->columns);
    const uint8_t *low = (const uint8_t *)args->weights + row / SKEIN_PACKED_ROWS * panel_bytes;
    // Where there is one panel only, it is multiplied twice.
    const uint8_t *high = end - row > SKEIN_PACKED_ROWS ? low + panel_bytes : low;
    int64_t x_stride = (int64_t)skein_input_row_bytes(SKEIN_INPUT_BF16, args->columns);
    int32_t pairs = (args->columns + 1) / 2;
    tile_output all = tile_output_of(args, row, end, carried);
    for (int32_t first = 0; first < pairs; first += BLOCK_PAIRS, low += 64 * BLOCK_PAIRS, high += 64 * BLOCK_PAIRS) {
        tile_input in = {.low = low, .high = high, .x_stride = x_stride};
        in.pairs = pairs - first < BLOCK_PAIRS ? pairs - first : BLOCK_PAIRS;
        const uint8_t *x = (const uint8_t *)args->x + 4 * (int64_t)first;
        next_block next = next_block_of(low + 64 * BLOCK_PAIRS, high + 64 * BLOCK_PAIRS, BLOCK_PAIRS, args->tokens);
        all.is_first = first == 0;
        all.is_last = first + in.pairs == pairs;
        for (int32_t t = 0; t < args->tokens; t += TILE_TOKENS) {
            int32_t tokens = args->tokens - t < TILE_TOKENS ? args->tokens - t : TILE_TOKENS;
            tile_output out = tile_output_at(&all, t);
            in.x = x + t * x_stride;
            in.next = t + tokens < args->tokens ? in.x + tokens * x_stride : x + 4 * BLOCK_PAIRS;
            multiply_tile_of(tokens, &in, &next, &out);
        }
    }
}

void skein_avx512_linear_bf16(const skein_linear_args *args, int32_t begin, int32_t end, void *workspace) {
    float *carried = (float *)((char *)workspace + SKEIN_PANEL_BYTES); // [tokens][TILE_ROWS]
    for (int32_t row = begin; row < end; row += TILE_ROWS) multiply_rows(args, row, end, carried);
}

#pragma clang attribute pop

#endif

// linear, packed BF16 weights, many tokens, AVX512_BF16: y[t][r] = sum over c of w[r][c] * x[t][c] (+ bias[r])
//
// Shapes: w packed, panels [columns / 2][16][2]; x [tokens] rows of skein_input_row_bytes bytes, BF16, as
// round_activations made them; y [tokens][y_stride]. Products of BF16 are exact, sums are float32, a lane a row, over
// pairs of columns one after the other: a result depends neither on the rows and tokens beside it nor on the blocks.
// vdpbf16ps takes subnormal numbers as zeros.
//
// 32 rows by BLOCK_COLUMNS columns stay in the first cache while all tokens pass by, TILE_TOKENS at a time. Bound by
// the multipliers, one vdpbf16ps of 64 bytes a cycle on Zen 4: 24 of them take 12 broadcasts and 2 loads.
#if defined(__x86_64__)

#include "linear_common.h"
#include "linear_bf16.h"
#include "../reference/packed_float.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"))), apply_to = function)

// Loops over the tokens of a tile: sums stay in registers only where they are unrolled.
#define EACH_TOKEN _Pragma("clang loop unroll(full)")

enum { LANES = 16, TILE_ROWS = 32, TILE_TOKENS = 12, BLOCK_PAIRS = 128, LINE_PAIRS = 16 };

typedef struct {
    const uint8_t *low;  // the block's pairs of the first 16 rows
    const uint8_t *high; // of the second
    int32_t pairs;
    const uint8_t *x;    // of the tile's first token
    const uint8_t *next; // of the tile after this one
    int64_t x_stride;
} tile_input;

typedef __m512 tile_sums[TILE_TOKENS][2];

// sums += the block times `tokens` tokens; `tokens` is a constant. Tokens in threes, so that their addresses are a base
// and once or twice a stride.
INLINE void multiply_pairs(int tokens, const tile_input *in, int32_t first, int32_t count, tile_sums sums) {
    const uint8_t *bases[TILE_TOKENS / 3];
    EACH_TOKEN
    for (int i = 0; 3 * i < tokens; i++) bases[i] = in->x + 3 * i * in->x_stride + 4 * first;
    const uint8_t *low = in->low + 64 * (int64_t)first, *high = in->high + 64 * (int64_t)first;
    for (int32_t p = 0; p < count; p++) {
        __m512bh wl = (__m512bh)_mm512_load_si512(low), wh = (__m512bh)_mm512_load_si512(high);
        EACH_TOKEN
        for (int t = 0; t < tokens; t++) {
            int32_t two;
            memcpy(&two, bases[t / 3] + t % 3 * in->x_stride, sizeof two);
            __m512bh xt = (__m512bh)_mm512_set1_epi32(two);
            sums[t][0] = _mm512_dpbf16_ps(sums[t][0], wl, xt);
            sums[t][1] = _mm512_dpbf16_ps(sums[t][1], wh, xt);
        }
        EACH_TOKEN
        for (int i = 0; 3 * i < tokens; i++) bases[i] += 4;
        low += 64;
        high += 64;
    }
}

// A tile's place: its part of the sums that are carried from block to block, and where results go in the end.
typedef struct {
    bool is_first; // of the blocks of columns: sums begin at zero
    bool is_last;  // results go to y
    float *sums;   // [tokens][TILE_ROWS]
    float *y;
    int64_t y_stride;
    int32_t rows;  // 1 ... 32
    const float *bias;
} tile_output;

INLINE __mmask16 lanes_below(int32_t count) {
    return count >= LANES ? 0xFFFF : count <= 0 ? 0 : (__mmask16)((1 << count) - 1);
}

INLINE void store_tile(int tokens, const tile_output *out, tile_sums sums) {
    EACH_TOKEN
    for (int half = 0; half < 2; half++) {
        __mmask16 mask = lanes_below(out->rows - half * LANES);
        if (mask == 0) return;
        __m512 bias = out->bias != NULL ? _mm512_maskz_loadu_ps(mask, out->bias + half * LANES) : _mm512_setzero_ps();
        EACH_TOKEN
        for (int t = 0; t < tokens; t++) {
            float *y = out->y + t * out->y_stride + half * LANES;
            __m512 value = _mm512_add_ps(sums[t][half], bias);
            if (mask == 0xFFFF) {
                _mm512_storeu_ps(y, value);
            } else {
                _mm512_mask_storeu_ps(y, mask, value);
            }
        }
    }
}

// One tile; `tokens` is a constant. What comes next is on its way while this is multiplied: the next tile's
// activations, a line of each token at a time, and the lines of y, which are a page or more apart.
INLINE void multiply_tile(int tokens, const tile_input *in, const tile_output *out) {
    tile_sums sums;
    EACH_TOKEN
    for (int t = 0; t < tokens; t++) {
        EACH_TOKEN
        for (int half = 0; half < 2; half++) {
            const float *carried = out->sums + t * TILE_ROWS + half * LANES;
            sums[t][half] = out->is_first ? _mm512_setzero_ps() : _mm512_load_ps(carried);
        }
        if (!out->is_last) continue;
        __builtin_prefetch(out->y + t * out->y_stride, 1);
        __builtin_prefetch(out->y + t * out->y_stride + out->rows - 1, 1);
    }
    for (int32_t p = 0; p < in->pairs; p += LINE_PAIRS) {
        EACH_TOKEN
        for (int t = 0; t < tokens; t++) __builtin_prefetch(in->next + t * in->x_stride + 4 * p);
        int32_t count = in->pairs - p < LINE_PAIRS ? in->pairs - p : LINE_PAIRS;
        multiply_pairs(tokens, in, p, count, sums);
    }
    if (out->is_last) {
        store_tile(tokens, out, sums);
        return;
    }
    EACH_TOKEN
    for (int t = 0; t < tokens; t++) {
        EACH_TOKEN
        for (int half = 0; half < 2; half++) _mm512_store_ps(out->sums + t * TILE_ROWS + half * LANES, sums[t][half]);
    }
}

typedef void tile_kernel(const tile_input *in, const tile_output *out);
#define DEFINE_TILE(tokens) \
    static void tile_##tokens(const tile_input *in, const tile_output *out) { multiply_tile(tokens, in, out); }
DEFINE_TILE(1) DEFINE_TILE(2) DEFINE_TILE(3) DEFINE_TILE(4) DEFINE_TILE(5) DEFINE_TILE(6)
DEFINE_TILE(7) DEFINE_TILE(8) DEFINE_TILE(9) DEFINE_TILE(10) DEFINE_TILE(11) DEFINE_TILE(12)
static tile_kernel *const tiles[TILE_TOKENS] = {tile_1, tile_2, tile_3, tile_4,  tile_5,  tile_6,
                                                tile_7, tile_8, tile_9, tile_10, tile_11, tile_12};

// All tokens times the rows row ..< row + rows (at most 32).
static void multiply_rows(const skein_linear_args *args, int32_t row, int32_t rows, float *sums) {
    int64_t panel_bytes = skein_packed_float_panel_bytes(SKEIN_BF16, args->columns);
    const uint8_t *low = (const uint8_t *)args->weights + row / SKEIN_PACKED_ROWS * panel_bytes;
    // Where there is one panel only, it is multiplied twice.
    const uint8_t *high = rows > LANES ? low + panel_bytes : low;
    int64_t x_stride = (int64_t)skein_input_row_bytes(SKEIN_INPUT_BF16, args->columns);
    int32_t pairs = (args->columns + 1) / 2;
    int32_t tile_count = (args->tokens + TILE_TOKENS - 1) / TILE_TOKENS;
    int32_t lines_ahead = (BLOCK_PAIRS + tile_count - 1) / tile_count;
    for (int32_t first = 0; first < pairs; first += BLOCK_PAIRS) {
        int32_t count = pairs - first < BLOCK_PAIRS ? pairs - first : BLOCK_PAIRS;
        const uint8_t *x = (const uint8_t *)args->x + 4 * (int64_t)first;
        bool is_last = first + count == pairs;
        int32_t line = first + BLOCK_PAIRS; // of the panels' next block
        for (int32_t t = 0; t < args->tokens; t += TILE_TOKENS) {
            int32_t tokens = args->tokens - t < TILE_TOKENS ? args->tokens - t : TILE_TOKENS;
            bool is_end = t + tokens == args->tokens;
            for (int32_t end = line + lines_ahead; line < end; line++) {
                _mm_prefetch(low + 64 * (int64_t)line, _MM_HINT_T1);
                _mm_prefetch(high + 64 * (int64_t)line, _MM_HINT_T1);
            }
            tile_input in = {
                .low = low + 64 * (int64_t)first,
                .high = high + 64 * (int64_t)first,
                .pairs = count,
                .x = x + t * x_stride,
                .next = is_end ? x + 4 * BLOCK_PAIRS : x + (t + tokens) * x_stride,
                .x_stride = x_stride,
            };
            tile_output out = {
                .is_first = first == 0,
                .is_last = is_last,
                .sums = sums + (int64_t)t * TILE_ROWS,
                .y = args->y + t * args->y_stride + row,
                .y_stride = args->y_stride,
                .rows = rows,
                .bias = args->bias != NULL ? args->bias + row : NULL,
            };
            tiles[tokens - 1](&in, &out);
        }
    }
}

void skein_avx512_linear_bf16(const skein_linear_args *args, int32_t begin, int32_t end, void *workspace) {
    float *sums = (float *)((char *)workspace + SKEIN_PANEL_BYTES); // [tokens][TILE_ROWS]
    for (int32_t row = begin; row < end; row += TILE_ROWS) {
        multiply_rows(args, row, end - row < TILE_ROWS ? end - row : TILE_ROWS, sums);
    }
}

#pragma clang attribute pop

#endif

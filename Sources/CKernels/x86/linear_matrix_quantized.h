// linear, quantized weights, many tokens: y[t][r] = sum over c of w[r][c] * x[t][c] (+ bias[r])
//
// Shapes: as in linear_vector_quantized.h. ROWS rows at a time, PANEL_RUNS runs of 256 columns of them are
// decoded and transposed into a panel that fits the first level cache, and every token is multiplied
// with the panel, a tile of a few tokens at a time. In the panel a vector holds 4 columns of each of
// LANES rows, so a lane is a row: sums over columns need no reduction, and an activation is broadcast.
// Products of 8 bit integers are summed exactly over a group; groups are accumulated in float32, one
// after the other, so a row's result does not depend on the rows around it.
// Bound by the 8 bit multipliers: for a group of 32, 8 of them against 2 or 3 float operations.
//
// A template like decode_run.h, after quantized_panel.h, with
//   transpose(from, stride, to)          LANES x LANES dwords; rows of `to` are ROWS dwords long
//   TILE_TOKENS                          the most tokens of a tile
//   tile_of(type, tokens)                the tile_kernel for that many tokens

// Run `run` of the panel: 256 columns of rows first ..< last. Rows past the last repeat it.
INLINE void decode_panel_run(int type, const skein_linear_args *args, int32_t first, int32_t last, int32_t block,
                             int32_t run, quantized_panel *panel) {
    int64_t offset = (int64_t)block * run_bytes(type);
    int64_t bytes_left = (int64_t)args->columns * run_bytes(type) / RUN_COLUMNS - offset;
    int groups = RUN_COLUMNS / group_columns(type);
    // The same place in the panel after this one: further along these rows, or at the start of the next.
    bool last_panel = block - run + PANEL_RUNS >= skein_activation_blocks(args->columns);
    int64_t panel_offset = offset - (int64_t)run * run_bytes(type);
    int64_t ahead = last_panel ? ROWS * args->row_bytes - panel_offset : PANEL_RUNS * run_bytes(type);
    for (int half = 0; half < 2; half++) {
        for (int lane = 0; lane < LANES; lane++) {
            int32_t row = first + half * LANES + lane;
            if (row >= last) row = last - 1;
            uint8_t copy[8 * 34];
            const uint8_t *w = (const uint8_t *)args->weights + row * args->row_bytes + offset;
            weight_run decoded;
            decode_run(type, whole_run(type, w, bytes_left, copy), &decoded);
            prefetch_bytes(w + ahead, run_bytes(type));
            __m256i *quants = (__m256i *)panel->row_quants[lane];
            for (int g = 0; g < RUN_GROUPS; g++) _mm256_store_si256(quants + g, decoded.quants[g]);
            for (int g = 0; g < groups; g += 8) {
                _mm256_store_ps(&panel->row_scales[lane][g], decoded.scales[g / 8]);
                if (has_minimum(type)) _mm256_store_ps(&panel->row_minima[lane][g], decoded.minima[g / 8]);
            }
        }
        for (int column = 0; column < RUN_COLUMNS / 4; column += LANES) {
            transpose(&panel->row_quants[0][4 * column], RUN_COLUMNS, &panel->quants[run][column][half * LANES]);
        }
        for (int g = 0; g < groups; g += LANES) {
            int64_t stride = sizeof panel->row_scales[0];
            transpose(&panel->row_scales[0][g], stride, &panel->scales[run][g][half * LANES]);
            if (has_minimum(type)) transpose(&panel->row_minima[0][g], stride, &panel->minima[run][g][half * LANES]);
        }
    }
}

// y[t][row + i] = sums[t][i] + bias[row + i]
static void store_sums(const skein_linear_args *args, int32_t row, int32_t rows, const float *sums) {
    for (int64_t t = 0; t < args->tokens; t++) {
        float *y = args->y + t * args->y_stride + row;
        for (int32_t i = 0; i < rows; i++) y[i] = sums[t * ROWS + i] + (args->bias != NULL ? args->bias[row + i] : 0);
    }
}

INLINE void linear_matrix_quantized(int type, const skein_linear_args *args, int32_t begin, int32_t end,
                                    void *workspace) {
    quantized_panel *panel = workspace;
    float *sums = (float *)((char *)workspace + SKEIN_PANEL_BYTES); // [tokens][ROWS]
    const skein_activation_block *x = args->x;
    int32_t blocks = skein_activation_blocks(args->columns);
    int32_t offset_shift = quant_offset(type) != 0 ? __builtin_ctz((unsigned)quant_offset(type)) : 64;
    for (int32_t row = begin; row < end; row += ROWS) {
        int32_t last = end - row < ROWS ? end : row + ROWS;
        memset(sums, 0, (size_t)args->tokens * ROWS * sizeof(float));
        for (int32_t block = 0; block < blocks; block += PANEL_RUNS) {
            int32_t runs = blocks - block < PANEL_RUNS ? blocks - block : PANEL_RUNS;
            for (int32_t run = 0; run < runs; run++) decode_panel_run(type, args, row, last, block + run, run, panel);
            for (int32_t t = 0; t < args->tokens; t += TILE_TOKENS) {
                int32_t tokens = args->tokens - t < TILE_TOKENS ? args->tokens - t : TILE_TOKENS;
                tile_of(type, tokens)(panel, runs, x + (int64_t)t * blocks + block, blocks, offset_shift,
                                      sums + (int64_t)t * ROWS);
            }
        }
        store_sums(args, row, last - row, sums);
    }
}

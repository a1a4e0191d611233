// linear, F32, F16 and BF16 weights: y[t][r] = sum over c of w[r][c] * x[t][c] (+ bias[r])
//
// Shapes: w [rows] rows of `row_bytes` bytes, x [tokens][columns] float32, y [tokens][y_stride]. Any number
// of columns. Weights are widened to float32, activations stay float32, sums are float32.
// Few tokens: LANES partial sums a row and token; bound by memory bandwidth on the weights.
// Many tokens: panels of ROWS rows by FLOAT_COLUMNS columns are widened and transposed into the first level
// cache, then multiplied with tiles of FLOAT_TILE_TOKENS tokens, a lane a row; bound by the multiply-adds.
//
// A template, included by each instruction set inside its target attributes, after
//   vector, LANES, vector_zero/load/store/set1/fma/add, vector_sum   float vectors
//   widen_f16(p), widen_bf16(p)                                       LANES values at p, as float32
//   transpose(from, stride, to), prefetch_bytes, store_sums           as in linear_matrix_quantized.h
//   FLOAT_TILE_TOKENS

enum { FLOAT_COLUMNS = 128, FLOAT_VECTOR_ROWS = 4, FLOAT_VECTOR_TOKENS = 4 };

typedef struct {
    float w[FLOAT_COLUMNS][ROWS];
    float rows[LANES][FLOAT_COLUMNS]; // before they are transposed
} float_panel;

_Static_assert(sizeof(float_panel) <= SKEIN_PANEL_BYTES, "workspace size");

INLINE int float_bytes(int type) { return type == SKEIN_F32 ? 4 : 2; }

INLINE vector widen(int type, const uint8_t *w) {
    if (type == SKEIN_F32) return vector_load((const float *)w);
    return type == SKEIN_F16 ? widen_f16(w) : widen_bf16(w);
}

// The last columns of a row, zeros behind them; nothing past the row is read.
INLINE vector widen_tail(int type, const uint8_t *w, int32_t count) {
    uint8_t copy[4 * LANES] = {0};
    memcpy(copy, w, (size_t)(count * float_bytes(type)));
    return widen(type, copy);
}

INLINE vector load_tail(const float *x, int32_t count) {
    float copy[LANES] = {0};
    memcpy(copy, x, (size_t)count * sizeof(float));
    return vector_load(copy);
}

// The products of columns column ..< column + LANES, or + `tail` where that is not 0.
INLINE void multiply_lanes(int type, int rows, int tokens, const skein_linear_args *args, const uint8_t *w,
                           int32_t column, int32_t tail, vector sums[FLOAT_VECTOR_ROWS][FLOAT_VECTOR_TOKENS]) {
    const float *x = (const float *)args->x + column;
    vector values[FLOAT_VECTOR_ROWS];
    for (int r = 0; r < rows; r++) {
        const uint8_t *wr = w + r * args->row_bytes + (int64_t)column * float_bytes(type);
        values[r] = tail == 0 ? widen(type, wr) : widen_tail(type, wr, tail);
    }
    for (int t = 0; t < tokens; t++) {
        const float *xt = x + (int64_t)t * args->columns;
        vector activations = tail == 0 ? vector_load(xt) : load_tail(xt, tail);
        for (int r = 0; r < rows; r++) sums[r][t] = vector_fma(values[r], activations, sums[r][t]);
    }
}

// `rows` rows times `tokens` tokens; `type`, `rows` and `tokens` are constants. Several rows share each load of
// the activations, which can be larger than the first level cache: four rows measured, on F16, 1.6 times as
// fast as one with 8192 columns and 2 times with 4 tokens, a quarter slower with 2048 columns and one token.
// Each row and token has its own sum in the same order whatever the number of rows, so splits over threads do
// not change a bit. No prefetch instructions: with them F16 measured half as fast.
INLINE void multiply_rows(int type, int rows, int tokens, const skein_linear_args *args, int32_t row) {
    const uint8_t *w = (const uint8_t *)args->weights + (int64_t)row * args->row_bytes;
    vector sums[FLOAT_VECTOR_ROWS][FLOAT_VECTOR_TOKENS];
    for (int r = 0; r < rows; r++) {
        for (int t = 0; t < tokens; t++) sums[r][t] = vector_zero();
    }
    int32_t column = 0;
    for (; column + LANES <= args->columns; column += LANES) {
        multiply_lanes(type, rows, tokens, args, w, column, 0, sums);
    }
    if (column < args->columns) {
        multiply_lanes(type, rows, tokens, args, w, column, args->columns - column, sums);
    }
    for (int r = 0; r < rows; r++) {
        float bias = args->bias != NULL ? args->bias[row + r] : 0;
        for (int t = 0; t < tokens; t++) args->y[t * args->y_stride + row + r] = vector_sum(sums[r][t]) + bias;
    }
}

INLINE void multiply_rows_by_tokens(int type, int rows, const skein_linear_args *args, int32_t row) {
    switch (args->tokens) {
    case 1: multiply_rows(type, rows, 1, args, row); break;
    case 2: multiply_rows(type, rows, 2, args, row); break;
    case 3: multiply_rows(type, rows, 3, args, row); break;
    default: multiply_rows(type, rows, 4, args, row); break;
    }
}

INLINE void linear_vector_float(int type, const skein_linear_args *args, int32_t begin, int32_t end) {
    int32_t row = begin;
    for (; row + FLOAT_VECTOR_ROWS <= end; row += FLOAT_VECTOR_ROWS) {
        multiply_rows_by_tokens(type, FLOAT_VECTOR_ROWS, args, row);
    }
    for (; row < end; row++) multiply_rows_by_tokens(type, 1, args, row);
}

// Columns column ..< column + count of rows first ..< last. Rows past the last repeat it.
INLINE void widen_panel(int type, const skein_linear_args *args, int32_t first, int32_t last, int32_t column,
                        int32_t count, float_panel *panel) {
    for (int half = 0; half < 2; half++) {
        for (int lane = 0; lane < LANES; lane++) {
            int32_t row = first + half * LANES + lane;
            if (row >= last) row = last - 1;
            const uint8_t *w =
                (const uint8_t *)args->weights + row * args->row_bytes + (int64_t)column * float_bytes(type);
            int64_t bytes = (int64_t)count * float_bytes(type), offset = (int64_t)column * float_bytes(type);
            bool last_panel = column + FLOAT_COLUMNS >= args->columns;
            prefetch_bytes(w + (last_panel ? ROWS * args->row_bytes - offset : bytes), bytes);
            for (int32_t c = 0; c < count; c += LANES) {
                const uint8_t *wc = w + c * float_bytes(type);
                bool whole = count - c >= LANES;
                vector_store(&panel->rows[lane][c], whole ? widen(type, wc) : widen_tail(type, wc, count - c));
            }
        }
        for (int32_t c = 0; c < count; c += LANES) {
            transpose(&panel->rows[0][c], sizeof panel->rows[0], &panel->w[c][half * LANES]);
        }
    }
}

// sums[t][ROWS] += panel times token t; `tokens` is a constant.
INLINE void multiply_tile(int tokens, const float_panel *panel, int32_t count, const float *x, int64_t stride,
                          float *sums) {
    vector tile[FLOAT_TILE_TOKENS][2];
    for (int t = 0; t < tokens; t++) {
        for (int half = 0; half < 2; half++) tile[t][half] = vector_load(sums + t * ROWS + half * LANES);
    }
    for (int32_t c = 0; c < count; c++) {
        vector low = vector_load(panel->w[c]), high = vector_load(panel->w[c] + LANES);
        for (int t = 0; t < tokens; t++) {
            vector xt = vector_set1(x[t * stride + c]);
            tile[t][0] = vector_fma(low, xt, tile[t][0]);
            tile[t][1] = vector_fma(high, xt, tile[t][1]);
        }
    }
    for (int t = 0; t < tokens; t++) {
        for (int half = 0; half < 2; half++) vector_store(sums + t * ROWS + half * LANES, tile[t][half]);
    }
}

// All the tokens times the panel: whole tiles, then halves, then one by one.
static void multiply_panel(const skein_linear_args *args, const float_panel *panel, int32_t column, int32_t count,
                           float *sums) {
    const float *x = (const float *)args->x + column;
    int64_t t = 0, stride = args->columns;
    for (; t + FLOAT_TILE_TOKENS <= args->tokens; t += FLOAT_TILE_TOKENS) {
        multiply_tile(FLOAT_TILE_TOKENS, panel, count, x + t * stride, stride, sums + t * ROWS);
    }
    for (; t + FLOAT_TILE_TOKENS / 2 <= args->tokens; t += FLOAT_TILE_TOKENS / 2) {
        multiply_tile(FLOAT_TILE_TOKENS / 2, panel, count, x + t * stride, stride, sums + t * ROWS);
    }
    for (; t < args->tokens; t++) multiply_tile(1, panel, count, x + t * stride, stride, sums + t * ROWS);
}

INLINE void linear_matrix_float(int type, const skein_linear_args *args, int32_t begin, int32_t end, void *workspace) {
    float_panel *panel = workspace;
    float *sums = (float *)((char *)workspace + SKEIN_PANEL_BYTES); // [tokens][ROWS]
    for (int32_t row = begin; row < end; row += ROWS) {
        int32_t last = end - row < ROWS ? end : row + ROWS;
        memset(sums, 0, (size_t)args->tokens * ROWS * sizeof(float));
        for (int32_t column = 0; column < args->columns; column += FLOAT_COLUMNS) {
            int32_t count = args->columns - column < FLOAT_COLUMNS ? args->columns - column : FLOAT_COLUMNS;
            widen_panel(type, args, row, last, column, count, panel);
            multiply_panel(args, panel, column, count, sums);
        }
        store_sums(args, row, last - row, sums);
    }
}

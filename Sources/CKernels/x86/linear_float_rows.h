// Float weights in rows, as in a file: products with few tokens, and blocks for products with many (linear_float.h).
//
// Shapes: w [rows] rows of `row_bytes` bytes, x [tokens][columns] float32, y [tokens][y_stride]. Any number of columns.
// Few tokens: LANES partial float32 sums a row and token; bound by memory bandwidth on the weights. For many, a block
// of TILE_ROWS rows by FLOAT_COLUMNS columns is widened and transposed into the first cache.
//
// A template like linear_float.h, before it, with
//   load_bf16(p)                     LANES values at p, as float32
//   transpose(from, stride, to)      transpose_*.h
enum { FLOAT_COLUMNS = 128, FLOAT_VECTOR_ROWS = 4, FLOAT_VECTOR_TOKENS = 4 };

typedef struct {
    float w[FLOAT_COLUMNS][TILE_ROWS];
    float rows[LANES][FLOAT_COLUMNS]; // before they are transposed
} float_panel;

INLINE int float_bytes(int type) { return type == SKEIN_F32 ? 4 : 2; }

INLINE vec widen(int type, const uint8_t *w) {
    if (type == SKEIN_F32) return vec_load((const float *)w);
    return type == SKEIN_F16 ? vec_load_half((const uint16_t *)w) : load_bf16(w);
}

// The last columns of a row, zeros behind them; nothing past the row is read.
INLINE vec widen_tail(int type, const uint8_t *w, int32_t count) {
    uint8_t copy[4 * LANES] = {0};
    memcpy(copy, w, (size_t)(count * float_bytes(type)));
    return widen(type, copy);
}

INLINE vec load_tail(const float *x, int32_t count) {
    float copy[LANES] = {0};
    memcpy(copy, x, (size_t)count * sizeof(float));
    return vec_load(copy);
}

// The products of columns column ..< column + LANES, or + `tail` where that is not 0.
INLINE void multiply_lanes(int type, int rows, int tokens, const skein_linear_args *args, const uint8_t *w,
                           int32_t column, int32_t tail, vec sums[FLOAT_VECTOR_ROWS][FLOAT_VECTOR_TOKENS]) {
    const float *x = (const float *)args->x + column;
    vec values[FLOAT_VECTOR_ROWS];
    for (int r = 0; r < rows; r++) {
        const uint8_t *wr = w + r * args->row_bytes + (int64_t)column * float_bytes(type);
        values[r] = tail == 0 ? widen(type, wr) : widen_tail(type, wr, tail);
    }
    for (int t = 0; t < tokens; t++) {
        const float *xt = x + (int64_t)t * args->columns;
        vec activations = tail == 0 ? vec_load(xt) : load_tail(xt, tail);
        for (int r = 0; r < rows; r++) sums[r][t] = vec_fma(values[r], activations, sums[r][t]);
    }
}

// `rows` rows times `tokens` tokens; `type`, `rows` and `tokens` are constants. Several rows share each load of
// the activations, which can be larger than the first level cache: four rows measured, on F16, 1.6 times as
// fast as one with 8192 columns and 2 times with 4 tokens, a quarter slower with 2048 columns and one token.
// Each row and token has its own sum in the same order whatever the number of rows, so splits over threads do
// not change a bit. No prefetch instructions: with them F16 measured half as fast.
INLINE void multiply_rows(int type, int rows, int tokens, const skein_linear_args *args, int32_t row) {
    const uint8_t *w = (const uint8_t *)args->weights + (int64_t)row * args->row_bytes;
    vec sums[FLOAT_VECTOR_ROWS][FLOAT_VECTOR_TOKENS];
    for (int r = 0; r < rows; r++) {
        for (int t = 0; t < tokens; t++) sums[r][t] = vec_set(0);
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
        for (int t = 0; t < tokens; t++) args->y[t * args->y_stride + row + r] = vec_sum(sums[r][t]) + bias;
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

INLINE void linear_vector_rows_type(int type, const skein_linear_args *args, int32_t begin, int32_t end) {
    int32_t row = begin;
    for (; row + FLOAT_VECTOR_ROWS <= end; row += FLOAT_VECTOR_ROWS) {
        multiply_rows_by_tokens(type, FLOAT_VECTOR_ROWS, args, row);
    }
    for (; row < end; row++) multiply_rows_by_tokens(type, 1, args, row);
}

// Columns column ..< column + count of rows first ..< last. Rows past the last repeat it.
INLINE void widen_rows(int type, const skein_linear_args *args, int32_t first, int32_t last, int32_t column,
                        int32_t count, float_panel *panel) {
    for (int half = 0; half < 2; half++) {
        for (int lane = 0; lane < LANES; lane++) {
            int32_t row = first + half * LANES + lane;
            if (row >= last) row = last - 1;
            const uint8_t *w =
                (const uint8_t *)args->weights + row * args->row_bytes + (int64_t)column * float_bytes(type);
            int64_t bytes = (int64_t)count * float_bytes(type), offset = (int64_t)column * float_bytes(type);
            bool last_panel = column + FLOAT_COLUMNS >= args->columns;
            prefetch_bytes(w + (last_panel ? TILE_ROWS * args->row_bytes - offset : bytes), bytes);
            for (int32_t c = 0; c < count; c += LANES) {
                const uint8_t *wc = w + c * float_bytes(type);
                bool whole = count - c >= LANES;
                vec_store(&panel->rows[lane][c], whole ? widen(type, wc) : widen_tail(type, wc, count - c));
            }
        }
        for (int32_t c = 0; c < count; c += LANES) {
            transpose(&panel->rows[0][c], sizeof panel->rows[0], &panel->w[c][half * LANES]);
        }
    }
}

#define DEFINE_ROWS(type)                                                                                            \
    static __attribute__((noinline)) void rows_##type(const skein_linear_args *args, int32_t begin, int32_t end) {   \
        linear_vector_rows_type(SKEIN_##type, args, begin, end);                                                     \
    }                                                                                                                \
    static __attribute__((noinline)) void widen_rows_##type(const skein_linear_args *args, int32_t first,            \
                                                            int32_t last, int32_t column, int32_t count,             \
                                                            float_panel *panel) {                                    \
        widen_rows(SKEIN_##type, args, first, last, column, count, panel);                                           \
    }
DEFINE_ROWS(F32)
DEFINE_ROWS(F16)
DEFINE_ROWS(BF16)

static void linear_vector_rows(const skein_linear_args *args, int32_t begin, int32_t end) {
    switch (args->type) {
    case SKEIN_F32: rows_F32(args, begin, end); break;
    case SKEIN_F16: rows_F16(args, begin, end); break;
    default: rows_BF16(args, begin, end); break;
    }
}

static void widen_rows_of_type(const skein_linear_args *args, int32_t first, int32_t last, int32_t column,
                               int32_t count, float_panel *panel) {
    switch (args->type) {
    case SKEIN_F32: widen_rows_F32(args, first, last, column, count, panel); break;
    case SKEIN_F16: widen_rows_F16(args, first, last, column, count, panel); break;
    default: widen_rows_BF16(args, first, last, column, count, panel); break;
    }
}

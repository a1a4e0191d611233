// linear, F32, F16 and BF16 weights, many tokens: y[t][r] = sum over c of w[r][c] * x[t][c] (+ bias[r])
//
// Shapes: w [rows] rows of `row_bytes` bytes, or packed; x [tokens][columns] float32; y [tokens][y_stride]. Any number
// of columns. Weights are widened to float32, activations stay float32; a lane is a row, and its sum in float32 goes
// over the columns one after the other, so a result does not depend on the rows and tokens beside it.
//
// A block of TILE_ROWS rows by FLOAT_COLUMNS columns is widened into the first cache (packed F32 is multiplied where it
// lies), then multiplied with TILE_TOKENS tokens at a time. Their activations are copied there too: they are a
// multiple of 4096 bytes apart as a rule, and 12 lines would fight for the 8 places that the cache has for them.
// Bound by the multiply-adds.
//
// A template, included by each instruction set inside its target attributes, after linear_tile.h and
// linear_float_rows.h and linear_packed_float.h, which say how both layouts are read.

// A block of weights: column c of the first LANES rows at low + c * stride, of the others at high + c * stride.
typedef struct {
    const float *low;
    const float *high;
    int64_t stride;
    int32_t columns;
} float_block;

typedef struct {
    float_panel panel;
    float x[TILE_TOKENS][FLOAT_COLUMNS + 16]; // the rows' lines in different sets of the cache
} float_workspace;

_Static_assert(sizeof(float_workspace) <= SKEIN_PANEL_BYTES, "workspace size");
_Static_assert(TILE_ROWS <= SKEIN_PANEL_ROWS, "workspace size");

// One tile; `tokens` is a constant.
INLINE void multiply_tile(int tokens, const float_block *w, const float (*x)[FLOAT_COLUMNS + 16],
                          next_block *next, const tile_output *out) {
    tile_sums sums;
    begin_tile(tokens, out, sums);
    const float *low = w->low, *high = w->high;
    for (int32_t c = 0; c < w->columns; c++) {
        if (c % (FLOAT_COLUMNS / TILE_PARTS) == 0) prefetch_part(next);
        vec wl = vec_load(low), wh = vec_load(high);
        EACH for (int t = 0; t < tokens; t++) {
            vec xt = vec_set(x[t][c]);
            sums[t][0] = vec_fma(wl, xt, sums[t][0]);
            sums[t][1] = vec_fma(wh, xt, sums[t][1]);
        }
        low += w->stride;
        high += w->stride;
    }
    end_tile(tokens, out, sums);
}

static __attribute__((noinline)) void multiply_tile_of(int tokens, const float_block *w,
                                                       const float (*x)[FLOAT_COLUMNS + 16], next_block *next,
                                                       const tile_output *out) {
    switch (tokens) {
#define CASE(n) case n: multiply_tile(n, w, x, next, out); break;
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5)
#if TILE_TOKENS == 12
        CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11)
#endif
#undef CASE
    default: multiply_tile(TILE_TOKENS, w, x, next, out); break;
    }
}

// Columns column ..< column + count of `tokens` tokens; the same of the tokens behind them is fetched.
static void copy_activations(const skein_linear_args *args, int32_t token, int32_t tokens, int32_t column,
                             int32_t count, float (*x)[FLOAT_COLUMNS + 16]) {
    const float *from = (const float *)args->x + (int64_t)token * args->columns + column;
    bool is_end = token + tokens == args->tokens;
    int64_t ahead = is_end ? FLOAT_COLUMNS - (int64_t)token * args->columns : (int64_t)tokens * args->columns;
    for (int32_t t = 0; t < tokens; t++, from += args->columns) {
        for (int32_t c = 0; c < count; c += 16) _mm_prefetch((const char *)(from + ahead + c), _MM_HINT_T1);
        memcpy(x[t], from, (size_t)count * sizeof(float));
    }
}

// Columns column ..< column + count of the rows from `row` on.
static float_block block_of(const skein_linear_args *args, int32_t row, int32_t end, int32_t column, int32_t count,
                            float_panel *panel) {
    if (args->layout == SKEIN_LAYOUT_PACKED && args->type == SKEIN_F32) {
        const float *low = (const float *)packed_columns(args, row, column);
        const float *high = (const float *)packed_columns(args, half_panel(row, end, 1), column);
        high += LANES * (1 % PANEL_VECTORS);
        return (float_block){.low = low, .high = high, .stride = SKEIN_PACKED_ROWS, .columns = count};
    }
    if (args->layout == SKEIN_LAYOUT_PACKED) {
        widen_packed(args, row, end, column, count, panel);
    } else {
        int32_t last = end - row < TILE_ROWS ? end : row + TILE_ROWS;
        widen_rows_of_type(args, row, last, column, count, panel);
    }
    return (float_block){.low = panel->w[0], .high = panel->w[0] + LANES, .stride = TILE_ROWS, .columns = count};
}

static void multiply_float_rows(const skein_linear_args *args, int32_t row, int32_t end, float_workspace *workspace) {
    float *carried = (float *)((char *)workspace + SKEIN_PANEL_BYTES); // [tokens][TILE_ROWS]
    tile_output all = tile_output_of(args, row, end, carried);
    for (int32_t column = 0; column < args->columns; column += FLOAT_COLUMNS) {
        int32_t count = args->columns - column < FLOAT_COLUMNS ? args->columns - column : FLOAT_COLUMNS;
        float_block block = block_of(args, row, end, column, count, &workspace->panel);
        next_block next = next_packed_block(args, row, end, column);
        all.is_first = column == 0;
        all.is_last = column + count == args->columns;
        for (int32_t t = 0; t < args->tokens; t += TILE_TOKENS) {
            int32_t tokens = args->tokens - t < TILE_TOKENS ? args->tokens - t : TILE_TOKENS;
            tile_output out = tile_output_at(&all, t);
            copy_activations(args, t, tokens, column, count, workspace->x);
            multiply_tile_of(tokens, &block, (const float (*)[FLOAT_COLUMNS + 16])workspace->x, &next, &out);
        }
    }
}

static int32_t linear_batch_tokens(const skein_linear_args *args) {
    return args->batch_tokens > args->tokens ? args->batch_tokens : args->tokens;
}

static void linear_float(const skein_linear_args *args, int32_t begin, int32_t end, void *workspace) {
    bool is_packed = args->layout == SKEIN_LAYOUT_PACKED;
    if (linear_batch_tokens(args) <= (is_packed ? PACKED_VECTOR_TOKENS : FLOAT_VECTOR_TOKENS)) {
        if (is_packed) {
            linear_vector_packed(args, begin, end);
        } else {
            linear_vector_rows(args, begin, end);
        }
        return;
    }
    for (int32_t row = begin; row < end; row += TILE_ROWS) multiply_float_rows(args, row, end, workspace);
}

// linear, packed F32, F16 and BF16 weights, 1 to 8 tokens: y[t][r] = sum over c of w[r][c] * x[t][c] (+ bias[r])
//
// Shapes: w packed (packed.h); x [tokens][columns] float32; y [tokens][y_stride]. A lane is a row. Weights are widened
// to float32; each row and token has two float32 sums, of even and of odd columns, which are added up in the end: the
// same for any number of tokens. A panel is one run of memory, and two columns of 16 rows of BF16 are one load, a
// shift and a mask. Bound by memory bandwidth on the weights for one token (95% of what a core can read; with prefetch
// instructions 75%, while without them 4 tokens took twice as long), by the multiply-adds for 8.
//
// Also here: blocks of columns of panels, for products with many tokens.
//
// A template like linear_float.h, before it, with
//   VECTOR_GROUP                    the tokens whose sums are in registers together
//   load_bf16_even/odd(p)           of LANES pairs of values at p, one as float32
enum { PACKED_VECTOR_TOKENS = 8, VECTOR_COLUMNS = 512, PANEL_VECTORS = SKEIN_PACKED_ROWS / LANES, PACKED_AHEAD = 8192 };

// Bytes of two columns of a panel.
INLINE int64_t pair_bytes(int type) { return type == SKEIN_F32 ? 128 : 64; }

// Column `column`, even, of the panel that begins at `row`.
INLINE const uint8_t *packed_columns(const skein_linear_args *args, int32_t row, int32_t column) {
    int64_t panel_bytes = skein_packed_float_panel_bytes(args->type, args->columns);
    return (const uint8_t *)args->weights + row / SKEIN_PACKED_ROWS * panel_bytes + column / 2 * pair_bytes(args->type);
}

// Rows LANES * part ... of the first (odd: 0) or second column of a pair.
INLINE vec packed_vector(int type, const uint8_t *pair, int odd, int part) {
    if (type == SKEIN_F32) return vec_load((const float *)pair + 16 * odd + LANES * part);
    if (type == SKEIN_F16) return vec_load_half((const uint16_t *)pair + 16 * odd + LANES * part);
    return odd ? load_bf16_odd(pair + 4 * LANES * part) : load_bf16_even(pair + 4 * LANES * part);
}

typedef vec vector_sums[VECTOR_GROUP][2][PANEL_VECTORS];

// The column `odd` of a pair times the tokens' activations of that column; all but the pointers are constants.
INLINE void multiply_column(int type, int tokens, int odd, const uint8_t *pair, const float *x, int64_t stride,
                            vector_sums sums) {
    EACH for (int part = 0; part < PANEL_VECTORS; part++) {
        vec w = packed_vector(type, pair, odd, part);
        EACH for (int t = 0; t < tokens; t++) {
            sums[t][odd][part] = vec_fma(w, vec_set(x[t * stride + odd]), sums[t][odd][part]);
        }
    }
}

// sums += `count` columns of a panel, from an even one on, times `tokens` tokens.
INLINE void multiply_columns(int type, int tokens, int32_t count, const uint8_t *w, const float *x, int64_t stride,
                             vec (*carried)[2][PANEL_VECTORS]) {
    vector_sums sums;
    EACH for (int t = 0; t < tokens; t++) {
        EACH for (int i = 0; i < 2 * PANEL_VECTORS; i++) sums[t][i % 2][i / 2] = carried[t][i % 2][i / 2];
    }
    for (int32_t pair = 0; pair < count / 2; pair++) {
        for (int line = 0; tokens > 1 && line < pair_bytes(type); line += 64) {
            _mm_prefetch((const char *)w + PACKED_AHEAD + line, _MM_HINT_T1);
        }
        multiply_column(type, tokens, 0, w, x, stride, sums);
        multiply_column(type, tokens, 1, w, x, stride, sums);
        w += pair_bytes(type);
        x += 2;
    }
    if (count % 2 != 0) multiply_column(type, tokens, 0, w, x, stride, sums);
    EACH for (int t = 0; t < tokens; t++) {
        EACH for (int i = 0; i < 2 * PANEL_VECTORS; i++) carried[t][i % 2][i / 2] = sums[t][i % 2][i / 2];
    }
}

INLINE void multiply_group(int type, int tokens, int32_t count, const uint8_t *w, const float *x, int64_t stride,
                           vec (*sums)[2][PANEL_VECTORS]) {
    switch (tokens) {
#define CASE(n) case n: multiply_columns(type, n, count, w, x, stride, sums); break;
        CASE(1) CASE(2)
#if VECTOR_GROUP == 8
        CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
#endif
#undef CASE
    default: multiply_columns(type, VECTOR_GROUP, count, w, x, stride, sums); break;
    }
}

// One panel times all tokens: where they are more than a group, each reads a run of columns while it is in the cache.
INLINE void multiply_panel(int type, const skein_linear_args *args, int32_t row, int32_t rows) {
    vec sums[PACKED_VECTOR_TOKENS][2][PANEL_VECTORS];
    memset(sums, 0, sizeof sums);
    for (int32_t column = 0; column < args->columns; column += VECTOR_COLUMNS) {
        int32_t count = args->columns - column < VECTOR_COLUMNS ? args->columns - column : VECTOR_COLUMNS;
        const uint8_t *w = packed_columns(args, row, column);
        for (int32_t t = 0; t < args->tokens; t += VECTOR_GROUP) {
            int32_t tokens = args->tokens - t < VECTOR_GROUP ? args->tokens - t : VECTOR_GROUP;
            const float *x = (const float *)args->x + (int64_t)t * args->columns + column;
            multiply_group(type, tokens, count, w, x, args->columns, sums + t);
        }
    }
    for (int part = 0; part < PANEL_VECTORS && rows > part * LANES; part++) {
        int32_t count = rows - part * LANES < LANES ? rows - part * LANES : LANES, first = row + part * LANES;
        vec bias = args->bias != NULL ? vec_load_part(args->bias + first, count) : vec_set(0);
        for (int64_t t = 0; t < args->tokens; t++) {
            vec sum = sums[t][0][part] + sums[t][1][part] + bias;
            vec_store_part(args->y + t * args->y_stride + first, sum, count);
        }
    }
}

#define DEFINE_VECTOR(type)                                                                                  \
    static __attribute__((noinline)) void vector_##type(const skein_linear_args *args, int32_t begin, int32_t end) { \
        for (int32_t row = begin; row < end; row += SKEIN_PACKED_ROWS) {                                     \
            int32_t rows = end - row < SKEIN_PACKED_ROWS ? end - row : SKEIN_PACKED_ROWS;                    \
            multiply_panel(SKEIN_##type, args, row, rows);                                                   \
        }                                                                                                    \
    }
DEFINE_VECTOR(F32)
DEFINE_VECTOR(F16)
DEFINE_VECTOR(BF16)

static void linear_vector_packed(const skein_linear_args *args, int32_t begin, int32_t end) {
    switch (args->type) {
    case SKEIN_F32: vector_F32(args, begin, end); break;
    case SKEIN_F16: vector_F16(args, begin, end); break;
    default: vector_BF16(args, begin, end); break;
    }
}

// The panel of rows row + LANES * half ...: for wide vectors the second one may not be there.
INLINE int32_t half_panel(int32_t row, int32_t end, int half) {
    return row + LANES * half < end ? row + LANES * half : row;
}

INLINE void widen_packed_type(int type, const skein_linear_args *args, int32_t row, int32_t end, int32_t column,
                              int32_t count, float_panel *panel) {
    for (int half = 0; half < 2; half++) {
        int part = half % PANEL_VECTORS;
        const uint8_t *w = packed_columns(args, half_panel(row, end, half), column);
        for (int32_t c = 0; c < count; c += 2, w += pair_bytes(type)) {
            vec_store(panel->w[c] + LANES * half, packed_vector(type, w, 0, part));
            if (c + 1 < count) vec_store(panel->w[c + 1] + LANES * half, packed_vector(type, w, 1, part));
        }
    }
}

static void widen_packed(const skein_linear_args *args, int32_t row, int32_t end, int32_t column, int32_t count,
                         float_panel *panel) {
    if (args->type == SKEIN_F16) {
        widen_packed_type(SKEIN_F16, args, row, end, column, count, panel);
    } else {
        widen_packed_type(SKEIN_BF16, args, row, end, column, count, panel);
    }
}

// What to fetch while the block at `column` is multiplied. Blocks of rows have their own way: widen_rows.
static next_block next_packed_block(const skein_linear_args *args, int32_t row, int32_t end, int32_t column) {
    if (args->layout != SKEIN_LAYOUT_PACKED) return (next_block){0};
    const uint8_t *low = packed_columns(args, row, column + FLOAT_COLUMNS);
    const uint8_t *high = packed_columns(args, half_panel(row, end, 1), column + FLOAT_COLUMNS);
    return next_block_of(low, high, (int32_t)(FLOAT_COLUMNS / 2 * pair_bytes(args->type) / 64), args->tokens);
}

// The products of latent attention with one head's matrix, for a few tokens.
//
// With the grain of the rows they are those of linear. Against it rows are decoded, SKEIN_LATENT_ROWS at a time,
// and added up, each sum in the order of the rows, in register tiles; float32, bound by the multiply-adds for many
// tokens and by decoding for few.
enum { LATENT_TILE_TOKENS = 6, LATENT_TILE_VECTORS = LANES / 4 };

typedef struct {
    int32_t type;
    const void *weights;  // rows of `row_bytes` bytes
    int64_t row_bytes;
    int32_t rows;
    int32_t columns;
    int32_t batch_tokens; // of the whole call, for linear
} latent_matrix;

static latent_matrix latent_key_up(const skein_latent_heads *h, int32_t head, int32_t batch_tokens) {
    return (latent_matrix){
        .type = h->key_type,
        .weights = (const char *)h->key_up + head * h->key_head_bytes,
        .row_bytes = h->key_row_bytes,
        .rows = h->key_rows_plain ? h->plain_width : h->rank,
        .columns = h->key_rows_plain ? h->rank : h->plain_width,
        .batch_tokens = batch_tokens,
    };
}

static latent_matrix latent_value_up(const skein_latent_heads *h, int32_t head, int32_t batch_tokens) {
    return (latent_matrix){
        .type = h->value_type,
        .weights = (const char *)h->value_up + head * h->value_head_bytes,
        .row_bytes = h->value_row_bytes,
        .rows = h->value_width,
        .columns = h->rank,
        .batch_tokens = batch_tokens,
    };
}

// x [tokens][columns] as linear takes it with weights of `type`: itself, or quantized in the workspace.
static const void *latent_operand(int32_t type, int32_t columns, int32_t tokens, const float *x,
                                  const skein_latent_layout *layout, char *workspace) {
    if (!skein_linear_takes_quantized(type)) return x;
    skein_quantize_activations_args quantize = {.x = x, .columns = columns, .y = workspace + layout->quantized};
    SKEIN_KERNEL(quantize_activations)(&quantize, 0, tokens, NULL);
    return quantize.y;
}

// y[t][r] = sum over c of w[r][c] * x[t][c]; x [tokens][columns] from latent_operand.
static void latent_multiply(const latent_matrix *m, int32_t tokens, const void *x, float *y, int64_t y_stride,
                            const skein_latent_layout *layout, char *workspace) {
    skein_linear_args linear = {
        .weights = m->weights, .row_bytes = m->row_bytes, .type = m->type, .rows = m->rows,
        .columns = m->columns, .tokens = tokens, .x = x, .y = y, .y_stride = y_stride,
        .batch_tokens = m->batch_tokens,
    };
    SKEIN_KERNEL(linear)(&linear, 0, m->rows, workspace + layout->linear);
}

// Both, one after the other.
static void latent_product(const latent_matrix *m, int32_t tokens, const float *x, float *y, int64_t y_stride,
                           const skein_latent_layout *layout, char *workspace) {
    const void *operand = latent_operand(m->type, m->columns, tokens, x, layout, workspace);
    latent_multiply(m, tokens, operand, y, y_stride, layout, workspace);
}

// A row as float32. The formats that are likely here go fast; blocks of one value would be a call each.
static void latent_decode_row(const latent_matrix *m, int32_t row, float *y) {
    const char *from = (const char *)m->weights + row * m->row_bytes;
    if (m->type == SKEIN_F32) {
        memcpy(y, from, (size_t)m->columns * sizeof(float));
    } else if (m->type == SKEIN_F16) {
        for (int32_t c = 0; c < m->columns; c += LANES) {
            int32_t part = m->columns - c < LANES ? m->columns - c : LANES;
            const uint16_t *half = (const uint16_t *)from + c;
            vec_store_part(y + c, part == LANES ? vec_load_half(half) : vec_load_half_part(half, part), part);
        }
    } else {
        skein_dequantize_row(m->type, from, m->columns, y);
    }
}

// sums[t][c ...] += sum over `count` decoded rows r of x[t][r] * row[r][c ...], for TOKENS tokens and VECTORS vectors
// of columns, of which the last has `last` lanes.
SKEIN_INLINE void latent_columns_tile(const int32_t TOKENS, const int32_t VECTORS, const float *rows, int64_t stride,
                                      int32_t count, const float *x, int64_t x_stride, float *sums,
                                      int64_t sums_stride, int32_t last) {
    vec sum[LATENT_TILE_TOKENS * LATENT_TILE_VECTORS];
    for (int32_t t = 0; t < TOKENS; t++) {
        for (int32_t v = 0; v < VECTORS; v++) {
            int32_t part = v + 1 < VECTORS ? LANES : last;
            sum[t * VECTORS + v] = vec_load_part(sums + t * sums_stride + v * LANES, part);
        }
    }
    for (int32_t r = 0; r < count; r++) {
        vec row[LATENT_TILE_VECTORS];
        for (int32_t v = 0; v < VECTORS; v++) row[v] = vec_load(rows + r * stride + v * LANES);
        for (int32_t t = 0; t < TOKENS; t++) {
            vec xt = vec_set(x[t * x_stride + r]);
            for (int32_t v = 0; v < VECTORS; v++) {
                sum[t * VECTORS + v] = vec_fma(xt, row[v], sum[t * VECTORS + v]);
            }
        }
    }
    for (int32_t t = 0; t < TOKENS; t++) {
        for (int32_t v = 0; v < VECTORS; v++) {
            int32_t part = v + 1 < VECTORS ? LANES : last;
            vec_store_part(sums + t * sums_stride + v * LANES, sum[t * VECTORS + v], part);
        }
    }
}

SKEIN_INLINE void latent_columns_tiles(const int32_t VECTORS, const float *rows, int64_t stride, int32_t count,
                                       int32_t tokens, const float *x, int64_t x_stride, float *sums,
                                       int64_t sums_stride, int32_t last) {
    int64_t t = 0;
    for (; t + LATENT_TILE_TOKENS <= tokens; t += LATENT_TILE_TOKENS) {
        latent_columns_tile(LATENT_TILE_TOKENS, VECTORS, rows, stride, count, x + t * x_stride, x_stride,
                            sums + t * sums_stride, sums_stride, last);
    }
    for (; t < tokens; t++) {
        latent_columns_tile(1, VECTORS, rows, stride, count, x + t * x_stride, x_stride, sums + t * sums_stride,
                            sums_stride, last);
    }
}

// y[t][c] = sum over r of x[t][r] * w[r][c]; x [tokens][rows].
static void latent_product_of_columns(const latent_matrix *m, int32_t tokens, const float *x, float *y,
                                      int64_t y_stride, const skein_latent_layout *layout, char *workspace) {
    enum { ROWS = SKEIN_LATENT_ROWS, WIDE = LATENT_TILE_VECTORS * LANES };
    float *rows = (float *)(workspace + layout->rows);
    int64_t stride = (m->columns + LANES - 1) / LANES * LANES;
    for (int64_t t = 0; t < tokens; t++) memset(y + t * y_stride, 0, (size_t)m->columns * sizeof(float));
    for (int32_t first = 0; first < m->rows; first += ROWS) {
        int32_t count = m->rows - first < ROWS ? m->rows - first : ROWS;
        for (int32_t r = 0; r < count; r++) latent_decode_row(m, first + r, rows + r * stride);
        int32_t c = 0;
        for (; c + WIDE <= m->columns; c += WIDE) {
            latent_columns_tiles(LATENT_TILE_VECTORS, rows + c, stride, count, tokens, x + first, m->rows, y + c,
                                 y_stride, LANES);
        }
        for (; c < m->columns; c += LANES) {
            int32_t last = m->columns - c < LANES ? m->columns - c : LANES;
            latent_columns_tiles(1, rows + c, stride, count, tokens, x + first, m->rows, y + c, y_stride, last);
        }
    }
}

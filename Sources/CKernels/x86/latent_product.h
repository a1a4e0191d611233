// The products of latent attention with one head's matrix, for a few tokens.
//
// With the grain of the rows they are those of linear. Against it rows are decoded, SKEIN_LATENT_ROWS at a time,
// and added up; float32, bound by the multiply-adds for many tokens and by decoding for few.
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

// y[t][r] = sum over c of w[r][c] * x[t][c]; x [tokens][columns].
static void latent_product(const latent_matrix *m, int32_t tokens, const float *x, float *y, int64_t y_stride,
                           const skein_latent_layout *layout, char *workspace) {
    skein_linear_args linear = {
        .weights = m->weights, .row_bytes = m->row_bytes, .type = m->type, .rows = m->rows,
        .columns = m->columns, .tokens = tokens, .x = x, .y = y, .y_stride = y_stride,
        .batch_tokens = m->batch_tokens,
    };
    if (skein_linear_takes_quantized(m->type)) {
        skein_quantize_activations_args quantize = {
            .x = x, .columns = m->columns, .y = workspace + layout->quantized};
        SKEIN_KERNEL(quantize_activations)(&quantize, 0, tokens, NULL);
        linear.x = quantize.y;
    }
    SKEIN_KERNEL(linear)(&linear, 0, m->rows, workspace + layout->linear);
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

// y[t][c] = sum over r of x[t][r] * w[r][c]; x [tokens][rows].
static void latent_product_of_columns(const latent_matrix *m, int32_t tokens, const float *x, float *y,
                                      int64_t y_stride, const skein_latent_layout *layout, char *workspace) {
    enum { ROWS = SKEIN_LATENT_ROWS };
    float *rows = (float *)(workspace + layout->rows);
    for (int64_t t = 0; t < tokens; t++) memset(y + t * y_stride, 0, (size_t)m->columns * sizeof(float));
    for (int32_t first = 0; first < m->rows; first += ROWS) {
        int32_t count = m->rows - first < ROWS ? m->rows - first : ROWS;
        for (int32_t r = 0; r < count; r++) latent_decode_row(m, first + r, rows + (int64_t)r * m->columns);
        for (int64_t t = 0; t < tokens; t++) {
            float *sums = y + t * y_stride;
            for (int32_t c = 0; c < m->columns; c += LANES) {
                int32_t part = m->columns - c < LANES ? m->columns - c : LANES;
                vec sum = vec_load_part(sums + c, part);
                for (int32_t r = 0; r < count; r++) {
                    vec row = vec_load_part(rows + (int64_t)r * m->columns + c, part);
                    sum = vec_fma(vec_set(x[t * m->rows + first + r]), row, sum);
                }
                vec_store_part(sums + c, sum, part);
            }
        }
    }
}

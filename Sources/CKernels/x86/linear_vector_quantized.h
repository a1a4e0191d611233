// linear, quantized weights, 1 to 4 tokens: y[t][r] = sum over c of w[r][c] * x[t][c] (+ bias[r])
//
// Shapes: w [rows] rows of runs of 256 columns, x [tokens][blocks of 256 columns], y [tokens][y_stride].
// Each row is decoded once, run by run, and multiplied with up to four tokens while it is in registers.
// Products of 8 bit integers are summed exactly over the 4 columns of a lane, then accumulated in float32
// (LANES lanes, twice, a row and token); offsets and minima come from the activations' integer sums.
// Bound by memory bandwidth on the weights: arithmetic must stay below 3 cycles for 32 weights.
//
// A template like decode_run.h, with
//   vector, LANES, vector_zero, vector_add, vector_sum   float vectors
//   add_run(type, w, x, scales, sums)   sums[VECTOR_SUMS] += scales * (w's quants . x), group by group

enum { VECTOR_TOKENS = 4, VECTOR_SUMS = 2, PREFETCH_BYTES = 512 };

// A run times a token's block. `offsets` gathers the part of the minima, or of the offset of symmetric formats.
INLINE void multiply_run(int type, const weight_run *w, const skein_activation_block *x, vector sums[VECTOR_SUMS],
                         __m256 *offsets) {
    bool thirty_two = group_columns(type) == 32;
    const int32_t *negated_sums = thirty_two ? x->negated_sums32 : x->negated_sums16;
    __m256 scales[2];
    for (int half = 0; half < (thirty_two ? 1 : 2); half++) {
        __m256 x_scales = _mm256_load_ps(x->scales);
        if (!thirty_two) {
            __m256i twice = _mm256_add_epi32(_mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3), _mm256_set1_epi32(4 * half));
            x_scales = _mm256_permutevar8x32_ps(x_scales, twice);
        }
        scales[half] = _mm256_mul_ps(w->scales[half], x_scales);
        if (!has_minimum(type) && quant_offset(type) == 0) continue;
        __m256 negated = _mm256_cvtepi32_ps(_mm256_load_si256((const __m256i *)negated_sums + half));
        __m256 minima = has_minimum(type) ? _mm256_mul_ps(w->minima[half], x_scales) : scales[half];
        *offsets = _mm256_fmadd_ps(minima, negated, *offsets);
    }
    add_run(type, w, x->quants, scales, sums);
}

INLINE float sum_of_8(__m256 v) {
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

// One row times `tokens` tokens; both `type` and `tokens` are constants.
INLINE void multiply_row(int type, int tokens, const skein_linear_args *args, const skein_activation_block *x,
                         int32_t row) {
    const uint8_t *w = (const uint8_t *)args->weights + (int64_t)row * args->row_bytes;
    int32_t blocks = skein_activation_blocks(args->columns);
    vector sums[VECTOR_TOKENS][VECTOR_SUMS];
    __m256 offsets[VECTOR_TOKENS];
    for (int t = 0; t < tokens; t++) {
        for (int i = 0; i < VECTOR_SUMS; i++) sums[t][i] = vector_zero();
        offsets[t] = _mm256_setzero_ps();
    }
    int64_t bytes_left = (int64_t)args->columns * run_bytes(type) / RUN_COLUMNS;
    for (int32_t block = 0; block < blocks; block++) {
        uint8_t copy[8 * 34];
        weight_run run;
        decode_run(type, whole_run(type, w, bytes_left, copy), &run);
        for (int b = 0; b < run_bytes(type); b += 64) _mm_prefetch((const char *)w + PREFETCH_BYTES + b, _MM_HINT_T0);
        for (int t = 0; t < tokens; t++) {
            multiply_run(type, &run, &x[(int64_t)t * blocks + block], sums[t], &offsets[t]);
        }
        w += run_bytes(type);
        bytes_left -= run_bytes(type);
    }
    float bias = args->bias != NULL ? args->bias[row] : 0;
    for (int t = 0; t < tokens; t++) {
        float factor = has_minimum(type) ? 1 : (float)quant_offset(type);
        float sum = vector_sum(vector_add(sums[t][0], sums[t][1])) + factor * sum_of_8(offsets[t]);
        args->y[t * args->y_stride + row] = sum + bias;
    }
}

INLINE void linear_vector_quantized(int type, const skein_linear_args *args, int32_t begin, int32_t end) {
    const skein_activation_block *x = args->x;
    for (int32_t row = begin; row < end; row++) {
        switch (args->tokens) {
        case 1: multiply_row(type, 1, args, x, row); break;
        case 2: multiply_row(type, 2, args, x, row); break;
        case 3: multiply_row(type, 3, args, x, row); break;
        default: multiply_row(type, 4, args, x, row); break;
        }
    }
}

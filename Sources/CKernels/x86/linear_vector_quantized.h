// linear, quantized weights, 1 to 4 tokens: y[t][r] = sum over c of w[r][c] * x[t][c] (+ bias[r])
//
// Shapes: w [rows] rows of runs of 256 columns, x [tokens][blocks of 256 columns], y [tokens][y_stride].
// Each row is decoded once, run by run, and multiplied with up to four tokens while it is in registers.
// Products of 8 bit integers are summed exactly over the 4 columns of a lane, then accumulated in float32
// (8 lanes a row and token); offsets and minima come from the activations' integer sums.
// Bound by memory bandwidth on the weights: arithmetic must stay below 3 cycles for 32 weights.
//
// A template like decode_run.h, with
//   dot_bytes(eight_bit, w, x)   8 lanes of int32, each a sum of 4 products of w's and x's bytes.

enum { VECTOR_TOKENS = 4, PREFETCH_BYTES = 1024 };

INLINE float sum_of_lanes(__m256 v) {
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

// A run times a token's block, groups of 32. `offsets` gathers the part of the minima or of the offset.
INLINE void multiply_run_32(int type, const weight_run *w, const skein_activation_block *x, __m256 *first,
                            __m256 *second, __m256 *offsets) {
    __m256 x_scales = _mm256_load_ps(x->scales);
    __m256 scales = _mm256_mul_ps(w->scales[0], x_scales);
    if (has_minimum(type) || quant_offset(type) != 0) {
        __m256 sums = _mm256_cvtepi32_ps(_mm256_load_si256((const __m256i *)x->negated_sums32));
        __m256 minima = has_minimum(type) ? _mm256_mul_ps(w->minima[0], x_scales) : scales;
        *offsets = _mm256_fmadd_ps(minima, sums, *offsets);
    }
    float spread[8] __attribute__((aligned(32)));
    _mm256_store_ps(spread, scales);
    // Through memory, as a broadcast from there costs no vector operation; the compiler would shuffle.
    __asm__("" : "+m"(spread));
    for (int g = 0; g < RUN_GROUPS; g++) {
        __m256i products = dot_bytes(is_8bit(type), w->quants[g], load_32((const uint8_t *)x->quants + 32 * g));
        __m256 *sum = g % 2 == 0 ? first : second;
        *sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(products), _mm256_set1_ps(spread[g]), *sum);
    }
}

// The same for groups of 16: lanes 0-3 of a vector are one group, lanes 4-7 the next.
INLINE void multiply_run_16(int type, const weight_run *w, const skein_activation_block *x, __m256 *first,
                            __m256 *second, __m256 *offsets) {
    __m256 scales[2];
    for (int half = 0; half < 2; half++) {
        __m256 four = _mm256_broadcast_ps((const __m128 *)(x->scales + 4 * half));
        __m256 x_scales = _mm256_permutevar8x32_ps(four, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
        scales[half] = _mm256_mul_ps(w->scales[half], x_scales);
        __m256 sums = _mm256_cvtepi32_ps(_mm256_load_si256((const __m256i *)(x->negated_sums16 + 8 * half)));
        __m256 minima = has_minimum(type) ? _mm256_mul_ps(w->minima[half], x_scales) : scales[half];
        *offsets = _mm256_fmadd_ps(minima, sums, *offsets);
    }
    for (int g = 0; g < RUN_GROUPS; g++) {
        __m256i products = dot_bytes(is_8bit(type), w->quants[g], load_32((const uint8_t *)x->quants + 32 * g));
        int low = g % 4 * 2, high = low + 1;
        __m256i lanes = _mm256_setr_epi32(low, low, low, low, high, high, high, high);
        __m256 spread = _mm256_permutevar8x32_ps(scales[g / 4], lanes);
        __m256 *sum = g % 2 == 0 ? first : second;
        *sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(products), spread, *sum);
    }
}

// One row times `tokens` tokens; both `type` and `tokens` are constants.
INLINE void multiply_row(int type, int tokens, const skein_linear_args *args, const skein_activation_block *x,
                         int32_t row, float *y) {
    const uint8_t *w = (const uint8_t *)args->weights + (int64_t)row * args->row_bytes;
    int32_t blocks = skein_activation_blocks(args->columns);
    __m256 first[VECTOR_TOKENS], second[VECTOR_TOKENS], offsets[VECTOR_TOKENS];
    for (int t = 0; t < tokens; t++) first[t] = second[t] = offsets[t] = _mm256_setzero_ps();
    int64_t bytes_left = (int64_t)args->columns * run_bytes(type) / RUN_COLUMNS;
    for (int32_t block = 0; block < blocks; block++) {
        uint8_t copy[8 * 34];
        weight_run run;
        decode_run(type, whole_run(type, w, bytes_left, copy), &run);
        for (int b = 0; b < run_bytes(type); b += 64) _mm_prefetch((const char *)w + PREFETCH_BYTES + b, _MM_HINT_T0);
        for (int t = 0; t < tokens; t++) {
            const skein_activation_block *xt = &x[(int64_t)t * blocks + block];
            if (group_columns(type) == 32) {
                multiply_run_32(type, &run, xt, &first[t], &second[t], &offsets[t]);
            } else {
                multiply_run_16(type, &run, xt, &first[t], &second[t], &offsets[t]);
            }
        }
        w += run_bytes(type);
        bytes_left -= run_bytes(type);
    }
    float bias = args->bias != NULL ? args->bias[row] : 0;
    for (int t = 0; t < tokens; t++) {
        __m256 factor = _mm256_set1_ps(has_minimum(type) ? 1 : (float)quant_offset(type));
        __m256 sum = _mm256_fmadd_ps(offsets[t], factor, _mm256_add_ps(first[t], second[t]));
        y[t * args->y_stride + row] = sum_of_lanes(sum) + bias;
    }
}

INLINE void linear_vector_quantized(int type, const skein_linear_args *args, int32_t begin, int32_t end) {
    const skein_activation_block *x = args->x;
    for (int32_t row = begin; row < end; row++) {
        switch (args->tokens) {
        case 1: multiply_row(type, 1, args, x, row, args->y); break;
        case 2: multiply_row(type, 2, args, x, row, args->y); break;
        case 3: multiply_row(type, 3, args, x, row, args->y); break;
        default: multiply_row(type, 4, args, x, row, args->y); break;
        }
    }
}

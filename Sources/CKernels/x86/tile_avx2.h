// The tiles of linear_avx2.c: 16 rows of a panel by up to 3 tokens.
//
//     sums[t][row] += sum over groups of scales[group][row] * x scale[t][group] * (products - offset's part)
//
// `steps` is how many sums of two products fit 16 bits: 8 for quants up to 15, 4 up to 31, 2 up to 63; 1 stands
// for signed bytes.

INLINE int steps_of(int type) {
    switch (type) {
    case SKEIN_Q8_0: case SKEIN_IQ4_NL: case SKEIN_IQ4_XS: return 1;
    case SKEIN_Q6_K: return 2;
    case SKEIN_Q5_0: case SKEIN_Q5_1: case SKEIN_Q5_K: case SKEIN_MXFP4: return 4;
    default: return 8;
    }
}

// products[t] += the products of columns 4 * first ..< 4 * (first + count), all tokens. Everything but the
// pointers is a constant.
INLINE void multiply_columns(int steps, int tokens, int count, const uint8_t (*w)[ROWS][4], const int8_t *x,
                             int64_t stride, __m256i products[TILE_TOKENS][2]) {
    int together = steps < count ? steps : count;
    for (int column = 0; column < count; column += together) {
        __m256i pairs[TILE_TOKENS][2];
        for (int step = column; step < column + together; step++) {
            const __m256i *both = (const __m256i *)w[step];
            __m256i low = _mm256_load_si256(both), high = _mm256_load_si256(both + 1);
            for (int t = 0; t < tokens; t++) {
                int32_t four;
                memcpy(&four, x + t * stride + 4 * step, sizeof four);
                __m256i xt = _mm256_set1_epi32(four);
                __m256i low_pairs = multiply_bytes(steps == 1, low, xt);
                __m256i high_pairs = multiply_bytes(steps == 1, high, xt);
                pairs[t][0] = step == column ? low_pairs : _mm256_add_epi16(pairs[t][0], low_pairs);
                pairs[t][1] = step == column ? high_pairs : _mm256_add_epi16(pairs[t][1], high_pairs);
            }
        }
        for (int t = 0; t < tokens; t++) {
            for (int half = 0; half < 2; half++) {
                __m256i wide = _mm256_madd_epi16(pairs[t][half], _mm256_set1_epi16(1));
                products[t][half] = _mm256_add_epi32(products[t][half], wide);
            }
        }
    }
}

INLINE void multiply_quantized_tile(int group, bool minimum, int steps, int tokens, const quantized_panel *panel,
                                    int32_t runs, const skein_activation_block *x, int64_t stride,
                                    int32_t offset_shift, float *sums) {
    __m128i shift = _mm_cvtsi32_si128(offset_shift);
    for (int32_t run = 0; run < runs; run++, x++) {
        for (int g = 0; g < RUN_COLUMNS / group; g++) {
            __m256i negated[TILE_TOKENS], products[TILE_TOKENS][2];
            for (int t = 0; t < tokens; t++) {
                const skein_activation_block *xt = &x[t * stride];
                negated[t] = _mm256_set1_epi32(group == 32 ? xt->negated_sums32[g] : xt->negated_sums16[g]);
                products[t][0] = minimum ? _mm256_setzero_si256() : _mm256_sll_epi32(negated[t], shift);
                products[t][1] = products[t][0];
            }
            multiply_columns(steps, tokens, group / 4, panel->quants[run] + g * group / 4, x->quants + g * group,
                             stride * (int64_t)sizeof *x, products);
            for (int t = 0; t < tokens; t++) {
                vector scale = _mm256_set1_ps(x[t * stride].scales[group == 32 ? g : g / 2]);
                for (int half = 0; half < 2; half++) {
                    vector scales = _mm256_load_ps(&panel->scales[run][g][half * LANES]);
                    vector sum = _mm256_mul_ps(_mm256_cvtepi32_ps(products[t][half]), scales);
                    if (minimum) {
                        vector minima = _mm256_load_ps(&panel->minima[run][g][half * LANES]);
                        sum = _mm256_fmadd_ps(minima, _mm256_cvtepi32_ps(negated[t]), sum);
                    }
                    float *y = sums + t * ROWS + half * LANES;
                    _mm256_store_ps(y, _mm256_fmadd_ps(sum, scale, _mm256_load_ps(y)));
                }
            }
        }
    }
}

#define DEFINE_TILE(name, group, minimum, steps, tokens)                                                   \
    static void name##_##tokens(const quantized_panel *panel, int32_t runs, const skein_activation_block *x, \
                                int64_t stride, int32_t offset_shift, float *sums) {                       \
        multiply_quantized_tile(group, minimum, steps, tokens, panel, runs, x, stride, offset_shift, sums); \
    }
#define DEFINE_TILES(name, group, minimum, steps)  \
    DEFINE_TILE(name, group, minimum, steps, 1)    \
    DEFINE_TILE(name, group, minimum, steps, 2)    \
    DEFINE_TILE(name, group, minimum, steps, 3)    \
    static tile_kernel *const name[TILE_TOKENS] = {name##_1, name##_2, name##_3};

DEFINE_TILES(tile_32_signed, 32, false, 1)
DEFINE_TILES(tile_32_by_4, 32, false, 4)
DEFINE_TILES(tile_32_by_8, 32, false, 8)
DEFINE_TILES(tile_32_minimum_by_4, 32, true, 4)
DEFINE_TILES(tile_32_minimum_by_8, 32, true, 8)
DEFINE_TILES(tile_16_by_2, 16, false, 2)
DEFINE_TILES(tile_16_by_8, 16, false, 8)
DEFINE_TILES(tile_16_minimum_by_8, 16, true, 8)

INLINE tile_kernel *tile_of(int type, int32_t tokens) {
    int steps = steps_of(type);
    if (group_columns(type) == 16) {
        return (has_minimum(type) ? tile_16_minimum_by_8 : steps == 2 ? tile_16_by_2 : tile_16_by_8)[tokens - 1];
    }
    if (has_minimum(type)) return (steps == 4 ? tile_32_minimum_by_4 : tile_32_minimum_by_8)[tokens - 1];
    return (steps == 1 ? tile_32_signed : steps == 4 ? tile_32_by_4 : tile_32_by_8)[tokens - 1];
}

// linear for AVX-512 with VNNI: the vectors and tiles that the templates are made of.
//
// A tile is 32 rows by 6 tokens: 12 int32 and 12 float32 accumulators of the 32 registers. Every weight
// vector loaded serves 6 tokens and every broadcast activation 2 vectors, so the multipliers (one 64 byte
// vpdpbusd a cycle on Zen 4), not the loads, are the bound.
#if defined(__x86_64__)

#include "linear_common.h"
#include "linear_float_kernels.h"
#include "linear_packed.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), \
                             apply_to = function)

#define SIGNED_OFFSET 128
#define LANES 16
#define TILE_TOKENS 6

INLINE __m256i bytes_from_bits(uint32_t bits, int value) { return _mm256_maskz_set1_epi8(bits, (char)value); }

// Words `first`, `first` + `step`, ... (4 of them, none past byte 128) of the `bytes` bytes at p, at least 64,
// in the low half.
INLINE __m128i pick_words(const uint8_t *p, int bytes, int first, int step) {
    int index[4], second = bytes < 128 ? bytes - 64 : 64; // where the second vector starts
    for (int i = 0; i < 4; i++) {
        int word = first + i * step;
        index[i] = word < 32 ? word : word - second / 2 + 32;
    }
    // Hides that these bytes are also loaded elsewhere: the compiler would cut those loads out of this one.
    __asm__("" : "+r"(p));
    __m512i order = _mm512_castsi128_si512(_mm_setr_epi16(index[0], index[1], index[2], index[3], 0, 0, 0, 0));
    __m512i words = _mm512_permutex2var_epi16(_mm512_loadu_si512(p), order, _mm512_loadu_si512(p + second));
    return _mm512_castsi512_si128(words);
}

// By permuting whole vectors: one by one the loads, shifts and ors took as long as the products.
INLINE __m128i gather_words(const uint8_t *p, int offset, int stride) {
    __m128i low = pick_words(p, 4 * stride, offset / 2, stride / 2);
    __m128i high = pick_words(p + 4 * stride, 4 * stride, offset / 2, stride / 2);
    return _mm_unpacklo_epi64(low, high);
}

#include "decode_run.h"

typedef __m512 vector;
INLINE vector vector_zero(void) { return _mm512_setzero_ps(); }
INLINE vector vector_add(vector a, vector b) { return _mm512_add_ps(a, b); }
INLINE float vector_sum(vector v) { return _mm512_reduce_add_ps(v); }

// 64 columns at a time, as half as many operations in flight hide the latency of twice as many runs: with
// AVX2 vectors, products took 2.9 cycles for 32 columns where the ports would allow 2.
INLINE void add_run(int type, const weight_run *w, const int8_t *x, const __m256 scales[2], vector sums[2]) {
    for (int i = 0; i < RUN_GROUPS / 2; i++) {
        __m512i quants = _mm512_inserti64x4(_mm512_castsi256_si512(w->quants[2 * i]), w->quants[2 * i + 1], 1);
        __m512i products = _mm512_dpbusd_epi32(_mm512_setzero_si512(), quants, _mm512_load_si512(x + 64 * i));
        bool thirty_two = group_columns(type) == 32;
        // 16 products of 4 columns: 8 or 4 of them belong to a group.
        int shift = thirty_two ? 3 : 2, first = thirty_two ? 2 * i : 4 * (i % 2);
        __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        lanes = _mm512_add_epi32(_mm512_srli_epi32(lanes, shift), _mm512_set1_epi32(first));
        __m256 source = scales[thirty_two ? 0 : i / 2];
        vector spread = _mm512_permutexvar_ps(lanes, _mm512_castps256_ps512(source));
        sums[i % 2] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products), spread, sums[i % 2]);
    }
}

#include "transpose_avx512.h"
#include "quantized_panel.h"

// The products of a group: the columns 4 * first ..< 4 * (first + count) of the panel's run and of the
// blocks x, added to the offset's part. The sums of the activations at `sums` bytes into a block are
// multiplied with the offset by a shift.
INLINE void multiply_group(int tokens, int first, int count, const uint8_t (*w)[ROWS][4],
                           const skein_activation_block *x, int64_t stride, __m512i products[TILE_TOKENS][2]) {
    for (int column = first; column < first + count; column++) {
        __m512i low = _mm512_load_si512(w[column]), high = _mm512_load_si512(w[column][LANES]);
        for (int t = 0; t < tokens; t++) {
            int32_t four;
            memcpy(&four, x[t * stride].quants + 4 * column, sizeof four);
            __m512i xt = _mm512_set1_epi32(four);
            products[t][0] = _mm512_dpbusd_epi32(products[t][0], low, xt);
            products[t][1] = _mm512_dpbusd_epi32(products[t][1], high, xt);
        }
    }
}

// tile += scales * products * the activations' scale, for the group `g` of a run.
INLINE void add_group(int group, bool minimum, int tokens, int g, const quantized_panel *panel, int32_t run,
                      const skein_activation_block *x, int64_t stride, __m512i products[TILE_TOKENS][2],
                      __m512 tile[TILE_TOKENS][2]) {
    for (int half = 0; half < 2; half++) {
        __m512 scales = _mm512_load_ps(&panel->scales[run][g][half * LANES]);
        __m512 minima = minimum ? _mm512_load_ps(&panel->minima[run][g][half * LANES]) : scales;
        for (int t = 0; t < tokens; t++) {
            const skein_activation_block *xt = &x[t * stride];
            __m512 sum = _mm512_mul_ps(_mm512_cvtepi32_ps(products[t][half]), scales);
            if (minimum) {
                int32_t negated = group == 32 ? xt->negated_sums32[g] : xt->negated_sums16[g];
                sum = _mm512_fmadd_ps(minima, _mm512_cvtepi32_ps(_mm512_set1_epi32(negated)), sum);
            }
            float scale = xt->scales[group == 32 ? g : g / 2];
            tile[t][half] = _mm512_fmadd_ps(sum, _mm512_set1_ps(scale), tile[t][half]);
        }
    }
}

INLINE void multiply_quantized_tile(int group, bool minimum, int tokens, const quantized_panel *panel, int32_t runs,
                                    const skein_activation_block *x, int64_t stride, int32_t offset_shift,
                                    float *sums) {
    __m512 tile[TILE_TOKENS][2];
    __m128i shift = _mm_cvtsi32_si128(offset_shift);
    for (int t = 0; t < tokens; t++) {
        for (int half = 0; half < 2; half++) tile[t][half] = _mm512_load_ps(sums + t * ROWS + half * LANES);
    }
    for (int32_t run = 0; run < runs; run++, x++) {
        for (int g = 0; g < RUN_COLUMNS / group; g++) {
            __m512i products[TILE_TOKENS][2];
            for (int t = 0; t < tokens; t++) {
                int32_t negated = group == 32 ? x[t * stride].negated_sums32[g] : x[t * stride].negated_sums16[g];
                products[t][0] = minimum ? _mm512_setzero_si512() : _mm512_sll_epi32(_mm512_set1_epi32(negated), shift);
                products[t][1] = products[t][0];
            }
            multiply_group(tokens, g * group / 4, group / 4, panel->quants[run], x, stride, products);
            add_group(group, minimum, tokens, g, panel, run, x, stride, products, tile);
        }
    }
    for (int t = 0; t < tokens; t++) {
        for (int half = 0; half < 2; half++) _mm512_store_ps(sums + t * ROWS + half * LANES, tile[t][half]);
    }
}

#define DEFINE_TILE(name, group, minimum, tokens)                                                          \
    static void name##_##tokens(const quantized_panel *panel, int32_t runs, const skein_activation_block *x, \
                                int64_t stride, int32_t offset_shift, float *sums) {                       \
        multiply_quantized_tile(group, minimum, tokens, panel, runs, x, stride, offset_shift, sums);       \
    }
#define DEFINE_TILES(name, group, minimum)                                                                 \
    DEFINE_TILE(name, group, minimum, 1)                                                                   \
    DEFINE_TILE(name, group, minimum, 2)                                                                   \
    DEFINE_TILE(name, group, minimum, 3)                                                                   \
    DEFINE_TILE(name, group, minimum, 4)                                                                   \
    DEFINE_TILE(name, group, minimum, 5)                                                                   \
    DEFINE_TILE(name, group, minimum, 6)                                                                   \
    static tile_kernel *const name[TILE_TOKENS] = {name##_1, name##_2, name##_3, name##_4, name##_5, name##_6};

DEFINE_TILES(tile_32, 32, false)
DEFINE_TILES(tile_32_minimum, 32, true)
DEFINE_TILES(tile_16, 16, false)
DEFINE_TILES(tile_16_minimum, 16, true)

INLINE tile_kernel *tile_of(int type, int32_t tokens) {
    if (group_columns(type) == 32) return (has_minimum(type) ? tile_32_minimum : tile_32)[tokens - 1];
    return (has_minimum(type) ? tile_16_minimum : tile_16)[tokens - 1];
}

#include "linear_vector_quantized.h"
#include "linear_matrix_quantized.h"
#define SKEIN_LINEAR_FLOAT skein_avx512_linear_float
#include "linear_dispatch.h"

void skein_avx512_linear(const void *arguments, int32_t begin, int32_t end, void *workspace) {
    const skein_linear_args *args = arguments;
    if (args->layout == SKEIN_LAYOUT_PACKED && skein_linear_takes_quantized(args->type)) {
        skein_avx512_linear_packed_quantized(args, begin, end, workspace);
    } else {
        linear_of_type(args, begin, end, workspace);
    }
}

#pragma clang attribute pop

#endif

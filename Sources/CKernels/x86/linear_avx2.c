// linear for AVX2 with FMA and F16C: the vectors and tiles that the templates are made of.
//
// There is no 8 bit multiply-add into 32 bits: vpmaddubsw adds two products of an unsigned and a signed byte
// in 16 bits, where two of 255 * 127 would saturate. So formats of 8 bits stay signed, and the sign of a
// weight is moved to the activation (|w| * sign(w) x, at most 128 * 127 * 2 < 32768); smaller quants are
// unsigned, and as many sums as fit are added in 16 bits before they are widened.
// A tile is 16 rows by 3 tokens; its float32 sums stay in memory, as 16 registers do not hold them too.
#if defined(__x86_64__)

#include "linear_common.h"
#include "linear_float_kernels.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define SIGNED_OFFSET 0
#define LANES 8
#define TILE_TOKENS 3

INLINE __m256i bytes_from_bits(uint32_t bits, int value) {
    // Byte i / 8 of the bits to byte i, then its bit i % 8.
    const __m256i byte = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    __m256i spread = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), byte);
    const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
    __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(spread, bit), bit);
    return _mm256_and_si256(set, _mm256_set1_epi8((char)value));
}

INLINE __m128i gather_words(const uint8_t *p, int offset, int stride) {
    uint64_t low = 0, high = 0;
    for (int i = 0; i < 4; i++) {
        low |= (uint64_t)load_u16(p + offset + i * stride) << (16 * i);
        high |= (uint64_t)load_u16(p + offset + (i + 4) * stride) << (16 * i);
    }
    return _mm_set_epi64x((long long)high, (long long)low);
}

#include "decode_run.h"

typedef __m256 vector;
INLINE vector vector_zero(void) { return _mm256_setzero_ps(); }
INLINE vector vector_add(vector a, vector b) { return _mm256_add_ps(a, b); }
INLINE float vector_sum(vector v) {
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

// 16 bit sums of two products. `eight_bit` is a constant.
INLINE __m256i multiply_bytes(bool eight_bit, __m256i w, __m256i x) {
    if (!eight_bit) return _mm256_maddubs_epi16(w, x);
    return _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
}

INLINE void add_run(int type, const weight_run *w, const int8_t *x, const __m256 scales[2], vector sums[2]) {
    for (int g = 0; g < RUN_GROUPS; g++) {
        __m256i pairs = multiply_bytes(is_8bit(type), w->quants[g], _mm256_load_si256((const __m256i *)x + g));
        __m256i products = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
        bool thirty_two = group_columns(type) == 32;
        // 8 products of 4 columns: all or 4 of them belong to a group.
        int low = thirty_two ? g : 2 * (g % 4), high = thirty_two ? g : low + 1;
        __m256i lanes = _mm256_setr_epi32(low, low, low, low, high, high, high, high);
        vector spread = _mm256_permutevar8x32_ps(scales[thirty_two ? 0 : g / 4], lanes);
        sums[g % 2] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(products), spread, sums[g % 2]);
    }
}

#include "transpose_avx2.h"
#include "quantized_panel.h"
#include "tile_avx2.h"

#include "linear_vector_quantized.h"
#include "linear_matrix_quantized.h"
#define SKEIN_LINEAR_FLOAT skein_avx2_linear_float
#include "linear_dispatch.h"

void skein_avx2_linear(const void *arguments, int32_t begin, int32_t end, void *workspace) {
    const skein_linear_args *args = arguments;
    if (args->layout == SKEIN_LAYOUT_PACKED && skein_linear_takes_quantized(args->type)) {
        skein_reference_linear(args, begin, end, workspace);
    } else {
        linear_of_type(args, begin, end, workspace);
    }
}

#pragma clang attribute pop

#endif

// linear with float weights for AVX-512: see linear_float.h. A tile is 32 rows by 12 tokens, 24 of the 32 registers.
#if defined(__x86_64__)

#include "linear_common.h"
#include "linear_float_kernels.h"
#include "../reference/packed_float.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), \
                             apply_to = function)

#include "simd_avx512.h"
#include "transpose_avx512.h"

#define TILE_TOKENS 12
#define VECTOR_GROUP 8

INLINE vec load_bf16(const uint8_t *p) {
    __m512i bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
}
INLINE vec load_bf16_even(const uint8_t *p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(p), 16));
}
INLINE vec load_bf16_odd(const uint8_t *p) {
    __m512i odd = _mm512_and_si512(_mm512_loadu_si512(p), _mm512_set1_epi32((int)0xFFFF0000));
    return _mm512_castsi512_ps(odd);
}

#include "linear_tile.h"
#include "linear_float_rows.h"
#include "linear_packed_float.h"
#include "linear_float.h"

// Inputs are rounded to BF16 only where many tokens are multiplied: there it doubles the speed.
int32_t skein_avx512_linear_input(int32_t type, int32_t layout, int32_t batch_tokens) {
    if (skein_linear_takes_quantized(type)) return SKEIN_INPUT_INT8;
    bool is_bf16 = type == SKEIN_BF16 && layout == SKEIN_LAYOUT_PACKED && batch_tokens > PACKED_VECTOR_TOKENS;
    return is_bf16 && __builtin_cpu_supports("avx512bf16") ? SKEIN_INPUT_BF16 : SKEIN_INPUT_FLOAT32;
}

void skein_avx512_linear_float(const skein_linear_args *args, int32_t begin, int32_t end, void *workspace) {
    int32_t form = skein_avx512_linear_input(args->type, args->layout, linear_batch_tokens(args));
    if (form == SKEIN_INPUT_BF16) {
        skein_avx512_linear_bf16(args, begin, end, workspace);
    } else {
        linear_float(args, begin, end, workspace);
    }
}

#pragma clang attribute pop

#endif

// Peaks of AVX-512: item = SKEIN_PROBE_ROUNDS times 16 instructions on sums of their own, in registers only.
// Bound by the units that multiply; nothing else is in the loops but their counter.
#if defined(__x86_64__)

#include "../probe.h"

#include <immintrin.h>

#define EACH_SUM(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14) f(15)

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vnni"))), apply_to = function)

// s += sum of 4 products of unsigned and signed bytes, in 16 lanes of 32 bits.
void skein_avx512_probe_int8(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)args;
    const __m512i a = _mm512_set1_epi8(1), b = _mm512_set1_epi8(1);
#define ZERO(i) __m512i s##i = _mm512_setzero_si512();
    EACH_SUM(ZERO)
#undef ZERO
    for (int64_t round = (int64_t)(end - begin) * SKEIN_PROBE_ROUNDS; round > 0; round--) {
#define STEP(i) s##i = _mm512_dpbusd_epi32(s##i, a, b);
        EACH_SUM(STEP)
#undef STEP
    }
    __m512i sum = _mm512_setzero_si512();
#define ADD(i) sum = _mm512_add_epi32(sum, s##i);
    EACH_SUM(ADD)
#undef ADD
    _mm512_store_si512(workspace, sum);
}

// s += a * b in 16 lanes.
void skein_avx512_probe_f32(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)args;
    const __m512 a = _mm512_set1_ps(0.5f), b = _mm512_set1_ps(0.25f);
#define ZERO(i) __m512 s##i = _mm512_setzero_ps();
    EACH_SUM(ZERO)
#undef ZERO
    for (int64_t round = (int64_t)(end - begin) * SKEIN_PROBE_ROUNDS; round > 0; round--) {
#define STEP(i) s##i = _mm512_fmadd_ps(a, b, s##i);
        EACH_SUM(STEP)
#undef STEP
    }
    __m512 sum = _mm512_setzero_ps();
#define ADD(i) sum = _mm512_add_ps(sum, s##i);
    EACH_SUM(ADD)
#undef ADD
    _mm512_store_ps(workspace, sum);
}

#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512bf16"))), apply_to = function)

// s += sum of 2 products of BF16, in 16 lanes of float32.
void skein_avx512_probe_bf16(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)args;
    const __m512bh a = (__m512bh)_mm512_set1_epi16(0x3f00), b = (__m512bh)_mm512_set1_epi16(0x3e80);
#define ZERO(i) __m512 s##i = _mm512_setzero_ps();
    EACH_SUM(ZERO)
#undef ZERO
    for (int64_t round = (int64_t)(end - begin) * SKEIN_PROBE_ROUNDS; round > 0; round--) {
#define STEP(i) s##i = _mm512_dpbf16_ps(s##i, a, b);
        EACH_SUM(STEP)
#undef STEP
    }
    __m512 sum = _mm512_setzero_ps();
#define ADD(i) sum = _mm512_add_ps(sum, s##i);
    EACH_SUM(ADD)
#undef ADD
    _mm512_store_ps(workspace, sum);
}

#pragma clang attribute pop

#endif

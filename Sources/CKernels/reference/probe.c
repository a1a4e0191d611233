// The probes where the processor has none of the instruction sets that there are kernels for, and the choice of the
// fastest. Vectors of four, which every compiler knows: what portable code can reach, not the processor's own limit.
#include "../probe.h"

#include <string.h>

typedef float float_4 __attribute__((vector_size(16)));
typedef int32_t int_4 __attribute__((vector_size(16)));

#define EACH_SUM(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7)

// s = s * a + b in 4 lanes of 32 bits, to which portable code widens bytes. The empty assembly makes the factor
// unknown, else the products could be made beforehand.
void skein_reference_probe_int8(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)args;
    int32_t factor = 3;
#define ZERO(i) int_4 s##i = {i};
    EACH_SUM(ZERO)
#undef ZERO
    for (int64_t round = (int64_t)(end - begin) * SKEIN_PROBE_ROUNDS; round > 0; round--) {
#define STEP(i)                          \
    __asm__ volatile("" : "+r"(factor)); \
    s##i = s##i * factor + 1;
        EACH_SUM(STEP)
#undef STEP
    }
    int_4 sum = {0};
#define ADD(i) sum += s##i;
    EACH_SUM(ADD)
#undef ADD
    memcpy(workspace, &sum, sizeof sum);
}

// s = s * a + b in 4 lanes.
void skein_reference_probe_f32(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)args;
    float_4 a = {0.5f, 0.5f, 0.5f, 0.5f}, b = {0.25f, 0.25f, 0.25f, 0.25f};
#define ZERO(i) float_4 s##i = {(float)i};
    EACH_SUM(ZERO)
#undef ZERO
    for (int64_t round = (int64_t)(end - begin) * SKEIN_PROBE_ROUNDS; round > 0; round--) {
#define STEP(i) s##i = s##i * a + b;
        EACH_SUM(STEP)
#undef STEP
    }
    float_4 sum = {0};
#define ADD(i) sum += s##i;
    EACH_SUM(ADD)
#undef ADD
    memcpy(workspace, &sum, sizeof sum);
}

void skein_reference_probe_read(const void *arguments, int32_t begin, int32_t end, void *workspace) {
    const skein_probe_read_args *args = arguments;
    const int_4 *at = (const int_4 *)(args->memory + (int64_t)begin * SKEIN_PROBE_READ_BYTES);
    const int_4 *last = (const int_4 *)(args->memory + (int64_t)end * SKEIN_PROBE_READ_BYTES);
    int_4 s0 = {0}, s1 = s0, s2 = s0, s3 = s0;
    for (; at < last; at += 4) {
        s0 |= at[0];
        s1 |= at[1];
        s2 |= at[2];
        s3 |= at[3];
    }
    s0 |= s1 | s2 | s3;
    memcpy(workspace, &s0, sizeof s0);
}

// Multiplications and additions of an item: `sums` a round, each of so many products.
static skein_probe arithmetic(const char *instructions, skein_kernel *kernel, int32_t sums, int32_t products) {
    return (skein_probe){instructions, kernel, 2.0 * products * sums * SKEIN_PROBE_ROUNDS};
}

static skein_probe portable_probe(int32_t kind) {
    switch (kind) {
    case SKEIN_PROBE_INT8:
        return arithmetic("portable", skein_reference_probe_int8, SKEIN_PROBE_SUMS_PORTABLE, 4);
    case SKEIN_PROBE_F32:
        return arithmetic("portable", skein_reference_probe_f32, SKEIN_PROBE_SUMS_PORTABLE, 4);
    case SKEIN_PROBE_READ:
        return (skein_probe){"portable", skein_reference_probe_read, SKEIN_PROBE_READ_BYTES};
    default:
        return (skein_probe){"none", NULL, 0};
    }
}

skein_probe skein_probe_of(int32_t kind) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
    switch (kind) {
    case SKEIN_PROBE_INT8:
        if (avx512 && __builtin_cpu_supports("avx512vnni")) {
            return arithmetic("vpdpbusd 512", skein_avx512_probe_int8, SKEIN_PROBE_SUMS_AVX512, 64);
        }
        if (avx2) {
            return arithmetic("vpmaddubsw, vpmaddwd 256", skein_avx2_probe_int8, SKEIN_PROBE_SUMS_AVX2, 32);
        }
        break;
    case SKEIN_PROBE_BF16:
        if (avx512 && __builtin_cpu_supports("avx512bf16")) {
            return arithmetic("vdpbf16ps 512", skein_avx512_probe_bf16, SKEIN_PROBE_SUMS_AVX512, 32);
        }
        break;
    case SKEIN_PROBE_F32:
        if (avx512) return arithmetic("vfmadd 512", skein_avx512_probe_f32, SKEIN_PROBE_SUMS_AVX512, 16);
        if (avx2) return arithmetic("vfmadd 256", skein_avx2_probe_f32, SKEIN_PROBE_SUMS_AVX2, 8);
        break;
    case SKEIN_PROBE_READ:
        if (avx2) return (skein_probe){"loads 256", skein_avx2_probe_read, SKEIN_PROBE_READ_BYTES};
        break;
    }
#endif
    return portable_probe(kind);
}

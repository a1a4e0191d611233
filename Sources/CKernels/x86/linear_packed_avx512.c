// linear on packed quantized weights for AVX-512 with VNNI: one function for each format, and the choice among them.
#if defined(__x86_64__)

#include "linear_packed.h"
#include "linear_common.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), \
                             apply_to = function)

#include "packed_groups_avx512.h"

INLINE int64_t packed_panel_bytes(int type, int32_t columns) {
    return ((int64_t)columns / 32 * packed_group_bytes(type) + 63) / 64 * 64;
}

#include "linear_packed_vector_avx512.h"
#include "linear_packed_matrix_avx512.h"

INLINE void packed_linear_vector(int type, const skein_linear_args *args, int32_t begin, int32_t end) {
    for (int32_t row = begin; row < end; row += SKEIN_PACKED_ROWS) {
        int32_t count = end - row < SKEIN_PACKED_ROWS ? end - row : SKEIN_PACKED_ROWS;
        switch (args->tokens) {
        case 1: packed_vector_panel(type, 1, args, row, count); break;
        case 2: packed_vector_panel(type, 2, args, row, count); break;
        case 3: packed_vector_panel(type, 3, args, row, count); break;
        case 4: packed_vector_panel(type, 4, args, row, count); break;
        case 5: packed_vector_panel(type, 5, args, row, count); break;
        case 6: packed_vector_panel(type, 6, args, row, count); break;
        case 7: packed_vector_panel(type, 7, args, row, count); break;
        default: packed_vector_panel(type, 8, args, row, count); break;
        }
    }
}

#define DEFINE_PACKED(type)                                                                                  \
    static __attribute__((noinline)) void packed_##type(const skein_linear_args *args, int32_t begin, int32_t end, \
                                                        void *workspace) {                                   \
        int32_t batch = args->batch_tokens > args->tokens ? args->batch_tokens : args->tokens;               \
        if (batch <= PACKED_VECTOR_TOKENS) packed_linear_vector(SKEIN_##type, args, begin, end);             \
        else packed_linear_matrix(SKEIN_##type, args, begin, end, workspace);                                \
    }

#define FOR_EACH_QUANTIZED(do)                                                                            \
    do(Q8_0) do(Q4_0) do(Q4_1) do(Q5_0) do(Q5_1) do(Q2_K) do(Q3_K) do(Q4_K) do(Q5_K) do(Q6_K) do(IQ4_NL) \
    do(IQ4_XS) do(MXFP4)

FOR_EACH_QUANTIZED(DEFINE_PACKED)

void skein_avx512_linear_packed_quantized(const skein_linear_args *args, int32_t begin, int32_t end, void *workspace) {
    if (args->tokens <= 0 || begin >= end) return;
    switch (args->type) {
#define CALL(type) \
    case SKEIN_##type: packed_##type(args, begin, end, workspace); break;
        FOR_EACH_QUANTIZED(CALL)
#undef CALL
    default: break;
    }
}

#pragma clang attribute pop

#endif

// linear with float weights for NEON: see ../x86/linear_float.h. A tile is 16 rows by 6 tokens, in 24 of the 32
// registers; with few tokens the sums of 3 are in registers, so that there are two of each to hide latency.
// F16 is widened (FCVTL), BF16 shifted; products and sums are float32.
#if defined(__aarch64__)

#include "linear_kernels.h"
#include "../reference/formats.h"
#include "../reference/linear_workspace.h"
#include "../reference/packed_float.h"
#include "simd_neon.h"

#define TILE_TOKENS 6
#define VECTOR_GROUP 3

INLINE vec load_bf16(const uint8_t *p) { return vec_load_bf16((const uint16_t *)p); }
INLINE vec load_bf16_even(const uint8_t *p) {
    vec_bits pairs = (vec_bits)vec_load((const float *)p);
    return (vec)(pairs << 16);
}
INLINE vec load_bf16_odd(const uint8_t *p) {
    vec_bits pairs = (vec_bits)vec_load((const float *)p);
    return (vec)(pairs & (int32_t)0xFFFF0000);
}

// 8 x 8 dwords: from rows of `stride` bytes to rows of 16 dwords.
INLINE void transpose(const void *from, int64_t stride, void *to) {
    for (int row = 0; row < 8; row += 4) {
        for (int column = 0; column < 8; column += 4) {
            float32x4_t a[4];
            for (int i = 0; i < 4; i++) {
                a[i] = vld1q_f32((const float *)((const char *)from + (row + i) * stride) + column);
            }
            float32x4_t b0 = vzip1q_f32(a[0], a[2]), b1 = vzip2q_f32(a[0], a[2]);
            float32x4_t b2 = vzip1q_f32(a[1], a[3]), b3 = vzip2q_f32(a[1], a[3]);
            float *out = (float *)to + 16 * column + row;
            vst1q_f32(out, vzip1q_f32(b0, b2));
            vst1q_f32(out + 16, vzip2q_f32(b0, b2));
            vst1q_f32(out + 32, vzip1q_f32(b1, b3));
            vst1q_f32(out + 48, vzip2q_f32(b1, b3));
        }
    }
}

INLINE void prefetch_bytes(const uint8_t *p, int64_t count) {
    for (int64_t b = 0; b < count; b += 64) _mm_prefetch(p + b, _MM_HINT_T1);
}

#include "../x86/linear_tile.h"
#include "../x86/linear_float_rows.h"
#include "../x86/linear_packed_float.h"
#include "../x86/linear_float.h"

void skein_neon_linear_float(const skein_linear_args *args, int32_t begin, int32_t end, void *workspace) {
    if (args->tokens > 0 && begin < end) linear_float(args, begin, end, workspace);
}

#endif

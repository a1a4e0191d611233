// linear for NEON without dot products (ARMv8.0): two products of bytes are added in 16 bits, where 2 * 128 * 127 fits.
#if defined(__aarch64__)

#include "linear_kernels.h"
#include "../packed.h"
#include "../reference/linear_workspace.h"
#include "simd_neon.h"

// Lane i: sum + the products of bytes 4 i ..< 4 i + 4.
INLINE int32x4_t dot_lanes(int32x4_t sum, int8x16_t w, int8x16_t x) {
    int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(x)), high = vmull_high_s8(w, x);
    return vpadalq_s16(sum, vpaddq_s16(low, high));
}

// The same, with bytes 4 * lane ..< 4 * lane + 4 of x in all lanes.
INLINE int32x4_t dot_four(int32x4_t sum, int8x16_t w, int8x16_t x, int lane) {
    return dot_lanes(sum, w, vreinterpretq_s8_s32(vdupq_n_s32(vreinterpretq_s32_s8(x)[lane])));
}

#include "packed_groups.h"

#include "linear_packed_vector.h"

#include "linear_tile_dot.h"

#include "linear_packed_matrix.h"

#include "linear_rows.h"

#include "linear_quantized.h"

void skein_neon_linear(const void *arguments, int32_t begin, int32_t end, void *workspace) {
    linear_of_type(arguments, begin, end, workspace);
}

#endif

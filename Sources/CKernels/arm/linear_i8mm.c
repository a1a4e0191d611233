// linear for processors with the matrix multiplication instructions for bytes (FEAT_I8MM), which serve many tokens; few
// take dot products.
#if defined(__aarch64__)

#include "linear_kernels.h"
#include "../packed.h"
#include "../reference/linear_workspace.h"
#include "simd_neon.h"

#pragma clang attribute push(__attribute__((target("dotprod,i8mm"))), apply_to = function)

// Lane i: sum + the products of bytes 4 i ..< 4 i + 4.
INLINE int32x4_t dot_lanes(int32x4_t sum, int8x16_t w, int8x16_t x) { return vdotq_s32(sum, w, x); }

// The same, with bytes 4 * lane ..< 4 * lane + 4 of x in all lanes; the lane is a literal.
#define dot_four(sum, w, x, lane) vdotq_laneq_s32(sum, w, x, lane)

#include "packed_groups.h"

#include "linear_packed_vector.h"

#include "linear_tile_mmla.h"

#include "linear_packed_matrix.h"

#include "linear_rows.h"

#include "linear_quantized.h"

void skein_i8mm_linear(const void *arguments, int32_t begin, int32_t end, void *workspace) {
    linear_of_type(arguments, begin, end, workspace);
}

#pragma clang attribute pop

#endif

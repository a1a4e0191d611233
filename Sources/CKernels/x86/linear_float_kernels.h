// Products with float weights: what linear calls for F32, F16 and BF16. Arguments as a skein_kernel.
#ifndef SKEIN_LINEAR_FLOAT_KERNELS_H
#define SKEIN_LINEAR_FLOAT_KERNELS_H

#include "../kernels.h"

void skein_avx2_linear_float(const skein_linear_args *args, int32_t begin, int32_t end, void *workspace);
void skein_avx512_linear_float(const skein_linear_args *args, int32_t begin, int32_t end, void *workspace);

// Packed BF16 weights, inputs in BF16 (SKEIN_INPUT_BF16). For processors with AVX512_BF16.
void skein_avx512_linear_bf16(const skein_linear_args *args, int32_t begin, int32_t end, void *workspace);

#endif

// Matrix products with inputs in BF16: linear_avx512_bf16.c.
#ifndef SKEIN_LINEAR_BF16_H
#define SKEIN_LINEAR_BF16_H

#include "../kernels.h"

// Rows begin ..< end of a packed BF16 matrix; begin is a multiple of 16. Needs AVX512_BF16.
void skein_avx512_linear_bf16(const skein_linear_args *args, int32_t begin, int32_t end, void *workspace);

#endif

// The parts of linear on ARM. Arguments as a skein_kernel.
#ifndef SKEIN_ARM_LINEAR_KERNELS_H
#define SKEIN_ARM_LINEAR_KERNELS_H

#include "../kernels.h"

// F32, F16 and BF16 weights, in either layout: linear_float.c.
void skein_neon_linear_float(const skein_linear_args *args, int32_t begin, int32_t end, void *workspace);

#endif

// All kernels but linear for processors with the matrix multiplication instructions for bytes.
#if defined(__aarch64__)

#define SKEIN_KERNEL(op) skein_i8mm_##op
#include "shared_kernels.h"

#endif

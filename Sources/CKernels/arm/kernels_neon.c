// All kernels but linear for NEON, which every AArch64 processor has.
#if defined(__aarch64__)

#define SKEIN_KERNEL(op) skein_neon_##op
#include "shared_kernels.h"

#endif

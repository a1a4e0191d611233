// All kernels but linear for processors with the dot product instructions.
#if defined(__aarch64__)

#define SKEIN_KERNEL(op) skein_dotprod_##op
#include "shared_kernels.h"

#endif

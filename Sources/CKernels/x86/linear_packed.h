// linear on packed quantized weights: what linear calls where the layout is SKEIN_LAYOUT_PACKED.
#ifndef SKEIN_LINEAR_PACKED_H
#define SKEIN_LINEAR_PACKED_H

#include "../packed.h"
#include "../reference/linear_workspace.h"

void skein_avx512_linear_packed_quantized(const skein_linear_args *args, int32_t begin, int32_t end, void *workspace);

#endif

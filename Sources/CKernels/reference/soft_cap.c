// soft_cap: y = cap * tanh(x / cap).
//
// Shapes: x, y [tokens][columns]; y may be x. In double. Bound by tanh.
#include "../kernels.h"

#include <math.h>

void skein_reference_soft_cap(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_soft_cap_args *a = args;
    for (int64_t i = (int64_t)begin * a->columns; i < (int64_t)end * a->columns; i++) {
        a->y[i] = (float)(a->cap * tanh((double)a->x[i] / a->cap));
    }
}

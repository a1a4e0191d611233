// add: y = a + b.
//
// Shapes: a, b, y [tokens][columns]; y may be a or b. Bound by memory.
#include "../kernels.h"

void skein_reference_add(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_add_args *a = args;
    for (int64_t i = (int64_t)begin * a->columns; i < (int64_t)end * a->columns; i++) {
        a->y[i] = a->a[i] + a->b[i];
    }
}

// select_rows: y[i] = x[rows[i]].
//
// Shapes: x [tokens][columns], rows [selected], y [selected][columns]. Bound by memory.
#include "../kernels.h"

#include <string.h>

void skein_reference_select_rows(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_select_rows_args *a = args;
    for (int64_t i = begin; i < end; i++) {
        memcpy(a->y + i * a->columns, a->x + (int64_t)a->rows[i] * a->columns,
               (size_t)a->columns * sizeof(float));
    }
}

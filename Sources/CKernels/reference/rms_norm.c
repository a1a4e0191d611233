// rms_norm: y = x / sqrt(mean(x^2) + epsilon) * weight, for each row of `columns`.
//
// Shapes: x, y [rows][columns + passed], weight [columns] or NULL; y may be x. The sum of squares is taken in
// double. Bound by memory: two passes over a row, the second one from the first-level cache.
#include "../kernels.h"

#include <math.h>

void skein_reference_rms_norm(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_rms_norm_args *a = args;
    for (int32_t row = begin; row < end; row++) {
        const float *x = a->x + (int64_t)row * (a->columns + a->passed);
        float *y = a->y + (int64_t)row * (a->columns + a->passed);
        double squares = 0;
        for (int32_t i = 0; i < a->columns; i++) squares += (double)x[i] * x[i];
        float scale = (float)(1.0 / sqrt(squares / a->columns + a->epsilon));
        for (int32_t i = 0; i < a->columns; i++) {
            float normalized = x[i] * scale;
            y[i] = a->weight != NULL ? normalized * a->weight[i] : normalized;
        }
        for (int32_t i = a->columns; i < a->columns + a->passed; i++) y[i] = x[i];
    }
}

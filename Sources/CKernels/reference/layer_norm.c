// layer_norm: y = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon) * weight + bias, for each row of `columns`.
//
// Shapes: x, y [rows][columns], weight [columns], bias [columns] or NULL; y may be x. Both means in double, the
// second over the differences: a large mean then costs no digits. Bound by memory.
#include "../kernels.h"

#include <math.h>

void skein_reference_layer_norm(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_layer_norm_args *a = args;
    for (int64_t row = begin; row < end; row++) {
        const float *x = a->x + row * a->columns;
        float *y = a->y + row * a->columns;
        double sum = 0, squares = 0;
        for (int32_t i = 0; i < a->columns; i++) sum += x[i];
        double mean = sum / a->columns;
        for (int32_t i = 0; i < a->columns; i++) squares += (x[i] - mean) * (x[i] - mean);
        double scale = 1 / sqrt(squares / a->columns + a->epsilon);
        for (int32_t i = 0; i < a->columns; i++) {
            float normalized = (float)((x[i] - mean) * scale);
            y[i] = normalized * a->weight[i] + (a->bias != NULL ? a->bias[i] : 0);
        }
    }
}

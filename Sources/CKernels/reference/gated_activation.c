// gated_activation: y = silu(gate) * up with silu(x) = x / (1 + exp(-x)).
//
// Shapes: gate, up, y [tokens][columns]; y may be gate or up. silu in double, so that exp(-x) does not
// overflow for any x of use. Bound by exp here; by memory in the kernels that have a fast exp.
#include "../kernels.h"

#include <math.h>

static float silu(float x) {
    // The limit; the formula would give -infinity / infinity.
    if (x < -700.0f) return -0.0f;
    return (float)(x / (1.0 + exp(-(double)x)));
}

void skein_reference_gated_activation(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_gated_activation_args *a = args;
    for (int64_t i = (int64_t)begin * a->columns; i < (int64_t)end * a->columns; i++) {
        a->y[i] = silu(a->gate[i]) * a->up[i];
    }
}

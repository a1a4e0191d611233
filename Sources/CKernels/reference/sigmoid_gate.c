// sigmoid_gate: y = x / (1 + exp(-gate)), one value of gate a token.
//
// Shapes: x, y [tokens][columns], gate [tokens]; y may be x. Bound by memory.
#include "../kernels.h"

#include <math.h>

void skein_reference_sigmoid_gate(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_sigmoid_gate_args *a = args;
    for (int64_t t = begin; t < end; t++) {
        float factor = (float)(1 / (1 + exp(-(double)a->gate[t])));
        for (int64_t i = t * a->columns; i < (t + 1) * a->columns; i++) a->y[i] = a->x[i] * factor;
    }
}

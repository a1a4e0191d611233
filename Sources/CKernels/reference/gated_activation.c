// gated_activation: y = activation(gate) * up. activation: y = activation(x).
//
// Shapes: gate, up, x, y [tokens][columns]; y may be what is read. Activations in double, so that exp(-x) does not
// overflow for any x of use. Bound by exp here; by memory in the kernels that have a fast exp.
#include "activation.h"

void skein_reference_gated_activation(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_gated_activation_args *a = args;
    for (int64_t i = (int64_t)begin * a->columns; i < (int64_t)end * a->columns; i++) {
        a->y[i] = skein_reference_gated(&a->activation, a->gate[i], a->up[i]);
    }
}

void skein_reference_activation(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_activation_args *a = args;
    for (int64_t i = (int64_t)begin * a->columns; i < (int64_t)end * a->columns; i++) {
        a->y[i] = (float)skein_reference_activate(a->activation.kind, a->x[i]);
    }
}

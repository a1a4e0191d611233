// The activations, one value at a time, in double: the specification.
#ifndef SKEIN_REFERENCE_ACTIVATION_H
#define SKEIN_REFERENCE_ACTIVATION_H

#include "../kernels.h"

#include <math.h>

// x / (1 + exp(-alpha x)).
static inline double skein_reference_swish(double x, double alpha) {
    // The limit; the formula would give -infinity / infinity.
    if (alpha * x < -700) return -0.0;
    return x / (1 + exp(-alpha * x));
}

static inline double skein_reference_activate(int32_t kind, double x) {
    switch (kind) {
    case SKEIN_ACTIVATION_GELU:
        return x < -40 ? -0.0 : 0.5 * x * erfc(-x * 0.70710678118654752);
    case SKEIN_ACTIVATION_GELU_TANH:
        // (1 + tanh(z)) / 2 is 1 / (1 + exp(-2 z)), which keeps its digits where tanh is near -1.
        return x < -40 ? -0.0 : x / (1 + exp(-2 * 0.79788456080286536 * (x + 0.044715 * x * x * x)));
    default:
        return skein_reference_swish(x, 1);
    }
}

static inline float skein_reference_gated(const skein_activation *a, float gate, float up) {
    if (a->kind != SKEIN_ACTIVATION_CLAMPED_SWISH) return (float)skein_reference_activate(a->kind, gate) * up;
    double g = gate > a->limit ? a->limit : gate;
    double u = up > a->limit ? a->limit : up < -a->limit ? -a->limit : up;
    return (float)(skein_reference_swish(g, a->alpha) * (u + 1));
}

#endif

// gated_activation: y = activation(gate) * up.
//
// Shapes: gate, up, y [tokens][columns]; y may be gate or up. As activation (activation.h).

SKEIN_INLINE vec gated(const int32_t kind, const skein_activation *a, vec gate, vec up) {
    if (kind != SKEIN_ACTIVATION_CLAMPED_SWISH) return activated(kind, gate) * up;
    vec limit = vec_set(a->limit);
    vec g = vec_min(limit, finite_below(gate));
    vec u = vec_max(-limit, vec_min(limit, up));
    return times_sigmoid(g, g * vec_set(a->alpha)) * (u + vec_set(1.0f));
}

SKEIN_INLINE void gated_of(const int32_t kind, const skein_gated_activation_args *a, int64_t i, int64_t last) {
    for (; i + LANES <= last; i += LANES) {
        vec_store(a->y + i, gated(kind, &a->activation, vec_load(a->gate + i), vec_load(a->up + i)));
    }
    int32_t rest = (int32_t)(last - i);
    if (rest > 0) {
        vec y = gated(kind, &a->activation, vec_load_part(a->gate + i, rest), vec_load_part(a->up + i, rest));
        vec_store_part(a->y + i, y, rest);
    }
}

void SKEIN_KERNEL(gated_activation)(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_gated_activation_args *a = args;
    int64_t first = (int64_t)begin * a->columns;
    int64_t last = (int64_t)end * a->columns;
    switch (a->activation.kind) {
    case SKEIN_ACTIVATION_GELU: gated_of(SKEIN_ACTIVATION_GELU, a, first, last); break;
    case SKEIN_ACTIVATION_GELU_TANH: gated_of(SKEIN_ACTIVATION_GELU_TANH, a, first, last); break;
    case SKEIN_ACTIVATION_CLAMPED_SWISH: gated_of(SKEIN_ACTIVATION_CLAMPED_SWISH, a, first, last); break;
    default: gated_of(SKEIN_ACTIVATION_SILU, a, first, last); break;
    }
}

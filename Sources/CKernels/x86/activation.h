// activation: y = activation(x), and the activations themselves, which gated_activation shares.
//
// Shapes: x, y [tokens][columns]; y may be x. In float32, exp by polynomial. Bound by memory outside the caches, by
// exp (about 20 instructions a vector) inside.

// x / (1 + exp(-z)), z of the sign of x. With e = exp(-|z|), which cannot overflow: x / (1 + e) for z >= 0,
// x * e / (1 + e) below.
SKEIN_INLINE vec times_sigmoid(vec x, vec z) {
    vec e = vec_exp(-vec_abs(z));
    vec one = vec_set(1.0f);
    return x * vec_where_less(z, vec_set(0.0f), e, one) / (one + e);
}

// Minus infinity as the largest finite number, so that it gives -0 instead of -infinity * 0.
SKEIN_INLINE vec finite_below(vec x) { return vec_max(vec_set(-__FLT_MAX__), x); }

// x erfc(-x / sqrt(2)) / 2, with erfc(z) / 2 = exp(-z^2) t p(t), t = 1 / (1 + z / 2), for z >= 0: p is a minimax
// fit for z up to 14, where exp(-z^2) is 0 (relative error 5e-8). z^2 is taken in two parts: rounded, it would
// cost z^2 roundings. Relative error below 5e-7 for all x.
SKEIN_INLINE vec gelu(vec x) {
    x = finite_below(x);
    vec one = vec_set(1.0f);
    vec z = vec_min(vec_set(14.0f), vec_abs(x) * vec_set(0.70710678f));
    // 1 / sqrt(2) in two parts, for the same reason.
    vec z_rest = vec_fma(vec_abs(x), vec_set(0.70710678f), -z) + vec_abs(x) * vec_set(0x1.9fcef4p-27f);
    z_rest = vec_where_less(z, vec_set(14.0f), z_rest, vec_set(0.0f));
    vec square = z * z;
    vec rest = vec_fma(z, z, -square) + vec_set(2.0f) * z * z_rest;
    vec t = one / vec_fma(z, vec_set(0.5f), one);
    vec p = vec_set(-0x1.e70a1ep-5f);
    p = vec_fma(p, t, vec_set(0x1.25495ep-2f));
    p = vec_fma(p, t, vec_set(-0x1.f6b67ep-2f));
    p = vec_fma(p, t, vec_set(0x1.21068ep-2f));
    p = vec_fma(p, t, vec_set(-0x1.e28cbap-6f));
    p = vec_fma(p, t, vec_set(0x1.a18182p-3f));
    p = vec_fma(p, t, vec_set(0x1.f147c2p-3f));
    p = vec_fma(p, t, vec_set(0x1.21314cp-2f));
    p = vec_fma(p, t, vec_set(0x1.20dab0p-2f));
    vec half_tail = vec_exp(-square) * (one - rest) * t * p * vec_set(0.5f);
    return x * vec_where_less(x, vec_set(0.0f), half_tail, one - half_tail);
}

// (1 + tanh(z)) / 2 = 1 / (1 + exp(-2 z)), which keeps its digits where tanh is near -1.
SKEIN_INLINE vec gelu_tanh(vec x) {
    x = finite_below(x);
    // Beyond 14 it is x or 0; the cube would overflow.
    vec c = vec_min(vec_set(14.0f), vec_max(vec_set(-14.0f), x));
    vec z = c * vec_fma(c * c, vec_set(2 * 0.79788456f * 0.044715f), vec_set(2 * 0.79788456f));
    return times_sigmoid(x, z);
}

SKEIN_INLINE vec activated(const int32_t kind, vec x) {
    if (kind == SKEIN_ACTIVATION_GELU) return gelu(x);
    if (kind == SKEIN_ACTIVATION_GELU_TANH) return gelu_tanh(x);
    x = finite_below(x);
    return times_sigmoid(x, x);
}

SKEIN_INLINE void activation_of(const int32_t kind, const skein_activation_args *a, int64_t i, int64_t last) {
    for (; i + LANES <= last; i += LANES) vec_store(a->y + i, activated(kind, vec_load(a->x + i)));
    int32_t rest = (int32_t)(last - i);
    if (rest > 0) vec_store_part(a->y + i, activated(kind, vec_load_part(a->x + i, rest)), rest);
}

void SKEIN_KERNEL(activation)(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_activation_args *a = args;
    int64_t first = (int64_t)begin * a->columns;
    int64_t last = (int64_t)end * a->columns;
    switch (a->activation.kind) {
    case SKEIN_ACTIVATION_GELU: activation_of(SKEIN_ACTIVATION_GELU, a, first, last); break;
    case SKEIN_ACTIVATION_GELU_TANH: activation_of(SKEIN_ACTIVATION_GELU_TANH, a, first, last); break;
    default: activation_of(SKEIN_ACTIVATION_SILU, a, first, last); break;
    }
}

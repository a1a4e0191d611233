// gated_activation: y = silu(gate) * up with silu(x) = x / (1 + exp(-x)).
//
// Shapes: gate, up, y [tokens][columns]; y may be gate or up. In float32, exp by polynomial; bound by
// memory outside the caches, by exp (about 20 instructions a vector) inside.

// With e = exp(-|x|), which cannot overflow: x / (1 + e) for x >= 0, x * e / (1 + e) below. Minus
// infinity is taken as the largest finite number, so that it gives -0 instead of -infinity * 0.
SKEIN_INLINE vec silu(vec x) {
    x = vec_max(vec_set(-__FLT_MAX__), x);
    vec e = vec_exp(-vec_abs(x));
    vec one = vec_set(1.0f);
    return x * vec_where_less(x, vec_set(0.0f), e, one) / (one + e);
}

void SKEIN_KERNEL(gated_activation)(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_gated_activation_args *a = args;
    int64_t i = (int64_t)begin * a->columns;
    int64_t last = (int64_t)end * a->columns;
    for (; i + LANES <= last; i += LANES) {
        vec_store(a->y + i, silu(vec_load(a->gate + i)) * vec_load(a->up + i));
    }
    int32_t rest = (int32_t)(last - i);
    if (rest > 0) {
        vec y = silu(vec_load_part(a->gate + i, rest)) * vec_load_part(a->up + i, rest);
        vec_store_part(a->y + i, y, rest);
    }
}

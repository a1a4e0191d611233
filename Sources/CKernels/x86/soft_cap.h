// soft_cap: y = cap * tanh(x / cap).
//
// Shapes: x, y [tokens][columns]; y may be x. In float32. Bound by the exponentials of tanh.
void SKEIN_KERNEL(soft_cap)(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_soft_cap_args *a = args;
    vec cap = vec_set(a->cap);
    int64_t last = (int64_t)end * a->columns;
    for (int64_t i = (int64_t)begin * a->columns; i < last; i += LANES) {
        int32_t part = last - i < LANES ? (int32_t)(last - i) : LANES;
        vec_store_part(a->y + i, cap * vec_tanh(vec_load_part(a->x + i, part) / cap), part);
    }
}

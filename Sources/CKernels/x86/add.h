// add: y = a + b.
//
// Shapes: a, b, y [tokens][columns]; y may be a or b. Bound by memory.
void SKEIN_KERNEL(add)(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_add_args *a = args;
    int64_t i = (int64_t)begin * a->columns;
    int64_t last = (int64_t)end * a->columns;
    for (; i + LANES <= last; i += LANES) vec_store(a->y + i, vec_load(a->a + i) + vec_load(a->b + i));
    int32_t rest = (int32_t)(last - i);
    if (rest > 0) {
        vec_store_part(a->y + i, vec_load_part(a->a + i, rest) + vec_load_part(a->b + i, rest), rest);
    }
}

// sigmoid_gate: y = x / (1 + exp(-gate)), one value of gate a token.
//
// Shapes: x, y [tokens][columns], gate [tokens]; y may be x. In float32. Bound by memory.
void SKEIN_KERNEL(sigmoid_gate)(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_sigmoid_gate_args *a = args;
    for (int64_t t = begin; t < end; t++) {
        const float *x = a->x + t * a->columns;
        float *y = a->y + t * a->columns;
        vec factor = vec_set(1.0f) / (vec_set(1.0f) + vec_exp(vec_set(-a->gate[t])));
        for (int32_t i = 0; i < a->columns; i += LANES) {
            int32_t part = a->columns - i < LANES ? a->columns - i : LANES;
            vec_store_part(y + i, vec_load_part(x + i, part) * factor, part);
        }
    }
}

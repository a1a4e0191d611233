// layer_norm: y = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon) * weight + bias, for each row of `columns`.
//
// Shapes: x, y [rows][columns], weight [columns], bias [columns] or NULL; y may be x. Sums in float32 in 4 vectors;
// the second over differences from the mean, so that a large mean costs no digits. Bound by memory.

// The sum of x - shift, or of its squares; elements past the end count nothing.
SKEIN_INLINE float layer_norm_sum(const float *x, int32_t columns, float shift, bool is_squared) {
    vec sums[4] = {vec_set(0), vec_set(0), vec_set(0), vec_set(0)};
    vec base = vec_set(shift);
    int32_t i = 0;
    for (; i + 4 * LANES <= columns; i += 4 * LANES) {
        for (int32_t k = 0; k < 4; k++) {
            vec v = vec_load(x + i + k * LANES) - base;
            sums[k] = is_squared ? vec_fma(v, v, sums[k]) : sums[k] + v;
        }
    }
    for (; i + LANES <= columns; i += LANES) {
        vec v = vec_load(x + i) - base;
        sums[0] = is_squared ? vec_fma(v, v, sums[0]) : sums[0] + v;
    }
    float sum = vec_sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
    for (; i < columns; i++) sum += is_squared ? (x[i] - shift) * (x[i] - shift) : x[i] - shift;
    return sum;
}

void SKEIN_KERNEL(layer_norm)(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_layer_norm_args *a = args;
    for (int64_t row = begin; row < end; row++) {
        const float *x = a->x + row * a->columns;
        float *y = a->y + row * a->columns;
        float count = (float)a->columns;
        // The rounding of the first sum is taken away by a second.
        float mean = layer_norm_sum(x, a->columns, 0, false) / count;
        mean += layer_norm_sum(x, a->columns, mean, false) / count;
        float squares = layer_norm_sum(x, a->columns, mean, true);
        vec base = vec_set(mean);
        vec scale = vec_set(1.0f / __builtin_sqrtf(squares / count + a->epsilon));
        for (int32_t i = 0; i < a->columns; i += LANES) {
            int32_t part = a->columns - i < LANES ? a->columns - i : LANES;
            vec v = (vec_load_part(x + i, part) - base) * scale * vec_load_part(a->weight + i, part);
            if (a->bias != NULL) v += vec_load_part(a->bias + i, part);
            vec_store_part(y + i, v, part);
        }
    }
}

// rms_norm: y = x / sqrt(mean(x^2) + epsilon) * weight, for each row of `columns`.
//
// Shapes: x, y [rows][columns + passed], weight [columns] or NULL; y may be x. The sum of squares is taken in
// float32 in 4 vectors, which keeps its error near that of one rounding. Bound by memory.
static void rms_norm_row(const float *x, const float *weight, float *y, int32_t columns, float epsilon) {
    vec sums[4] = {vec_set(0), vec_set(0), vec_set(0), vec_set(0)};
    int32_t i = 0;
    for (; i + 4 * LANES <= columns; i += 4 * LANES) {
        for (int32_t k = 0; k < 4; k++) {
            vec v = vec_load(x + i + k * LANES);
            sums[k] = vec_fma(v, v, sums[k]);
        }
    }
    for (; i < columns; i += LANES) {
        vec v = vec_load_part(x + i, columns - i < LANES ? columns - i : LANES);
        sums[0] = vec_fma(v, v, sums[0]);
    }
    float squares = vec_sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
    vec scale = vec_set(1.0f / __builtin_sqrtf(squares / (float)columns + epsilon));
    int32_t whole = columns / LANES * LANES;
    for (i = 0; i < whole; i += LANES) {
        vec v = vec_load(x + i) * scale;
        vec_store(y + i, weight != NULL ? v * vec_load(weight + i) : v);
    }
    if (whole < columns) {
        vec v = vec_load_part(x + whole, columns - whole) * scale;
        if (weight != NULL) v *= vec_load_part(weight + whole, columns - whole);
        vec_store_part(y + whole, v, columns - whole);
    }
}

void SKEIN_KERNEL(rms_norm)(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_rms_norm_args *a = args;
    for (int64_t row = begin; row < end; row++) {
        const float *x = a->x + row * (a->columns + a->passed);
        float *y = a->y + row * (a->columns + a->passed);
        rms_norm_row(x, a->weight, y, a->columns, a->epsilon);
        if (x != y) memcpy(y + a->columns, x + a->columns, (size_t)a->passed * sizeof(float));
    }
}

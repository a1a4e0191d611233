// The kernels that take each row by itself. Errors are those of float32 functions that are right to a few units in the
// last place, relative to the value; sums cancel, so there the size of what is added counts.
#include "conformance.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 3, WIDTHS = 10 };

static const int32_t widths[WIDTHS] = {1, 2, 7, 8, 9, 15, 33, 65, 100, 1027};

static float *copy_of(const float *x, int64_t count) {
    return memcpy(guarded((size_t)count * sizeof(float)), x, (size_t)count * sizeof(float));
}

// Runs a kernel on both sets; `y` is the argument's field, which is set to the result.
#define RESULT(kernels, op, args, count)                     \
    ((args).y = guarded((size_t)(count) * sizeof(float)),    \
     (kernels)->op(&(args), 0, 1, NULL), (kernels)->op(&(args), 1, ROWS, NULL), (args).y)

#define COMPARE(op, args, count, relative, absolute)                                         \
    do {                                                                                     \
        char what[64];                                                                       \
        snprintf(what, sizeof what, "%s " #op " of %d", set->name, columns);                 \
        const float *expected = RESULT(reference_kernels(), op, args, count);                \
        const float *got = RESULT(set, op, args, count);                                     \
        expect_close(what, got, expected, count, relative, absolute);                        \
    } while (0)

static void check_norms(const skein_kernels *set, generator *g, int32_t columns) {
    int64_t count = ROWS * columns;
    const float *weight = normal_floats(g, columns), *bias = normal_floats(g, columns);
    for (int32_t passed = 0; passed <= 3; passed += 3) {
        skein_rms_norm_args rms = {
            .x = normal_floats(g, ROWS * (columns + passed)), .weight = passed == 0 ? weight : NULL, .columns = columns,
            .epsilon = 1e-5f, .passed = passed,
        };
        COMPARE(rms_norm, rms, ROWS * (columns + passed), 5e-7, 0);
    }
    skein_layer_norm_args layer = {
        .x = normal_floats(g, count), .weight = weight, .bias = bias, .columns = columns, .epsilon = 1e-5f,
    };
    COMPARE(layer_norm, layer, count, 1e-6, 3e-6);
    layer.bias = NULL;
    COMPARE(layer_norm, layer, count, 1e-6, 3e-6);
}

static void check_activations(const skein_kernels *set, generator *g, int32_t columns) {
    int64_t count = ROWS * columns;
    float *gate = normal_floats(g, count);
    for (int64_t i = 0; i < count; i++) gate[i] *= i % 3 == 0 ? 10 : 1;
    gate[count / 2] = -INFINITY;
    gate[count - 1] = NAN;
    const float *up = normal_floats(g, count);
    for (int32_t kind = SKEIN_ACTIVATION_SILU; kind <= SKEIN_ACTIVATION_CLAMPED_SWISH; kind++) {
        skein_activation activation = {.kind = kind, .alpha = 1.702f, .limit = 7};
        skein_activation_args alone = {.x = gate, .columns = columns, .activation = activation};
        // The exponent of the tanh form is a cube of x: rounded to float32, it is off by 1e-5 where x is -10. Subnormal
        // results count as zeros.
        double relative = kind == SKEIN_ACTIVATION_GELU_TANH ? 6e-5 : 2e-6;
        if (kind != SKEIN_ACTIVATION_CLAMPED_SWISH) COMPARE(activation, alone, count, relative, 1e-37);
        skein_gated_activation_args gated = {.gate = gate, .up = up, .columns = columns, .activation = activation};
        COMPARE(gated_activation, gated, count, relative, 1e-37);
    }
}

static void check_elements(const skein_kernels *set, generator *g, int32_t columns) {
    int64_t count = ROWS * columns;
    const float *x = normal_floats(g, count);
    skein_soft_cap_args cap = {.x = x, .columns = columns, .cap = 1.5f};
    COMPARE(soft_cap, cap, count, 1e-6, 0);
    skein_sigmoid_gate_args sigmoid = {.x = x, .gate = normal_floats(g, ROWS), .columns = columns};
    COMPARE(sigmoid_gate, sigmoid, count, 5e-7, 0);
    skein_add_args add = {.a = x, .b = normal_floats(g, count), .columns = columns};
    COMPARE(add, add, count, 0, 0);
}

typedef struct {
    int32_t heads, width, dimensions, first;
} rope_shape;

static void check_rope(const skein_kernels *set, generator *g) {
    static const rope_shape shapes[] = {
        {1, 2, 2, 0}, {3, 8, 6, 0}, {2, 24, 24, 0}, {5, 80, 20, 0}, {2, 128, 128, 0}, {8, 48, 16, 32}, {1, 81, 66, 5},
        {1, 1100, 1050, 0},
    };
    int32_t *positions = guarded(ROWS * sizeof *positions);
    positions[0] = 0, positions[1] = 4095, positions[2] = 1000000;
    for (int i = 0; i < 8; i++) {
        rope_shape s = shapes[i];
        int32_t columns = s.heads * s.width;
        float *frequencies = guarded((size_t)(s.dimensions / 2) * sizeof *frequencies);
        for (int32_t k = 0; k < s.dimensions / 2; k++) {
            frequencies[k] = powf(10000, -2 * (float)k / (float)s.dimensions);
        }
        for (int interleaved = 0; interleaved < 2; interleaved++) {
            skein_rope_args rope = {
                .x = normal_floats(g, ROWS * columns), .positions = positions, .frequencies = frequencies,
                .heads = s.heads, .head_width = s.width, .dimensions = s.dimensions, .first = s.first,
                .interleaved = interleaved, .magnitude = 1.25f,
            };
            COMPARE(rope, rope, ROWS * columns, 0, 2e-6);
            // In place.
            const float *expected = RESULT(set, rope, rope, ROWS * columns);
            rope.x = rope.y = copy_of(rope.x, ROWS * columns);
            set->rope(&rope, 0, ROWS, NULL);
            expect_same_bits("rope in place", rope.y, expected, (size_t)(ROWS * columns) * sizeof(float));
        }
    }
    release_guarded();
}

void check_rows(const skein_kernels *set) {
    generator g = {.state = 3};
    for (int i = 0; i < WIDTHS; i++) {
        check_norms(set, &g, widths[i]);
        check_activations(set, &g, widths[i]);
        check_elements(set, &g, widths[i]);
        release_guarded();
    }
    check_rope(set, &g);
}

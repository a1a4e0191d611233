// linear and what makes its inputs. The reference's product of the most rows and tokens is computed once for each
// format and number of columns: what it says of a row and a token depends on nothing else.
#include "conformance.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 33, MOST_TOKENS = 65, BEYOND = 3, ROW_KINDS = 5, TOKEN_KINDS = 11 };

static const int32_t row_counts[ROW_KINDS] = {1, 15, 16, 17, 33};
static const int32_t token_counts[TOKEN_KINDS] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 65};
static const int32_t float_columns[] = {1, 5, 31, 129, 258, 0};
static const int32_t small_columns[] = {32, 224, 256, 288, 800, 0};
static const int32_t large_columns[] = {256, 768, 0};
static const float untouched = -12345;

typedef struct {
    int32_t type, columns;
    const void *rows;   // as in a file
    const void *packed; // of MOST_ROWS rows
    const float *bias;
    const void *x;      // [MOST_TOKENS]
    size_t x_bytes;     // of a token
    float *expected;    // [MOST_TOKENS][MOST_ROWS]
    float *bound;       // likewise: how far a product may be from it
} linear_case;

static bool is_quantized(int32_t type) { return skein_linear_takes_quantized(type); }

// The bytes of `tokens` tokens, at the end of a page.
static const void *inputs_of(const linear_case *c, int32_t token, int32_t tokens) {
    size_t bytes = c->x_bytes * (size_t)tokens;
    return memcpy(guarded(bytes), (const char *)c->x + c->x_bytes * (size_t)token, bytes);
}

static const void *pack(const linear_case *c, int32_t rows) {
    void *packed = guarded((size_t)skein_packed_bytes(c->type, rows, c->columns));
    skein_pack_weights_args args = {
        .rows = c->rows, .row_bytes = row_bytes_of(c->type, c->columns), .type = c->type, .columns = c->columns,
        .packed = packed,
    };
    reference_kernels()->pack_weights(&args, 0, rows, NULL);
    return packed;
}

static skein_linear_args arguments_of(const linear_case *c, int32_t layout, const void *weights, int32_t rows,
                                      int32_t tokens, const void *x, float *y) {
    return (skein_linear_args){
        .weights = weights, .row_bytes = row_bytes_of(c->type, c->columns), .type = c->type, .layout = layout,
        .rows = rows, .columns = c->columns, .tokens = tokens, .x = x, .bias = c->bias, .y = y,
        .y_stride = rows + BEYOND,
    };
}

// Float32 additions in a row: 2^-24 of the magnitudes for each. Integers are exact, so of quantized formats only groups
// are added; the largest product counts for what cancels.
static void find_bounds(linear_case *c) {
    float *w = guarded((size_t)c->columns * sizeof *w);
    c->bound = guarded(MOST_TOKENS * MOST_ROWS * sizeof(float));
    for (int32_t row = 0; row < MOST_ROWS; row++) {
        skein_dequantize_args args = {
            .x = (const char *)c->rows + row * row_bytes_of(c->type, c->columns), .type = c->type,
            .columns = c->columns, .y = w,
        };
        reference_kernels()->dequantize(&args, 0, 1, NULL);
        double sum = fabs((double)c->bias[row]), largest = 0;
        for (int32_t i = 0; i < c->columns; i++) {
            sum += fabs((double)w[i]);
            largest = fmax(largest, fabs((double)w[i]));
        }
        // Activations are below 6, by how they are made.
        double bound = 0x1p-24 * (c->columns + 16) * sum * 6;
        if (is_quantized(c->type)) bound = 2e-6 * (sum + largest * c->columns);
        for (int32_t t = 0; t < MOST_TOKENS; t++) c->bound[t * MOST_ROWS + row] = (float)bound;
    }
}

// Weights of one byte come with the largest activations: narrow sums must not overflow.
static linear_case make_case(int32_t type, int32_t columns, int32_t byte) {
    generator g = {.state = (uint64_t)(type * 1000 + columns)};
    linear_case c = {.type = type, .columns = columns};
    c.rows = sample_weights(&g, type, MOST_ROWS, columns, byte);
    c.packed = pack(&c, MOST_ROWS);
    c.bias = normal_floats(&g, MOST_ROWS);
    float *x = normal_floats(&g, (int64_t)MOST_TOKENS * columns);
    for (int32_t i = 0; byte != ANY_BYTES && i < MOST_TOKENS * columns; i++) x[i] = i / columns % 2 ? -1 : 1;
    c.x = x;
    c.x_bytes = (size_t)columns * sizeof(float);
    if (is_quantized(type)) {
        c.x_bytes = skein_quantized_activation_bytes(columns);
        void *quantized = guarded(MOST_TOKENS * c.x_bytes);
        skein_quantize_activations_args args = {.x = x, .columns = columns, .y = quantized};
        reference_kernels()->quantize_activations(&args, 0, MOST_TOKENS, NULL);
        c.x = quantized;
    }
    find_bounds(&c);
    c.expected = guarded(MOST_TOKENS * (MOST_ROWS + BEYOND) * sizeof(float));
    skein_linear_args args = arguments_of(&c, SKEIN_LAYOUT_ROWS, c.rows, MOST_ROWS, MOST_TOKENS, c.x, c.expected);
    args.y_stride = MOST_ROWS;
    reference_kernels()->linear(&args, 0, MOST_ROWS, guarded(skein_linear_workspace_bytes(type, columns, MOST_TOKENS)));
    return c;
}

static bool check_values(const char *set, const linear_case *c, const skein_linear_args *args) {
    for (int32_t t = 0; t < args->tokens; t++) {
        for (int32_t row = 0; row < args->y_stride; row++) {
            float got = args->y[t * args->y_stride + row];
            float expected = row < args->rows ? c->expected[t * MOST_ROWS + row] : untouched;
            float bound = row < args->rows ? c->bound[t * MOST_ROWS + row] : 0;
            if (fabsf(got - expected) <= bound) continue;
            report("%s linear %s %s, %d rows, %d columns, %d tokens: row %d of token %d is %.9g, expected %.9g +- %.3g",
                   set, type_name(c->type), args->layout == SKEIN_LAYOUT_PACKED ? "packed" : "in rows", args->rows,
                   args->columns, args->tokens, row, t, (double)got, (double)expected, (double)bound);
            return false;
        }
    }
    return true;
}

// The product, range by range of rows; `cuts` ends with the number of rows.
static float *product(const skein_kernels *set, skein_linear_args *args, const int32_t *cuts) {
    size_t count = (size_t)(args->tokens * args->y_stride);
    float *y = guarded(count * sizeof *y);
    for (size_t i = 0; i < count; i++) y[i] = untouched;
    args->y = y;
    void *workspace = guarded(skein_linear_workspace_bytes(args->type, args->columns, args->tokens));
    for (int32_t first = 0; first < args->rows; first = *cuts++) set->linear(args, first, *cuts, workspace);
    return y;
}

static void check_shapes(const skein_kernels *set, const linear_case *c, int32_t layout) {
    for (int i = 0; i < ROW_KINDS; i++) {
        int32_t rows = row_counts[i];
        // A matrix of its own, whose last row is the last before the guard.
        const void *weights = layout == SKEIN_LAYOUT_PACKED ? pack(c, rows) : NULL;
        size_t bytes = (size_t)(rows * row_bytes_of(c->type, c->columns));
        if (weights == NULL) weights = memcpy(guarded(bytes), c->rows, bytes);
        for (int k = 0; k < TOKEN_KINDS; k++) {
            int32_t tokens = token_counts[k];
            skein_linear_args args = arguments_of(c, layout, weights, rows, tokens, inputs_of(c, 0, tokens), NULL);
            product(set, &args, &args.rows);
            if (!check_values(set->name, c, &args)) return;
        }
    }
}

// Threads take rows in any split, and a batch is cut anywhere: not a bit may change.
static void check_splits(const skein_kernels *set, const linear_case *c, int32_t layout) {
    static const int32_t cuts[] = {16, 32, MOST_ROWS};
    const void *weights = layout == SKEIN_LAYOUT_PACKED ? c->packed : c->rows;
    char what[80];
    snprintf(what, sizeof what, "%s linear %s %d columns", set->name, type_name(c->type), c->columns);
    for (int32_t batch = 7; batch <= 13; batch += 6) {
        skein_linear_args args = arguments_of(c, layout, weights, MOST_ROWS, batch, inputs_of(c, 0, batch), NULL);
        const float *whole = product(set, &args, &args.rows);
        size_t row = (size_t)args.y_stride * sizeof(float);
        if (!expect_same_bits(what, product(set, &args, cuts), whole, row * (size_t)batch)) return;
        args.batch_tokens = batch;
        for (int32_t first = 0, tokens = 1; first < batch; first += tokens) {
            tokens = first == 0 ? 1 : batch - first > 4 ? 4 : batch - first;
            args.tokens = tokens;
            args.x = inputs_of(c, first, tokens);
            const float *part = product(set, &args, &args.rows);
            if (!expect_same_bits(what, part, whole + first * args.y_stride, row * (size_t)tokens)) return;
        }
    }
}

static const int32_t *columns_of(int32_t type) {
    if (!is_quantized(type)) return float_columns;
    return row_bytes_of(type, 128) > 0 && row_bytes_of(type, 32) > 0 ? small_columns : large_columns;
}

static void check_extremes(const skein_kernels *set) {
    static const int32_t bytes[] = {0x00, 0xFF, 0x80, 0x7F};
    for (int i = 0; i < 16 * 4; i++) {
        int32_t type = all_types[i / 4];
        if (!is_quantized(type)) continue;
        linear_case c = make_case(type, 256, bytes[i % 4]);
        for (int32_t tokens = 2; tokens <= 13; tokens += 11) {
            for (int32_t layout = SKEIN_LAYOUT_ROWS; layout <= SKEIN_LAYOUT_PACKED; layout++) {
                const void *weights = layout == SKEIN_LAYOUT_PACKED ? c.packed : c.rows;
                skein_linear_args args = arguments_of(&c, layout, weights, 17, tokens, inputs_of(&c, 0, tokens), NULL);
                product(set, &args, &args.rows);
                check_values(set->name, &c, &args);
            }
        }
        release_guarded();
    }
}

// The smallest scales of MXFP4, two of them subnormal, against activations that make them count.
static void check_tiny_scales(const skein_kernels *set) {
    enum { ROWS = 16, COLUMNS = 64 };
    generator g = {.state = 17};
    linear_case c = {.type = SKEIN_MXFP4, .columns = COLUMNS, .bias = NULL};
    uint8_t *weights = sample_weights(&g, c.type, ROWS, COLUMNS, ANY_BYTES);
    for (int32_t block = 0; block < ROWS * COLUMNS / 32; block++) weights[17 * block] = (uint8_t)(block % 3);
    float *x = normal_floats(&g, COLUMNS);
    for (int32_t i = 0; i < COLUMNS; i++) x[i] *= 1e37f;
    void *quantized = guarded(skein_quantized_activation_bytes(COLUMNS));
    skein_quantize_activations_args quantize = {.x = x, .columns = COLUMNS, .y = quantized};
    reference_kernels()->quantize_activations(&quantize, 0, 1, NULL);
    c.rows = weights;
    const void *packed = pack(&c, ROWS);
    for (int32_t layout = SKEIN_LAYOUT_ROWS; layout <= SKEIN_LAYOUT_PACKED; layout++) {
        const void *w = layout == SKEIN_LAYOUT_PACKED ? packed : weights;
        skein_linear_args args = arguments_of(&c, layout, w, ROWS, 1, quantized, NULL);
        args.y_stride = ROWS;
        const float *expected = product(reference_kernels(), &args, &args.rows);
        expect_close("tiny scales", product(set, &args, &args.rows), expected, ROWS, 1e-5, 1e-5);
        args.batch_tokens = 9;
        expect_close("tiny scales", product(set, &args, &args.rows), expected, ROWS, 1e-5, 1e-5);
    }
    release_guarded();
}

// A workspace that is made for many tokens serves fewer.
static void check_workspace(void) {
    for (int32_t columns = 256; columns <= 8192; columns *= 2) {
        for (int32_t tokens = 2; tokens < 2500; tokens++) {
            size_t fewer = skein_linear_workspace_bytes(SKEIN_Q8_0, columns, tokens - 1);
            if (fewer <= skein_linear_workspace_bytes(SKEIN_Q8_0, columns, tokens)) continue;
            report("a workspace of %d columns and %d tokens is too small for a token less", columns, tokens);
            return;
        }
    }
}

void check_linear(const skein_kernels *set) {
    check_workspace();
    for (int i = 0; i < 16; i++) {
        for (const int32_t *columns = columns_of(all_types[i]); *columns != 0; columns++) {
            linear_case c = make_case(all_types[i], *columns, ANY_BYTES);
            for (int32_t layout = SKEIN_LAYOUT_ROWS; layout <= SKEIN_LAYOUT_PACKED; layout++) {
                check_shapes(set, &c, layout);
                check_splits(set, &c, layout);
            }
            release_guarded();
        }
    }
    check_extremes(set);
    check_tiny_scales(set);
}

// Packed quantized weights on ARM: the same bits from every set, and from few tokens as from many.
void check_linear_agrees(void) {
#if defined(__aarch64__)
    for (int i = 3; i < 16; i++) {
        linear_case c = make_case(all_types[i], 768, ANY_BYTES);
        skein_linear_args args =
            arguments_of(&c, SKEIN_LAYOUT_PACKED, c.packed, MOST_ROWS, 9, inputs_of(&c, 0, 9), NULL);
        const float *first = product(other_kernels(0), &args, &args.rows);
        size_t row = (size_t)args.y_stride * sizeof(float);
        const skein_kernels *set;
        for (int32_t k = 0; (set = other_kernels(k)) != NULL; k++) {
            args.tokens = 9;
            if (!expect_same_bits(type_name(c.type), product(set, &args, &args.rows), first, 9 * row)) break;
            args.tokens = 3;
            if (!expect_same_bits(type_name(c.type), product(set, &args, &args.rows), first, 3 * row)) break;
        }
        release_guarded();
    }
#endif
}

void check_quantize_activations(const skein_kernels *set) {
    static const int32_t columns[] = {1, 31, 32, 33, 256, 300, 544};
    generator g = {.state = 7};
    for (int i = 0; i < 7; i++) {
        float *x = normal_floats(&g, 8 * columns[i]);
        // A row each of zeros, tiny numbers, infinities and NaN, and ties.
        for (int32_t c = 0; c < columns[i]; c++) {
            x[c] = 0;
            x[columns[i] + c] *= 0x1p-105f;
            x[4 * columns[i] + c] = c == 0 ? 127 : (float)(c % 254 - 127) + 0.5f;
        }
        x[2 * columns[i] + columns[i] / 2] = -INFINITY;
        x[3 * columns[i] + columns[i] - 1] = NAN;
        size_t bytes = 8 * skein_quantized_activation_bytes(columns[i]);
        skein_quantize_activations_args args = {.x = x, .columns = columns[i], .y = guarded(bytes)};
        void *expected = args.y;
        reference_kernels()->quantize_activations(&args, 0, 8, NULL);
        args.y = guarded(bytes);
        set->quantize_activations(&args, 0, 8, NULL);
        expect_same_bits("quantize_activations", args.y, expected, bytes);
        release_guarded();
    }
}

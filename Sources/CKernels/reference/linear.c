// linear: y[t][r] = sum over c of w[r][c] * x[t][c] (+ bias[r])
//
// Shapes: w [rows] rows of `row_bytes` bytes or packed, x [tokens][columns], y [tokens][y_stride].
// x is float32 for F32, F16 and BF16 weights, else blocks of quantized activations.
// The specification: each weight and each activation is taken at its exact float32 value, products are
// accumulated in float64, the sum is rounded to float32 and the bias added. Bound by arithmetic.
#include "../packed.h"
#include "linear_workspace.h"

static float dot(const float *w, const float *x, int32_t columns) {
    double sum = 0;
    for (int32_t c = 0; c < columns; c++) sum += (double)w[c] * (double)x[c];
    return (float)sum;
}

static float dot_quantized(const float *w, const skein_activation_block *x, int32_t columns) {
    double sum = 0;
    for (int32_t c = 0; c < columns; c++) {
        const skein_activation_block *block = &x[c / SKEIN_ACTIVATION_COLUMNS];
        int32_t index = c % SKEIN_ACTIVATION_COLUMNS;
        double activation = (double)block->quants[index] * (double)block->scales[index / SKEIN_ACTIVATION_GROUP];
        sum += (double)w[c] * activation;
    }
    return (float)sum;
}

void skein_reference_linear(const void *arguments, int32_t begin, int32_t end, void *workspace) {
    const skein_linear_args *args = arguments;
    float *w = workspace; // [columns]: one row of weights
    bool quantized = skein_linear_takes_quantized(args->type);
    int64_t blocks = skein_activation_blocks(args->columns);
    for (int64_t row = begin; row < end; row++) {
        if (args->layout == SKEIN_LAYOUT_PACKED) {
            skein_dequantize_packed_row(args->type, args->weights, (int32_t)row, args->columns, w);
        } else {
            const uint8_t *source = (const uint8_t *)args->weights + row * args->row_bytes;
            skein_dequantize_row(args->type, source, args->columns, w);
        }
        float bias = args->bias != NULL ? args->bias[row] : 0;
        for (int64_t token = 0; token < args->tokens; token++) {
            float sum = quantized
                            ? dot_quantized(w, (const skein_activation_block *)args->x + token * blocks, args->columns)
                            : dot(w, (const float *)args->x + token * args->columns, args->columns);
            args->y[token * args->y_stride + row] = sum + bias;
        }
    }
}

int32_t skein_reference_linear_input(int32_t type, int32_t layout, int32_t batch_tokens) {
    (void)layout, (void)batch_tokens;
    return skein_linear_takes_quantized(type) ? SKEIN_INPUT_INT8 : SKEIN_INPUT_FLOAT32;
}

bool skein_linear_takes_quantized(int32_t type) { return skein_block_elements(type) > 1; }

size_t skein_linear_workspace_bytes(int32_t type, int32_t columns, int32_t tokens) {
    (void)type;
    size_t row = (size_t)columns * sizeof(float);
    size_t panel = SKEIN_PANEL_BYTES + (size_t)skein_packed_sums_bytes(columns, tokens);
    size_t bytes = row > panel ? row : panel;
    return (bytes + 63) / 64 * 64;
}

int32_t skein_linear_row_grain(void) { return SKEIN_PANEL_ROWS; }

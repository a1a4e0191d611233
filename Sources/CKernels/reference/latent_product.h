// The products of latent attention with one head's matrix, for one vector.
#ifndef SKEIN_REFERENCE_LATENT_PRODUCT_H
#define SKEIN_REFERENCE_LATENT_PRODUCT_H

#include "../latent_items.h"
#include "formats.h"

// y[r] = sum over c of w[r][c] * x[c].
static inline void product(int32_t type, const void *w, int64_t row_bytes, int32_t rows, int32_t columns,
                    const float *x, float *y, const skein_latent_layout *layout, char *workspace) {
    skein_linear_args linear = {.weights = w, .row_bytes = row_bytes, .type = type, .rows = rows,
                                .columns = columns, .tokens = 1, .x = x, .y = y, .y_stride = rows};
    if (skein_linear_takes_quantized(type)) {
        skein_quantize_activations_args quantize = {.x = x, .columns = columns, .y = workspace + layout->quantized};
        skein_reference_quantize_activations(&quantize, 0, 1, NULL);
        linear.x = quantize.y;
    }
    skein_reference_linear(&linear, 0, rows, workspace + layout->linear);
}

// y[c] = sum over r of x[r] * w[r][c], column by column.
static inline void product_of_columns(int32_t type, const void *w, int64_t row_bytes, int32_t rows, int32_t columns,
                               const float *x, float *y, const skein_latent_layout *layout, char *workspace) {
    float *row = (float *)(workspace + layout->rows);
    double *sums = (double *)(workspace + layout->x);  // room for a double a column is there, from 2 tokens on
    for (int32_t c = 0; c < columns; c++) sums[c] = 0;
    for (int32_t r = 0; r < rows; r++) {
        skein_dequantize_row(type, (const char *)w + r * row_bytes, columns, row);
        for (int32_t c = 0; c < columns; c++) sums[c] += (double)x[r] * row[c];
    }
    for (int32_t c = 0; c < columns; c++) y[c] = (float)sums[c];
}

#endif

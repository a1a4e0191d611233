// Making weights: float32 to every format of a checkpoint, and 8-bit floats to float32.
//
// The same signature and rules as in skein_kernels.h. These serve every instruction set: plain vectors of four,
// no operation that a processor may fuse, so the same numbers give the same bytes everywhere.
#ifndef SKEIN_QUANTIZE_H
#define SKEIN_QUANTIZE_H

#include "skein_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

// What became of a row.
enum {
    SKEIN_QUANTIZED = 0,
    SKEIN_QUANTIZE_NOT_FINITE = 1, // an infinity or NaN: nothing is written that could be taken for a weight
    SKEIN_QUANTIZE_TOO_LARGE = 2,  // a value beyond what the format, or its F16 scale, can hold
};

// quantize_rows: y = the blocks of `type` that stand for the rows of x. Item: a row.
// Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, MXFP4, F16 and BF16 have one right answer, the bytes of the public `gguf` Python
// package. The others search for the scales with the least squared error; any choice is a valid file.
// Blocks whose values are all too small for the format become zeros.
// Bound by arithmetic, but for F32, F16, BF16 and Q8_0.
typedef struct {
    const float *x;    // [rows][columns]
    int32_t type;      // SKEIN_...
    int32_t columns;   // a whole number of blocks
    void *y;           // rows of `row_bytes` bytes
    int64_t row_bytes;
    uint8_t *faults;   // [rows]: SKEIN_QUANTIZED, or why a row is not fit to be read
} skein_quantize_rows_args;

skein_kernel skein_quantize_rows;

// float8_rows: y[c] = scale * x[c], x 8-bit floats (E4M3FN: sign, 4 bits of exponent with bias 7, 3 of fraction; no
// infinities, 127 and 255 are NaN). Item: a row. A weight with a scale for each tile of it takes a call a tile.
// Bound by memory.
typedef struct {
    const uint8_t *x;
    int64_t x_stride;  // bytes from row to row
    int32_t columns;
    float scale;
    float *y;
    int64_t y_stride;  // in floats
} skein_float8_rows_args;

skein_kernel skein_float8_rows;

#ifdef __cplusplus
}
#endif
#endif

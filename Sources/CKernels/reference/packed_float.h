// Packed rows of F32, F16 and BF16 weights (packed.h): chunks of whole columns follow each other, so a panel of these
// formats is one run of columns, [columns][16] or [columns / 2][16][2].
#ifndef SKEIN_PACKED_FLOAT_H
#define SKEIN_PACKED_FLOAT_H

#include "../packed.h"

static inline bool skein_is_float(int32_t type) {
    return type == SKEIN_F32 || type == SKEIN_F16 || type == SKEIN_BF16;
}

// Bytes of a panel of 16 rows: all three formats fill their lines of 64 bytes with one or two columns.
static inline int64_t skein_packed_float_panel_bytes(int32_t type, int32_t columns) {
    return 64 * (type == SKEIN_F32 ? (int64_t)columns : ((int64_t)columns + 1) / 2);
}

int64_t skein_packed_float_bytes(int32_t type, int32_t rows, int32_t columns);

// Row `row` of the packed matrix, from and to a row as it is in a file.
void skein_pack_float_row(int32_t type, const uint8_t *source, int32_t row, int32_t columns, uint8_t *packed);
void skein_unpack_float_row(int32_t type, const uint8_t *packed, int32_t row, int32_t columns, uint8_t *target);

#endif

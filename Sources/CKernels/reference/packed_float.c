// F32, F16 and BF16 weights from rows to panels of 16 rows and back: moves bytes, so a value keeps its bits.
//
// Shapes: rows of `columns` values; packed as packed.h says. Bound by memory: a row's values are 32 or 64 bytes apart.
#include "packed_float.h"

int64_t skein_packed_float_bytes(int32_t type, int32_t rows, int32_t columns) {
    int64_t panels = ((int64_t)rows + SKEIN_PACKED_ROWS - 1) / SKEIN_PACKED_ROWS;
    return panels * skein_packed_float_panel_bytes(type, columns);
}

// Where column 0 of a row is, and the bytes from its column 2 i to column 2 i + 2.
static int64_t row_offset(int32_t type, int32_t row, int32_t columns) {
    int64_t lane = row % SKEIN_PACKED_ROWS;
    return row / SKEIN_PACKED_ROWS * skein_packed_float_panel_bytes(type, columns) + (type == SKEIN_F16 ? 2 : 4) * lane;
}

void skein_pack_float_row(int32_t type, const uint8_t *source, int32_t row, int32_t columns, uint8_t *packed) {
    uint8_t *target = packed + row_offset(type, row, columns);
    if (type == SKEIN_F32) {
        for (int64_t c = 0; c < columns; c++) memcpy(target + 64 * c, source + 4 * c, 4);
    } else if (type == SKEIN_F16) {
        for (int64_t c = 0; c < columns; c++) memcpy(target + 32 * c, source + 2 * c, 2);
    } else {
        for (int64_t c = 0; c + 1 < columns; c += 2) memcpy(target + 32 * c, source + 2 * c, 4);
        if (columns % 2 == 0) return;
        // The column that makes the number even is zero: products read it.
        uint8_t last[4] = {source[2 * columns - 2], source[2 * columns - 1], 0, 0};
        memcpy(target + 32 * (int64_t)(columns - 1), last, 4);
    }
}

void skein_unpack_float_row(int32_t type, const uint8_t *packed, int32_t row, int32_t columns, uint8_t *target) {
    const uint8_t *source = packed + row_offset(type, row, columns);
    if (type == SKEIN_F32) {
        for (int64_t c = 0; c < columns; c++) memcpy(target + 4 * c, source + 64 * c, 4);
    } else if (type == SKEIN_F16) {
        for (int64_t c = 0; c < columns; c++) memcpy(target + 2 * c, source + 32 * c, 2);
    } else {
        for (int64_t c = 0; c < columns; c++) memcpy(target + 2 * c, source + 32 * (c - c % 2) + 2 * (c % 2), 2);
    }
}

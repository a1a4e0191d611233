// What a thread's workspace for linear holds: the reference kernel one row of float32 weights, the others
// a panel of weights and behind it the sums of a panel's rows for every token.
#ifndef SKEIN_LINEAR_WORKSPACE_H
#define SKEIN_LINEAR_WORKSPACE_H

#include <stdint.h>

enum {
    SKEIN_PANEL_BYTES = 32768,
    SKEIN_PANEL_ROWS = 32,
    SKEIN_PANEL_CHUNKS = 2, // of 256 columns, in a panel that packed weights are unpacked to
    // The sums of as many panels as fit so many bytes, up to so many panels, are kept: a quarter of a second level
    // cache of 1 MB, and the tokens' part of it is another.
    SKEIN_SUMS_BYTES = 262144,
    SKEIN_SUMS_PANELS = 8,
};

// Panels whose sums a product with packed weights keeps. Where the tokens stay in the second level cache, one.
static inline int32_t skein_packed_row_blocks(int32_t columns, int32_t tokens) {
    int64_t panel = (int64_t)tokens * SKEIN_PANEL_ROWS * 4;
    if ((int64_t)tokens * columns <= SKEIN_SUMS_BYTES) return 1;
    int64_t panels = SKEIN_SUMS_BYTES / (panel > 0 ? panel : 1);
    return panels < 1 ? 1 : panels > SKEIN_SUMS_PANELS ? SKEIN_SUMS_PANELS : (int32_t)panels;
}

// Bytes of the sums of up to `tokens` tokens: as many panels of fewer tokens may take more room than those of all.
static inline int64_t skein_packed_sums_bytes(int32_t columns, int32_t tokens) {
    int64_t panel = (int64_t)tokens * SKEIN_PANEL_ROWS * 4;
    if ((int64_t)tokens * columns <= SKEIN_SUMS_BYTES) return panel;
    int64_t kept = panel > SKEIN_SUMS_BYTES ? panel : SKEIN_SUMS_BYTES;
    return kept < SKEIN_SUMS_PANELS * panel ? kept : SKEIN_SUMS_PANELS * panel;
}

#endif

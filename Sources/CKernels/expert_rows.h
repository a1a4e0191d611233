// Rows of a stack of experts' matrices, and how many of them are multiplied at a time.
#ifndef SKEIN_EXPERT_ROWS_H
#define SKEIN_EXPERT_ROWS_H

#include "packed.h"

enum {
    SKEIN_EXPERT_ROWS = 32,
    // Behind a thread's workspace for linear are two blocks of products, of so many rows for every token of an expert:
    // packed rows are multiplied from the start of their panel.
    SKEIN_EXPERT_BLOCK_ROWS = SKEIN_EXPERT_ROWS + SKEIN_PACKED_ROWS,
};

// Row `first` of an expert, in a packed stack a multiple of 16.
static inline const void *skein_expert_rows(const skein_expert_matrix *m, int32_t expert, int32_t first) {
    const char *weights = m->weights;
    if (m->layout != SKEIN_LAYOUT_PACKED) return weights + ((int64_t)expert * m->rows + first) * m->row_bytes;
    return weights + expert * skein_packed_bytes(m->type, m->rows, m->columns) +
           skein_packed_bytes(m->type, first, m->columns);
}

#endif

// Rows of a stack of experts' matrices, and how many of them are multiplied at a time.
#ifndef SKEIN_EXPERT_ROWS_H
#define SKEIN_EXPERT_ROWS_H

#include "packed.h"

enum {
    // Beyond so many tokens a batch goes the way of many tokens also where an expert has few of them.
    SKEIN_EXPERT_FEW_TOKENS = 8,
    SKEIN_EXPERT_ROWS = 32,
    // Few tokens: runs of weights long enough that finding their start does not count. 768 columns of Q4_K, one token:
    // 14.7 GB/s with 32 rows, 24.6 with 256.
    SKEIN_EXPERT_FEW_TOKENS_ROWS = 256,
};

// Rows of an expert that are multiplied at a time.
static inline int32_t skein_expert_block_rows(int32_t tokens) {
    return tokens <= SKEIN_EXPERT_FEW_TOKENS ? SKEIN_EXPERT_FEW_TOKENS_ROWS : SKEIN_EXPERT_ROWS;
}

// Floats between an expert's two blocks of products, of those rows for every token. Packed rows are multiplied from the
// start of their panel.
static inline size_t skein_expert_block_floats(int32_t tokens, int32_t slots) {
    return (size_t)slots * (size_t)(skein_expert_block_rows(tokens) + SKEIN_PACKED_ROWS);
}

// Floats of both, behind a thread's workspace for linear: the most for up to `tokens` tokens.
static inline size_t skein_expert_blocks_floats(int32_t tokens) {
    int32_t few = tokens < SKEIN_EXPERT_FEW_TOKENS ? tokens : SKEIN_EXPERT_FEW_TOKENS;
    size_t of_few = skein_expert_block_floats(few, few), of_all = skein_expert_block_floats(tokens, tokens);
    return 2 * (of_few > of_all ? of_few : of_all);
}

// Row `first` of an expert, in a packed stack a multiple of 16.
static inline const void *skein_expert_rows(const skein_expert_matrix *m, int32_t expert, int32_t first) {
    const char *weights = m->weights;
    if (m->layout != SKEIN_LAYOUT_PACKED) return weights + ((int64_t)expert * m->rows + first) * m->row_bytes;
    return weights + expert * skein_packed_bytes(m->type, m->rows, m->columns) +
           skein_packed_bytes(m->type, first, m->columns);
}

#endif

// The two products of attention on register tiles: scores = queries x keys, sums += weights x values.
//
// A tile is ROWS query rows (1, 2 or 4) by as many positions or vectors of values as the registers hold.
// Keys and values are reached through one pointer a position, in the cache itself or in a block converted to
// float32 (see attention_rows.h); conversion is exact, and every number is added up in the same order in
// every tile shape, so a row's bits depend on neither.
//
// `ahead`, where not NULL, points to the rows of the next block: they are asked for while this block is
// worked on, because the processor's own prefetching ends with each page of memory. Into the second cache: asked
// for in the first, they come half as fast (9.6 instead of 18.8 GB/s on a Zen 4 core, which has few misses of
// its first cache open at a time).
#include "attention_rows.h"

typedef struct {
    const float *queries;       // [ROWS][query_stride], scaled, padded with zeros to whole vectors
    int64_t query_stride;
    const float *query_scales;  // [ROWS], of integer scores
    const void *const *keys;    // [BLOCK] rows of `width`
    const float *scales;        // [blocks of `width`][BLOCK], of Q8_0
    const void *const *ahead;
    int32_t width;
    int64_t row_bytes;          // of a key in the cache
    float *scores;              // [ROWS][BLOCK]
    int32_t first;              // positions first ..< end of the block
    int32_t end;
} score_work;

typedef struct {
    const float *weights;       // [ROWS][BLOCK]
    const float *correction;    // [ROWS]
    const void *const *values;  // [BLOCK] rows of `width`
    const float *scales;        // [blocks of `width`][BLOCK], of Q8_0
    const void *const *ahead;
    int32_t width;
    float *sums;                // [ROWS][sum_stride]
    int64_t sum_stride;
    int32_t first;
    int32_t end;
} value_work;

// The rows of keys p ..< p + POSITIONS; asks for the same ones of the next block.
SKEIN_INLINE void score_rows(const int32_t POSITIONS, const score_work *w, int32_t p, const void **keys) {
    for (int32_t j = 0; j < POSITIONS; j++) {
        // Past the ends: some position that exists; its score is never used.
        keys[j] = w->keys[p + j < w->first ? w->first : p + j < w->end ? p + j : w->end - 1];
    }
    for (int32_t j = 0; w->ahead != NULL && j < POSITIONS; j++) {
        for (int64_t i = 0; i < w->row_bytes; i += 64) {
            _mm_prefetch((const char *)w->ahead[p + j] + i, _MM_HINT_T1);
        }
    }
}

// scores[row][p], p = first ..< end, from LANES accumulators: each holds the partial sums of one
// (row, position), and one transposing sum turns all of them into one vector of scores.
SKEIN_INLINE void score_tile(const int32_t ROWS, const row_type type, const score_work *w) {
    enum { BLOCK = SKEIN_ATTENTION_BLOCK };
    const int32_t POSITIONS = LANES / ROWS;
    const int32_t width = w->width;
    int32_t whole = row_whole(type, width);
    for (int32_t p = w->first / POSITIONS * POSITIONS; p < w->end; p += POSITIONS) {
        const void *keys[LANES];
        score_rows(POSITIONS, w, p, keys);
        vec sums[LANES];
        for (int32_t i = 0; i < LANES; i++) sums[i] = vec_set(0);
        for (int32_t d = 0; d < whole; d += LANES) {
            vec key[LANES];
            for (int32_t j = 0; j < POSITIONS; j++) {
                key[j] = row_load(type, keys[j], d);
            }
            for (int32_t r = 0; r < ROWS; r++) {
                vec query = vec_load(w->queries + r * w->query_stride + d);
                for (int32_t j = 0; j < POSITIONS; j++) {
                    sums[r * POSITIONS + j] = vec_fma(query, key[j], sums[r * POSITIONS + j]);
                }
            }
        }
        if (whole < width) {
            for (int32_t j = 0; j < POSITIONS; j++) {
                vec key = row_load_part(type, keys[j], whole, width - whole);
                for (int32_t r = 0; r < ROWS; r++) {
                    vec query = vec_load(w->queries + r * w->query_stride + whole);
                    sums[r * POSITIONS + j] = vec_fma(query, key, sums[r * POSITIONS + j]);
                }
            }
        }
        float tile[LANES];
        vec_store(tile, vec_sums(sums));
        for (int32_t r = 0; r < ROWS; r++) {
            memcpy(w->scores + r * BLOCK + p, tile + r * POSITIONS, (size_t)POSITIONS * sizeof *tile);
        }
    }
}

// sums[row][column ...] = sums * correction[row] + sum over p of weights[row][p] * value[p], for VECTORS
// vectors of columns from `column`, of which the last one has `last` lanes where rows end with their width.
SKEIN_INLINE void value_tile(const int32_t ROWS, const int32_t VECTORS, const row_type type,
                             const value_work *w, int32_t column, int32_t last) {
    enum { BLOCK = SKEIN_ATTENTION_BLOCK };
    const int32_t bytes = row_element_bytes(type);
    vec sum[4 * LANES];
    for (int32_t r = 0; r < ROWS; r++) {
        for (int32_t v = 0; v < VECTORS; v++) {
            sum[r * VECTORS + v] = vec_load(w->sums + r * w->sum_stride + column + v * LANES);
            sum[r * VECTORS + v] *= vec_set(w->correction[r]);
        }
    }
    for (int32_t p = w->first; p < w->end; p++) {
        const void *row = w->values[p];
        for (int32_t v = 0; w->ahead != NULL && v < VECTORS; v += 64 / bytes / LANES) {
            _mm_prefetch((const char *)w->ahead[p] + (column + v * LANES) * bytes, _MM_HINT_T1);
        }
        vec value[LANES];
        for (int32_t v = 0; v < VECTORS; v++) {
            int32_t at = column + v * LANES;
            value[v] = last < LANES ? row_load_part(type, row, at, last) : row_load(type, row, at);
        }
        for (int32_t r = 0; r < ROWS; r++) {
            vec weight = vec_set(w->weights[r * BLOCK + p]);
            for (int32_t v = 0; v < VECTORS; v++) {
                sum[r * VECTORS + v] = vec_fma(weight, value[v], sum[r * VECTORS + v]);
            }
        }
    }
    for (int32_t r = 0; r < ROWS; r++) {
        for (int32_t v = 0; v < VECTORS; v++) {
            vec_store(w->sums + r * w->sum_stride + column + v * LANES, sum[r * VECTORS + v]);
        }
    }
}

// value_tile over all columns: as many vectors at a time as the registers hold, then the rest.
SKEIN_INLINE void value_tiles(const int32_t ROWS, const row_type type, const value_work *w) {
    const int32_t MOST = ROWS == 4 ? LANES / 4 : LANES / 2;
    const int32_t width = w->width;
    int32_t whole = row_whole(type, width);
    int32_t column = 0;
    for (; column + MOST * LANES <= whole; column += MOST * LANES) {
        value_tile(ROWS, MOST, type, w, column, LANES);
    }
    for (; column + 2 * LANES <= whole; column += 2 * LANES) value_tile(ROWS, 2, type, w, column, LANES);
    if (column < whole) {
        value_tile(ROWS, 1, type, w, column, LANES);
        column += LANES;
    }
    if (column < width) value_tile(ROWS, 1, type, w, column, width - column);
}

#include SKEIN_SCORES

#include "attention_integer.h"

// Both products by the means that suit what the rows are.
SKEIN_INLINE void scores_of(const int32_t ROWS, const row_type type, const score_work *w) {
    if (type == ROW_Q8_0) {
        score_tile_integer(ROWS, w);
    } else {
        score_tile(ROWS, type, w);
    }
}

SKEIN_INLINE void sums_of(const int32_t ROWS, const row_type type, const value_work *w) {
    if (type == ROW_Q8_0) {
        value_tiles_integer(ROWS, w);
    } else {
        value_tiles(ROWS, type, w);
    }
}

// A tile of float32 sums: TILE_ROWS rows, in two vectors, by up to TILE_TOKENS tokens. What the matrix products of
// float weights (linear_float.h, linear_avx512_bf16.c) share. A template like the others, after
//   vec, LANES and their functions      simd_*.h
//   TILE_TOKENS                         so that all sums are in registers
enum { TILE_ROWS = 2 * LANES, TILE_PARTS = 8 };

// Loops over the tokens of a tile: sums stay in registers only where these are unrolled.
#define EACH _Pragma("clang loop unroll(full)")

typedef vec tile_sums[TILE_TOKENS][2];

// Where sums wait from one block of columns to the next, and where results go in the end.
typedef struct {
    bool is_first; // of the blocks: sums begin at zero
    bool is_last;  // sums go to y
    float *carried; // [tokens][TILE_ROWS]
    float *y;      // [tokens][y_stride], of the first row
    int64_t y_stride;
    const float *bias; // of the first row, or NULL
    int32_t rows;  // that there are, 1 ... TILE_ROWS
} tile_output;

static tile_output tile_output_of(const skein_linear_args *args, int32_t row, int32_t end, float *carried) {
    return (tile_output){
        .carried = carried,
        .y = args->y + row,
        .y_stride = args->y_stride,
        .bias = args->bias != NULL ? args->bias + row : NULL,
        .rows = end - row < TILE_ROWS ? end - row : TILE_ROWS,
    };
}

// From token t on.
INLINE tile_output tile_output_at(const tile_output *all, int64_t t) {
    tile_output out = *all;
    out.carried += t * TILE_ROWS;
    out.y += t * out.y_stride;
    return out;
}

// The lines of y are a page or more apart: they are fetched while the last block is multiplied.
INLINE void begin_tile(int tokens, const tile_output *out, tile_sums sums) {
    EACH for (int t = 0; t < tokens; t++) {
        EACH for (int half = 0; half < 2; half++) {
            const float *carried = out->carried + t * TILE_ROWS + half * LANES;
            sums[t][half] = out->is_first ? vec_set(0) : vec_load(carried);
        }
        if (!out->is_last) continue;
        __builtin_prefetch(out->y + t * out->y_stride, 1);
        __builtin_prefetch(out->y + t * out->y_stride + out->rows - 1, 1);
    }
}

INLINE void end_tile(int tokens, const tile_output *out, tile_sums sums) {
    EACH for (int half = 0; half < 2; half++) {
        int32_t rows = out->rows - half * LANES < LANES ? out->rows - half * LANES : LANES;
        vec bias = out->bias != NULL && rows > 0 ? vec_load_part(out->bias + half * LANES, rows) : vec_set(0);
        EACH for (int t = 0; t < tokens; t++) {
            float *y = out->y + t * out->y_stride + half * LANES;
            if (!out->is_last) {
                vec_store(out->carried + t * TILE_ROWS + half * LANES, sums[t][half]);
            } else if (rows == LANES) {
                vec_store(y, sums[t][half] + bias);
            } else if (rows > 0) {
                vec_store_part(y, sums[t][half] + bias, rows);
            }
        }
    }
}

// The next block of the panels at `low` and `high`. Parts of it go to the second cache all the time that this one is
// multiplied: all at once they hold up the loads behind them.
typedef struct {
    const uint8_t *low;
    const uint8_t *high;
    int32_t left;  // lines of each
    int32_t lines; // with each part
} next_block;

static next_block next_block_of(const uint8_t *low, const uint8_t *high, int32_t lines, int32_t tokens) {
    int32_t parts = (tokens + TILE_TOKENS - 1) / TILE_TOKENS * TILE_PARTS;
    return (next_block){.low = low, .high = high, .left = lines, .lines = (lines + parts - 1) / parts};
}

INLINE void prefetch_part(next_block *next) {
    int32_t lines = next->lines < next->left ? next->lines : next->left;
    next->left -= lines;
    for (; lines > 0; lines--, next->low += 64, next->high += 64) {
        _mm_prefetch((const char *)next->low, _MM_HINT_T1);
        _mm_prefetch((const char *)next->high, _MM_HINT_T1);
    }
}

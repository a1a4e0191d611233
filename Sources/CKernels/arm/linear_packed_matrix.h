// linear, packed quantized weights, many tokens: y[t][r] = sum over c of w[r][c] * x[t][c] (+ bias[r])
//
// Shapes: as in linear_packed_vector.h. Blocks: 16 rows (a panel) by 512 columns are unpacked to signed bytes in the
// first level cache and multiplied with all tokens, in tiles of 8 rows by 4 tokens: 8 int32 and 8 float32 accumulators
// of the 32 registers. Several panels share one run through the tokens' columns, while the second level cache keeps
// their float32 sums.
// A block holds weights in the order in which the tile's instructions take them, and scales as the accumulators lie:
// linear_tile_*.h says how, for each instruction set. Integer sums are exact, and each accumulator's float32 operations
// are those of one row and token in linear_packed_vector.h: neither other rows nor other tokens change a bit, nor which
// of the two ways is taken.
// Bound by the integer multipliers, by counting instructions; not measured on an ARM processor.
//
// A template, after linear_packed_vector.h and one of linear_tile_*.h.
enum {
    TILE_ROWS = 8,
    TILE_TOKENS = 4,
    TILE_SUMS = 8,                            // vectors of 4
    TILE_HALVES = SKEIN_PACKED_ROWS / TILE_ROWS,
    BLOCK_CHUNKS = SKEIN_PANEL_CHUNKS,
    PANEL_TILE_FLOATS = SKEIN_PACKED_ROWS * TILE_TOKENS,
};

typedef struct {
    int8x16_t quants[TILE_HALVES][8][16];                 // [half][group][16]
    float32x4_t scales[16][TILE_HALVES][TILE_SCALES];     // of a group of 32 columns, or of 16 where there are two
    float32x4_t minima[16][TILE_HALVES][TILE_SCALES];
} unpacked_chunk;

_Static_assert(sizeof(unpacked_chunk) * BLOCK_CHUNKS <= SKEIN_PANEL_BYTES, "workspace size");

typedef enum { TILE_PLAIN, TILE_MINIMUM, TILE_TWO_MINIMA, TILE_TWO_SCALES } tile_kind;

INLINE tile_kind tile_kind_of(int type) {
    if (packed_has_two_scales(type)) return TILE_TWO_SCALES;
    if (packed_has_two_minima(type)) return TILE_TWO_MINIMA;
    return packed_has_minimum(type) ? TILE_MINIMUM : TILE_PLAIN;
}

// A chunk of a panel; `parts` as packed_parts_of gives them.
INLINE void unpack_chunk(int type, const packed_parts *parts, int groups, unpacked_chunk *out) {
    packed_scales scales;
    packed_chunk_scales(type, parts, &scales);
    int scale_count = packed_has_two_scales(type) ? 2 : 1, minimum_count = packed_has_two_minima(type) ? 2 : 1;
    for (int group = 0; group < groups; group++) {
        for (int part = 0; part < 4; part++) {
            int8x16_t w[8];
            packed_quants(type, parts, &scales, group, part, w);
            tile_put_quants(w, part % 2, out->quants[part / 2][group]);
            for (int i = scale_count * group; i < scale_count * (group + 1); i++) {
                tile_put_scales(packed_scale(type, parts, &scales, i, part), part % 2, out->scales[i][part / 2]);
            }
            if (!packed_has_minimum(type)) continue;
            for (int i = minimum_count * group; i < minimum_count * (group + 1); i++) {
                tile_put_scales(packed_minimum(type, parts, &scales, i, part), part % 2, out->minima[i][part / 2]);
            }
        }
    }
}

// sum[i] += scales * products, and so on; x is the block of each of the tile's tokens.
INLINE void tile_group(tile_kind kind, const unpacked_chunk *w, int half, int group,
                       const skein_activation_block *const x[TILE_TOKENS], float32x4_t sums[TILE_SUMS]) {
    float32x4_t part[TILE_SUMS];
    int32x4_t products[TILE_SUMS];
    for (int i = 0; i < TILE_SUMS; i++) products[i] = vdupq_n_s32(0);
    const int8x16_t *quants = w->quants[half][group];
    tile_products(quants, x, 32 * group, products);
    if (kind == TILE_TWO_SCALES) {
        const float32x4_t *scales = w->scales[2 * group][half];
        for (int i = 0; i < TILE_SUMS; i++) {
            part[i] = vmulq_f32(vcvtq_f32_s32(products[i]), scales[TILE_SCALE_OF(i)]);
            products[i] = vdupq_n_s32(0);
        }
        tile_products(quants + 8, x, 32 * group + 16, products);
        scales = w->scales[2 * group + 1][half];
        for (int i = 0; i < TILE_SUMS; i++) {
            part[i] = vfmaq_f32(part[i], vcvtq_f32_s32(products[i]), scales[TILE_SCALE_OF(i)]);
        }
    } else {
        tile_products(quants + 8, x, 32 * group + 16, products);
        const float32x4_t *scales = w->scales[group][half];
        for (int i = 0; i < TILE_SUMS; i++) part[i] = vmulq_f32(vcvtq_f32_s32(products[i]), scales[TILE_SCALE_OF(i)]);
    }
    int minima = kind == TILE_MINIMUM ? 1 : kind == TILE_TWO_MINIMA ? 2 : 0;
    for (int m = minima * group; m < minima * (group + 1); m++) {
        int32_t negated[TILE_TOKENS];
        for (int t = 0; t < TILE_TOKENS; t++) {
            negated[t] = kind == TILE_MINIMUM ? x[t]->negated_sums32[m] : x[t]->negated_sums16[m];
        }
        for (int i = 0; i < TILE_SUMS; i++) {
            float32x4_t negated_sums = tile_of_tokens(vcvtq_f32_s32(vld1q_s32(negated)), i);
            part[i] = vfmaq_f32(part[i], w->minima[m][half][TILE_SCALE_OF(i)], negated_sums);
        }
    }
    float32x4_t x_scales = {x[0]->scales[group], x[1]->scales[group], x[2]->scales[group], x[3]->scales[group]};
    for (int i = 0; i < TILE_SUMS; i++) sums[i] = vfmaq_f32(sums[i], part[i], tile_of_tokens(x_scales, i));
}

// The tile's sums += 8 rows of `groups` groups of 32 columns, in unpacked chunks, times the tokens x.
INLINE void multiply_tile(tile_kind kind, const unpacked_chunk *w, int half, int groups,
                          const skein_activation_block *const first[TILE_TOKENS], float *carried) {
    float32x4_t sums[TILE_SUMS];
    const skein_activation_block *x[TILE_TOKENS] = {first[0], first[1], first[2], first[3]};
    for (int i = 0; i < TILE_SUMS; i++) sums[i] = vld1q_f32(carried + 4 * i);
    for (; groups > 0; groups -= 8, w++) {
        for (int group = 0; group < 8 && group < groups; group++) tile_group(kind, w, half, group, x, sums);
        for (int t = 0; t < TILE_TOKENS; t++) x[t]++;
    }
    for (int i = 0; i < TILE_SUMS; i++) vst1q_f32(carried + 4 * i, sums[i]);
}

typedef void packed_tile(const unpacked_chunk *w, int half, int groups,
                         const skein_activation_block *const x[TILE_TOKENS], float *carried);

#define DEFINE_TILE(kind)                                                                                  \
    static void tile_##kind(const unpacked_chunk *w, int half, int groups,                                 \
                            const skein_activation_block *const x[TILE_TOKENS], float *carried) {          \
        multiply_tile(kind, w, half, groups, x, carried);                                                  \
    }
DEFINE_TILE(TILE_PLAIN)
DEFINE_TILE(TILE_MINIMUM)
DEFINE_TILE(TILE_TWO_MINIMA)
DEFINE_TILE(TILE_TWO_SCALES)

static packed_tile *const packed_tiles[] = {tile_TILE_PLAIN, tile_TILE_MINIMUM, tile_TILE_TWO_MINIMA,
                                            tile_TILE_TWO_SCALES};

static int32_t token_tiles(const skein_linear_args *args) { return (args->tokens + TILE_TOKENS - 1) / TILE_TOKENS; }

// One panel's block times all tokens; sums [token tile][half][TILE_SUMS][4]. Tokens that there are not: the last again.
static void multiply_block(packed_tile *tile, const skein_linear_args *args, const unpacked_chunk *chunks, int groups,
                           int32_t column, float *sums) {
    const skein_activation_block *all = (const skein_activation_block *)args->x + column / SKEIN_ACTIVATION_COLUMNS;
    int64_t stride = skein_activation_blocks(args->columns);
    for (int32_t first = 0; first < args->tokens; first += TILE_TOKENS, sums += PANEL_TILE_FLOATS) {
        const skein_activation_block *x[TILE_TOKENS];
        for (int32_t t = 0; t < TILE_TOKENS; t++) {
            x[t] = all + (first + t < args->tokens ? first + t : args->tokens - 1) * stride;
        }
        for (int half = 0; half < TILE_HALVES; half++) tile(chunks, half, groups, x, sums + half * 4 * TILE_SUMS);
    }
}

// y[t][row ..< row + count] = the sums of a panel + bias.
static void store_panel(const skein_linear_args *args, int32_t row, int32_t count, const float *sums) {
    for (int32_t first = 0; first < args->tokens; first += TILE_TOKENS, sums += PANEL_TILE_FLOATS) {
        float32x4_t y[TILE_TOKENS][4];
        for (int half = 0; half < TILE_HALVES; half++) {
            float32x4_t tile[TILE_SUMS];
            for (int i = 0; i < TILE_SUMS; i++) tile[i] = vld1q_f32(sums + 4 * (half * TILE_SUMS + i));
            for (int t = 0; t < TILE_TOKENS; t++) tile_rows(tile, t, &y[t][2 * half]);
        }
        for (int32_t t = 0; t < TILE_TOKENS && first + t < args->tokens; t++) {
            packed_store_rows(args, first + t, row, count, y[t]);
        }
    }
}

INLINE void unpack_block(int type, const uint8_t *w, int64_t group_bytes, int groups, unpacked_chunk *chunks) {
    for (int group = 0; group < groups; group += 8, chunks++) {
        int count = groups - group < 8 ? groups - group : 8;
        const uint8_t *chunk = w + group * group_bytes;
        packed_parts parts = packed_parts_of(type, chunk, chunk + count * group_bytes, count);
        unpack_chunk(type, &parts, count, chunks);
    }
}

INLINE void packed_linear_matrix(int type, const skein_linear_args *args, int32_t begin, int32_t end, void *workspace) {
    unpacked_chunk *chunks = workspace;
    // [panel][token tile]. Directly behind the block: what it leaves of its room is for the tokens that fill up tiles.
    float *sums = (float *)(chunks + BLOCK_CHUNKS);
    int64_t group_bytes = packed_group_bytes(type), panel_bytes = skein_packed_panel_bytes(type, args->columns);
    int64_t panel_sums = (int64_t)token_tiles(args) * PANEL_TILE_FLOATS;
    int32_t rows = skein_packed_row_blocks(args->columns, args->tokens) * SKEIN_PANEL_ROWS;
    packed_tile *tile = packed_tiles[tile_kind_of(type)];
    const int32_t step = BLOCK_CHUNKS * SKEIN_PACKED_COLUMNS;
    for (int32_t row = begin; row < end; row += rows) {
        int32_t last = end - row < rows ? end : row + rows;
        int32_t panels = (last - row + SKEIN_PACKED_ROWS - 1) / SKEIN_PACKED_ROWS;
        const uint8_t *first = (const uint8_t *)args->weights + row / SKEIN_PACKED_ROWS * panel_bytes;
        memset(sums, 0, (size_t)(panels * panel_sums) * sizeof(float));
        for (int32_t column = 0; column < args->columns; column += step) {
            int groups = (args->columns - column < step ? args->columns - column : step) / 32;
            for (int32_t panel = 0; panel < panels; panel++) {
                const uint8_t *w = first + panel * panel_bytes + column / 32 * group_bytes;
                unpack_block(type, w, group_bytes, groups, chunks);
                multiply_block(tile, args, chunks, groups, column, sums + panel * panel_sums);
            }
        }
        for (int32_t panel = 0; panel < panels; panel++) {
            int32_t to = row + panel * SKEIN_PACKED_ROWS, count = last - to;
            store_panel(args, to, count < SKEIN_PACKED_ROWS ? count : SKEIN_PACKED_ROWS, sums + panel * panel_sums);
        }
    }
}

// The most that the tokens which fill up tiles take beside what the workspace has for sums.
enum { FILLING_BYTES = 2 * SKEIN_SUMS_PANELS * SKEIN_PACKED_ROWS * (TILE_TOKENS - 1) * (int)sizeof(float) };
_Static_assert(sizeof(unpacked_chunk) * BLOCK_CHUNKS + FILLING_BYTES <= SKEIN_PANEL_BYTES, "workspace size");

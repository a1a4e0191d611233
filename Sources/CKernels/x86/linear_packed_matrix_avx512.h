// linear, packed quantized weights, many tokens: y[t][r] = sum over c of w[r][c] * x[t][c] (+ bias[r])
//
// Shapes: as in linear_packed_vector_avx512.h. Blocks: 32 rows (two panels) by 512 columns are unpacked to bytes in the
// first level cache and multiplied with all tokens, in tiles of 32 rows by 6 tokens: 12 int32 and 12 float32
// accumulators of the 32 registers. Several such blocks of rows share one run through the tokens' columns, which the
// second level cache keeps together with their float32 sums; so y is written in runs of several lines, too.
// Products of 8 bit integers are summed exactly over a group; groups are accumulated in float32, one after the other,
// so neither the other rows nor the other tokens of a call change a bit.
// Bound by the 8 bit multipliers, which also do float multiplications: for a group of 32, 8 products, and 2 to 4
// multiplications by scales (Zen 4: one of either a cycle), so at best 80% of the multipliers' peak.
// Zen 4, 256 and 512 tokens: 70 to 72% of that peak with Q8_0 and Q4_0, 66 to 69% with Q4_K and Q6_K.

enum {
    PACKED_TILE_ROWS = 32,
    PACKED_TILE_TOKENS = 6, // 4 where scales are of 16 columns: the first 16's part takes registers, too
    PACKED_BLOCK_CHUNKS = SKEIN_PANEL_CHUNKS,
    PACKED_SHIFT = 7, // quants in a block are 128 more than they are, where the format has no minimum
};

// Where scales apply: to 32 columns, or 16; and minima.
typedef enum { TILE_32, TILE_32_MINIMUM, TILE_16, TILE_32_MINIMUM_16 } tile_kind;

typedef struct {
    uint8_t quants[64][PACKED_TILE_ROWS][4];
    float scales[16][PACKED_TILE_ROWS];
    float minima[16][PACKED_TILE_ROWS];
} unpacked_chunk;

_Static_assert(sizeof(unpacked_chunk) * PACKED_BLOCK_CHUNKS <= SKEIN_PANEL_BYTES, "workspace size");

INLINE tile_kind tile_kind_of(int type) {
    if (type == SKEIN_Q2_K) return TILE_32_MINIMUM_16;
    if (type == SKEIN_Q6_K) return TILE_16;
    return packed_has_minimum(type) ? TILE_32_MINIMUM : TILE_32;
}

INLINE int32_t tile_tokens_of(tile_kind kind) { return kind == TILE_16 ? 4 : PACKED_TILE_TOKENS; }

// The quants of Q2_K and Q3_K are so small that their product with the scale of their 16 columns fits a byte: 0 ... 45,
// and, negated, -128 ... 124. So products need no scales of their own for 16 columns: Q3_K is unpacked to those
// bytes + 128.
INLINE __m512i packed_times_scale(int type, __m512i quants, const int8_t scales[16]) {
    __m512i scale = _mm512_cvtepi8_epi32(_mm_load_si128((const __m128i *)scales));
    scale = _mm512_or_si512(_mm512_and_si512(scale, _mm512_set1_epi32(0xFFFF)), _mm512_slli_epi32(scale, 16));
    __m512i even = _mm512_and_si512(quants, _mm512_set1_epi16(0xFF)), odd = _mm512_srli_epi16(quants, 8);
    if (type == SKEIN_Q3_K) {
        // (4 - quant) * scale + 128
        even = _mm512_mullo_epi16(_mm512_sub_epi16(_mm512_set1_epi16(4), even), scale);
        odd = _mm512_mullo_epi16(_mm512_sub_epi16(_mm512_set1_epi16(4), odd), scale);
        even = _mm512_add_epi16(even, _mm512_set1_epi16(128));
        odd = _mm512_add_epi16(odd, _mm512_set1_epi16(128));
    } else {
        even = _mm512_mullo_epi16(even, scale);
        odd = _mm512_mullo_epi16(odd, scale);
    }
    return _mm512_or_si512(even, _mm512_slli_epi16(odd, 8));
}

// A chunk of a panel to half `half` of an unpacked one.
INLINE void unpack_chunk(int type, const uint8_t *w, int groups, int half, unpacked_chunk *out) {
    packed_parts parts = packed_parts_of(type, w, groups);
    packed_scales scales;
    packed_chunk_scales(type, &parts, &scales);
    int first = half * SKEIN_PACKED_ROWS, per_group = packed_group(type) == 32 ? 1 : 2;
    bool by_scale = type == SKEIN_Q2_K || type == SKEIN_Q3_K;
    int shift = packed_has_minimum(type) || type == SKEIN_Q3_K ? 0 : 128 - packed_offset(type);
    for (int group = 0; group < groups; group++) {
        __m512i quants[8];
        packed_quants(type, &parts, group, quants);
        for (int i = 0; i < 8; i++) {
            __m512i v = shift == 0 ? quants[i] : _mm512_add_epi8(quants[i], bytes_of(shift));
            if (by_scale) v = packed_times_scale(type, v, scales.scales[2 * group + i / 4]);
            _mm512_store_si512(out->quants[8 * group + i][first], v);
        }
        if (by_scale) {
            __m512 d = type == SKEIN_Q3_K ? _mm512_sub_ps(_mm512_setzero_ps(), scales.d) : scales.d;
            _mm512_store_ps(&out->scales[group][first], d);
        }
        for (int i = per_group * group; i < per_group * (group + 1); i++) {
            if (!by_scale) _mm512_store_ps(&out->scales[i][first], packed_scale(type, &parts, &scales, i));
            if (packed_has_minimum(type)) {
                _mm512_store_ps(&out->minima[i][first], packed_minimum(type, &parts, &scales, i));
            }
        }
    }
}

// The products of 4 columns each with numbers first ..< first + count, added to the start of their sum.
INLINE void tile_products(int tokens, int first, int count, const unpacked_chunk *w, const skein_activation_block *x,
                          int64_t stride, __m512i products[PACKED_TILE_TOKENS][2]) {
    for (int column = first; column < first + count; column++) {
        __m512i low = _mm512_load_si512(w->quants[column]), high = _mm512_load_si512(w->quants[column][16]);
        for (int t = 0; t < tokens; t++) {
            int32_t four;
            memcpy(&four, x[t * stride].quants + 4 * column, sizeof four);
            __m512i xt = _mm512_set1_epi32(four);
            products[t][0] = _mm512_dpbusd_epi32(products[t][0], low, xt);
            products[t][1] = _mm512_dpbusd_epi32(products[t][1], high, xt);
        }
    }
}

// tile += the products of group `group` of 32 columns; everything but the pointers is a constant, or nearly so.
INLINE void tile_group(tile_kind kind, int tokens, int group, const unpacked_chunk *w, const skein_activation_block *x,
                       int64_t stride, __m512 tile[PACKED_TILE_TOKENS][2]) {
    __m512i products[PACKED_TILE_TOKENS][2];
    __m512 part[PACKED_TILE_TOKENS][2];
    int per_group = kind == TILE_16 ? 2 : 1, columns = 8 / per_group;
    for (int i = per_group * group; i < per_group * (group + 1); i++) {
        for (int t = 0; t < tokens; t++) {
            products[t][0] = _mm512_setzero_si512();
            if (kind == TILE_32 || kind == TILE_16) {
                __m512i negated = packed_negated_sum(x + t * stride, per_group, i);
                products[t][0] = _mm512_slli_epi32(negated, PACKED_SHIFT);
            }
            products[t][1] = products[t][0];
        }
        tile_products(tokens, columns * i, columns, w, x, stride, products);
        for (int half = 0; half < 2; half++) {
            __m512 scales = _mm512_load_ps(&w->scales[i][16 * half]);
            for (int t = 0; t < tokens; t++) {
                __m512 product = _mm512_cvtepi32_ps(products[t][half]);
                bool is_first = i == per_group * group;
                part[t][half] = is_first ? _mm512_mul_ps(product, scales)
                                         : _mm512_fmadd_ps(product, scales, part[t][half]);
            }
        }
    }
    int minima = kind == TILE_32_MINIMUM ? 1 : kind == TILE_32_MINIMUM_16 ? 2 : 0;
    for (int half = 0; half < 2; half++) {
        for (int t = 0; t < tokens; t++) {
            for (int i = minima * group; i < minima * (group + 1); i++) {
                __m512 negated = _mm512_cvtepi32_ps(packed_negated_sum(x + t * stride, minima, i));
                part[t][half] = _mm512_fmadd_ps(_mm512_load_ps(&w->minima[i][16 * half]), negated, part[t][half]);
            }
            tile[t][half] = _mm512_fmadd_ps(part[t][half], _mm512_set1_ps(x[t * stride].scales[group]), tile[t][half]);
        }
    }
}

// sums[t][32] += `groups` groups of 32 columns, in unpacked chunks, times token t at x + t * stride.
INLINE void multiply_packed_tile(tile_kind kind, int tokens, const unpacked_chunk *w, int groups,
                                 const skein_activation_block *x, const skein_activation_block *next, int64_t stride,
                                 float *sums) {
    __m512 tile[PACKED_TILE_TOKENS][2];
    for (int t = 0; t < tokens; t++) {
        for (int half = 0; half < 2; half++) tile[t][half] = _mm512_load_ps(sums + 32 * t + 16 * half);
    }
    for (; groups > 0; groups -= 8, w++, x++, next++) {
        int count = groups < 8 ? groups : 8;
        for (int group = 0; group < count; group++) {
            for (int t = 0; t < tokens; t++) {
                _mm_prefetch((const char *)(next + t * stride) + group * 48, _MM_HINT_T0);
            }
            tile_group(kind, tokens, group, w, x, stride, tile);
        }
    }
    for (int t = 0; t < tokens; t++) {
        for (int half = 0; half < 2; half++) _mm512_store_ps(sums + 32 * t + 16 * half, tile[t][half]);
    }
}

typedef void packed_tile(const unpacked_chunk *w, int groups, const skein_activation_block *x,
                         const skein_activation_block *next, int64_t stride, float *sums);

#define DEFINE_PACKED_TILE(kind, tokens)                                                            \
    static void tile_##kind##_##tokens(const unpacked_chunk *w, int groups, const skein_activation_block *x, \
                                       const skein_activation_block *next, int64_t stride, float *sums) { \
        multiply_packed_tile(kind, tokens, w, groups, x, next, stride, sums);                       \
    }
#define DEFINE_PACKED_TILES(kind)                                                                   \
    DEFINE_PACKED_TILE(kind, 1)                                                                     \
    DEFINE_PACKED_TILE(kind, 2)                                                                     \
    DEFINE_PACKED_TILE(kind, 3)                                                                     \
    DEFINE_PACKED_TILE(kind, 4)                                                                     \
    DEFINE_PACKED_TILE(kind, 5)                                                                     \
    DEFINE_PACKED_TILE(kind, 6)                                                                     \
    static packed_tile *const tiles_##kind[PACKED_TILE_TOKENS] = {tile_##kind##_1, tile_##kind##_2, tile_##kind##_3, \
                                                                  tile_##kind##_4, tile_##kind##_5, tile_##kind##_6};

DEFINE_PACKED_TILES(TILE_32)
DEFINE_PACKED_TILES(TILE_32_MINIMUM)
DEFINE_PACKED_TILES(TILE_16)
DEFINE_PACKED_TILES(TILE_32_MINIMUM_16)

static packed_tile *const *const packed_tiles[] = {tiles_TILE_32, tiles_TILE_32_MINIMUM, tiles_TILE_16,
                                                   tiles_TILE_32_MINIMUM_16};

// y[t][row + i] = the sums of `blocks` blocks of 32 rows, [block][token][32], + bias
static void store_packed_sums(const skein_linear_args *args, int32_t row, int32_t end, const float *sums) {
    for (int64_t t = 0; t < args->tokens; t++) {
        float *y = args->y + t * args->y_stride;
        const float *from = sums + 32 * t;
        for (int32_t r = row; r < end; r += PACKED_TILE_ROWS, from += 32 * (int64_t)args->tokens) {
            for (int32_t i = 0; i < PACKED_TILE_ROWS && r + i < end; i += 16) {
                __mmask16 mask = end - r - i < 16 ? (__mmask16)((1u << (end - r - i)) - 1) : 0xFFFF;
                __m512 sum = _mm512_load_ps(from + i);
                if (args->bias != NULL) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, args->bias + r + i));
                _mm512_mask_storeu_ps(y + r + i, mask, sum);
            }
        }
    }
}

INLINE const uint8_t *packed_address(int type, const skein_linear_args *args, int32_t row, int32_t column) {
    int64_t offset = row / SKEIN_PACKED_ROWS * packed_panel_bytes(type, args->columns);
    return (const uint8_t *)args->weights + offset + (int64_t)column / 32 * packed_group_bytes(type);
}

// `groups` groups of 32 columns of rows row ..< row + 32.
INLINE void unpack_block(int type, const skein_linear_args *args, int32_t row, int32_t column, int groups,
                         unpacked_chunk *chunks) {
    for (int half = 0; half < 2; half++) {
        // A panel that is not there: the one before it again.
        int32_t first = row + half * SKEIN_PACKED_ROWS < args->rows ? row + half * SKEIN_PACKED_ROWS : row;
        const uint8_t *w = packed_address(type, args, first, column);
        for (int group = 0; group < groups; group += 8, w += 8 * packed_group_bytes(type)) {
            unpack_chunk(type, w, groups - group < 8 ? groups - group : 8, half, &chunks[group / 8]);
        }
    }
}

// An unpacked block times all tokens. Meanwhile the packed bytes at `ahead`, as many of each of two panels, are
// fetched.
INLINE void multiply_block(int type, const skein_linear_args *args, const unpacked_chunk *chunks, int32_t column,
                           int groups, const uint8_t *ahead, float *sums) {
    packed_tile *const *tiles = packed_tiles[tile_kind_of(type)];
    int64_t stride = skein_activation_blocks(args->columns), panel_bytes = packed_panel_bytes(type, args->columns);
    int64_t bytes = (int64_t)groups * packed_group_bytes(type), fetched = 0;
    int32_t at_once = tile_tokens_of(tile_kind_of(type));
    const skein_activation_block *x = (const skein_activation_block *)args->x + column / SKEIN_PACKED_COLUMNS;
    for (int32_t t = 0; t < args->tokens; t += at_once) {
        int32_t count = args->tokens - t < at_once ? args->tokens - t : at_once;
        for (int64_t until = bytes * (t + count) / args->tokens; fetched < until; fetched += 64) {
            _mm_prefetch((const char *)ahead + fetched, _MM_HINT_T1);
            _mm_prefetch((const char *)ahead + panel_bytes + fetched, _MM_HINT_T1);
        }
        const skein_activation_block *next = x + (t + 2 * at_once <= args->tokens ? t + at_once : 0) * stride;
        tiles[count - 1](chunks, groups, x + t * stride, next, stride, sums + (int64_t)t * PACKED_TILE_ROWS);
    }
}

INLINE void packed_linear_matrix(int type, const skein_linear_args *args, int32_t begin, int32_t end, void *workspace) {
    unpacked_chunk *chunks = workspace;
    float *sums = (float *)((char *)workspace + SKEIN_PANEL_BYTES); // [block of rows][tokens][32]
    int32_t rows = skein_packed_row_blocks(args->columns, args->tokens) * PACKED_TILE_ROWS;
    const int32_t step = PACKED_BLOCK_CHUNKS * SKEIN_PACKED_COLUMNS;
    for (int32_t first = begin; first < end; first += rows) {
        int32_t last = end - first < rows ? end : first + rows;
        memset(sums, 0, (size_t)(last - first + PACKED_TILE_ROWS - 1) / PACKED_TILE_ROWS * PACKED_TILE_ROWS *
                            (size_t)args->tokens * sizeof(float));
        for (int32_t column = 0; column < args->columns; column += step) {
            int groups = (args->columns - column < step ? args->columns - column : step) / 32;
            for (int32_t row = first; row < last; row += PACKED_TILE_ROWS) {
                unpack_block(type, args, row, column, groups, chunks);
                // What is unpacked next: of these rows the next, or of the next columns, or the next rows.
                bool is_last = row + PACKED_TILE_ROWS >= last, is_end = column + step >= args->columns;
                int32_t next_row = !is_last ? row + PACKED_TILE_ROWS : is_end ? last : first;
                int32_t next_column = !is_last ? column : is_end ? 0 : column + step;
                const uint8_t *ahead = packed_address(type, args, next_row, next_column);
                multiply_block(type, args, chunks, column, groups, ahead, sums + (int64_t)(row - first) * args->tokens);
            }
        }
        store_packed_sums(args, first, last, sums);
    }
}

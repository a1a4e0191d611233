// Attention over a cache of BF16 by products of pairs (AVX512_BF16): an instruction multiplies 32 numbers of BF16
// and adds neighbours, twice what one on float32 does.
//
//     score[row][p] = sum over pairs i of (q[row][2i], q[row][2i + 1]) . (k[p][2i], k[p][2i + 1])
//     sum[row][d]  += sum over pairs p of (w[row][p], w[row][p + 1]) . (v[p][d], v[p + 1][d])
//
// Queries (scaled) and weights are rounded to BF16, as keys and values are; sums are float32. The instruction takes
// subnormal numbers for zero. A block of keys and of values is brought into the order of pairs once for all rows. Up
// to four rows take it a piece at a time as it is made; the order of additions is the same, and so a row's bits do not
// depend on how many there are.
// Lanes are positions in the first product and columns in the second, so nothing is added across lanes.
//
// Measured (attention.h): a prompt takes 0.55 of the time that float32 takes over F16, one token 0.8 of it where the
// cache is near.

static bool pairs_are_there(void) { return __builtin_cpu_supports("avx512bf16"); }

// Transposes 16 rows of 16 words of 32 bits.
SKEIN_INLINE void transpose_words(__m512i r[16]) {
    __m512i t[16];
    for (int32_t i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    // r[i + j]: column j of each 128-bit part, of rows i ..< i + 4.
    for (int32_t i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int32_t j = 0; j < 4; j++) {
        __m512i even_front = _mm512_shuffle_i32x4(r[j], r[j + 4], 0x88);
        __m512i even_back = _mm512_shuffle_i32x4(r[j + 8], r[j + 12], 0x88);
        __m512i odd_front = _mm512_shuffle_i32x4(r[j], r[j + 4], 0xdd);
        __m512i odd_back = _mm512_shuffle_i32x4(r[j + 8], r[j + 12], 0xdd);
        t[j] = _mm512_shuffle_i32x4(even_front, even_back, 0x88);
        t[j + 4] = _mm512_shuffle_i32x4(odd_front, odd_back, 0x88);
        t[j + 8] = _mm512_shuffle_i32x4(even_front, even_back, 0xdd);
        t[j + 12] = _mm512_shuffle_i32x4(odd_front, odd_back, 0xdd);
    }
    for (int32_t i = 0; i < 16; i++) r[i] = t[i];
}

// Elements i ..< i + 32 of a row of `width`, zeros after its end.
SKEIN_INLINE __m512i pairs_load(const void *row, int32_t i, int32_t width) {
    const uint16_t *from = (const uint16_t *)row + i;
    if (width - i >= 2 * LANES) return _mm512_loadu_si512(from);
    return _mm512_maskz_loadu_epi16((__mmask32)((1u << (width - i)) - 1), from);
}

SKEIN_INLINE void pairs_prefetch(const void *row, int32_t i) {
    _mm_prefetch((const char *)((const uint16_t *)row + i), _MM_HINT_T1);
}

// Turns a row of `width` scaled queries, padded with zeros, into BF16 in its place.
static void pairs_prepare(float *query, int32_t width) {
    for (int32_t i = 0; i < width; i += 2 * LANES) {
        __m512bh both = _mm512_cvtne2ps_pbh(vec_load(query + i + LANES), vec_load(query + i));
        memcpy((uint16_t *)query + i, &both, sizeof both);
    }
}

// Columns d ..< d + 32 of the keys of a block, as [pairs of columns][BLOCK] pairs. Where a group of 16 positions has
// none of the block's, it is left as it was: its scores are not used.
SKEIN_INLINE void pairs_of_keys(const attention_block *block, int32_t d, int32_t width, float *to) {
    for (int32_t p = block->first / LANES * LANES; p < block->end; p += LANES) {
        const void *const *rows = block->keys + p;
        __m512i part[LANES];
#pragma clang loop unroll(full)
        for (int32_t j = 0; j < LANES; j++) part[j] = pairs_load(rows[j], d, width);
        transpose_words(part);
#pragma clang loop unroll(full)
        for (int32_t i = 0; i < LANES; i++) _mm512_storeu_si512(to + i * SKEIN_ATTENTION_BLOCK + p, part[i]);
    }
}

// Columns d ..< d + 32 of the values at p and p + 1, as pairs. Of a pair of which the block has one, the other one is
// zero: its weight is, but what lies there may be NaN.
SKEIN_INLINE void pairs_of_values(const attention_block *block, const attention_block *ahead, int32_t p, int32_t d,
                                  int32_t width, __m512i to[2]) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i twice = _mm512_or_si512(lane, _mm512_slli_epi32(lane, 16));
    const __m512i front = _mm512_add_epi32(twice, _mm512_set1_epi32(32 << 16));
    const __m512i back = _mm512_add_epi32(front, _mm512_set1_epi32(0x00100010));
    __m512i even = pairs_load(block->values[p], d, width), odd = pairs_load(block->values[p + 1], d, width);
    if (p < block->first) even = _mm512_setzero_si512();
    if (p + 1 >= block->end) odd = _mm512_setzero_si512();
    if (ahead != NULL) {
        pairs_prefetch(ahead->values[p], d);
        pairs_prefetch(ahead->values[p + 1], d);
    }
    to[0] = _mm512_permutex2var_epi16(even, front, odd);
    to[1] = _mm512_permutex2var_epi16(even, back, odd);
}

// The values of a block as [pairs of positions][sum_stride] pairs.
static void pairs_store_values(const attention_state *s, const attention_block *block, const attention_block *ahead) {
    int32_t width = s->args->cache.value_width;
    for (int32_t p = block->first & ~1; p < block->end; p += 2) {
        for (int32_t d = 0; d < width; d += 2 * LANES) {
            __m512i pairs[2];
            pairs_of_values(block, ahead, p, d, width, pairs);
            float *to = s->value_block + p / 2 * s->sum_stride + d;
            _mm512_storeu_si512(to, pairs[0]);
            _mm512_storeu_si512(to + LANES, pairs[1]);
        }
    }
}

SKEIN_INLINE __m512bh pairs_at(const float *p) { return (__m512bh)vec_load(p); }
// One pair everywhere.
SKEIN_INLINE __m512bh pairs_set(const float *p) { return (__m512bh)vec_set(*p); }

// Adds the products of `count` pairs of columns, from pair `first` of a query on, to the scores of ROWS rows on all
// positions of a block; pair 0 begins them. Asks for as much of the next block's keys: here, for where keys are brought
// into pairs so many requests at once keep those of this block waiting (18% with heads of 128).
SKEIN_INLINE void pairs_score(const int32_t ROWS, const attention_state *s, int32_t row, const float *keys,
                              int32_t first, int32_t count, const attention_block *ahead) {
    enum { BLOCK = SKEIN_ATTENTION_BLOCK, VECTORS = BLOCK / LANES, ASKED = BLOCK / LANES };
    const int32_t lines = (s->args->cache.key_width + 2 * LANES - 1) / (2 * LANES);  // of a key
    int32_t asked_row = first * ASKED / lines, asked_line = first * ASKED % lines;
    const float *queries = s->queries + row * s->query_stride + first;
    float *scores = s->scores + row * BLOCK;
    vec sums[4 * VECTORS];
    for (int32_t i = 0; i < ROWS * VECTORS; i++) sums[i] = first == 0 ? vec_set(0) : vec_load(scores + i * LANES);
    for (int32_t i = 0; i < count; i++) {
        __m512bh key[VECTORS];
        for (int32_t v = 0; v < VECTORS; v++) key[v] = pairs_at(keys + i * BLOCK + v * LANES);
        for (int32_t k = 0; ahead != NULL && k < ASKED; k++) {
            pairs_prefetch(ahead->keys[asked_row], asked_line * 2 * LANES);
            if (++asked_line == lines) asked_line = 0, asked_row++;
        }
        for (int32_t r = 0; r < ROWS; r++) {
            __m512bh query = pairs_set(queries + r * s->query_stride + i);
            for (int32_t v = 0; v < VECTORS; v++) {
                sums[r * VECTORS + v] = _mm512_dpbf16_ps(sums[r * VECTORS + v], key[v], query);
            }
        }
    }
    for (int32_t i = 0; i < ROWS * VECTORS; i++) vec_store(scores + i * LANES, sums[i]);
}

// Adds the sums of a block to those before it.
SKEIN_INLINE void pairs_add(const int32_t ROWS, const int32_t VECTORS, const attention_state *s, int32_t row,
                            int32_t column, const vec *sums) {
    for (int32_t r = 0; r < ROWS; r++) {
        vec correction = vec_set(s->correction[row + r]);
        for (int32_t v = 0; v < VECTORS; v++) {
            float *to = s->sums + (row + r) * s->sum_stride + column + v * LANES;
            vec_store(to, vec_fma(vec_load(to), correction, sums[r * VECTORS + v]));
        }
    }
}

// Sums of ROWS rows on VECTORS vectors of columns, over the pairs of positions first ..< end.
SKEIN_INLINE void pairs_sum(const int32_t ROWS, const int32_t VECTORS, const attention_state *s, int32_t row,
                            int32_t column, int32_t first, int32_t end) {
    const float *weights = s->scores + row * SKEIN_ATTENTION_BLOCK;
    vec sums[16];
    for (int32_t i = 0; i < ROWS * VECTORS; i++) sums[i] = vec_set(0);
    for (int32_t i = first; i < end; i++) {
        __m512bh values[4];
        for (int32_t v = 0; v < VECTORS; v++) {
            values[v] = pairs_at(s->value_block + i * s->sum_stride + column + v * LANES);
        }
        for (int32_t r = 0; r < ROWS; r++) {
            __m512bh weight = pairs_set(weights + r * SKEIN_ATTENTION_BLOCK + i);
            for (int32_t v = 0; v < VECTORS; v++) {
                sums[r * VECTORS + v] = _mm512_dpbf16_ps(sums[r * VECTORS + v], values[v], weight);
            }
        }
    }
    pairs_add(ROWS, VECTORS, s, row, column, sums);
}

// The same without stored pairs, for all rows of the item.
SKEIN_INLINE void pairs_sum_direct(const int32_t ROWS, const int32_t VECTORS, const attention_state *s,
                                   int32_t column, const attention_block *block, const attention_block *ahead) {
    int32_t width = s->args->cache.value_width;
    vec sums[16];
    for (int32_t i = 0; i < ROWS * VECTORS; i++) sums[i] = vec_set(0);
    for (int32_t p = block->first & ~1; p < block->end; p += 2) {
        __m512i values[4];
        for (int32_t v = 0; v < VECTORS; v += 2) {
            pairs_of_values(block, ahead, p, column + v * LANES, width, values + v);
        }
        for (int32_t r = 0; r < ROWS; r++) {
            __m512bh weight = pairs_set(s->scores + r * SKEIN_ATTENTION_BLOCK + p / 2);
            for (int32_t v = 0; v < VECTORS; v++) {
                sums[r * VECTORS + v] = _mm512_dpbf16_ps(sums[r * VECTORS + v], (__m512bh)values[v], weight);
            }
        }
    }
    pairs_add(ROWS, VECTORS, s, 0, column, sums);
}

// Softmax of ROWS rows, and its weights to BF16 in their place.
SKEIN_INLINE void pairs_softmax(const int32_t ROWS, const attention_state *s, int32_t row,
                                const attention_block *block) {
    for (int32_t r = row; r < row + ROWS; r++) {
        softmax_row(s, r, s->first[r] - block->begin, s->end[r] - block->begin);
        pairs_prepare(s->scores + r * SKEIN_ATTENTION_BLOCK, SKEIN_ATTENTION_BLOCK);
    }
}

// A tile of rows on a block whose pairs are stored, where some row sees any of it.
SKEIN_INLINE void pairs_tile(const int32_t ROWS, const attention_state *s, int32_t row,
                             const attention_block *block, const attention_block *ahead) {
    int32_t first, end;
    if (!tile_positions(s, row, ROWS, block, &first, &end)) return;
    pairs_score(ROWS, s, row, s->key_block, 0, (s->args->cache.key_width + 1) / 2, ahead);
    pairs_softmax(ROWS, s, row, block);
    int32_t column = 0;
    for (; column + 4 * LANES <= s->sum_stride; column += 4 * LANES) {
        pairs_sum(ROWS, 4, s, row, column, first / 2, (end + 1) / 2);
    }
    if (column < s->sum_stride) pairs_sum(ROWS, 2, s, row, column, first / 2, (end + 1) / 2);
}

// An item of ROWS rows. Few rows use pairs as soon as they are made: a block of them takes all of the first cache.
SKEIN_INLINE void pairs_direct(const int32_t ROWS, const attention_state *s, const attention_block *block,
                               const attention_block *ahead) {
    int32_t width = s->args->cache.key_width;
    for (int32_t d = 0; d < width; d += 2 * LANES) {
        pairs_of_keys(block, d, width, s->key_block);
        pairs_score(ROWS, s, 0, s->key_block, d / 2, LANES, ahead);
    }
    pairs_softmax(ROWS, s, 0, block);
    int32_t column = 0;
    for (; column + 4 * LANES <= s->sum_stride; column += 4 * LANES) {
        pairs_sum_direct(ROWS, 4, s, column, block, ahead);
    }
    if (column < s->sum_stride) pairs_sum_direct(ROWS, 2, s, column, block, ahead);
}

static void attend_block_in_pairs(const attention_state *s, const attention_block *block,
                                  const attention_block *ahead) {
    switch (s->rows) {
    case 1: return pairs_direct(1, s, block, ahead);
    case 2: return pairs_direct(2, s, block, ahead);
    case 3: return pairs_direct(3, s, block, ahead);
    case 4: return pairs_direct(4, s, block, ahead);
    default: break;
    }
    int32_t width = s->args->cache.key_width;
    for (int32_t d = 0; d < width; d += 2 * LANES) {
        pairs_of_keys(block, d, width, s->key_block + d / 2 * SKEIN_ATTENTION_BLOCK);
    }
    pairs_store_values(s, block, ahead);
    int32_t row = 0;
    for (; row + 4 <= s->rows; row += 4) pairs_tile(4, s, row, block, row == 0 ? ahead : NULL);
    if (row + 2 <= s->rows) {
        pairs_tile(2, s, row, block, NULL);
        row += 2;
    }
    if (row < s->rows) pairs_tile(1, s, row, block, NULL);
}

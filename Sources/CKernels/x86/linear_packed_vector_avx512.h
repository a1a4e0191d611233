// linear, packed quantized weights, 1 to 8 tokens: y[t][r] = sum over c of w[r][c] * x[t][c] (+ bias[r])
//
// Shapes: w packed (packed.h), x [tokens][blocks of 256 columns], y [tokens][y_stride]. A panel of 16 rows is read
// from its first byte to its last, a lane a row: no sums over lanes, and four columns of an activation are broadcast.
// Products of 8 bit integers are summed exactly over a group; groups are accumulated in float32, one after the other.
// Bound by memory bandwidth on the weights; from about 4 tokens with 4 bits, and 8 with 8 bits, by the multipliers.
// One core of a Zen 4 that reads 31 GB/s: Q8_0 29, 26, 24, 22 GB/s with 1, 2, 4, 8 tokens; Q4_0 30, 28, 24, 12.

enum { PACKED_VECTOR_TOKENS = 8, PACKED_PREFETCH_BYTES = 8192 };

// The negated sum of an activation's quants over a group of 32 columns, or of 16 where 32 have two groups.
INLINE __m512i packed_negated_sum(const skein_activation_block *x, int per_32, int group) {
    return _mm512_set1_epi32(per_32 == 1 ? x->negated_sums32[group] : x->negated_sums16[group]);
}

// Lines of the stream, between the products of a group. From 3 tokens on, into the second level: with 8 of them Q8_0 is
// read twice as fast as without. For one or two tokens the processor foresees a single stream itself, and is 10% faster
// so; where the high bits of quants are a second one it does not (Q6_K: 10 GB/s without, 24 with).
INLINE void packed_fetch(int type, int tokens, const uint8_t *ahead, int k) {
    if (tokens <= 2) {
        bool is_needed = packed_high_bytes(type) != 0 && 64 * k < packed_group_bytes(type);
        if (is_needed) _mm_prefetch((const char *)ahead + 64 * k, _MM_HINT_T0);
        return;
    }
    for (int byte = 64 * k; byte < packed_group_bytes(type); byte += 512) {
        _mm_prefetch((const char *)ahead + byte, _MM_HINT_T1);
    }
}

// sums[t] += the products of group `group` of 32 columns. Meanwhile the group at `ahead` is fetched.
INLINE void packed_vector_group(int type, int tokens, const packed_parts *parts, const packed_scales *scales, int group,
                                const uint8_t *ahead, const skein_activation_block *x, int64_t stride,
                                __m512 sums[PACKED_VECTOR_TOKENS]) {
    __m512i w[8];
    packed_quants(type, parts, group, w);
    int per_group = packed_group(type) == 32 ? 1 : 2, columns = 8 / per_group;
    __m512 part[PACKED_VECTOR_TOKENS];
    for (int i = 0; i < per_group; i++) {
        __m512 scale = packed_scale(type, parts, scales, per_group * group + i), minimum = scale;
        if (packed_has_minimum(type)) minimum = packed_minimum(type, parts, scales, per_group * group + i);
        __m512i products[PACKED_VECTOR_TOKENS];
        for (int t = 0; t < tokens; t++) {
            __m512i negated = packed_negated_sum(x + t * stride, per_group, per_group * group + i);
            products[t] = _mm512_slli_epi32(negated, packed_offset_shift(type));
            if (packed_offset(type) == 0) products[t] = _mm512_setzero_si512();
        }
        // Token after token within a column: their sums do not wait for each other.
        for (int k = i * columns; k < (i + 1) * columns; k++) {
            packed_fetch(type, tokens, ahead, k);
            for (int t = 0; t < tokens; t++) {
                int32_t four;
                memcpy(&four, x[t * stride].quants + 32 * group + 4 * k, sizeof four);
                products[t] = _mm512_dpbusd_epi32(products[t], w[k], _mm512_set1_epi32(four));
            }
        }
        for (int t = 0; t < tokens; t++) {
            __m512 product = _mm512_cvtepi32_ps(products[t]);
            part[t] = i == 0 ? _mm512_mul_ps(product, scale) : _mm512_fmadd_ps(product, scale, part[t]);
            if (!packed_has_minimum(type)) continue;
            __m512i negated = packed_negated_sum(x + t * stride, per_group, per_group * group + i);
            part[t] = _mm512_fmadd_ps(minimum, _mm512_cvtepi32_ps(negated), part[t]);
        }
    }
    for (int t = 0; t < tokens; t++) {
        sums[t] = _mm512_fmadd_ps(part[t], _mm512_set1_ps(x[t * stride].scales[group]), sums[t]);
    }
}

// `count` rows, at most 16, from `row` on, which begins a panel; `type` and `tokens` are constants.
INLINE void packed_vector_panel(int type, int tokens, const skein_linear_args *args, int32_t row, int32_t count) {
    const skein_activation_block *x = args->x;
    int64_t stride = skein_activation_blocks(args->columns);
    int64_t offset = row / SKEIN_PACKED_ROWS * packed_panel_bytes(type, args->columns);
    const uint8_t *w = (const uint8_t *)args->weights + offset;
    __m512 sums[PACKED_VECTOR_TOKENS];
    for (int t = 0; t < tokens; t++) sums[t] = _mm512_setzero_ps();
    for (int32_t column = 0; column < args->columns; column += SKEIN_PACKED_COLUMNS, x++) {
        int32_t rest = args->columns - column;
        int groups = rest < SKEIN_PACKED_COLUMNS ? rest / 32 : 8;
        packed_parts parts = packed_parts_of(type, w, groups);
        packed_scales scales;
        packed_chunk_scales(type, &parts, &scales);
        for (int group = 0; group < groups; group++) {
            const uint8_t *ahead = w + PACKED_PREFETCH_BYTES + group * packed_group_bytes(type);
            packed_vector_group(type, tokens, &parts, &scales, group, ahead, x, stride, sums);
        }
        w += groups * packed_group_bytes(type);
    }
    __mmask16 rows = (__mmask16)((1u << count) - 1);
    if (args->bias != NULL) {
        __m512 bias = _mm512_maskz_loadu_ps(rows, args->bias + row);
        for (int t = 0; t < tokens; t++) sums[t] = _mm512_add_ps(sums[t], bias);
    }
    for (int t = 0; t < tokens; t++) _mm512_mask_storeu_ps(args->y + t * args->y_stride + row, rows, sums[t]);
}

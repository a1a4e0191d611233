// Packed quantized weights (packed.h) in registers: a group of 32 columns of 16 rows as 8 vectors of unsigned bytes,
// a lane a row, and scales and minima as a vector of 16 floats.
//
//     value = scale * (quant - offset)     symmetric formats; `offset` is a power of two
//     value = scale * quant - minimum      the others
//
// Include inside target attributes. `type` is a constant wherever these are called.

// Where the parts of a chunk of `groups` groups are.
typedef struct {
    const uint8_t *d, *dmin;
    const uint8_t *scales, *minima;
    const uint8_t *scales_high, *minima_high;
    const uint8_t *quants_high, *quants;
} packed_parts;

INLINE bool packed_is_small(int type) { return !(type >= SKEIN_Q2_K && type <= SKEIN_Q6_K) && type != SKEIN_IQ4_XS; }

// Columns that share a scale (and a minimum).
INLINE int packed_group(int type) {
    return type == SKEIN_Q2_K || type == SKEIN_Q3_K || type == SKEIN_Q6_K ? 16 : 32;
}

INLINE bool packed_has_minimum(int type) {
    return type == SKEIN_Q4_1 || type == SKEIN_Q5_1 || type == SKEIN_Q2_K || type == SKEIN_Q4_K || type == SKEIN_Q5_K;
}

INLINE int packed_offset(int type) {
    switch (type) {
    case SKEIN_Q3_K: return 4;
    case SKEIN_Q4_0: return 8;
    case SKEIN_Q5_0: case SKEIN_MXFP4: return 16;
    case SKEIN_Q6_K: return 32;
    case SKEIN_Q8_0: case SKEIN_IQ4_NL: case SKEIN_IQ4_XS: return 128;
    default: return 0;
    }
}

INLINE int packed_offset_shift(int type) {
    return packed_offset(type) == 0 ? 0 : __builtin_ctz((unsigned)packed_offset(type));
}

// Bytes of 32 columns of 16 rows.
INLINE int packed_group_bytes(int type) {
    switch (type) {
    case SKEIN_Q8_0: return 16 * 34;
    case SKEIN_Q4_0: case SKEIN_IQ4_NL: return 16 * 18;
    case SKEIN_Q4_1: return 16 * 20;
    case SKEIN_Q5_0: return 16 * 22;
    case SKEIN_Q5_1: return 16 * 24;
    case SKEIN_MXFP4: return 16 * 17;
    case SKEIN_Q2_K: return 2 * 84;
    case SKEIN_Q3_K: return 2 * 112; // padded
    case SKEIN_Q4_K: return 2 * 144;
    case SKEIN_Q5_K: return 2 * 176;
    case SKEIN_Q6_K: return 2 * 212; // padded
    default: return 2 * 136; // IQ4_XS
    }
}

// Bytes of the high bits of quants of a group.
INLINE int packed_high_bytes(int type) {
    if (type == SKEIN_Q6_K) return 128;
    return type == SKEIN_Q5_0 || type == SKEIN_Q5_1 || type == SKEIN_Q5_K || type == SKEIN_Q3_K ? 64 : 0;
}

INLINE packed_parts packed_parts_of(int type, const uint8_t *p, int groups) {
    packed_parts parts = {0};
    if (packed_is_small(type)) {
        parts.scales = p;
        p += groups * (type == SKEIN_MXFP4 ? 16 : 32);
        parts.minima = p;
        p += packed_has_minimum(type) ? groups * 32 : 0;
    } else {
        parts.d = p;
        parts.dmin = p + 32;
        p += type == SKEIN_IQ4_XS ? 32 : 64; // dmin, or padding
        bool is_split = type != SKEIN_Q2_K && type != SKEIN_Q6_K, has_minima = is_split && packed_has_minimum(type);
        int count = 256 / packed_group(type);
        parts.scales = p;
        p += is_split ? count * 8 : count * 16;
        parts.minima = p;
        p += has_minima ? count * 8 : 0;
        parts.scales_high = p;
        p += is_split ? count * 4 : 0;
        parts.minima_high = p;
        p += has_minima ? count * 4 : 0;
    }
    parts.quants_high = p;
    parts.quants = p + groups * packed_high_bytes(type);
    return parts;
}

INLINE __m512i bytes_of(int value) { return _mm512_set1_epi8((char)value); }

// Bits `from` ..< of every byte to bit `to`, others cleared; shifts are of words, as there are none of bytes.
INLINE __m512i moved_bits(__m512i v, int from, int to, int mask) {
    __m512i shifted = from == to ? v : from > to ? _mm512_srli_epi16(v, from - to) : _mm512_slli_epi16(v, to - from);
    return _mm512_and_si512(shifted, bytes_of(mask));
}

INLINE __m512i packed_table(const int8_t values[16], int offset) {
    __m512i table = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)values));
    return _mm512_add_epi8(table, bytes_of(offset)); // wraps: -127 + 128 is 1
}

// Columns 4 i ..< 4 i + 4 of group `group` are w[i].
INLINE void packed_quants(int type, const packed_parts *parts, int group, __m512i w[8]) {
    if (type == SKEIN_Q8_0) {
        const uint8_t *p = parts->quants + group * 512;
        for (int i = 0; i < 8; i++) w[i] = _mm512_xor_si512(_mm512_loadu_si512(p + 64 * i), bytes_of(0x80));
        return;
    }
    if (type == SKEIN_Q2_K || type == SKEIN_Q3_K) {
        for (int i = 0; i < 8; i++) {
            __m512i v = _mm512_loadu_si512(parts->quants + group * 128 + 64 * (i / 4));
            w[i] = moved_bits(v, 2 * (i % 4), 0, 3);
        }
    } else {
        for (int i = 0; i < 8; i += 2) {
            __m512i v = _mm512_loadu_si512(parts->quants + group * 256 + 32 * i);
            w[i] = _mm512_and_si512(v, bytes_of(15));
            w[i + 1] = moved_bits(v, 4, 0, 15);
        }
    }
    if (type == SKEIN_Q6_K) {
        for (int i = 0; i < 8; i++) {
            __m512i v = _mm512_loadu_si512(parts->quants_high + group * 128 + 64 * (i / 4));
            w[i] = _mm512_or_si512(w[i], moved_bits(v, 2 * (i % 4), 4, 0x30));
        }
    } else if (packed_high_bytes(type) != 0) {
        int to = type == SKEIN_Q3_K ? 2 : 4;
        __m512i v = _mm512_loadu_si512(parts->quants_high + group * 64);
        for (int i = 0; i < 8; i++) w[i] = _mm512_or_si512(w[i], moved_bits(v, i, to, 1 << to));
    }
    if (type == SKEIN_IQ4_NL || type == SKEIN_IQ4_XS || type == SKEIN_MXFP4) {
        __m512i table = packed_table(type == SKEIN_MXFP4 ? skein_mxfp4_values : skein_iq4_values, packed_offset(type));
        for (int i = 0; i < 8; i++) w[i] = _mm512_shuffle_epi8(table, w[i]);
    }
}

// The integer scales and minima of a chunk of a format of 256 values a block, a byte each.
typedef struct {
    __m512 d, dmin;
    _Alignas(64) int8_t scales[16][16];
    _Alignas(64) int8_t minima[16][16];
} packed_scales;

INLINE __m512 packed_f16(const uint8_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }

// 8 groups of 6 bits: low halves, and two more bits in quarters.
INLINE void packed_six_bits(const uint8_t *low, const uint8_t *high, int offset, int8_t out[16][16]) {
    __m512i v = _mm512_loadu_si512(low);
    __m512i h = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)high));
    h = _mm512_mask_srli_epi16(h, 0xFFFF0000, h, 2);
    __m512i first = _mm512_or_si512(_mm512_and_si512(v, bytes_of(15)), moved_bits(h, 0, 4, 0x30));
    __m512i second = _mm512_or_si512(moved_bits(v, 4, 0, 15), _mm512_and_si512(h, bytes_of(0x30)));
    _mm512_store_si512(out[0], _mm512_sub_epi8(first, bytes_of(offset)));
    _mm512_store_si512(out[4], _mm512_sub_epi8(second, bytes_of(offset)));
}

INLINE void packed_scales_q3_k(const packed_parts *parts, int8_t out[16][16]) {
    __m512i h = _mm512_loadu_si512(parts->scales_high);
    for (int i = 0; i < 4; i++) {
        __m512i low = moved_bits(_mm512_loadu_si512(parts->scales + 64 * (i % 2)), i / 2 * 4, 0, 15);
        __m512i both = _mm512_or_si512(low, moved_bits(h, 2 * i, 4, 0x30));
        _mm512_store_si512(out[4 * i], _mm512_sub_epi8(both, bytes_of(32)));
    }
}

INLINE void packed_chunk_scales(int type, const packed_parts *parts, packed_scales *out) {
    if (packed_is_small(type)) return;
    out->d = packed_f16(parts->d);
    if (packed_has_minimum(type)) out->dmin = packed_f16(parts->dmin);
    if (type == SKEIN_Q3_K) {
        packed_scales_q3_k(parts, out->scales);
    } else if (packed_group(type) == 16) {
        for (int i = 0; i < 4; i++) {
            __m512i v = _mm512_loadu_si512(parts->scales + 64 * i);
            __m512i scales = type == SKEIN_Q2_K ? _mm512_and_si512(v, bytes_of(15)) : v;
            _mm512_store_si512(out->scales[4 * i], scales);
            if (type == SKEIN_Q2_K) _mm512_store_si512(out->minima[4 * i], moved_bits(v, 4, 0, 15));
        }
    } else {
        packed_six_bits(parts->scales, parts->scales_high, type == SKEIN_IQ4_XS ? 32 : 0, out->scales);
        if (packed_has_minimum(type)) packed_six_bits(parts->minima, parts->minima_high, 0, out->minima);
    }
}

INLINE __m512 packed_times(__m512 d, const int8_t bytes[16]) {
    __m512i wide = _mm512_cvtepi8_epi32(_mm_load_si128((const __m128i *)bytes));
    return _mm512_mul_ps(d, _mm512_cvtepi32_ps(wide));
}

// Half of 2^(bits - 127); the two smallest are subnormal.
INLINE __m512 packed_e8m0(const uint8_t *p) {
    __m512i bits = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));
    __m512i wide = _mm512_slli_epi32(_mm512_sub_epi32(bits, _mm512_set1_epi32(1)), 23);
    __mmask16 small = _mm512_cmplt_epu32_mask(bits, _mm512_set1_epi32(2));
    return _mm512_castsi512_ps(_mm512_mask_sllv_epi32(wide, small, _mm512_set1_epi32(0x00200000), bits));
}

// The scale of group `group`: of 32 columns, or of 16.
INLINE __m512 packed_scale(int type, const packed_parts *parts, const packed_scales *chunk, int group) {
    if (!packed_is_small(type)) return packed_times(chunk->d, chunk->scales[group]);
    return type == SKEIN_MXFP4 ? packed_e8m0(parts->scales + 16 * group) : packed_f16(parts->scales + 32 * group);
}

// What is subtracted from scale * quant. For formats that add it: negated.
INLINE __m512 packed_minimum(int type, const packed_parts *parts, const packed_scales *chunk, int group) {
    if (!packed_is_small(type)) return packed_times(chunk->dmin, chunk->minima[group]);
    return _mm512_sub_ps(_mm512_setzero_ps(), packed_f16(parts->minima + 32 * group));
}

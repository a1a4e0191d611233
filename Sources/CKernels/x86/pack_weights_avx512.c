// pack_weights for AVX-512: whole panels of 16 quantized rows; what is left goes the way of reference/pack_weights.c,
// whose bytes these are.
//
// Shapes: rows of `row_bytes` bytes, `columns` values each; packed: skein_packed_bytes. The quants of 256 columns of a
// row are spread to a byte each, joined to the bits that packed.h says, and transposed, 16 rows by 16 columns of 4
// bytes. Bound by the processor: 2 (Q3_K) to 7 GB/s on one core of a Zen 4.
#if defined(__x86_64__)

#include "../reference/packed_quantized.h"
#include "linear_common.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), \
                             apply_to = function)

#define SIGNED_OFFSET 0
#define LANES 16

INLINE __m256i bytes_from_bits(uint32_t bits, int value) { return _mm256_maskz_set1_epi8(bits, (char)value); }

INLINE __m128i gather_words(const uint8_t *p, int offset, int stride) {
    // Scales are moved as they are: what runs are decoded to has them for nothing.
    (void)p, (void)offset, (void)stride;
    return _mm_setzero_si128();
}

#include "decode_run.h"
#include "packed_groups_avx512.h"
#include "transpose_avx512.h"

// The quants of 256 columns of a row, a byte each, as the file has them.
INLINE void spread_quants(int type, const uint8_t *p, __m512i q[4]) {
    weight_run run;
    if (type == SKEIN_IQ4_NL || type == SKEIN_MXFP4 || type == SKEIN_IQ4_XS) {
        int first = type == SKEIN_IQ4_NL ? 2 : type == SKEIN_MXFP4 ? 1 : 8;
        int stride = type == SKEIN_IQ4_NL ? 18 : type == SKEIN_MXFP4 ? 17 : 16;
        for (int i = 0; i < 8; i++) run.quants[i] = nibbles(p + first + stride * i);
    } else {
        decode_run(type, p, &run);
    }
    for (int i = 0; i < 4; i++) {
        q[i] = _mm512_inserti64x4(_mm512_castsi256_si512(run.quants[2 * i]), run.quants[2 * i + 1], 1);
    }
}

// Neighbouring fours of bytes become one: the second's values are moved `bits` bits up.
INLINE __m256i join_fours(__m512i v, int bits) {
    return _mm512_cvtepi64_epi32(_mm512_or_si512(v, _mm512_srli_epi64(v, 32 - bits)));
}

INLINE __m512i join_pair(__m512i a, __m512i b, int bits) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(join_fours(a, bits)), join_fours(b, bits), 1);
}

// 256 values of `bits` bits, a byte each, to the bytes of eights, fours, twos or ones; returns how many vectors.
INLINE int join_values(int bits, const __m512i v[4], uint8_t *to) {
    if (bits == 8) {
        for (int i = 0; i < 4; i++) _mm512_storeu_si512(to + 64 * i, v[i]);
        return 4;
    }
    __m512i low = join_pair(v[0], v[1], bits), high = join_pair(v[2], v[3], bits);
    if (bits == 4) {
        _mm512_storeu_si512(to, low);
        _mm512_storeu_si512(to + 64, high);
        return 2;
    }
    __m512i both = join_pair(low, high, 2 * bits);
    if (bits == 2) {
        _mm512_storeu_si512(to, both);
        return 1;
    }
    _mm256_storeu_si256((__m256i *)to, join_fours(both, 4));
    return 1;
}

// The low 4 bits of 8 scales of 6 bits as halves, the high 2 as quarters; a row's bytes are 16 apart.
INLINE void pack_six_bits(uint64_t scales, uint8_t *low, uint8_t *high) {
    uint64_t halves = scales & 0x0F0F0F0F0F0F0F0F, pairs = scales >> 4 & 0x0303030303030303;
    halves |= halves >> 28;
    pairs |= pairs >> 14 | pairs >> 28 | pairs >> 42;
    for (int i = 0; i < 4; i++) low[16 * i] = (uint8_t)(halves >> (8 * i));
    for (int i = 0; i < 2; i++) high[16 * i] = (uint8_t)(pairs >> (8 * i));
}

// The scales and minima of Q4_K and Q5_K, 6 bits each: reference/formats_k.c says where they are.
INLINE uint64_t scales_of_q4_k(const uint8_t *p) {
    uint32_t a = load_u32(p + 4), c = load_u32(p + 12);
    return (a & 0x3F3F3F3F) | (uint64_t)((c & 0x0F0F0F0F) | (a >> 2 & 0x30303030)) << 32;
}

INLINE uint64_t minima_of_q4_k(const uint8_t *p) {
    uint32_t b = load_u32(p + 8), c = load_u32(p + 12);
    return (b & 0x3F3F3F3F) | (uint64_t)((c >> 4 & 0x0F0F0F0F) | (b >> 2 & 0x30303030)) << 32;
}

INLINE uint64_t scales_of_iq4_xs(const uint8_t *p) {
    uint32_t high = load_u16(p + 2), low = load_u32(p + 4);
    uint64_t scales = 0;
    for (int g = 0; g < 8; g++) scales |= (uint64_t)((low >> (4 * g) & 15) | (high >> (2 * g) & 3) << 4) << (8 * g);
    return scales;
}

// Everything but the quants, of one row of a chunk of 8 groups.
INLINE void pack_scales(int type, const uint8_t *p, int lane, const packed_parts *to) {
    uint8_t *scales = (uint8_t *)to->scales, *minima = (uint8_t *)to->minima;
    if (packed_is_small(type)) {
        int bytes = run_bytes(type) / 8;
        for (int g = 0; g < 8; g++) {
            if (type == SKEIN_MXFP4) scales[16 * g + lane] = p[bytes * g];
            else memcpy(scales + 2 * (16 * g + lane), p + bytes * g, 2);
            if (packed_has_minimum(type)) memcpy(minima + 2 * (16 * g + lane), p + bytes * g + 2, 2);
        }
        return;
    }
    int d = type == SKEIN_Q2_K ? 80 : type == SKEIN_Q3_K ? 108 : type == SKEIN_Q6_K ? 208 : 0;
    memcpy((uint8_t *)to->d + 2 * lane, p + d, 2);
    if (packed_has_minimum(type)) memcpy((uint8_t *)to->dmin + 2 * lane, p + d + 2, 2);
    uint8_t *high = (uint8_t *)to->scales_high + lane;
    if (type == SKEIN_Q3_K) {
        for (int i = 0; i < 8; i++) scales[16 * i + lane] = p[96 + i];
        for (int i = 0; i < 4; i++) high[16 * i] = p[104 + i];
    } else if (packed_group(type) == 16) {
        int first = type == SKEIN_Q6_K ? 192 : 0;
        for (int i = 0; i < 16; i++) scales[16 * i + lane] = p[first + i];
    } else if (type == SKEIN_IQ4_XS) {
        pack_six_bits(scales_of_iq4_xs(p), scales + lane, high);
    } else {
        pack_six_bits(scales_of_q4_k(p), scales + lane, high);
        pack_six_bits(minima_of_q4_k(p), minima + lane, (uint8_t *)to->minima_high + lane);
    }
}

// 256 columns of 16 rows.
INLINE void pack_chunk(int type, const uint8_t *rows, int64_t row_bytes, uint8_t *chunk) {
    _Alignas(64) uint8_t low[16][256], high[16][64];
    if (packed_high_bytes(type) == 64) memset(high, 0, sizeof high);
    int bits = type == SKEIN_Q8_0 ? 8 : type == SKEIN_Q2_K || type == SKEIN_Q3_K ? 2 : 4;
    int high_bits = packed_high_bytes(type) / 64;
    packed_parts parts = packed_parts_of(type, chunk, 8);
    for (int lane = 0; lane < 16; lane++) {
        const uint8_t *p = rows + lane * row_bytes;
        __m512i q[4], part[4];
        spread_quants(type, p, q);
        for (int i = 0; i < 4; i++) part[i] = bits == 8 ? q[i] : _mm512_and_si512(q[i], bytes_of((1 << bits) - 1));
        join_values(bits, part, low[lane]);
        if (high_bits != 0) {
            for (int i = 0; i < 4; i++) part[i] = moved_bits(q[i], bits, 0, (1 << high_bits) - 1);
            join_values(high_bits, part, high[lane]);
        }
        pack_scales(type, p, lane, &parts);
    }
    for (int i = 0; i < 32 * bits; i += 64) transpose_to(low[0] + i, 256, (uint8_t *)parts.quants + 16 * i, 64);
    if (high_bits == 2) transpose_to(high[0], 64, (uint8_t *)parts.quants_high, 64);
    if (high_bits == 1) {
        uint8_t both[1024]; // the second half is of what is behind 32 bytes a row: nothing
        transpose_to(high[0], 64, both, 64);
        memcpy((uint8_t *)parts.quants_high, both, 512);
    }
}

// Row `row`, the first of a panel, and the 15 after it.
INLINE void pack_panel(int type, const uint8_t *rows, int64_t row_bytes, int32_t row, int32_t columns,
                       uint8_t *packed) {
    uint8_t *panel = packed + row / SKEIN_PACKED_ROWS * skein_packed_panel_bytes(type, columns);
    int32_t column = 0;
    for (; column + SKEIN_PACKED_COLUMNS <= columns; column += SKEIN_PACKED_COLUMNS, rows += run_bytes(type)) {
        pack_chunk(type, rows, row_bytes, panel);
        panel += 8 * packed_group_bytes(type);
    }
    for (int lane = 0; lane < SKEIN_PACKED_ROWS && column < columns; lane++) {
        skein_pack_quantized_chunk(type, rows + lane * row_bytes, row + lane, column, columns, packed);
    }
}

#define FOR_EACH_QUANTIZED(do)                                                                            \
    do(Q8_0) do(Q4_0) do(Q4_1) do(Q5_0) do(Q5_1) do(Q2_K) do(Q3_K) do(Q4_K) do(Q5_K) do(Q6_K) do(IQ4_NL) \
    do(IQ4_XS) do(MXFP4)

#define DEFINE_PACK(type)                                                                                        \
    static __attribute__((noinline)) void pack_##type(const uint8_t *rows, int64_t row_bytes, int32_t row,       \
                                                      int32_t columns, uint8_t *packed) {                        \
        pack_panel(SKEIN_##type, rows, row_bytes, row, columns, packed);                                         \
    }

FOR_EACH_QUANTIZED(DEFINE_PACK)

void skein_avx512_pack_weights(const void *arguments, int32_t begin, int32_t end, void *workspace) {
    const skein_pack_weights_args *args = arguments;
    int32_t item = begin;
    while (item < end) {
        int32_t row = args->first_row + item;
        const uint8_t *rows = (const uint8_t *)args->rows + item * args->row_bytes;
        if (row % SKEIN_PACKED_ROWS != 0 || end - item < SKEIN_PACKED_ROWS || skein_block_elements(args->type) == 1) {
            skein_reference_pack_weights(args, item, item + 1, workspace);
            item++;
            continue;
        }
        switch (args->type) {
#define CALL(type) \
    case SKEIN_##type: pack_##type(rows, args->row_bytes, row, args->columns, args->packed); break;
            FOR_EACH_QUANTIZED(CALL)
#undef CALL
        default: break;
        }
        item += SKEIN_PACKED_ROWS;
    }
}

#pragma clang attribute pop

#endif

// Weights of every quantized format as runs of 256 columns of one row: 8 vectors of 32 unsigned bytes, a
// float scale for each group of 16 or 32 columns, and, for some formats, a minimum for each group.
//
//     value = scale * (quant - offset)     symmetric formats; `offset` is a power of two
//     value = scale * quant - minimum      the others
//
// A template: included by each instruction set inside its target attributes, after these two:
//   SIGNED_OFFSET            what the quants of 8 bit formats are shifted by: 128 makes them unsigned for
//                            vpdpbusd, 0 leaves them signed.
//   bytes_from_bits(b, v)    32 bytes, byte i is v where bit i of b is set, else 0.
//   gather_words(p, offset, stride)   8 words: at `offset` in each of the 8 blocks of `stride` bytes at p.
// AVX2 vectors on both: a group of 32 is one of them.
enum { RUN_COLUMNS = SKEIN_ACTIVATION_COLUMNS, RUN_GROUPS = 8, BLOCKS_A_RUN = 8 };

typedef struct {
    __m256i quants[8];
    __m256 scales[2];  // groups of 32: only the first; of 16: groups 0-7, then 8-15
    __m256 minima[2];  // the same; unset for symmetric formats
} weight_run;

INLINE int group_columns(int type) {
    return type == SKEIN_Q2_K || type == SKEIN_Q3_K || type == SKEIN_Q6_K ? 16 : 32;
}

INLINE bool has_minimum(int type) {
    return type == SKEIN_Q4_1 || type == SKEIN_Q5_1 || type == SKEIN_Q2_K || type == SKEIN_Q4_K || type == SKEIN_Q5_K;
}

INLINE bool is_8bit(int type) { return type == SKEIN_Q8_0 || type == SKEIN_IQ4_NL || type == SKEIN_IQ4_XS; }

// What the quants are shifted by to make them unsigned.
INLINE int quant_offset(int type) {
    switch (type) {
    case SKEIN_Q3_K: return 4;
    case SKEIN_Q4_0: return 8;
    case SKEIN_Q5_0: return 16;
    case SKEIN_MXFP4: return 16;
    case SKEIN_Q6_K: return 32;
    default: return is_8bit(type) ? SIGNED_OFFSET : 0;
    }
}

// Bytes of a run.
INLINE int run_bytes(int type) {
    switch (type) {
    case SKEIN_Q8_0: return 8 * 34;
    case SKEIN_Q4_0: return 8 * 18;
    case SKEIN_Q4_1: return 8 * 20;
    case SKEIN_Q5_0: return 8 * 22;
    case SKEIN_Q5_1: return 8 * 24;
    case SKEIN_IQ4_NL: return 8 * 18;
    case SKEIN_MXFP4: return 8 * 17;
    case SKEIN_Q2_K: return 84;
    case SKEIN_Q3_K: return 110;
    case SKEIN_Q4_K: return 144;
    case SKEIN_Q5_K: return 176;
    case SKEIN_Q6_K: return 210;
    default: return 136; // IQ4_XS
    }
}

INLINE __m256i load_32(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *)p); }

// A float16 at p, in every lane.
INLINE __m256 broadcast_f16(const uint8_t *p) { return _mm256_cvtph_ps(_mm_set1_epi16((short)load_u16(p))); }

// The float16 at `offset` in each of the 8 blocks of `stride` bytes at p.
INLINE __m256 gather_f16(const uint8_t *p, int offset, int stride) {
    return _mm256_cvtph_ps(gather_words(p, offset, stride));
}

INLINE __m256 floats_from_u8(uint64_t bytes) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)bytes)));
}

INLINE __m256 floats_from_i8(uint64_t bytes) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_cvtsi64_si128((long long)bytes)));
}

// 16 bytes of nibbles: the low ones, then the high ones.
INLINE __m256i nibbles(const uint8_t *p) {
    const __m256i shifts = _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4);
    __m256i twice = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)p));
    return _mm256_and_si256(_mm256_srlv_epi32(twice, shifts), _mm256_set1_epi8(15));
}

INLINE __m256i look_up(const int8_t values[16], int offset, __m256i indices) {
    __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)values));
    // Addition wraps: -127 + 128 as signed bytes is 1 as an unsigned one.
    table = _mm256_add_epi8(table, _mm256_set1_epi8((char)offset));
    return _mm256_shuffle_epi8(table, indices);
}

INLINE void decode_q8_0(const uint8_t *p, weight_run *run) {
    run->scales[0] = gather_f16(p, 0, 34);
    for (int b = 0; b < BLOCKS_A_RUN; b++) {
        // Flipping the top bit adds 128.
        run->quants[b] = _mm256_xor_si256(load_32(p + 34 * b + 2), _mm256_set1_epi8((char)SIGNED_OFFSET));
    }
}

INLINE void decode_q4_0(const uint8_t *p, weight_run *run) {
    run->scales[0] = gather_f16(p, 0, 18);
    for (int b = 0; b < BLOCKS_A_RUN; b++) run->quants[b] = nibbles(p + 18 * b + 2);
}

INLINE void decode_q4_1(const uint8_t *p, weight_run *run) {
    run->scales[0] = gather_f16(p, 0, 20);
    run->minima[0] = _mm256_sub_ps(_mm256_setzero_ps(), gather_f16(p, 2, 20));
    for (int b = 0; b < BLOCKS_A_RUN; b++) run->quants[b] = nibbles(p + 20 * b + 4);
}

INLINE void decode_q5_0(const uint8_t *p, weight_run *run) {
    run->scales[0] = gather_f16(p, 0, 22);
    for (int b = 0; b < BLOCKS_A_RUN; b++) {
        __m256i fifth = bytes_from_bits(load_u32(p + 22 * b + 2), 16);
        run->quants[b] = _mm256_or_si256(nibbles(p + 22 * b + 6), fifth);
    }
}

INLINE void decode_q5_1(const uint8_t *p, weight_run *run) {
    run->scales[0] = gather_f16(p, 0, 24);
    run->minima[0] = _mm256_sub_ps(_mm256_setzero_ps(), gather_f16(p, 2, 24));
    for (int b = 0; b < BLOCKS_A_RUN; b++) {
        __m256i fifth = bytes_from_bits(load_u32(p + 24 * b + 4), 16);
        run->quants[b] = _mm256_or_si256(nibbles(p + 24 * b + 8), fifth);
    }
}

INLINE void decode_iq4_nl(const uint8_t *p, weight_run *run) {
    run->scales[0] = gather_f16(p, 0, 18);
    for (int b = 0; b < BLOCKS_A_RUN; b++) {
        run->quants[b] = look_up(skein_iq4_values, SIGNED_OFFSET, nibbles(p + 18 * b + 2));
    }
}

INLINE void decode_mxfp4(const uint8_t *p, weight_run *run) {
    float scales[8];
    for (int b = 0; b < BLOCKS_A_RUN; b++) {
        scales[b] = skein_half_float_from_e8m0(p[17 * b]);
        run->quants[b] = look_up(skein_mxfp4_values, 16, nibbles(p + 17 * b + 1));
    }
    run->scales[0] = _mm256_loadu_ps(scales);
}

#include "decode_run_k.h"

// `type` is a constant wherever this is called.
INLINE void decode_run(int type, const uint8_t *p, weight_run *run) {
    switch (type) {
    case SKEIN_Q8_0: decode_q8_0(p, run); break;
    case SKEIN_Q4_0: decode_q4_0(p, run); break;
    case SKEIN_Q4_1: decode_q4_1(p, run); break;
    case SKEIN_Q5_0: decode_q5_0(p, run); break;
    case SKEIN_Q5_1: decode_q5_1(p, run); break;
    case SKEIN_IQ4_NL: decode_iq4_nl(p, run); break;
    case SKEIN_MXFP4: decode_mxfp4(p, run); break;
    case SKEIN_Q2_K: decode_q2_k(p, run); break;
    case SKEIN_Q3_K: decode_q3_k(p, run); break;
    case SKEIN_Q4_K: decode_q4_k(p, run); break;
    case SKEIN_Q5_K: decode_q5_k(p, run); break;
    case SKEIN_Q6_K: decode_q6_k(p, run); break;
    default: decode_iq4_xs(p, run); break;
    }
}

// The last run of a row may hold fewer than 8 blocks: a copy with zeros behind it, so that nothing past
// the row is read. The activations are zero there, so whatever zero blocks decode to does not matter.
INLINE const uint8_t *whole_run(int type, const uint8_t *p, int64_t bytes_left, uint8_t copy[8 * 34]) {
    if (bytes_left >= run_bytes(type)) return p;
    memset(copy, 0, 8 * 34);
    memcpy(copy, p, (size_t)bytes_left);
    return copy;
}

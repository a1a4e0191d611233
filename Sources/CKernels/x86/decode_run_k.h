// Runs of the formats with blocks of 256 values: the part of decode_run.h for them. The layouts are
// described in reference/formats_k.c.
//
// Shifts are of 16 bit lanes, as there are none of bytes: bits that cross a byte are masked off.

INLINE __m256i shifted_bits(__m256i bytes, int right, int mask) {
    return _mm256_and_si256(_mm256_srli_epi16(bytes, right), _mm256_set1_epi8((char)mask));
}

// Bit `from` of every byte, moved to bit `to`.
INLINE __m256i moved_bit(__m256i bytes, int from, int to) {
    __m256i shifted = from > to ? _mm256_srli_epi16(bytes, from - to) : _mm256_slli_epi16(bytes, to - from);
    return _mm256_and_si256(shifted, _mm256_set1_epi8((char)(1 << to)));
}

INLINE void decode_q2_k(const uint8_t *p, weight_run *run) {
    const uint64_t low_nibbles = 0x0F0F0F0F0F0F0F0F;
    __m256 d = broadcast_f16(p + 80), dmin = broadcast_f16(p + 82);
    for (int half = 0; half < 2; half++) {
        uint64_t packed = load_u64(p + 8 * half);
        run->scales[half] = _mm256_mul_ps(d, floats_from_u8(packed & low_nibbles));
        run->minima[half] = _mm256_mul_ps(dmin, floats_from_u8(packed >> 4 & low_nibbles));
        __m256i quants = load_32(p + 16 + 32 * half);
        for (int s = 0; s < 4; s++) run->quants[4 * half + s] = shifted_bits(quants, 2 * s, 3);
    }
}

INLINE void decode_q3_k(const uint8_t *p, weight_run *run) {
    const uint64_t low_nibbles = 0x0F0F0F0F0F0F0F0F;
    __m256 d = broadcast_f16(p + 108);
    __m256i third = load_32(p);
    uint64_t low = load_u64(p + 96);
    uint64_t high = load_u32(p + 104);
    for (int half = 0; half < 2; half++) {
        // Groups 0-3 have their high bits in bits 0-1 of the four bytes, groups 4-7 in bits 2-3, ...
        uint64_t pairs = (high >> (4 * half) & 0x03030303) | (high >> (4 * half + 2) & 0x03030303) << 32;
        uint64_t scales = (low >> (4 * half) & low_nibbles) | pairs << 4;
        __m256 shifted = _mm256_sub_ps(floats_from_u8(scales), _mm256_set1_ps(32));
        run->scales[half] = _mm256_mul_ps(d, shifted);
        __m256i quants = load_32(p + 32 + 32 * half);
        for (int s = 0; s < 4; s++) {
            __m256i bit = moved_bit(third, 4 * half + s, 2);
            run->quants[4 * half + s] = _mm256_or_si256(shifted_bits(quants, 2 * s, 3), bit);
        }
    }
}

// d, dmin and the 6 bit scales and minima of Q4_K and Q5_K: bytes 0-3 hold scales 0-3, bytes 4-7 minima
// 0-3, bytes 8-11 the low nibbles of scales (low) and minima (high) 4-7, whose top bits are those of the
// first eight bytes.
INLINE void decode_scales_6bit(const uint8_t *p, weight_run *run) {
    const uint32_t six = 0x3F3F3F3F, four = 0x0F0F0F0F, top = 0x30303030;
    uint32_t a = load_u32(p + 4), b = load_u32(p + 8), c = load_u32(p + 12);
    uint64_t scales = (a & six) | (uint64_t)((c & four) | (a >> 2 & top)) << 32;
    uint64_t minima = (b & six) | (uint64_t)((c >> 4 & four) | (b >> 2 & top)) << 32;
    run->scales[0] = _mm256_mul_ps(broadcast_f16(p), floats_from_u8(scales));
    run->minima[0] = _mm256_mul_ps(broadcast_f16(p + 2), floats_from_u8(minima));
}

INLINE void decode_q4_k(const uint8_t *p, weight_run *run) {
    decode_scales_6bit(p, run);
    for (int pair = 0; pair < 4; pair++) {
        __m256i packed = load_32(p + 16 + 32 * pair);
        run->quants[2 * pair] = shifted_bits(packed, 0, 15);
        run->quants[2 * pair + 1] = shifted_bits(packed, 4, 15);
    }
}

INLINE void decode_q5_k(const uint8_t *p, weight_run *run) {
    decode_scales_6bit(p, run);
    __m256i fifth = load_32(p + 16);
    for (int pair = 0; pair < 4; pair++) {
        __m256i packed = load_32(p + 48 + 32 * pair);
        run->quants[2 * pair] = _mm256_or_si256(shifted_bits(packed, 0, 15), moved_bit(fifth, 2 * pair, 4));
        run->quants[2 * pair + 1] = _mm256_or_si256(shifted_bits(packed, 4, 15), moved_bit(fifth, 2 * pair + 1, 4));
    }
}

INLINE void decode_q6_k(const uint8_t *p, weight_run *run) {
    __m256 d = broadcast_f16(p + 208);
    for (int half = 0; half < 2; half++) {
        run->scales[half] = _mm256_mul_ps(d, floats_from_i8(load_u64(p + 192 + 8 * half)));
        __m256i high = load_32(p + 128 + 32 * half);
        for (int s = 0; s < 4; s++) {
            __m256i low = shifted_bits(load_32(p + 64 * half + 32 * (s % 2)), s < 2 ? 0 : 4, 15);
            __m256i pair = _mm256_slli_epi16(shifted_bits(high, 2 * s, 3), 4);
            run->quants[4 * half + s] = _mm256_or_si256(low, pair);
        }
    }
}

INLINE void decode_iq4_xs(const uint8_t *p, weight_run *run) {
    const __m256i by_four = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
    const __m256i by_two = _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14);
    __m256i low = _mm256_srlv_epi32(_mm256_set1_epi32((int)load_u32(p + 4)), by_four);
    __m256i high = _mm256_srlv_epi32(_mm256_set1_epi32(load_u16(p + 2)), by_two);
    low = _mm256_and_si256(low, _mm256_set1_epi32(15));
    high = _mm256_slli_epi32(_mm256_and_si256(high, _mm256_set1_epi32(3)), 4);
    __m256i scales = _mm256_sub_epi32(_mm256_or_si256(low, high), _mm256_set1_epi32(32));
    run->scales[0] = _mm256_mul_ps(broadcast_f16(p), _mm256_cvtepi32_ps(scales));
    for (int group = 0; group < RUN_GROUPS; group++) {
        run->quants[group] = look_up(skein_iq4_values, SIGNED_OFFSET, nibbles(p + 8 + 16 * group));
    }
}

// 16 x 16 dwords: from rows of `stride` bytes to rows of `to_stride`. Pairs of rows, then fours, are
// interleaved inside 128 bit lanes; then the lanes are exchanged.
INLINE void transpose_to(const void *from, int64_t stride, void *to, int64_t to_stride) {
    __m512i a[16], b[16];
    for (int i = 0; i < 16; i++) a[i] = _mm512_loadu_si512((const char *)from + i * stride);
    for (int i = 0; i < 16; i += 2) {
        b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
        a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
        a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
        a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        __m512i even_low = _mm512_shuffle_i32x4(a[i], a[i + 4], 0x88);
        __m512i odd_low = _mm512_shuffle_i32x4(a[i], a[i + 4], 0xDD);
        __m512i even_high = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0x88);
        __m512i odd_high = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0xDD);
        char *row = (char *)to + i * to_stride;
        _mm512_storeu_si512(row, _mm512_shuffle_i32x4(even_low, even_high, 0x88));
        _mm512_storeu_si512(row + 4 * to_stride, _mm512_shuffle_i32x4(odd_low, odd_high, 0x88));
        _mm512_storeu_si512(row + 8 * to_stride, _mm512_shuffle_i32x4(even_low, even_high, 0xDD));
        _mm512_storeu_si512(row + 12 * to_stride, _mm512_shuffle_i32x4(odd_low, odd_high, 0xDD));
    }
}

// To rows of 32 dwords.
INLINE void transpose(const void *from, int64_t stride, void *to) { transpose_to(from, stride, to, 32 * 4); }

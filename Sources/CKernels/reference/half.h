// F16 (IEEE 754 binary16) to and from float32, in integer arithmetic: the same bits on every processor.
#ifndef SKEIN_HALF_H
#define SKEIN_HALF_H

#include <stdint.h>
#include <string.h>

// Exact.
static inline float skein_float_from_half(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = (half >> 10) & 31;
    uint32_t fraction = half & 0x3ff;
    if (exponent == 0) {
        // Zero or subnormal: fraction * 2^-24, which float32 holds exactly.
        float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    uint32_t bits = exponent == 31 ? (sign | 0x7f800000 | fraction << 13)
                                   : (sign | (exponent + 112) << 23 | fraction << 13);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// Rounds to nearest, ties to even. Beyond 65520: infinity. NaN stays NaN.
static inline uint16_t skein_half_from_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
    if (magnitude >= 0x477ff000) return (uint16_t)(sign | 0x7c00);  // 65520 and more
    if (magnitude < 0x33000000) return sign;                        // below 2^-25
    uint32_t shift = 13;
    uint32_t significand = magnitude - 0x38000000;  // the exponent's bias goes from 127 to 15
    if (magnitude < 0x38800000) {                   // below 2^-14: subnormal, in units of 2^-24
        shift = 126 - (magnitude >> 23);
        significand = (magnitude & 0x7fffff) | 0x800000;
    }
    uint32_t rounded = significand >> shift;
    uint32_t rest = significand & ((1u << shift) - 1);
    uint32_t tie = 1u << (shift - 1);
    // A carry moves on into the exponent, which is what rounding up to the next power of two means.
    if (rest > tie || (rest == tie && (rounded & 1))) rounded++;
    return (uint16_t)(sign | rounded);
}

#endif

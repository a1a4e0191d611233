// Formats whose values are scale * code: Q3_K and Q6_K (codes are signed integers), IQ4_NL and IQ4_XS (16 uneven
// code points).
//
// For each group of values a scale is searched that leaves the least weighted sum of squared errors: candidates put the
// value of the largest magnitude near either end of the codes, and each candidate is corrected to the scale that
// is best for the codes it gives (weighted sum of x * code over that of code^2). Where the scales are integers times
// the block's F16 scale d, neighbours of each integer are tried with d as it was rounded, then the d that is best for
// all codes together, and the better of the two is kept.
#include "quantize_search.h"

#include <math.h>

#pragma STDC FP_CONTRACT OFF

enum { UNEVEN = 0, MOST_GROUPS = 16 };

// What codes a format has: integers low ... high, or the uneven code points.
typedef struct {
    int kind;        // UNEVEN, or not
    float low, high; // the ends
} code_range;

typedef struct {
    code_range codes;
    int groups;            // of a block
    int count;             // values in a group
    int least, most;       // integer scales
    int steps;             // candidates to either side of an end
    float step;            // between candidates, in codes
} signed_format;

// The nearest code points, as numbers.
static inline __attribute__((always_inline)) skein_lanes nearest_codes(skein_lanes x, code_range codes) {
    if (codes.kind != UNEVEN) {
        return skein_nearest(skein_least(skein_most(x, skein_all(codes.low)), skein_all(codes.high)));
    }
    skein_lanes result = skein_all(-127);
#define SKEIN_STEP(low, high) \
    result += (skein_lanes)((x > skein_all((low + high) * 0.5f)) & (skein_lane_bits)skein_all(high - (low)));
    SKEIN_STEP(-127, -104) SKEIN_STEP(-104, -83) SKEIN_STEP(-83, -65) SKEIN_STEP(-65, -49) SKEIN_STEP(-49, -35)
    SKEIN_STEP(-35, -22) SKEIN_STEP(-22, -10) SKEIN_STEP(-10, 1) SKEIN_STEP(1, 13) SKEIN_STEP(13, 25)
    SKEIN_STEP(25, 38) SKEIN_STEP(38, 53) SKEIN_STEP(53, 69) SKEIN_STEP(69, 89) SKEIN_STEP(89, 113)
#undef SKEIN_STEP
    return result;
}

// Of the codes of x * inverse: weighted sums of x * code and of code^2.
typedef struct {
    float products, squares;
} code_sums;

static inline __attribute__((always_inline)) code_sums sums_of(
    const float *x, const float *weights, int count, float inverse, code_range codes) {
    skein_lanes products = skein_all(0), squares = skein_all(0);
    for (int i = 0; i < count; i += 4) {
        skein_lanes values = skein_load(x + i);
        skein_lanes code = nearest_codes(values * inverse, codes);
        skein_lanes weighted = code * skein_load(weights + i);
        products += values * weighted;
        squares += code * weighted;
    }
    return (code_sums){skein_sum(products), skein_sum(squares)};
}

// The scale of a group. With the best scale for given codes, the weighted error is the sum of x^2 less
// products^2 / squares.
static inline __attribute__((always_inline)) float search_scale(
    const float *x, const float *weights, const signed_format format) {
    float largest = skein_largest_magnitude(x, format.count);
    if (largest < SKEIN_SMALLEST_VALUE) return 0;
    float best = 0, scale = 0;
    for (int end = 0; end < 2; end++) {
        for (int step = -format.steps; step <= format.steps; step++) {
            // A negative scale is the mirror image, so both signs of the extreme value are tried at both ends.
            float reach = end ? format.codes.high : format.codes.low;
            float inverse = (reach + (float)step * format.step) / largest;
            code_sums sums = sums_of(x, weights, format.count, inverse, format.codes);
            if (sums.squares > 0 && sums.products * sums.products > best * sums.squares) {
                best = sums.products * sums.products / sums.squares;
                scale = sums.products / sums.squares;
            }
        }
    }
    code_sums sums = sums_of(x, weights, format.count, 1.0f / scale, format.codes);
    if (scale != 0 && sums.squares > 0 && sums.products * sums.products > best * sums.squares) {
        scale = sums.products / sums.squares;
    }
    return scale;
}

// A block's choice, and what it is worth: the part of the weighted sum of x^2 that it explains.
typedef struct {
    float d;
    int scales[MOST_GROUPS];
    float explained;
    float products, squares; // of x and of itself with (integer scale * code), over the block
} signed_choice;

// For a given d, the best integer scale of each group near `wanted`.
static inline __attribute__((always_inline)) signed_choice choose_scales(
    const float *x, const float *weights, const float *wanted, float d, const signed_format format) {
    signed_choice choice = {.d = d};
    for (int group = 0; group < format.groups; group++) {
        float ratio = fmaxf((float)format.least, fminf(wanted[group] / d, (float)format.most));
        int middle = (int)(ratio < 0 ? ratio - 0.5f : ratio + 0.5f);
        float best = 0, best_products = 0, best_squares = 0;
        for (int candidate = middle - 1; candidate <= middle + 1; candidate++) {
            if (candidate < format.least || candidate > format.most || candidate == 0) continue;
            float scale = d * (float)candidate;
            int first = group * format.count;
            code_sums sums = sums_of(x + first, weights + first, format.count, 1.0f / scale, format.codes);
            float explained = 2 * scale * sums.products - scale * scale * sums.squares;
            if (explained > best) {
                best = explained;
                choice.scales[group] = candidate;
                best_products = sums.products * (float)candidate;
                best_squares = sums.squares * (float)(candidate * candidate);
            }
        }
        choice.explained += best;
        choice.products += best_products;
        choice.squares += best_squares;
    }
    return choice;
}

// d and the integer scales of a block; d is 0 for a block of zeros, infinite for one too large.
static inline __attribute__((always_inline)) signed_choice search_block(const float *x, const signed_format format) {
    float wanted[MOST_GROUPS], weights[256], extreme = 0;
    skein_importance(x, 256, weights);
    for (int group = 0; group < format.groups; group++) {
        wanted[group] = search_scale(x + group * format.count, weights + group * format.count, format);
        if (fabsf(wanted[group]) > fabsf(extreme)) extreme = wanted[group];
    }
    float d = skein_reaching_scale(extreme / (float)format.least);
    if (d == 0 || !(fabsf(d) <= SKEIN_LARGEST_SCALE)) return (signed_choice){.d = d};
    signed_choice best = choose_scales(x, weights, wanted, d, format);
    for (int turn = 0; turn < 2 && best.squares > 0; turn++) {
        d = skein_rounded_scale(best.products / best.squares);
        if (d == best.d || d == 0 || !(fabsf(d) <= SKEIN_LARGEST_SCALE)) break;
        signed_choice other = choose_scales(x, weights, wanted, d, format);
        if (!(other.explained > best.explained)) break;
        best = other;
    }
    return best;
}

// The codes of a block as integers: code - low for even ones, the index of the code point for uneven ones.
static inline void write_codes(
    const float *x, const signed_choice *choice, const signed_format format, uint8_t *codes) {
    for (int index = 0; index < format.groups * format.count; index += 4) {
        float scale = choice->d * (float)choice->scales[index / format.count];
        float inverse = scale == 0 ? 0 : 1.0f / scale;
        skein_lanes code = nearest_codes(skein_load(x + index) * inverse, format.codes);
        for (int lane = 0; lane < 4; lane++) {
            int number = (int)code[lane], place = number - (int)format.codes.low;
            if (format.codes.kind == UNEVEN) for (place = 0; skein_iq4_values[place] != number;) place++;
            codes[index + lane] = (uint8_t)place;
        }
    }
}

static bool is_too_large(const float *x, int count) { return skein_largest_magnitude(x, count) > SKEIN_LARGEST_VALUE; }

// Bits 2s of byte 32 h + i for value 128 h + 32 s + i.
static void pack_pairs(const uint8_t *pairs, uint8_t *bytes) {
    memset(bytes, 0, 64);
    for (int index = 0; index < 256; index++) {
        bytes[index / 128 * 32 + index % 32] |= (uint8_t)((pairs[index] & 3) << index % 128 / 32 * 2);
    }
}

// The layouts are described at the functions of formats_k.c that read them.
int skein_quantize_q3_k(const float *x, uint8_t *block) {
    const signed_format format = {{1, -4, 3}, 16, 16, -32, 31, 9, 0.125f};
    if (is_too_large(x, 256)) return SKEIN_QUANTIZE_TOO_LARGE;
    signed_choice choice = search_block(x, format);
    if (!(fabsf(choice.d) <= SKEIN_LARGEST_SCALE)) return SKEIN_QUANTIZE_TOO_LARGE;
    uint8_t codes[256];
    write_codes(x, &choice, format, codes);
    memset(block, 0, 110);
    for (int index = 0; index < 256; index++) block[index % 32] |= (uint8_t)((codes[index] >> 2 & 1) << index / 32);
    pack_pairs(codes, block + 32);
    for (int group = 0; group < 16; group++) {
        int scale = choice.scales[group] + 32;
        block[96 + group % 8] |= (uint8_t)((scale & 15) << group / 8 * 4);
        block[104 + group % 4] |= (uint8_t)(scale >> 4 << group / 4 * 2);
    }
    skein_store_u16(block + 108, skein_half_from_float(choice.d));
    return SKEIN_QUANTIZED;
}

int skein_quantize_q6_k(const float *x, uint8_t *block) {
    const signed_format format = {{1, -32, 31}, 16, 16, -128, 127, 6, 0.15f};
    if (is_too_large(x, 256)) return SKEIN_QUANTIZE_TOO_LARGE;
    signed_choice choice = search_block(x, format);
    if (!(fabsf(choice.d) <= SKEIN_LARGEST_SCALE)) return SKEIN_QUANTIZE_TOO_LARGE;
    uint8_t codes[256];
    write_codes(x, &choice, format, codes);
    memset(block, 0, 128);
    for (int index = 0; index < 256; index++) {
        block[index / 128 * 64 + index % 64] |= (uint8_t)((codes[index] & 15) << index % 128 / 64 * 4);
        codes[index] >>= 4;
    }
    pack_pairs(codes, block + 128);
    for (int group = 0; group < 16; group++) block[192 + group] = (uint8_t)(int8_t)choice.scales[group];
    skein_store_u16(block + 208, skein_half_from_float(choice.d));
    return SKEIN_QUANTIZED;
}

int skein_quantize_iq4_xs(const float *x, uint8_t *block) {
    const signed_format format = {{UNEVEN, -127, 113}, 8, 32, -32, 31, 7, 4.0f};
    if (is_too_large(x, 256)) return SKEIN_QUANTIZE_TOO_LARGE;
    signed_choice choice = search_block(x, format);
    if (!(fabsf(choice.d) <= SKEIN_LARGEST_SCALE)) return SKEIN_QUANTIZE_TOO_LARGE;
    uint8_t codes[256];
    write_codes(x, &choice, format, codes);
    memset(block, 0, 136);
    unsigned high = 0;
    for (int group = 0; group < 8; group++) {
        unsigned scale = (unsigned)(choice.scales[group] + 32);
        block[4 + group / 2] |= (uint8_t)((scale & 15) << group % 2 * 4);
        high |= scale >> 4 << 2 * group;
    }
    for (int index = 0; index < 256; index++) {
        block[8 + index / 32 * 16 + index % 16] |= (uint8_t)(codes[index] << index % 32 / 16 * 4);
    }
    skein_store_u16(block, skein_half_from_float(choice.d));
    skein_store_u16(block + 2, (uint16_t)high);
    return SKEIN_QUANTIZED;
}

// The scale of a group is the block's own, so only its rounding to F16 is left.
int skein_quantize_iq4_nl(const float *x, uint8_t *block) {
    const signed_format format = {{UNEVEN, -127, 113}, 1, 32, 1, 1, 12, 3.0f};
    if (is_too_large(x, 32)) return SKEIN_QUANTIZE_TOO_LARGE;
    float weights[32];
    skein_importance(x, 32, weights);
    signed_choice choice = {.d = skein_rounded_scale(search_scale(x, weights, format)), .scales = {1}};
    if (!(fabsf(choice.d) <= SKEIN_LARGEST_SCALE)) return SKEIN_QUANTIZE_TOO_LARGE;
    uint8_t codes[32];
    write_codes(x, &choice, format, codes);
    skein_store_u16(block, skein_half_from_float(choice.d));
    for (int i = 0; i < 16; i++) block[2 + i] = (uint8_t)(codes[i] | codes[i + 16] << 4);
    return SKEIN_QUANTIZED;
}

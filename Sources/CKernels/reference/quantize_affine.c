// Formats whose values are scale * quant - minimum: Q2_K, Q4_K and Q5_K.
//
// For each group of values a scale and a minimum are searched that leave the least weighted sum of squared errors:
// candidates spread the group's range over a little less or more than the quants there are, and each is corrected
// to the scale and minimum that are best for the quants it gives (two linear equations). Both are integers times
// the block's d and dmin, so then neighbours of the integers are tried with d and dmin as they were rounded; last,
// d and dmin that are best for all quants together, kept where the error is less.
#include "quantize_search.h"

#pragma STDC FP_CONTRACT OFF

enum { MOST_GROUPS = 16, STEPS = 10 };

typedef struct {
    int groups, count; // of a block; values in a group
    int quants;        // the largest quant
    int scales;        // the largest integer scale and minimum
} affine_format;

// A group's scale and minimum.
typedef struct {
    float scale, minimum;
} affine;

// Over a group: weighted sums of quant, quant^2 and x * quant.
typedef struct {
    float quants, squares, products;
} quant_sums;

// The quants are those of (x + minimum) * inverse.
static inline __attribute__((always_inline)) quant_sums sums_of(
    const float *x, const float *weights, float minimum, float inverse, const affine_format format) {
    skein_lanes quants = skein_all(0), squares = skein_all(0), products = skein_all(0);
    for (int i = 0; i < format.count; i += 4) {
        skein_lanes values = skein_load(x + i);
        skein_lanes scaled = (values + minimum) * inverse;
        skein_lanes quant =
            skein_nearest(skein_least(skein_most(scaled, skein_all(0)), skein_all((float)format.quants)));
        skein_lanes weighted = quant * skein_load(weights + i);
        quants += weighted;
        squares += quant * weighted;
        products += values * weighted;
    }
    return (quant_sums){skein_sum(quants), skein_sum(squares), skein_sum(products)};
}

// The part of the weighted sum of x^2 that scale * quant - minimum explains. `total` is the weighted sum of x, `mass`
// that of the weights.
static inline double explained_by(affine a, quant_sums sums, float total, float mass) {
    double scale = a.scale, minimum = a.minimum;
    return 2 * scale * sums.products - 2 * minimum * total - scale * scale * sums.squares +
           2 * scale * minimum * sums.quants - minimum * minimum * mass;
}

// The best scale and minimum, neither below zero, for given quants.
static inline affine best_affine(quant_sums sums, float total, float mass) {
    double determinant = (double)mass * sums.squares - (double)sums.quants * sums.quants;
    if (determinant > 0) {
        double scale = ((double)mass * sums.products - (double)total * sums.quants) / determinant;
        double minimum = ((double)sums.quants * sums.products - (double)sums.squares * total) / determinant;
        if (scale > 0 && minimum >= 0) return (affine){(float)scale, (float)minimum};
    }
    if (sums.squares > 0 && sums.products > 0) return (affine){sums.products / sums.squares, 0};
    return (affine){0, total < 0 ? -total / mass : 0};
}

// The weighted sum of x, and that of the weights.
static inline float total_of(const float *x, const float *weights, int count, float *mass) {
    skein_lanes total = skein_all(0), masses = skein_all(0);
    for (int i = 0; i < count; i += 4) {
        total += skein_load(x + i) * skein_load(weights + i);
        masses += skein_load(weights + i);
    }
    *mass = skein_sum(masses);
    return skein_sum(total);
}

static inline void range_of(const float *x, int count, float *low, float *high) {
    skein_lanes least = skein_all(0), most = skein_all(0);
    for (int i = 0; i < count; i += 4) {
        least = skein_least(skein_load(x + i), least);
        most = skein_most(skein_load(x + i), most);
    }
    *low = *high = 0;
    for (int lane = 0; lane < 4; lane++) {
        if (least[lane] < *low) *low = least[lane];
        if (most[lane] > *high) *high = most[lane];
    }
}

static inline __attribute__((always_inline)) affine search_affine(
    const float *x, const float *weights, const affine_format format) {
    float low, high, mass, total = total_of(x, weights, format.count, &mass);
    range_of(x, format.count, &low, &high);
    if (high - low < SKEIN_SMALLEST_VALUE) return (affine){0, 0};
    affine best = {0, 0};
    double best_explained = 0;
    for (int step = -STEPS; step <= STEPS; step++) {
        float inverse = ((float)format.quants + (float)step * (1.0f / STEPS)) / (high - low);
        affine candidate = {1 / inverse, -low};
        // The quants of the best scale and minimum for these quants may be better still.
        for (int turn = 0; turn < 2; turn++) {
            if (candidate.scale == 0) break;
            quant_sums sums = sums_of(x, weights, candidate.minimum, 1 / candidate.scale, format);
            candidate = best_affine(sums, total, mass);
            double explained = explained_by(candidate, sums, total, mass);
            if (explained > best_explained) {
                best = candidate;
                best_explained = explained;
            }
        }
    }
    return best;
}

// A block's choice, what it explains, and the sums that give the best d and dmin for its quants: with
// a = integer scale * quant and b = integer minimum, of a^2, a * b, b^2, x * a, x * b.
typedef struct {
    float d, dmin;
    int scales[MOST_GROUPS], minima[MOST_GROUPS];
    double explained;
    double aa, ab, bb, xa, xb;
} affine_choice;

static inline int nearest_integer(float wanted, float unit, int most) {
    if (!(unit > 0)) return 0;
    float ratio = wanted / unit;
    return ratio > (float)most ? most : (int)(ratio + 0.5f);
}

// The integers of one group near `wanted`, added to `choice`.
static inline __attribute__((always_inline)) void choose_group(
    const float *x, const float *weights, affine wanted, int group, affine_choice *choice, const affine_format format) {
    float mass, total = total_of(x, weights, format.count, &mass);
    int scale_middle = nearest_integer(wanted.scale, choice->d, format.scales);
    int minimum_middle = nearest_integer(wanted.minimum, choice->dmin, format.scales);
    double best = 0;
    quant_sums best_sums = {0, 0, 0};
    for (int scale = scale_middle - 1; scale <= scale_middle + 1; scale++) {
        for (int minimum = minimum_middle - 1; minimum <= minimum_middle + 1; minimum++) {
            if (scale < 0 || scale > format.scales || minimum < 0 || minimum > format.scales) continue;
            affine a = {choice->d * (float)scale, choice->dmin * (float)minimum};
            quant_sums sums = {0, 0, 0};
            if (a.scale > 0) sums = sums_of(x, weights, a.minimum, 1 / a.scale, format);
            double explained = explained_by(a, sums, total, mass);
            if (explained > best) {
                best = explained;
                best_sums = sums;
                choice->scales[group] = scale;
                choice->minima[group] = minimum;
            }
        }
    }
    double scale = choice->scales[group], minimum = choice->minima[group];
    choice->explained += best;
    choice->aa += scale * scale * best_sums.squares;
    choice->ab += scale * minimum * best_sums.quants;
    choice->bb += minimum * minimum * mass;
    choice->xa += scale * best_sums.products;
    choice->xb += minimum * total;
}

static inline __attribute__((always_inline)) affine_choice choose_block(
    const float *x, const float *weights, const affine *wanted, float d, float dmin, const affine_format format) {
    affine_choice choice = {.d = d, .dmin = dmin};
    for (int group = 0; group < format.groups; group++) {
        choose_group(x + group * format.count, weights + group * format.count, wanted[group], group, &choice, format);
    }
    return choice;
}

// The d and dmin that are best for the quants of a choice: x is near d * a - dmin * b.
static void best_scales(const affine_choice *choice, float *d, float *dmin) {
    double determinant = choice->aa * choice->bb - choice->ab * choice->ab;
    *d = choice->d;
    *dmin = choice->dmin;
    if (choice->bb == 0 && choice->aa > 0) *d = (float)(choice->xa / choice->aa);
    if (!(determinant > 0)) return;
    double scale = (choice->xa * choice->bb - choice->xb * choice->ab) / determinant;
    double minimum = (choice->xa * choice->ab - choice->xb * choice->aa) / determinant;
    if (scale > 0 && minimum > 0) {
        *d = (float)scale;
        *dmin = (float)minimum;
    }
}

static inline __attribute__((always_inline)) affine_choice search_block(const float *x, const affine_format format) {
    affine wanted[MOST_GROUPS];
    float weights[256];
    skein_importance(x, 256, weights);
    float largest_scale = 0, largest_minimum = 0;
    for (int group = 0; group < format.groups; group++) {
        wanted[group] = search_affine(x + group * format.count, weights + group * format.count, format);
        if (wanted[group].scale > largest_scale) largest_scale = wanted[group].scale;
        if (wanted[group].minimum > largest_minimum) largest_minimum = wanted[group].minimum;
    }
    float d = skein_reaching_scale(largest_scale / (float)format.scales);
    float dmin = skein_reaching_scale(largest_minimum / (float)format.scales);
    if (!(d <= SKEIN_LARGEST_SCALE && dmin <= SKEIN_LARGEST_SCALE)) return (affine_choice){.d = d, .dmin = dmin};
    affine_choice best = choose_block(x, weights, wanted, d, dmin, format);
    for (int turn = 0; turn < 2; turn++) {
        best_scales(&best, &d, &dmin);
        d = skein_rounded_scale(d);
        dmin = skein_rounded_scale(dmin);
        if (!(d <= SKEIN_LARGEST_SCALE && dmin <= SKEIN_LARGEST_SCALE)) break;
        if (d == best.d && dmin == best.dmin) break;
        affine_choice other = choose_block(x, weights, wanted, d, dmin, format);
        if (!(other.explained > best.explained)) break;
        best = other;
    }
    return best;
}

static int quantize(const float *x, const affine_format format, affine_choice *choice, uint8_t *quants) {
    if (skein_largest_magnitude(x, 256) > SKEIN_LARGEST_VALUE) return SKEIN_QUANTIZE_TOO_LARGE;
    *choice = search_block(x, format);
    if (!(choice->d <= SKEIN_LARGEST_SCALE && choice->dmin <= SKEIN_LARGEST_SCALE)) return SKEIN_QUANTIZE_TOO_LARGE;
    for (int index = 0; index < 256; index += 4) {
        int group = index / format.count;
        float scale = choice->d * (float)choice->scales[group];
        float minimum = choice->dmin * (float)choice->minima[group];
        skein_lanes scaled = (skein_load(x + index) + minimum) * (scale > 0 ? 1 / scale : 0);
        skein_lanes quant =
            skein_nearest(skein_least(skein_most(scaled, skein_all(0)), skein_all((float)format.quants)));
        for (int lane = 0; lane < 4; lane++) quants[index + lane] = (uint8_t)quant[lane];
    }
    return SKEIN_QUANTIZED;
}

// The layouts are described at the functions of formats_k.c that read them.
int skein_quantize_q2_k(const float *x, uint8_t *block) {
    affine_choice choice;
    uint8_t quants[256];
    if (quantize(x, (affine_format){16, 16, 3, 15}, &choice, quants)) return SKEIN_QUANTIZE_TOO_LARGE;
    memset(block, 0, 84);
    for (int group = 0; group < 16; group++) {
        block[group] = (uint8_t)(choice.scales[group] | choice.minima[group] << 4);
    }
    for (int index = 0; index < 256; index++) {
        block[16 + index / 128 * 32 + index % 32] |= (uint8_t)(quants[index] << index % 128 / 32 * 2);
    }
    skein_store_u16(block + 80, skein_half_from_float(choice.d));
    skein_store_u16(block + 82, skein_half_from_float(choice.dmin));
    return SKEIN_QUANTIZED;
}

// d, dmin and the 12 bytes of scales and minima, 6 bits each.
static void pack_scales_6bit(const affine_choice *choice, uint8_t *block) {
    skein_store_u16(block, skein_half_from_float(choice->d));
    skein_store_u16(block + 2, skein_half_from_float(choice->dmin));
    uint8_t *packed = block + 4;
    for (int i = 0; i < 4; i++) {
        packed[i] = (uint8_t)(choice->scales[i] | choice->scales[4 + i] >> 4 << 6);
        packed[4 + i] = (uint8_t)(choice->minima[i] | choice->minima[4 + i] >> 4 << 6);
        packed[8 + i] = (uint8_t)((choice->scales[4 + i] & 15) | (choice->minima[4 + i] & 15) << 4);
    }
}

static void pack_nibbles(const uint8_t *quants, uint8_t *bytes) {
    memset(bytes, 0, 128);
    for (int index = 0; index < 256; index++) {
        bytes[index / 64 * 32 + index % 32] |= (uint8_t)((quants[index] & 15) << index % 64 / 32 * 4);
    }
}

int skein_quantize_q4_k(const float *x, uint8_t *block) {
    affine_choice choice;
    uint8_t quants[256];
    if (quantize(x, (affine_format){8, 32, 15, 63}, &choice, quants)) return SKEIN_QUANTIZE_TOO_LARGE;
    pack_scales_6bit(&choice, block);
    pack_nibbles(quants, block + 16);
    return SKEIN_QUANTIZED;
}

int skein_quantize_q5_k(const float *x, uint8_t *block) {
    affine_choice choice;
    uint8_t quants[256];
    if (quantize(x, (affine_format){8, 32, 31, 63}, &choice, quants)) return SKEIN_QUANTIZE_TOO_LARGE;
    pack_scales_6bit(&choice, block);
    memset(block + 16, 0, 32);
    for (int index = 0; index < 256; index++) block[16 + index % 32] |= (uint8_t)(quants[index] >> 4 << index / 32);
    pack_nibbles(quants, block + 48);
    return SKEIN_QUANTIZED;
}

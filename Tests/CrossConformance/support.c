#include "conformance.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int failure_count;

int failures(void) { return failure_count; }

void report(const char *format, ...) {
    enum { SHOWN = 40 };
    failure_count++;
    if (failure_count > SHOWN) return;
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
}

// SplitMix64.
uint32_t next_bits(generator *g) {
    uint64_t z = g->state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return (uint32_t)(z >> 32);
}

float next_float(generator *g, float low, float high) {
    return low + (high - low) * ((float)(next_bits(g) >> 8) * 0x1p-24f);
}

float next_normal(generator *g) {
    float sum = -6;
    for (int i = 0; i < 12; i++) sum += next_float(g, 0, 1);
    return sum;
}

float *normal_floats(generator *g, int64_t count) {
    float *values = guarded((size_t)count * sizeof *values);
    for (int64_t i = 0; i < count; i++) values[i] = next_normal(g);
    return values;
}

// What guarded has given.
typedef struct {
    void *memory;
    size_t bytes;
} mapping;

enum { MOST_MAPPINGS = 4096 };

static mapping mappings[MOST_MAPPINGS];
static int mapping_count;

void *guarded(size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (bytes + page - 1) / page * page;
    char *memory = mmap(NULL, pages + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool is_there = memory != MAP_FAILED && mapping_count < MOST_MAPPINGS;
    if (!is_there || mprotect(memory + pages, page, PROT_NONE) != 0) {
        fputs("no memory\n", stderr);
        exit(1);
    }
    mappings[mapping_count++] = (mapping){memory, pages + page};
    memset(memory, 0xFF, pages);
    return memory + pages - bytes;
}

void release_guarded(void) {
    while (mapping_count > 0) {
        mapping_count--;
        munmap(mappings[mapping_count].memory, mappings[mapping_count].bytes);
    }
}

const skein_kernels *reference_kernels(void) { return skein_kernels_named("reference"); }

const skein_kernels *other_kernels(int32_t index) {
    const char *name = skein_kernels_name(index + 1); // the reference is the first
    return name != NULL ? skein_kernels_named(name) : NULL;
}

bool expect_close(const char *what, const float *got, const float *expected, int64_t count, double relative,
                  double absolute) {
    for (int64_t i = 0; i < count; i++) {
        double bound = relative * fabs((double)expected[i]) + absolute;
        if (fabs((double)got[i] - (double)expected[i]) <= bound || got[i] == expected[i]) continue;
        if (isnan(got[i]) && isnan(expected[i])) continue;
        report("%s: value %lld is %.9g, expected %.9g +- %.3g", what, (long long)i, (double)got[i],
               (double)expected[i], bound);
        return false;
    }
    return true;
}

bool expect_same_bits(const char *what, const void *got, const void *expected, size_t bytes) {
    const uint8_t *a = got, *b = expected;
    for (size_t i = 0; i < bytes; i++) {
        if (a[i] == b[i]) continue;
        report("%s: byte %zu is %d, expected %d", what, i, a[i], b[i]);
        return false;
    }
    return true;
}

const int32_t all_types[16] = {
    SKEIN_F32,  SKEIN_F16,  SKEIN_BF16, SKEIN_Q8_0, SKEIN_Q4_0, SKEIN_Q4_1,   SKEIN_Q5_0,   SKEIN_Q5_1,
    SKEIN_Q2_K, SKEIN_Q3_K, SKEIN_Q4_K, SKEIN_Q5_K, SKEIN_Q6_K, SKEIN_IQ4_NL, SKEIN_IQ4_XS, SKEIN_MXFP4,
};

const char *type_name(int32_t type) {
    static const char *const names[] = {
        "F32",  "F16",  "BF16", "Q8_0", "Q4_0", "Q4_1",   "Q5_0",   "Q5_1",
        "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4",
    };
    for (int i = 0; i < 16; i++) {
        if (all_types[i] == type) return names[i];
    }
    return "?";
}

// Values and bytes of a block, and where its F16 scales are (-1: no more of them).
typedef struct {
    int values, bytes, scales[2];
} block_shape;

static block_shape shape_of(int32_t type) {
    switch (type) {
    case SKEIN_F32: return (block_shape){1, 4, {-1, -1}};
    case SKEIN_F16: case SKEIN_BF16: return (block_shape){1, 2, {-1, -1}};
    case SKEIN_Q8_0: return (block_shape){32, 34, {0, -1}};
    case SKEIN_Q4_0: case SKEIN_IQ4_NL: return (block_shape){32, 18, {0, -1}};
    case SKEIN_Q4_1: return (block_shape){32, 20, {0, 2}};
    case SKEIN_Q5_0: return (block_shape){32, 22, {0, -1}};
    case SKEIN_Q5_1: return (block_shape){32, 24, {0, 2}};
    case SKEIN_MXFP4: return (block_shape){32, 17, {-1, -1}};
    case SKEIN_Q2_K: return (block_shape){256, 84, {80, 82}};
    case SKEIN_Q3_K: return (block_shape){256, 110, {108, -1}};
    case SKEIN_Q4_K: return (block_shape){256, 144, {0, 2}};
    case SKEIN_Q5_K: return (block_shape){256, 176, {0, 2}};
    case SKEIN_Q6_K: return (block_shape){256, 210, {208, -1}};
    default: return (block_shape){256, 136, {0, -1}}; // IQ4_XS
    }
}

int64_t row_bytes_of(int32_t type, int32_t columns) {
    block_shape shape = shape_of(type);
    return (int64_t)columns / shape.values * shape.bytes;
}

// F16 from 2^-8 to 2^-6, of either sign.
static uint16_t next_scale(generator *g) {
    uint32_t bits = next_bits(g);
    return (uint16_t)((bits & 0x83FF) | (7 + (bits >> 16 & 1)) << 10);
}

static void fill_block(generator *g, int32_t type, block_shape shape, int32_t byte, uint8_t *block) {
    if (shape.values == 1) {
        float value = next_normal(g);
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        uint16_t half = type == SKEIN_BF16 ? (uint16_t)(bits >> 16) : next_scale(g);
        if (type == SKEIN_F32) memcpy(block, &value, sizeof value);
        else memcpy(block, &half, sizeof half);
        return;
    }
    for (int i = 0; i < shape.bytes; i++) block[i] = (uint8_t)(byte == ANY_BYTES ? next_bits(g) : (uint32_t)byte);
    for (int i = 0; i < 2 && shape.scales[i] >= 0; i++) {
        uint16_t scale = next_scale(g);
        memcpy(block + shape.scales[i], &scale, sizeof scale);
    }
    // The two smallest scales of MXFP4 too.
    if (type == SKEIN_MXFP4) block[0] = next_bits(g) % 8 == 0 ? next_bits(g) % 3 : 117 + next_bits(g) % 7;
}

void *sample_weights(generator *g, int32_t type, int32_t rows, int32_t columns, int32_t byte) {
    block_shape shape = shape_of(type);
    size_t bytes = (size_t)(rows * row_bytes_of(type, columns));
    uint8_t *weights = guarded(bytes);
    for (size_t at = 0; at < bytes; at += (size_t)shape.bytes) fill_block(g, type, shape, byte, weights + at);
    return weights;
}

// The kernels of one instruction set after the other against the reference, in plain C: a program for a processor that
// is not here, run by an emulator (make test-arm). Tests/OpConformance says more about the sets of this machine.
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include "skein_kernels.h"
#include "skein_mixture.h"

// Counts a failure and says where; the first few of them in full.
void report(const char *format, ...) __attribute__((format(printf, 1, 2)));

// A generator of the same numbers everywhere.
typedef struct {
    uint64_t state;
} generator;

uint32_t next_bits(generator *g);
float next_float(generator *g, float low, float high);
// Roughly normal, variance 1.
float next_normal(generator *g);
float *normal_floats(generator *g, int64_t count);

// Memory that ends where no byte may be touched, and is full of ones at first (as floats, NaN).
void *guarded(size_t bytes);
// All of it goes: between cases.
void release_guarded(void);

// The sets beside the reference.
const skein_kernels *reference_kernels(void);
const skein_kernels *other_kernels(int32_t index); // NULL past the last

// The result is within `relative` of the expected value plus `absolute`; both NaN counts as equal. False once a value
// is not, which is reported.
bool expect_close(const char *what, const float *got, const float *expected, int64_t count, double relative,
                  double absolute);
bool expect_same_bits(const char *what, const void *got, const void *expected, size_t bytes);

// Blocks of a format, `rows` rows, with ordinary scales. All other bytes are `byte`, or any where that is ANY_BYTES.
void *sample_weights(generator *g, int32_t type, int32_t rows, int32_t columns, int32_t byte);
enum { ANY_BYTES = -1 };
int64_t row_bytes_of(int32_t type, int32_t columns);
const char *type_name(int32_t type);
extern const int32_t all_types[16];

// One for each kernel, or few that belong together.
void check_linear(const skein_kernels *set);
void check_linear_agrees(void);
void check_quantize_activations(const skein_kernels *set);
void check_attention(const skein_kernels *set);
void check_mixtures(const skein_kernels *set);
void check_latent_attention(const skein_kernels *set);
void check_rows(const skein_kernels *set);

#endif

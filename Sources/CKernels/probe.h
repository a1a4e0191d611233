// Inside CKernels: probes of every instruction set are `skein_<isa>_probe_<kind>`, their amounts the enums here.
#ifndef SKEIN_PROBE_INTERNAL_H
#define SKEIN_PROBE_INTERNAL_H

#include "skein_probe.h"

// Rounds of an item: 30 to 100 microseconds, short beside what is timed and long beside taking an item.
enum { SKEIN_PROBE_ROUNDS = 1 << 14 };

// Independent sums. More than latency times instructions a cycle of any processor known (Zen 5: 5 * 2), as few as
// leave registers for the factors.
enum {
    SKEIN_PROBE_SUMS_PORTABLE = 8,
    SKEIN_PROBE_SUMS_AVX2 = 12,
    SKEIN_PROBE_SUMS_AVX512 = 16,
};

skein_kernel skein_reference_probe_int8;
skein_kernel skein_reference_probe_f32;
skein_kernel skein_reference_probe_read;
skein_kernel skein_avx2_probe_int8;
skein_kernel skein_avx2_probe_f32;
skein_kernel skein_avx2_probe_read;
skein_kernel skein_avx512_probe_int8;
skein_kernel skein_avx512_probe_f32;
skein_kernel skein_avx512_probe_bf16;

#endif

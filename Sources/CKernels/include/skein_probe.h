// Probes of what a processor can do at most: products of 8-bit integers, of BF16 and of float32 in registers, and
// reading memory. Kernels are measured against them.
//
// A probe has the signature of every kernel, so that a thread team runs it. Its items are alike; the arithmetic ones
// touch no memory but `workspace`, where each leaves a result so that no compiler can leave its work out.
#ifndef SKEIN_PROBE_H
#define SKEIN_PROBE_H

#include "skein_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SKEIN_PROBE_INT8 = 0, // sums of products of 8-bit integers in 32 bits
    SKEIN_PROBE_BF16 = 1, // sums of products of BF16 in float32
    SKEIN_PROBE_F32 = 2,  // fused multiplications and additions of float32
    SKEIN_PROBE_READ = 3, // bytes of memory
};

// Arguments of SKEIN_PROBE_READ; the others take NULL.
typedef struct {
    const uint8_t *memory; // 64-byte aligned; item i is SKEIN_PROBE_READ_BYTES at i * SKEIN_PROBE_READ_BYTES
} skein_probe_read_args;

enum {
    SKEIN_PROBE_READ_BYTES = 1 << 20,
    SKEIN_PROBE_WORKSPACE_BYTES = 64, // of a thread, 64-byte aligned
};

typedef struct {
    const char *instructions; // what it is made of, such as "vpdpbusd 512"
    skein_kernel *kernel;
    double amount;            // of an item: multiplications and additions, or bytes
} skein_probe;

// The fastest that this processor can run, of SKEIN_PROBE_...; its kernel is NULL where the processor has no
// instructions for it (BF16).
skein_probe skein_probe_of(int32_t kind);

#ifdef __cplusplus
}
#endif
#endif

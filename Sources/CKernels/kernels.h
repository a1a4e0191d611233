// Inside CKernels: every kernel of every instruction set is `skein_<isa>_<op>`.
#ifndef SKEIN_KERNELS_INTERNAL_H
#define SKEIN_KERNELS_INTERNAL_H

#include "skein_kernels.h"

#define SKEIN_DECLARE_KERNELS(isa)                        \
    skein_kernel skein_##isa##_dequantize;                \
    skein_kernel skein_##isa##_embedding;                 \
    skein_kernel skein_##isa##_quantize_activations;      \
    skein_kernel skein_##isa##_linear;                    \
    skein_kernel skein_##isa##_rms_norm;                  \
    skein_kernel skein_##isa##_rope;                      \
    skein_kernel skein_##isa##_cache_write;               \
    skein_kernel skein_##isa##_attention;                 \
    skein_kernel skein_##isa##_gated_activation;          \
    skein_kernel skein_##isa##_add;                       \
    skein_kernel skein_##isa##_select_rows;

SKEIN_DECLARE_KERNELS(reference)
SKEIN_DECLARE_KERNELS(avx2)
SKEIN_DECLARE_KERNELS(avx512)

#endif

// Inside CKernels: every kernel of every instruction set is `skein_<isa>_<op>`.
#ifndef SKEIN_KERNELS_INTERNAL_H
#define SKEIN_KERNELS_INTERNAL_H

#include "skein_kernels.h"
#include "skein_mixture.h"

#define SKEIN_DECLARE_KERNELS(isa)                        \
    skein_kernel skein_##isa##_pack_weights;              \
    skein_kernel skein_##isa##_dequantize;                \
    skein_kernel skein_##isa##_embedding;                 \
    skein_kernel skein_##isa##_quantize_activations;      \
    skein_kernel skein_##isa##_round_activations;         \
    int32_t skein_##isa##_linear_input(int32_t type, int32_t layout, int32_t batch_tokens); \
    skein_kernel skein_##isa##_linear;                    \
    skein_kernel skein_##isa##_rms_norm;                  \
    skein_kernel skein_##isa##_layer_norm;                \
    skein_kernel skein_##isa##_rope;                      \
    skein_kernel skein_##isa##_cache_write;               \
    skein_kernel skein_##isa##_attention;                 \
    skein_kernel skein_##isa##_attention_combine;         \
    skein_kernel skein_##isa##_activation;                \
    skein_kernel skein_##isa##_gated_activation;          \
    skein_kernel skein_##isa##_soft_cap;                  \
    skein_kernel skein_##isa##_add;                       \
    skein_kernel skein_##isa##_select_rows;               \
    skein_kernel skein_##isa##_expert_router;             \
    skein_kernel skein_##isa##_experts_gather;            \
    skein_kernel skein_##isa##_experts_up;                \
    skein_kernel skein_##isa##_experts_down;              \
    skein_kernel skein_##isa##_sigmoid_gate;              \
    skein_kernel skein_##isa##_latent_attention;          \
    skein_kernel skein_##isa##_latent_stretch_expand;     \
    skein_kernel skein_##isa##_latent_stretch_attend;     \
    skein_kernel skein_##isa##_expand_latent;

SKEIN_DECLARE_KERNELS(reference)
SKEIN_DECLARE_KERNELS(avx2)
SKEIN_DECLARE_KERNELS(avx512)
SKEIN_DECLARE_KERNELS(neon)
SKEIN_DECLARE_KERNELS(dotprod)
SKEIN_DECLARE_KERNELS(i8mm)

#endif

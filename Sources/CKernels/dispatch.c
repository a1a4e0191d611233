// Which instruction sets this processor has, and the table of kernels for each.
#include "kernels.h"

#include <string.h>

static const skein_kernels reference_kernels = {
    .name = "reference",
    .pack_weights = skein_reference_pack_weights,
    .dequantize = skein_reference_dequantize,
    .embedding = skein_reference_embedding,
    .quantize_activations = skein_reference_quantize_activations,
    .round_activations = skein_reference_round_activations,
    .linear_input = skein_reference_linear_input,
    .linear = skein_reference_linear,
    .rms_norm = skein_reference_rms_norm,
    .layer_norm = skein_reference_layer_norm,
    .rope = skein_reference_rope,
    .cache_write = skein_reference_cache_write,
    .attention = skein_reference_attention,
    .attention_combine = skein_reference_attention_combine,
    .activation = skein_reference_activation,
    .gated_activation = skein_reference_gated_activation,
    .soft_cap = skein_reference_soft_cap,
    .add = skein_reference_add,
    .select_rows = skein_reference_select_rows,
    .expert_router = skein_reference_expert_router,
    .experts_gather = skein_reference_experts_gather,
    .experts_up = skein_reference_experts_up,
    .experts_down = skein_reference_experts_down,
    .sigmoid_gate = skein_reference_sigmoid_gate,
    .latent_attention = skein_reference_latent_attention,
    .latent_stretch_expand = skein_reference_latent_stretch_expand,
    .latent_stretch_attend = skein_reference_latent_stretch_attend,
    .expand_latent = skein_reference_expand_latent,
};

#if defined(__x86_64__)

// Dequantization and rounding are bit-exact and copies are bound by memory: the reference kernels serve everywhere.
static const skein_kernels avx2_kernels = {
    .name = "avx2",
    .pack_weights = skein_reference_pack_weights,
    .dequantize = skein_reference_dequantize,
    .embedding = skein_reference_embedding,
    .quantize_activations = skein_avx2_quantize_activations,
    .round_activations = skein_reference_round_activations,
    .linear_input = skein_avx2_linear_input,
    .linear = skein_avx2_linear,
    .rms_norm = skein_avx2_rms_norm,
    .layer_norm = skein_avx2_layer_norm,
    .rope = skein_avx2_rope,
    .cache_write = skein_avx2_cache_write,
    .attention = skein_avx2_attention,
    .attention_combine = skein_avx2_attention_combine,
    .activation = skein_avx2_activation,
    .gated_activation = skein_avx2_gated_activation,
    .soft_cap = skein_avx2_soft_cap,
    .add = skein_avx2_add,
    .select_rows = skein_reference_select_rows,
    .expert_router = skein_avx2_expert_router,
    .experts_gather = skein_reference_experts_gather,
    .experts_up = skein_avx2_experts_up,
    .experts_down = skein_avx2_experts_down,
    .sigmoid_gate = skein_avx2_sigmoid_gate,
    .latent_attention = skein_avx2_latent_attention,
    .latent_stretch_expand = skein_avx2_latent_stretch_expand,
    .latent_stretch_attend = skein_avx2_latent_stretch_attend,
    .expand_latent = skein_avx2_expand_latent,
};

static const skein_kernels avx512_kernels = {
    .name = "avx512",
    .prefers_packed = true,
    .pack_weights = skein_avx512_pack_weights,
    .dequantize = skein_reference_dequantize,
    .embedding = skein_reference_embedding,
    .quantize_activations = skein_avx512_quantize_activations,
    .round_activations = skein_reference_round_activations,
    .linear_input = skein_avx512_linear_input,
    .linear = skein_avx512_linear,
    .rms_norm = skein_avx512_rms_norm,
    .layer_norm = skein_avx512_layer_norm,
    .rope = skein_avx512_rope,
    .cache_write = skein_avx512_cache_write,
    .attention = skein_avx512_attention,
    .attention_combine = skein_avx512_attention_combine,
    .activation = skein_avx512_activation,
    .gated_activation = skein_avx512_gated_activation,
    .soft_cap = skein_avx512_soft_cap,
    .add = skein_avx512_add,
    .select_rows = skein_reference_select_rows,
    .expert_router = skein_avx512_expert_router,
    .experts_gather = skein_reference_experts_gather,
    .experts_up = skein_avx512_experts_up,
    .experts_down = skein_avx512_experts_down,
    .sigmoid_gate = skein_avx512_sigmoid_gate,
    .latent_attention = skein_avx512_latent_attention,
    .latent_stretch_expand = skein_avx512_latent_stretch_expand,
    .latent_stretch_attend = skein_avx512_latent_stretch_attend,
    .expand_latent = skein_avx512_expand_latent,
};

// The builtin also asks the operating system whether it saves the wide registers.
static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

static bool has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
}

#endif

#if defined(__aarch64__)

#if defined(__APPLE__)
#include <sys/sysctl.h>
#else
#include <sys/auxv.h>
#endif

// The table of one set: they differ in products only.
#define ARM_KERNELS(isa)                                                \
    static const skein_kernels isa##_kernels = {                        \
        .name = #isa,                                                   \
        .prefers_packed = true,                                         \
        .pack_weights = skein_reference_pack_weights,                   \
        .dequantize = skein_reference_dequantize,                       \
        .embedding = skein_reference_embedding,                         \
        .quantize_activations = skein_##isa##_quantize_activations,     \
        .round_activations = skein_reference_round_activations,         \
        .linear_input = skein_##isa##_linear_input,                     \
        .linear = skein_##isa##_linear,                                 \
        .rms_norm = skein_##isa##_rms_norm,                             \
        .layer_norm = skein_##isa##_layer_norm,                         \
        .rope = skein_##isa##_rope,                                     \
        .cache_write = skein_##isa##_cache_write,                       \
        .attention = skein_##isa##_attention,                           \
        .attention_combine = skein_##isa##_attention_combine,           \
        .activation = skein_##isa##_activation,                         \
        .gated_activation = skein_##isa##_gated_activation,             \
        .soft_cap = skein_##isa##_soft_cap,                             \
        .add = skein_##isa##_add,                                       \
        .select_rows = skein_reference_select_rows,                     \
        .expert_router = skein_##isa##_expert_router,                   \
        .experts_gather = skein_reference_experts_gather,               \
        .experts_up = skein_##isa##_experts_up,                         \
        .experts_down = skein_##isa##_experts_down,                     \
        .sigmoid_gate = skein_##isa##_sigmoid_gate,                     \
        .latent_attention = skein_##isa##_latent_attention,             \
        .latent_stretch_expand = skein_##isa##_latent_stretch_expand,   \
        .latent_stretch_attend = skein_##isa##_latent_stretch_attend,   \
        .expand_latent = skein_##isa##_expand_latent,                   \
    };

ARM_KERNELS(neon)
ARM_KERNELS(dotprod)
ARM_KERNELS(i8mm)

#if defined(__APPLE__)

static bool has_feature(const char *name) {
    int32_t value = 0;
    size_t size = sizeof value;
    return sysctlbyname(name, &value, &size, NULL, 0) == 0 && value != 0;
}

static bool has_dotprod(void) { return has_feature("hw.optional.arm.FEAT_DotProd"); }

static bool has_i8mm(void) { return has_dotprod() && has_feature("hw.optional.arm.FEAT_I8MM"); }

#else

// The kernel's own numbers, which headers that are older than a feature lack.
enum { HWCAP_DOT_PRODUCTS = 1 << 20, HWCAP2_BYTE_MATRICES = 1 << 13 };

static bool has_dotprod(void) { return (getauxval(AT_HWCAP) & HWCAP_DOT_PRODUCTS) != 0; }

static bool has_i8mm(void) { return has_dotprod() && (getauxval(AT_HWCAP2) & HWCAP2_BYTE_MATRICES) != 0; }

#endif

#endif

// The most sets that a processor has.
enum { SETS = 4 };

static int32_t available(const skein_kernels *sets[SETS]) {
    int32_t count = 0;
    sets[count++] = &reference_kernels;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (has_avx2()) sets[count++] = &avx2_kernels;
    if (has_avx512()) sets[count++] = &avx512_kernels;
#elif defined(__aarch64__)
    sets[count++] = &neon_kernels;
    if (has_dotprod()) sets[count++] = &dotprod_kernels;
    if (has_i8mm()) sets[count++] = &i8mm_kernels;
#endif
    return count;
}

const skein_kernels *skein_kernels_named(const char *name) {
    const skein_kernels *sets[SETS];
    int32_t count = available(sets);
    if (name == NULL) return sets[count - 1];
    for (int32_t i = 0; i < count; i++) {
        if (strcmp(sets[i]->name, name) == 0) return sets[i];
    }
    return NULL;
}

const char *skein_kernels_name(int32_t index) {
    const skein_kernels *sets[SETS];
    int32_t count = available(sets);
    return index >= 0 && index < count ? sets[index]->name : NULL;
}

// The kernels of this folder for AVX-512 (f, bw, dq, vl, vnni). Their sources are written once, in vectors of
// LANES floats; the target attribute lets the package build without flags for one processor.
#if defined(__x86_64__)

#include "../attention_items.h"
#include "../expert_choice.h"
#include "../expert_rows.h"
#include "../latent_items.h"
#include "../reference/formats.h"
#include "../cache_rows.h"

#include <math.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), apply_to = function)

#include "simd_avx512.h"

#include "simd_math.h"

#include "attention_tiles.h"

#include "attention_state.h"

#pragma clang attribute pop

// Called only where the processor has avx512bf16 too.
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16"))), apply_to = function)

#include "attention_pairs.h"

#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), apply_to = function)

#include "activation.h"
#include "add.h"
#include "attention.h"
#include "cache_write.h"
#include "expert_router.h"
#include "experts.h"
#include "gated_activation.h"
#include "latent_attention.h"
#include "latent_stretch.h"
#include "layer_norm.h"
#include "rms_norm.h"
#include "rope.h"
#include "sigmoid_gate.h"
#include "soft_cap.h"

#pragma clang attribute pop

#endif

// All kernels but linear: the body of kernels_neon.c, kernels_dotprod.c and kernels_i8mm.c, which define SKEIN_KERNEL.
// They need no more than NEON; mixtures and latent attention call the products of their own set.
#include "../attention_items.h"
#include "../cache_rows.h"
#include "../expert_choice.h"
#include "../expert_rows.h"
#include "../latent_items.h"
#include "../reference/formats.h"
#include "../reference/half.h"

#include <math.h>

#include "simd_neon.h"

#include "../x86/simd_math.h"

#include "../x86/attention_tiles.h"

#include "../x86/attention_state.h"

#include "cache_write.h"
#include "quantize_activations.h"

#include "../x86/activation.h"
#include "../x86/add.h"
#include "../x86/attention.h"
#include "../x86/expert_router.h"
#include "../x86/experts.h"
#include "../x86/gated_activation.h"
#include "../x86/latent_attention.h"
#include "../x86/latent_stretch.h"
#include "../x86/layer_norm.h"
#include "../x86/rms_norm.h"
#include "../x86/rope.h"
#include "../x86/sigmoid_gate.h"
#include "../x86/soft_cap.h"

int32_t SKEIN_KERNEL(linear_input)(int32_t type, int32_t layout, int32_t batch_tokens) {
    return skein_reference_linear_input(type, layout, batch_tokens);
}

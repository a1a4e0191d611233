// quantize_activations: the same float32 operations as the reference, in vectors, and so the same bits.
//
// Shapes: x [tokens][columns] float32 -> y [tokens] rows of skein_activation_block. Bound by memory.

// 32 columns. Infinities, NaN and tiny groups as in the reference.
SKEIN_INLINE void quantize_group(const float *x, int32_t group, skein_activation_block *block) {
    float32x4_t values[8];
    uint32x4_t largest = vdupq_n_u32(0);
    for (int i = 0; i < 8; i++) {
        values[i] = vld1q_f32(x + 4 * i);
        // As integers, magnitudes are in order, with NaN above infinity above everything.
        largest = vmaxq_u32(largest, vreinterpretq_u32_f32(vabsq_f32(values[i])));
    }
    float maximum = skein_float_from_bits(vmaxvq_u32(largest));
    if (!(maximum < INFINITY)) block->scales[group] = NAN;
    if (!(maximum >= 0x1p-100f && maximum < INFINITY)) return;
    block->scales[group] = maximum / 127.0f;
    float32x4_t inverse = vdupq_n_f32(127.0f / maximum);
    int16x8_t words[4];
    for (int i = 0; i < 4; i++) {
        int32x4_t low = vcvtnq_s32_f32(values[2 * i] * inverse), high = vcvtnq_s32_f32(values[2 * i + 1] * inverse);
        words[i] = vmovn_high_s32(vmovn_s32(low), high);
    }
    int32_t first = vaddvq_s16(words[0] + words[1]), second = vaddvq_s16(words[2] + words[3]);
    block->negated_sums16[2 * group] = -first;
    block->negated_sums16[2 * group + 1] = -second;
    block->negated_sums32[group] = -(first + second);
    for (int i = 0; i < 2; i++) {
        int8x16_t bytes = vmovn_high_s16(vmovn_s16(words[2 * i]), words[2 * i + 1]);
        vst1q_s8(block->quants + 32 * group + 16 * i, bytes);
    }
}

static void quantize_block(const float *x, int32_t columns, skein_activation_block *block) {
    memset(block, 0, sizeof *block);
    int32_t group = 0;
    for (; 32 * (group + 1) <= columns; group++) quantize_group(x + 32 * group, group, block);
    if (32 * group < columns) {
        float copy[32] = {0};
        memcpy(copy, x + 32 * group, (size_t)(columns - 32 * group) * sizeof(float));
        quantize_group(copy, group, block);
    }
}

void SKEIN_KERNEL(quantize_activations)(const void *arguments, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_quantize_activations_args *args = arguments;
    int64_t blocks = skein_activation_blocks(args->columns);
    for (int64_t token = begin; token < end; token++) {
        const float *x = args->x + token * args->columns;
        skein_activation_block *y = (skein_activation_block *)args->y + token * blocks;
        for (int32_t block = 0; block < blocks; block++) {
            int32_t first = block * SKEIN_ACTIVATION_COLUMNS;
            int32_t count = args->columns - first;
            if (count > SKEIN_ACTIVATION_COLUMNS) count = SKEIN_ACTIVATION_COLUMNS;
            quantize_block(x + first, count, y + block);
        }
    }
}

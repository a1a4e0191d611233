// experts: y[t] = sum over the experts e of t of weight * down[e](activation(gate[e] x[t]) * up[e] x[t]).
//
// Shapes: gate, up [experts][expert width][width], down [experts][width][expert width], in any format; x, y
// [tokens][width]; inner [slots][expert width]. The products are those of linear, on the tokens of one expert at a
// time and 32 rows: for few tokens bound by reading the weights of the experts that were chosen, for many by
// the multiplications. The sum over a token's experts in float32, in the order of their numbers: a thread
// has whole rows of down, so nothing is added up between threads.
//
// Beyond EXPERT_FEW_TOKENS a batch goes the way of many tokens also where an expert has few of them: how a prompt
// is cut into passes then changes no bit. Fewer tokens are decoded together, where each expert mostly has one.
enum { EXPERT_ROWS = 32, EXPERT_FEW_TOKENS = 8 };

// Rows first ..< first + count of an expert's matrix times the slots of a group, to y[slot][count].
static void expert_product(const skein_experts_args *a, const skein_expert_matrix *m, int32_t expert,
                           int32_t first, int32_t count, int32_t slots, const void *x, float *y,
                           void *workspace) {
    skein_linear_args linear = {
        .weights = (const char *)m->weights + ((int64_t)expert * m->rows + first) * m->row_bytes,
        .row_bytes = m->row_bytes,
        .type = m->type,
        .rows = count,
        .columns = m->columns,
        .tokens = slots,
        .x = x,
        .y = y,
        .y_stride = count,
        .bias = m->bias != NULL ? m->bias + (int64_t)expert * m->rows + first : NULL,
        .batch_tokens = a->tokens > EXPERT_FEW_TOKENS ? a->tokens : 0,
    };
    SKEIN_KERNEL(linear)(&linear, 0, count, workspace);
}

// Where the activations of the slots from `slot` on are. One token has nothing gathered: its row is all there is.
static const void *expert_input(const skein_experts_args *a, const skein_expert_matrix *m, int64_t slot) {
    if (skein_linear_takes_quantized(m->type)) {
        size_t row_bytes = skein_quantized_activation_bytes(m->columns);
        return a->quantized_gathered != NULL ? (char *)a->quantized_gathered + (size_t)slot * row_bytes
                                             : a->quantized_x;
    }
    return a->gathered != NULL ? a->gathered + slot * m->columns : a->x;
}

// The two blocks of products behind the workspace of linear.
static float *expert_blocks(const skein_experts_args *a, void *workspace) {
    const skein_expert_matrix *all[] = {&a->gate, &a->up, &a->down};
    size_t linear = 0;
    for (int i = 0; i < 3; i++) {
        size_t bytes = skein_linear_workspace_bytes(all[i]->type, all[i]->columns, a->tokens);
        linear = bytes > linear ? bytes : linear;
    }
    return (float *)((char *)workspace + (linear + 63) / 64 * 64);
}

void SKEIN_KERNEL(experts_up)(const void *args, int32_t begin, int32_t end, void *workspace) {
    const skein_experts_args *a = args;
    float *gate = expert_blocks(a, workspace);
    int32_t width = a->gate.rows;
    for (int32_t item = begin; item < end;) {
        int32_t group = item / width, row = item % width;
        int32_t count = end - item < EXPERT_ROWS ? end - item : EXPERT_ROWS;
        if (count > width - row) count = width - row;
        int32_t first = a->groups.starts[group];
        int32_t slots = a->groups.starts[group + 1] - first;
        int32_t expert = a->groups.experts[group];
        float *up = gate + (int64_t)slots * EXPERT_ROWS;
        const void *x = expert_input(a, &a->gate, first);
        expert_product(a, &a->gate, expert, row, count, slots, x, gate, workspace);
        x = expert_input(a, &a->up, first);
        expert_product(a, &a->up, expert, row, count, slots, x, up, workspace);
        for (int64_t s = 0; s < slots; s++) {
            skein_gated_activation_args activation = {
                .gate = gate + s * count,
                .up = up + s * count,
                .y = a->inner + (first + s) * width + row,
                .columns = count,
                .activation = a->activation,
            };
            SKEIN_KERNEL(gated_activation)(&activation, 0, 1, NULL);
        }
        item += count;
    }
}

static void expert_add(float *y, const float *x, float weight, int32_t count) {
    for (int32_t i = 0; i < count; i += LANES) {
        int32_t part = count - i < LANES ? count - i : LANES;
        vec sum = vec_fma(vec_set(weight), vec_load_part(x + i, part), vec_load_part(y + i, part));
        vec_store_part(y + i, sum, part);
    }
}

void SKEIN_KERNEL(experts_down)(const void *args, int32_t begin, int32_t end, void *workspace) {
    const skein_experts_args *a = args;
    const skein_expert_matrix *m = &a->down;
    float *products = expert_blocks(a, workspace);
    bool is_quantized = skein_linear_takes_quantized(m->type);
    size_t row_bytes = is_quantized ? skein_quantized_activation_bytes(m->columns)
                                    : (size_t)m->columns * sizeof(float);
    const char *inner = is_quantized ? a->quantized_inner : (const void *)a->inner;
    for (int32_t row = begin; row < end; row += EXPERT_ROWS) {
        int32_t count = end - row < EXPERT_ROWS ? end - row : EXPERT_ROWS;
        for (int64_t t = 0; t < a->tokens; t++) {
            memset(a->y + t * m->rows + row, 0, (size_t)count * sizeof(float));
        }
        for (int32_t group = 0; group < a->groups.count; group++) {
            int32_t first = a->groups.starts[group];
            int32_t slots = a->groups.starts[group + 1] - first;
            expert_product(a, m, a->groups.experts[group], row, count, slots,
                           inner + (size_t)first * row_bytes, products, workspace);
            for (int64_t s = 0; s < slots; s++) {
                expert_add(a->y + (int64_t)a->groups.tokens[first + s] * m->rows + row, products + s * count,
                           a->groups.weights[first + s], count);
            }
        }
    }
}

// experts: y[t] = sum over the experts e of t of weight * down[e](activation(gate[e] x[t]) * up[e] x[t]).
//
// Shapes: gate, up [experts][expert width][width], down [experts][width][expert width], in any format; x, y
// [tokens][width]; inner [slots][expert width]. The products are those of linear, on the tokens of one expert at a
// time and 32 rows, or 256 where tokens are few: for few tokens bound by reading the weights of the experts that were
// chosen, for many by the multiplications. The sum over a token's experts in float32, in the order of their numbers: a thread
// has whole rows of down, so nothing is added up between threads.
//
// Beyond SKEIN_EXPERT_FEW_TOKENS a batch goes the way of many tokens also where an expert has few of them: how a prompt
// is cut into passes then changes no bit. Fewer tokens are decoded together, where each expert mostly has one.

// An expert's products with the slots of a group: row `first` of slot s is at values[s * stride].
typedef struct {
    const float *values;
    int64_t stride;
} expert_products;

// Rows first ..< first + count of an expert's matrix times `slots` slots. Packed rows come with those before them in
// their panel.
static expert_products expert_product(const skein_experts_args *a, const skein_expert_matrix *m, int32_t expert,
                                      int32_t first, int32_t count, int32_t slots, const void *x, float *block,
                                      void *workspace) {
    int32_t before = m->layout == SKEIN_LAYOUT_PACKED ? first % SKEIN_PACKED_ROWS : 0;
    skein_linear_args linear = {
        .weights = skein_expert_rows(m, expert, first - before),
        .row_bytes = m->row_bytes,
        .type = m->type,
        .layout = m->layout,
        .rows = before + count,
        .columns = m->columns,
        .tokens = slots,
        .x = x,
        .y = block,
        .y_stride = before + count,
        .bias = m->bias != NULL ? m->bias + (int64_t)expert * m->rows + first - before : NULL,
        .batch_tokens = a->tokens > SKEIN_EXPERT_FEW_TOKENS ? a->tokens : 0,
    };
    SKEIN_KERNEL(linear)(&linear, 0, before + count, workspace);
    return (expert_products){.values = block + before, .stride = before + count};
}

// Row `row` of a matrix's input.
static const void *expert_input(const skein_experts_args *a, const skein_expert_matrix *m, const void *x, int64_t row) {
    int32_t form = SKEIN_KERNEL(linear_input)(m->type, m->layout, a->tokens);
    return (const char *)x + (size_t)row * skein_input_row_bytes(form, m->columns);
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
    float *gate_block = expert_blocks(a, workspace);
    int32_t width = a->gate.rows, block_rows = skein_expert_block_rows(a->tokens);
    for (int32_t item = begin; item < end;) {
        int32_t group = item / width, row = item % width;
        int32_t count = end - item < block_rows ? end - item : block_rows;
        if (count > width - row) count = width - row;
        int32_t first = a->groups.starts[group];
        int32_t slots = a->groups.starts[group + 1] - first;
        int32_t expert = a->groups.experts[group];
        // One token's row serves all its slots.
        int32_t input = a->tokens > 1 ? first : 0;
        float *up_block = gate_block + skein_expert_block_floats(a->tokens, slots);
        const void *x = expert_input(a, &a->gate, a->gate_x, input);
        expert_products gate = expert_product(a, &a->gate, expert, row, count, slots, x, gate_block, workspace);
        x = expert_input(a, &a->up, a->up_x, input);
        expert_products up = expert_product(a, &a->up, expert, row, count, slots, x, up_block, workspace);
        for (int64_t s = 0; s < slots; s++) {
            skein_gated_activation_args activation = {
                .gate = gate.values + s * gate.stride,
                .up = up.values + s * up.stride,
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
    float *block = expert_blocks(a, workspace);
    int32_t block_rows = skein_expert_block_rows(a->tokens);
    for (int32_t row = begin; row < end; row += block_rows) {
        int32_t count = end - row < block_rows ? end - row : block_rows;
        for (int64_t t = 0; t < a->tokens; t++) {
            memset(a->y + t * m->rows + row, 0, (size_t)count * sizeof(float));
        }
        for (int32_t group = 0; group < a->groups.count; group++) {
            int32_t first = a->groups.starts[group];
            int32_t slots = a->groups.starts[group + 1] - first;
            const void *x = expert_input(a, m, a->down_x, first);
            expert_products products =
                expert_product(a, m, a->groups.experts[group], row, count, slots, x, block, workspace);
            for (int64_t s = 0; s < slots; s++) {
                expert_add(a->y + (int64_t)a->groups.tokens[first + s] * m->rows + row,
                           products.values + s * products.stride, a->groups.weights[first + s], count);
            }
        }
    }
}

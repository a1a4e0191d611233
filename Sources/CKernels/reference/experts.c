// experts: y[t] = sum over the experts e of t of weight * down[e](activation(gate[e] x[t]) * up[e] x[t]).
//
// Shapes: gate, up [experts][expert width][width], down [experts][width][expert width], in any format; x, y
// [tokens][width]; inner [slots][expert width]. One product after the other with the reference kernel of linear;
// the sum over a token's experts in float32, in the order of their numbers.
// Bound by reading the weights of the experts that were chosen where tokens are few.
#include "../expert_rows.h"
#include "activation.h"

#include <string.h>

size_t skein_experts_workspace_bytes(const skein_expert_matrix *gate, const skein_expert_matrix *up,
                                     const skein_expert_matrix *down, int32_t tokens) {
    const skein_expert_matrix *all[] = {gate, up, down};
    size_t linear = 0;
    for (int i = 0; i < 3; i++) {
        size_t bytes = skein_linear_workspace_bytes(all[i]->type, all[i]->columns, tokens);
        linear = bytes > linear ? bytes : linear;
    }
    return (linear + 63) / 64 * 64 + skein_expert_blocks_floats(tokens) * sizeof(float);
}

void skein_reference_experts_gather(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_experts_gather_args *a = args;
    for (size_t slot = (size_t)begin; slot < (size_t)end; slot++) {
        const char *row = (const char *)a->x + (size_t)a->tokens[slot] * a->row_bytes;
        memcpy((char *)a->y + slot * a->row_bytes, row, a->row_bytes);
    }
}

// One row of one expert's matrix times row `index` of its input.
static float product(const skein_expert_matrix *m, int32_t expert, int32_t row, const void *x, int64_t index,
                     void *workspace) {
    float y[SKEIN_PACKED_ROWS];
    int32_t form = skein_reference_linear_input(m->type, m->layout, 1);
    int32_t first = row - row % SKEIN_PACKED_ROWS;
    skein_linear_args linear = {
        .weights = skein_expert_rows(m, expert, first),
        .row_bytes = m->row_bytes,
        .type = m->type,
        .layout = m->layout,
        .rows = SKEIN_PACKED_ROWS,
        .columns = m->columns,
        .tokens = 1,
        .x = (const char *)x + (size_t)index * skein_input_row_bytes(form, m->columns),
        .y = y,
        .y_stride = SKEIN_PACKED_ROWS,
        .bias = m->bias != NULL ? m->bias + (int64_t)expert * m->rows + first : NULL,
    };
    skein_reference_linear(&linear, row - first, row - first + 1, workspace);
    return y[row - first];
}

void skein_reference_experts_up(const void *args, int32_t begin, int32_t end, void *workspace) {
    const skein_experts_args *a = args;
    for (int32_t item = begin; item < end; item++) {
        int32_t group = item / a->gate.rows, row = item % a->gate.rows;
        int32_t expert = a->groups.experts[group];
        for (int64_t slot = a->groups.starts[group]; slot < a->groups.starts[group + 1]; slot++) {
            int64_t index = a->tokens > 1 ? slot : 0;
            float gate = product(&a->gate, expert, row, a->gate_x, index, workspace);
            float up = product(&a->up, expert, row, a->up_x, index, workspace);
            a->inner[slot * a->gate.rows + row] = skein_reference_gated(&a->activation, gate, up);
        }
    }
}

void skein_reference_experts_down(const void *args, int32_t begin, int32_t end, void *workspace) {
    const skein_experts_args *a = args;
    for (int32_t row = begin; row < end; row++) {
        for (int64_t t = 0; t < a->tokens; t++) a->y[t * a->down.rows + row] = 0;
        for (int32_t group = 0; group < a->groups.count; group++) {
            int32_t expert = a->groups.experts[group];
            for (int64_t slot = a->groups.starts[group]; slot < a->groups.starts[group + 1]; slot++) {
                float value = product(&a->down, expert, row, a->down_x, slot, workspace);
                a->y[a->groups.tokens[slot] * (int64_t)a->down.rows + row] += a->groups.weights[slot] * value;
            }
        }
    }
}

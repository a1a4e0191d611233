// experts: y[t] = sum over the experts e of t of weight * down[e](activation(gate[e] x[t]) * up[e] x[t]).
//
// Shapes: gate, up [experts][expert width][width], down [experts][width][expert width], in any format; x, y
// [tokens][width]; inner [slots][expert width]. One product after the other with the reference kernel of linear;
// the sum over a token's experts in float32, in the order of their numbers.
// Bound by reading the weights of the experts that were chosen where tokens are few.
#include "activation.h"
#include "formats.h"

#include <string.h>

size_t skein_experts_workspace_bytes(const skein_expert_matrix *gate, const skein_expert_matrix *up,
                                     const skein_expert_matrix *down, int32_t tokens) {
    const skein_expert_matrix *all[] = {gate, up, down};
    size_t linear = 0;
    for (int i = 0; i < 3; i++) {
        size_t bytes = skein_linear_workspace_bytes(all[i]->type, all[i]->columns, tokens);
        linear = bytes > linear ? bytes : linear;
    }
    // Behind it two blocks of products, each of 32 rows for every token of an expert.
    return (linear + 63) / 64 * 64 + (size_t)tokens * 2 * 32 * sizeof(float);
}

void skein_reference_experts_gather(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_experts_args *a = args;
    int64_t width = a->gate.columns;
    size_t row_bytes = skein_quantized_activation_bytes(a->gate.columns);
    for (int64_t slot = begin; slot < end; slot++) {
        int64_t token = a->groups.tokens[slot];
        if (a->gathered != NULL) {
            memcpy(a->gathered + slot * width, a->x + token * width, (size_t)width * sizeof(float));
        }
        if (a->quantized_gathered != NULL) {
            memcpy((char *)a->quantized_gathered + (size_t)slot * row_bytes,
                   (const char *)a->quantized_x + (size_t)token * row_bytes, row_bytes);
        }
    }
}

// One row of one expert's matrix times one row of activations.
static float product(const skein_expert_matrix *m, int32_t expert, int32_t row, const float *x,
                     const void *quantized, int64_t index, void *workspace) {
    float y;
    skein_linear_args linear = {
        .weights = (const char *)m->weights + ((int64_t)expert * m->rows + row) * m->row_bytes,
        .row_bytes = m->row_bytes,
        .type = m->type,
        .rows = 1,
        .columns = m->columns,
        .tokens = 1,
        .x = x + index * m->columns,
        .y = &y,
        .y_stride = 1,
        .bias = m->bias != NULL ? m->bias + (int64_t)expert * m->rows + row : NULL,
    };
    if (skein_linear_takes_quantized(m->type)) {
        linear.x = (const char *)quantized + (size_t)index * skein_quantized_activation_bytes(m->columns);
    }
    skein_reference_linear(&linear, 0, 1, workspace);
    return y;
}

void skein_reference_experts_up(const void *args, int32_t begin, int32_t end, void *workspace) {
    const skein_experts_args *a = args;
    for (int32_t item = begin; item < end; item++) {
        int32_t group = item / a->gate.rows, row = item % a->gate.rows;
        int32_t expert = a->groups.experts[group];
        for (int64_t slot = a->groups.starts[group]; slot < a->groups.starts[group + 1]; slot++) {
            int64_t token = a->groups.tokens[slot];
            float gate = product(&a->gate, expert, row, a->x, a->quantized_x, token, workspace);
            float up = product(&a->up, expert, row, a->x, a->quantized_x, token, workspace);
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
                float value = product(&a->down, expert, row, a->inner, a->quantized_inner, slot, workspace);
                a->y[a->groups.tokens[slot] * (int64_t)a->down.rows + row] += a->groups.weights[slot] * value;
            }
        }
    }
}

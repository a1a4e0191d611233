// expert_router and the three kernels of experts.
#include "conformance.h"

#include <stdio.h>
#include <string.h>

enum { TOKENS = 12, EXPERTS = 7, CHOSEN = 3, WIDTH = 256 };

static void check_router(const skein_kernels *set, generator *g) {
    char what[64];
    for (int32_t scoring = SKEIN_SCORING_SOFTMAX; scoring <= SKEIN_SCORING_SIGMOID; scoring++) {
        for (int32_t groups = 0; groups <= 4; groups += 4) {
            int32_t experts = groups == 0 ? 37 : 64;
            skein_expert_router_args args = {
                .logits = normal_floats(g, (int64_t)TOKENS * experts),
                .bias = scoring == SKEIN_SCORING_SIGMOID ? normal_floats(g, experts) : NULL,
                .experts = experts, .chosen = 6, .scoring = scoring, .normalizes = groups > 0, .scale = 2.5f,
                .groups = groups, .chosen_groups = 2, .group_score = SKEIN_GROUP_SUM_OF_TWO_LARGEST,
            };
            void *workspace = guarded(skein_expert_router_workspace_bytes(experts, groups));
            size_t count = TOKENS * 2 * 6;
            float *expected = args.y = guarded(count * sizeof(float));
            reference_kernels()->expert_router(&args, 0, TOKENS, workspace);
            args.y = guarded(count * sizeof(float));
            set->expert_router(&args, 0, TOKENS, workspace);
            snprintf(what, sizeof what, "%s expert_router, scoring %d", set->name, scoring);
            expect_close(what, args.y, expected, (int64_t)count, 2e-6, 0);
        }
    }
    release_guarded();
}

typedef struct {
    int32_t types[3]; // gate, up, down
    int32_t tokens, expert_width;
    skein_expert_matrix matrices[3];
    skein_expert_groups groups;
    const float *x;
} experts_case;

// The stack of matrices, packed one after the other.
static void pack_experts(skein_expert_matrix *m) {
    int64_t bytes = skein_packed_bytes(m->type, m->rows, m->columns);
    char *packed = guarded((size_t)(EXPERTS * bytes));
    for (int32_t expert = 0; expert < EXPERTS; expert++) {
        skein_pack_weights_args args = {
            .rows = (const char *)m->weights + expert * m->rows * m->row_bytes, .row_bytes = m->row_bytes,
            .type = m->type, .columns = m->columns, .packed = packed + expert * bytes,
        };
        reference_kernels()->pack_weights(&args, 0, m->rows, NULL);
    }
    m->weights = packed;
    m->layout = SKEIN_LAYOUT_PACKED;
}

static experts_case make_experts(generator *g, const int32_t types[3], int32_t tokens, int32_t expert_width) {
    experts_case c = {.tokens = tokens, .expert_width = expert_width};
    for (int i = 0; i < 3; i++) {
        int32_t rows = i < 2 ? expert_width : WIDTH, columns = i < 2 ? WIDTH : expert_width;
        c.types[i] = types[i];
        c.matrices[i] = (skein_expert_matrix){
            .weights = sample_weights(g, types[i], EXPERTS * rows, columns, ANY_BYTES),
            .row_bytes = row_bytes_of(types[i], columns),
            .type = types[i], .rows = rows, .columns = columns, .bias = normal_floats(g, EXPERTS * rows),
        };
    }
    float choice[TOKENS * 2 * CHOSEN];
    for (int32_t t = 0; t < tokens; t++) {
        for (int32_t i = 0; i < CHOSEN; i++) {
            choice[t * 2 * CHOSEN + i] = (float)((t + 2 * i) % EXPERTS);
            choice[t * 2 * CHOSEN + CHOSEN + i] = next_float(g, 0.1f, 1);
        }
    }
    size_t slots = (size_t)(tokens * CHOSEN);
    c.groups.experts = guarded(EXPERTS * sizeof(int32_t));
    c.groups.starts = guarded((EXPERTS + 1) * sizeof(int32_t));
    c.groups.tokens = guarded(slots * sizeof(int32_t));
    c.groups.weights = guarded(slots * sizeof(float));
    skein_group_by_expert(choice, tokens, CHOSEN, EXPERTS, NULL, &c.groups);
    float *x = normal_floats(g, (int64_t)tokens * WIDTH);
    for (int32_t i = 0; i < tokens * WIDTH; i++) x[i] *= 0.1f; // so that activations are not all clamped
    c.x = x;
    return c;
}

// x [rows][columns] in the form that a matrix takes.
static const void *formed(const float *x, int32_t type, int32_t rows, int32_t columns) {
    if (!skein_linear_takes_quantized(type)) return x;
    skein_quantize_activations_args args = {
        .x = x, .columns = columns, .y = guarded((size_t)rows * skein_quantized_activation_bytes(columns))};
    reference_kernels()->quantize_activations(&args, 0, rows, NULL);
    return args.y;
}

// The rows of x for every slot, in the form that a matrix takes.
static const void *gathered(const skein_kernels *set, const experts_case *c, const skein_expert_matrix *m) {
    const void *x = formed(c->x, m->type, c->tokens, WIDTH);
    if (c->tokens == 1) return x;
    int32_t form = set->linear_input(m->type, m->layout, c->tokens), slots = c->groups.slots;
    size_t row_bytes = skein_input_row_bytes(form, WIDTH);
    skein_experts_gather_args args = {
        .x = x, .row_bytes = row_bytes, .tokens = c->groups.tokens, .y = guarded((size_t)slots * row_bytes)};
    set->experts_gather(&args, 0, slots, NULL);
    return args.y;
}

typedef struct {
    const float *inner, *y;
} experts_result;

// With `inner`, that is taken in the place of what experts_up gives, so that it is not rounded differently.
static experts_result run_experts(const skein_kernels *set, const experts_case *c, const float *inner) {
    int32_t slots = c->groups.slots;
    skein_experts_args args = {
        .groups = c->groups, .gate = c->matrices[0], .up = c->matrices[1], .down = c->matrices[2], .tokens = c->tokens,
        .gate_x = gathered(set, c, &c->matrices[0]), .up_x = gathered(set, c, &c->matrices[1]),
        .activation = {.kind = SKEIN_ACTIVATION_CLAMPED_SWISH, .alpha = 1.702f, .limit = 7},
    };
    void *workspace = guarded(skein_experts_workspace_bytes(&args.gate, &args.up, &args.down, c->tokens));
    args.inner = guarded((size_t)(slots * c->expert_width) * sizeof(float));
    int32_t rows = args.groups.count * c->expert_width, cut = rows / 3 / 32 * 32;
    set->experts_up(&args, 0, cut, workspace);
    set->experts_up(&args, cut, rows, workspace);
    experts_result result = {.inner = args.inner};
    args.down_x = formed(inner != NULL ? inner : args.inner, c->types[2], slots, c->expert_width);
    result.y = args.y = guarded((size_t)(c->tokens * WIDTH) * sizeof(float));
    set->experts_down(&args, 0, 64, workspace);
    set->experts_down(&args, 64, WIDTH, workspace);
    return result;
}

void check_mixtures(const skein_kernels *set) {
    static const int32_t types[][3] = {
        {SKEIN_Q4_K, SKEIN_Q4_K, SKEIN_Q6_K},
        {SKEIN_MXFP4, SKEIN_MXFP4, SKEIN_MXFP4},
        {SKEIN_F16, SKEIN_BF16, SKEIN_Q8_0},
    };
    generator g = {.state = 4};
    check_router(set, &g);
    for (int i = 0; i < 3; i++) {
        for (int32_t tokens = 1; tokens <= TOKENS; tokens += TOKENS - 1) {
            experts_case c = make_experts(&g, types[i], tokens, 256);
            experts_result expected = run_experts(reference_kernels(), &c, NULL);
            experts_result got = run_experts(set, &c, expected.inner);
            char what[64];
            snprintf(what, sizeof what, "%s experts %s, %d tokens", set->name, type_name(types[i][0]), tokens);
            // Sums of products of either sign: the magnitudes of what is added count.
            expect_close(what, got.inner, expected.inner, c.groups.slots * 256, 2e-5, 2e-4);
            expect_close(what, got.y, expected.y, tokens * WIDTH, 2e-5, 2e-3);
            for (int k = 0; k < 3; k++) pack_experts(&c.matrices[k]);
            got = run_experts(set, &c, expected.inner);
            expect_close(what, got.inner, expected.inner, c.groups.slots * 256, 2e-5, 2e-4);
            expect_close(what, got.y, expected.y, tokens * WIDTH, 2e-5, 2e-3);
            release_guarded();
        }
    }
}

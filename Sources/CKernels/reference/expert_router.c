// expert_router: from the logits of all experts, the numbers of those with the highest scores and their weights.
//
//     scores   softmax(logits), or logits (softmax of the chosen), or 1 / (1 + exp(-logit))
//     chosen   the highest of scores + bias, among the experts of the best groups
//     weights  scores of the chosen, or their softmax; divided by their sum (normalizes); times scale
//
// Shapes: logits [tokens][experts], y [tokens][2 * chosen]. Exponentials in double, the rest in float32, which
// is what the models were trained with. Bound by the search, chosen * experts comparisons a token.
// Also here: grouping a batch's tokens by expert.
#include "../expert_choice.h"

#include <math.h>

size_t skein_expert_router_workspace_bytes(int32_t experts, int32_t groups) {
    size_t rounded = ((size_t)experts + 15) / 16 * 16;
    size_t most_groups = groups > 0 ? (size_t)groups : 1;
    return (rounded * 9 + most_groups * 5 + 63) / 64 * 64;
}

static void softmax(const float *x, float *y, int32_t count) {
    float largest = -INFINITY;
    for (int32_t i = 0; i < count; i++) largest = x[i] > largest ? x[i] : largest;
    double sum = 0;
    for (int32_t i = 0; i < count; i++) sum += exp((double)x[i] - largest);
    for (int32_t i = 0; i < count; i++) y[i] = (float)(exp((double)x[i] - largest) / sum);
}

void skein_reference_expert_router(const void *args, int32_t begin, int32_t end, void *workspace) {
    const skein_expert_router_args *a = args;
    skein_router_state s = skein_router_state_make(a, workspace);
    for (int64_t t = begin; t < end; t++) {
        const float *logits = a->logits + t * a->experts;
        float *y = a->y + t * 2 * a->chosen;
        for (int32_t e = 0; e < a->experts; e++) {
            s.scores[e] = a->scoring == SKEIN_SCORING_SIGMOID ? (float)(1 / (1 + exp(-(double)logits[e])))
                                                              : logits[e];
        }
        if (a->scoring == SKEIN_SCORING_SOFTMAX) softmax(logits, s.scores, a->experts);
        skein_choose_experts(a, &s, y);
        float *weights = y + a->chosen;
        if (a->scoring == SKEIN_SCORING_SOFTMAX_OF_CHOSEN) softmax(weights, weights, a->chosen);
        skein_scale_weights(a, weights);
    }
}

// The place of a chosen expert among those that are here; -1 where it is not here.
static int32_t expert_of(float number, int32_t experts, const int32_t *places) {
    int32_t expert = number >= 0 && number < (float)experts ? (int32_t)number : 0;
    return places != NULL ? places[expert] : expert;
}

void skein_group_by_expert(const float *choice, int32_t tokens, int32_t chosen, int32_t experts,
                           const int32_t *places, skein_expert_groups *groups) {
    int32_t *next = groups->experts;  // the next slot of each expert, until the numbers go there
    int32_t here = 0;
    for (int32_t e = 0; e < experts; e++) here += places == NULL || places[e] >= 0;
    for (int32_t e = 0; e < here; e++) next[e] = 0;
    for (int32_t t = 0; t < tokens; t++) {
        for (int32_t k = 0; k < chosen; k++) {
            int32_t e = expert_of(choice[(int64_t)t * 2 * chosen + k], experts, places);
            if (e >= 0) next[e]++;
        }
    }
    int32_t first = 0;
    for (int32_t e = 0; e < here; e++) {
        int32_t count = next[e];
        next[e] = first;
        first += count;
    }
    groups->slots = first;
    for (int32_t t = 0; t < tokens; t++) {
        const float *row = choice + (int64_t)t * 2 * chosen;
        for (int32_t k = 0; k < chosen; k++) {
            int32_t e = expert_of(row[k], experts, places);
            if (e < 0) continue;
            int32_t slot = next[e]++;
            groups->tokens[slot] = t;
            groups->weights[slot] = row[chosen + k];
        }
    }
    // Now next[e] is where e's slots end. A group's place is never past its expert's.
    int32_t start = 0;
    groups->count = 0;
    for (int32_t e = 0; e < here; e++) {
        int32_t stop = next[e];
        if (stop == start) continue;
        groups->starts[groups->count] = start;
        groups->experts[groups->count++] = e;
        start = stop;
    }
    groups->starts[groups->count] = start;
}

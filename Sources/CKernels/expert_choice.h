// Which experts a token goes to, once they have scores: shared by every instruction set.
#ifndef SKEIN_EXPERT_CHOICE_H
#define SKEIN_EXPERT_CHOICE_H

#include "kernels.h"

// The workspace of a router: for each expert its score, what it is chosen by, and whether it may still be.
typedef struct {
    float *scores;
    float *choice;
    uint8_t *open;
    float *groups;
    uint8_t *open_groups;
} skein_router_state;

static inline skein_router_state skein_router_state_make(const skein_expert_router_args *a, void *workspace) {
    skein_router_state s;
    int32_t experts = (a->experts + 15) / 16 * 16;  // whole vectors
    int32_t groups = a->groups > 0 ? a->groups : 1;
    s.scores = workspace;
    s.choice = s.scores + experts;
    s.groups = s.choice + experts;
    s.open = (uint8_t *)(s.groups + groups);
    s.open_groups = s.open + experts;
    return s;
}

// The open entry with the largest value, the first of equals; closes it. There must be one. NaN is never larger
// than anything, but is taken where nothing else is left.
static inline int32_t skein_take_largest(const float *values, uint8_t *open, int32_t count) {
    int32_t best = -1;
    for (int32_t i = 0; i < count; i++) {
        if (open[i] && (best < 0 || values[i] > values[best] || values[best] != values[best])) best = i;
    }
    open[best] = 0;
    return best;
}

static inline float skein_group_score(const float *values, int32_t count, int32_t kind) {
    float first = -__builtin_inff(), second = first;
    for (int32_t i = 0; i < count; i++) {
        if (values[i] > first) {
            second = first;
            first = values[i];
        } else if (values[i] > second) {
            second = values[i];
        }
    }
    return kind == SKEIN_GROUP_SUM_OF_TWO_LARGEST && count > 1 ? first + second : first;
}

// Leaves open only the experts of the best groups.
static inline void skein_open_groups(const skein_expert_router_args *a, skein_router_state *s) {
    int32_t size = a->experts / a->groups;
    for (int32_t g = 0; g < a->groups; g++) {
        s->groups[g] = skein_group_score(s->choice + (int64_t)g * size, size, a->group_score);
        s->open_groups[g] = 1;
    }
    for (int32_t e = 0; e < a->experts; e++) s->open[e] = 0;
    for (int32_t n = 0; n < a->chosen_groups; n++) {
        int32_t group = skein_take_largest(s->groups, s->open_groups, a->groups);
        for (int32_t e = 0; e < size; e++) s->open[group * size + e] = 1;
    }
}

// Fills y from `s->scores`; softmax of the chosen is left to the caller.
static inline void skein_choose_experts(const skein_expert_router_args *a, skein_router_state *s, float *y) {
    for (int32_t e = 0; e < a->experts; e++) {
        s->choice[e] = a->bias != NULL ? s->scores[e] + a->bias[e] : s->scores[e];
        s->open[e] = 1;
    }
    if (a->groups > 1) skein_open_groups(a, s);
    for (int32_t k = 0; k < a->chosen; k++) {
        int32_t expert = skein_take_largest(s->choice, s->open, a->experts);
        y[k] = (float)expert;
        y[a->chosen + k] = s->scores[expert];
    }
}

// What happens to the weights last.
static inline void skein_scale_weights(const skein_expert_router_args *a, float *weights) {
    float factor = a->scale;
    if (a->normalizes) {
        float sum = 0;
        for (int32_t k = 0; k < a->chosen; k++) sum += weights[k];
        factor /= sum + 1e-20f;  // sigmoids may all be zero
    }
    for (int32_t k = 0; k < a->chosen; k++) weights[k] *= factor;
}

#endif

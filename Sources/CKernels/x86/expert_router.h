// expert_router: from the logits of all experts, the numbers of those with the highest scores and their weights.
//
//     scores   softmax(logits), or logits (softmax of the chosen), or 1 / (1 + exp(-logit))
//     chosen   the highest of scores + bias, among the experts of the best groups
//     weights  scores of the chosen, or their softmax; divided by their sum (normalizes); times scale
//
// Shapes: logits [tokens][experts], y [tokens][2 * chosen]. In float32. Bound by the search, chosen * experts
// comparisons a token; the exponentials are vectors.
static void router_sigmoid(const float *x, float *y, int32_t count) {
    for (int32_t i = 0; i < count; i += LANES) {
        int32_t part = count - i < LANES ? count - i : LANES;
        vec e = vec_exp(-vec_load_part(x + i, part));
        vec_store_part(y + i, vec_set(1.0f) / (vec_set(1.0f) + e), part);
    }
}

// y may be x.
static void router_softmax(const float *x, float *y, int32_t count) {
    vec largest = vec_set(-__builtin_inff());
    for (int32_t i = 0; i < count; i += LANES) {
        int32_t part = count - i < LANES ? count - i : LANES;
        largest = vec_max(vec_keep(vec_load_part(x + i, part), 0, part), largest);
    }
    vec base = vec_set(vec_largest(largest));
    vec total = vec_set(0);
    for (int32_t i = 0; i < count; i += LANES) {
        int32_t part = count - i < LANES ? count - i : LANES;
        vec e = vec_exp(vec_keep(vec_load_part(x + i, part), 0, part) - base);
        vec_store_part(y + i, e, part);
        total += e;
    }
    vec sum = vec_set(vec_sum(total));
    for (int32_t i = 0; i < count; i += LANES) {
        int32_t part = count - i < LANES ? count - i : LANES;
        vec_store_part(y + i, vec_load_part(y + i, part) / sum, part);
    }
}

void SKEIN_KERNEL(expert_router)(const void *args, int32_t begin, int32_t end, void *workspace) {
    const skein_expert_router_args *a = args;
    skein_router_state s = skein_router_state_make(a, workspace);
    for (int64_t t = begin; t < end; t++) {
        const float *logits = a->logits + t * a->experts;
        float *y = a->y + t * 2 * a->chosen;
        float *weights = y + a->chosen;
        switch (a->scoring) {
        case SKEIN_SCORING_SIGMOID: router_sigmoid(logits, s.scores, a->experts); break;
        case SKEIN_SCORING_SOFTMAX: router_softmax(logits, s.scores, a->experts); break;
        default: memcpy(s.scores, logits, (size_t)a->experts * sizeof(float)); break;
        }
        skein_choose_experts(a, &s, y);
        if (a->scoring == SKEIN_SCORING_SOFTMAX_OF_CHOSEN) router_softmax(weights, weights, a->chosen);
        skein_scale_weights(a, weights);
    }
}

// Kernels of mixtures of experts and of multi-head latent attention: see skein_kernels.h for the contract.
#ifndef SKEIN_MIXTURE_H
#define SKEIN_MIXTURE_H

#include "skein_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SKEIN_SCORING_SOFTMAX = 0,           // of all experts
    SKEIN_SCORING_SOFTMAX_OF_CHOSEN = 1, // logits choose; weights are the softmax of the chosen
    SKEIN_SCORING_SIGMOID = 2,
};

enum {
    SKEIN_GROUP_LARGEST = 0,
    SKEIN_GROUP_SUM_OF_TWO_LARGEST = 1,
};

// expert_router: from the logits of all experts, the numbers of the `chosen` with the highest scores and their
// weights. Item: a token. Ties go to the lower number. The numbers are different and within 0 ..< experts
// whatever the logits are, also NaN.
typedef struct {
    const float *logits;    // [tokens][experts]
    const float *bias;      // [experts], added to scores for choosing only, or NULL
    float *y;               // [tokens][2 * chosen]: numbers, best first, then weights
    int32_t experts;
    int32_t chosen;
    int32_t scoring;        // SKEIN_SCORING_...
    bool normalizes;        // weights are divided by their sum
    float scale;            // multiplies the weights
    int32_t groups;         // of experts with consecutive numbers; 0 or 1 for no grouping
    int32_t chosen_groups;  // groups that may be chosen from
    int32_t group_score;    // SKEIN_GROUP_...
} skein_expert_router_args;

size_t skein_expert_router_workspace_bytes(int32_t experts, int32_t groups);

// The tokens of a batch grouped by expert. A slot is a token at one of its experts; slots of an expert are
// neighbours, in the order of tokens.
typedef struct {
    int32_t count;    // of experts that are here and that some token chose
    int32_t slots;    // tokens * chosen, where all experts are here
    int32_t *experts; // [count] their numbers, rising; room for all that are here
    int32_t *starts;  // [count + 1] their first slots; room for one more than that
    int32_t *tokens;  // [slots]
    float *weights;   // [slots]
} skein_expert_groups;

// Groups what expert_router gave. A number that is no expert's is taken as 0.
//
// Where `places` is not NULL only some of the experts are here: places[e] is the number that expert e has among
// them, rising with e, or -1 where it is elsewhere. Groups then have those numbers, and a token has a slot for each
// of its experts that is here: maybe none.
void skein_group_by_expert(const float *choice, int32_t tokens, int32_t chosen, int32_t experts,
                           const int32_t *places, skein_expert_groups *groups);

// A stack of matrices, one an expert.
typedef struct {
    const void *weights;  // [experts][rows] rows of `row_bytes` bytes, or [experts] packed matrices
    int64_t row_bytes;
    int32_t type;
    int32_t layout;       // SKEIN_LAYOUT_...
    int32_t rows;
    int32_t columns;
    const float *bias;    // [experts][rows] or NULL
} skein_expert_matrix;

// experts: y[t] = sum over the slots of t of weight * down[e](activation(gate[e] x[t]) * up[e] x[t]), in the order
// of the experts' numbers; a product has its matrix's bias added. Three kernels, one after the other:
//
// experts_gather: the rows of x of every slot, in each form that gate or up takes. Not needed for one token.
// experts_up:     inner = activation(gate x) * up x. Item: a row of the matrices of an expert that was chosen:
//                 groups.count * gate.rows of them. Then `inner` in the form that down takes.
// experts_down:   y. Item: a row of down, for all experts.
//
// The form of an input is what the kernels' `linear_input` says for the matrix and all tokens of the call.
//
// Parts of a mixture add up to it: some of its experts (groups made with `places`, the stacks of those experts), or of
// every expert some of the rows of gate and up and the same columns of down (at whole blocks of down's format, and
// of 32). A token without a slot gets zeros.
typedef struct {
    skein_expert_groups groups;
    skein_expert_matrix gate;   // rows: expert width, columns: width
    skein_expert_matrix up;
    skein_expert_matrix down;   // rows: width, columns: expert width
    int32_t tokens;
    const void *gate_x;         // [slots], in the form that gate takes; for one token its row, which serves all slots
    const void *up_x;           // likewise
    float *inner;               // [slots][expert width]
    const void *down_x;         // [slots]: inner in the form that down takes
    float *y;                   // [tokens][width]
    skein_activation activation; // of gate and up
} skein_experts_args;

// experts_gather: y[slot] = x[tokens[slot]]. Item: a slot.
typedef struct {
    const void *x;         // [tokens], in any form
    size_t row_bytes;      // skein_input_row_bytes
    const int32_t *tokens; // [slots] of the groups
    void *y;               // [slots]
} skein_experts_gather_args;

// Workspace of one thread for any of the three; `tokens` is the most of a call.
size_t skein_experts_workspace_bytes(const skein_expert_matrix *gate, const skein_expert_matrix *up,
                                     const skein_expert_matrix *down, int32_t tokens);

// sigmoid_gate: y = x / (1 + exp(-gate)), one value of gate a token. Item: a token.
typedef struct {
    const float *x;    // [tokens][columns]
    const float *gate; // [tokens]
    float *y;          // [tokens][columns]; may be x
    int32_t columns;
} skein_sigmoid_gate_args;

// The projections of latent attention, for each head: keys = key_up c, values = value_up c, where c is the
// first `rank` values of a compressed row.
typedef struct {
    int32_t heads;
    int32_t rank;
    int32_t plain_width;   // values of a key that are made from c; `rope_width` more are taken as they are
    int32_t rope_width;
    int32_t value_width;
    bool key_rows_plain;   // rows of key_up are the plain_width; otherwise they are the rank
    const void *key_up;    // head h at h * key_head_bytes: [plain_width][rank] or [rank][plain_width]
    const void *value_up;  // head h at h * value_head_bytes: [value_width][rank]
    int64_t key_row_bytes;
    int64_t key_head_bytes;
    int64_t value_row_bytes;
    int64_t value_head_bytes;
    int32_t key_type;
    int32_t value_type;
} skein_latent_heads;

// latent_attention: attention whose keys and values are made from compressed rows, which are in the cache as keys of
// one head of rank + rope_width values; value_width is 0 there. Two forms of the same sums.
//
// Absorbed, by this kernel, without making keys and values: few tokens read compressed rows.
//     q'[t][h] = (q[t][h][0 ..< plain_width] key_up[h], q[t][h][plain_width ...])
//     s[t][h]  = sum over p <= positions[t] of softmax(scale * q'[t][h] . row[p]) * row[p][0 ..< rank]
//     y[t][h]  = value_up[h] s[t][h]
// Item: `skein_latent_attention_items(args)` of them, each a few heads of a run of tokens.
typedef struct {
    skein_cache cache;
    skein_latent_heads heads;
    const float *queries;     // [tokens][heads][plain_width + rope_width]
    float *y;                 // [tokens][heads][value_width]
    const int32_t *sequences; // [tokens]
    const int32_t *positions; // [tokens]
    int32_t tokens;
    float scale;
    int32_t batch_tokens;     // of the pass that these are a part of, if that is more: as in skein_linear_args
} skein_latent_attention_args;

int32_t skein_latent_attention_items(const skein_latent_attention_args *args);
size_t skein_latent_attention_workspace_bytes(const skein_latent_heads *heads, int32_t page_tokens);

// Tokens of a pass that take the same form.
typedef struct {
    int32_t tokens;
    bool is_expanded;
} skein_latent_span;

// The span that begins at token `first`: neighbours of one sequence, where they are at least `expanded_from`; else
// all tokens up to the next such run.
skein_latent_span skein_latent_attention_span(const skein_latent_attention_args *args, int32_t first,
                                              int32_t expanded_from);

// Expanded, for many tokens of one sequence: keys and values of a stretch of positions are made once for all of them.
//     k[p][h] = (key_up[h] c[p], r[p])    v[p][h] = value_up[h] c[p]    with (c, r) the row of p
//     y[t][h] = sum over p <= positions[t] of softmax(scale * q[t][h] . k[p][h]) * v[p][h]
// For each stretch, from position 0 on, two kernels one after the other:
//
// latent_stretch_expand: keys and values. Item: two heads of 128 positions, `..._expand_items` of them.
// latent_stretch_attend: the tokens' attention to the stretch. Item: a head of up to 64 tokens, `..._attend_items` of
//                        them. Until a token has met its last stretch its y is a sum that is not yet divided.
//
// Blocks of positions begin at multiples of 64, so how a sequence is cut into stretches changes no bit, nor does what
// else is in the pass.
typedef struct {
    skein_latent_attention_args attention; // tokens of one sequence
    float *shared;       // `skein_latent_stretch_bytes`, aligned to 64
    int32_t first;       // position: a multiple of `skein_latent_stretch_positions`
    int32_t positions;   // at most that many; all but the last stretch have as many
} skein_latent_stretch_args;

int32_t skein_latent_stretch_positions(const skein_latent_heads *heads);
// What both kernels share: keys and values of a stretch, and for `tokens` tokens what they have found so far.
size_t skein_latent_stretch_bytes(const skein_latent_heads *heads, int32_t tokens);
// Workspace of one thread for either of the two.
size_t skein_latent_stretch_workspace_bytes(const skein_latent_heads *heads);
int32_t skein_latent_stretch_expand_items(const skein_latent_stretch_args *args);
int32_t skein_latent_stretch_attend_items(const skein_latent_stretch_args *args);

// expand_latent: the keys or the values of all heads from compressed rows. Item:
// `skein_expand_latent_items(args)` of them, each a head of a run of tokens.
typedef struct {
    skein_latent_heads heads;
    const float *x;   // [tokens][rank + rope_width]
    float *y;         // keys: [tokens][heads][plain_width + rope_width], values: [tokens][heads][value_width]
    int32_t tokens;
    bool makes_keys;
} skein_expand_latent_args;

int32_t skein_expand_latent_items(const skein_expand_latent_args *args);
size_t skein_expand_latent_workspace_bytes(const skein_latent_heads *heads);

#ifdef __cplusplus
}
#endif
#endif

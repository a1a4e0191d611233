// The CPU kernels of Skein: one contract, several instruction sets behind it.
//
// Every kernel has the same signature, so that a thread team can split any of them:
//
//     void kernel(const void *args, int32_t begin, int32_t end, void *workspace)
//
// computes the items begin ..< end of the work that `args` describes. What an item is (a token, a row
// of a matrix, a head) is stated at each argument struct; items are independent of each other, so any
// split over threads gives the same bits. `workspace` is scratch memory private to the calling thread
// (64-byte aligned, at least as large as the kernel's `..._workspace_bytes` function says).
//
// Activations are float32, row-major, one row a token. Weights are as they are in the file (row-major, rows of
// whole blocks), or packed for matrix products.
#ifndef SKEIN_KERNELS_H
#define SKEIN_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Element types: the numbers of the GGUF format.
enum {
    SKEIN_F32 = 0,
    SKEIN_F16 = 1,
    SKEIN_Q4_0 = 2,
    SKEIN_Q4_1 = 3,
    SKEIN_Q5_0 = 6,
    SKEIN_Q5_1 = 7,
    SKEIN_Q8_0 = 8,
    SKEIN_Q2_K = 10,
    SKEIN_Q3_K = 11,
    SKEIN_Q4_K = 12,
    SKEIN_Q5_K = 13,
    SKEIN_Q6_K = 14,
    SKEIN_IQ4_NL = 20,
    SKEIN_IQ4_XS = 23,
    SKEIN_BF16 = 30,
    SKEIN_MXFP4 = 39,
};

// How a matrix of weights lies in memory.
enum {
    SKEIN_LAYOUT_ROWS = 0,   // row after row, as in a file
    SKEIN_LAYOUT_PACKED = 1, // panels of 16 rows, interleaved in the order that products read them: packed.h
};

// The form in which linear takes its input.
enum {
    SKEIN_INPUT_FLOAT32 = 0,
    SKEIN_INPUT_INT8 = 1, // what quantize_activations makes
    SKEIN_INPUT_BF16 = 2, // what round_activations makes
};

typedef void skein_kernel(const void *args, int32_t begin, int32_t end, void *workspace);

// pack_weights: rows of a matrix, from row-major to packed. Item: a row. Rows do not share bytes of the packed
// matrix, so any thread may pack any of them.
typedef struct {
    const void *rows;   // the first item's blocks; the next item's are `row_bytes` further
    int64_t row_bytes;
    int32_t type;
    int32_t columns;    // of the packed matrix; a whole number of blocks
    int32_t first_row;  // item i is row first_row + i of the packed matrix
    void *packed;       // the packed matrix: 64-byte aligned
} skein_pack_weights_args;

// dequantize: y[i] = value of element i of a row. Item: a row.
// Bit-exact to the public `gguf` Python package on every instruction set.
typedef struct {
    const void *x;     // rows of `row_bytes` bytes
    int64_t row_bytes;
    int32_t type;      // SKEIN_...
    int32_t columns;   // a whole number of blocks
    float *y;          // [rows][columns]
} skein_dequantize_args;

// embedding: y[t] = scale * table[tokens[t]]. Item: a token. Positions in the place of tokens make it an
// embedding of positions.
typedef struct {
    const void *table; // [vocabulary] rows of `row_bytes` bytes, or packed
    int64_t row_bytes;
    int32_t type;
    int32_t layout;    // SKEIN_LAYOUT_...
    int32_t columns;
    const int32_t *tokens;
    float *y;          // [tokens][columns]
    float scale;
} skein_embedding_args;

// quantize_activations: x rounded for the products with quantized weights. Item: a token.
// The result is opaque: `skein_quantized_activation_bytes(columns)` a token, 64-byte aligned rows.
typedef struct {
    const float *x;    // [tokens][columns]
    int32_t columns;   // any number: the tail of the last block of 32 is taken as zeros
    void *y;
} skein_quantize_activations_args;

// round_activations: x rounded to BF16 (to nearest, ties to even; NaN stays NaN). Item: a token.
// A row of the result has `skein_input_row_bytes(SKEIN_INPUT_BF16, columns)` bytes, zeros past `columns`; 64-byte
// aligned.
typedef struct {
    const float *x;    // [tokens][columns]
    int32_t columns;
    void *y;
} skein_round_activations_args;

// linear: y[t][r] = sum over c of w[r][c] * x[t][c] (+ bias[r]). Item: a row r of the weights.
// x has the form that the kernels' `linear_input` says.
// One call handles any number of tokens: matrix-vector for few, matrix-matrix for many.
typedef struct {
    const void *weights; // [rows] rows of `row_bytes` bytes, or packed; then begin is a multiple of 16
    int64_t row_bytes;
    int32_t type;
    int32_t layout;      // SKEIN_LAYOUT_...
    int32_t rows;
    int32_t columns;
    int32_t tokens;
    const void *x;
    const float *bias;   // [rows] or NULL
    float *y;            // [tokens][y_stride]
    int64_t y_stride;    // in floats; at least `rows`
    int32_t batch_tokens; // of the batch that these are a part of, if that is more: it says which of the two ways
                          // is taken, so that a token's bits do not depend on how a batch is cut
} skein_linear_args;

// rms_norm: y = x / sqrt(mean(x^2) + epsilon) * weight, for each row of `columns`. Item: a row.
// A norm over each head is a norm over tokens * heads rows. `passed` values behind each row are copied.
typedef struct {
    const float *x;
    const float *weight; // [columns] or NULL
    float *y;
    int32_t columns;
    float epsilon;
    int32_t passed;      // x and y have columns + passed values a row
} skein_rms_norm_args;

// layer_norm: y = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon) * weight + bias, for each row. Item: a row.
typedef struct {
    const float *x;      // [rows][columns]
    const float *weight; // [columns]
    const float *bias;   // [columns] or NULL
    float *y;            // may be x
    int32_t columns;
    float epsilon;
} skein_layer_norm_args;

// rope: rotates pairs of each head by position * frequency[i]. Item: a token.
// interleaved: pairs (2i, 2i+1); otherwise (i, i + dimensions/2); both counted from `first`. Other elements are
// copied.
// Angles are position (exact) times frequency in float32, sine and cosine correct to about 1 ulp also
// for large angles.
typedef struct {
    const float *x;           // [tokens][heads][head_width]
    float *y;                 // same shape; may be x
    const int32_t *positions; // [tokens]
    const float *frequencies; // [dimensions / 2]
    int32_t heads;
    int32_t head_width;
    int32_t dimensions;       // even, at most head_width - first
    int32_t first;
    bool interleaved;
    float magnitude;          // sine and cosine are multiplied by it (yarn's attention factor)
} skein_rope_args;

// One layer's paged key-value cache.
// keys: [page][kv_head][page_tokens] rows of key_width values, values: likewise of value_width.
// A row is `skein_cache_row_bytes(type, width)` long: SKEIN_F32, SKEIN_F16, SKEIN_BF16, or SKEIN_Q8_0 with the
// last block of 32 padded with zeros.
// The page of (sequence s, position p) is page_table[s * pages_per_sequence + p / page_tokens],
// its place there p % page_tokens. Where `values` is `keys`, the first value_width elements of a row of keys are
// its values.
typedef struct {
    uint8_t *keys;
    uint8_t *values;
    int32_t type;      // SKEIN_F32, SKEIN_F16, SKEIN_BF16 or SKEIN_Q8_0
    int32_t page_tokens;
    int32_t kv_heads;
    int32_t key_width;
    int32_t value_width;
    const int32_t *page_table;
    int32_t pages_per_sequence;
} skein_cache;

// cache_write: stores keys and values of new tokens. Item: a token. The same bits on every instruction set.
// F16 and BF16: nearest even, finite values beyond the largest clamped to it (65504 in F16).
// Q8_0, each 32 values of a row: d = max |x| / 127 rounded up to F16, q = x * (1 / d) to nearest even, so no
// value is off by more than d / 2. d is at most 65504, and values beyond 127 d are clamped. A block that
// holds an infinity or NaN gets the scale NaN: attention shows it, rather than a plausible number.
typedef struct {
    skein_cache cache;
    const float *keys;        // [tokens][kv_heads][key_width]
    const float *values;      // [tokens][kv_heads][value_width]
    const int32_t *sequences; // [tokens]
    const int32_t *positions; // [tokens]
} skein_cache_write_args;

// attention: for token t and head h, over the positions p of t's sequence with p <= positions[t] and,
// where window > 0, p > positions[t] - window:
//     y[t][h] = sum over p of softmax(scale * q[t][h] . k[p]) * v[p]
// Head h reads the keys and values of head h / (heads / kv_heads). soft_cap > 0 replaces a score s by
// soft_cap * tanh(s / soft_cap). sinks adds exp(sinks[h]) to what the weights of head h are divided by: attention
// that goes nowhere. Accumulates in float32. Over Q8_0 a kernel may round queries to 2^-15 of the
// largest of a head, and weights to 2^-16 of the largest of 64 positions; over BF16 it may round scaled queries and
// weights to BF16. The reference does not.
// Item: `skein_attention_items(args)` of them, each a kv head of a run of tokens.
//
// With `parts`, an item is one of the chunks that a token's positions are cut into, so that one token has work for
// many threads; it leaves its part in `parts` instead of y, and attention_combine, run after it on the same
// arguments, makes y of them. Item of attention_combine: a head of a token, tokens * heads of them. Chunks depend on
// positions alone, and y has the same bits with parts and without.
typedef struct {
    skein_cache cache;
    const float *queries;     // [tokens][heads][key_width]
    float *y;                 // [tokens][heads][value_width]
    const int32_t *sequences; // [tokens]
    const int32_t *positions; // [tokens]
    int32_t tokens;
    int32_t heads;
    float scale;
    int32_t window;
    float soft_cap;
    const float *sinks;       // [heads] or NULL
    float *parts;             // skein_attention_parts_bytes(...) of them, 64-byte aligned, or NULL
    int32_t part_chunks;      // skein_attention_chunks of the longest context there is room for
} skein_attention_args;

enum {
    SKEIN_ACTIVATION_SILU = 0,       // x / (1 + exp(-x))
    SKEIN_ACTIVATION_GELU = 1,       // x * (1 + erf(x / sqrt(2))) / 2
    SKEIN_ACTIVATION_GELU_TANH = 2,  // x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2
    // Gated only: g / (1 + exp(-alpha g)) * (u + 1), g = min(gate, limit), u = up within -limit ... limit.
    SKEIN_ACTIVATION_CLAMPED_SWISH = 3,
};

typedef struct {
    int32_t kind;  // SKEIN_ACTIVATION_...
    float alpha;   // of the clamped swish
    float limit;
} skein_activation;

// activation: y = activation(x). Item: a token.
typedef struct {
    const float *x; // [tokens][columns]
    float *y;       // may be x
    int32_t columns;
    skein_activation activation;
} skein_activation_args;

// gated_activation: y = activation(gate) * up. Item: a token.
typedef struct {
    const float *gate; // [tokens][columns]
    const float *up;   // [tokens][columns]
    float *y;          // [tokens][columns]; may be gate or up
    int32_t columns;
    skein_activation activation;
} skein_gated_activation_args;

// soft_cap: y = cap * tanh(x / cap). Item: a token.
typedef struct {
    const float *x; // [tokens][columns]
    float *y;       // may be x
    int32_t columns;
    float cap;      // above zero
} skein_soft_cap_args;

// add: y = a + b. Item: a token.
typedef struct {
    const float *a; // [tokens][columns]
    const float *b; // [tokens][columns]
    float *y;       // may be a or b
    int32_t columns;
} skein_add_args;

// select_rows: y[i] = x[rows[i]]. Item: an output row.
typedef struct {
    const float *x;      // [tokens][columns]
    const int32_t *rows; // indices of rows of x
    float *y;
    int32_t columns;
} skein_select_rows_args;

// The kernels of one instruction set.
typedef struct {
    const char *name; // "reference"; "avx2", "avx512"; "neon", "dotprod", "i8mm"
    bool prefers_packed; // whether products are faster with packed weights; all kernels take both
    skein_kernel *pack_weights;
    skein_kernel *dequantize;
    skein_kernel *embedding;
    skein_kernel *quantize_activations;
    skein_kernel *round_activations;
    // The form (SKEIN_INPUT_...) in which `linear` takes x, by the weights' type and layout and the tokens of the
    // batch (batch_tokens, or those of the call if they are more). Few tokens are never rounded to BF16.
    int32_t (*linear_input)(int32_t type, int32_t layout, int32_t batch_tokens);
    skein_kernel *linear;
    skein_kernel *rms_norm;
    skein_kernel *layer_norm;
    skein_kernel *rope;
    skein_kernel *cache_write;
    skein_kernel *attention;
    skein_kernel *attention_combine;
    skein_kernel *activation;
    skein_kernel *gated_activation;
    skein_kernel *soft_cap;
    skein_kernel *add;
    skein_kernel *select_rows;
    // skein_mixture.h
    skein_kernel *expert_router;
    skein_kernel *experts_gather;
    skein_kernel *experts_up;
    skein_kernel *experts_down;
    skein_kernel *sigmoid_gate;
    skein_kernel *latent_attention;
    skein_kernel *latent_stretch_expand;
    skein_kernel *latent_stretch_attend;
    skein_kernel *expand_latent;
} skein_kernels;

// The kernels of that name ("reference", "avx512", "i8mm"); NULL for a name that is unknown or that this
// processor cannot run. NULL as the name means the fastest that it can run.
const skein_kernels *skein_kernels_named(const char *name);

// Names of the instruction sets that this processor can run, slowest first; NULL past the last.
const char *skein_kernels_name(int32_t index);

// Bytes of one token's input in a form; a multiple of 64, except for float32.
size_t skein_input_row_bytes(int32_t form, int32_t columns);

// Whether linear on weights of `type` takes quantized activations.
bool skein_linear_takes_quantized(int32_t type);

// Bytes of a packed matrix: rows are padded to a multiple of 16, panels to 64 bytes.
int64_t skein_packed_bytes(int32_t type, int32_t rows, int32_t columns);

// Bytes of one token's quantized activations; a multiple of 64.
size_t skein_quantized_activation_bytes(int32_t columns);

// Workspace of one thread, the most that any instruction set needs.
size_t skein_linear_workspace_bytes(int32_t type, int32_t columns, int32_t tokens);
size_t skein_attention_workspace_bytes(int32_t heads, int32_t kv_heads, int32_t key_width, int32_t value_width,
                                       int32_t page_tokens);

// Bytes of one token's keys (or values) of one head in a cache of `type`.
int64_t skein_cache_row_bytes(int32_t type, int32_t width);
// The preferred number of rows that a thread takes at a time: split linear at multiples of it.
int32_t skein_linear_row_grain(void);
// Number of items of an attention call.
int32_t skein_attention_items(const skein_attention_args *args);

// The most chunks that a token of a context of so many positions may have.
int32_t skein_attention_chunks(int32_t context_tokens);

// Bytes of the parts of so many tokens: (tokens, heads, chunks) parts of the sums of value_width values.
size_t skein_attention_parts_bytes(int32_t tokens, int32_t heads, int32_t value_width, int32_t chunks);

#ifdef __cplusplus
}
#endif
#endif

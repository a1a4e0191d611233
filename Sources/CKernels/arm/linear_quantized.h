// The last part of the templates of linear: one function for each quantized format and layout, and the choice among
// them. Float formats have a file of their own, which needs no more than NEON.
#define DEFINE_QUANTIZED(type)                                                                                \
    static __attribute__((noinline)) void packed_vector_##type(const skein_linear_args *args, int32_t begin,   \
                                                               int32_t end) {                                 \
        packed_linear_vector(SKEIN_##type, args, begin, end);                                                 \
    }                                                                                                         \
    static __attribute__((noinline)) void packed_matrix_##type(const skein_linear_args *args, int32_t begin,   \
                                                               int32_t end, void *workspace) {                \
        packed_linear_matrix(SKEIN_##type, args, begin, end, workspace);                                      \
    }                                                                                                         \
    static __attribute__((noinline)) void rows_##type(const skein_linear_args *args, int32_t begin, int32_t end, \
                                                      void *workspace) {                                      \
        for (int32_t row = begin; row < end; row++) rows_multiply_row(SKEIN_##type, args, row, workspace);    \
    }                                                                                                         \
    static void linear_##type(const skein_linear_args *args, int32_t begin, int32_t end, void *workspace) {   \
        int32_t batch = args->batch_tokens > args->tokens ? args->batch_tokens : args->tokens;                \
        if (args->layout != SKEIN_LAYOUT_PACKED) rows_##type(args, begin, end, workspace);                    \
        else if (batch <= PACKED_VECTOR_TOKENS) packed_vector_##type(args, begin, end);                       \
        else packed_matrix_##type(args, begin, end, workspace);                                               \
    }

#define FOR_EACH_QUANTIZED(do)                                                                            \
    do(Q8_0) do(Q4_0) do(Q4_1) do(Q5_0) do(Q5_1) do(Q2_K) do(Q3_K) do(Q4_K) do(Q5_K) do(Q6_K) do(IQ4_NL) \
    do(IQ4_XS) do(MXFP4)

FOR_EACH_QUANTIZED(DEFINE_QUANTIZED)

static void linear_of_type(const skein_linear_args *args, int32_t begin, int32_t end, void *workspace) {
    if (args->tokens <= 0 || begin >= end) return;
    switch (args->type) {
#define CALL(type) \
    case SKEIN_##type: linear_##type(args, begin, end, workspace); break;
        FOR_EACH_QUANTIZED(CALL)
#undef CALL
    default: skein_neon_linear_float(args, begin, end, workspace); break;
    }
}

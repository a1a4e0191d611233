// The last part of the linear template: one function for each quantized format, and the choice among them. Float
// formats have files of their own: SKEIN_LINEAR_FLOAT is their function.

static int32_t linear_batch_tokens(const skein_linear_args *args) {
    return args->batch_tokens > args->tokens ? args->batch_tokens : args->tokens;
}

#define DEFINE_QUANTIZED(type)                                                                           \
    static __attribute__((noinline)) void linear_##type(const skein_linear_args *args, int32_t begin, int32_t end, \
                                                        void *workspace) { \
        if (linear_batch_tokens(args) <= VECTOR_TOKENS) {                                                \
            linear_vector_quantized(SKEIN_##type, args, begin, end);                                     \
        } else {                                                                                         \
            linear_matrix_quantized(SKEIN_##type, args, begin, end, workspace);                          \
        }                                                                                                \
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
    default: SKEIN_LINEAR_FLOAT(args, begin, end, workspace); break;
    }
}

// rope: rotates pairs of each head's elements by the angle position * frequency[i].
//
//     y[a] = x[a] * cos - x[b] * sin        (a, b) = (2i, 2i + 1) where interleaved,
//     y[b] = x[b] * cos + x[a] * sin                 (i, i + dimensions / 2) otherwise
//
// counted from `first`; other elements are copied.
// Shapes: x, y [tokens][heads][head_width], frequencies [dimensions / 2]; y may be x. The angle is a
// float32 product, because the models were trained with exactly that; its sine and cosine are taken in
// double and rounded once, so that they are right for angles of any size. Sine and cosine bound the
// kernel, so one pair's are computed once for all heads of a token.
#include "../kernels.h"

#include <math.h>
#include <string.h>

static void rotate_pair(const skein_rope_args *a, int64_t token, int32_t pair) {
    float angle = (float)a->positions[token] * a->frequencies[pair];
    float cosine = (float)cos((double)angle) * a->magnitude;
    float sine = (float)sin((double)angle) * a->magnitude;
    int32_t first = a->interleaved ? 2 * pair : pair;
    int32_t second = a->interleaved ? 2 * pair + 1 : pair + a->dimensions / 2;
    for (int32_t h = 0; h < a->heads; h++) {
        int64_t start = (token * a->heads + h) * a->head_width + a->first;
        float x0 = a->x[start + first];
        float x1 = a->x[start + second];
        a->y[start + first] = x0 * cosine - x1 * sine;
        a->y[start + second] = x1 * cosine + x0 * sine;
    }
}

void skein_reference_rope(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_rope_args *a = args;
    int32_t last = a->first + a->dimensions;
    for (int64_t t = begin; t < end; t++) {
        for (int32_t i = 0; i < a->dimensions / 2; i++) rotate_pair(a, t, i);
        if (a->x == a->y || a->head_width == a->dimensions) continue;
        for (int32_t h = 0; h < a->heads; h++) {
            int64_t start = (t * a->heads + h) * a->head_width;
            memcpy(a->y + start, a->x + start, (size_t)a->first * sizeof(float));
            memcpy(a->y + start + last, a->x + start + last, (size_t)(a->head_width - last) * sizeof(float));
        }
    }
}

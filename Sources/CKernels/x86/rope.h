// rope: rotates pairs of each head's elements by the angle position * frequency[i].
//
//     y[a] = x[a] * cos - x[b] * sin        (a, b) = (2i, 2i + 1) where interleaved,
//     y[b] = x[b] * cos + x[a] * sin                 (i, i + dimensions / 2) otherwise
//
// counted from `first`; other elements are copied.
// Shapes: x, y [tokens][heads][head_width], frequencies [dimensions / 2]; y may be x. The angle is a
// float32 product; its sine and cosine are taken in double and rounded once. They bound the kernel, so
// they are computed once for all heads of a token, a chunk of pairs at a time.
enum { ROPE_CHUNK = 256 };

// Of the pairs of one chunk. Interleaved: element 2i and 2i + 1 of a table belong to pair i, and the sine
// of the even one is negated. Room past the chunk: tables are filled by whole vectors.
typedef struct {
    float cosine[2 * ROPE_CHUNK + LANES];
    float sine[2 * ROPE_CHUNK + LANES];
} rope_table;

static void rope_fill(rope_table *table, const skein_rope_args *a, int64_t token, int32_t first,
                      int32_t count) {
    float position = (float)a->positions[token];
    for (int32_t i = 0; i < count; i += LANES / 2) {
        float angles[LANES / 2] = {0};
        for (int32_t k = 0; k < LANES / 2 && i + k < count; k++) {
            angles[k] = position * a->frequencies[first + i + k];
        }
        dvec sine, cosine;
        dvec_sine_cosine(dvec_load_floats(angles), &sine, &cosine);
        dvec_store_floats(table->sine + i, sine);
        dvec_store_floats(table->cosine + i, cosine);
    }
    if (a->interleaved) {
        // Backwards, so that no element is overwritten before it is spread.
        for (int32_t i = count - 1; i >= 0; i--) {
            float cosine = table->cosine[i] * a->magnitude;
            float sine = table->sine[i] * a->magnitude;
            table->cosine[2 * i] = table->cosine[2 * i + 1] = cosine;
            table->sine[2 * i] = -sine;
            table->sine[2 * i + 1] = sine;
        }
    } else {
        for (int32_t i = 0; i < count; i += LANES) {
            vec_store(table->cosine + i, vec_load(table->cosine + i) * vec_set(a->magnitude));
            vec_store(table->sine + i, vec_load(table->sine + i) * vec_set(a->magnitude));
        }
    }
}

static void rope_neighbours(const float *x, float *y, const rope_table *table, int32_t elements) {
    for (int32_t i = 0; i < elements; i += LANES) {
        int32_t count = elements - i < LANES ? elements - i : LANES;
        vec v = vec_load_part(x + i, count);
        vec turned = vec_swap_pairs(v) * vec_load(table->sine + i);
        vec_store_part(y + i, vec_fma(v, vec_load(table->cosine + i), turned), count);
    }
}

static void rope_halves(const float *x, float *y, const rope_table *table, int32_t pairs, int32_t distance) {
    for (int32_t i = 0; i < pairs; i += LANES) {
        int32_t count = pairs - i < LANES ? pairs - i : LANES;
        vec x0 = vec_load_part(x + i, count);
        vec x1 = vec_load_part(x + i + distance, count);
        vec cosine = vec_load(table->cosine + i);
        vec sine = vec_load(table->sine + i);
        vec_store_part(y + i, vec_fma(x0, cosine, -(x1 * sine)), count);
        vec_store_part(y + i + distance, vec_fma(x1, cosine, x0 * sine), count);
    }
}

void SKEIN_KERNEL(rope)(const void *args, int32_t begin, int32_t end, void *workspace) {
    (void)workspace;
    const skein_rope_args *a = args;
    rope_table table;
    memset(&table, 0, sizeof table);
    int32_t pairs = a->dimensions / 2;
    int32_t last = a->first + a->dimensions;
    for (int64_t t = begin; t < end; t++) {
        const float *x = a->x + t * a->heads * a->head_width;
        float *y = a->y + t * a->heads * a->head_width;
        for (int32_t first = 0; first < pairs; first += ROPE_CHUNK) {
            int32_t count = pairs - first < ROPE_CHUNK ? pairs - first : ROPE_CHUNK;
            rope_fill(&table, a, t, first, count);
            for (int64_t h = 0; h < a->heads; h++) {
                int64_t start = h * a->head_width + a->first + (a->interleaved ? 2 * first : first);
                if (a->interleaved) {
                    rope_neighbours(x + start, y + start, &table, 2 * count);
                } else {
                    rope_halves(x + start, y + start, &table, count, pairs);
                }
            }
        }
        if (x == y || a->head_width == a->dimensions) continue;
        for (int64_t h = 0; h < a->heads; h++) {
            int64_t start = h * a->head_width;
            memcpy(y + start, x + start, (size_t)a->first * sizeof(float));
            memcpy(y + start + last, x + start + last, (size_t)(a->head_width - last) * sizeof(float));
        }
    }
}

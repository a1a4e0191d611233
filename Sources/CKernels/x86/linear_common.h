// What every file of linear for x86 begins with.
#include "../reference/formats.h"
#include "../reference/linear_workspace.h"

#include <immintrin.h>

// Templates over constants: they must be inlined into the functions that give the constants.
#define INLINE static inline __attribute__((always_inline))

INLINE uint16_t load_u16(const uint8_t *p) {
    uint16_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

INLINE uint32_t load_u32(const uint8_t *p) {
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

INLINE uint64_t load_u64(const uint8_t *p) {
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

// Into the second level: the tiles need the first, and this is wanted only after them. So many rows are too
// many streams for the processor to foresee: without it 8 tokens took 1.6 times as long.
INLINE void prefetch_bytes(const uint8_t *p, int64_t count) {
    for (int64_t b = 0; b < count; b += 64) _mm_prefetch((const char *)p + b, _MM_HINT_T1);
}

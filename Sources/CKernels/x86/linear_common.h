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

// Quantized weights from blocks to panels of 16 rows and back. The specification: field by field.
//
// A block is a set of fields of 1, 2, 4, 8 or 16 bits: quants, their high bits, scales, minima. Packing moves each
// field from where the format of files has it to where packed.h says; not a bit of a block is lost.
#include "packed_quantized.h"

typedef enum {
    FIELD_QUANT,        // low bits of a quant; index: the column
    FIELD_QUANT_HIGH,   // its high bits
    FIELD_SCALE,        // of a group; index: the group
    FIELD_MINIMUM,
    FIELD_SCALE_HIGH,   // high bits of scales (and minima) of 6 bits
    FIELD_MINIMUM_HIGH,
    FIELD_D,            // the block's float16
    FIELD_DMIN,
    FIELD_KINDS,
} field_kind;

// How many fields of a kind 256 columns have, and the bits of each. Both 0: none.
typedef struct {
    int16_t count;
    int16_t bits;
} field_shape;

// In the order of a chunk's parts.
static const field_kind field_order[FIELD_KINDS] = {
    FIELD_D, FIELD_DMIN, FIELD_SCALE, FIELD_MINIMUM, FIELD_SCALE_HIGH, FIELD_MINIMUM_HIGH, FIELD_QUANT_HIGH,
    FIELD_QUANT,
};

static field_shape shape_of(int32_t type, field_kind kind) {
    bool is_small = skein_block_elements(type) == 32;
    bool has_minimum = type == SKEIN_Q4_1 || type == SKEIN_Q5_1 || type == SKEIN_Q4_K || type == SKEIN_Q5_K;
    bool is_two_bits = type == SKEIN_Q2_K || type == SKEIN_Q3_K;
    bool has_split_scales = !is_small && type != SKEIN_Q2_K && type != SKEIN_Q6_K;
    field_shape none = {0, 0}, scales = {is_two_bits || type == SKEIN_Q6_K ? 16 : 8, 8};
    if (is_small && type != SKEIN_MXFP4) scales.bits = 16;
    if (has_split_scales) scales.bits = 4;
    switch (kind) {
    case FIELD_D: return is_small ? none : (field_shape){1, 16};
    case FIELD_DMIN: return !is_small && (has_minimum || type == SKEIN_Q2_K) ? (field_shape){1, 16} : none;
    case FIELD_SCALE: return scales;
    case FIELD_MINIMUM: return has_minimum ? scales : none;
    case FIELD_SCALE_HIGH: return has_split_scales ? (field_shape){scales.count, 2} : none;
    case FIELD_MINIMUM_HIGH: return has_split_scales && has_minimum ? (field_shape){scales.count, 2} : none;
    case FIELD_QUANT_HIGH:
        if (type == SKEIN_Q6_K) return (field_shape){256, 2};
        return type == SKEIN_Q5_0 || type == SKEIN_Q5_1 || type == SKEIN_Q5_K || type == SKEIN_Q3_K
                   ? (field_shape){256, 1} : none;
    default: return (field_shape){256, type == SKEIN_Q8_0 ? 8 : is_two_bits ? 2 : 4};
    }
}

// The first bit of a field.
typedef struct {
    int32_t byte;
    int32_t shift;
} bit_place;

// In a block of 32 values.
static bit_place place_in_small_block(int32_t type, field_kind kind, int32_t index) {
    bool has_minimum = type == SKEIN_Q4_1 || type == SKEIN_Q5_1, has_fifth = type == SKEIN_Q5_0 || type == SKEIN_Q5_1;
    int32_t fifth = has_minimum ? 4 : type == SKEIN_MXFP4 ? 1 : 2, quants = has_fifth ? fifth + 4 : fifth;
    switch (kind) {
    case FIELD_SCALE: return (bit_place){0, 0};
    case FIELD_MINIMUM: return (bit_place){2, 0};
    case FIELD_QUANT_HIGH: return (bit_place){fifth + index / 8, index % 8};
    default:
        return type == SKEIN_Q8_0 ? (bit_place){quants + index, 0} : (bit_place){quants + index % 16, index / 16 * 4};
    }
}

// Quants of 2 bits, four of 32 neighbours in a byte.
static bit_place place_of_two_bits(int32_t first, int32_t index) {
    return (bit_place){first + index / 128 * 32 + index % 32, index % 128 / 32 * 2};
}

static bit_place place_in_q2_k(field_kind kind, int32_t index) {
    switch (kind) {
    case FIELD_QUANT: return place_of_two_bits(16, index);
    case FIELD_D: return (bit_place){80, 0};
    case FIELD_DMIN: return (bit_place){82, 0};
    default: return (bit_place){index, 0};
    }
}

static bit_place place_in_q3_k(field_kind kind, int32_t index) {
    switch (kind) {
    case FIELD_QUANT: return place_of_two_bits(32, index);
    case FIELD_QUANT_HIGH: return (bit_place){index % 32, index / 32};
    case FIELD_SCALE: return (bit_place){96 + index % 8, index / 8 * 4};
    case FIELD_SCALE_HIGH: return (bit_place){104 + index % 4, index / 4 * 2};
    default: return (bit_place){108, 0};
    }
}

// Q4_K and Q5_K.
static bit_place place_in_q45_k(int32_t type, field_kind kind, int32_t index) {
    int32_t top = index < 4 ? index : index - 4; // the group whose byte has the high bits too
    int32_t quants = type == SKEIN_Q4_K ? 16 : 48;
    switch (kind) {
    case FIELD_QUANT: return (bit_place){quants + index / 64 * 32 + index % 32, index % 64 / 32 * 4};
    case FIELD_QUANT_HIGH: return (bit_place){16 + index % 32, index / 32};
    case FIELD_SCALE: return (bit_place){(index < 4 ? 4 : 12) + top, 0};
    case FIELD_MINIMUM: return index < 4 ? (bit_place){8 + top, 0} : (bit_place){12 + top, 4};
    case FIELD_SCALE_HIGH: return (bit_place){4 + top, index < 4 ? 4 : 6};
    case FIELD_MINIMUM_HIGH: return (bit_place){8 + top, index < 4 ? 4 : 6};
    case FIELD_D: return (bit_place){0, 0};
    default: return (bit_place){2, 0};
    }
}

static bit_place place_in_q6_k(field_kind kind, int32_t index) {
    switch (kind) {
    case FIELD_QUANT: return (bit_place){index / 128 * 64 + index % 64, index % 128 / 64 * 4};
    case FIELD_QUANT_HIGH: return place_of_two_bits(128, index);
    case FIELD_SCALE: return (bit_place){192 + index, 0};
    default: return (bit_place){208, 0};
    }
}

static bit_place place_in_iq4_xs(field_kind kind, int32_t index) {
    switch (kind) {
    case FIELD_QUANT: return (bit_place){8 + index / 32 * 16 + index % 16, index % 32 / 16 * 4};
    case FIELD_SCALE: return (bit_place){4 + index / 2, index % 2 * 4};
    case FIELD_SCALE_HIGH: return (bit_place){2 + index / 4, index % 4 * 2};
    default: return (bit_place){0, 0};
    }
}

// In a row's blocks: field `index` of 256 columns.
static bit_place place_in_blocks(int32_t type, field_kind kind, int32_t count, int32_t index) {
    switch (type) {
    case SKEIN_Q2_K: return place_in_q2_k(kind, index);
    case SKEIN_Q3_K: return place_in_q3_k(kind, index);
    case SKEIN_Q4_K: case SKEIN_Q5_K: return place_in_q45_k(type, kind, index);
    case SKEIN_Q6_K: return place_in_q6_k(kind, index);
    case SKEIN_IQ4_XS: return place_in_iq4_xs(kind, index);
    default: {
        int32_t fields = count / 8; // of this kind in each of 8 blocks
        bit_place place = place_in_small_block(type, kind, index % fields);
        place.byte += index / fields * skein_block_bytes(type);
        return place;
    }
    }
}

// In the part of a chunk that holds the `count` fields of a kind for each of 16 rows.
static bit_place place_in_part(field_kind kind, field_shape shape, int32_t count, int32_t lane, int32_t index) {
    if (shape.bits == 16) return (bit_place){2 * (SKEIN_PACKED_ROWS * index + lane), 0};
    int32_t in_byte = 8 / shape.bits;
    if (kind == FIELD_QUANT || kind == FIELD_QUANT_HIGH) {
        int32_t vector = index / (4 * in_byte), step = index / 4 % in_byte;
        return (bit_place){64 * vector + 4 * lane + index % 4, step * shape.bits};
    }
    int32_t bytes = count / in_byte;
    return (bit_place){index % bytes * SKEIN_PACKED_ROWS + lane, index / bytes * shape.bits};
}

// The bits of a field `from` one place `to` another; other bits of the bytes there stay.
static void move_field(int32_t bits, const uint8_t *from, bit_place source, uint8_t *to, bit_place target) {
    if (bits == 16) {
        memcpy(to + target.byte, from + source.byte, 2);
        return;
    }
    uint8_t mask = (uint8_t)((1 << bits) - 1);
    uint8_t value = from[source.byte] >> source.shift & mask;
    uint8_t rest = to[target.byte] & (uint8_t)~(mask << target.shift);
    to[target.byte] = (uint8_t)(rest | value << target.shift);
}

typedef enum { TO_BLOCKS, TO_PACKED } direction;

// The fields of `columns` columns of a row, between its blocks and a chunk of a panel.
static void move_chunk(direction direction, int32_t type, uint8_t *blocks, int32_t lane, int32_t columns,
                       uint8_t *chunk) {
    for (int i = 0; i < FIELD_KINDS; i++) {
        field_kind kind = field_order[i];
        field_shape shape = shape_of(type, kind);
        if (shape.count == 0) continue;
        int32_t count = shape.count * columns / SKEIN_PACKED_COLUMNS;
        for (int32_t index = 0; index < count; index++) {
            bit_place in_blocks = place_in_blocks(type, kind, shape.count, index);
            bit_place in_part = place_in_part(kind, shape, count, lane, index);
            if (direction == TO_PACKED) move_field(shape.bits, blocks, in_blocks, chunk, in_part);
            else move_field(shape.bits, chunk, in_part, blocks, in_blocks);
        }
        chunk += (int64_t)count * shape.bits * SKEIN_PACKED_ROWS / 8;
        if (kind == FIELD_D) chunk += skein_packed_padding(type);
    }
}

static int64_t chunk_offset(int32_t type, int32_t row, int32_t column, int32_t columns) {
    int64_t panel = row / SKEIN_PACKED_ROWS;
    return panel * skein_packed_panel_bytes(type, columns) + skein_packed_columns_bytes(type, column);
}

static int32_t chunk_columns(int32_t column, int32_t columns) {
    return columns - column < SKEIN_PACKED_COLUMNS ? columns - column : SKEIN_PACKED_COLUMNS;
}

void skein_pack_quantized_chunk(int32_t type, const uint8_t *blocks, int32_t row, int32_t column, int32_t columns,
                                uint8_t *packed) {
    // The blocks are only read in this direction.
    move_chunk(TO_PACKED, type, (uint8_t *)blocks, row % SKEIN_PACKED_ROWS, chunk_columns(column, columns),
               packed + chunk_offset(type, row, column, columns));
}

void skein_unpack_quantized_chunk(int32_t type, const uint8_t *packed, int32_t row, int32_t column, int32_t columns,
                                  uint8_t *blocks) {
    move_chunk(TO_BLOCKS, type, blocks, row % SKEIN_PACKED_ROWS, chunk_columns(column, columns),
               (uint8_t *)packed + chunk_offset(type, row, column, columns));
}

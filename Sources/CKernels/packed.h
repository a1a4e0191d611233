// Packed weights: a matrix in the order in which products read it.
//
// A matrix is cut into panels of 16 rows, one after the other, each padded to 64 bytes; what the bytes of rows past the
// last hold, and of the padding, does not matter.
// A panel holds its columns in chunks of 256 (the last one may have fewer columns, whole blocks of the format), and a
// chunk holds the parts of its 16 rows side by side, so that one vector of 64 bytes has 4 columns of each of the 16
// rows, a lane a row. In all, a row has the bytes that it has in a file (Q6_K 1% and Q3_K 2% more, so that vectors are
// aligned). No byte belongs to two rows.
//
// [n][16] is n times one value for each row; G is the number of groups of 32 columns in the chunk (8 in a whole one),
// H that of groups of 16. Of a vector of 64 bytes, byte 4 r + j belongs to row r.
//
//   eights  [columns / 4] vectors: byte (r, j) of vector k is column 4 k + j
//   fours   [columns / 8] vectors: the low half of byte (r, j) of vector k is column 8 k + j, the high half column
//           8 k + 4 + j
//   twos    [columns / 16] vectors: bits 2 m and 2 m + 1 of byte (r, j) of vector k are column 16 k + 4 m + j
//   ones    [columns / 32] vectors: bit m of byte (r, j) of vector k is column 32 k + 4 m + j
//
// Small tables, bytes (g, r) of [groups][16], are packed too:
//   half    the low halves of bytes are the first half of the groups, the high halves the second half
//   quarter bits 2 m and 2 m + 1 of byte (i, r) are group m * groups / 4 + i
//
// A chunk of each format, in this order:
//
//   F32       values [columns][16]
//   F16       values [columns][16]
//   BF16      values [columns / 2][16][2]: two neighbouring columns of a row are neighbours
//             (columns are padded to an even number, for F16 and F32 not)
//   Q8_0      scales F16 [G][16], eights
//   Q4_0      scales F16 [G][16], fours
//   IQ4_NL    scales F16 [G][16], fours
//   Q4_1      scales F16 [G][16], minima F16 [G][16], fours
//   Q5_0      scales F16 [G][16], ones (the fifth bits), fours
//   Q5_1      scales F16 [G][16], minima F16 [G][16], ones, fours
//   MXFP4     scales E8M0 [G][16], fours
//   Q4_K      d F16 [16], dmin F16 [16]; low 4 bits of scales: half, of minima: half; high 2 bits of scales: quarter,
//             of minima: quarter; fours
//   Q5_K      as Q4_K up to the quarters; ones; fours
//   Q6_K      d F16 [16], 32 bytes of padding; scales I8 [H][16]; twos (the high bits), fours
//   Q3_K      d F16 [16], 32 bytes of padding; low 4 bits of scales: half, high 2 bits: quarter (of
//             H groups); ones (the high bits), twos
//   Q2_K      d F16 [16], dmin F16 [16]; scales and minima [H][16], as in the file: a half byte each; twos
//   IQ4_XS    d F16 [16]; low 4 bits of scales: half; high 2 bits: quarter (of 8 groups); fours
#ifndef SKEIN_PACKED_H
#define SKEIN_PACKED_H

#include "reference/formats.h"

enum { SKEIN_PACKED_ROWS = 16, SKEIN_PACKED_COLUMNS = 256 };

// Row `row` of a packed matrix from a row as it is in a file: what pack_weights does with one.
void skein_pack_row(int32_t type, const uint8_t *source, int32_t row, int32_t columns, uint8_t *packed);

// y[0 ..< columns] = the values of row `row` of a packed matrix: those that skein_dequantize_row gives.
void skein_dequantize_packed_row(int32_t type, const uint8_t *packed, int32_t row, int32_t columns, float *y);

#endif

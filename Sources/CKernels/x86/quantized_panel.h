// A panel of ROWS rows of quantized weights, decoded and transposed: what linear_matrix_quantized.h fills and
// the tiles of each instruction set read. A template: LANES is the number of int32 lanes of a vector.
enum { ROWS = 2 * LANES, PANEL_RUNS = 2 };

typedef struct {
    uint8_t quants[PANEL_RUNS][RUN_COLUMNS / 4][ROWS][4];
    float scales[PANEL_RUNS][16][ROWS]; // of group g of the run; 8 groups of 32 or 16 of 16
    float minima[PANEL_RUNS][16][ROWS];
    // LANES rows before they are transposed.
    uint8_t row_quants[LANES][RUN_COLUMNS];
    float row_scales[LANES][16];
    float row_minima[LANES][16];
} quantized_panel;

_Static_assert(sizeof(quantized_panel) <= SKEIN_PANEL_BYTES && ROWS <= SKEIN_PANEL_ROWS, "workspace size");

// sums[t][ROWS] += the product of the panel's first `runs` runs and the blocks of token t, at x + t * stride.
// Symmetric formats have the offset 1 << offset_shift; a shift past 31 stands for no offset.
typedef void tile_kernel(const quantized_panel *panel, int32_t runs, const skein_activation_block *x, int64_t stride,
                         int32_t offset_shift, float *sums);

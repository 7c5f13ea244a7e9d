"""Where the numbers stand that loops are given; known to those who call them, too."""

from __future__ import annotations

# Places in `sizes`, the whole numbers of a band or of rows of tiles.
(
    FIRST,
    LAST,
    STRIP_ROWS,
    STRIDE,
    SPAN,
    SAMPLES,
    PITCH,
    SUMS_PITCH,
    SOURCE_SAMPLES,
    RUN_AT,
    RUN_LENGTH,
    RUN_FROM,
    ROWS,
    KERNELS,
    TERMS,
    UPPER_TAPS,
    SHARED_TAPS,
    TAPS,
    ROW_TAPS,
    SHARE,
    STEP,
    TILE,
    TILE_PITCH,
    TILES,
    LEFT,
    EDGE_ROWS,
    EDGE_COLS,
    OUT_ROWS,
    OUT_COLS,
    PADDED_ROWS,
    PADDED_COLS,
    STRIDE_COLS,
    DEPTH,
    WATCH,
    LOADED,
    ROW_PITCH,
    HALO,
    WIDTH,
    PART,
    STRIP_PITCH,
    INNER_FROM,
    INNER_TO,
    PHASES,
    NEEDED,
    AHEAD,
    COLS,
    STRIDE_READ,
    PHASE_APART,
    ROW_APART,
    TOP,
    CLIPPED,
) = range(51)

PLACES = CLIPPED + 1

# Places in `numbers`, what a store loop needs.
SLOPE, SHIFT, HALF, RATIO, ABSOLUTE, MID, MAXIMUM = range(7)
# Places in `levels`, what a set of tiles needs.
MIDDLE, POWER = range(2)

# Places in `sizes` of numbers that loops may be compiled for, and how the functions that give
# these begin.
FIXED = (TERMS, UPPER_TAPS, SHARED_TAPS, TAPS, ROW_TAPS)
FIXED_NAME = "fixed_"

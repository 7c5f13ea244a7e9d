"""What every loop shares: how it is compiled, and where its numbers stand."""

from __future__ import annotations

from numba import njit

# No fastmath: sums of exact integers must stay in order, and NaN must stay NaN.
jit = njit(  # type: ignore[call-overload]  # the last two are missing from Numba's stubs
    nogil=True,
    error_model="numpy",
    boundscheck=False,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
)

# Places in `sizes`, the whole numbers of a band.
FIRST, LAST, STRIP_ROWS, STRIDE, SPAN, SAMPLES, RUN_AT, RUN_LENGTH, RUN_FROM = range(9)
# Places in `numbers`, what a store loop needs.
SLOPE, SHIFT, HALF, RATIO, ABSOLUTE, MID, MAXIMUM = range(7)
# Places in `stats`, what a band reports.
LOWEST, HIGHEST, CLIPPED = range(3)

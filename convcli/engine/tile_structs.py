"""What `loops.tiles` is given; `structs` says what structs are, and has those of all loops."""

from typing import Any, NamedTuple


class TileSizes(NamedTuple):
    """The whole numbers of an image's tiles: int64, written by `TileGroups`.

    Parameters
    ----------
    size, pitch
        Places of a tile along an axis, and samples from one row of a set to the next.
    edge_rows, edge_cols
        Output samples that a tile gives.
    stride, stride_cols
        Padded rows and columns from one output to the next.
    padded_cols, out_cols
        Of the image with its border, and of the result.
    step, source_samples
        Channels, and samples of a row of the image.
    sums_pitch
        Samples from a row of sums to the next; holds whole tiles.
    kernels, share, watch
        As in `BandSizes`.
    depth
        Sums that a real number holds: 0 if they aren't whole, 1 or 2.
    """

    size: int
    pitch: int
    edge_rows: int
    edge_cols: int
    stride: int
    stride_cols: int
    padded_cols: int
    out_cols: int
    step: int
    source_samples: int
    sums_pitch: int
    kernels: int
    share: int
    watch: int
    depth: int


class TileTask(NamedTuple):
    """Which group of tiles is meant: int64, written before each call.

    Parameters
    ----------
    first, last
        Rows of tiles.
    left, tiles
        The first column of tiles, and how many.
    samples
        Of an output row of the group.
    padded_rows, out_rows
        That there are of the image with its border, and of the result.
    """

    first: int
    last: int
    left: int
    tiles: int
    samples: int
    padded_rows: int
    out_rows: int


class Levels(NamedTuple):
    """What a set of tiles needs: float64.

    Parameters
    ----------
    middle
        What is taken from samples.
    power
        What the second of two packed sums is multiplied by.
    """

    middle: float
    power: float


class TileInput(NamedTuple):
    """What `tiles` reads.

    Parameters
    ----------
    source, row_source, fill
        As in `BandInput`; `fill` is of the image's type.
    col_source
        (padded_cols·step,) intp, as there, in the order of columns.
    factors_re, factors_im
        (kernels, size, size) float64: conjugated spectra divided by size², in the order that
        `forward` leaves, column after column.
    cosines, sines
        (size,) float64.
    offsets
        (kernels,) float64: what `middle` takes from each kernel's sums.
    levels, numbers, limits
        `Levels`, `Numbers` and `Limits`.
    sizes, task
        `TileSizes` and `TileTask`.
    """

    source: Any
    row_source: Any
    col_source: Any
    fill: Any
    factors_re: Any
    factors_im: Any
    cosines: Any
    sines: Any
    offsets: Any
    levels: Any
    numbers: Any
    limits: Any
    sizes: Any
    task: Any


class TileScratch(NamedTuple):
    """What `tiles` may overwrite; a thread has its own.

    Parameters
    ----------
    lines
        (4, size) of the image's type.
    re, im, product_re, product_im
        (size, pitch) float64: real parts, and imaginary ones that begin a vector later: the two of
        a place share a line of the cache. The last two may be the first two for a single kernel.
    sums
        (kernels, rows of these tiles, sums_pitch) float64.
    acc, rest
        As in `BandScratch`.
    """

    lines: Any
    re: Any
    im: Any
    product_re: Any
    product_im: Any
    sums: Any
    acc: Any
    rest: Any

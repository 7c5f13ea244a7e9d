"""What `loops.bank` is given; `structs` says what structs are, and has those of all loops."""

from typing import Any, NamedTuple


class BankSizes(NamedTuple):
    """The whole numbers of a bank over an image: int64, written by `BankBands`.

    Parameters
    ----------
    strip_rows, part
        Output rows and columns that a strip is loaded for.
    stride, stride_cols
        Padded rows and columns from one output to the next.
    stride_read
        Of every `stride` padded rows so many are read.
    span, span_cols
        Padded rows and columns that one output reads.
    width
        Columns of the result.
    cols, channels
        Of the image.
    depth, groups
        Channels that a filter reads, and groups of them.
    row_pitch, channel_pitch
        Samples of a strip from a padded row to the next, and from a channel to the next.
    columns
        Padded columns that a strip has at the most, of which those are left out that no tap reads.
    taps, maps, tiles
        Of a filter; of a group; and how many tiles these are.
    all_maps
        Of all groups.
    sums_pitch
        Samples from a row of sums to the next; holds pairs of blocks.
    biased
        Whether there is anything in `bias`: 0 or 1.
    """

    strip_rows: int
    part: int
    stride: int
    stride_cols: int
    stride_read: int
    span: int
    span_cols: int
    width: int
    cols: int
    channels: int
    depth: int
    groups: int
    row_pitch: int
    channel_pitch: int
    columns: int
    taps: int
    maps: int
    tiles: int
    all_maps: int
    sums_pitch: int
    biased: int


class BankTask(NamedTuple):
    """Which rows of the result are meant: int64, written before each call.

    Parameters
    ----------
    first, last
        Output rows.
    """

    first: int
    last: int


class BankInput(NamedTuple):
    """What `bank` reads.

    Parameters
    ----------
    source
        (rows, cols, channels): the image.
    row_source, col_source
        (padded rows,) and (padded columns,) intp: the image's row and column for each, -1 for the
        fill value.
    columns, places
        (columns,) int64: the padded columns of a strip that are read, from its first one, by their
        phase; and where in a channel's part of a strip's row each of them lies.
    fill
        (1,) of the strip's type: what lies outside.
    offsets
        (taps,) int64: where each tap reads in a strip, from the output sample's own place.
    weights
        (groups, taps · maps) of the type of sums: tile after tile, each (taps, maps of the tile).
    tile_maps
        (tiles,) int64: how many maps of a group are summed together.
    bias
        (groups · maps,) float64: what is added to sums.
    sizes, task
        `BankSizes` and `BankTask`.
    """

    source: Any
    row_source: Any
    col_source: Any
    columns: Any
    places: Any
    fill: Any
    offsets: Any
    weights: Any
    tile_maps: Any
    bias: Any
    sizes: Any
    task: Any


class BankScratch(NamedTuple):
    """What `bank` may overwrite; a thread has its own.

    Parameters
    ----------
    strip
        ((strip_rows - 1)·stride + span)·row_pitch samples and three blocks, of the type of sums.
    sums
        (maps, sums_pitch) of that type.
    """

    strip: Any
    sums: Any

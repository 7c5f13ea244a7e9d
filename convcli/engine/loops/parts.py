"""What loops give one another: structs of pointers and numbers, made by those that call."""

from __future__ import annotations

from typing import Any, NamedTuple


class PartOfRows(NamedTuple):
    """Rows of a strip that are filtered at a time, made by `band`.

    Parameters
    ----------
    strip, pitch
        Its first sample that the first row reads, and samples from a row to the next.
    offsets
        (terms, taps): where taps read there.
    samples, rows
        Of the result.
    """

    strip: Any
    pitch: int
    offsets: Any
    samples: int
    rows: int


class RowData(NamedTuple):
    """A row, or two, that a respond loop sums.

    Parameters
    ----------
    strip
        Begins with its first padded row.
    pitch
        Samples from a padded row to the next.
    samples
        Output samples of it.
    number
        Which of the part's rows it is, from 0.
    """

    strip: Any
    pitch: int
    samples: int
    number: int


class KernelData(NamedTuple):
    """The taps of one kernel: fields as in `structs.BandInput`, less the axis of kernels."""

    offsets: Any
    weights: Any
    row_offsets: Any
    row_weights: Any


class Room(NamedTuple):
    """Scratch of a respond loop.

    Parameters
    ----------
    column
        (2, row_pitch).
    sums
        (at_once, sums_pitch), of this kernel.
    """

    column: Any
    sums: Any


class SumTarget(NamedTuple):
    """Where sums go.

    Parameters
    ----------
    level, numbers
        A store loop, which makes samples of sums, and `structs.Numbers` for it.
    into, below
        The output row, and for two at once the one below it, which is written first, as it may be
        the same.
    """

    level: Any
    numbers: Any
    into: Any
    below: Any


class Several(NamedTuple):
    """Sums that are combined.

    Parameters
    ----------
    kernels, share
        As in `structs.BandSizes`.
    apart
        Samples from a kernel's row of sums to the next kernel's.
    samples
        Of a row.
    """

    kernels: int
    share: int
    apart: int
    samples: int


class BandLoops(NamedTuple):
    """The functions that `band` calls: of `rows_…`, `respond_…`, `combine_…` and `store_…`."""

    filter_rows: Any
    respond: Any
    combine: Any
    level: Any


class TileLoops(NamedTuple):
    """The functions that `tiles` calls: of `combine_…` and `store_…`."""

    combine: Any
    level: Any

"""What loops are given: structs whose fields are named, and known to those who call them, too.

A loop of this package (`loops`) takes its functions and three structs: what it reads, scratch, and
what it writes. They are named tuples. To those who call a loop, a field is a NumPy array; to the
loop it is a pointer to its first sample, or, where a struct of numbers is named, those numbers by
name, to be read only: ``given.sizes.stride``. `entries` says the types of samples, by field.
Lengths are in samples, an image's row is all samples of all its columns and channels.

How a band is filtered: `band` loads some rows into `strip`, padded and converted, and has
`filter_rows` go over it in parts; that calls a respond loop for each row, or two, and kernel.

To write a respond loop, which sums what a kernel's taps read for a row, or for two at once, give it
these parameters (`loops.parts` has all but `sizes`):

row : `RowData`
    ``row.strip[offset + x]`` is what a tap reads for output sample x of ``row.samples``; the next
    padded row is ``row.pitch`` samples further, and ``row.number`` is 0 where a strip begins.
sizes : `BandSizes`
    Lengths and counts, as below; those in `FIXED` may be constants of the compiled loop.
kernel : `KernelData`
    ``kernel.offsets`` (terms, taps) and ``kernel.weights`` (terms, taps, at_once), as the planner
    lays them out (`passes`), and the second pass's `row_offsets` and `row_weights`.
room : `Room`
    Scratch: ``room.column`` has two rows of `row_pitch` samples, ``room.sums`` `at_once` rows of
    `sums_pitch`, of the type of sums.
target : `SumTarget`
    Where sums go, a block at a time: ``put(target, sums, target.into, x)``, and ``target.below``
    for the second row, which is written first, as both may be the same.

Here is one, for a kernel of any size, a row at a time::

    @jit
    def respond_direct(row, sizes, kernel, _room, target):
        x, step = 0, lanes(row.strip)
        while x < row.samples:
            # The last block ends where the row does.
            place = min(x, max(row.samples - step, 0))
            total = spread(row.strip, 0)
            for t in range(sizes.taps):
                samples = load(row.strip, kernel.offsets[t] + place)
                total = add_product(total, samples, kernel.weights[t])
            put(target, total, target.into, place)
            x += step

It works in blocks of `lanes` samples, which `load`, `add_product` and the like take at once
(`loops.vectors`); it allocates nothing and raises nothing. `put` makes samples of sums where they
may go to the result at once, so it is for each sum's last value, and for blocks within the row: a
row shorter than a block has room for one, as its target is a row of `sums`. What else it takes to
have the loop run: its name in `loops/__init__.py`; a `Choice` of a method of its name, with
what it costs, in `plan.py`; its `Passes` in `prepared.py`; and `python docs/lower.py`. A loop that
reads samples in the image's type, not in the type of sums, is named in `READS_SAMPLES`.
"""

from typing import Any, NamedTuple


class BandSizes(NamedTuple):
    """The whole numbers of a band: int64, written by `Bands`, the same for all of an image.

    Parameters
    ----------
    strip_rows
        Output rows that a strip is loaded for.
    stride, span
        Padded rows from an output row to the next, and that one reads.
    width, part
        Samples of an output row, and those that are filtered at a time.
    source_samples
        Samples of a row of the image.
    strip_pitch, sums_pitch, row_pitch
        Samples from a row to the next: in `strip`, in `sums`, in `column`. The last two hold
        whole blocks.
    halo, loaded
        Samples that a padded row has more than an output row, and that it has.
    step
        Samples from a column to the next of the same channel.
    inner_from, inner_to
        Samples of an output row that are read where they lie in the image; `width` if none are.
    run_at, run_length, run_from
        A run of `col_source` that grows by 1 a sample: where it is, how long, and its first value.
    stride_read, row_apart
        Of every `stride` padded rows the first `stride_read` are read, of these every
        `row_apart`-th.
    phases, phase_apart
        Phases that columns are sorted by: up to which, and how far from one to the next.
    stride_cols, needed, ahead, cols
        Of columns: from an output column to the next; padded ones that are read; padded ones
        before the image; those of the image.
    kernels, terms, taps, at_once
        Shape of `weights`: `at_once` are the output rows that are summed together.
    row_taps
        Taps of the second pass.
    upper_taps, shared_taps
        For two rows at once: the taps before the first are the upper row's only, those from the
        second on the lower row's only.
    share
        For `combine_share`: how many kernels are the share.
    watch
        Whether sums are looked at: 0 or 1.
    """

    strip_rows: int
    stride: int
    span: int
    width: int
    part: int
    source_samples: int
    strip_pitch: int
    sums_pitch: int
    row_pitch: int
    halo: int
    loaded: int
    step: int
    inner_from: int
    inner_to: int
    run_at: int
    run_length: int
    run_from: int
    stride_read: int
    row_apart: int
    phases: int
    phase_apart: int
    stride_cols: int
    needed: int
    ahead: int
    cols: int
    kernels: int
    terms: int
    taps: int
    at_once: int
    row_taps: int
    upper_taps: int
    shared_taps: int
    share: int
    watch: int


#: Fields of it that loops may be compiled for, and how the functions begin that give them.
FIXED = ("terms", "upper_taps", "shared_taps", "taps", "row_taps")
FIXED_NAME = "fixed_"

#: Respond loops that read samples of the image's type, not of the sums'.
READS_SAMPLES = ("respond_box", "respond_terms")


class BandTask(NamedTuple):
    """Which rows a band is: int64, written before each call.

    Parameters
    ----------
    first, last
        Output rows.
    """

    first: int
    last: int


class Numbers(NamedTuple):
    """How a sum becomes a sample, written by `Finish.loop`; each store loop says what they are."""

    slope: float
    shift: float
    half: float
    ratio: float
    absolute: float
    mid: float
    maximum: float


class Limits(NamedTuple):
    """Sums below the first or above the second are counted as clipped; of the sums' type."""

    low: Any
    high: Any


class BandInput(NamedTuple):
    """What `band` reads.

    Parameters
    ----------
    source
        (rows, source_samples): the image.
    row_source
        (padded rows,) intp: the image's row for each, -1 for the fill value.
    col_source
        (loaded,) intp: the sample of an image's row for each of a strip's, -1 for the fill value.
    fill
        (1,) of the strip's type: what lies outside.
    offsets
        (2, terms, taps) int64: where each tap reads, from the output sample's own place; in a
        strip, and in the image.
    weights
        (kernels, terms, taps, at_once) of the type of sums.
    row_offsets, row_weights
        (terms, row_taps) int64, in a row of `column`, and (kernels, terms, row_taps): the second
        pass.
    numbers, limits
        `Numbers` and `Limits`.
    sizes, task
        `BandSizes` and `BandTask`.
    """

    source: Any
    row_source: Any
    col_source: Any
    fill: Any
    offsets: Any
    weights: Any
    row_offsets: Any
    row_weights: Any
    numbers: Any
    limits: Any
    sizes: Any
    task: Any


class BandScratch(NamedTuple):
    """What `band` may overwrite; a thread has its own.

    Parameters
    ----------
    strip
        ((strip_rows + 1)·stride + span)·strip_pitch samples and two blocks: of the image's type
        for loops in `READS_SAMPLES`, else of the type of sums.
    column
        (2, row_pitch) of the type of sums.
    sums
        (kernels, at_once, sums_pitch) of that type.
    acc
        (sums_pitch,) float64, for several kernels.
    rest
        A block of the result's type.
    """

    strip: Any
    column: Any
    sums: Any
    acc: Any
    rest: Any


class Result(NamedTuple):
    """What loops write.

    Parameters
    ----------
    out
        (rows, samples) of the result.
    clipped
        (1,) int64: the samples outside the limits are added to it.
    extremes
        (2, a block) of the type of sums: the least and the greatest in each lane so far. The caller
        writes it first.
    """

    out: Any
    clipped: Any
    extremes: Any


class RowsSizes(NamedTuple):
    """Rows and samples of each, int64."""

    rows: int
    samples: int


class RowsInput(NamedTuple):
    """What `store_rows` reads: (rows, samples) of sums that were computed elsewhere."""

    responses: Any
    numbers: Any
    limits: Any
    sizes: Any


class RowsScratch(NamedTuple):
    """What `store_rows` may overwrite; `acc` has (samples and a block,) of the responses' type."""

    acc: Any
    rest: Any


class PixelSizes(NamedTuple):
    """Pixels, and channels of each, int64."""

    pixels: int
    channels: int


class AlphaLevels(NamedTuple):
    """The value of a full sample, and what a filter multiplies a flat image by."""

    maximum: float
    gain: float


class AlphaInput(NamedTuple):
    """What `weigh` and `unweigh` read: (pixels, channels) samples, alpha last."""

    samples: Any
    levels: Any
    sizes: Any


class JoinInput(NamedTuple):
    """What `join` reads: (pixels, channels - 1) of colour and (pixels,) of alpha."""

    colour: Any
    alpha: Any
    sizes: Any


class NoScratch(NamedTuple):
    """What a loop may overwrite that needs nothing for itself."""

    nothing: Any

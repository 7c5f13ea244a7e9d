"""Where a strip's samples come from, how tall strips are, and how threads share rows."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
import reference
from marks import exhaustive_but

from convcli import Border, correlate
from convcli.engine.accumulators import Accumulator
from convcli.engine.plan import Choice, cut
from convcli.engine.strips import empty, interleaved, lay_out
from convcli.engine.thread_pool import run_bands
from convcli.geometry import plan_geometry

STEPS = [(1, 1), (1, 2), (2, 1), (3, 2), (2, 5), (1, 40)]
BORDERS = list(Border)


def laid_out(size, taps, channels=1, *, stride=1, dilation=1, border=Border.REFLECT, parted=False):
    geometry = plan_geometry(size, taps, stride=stride, dilation=dilation)
    return lay_out(geometry, border, channels, parted=parted), geometry


@pytest.mark.parametrize("parted", [False, True])
@pytest.mark.parametrize("border", BORDERS)
def test_taps_read_what_the_geometry_says(border, parted):
    for stride, taps, channels in product(STEPS, [(1, 1), (3, 2), (2, 5)], [1, 3]):
        layout, geometry = laid_out(
            (6, 7), taps, channels, stride=stride, dilation=(1, 2), border=border, parted=parted
        )
        names = np.arange(6 * 7 * channels).reshape(6, 7 * channels)
        strip = np.where(
            (layout.row_source[:, None] < 0) | (layout.col_source < 0),
            -1,
            names[np.maximum(layout.row_source, 0)][:, np.maximum(layout.col_source, 0)],
        )
        strip = np.pad(strip, ((0, 0), (0, layout.pitch - len(layout.col_source)))).ravel()
        wanted = reference.padded(
            names.reshape(6, 7, channels),
            reference.same(taps, (1, 2)),
            border.value,
            -1,
        )
        for (y, x), (i, j) in product(np.ndindex(geometry.out), np.ndindex(taps)):
            there = wanted[y * stride[0] + i, x * stride[1] + 2 * j]
            base = y * layout.stride * layout.pitch
            if parted:
                places = layout.tap_offsets[:, i, j] + base + x
            else:
                places = layout.tap_offsets[i, j] + base + x * channels + np.arange(channels)
            assert strip[places].tolist() == there.tolist()


@pytest.mark.parametrize("border", BORDERS)
def test_the_run_is_a_part_that_grows_by_one(border):
    for stride, channels, width in product((1, 2, 3), (1, 3), (1, 2, 7, 30)):
        layout, _ = laid_out((3, width), (3, 4), channels, stride=(1, stride), border=border)
        begin, length, start = layout.run
        part = layout.col_source[begin : begin + length]
        assert part.tolist() == list(range(start, start + length))
        if stride == 1 and width >= 7:
            assert length >= width * channels


def test_columns_are_in_their_own_order_whatever_the_stride():
    for stride, taps, channels in product((1, 2, 3, 7, 40), (1, 2, 5), (1, 2, 3)):
        layout, geometry = laid_out((3, 19), (1, taps), channels, stride=(1, stride))
        before = geometry.cols.before
        found = reference.sources(19, before, geometry.cols.after, "reflect")
        needed = (geometry.cols.out - 1) * stride + taps
        wanted = found[:needed, None] * channels + np.arange(channels)
        assert interleaved(layout.col_map, channels).tolist() == wanted.ravel().tolist()


@pytest.mark.parametrize("width", [1, 100, 4000, 10**5])
@pytest.mark.parametrize(("stride", "taps"), [(1, 1), (1, 31), (3, 2), (2, 301)])
@pytest.mark.parametrize(("method", "work"), [("direct", "int16"), ("box", "float64")])
def test_strips_are_of_a_sensible_size(width, stride, taps, method, work):
    layout, geometry = laid_out((2 * taps, width), (taps, 1), stride=stride, border=Border.ZERO)
    chosen = Choice(method, 1, 1.0, "", Accumulator(np.dtype(work), True, 1.0, ""))
    rows, part = cut(chosen, layout, np.dtype(np.uint8))
    assert 16 <= rows <= (128 if method == "box" else 64)
    assert rows % 2 == 0
    assert rows >= min(64, geometry.rows.span // 4 // 2 * 2)
    assert part == layout.samples if stride > 1 else part >= 1024 and part % 128 == 0


def test_parts_are_whole_rows_where_the_halo_is_not_beside_them():
    for channels, stride, parted in ((1, 2, False), (3, 1, True)):
        layout, _ = laid_out(
            (20, 9000), (3, 3), channels, stride=(1, stride), border=Border.ZERO, parted=parted
        )
        chosen = Choice("direct", 9, 1.0, "", Accumulator(np.dtype("int16"), True, 1.0, ""))
        assert cut(chosen, layout, np.dtype(np.uint8)).part == layout.samples


def test_rows_of_a_strip_lie_so_that_a_cache_holds_many():
    for width in (1, 500, 510, 512, 1020, 1024, 2040, 4095, 4096, 8190):
        layout, _ = laid_out((20, width), (3, 3), border=Border.ZERO)
        assert layout.pitch >= len(layout.col_source)
        assert layout.pitch % 16 == 0
        assert layout.pitch % 512 != 0
    scratch = empty((3, 7), np.dtype(np.int16))
    assert scratch.shape == (3, 7)
    assert scratch.ctypes.data % 64 == 0


LARGE = 1e9


def bands_of(total, step, jobs, cycles=LARGE):
    """The bands that some units are shared out in, in order."""
    return sorted(run_bands((total, step), cycles, jobs, lambda: lambda *band: band))


@pytest.mark.parametrize("step", [1, 2, 8, 64])
@pytest.mark.parametrize("jobs", [1, 2, 3, 8, 64])
def test_bands_cover_all_units_once_and_begin_at_whole_steps(jobs, step):
    for total in (*range(1, 70), 100, 1000, 4321):
        bands = bands_of(total, step, jobs)
        assert bands[0][0] == 0
        assert bands[-1][1] == total
        assert all(one[1] == other[0] for one, other in pairwise(bands))
        assert all(first < last for first, last in bands)
        # What a strip holds must not depend on the number of threads.
        assert [first for first, _ in bands if first % step] == [], total


def test_every_thread_has_something_to_do():
    for jobs in (2, 3, 8):
        assert len(bands_of(1000, 2, jobs)) >= 2 * jobs
        assert len(bands_of(jobs, 1, jobs)) == jobs


def test_little_work_takes_one_band():
    assert bands_of(1000, 2, 8, cycles=1000) == [(0, 1000)]


@pytest.mark.parametrize("jobs", [1, 3])
def test_an_exception_is_raised_when_all_threads_have_stopped(jobs):
    busy = []

    def work(first, last):
        busy.append(first)
        try:
            if first == 0:
                raise ValueError("the first band")
        finally:
            busy.remove(first)

    with pytest.raises(ValueError, match="the first band"):
        run_bands((100, 2), LARGE, jobs, lambda: work)
    assert busy == []


@pytest.mark.parametrize("channels", exhaustive_but([3], [1, 2, 3, 4]))
@pytest.mark.parametrize("stride", exhaustive_but([2, 5], [2, 3, 4, 5, 8]))
@pytest.mark.parametrize("dtype", exhaustive_but(["uint8"], ["uint8", "uint16", "float32"]))
def test_wide_images_have_every_so_manieth_column(stride, channels, dtype, rng):
    """Columns of a phase come in blocks, up to the last ones of a row, and the border by itself."""
    for width, taps in product((stride * 16, stride * 32 + 1, 131, 200), (1, 3, 5)):
        pixels = rng.integers(0, 256, (7, width, channels)).astype(dtype)
        weights = rng.integers(-3, 4, (3, taps))
        for border, dilation in (("replicate", 1), ("wrap", stride), ("zero", 2), ("reflect", 6)):
            every = correlate(pixels, weights, border=border, dilation=dilation)
            kept = correlate(pixels, weights, border=border, dilation=dilation, stride=stride)
            assert np.array_equal(kept, every[::stride, ::stride]), (width, taps, border)
            along = {"padding": (0, 2), "dilation": (1, dilation)}
            within = correlate(pixels, weights, **along, stride=stride)
            inside = correlate(pixels, weights, **along)
            assert np.array_equal(within, inside[::stride, ::stride]), (width, taps)

"""A large TIFF page as rows on demand: its strips or tiles decoded when they are asked for."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from convcli.image.channels import Bands
from convcli.image.parallel import on_threads
from convcli.image.tiff.header import LARGE, LEAST, MOST_TOGETHER
from convcli.image.tiff.segments import careful

#: What makes pixels of stored samples.
Convert: TypeAlias = Callable[[NDArray[Any], Any], tuple[NDArray[Any], str, Bands, tuple[str, ...]]]
#: No coding that is read by rows makes samples so many times smaller; deflate does 1,032 times.
_PACKED = 2048
#: About how many processor cycles a byte of samples takes.
_CYCLES = 8.0


def rows_of(page: Any, data: Any, convert: Convert) -> PageRows | None:
    """Return a page's rows on demand; None for a page that is better read at once.

    Parameters
    ----------
    page
        As tifffile has it, checked.
    data
        The whole file, mapped or not.
    convert
        Gives the pixels that some rows of stored samples are, what the channels are, and notes.
    """
    return None if is_held(page, len(data)) else PageRows(page, data, convert)


def is_held(page: Any, size: int) -> bool:
    """Whether all samples of a page are in memory at once, so that a limit on pixels applies.

    Parameters
    ----------
    page
        As tifffile has it.
    size
        Bytes of the file: one that says it has far more samples than they could hold is refused
        like one that is held.
    """
    return page.nbytes < LARGE or _together(page) > MOST_TOGETHER or page.nbytes > _PACKED * size


def _together(page: Any) -> int:
    """Return the bytes of samples that are decoded together."""
    return _high(page) * _row(page)


def _high(page: Any) -> int:
    """Return the rows of a strip or a tile; of what isn't coded any number can be had."""
    rows = int(page.imagelength)
    if page.is_contiguous:
        return min(max(1, LEAST // _row(page)), rows)
    return min(int(page.tilelength if page.is_tiled else page.rowsperstrip or rows), rows)


def _row(page: Any) -> int:
    """Return the bytes of samples of a row."""
    return int(page.imagewidth) * max(1, int(page.samplesperpixel)) * int(page.dtype.itemsize)


class PageRows:
    """A page's samples, a row of tiles or some strips at a time.

    Parameters
    ----------
    page, data, convert
        As `rows_of` takes them.
    """

    jobs = 0

    def __init__(self, page: Any, data: Any, convert: Convert) -> None:
        self._page, self._data, self._convert = page, data, convert
        self._decode = careful(page, page.decode)
        self._places = list(zip(page.dataoffsets, page.databytecounts, strict=False))
        rows, cols = int(page.imagelength), int(page.imagewidth)
        self._samples = max(1, int(page.samplesperpixel))
        self._planes = self._samples if int(page.planarconfig) == 2 else 1
        self._high = _high(page)
        self._wide = int(page.tilewidth) if page.is_tiled else cols
        self._across, self._down = -(-cols // self._wide), -(-rows // self._high)
        self.step = self._high * max(1, LEAST // _together(page))
        one = np.zeros((1, 1, self._samples) if self._samples > 1 else (1, 1), page.dtype)
        sample, self.channels, self.bands, self.notes = convert(one, page)
        self.shape, self.dtype = (rows, cols, *sample.shape[2:]), sample.dtype

    @property
    def cycles(self) -> float:
        """About how many a processor takes for all rows."""
        return _CYCLES * float(prod(self.shape) * self.dtype.itemsize)

    @property
    def pieces(self) -> tuple[tuple[int, int], ...]:
        """(left, right) of the columns of each tile."""
        edges = range(0, self.shape[1], self._wide)
        return tuple((left, min(left + self._wide, self.shape[1])) for left in edges)

    def piece(self, start: int, stop: int, number: int) -> NDArray[Any]:
        """Return the tiles of one column of some rows."""
        left, right = self.pieces[number]
        shape = stop - start, right - left, self._samples
        stored = np.empty(shape, self._page.dtype)
        for down in range(start // self._high, -(-stop // self._high)):
            top = down * self._high - start
            for plane in range(self._planes):
                part = self._segment(plane, down, number)[: shape[0] - top, : shape[1]]
                planes = slice(plane, plane + 1) if self._planes > 1 else slice(None)
                stored[top : top + len(part), :, planes] = part
        return self._convert(stored[:, :, 0] if self._samples == 1 else stored, self._page)[0]

    def _segment(self, plane: int, down: int, across: int) -> NDArray[Any]:
        """Return a strip or a tile, (rows, cols, samples)."""
        page, samples = self._page, self._samples // self._planes
        if page.is_contiguous:
            first = down * self._high
            rows = min(self._high, self.shape[0] - first)
            stored = page.dtype.newbyteorder(page.parent.byteorder)
            line = self.shape[1] * samples * stored.itemsize
            offset, size = self._places[0][0] + (plane * self.shape[0] + first) * line, rows * line
            found = np.frombuffer(self._data[offset : offset + size], stored)
            found = found.reshape(rows, self.shape[1], samples)
        else:
            index = (plane * self._down + down) * self._across + across
            offset, size = self._places[index]
            decoded = self._decode(bytes(self._data[offset : offset + size]), index)[0]
            found = decoded.reshape(decoded.shape[-3:])
        self._forget(offset, size)
        return found

    def _forget(self, offset: int, size: int) -> None:
        """Let the system take back what it has read of a mapped file, which counts as ours."""
        if isinstance(self._data, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            first = -(-offset // mmap.PAGESIZE) * mmap.PAGESIZE
            last = (offset + size) // mmap.PAGESIZE * mmap.PAGESIZE
            if last > first:
                self._data.madvise(mmap.MADV_DONTNEED, first, last - first)

    def band(self, start: int, stop: int) -> NDArray[Any]:
        """Return some rows, from a multiple of `step` on."""
        return np.concatenate(
            [self.piece(start, stop, number) for number in range(self._across)], axis=1
        )

    def whole(self, jobs: int) -> NDArray[Any]:
        """Return all rows, decoded on up to `jobs` threads."""
        out = np.empty(self.shape, self.dtype)

        def work(start: int) -> None:
            stop = min(start + self.step, self.shape[0])
            for number, (left, right) in enumerate(self.pieces):
                out[start:stop, left:right] = self.piece(start, stop, number)

        for _ in on_threads(work, range(0, self.shape[0], self.step), jobs):
            continue
        return out

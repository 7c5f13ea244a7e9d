"""How a TIFF page's samples are stored: a result is stored like its source, unless told otherwise.

Channels stand beside each other in a result, whatever the source has: rows are written as they are
made, and a plane a channel would need all rows of all channels first.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from math import lcm
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from convcli.image import codecs
from convcli.image.image import Image, Meta
from convcli.image.parallel import on_threads
from convcli.image.tiff import stored as samples_of
from convcli.image.tiff.kinds import CODINGS, FAX
from convcli.record import record

KIND = "TIFF layout"
NONE, LZW, DEFLATE, PACKBITS, LZMA, ZSTD = 1, 5, 8, 32773, 34925, 50000
#: Other numbers for the same coding.
_ALSO = {32946: DEFLATE, 34926: ZSTD}
#: imagecodecs' names of codings that are written.
_CODERS = {LZW: "lzw", DEFLATE: "zlib", PACKBITS: "packbits", LZMA: "lzma", ZSTD: "zstd"}
#: Of deflate, without a word from the user: 2 % larger than level 6 in two thirds of the time.
LEVEL = 2
#: Bytes of rows that are coded together.
_STRIP_BYTES = 2**18
#: Sides of tiles are multiples of this; so many bytes a tile may have at the most.
_SIDE, _TILE_BYTES = 16, 2**25
_DIFFERENCES, _REAL_DIFFERENCES = 2, 3


@record
class Layout:
    """How samples are stored.

    Parameters
    ----------
    coding
        Tag 259.
    predicted
        Whether they are stored as differences.
    tile
        (rows, cols) of a tile; None for strips.
    order
        The file's byte order, `<` or `>`.
    big
        Whether it is BigTIFF.
    paged
        Whether the page says that it is one of several.
    bits
        How many a sample has; 0 if no page says so.
    """

    coding: int = DEFLATE
    predicted: bool = True
    tile: tuple[int, int] | None = None
    order: Literal["<", ">"] | None = None
    big: bool = False
    paged: bool = False
    bits: int = 0


def layout_of(page: Any, paged: bool) -> Layout:
    """Return a page's layout.

    Parameters
    ----------
    page
        As tifffile has it.
    paged
        Whether it says that it is one of several.
    """
    tile = (int(page.tilelength), int(page.tilewidth)) if page.is_tiled else None
    tiff, bits = page.parent.tiff, page.bitspersample
    return Layout(
        int(page.compression),
        int(page.predictor) != 1,
        tile,
        tiff.byteorder,
        tiff.is_bigtiff,
        paged,
        bits if isinstance(bits, int) else 0,
    )


def kept(meta: Meta) -> Layout:
    """Return the layout that a result of an image with that metadata gets."""
    for block in meta.beside:
        if block.kind == KIND:
            found: Layout = block.content
            return found
    return Layout()


def remarks(meta: Meta) -> tuple[str, ...]:
    """Say what of the source's layout a result can't have."""
    coding = kept(meta).coding
    if coding in FAX or _written(coding):
        return ()
    name = CODINGS.get(coding, "unknown")
    return (f"the source's {name} compression wasn't kept: the result's loses nothing",)


def stored(
    image: Image, layout: Layout, compress: int | None, order: Literal["<", ">"]
) -> tuple[dict[str, Any], tuple[int, int] | None]:
    """Say which samples are written and how, as `TiffWriter.write` takes it.

    Strips or tiles are coded as their rows are made, where these aren't there: tifffile would want
    all rows of an array, and codes nothing while it waits for them.

    Parameters
    ----------
    image
        Of any depth and channels.
    layout
        The source's.
    compress
        0 (stored) to 9 (smallest): deflate with a predictor; None for what the layout says.
    order
        The file's byte order.

    Returns
    -------
    dict
        The arguments.
    tuple or None
        Bits a sample and the coding (0 for what is said) that the file is to be set right to.
    """
    if _is_fax(image, layout, compress):
        return _fax(image), (1, samples_of.GROUP_4)
    bits = image.meta.peak.bit_length() if image.meta.peak else 0
    coding, predicted = _chosen(layout, compress)
    predicted = predicted and _is_predictable(image, coding)
    options: dict[str, Any] = {}
    if coding != NONE or bits:
        # tifffile would pack samples of fewer bits itself.
        options["compression"] = {DEFLATE: "zlib", NONE: PACKBITS}.get(coding, coding)
        options["predictor"] = predicted
    level = LEVEL if compress is None else compress
    if coding == DEFLATE:
        options["compressionargs"] = {"level": level}
    right = (bits, coding if coding == NONE else 0) if bits else None
    tile = _tile(layout, image)
    if tile is None and not bits and (image.made is None or image.dtype == bool):
        return {"data": samples_of.stored(image, 0, image.size[0]), **options}, right
    coder = _coder(image, coding, (predicted, level, order, bits))
    options |= {"shape": image.shape, "dtype": image.dtype}
    if tile is not None:
        return {"data": _tiles(image, tile, coder), "tile": tile, **options}, right
    return {**_strips(image, coder), **options}, right


def _strips(image: Image, coder: Callable[[NDArray[Any]], bytes]) -> dict[str, Any]:
    rows, step = image.size[0], image.made.step if image.made else 1
    height = max(_STRIP_BYTES // image.row_bytes // step, 1) * step

    def strip(start: int) -> bytes:
        return coder(samples_of.stored(image, start, min(start + height, rows)))

    return {"data": on_threads(strip, range(0, rows, height), image.jobs), "rowsperstrip": height}


def _is_fax(image: Image, layout: Layout, compress: int | None) -> bool:
    """Whether black and white is written as a fax: unless its source was, in another coding."""
    is_kept = layout.bits == 1 and layout.coding != NONE and _written(layout.coding)
    return image.dtype == bool and image.channels == "L" and compress is None and not is_kept


def _fax(image: Image) -> dict[str, Any]:
    """Say that black and white is written as a fax."""
    strip = iter((samples_of.fax(image),))
    rows = {"shape": image.shape, "dtype": np.uint8, "rowsperstrip": image.size[0]}
    # tifffile codes no fax: its coding is named afterwards.
    return {"data": strip, "compression": "packbits", **rows}


def _is_predictable(image: Image, coding: int) -> bool:
    """Whether samples may be stored as differences, which few programs read of 64 bits."""
    wide = image.dtype.itemsize == 8 and image.dtype.kind in "iu"
    is_plain = image.dtype != bool and image.meta.peak is None and not wide
    return is_plain and coding not in (NONE, PACKBITS)


def _chosen(layout: Layout, compress: int | None) -> tuple[int, bool]:
    """Return the coding that is written, and whether differences are coded."""
    if compress is not None:
        return (DEFLATE if compress else NONE), True
    coding = _ALSO.get(layout.coding, layout.coding)
    return (coding, layout.predicted) if _written(coding) else (DEFLATE, True)


def _written(coding: int) -> bool:
    coding = _ALSO.get(coding, coding)
    if coding in (NONE, DEFLATE):
        return True
    name = _CODERS.get(coding)
    return name is not None and bool(getattr(codecs.load("imagecodecs"), name.upper()).available)


def _tile(layout: Layout, image: Image) -> tuple[int, int] | None:
    """Return the tiles' size, if there may be tiles of that size."""
    if layout.tile is None or image.dtype == bool:
        return None
    rows, cols = layout.tile
    size = rows * cols * image.row_bytes // image.size[1]
    fits = rows > 0 and cols > 0 and not rows % _SIDE and not cols % _SIDE
    return layout.tile if fits and size <= _TILE_BYTES else None


def _coder(
    image: Image, coding: int, how: tuple[bool, int, str, int]
) -> Callable[[NDArray[Any]], bytes]:
    """Return what codes some samples: differences, the file's byte order, bits, and the coding."""
    predicted, level, order, bits = how
    real = image.dtype.kind == "f"
    predict = codecs.load("tifffile").TIFF.PREDICTORS[_REAL_DIFFERENCES if real else _DIFFERENCES]
    # Differences of real numbers are bytes, the greatest first in any file.
    swapped = order == ">" and image.dtype.itemsize > 1 and not (real and predicted)
    options: dict[str, Any] = {DEFLATE: {"level": level}, PACKBITS: {"axis": -2}}.get(coding, {})
    plain = {name: value for name, value in options.items() if name != "axis"}
    encode = None
    if coding != NONE:
        encode = getattr(codecs.load("imagecodecs"), f"{_CODERS[coding]}_encode")

    def coded(made: NDArray[Any]) -> bytes:
        if bits:
            packed = samples_of.packed(made, bits)
            return packed if encode is None else bytes(encode(packed, **plain))
        samples = np.ascontiguousarray(made).reshape(*made.shape[:2], -1)
        if predicted:
            samples = predict(samples, axis=-2)
        if swapped:
            samples = samples.byteswap()
        return samples.tobytes() if encode is None else bytes(encode(samples, **options))

    return coded


def _tiles(
    image: Image, tile: tuple[int, int], coder: Callable[[NDArray[Any]], bytes]
) -> Iterator[bytes]:
    """Give tiles, coded as their rows are made; what lies beyond the image is zero."""
    (rows, cols), (high, wide) = image.size, tile
    # Rows that are made together are asked for together.
    height = lcm(high, image.made.step) if image.made else high

    def band(start: int) -> list[bytes]:
        made = samples_of.stored(image, start, min(start + height, rows))
        found = []
        for top in range(0, len(made), high):
            for left in range(0, cols, wide):
                part = made[top : top + high, left : left + wide]
                whole = np.zeros((high, wide, *part.shape[2:]), part.dtype)
                whole[: part.shape[0], : part.shape[1]] = part
                found.append(coder(whole))
        return found

    return _each(on_threads(band, range(0, rows, height), image.jobs))


def _each(bands: Iterator[list[bytes]]) -> Generator[bytes, None, None]:
    try:
        for band in bands:
            yield from band
    finally:
        getattr(bands, "close", lambda: None)()

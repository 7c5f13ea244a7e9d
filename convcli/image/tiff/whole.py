"""Whether a file has all its pixels, where its decoder would make some up."""

from __future__ import annotations

import struct
from typing import Any

from convcli.errors import ImageError
from convcli.image.recognise import coded_size
from convcli.image.tags import entries, form_of
from convcli.image.tiff.kinds import check_kind

#: TIFF tags without which, or with a damaged one of which, other pixels are seen.
_ESSENTIAL = {
    **{256: "ImageWidth", 257: "ImageLength", 258: "BitsPerSample", 259: "Compression"},
    **{262: "PhotometricInterpretation", 266: "FillOrder", 273: "StripOffsets"},
    **{274: "Orientation", 277: "SamplesPerPixel", 278: "RowsPerStrip", 279: "StripByteCounts"},
    **{284: "PlanarConfiguration", 317: "Predictor", 320: "ColorMap", 322: "TileWidth"},
    **{323: "TileLength", 324: "TileOffsets", 325: "TileByteCounts", 338: "ExtraSamples"},
    **{339: "SampleFormat", 347: "JPEGTables", 530: "YCbCrSubSampling"},
}
_PHOTOMETRIC, _TILE = 262, frozenset({322, 323})
#: Codings that don't say for themselves how large a strip is.
_WITHOUT_SIZE = (1, 2, 3, 4, 5, 8, 32773, 32946, 34925, 50000)
#: Pixels of a tile that may be larger than the image.
_LARGE_TILE = 2**24


def check_page(page: Any, data: bytes) -> None:
    """Refuse a TIFF page that lacks strips or tiles, or has a tag that can't be understood.

    Parameters
    ----------
    page
        As tifffile has it.
    data
        The whole file.

    Raises
    ------
    ImageError
        If some pixels are not there, or would be taken for others.
    """
    _check_tags(page, data)
    layout = int(page.planarconfig)
    if layout not in (1, 2) and page.samplesperpixel > 1:
        raise ImageError(f"the TIFF file is damaged: its PlanarConfiguration is {layout}")
    check_kind(page)
    _check_segments(page, len(data))
    if int(page.compression) not in _WITHOUT_SIZE:
        _check_sizes(page, data)


def _check_tags(page: Any, data: bytes) -> None:
    """Refuse a page if a tag that matters is in its directory, but couldn't be read."""
    try:
        listed = [tag for _, tag, _, _ in entries(data, page.offset, form_of(data))]
    except struct.error:
        raise ImageError("the TIFF file is cut short: it ends within a directory") from None
    lost = [name for tag, name in _ESSENTIAL.items() if tag in listed and tag not in page.tags]
    if lost:
        raise ImageError(f"the TIFF file is damaged: its {lost[0]} can't be understood")
    if _PHOTOMETRIC not in listed:
        raise ImageError("the TIFF file doesn't say what its samples mean: no Photometric tag")
    if len(_TILE.intersection(listed)) == 1:
        raise ImageError("the TIFF file is damaged: its tiles have a width or a height only")


def _check_segments(page: Any, size: int) -> None:
    """Refuse a page unless all its strips or tiles are within the file."""
    what, needed = _needed(page)
    offsets, counts = page.dataoffsets, page.databytecounts
    if min(len(offsets), len(counts)) < needed:
        found = min(len(offsets), len(counts))
        raise ImageError(f"the TIFF file is cut short: it has {found} {what} of {needed}")
    for k in range(needed):
        if offsets[k] <= 0 or counts[k] <= 0:
            raise ImageError(f"the TIFF file is incomplete: {what[:-1]} {k + 1} is missing")
        if offsets[k] + counts[k] > size:
            raise ImageError("the TIFF file is cut short: pixels lie beyond its end")


def _check_sizes(page: Any, data: bytes) -> None:
    """Refuse strips or tiles that say they are larger than the page has room for."""
    if page.is_tiled:
        width, height = page.tilewidth, page.tilelength
    else:
        width, height = page.imagewidth, page.rowsperstrip or page.imagelength
    view = memoryview(data)
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        size = coded_size(view[offset : offset + count])
        if size is not None and (size[0] > width or size[1] > height):
            raise ImageError(
                f"the TIFF file is damaged: {size[0]} × {size[1]} pixels where there is room "
                f"for {width} × {height}"
            )


def _needed(page: Any) -> tuple[str, int]:
    """Return what a page is made of, and how many of it."""
    planes = page.samplesperpixel if int(page.planarconfig) == 2 else 1
    if page.is_tiled:
        area = page.tilewidth * page.tilelength
        if area > max(_LARGE_TILE, 4 * page.imagewidth * page.imagelength):
            raise ImageError(
                f"the TIFF file is damaged: tiles of {page.tilewidth} × {page.tilelength} pixels"
            )
        across = -(-page.imagewidth // max(1, page.tilewidth))
        return "tiles", planes * across * -(-page.imagelength // max(1, page.tilelength))
    rows = page.rowsperstrip or page.imagelength
    return "strips", planes * -(-page.imagelength // min(rows, page.imagelength))

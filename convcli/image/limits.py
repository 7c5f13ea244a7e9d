"""How large an image may be, told from its header before anything is allocated."""

from __future__ import annotations

from convcli.errors import ImageError

#: A quarter of what fits 2³¹ bytes at 3 bytes a pixel, doubled: where Pillow refuses, too.
MAX_PIXELS = 178_956_970
#: All frames together may have so many times the pixels that one may have. JUSTIFICATION: they
#: are never in memory together, so that only time is at stake; a small file can hold a hundred
#: thousand large frames, and a stack of a thousand pages of 10 megapixels is an honest one.
TOGETHER = 64


def check_sides(size: tuple[int, int], name: str, most: int) -> None:
    """Refuse to write an image whose (rows, cols) are more than `most`, which a format counts.

    Raises
    ------
    ImageError
        If they are; the message names both, and what helps.
    """
    rows, cols = size
    if max(rows, cols) > most:
        raise ImageError(
            f"{name} can't hold {cols}×{rows} pixels, at most {most} a side; use `path` NAME.png"
        )


def check_size(width: int, height: int, limit: int) -> None:
    """Refuse an image without pixels, or with more than `limit` of them.

    Raises
    ------
    ImageError
        If it is; the message names both numbers and the option that raises the limit.
    """
    if width < 1 or height < 1:
        raise ImageError(f"the image is {width} × {height} pixels: it has none")
    pixels = width * height
    if pixels > limit:
        raise ImageError(
            f"the image has {pixels} pixels ({width} × {height}), the limit is {limit}; "
            f"if you trust the file, use `max_pixels` {pixels}"
        )

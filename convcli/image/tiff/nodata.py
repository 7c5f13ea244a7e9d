"""The sample that stands for a missing one: GDAL's tag 42113, a number as text."""

from __future__ import annotations

from typing import Any

import numpy as np

from convcli.image.depth import widen_bits
from convcli.image.tiff.kinds import MINISWHITE, PALETTE

TAG = 42113


def nodata_of(page: Any) -> float | None:
    """Return a page's nodata value, as its samples are when they are read; None if it has none.

    Parameters
    ----------
    page
        As tifffile has it.
    """
    text = page.tags.valueof(TAG)
    try:
        value = float(str(text).strip(" \t\r\n\0"))
    except ValueError:
        return None
    bits = page.bitspersample
    if page.dtype is None or page.dtype.kind not in "bu" or not 0 <= value < 2**bits:
        return value
    if not value.is_integer() or int(page.photometric) == PALETTE:
        # Of a palette it would be an index.
        return value if int(page.photometric) != PALETTE else None
    if int(page.photometric) == MINISWHITE and bits <= 16:
        value = 2**bits - 1 - value
    if bits < 8 and bits != 1:
        value = float(widen_bits(np.array([int(value)], np.uint16), bits)[0])
    return value


def text_of(value: float) -> bytes:
    """Return what the tag says of a nodata value, as GDAL writes it."""
    text = str(int(value)) if value.is_integer() and abs(value) < 2**63 else repr(float(value))
    return text.encode() + b"\0"

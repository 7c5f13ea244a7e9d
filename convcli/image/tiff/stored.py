"""Samples as TIFF stores them where that isn't how they are held: of fewer bits, or turned about.

tifffile packs bits but doesn't compress them then, and codes no fax. So it is told of samples that
it knows, is given strips that are coded already, and two tags are set right afterwards.
"""

from __future__ import annotations

import struct
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from convcli.image import codecs
from convcli.image.image import Image
from convcli.image.pillow import save
from convcli.image.tags import entries, first_of, form_of
from convcli.image.tiff.ifd import CODES

#: Tags of how many bits a sample has, how it is coded, and where its strips are.
_BITS, _COMPRESSION, _STRIPS, _HEIGHT, _SIZES = 258, 259, 273, 278, 279
#: Codings: none, and CCITT's group 4.
NONE, GROUP_4 = 1, 4
#: Bytes that a file's first directory is in.
_HEAD = 2**22


def is_turned(image: Image) -> bool:
    """Whether an image's levels are stored as they count from white."""
    return from_white(image) and image.dtype.kind != "f" and not image.has_values


def from_white(image: Image) -> bool:
    """Whether an image's gray is said to count from white."""
    return image.meta.white_is_zero and image.channels[0] in "L?"


def stored(image: Image, start: int, stop: int) -> NDArray[Any]:
    """Return some rows as they are stored, each sample in a type of its own."""
    rows = image.rows(start, stop)
    if not is_turned(image):
        return rows
    if rows.dtype == bool:
        return ~rows
    # Not alpha, nor another channel beyond the one that has the image.
    gray = (..., 0) if rows.ndim == 3 else ...
    turned: NDArray[Any] = rows.copy()
    turned[gray] = rows.dtype.type(image.maximum) - rows[gray]
    return turned


def packed(rows: NDArray[Any], bits: int) -> bytes:
    """Return rows of samples of so many bits, each row from a whole byte on."""
    flat = np.ascontiguousarray(rows).reshape(len(rows), -1)
    coder = codecs.load("imagecodecs").packints_encode
    return bytes(coder(flat, bits, runlen=flat.shape[1]))


def fax(image: Image) -> bytes:
    """Return black and white in CCITT's group 4, as one strip."""
    rows = image.size[0]
    options = {"compression": "group4", "tiffinfo": {_HEIGHT: rows}}
    data = save(stored(image, 0, rows), "TIFF", options)
    places = _first_values(data)
    return data[places[_STRIPS] : places[_STRIPS] + places[_SIZES]]


def _first_values(data: bytes) -> dict[int, int]:
    """Return the first value of each tag of the first directory that is a whole number."""
    form = form_of(data)
    found = {}
    for place, tag, kind, _ in entries(data, first_of(data, form), form):
        if kind in CODES:
            (found[tag],) = struct.unpack_from(form.order + CODES[kind], data, place)
    return found


def set_right(file: IO[bytes], bits: int, coding: int = 0) -> None:
    """Set what a file's first directory says of its samples.

    Parameters
    ----------
    file
        One that is written, and may be read.
    bits
        How many a sample has.
    coding
        How strips are coded; 0 for what is said.
    """
    file.seek(0)
    data = file.read(_HEAD)
    form = form_of(data)
    for place, tag, kind, number in entries(data, first_of(data, form), form):
        if tag == _BITS:
            code = f"{form.order}{number}{CODES[kind]}"
            beyond = struct.calcsize(code) > form.width
            at = struct.unpack_from(form.place, data, place)[0] if beyond else place
            file.seek(at)
            file.write(struct.pack(code, *[bits] * number))
        elif tag == _COMPRESSION and coding:
            file.seek(place)
            file.write(struct.pack(form.order + CODES[kind], coding))

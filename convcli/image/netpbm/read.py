"""Reading and writing PBM, PGM, PPM, PAM and PFM, of every maximum (netpbm's format pages)."""

from __future__ import annotations

import re
from math import isfinite, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image.depth import as_bytes, check_peak, scale_to_full, scaled_note
from convcli.image.header import printable
from convcli.image.image import Image, Meta
from convcli.image.limits import check_size
from convcli.image.netpbm import pam
from convcli.image.netpbm.comments import comments, with_comments
from convcli.image.netpbm.layout import NAMES, PLAIN, is_bilevel, pam_fields

#: One number of the header, with the white space and the comments before it.
_TOKEN = re.compile(rb"(?:[ \t\r\n\v\f]|#[^\r\n]*[\r\n])+([^ \t\r\n\v\f#]+)")
_COMMENT = re.compile(rb"#[^\r\n]*")


def decode(data: bytes, limit: int) -> Image:
    """Read an image of the netpbm family, with which the data begin.

    Samples stay as they are, below the file's maximum; only where that is 1 they become 0 and 255.

    Raises
    ------
    ImageError
        If it is damaged or cut short, or has more than `limit` pixels.
    """
    magic = data[:2]
    name = NAMES[magic]
    if name == "PAM":
        return _pam(data, limit)
    numbers, at = _header(data, 2 if name == "PBM" else 3)
    width, height = (_whole(token) for token in numbers[:2])
    check_size(width, height, limit)
    count = 3 if magic in (b"P3", b"P6", b"PF") else 1
    shape = (height, width, 3) if count == 3 else (height, width)
    peak, notes = 0, tuple[str, ...]()
    if name == "PBM":
        pixels = _bits(data, at, height, width)
    elif name == "PFM":
        pixels = _floats(data, at, shape, numbers[2])
    else:
        peak = _maximum(numbers[2])
        pixels = _whole_numbers(data, at, shape, peak)
        if peak == 1:
            pixels, notes = scale_to_full(pixels, peak), (scaled_note(peak),)
    kind = {"PBM": "1-bit", "PFM": "float"}.get(name) or f"maximum {int(numbers[2])}"
    own = None if peak in (0, 1, 255, 65535) else peak
    said = comments(data[:at])
    meta = Meta(format=name, mode=f"{name}, {kind}", text=said, peak=own, notes=notes)
    return Image(pixels, "RGB" if count == 3 else "L", meta)


def _pam(data: bytes, limit: int) -> Image:
    """Read a PAM image."""
    numbers, channels, at = pam.header(data)
    width, height = (_whole(token) for token in numbers[:2])
    check_size(width, height, limit)
    maximum = _maximum(numbers[3])
    shape = (height, width, len(channels)) if len(channels) > 1 else (height, width)
    pixels = _whole_numbers(data, at, shape, maximum)
    peak = None if maximum in (1, 255, 65535) else maximum
    notes = tuple[str, ...]()
    if is_bilevel(pam_fields(data)[0]):
        pixels = pixels > 0
    elif maximum == 1:
        pixels, notes = scale_to_full(pixels, maximum), (scaled_note(maximum),)
    said = comments(data[:at])
    mode = f"PAM, maximum {maximum}"
    meta = Meta(format="PAM", mode=mode, text=said, peak=peak, notes=notes)
    return Image(pixels, channels, meta)


def _header(data: bytes, count: int) -> tuple[list[bytes], int]:
    """Return the header's numbers as text, and where the pixels begin."""
    tokens = []
    at = 2
    for _ in range(count):
        found = _TOKEN.match(data, at, at + 4096)
        if not found:
            raise ImageError("the file is damaged or cut short: its header is not complete")
        tokens.append(found[1])
        at = found.end()
    return tokens, at + 1


def _whole(token: bytes) -> int:
    if not token.isdigit() or len(token) > 9:
        raise ImageError(f"the file is damaged: its header has {_shown(token)} for a whole number")
    return int(token)


def _shown(token: bytes) -> str:
    """Return a word of the header as it can be shown."""
    return f"'{printable(token[:20])}'"


def _maximum(token: bytes) -> int:
    maximum = _whole(token)
    if not 1 <= maximum <= 65535:
        raise ImageError(f"the file's maximum is {maximum}; expected 1 to 65535")
    return maximum


def _bytes(data: bytes, at: int, size: int) -> bytes:
    if len(data) - at < size:
        raise ImageError(
            f"the file is cut short: {max(len(data) - at, 0)} bytes of pixels of {size}"
        )
    return data[at : at + size]


def _bits(data: bytes, at: int, height: int, width: int) -> NDArray[Any]:
    """1 is black; packed rows begin on a byte."""
    if data[:2] == b"P1":
        # Zeros and ones need no space between them.
        return _digits(_COMMENT.sub(b"", data[at - 1 :]), height * width).reshape(height, width)
    row = -(-width // 8)
    packed = np.frombuffer(_bytes(data, at, height * row), dtype=np.uint8).reshape(height, row)
    samples: NDArray[Any] = np.unpackbits(packed, axis=1, count=width) == 0
    return samples


def _digits(text: bytes, count: int) -> NDArray[Any]:
    """Return so many pixels, True for white; nothing but 0, 1 and white space may be there."""
    digits = np.frombuffer(text.translate(None, b" \t\r\n\v\f")[:count], dtype=np.uint8)
    if digits.size < count:
        raise ImageError(f"the file is cut short: {digits.size} pixels of {count}")
    white: NDArray[Any] = digits == ord("0")
    if not (white | (digits == ord("1"))).all():
        raise ImageError("the file is damaged: a pixel is neither 0 nor 1")
    return white


def _whole_numbers(data: bytes, at: int, shape: tuple[int, ...], maximum: int) -> NDArray[Any]:
    size = int(np.prod(shape))
    if data[:2] in PLAIN:
        samples = _plain(data[at - 1 :], size)
    else:
        kind = np.dtype(">u2" if maximum > 255 else "u1")
        samples = np.frombuffer(_bytes(data, at, size * kind.itemsize), dtype=kind)
        samples = samples.astype(kind.newbyteorder("="), copy=False)
    check_peak(samples, maximum)
    kind = np.dtype(np.uint16 if maximum > 255 else np.uint8)
    return samples.astype(kind).reshape(shape)


def _plain(text: bytes, size: int) -> NDArray[Any]:
    words = _COMMENT.sub(b" ", text).split(maxsplit=size)[:size]
    if len(words) < size:
        raise ImageError(f"the file is cut short: {len(words)} samples of {size}")
    # NumPy would also take signs and underscores.
    if not b"".join(words).isdigit() or max(map(len, words)) > 9:
        raise ImageError("the file is damaged: a sample is not a whole number")
    numbers = np.array(words, dtype=np.int64)
    if numbers.max() > 65535:
        raise ImageError("the file is damaged: a sample is not in 0..65535")
    return numbers.astype(np.uint16)


def _floats(data: bytes, at: int, shape: tuple[int, ...], scale: bytes) -> NDArray[Any]:
    """Rows from the bottom up; a negative scale means little-endian."""
    try:
        factor = float(scale)
    except ValueError:
        factor = nan
    if not isfinite(factor) or not factor:
        raise ImageError(f"the file is damaged: its scale is {_shown(scale)}")
    raw = _bytes(data, at, 4 * int(np.prod(shape)))
    samples = np.frombuffer(raw, dtype="<f4" if factor < 0 else ">f4").reshape(shape)
    return samples[::-1].astype(np.float32)


def encode(image: Image, format: str) -> bytes:
    """Return a PBM, PGM, PPM, PAM or PFM file; PNM takes the one that fits.

    Parameters
    ----------
    image
        What the format's table allows; gray becomes equal red, green and blue in PPM.
    format
        `PBM`, `PGM`, `PPM`, `PAM`, `PFM` or `PNM`.
    """
    if format == "PAM":
        return pam.encode(image)
    pixels = image.pixels
    rows, cols = image.size
    if format == "PFM":
        magic = "PF" if image.channels == "RGB" else "Pf"
        return f"{magic}\n{cols} {rows}\n-1.0\n".encode() + pixels[::-1].astype("<f4").tobytes()
    if pixels.dtype == bool:
        if format in ("PBM", "PNM"):
            head = with_comments(f"P4\n{cols} {rows}\n".encode(), image.meta)
            return head + np.packbits(~pixels, axis=1).tobytes()
        pixels = as_bytes(pixels)
    if format == "PPM" and pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    magic = "P6" if pixels.ndim == 3 else "P5"
    maximum = image.meta.peak or np.iinfo(pixels.dtype).max
    kind = ">u2" if maximum > 255 else "u1"
    head = with_comments(f"{magic}\n{cols} {rows}\n{maximum}\n".encode(), image.meta)
    return head + pixels.astype(kind).tobytes()

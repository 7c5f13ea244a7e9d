"""PAM: samples of any number a pixel, and what they mean (netpbm's `pam(5)`)."""

from __future__ import annotations

import numpy as np

from convcli.errors import ImageError
from convcli.image.header import printable
from convcli.image.image import Image
from convcli.image.netpbm.comments import with_comments
from convcli.image.netpbm.layout import pam_fields

#: Channels of each tuple type, and the type's name for them.
_CHANNELS = {
    b"BLACKANDWHITE": "L", b"GRAYSCALE": "L", b"RGB": "RGB", b"CMYK": "CMYK",
    b"BLACKANDWHITE_ALPHA": "LA", b"GRAYSCALE_ALPHA": "LA", b"RGB_ALPHA": "RGBA",
}  # fmt: skip
_TYPES = {"L": b"GRAYSCALE", "RGB": b"RGB", "CMYK": b"CMYK", "LA": b"GRAYSCALE_ALPHA",
          "RGBA": b"RGB_ALPHA"}  # fmt: skip
#: What netpbm's programs take samples without a type for.
_UNTYPED = {1: "L", 3: "RGB"}
_NEEDED = (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL")
#: Bytes that a header may take.
_HEADER = 2**16


def header(data: bytes) -> tuple[list[bytes], str, int]:
    """Return a header's four numbers as text, the channels' names, and where samples begin.

    Raises
    ------
    ImageError
        If it isn't whole, or contradicts itself.
    """
    fields, at = pam_fields(data[:_HEADER])
    missing = [key.decode() for key in _NEEDED if not fields.get(key)]
    if at < 0 or missing:
        said = f"without {', '.join(missing)}" if missing and at >= 0 else "not complete"
        raise ImageError(f"the file is damaged or cut short: its header is {said}")
    depth, kind = fields[b"DEPTH"], fields.get(b"TUPLTYPE", b"")
    count = int(depth) if depth.isdigit() and len(depth) < 6 else 0
    if not count:
        shown = printable(depth[:20])
        raise ImageError(f"the file is damaged: its header says DEPTH {shown}")
    channels = _CHANNELS.get(kind) or _UNTYPED.get(count, "?" * count)
    if len(channels) != count:
        raise ImageError(
            f"the file is damaged: {printable(kind[:20])} has {len(channels)} samples a pixel, its "
            f"header says DEPTH {count}"
        )
    return [fields[key] for key in _NEEDED], channels, at


def encode(image: Image) -> bytes:
    """Return a PAM file; channels without a meaning get no tuple type."""
    pixels = image.pixels
    rows, cols = image.size
    depth = pixels.shape[2] if pixels.ndim == 3 else 1
    kind = _TYPES.get(image.channels)
    if pixels.dtype == bool:
        maximum, kind = 1, b"BLACKANDWHITE"
    else:
        maximum = image.meta.peak or int(np.iinfo(pixels.dtype).max)
    lines = [f"P7\nWIDTH {cols}\nHEIGHT {rows}\nDEPTH {depth}\nMAXVAL {maximum}\n".encode()]
    lines += [b"TUPLTYPE ", kind, b"\n"] if kind else []
    samples = pixels.astype(">u2" if maximum > 255 else "u1").tobytes()
    head = with_comments(b"".join([*lines, b"ENDHDR\n"]), image.meta)
    return head + samples

"""JPEG XL (ISO/IEC 18181), animations included: its codec, and what its header says.

Pixels are coded by libjxl through `imagecodecs`, which knows neither profiles nor times nor any
metadata: these are read from the codestream and the boxes here, and written there (`rewrite`).
"""

from __future__ import annotations

from convcli.errors import ImageError
from convcli.image.codec import CLEAR, GRAY, Codec, Later
from convcli.image.extent import ALLOWANCE, frames, most, one
from convcli.image.header import HEAD, MOST, Header, Peek, whole_type
from convcli.image.jpegxl.bits import Reader
from convcli.image.jpegxl.stream import MAGIC, Image, read_image

#: Bytes a sample that decoding takes beside the samples: planes of floats, and lossy ones twice.
_DECODING = 12


def _header(peek: Peek) -> Header | None:
    at = _codestream(peek)
    found = read_image(Reader(peek(at, HEAD)))
    channels = (1 if found.is_gray else 3) + (found.alpha is not None)
    samples = found.cols * found.rows * channels
    moves = found.animation is not None
    return Header(
        "JPEGXL",
        (found.rows, found.cols),
        channels,
        dtype_of(found),
        _DECODING * samples,
        1 + moves,
        lossy=found.xyb,
    )


def dtype_of(image: Image) -> str:
    """Return the type of the samples that are read."""
    if image.depth.exponent or image.depth.bits > 16:
        return "float32"
    gray = image.is_gray and image.alpha is None
    return "bool" if image.depth.bits == 1 and gray else whole_type(image.depth.bits)


def _codestream(peek: Peek) -> int:
    """Return where a file's codestream begins, or its first part."""
    if peek(0, 2) == MAGIC:
        return 0
    at = 0
    for _ in range(MOST):
        head = peek(at, 16)
        size, name = int.from_bytes(head[:4], "big"), head[4:8]
        start = 8
        if size == 1:
            size, start = int.from_bytes(head[8:16], "big"), 16
        if name in (b"jxlc", b"jxlp"):
            return at + start + 4 * (name == b"jxlp")
        if size < start:
            break
        at += size
    raise ImageError("the JPEG XL file has no codestream")


def _extent(peek: Peek, header: Header | None, limit: int) -> int:
    """Return how much is read; how many frames an animation has isn't said at its beginning."""
    if header is None or header.frames == 1:
        return most(header, limit)
    return ALLOWANCE + one(header) * frames(header, limit)


CODEC = Codec(
    "JPEGXL",
    {"bool": GRAY, "uint8": CLEAR, "uint16": CLEAR, "float32": CLEAR},
    decode=Later("jpegxl.read", "decode"),
    encode=Later("jpegxl.write", "encode"),
    header=_header,
    open=Later("jpegxl.read", "open_frames"),
    encode_frames=Later("jpegxl.write", "parts"),
    extent=_extent,
    options=("quality",),
    carries=frozenset({"icc", "exif", "xmp"}),
    upright=True,
    shortest=1.0,
    coder=20.0,
)

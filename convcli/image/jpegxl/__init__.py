"""JPEG XL (ISO/IEC 18181), animations included: its codec, and what its header says.

Pixels are coded by libjxl through `imagecodecs`, which knows neither profiles nor times nor any
metadata: these are read from the codestream and the boxes here, and written there (`rewrite`).
"""

from __future__ import annotations

from convcli.image.boxes import places
from convcli.image.codec import CLEAR, GRAY, Codec, LazyFunction
from convcli.image.extent import ALLOWANCE, frames, most, one
from convcli.image.header import HEAD, Header, Peek, whole_type
from convcli.image.jpegxl.bits import Reader
from convcli.image.jpegxl.stream import MAGIC, Codestream, read_image

#: Bytes a sample that decoding takes beside the samples: planes of floats, in places twice.
_DECODING = 8


def _header(peek: Peek) -> Header | None:
    found = read_image(Reader(_beginning(peek)))
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


def dtype_of(image: Codestream) -> str:
    """Return the type of the samples that are read."""
    if image.depth.exponent or image.depth.bits > 16:
        return "float32"
    gray = image.is_gray and image.alpha is None
    return "bool" if image.depth.bits == 1 and gray else whole_type(image.depth.bits)


def _beginning(peek: Peek) -> bytes:
    """Return a codestream's first bytes, which may lie in several boxes."""
    if peek(0, 2) == MAGIC:
        return peek(0, HEAD)
    found = b""
    for name, start, end in places(peek):
        if name in (b"jxlc", b"jxlp"):
            start += 4 * (name == b"jxlp")
            found += peek(start, HEAD if end is None else max(0, min(HEAD, end - start)))
        if name == b"jxlc" or len(found) >= HEAD:
            break
    return found


def _extent(peek: Peek, header: Header | None, limit: int) -> int:
    """Return how much is read; how many frames an animation has isn't said at its beginning."""
    if header is None or header.frames == 1:
        return most(header, limit)
    return ALLOWANCE + one(header) * frames(header, limit)


CODEC = Codec(
    "JPEGXL",
    {"bool": GRAY, "uint8": CLEAR, "uint16": CLEAR, "float32": CLEAR},
    decode=LazyFunction("jpegxl.read", "decode"),
    encode=LazyFunction("jpegxl.write", "encode"),
    header=_header,
    open=LazyFunction("jpegxl.read", "open_frames"),
    encode_frames=LazyFunction("jpegxl.write", "parts"),
    extent=_extent,
    options=("quality",),
    carries=frozenset({"icc", "exif", "xmp"}),
    numbers=LazyFunction("jpegxl.profile", "are_told"),
    upright=True,
    shortest=1.0,
    crashes=True,
    coder=9.5,
    coder_wide=5.5,
    coder_lossy=17.5,
    peaks=frozenset(2**bits - 1 for bits in range(9, 16)),
)

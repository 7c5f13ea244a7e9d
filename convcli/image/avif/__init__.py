"""AVIF, sequences included: its codec, and what its header says."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from convcli.image.boxes import places
from convcli.image.codec import CLEAR, GRAY, Codec, LazyFunction
from convcli.image.header import Header, Peek, peek_into

#: Boxes with boxes in them, and how many bytes stand before these (ISO/IEC 14496-12, 8.5.2, 8.11;
#: 23008-12, 9.3): images are told of in the first three, sequences in the others.
WITHIN = {b"meta": 4, b"iprp": 0, b"ipco": 0, b"moov": 0, b"trak": 0, b"mdia": 0, b"minf": 0,
           b"stbl": 0, b"stsd": 8, b"av01": 78}  # fmt: skip
#: Bytes that are enough of most boxes.
_ENOUGH = 64
#: How alpha is told from other things that go with an image (ISO/IEC 23000-22, 7.3.5.2).
_ALPHA = (b"auxid:1", b"auxiliary:alpha")


def parts(peek: Peek, most: int = _ENOUGH) -> Iterator[tuple[bytes, bytes]]:
    """Give (name, content) of the boxes that tell of images, up to `most` bytes of each."""
    for name, start, end in places(peek, within=WITHIN):
        if name not in WITHIN:
            yield name, peek(start, most if end is None else max(0, min(most, end - start)))


def sample_bits(said: Iterable[tuple[bytes, bytes]]) -> int:
    """Return the bits a sample, from the AV1 configuration (AV1 in ISOBMFF 1.2, section 2.3.3)."""
    content = next((content for name, content in said if name == b"av1C"), b"")
    flags = content[2] if len(content) > 2 else 0
    if not flags & 0x40:
        return 8
    return 12 if flags & 0x20 else 10


def _header(peek: Peek) -> Header | None:
    said = list(parts(peek))
    size = _largest(said)
    if size is None:
        return None
    deep = sample_bits(said) > 8
    beside = [content for name, content in said if name in (b"auxC", b"auxi")]
    channels = 3 + any(kind in content for kind in _ALPHA for content in beside)
    counts = [struct.unpack_from(">I", content, 8)[0] for name, content in said if name == b"stsz"]
    frames = max([1, *counts])
    pixels = size[0] * size[1]
    dtype = "uint16" if deep else "uint8"
    overhead = 8 * pixels * (1 + deep)
    if deep:
        # These are decoded all at once.
        overhead += frames * pixels * channels * 2
    return Header("AVIF", size[::-1], channels, dtype, overhead, frames, lossy=True)


def _coded_size(found: bytes | memoryview) -> tuple[int, int] | None:
    return _largest(parts(peek_into(found)))


def _largest(said: Iterable[tuple[bytes, bytes]]) -> tuple[int, int] | None:
    """Return the largest of the sizes that a file's items have (ISO/IEC 23008-12, 6.5.3)."""
    sizes = [struct.unpack_from(">II", content, 4) for name, content in said if name == b"ispe"]
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


CODEC = Codec(
    "AVIF",
    {"bool": GRAY, "uint8": CLEAR, "uint16": CLEAR},
    decode=LazyFunction("avif.read", "decode"),
    encode=LazyFunction("avif.write", "encode"),
    header=_header,
    open=LazyFunction("avif.read", "open_frames"),
    encode_frames=LazyFunction("avif.write", "parts"),
    coded_size=_coded_size,
    options=("quality",),
    carries=frozenset({"icc", "exif", "xmp"}),
    numbers=lambda cicp: bool(cicp[3]),
    lossy=True,
    loops=False,
    upright=True,
    crashes=True,
    coder=14.5,
    note=("uint16", CLEAR, "AVIF holds 12 bits of 16"),
    peaks=(2**10 - 1, 2**12 - 1),
)

"""HEIC and HEIF of HEVC images (ISO/IEC 23008-12): read where pi-heif is installed, never written.

pi-heif is an extra, `convcli[heic]`: its wheel brings libheif and libde265, which are LGPL-3.
"""

from __future__ import annotations

import struct

from convcli.image.avif import parts
from convcli.image.codec import Codec, LazyFunction
from convcli.image.header import Header, Peek, whole_type

#: How alpha is told from other things that go with an image (ISO/IEC 23008-12, 6.5.8).
_ALPHA = (b"auxid:1", b"auxiliary:alpha")


def _header(peek: Peek) -> Header | None:
    said = list(parts(peek))
    size = _largest(said)
    if size is None:
        return None
    # (number of channels, bits of each): ISO/IEC 23008-12, 6.5.6.
    bits = [content[5] for name, content in said if name == b"pixi" and len(content) > 5]
    beside = [content for name, content in said if name in (b"auxC", b"auxi")]
    channels = 3 + any(kind in content for kind in _ALPHA for content in beside)
    dtype = whole_type(max(bits, default=8))
    samples = size[0] * size[1] * channels * (1 if dtype == "uint8" else 2)
    return Header("HEIF", size[::-1], channels, dtype, 3 * samples, lossy=True)


def _largest(said: list[tuple[bytes, bytes]]) -> tuple[int, int] | None:
    """Return the largest of the sizes that a file's items have (ISO/IEC 23008-12, 6.5.3)."""
    sizes = [struct.unpack_from(">II", content, 4) for name, content in said if name == b"ispe"]
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


CODEC = Codec(
    "HEIF",
    {},
    decode=LazyFunction("heif.read", "decode"),
    header=_header,
    lossy=True,
    upright=True,
    # What is cut off of it (`clap`) is told elsewhere.
    sure=False,
)

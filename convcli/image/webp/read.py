"""Reading WebP, and animations of it: every frame as it is seen.

WebP container specification (Google, 2011): a RIFF file of chunks, of which each ANMF is a frame.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from convcli.errors import ImageError
from convcli.image import pillow
from convcli.image.frames import Frames, check_total
from convcli.image.header import peek_into
from convcli.image.image import Image
from convcli.image.limits import check_size
from convcli.image.orientation import upright
from convcli.image.pillow import count_frames, meta_of, open_with_pillow, to_pixels
from convcli.image.recognise import check_coded
from convcli.image.webp.chunks import is_lossy, places
from convcli.image.webp.others import blocks_of
from convcli.record import replace

#: Pillow's reader.
READER = "WebPImagePlugin.WebPImageFile"


def decode(data: bytes, limit: int) -> Image:
    """Read a WebP file's first frame."""
    lossy = _is_lossy(data)
    check_coded(data, limit)
    image = pillow.decode(data, READER, "WEBP", limit)
    meta = replace(image.meta, lossy=lossy, beside=blocks_of(chunks(data)))
    return Image(image.pixels, image.channels, meta)


def open_frames(data: bytes, limit: int) -> Frames:
    """Open a WebP file: its frames, or its one image.

    Raises
    ------
    ImageError
        If it is damaged, or has too many pixels.
    """
    times = [
        float(int.from_bytes(content[12:15], "little"))
        for name, content in chunks(data)
        if name == b"ANMF"
    ]
    check_coded(data, limit)
    opened = open_with_pillow(data, READER)
    count = count_frames(opened)
    if count == 1:
        return Frames.of([upright(decode(data, limit))], format="WEBP")
    check_size(*opened.size, limit)
    check_total(count, count * opened.width * opened.height, limit)
    if len(times) != count:
        raise ImageError(f"the WebP file is damaged: {len(times)} of its {count} frames are there")
    return Frames(
        count,
        lambda first: _frames(data, first),
        durations=tuple(times),
        loop=int(opened.info.get("loop", 0)),
        format="WEBP",
        sizes=(4 * opened.width * opened.height,) * count,
    )


def _frames(data: bytes, first: int) -> Iterator[Image]:
    """Give frames as they are seen, from a number on."""
    opened = open_with_pillow(data, READER)
    meta = meta_of(opened, opened.mode)
    beside = blocks_of(chunks(data))
    meta = replace(meta, format="WEBP", lossy=_is_lossy(data), beside=beside)
    for number in range(first, count_frames(opened)):
        opened.seek(number)
        opened.load()
        yield upright(Image(*to_pixels(opened), meta))


def chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Give a RIFF file's chunks.

    Raises
    ------
    ImageError
        If the file is cut short.
    """
    view = _whole(data)
    for name, start, end in places(peek_into(view), len(view)):
        yield name, view[start:end]


def _is_lossy(data: bytes) -> bool:
    view = _whole(data)
    return is_lossy(peek_into(view), len(view))


def _whole(data: bytes) -> memoryview:
    """Return what of some bytes is the file, as it says; refuse one that is cut short."""
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > len(data):
        raise ImageError(f"the WebP file is cut short: {len(data)} bytes of {size + 8}")
    return memoryview(data)[: size + 8]

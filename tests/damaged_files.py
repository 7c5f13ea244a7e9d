"""Damaged files, one for each row of the table in docs/formats.md: small, and made in code."""

from __future__ import annotations

import io
import struct
import zlib
from base64 import b85decode

import imagecodecs
import numpy as np
from fuzz_mutate import png_whole
from PIL import Image as Pillow

from convcli.image.files import encode
from convcli.image.frames import Frames
from convcli.image.image import Image

ROWS, COLS = 60, 80
PALETTE = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)], dtype=np.uint8)


def original(count=3, seed=1):
    """Smooth colours with some noise, so that all coders have something to do."""
    y, x = np.mgrid[:ROWS, :COLS]
    noise = np.random.default_rng(seed).integers(-20, 21, (ROWS, COLS, count))
    waves = [100 + 60 * np.sin((x + k * y) / (7 + k)) for k in range(count)]
    pixels = (np.dstack(waves) + noise).astype(np.uint8)
    return pixels[..., 0] if count == 1 else pixels


def jpeg(mode="RGB", **options):
    target = io.BytesIO()
    image = Pillow.fromarray(original(1) if mode == "L" else original()).convert(mode)
    image.save(target, "JPEG", quality=85, **options)
    return target.getvalue()


def scan_starts(data):
    """Where the scans' coded data begin."""
    places, at = [], 2
    while (at := data.find(b"\xff\xda", at)) >= 0:
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
        places.append(at)
    return places


def cut_scan(data, share, end=b"\xff\xd9"):
    """A file without its last scan's last part."""
    start = scan_starts(data)[-1]
    return data[: start + int(share * (len(data) - 2 - start))].rstrip(b"\xff") + end


def before(data, mark, put, count=1):
    """A file with something before the count-th place where a mark is."""
    at = -1
    for _ in range(count):
        at = data.index(mark, at + 1)
    return data[:at] + put + data[at:]


def wrong_restart():
    data = bytearray(jpeg(restart_marker_rows=1))
    data[data.index(b"\xff\xd1") + 1] = 0xD7
    return bytes(data)


def frame_kind(data, kind):
    at = data.index(b"\xff\xc0")
    return data[: at + 1] + bytes((kind,)) + data[at + 2 :]


def indices(seed=1, high=4):
    return np.random.default_rng(seed).integers(0, high, (ROWS, COLS), dtype=np.uint8)


def gif_frame(stored, palette=b"", place=(0, 0)):
    height, width = stored.shape
    flags = 0x81 if palette else 0
    head = b"," + struct.pack("<HHHHB", *place, width, height, flags) + palette
    return head + b"\x08" + Pillow.fromarray(stored).tobytes("gif", "L", 8, 0) + b"\0"


def gif(*frames, size=(COLS, ROWS), palette=True, end=b";"):
    head = b"GIF89a" + struct.pack("<HHBBB", *size, 0x81 if palette else 0, 0, 0)
    moving = b"!\xf9\x04\x04\x0a\0\0\0" if len(frames) > 1 else b""
    colours = PALETTE.tobytes() if palette else b""
    return b"".join((head, colours, *(moving + each for each in frames), end))


def lzw():
    """Codes that say nothing, in the middle of a frame."""
    data = bytearray(gif(gif_frame(indices())))
    at = 13 + 12 + 11 + 256 * 3 + 1
    data[at : at + 40] = b"\xff" * 40
    return bytes(data)


def png(raw=None, colour=2, interlaced=0, packed=None, extra=()):
    if raw is None:
        raw = b"".join(b"\0" + row.tobytes() for row in original())
    head = struct.pack(">IIBBBBB", COLS, ROWS, 8, colour, 0, 0, interlaced)
    content = zlib.compress(raw) if packed is None else packed
    return bytes(png_whole([(b"IHDR", head), *extra, (b"IDAT", content), (b"IEND", b"")]))


def png_packed(change):
    packed = bytearray(zlib.compress(b"".join(b"\0" + row.tobytes() for row in original())))
    change(packed)
    return png(packed=bytes(packed))


def bmp_indexed(highest):
    """A BMP file of a row of 4 pixels of 8 bits, and 4 colours."""
    head = struct.pack("<2sI4xIIiiHHIIiiII", b"BM", 74, 70, 40, 4, 1, 1, 8, 0, 0, 0, 0, 4, 0)
    return head + bytes(range(16)) + bytes([0, 1, 2, highest])


def png_indexed(highest, palette=True):
    raw = b"".join(b"\0" + row.tobytes() for row in indices(high=highest + 1))
    return png(raw, 3, extra=[(b"PLTE", PALETTE.tobytes())] if palette else [])


def png_interlaced():
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
              (1, 0, 2, 1))  # fmt: skip
    rows = (row for top, left, down, right in passes for row in original()[top::down, left::right])
    return png(b"".join(b"\0" + row.tobytes() for row in rows), interlaced=1)


def wrong_sum(data, name):
    data = bytearray(data)
    at = data.index(name)
    (size,) = struct.unpack_from(">I", data, at - 4)
    data[at + 4 + size] ^= 1
    return bytes(data)


def apng():
    images = [Image(original(seed=seed)) for seed in range(4)]
    return encode(Frames.of(images, 100), "PNG")


def cut_chunk(data, name, number):
    """A file that ends within a chunk, the last of so many of that name."""
    at = -1
    for _ in range(number):
        at = data.index(name, at + 1)
    (size,) = struct.unpack_from(">I", data, at - 4)
    return data[: at + 4 + size // 2]


def coded(format):
    return encode(Image(original()), format)


def deep(**options):
    return bytes(imagecodecs.jpeg8_encode(original(1).astype(np.uint16) << 4, **options))


#: One for each row of the table: what makes the file.
FILES = {
    # JPEG
    "JPEG: 0xFF, any number, before a marker": lambda: before(jpeg(), b"\xff\xdb", b"\xff" * 9),
    "JPEG: other bytes, or 0xFF 0x00, between segments": lambda: before(
        jpeg(), b"\xff\xdb", b"\0\x11abc\xff\0"
    ),
    "JPEG: other bytes between scans, or before the end mark": lambda: before(
        before(jpeg(progressive=True), b"\xff\xc4", b"\0\0\x12\x34", 3), b"\xff\xd9", bytes(9)
    ),
    "JPEG, PNG, GIF, WebP: anything behind the end mark": lambda: jpeg() + b"anything" + jpeg(),
    "JPEG: no end mark, but all pixels": lambda: jpeg()[:-2],
    "JPEG: cut short": lambda: cut_scan(jpeg(), 0.6, b""),
    "JPEG: cut short, and an end mark put behind it": lambda: cut_scan(jpeg(), 0.6),
    "JPEG, progressive: scans are missing": lambda: (
        lambda data: data[: scan_starts(data)[4]] + b"\xff\xd9"
    )(jpeg(progressive=True)),
    "JPEG, progressive: the last scan is cut short, and an end mark put behind it": lambda: (
        cut_scan(jpeg(progressive=True), 0.8)
    ),
    "JPEG: a restart marker is missing or wrong": wrong_restart,
    "JPEG: cut short before its pixels": lambda: jpeg()[:200],
    "JPEG: arithmetic-coded": lambda: _ARITHMETIC,
    "JPEG: of 12 bits": lambda: deep(level=95, bitspersample=12),
    "JPEG: lossless": lambda: deep(lossless=True, bitspersample=16),
    "JPEG: hierarchical, or both lossless and arithmetic-coded": lambda: frame_kind(jpeg(), 0xC5),
    # GIF
    "GIF: no end mark": lambda: gif(gif_frame(indices()), end=b""),
    "GIF: cut short within its image": lambda: gif(gif_frame(indices()))[:-900],
    "GIF: cut short within a later frame": lambda: gif(
        *(gif_frame(indices(seed)) for seed in range(3))
    )[:-500],
    "GIF: codes that make no sense": lzw,
    "GIF: zeros between blocks": lambda: gif(gif_frame(indices()), b"\0\0" + gif_frame(indices(2))),
    "GIF: other bytes between blocks": lambda: gif(b"\x05\x06\x07" + gif_frame(indices())),
    "GIF: other bytes before the end mark": lambda: gif(gif_frame(indices()), end=b"\x05\x06;"),
    "GIF: a pixel's colour is not in the palette": lambda: gif(gif_frame(indices(high=6))),
    "GIF: no palette": lambda: gif(gif_frame(indices()), palette=False),
    "GIF: the first frame is larger than the screen": lambda: gif(
        gif_frame(indices()), size=(40, 30)
    ),
    "GIF: the screen has no pixels": lambda: gif(gif_frame(indices()), size=(0, 0)),
    "GIF: no frame": lambda: gif(),
    # PNG
    "PNG: no end chunk": lambda: png()[:-12],
    "PNG: wrong checksum of pixels": lambda: wrong_sum(png(), b"IDAT"),
    "PNG: wrong checksum of the header": lambda: wrong_sum(png(), b"IHDR"),
    "PNG: wrong checksum of text or a profile": lambda: wrong_sum(
        png(extra=[(b"tEXt", b"Comment\0words")]), b"tEXt"
    ),
    "PNG: cut short": lambda: png()[: len(png()) * 2 // 3],
    "PNG, interlaced: cut short": lambda: png_interlaced()[: len(png_interlaced()) // 3],
    "PNG: rows are missing": lambda: png(
        b"".join(b"\0" + row.tobytes() for row in original()[:40])
    ),
    "PNG: wrong checksum of the compressed data": lambda: png_packed(
        lambda packed: packed.__setitem__(-1, packed[-1] ^ 1)
    ),
    "PNG: compressed data make no sense": lambda: png_packed(
        lambda packed: packed.__setitem__(slice(6000, 6200), b"\xff" * 200)
    ),
    "PNG: a pixel's colour is not in the palette": lambda: png_indexed(5),
    "PNG: a palette is needed, and missing": lambda: png_indexed(3, palette=False),
    "PNG: an animation is cut short within a frame": lambda: cut_chunk(apng(), b"fdAT", 2),
    # Others
    "WebP: cut short": lambda: coded("WEBP")[:-200],
    "AVIF: cut short": lambda: coded("AVIF")[:-200],
    "JPEG 2000: cut short": lambda: coded("JPEG2000")[:-2000],
    "JPEG XL: cut short": lambda: coded("JPEGXL")[:-200],
    "TIFF: cut short": lambda: coded("TIFF")[:-2000],
    "BMP: cut short": lambda: coded("BMP")[:-2000],
    "BMP: a pixel's colour is not in the palette": lambda: bmp_indexed(4),
    "PPM: cut short": lambda: coded("PPM")[:-2000],
}

#: 8 × 8 gray pixels, by `cjpeg -arithmetic -grayscale`.
_ARITHMETIC = b85decode(
    "|JeWF01!$>Nk#wx0RR9200961|JwjV00;&K2L=TQ2L}fU2?z=d6b%du3k(?&6Au&}8Xq1V8XO!TBrYc)A}k{u94I#_"
    "EHE)NG&CP4IXyTsJT5adGXKc{3kU!R00;pA5di<p00saM5C#9*00;pA002J#{{Umj=J;fQ6WM_O*#"
)

"""Decoders of other people's, in this process, each giving the frames of a file."""

from __future__ import annotations

import ast
import importlib.util
import io
import re
import struct
import zlib

import imagecodecs
import numpy as np
import tifffile
from PIL import Image as Pillow
from written_gif import decode_gif_frames
from written_tiff import decode_tiff

#: Pixels up to which the GIF decoder in Python is asked.
_SLOWLY = 4_000
_LARGE = 2**20


class Wrong(Exception):
    """A decoder refuses a file, or remarks upon it."""


def pillow(data):
    """All frames as Pillow shows them."""
    with Pillow.open(io.BytesIO(data)) as opened:
        frames = []
        for number in range(getattr(opened, "n_frames", 1)):
            opened.seek(number)
            opened.load()
            if opened.mode in ("P", "PA") or "transparency" in opened.info:
                clear = "transparency" in opened.info or opened.mode == "PA"
                frames.append(np.array(opened.convert("RGBA" if clear else "RGB")))
            else:
                frames.append(np.array(opened))
        return frames


def opencv(data):
    import cv2

    cv2.setNumThreads(1)
    found = cv2.imdecode(np.frombuffer(data, np.uint8), -1 | 128)
    if found is None:
        raise Wrong("no image")
    return [found[..., [2, 1, 0, 3][: found.shape[2]]] if found.ndim == 3 else found]


def single(decode):
    return lambda data: [decode(data)]


def frames_of(decode):
    """What gives frames as one array."""

    def all_of(data):
        found = decode(data)
        return list(found) if _count(data) > 1 else [found]

    return all_of


def one_by_one(decode):
    return lambda data: [decode(data, index=k) for k in range(_count(data))]


def _count(data):
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            return len(file.pages)
    with Pillow.open(io.BytesIO(data)) as opened:
        return getattr(opened, "n_frames", 1)


def by_tifffile(data):
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        return [page.asarray() for page in file.pages]


def png_chunks(data):
    """(name, content) of all chunks; every checksum is looked at."""
    at, found = 8, []
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        content = data[at + 8 : at + 8 + size]
        (checksum,) = struct.unpack_from(">I", data, at + 8 + size)
        if checksum != zlib.crc32(name + content):
            raise Wrong(f"wrong checksum of {name}")
        found.append((name, content))
        at += 12 + size
    if found[0][0] != b"IHDR" or found[-1] != (b"IEND", b""):
        raise Wrong("does not begin with a header and end with an end")
    return found


def png_by_the_book(data):
    """Frames of a PNG file: its chunks and streams looked at here, each frame read by libpng."""
    chunks = png_chunks(data)
    header = chunks[0][1]
    canvas, frames, number = None, [], 0
    place, parts = None, []
    for name, content in [*chunks, (b"fcTL", None)]:
        if name in (b"fcTL", b"fdAT") and content is not None:
            (given,) = struct.unpack_from(">I", content)
            if given != number:
                raise Wrong(f"{name} of number {given}, expected {number}")
            number += 1
        if name == b"IDAT":
            parts.append(content)
        elif name == b"fdAT":
            parts.append(content[4:])
        elif name == b"fcTL":
            if parts:
                canvas = _drawn(canvas, header, place, b"".join(parts))
                frames.append(canvas.copy())
            parts, place = [], content and struct.unpack_from(">IIIIHHBB", content, 4)
    return frames


def _drawn(canvas, header, place, stream):
    """Return the canvas with a frame put in its place."""
    cols, rows = place[:2] if place else struct.unpack_from(">II", header)
    shape = struct.pack(">II", cols, rows) + header[8:]
    samples = {0: 1, 2: 3, 4: 2, 6: 4}[header[9]]
    unfolding = zlib.decompressobj()
    size = rows * (1 + (cols * samples * header[8] + 7) // 8)
    lines = unfolding.decompress(stream, size + 1)
    if len(lines) != size or not unfolding.eof or unfolding.unused_data:
        raise Wrong(f"{len(lines)} bytes of rows, expected {size}")
    body = ((b"IHDR", shape), (b"IDAT", stream), (b"IEND", b""))
    file = b"".join(
        struct.pack(">I", len(content)) + name + content
        + struct.pack(">I", zlib.crc32(name + content)) for name, content in body
    )  # fmt: skip
    part = imagecodecs.png_decode(b"\x89PNG\r\n\x1a\n" + file)
    if place is None or canvas is None:
        return part
    left, top = place[2:4]
    canvas[top : top + rows, left : left + cols] = part
    return canvas


def webp_by_the_book(data):
    """Frames of a WebP file: each decoded apart by libwebp, and put in its place."""
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 != len(data) or size % 2:
        raise Wrong(f"{len(data)} bytes, and it says {size}")
    canvas, frames, alpha = None, [], False
    for name, content in _riff(data[12:]):
        if name == b"VP8X":
            alpha = bool(content[0] & 0x10)
            cols, rows = (int.from_bytes(content[k : k + 3], "little") + 1 for k in (4, 7))
            canvas = np.zeros((rows, cols, 4), np.uint8)
        elif name == b"ANMF":
            left, top, cols, rows = (
                int.from_bytes(content[k : k + 3], "little") for k in (0, 3, 6, 9)
            )
            if content[15] != 2:
                raise Wrong("a frame does not replace what was there")
            part = _webp_alone(content[16:], cols + 1, rows + 1)
            canvas[2 * top :, 2 * left :][: rows + 1, : cols + 1] = part
            frames.append(canvas.copy() if alpha else canvas[..., :3].copy())
    return frames or [imagecodecs.webp_decode(data)]


def _webp_alone(chunks, cols, rows):
    """RGBA of a frame's chunks, as a file of its own."""
    size = b"".join((side - 1).to_bytes(3, "little") for side in (cols, rows))
    body = b"WEBP" + b"VP8X" + struct.pack("<II", 10, 0x10) + size + chunks
    part = imagecodecs.webp_decode(b"RIFF" + struct.pack("<I", len(body)) + body, hasalpha=True)
    if part.shape != (rows, cols, 4):
        raise Wrong(f"a frame of {part.shape}, expected {(rows, cols)}")
    return part


def _riff(body):
    at = 0
    while at < len(body):
        name, length = struct.unpack_from("<4sI", body, at)
        if at + 8 + length > len(body):
            raise Wrong(f"{name} is cut short")
        yield name, body[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def codestream(data):
    """JPEG 2000 samples as they are coded: OpenJPEG would turn them by a profile beside them."""
    return [imagecodecs.jpeg2k_decode(data[data.index(b"jp2c") + 4 :])]


def jxl_by_the_book(data):
    """What a JPEG XL file shows: its boxes looked at here, its codestream read by libjxl."""
    code, beside = data, []
    if data[:2] != b"\xff\x0a":
        if data[:32] != b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl ":
            raise Wrong("does not begin with its signature and its kind")
        at, code = 32, b""
        while not code:
            size, name = struct.unpack_from(">I4s", data, at)
            content = data[at + 8 : at + size if size else None]
            if name == b"jxlc":
                code = content
            elif name == b"Exif" and content[:4] != bytes(4):
                raise Wrong("EXIF begins elsewhere")
            beside.append(name)
            at += size
        if size or len(set(beside)) < len(beside) or not {*beside} <= _JXL_BOXES:
            raise Wrong(f"boxes {beside}")
    return imagecodecs.jpegxl_decode(code)


def clear_is_black(decode):
    """What decodes frames; the colour of what is clear means nothing."""

    def frames(data):
        found = decode(data)
        for frame in found or ():
            if frame.ndim == 3 and frame.shape[2] == 4:
                frame[frame[..., 3] == 0] = 0
        return found

    return frames


def gif_by_the_book(data):
    """All frames, by the book; None of what is large."""
    cols, rows = struct.unpack_from("<HH", data, 6)
    if rows * cols > _SLOWLY:
        return None
    frames = decode_gif_frames(data)
    return [frame if _sees_through(frames) else frame[..., :3] for frame in frames]


def _sees_through(frames):
    return any((frame[..., 3] == 0).any() for frame in frames)


def netpbm(data):
    """PBM, PGM, PPM and PFM by their specifications."""
    found = re.match(rb"(P[4-6fF])\n(?:#[^\n]*\n)*(\d+) (\d+)\n(?:([-.\d]+)\n)?", data)
    magic, cols, rows, top = found[1], int(found[2]), int(found[3]), found[4]
    body = data[found.end() :] if magic != b"P4" else data[found.end(3) + 1 :]
    bands = 3 if magic in (b"P6", b"PF") else 1
    if magic == b"P4":
        bits = np.unpackbits(np.frombuffer(body, np.uint8).reshape(rows, -1), axis=1)[:, :cols]
        return [bits == 0]
    if magic in (b"Pf", b"PF"):
        pixels = np.frombuffer(body, "<f4" if float(top) < 0 else ">f4").reshape(rows, cols, bands)
        return [pixels[::-1] if bands == 3 else pixels[::-1, :, 0]]
    pixels = np.frombuffer(body, ">u2" if int(top) > 255 else "u1").reshape(rows, cols, bands)
    pixels = pixels.astype(pixels.dtype.newbyteorder("="))
    return [pixels if bands == 3 else pixels[..., 0]]


def numpy_by_the_book(data):
    (size,) = struct.unpack_from("<H", data, 8)
    head = ast.literal_eval(data[10 : 10 + size].decode())
    if data[:8] != b"\x93NUMPY\1\0" or head["fortran_order"]:
        raise Wrong("another version or order")
    return [np.frombuffer(data, head["descr"], offset=10 + size).reshape(head["shape"])]


def numpy_load(data):
    return [np.load(io.BytesIO(data), allow_pickle=False)]


def decoders(case):
    """Those that read a case's file, by name; of a large one some in turn."""
    found = _all_decoders(case)
    if case.writer == "png" and case.images[0].pixels.nbytes > _LARGE:
        others = sorted(found.keys() - {"libpng", "zlib"})
        chosen = {"libpng", "zlib", others[case.number % len(others)]}
        return {name: decode for name, decode in found.items() if name in chosen}
    return found


def _all_decoders(case):
    depth, channels = case.kind.split()
    found = dict(_DECODERS[case.writer])
    if case.format == "JPEGXL":
        # Frames have an axis of their own.
        several = len(case.images) > 1
        found = {
            name: (lambda data, decode=decode: list(decode(data))) if several else single(decode)
            for name, decode in found.items()
        }
    if case.writer == "png" and (depth, channels) not in _SPNG:
        del found["spng"]
    if case.writer in ("tiff", "tiff-pages"):
        found |= _for_tiff({tuple(f"{i.dtype.name} {i.channels}".split()) for i in case.images})
        floats = any(image.dtype.kind == "f" for image in case.images)
        if floats and case.images[0].meta.exif:
            # Pillow 13 turns about the bytes of big-endian floats that have a predictor.
            found.pop("Pillow", None)
    if case.writer == "jp2" and depth == "uint16":
        del found["Pillow"]
    if case.writer == "gif" and channels.endswith("A") and len(case.images) > 1:
        # Whether there is alpha it tells from the first frame.
        del found["giflib"]
    if case.writer == "avif" and depth == "uint16":
        del found["Pillow"]
    if case.writer == "pnm" and depth != "uint8" and (depth, channels) != ("bool", "L"):
        del found["Pillow"]
    if importlib.util.find_spec("cv2") and channels in _OPENCV.get(case.writer, ()):
        found["OpenCV"] = opencv
    return found


def _for_tiff(kinds):
    """Pillow reads some kinds, libtiff through imagecodecs no CMYK."""
    plain = {("bool", "L"), ("uint16", "L"), ("float32", "L")}
    plain |= {("uint8", channels) for channels in ("L", "LA", "RGB", "RGBA", "CMYK")}
    found = {"Pillow": pillow} if kinds <= plain else {}
    if "CMYK" not in {channels for _, channels in kinds}:
        found["libtiff"] = one_by_one(imagecodecs.tiff_decode)
    return found


_OPENCV = {"jpeg": ("L", "RGB"), "png": ("L", "RGB", "RGBA"), "bmp": ("L", "RGB"),
           "pnm": ("L", "RGB")}  # fmt: skip
_SPNG = {("bool", "L"), ("uint8", "L"), ("uint8", "RGB"), ("uint8", "RGBA"), ("uint16", "RGBA")}
_TIFF = {"tifffile": by_tifffile, "by the book": decode_tiff}
_WEBP = {"Pillow": pillow, "libwebp": webp_by_the_book}
_LIBAVIF = {"Pillow": pillow, "libavif": frames_of(imagecodecs.avif_decode)}
_JXL_BOXES = {b"jxll", b"Exif", b"xml ", b"jxlc"}
_JXL = {"libjxl": imagecodecs.jpegxl_decode, "by the book": jxl_by_the_book}
_DECODERS = {
    "png": {"libpng": single(imagecodecs.png_decode), "spng": single(imagecodecs.spng_decode),
            "Pillow": pillow, "zlib": png_by_the_book},
    "apng": {"libpng": frames_of(imagecodecs.apng_decode), "Pillow": pillow,
             "zlib": png_by_the_book},
    "gif": {"Pillow": clear_is_black(pillow),
            "giflib": clear_is_black(frames_of(imagecodecs.gif_decode)),
            "by the book": clear_is_black(gif_by_the_book)},
    "jpeg": {"libjpeg": single(imagecodecs.jpeg8_decode), "Pillow": pillow},
    "webp": _WEBP, "webp-frames": _WEBP, "avif": _LIBAVIF, "avif-frames": _LIBAVIF,
    "tiff": _TIFF, "tiff-pages": _TIFF,
    "jxl": _JXL, "jxl-frames": _JXL,
    "jp2": {"OpenJPEG": codestream, "Pillow": pillow},
    "bmp": {"Pillow": pillow, "imagecodecs": single(imagecodecs.bmp_decode)},
    "pnm": {"Pillow": pillow, "by the book": netpbm},
    "npy": {"NumPy": numpy_load, "by the book": numpy_by_the_book},
}  # fmt: skip

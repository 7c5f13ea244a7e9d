"""What is seen of a result: its samples as other people's decoders give them, and what it says."""

from __future__ import annotations

import hashlib
import io
import json
import zlib

import imagecodecs
import numpy as np
import tifffile
from PIL import Image as Pillow
from PIL import ImageSequence

#: Tags of TIFF that say where samples lie, not what they mean, and who wrote them.
_PLACES = {254, 256, 257, 273, 278, 279, 305, 322, 323, 324, 325, 34665}
#: Chunks of PNG that hold samples, or say how these are cut.
_CODED = (b"IHDR", b"IDAT", b"IEND", b"fcTL", b"fdAT", b"PLTE", b"tRNS")


def digest(*parts):
    """A short hash."""
    found = hashlib.blake2b(digest_size=8)
    for part in parts:
        found.update(part if isinstance(part, bytes) else repr(part).encode())
    return found.hexdigest()


def see(path):
    """Shape, type and hashes of the samples and of all else that a file says."""
    data = path.read_bytes()
    try:
        arrays, said = READERS[path.suffix](data)
    except Exception as error:
        return {"kind": "unreadable", "samples": f"{type(error).__name__}: {error}"[:200]}
    # What is true is 1 for some and 255 for others.
    arrays = [array != 0 if array.dtype == bool else array for array in arrays]
    kinds = sorted({f"{array.shape} {array.dtype}" for array in arrays})
    # -0.0 and 0.0 differ, and so do kinds of NaN: bits are compared.
    samples = digest(*(np.ascontiguousarray(array).tobytes() for array in arrays))
    return {
        "kind": f"{len(arrays)} of {', '.join(kinds)}",
        "samples": samples,
        "meta": digest(said),
    }


def _info(image):
    keys = ("icc_profile", "exif", "xmp", "dpi", "comment", "loop", "transparency", "background")
    return [(key, image.info.get(key)) for key in keys]


def _frames(data):
    """All frames as they are shown, and how long."""
    arrays, said = [], []
    with Pillow.open(io.BytesIO(data)) as image:
        said.append(_info(image))
        for frame in ImageSequence.Iterator(image):
            arrays.append(np.array(frame.convert("RGBA")))
            said.append(frame.info.get("duration"))
    return arrays, said


def _pillow(data):
    with Pillow.open(io.BytesIO(data)) as image:
        arrays, said = [np.array(image)], [image.mode, *_info(image)]
        if image.format == "JPEG":
            said += [image.quantization, image.layer]
        if image.mode == "P":
            said.append(image.getpalette())
    return arrays, said


def _png(data):
    chunks, at = [], 8
    while at < len(data):
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        chunks.append((name, data[at + 8 : at + 8 + size]))
        at += size + 12
    said = sorted(
        (name, _inflated(body) if name == b"iCCP" else body)
        for name, body in chunks
        if name not in _CODED
    )
    head = dict(chunks)[b"IHDR"]
    if any(name == b"acTL" for name, _ in chunks):
        shown, durations = _frames(data)
        deep = list(imagecodecs.apng_decode(data)) if head[8] == 16 else []
        return [*shown, *deep], [said, durations]
    # Palettes are as they come: other orders of the same colours are the same image.
    return [np.asarray(imagecodecs.png_decode(data))], [head[8], said]


def _inflated(body):
    return zlib.decompress(body[body.index(b"\0") + 2 :])


def _tiff(data):
    arrays, said = [], []
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        for page in file.pages:
            arrays.append(page.asarray(maxworkers=1))
            tags = {tag.code: tag.value for tag in page.tags if tag.code not in _PLACES}
            said.append(sorted((code, str(value)) for code, value in tags.items()))
    return arrays, said


def _plain(data):
    """Formats that have one way to say it: samples are what the file holds."""
    return [np.frombuffer(data, np.uint8)], []


def _npy(data):
    return [np.load(io.BytesIO(data))], []


def _jp2(data):
    return [imagecodecs.jpeg2k_decode(data)], [len(data)]


READERS = {
    ".png": _png, ".jpg": _pillow, ".webp": _frames, ".avif": _frames, ".gif": _frames,
    ".tif": _tiff, ".npy": _npy, ".bmp": _pillow, ".jp2": _jp2,
    **dict.fromkeys((".pbm", ".pgm", ".ppm", ".pfm", ".pnm"), _plain),
}  # fmt: skip
#: Numbers that `--json` prints, by where they stand; what isn't there is left out.
_NUMBERS = ("frames", "input", "output", "response", "kernels")
_PLAN = ("method", "accumulator", "exact", "taps")
_AXIS = ("n", "f", "s", "d", "padding", "span", "out", "leftover")


def numbers(text):
    """What one line of `--json` says in numbers, flat."""
    try:
        given = json.loads(text)
    except ValueError:
        return {"text": digest(text)} if text else {}
    if "status" not in given:
        return {name: repr(value)[:400] for name, value in given.items()}
    found = {"became": given["status"]} | {name: given[name] for name in _NUMBERS if name in given}
    for name, keys in (("plan", _PLAN), ("geometry", ("rows", "cols"))):
        for k, each in enumerate(given.get(name) or ()):
            for key in keys:
                value = each.get(key)
                if isinstance(value, dict):
                    value = {axis: value.get(axis) for axis in _AXIS}
                found[f"{name}{k}.{key}"] = value
    return dict(_flat(found))


def _flat(given, before=""):
    for name, value in given.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value

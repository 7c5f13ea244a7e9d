"""What is written to try the writers: images, options and roads, each case made from its number."""

from __future__ import annotations

import time
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from random import Random

import fuzz_seeds
import numpy as np
import written_images as draw
import written_kinds as kinds_of
from written_meant import is_exact

from convcli import pipeline, write_frames
from convcli.image import files
from convcli.image.frames import Frames
from convcli.image.image import Image, Meta
from convcli.image.jpeg import write as jpeg_write
from convcli.kernels import parse_kernel
from convcli.spec import Spec

#: Each writer's share of a hundred images.
SHARES = {
    "png": 34, "apng": 7, "gif": 10, "jpeg": 13, "webp": 2, "webp-frames": 6, "avif": 1,
    "avif-frames": 3, "tiff": 8, "tiff-pages": 4, "jp2": 3, "bmp": 2, "pnm": 2, "npy": 1,
    "jxl": 2, "jxl-frames": 2,
}  # fmt: skip
WRITERS = tuple(SHARES)
FORMAT = {
    "png": "PNG", "apng": "PNG", "gif": "GIF", "jpeg": "JPEG", "webp": "WEBP",
    "webp-frames": "WEBP", "avif": "AVIF", "avif-frames": "AVIF", "tiff": "TIFF",
    "tiff-pages": "TIFF", "jp2": "JPEG2000", "bmp": "BMP", "npy": "NPY",
    "jxl": "JPEGXL", "jxl-frames": "JPEGXL",
}  # fmt: skip
SUFFIX = {
    "PNG": ".png", "GIF": ".gif", "JPEG": ".jpg", "WEBP": ".webp", "AVIF": ".avif",
    "TIFF": ".tif", "JPEG2000": ".jp2", "JPEGXL": ".jxl", "BMP": ".bmp", "NPY": ".npy",
    "PBM": ".pbm", "PGM": ".pgm",
    "PPM": ".ppm", "PNM": ".pnm", "PFM": ".pfm",
}  # fmt: skip
_CLEAR = ("L", "LA", "RGB", "RGBA")
_MANY = (*_CLEAR, "CMYK", "?????", "???????")
#: Kinds of image by writer: how many there are has no divisor in common with how many options.
KINDS = {
    "png": [("bool", "L"), *((d, c) for d in ("uint8", "uint16") for c in _CLEAR)],
    "gif": [("bool", "L"), *(("uint8", c) for c in _CLEAR)],
    "jpeg": [("bool", "L"), *(("uint8", c) for c in ("L", "RGB", "CMYK", "RGB"))],
    "webp": [("bool", "L"), *(("uint8", c) for c in _CLEAR)],
    "avif": [("bool", "L"), *((d, c) for d in ("uint8", "uint16") for c in _CLEAR)],
    "avif-frames": [("bool", "L"), *(("uint8", c) for c in _CLEAR)],
    "tiff": [("bool", "L"), *((d, c) for d in ("uint8", "uint16", "float32", "float64")
                              for c in _MANY)],
    "bmp": [("bool", "L"), ("uint8", "L"), ("uint8", "RGB")],
    "pnm": [("PBM", "bool", "L"), ("PGM", "bool", "L"), ("PGM", "uint8", "L"),
            ("PGM", "uint16", "L"), ("PPM", "bool", "L"), ("PPM", "uint8", "L"),
            ("PPM", "uint8", "RGB"), ("PPM", "uint16", "L"), ("PPM", "uint16", "RGB"),
            ("PNM", "bool", "L"), ("PNM", "uint8", "RGB"), ("PNM", "uint16", "L"),
            ("PFM", "float32", "L"), ("PFM", "float32", "RGB")],
}  # fmt: skip
KINDS |= {"apng": KINDS["png"], "webp-frames": KINDS["webp"], "jp2": KINDS["png"]}
KINDS |= {"tiff-pages": KINDS["tiff"], "npy": KINDS["tiff"]}
KINDS |= {
    name: [*KINDS["png"], *(("float32", c) for c in _CLEAR)] for name in ("jxl", "jxl-frames")
}
COMPRESS = (None, *range(10))
QUALITY = (None, *range(1, 101))
#: JPEG's with sources that had tables of their own: 19 more without a number.
JPEG_QUALITY = (*QUALITY, *[None] * 20)
#: Colours at which a palette or a code gets longer.
COLOURS = (1, 2, 3, 4, 5, 16, 17, 127, 128, 129, 254, 255, 256, 257, 300)
KERNELS = ("identity", "sharpen", "emboss", "box", "sobel-x", "laplacian")
#: Share of the images that have more than a mebibyte of rows.
LARGE = {"png": 0.35, "apng": 0.1, "jpeg": 0.1, "tiff": 0.08, "gif": 0.03}
FRAMED = ("apng", "webp-frames", "avif-frames", "jxl-frames", "tiff-pages")


@dataclass
class Case:
    """One image or several, and how they are written."""

    writer: str
    number: int
    seed: int
    rng: np.random.Generator
    format: str
    images: list
    options: dict
    durations: list | None = None
    loop: int = 0
    road: str = "encode"
    jobs: int = 1
    settings: dict = field(default_factory=dict)
    scene: str = ""
    kernel: str = ""

    @property
    def kind(self):
        first = self.images[0]
        return f"{first.dtype.name} {first.channels}"

    @property
    def frames(self):
        return Frames.of(self.images, self.durations, self.loop)

    def says(self):
        """The case in a line."""
        first = self.images[0]
        size = f"{first.size[1]}×{first.size[0]} {self.kind} {self.scene}"
        more = f" × {len(self.images)}" if len(self.images) > 1 else ""
        words = {**self.options, **self.settings}
        told = " ".join(f"{k}={getattr(v, '__name__', v)}" for k, v in words.items())
        return f"{self.format} {size}{more} by {self.road} {self.kernel} {told} jobs={self.jobs}"


def make(writer, number, seed, large=True):
    """Return the case of that number; `large` allows images of mebibytes."""
    rng = np.random.default_rng([seed, WRITERS.index(writer), number])
    kinds = KINDS[writer]
    format, depth, channels = (FORMAT.get(writer), *kinds[number % len(kinds)])[-3:]
    case = Case(writer, number, seed, rng, format, [], _options(writer, number))
    case.scene = str(rng.choice(list(draw.SCENES)))
    case.jobs = int(rng.integers(1, 4))
    big = bool(rng.random() < LARGE.get(writer, 0) and (large or rng.random() < 0.15))
    pixels = kinds_of.image_of(rng, case.scene, _size(case, channels, depth, big), channels, depth)
    if writer == "gif" and rng.random() < 0.5:
        pixels = kinds_of.of_few_colours(rng, _bytes(pixels), int(rng.choice(COLOURS)))
    if writer == "gif" and channels.endswith("A"):
        pixels[..., -1] = pixels[..., -1] // 128 * 255
    _fill(case, pixels, channels)
    _choose_road(case, big)
    return case


def _bytes(pixels):
    return pixels.astype(np.uint8) * np.uint8(255) if pixels.dtype == bool else pixels


def _options(writer, number):
    if writer in ("png", "apng", "tiff", "tiff-pages"):
        return {"compress": COMPRESS[number % len(COMPRESS)]}
    if writer == "jpeg":
        return {"quality": JPEG_QUALITY[number % len(JPEG_QUALITY)]}
    if writer in ("webp", "webp-frames", "avif", "avif-frames", "jp2"):
        return {"quality": QUALITY[number % len(QUALITY)]}
    if writer in ("jxl", "jxl-frames"):
        # Every other one loses nothing.
        return {"quality": None if number % 2 else QUALITY[number // 2 % len(QUALITY)]}
    return {}


def _size(case, channels, depth, big):
    rng = case.rng
    if big and case.writer == "jpeg":
        # Images of two million pixels are coded in bands.
        rows, cols = draw.large_size(rng, 1, 2**21)
        return min(rows, 65_500), min(cols, 65_500)
    if big:
        width = len(channels) * (1 if depth == "bool" else np.dtype(depth).itemsize)
        return draw.large_size(rng, width, draw.MIB // (1 + (len(case.writer) > 3)))
    most = {
        "avif-frames": 65,
        "webp-frames": 101,
        "jp2": 129,
        "avif": 101,
        "tiff-pages": 101,
        "jxl": 101,
        "jxl-frames": 65,
    }
    return draw.small_size(rng, most.get(case.writer, 211))


def _fill(case, pixels, channels):
    """Give a case its images, with what stands beside their pixels, and their times."""
    rng = case.rng
    meta = meta_of(rng, case.format, channels) if rng.random() < 0.35 else Meta()
    if case.writer == "jpeg":
        meta = _source_of(rng, meta, case.options["quality"])
    if case.writer.startswith(("webp", "jp2", "jxl")):
        meta = fuzz_replace(meta, lossy=bool(rng.random() < 0.2))
    if case.format == "JPEGXL" and not is_exact("JPEGXL", case.options["quality"], meta):
        # With loss it holds no profile, and colours between black and white.
        meta = fuzz_replace(meta, icc=None)
        pixels = np.clip(np.nan_to_num(pixels), 0, 1) if pixels.dtype.kind == "f" else pixels
    several = case.writer in FRAMED or (case.writer == "gif" and rng.random() < 0.4)
    count = int(rng.integers(1, 7)) if several else 1
    case.images = [Image(each, channels, meta) for each in kinds_of.moving(rng, pixels, count)]
    if case.writer == "tiff-pages":
        case.images = [_page(case, image, k) for k, image in enumerate(case.images)]
    elif several:
        case.durations = [float(rng.choice((0, 10, 20, 33.3, 40, 100, 70.5, 2500)))
                          for _ in range(count)]  # fmt: skip
        case.loop = int(rng.choice((0, 0, 1, 2, 7, 65_535, 65_536)))


def _page(case, image, number):
    """Return a page as it is, or one of another size and kind."""
    rng = case.rng
    if number == 0 or rng.random() < 0.4:
        return image
    depth, channels = KINDS["tiff"][rng.integers(0, len(KINDS["tiff"]))]
    pixels = kinds_of.image_of(rng, case.scene, draw.small_size(rng, 65), channels, depth)
    return Image(pixels, channels, meta_of(rng, "TIFF", channels))


def _source_of(rng, meta, quality):
    """Say that an image came from a JPEG file, with the tables and sampling of that."""
    sampling = [None, 0, 1, 2][rng.integers(0, 4)]
    tables = None
    if quality is None or rng.random() < 0.1:
        kind = rng.integers(0, 4)
        tables = {k: jpeg_write.standard_table(k, int(rng.integers(1, 101))) for k in (0, 1)}
        if kind == 1:
            same = int(rng.integers(1, 101))
            tables = {k: jpeg_write.standard_table(k, same) for k in (0, 1)}
        elif kind == 2:
            tables = {k: rng.integers(1, 90, 64).tolist() for k in (0, 1)}
        elif kind == 3:
            tables = None if rng.random() < 0.5 else {0: [300] * 64, 1: [9] * 64}
    return fuzz_replace(meta, quantization=tables, subsampling=sampling)


def fuzz_replace(meta, **changes):
    """Meta with changes."""
    return Meta(**{**{name: getattr(meta, name) for name in Meta.__annotations__}, **changes})


@cache
def _profiles():
    made = fuzz_seeds.meta().icc
    return {space: made[:16] + space + made[20:] for space in (b"RGB ", b"GRAY", b"CMYK")}


@cache
def _beside():
    little = fuzz_seeds.exif()
    return little, fuzz_seeds.XMP.replace(b' tiff:Orientation="3"', b"")


def meta_of(rng, format, channels):
    """Some of all that can stand beside pixels."""
    exif, xmp = _beside()
    some = {}
    if rng.random() < 0.5:
        space = b"GRAY" if channels in ("L", "LA") else b"CMYK" if channels == "CMYK" else b"RGB "
        some["icc"] = _profiles()[space]
    elif rng.random() < 0.5:
        some["chunks"] = (("gAMA", (45_455).to_bytes(4, "big")), ("sRGB", b"\0"))
    if rng.random() < 0.5:
        some["exif"] = exif
    if rng.random() < 0.5:
        some["xmp"] = xmp
    if rng.random() < 0.6:
        some["dpi"] = (float(rng.integers(20, 1201)), float(rng.integers(20, 1201)))
    if rng.random() < 0.6:
        texts = fuzz_seeds.TEXT if rng.random() < 0.7 else (("Comment", "word " * 400),)
        some["text"] = texts
    return Meta(**some)


# Roads


def _choose_road(case, big):
    """Choose how a case is written, and where its writer's pieces begin."""
    rng, roll = case.rng, case.rng.random()
    if case.writer == "jpeg" and not big and roll < 0.75:
        case.settings["jpeg.bands._BAND"] = int(rng.choice([64, 300, 700, 3000, 9000]))
    if case.format == "PNG" and rng.random() < 0.3:
        case.settings["png.write._LEAST"] = int(rng.choice([2000, 9000, 40_000]))
        case.settings["png.filters._BLOCK"] = int(rng.choice([700, 3000, 30_000]))
    if case.format == "PNG" and rng.random() < 0.1:
        case.settings["codecs.packing"] = _zlib
    if case.writer.startswith("tiff") and roll < 0.2:
        case.settings["tiff.write.CLASSIC_BYTES"] = 10
    if case.writer in FRAMED or len(case.images) > 1:
        case.road = "frames" if roll < 0.3 else "frames to a file"
        return
    case.road = "encode" if roll < 0.4 else "to a file"
    if case.writer not in ("png", "jpeg") or case.images[0].dtype == bool:
        return
    if roll > 0.75:
        case.road = "shuffled"
    elif roll > 0.55 and case.images[0].channels in _CLEAR:
        case.road, case.kernel = "while filtered", str(rng.choice(KERNELS))


def _zlib():
    """Return what compresses where zlib-ng is missing."""
    return zlib


class _Shuffled:
    """Rows that are there at once or only after a while, as threads are slow or quick."""

    def __init__(self, pixels, seed):
        self.pixels, self.seed = pixels, seed
        self.shape, self.dtype, self.step, self.jobs = pixels.shape, pixels.dtype, 1, 0

    def band(self, start, stop):
        time.sleep(Random(f"{self.seed} {start}").choice((0, 0, 0.0005, 0.003)))
        return self.pixels[start:stop]

    def whole(self, jobs):
        return self.pixels


@contextmanager
def _set(case, jobs):
    """Have the writer's pieces begin where the case says, and so many threads."""
    changed = []
    settings = {**case.settings, "parallel.processors": lambda: jobs}
    try:
        for name, value in settings.items():
            module, attribute = name.rsplit(".", 1)
            place = import_module(f"convcli.image.{module}")
            changed.append((place, attribute, getattr(place, attribute)))
            setattr(place, attribute, value)
        yield
    finally:
        for place, attribute, value in changed:
            setattr(place, attribute, value)


def prepare(case):
    """Filter what is filtered while it is written; the case then holds what is meant."""
    if not case.kernel:
        return case.images[0]
    source, kernels = case.images[0], [parse_kernel(case.kernel)]
    case.images = [pipeline.apply(source, kernels, Spec())[0]]
    return pipeline.lay(source, kernels, Spec()).result


def written(case, folder, jobs=None):
    """Return the file, by the case's road."""
    image = prepare(case)
    with _set(case, jobs or case.jobs):
        target = folder / f"written{SUFFIX[case.format]}"
        if case.road == "frames":
            return files.encode(case.frames, case.format, **case.options)
        if case.road == "shuffled":
            slow = _Shuffled(image.pixels, case.number)
            image = Image.of(slow, image.channels, image.meta)
        if case.road == "encode":
            return files.encode(image, case.format, **case.options)
        options = {**case.options, "overwrite": True, "format": case.format}
        if case.road == "frames to a file":
            write_frames(target, case.frames, **options)
        else:
            files.write(target, image, **options)
        return target.read_bytes()

"""Programs that read what our writers wrote; whatever they complain of is a finding."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
from written_decoders import Wrong, netpbm, png_by_the_book
from written_meant import lossless
from written_meant import times as meant_times

#: What a program gives that only says whether all is well.
WELL = "well"
#: What ImageMagick's policy lets a side be.
_WIDEST = 16_000
_RAW = {
    ("uint8", "L"): "gray", ("uint8", "LA"): "ya8", ("uint8", "RGB"): "rgb24",
    ("uint8", "RGBA"): "rgba", ("uint16", "L"): "gray16le", ("uint16", "LA"): "ya16le",
    ("uint16", "RGB"): "rgb48le", ("uint16", "RGBA"): "rgba64le", ("bool", "L"): "gray",
}  # fmt: skip


def _run(*command):
    """What a program says; whatever it says on standard error is taken for a complaint."""
    done = subprocess.run(command, capture_output=True, timeout=120)
    if done.returncode or done.stderr.strip():
        said = done.stderr.decode("utf-8", "replace").strip()[:300]
        raise Wrong(f"exit status {done.returncode}: {said}")
    return done.stdout


def _raw(samples, case):
    """Raw samples as frames of the case's size, by kind of the first."""
    first = case.images[0]
    kind = np.dtype("u1") if first.dtype == bool else first.dtype
    pixels = np.frombuffer(samples, kind.newbyteorder("<"))
    bands = () if len(first.channels) == 1 else (len(first.channels),)
    if pixels.size % (first.size[0] * first.size[1] * len(first.channels)):
        raise Wrong(f"{pixels.size} samples")
    return list(pixels.reshape(-1, *first.size, *bands))


def ffmpeg(path, case):
    kind = _RAW[tuple(case.kind.split())]
    # Of JPEG 2000 it tells the order of progression.
    level = "error" if case.format == "JPEG2000" else "warning"
    form = ("-f", "apng") if case.writer == "apng" else ()
    command = ("ffmpeg", "-v", level, "-threads", "1", *form, "-i", str(path), "-fps_mode",
               "passthrough", "-f", "rawvideo", "-pix_fmt", kind, "-")  # fmt: skip
    return _raw(_run(*command), case)


def magick(path, case):
    first = case.images[0]
    deep = first.dtype == np.uint16
    samples = _run("convert", str(path), "-depth", "16" if deep else "8", "-endian", "LSB",
                   "rgba:-")  # fmt: skip
    return [np.frombuffer(samples, "<u2" if deep else "u1").reshape(*first.size, 4)]


def vips(path, case):
    target = path.with_name("raw")
    _run("vips", "rawsave", str(path), str(target))
    return _raw(target.read_bytes(), case)


def djpeg(path, case):
    samples = _run("djpeg", "-pnm", str(path))
    return netpbm(samples)


def opj(path, case):
    target = path.with_name("raw.ppm" if case.kind.endswith("RGB") else "raw.pgm")
    _run("opj_decompress", "-i", str(path), "-o", str(target))
    found = re.sub(rb"\n#[^\n]*", b"", target.read_bytes(), count=1)
    return netpbm(found)


def says_nothing(*command):
    def run(path, case):
        said = _run(*command, str(path))
        if command[0] == "pngcheck" and said:
            raise Wrong(said.decode()[:300])
        return WELL

    return run


def gifsicle(path, case):
    """Frames' times and repetitions, as gifsicle has them."""
    said = _run("gifsicle", "--info", str(path)).decode()
    count = len(re.findall(r"\+ image #", said))
    if count != len(case.images):
        raise Wrong(f"{count} images of {len(case.images)}")
    return WELL


def webpmux(path, case):
    said = _run("webpmux", "-info", str(path)).decode()
    if f"Number of frames: {len(case.images)}" not in said:
        raise Wrong(said[-200:])
    return WELL


def avifdec(path, case):
    said = _run("avifdec", "--info", str(path)).decode()
    if len(case.images) > 1 and said.count("Decoded frame") != len(case.images):
        raise Wrong(said[-200:])
    return WELL


def djxl(path, case):
    """Frames as djxl writes them; a float's samples as PFM has them."""
    if case.images[0].dtype.kind == "f":
        target = path.with_name("raw.pfm")
        _run("djxl", str(path), str(target), "--quiet")
        return netpbm(target.read_bytes())
    target = path.with_name("raw.png")
    _run("djxl", str(path), str(target), "--quiet")
    return png_by_the_book(target.read_bytes())


def jxlinfo(path, case):
    """Frames and their times, as jxlinfo has them."""
    said = _run("jxlinfo", str(path)).decode()
    times = [float(each) for each in re.findall(r"duration: ([\d.]+) ms", said)]
    wanted = meant_times(case) if case.durations else []
    if "JPEG XL" not in said or not np.allclose(times, wanted, atol=0.06):
        raise Wrong(f"{times}, meant {wanted}: {said[-200:]}")
    return WELL


def programs(case):
    """Those installed that read a case's file, by name."""
    known = _PROGRAMS.get(case.writer, {})
    return {
        name: run
        for name, run in known.items()
        if shutil.which(name) and (name not in _SUITS or _SUITS[name](case))
    }


def _is_usual(case):
    """Whether channels and depth are known to all programs."""
    first = case.images[0]
    return first.channels in ("L", "LA", "RGB", "RGBA") and first.dtype.kind != "f"


def _suits_ffmpeg(case):
    """It complains of densities and reads no BigTIFF; JPEG 2000 it rounds otherwise.

    Its clock for raw frames has 25 ticks a second, and it knows no bits in APNG.
    """
    if (
        not _is_usual(case)
        or case.images[0].meta.dpi
        or "tiff.write.CLASSIC_BYTES" in case.settings
    ):
        return False
    if case.format == "JPEG2000":
        return lossless(case)
    return case.writer != "apng" or (case.images[0].dtype != bool and min(case.durations) >= 40)


def _suits_magick(case):
    """It turns samples by what is said of colour, and is told not to read what is very wide."""
    meta = case.images[0].meta
    plain = not (meta.icc or meta.chunks or meta.dpi)
    return plain and _is_usual(case) and max(case.images[0].size) <= _WIDEST


def _suits_opj(case):
    """It turns samples by a profile, and rounds otherwise; netpbm has no alpha."""
    first = case.images[0]
    return first.channels in ("L", "RGB") and not first.meta.icc and lossless(case)


def _suits_djxl(case):
    """It is of another version, and rounds otherwise; PFM has no alpha, and one image."""
    first = case.images[0]
    plain = first.dtype.kind != "f" or (first.channels in ("L", "RGB") and len(case.images) == 1)
    return plain and lossless(case)


_SUITS = {
    "ffmpeg": _suits_ffmpeg,
    "convert": _suits_magick,
    "vips": lambda case: case.images[0].dtype.kind != "f",
    "djpeg": lambda case: case.images[0].channels in ("L", "RGB"),
    "opj_decompress": _suits_opj,
    "djxl": _suits_djxl,
}
_PROGRAMS = {
    "png": {"pngcheck": says_nothing("pngcheck", "-q"), "convert": magick, "ffmpeg": ffmpeg,
            "vips": vips},
    "apng": {"pngcheck": says_nothing("pngcheck", "-q"), "ffmpeg": ffmpeg},
    "gif": {"gifsicle": gifsicle},
    "jpeg": {"djpeg": djpeg},
    "webp": {"webpinfo": says_nothing("webpinfo", "-quiet")},
    "webp-frames": {"webpinfo": says_nothing("webpinfo", "-quiet"), "webpmux": webpmux},
    "avif": {"avifdec": avifdec}, "avif-frames": {"avifdec": avifdec},
    "tiff": {"tiffinfo": says_nothing("tiffinfo"), "vips": vips, "convert": magick,
             "ffmpeg": ffmpeg},
    "tiff-pages": {"tiffinfo": says_nothing("tiffinfo")},
    "jp2": {"opj_decompress": opj, "ffmpeg": ffmpeg},
    "jxl": {"djxl": djxl, "jxlinfo": jxlinfo}, "jxl-frames": {"djxl": djxl, "jxlinfo": jxlinfo},
    "bmp": {"convert": magick},
    "pnm": {"convert": magick},
}  # fmt: skip

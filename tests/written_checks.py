"""What must hold of every file that is written: all decoders see what was meant, and no less."""

from __future__ import annotations

import io
import time
import traceback
import warnings
from pathlib import Path

import numpy as np
import written_decoders as readers
import written_meant as meant
import written_programs as programs
from PIL import Image as Pillow
from written_cases import FRAMED, SUFFIX, written

from convcli import read, read_frames

#: Every so many images one of the programs is asked, too; of PNG one more often.
ASKED, PNGCHECK = 20, 4
#: Milliseconds that a time may be off.
_NEAR = 1e-3


class Judge:
    """Writes cases and has them read.

    Parameters
    ----------
    folder
        Where files are written.
    said
        Gives what was said on standard output and error since the last time.
    asked
        Every so many images a program is asked; 0 for never.
    write
        What writes a case: (case, folder, jobs) to bytes.
    """

    def __init__(self, folder, said=lambda: "", asked=ASKED, write=written):
        self.folder, self.said, self.asked, self.write = Path(folder), said, asked, write
        self.found, self.used, self.data, self.slack = [], [], b"", 0

    def judge(self, case):
        """Return (kind, words) of all that must not be."""
        self.found, self.used, self.data = [], [], b""
        self.slack = meant.slack(case)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                self._judge(case)
            except Exception as error:
                frames = traceback.extract_tb(error.__traceback__)
                place = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in frames[:-5:-1])
                self._add("raised", f"{type(error).__name__}: {error} at {place}")
        for warning in warned:
            self._add("warned", f"{warning.category.__name__}: {warning.message}")
        if text := self.said():
            self._add("said", text[:300])
        return self.found

    def _add(self, kind, what):
        self.found.append((kind, " ".join(str(what).split())[:400]))

    def _judge(self, case):
        start = time.perf_counter()
        self.data = self.write(case, self.folder)
        self.seconds = time.perf_counter() - start
        if case.number % 5 == 0 and not case.kernel:
            self._check_threads(case)
        expected = self._expected(case)
        for name, decode in readers.decoders(case).items():
            self._compare(name, lambda decode=decode: decode(self.data), expected(decode))
        self._compare("convcli", lambda: self._read_again(case), expected(self._ours(case)))
        if case.writer not in ("gif", "npy", "pnm", "bmp"):
            self._check_beside(case)
        if case.durations and len(case.images) > 1:
            self._check_times(case)
        self._ask_programs(case, expected)

    def _check_threads(self, case):
        """No number of threads, nor the order in which rows come, changes a byte."""
        for jobs in {1, 3} - {case.jobs}:
            if self.write(case, self.folder, jobs) != self.data and case.format != "AVIF":
                self._add("threads", f"{jobs} threads make another file than {case.jobs}")

    def _expected(self, case):
        """What gives the frames that a decoder must see."""
        if meant.lossless(case):
            frames = meant.shown(case)
            return lambda decode: frames
        if case.writer == "webp-frames" or case.format == "JPEGXL":
            compose = meant.jxl_frames if case.format == "JPEGXL" else meant.webp_frames
            composed = compose(case)
            return lambda decode: composed
        whole = meant.reference(case)
        return lambda decode: decode(whole)

    def _ours(self, case):
        def decode(data):
            if case.writer in FRAMED or len(case.images) > 1:
                found = [image.pixels for image in read_frames(data)]
            else:
                found = [read(data).pixels]
            return [as_colour(each) for each in found] if case.writer == "gif" else found

        return readers.clear_is_black(decode) if case.writer == "gif" else decode

    def _read_again(self, case):
        return self._ours(case)(self.data)

    def _compare(self, name, decode, expected):
        """Have a decoder read the file, and compare frames."""
        try:
            found = decode()
        except Exception as error:
            self._add("refused", f"{name}: {type(error).__name__}: {error}")
            return
        if found is None:
            return
        if found is programs.WELL:
            self.used.append(name)
            return
        if len(found) != len(expected):
            self._add("frames", f"{name} sees {len(found)} frames of {len(expected)}")
            return
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            if difference := differs(one, other, self.slack):
                self._add("differs", f"{name}, frame {number}: {difference}")
                return
        self.used.append(name)

    # Beside the pixels

    def _check_beside(self, case):
        """Metadata come back, read by convcli and, where it tells, by Pillow."""
        meta = case.images[0].meta
        again = read_frames(self.data)[0].meta if case.writer in FRAMED else read(self.data).meta
        icc = meta.icc if _fits(case) else None
        deep = case.writer == "avif" and case.images[0].dtype == np.uint16
        for name, wanted in (("icc", icc), ("xmp", meta.xmp)):
            if not deep and getattr(again, name) != wanted:
                self._add("beside", f"{name} is {str(getattr(again, name))[:60]}")
        big = self.data[:4] in (b"II+\0", b"MM\0+")
        if meta.exif and not deep and not again.exif and not big:
            self._add("beside", "EXIF is missing")
        wanted = meta.dpi if case.format in ("PNG", "JPEG", "TIFF") else None
        if wanted and not np.allclose(again.dpi or (0, 0), wanted, rtol=0.01):
            self._add("beside", f"density is {again.dpi}, not {wanted}")
        if case.format == "PNG" and sorted(again.text) != sorted(meta.text):
            self._add("beside", f"text is {str(again.text)[:100]}")
        if case.format in ("PNG", "JPEG", "WEBP"):
            self._ask_pillow(meta, icc)

    def _ask_pillow(self, meta, icc):
        with Pillow.open(io.BytesIO(self.data)) as opened:
            opened.load()
            seen = {"icc": opened.info.get("icc_profile"), "exif": opened.info.get("exif"),
                    "xmp": opened.info.get("xmp")}  # fmt: skip
        exif = (seen["exif"] or b"").removeprefix(b"Exif\0\0") or None
        for name, wanted, given in (
            ("icc", icc, seen["icc"]),
            ("exif", meta.exif, exif),
            ("xmp", meta.xmp, seen["xmp"]),
        ):
            if wanted != given:
                self._add("beside", f"Pillow: {name} is {str(given)[:60]}")

    def _check_times(self, case):
        """Each frame is shown as long as it is meant, and all as often."""
        wanted, plays = meant.times(case), meant.plays(case)
        if case.format == "AVIF":
            # libavif shows nothing for no time at all.
            wanted = [max(each, 1) for each in wanted]
        ours = read_frames(self.data)
        seen = {"convcli": (ours.times, plays if case.format == "GIF" else ours.loop)}
        if case.format != "JPEGXL":
            seen["Pillow"] = self._times_of_pillow()
        for name, (lengths, again) in seen.items():
            if not np.allclose(lengths, wanted, atol=_NEAR):
                self._add("times", f"{name} sees {lengths}, meant {wanted}")
            if case.format != "AVIF" and again != plays:
                self._add("times", f"{name} sees {again} repetitions, meant {plays}")

    def _times_of_pillow(self):
        with Pillow.open(io.BytesIO(self.data)) as opened:
            lengths = []
            for number in range(opened.n_frames):
                opened.seek(number)
                opened.load()
                lengths.append(opened.info.get("duration") or 0)
            return lengths, opened.info.get("loop")

    # Programs

    def _ask_programs(self, case, expected):
        known = programs.programs(case)
        chosen = []
        if known and self.asked and case.number % self.asked == 0:
            names = sorted(known)
            chosen.append(names[case.number // self.asked % len(names)])
        if self.asked and "pngcheck" in known and case.number % PNGCHECK == 0:
            chosen = [*dict.fromkeys([*chosen, "pngcheck"])]
        if not chosen:
            return
        path = self.folder / f"asked{SUFFIX[case.format]}"
        path.write_bytes(self.data)
        for name in chosen:
            run = known[name]
            self._compare(name, lambda run=run: run(path, case), self._for_program(case, expected))

    def _for_program(self, case, expected):
        decode = next(iter(readers.decoders(case).values()))
        return expected(decode)


def _fits(case):
    """Whether the profile is one for such images, and the format holds it."""
    return case.format not in ("GIF", "BMP", "NPY", "PBM", "PGM", "PPM", "PNM", "PFM") and (
        case.images[0].channels in ("L", "LA", "RGB", "RGBA", "CMYK")
    )


def as_colour(pixels):
    """Three channels of one, four of two."""
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    deep = pixels.reshape(*pixels.shape[:2], -1)
    return deep[..., [[0, 0, 0], [0, 0, 0, 1], [0, 1, 2], [0, 1, 2, 3]][deep.shape[2] - 1]]


def differs(one, other, slack=0):
    """How what is seen differs from what is meant; '' if it doesn't, or by a share of full."""
    other = np.asarray(other)
    other = other.astype(other.dtype.newbyteorder("="), copy=False)
    one = as_seen(np.asarray(one), other)
    if one.shape != other.shape or one.dtype != other.dtype:
        return f"{other.dtype} {other.shape}, meant {one.dtype} {one.shape}"
    if np.array_equal(one, other) or (
        one.dtype.kind == "f" and np.array_equal(one, other, equal_nan=True)
    ):
        return ""
    full = np.iinfo(one.dtype).max if one.dtype.kind == "u" else 1
    if slack and np.abs(one.astype(float) - other).max() <= slack * full:
        return ""
    where = np.argwhere(one != other)
    first = tuple(int(k) for k in where[0])
    return f"{len(where)} of {one.size} samples; {first}: {other[first]}, meant {one[first]}"


def as_seen(one, other):
    """What is meant, in the wider or 8-bit form that a decoder gives it."""
    if one.dtype == bool and other.dtype != bool:
        one = one.astype(np.uint8) * np.uint8(255)
    if one.dtype == np.uint8 and other.dtype == bool:
        one = one > 127
    if one.dtype == np.uint16 and other.dtype == np.uint8:
        one = (one >> 8).astype(np.uint8)
    bands = other.shape[2] if other.ndim == 3 else 1
    have = one.shape[2] if one.ndim == 3 else 1
    if bands == have:
        return one.reshape(*one.shape[:2], bands) if other.ndim == 3 else one.reshape(one.shape[:2])
    if bands == 3 and have in (2, 4) and (one[..., -1] == 255).all():
        # Alpha that hides nothing may be left out.
        one, have = one[..., :-1], have - 1
        if have == 3:
            return one
    if bands == 1 and have == 3 and (one == one[..., :1]).all():
        return one[..., 0]
    if bands not in (3, 4) or have > 3 or (have == 2 and bands == 3):
        return one
    full = np.iinfo(one.dtype).max if one.dtype.kind == "u" else 1
    deep = one.reshape(*one.shape[:2], have)
    colours = np.repeat(deep[..., :1], 3, axis=2) if have < 3 else deep
    if bands == 3:
        return colours
    alpha = deep[..., 1:] if have == 2 else np.full_like(colours[..., :1], full)
    return np.concatenate([colours, alpha], axis=2)

"""An image in memory: its pixels, what its channels mean, and what its file said beside them."""

from __future__ import annotations

from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image.beside.block import Block
from convcli.image.channels import PLAIN, Bands, channel_words, check_letters
from convcli.image.header import LEVELS, VALUES
from convcli.processors import processors
from convcli.record import field, record

#: Sample types an image can have.
DEPTHS = LEVELS + VALUES
#: Whole numbers up to here are exact in float64, in which they are filtered.
_EXACT = 2**53
#: What channels are by their number, where nothing says it.
_TOLD = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def described(size: tuple[int, int], channels: str, depth: str) -> str:
    """Return what an image is like: 640×480 gray, 8-bit."""
    return f"{size[1]}×{size[0]} {channel_words(channels)}, {depth}"


class Made(Protocol):
    """What makes an image's rows when they are asked for, on whatever thread asks."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    step: int
    jobs: int

    def band(self, start: int, stop: int) -> NDArray[Any]:
        """Return some rows, there until this thread asks for others."""

    def whole(self, jobs: int) -> NDArray[Any]:
        """Return all rows, made on up to `jobs` threads."""


@record
class Meta:
    """What a file says beside its pixels, kept so that a result can say it too.

    Parameters
    ----------
    format
        Pillow's name of the file format (`PNG`, `JPEG`, …), `NPY` for arrays; '' if none.
    mode
        What the file held, in words a person knows, such as `palette with transparency`.
    icc, exif, xmp
        The raw blocks, or None. EXIF has orientation 1 and no thumbnail after reading.
    dpi
        Pixels an inch (x, y), or None.
    text
        (key, value) pairs of text, comments included.
    quantization, subsampling
        JPEG's quality: its tables and Pillow's number for its chroma subsampling, or None.
    progressive
        Whether a JPEG file was coded so that it is seen as a whole before it is there.
    cicp
        Colours by numbers (ITU-T H.273): primaries, curve, matrix, and whether samples have
        their full range; None for sRGB's and those that a profile tells of.
    frames
        How many images the file holds; `Image.pixels` is one of them.
    lossy
        Whether the file's coding loses something, so that a result need not be lossless either.
    chunks
        PNG's own words on colour (`gAMA`, `cHRM`, `sRGB`, `mDCV`, …) as (name, content).
    peak
        The value of a full sample where that is less than the type's greatest: 4095 of 12 bits in
        16; None for the type's own.
    white_is_zero
        Whether the file's gray counts from white. Levels are turned about when they are read and
        written; values, which nothing says how to turn, stay as they are stored.
    nodata
        The sample that stands for one that is missing (GDAL's nodata value), or None.
    bands
        What it says of its channels that their letters don't.
    beside
        What else it holds beside the pixels.
    notes
        What reading changed or left out, each a line for the user.
    """

    format: str = ""
    mode: str = ""
    icc: bytes | None = field(default=None, repr=False)
    exif: bytes | None = field(default=None, repr=False)
    xmp: bytes | None = field(default=None, repr=False)
    dpi: tuple[float, float] | None = None
    text: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    quantization: dict[int, list[int]] | None = field(default=None, repr=False)
    subsampling: int | None = None
    progressive: bool = False
    cicp: tuple[int, int, int, int] | None = None
    frames: int = 1
    lossy: bool = False
    chunks: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    peak: int | None = None
    white_is_zero: bool = False
    nodata: float | None = None
    bands: Bands = PLAIN
    beside: tuple[Block, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()


@record
class Image:
    """An image, upright.

    Parameters
    ----------
    pixels
        (rows, cols) or (rows, cols, channels), C-contiguous, native byte order; one of `DEPTHS`.
        Float pixels are nominally 0..1 and may lie outside. Those of `VALUES` count in units of
        their own, and have no full scale.
    channels
        One letter a channel: `L`, `RGB`, `CMYK` or `Lab` (a* and b* stored around the middle), `?`
        for each that has no known meaning, beside these or alone, and `A` for alpha, the last.
        Told from the shape if empty. Colour is not premultiplied by alpha.
    meta
        What the file said beside the pixels.

    Raises
    ------
    ImageError
        If the pixels are of another type or shape, or empty.
    """

    pixels: NDArray[Any] = field(repr=False)
    channels: str = ""
    meta: Meta = field(default_factory=Meta)

    def __post_init__(self) -> None:
        # To look numpy.ma up would import it.
        if isinstance(self.pixels, np.ndarray) and np.any(getattr(self.pixels, "mask", False)):
            raise ImageError("an image's samples are masked; fill what is missing first")
        pixels = np.asarray(self.pixels)
        pixels = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))
        if pixels.ndim not in (2, 3) or 0 in pixels.shape:
            raise ImageError(
                f"an image has shape (rows, cols) or (rows, cols, channels), none of them 0; "
                f"got {pixels.shape}"
            )
        if pixels.dtype.name not in DEPTHS:
            raise ImageError(f"an image's samples are {', '.join(DEPTHS)}; got {pixels.dtype.name}")
        count = 1 if pixels.ndim == 2 else pixels.shape[2]
        if pixels.dtype.itemsize == 8 and pixels.dtype.kind in "iu":
            check_exact(pixels)
        # Which value would be opaque, nobody knows.
        told = {1: "L", 3: "RGB"} if pixels.dtype.name in VALUES else _TOLD
        channels = self.channels or told.get(count, "?" * count)
        if len(channels) != count:
            raise ImageError(f"{count} channels can't be named {channels!r}: one letter each")
        check_letters(channels)
        # NumPy leaves any stride to an axis of one sample, and libjpeg's binding minds.
        object.__setattr__(self, "pixels", pixels.reshape(-1).reshape(pixels.shape))
        object.__setattr__(self, "channels", channels)

    @classmethod
    def of(cls, made: Made, channels: str, meta: Meta) -> Image:
        """Return an image whose rows are made when they are asked for.

        Parameters
        ----------
        made
            Makes them: those of formats that are written in bands as these are written; all of
            them, once, when `pixels` are asked for.
        channels, meta
            As `Image` has them.
        """
        image = cls.__new__(cls)
        vars(image).update(made=made, channels=channels, meta=meta)
        return image

    def __getattr__(self, name: str) -> Any:
        """Make the pixels, where they aren't there."""
        made = vars(self).get("made")
        if name != "pixels" or made is None:
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        pixels = vars(self)["pixels"] = made.whole(self.jobs)
        return pixels

    def with_meta(self, meta: Meta) -> Image:
        """Return the same image with other metadata; its rows are made when they are asked for."""
        if meta is self.meta:
            return self
        if "pixels" in vars(self):
            return Image(self.pixels, self.channels, meta)
        return Image.of(vars(self)["made"], self.channels, meta)

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Return some rows, as who writes them takes them."""
        if "pixels" in vars(self):
            return self.pixels[start:stop]
        rows: NDArray[Any] = vars(self)["made"].band(start, stop)
        return rows

    @property
    def made(self) -> Made | None:
        """What makes the rows that aren't there; None if they are."""
        return None if "pixels" in vars(self) else vars(self).get("made")

    @property
    def jobs(self) -> int:
        """How many threads may make rows."""
        return getattr(vars(self).get("made"), "jobs", 0) or processors()

    @property
    def shape(self) -> tuple[int, ...]:
        """The pixels'."""
        return (self.made or self.pixels).shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The samples' type."""
        return (self.made or self.pixels).dtype

    @property
    def nbytes(self) -> int:
        """What all samples take in memory."""
        return self.size[0] * self.row_bytes

    @property
    def size(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.shape[0], self.shape[1]

    @property
    def row_bytes(self) -> int:
        """What a row takes in memory."""
        return prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.channels.endswith("A")

    @property
    def maximum(self) -> float:
        """The value of a full sample: 1 for bool and float, 255, 65535, or `Meta.peak`.

        Of values, which have none, the greatest that their type holds.
        """
        if self.meta.peak is not None:
            return float(self.meta.peak)
        return float(np.iinfo(self.dtype).max) if self.dtype.kind in "iu" else 1.0

    @property
    def has_values(self) -> bool:
        """Whether samples are values in units of their own, not levels."""
        return self.dtype.name in VALUES

    @property
    def depth(self) -> str:
        """The sample type in words: `1-bit`, `8-bit`, `12-bit`, `16-bit`, `int16`, `float`, …."""
        if self.meta.peak is not None:
            return depth_words(self.meta.peak)
        words = {"bool": "1-bit", "uint8": "8-bit", "uint16": "16-bit", "float16": "half"}
        words |= {"float32": "float", "float64": "double"}
        return words.get(self.dtype.name, self.dtype.name)


def depth_words(peak: int) -> str:
    """Return what samples from 0 to a greatest one are called: `12-bit`, or `maximum 100`."""
    return f"maximum {peak}" if peak & (peak + 1) else f"{peak.bit_length()}-bit"


def check_exact(pixels: NDArray[Any]) -> None:
    """Refuse whole numbers that float64 doesn't hold.

    Raises
    ------
    ImageError
        If one is none that it holds exactly.
    """
    least, most = int(pixels.min()), int(pixels.max())
    if max(-least, most) > _EXACT:
        raise ImageError(
            f"samples from {least} to {most} are not exact in double precision; "
            f"expected at most ±{_EXACT}"
        )

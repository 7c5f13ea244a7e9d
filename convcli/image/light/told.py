"""Colours that a file tells otherwise than by a profile: which curve, and who can say it again.

In the order in which they count: CICP's numbers, a profile, PNG's sRGB chunk, its gAMA and cHRM
chunks (third edition, section 4.3), TIFF's TransferFunction, and EXIF.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any

import numpy as np

from convcli.image.beside import photograph
from convcli.image.beside.block import Block
from convcli.image.codec import Codec
from convcli.image.image import Meta
from convcli.image.light import numbers
from convcli.image.light.curves import SRGB, Curve, Parametric, Table, curves_of
from convcli.record import replace

_LIGHT = {"mDCV": "mastering display", "cLLI": "content light level"}
_TRANSFER = "TIFF tag 301"
#: Tags that tell of colours: curves, white, primaries, inks.
_COLOURS = frozenset(f"TIFF tag {tag}" for tag in (301, 318, 319, 332, 333, 334, 336, 342, 532))
_SRGB_PLACES = numbers.PRIMARIES[1]
_ADOBE_PLACES = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.3290)
#: How far PNG's numbers may be from sRGB's: those of a hundred-thousandth are rounded.
_NEAR, _GAMMA = 0.0015, 0.45455
_UNIT = 100_000


def curves(meta: Meta) -> tuple[Curve, ...]:
    """Return the curves from stored samples to light: one for all channels, or one for each.

    Parameters
    ----------
    meta
        What the image's file said; sRGB's curve if it said nothing.

    Raises
    ------
    ImageError
        If what it says makes no sense, or is no curve.
    """
    transfer = next((block.content for block in meta.beside if block.kind == _TRANSFER), None)
    return _curves(meta.icc, meta.cicp, meta.chunks, meta.exif, transfer)


@lru_cache(maxsize=16)
def _curves(
    icc: bytes | None,
    cicp: numbers.Cicp | None,
    chunks: tuple[tuple[str, bytes], ...],
    exif: bytes | None,
    transfer: Any,
) -> tuple[Curve, ...]:
    if cicp is not None:
        return (numbers.curve_of(cicp),)
    if icc is not None:
        return curves_of(icc)
    said = dict(chunks)
    if "sRGB" in said:
        return (SRGB,)
    if gamma := _gamma(said):
        return (Parametric(g=1 / gamma),)
    if transfer is not None and (found := _tables(transfer)):
        return found
    if exif and (power := photograph.gamma(exif)):
        return (Parametric(g=power),)
    return (SRGB,)


def _gamma(said: dict[str, bytes]) -> float:
    """Return the exponent of PNG's gAMA chunk, 0 if there is none that makes sense."""
    content = said.get("gAMA", b"")
    gamma = struct.unpack(">I", content)[0] / _UNIT if len(content) == 4 else 0.0
    return gamma if 0.1 <= gamma <= 10 else 0.0


def _places(said: dict[str, bytes]) -> numbers.Places:
    """Return the primaries of PNG's cHRM chunk, or sRGB's; white stands first in the chunk."""
    content = said.get("cHRM", b"")
    if len(content) != 32:
        return _SRGB_PLACES
    places = [each / _UNIT for each in struct.unpack(">8I", content)]
    return (*places[2:], *places[:2]) if all(0 < each < 1 for each in places) else _SRGB_PLACES


def _tables(values: Any) -> tuple[Curve, ...]:
    """Return the curves of a TransferFunction: one table, or one a channel, of 16-bit light.

    Its values are numbers, or a field that has them.
    """
    if isinstance(values, tuple) and len(values) == 1:
        values = values[0]
    values = getattr(values, "values", values)
    light = np.asarray(values, dtype=np.float64).reshape(-1)
    count = 3 if light.size % 3 == 0 else 1
    parts = light.reshape(count, -1)
    if parts.shape[1] < 2 or not (parts[:, -1] > parts[:, 0]).all():
        return ()
    found = tuple(Table(np.maximum.accumulate(part) / 65535) for part in parts)
    return found[:1] if all((part == parts[0]).all() for part in parts) else found


def profile_of(meta: Meta, channels: str) -> bytes | None:
    """Return a profile of colours that a file tells otherwise; None for sRGB's, and if none can.

    Parameters
    ----------
    meta
        What it says; it has no profile.
    channels
        Those of the image that gets it.
    """
    gray = channels.removesuffix("A") == "L"
    if channels.removesuffix("A") not in ("L", "RGB"):
        return None
    if meta.cicp is not None:
        return None if numbers.are_usual(meta.cicp) else numbers.profile_of(meta.cicp, gray)
    said = dict(meta.chunks)
    if "gAMA" in said or "cHRM" in said:
        if "sRGB" in said or _like_srgb(said):
            return None
        gamma = _gamma(said)
        return numbers.made(_places(said), Parametric(g=1 / gamma) if gamma else SRGB, gray)
    if meta.exif and photograph.is_adobe_rgb(meta.exif):
        return numbers.made(_ADOBE_PLACES, Parametric(g=photograph.gamma(meta.exif)), gray)
    return None


def _like_srgb(said: dict[str, bytes]) -> bool:
    """Whether PNG's numbers are those that stand for sRGB in programs that know no profile."""
    gamma = _gamma(said) or _GAMMA
    pairs = zip(_places(said), _SRGB_PLACES, strict=True)
    return abs(gamma - _GAMMA) < _NEAR and all(abs(a - b) < _NEAR for a, b in pairs)


def fitted(meta: Meta, channels: str, codec: Codec) -> tuple[Meta, tuple[str, ...]]:
    """Return metadata whose colours a format can tell, and what of these it can't.

    What can't be told by numbers is told by a profile, where there is one that says the same.

    Parameters
    ----------
    meta
        What the source's file said.
    channels
        Those of the image.
    codec
        The format's.
    """
    said, lost = dict(meta.chunks), list[str]()
    by_numbers = meta.cicp is not None and codec.numbers is not None and codec.numbers(meta.cicp)
    by_chunks = "chunks" in codec.carries
    told = by_numbers or (by_chunks and meta.cicp is None and bool(said))
    by_exif = meta.cicp is None and not said and meta.format == codec.name
    if meta.icc is None and not told and not by_exif:
        profile = profile_of(meta, channels)
        if profile is not None and "icc" in codec.carries:
            meta = replace(meta, icc=profile)
        elif words := _called(meta, profile is not None):
            lost.append(words)
    if not by_numbers:
        meta = replace(meta, cicp=None)
    if not by_chunks:
        lost += [words for name, words in _LIGHT.items() if name in said]
        meta = replace(meta, chunks=())
    return meta, tuple(lost)


def _called(meta: Meta, unusual: bool) -> str:
    """Return what colours are called that a format can't tell; '' for those of sRGB."""
    if meta.cicp is not None:
        return "" if numbers.are_usual(meta.cicp) else numbers.words_of(meta.cicp)
    if not unusual:
        return ""
    return "gamma and primaries" if meta.chunks else "Adobe RGB colours"


def stripped(meta: Meta, channels: str) -> tuple[Meta, tuple[str, ...]]:
    """Return metadata without all that isn't colour, and what that was.

    Colours that EXIF tells of are told by a profile then.

    Parameters
    ----------
    meta
        What the source's file said.
    channels
        Those of the image.
    """
    gone = {"exif": "EXIF", "xmp": "XMP", "text": "text", "dpi": "resolution"}
    words = [said for name, said in gone.items() if getattr(meta, name)]
    words += [block.words for block in meta.beside if not _stays(block)]
    if meta.icc is None and meta.cicp is None and not meta.chunks:
        meta = replace(meta, icc=profile_of(meta, channels))
    kept = tuple(block for block in meta.beside if _stays(block))
    meta = replace(meta, exif=None, xmp=None, text=(), dpi=None, beside=kept)
    return meta, tuple(dict.fromkeys(words))


def _stays(block: Block) -> bool:
    """Whether a block tells of colours, or, having no name, of how a file is laid out."""
    return block.kind in _COLOURS or not block.words

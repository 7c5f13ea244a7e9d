"""What the channels of a TIFF page are: colours, inks, further bands, alpha wherever it stands.

TIFF 6.0, sections 6 (ExtraSamples), 16 (CMYK and other inks) and 23 (CIE L*a*b*); Adobe's
technical notes of 2002 (ICC L*a*b*); names of bands are those of GDAL's tag 42112.
"""

from __future__ import annotations

import re
import struct
from fractions import Fraction
from html import unescape
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image.channels import ALPHA, PLAIN, UNKNOWN, Bands, file_order
from convcli.image.image import Image, Made
from convcli.image.tags import Form, entries, first_of, form_of, link_of
from convcli.image.tiff.kinds import (
    CIELAB,
    CONVERT,
    ICCLAB,
    MINISBLACK,
    MINISWHITE,
    PALETTE,
    RGB,
    SEPARATED,
    YCBCR,
)
from convcli.image.tiff.stored import from_white

_COLOURS = {
    **{MINISWHITE: "L", MINISBLACK: "L", RGB: "RGB", PALETTE: "RGB", YCBCR: "RGB"},
    **{SEPARATED: "CMYK", CIELAB: "Lab", ICCLAB: "Lab"},
}
_LABS = {CIELAB: "CIELab", ICCLAB: "ICCLab"}
_PHOTOMETRIC = {"L": MINISBLACK, "RGB": RGB, "CMYK": SEPARATED}
ASSOCIATED, UNASSOCIATED = 1, 2
_INK_SET, _INK_NAMES, _INKS, _DOTS, _GDAL = 332, 333, 334, 336, 42112
#: Tags on inks, and the types that they are written as: SHORT, ASCII.
_INK_TAGS = {_INK_SET: 3, _INK_NAMES: 2, _INKS: 3, _DOTS: 3}
_CMYK, _OTHER_INKS = 1, 2
_MEANING, _EXTRA = 262, 338
#: How GDAL names a band: its description, or else what colour it takes it for.
_NAMED = re.compile(
    r"<Item\s[^>]*?sample=\"(\d+)\"[^>]*?role=\"(description|colorinterp)\"[^>]*>([^<]*)</Item>"
)
#: Bytes that a file's first directory is in.
_HEAD = 2**22


def bands_of(page: Any, count: int) -> tuple[str, Bands]:
    """Return the letters of a page's channels, alpha last, and what else it says of them.

    Parameters
    ----------
    page
        As tifffile has it.
    count
        How many channels there are.
    """
    meaning = int(page.photometric)
    letters = list(_colours(page, count) + UNKNOWN * count)[:count]
    extra = [int(number) for number in page.extrasamples][-count:]
    if not extra and meaning in (MINISWHITE, MINISBLACK, RGB, YCBCR):
        # Programs that don't say so mean alpha.
        extra = [UNASSOCIATED] * (count == len(_COLOURS[meaning]) + 1)
    first = count - len(extra)
    clear = [first + k for k, number in enumerate(extra) if number in (ASSOCIATED, UNASSOCIATED)]
    at = clear[0] if clear and count > 1 and letters[clear[0]] == UNKNOWN else None
    if at is not None:
        letters.append(ALPHA)
        del letters[at]
    channels = "".join(letters)
    if channels.startswith("L?") and meaning not in _LABS:
        # Of several bands the first is not what they are together.
        channels = UNKNOWN + channels[1:]
    return channels, _said(page, channels, at, [-1] * first + extra)


def _colours(page: Any, count: int) -> str:
    """Return the letters of the channels that are colours, '' for what isn't known."""
    meaning = int(page.photometric)
    name = _COLOURS[meaning]
    if meaning == SEPARATED and page.tags.valueof(_INK_SET, _CMYK) != _CMYK:
        return ""
    if meaning in _LABS and count - len(page.extrasamples) == 1:
        # CIE L*a*b* without its colour: TIFF 6.0, page 110.
        return "L"
    return name if count >= len(name) else ""


def _said(page: Any, channels: str, at: int | None, extra: list[int]) -> Bands:
    """Return what a page says of its channels beside their letters."""
    meaning, count = int(page.photometric), len(channels)
    if count == 1 and meaning not in _LABS:
        return PLAIN
    kind = _LABS.get(meaning, "")
    if meaning == SEPARATED and not channels.startswith("CMYK"):
        kind = "inks"
    tags: tuple[tuple[int, Any], ...] = ()
    if meaning == SEPARATED:
        found = ((tag, _plain(tag, page.tags.valueof(tag))) for tag in _INK_TAGS)
        tags = tuple((tag, value) for tag, value in found if value)
        # Samples may be of another type when they are written.
        tags = tuple((tag, _shares(tag, value, page.bitspersample)) for tag, value in tags)
    place = at if at is not None and at != count - 1 else None
    order = file_order(channels, Bands(alpha=place))
    names = [""] * count
    for number, name in _names(page, count).items():
        names[order[number]] = name
    unknown = [extra[k] for k, of in enumerate(order) if channels[of] == UNKNOWN]
    says = kind == "inks" or any(number > 0 for number in unknown)
    return Bands(
        tuple(names) if any(names) else (), place, kind, tuple(unknown) if says else (), tags
    )


def _plain(tag: int, value: Any) -> Any:
    """Return a tag's value as what compares and pickles; None for what makes no sense."""
    if tag == _INK_NAMES:
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        return text if isinstance(text, str) and text.strip("\0 ") else None
    values = tuple(value) if isinstance(value, bytes | list | tuple) else (value,)
    if not all(isinstance(number, int) and 0 <= number < 2**16 for number in values):
        return None
    return tuple(map(int, values)) if len(values) > 1 else int(values[0])


def _shares(tag: int, value: Any, bits: int) -> Any:
    """Return DotRange as shares of a full sample; another tag's value as it is."""
    if tag != _DOTS:
        return value
    return tuple(Fraction(number, 2**bits - 1) for number in _several(value))


def _several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _names(page: Any, count: int) -> dict[int, str]:
    """Return what channels are called, by their numbers from 0."""
    value = _plain(_INK_NAMES, page.tags.valueof(_INK_NAMES))
    if value and int(page.photometric) == SEPARATED:
        found = dict(enumerate(_split(value)))
    else:
        found = _gdal_names(page.tags.valueof(_GDAL))
    return {k: name.strip() for k, name in found.items() if k < count and name.strip()}


def _split(names: str) -> list[str]:
    return names.rstrip("\0").split("\0")


def _gdal_names(text: Any) -> dict[int, str]:
    """Return the names in GDAL's tag; a description counts for more than a colour."""
    if not isinstance(text, str):
        return {}
    found: dict[str, dict[int, str]] = {"colorinterp": {}, "description": {}}
    for sample, role, name in _NAMED.findall(text):
        found[role][int(sample)] = unescape(name)
    return found["colorinterp"] | found["description"]


def is_multiplied(page: Any, channels: str, bands: Bands) -> bool:
    """Whether a page's colour is multiplied by its alpha, which `bands_of` found."""
    count = len(channels)
    at = count - 1 if bands.alpha is None else bands.alpha
    extra = page.extrasamples[-count:]
    first = count - len(extra)
    return channels.endswith(ALPHA) and at >= first and int(extra[at - first]) == ASSOCIATED


def in_order(pixels: NDArray[Any], channels: str, bands: Bands) -> NDArray[Any]:
    """Return a page's samples with alpha last, and those of L*a*b* around the middle.

    Parameters
    ----------
    pixels
        (rows, cols) or (rows, cols, channels), as stored.
    channels, bands
        As `bands_of` gives them.

    Raises
    ------
    ImageError
        If they are L*a*b* of a type that isn't read.
    """
    if bands.kind in _LABS.values() and pixels.dtype.kind not in "uf":
        raise ImageError(
            f"its samples are {pixels.dtype.name} of L*a*b*, which isn't read; {CONVERT}"
        )
    if bands.alpha is not None:
        pixels = np.ascontiguousarray(pixels[:, :, np.argsort(file_order(channels, bands))])
    return _centred(pixels, channels, bands)


def _centred(pixels: NDArray[Any], channels: str, bands: Bands) -> NDArray[Any]:
    """Return samples with CIE's a* and b*, in two's complement, around the middle; and back."""
    if not channels.startswith("Lab") or bands.kind == "ICCLab" or pixels.dtype.kind == "f":
        return pixels
    turned = pixels.copy()
    turned[:, :, 1:3] ^= pixels.dtype.type(1 << (8 * pixels.dtype.itemsize - 1))
    return turned


class _Stored:
    """An image's rows as a page has them: alpha in its place, a* and b* as they are coded."""

    def __init__(self, image: Image) -> None:
        self._image, self._order = image, file_order(image.channels, image.meta.bands)
        self.shape, self.dtype, self.jobs = image.shape, image.dtype, image.jobs
        self.step = 1 if image.made is None else image.made.step

    def band(self, start: int, stop: int) -> NDArray[Any]:
        """Return some rows."""
        return self._turned(self._image.rows(start, stop))

    def whole(self, jobs: int) -> NDArray[Any]:
        """Return all rows."""
        return self._turned(self._image.pixels)

    def _turned(self, rows: NDArray[Any]) -> NDArray[Any]:
        image = self._image
        turned = _centred(rows, image.channels, image.meta.bands)
        return np.ascontiguousarray(turned[:, :, self._order])


def as_stored(image: Image) -> Image:
    """Return an image whose rows are as a file's are to be: mostly the same.

    Its letters stay those of the image, alpha last.

    Parameters
    ----------
    image
        The image.
    """
    bands = image.meta.bands
    coded = image.channels.startswith("Lab") and bands.kind != "ICCLab"
    if len(image.shape) == 2 or not (coded or bands.alpha is not None):
        return image
    made: Made = _Stored(image)
    return Image.of(made, image.channels, image.meta)


def layout(image: Image) -> dict[str, Any]:
    """Say what the channels are, as tifffile takes it.

    Of some inks and of lightness it can't be told: they are written as gray with others beside it,
    and `settle` says what they are.

    Parameters
    ----------
    image
        The image.
    """
    extra, count = _extra(image), len(image.channels)
    meaning = _meaning(image)
    found: dict[str, Any] = {"photometric": meaning}
    if count > 1:
        found["planarconfig"] = "contig"
    if from_white(image):
        found["photometric"] = MINISWHITE
    if _is_settled(image):
        found["photometric"] = MINISBLACK
        extra = [0] * (count - 1)
    if extra:
        found["extrasamples"] = extra
    return found


def _meaning(image: Image) -> int:
    channels, kind = image.channels, image.meta.bands.kind
    if kind == "inks":
        return SEPARATED
    if kind in _LABS.values() and channels[:1] == "L":
        return ICCLAB if kind == "ICCLab" else CIELAB
    if channels.startswith("Lab"):
        return CIELAB
    return _PHOTOMETRIC.get(channels.rstrip(ALPHA + UNKNOWN), MINISBLACK)


def _extra(image: Image) -> list[int]:
    """Return what ExtraSamples has to say, in the file's order."""
    channels, bands = image.channels, image.meta.bands
    colours = channels.rstrip(ALPHA + UNKNOWN)
    # Where nothing is a colour, the first channel is what gray would be.
    free = 0 if colours or bands.kind == "inks" else 1
    codes = list(bands.extra) or [-1] * free + [0] * (channels.count(UNKNOWN) - free)
    codes = [-1] * len(colours) + codes + [UNASSOCIATED] * channels.endswith(ALPHA)
    known = (0, ASSOCIATED, UNASSOCIATED)
    order = [codes[k] for k in file_order(channels, bands) if codes[k] >= 0]
    return [code if code in known else 0 for code in order]


def _is_settled(image: Image) -> bool:
    """Whether tifffile can't write what it is."""
    kind = image.meta.bands.kind
    return kind == "inks" or (kind in _LABS.values() and not image.channels.startswith("Lab"))


def tags(image: Image) -> list[tuple[int, str | int, int, Any, bool]]:
    """Return the tags on inks, as tifffile takes them."""
    found: list[tuple[int, str | int, int, Any, bool]] = []
    if _meaning(image) != SEPARATED:
        return found
    for tag, value in sorted(_ink_tags(image).items()):
        if isinstance(value, str):
            text = value.rstrip("\0").encode("latin-1", "replace") + b"\0"
            found.append((tag, 2, len(text), text, True))
        else:
            count = len(value) if isinstance(value, tuple) else 1
            found.append((tag, _INK_TAGS[tag], count, value, True))
    return found


def _ink_tags(image: Image) -> dict[int, Any]:
    """Return the source's tags on inks, true of the channels that there are."""
    channels, bands = image.channels, image.meta.bands
    values = dict(bands.tags)
    if bands.kind == "inks":
        values.setdefault(_INK_SET, _OTHER_INKS)
    if _DOTS in values:
        full = np.iinfo(image.dtype).max if image.dtype.kind == "u" else 0
        values[_DOTS] = full and tuple(round(share * int(full)) for share in values[_DOTS])
    if _INK_NAMES in values:
        order = file_order(channels, bands)
        there = [bands.names[k] for k in order if bands.names and bands.names[k]]
        if there != [name.strip() for name in _split(values[_INK_NAMES]) if name.strip()]:
            values[_INK_NAMES] = "\0".join(there)
            values[_INKS] = len(there)
    if isinstance(values.get(_INKS), int):
        values[_INKS] = min(values[_INKS], len(channels.removesuffix(ALPHA)))
    return {tag: value for tag, value in values.items() if value}


def settle(file: IO[bytes], image: Image) -> None:
    """Say in a file that is written what tifffile couldn't be told.

    Parameters
    ----------
    file
        Open for reading and writing; its directory stands before the pixels.
    image
        The image that is in it.
    """
    if not _is_settled(image):
        return
    file.seek(0)
    head = file.read(_HEAD)
    form, start = form_of(head), first_of(head, form_of(head))
    directory = bytearray(head[start : link_of(head, start, form) + form.width])
    gone: int | None = None
    for place, tag, _, _ in entries(head, start, form):
        at = place - start
        if tag == _MEANING:
            struct.pack_into(form.order + "H", directory, at, _meaning(image))
        elif tag == _EXTRA:
            values = _extra(image)
            gone = None if values else at - struct.calcsize(form.entry)
            _put_values(file, directory, (form, at), values)
    if gone is not None:
        _drop(directory, gone, form)
    file.seek(start)
    file.write(directory)


def _put_values(
    file: IO[bytes], directory: bytearray, place: tuple[Form, int], values: list[int]
) -> None:
    """Give an entry fewer numbers of 16 bits than it has: where those are, or within it."""
    form, at = place
    coded = struct.pack(f"{form.order}{len(values)}H", *values)
    (far,) = struct.unpack_from(form.place, directory, at)
    struct.pack_into(form.place, directory, at - form.width, len(values))
    if len(coded) <= form.width:
        directory[at : at + form.width] = coded.ljust(form.width, b"\0")
    else:
        file.seek(far)
        file.write(coded)


def _drop(directory: bytearray, at: int, form: Form) -> None:
    """Take an entry out of a directory: those behind it, and the link, move up."""
    size = struct.calcsize(form.entry) + form.width
    (count,) = struct.unpack_from(form.count, directory, 0)
    struct.pack_into(form.count, directory, 0, count - 1)
    directory[at:] = directory[at + size :] + bytes(size)

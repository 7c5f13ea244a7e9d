"""Which formats there are, how to tell them, and what each of them holds exactly."""

from __future__ import annotations

from pathlib import Path

from convcli.errors import ImageError
from convcli.image.image import Meta
from convcli.record import record

_GRAY = frozenset({"L"})
_OPAQUE = frozenset({"L", "RGB"})
_INK = frozenset({"L", "RGB", "CMYK"})
_CLEAR = frozenset({"L", "LA", "RGB", "RGBA"})
#: Channels of any number and meaning.
_ANY = frozenset({"*"})


@record
class Format:
    """A file format.

    Parameters
    ----------
    name
        Pillow's name where it has one.
    suffixes
        Endings of file names, the usual one first.
    holds
        The channels it holds for each sample type. What is missing would be changed.
    lossy
        Whether it loses something unless told otherwise.
    note
        What happens to some that it holds nonetheless: (sample type or '', channels, words).
    several
        Whether a file holds several images: frames of an animation, or pages.
    """

    name: str
    suffixes: tuple[str, ...]
    holds: dict[str, frozenset[str]]
    lossy: bool = False
    note: tuple[str, frozenset[str], str] | None = None
    several: bool = False

    def has(self, dtype: str, channels: str) -> bool:
        """Whether an image of that sample type and those channels can be written."""
        held = self.holds.get(dtype, frozenset())
        return held == _ANY or channels in held


_GIF_NOTE = ("", frozenset({"RGB", "RGBA"}), "GIF holds 256 colours: others become the nearest")
_AVIF_NOTE = (
    "uint16",
    _CLEAR,
    "AVIF holds 12 bits of 16, and such a file is written without metadata",
)

FORMATS: dict[str, Format] = {
    item.name: item
    for item in (
        Format(
            "PNG",
            (".png",),
            {"bool": _GRAY, "uint8": _CLEAR, "uint16": _CLEAR},
            several=True,
        ),
        Format(
            "JPEG",
            (".jpg", ".jpeg", ".jpe", ".jfif"),
            {"bool": _GRAY, "uint8": _INK},
            lossy=True,
        ),
        Format(
            "TIFF",
            (".tif", ".tiff"),
            {"bool": _GRAY, "uint8": _ANY, "uint16": _ANY, "float32": _ANY, "float64": _ANY},
            several=True,
        ),
        Format("WEBP", (".webp",), {"bool": _GRAY, "uint8": _CLEAR}, several=True),
        Format("BMP", (".bmp", ".dib"), {"bool": _GRAY, "uint8": _OPAQUE}),
        Format("PBM", (".pbm",), {"bool": _GRAY}),
        Format("PGM", (".pgm",), {"bool": _GRAY, "uint8": _GRAY, "uint16": _GRAY}),
        Format("PPM", (".ppm",), {"bool": _GRAY, "uint8": _OPAQUE, "uint16": _OPAQUE}),
        Format("PNM", (".pnm",), {"bool": _GRAY, "uint8": _OPAQUE, "uint16": _OPAQUE}),
        Format("PFM", (".pfm",), {"float32": _OPAQUE}),
        Format("GIF", (".gif",), {"bool": _GRAY, "uint8": _CLEAR}, note=_GIF_NOTE, several=True),
        Format(
            "AVIF",
            (".avif",),
            {"bool": _GRAY, "uint8": _CLEAR, "uint16": _CLEAR},
            lossy=True,
            note=_AVIF_NOTE,
            several=True,
        ),
        Format(
            "JPEG2000",
            (".jp2", ".j2k", ".jpx"),
            {"bool": _GRAY, "uint8": _CLEAR, "uint16": _CLEAR},
        ),
        Format(
            "NPY",
            (".npy",),
            {"bool": _ANY, "uint8": _ANY, "uint16": _ANY, "float32": _ANY, "float64": _ANY},
        ),
    )
}

#: Every ending of an image's file name, in lower case, with its format.
SUFFIXES: dict[str, str] = {
    suffix: item.name for item in FORMATS.values() for suffix in item.suffixes
}

#: What stands beside the pixels, by `Meta`'s names.
_BESIDE = {
    "icc": "colour profile",
    "exif": "EXIF",
    "xmp": "XMP",
    "text": "text",
    "dpi": "resolution",
}
_CARRIES = {
    "PNG": frozenset(_BESIDE),
    "JPEG": frozenset(_BESIDE),
    "TIFF": frozenset(_BESIDE),
    "WEBP": frozenset({"icc", "exif", "xmp"}),
    "AVIF": frozenset({"icc", "exif", "xmp"}),
    "JPEG2000": frozenset({"icc", "exif", "xmp"}),
    "BMP": frozenset({"dpi"}),
}

_DEPTHS = {
    "bool": "1-bit",
    "uint8": "8-bit",
    "uint16": "16-bit",
    "float32": "float",
    "float64": "double",
}
_WORDS = {
    "L": "gray",
    "LA": "gray with alpha",
    "RGB": "colour",
    "RGBA": "colour with alpha",
    "CMYK": "CMYK",
}
#: Formats to propose, the most usual first.
_PROPOSED = ("PNG", "PGM", "PPM", "JPEG", "TIFF", "NPY")


def suffixes() -> tuple[str, ...]:
    """Every ending of an image's file name, in lower case, with its dot."""
    return tuple(SUFFIXES)


def format_of(path: str | Path) -> str:
    """Return the format that a file's name asks for.

    Raises
    ------
    ImageError
        If its suffix belongs to none.

    Examples
    --------
    >>> format_of("a/b.JPEG")
    'JPEG'
    """
    suffix = Path(path).suffix
    if suffix.lower() in SUFFIXES:
        return SUFFIXES[suffix.lower()]
    what = f"suffix {suffix!r} belongs to no image format" if suffix else "no suffix"
    raise ImageError(f"{what}; expected one of {' '.join(_usual())}, or `format`")


def parse_format(text: str) -> str:
    """Return the format of that name or suffix, as `format` says it.

    Raises
    ------
    ImageError
        If there is none.

    Examples
    --------
    >>> parse_format("tif"), parse_format("JPEG"), parse_format(".jp2")
    ('TIFF', 'JPEG', 'JPEG2000')
    """
    if text.upper() in FORMATS:
        return text.upper()
    name = SUFFIXES.get("." + text.lower().removeprefix("."))
    if name is None:
        known = ", ".join(suffix[1:] for suffix in _usual())
        raise ImageError(f"no image format named {text!r}; there are {known}")
    return name


def check_holds(dtype: str, channels: str, format: str) -> tuple[str, ...]:
    """Refuse what a format can't hold; depth and alpha are never lowered unasked.

    Parameters
    ----------
    dtype, channels
        The image's sample type, such as `uint16`, and its channels, such as `RGBA`.
    format
        The name of the format to be written.

    Returns
    -------
    tuple of str
        What will happen to it nonetheless, each a line for the user.

    Raises
    ------
    ImageError
        If the format can't hold it; the message names the options that help.
    """
    known = FORMATS[parse_format(format)]
    dtype = str(dtype)
    if known.has(dtype, channels):
        return _notes(known, dtype, channels)
    options = [*_depth_options(known, dtype, channels), *_channel_options(known, channels)]
    others = [
        f"`path` NAME{FORMATS[name].suffixes[0]}"
        for name in _PROPOSED
        if FORMATS[name].has(dtype, channels)
    ][:2]
    ways = ([" ".join(options)] if options else []) + others
    raise ImageError(
        f"{known.name} can't hold {_DEPTHS.get(dtype, dtype)} {_words(channels)}; "
        f"use {', or '.join(ways)}"
    )


def check_several(format: str, count: int) -> None:
    """Refuse to write several images to a file that holds one.

    Parameters
    ----------
    format
        The format's name.
    count
        How many there are.

    Raises
    ------
    ImageError
        If it holds one only; the message names the option that picks one, and the formats that
        hold all.
    """
    if count < 2 or FORMATS[format].several:
        return
    holding = [
        item.suffixes[0] for item in FORMATS.values() if item.several and item.name != "TIFF"
    ]
    raise ImageError(
        f"{format} holds one image, and the source has {count} frames; use `frame` N for one "
        f"of them, counted from 0, or `path` NAME.tif for all (also {', '.join(holding)})"
    )


def left_out(meta: Meta, format: str) -> tuple[str, ...]:
    """What a file says beside its pixels that a format can't say, each a line for the user.

    Parameters
    ----------
    meta
        What the source's file said.
    format
        The name of the format to be written.
    """
    held = _CARRIES.get(parse_format(format), frozenset())
    lost = [words for name, words in _BESIDE.items() if getattr(meta, name) and name not in held]
    return (f"{format} can't hold the source's {', '.join(lost)}: left out",) if lost else ()


def _usual() -> list[str]:
    return [item.suffixes[0] for item in FORMATS.values()]


def _words(channels: str) -> str:
    return _WORDS.get(channels, f"images of {len(channels)} channels")


def _notes(known: Format, dtype: str, channels: str) -> tuple[str, ...]:
    if known.note is None:
        return ()
    kind, held, words = known.note
    return (words,) if kind in ("", dtype) and channels in held else ()


def _depth_options(known: Format, dtype: str, channels: str) -> list[str]:
    """Return `depth` with the deepest value the format has, if the depth is in the way."""
    if dtype in known.holds:
        return []
    for kind, value in (("float32", "float"), ("uint16", "16"), ("uint8", "8")):
        if kind in known.holds:
            return [f"`depth` {value}"]
    return []


def _channel_options(known: Format, channels: str) -> list[str]:
    """Options that make the channels fit."""
    held: frozenset[str] = frozenset().union(*known.holds.values())
    if held == _ANY or channels in held:
        return []
    if channels.endswith("A") and channels[:-1] in held:
        return ["`alpha` drop"]
    if channels == "RGB" and "L" in held:
        return ["`gray`"]
    if channels == "RGBA" and "L" in held:
        return ["`gray` `alpha` drop"]
    return []

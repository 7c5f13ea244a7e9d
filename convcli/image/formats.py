"""Which formats there are, how to tell them, and what each of them holds exactly.

`FORMATS` is the one place that names all formats; `codec` says how one is added.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

from convcli.errors import ImageError
from convcli.image.codec import ANY, BESIDE, Codec, LazyFunction
from convcli.image.header import VALUES
from convcli.record import record

if TYPE_CHECKING:
    from pathlib import Path

    from convcli.image.image import Meta


@record
class Entry:
    """What is known of a format before its codec is imported.

    Parameters
    ----------
    name
        What it is called in messages and options; Pillow's name where it has one.
    place
        Where its codec is within `convcli.image`.
    suffixes
        Endings of file names, the usual one first.
    magic
        How its files may begin; `?` stands for any byte.
    brands
        Those of its files that begin with a box of brands (ISO/IEC 14496-12, section 4.3).
    title
        What people call it, if that is something else.
    family
        Formats of one family may be named after each other.
    needs
        What has to be installed to read it, beside what convcli always brings: a module, and the
        extra of convcli that brings it. ('', '') for nothing.
    written
        Whether it can be written, too.
    """

    name: str
    place: str
    suffixes: tuple[str, ...]
    magic: tuple[bytes, ...] = ()
    brands: tuple[bytes, ...] = ()
    title: str = ""
    family: str = ""
    needs: tuple[str, str] = ("", "")
    written: bool = True


def _spaced(*magic: bytes) -> tuple[bytes, ...]:
    """Return what begins a text: the magic word, and white space or a comment."""
    return tuple(word + after for word in magic for after in (b" ", b"\t", b"\r", b"\n", b"#"))


#: BigTIFF, GeoTIFF, microscopes' stacks and slide scanners' images are TIFF files, too.
_TIFF = (".tif", ".tiff", ".tf2", ".tf8", ".btf", ".gtif", ".gtiff", ".stk", ".lsm", ".svs",
         ".ndpi", ".scn")  # fmt: skip

#: Every format by its name, in the order in which they are listed. The first one is written where
#: nothing says which.
FORMATS: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry("PNG", "png.CODEC", (".png", ".apng"), (b"\x89PNG\r\n\x1a\n",)),
        Entry(
            "JPEG",
            "jpeg.CODEC",
            (".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".jif", ".mpo", ".jps"),
            (b"\xff\xd8\xff",),
        ),
        Entry("TIFF", "tiff.CODEC", _TIFF, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
        Entry("WEBP", "webp.CODEC", (".webp",), (b"RIFF????WEBP",), title="WebP"),
        Entry("BMP", "bmp.CODEC", (".bmp", ".dib"), (b"BM",)),
        Entry("PBM", "netpbm.PBM", (".pbm",), _spaced(b"P1", b"P4"), family="PNM"),
        Entry("PGM", "netpbm.PGM", (".pgm",), _spaced(b"P2", b"P5"), family="PNM"),
        Entry("PPM", "netpbm.PPM", (".ppm",), _spaced(b"P3", b"P6"), family="PNM"),
        Entry("PNM", "netpbm.PNM", (".pnm",), family="PNM"),
        Entry("PAM", "netpbm.PAM", (".pam",), (b"P7\n", b"P7\r\n")),
        Entry("PFM", "netpbm.PFM", (".pfm",), _spaced(b"Pf", b"PF")),
        Entry("GIF", "gif.CODEC", (".gif",), (b"GIF87a", b"GIF89a")),
        Entry(
            "AVIF",
            "avif.CODEC",
            (".avif", ".avifs"),
            brands=(b"avif", b"avis", b"mif1", b"msf1", b"miaf"),
        ),
        Entry(
            "JPEG2000",
            "jpeg2000.CODEC",
            (".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc", ".jhc", ".jph"),
            (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
            title="JPEG 2000",
        ),
        Entry(
            "JPEGXL",
            "jpegxl.CODEC",
            (".jxl",),
            (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"),
            title="JPEG XL",
        ),
        Entry("NPY", "npy.CODEC", (".npy",), (b"\x93NUMPY",)),
        Entry(
            "HEIF",
            "heif.CODEC",
            (".heic", ".heif", ".hif", ".heics", ".heifs"),
            title="HEIC",
            needs=("pi_heif", "heic"),
            written=False,
        ),
    )
}

#: Every ending of an image's file name, in lower case, with its format.
SUFFIXES: dict[str, str] = {
    suffix: entry.name for entry in FORMATS.values() for suffix in entry.suffixes
}


@cache
def codec_of(name: str) -> Codec:
    """Return a format's codec; it is imported now if it wasn't."""
    module, attribute = FORMATS[name].place.rsplit(".", 1)
    codec: Codec = getattr(import_module(f"convcli.image.{module}"), attribute)
    return codec


def codecs() -> tuple[Codec, ...]:
    """Return those of all formats."""
    return tuple(map(codec_of, FORMATS))


_FITTED = LazyFunction("light.told", "fitted")
_DEPTHS = {
    "bool": "1-bit",
    "uint8": "8-bit",
    "uint16": "16-bit",
    "float16": "half-precision float",
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


def format_of(path: str | Path) -> str:
    """Return the format that a file's name asks for.

    Raises
    ------
    ImageError
        If its suffix belongs to none, or to one that is only read.

    Examples
    --------
    >>> format_of("a/b.JPEG")
    'JPEG'
    """
    # Not needed to read an image, which is begun before this is imported.
    from pathlib import Path

    suffix = Path(path).suffix
    if suffix.lower() in SUFFIXES:
        return _written(SUFFIXES[suffix.lower()], "name it .jpg, or .png")
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
        return _written(text.upper())
    name = SUFFIXES.get("." + text.lower().removeprefix("."))
    if name is None:
        known = ", ".join(suffix[1:] for suffix in _usual())
        raise ImageError(f"no image format named {text!r}; there are {known}")
    return _written(name)


def _written(name: str, way: str = "") -> str:
    """Return a format's name; refuse one that is only read."""
    said = unwritten(name, way)
    if said:
        raise ImageError(said)
    return name


def unwritten(name: str, way: str = "") -> str:
    """Say why a format can't be written, and what to do, if not give `format`; '' if it can."""
    entry = FORMATS[name]
    if entry.written:
        return ""
    way = way or "use `format` jpg, or `format` png"
    return f"{entry.title or name} is read, and never written; {way}, which loses nothing"


def lacks(entry: Entry) -> str:
    """Say what to do to have a format read whose library isn't installed; '' if it is."""
    module, extra = entry.needs
    if not module or module in sys.modules or PathFinder.find_spec(module):
        return ""
    return f"install convcli[{extra}], which reads it, or save it as JPEG or PNG"


def check_holds(dtype: str, channels: str, format: str, peak: int | None = None) -> tuple[str, ...]:
    """Refuse what a format can't hold; depth and alpha are never lowered unasked.

    Parameters
    ----------
    dtype, channels, peak
        The image's sample type, such as `uint16`, its channels, such as `RGBA`, and `Meta.peak`.
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
    known = codec_of(parse_format(format))
    dtype = str(dtype)
    if known.has(dtype, channels):
        return () if peak in known.peaks else _notes(known, dtype, channels)
    options = [*_depth_options(known, dtype, channels), *_channel_options(known, channels)]
    holding = [codec for codec in codecs() if codec.proposed and codec.has(dtype, channels)]
    holding = sorted(holding, key=lambda codec: codec.proposed)[:2]
    others = [f"`path` NAME{FORMATS[codec.name].suffixes[0]}" for codec in holding]
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
    if count < 2 or codec_of(format).several:
        return
    moving = [codec.name for codec in codecs() if codec.several and not codec.pages]
    holding = [FORMATS[name].suffixes[0] for name in moving]
    raise ImageError(
        f"{format} holds one image, and the source has {count} frames; use `frame` N for one "
        f"of them, counted from 0, or `path` NAME.tif for all (also {', '.join(holding)})"
    )


def with_colours(meta: Meta, channels: str, codec: Codec) -> tuple[Meta, tuple[str, ...]]:
    """Return metadata whose colours a format can tell, and what of these it can't.

    Parameters
    ----------
    meta, channels
        What the source's file said, and the image's channels.
    codec
        The format's.
    """
    by_exif = meta.icc is None and meta.exif is not None and meta.format != codec.name
    if meta.cicp is None and not meta.chunks and not by_exif:
        return meta, ()
    fitted: tuple[Meta, tuple[str, ...]] = _FITTED(meta, channels, codec)
    return fitted


def left_out(meta: Meta, format: str, channels: str = "RGB") -> tuple[str, ...]:
    """What a file says beside its pixels that a format can't say, each a line for the user.

    Parameters
    ----------
    meta
        What the source's file said.
    format
        The name of the format to be written.
    channels
        The image's.
    """
    codec = codec_of(parse_format(format))
    _, colours = with_colours(meta, channels, codec)
    lost = [
        words
        for name, words in BESIDE.items()
        if getattr(meta, name) not in (None, (), b"") and not codec.tells(name, meta)
    ]
    unwritten = [block for block in meta.beside if block.words and not codec.writes(block)]
    lost += [block.words for block in unwritten if block.content is not None]
    lost += colours
    notes = (
        [f"{format} can't hold the source's {', '.join(dict.fromkeys(lost))}: left out"]
        if lost
        else []
    )
    named = dict.fromkeys(block.words for block in unwritten if block.content is None)
    if named:
        notes.append(f"the source's {', '.join(named)}: left out")
    return (*notes, *(codec.remarks(meta) if codec.remarks else ()))


def _usual() -> list[str]:
    return [entry.suffixes[0] for entry in FORMATS.values() if entry.written]


def _words(channels: str) -> str:
    # Not needed where everything fits.
    from convcli.image.channels import channel_words, colour_of

    if not colour_of(channels):
        return f"images of {channel_words(channels)}"
    return _WORDS.get(channels) or channel_words(channels)


def _notes(known: Codec, dtype: str, channels: str) -> tuple[str, ...]:
    if known.note is None:
        return ()
    kind, held, words = known.note
    return (words,) if kind in ("", dtype) and channels in held else ()


def _depth_options(known: Codec, dtype: str, channels: str) -> list[str]:
    """Return `depth` with the deepest value the format has, if the depth is in the way."""
    if dtype in known.holds:
        return []
    for kind, value in (("float32", "float"), ("uint16", "16"), ("uint8", "8"), ("bool", "1")):
        if kind in known.holds:
            # Values seldom fit levels.
            fits = dtype not in VALUES or kind == "float32"
            return [f"`depth` {value}" if fits else f"`depth` {value} `mapping` normalize"]
    return []


def _channel_options(known: Codec, channels: str) -> list[str]:
    """Options that make the channels fit."""
    held: frozenset[str] = frozenset().union(*known.holds.values())
    if held == ANY or channels in held:
        return []
    from convcli.image.channels import colour_of

    colour = colour_of(channels)
    if colour == "Lab":
        # Lightness alone; colours are converted by other programs.
        return ["`gray`"] if channels == "Lab" or "LA" in held else ["`gray` `alpha` drop"]
    if "?" in channels:
        wanted = [colour + "A" * channels.endswith("A"), colour] if colour else ["1"]
        fitting = [name for name in wanted if name in held or name == "1"]
        return [f"`bands` {fitting[0]}"] if fitting else []
    if channels.endswith("A") and channels[:-1] in held:
        return ["`alpha` drop"]
    if channels == "RGB" and "L" in held:
        return ["`gray`"]
    if channels == "RGBA" and "L" in held:
        return ["`gray` `alpha` drop"]
    return []

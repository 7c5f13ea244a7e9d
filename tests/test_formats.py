"""What each format holds comes back exactly; what it doesn't hold is refused."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest
from command import call

from convcli.errors import ImageError
from convcli.image import codec as codec_module
from convcli.image.codec import LazyFunction
from convcli.image.depth import full_range
from convcli.image.files import encode, read
from convcli.image.formats import (
    FORMATS,
    SUFFIXES,
    check_holds,
    codec_of,
    format_of,
    parse_format,
)
from convcli.image.frames import Frames
from convcli.image.image import Image
from convcli.image.recognise import recognise

KINDS = ("bool", "uint8", "uint16", "float32", "float64")
CHANNELS = ("L", "LA", "RGB", "RGBA", "CMYK", "??", "?????")
#: Formats that may change samples, and by how much at most (of noise, at quality 100).
INEXACT = {
    ("JPEG", "uint8"): 6,
    ("AVIF", "uint8"): 4,
    # 12 bits of 16.
    ("AVIF", "uint16"): 15,
}
#: Formats that know no gray, or no gray with alpha, and store equal colours.
WIDENED = {
    ("PPM", "bool", "L"),
    ("PPM", "uint8", "L"),
    ("PPM", "uint16", "L"),
    ("WEBP", "bool", "L"),
    ("WEBP", "uint8", "L"),
    ("WEBP", "uint8", "LA"),
    ("AVIF", "uint8", "LA"),
}

HELD = [
    (name, kind, channels)
    for name in FORMATS
    for kind in KINDS
    for channels in CHANNELS
    if codec_of(name).has(kind, channels)
]
REFUSED = [
    (name, kind, channels)
    for name in FORMATS
    for kind in KINDS
    for channels in CHANNELS
    if codec_of(name).encode and not codec_of(name).has(kind, channels)
]


def make(rng, kind, channels, size=(37, 53)):
    shape = size if len(channels) == 1 else (*size, len(channels))
    if kind == "bool":
        pixels = rng.random(shape) < 0.5
    elif kind.startswith("float"):
        pixels = rng.normal(0.5, 1, shape).astype(kind)
    else:
        pixels = rng.integers(0, np.iinfo(kind).max + 1, shape).astype(kind)
    return pixels


def in_few_colours(pixels):
    """GIF: up to 255 colours, alpha all or nothing, and nothing hidden where it is nothing."""
    pixels = pixels & np.uint8(0b1100_0000)
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        pixels[..., -1] = np.where(pixels[..., -1] > 100, 255, 0)
        pixels[pixels[..., -1] == 0] = 0
    return pixels


def spread(image):
    """Gray as equal red, green and blue."""
    colour = image.pixels.reshape(*image.size, -1)
    alpha = colour[..., 1:] if image.channels == "LA" else colour[..., :0]
    return np.concatenate([np.repeat(colour[..., :1], 3, axis=2), alpha], axis=2)


def expected_of(image, name):
    """Return what must come back; narrower than stored is never right."""
    pixels = image.pixels
    if (name, pixels.dtype.name, image.channels) in WIDENED:
        pixels = spread(image)
    if pixels.dtype == bool and name not in ("PNG", "TIFF", "PBM", "PNM", "PAM", "BMP", "NPY"):
        pixels = pixels.astype(np.uint8) * 255
    return pixels


@pytest.mark.parametrize(("name", "kind", "channels"), HELD)
def test_what_is_held_comes_back(rng, name, kind, channels):
    pixels = make(rng, kind, channels)
    if name == "GIF" and kind == "uint8":
        pixels = in_few_colours(pixels)
    image = Image(pixels, channels)
    quality = 100 if codec_of(name).lossy else None
    again = full_range(read(encode(image, name, quality=quality)))
    expected = expected_of(image, name)
    assert again.pixels.dtype == expected.dtype
    assert again.pixels.shape == expected.shape
    allowed = INEXACT.get((name, expected.dtype.name), 0)
    if allowed:
        assert np.abs(again.pixels.astype(int) - expected).max() <= allowed
    else:
        assert np.array_equal(again.pixels, expected)
    if name != "NPY" and (name, kind, channels) not in WIDENED:
        assert again.channels == channels


@pytest.mark.parametrize(("name", "kind", "channels"), REFUSED)
def test_what_is_not_held_is_refused(rng, name, kind, channels):
    with pytest.raises(ImageError) as caught:
        encode(Image(make(rng, kind, channels, (3, 4)), channels), name)
    message = str(caught.value)
    assert message.startswith(f"{name} can't hold ")
    assert "`" in message


@pytest.mark.parametrize(("name", "kind", "channels"), REFUSED)
def test_what_is_proposed_instead_works(name, kind, channels):
    """Each other file name that a refusal proposes holds the image."""
    with pytest.raises(ImageError) as caught:
        check_holds(kind, channels, name)
    for word in str(caught.value).replace(",", " ").split():
        if word.startswith("NAME"):
            assert check_holds(kind, channels, format_of(word)) == ()


@pytest.mark.parametrize(
    ("name", "kind", "channels", "options"),
    [
        ("JPEG", "uint8", "RGBA", "`alpha` drop"),
        ("JPEG", "uint16", "RGB", "`depth` 8"),
        ("JPEG", "uint16", "RGBA", "`depth` 8 `alpha` drop"),
        ("PNG", "float32", "RGB", "`depth` 16"),
        ("BMP", "uint8", "RGBA", "`alpha` drop"),
        ("PPM", "uint16", "RGBA", "`alpha` drop"),
        ("PGM", "uint8", "RGB", "`gray`"),
        ("PGM", "uint8", "RGBA", "`gray` `alpha` drop"),
        ("PNG", "uint8", "CMYK", "`path` NAME.jpg"),
        ("PNG", "uint8", "?????", "`path` NAME.tif"),
        ("PBM", "uint8", "L", "`path` NAME.png, or `path` NAME.pgm"),
        ("PFM", "float64", "RGB", "`depth` float"),
        ("WEBP", "uint16", "RGB", "`depth` 8"),
        ("GIF", "uint16", "L", "`depth` 8"),
    ],
)
def test_the_options_that_help_are_named(name, kind, channels, options):
    with pytest.raises(ImageError) as caught:
        check_holds(kind, channels, name)
    assert options in str(caught.value)


def test_what_happens_nonetheless_is_said():
    assert "256 colours" in check_holds("uint8", "RGB", "GIF")[0]
    assert check_holds("uint8", "L", "GIF") == ()
    assert "12 bits" in check_holds("uint16", "RGB", "AVIF")[0]
    assert check_holds("uint8", "RGB", "AVIF") == ()


def test_gif_refuses_partial_alpha(rng):
    pixels = make(rng, "uint8", "RGBA", (5, 5))
    pixels[0, 0, 3] = 128
    with pytest.raises(ImageError, match=r"partly transparent.*`alpha` drop"):
        encode(Image(pixels), "GIF")


def test_gif_of_many_colours_is_near(rng):
    pixels = np.linspace(0, 255, 60 * 60 * 3).reshape(60, 60, 3).astype(np.uint8)
    again = read(encode(Image(pixels), "GIF"))
    assert np.abs(again.pixels.astype(int) - pixels).mean() < 4


@pytest.mark.parametrize(
    "format", ["PNG", "TIFF", "WEBP", "PPM", "JPEG2000", "JPEGXL", "NPY", "GIF"]
)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 3), (7, 8), (8, 17)])
def test_small_sizes(rng, format, size):
    pixels = in_few_colours(make(rng, "uint8", "RGB", size))
    pixels[0, 0] = (64, 128, 0)
    assert np.array_equal(read(encode(Image(pixels), format)).pixels, pixels)


EXACT = [
    name
    for name in FORMATS
    if codec_of(name).decode
    and codec_of(name).has("uint8", "RGB")
    and not codec_of(name).lossy
    # Of 256 colours.
    and name != "GIF"
]


@pytest.mark.parametrize("name", EXACT)
def test_what_loses_nothing_shows_what_png_shows(name, samples, tmp_path):
    suffix = FORMATS[name].suffixes[0]
    for target in (tmp_path / "a.png", tmp_path / f"b{suffix}"):
        assert call("apply", "sobel", samples / "chelsea.png", "-o", target).status == 0
    assert np.array_equal(read(tmp_path / f"b{suffix}").pixels, read(tmp_path / "a.png").pixels)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("format", "most"), [("webp", 16383), ("jpg", 65500), ("gif", 65535), ("avif", 32768)]
)
def test_a_side_that_is_too_long_is_told(format, most, turned):
    """WebP said that what it holds makes no sense; AVIF files were written that nobody reads."""

    def made(side):
        pixels = np.zeros((1, side), np.uint8)
        return Image(pixels.T if turned else pixels)

    assert read(encode(made(most), format)).pixels.shape[not turned] == most
    with pytest.raises(ImageError, match=rf"at most {most} a side; use `path` NAME\.png"):
        encode(made(most + 1), format)
    if codec_of(parse_format(format)).several:
        with pytest.raises(ImageError, match=f"at most {most} a side"):
            encode(Frames.of([made(most + 1)] * 2), parse_format(format))


def test_every_suffix_is_known():
    assert SUFFIXES[".tiff"] == SUFFIXES[".tif"] == "TIFF"
    written = {suffix: name for suffix, name in SUFFIXES.items() if FORMATS[name].written}
    assert {*SUFFIXES} - {*written} == {".heic", ".heif", ".hif", ".heics", ".heifs"}
    for suffix, name in written.items():
        assert format_of("a" + suffix.upper()) == parse_format(suffix) == name
        assert parse_format(name.lower()) == name


@pytest.mark.parametrize(
    ("path", "words"), [("a.txt", "'.txt'"), ("a", "no suffix"), ("a.tar.gz", "'.gz'")]
)
def test_an_unknown_suffix_is_named(path, words):
    with pytest.raises(ImageError, match=words) as caught:
        format_of(path)
    assert ".png" in str(caught.value)
    assert "`format`" in str(caught.value)


def test_an_unknown_format_is_named():
    with pytest.raises(ImageError, match="no image format named 'pgn'"):
        parse_format("pgn")


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "empty: 0 bytes"),
        (b"hello", "not an image"),
        (b"%PDF-1.4", "a PDF document"),
        (b"%!PS-Adobe EPSF", "a PostScript document"),
        (b"<?xml version", "an XML document"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "film"),
        (b"P5", "not an image"),
        (b"Print this", "not an image"),
    ],
)
def test_what_is_no_image_is_told(head, words):
    with pytest.raises(ImageError, match=words):
        recognise(head)


@pytest.mark.parametrize("name", FORMATS)
def test_a_codec_is_what_its_entry_says(name):
    """What a codec imports later is there, and what it writes is told by its first bytes."""
    codec, entry = codec_of(name), FORMATS[name]
    assert codec.name == name
    for given in (getattr(codec, slot) for slot in codec.__record_slots__):
        if isinstance(given, LazyFunction):
            assert callable(given.load())
    assert codec.decode is None or entry.magic or entry.brands or entry.family or entry.needs[0]
    assert codec.several == (codec.open is not None)
    assert entry.written == (codec.encode is not None) == bool(codec.holds)
    if not entry.written:
        return
    dtype, channels = next(iter(codec.holds.items()))
    image = Image(np.zeros((3, 4), dtype), "L")
    if codec.has(dtype, "L"):
        assert recognise(encode(image, name)) in (name, "PBM")
    assert channels


def test_the_toy_format_of_the_page_works():
    """The page from which a stranger adds a format has all of one."""
    page = codec_module.__doc__
    code = page[page.index("    import struct") : page.index("and in `formats.FORMATS`")]
    toy = {}
    exec(textwrap.dedent(code), toy)
    codec = toy["CODEC"]
    image = Image(np.arange(12, dtype=np.uint8).reshape(3, 4))
    data = codec.encode(image)
    assert np.array_equal(codec.decode(data, 12).pixels, image.pixels)
    assert codec.header(lambda at, size: data[at : at + size]).size == (3, 4)
    with pytest.raises(ImageError, match="cut short"):
        codec.decode(data[:-1], 12)
    with pytest.raises(ImageError, match="the limit is 11"):
        codec.decode(data, 11)

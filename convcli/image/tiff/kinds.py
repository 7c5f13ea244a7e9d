"""Which kinds of TIFF pages are read, and what is said of the others.

The numbers are those of TIFF 6.0, its supplements, and the registry that libtiff keeps.
"""

from __future__ import annotations

from typing import Any

from convcli.errors import ImageError
from convcli.image.tiff import ifd

#: Codings of pixels that are read, by tag 259.
CODINGS = {
    1: "none",
    2: "CCITT run lengths",
    3: "CCITT group 3",
    4: "CCITT group 4",
    5: "LZW",
    6: "old-style JPEG",
    7: "JPEG",
    8: "Deflate",
    32773: "PackBits",
    32946: "Deflate",
    33005: "JPEG 2000",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG",
    34925: "LZMA",
    34926: "Zstandard",
    34927: "WebP",
    34933: "PNG",
    34934: "JPEG XR",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
}
#: Codings that aren't read.
UNREAD = {
    9: "JBIG",
    10: "JBIG",
    99: "JPEG of Leaf's cameras",
    103: "JPEG of Imacon's cameras",
    262: "Kodak's DCS coding",
    22610: "JPEG XR of NDPI slides",
    32766: "NeXT's RLE",
    32767: "Sony's ARW coding",
    32769: "packed camera data",
    32770: "Samsung's SRW coding",
    32771: "CCITT run lengths in whole words",
    32772: "Samsung's SRW coding",
    32809: "ThunderScan",
    32895: "IT8 CTPAD",
    32896: "IT8 line work",
    32897: "IT8 monochrome images",
    32898: "IT8 binary line work",
    32908: "Pixar's film coding",
    32909: "PixarLog",
    32947: "Kodak's DCS coding",
    33003: "JPEG 2000 of YCbCr as Aperio's scanners write it",
    33004: "lossy JPEG 2000",
    33007: "JPEG of Leaf's scanners",
    34661: "JBIG",
    34676: "SGI's LogLuv",
    34677: "SGI's 24-bit LogLuv",
    34692: "LuraDocument",
    34713: "Nikon's NEF coding",
    34715: "JBIG2",
    34718: "Microsoft's document imaging",
    34719: "Microsoft's document imaging",
    34720: "Microsoft's document imaging",
    48124: "Jetraw",
    50013: "PIXTIFF",
    52546: "JPEG XL of DNG",
    65000: "electron events (EER)",
    65001: "electron events (EER)",
    65002: "electron events (EER)",
}
MINISWHITE, MINISBLACK, RGB, PALETTE, SEPARATED, YCBCR = 0, 1, 2, 3, 5, 6
CIELAB, ICCLAB = 8, 9
#: What samples mean, by tag 262, where that is read; YCbCr in JPEG only.
MEANINGS = {
    MINISWHITE: "gray, white is zero",
    MINISBLACK: "gray",
    RGB: "RGB",
    PALETTE: "palette",
    SEPARATED: "CMYK and other inks",
    YCBCR: "YCbCr",
    CIELAB: "CIE L*a*b*",
    ICCLAB: "ICC L*a*b*",
}
#: What samples mean where that isn't read.
UNREAD_MEANINGS = {
    4: "a mask",
    10: "ITU L*a*b*",
    32803: "a camera's colour filters, not yet colours (CFA)",
    32844: "the logarithm of luminance (LogL)",
    32845: "the logarithm of luminance, and CIE u'v' (LogLuv)",
    34892: "a camera's own colours (linear raw)",
    51177: "depths",
    52527: "a mask",
}
FAX = (2, 3, 4)
JPEG = (6, 7, 34892)
OLD_JPEG, LERC, JPEG_XR = 6, 34887, 34934
#: Codings whose segments are images that say their size and depth.
IMAGES = (*JPEG, 33005, 34712, 34887, 34927, 34933, 34934, 50001, 50002)
#: Of these, those that may take samples for red, green and blue.
_LIGHT = (*JPEG, 34927, 34934, 50001)
#: Codings that may have samples stored as differences; elsewhere programs disagree.
_PREDICTABLE = (5, 8, 32946, 34925, 34926, 50000)
_DIFFERENCES, _REAL_DIFFERENCES = 2, 3
_UNSIGNED, _SIGNED, _REAL = 1, 2, 3
#: Sample formats, by tag 339.
_FORMATS = {_UNSIGNED: "whole", _SIGNED: "signed whole", _REAL: "real", 4: "undefined",
            5: "complex whole", 6: "complex"}  # fmt: skip
#: Bits a sample that are read; 24 and the like are words for some programs and bits for others.
_BITS = {
    _UNSIGNED: (*range(1, 24), *range(25, 33), 64),
    _SIGNED: (8, 16, 32, 64),
    _REAL: (16, 32, 64),
}
#: Sample formats and bits of L*a*b*: a* and b* have a sign whatever these say.
_LAB_SAMPLES = ((_UNSIGNED, 8), (_UNSIGNED, 16), (_REAL, 16), (_REAL, 32), (_REAL, 64))
_T6_OPTIONS, _SAMPLE_FORMAT, _LERC_PARAMETERS = 293, 339, 50674
#: What to do about it.
CONVERT = 'convert it first, with ImageMagick for instance: "magick IN.tif OUT.png"'


def check_types(data: bytes, at: int | None = None) -> None:
    """Refuse a page whose channels have different types, of which tifffile makes nothing.

    Parameters
    ----------
    data
        The whole file.
    at
        Where the page's directory is; None for the first page's.

    Raises
    ------
    ImageError
        If it has.
    """
    if ifd.differ(data, at, _SAMPLE_FORMAT):
        raise ImageError(f"its channels have different types, which isn't read; {CONVERT}")


def check_kind(page: Any) -> None:
    """Refuse a page of a kind that isn't read, and say which it is.

    Parameters
    ----------
    page
        As tifffile has it.

    Raises
    ------
    ImageError
        If it is.
    """
    coding = int(page.compression)
    if coding not in CODINGS:
        name = f"with {UNREAD[coding]}" if coding in UNREAD else f"in an unknown way ({coding})"
        raise ImageError(f"its pixels are coded {name}, which isn't read; {CONVERT}")
    if page.imagedepth != 1 or page.tiledepth not in (0, 1):
        raise ImageError("it is a TIFF volume, which isn't read; expected flat pages")
    _check_meaning(page)
    _check_samples(page)
    _check_predictor(page)
    _check_coding(page)


def _check_meaning(page: Any) -> None:
    meaning = int(page.photometric)
    if meaning not in MEANINGS:
        name = UNREAD_MEANINGS.get(meaning, f"of an unknown kind ({meaning})")
        raise ImageError(f"its samples are {name}, which isn't read; {CONVERT}")
    if meaning == YCBCR and int(page.compression) not in JPEG:
        raise ImageError(f"its samples are YCbCr outside of JPEG, which isn't read; {CONVERT}")
    if meaning == YCBCR and page.samplesperpixel != 3:
        count = page.samplesperpixel
        raise ImageError(f"its samples are YCbCr in {count} channels, which isn't read; {CONVERT}")


def _check_samples(page: Any) -> None:
    bits = page.bitspersample
    if not isinstance(bits, int):
        raise ImageError(
            f"its channels have different depths ({', '.join(map(str, bits))} bits), which isn't "
            f"read; {CONVERT}"
        )
    form = int(page.sampleformat)
    if bits not in _BITS.get(form, ()):
        raise ImageError(
            f"its samples are {name_of(form)} numbers of {bits} bits, which isn't read; expected "
            f"whole numbers of 1 to 32 bits but 24, or real ones of 16, 32 or 64"
        )
    if int(page.photometric) in (CIELAB, ICCLAB) and (form, bits) not in _LAB_SAMPLES:
        raise ImageError(
            f"its samples are {name_of(form)} numbers of {bits} bits of L*a*b*, which isn't read; "
            f"expected 8 or 16 bits, or real ones"
        )
    if int(page.photometric) == PALETTE and (form != _UNSIGNED or page.samplesperpixel != 1):
        raise ImageError(
            f"it has a palette and {page.samplesperpixel} channels of {name_of(form)} numbers, "
            f"which isn't read; {CONVERT}"
        )


def name_of(form: int) -> str:
    """Return a sample format in words."""
    return _FORMATS.get(form, f"unknown (SampleFormat {form})")


def _check_predictor(page: Any) -> None:
    predictor, bits = int(page.predictor), page.bitspersample
    # Images within pages have no use for it, and all programs pass it over.
    if predictor == 1 or int(page.compression) in IMAGES:
        return
    real = int(page.sampleformat) == _REAL
    fits = {_DIFFERENCES: bits in (8, 16, 32, 64), _REAL_DIFFERENCES: real}.get(predictor, False)
    if not fits:
        raise ImageError(
            f"its samples are stored with predictor {predictor}, which isn't read for {bits}-bit "
            f"{name_of(int(page.sampleformat))} numbers; {CONVERT}"
        )
    if int(page.compression) not in _PREDICTABLE:
        raise ImageError(
            f"it names predictor {predictor} without a coding that has one: some programs apply "
            f"it, others don't; save it again without"
        )


def _check_coding(page: Any) -> None:
    """Refuse what a coding can't hold, or holds in a way of its own."""
    coding = int(page.compression)
    if coding in FAX and (page.bitspersample, page.samplesperpixel) != (1, 1):
        what = f"{page.samplesperpixel} channels of {page.bitspersample}-bit samples"
        raise ImageError(f"the TIFF file is damaged: {what} in a fax coding")
    if coding in _LIGHT and int(page.photometric) in (CIELAB, ICCLAB):
        raise ImageError(
            f"its samples are L*a*b* in {CODINGS[coding]}, which isn't read; {CONVERT}"
        )
    if coding in IMAGES and coding not in JPEG and page.fillorder != 1:
        raise ImageError(f"its bytes are filled from the lowest bit, which isn't read; {CONVERT}")
    more = page.tags.valueof(_LERC_PARAMETERS) if coding == LERC else None
    if more is not None and len(more) > 1 and more[1]:
        raise ImageError(
            f"its pixels are coded with LERC and packed once more, which isn't read; {CONVERT}"
        )

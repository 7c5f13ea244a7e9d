"""TIFF and BigTIFF (TIFF 6.0), of any number of pages: their codec."""

from __future__ import annotations

from convcli.image.codec import ANY, EVERYTHING, GRAY, Codec, LazyFunction
from convcli.image.extent import ALLOWANCE, TIMES, most
from convcli.image.header import WIDTHS, Header, Peek


def _extent(peek: Peek, header: Header | None, limit: int) -> int:
    # What is stored of all pages is counted already.
    return ALLOWANCE + TIMES * header.stored if header else most(header, limit)


CODEC = Codec(
    "TIFF",
    {**dict.fromkeys(WIDTHS, ANY), "bool": GRAY},
    decode=LazyFunction("tiff.pages", "decode"),
    encode=LazyFunction("tiff.write", "coder"),
    header=LazyFunction("tiff.header", "tiff"),
    open=LazyFunction("tiff.pages", "open_frames"),
    encode_frames=LazyFunction("tiff.pages", "parts"),
    open_volume=LazyFunction("tiff.pages", "open_frames"),
    encode_volume=LazyFunction("tiff.pages", "parts"),
    extent=_extent,
    options=("compress",),
    carries=EVERYTHING | {"nodata"},
    keeps=("TIFF ", "IPTC", "Photoshop", "Photoshop "),
    remarks=LazyFunction("tiff.layout", "remarks"),
    pages=True,
    peaks=frozenset(2**bits - 1 for bits in range(9, 16)),
    upright=True,
    sure=False,
    scattered=True,
    in_bands=True,
    coder=1.4,
    proposed=5,
)

"""TIFF and BigTIFF (TIFF 6.0), of any number of pages: their codec."""

from __future__ import annotations

from convcli.image.codec import ANY, EVERYTHING, GRAY, Codec, Later
from convcli.image.extent import ALLOWANCE, TIMES, most
from convcli.image.header import Header, Peek


def _extent(peek: Peek, header: Header | None, limit: int) -> int:
    # What is stored of all pages is counted already.
    return ALLOWANCE + TIMES * header.stored if header else most(header, limit)


CODEC = Codec(
    "TIFF",
    {"bool": GRAY, "uint8": ANY, "uint16": ANY, "float32": ANY, "float64": ANY},
    decode=Later("tiff.pages", "decode"),
    encode=Later("tiff.write", "coder"),
    header=Later("tiff.header", "tiff"),
    open=Later("tiff.pages", "open_frames"),
    encode_frames=Later("tiff.pages", "parts"),
    extent=_extent,
    options=("compress",),
    carries=EVERYTHING,
    pages=True,
    upright=True,
    sure=False,
    scattered=True,
    in_bands=True,
    coder=1.4,
    proposed=5,
)

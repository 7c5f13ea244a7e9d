"""Which format a file has, told from its first bytes and never from its name."""

from __future__ import annotations

from convcli.errors import ImageError

#: Bytes from the beginning that are enough to tell.
ENOUGH = 64

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\x93NUMPY", "NPY"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
)
#: Files that people take for images of ours, and what they are.
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML document, perhaps an SVG drawing"),
    (b"PK\x03\x04", "a zip archive"),
    (b"8BPS", "a Photoshop document"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (b"\x76\x2f\x31\x01", "an OpenEXR image"),
    (b"P7\n", "a PAM image (netpbm's P7)"),
    (b"\x89PNG", "a PNG file damaged in transfer: its line ends were changed"),
)
_AVIF_BRANDS = (b"avif", b"avis", b"mif1", b"msf1", b"miaf")
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis")
_PNM = {b"P1": "PBM", b"P4": "PBM", b"P2": "PGM", b"P5": "PGM", b"P3": "PPM", b"P6": "PPM",
        b"Pf": "PFM", b"PF": "PFM"}  # fmt: skip


def recognise(head: bytes) -> str:
    """Return the format's name.

    Parameters
    ----------
    head
        The file's first bytes, `ENOUGH` of them if it has as many.

    Raises
    ------
    ImageError
        If it is no image that can be read.

    Examples
    --------
    >>> recognise(b"GIF89a")
    'GIF'
    """
    if not head:
        raise ImageError("the file is empty: 0 bytes")
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] in _PNM and head[2:3] in b" \t\r\n#" and len(head) > 2:
        return _PNM[head[:2]]
    if head[4:8] == b"ftyp":
        return _boxed(head)
    what = next((words for magic, words in _OTHERS if head.lstrip().startswith(magic)), None)
    raise ImageError(
        f"this is {what}, which can't be read"
        if what
        else "this is not an image in a known format (PNG, JPEG, TIFF, WebP, BMP, "
        "PBM, PGM, PPM, PFM, GIF, AVIF, JPEG 2000, NPY)"
    )


def _boxed(head: bytes) -> str:
    """Tell AVIF from its relatives by the brands in its first box."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    if any(brand in _HEIC_BRANDS for brand in brands):
        raise ImageError("this is a HEIC image, which can't be read: save it as JPEG or PNG")
    if any(brand in _AVIF_BRANDS for brand in brands):
        return "AVIF"
    raise ImageError("this is a film or another kind of media file, not an image")

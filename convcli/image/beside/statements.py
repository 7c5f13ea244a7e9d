"""What EXIF and XMP say of an image, made true of another one, or taken out and named.

A file's own fields say how large it is and what its samples are; EXIF and XMP say it again.
"""

from __future__ import annotations

import re

from convcli.image.beside import photograph, xmp
from convcli.image.beside.block import CHANNELS, DEPTH, PLACE, SIZE, Block
from convcli.image.beside.changes import Change, left_out

_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:=[\"']|>)\s*)[2-8]")
_PANORAMA = b"http://ns.google.com/photos/1.0/panorama/"
#: Regions of an image, faces as a rule, in parts of its sides, and where its subject is.
_REGIONS = (
    (b"http://www.metadataworkinggroup.com/schemas/regions/", ()),
    (b"http://ns.microsoft.com/photo/1.2/", (b"RegionInfo",)),
    (b"http://ns.acdsee.com/regions/", ()),
    (b"http://iptc.org/std/Iptc4xmpExt/2008-02-29/", (b"ImageRegion",)),
)
_SUBJECT = ((xmp.EXIF, (b"SubjectArea", b"SubjectLocation")),)
_PLACED = ((_REGIONS, "face regions"), (_SUBJECT, "subject's place in XMP"))
_SAMPLES = (
    (xmp.TIFF, (b"BitsPerSample", b"PhotometricInterpretation", b"SamplesPerPixel")),
    (b"http://ns.adobe.com/photoshop/1.0/", (b"ColorMode", b"ICCProfile")),
)
_SAMPLE_WORDS = "EXIF and XMP fields on samples"


def settled(
    exif: bytes | None, packet: bytes | None, orientation: int, size: tuple[int, int]
) -> tuple[bytes | None, bytes | None, tuple[Block, ...]]:
    """Return EXIF and XMP without what is true of no result, and what that is.

    Parameters
    ----------
    exif, packet
        As they were read; EXIF still says how the image is turned, and has its thumbnail.
    orientation
        How the image is turned upright, 1 to 8.
    size
        (rows, cols) as they are stored.
    """
    words: tuple[str, ...] = ()
    if exif and photograph.has_thumbnail(exif):
        words += ("EXIF thumbnail",)
    if exif:
        exif, found = photograph.without_previews(exif)
        words += ("preview in EXIF",) * found
    if exif and orientation > 1 and photograph.places_subject(exif):
        exif = photograph.moved(
            exif, lambda x, y: turned(x, y, orientation, size), swapped=orientation >= 5
        )
    if packet:
        packet = _XMP_ORIENTATION.sub(rb"\g<1>1", packet)
        packet, gone = xmp.settled(packet)
        words += gone
        if orientation > 1:
            packet, gone = _without_placed(packet, (((_PANORAMA, ()),), "panorama"))
            words += gone
    return exif, packet, tuple(Block("XMP", each) for each in words)


def turned(x: float, y: float, orientation: int, size: tuple[int, int]) -> tuple[float, float]:
    """Return where a stored place is once an image is upright (Exif 2.32, table 6).

    Examples
    --------
    >>> turned(0, 0, 6, (480, 640))
    (479, 0)
    """
    rows, cols = size
    if orientation >= 5:
        x, y, rows, cols = y, x, cols, rows
    if orientation in (3, 4, 7, 8):
        y = rows - 1 - y
    if orientation in (2, 3, 6, 7):
        x = cols - 1 - x
    return x, y


def adapted(
    exif: bytes | None, packet: bytes | None, change: Change
) -> tuple[bytes | None, bytes | None, tuple[str, ...]]:
    """Return EXIF and XMP that are true of a result, and what is to be said of what isn't there.

    Parameters
    ----------
    exif, packet
        As `settled` gave them.
    change
        How the result differs.
    """
    what, notes = change.what, []
    size = change.sizes[1] if change.sizes else None
    place = what & {SIZE, PLACE}
    if exif and size is not None:
        exif = photograph.resized(exif, size)
        if place and photograph.places_subject(exif):
            scale = (1 / change.step[1], 1 / change.step[0])
            exif = photograph.moved(exif, lambda x, y: _moved(x, y, change), scale=scale)
    if packet and size is not None:
        packet = _resized(packet, size)
        if place:
            packet, gone = _without_placed(_panorama(packet, size, change))
            notes += [left_out(gone, place)] if gone else []
    samples = what & {CHANNELS, DEPTH}
    if samples:
        before = exif, packet
        exif = photograph.without_samples(exif) if exif else exif
        packet = _without(packet, _SAMPLES)[0] if packet else packet
        if (exif, packet) != before:
            notes.append(left_out([_SAMPLE_WORDS], samples))
    return exif, packet, tuple(notes)


def _moved(x: float, y: float, change: Change) -> tuple[float, float]:
    return (x - change.origin[1]) / change.step[1], (y - change.origin[0]) / change.step[0]


def _without(
    packet: bytes, gone: tuple[tuple[bytes, tuple[bytes, ...]], ...]
) -> tuple[bytes, bool]:
    """Return a packet without some properties, and whether any was there."""
    left = packet
    for space, names in gone:
        if space in left:
            left = xmp.removed(left, space, names)
    return left, left != packet


def _without_placed(
    packet: bytes, *more: tuple[tuple[tuple[bytes, tuple[bytes, ...]], ...], str]
) -> tuple[bytes, tuple[str, ...]]:
    """Return a packet without places in the image, and what these were."""
    gone: tuple[str, ...] = ()
    for placed, said in (*_PLACED, *more):
        packet, without = _without(packet, placed)
        gone += (said,) * without
    return packet, gone


def _resized(packet: bytes, size: tuple[int, int]) -> bytes:
    names = (
        (xmp.TIFF, b"ImageWidth", size[1]),
        (xmp.TIFF, b"ImageLength", size[0]),
        (xmp.EXIF, b"PixelXDimension", size[1]),
        (xmp.EXIF, b"PixelYDimension", size[0]),
    )
    for space, name, number in names:
        if name in packet:
            packet = xmp.replaced(packet, space, name, b"%d" % number)
    return packet


def _panorama(packet: bytes, size: tuple[int, int], change: Change) -> bytes:
    """Say which part of a whole panorama the result is, in its own samples."""
    if _PANORAMA not in packet:
        return packet
    (top, left), (down, across) = change.origin, change.step
    exact = {b"CroppedAreaImageWidthPixels": size[1], b"CroppedAreaImageHeightPixels": size[0]}
    scaled = {
        b"FullPanoWidthPixels": (0.0, across),
        b"FullPanoHeightPixels": (0.0, down),
        b"CroppedAreaLeftPixels": (left, across),
        b"CroppedAreaTopPixels": (top, down),
    }
    for name in (*exact, *scaled):
        said = xmp.value(packet, _PANORAMA, name)
        if said is None:
            continue
        try:
            more, step = scaled.get(name, (0.0, 1.0))
            number = exact.get(name, round((float(said) + more) / step))
        except ValueError:
            continue
        packet = xmp.replaced(packet, _PANORAMA, name, b"%d" % number)
    inside = tuple(
        b"LargestValidInteriorRect" + each for each in (b"Left", b"Top", b"Width", b"Height")
    )
    return xmp.removed(packet, _PANORAMA, inside)

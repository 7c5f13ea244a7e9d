"""Netpbm streams: an image, or several of any kind and size, one behind the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from convcli.image.extent import ALLOWANCE, most
from convcli.image.frames import Frames, check_total
from convcli.image.header import Header, Peek, peek_into
from convcli.image.image import Image
from convcli.image.limits import TOGETHER
from convcli.image.netpbm.layout import Layout, images, next_after
from convcli.image.netpbm.read import decode as read_one
from convcli.image.netpbm.read import encode
from convcli.record import replace

#: Images of a stream: more than one would wait for.
_MOST = 2**20
#: What several images of different kinds are together: what holds all of them.
_FAMILY, _ANY = "PNM", "PAM"


def decode(data: bytes, limit: int) -> Image:
    """Read a stream's first image.

    Raises
    ------
    ImageError
        If it is damaged or cut short, or has more than `limit` pixels.
    """
    image = read_one(data, limit)
    found = _layouts(data)
    if not found:
        return image
    notes = (*image.meta.notes, *_behind(data, found[-1]))
    return replace(image, meta=replace(image.meta, frames=len(found), notes=notes))


def open_frames(data: bytes, limit: int) -> Frames:
    """Open a stream: its images, as pages.

    Raises
    ------
    ImageError
        If the first one's header makes no sense, or they have too many pixels together.
    """
    found = _layouts(data)
    if len(found) < 2:
        image = decode(data, limit)
        return Frames.of([image], format=image.meta.format)
    check_total(len(found), sum(each.size[0] * each.size[1] for each in found), limit)
    names = {each.name for each in found}
    several = _ANY if _ANY in names else _FAMILY
    return Frames(
        len(found),
        lambda first: _pages(data, found, first, limit),
        format=found[0].name if len(names) == 1 else several,
        sizes=tuple(each.header.nbytes for each in found),
        notes=_behind(data, found[-1]),
    )


def frame_parts(frames: Frames, format: str) -> Iterator[bytes]:
    """Yield images of a format, one behind the other."""
    for image in frames:
        yield encode(image, format)
        del image


def extent(peek: Peek, header: Header | None, limit: int) -> int:
    """Return how many bytes of a large stream are read: to behind its last image.

    Parameters
    ----------
    peek, header, limit
        As for `extent.extent`.
    """
    end, left = 0, TOGETHER * limit
    for each in images(peek, _MOST):
        left -= each.size[0] * each.size[1]
        if each.plain or left < 0:
            return max(end, most(header, limit))
        end = each.end
    return end + ALLOWANCE if end else most(header, limit)


def _layouts(data: bytes) -> list[Layout]:
    """Return where a stream's images are, as far as their headers can be read."""
    found: list[Layout] = []
    # The first one's is refused when it is read; of a later one it is said that it is no image.
    with suppress(ValueError, KeyError):
        found.extend(images(peek_into(data), _MOST, data))
    return found


def _pages(data: bytes, found: list[Layout], first: int, limit: int) -> Iterator[Image]:
    """Give the images from a number on."""
    for number in range(first, len(found)):
        end = found[number + 1].start if number + 1 < len(found) else len(data)
        image = read_one(data[found[number].start : end], limit)
        yield replace(image, meta=replace(image.meta, frames=len(found)))


def _behind(data: bytes, last: Layout) -> tuple[str, ...]:
    """Say that something stands behind the last image that is none."""
    if last.plain:
        return ()
    at = next_after(peek_into(data), last, None)
    if at is None:
        return ()
    return ("what follows the last image in the file is no image: left out",)

"""Images as addresses that hold them, so that a page needs no other file."""

from __future__ import annotations

from base64 import b64encode

from convcli.image.files import encode
from convcli.image.image import Image

#: Samples up to which a small image is kept exactly.
_EXACT = 64 * 64
_QUALITY = 86


def address(image: Image) -> str:
    """Return a small image as a `data:` address: WebP, or PNG where every sample can be seen.

    Parameters
    ----------
    image
        uint8.
    """
    if image.size[0] * image.size[1] <= _EXACT:
        return exact_address(image)
    return _data("image/webp", encode(image, "WEBP", quality=_QUALITY))


def exact_address(image: Image) -> str:
    """Return an image as a `data:` address, exactly."""
    return _data("image/png", encode(image, "PNG"))


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"

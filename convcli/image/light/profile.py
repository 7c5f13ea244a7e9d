"""What an ICC profile says that matters here: its colour space (ICC.1:2022, section 7.2)."""

from __future__ import annotations

from convcli.image.channels import colour_count, colour_of

_SPACES = {b"GRAY": "L", b"RGB ": "RGB", b"CMYK": "CMYK", b"Lab ": "Lab"}


def fits(icc: bytes, channels: str) -> bool:
    """Whether a profile describes images of those channels; else it must not be embedded."""
    space, colour = icc[16:20], colour_of(channels)
    if not colour and space[1:] == b"CLR":
        # Inks of any sort, counted in hexadecimal.
        return space[:1] == b"%X" % colour_count(channels)
    return bool(colour) and _SPACES.get(space) == colour

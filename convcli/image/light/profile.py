"""What an ICC profile says that matters here: its colour space (ICC.1:2022, section 7.2)."""

from __future__ import annotations

_SPACES = {b"GRAY": ("L", "LA"), b"RGB ": ("RGB", "RGBA"), b"CMYK": ("CMYK",)}


def fits(icc: bytes, channels: str) -> bool:
    """Whether a profile describes images of those channels; else it must not be embedded."""
    return channels in _SPACES.get(icc[16:20], ())

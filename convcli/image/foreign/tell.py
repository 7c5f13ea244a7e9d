"""What a file is that no codec reads, told from its first bytes."""

from __future__ import annotations

from convcli.image.foreign.kinds import FOREIGN, LEFT_OUT, Foreign

#: Marks of the order of bytes, before a text.
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
#: Image types, bits a pixel, and kinds of colour map that TGA has (Truevision 2.0, page 6).
_TGA_TYPES, _TGA_BITS, _TGA_MAPS = (1, 2, 3, 9, 10, 11), (8, 15, 16, 24, 32), (0, 1)
#: Versions and bits a sample of PCX (ZSoft, revision 5).
_PCX_VERSIONS, _PCX_BITS = (0, 2, 3, 4, 5), (1, 2, 4, 8)
_AGAIN = "if it was saved from the web it is an error message: fetch the image again"
#: Kinds of media files by the brand that theirs begin with (ISO/IEC 14496-12, section 4.3).
_SOUND_BRANDS = (b"M4A ", b"M4B ", b"F4A ")


def foreign_of(head: bytes) -> Foreign | None:
    """Return what kind of file begins so; None if it is none that is known.

    Parameters
    ----------
    head
        The file's first bytes, some hundreds.

    Examples
    --------
    >>> foreign_of(b"qoif" + bytes(60)).what
    'a QOI image'
    >>> foreign_of(b"<!DOCTYPE html><html>").what
    'an HTML page'
    """
    for kind in FOREIGN:
        if any(head.startswith(word, place) for place, word in kind.magic):
            return kind
    return _media(head) or _by_fields(head) or _text(head)


def media(head: bytes) -> Foreign:
    """Return what a file of boxes is that holds no image."""
    if head[8:12] in _SOUND_BRANDS:
        return Foreign(
            "a sound file", "convcli signal filters sound, as WAV: ffmpeg -i NAME NAME.wav"
        )
    return Foreign(
        "a film or another kind of media file",
        "take frames out first, as with: ffmpeg -i NAME NAME-%04d.png",
    )


def _media(head: bytes) -> Foreign | None:
    """Tell films of boxes that say no brand (QuickTime File Format, 2012)."""
    return media(head) if head[4:8] in (b"moov", b"mdat", b"wide", b"ftyp") else None


def _by_fields(head: bytes) -> Foreign | None:
    """Tell formats without a magic word, by fields that make sense."""
    if len(head) < 18:
        return None
    sides = any(head[12:14]) and any(head[14:16])
    if head[1] in _TGA_MAPS and head[2] in _TGA_TYPES and head[16] in _TGA_BITS and sides:
        return LEFT_OUT[".tga"]
    if head[0] == 10 and head[1] in _PCX_VERSIONS and head[2] == 1 and head[3] in _PCX_BITS:
        return LEFT_OUT[".pcx"]
    return None


def _text(head: bytes) -> Foreign | None:
    """Tell texts, and what is written in them."""
    begun = head
    for mark in _MARKS:
        begun = begun.removeprefix(mark)
    begun = begun.replace(b"\0", b"").strip().lower()
    if begun.startswith(b"<"):
        return _marked_up(begun)
    if b"#define" in begun and b"_width" in begun:
        return LEFT_OUT[".xbm"]
    if begun.startswith(b"%pdf"):
        return LEFT_OUT[".pdf"]
    if not begun or not _is_text(head):
        return None
    if begun.startswith((b'{"', b"{\n", b"[{")):
        return Foreign("JSON", _AGAIN)
    return Foreign("text", "")


def _marked_up(begun: bytes) -> Foreign:
    """Tell what is written in angle brackets, of lower case."""
    if b"<svg" in begun:
        return LEFT_OUT[".svg"]
    if b"<html" in begun or b"<!doctype html" in begun or begun.startswith((b"<head", b"<body")):
        return Foreign("an HTML page", _AGAIN)
    return Foreign("an XML document", _AGAIN)


def _is_text(head: bytes) -> bool:
    """Whether bytes are text as UTF-8, of which the last character may be cut."""
    try:
        words = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3 or error.reason != "unexpected end of data":
            return False
        words = head[: error.start].decode()
    return all(character.isprintable() or character in "\t\r\n\f" for character in words)

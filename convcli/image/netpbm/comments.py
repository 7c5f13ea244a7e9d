"""Comments in the headers of the netpbm family: a # and the rest of a line."""

from __future__ import annotations

import re

from convcli.image.beside.block import letters
from convcli.image.image import Meta

_COMMENT = re.compile(rb"#([^\r\n]*)")
_BREAKS = re.compile(r"[\r\n]+")


def comments(header: bytes) -> tuple[tuple[str, str], ...]:
    """Return what a header's comments say, as text."""
    if b"#" not in header:
        return ()
    said = [letters(found.strip()) for found in _COMMENT.findall(header)]
    text = "\n".join(each for each in said if each)
    return (("Comment", text),) if text else ()


def with_comments(coded: bytes, meta: Meta) -> bytes:
    """Return a file with text as comments, behind the line that says of which kind it is."""
    if not meta.text:
        return coded
    lines = []
    for key, value in meta.text:
        said = value if key == "Comment" else f"{key}: {value}"
        lines += [f"# {line}\n".encode() for line in _BREAKS.split(said)]
    return coded[:3] + b"".join(lines) + coded[3:]

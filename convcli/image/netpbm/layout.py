"""Where the images of a netpbm stream begin and end: one may follow the other (`pbm(5)`).

NumPy isn't needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from convcli.image.header import HEAD, WIDTHS, Header, Peek, whole_type
from convcli.record import record

_NUMBER = re.compile(rb"(?:\s|#[^\r\n]*[\r\n])+([^\s#]+)")
_PAM_LINE = re.compile(rb"[ \t]*(?:#[^\n]*|([A-Z]+)(?:[ \t]+([^\n]*?))?[ \t\r]*)\n")
#: What a file holds, by how it begins.
NAMES = {
    b"P1": "PBM", b"P4": "PBM", b"P2": "PGM", b"P5": "PGM", b"P3": "PPM", b"P6": "PPM",
    b"P7": "PAM", b"Pf": "PFM", b"PF": "PFM",
}  # fmt: skip
#: Those whose samples are written as text.
PLAIN = (b"P1", b"P2", b"P3")
#: What may begin the next image of a text.
_NEXT = re.compile(rb"#[^\r\n]*|(P[1-7f])(?=[\s#])")
_SPACE = b" \t\r\n\v\f"
#: Bytes that are looked at for what follows an image.
_LOOK = 64


@record
class Layout:
    """One image of a stream, told from its header.

    Parameters
    ----------
    name
        Its format.
    size
        (rows, cols).
    depth
        How many samples a pixel has.
    bits
        Of a sample in the file; 1, 8, 16 or 32.
    start
        Where it begins.
    pixels
        Where its samples begin.
    plain
        Whether they are text.
    dtype
        The type that samples get.
    """

    name: str
    size: tuple[int, int]
    depth: int
    bits: int
    start: int
    pixels: int
    plain: bool
    dtype: str

    @property
    def end(self) -> int:
        """Where its samples end, if they aren't text."""
        rows, cols = self.size
        return self.pixels + rows * -(-cols * self.depth * self.bits // 8)

    @property
    def header(self) -> Header:
        """What is known of it, as all formats say it."""
        samples = self.size[0] * self.size[1] * self.depth
        wide = WIDTHS[self.dtype]
        # Words of text are objects of 33 bytes and more, and a place in a list each.
        words = self.plain and self.bits > 1
        overhead = samples * (60 if words else 3 * wide)
        stored = samples * 16 if self.plain else samples * wide
        head = self.pixels - self.start
        return Header(self.name, self.size, self.depth, self.dtype, overhead, stored=stored + head)


def layout(peek: Peek, start: int = 0) -> Layout | None:
    """Return how an image of a stream is laid out; None if there is none, or its header is cut.

    Raises
    ------
    ValueError
        If a number isn't one.
    """
    head = peek(start, HEAD)
    magic = head[:2]
    if magic not in NAMES or head[2:3] not in _after(magic):
        return None
    if magic == b"P7":
        return _pam(head, start)
    numbers, at = [], 2
    for _ in range(2 if magic in (b"P1", b"P4") else 3):
        found = _NUMBER.match(head, at)
        if found is None:
            return None
        numbers.append(found[1])
        at = found.end()
    name = NAMES[magic]
    bits = {"PBM": 1, "PFM": 32}.get(name) or (8 if int(numbers[2]) < 256 else 16)
    depth = 3 if magic in (b"P3", b"P6", b"PF") else 1
    size = int(numbers[1]), int(numbers[0])
    # One byte of white space stands between the header and the samples.
    dtype = {1: "bool", 32: "float32"}.get(bits) or whole_type(bits)
    return Layout(name, size, depth, bits, start, start + at + 1, magic in PLAIN, dtype)


def _after(magic: bytes) -> tuple[bytes, ...]:
    """Return what may stand behind a magic word."""
    if magic == b"P7":
        return (b"\n", b"\r")
    return (b"#", *(bytes([byte]) for byte in _SPACE))


def _pam(head: bytes, start: int) -> Layout | None:
    """Read the header of a PAM image (`pam(5)`), as far as the layout goes."""
    fields, end = pam_fields(head)
    if end < 0:
        return None
    cols, rows, depth = (int(fields[key]) for key in (b"WIDTH", b"HEIGHT", b"DEPTH"))
    bits = 8 if int(fields[b"MAXVAL"]) < 256 else 16
    dtype = "bool" if is_bilevel(fields) else whole_type(bits)
    return Layout("PAM", (rows, cols), depth, bits, start, start + end, False, dtype)


def pam_fields(head: bytes) -> tuple[dict[bytes, bytes], int]:
    """Return what the lines of a PAM header say, and where they end; -1 if they don't."""
    fields: dict[bytes, bytes] = {}
    at = head.find(b"\n") + 1
    while found := _PAM_LINE.match(head, at):
        at = found.end()
        key, value = found[1], (found[2] or b"").strip()
        if key == b"ENDHDR":
            return fields, at
        if key == b"TUPLTYPE" and key in fields:
            # Several lines are one type, with blanks between.
            value = fields[key] + b" " + value
        if key is not None:
            fields[key] = value
    return fields, -1


def is_bilevel(fields: dict[bytes, bytes]) -> bool:
    """Whether the samples of a PAM image are black and white alone, without alpha."""
    return fields.get(b"TUPLTYPE") == b"BLACKANDWHITE" and fields.get(b"MAXVAL") == b"1"


def images(peek: Peek, most: int, data: bytes | None = None) -> Iterator[Layout]:
    """Give the layouts of a stream's images, one behind the other, up to `most`.

    Parameters
    ----------
    peek
        Gives the stream's bytes.
    most
        How many at the most.
    data
        All of them, if they are there: a text ends where the next image begins.
    """
    at = 0
    for _ in range(most):
        found = layout(peek, at)
        if found is None or min(found.size) < 1 or found.depth < 1:
            return
        yield found
        following = next_after(peek, found, data)
        if following is None:
            return
        at = following


def next_after(peek: Peek, image: Layout, data: bytes | None) -> int | None:
    """Return where the next image may begin; None if nothing but white space follows."""
    if image.plain:
        found = data and next(filter(lambda one: one[1], _NEXT.finditer(data, image.pixels)), None)
        return found.start() if found else None
    at = image.end
    while behind := peek(at, _LOOK):
        left = behind.lstrip(_SPACE)
        at += len(behind) - len(left)
        if left:
            return at
    return None

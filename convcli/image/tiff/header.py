"""What the directories of a TIFF file say of its pages (TIFF 6.0, section 2; BigTIFF)."""

from __future__ import annotations

import struct

from convcli.image.codec import LazyFunction
from convcli.image.header import Header, Peek, number_type
from convcli.image.tags import Form, entries, form_of, link_of
from convcli.image.tiff.ifd import CODES
from convcli.record import record

#: Pages that are looked at, and entries of all of them: directories may lie about both, and lie
#: upon one another.
_MOST, _ENTRIES = 4096, 2**16
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _KIND, _SAMPLES, _FORMAT = 256, 257, 258, 259, 262, 277, 339
_DESCRIPTION, _PLANES = 270, 33629
#: How descriptions begin that tell of planes behind the only directory, and what they tell.
_TELLING, _told = (b"ImageJ=", b"SCIFIO=", b"{"), LazyFunction("tiff.stacks", "told")
#: Bytes of a description that are looked at, and planes that are believed in.
_WORDS, _BELIEVED = 2**16, 2**20
_STRIP_ROWS, _TILE_ROWS = 278, 323
_WANTED = (
    *(_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _KIND, _SAMPLES, _FORMAT),
    *(_STRIP_ROWS, _TILE_ROWS),
)

#: From so many bytes of samples on a page is read as its rows are asked for: below, to decode all
#: at once is quicker, and hardly takes more than a result's strips do.
LARGE = 2**26
#: Bytes of rows that are decoded together at least, where strips are low; and at the most, beyond
#: which a page's strips are too high for that.
LEAST, MOST_TOGETHER = 2**20, 2**28
_PALETTE = 3
_LETTERS = {2: "i", 3: "f"}


@record
class Page:
    """What one directory says.

    `following` is where the next one is, 0 for nowhere; `words` where its description is, and how
    long; `high` how many rows a strip or a tile has, 0 for all.
    """

    size: tuple[int, int]
    samples: int
    bits: int
    kind: str
    palette: bool
    compressed: bool
    following: int
    planes: int = 1
    words: tuple[int, int] = (0, 0)
    high: int = 0
    tiled: bool = False

    @property
    def stored(self) -> int:
        """What its samples take uncompressed, in bytes."""
        return self.size[0] * self.size[1] * self.samples * -(-self.bits // 8)

    @property
    def together(self) -> int:
        """Bytes of samples that are decoded together; 0 where all of them are."""
        row = max(1, self.size[1] * self.samples * -(-self.bits // 8))
        rows = min(self.high or self.size[0], self.size[0])
        if not (self.compressed or self.tiled):
            rows = min(max(1, LEAST // row), rows)
        size = max(rows * row, min(LEAST, self.stored))
        return size if self.stored >= LARGE and size <= MOST_TOGETHER else 0


def tiff(peek: Peek) -> Header | None:
    """Return what the largest page is like, and how many there are.

    Raises
    ------
    struct.error
        If the first directory isn't there.
    """
    best: Header | None = None
    count = stored = 0
    found_pages = pages(peek)
    for page in found_pages:
        count += 1
        stored += page.stored
        found = _header(page)
        if best is None or found.nbytes + found.overhead > best.nbytes + best.overhead:
            best = found
    if best is None or min(best.size) < 1:
        return None
    if count == 1 and not found_pages[0].compressed:
        count = _behind(peek, found_pages[0])
        stored *= count
    return Header(
        "TIFF",
        best.size,
        best.channels,
        best.dtype,
        best.overhead,
        count,
        max(1, stored),
        together=best.together,
    )


def _header(page: Page) -> Header:
    channels = 3 if page.palette else max(1, page.samples)
    dtype = "uint8" if page.palette else number_type(page.kind, page.bits)
    pixels = page.size[0] * page.size[1]
    # Strips are decoded one by one; what isn't of a type of ours is held twice.
    overhead = page.stored if page.compressed else page.stored // 4
    if page.palette:
        overhead += 9 * pixels
    elif page.bits not in (8, 16) or page.kind != "u":
        overhead += pixels * channels * max(1, page.bits // 8)
    return Header("TIFF", page.size, channels, dtype, overhead, together=page.together)


def pages(peek: Peek) -> list[Page]:
    """Return what the directories say, up to one that can't be found.

    Raises
    ------
    struct.error
        If the first one isn't there.
    """
    head = peek(0, 16)
    form = form_of(head)
    (at,) = struct.unpack_from(form.place, head, 8 if form.big else 4)
    found: list[Page] = []
    seen = set[int]()
    left = _ENTRIES
    while at and at not in seen and len(found) < _MOST:
        seen.add(at)
        try:
            (count,) = struct.unpack(form.count, peek(at, struct.calcsize(form.count)))
            left -= count
            if left < 0:
                break
            found.append(_page(peek, at, form, count))
        except struct.error:
            if not found:
                raise
            break
        at = found[-1].following
    return found


def _page(peek: Peek, at: int, form: Form, count: int) -> Page:
    width = form.width
    size = struct.calcsize(form.count) + count * (struct.calcsize(form.entry) + width) + width
    table = peek(at, size)
    values: dict[int, int] = {}
    planes, words = 1, (0, 0)
    for place, tag, kind, number in entries(table, 0, form):
        if tag == _PLANES:
            planes = number
        if tag == _DESCRIPTION and number > width:
            words = struct.unpack_from(form.place, table, place)[0], number
        if tag not in _WANTED or kind not in CODES:
            continue
        code = form.order + CODES[kind]
        if number * struct.calcsize(code) > width:
            # The values of all channels are alike, or the page isn't read.
            (far,) = struct.unpack_from(form.place, table, place)
            (values[tag],) = struct.unpack(code, peek(far, struct.calcsize(code)))
        else:
            (values[tag],) = struct.unpack_from(code, table, place)
    (following,) = struct.unpack_from(form.place, table, link_of(table, 0, form))
    return Page(
        (values.get(_HEIGHT, 0), values.get(_WIDTH, 0)),
        max(1, values.get(_SAMPLES, 1)),
        max(1, values.get(_BITS, 1)),
        _LETTERS.get(values.get(_FORMAT, 1), "u"),
        values.get(_KIND) == _PALETTE,
        values.get(_COMPRESSION, 1) != 1,
        following,
        planes,
        words,
        high=values.get(_TILE_ROWS, 0) or values.get(_STRIP_ROWS, 0),
        tiled=_TILE_ROWS in values,
    )


def _behind(peek: Peek, page: Page) -> int:
    """Return how many planes stand behind the only directory, as far as it says so."""
    at, size = page.words
    text = peek(at, min(size, _WORDS)) if size else b""
    samples = page.size[0] * page.size[1] * page.samples
    told = page.planes
    if text.startswith(_TELLING):
        told = max(told, _told(text.decode("utf-8", "replace").rstrip("\0"), samples))
    return max(1, min(told, _BELIEVED))

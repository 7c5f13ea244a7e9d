"""The frames of a JPEG XL codestream: where each is, and how it is shown (18181-1, annex F)."""

from __future__ import annotations

from collections.abc import Iterator

from convcli.errors import ImageError
from convcli.image.jpegxl.bits import Reader, Ways
from convcli.image.jpegxl.entropy import CodedNumbers
from convcli.image.jpegxl.stream import Codestream
from convcli.record import record

#: Kinds of frames.
_REGULAR, _COARSE, _REFERENCE, _WHOLE = 0, 1, 2, 3
_USES_COARSE = 32
DURATION: Ways = ((0, 0), (1, 0), (0, 8), (0, 32))
_CROP: Ways = ((0, 8), (256, 11), (2304, 14), (18688, 30))
_PART: Ways = ((0, 10), (1024, 14), (17408, 22), (4211712, 30))


@record
class Frame:
    """A frame as it is stored, which may be a part of one that is shown.

    `start` and `end` are where its bytes are, `timed_at` and `rest_at` the bits before its time
    and behind what follows that of its place among others, `order_end` the one behind the order of
    its parts, and `parts_at` the byte from which on it has no bits of a header.
    """

    start: int
    end: int
    shown: bool
    last: bool
    duration: int
    lossy: bool
    usual: bool
    regular: bool
    timed_at: int
    rest_at: int
    order_end: int
    parts_at: int


def frames(data: bytes | memoryview, at: int, image: Codestream) -> Iterator[Frame]:
    """Give the frames that begin at a byte, up to the last.

    Raises
    ------
    ImageError
        If one is cut short.
    """
    reader = Reader(data, 8 * at)
    if image.preview:
        at = _FrameHeader(reader, image, image.preview).frame(at).end
    while True:
        reader.at = 8 * at
        found = _FrameHeader(reader, image, (image.cols, image.rows)).frame(at)
        if found.end > len(data):
            raise ImageError(
                f"the JPEG XL file is cut short: {len(data)} bytes of {found.end} or more"
            )
        yield found
        if found.last:
            return
        at = found.end


class _FrameHeader:
    """A frame's header, read from its beginning on."""

    def __init__(self, reader: Reader, image: Codestream, size: tuple[int, int]) -> None:
        self._reader, self._image, self._full = reader, image, size
        self._size = size
        self._kind, self._modular, self._passes, self._group = _REGULAR, False, 1, 256
        self._upsampling = self._level = 0
        self._duration, self._last, self._ycc = 0, True, False
        self._padded = 0, 0
        self.usual = reader.flag()
        self.timed_at = self.rest_at = reader.at
        if not self.usual:
            self._read()

    def frame(self, start: int) -> Frame:
        """Return the frame."""
        image = self._image
        regular = self._kind in (_REGULAR, _WHOLE)
        order_end, parts_at, end = self._parts()
        shown = regular and (self._last or (image.animation is not None and self._duration > 0))
        lossy = image.xyb or self._ycc or not self._modular
        return Frame(start, end, shown, self._last, self._duration, lossy, self.usual, regular,
                     self.timed_at, self.rest_at, order_end, parts_at)  # fmt: skip

    def _read(self) -> None:
        reader, image = self._reader, self._image
        self._kind, self._modular = reader.bits(2), reader.flag()
        flags = reader.long()
        self._ycc = not image.xyb and reader.flag()
        if not flags & _USES_COARSE:
            if self._ycc:
                ways = [reader.bits(2) for _ in range(3)]
                # 1 halves both, 2 columns, 3 rows; of the other components.
                self._padded = int(1 in ways or 2 in ways), int(1 in ways or 3 in ways)
            self._upsampling = reader.bits(2)
            reader.skip(2 * len(image.extra))
        if self._modular:
            self._group = 128 << reader.bits(2)
        elif image.xyb:
            reader.skip(6)
        if self._kind != _REFERENCE:
            self._read_passes()
        self._level = 1 + reader.bits(2) if self._kind == _COARSE else 0
        partial = self._kind != _COARSE and self._read_crop()
        self._read_place(partial)
        reader.name()
        self._skip_filters()
        reader.extensions()

    def _read_passes(self) -> None:
        reader = self._reader
        self._passes = reader.number(((1, 0), (2, 0), (3, 0), (4, 3)))
        if self._passes > 1:
            count = reader.number(((0, 0), (1, 0), (2, 0), (3, 1)))
            reader.skip(2 * (self._passes - 1) + 2 * count)
            for _ in range(count):
                reader.number(((0, 0), (1, 0), (2, 0), (0, 3)))

    def _read_crop(self) -> bool:
        """Return whether it is a part of the image only."""
        reader = self._reader
        if not reader.flag():
            return False
        left = top = 0
        if self._kind != _REFERENCE:
            left, top = (_signed(reader.number(_CROP)) for _ in range(2))
        self._size = cols, rows = reader.number(_CROP), reader.number(_CROP)
        return left > 0 or top > 0 or left + cols < self._full[0] or top + rows < self._full[1]

    def _read_place(self, partial: bool) -> None:
        """Read how it is blended, how long it is shown, and whether others follow."""
        reader, image = self._reader, self._image
        regular, replaces = self._kind in (_REGULAR, _WHOLE), True
        if regular:
            replaces = self._blending(partial)
            for _ in image.extra:
                self._blending(partial)
            self.timed_at = reader.at
            if image.animation is not None:
                self._duration = reader.number(DURATION)
                reader.skip(32 * image.animation.timecodes)
            self._last = reader.flag()
        else:
            self._last = False
        kept = 0
        if self._kind != _COARSE and not self._last:
            kept = reader.bits(2)
        used = not self._last and (not self._duration or kept)
        if self._kind == _REFERENCE or (regular and used and replaces and not partial):
            reader.skip(1)
        self.rest_at = reader.at

    def _blending(self, partial: bool) -> bool:
        """Return whether it replaces what was there."""
        reader = self._reader
        mode = reader.number(((0, 0), (1, 0), (2, 0), (3, 2)))
        weighted = bool(self._image.extra) and mode in (2, 3)
        if weighted:
            reader.number(((0, 0), (1, 0), (2, 0), (3, 3)))
        if weighted or mode == 4:
            reader.skip(1)
        if mode or partial:
            reader.skip(2)
        return mode == 0

    def _skip_filters(self) -> None:
        reader = self._reader
        if reader.flag():
            return
        if reader.flag() and reader.flag():
            reader.skip(96)
        if reader.bits(2):
            if not self._modular and reader.flag():
                reader.skip(128)
            if reader.flag():
                reader.skip(80)
            if reader.flag():
                reader.skip(48 + 16 * (not self._modular))
            if self._modular:
                reader.skip(16)
        reader.extensions()

    def _parts(self) -> tuple[int, int, int]:
        """Return where the order of its parts ends, where their sizes are, and where it ends."""
        reader, count = self._reader, self._count()
        if reader.flag():
            _skip_order(reader, count)
        order_end = reader.at
        reader.align()
        at = reader.at >> 3
        size = sum(reader.number(_PART) for _ in range(count))
        reader.align()
        return order_end, at, (reader.at >> 3) + size

    def _count(self) -> int:
        """Return how many parts it has."""
        sides = [
            _halved(_halved(_halved(side, pad) << pad, self._upsampling), 3 * self._level)
            for side, pad in zip(self._size, self._padded, strict=True)
        ]
        groups, coarse = (
            -(-sides[0] // size) * -(-sides[1] // size) for size in (self._group, 8 * self._group)
        )
        if groups == 1 and self._passes == 1:
            return 1
        if groups * self._passes > 8 * self._reader.size:
            raise ImageError("the JPEG XL file is cut short: it has more parts than bits")
        return 2 + coarse + groups * self._passes


def _halved(value: int, times: int) -> int:
    """Return a length that is halved and rounded up so many times."""
    return -(-value >> times)


def _signed(value: int) -> int:
    return -(value >> 1) - 1 if value & 1 else value >> 1


def _skip_order(reader: Reader, count: int) -> None:
    """Pass over the order of a frame's parts."""
    numbers = CodedNumbers(reader, 8)
    last = numbers.read(min(7, count.bit_length()))
    if last > count:
        raise ImageError("the JPEG XL file is damaged: the order of its parts makes no sense")
    number = 0
    for _ in range(last):
        number = numbers.read(min(7, number.bit_length()))
    numbers.finish()

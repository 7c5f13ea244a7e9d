"""What a JPEG XL codestream says of its image and its frames (18181-1, annexes D and F)."""

from __future__ import annotations

from collections.abc import Iterator

from convcli.errors import ImageError
from convcli.image.jpegxl.bits import ENUM, Reader, Ways
from convcli.record import field, record

MAGIC = b"\xff\x0a"
#: Kinds of extra channels.
ALPHA, BLACK = 0, 4
_SPOT, _FILTER = 2, 5
GRAY, XYB = 1, 2
#: Numbers of what is usual: white, primaries, transfer and intent of sRGB.
D65, SRGB, SRGB_CURVE = 1, 1, 13
_CUSTOM = 2
#: Kinds of frames.
_REGULAR, _COARSE, _REFERENCE, _WHOLE = 0, 1, 2, 3
_USES_COARSE = 32
#: Width for a height, by a number of three bits.
_RATIOS = ((1, 1), (6, 5), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))

_SIDE: Ways = ((1, 9), (1, 13), (1, 18), (1, 30))
_PREVIEW: Ways = ((1, 6), (65, 8), (321, 10), (1345, 12))
_PREVIEW_BLOCKS: Ways = ((16, 0), (32, 0), (1, 5), (33, 9))
_BITS: Ways = ((8, 0), (10, 0), (12, 0), (1, 6))
_FLOAT_BITS: Ways = ((32, 0), (16, 0), (24, 0), (1, 6))
_EXTRA: Ways = ((0, 0), (1, 0), (2, 4), (1, 12))
_SHIFT: Ways = ((0, 0), (3, 0), (4, 0), (1, 3))
_PLACE: Ways = ((0, 19), (524288, 19), (1048576, 20), (2097152, 21))
TICKS: Ways = ((100, 0), (1000, 0), (1, 10), (1, 30))
TICKS_OVER: Ways = ((1, 0), (1001, 0), (1, 8), (1, 10))
LOOPS: Ways = ((0, 0), (0, 3), (0, 16), (0, 32))
DURATION: Ways = ((0, 0), (1, 0), (0, 8), (0, 32))
_CROP: Ways = ((0, 8), (256, 11), (2304, 14), (18688, 30))
_PART: Ways = ((0, 10), (1024, 14), (17408, 22), (4211712, 30))


@record
class Depth:
    """How samples are stored: bits, and how many of them are an exponent."""

    bits: int = 8
    exponent: int = 0


@record
class Extra:
    """A channel beside colours."""

    kind: int = ALPHA
    depth: Depth = field(default_factory=Depth)
    associated: bool = False


@record
class Colours:
    """What colours are; `gamma` is in ten-millionths, 0 for a curve of `curve`'s number."""

    profile: bool = False
    space: int = 0
    white: int = D65
    primaries: int = SRGB
    curve: int = SRGB_CURVE
    gamma: int = 0
    places: tuple[tuple[int, int], ...] = ()

    @property
    def are_usual(self) -> bool:
        """Whether they are sRGB's, or gray with its curve."""
        return (self.white, self.primaries, self.curve, self.gamma) == (D65, SRGB, SRGB_CURVE, 0)


@record
class Animation:
    """Ticks a second, how often frames are played, and whether they say when they were taken."""

    ticks: tuple[int, int]
    loops: int
    timecodes: bool


@record(frozen=False)
class Image:
    """What stands before the frames; `cols` and `rows` as they are stored, not as they are seen.

    The rest are places of bits: where its size ends, where what is said of it begins, of its
    samples, of its channels, of its colours, and where these and all of it end; 0 for what isn't
    said since it is usual.
    """

    cols: int
    rows: int
    size_end: int
    orientation: int = 1
    preview: tuple[int, int] | None = None
    animation: Animation | None = None
    depth: Depth = field(default_factory=Depth)
    extra: list[Extra] = field(default_factory=list)
    xyb: bool = True
    colours: Colours = field(default_factory=Colours)
    depth_at: int = 0
    extra_at: int = 0
    colours_at: int = 0
    colours_end: int = 0
    end: int = 0

    @property
    def is_gray(self) -> bool:
        """Whether there is one channel of colour."""
        return self.colours.space == GRAY

    @property
    def alpha(self) -> Extra | None:
        """The first channel of alpha."""
        return next((each for each in self.extra if each.kind == ALPHA), None)


def _size(reader: Reader, sides: Ways = _SIDE, blocks: Ways | None = None) -> tuple[int, int]:
    """Return (cols, rows)."""
    small = reader.flag()

    def side() -> int:
        if not small:
            return reader.number(sides)
        return 8 * (reader.number(blocks) if blocks else 1 + reader.bits(5))

    rows = side()
    ratio = reader.bits(3)
    if not ratio:
        return side(), rows
    above, below = _RATIOS[ratio - 1]
    return rows * above // below, rows


def read_image(reader: Reader) -> Image:
    """Return what a codestream says before its profile, which comes next if there is one.

    Raises
    ------
    ImageError
        If it is cut short, or none.
    """
    if reader.bits(16) != int.from_bytes(MAGIC, "little"):
        raise ImageError("the JPEG XL file is damaged: it has no codestream")
    cols, rows = _size(reader)
    found = Image(cols, rows, reader.at)
    usual = reader.flag()
    more = not usual and reader.flag()
    if more:
        _read_more(reader, found)
    if not usual:
        found.depth_at = reader.at
        found.depth = _depth(reader)
        reader.skip(1)
        found.extra_at = reader.at - 1
        found.extra = [_extra(reader) for _ in range(reader.number(_EXTRA))]
        found.xyb = reader.flag()
        found.colours_at = reader.at
        found.colours = _colours(reader)
        found.colours_end = reader.at
        if more and not reader.flag():
            # How bright it is meant to be.
            reader.skip(49)
        reader.extensions()
    if not reader.flag():
        _skip_transform(reader, found.xyb)
    found.end = reader.at
    return found


def _read_more(reader: Reader, found: Image) -> None:
    found.orientation = 1 + reader.bits(3)
    if reader.flag():
        # The size at which it is to be shown.
        _size(reader)
    if reader.flag():
        found.preview = _size(reader, _PREVIEW, _PREVIEW_BLOCKS)
    if reader.flag():
        ticks = reader.number(TICKS), reader.number(TICKS_OVER)
        found.animation = Animation(ticks, reader.number(LOOPS), reader.flag())


def _depth(reader: Reader) -> Depth:
    if reader.flag():
        return Depth(reader.number(_FLOAT_BITS), 1 + reader.bits(4))
    return Depth(reader.number(_BITS))


def _extra(reader: Reader) -> Extra:
    if reader.flag():
        return Extra()
    kind, depth = reader.number(ENUM), _depth(reader)
    reader.number(_SHIFT)
    reader.name()
    associated = kind == ALPHA and reader.flag()
    if kind == _SPOT:
        reader.skip(64)
    if kind == _FILTER:
        reader.number(((1, 0), (0, 2), (3, 4), (19, 8)))
    return Extra(kind, depth, associated)


def _colours(reader: Reader) -> Colours:
    if reader.flag():
        return Colours()
    profile, space = reader.flag(), reader.number(ENUM)
    if profile:
        return Colours(profile, space)
    white, primaries = D65, SRGB
    places: list[tuple[int, int]] = []
    if space != XYB:
        white = reader.number(ENUM)
        places += (_place(reader) for _ in range(white == _CUSTOM))
    if space not in (GRAY, XYB):
        primaries = reader.number(ENUM)
        places += (_place(reader) for _ in range(3 * (primaries == _CUSTOM)))
    gamma = reader.bits(24) if reader.flag() else 0
    curve = SRGB_CURVE if gamma else reader.number(ENUM)
    reader.number(ENUM)
    return Colours(profile, space, white, primaries, curve, gamma, tuple(places))


def _place(reader: Reader) -> tuple[int, int]:
    return reader.number(_PLACE), reader.number(_PLACE)


def _skip_transform(reader: Reader, xyb: bool) -> None:
    """Pass over the numbers by which colours and larger images are made."""
    if xyb and not reader.flag():
        reader.skip(16 * 16)
    kinds = reader.bits(3)
    reader.skip(16 * sum(count for k, count in enumerate((15, 55, 210)) if kinds >> k & 1))


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


def frames(data: bytes | memoryview, at: int, image: Image) -> Iterator[Frame]:
    """Give the frames that begin at a byte, up to the last.

    Raises
    ------
    ImageError
        If one is cut short.
    """
    reader = Reader(data, 8 * at)
    if image.preview:
        at = _Header(reader, image, image.preview).frame(at).end
    while True:
        reader.at = 8 * at
        found = _Header(reader, image, (image.cols, image.rows)).frame(at)
        if found.end > len(data):
            raise ImageError(
                f"the JPEG XL file is cut short: {len(data)} bytes of {found.end} or more"
            )
        yield found
        if found.last:
            return
        at = found.end


class _Header:
    """A frame's header, read from its beginning on."""

    def __init__(self, reader: Reader, image: Image, size: tuple[int, int]) -> None:
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
    from convcli.image.jpegxl.entropy import Numbers

    numbers = Numbers(reader, 8)
    last = numbers.read(min(7, count.bit_length()))
    if last > count:
        raise ImageError("the JPEG XL file is damaged: the order of its parts makes no sense")
    number = 0
    for _ in range(last):
        number = numbers.read(min(7, number.bit_length()))
    numbers.finish()

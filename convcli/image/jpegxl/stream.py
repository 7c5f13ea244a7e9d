"""What a JPEG XL codestream says of its image (ISO/IEC 18181-1, annex D)."""

from __future__ import annotations

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


@record
class SampleDepth:
    """How samples are stored: bits, and how many of them are an exponent."""

    bits: int = 8
    exponent: int = 0


@record
class Extra:
    """A channel beside colours."""

    kind: int = ALPHA
    depth: SampleDepth = field(default_factory=SampleDepth)
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
class Codestream:
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
    depth: SampleDepth = field(default_factory=SampleDepth)
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


def read_image(reader: Reader) -> Codestream:
    """Return what a codestream says before its profile, which comes next if there is one.

    Raises
    ------
    ImageError
        If it is cut short, or none.
    """
    if reader.bits(16) != int.from_bytes(MAGIC, "little"):
        raise ImageError("the JPEG XL file is damaged: it has no codestream")
    cols, rows = _size(reader)
    found = Codestream(cols, rows, reader.at)
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


def _read_more(reader: Reader, found: Codestream) -> None:
    found.orientation = 1 + reader.bits(3)
    if reader.flag():
        # The size at which it is to be shown.
        _size(reader)
    if reader.flag():
        found.preview = _size(reader, _PREVIEW, _PREVIEW_BLOCKS)
    if reader.flag():
        ticks = reader.number(TICKS), reader.number(TICKS_OVER)
        found.animation = Animation(ticks, reader.number(LOOPS), reader.flag())


def _depth(reader: Reader) -> SampleDepth:
    if reader.flag():
        return SampleDepth(reader.number(_FLOAT_BITS), 1 + reader.bits(4))
    return SampleDepth(reader.number(_BITS))


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

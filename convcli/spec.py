"""All that a user asks for besides the kernel and the image."""

from __future__ import annotations

from enum import StrEnum
from math import isfinite
from typing import TYPE_CHECKING, Any

from convcli.borders import Border, Borders, doubts, parse_borders
from convcli.errors import UsageError
from convcli.geometry import Anchor, Padding, Pair, whole
from convcli.record import record

if TYPE_CHECKING:
    from convcli.region import Region


class Mapping(StrEnum):
    """How a response becomes a pixel value; float results are not clipped."""

    CLIP = "clip"  # what is outside the range becomes its nearest end
    ABS = "abs"  # the sign is dropped, then as clip
    OFFSET = "offset"  # mid-gray stands for zero, then as clip
    NORMALIZE = "normalize"  # the least response becomes 0, the greatest full
    RAW = "raw"  # the signed response itself, in float
    HUE = "hue"  # a direction as a hue, its strength as the brightness


class Alpha(StrEnum):
    """What happens to an image's alpha channel."""

    AUTO = "auto"  # keep under kernels that measure change, else filter, or weigh into one bit
    KEEP = "keep"
    WEIGH = "weigh"  # colour weighted by alpha, alpha kept
    FILTER = "filter"  # colour weighted by alpha, alpha filtered too
    DROP = "drop"


class Depth(StrEnum):
    """The sample type of a result."""

    SAME = "same"
    ONE = "1"  # white from half of a full sample on
    EIGHT = "8"
    SIXTEEN = "16"
    FLOAT = "float"


class Method(StrEnum):
    """How a response is computed; every method gives the same one."""

    AUTO = "auto"
    DIRECT = "direct"  # every tap
    SEPARABLE = "separable"  # down, then along: for a column times a row
    LOWRANK = "lowrank"  # a sum of few of these
    BOX = "box"  # running sums: for equal weights
    FFT = "fft"  # products of spectra, tile by tile


class Rounding(StrEnum):
    """How a response becomes a whole level, before the mapping."""

    AWAY = "away"  # to the nearest; a half away from zero
    EVEN = "even"  # to the nearest; a half to the even one
    TRUNCATE = "truncate"  # towards zero


class Precision(StrEnum):
    """The float type that kernels without exact integer weights are summed in."""

    SINGLE = "single"
    DOUBLE = "double"


class Missing(StrEnum):
    """What becomes of samples that are missing: no numbers, or a file's nodata value."""

    IGNORE = "ignore"  # they don't count, and stay missing
    FILL = "fill"  # they don't count, and get a value from their neighbours
    SPREAD = "spread"  # what a kernel sees one of is missing, too


def _hashable(name: str, value: Any) -> Any:
    """Turn a list or an array into a tuple: what was worked out for a spec is looked up by it."""
    if value is None or isinstance(value, int | str):
        return value
    value = value.tolist() if hasattr(value, "tolist") else value
    value = tuple(value) if isinstance(value, list) else value
    try:
        hash(value)
    except TypeError:
        raise UsageError(
            f"`{name}` can't be {value!r}; expected a word, a number, or two as (rows, cols)"
        ) from None
    return value


def _listed(name: str, value: Any) -> str | None:
    """Return channels as they are typed: 4 and ["R", 4], too."""
    value = _hashable(name, value)
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return value if value is None else str(value)


@record
class Spec:
    """What to do with a kernel and an image; the defaults are the command line's.

    Parameters
    ----------
    padding, stride, dilation, anchor
        As `geometry.plan_geometry` takes them.
    border, fill
        What lies outside the image, one border for both axes or (rows, cols); `fill` is the
        constant border's, in 8-bit levels (0..255) of an image that has levels, whatever its
        depth (of CMYK these are ink: 255 is full), and in the image's own units where samples are
        values (int8, int16, int32, uint32, int64, uint64).
    convolve
        Flip the kernel first: true convolution.
    mapping
        How a response becomes a pixel; None for the kernel's own.
    divisor, bias
        Replace the kernel's divisor and offset (in units as `fill`'s), so that its weights as they
        were written are divided by it; None for the kernel's own.
    scale
        Multiplies the response; `auto` makes overflow impossible.
    gray, luma, channels
        Filter a gray version; filter only the lightness; filter only these channels: letters as
        `RB`, numbers and ranges of bands counted from 1, as `2,5-7`, or names as the file has them.
    bands
        Only these channels, named in the same way, are there at all, in this order.
    linear
        Filter in linear light.
    rounding
        See `Rounding`; light is rounded to the nearest level whatever it says.
    flip_rows
        Turn the kernel upside down before anything else is done with it.
    keep_edges
        Leave samples as they are where the kernel would reach beyond the image.
    region
        The part of the image that is filtered: `Region`s, or what is typed for them, X,Y,WxH in
        pixels or per cent, one or several, or (x, y, width, height); all of it if left out.
    mask
        How much of the filtered image there is at each pixel, from 0 to 1: a file, an array or an
        `Image` of the image's size.
    alpha, depth, method, precision
        See `Alpha`, `Depth`, `Method`, `Precision`.
    strip
        Leave out what a file says beside the pixels, but for colours.
    nodata
        The sample that says that one is missing, in the image's own units; None for what the file
        says, `none` for no such sample. What is no number is always missing.
    missing
        See `Missing`.
    least_share
        The least share of a kernel's weight, 0 to 1, that has to lie on samples that are there;
        where it is less, the result is missing.
    jobs
        Threads; None for one a processor.
    notes
        What is to be said of how it was asked for, beside what was done.

    Raises
    ------
    UsageError
        If two of them contradict each other, or a number makes no sense.
    """

    padding: Padding = "same"
    border: Borders = Border.REPLICATE
    fill: float = 0.0
    stride: int | Pair = 1
    dilation: int | Pair = 1
    anchor: Anchor = "middle"
    convolve: bool = False
    mapping: Mapping | None = None
    divisor: float | None = None
    bias: float | None = None
    scale: float | str = 1.0
    rounding: Rounding = Rounding.AWAY
    flip_rows: bool = False
    keep_edges: bool = False
    gray: bool = False
    luma: bool = False
    channels: str | None = None
    bands: str | None = None
    linear: bool = False
    region: tuple[Region, ...] = ()
    mask: Any = None
    alpha: Alpha = Alpha.AUTO
    depth: Depth = Depth.SAME
    method: Method = Method.AUTO
    precision: Precision = Precision.SINGLE
    strip: bool = False
    nodata: float | str | None = None
    missing: Missing = Missing.IGNORE
    least_share: float = 0.0
    jobs: int | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, kind in _ENUMS.items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                object.__setattr__(self, name, _enum(name, kind, value))
        if not isinstance(self.border, Border):
            typed = self.border
            object.__setattr__(self, "border", parse_borders(typed))
            object.__setattr__(self, "notes", (*self.notes, *doubts(typed)))
        for name in ("padding", "stride", "dilation", "anchor"):
            object.__setattr__(self, name, whole(getattr(self, name)))
        for name in ("channels", "bands"):
            object.__setattr__(self, name, _listed(name, getattr(self, name)))
        if self.is_partly:
            from convcli.region import parse_mask, parse_regions

            object.__setattr__(self, "region", parse_regions(self.region))
            object.__setattr__(self, "mask", parse_mask(self.mask))
        chosen = [name for name in ("gray", "luma", "channels") if getattr(self, name)]
        if len(chosen) > 1:
            raise UsageError(f"`{chosen[0]}` and `{chosen[1]}` exclude each other; give one")
        self._check_numbers()
        self._check_missing()
        self.check_mapping(self.mapping)

    @property
    def is_partly(self) -> bool:
        """Whether only a part of an image is filtered."""
        return self.mask is not None or self.region != ()

    def check_mapping(self, mapping: Mapping | None) -> None:
        """Refuse what no image's raw response could become.

        Parameters
        ----------
        mapping
            The one that will be used: the user's, or the kernel's own.

        Raises
        ------
        UsageError
            If it contradicts the depth, or lightness alone.
        """
        if mapping is not Mapping.RAW:
            return
        if self.depth in (Depth.ONE, Depth.EIGHT, Depth.SIXTEEN):
            raise UsageError(
                f"`mapping` raw gives signed floats, which `depth` {self.depth} can't hold; "
                f"use `mapping` offset, or leave `depth` out"
            )
        if self.luma:
            raise UsageError(
                "`luma` puts lightness back into colour, which `mapping` raw can't; "
                "use `gray` `mapping` raw"
            )

    def _check_numbers(self) -> None:
        for name in ("fill", "divisor", "bias", "scale"):
            value = getattr(self, name)
            if value is None or (name == "scale" and isinstance(value, str)):
                continue
            if not isinstance(value, float | int) or not isfinite(value):
                raise UsageError(f"`{name}` must be a finite number, got {value!r}")
        if self.divisor == 0:
            raise UsageError("`divisor` must not be 0; expected any other number")
        if self.jobs is not None and self.jobs < 1:
            raise UsageError(f"`jobs` must be at least 1, got {self.jobs}")
        if isinstance(self.scale, str) and self.scale != "auto":
            raise UsageError(f"`scale` must be a number or 'auto', got {self.scale!r}")
        if self.scale == "auto" and (self.divisor is not None or self.bias is not None):
            raise UsageError("`scale` auto chooses divisor and bias itself; leave these out")

    def _check_missing(self) -> None:
        nodata = self.nodata
        if nodata not in (None, "none") and not isinstance(nodata, float | int):
            raise UsageError(f"`nodata` must be a number or 'none', got {nodata!r}")
        if nodata != nodata:
            # What is no number is missing anyway.
            object.__setattr__(self, "nodata", "none")
        share = self.least_share
        if not isinstance(share, float | int) or not 0 <= share <= 1:
            raise UsageError(f"`least_share` must be a number from 0 to 1, got {share!r}")
        if share and self.missing is Missing.SPREAD:
            raise UsageError(
                "`least_share` is of no use with `missing` spread, under which one missing sample "
                "is enough; leave one out"
            )


_ENUMS: dict[str, type[StrEnum]] = {
    "mapping": Mapping,
    "alpha": Alpha,
    "depth": Depth,
    "method": Method,
    "precision": Precision,
    "rounding": Rounding,
    "missing": Missing,
}


def _enum(name: str, kind: type[StrEnum], value: str) -> StrEnum:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(kind)
        raise UsageError(f"{name} {value!r} is not known; there are {known}") from None

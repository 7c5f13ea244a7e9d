"""The options that commands share, turned into a `Spec` in one place."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from click.core import ParameterSource

from convcli.borders import Border, by_axis, named_border, parse_borders
from convcli.cli.placing import AnchorType, BorderType, FillType, PaddingType
from convcli.cli.types import NumbersType, PathType, Real, RegionType, Whole, Word
from convcli.errors import UsageError
from convcli.presets import PRESETS, spec_like
from convcli.spec import (
    Alpha,
    Depth,
    Mapping,
    Method,
    Missing,
    Precision,
    Rounding,
    Spec,
)

_DEFAULT = Spec()


#: One option for each field of `Spec`, in the order that help shows them.
SPEC_OPTIONS = (
    click.option(
        "--padding",
        type=PaddingType(),
        default="same",
        show_default=True,
        help="Samples added around the image: same, valid (none), full, same-upper (as TensorFlow "
        "and torch), same-lower, a number, ROWS,COLS, or TOP,BOTTOM,LEFT,RIGHT.",
    ),
    click.option(
        "--border",
        type=BorderType(),
        help=f"What they hold: {', '.join(Border)}; ROWS,COLS for one an axis. SciPy's reflect is "
        "symmetric here.  [default: replicate]",
    ),
    click.option(
        "--fill",
        type=FillType(),
        help="What the constant border holds: 0 (black) to 255 (white) whatever the depth, of CMYK "
        "no ink to full; in the image's own units where samples are values (int16, uint32, …).",
    ),
    click.option("--stride", type=NumbersType(), default="1", show_default=True, help="Step."),
    click.option(
        "--dilation", type=NumbersType(), default="1", show_default=True, help="Step between taps."
    ),
    click.option(
        "--anchor",
        type=AnchorType(),
        default="middle",
        show_default=True,
        help="The tap that lies over an output's place, from 0,0; of even sizes the middle is the "
        "second of two, first-middle the first.",
    ),
    click.option(
        "--convolve",
        is_flag=True,
        help="Flip the kernel first: true convolution, not correlation.",
    ),
    click.option(
        "--map",
        "mapping",
        type=Word(Mapping),
        help="How a response becomes a pixel: clip; abs; offset (mid-gray is zero); normalize "
        "(stretch what is there); raw (signed float in the image's own units, where the format "
        "holds it); hue (of sobel-direction: the direction as hue, its strength as brightness).  "
        "[default: the kernel's own: abs for zero-sum kernels, else clip]",
    ),
    click.option(
        "--divisor",
        type=Real(zero=False),
        help="Divide by this instead of the kernel's own divisor: the weights as written (of a "
        "library kernel as 'convcli kernels NAME' shows them), or what several kernels combine to.",
    ),
    click.option(
        "--bias",
        type=Real(),
        help="Add this instead of the kernel's own: in 8-bit levels, as --fill, or in units of "
        "values.",
    ),
    click.option(
        "--scale",
        type=Real(zero=False, word="auto"),
        default="1",
        show_default=True,
        help="Multiply the response; auto makes overflow impossible (but with --luma), and "
        "contrast as much smaller.",
    ),
    click.option(
        "--rounding",
        type=Word(Rounding),
        default="away",
        show_default=True,
        help="Of responses to levels: halves away from zero or to even, or truncate.",
    ),
    click.option("--flip-rows", is_flag=True, help="Turn the kernel upside down first."),
    click.option(
        "--keep-edges",
        is_flag=True,
        help="Leave samples as they are where the kernel would reach beyond the image.",
    ),
    click.option("--gray", is_flag=True, help="Filter a gray version."),
    click.option("--luma", is_flag=True, help="Filter the lightness only and keep the colour."),
    click.option(
        "--channels",
        metavar="RGB",
        help="Filter these channels only and keep the others: letters (RGB, A for alpha), numbers "
        "and ranges of bands counted from 1 (2,5-7), or names that the file gives them.",
    ),
    click.option(
        "--bands",
        metavar="4,3,2",
        help="Take these channels only, named as for --channels and in this order, and leave the "
        "others out.",
    ),
    click.option(
        "--linear", is_flag=True, help="Filter in linear light (by the file's curve, else sRGB's)."
    ),
    click.option(
        "--region",
        type=RegionType(),
        multiple=True,
        help="Filter this rectangle only, X,Y,WxH from the upper left of the upright image, each "
        "in pixels or per cent (10%,25%,50%x50%); what is outside of it stays. Repeatable.",
    ),
    click.option(
        "--mask",
        type=PathType(),
        metavar="FILE",
        help="Filter where this gray image of the same size is white; grays mix the result with "
        "the image. A mask in colour counts as gray, what is transparent in it as black.",
    ),
    click.option(
        "--alpha",
        type=Word(Alpha),
        default="auto",
        show_default=True,
        help="auto: filter it with colour weighted by it, but keep it under zero-sum kernels; "
        "weigh: keep it, with colour weighted by it, as auto does for GIF.",
    ),
    click.option(
        "--depth",
        type=Word(Depth),
        default="same",
        show_default=True,
        help="Bits a sample; 1 is white from half of white on (TIFF: group 4). Values, which have "
        "no white, keep their numbers.",
    ),
    click.option(
        "--method",
        type=Word(Method),
        default="auto",
        show_default=True,
        help="How to compute.",
    ),
    click.option(
        "--precision",
        type=Word(Precision),
        default="single",
        show_default=True,
        help="Of kernels that aren't whole numbers; whole ones are exact in either.",
    ),
    click.option(
        "--strip",
        is_flag=True,
        help="Leave out EXIF, places, thumbnails, comments and all else beside the pixels; colours "
        "stay right.",
    ),
    click.option(
        "--nodata",
        type=Real(word="none"),
        help="The sample that says that one is missing, such as -9999; none if the file's own "
        "(GDAL_NODATA) is data. NaN is always missing.",
    ),
    click.option(
        "--missing",
        type=Word(Missing),
        default="ignore",
        show_default=True,
        help="Missing samples don't count: responses are weighted means of what is there (under "
        "zero-sum kernels they count as the sample in the middle). ignore: they stay missing; "
        "fill: they get a value from their neighbours; spread: what a kernel sees one of is "
        "missing, too.",
    ),
    click.option(
        "--least-share",
        type=Real(0, 1),
        default="0",
        show_default=True,
        help="The result is missing where less than this share of the kernel's weight, 0 to 1, "
        "lies on samples that are there.",
    ),
    click.option("-j", "--jobs", type=Whole(1, 1024), help="Threads.  [default: processors]"),
)

#: Of commands that look for images in folders.
recursive_option = click.option(
    "-r", "--recursive", is_flag=True, help="Enter folders within folders."
)
include_option = click.option(
    "--include",
    multiple=True,
    metavar="PATTERN",
    help="Only images whose name fits, such as '*.jpg', or whose path does, such as 'raw/**'. "
    "Repeatable.",
)
exclude_option = click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help="Not images, or folders, whose name or path fits. Repeatable.",
)
#: Of all commands that read images; no field of `Spec`.
lenient_option = click.option(
    "--lenient",
    is_flag=True,
    help="Read what is there of a damaged JPEG, PNG or GIF file, and say what is missing.",
)


#: Sets what isn't given of `SPEC_OPTIONS`; no field of `Spec`.
_like_option = click.option(
    "--like",
    type=Word(PRESETS),
    metavar="PROGRAM",
    help=f"Border, anchor, flip and rounding as in a call of {', '.join(PRESETS)}: see "
    "docs/compat.md. What else is given wins.",
)


def spec_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command all of `SPEC_OPTIONS` and --like, and hand it one `spec`."""

    @wraps(command)
    def with_spec(**given: Any) -> Any:
        fields = {name: given.pop(name) for name in _NAMES}
        like = given.pop("like")
        if like is not None:
            told = click.get_current_context().get_parameter_source
            fields = {
                name: value
                for name, value in fields.items()
                if told(name) is ParameterSource.COMMANDLINE
            }
        return command(spec=make_spec(like, **fields), **given)

    for option in reversed((*SPEC_OPTIONS, _like_option)):
        with_spec = option(with_spec)
    return with_spec


#: Fields of `Spec` that are options.
_NAMES = tuple(name for name in vars(_DEFAULT) if name != "notes")


def make_spec(
    like: str | None = None, border: str | None = None, fill: float | None = None, **given: Any
) -> Spec:
    """Build a spec from what was typed; a fill value implies the constant border.

    Raises
    ------
    UsageError
        If options contradict each other.
    """
    if fill is not None:
        border = border or Border.CONSTANT
        chosen = parse_borders(border)
        if Border.CONSTANT not in by_axis(chosen):
            raise UsageError(
                f"--fill goes with --border constant, not with --border {named_border(chosen)}; "
                f"leave one out"
            )
        given["fill"] = fill
    if border:
        given["border"] = border
    for name in ("channels", "bands"):
        if given.get(name) == "":
            raise UsageError(
                f"--{name} is empty; expected letters such as RGB, or numbers as 2,5-7"
            )
    return spec_like(like, **given) if like else Spec(**given)

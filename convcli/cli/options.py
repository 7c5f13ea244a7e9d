"""The options that commands share, turned into a `Spec` in one place."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from convcli.borders import ALIASES, Border
from convcli.cli.types import NumbersType, PaddingType, Real, Whole, Word
from convcli.errors import UsageError
from convcli.spec import Alpha, Depth, Mapping, Method, Precision, Spec

_DEFAULT = Spec()


#: One option for each field of `Spec`, in the order that help shows them.
SPEC_OPTIONS = (
    click.option(
        "--padding",
        type=PaddingType(),
        default="same",
        show_default=True,
        help="Samples added around the image: same, valid (none), full, a number, or ROWS,COLS.",
    ),
    click.option(
        "--border",
        type=Word(Border, ALIASES),
        metavar="BORDER",
        help=f"What they hold: {', '.join(Border)}.  [default: replicate]",
    ),
    click.option(
        "--fill",
        type=Real(0, 255),
        help="What the constant border holds, 0 (black) to 255 (white).",
    ),
    click.option("--stride", type=NumbersType(), default="1", show_default=True, help="Step."),
    click.option(
        "--dilation", type=NumbersType(), default="1", show_default=True, help="Step between taps."
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
        "(stretch what is there); raw (signed float, where the format holds it).  "
        "[default: the kernel's own: abs for zero-sum kernels, else clip]",
    ),
    click.option(
        "--divisor",
        type=Real(zero=False),
        help="Divide by this instead of the kernel's own divisor: the weights as written, or what "
        "several kernels combine to.",
    ),
    click.option(
        "--bias", type=Real(), help="Add this, in 8-bit levels, instead of the kernel's own."
    ),
    click.option(
        "--scale",
        type=Real(zero=False, word="auto"),
        default="1",
        show_default=True,
        help="Multiply the response; auto makes overflow impossible (but with --luma).",
    ),
    click.option("--gray", is_flag=True, help="Filter a gray version."),
    click.option("--luma", is_flag=True, help="Filter the lightness only and keep the colour."),
    click.option("--channels", metavar="RGB", help="Filter these channels only."),
    click.option(
        "--linear", is_flag=True, help="Filter in linear light (embedded profile, else sRGB)."
    ),
    click.option(
        "--alpha",
        type=Word(Alpha),
        default="auto",
        show_default=True,
        help="auto: filter it with colour weighted by it, but keep it under zero-sum kernels.",
    ),
    click.option(
        "--depth", type=Word(Depth), default="same", show_default=True, help="Bits a sample."
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
    click.option("-j", "--jobs", type=Whole(1, 1024), help="Threads.  [default: processors]"),
)

#: Of all commands that read images; no field of `Spec`.
lenient_option = click.option(
    "--lenient",
    is_flag=True,
    help="Read what is there of a damaged JPEG, PNG or GIF file, and say what is missing.",
)


def spec_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command all of `SPEC_OPTIONS`, and hand it one `spec`."""

    @wraps(command)
    def with_spec(**given: Any) -> Any:
        fields = {name: given.pop(name) for name in _NAMES}
        return command(spec=make_spec(**fields), **given)

    for option in reversed(SPEC_OPTIONS):
        with_spec = option(with_spec)
    return with_spec


_NAMES = tuple(vars(_DEFAULT))


def make_spec(border: str | None, fill: float | None, **given: Any) -> Spec:
    """Build a spec from what was typed; a fill value implies the constant border.

    Raises
    ------
    UsageError
        If options contradict each other.
    """
    chosen = Border.parse(border) if border else None
    if fill is not None:
        if chosen not in (None, Border.CONSTANT):
            raise UsageError(
                f"--fill goes with --border constant, not with --border {chosen}; leave one out"
            )
        chosen = Border.CONSTANT
    if given["channels"] == "":
        raise UsageError("--channels is empty; expected letters such as RGB, or A for alpha")
    return Spec(border=chosen or Border.REPLICATE, fill=fill or 0.0, **given)

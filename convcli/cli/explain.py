"""`convcli explain`: what a kernel does at one place of an image, step by step."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from convcli.cli.echo import echo, echo_json
from convcli.cli.fills import refuse_fill
from convcli.cli.options import SPEC_OPTIONS, lenient_option, make_spec
from convcli.cli.status import tell
from convcli.cli.streams import check_apart, check_targets
from convcli.cli.types import KERNELS, KernelType, MatrixCommand, PathType, Typed, whole
from convcli.errors import ConvError, ImageError, UsageError
from convcli.geometry import Pair
from convcli.report.lines import columns, printable, softened
from convcli.report.option_names import as_options

if TYPE_CHECKING:
    from convcli.spec import Spec
    from convcli.teach.explain import Study

#: Fields of a `Spec` that change the numbers of stored samples.
_USED = (
    *("padding", "border", "fill", "stride", "dilation", "anchor", "convolve", "mapping"),
    *("divisor", "bias", "scale", "gray", "channels", "bands", "depth", "precision"),
)


class PlaceType(Typed):
    """A place in the result: ROW,COL, counted from 0."""

    name = "ROW,COL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Pair:
        """Split at the comma."""
        if isinstance(value, tuple):
            return value
        parts = [whole(part) for part in str(value).split(",")]
        found = [part for part in parts if part is not None]
        if len(parts) != 2 or len(found) != 2:
            self.fail(
                f"expected a row and a column of the result, counted from 0, as 2,3; got {value!r}",
                param,
                ctx,
            )
        return found[0], found[1]


def _spec_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of `_USED`, and hand it one `spec`."""

    @wraps(command)
    def with_spec(**given: Any) -> Any:
        fields = {name: given.pop(name) for name in _USED}
        return command(spec=make_spec(**fields), **given)

    parameters: list[click.Parameter] = []
    for option in SPEC_OPTIONS:
        holder: Any = option(lambda: None)
        parameters += holder.__click_params__
    for option, parameter in reversed([*zip(SPEC_OPTIONS, parameters, strict=True)]):
        if parameter.name in _USED:
            with_spec = option(with_spec)
    return with_spec


#: Not the docstring, which `python -OO` takes away.
_HELP = """Show what a kernel does at one place of an image, and why.

The patch below the kernel, the products, their sum and how it becomes a sample; what the
weights say; correlation beside convolution; what the kernel costs, and where in the image
it finds most of what it looks for. IMAGE is an image, whose samples are taken as they are
stored, or a CSV file of numbers; without it a small grid is used. Numbers of a grid stay as
they are: --fill and --bias count in their units, and without --map the response is shown.
"""


@click.command(
    cls=MatrixCommand,
    help=_HELP,
    epilog="""\b
Examples:
  convcli explain sobel-x
  convcli explain sobel-x photo.png --at 120,200
  convcli explain box3 samples/grid-7x7.csv --at 0,0 --border zero
  convcli explain '1 0 -1; 0 0 0; -1 0 1' --grid '1 1 1 0; 1 1 0 0; 1 0 0 0; 0 0 0 0'
  convcli explain sobel samples/grid-7x7.csv --steps --padding valid
  convcli explain box3 samples/grid-7x7.csv --play
  convcli explain sharpen photo.png --page sharpen.html
  convcli explain emboss photo.png --json""",
)
@click.argument("kernel", metavar="KERNEL", type=KernelType())
@click.argument("image", metavar="[IMAGE]", required=False, type=PathType())
@click.option(
    "--at",
    type=PlaceType(),
    help="Row and column of the result, from 0.  [default: where the response is largest]",
)
@click.option(
    "--grid",
    metavar="MATRIX",
    help="Numbers to filter instead of an image: '1 1 0; 1 0 0; 0 0 0'.",
)
@click.option("--steps", is_flag=True, help="Print every step over a small grid.")
@click.option(
    "--play",
    is_flag=True,
    help="Watch the kernel slide: space pauses, arrows step, q quits.",
)
@click.option("--page", type=PathType(), metavar="FILE.html", help="Write an interactive page.")
@click.option("--overwrite", is_flag=True, help="Replace the page if it exists.")
@_spec_options
@lenient_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
def explain(kernel: Any, spec: Spec, **given: Any) -> None:
    """Show what a kernel does at one place of an image, and why."""
    _check(given, _reads(given["image"]))
    study, name = _study(kernel, spec, given)
    if not 0 <= spec.fill <= 255 and study.target.in_levels:
        refuse_fill(spec.fill)
    for note in (*spec.notes, *getattr(kernel, "doubts", ())):
        tell(f"convcli: {as_options(note)}")
    if threshold := getattr(kernel, "threshold", 0):
        tell(f"convcli: what is explained is the kernel; {softened(threshold)}")
    if given["at"] is not None:
        study.at(*given["at"])
    if given["page"]:
        _page(study, name, given)
    elif given["play"] and _can_play():
        from convcli.report.play import play

        play(study, name, given["at"])
    elif given["steps"] or (given["play"] and _is_small(study)):
        _steps(study, name, as_json=given["as_json"])
    else:
        _explain(study, name, given["at"], as_json=given["as_json"])


def _reads(image: str | None) -> list[str]:
    """Return the files that are read: the image, or `-`, and the kernel's."""
    from convcli.kernels.notation import file_of

    typed = click.get_current_context().meta.get(KERNELS, ())
    return [*filter(None, (image, *map(file_of, typed)))]


def _check(given: dict[str, Any], reads: list[str]) -> None:
    """Refuse options that exclude each other, and to write to what is read."""
    ways = [name for name in ("steps", "play", "page") if given[name]]
    if len(ways) > 1:
        raise UsageError(f"--{ways[0]} and --{ways[1]} exclude each other; give one")
    if given["as_json"] and ways and ways[0] != "steps":
        raise UsageError(f"--json and --{ways[0]} exclude each other; give one")
    if given["image"] and given["grid"] is not None:
        raise UsageError("--grid stands for an image; leave it or IMAGE out")
    if given["page"] is None:
        check_apart(reads)
    else:
        _check_page(given["page"], reads)


def _check_page(page: str, reads: list[str]) -> None:
    """Refuse to replace what is read, or another image, by a page."""
    if not page.lower().endswith((".html", ".htm")):
        raise UsageError(f"--page {page}: expected a name that ends in .html")
    check_targets({"--page": page}, reads)


def _study(kernel: Any, spec: Spec, given: dict[str, Any]) -> tuple[Study, str]:
    """Filter the image or grid; and what to call it."""
    from convcli.teach import explain as teach
    from convcli.teach import explain_grid as grids

    path = given["image"]
    if path is None:
        text = given["grid"]
        grid = grids.typed_grid(grids.BUILT_IN if text is None else text)
        return teach.study_grid(grid, kernel, spec), f"a {_size(grid.size)} grid"
    if path.lower().endswith(grids.SUFFIXES):
        return teach.study_grid(grids.read_grid(path), kernel, spec), printable(path)
    from convcli.image.files import read

    try:
        image = read(sys.stdin.buffer if path == "-" else path, lenient=given["lenient"])
    except ConvError as error:
        raise ImageError(f"{path}: {error}") from None
    for note in image.meta.notes if given["lenient"] else ():
        tell(f"convcli: {printable(path)}: {printable(as_options(note))}")
    return teach.study(image, kernel, spec), printable(path)


def _size(size: Pair) -> str:
    return f"{size[0]}×{size[1]}"


def _explain(study: Study, name: str, at: Pair | None, *, as_json: bool) -> None:
    """Explain one place, or the one whose response is largest."""
    from convcli.teach.explain_extremes import extremes

    if at is None:
        found = extremes(study)
        at = (0, 0) if found is None else found[0].at
    place = study.at(*at)
    if as_json:
        from convcli.report.explain_data import data

        echo_json(data(study, place, name))
        return
    from convcli.report.explain import explanation

    _print(explanation(study, place, name, _width()))


def _steps(study: Study, name: str, *, as_json: bool) -> None:
    from convcli.report import explain_frames as frames

    frames.check_small(study)
    if as_json:
        from convcli.report.explain_data import steps_data

        echo_json(steps_data(study, name))
        return
    _print(frames.every_step(study, name, _width()))


def _can_play() -> bool:
    """Whether there is a terminal to play in; if not, say so."""
    from convcli.report.play import can_play

    if can_play():
        return True
    tell(
        "convcli: --play needs a terminal to draw on and to read keys from; this is printed instead"
    )
    return False


def _is_small(study: Study) -> bool:
    from convcli.report.explain_frames import check_small

    try:
        check_small(study)
    except UsageError:
        return False
    return True


def _page(study: Study, name: str, given: dict[str, Any]) -> None:
    from convcli.report import page

    source = name if given["image"] or given["grid"] is not None else ""
    path, overwrite = given["page"], given["overwrite"]
    try:
        page.write(path, study, source, at=given["at"], overwrite=overwrite)
    except ImageError as error:
        raise ImageError(f"--page {path}: {error}") from error


def _width() -> int:
    return columns(sys.stdout) or 80


def _print(lines: list[Any]) -> None:
    """Print lines, in colour to a terminal."""
    from rich.console import Console

    system: Any = None if os.environ.get("NO_COLOR") else "auto"
    console = Console(highlight=False, color_system=system, soft_wrap=True)
    with console.capture() as captured:
        for line in lines:
            line.rstrip()
            console.print(line)
    echo(captured.get(), end="", color=True)

"""`convcli kernels fit`: the kernel that turns one image into another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convcli.cli.cards import print_rich
from convcli.cli.echo import echo, echo_json
from convcli.cli.streams import check_apart, check_targets
from convcli.cli.types import ConvCommand, NumbersType, PathType
from convcli.errors import ImageError, UsageError

if TYPE_CHECKING:
    from convcli.fitting.fit import Fitted
    from convcli.image.image import Image

#: Not the docstring, which `python -OO` takes away.
_HELP = """Find the kernel that turns one image into another.

Least squares over all patches of BEFORE gives the weights that come nearest to AFTER; whole
weights over one divisor are shown where they give it exactly. Samples at the border, and those
that may have been clipped, are left out. What no kernel does, such as a median filter, is told
by what is left over.
"""


@click.command(
    "fit",
    cls=ConvCommand,
    help=_HELP,
    epilog="""\b
Examples:
  convcli kernels fit before.png after.png --size 5
  convcli kernels fit before.png after.png --size 9 --separable --symmetric
  convcli kernels fit before.png after.png --size 3 --offset -o edited.toml
  convcli kernels fit before.png after.png --size 3 --trace learned.gif""",
)
@click.argument("before", type=PathType())
@click.argument("after", type=PathType())
@click.option(
    "--size", type=NumbersType(), default="3", show_default=True, metavar="N|ROWS,COLS",
    help="Taps of the kernel: odd, up to 31.",
)  # fmt: skip
@click.option("--symmetric", is_flag=True, help="Of those that a half turn doesn't change.")
@click.option("--separable", is_flag=True, help="Of those that are a column times a row.")
@click.option("--offset", is_flag=True, help="Allow a number to be added to the sums.")
@click.option(
    "-o", "--output", type=PathType(), metavar="FILE.toml", help="Write the kernel to a file."
)
@click.option(
    "--trace", type=PathType(), metavar="FILE",
    help="Write the kernel as gradient descent finds it: an animation (.gif, .png, .webp), or "
    "numbers (.csv).",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace files that exist; never an image.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
def fit(before: str, after: str, **options: Any) -> int:
    """Find the kernel that turns one image into another."""
    from convcli.fitting.fit import fit_kernel
    from convcli.report import fit as report
    from convcli.report.kernels import cards

    check_apart((before, after))
    _check_files((before, after), options)
    size = options["size"]
    size = size if isinstance(size, tuple) else (size, size)
    done = fit_kernel(
        _read(before), _read(after), size,
        **{name: options[name] for name in ("symmetric", "separable", "offset")},
    )  # fmt: skip
    _write(done, options)
    if options["as_json"]:
        echo_json(report.data(done))
    else:
        print_rich(cards([(done.kernel, None)]))
        echo("\n" + "\n".join(report.facts(done)))
    return 0


def _read(path: str) -> Image:
    """Return an image; `-` is standard input. What is wrong is said with its name."""
    from convcli.image.files import read

    try:
        return read(sys.stdin.buffer if path == "-" else path)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None


def _check_files(reads: tuple[str, str], options: dict[str, Any]) -> None:
    """Refuse files that can't be written, before there is anything to write."""
    from convcli.image.files import check_free
    from convcli.image.formats import SUFFIXES, codec_of

    kernel, trace = options["output"], options["trace"]
    if reads == ("-", "-"):
        raise UsageError("standard input has one image, and BEFORE and AFTER are two")
    if kernel is not None and Path(kernel).suffix.lower() != ".toml":
        raise UsageError(f"-o {kernel}: expected a name that ends in .toml")
    suffix = ".csv" if trace is None else Path(trace).suffix.lower()
    if suffix != ".csv" and not (suffix in SUFFIXES and codec_of(SUFFIXES[suffix]).several):
        raise UsageError(f"--trace {trace}: expected a name that ends in .gif, .png, .webp or .csv")
    check_targets({"-o": kernel, "--trace": trace}, reads)
    for path in filter(None, (kernel, trace)):
        check_free(path, options["overwrite"])


def _write(done: Fitted, options: dict[str, Any]) -> None:
    """Write the files that are asked for."""
    from convcli.image.atomic import write_atomic
    from convcli.report import fit as report

    if options["output"] is not None:
        data = report.toml(done).encode()
        write_atomic(options["output"], data, options["overwrite"])
    if options["trace"] is None:
        return
    from convcli.fitting.descent import descend

    steps, target = descend(done.sums), Path(options["trace"])
    if target.suffix.lower() == ".csv":
        write_atomic(target, report.trace_table(steps).encode(), options["overwrite"])
        return
    from convcli.image.files import write

    write(target, report.trace_frames(steps), overwrite=options["overwrite"])

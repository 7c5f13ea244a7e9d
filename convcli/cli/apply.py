"""`convcli apply`: filter images."""

from __future__ import annotations

from sys import float_info
from typing import TYPE_CHECKING, Any

import click

from convcli.cli.options import lenient_option, spec_options
from convcli.cli.types import KERNELS, KernelType, MatrixCommand, PathType, Real, Whole, note_volume

if TYPE_CHECKING:
    from convcli.kernels.kernel import AnyKernel
    from convcli.spec import Spec


#: Not the docstring, which `python -OO` takes away.
_HELP = """Filter images with a kernel.

KERNEL is a name (see convcli kernels), a name with parameters (gaussian:sigma=2), a matrix
('0 -1 0; -1 5 -1; 0 -1 0', '[[1,2,1],[2,4,2],[1,2,1]]/16'), or a file (.toml, .csv, .txt,
.mat, .json, .npy).

IMAGE... are files, folders, or - for standard input. A source is never overwritten, an
existing result only with --overwrite; one image that fails doesn't stop the others.
"""


@click.command(
    cls=MatrixCommand,
    help=_HELP,
    epilog="""\b
Examples:
  convcli apply sobel-x photo.png
  convcli apply sharpen photo.jpg -o sharp.jpg --quality 95
  convcli apply gaussian:sigma=2 photos/ -o blurred/ --recursive
  convcli apply '0 -1 0; -1 5 -1; 0 -1 0' photo.png
  convcli apply mine.toml#ridge scan.tif --depth 16 --map offset
  convcli apply gaussian --then laplacian photo.png --map normalize
  convcli apply sharpen photo.jpg --show --compare both.png
  convcli apply gaussian:sigma=1,2,2 stack.tif --volume -o blurred.tif
  find . -name '*.png' -print0 | convcli apply sobel --from-file - -0 -o edges/
  cat photo.png | convcli apply sobel - > edges.png""",
)
@click.argument("kernel", type=KernelType())
@click.argument("images", metavar="IMAGE...", type=PathType(), nargs=-1)
@click.option(
    "-o", "--output", type=PathType(), metavar="OUT",
    help="A file, a folder (made if missing), or - for standard output.  [default: "
    "STEM-KERNEL.SUFFIX beside the source]",
)  # fmt: skip
@click.option(
    "--then", "chain", type=KernelType(), multiple=True,
    help="Another kernel to apply to the response, without rounding in between. Repeatable.",
)  # fmt: skip
@spec_options
@click.option("-r", "--recursive", is_flag=True, help="Enter folders within folders.")
@click.option(
    "--from-file", type=PathType(), metavar="LIST",
    help="Filter what this file lists, one path a line, or standard input (-). Paths are kept "
    "below -o FOLDER.",
)  # fmt: skip
@click.option("-0", "--null", is_flag=True, help="NUL characters end the paths of LIST.")
@click.option(
    "--include", multiple=True, metavar="PATTERN",
    help="Only images whose name fits, such as '*.jpg', or whose path does, such as 'raw/**'. "
    "Repeatable.",
)  # fmt: skip
@click.option(
    "--exclude", multiple=True, metavar="PATTERN",
    help="Not images, or folders, whose name or path fits. Repeatable.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace results that exist; never a source.")
@click.option("--skip-existing", is_flag=True, help="Leave results that exist, as when resuming.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first image that fails.")
@click.option(
    "--timeout", type=Real(0, float_info.max), default=600, show_default=True, metavar="SECONDS",
    help="Give an image of many up that takes longer; 0: never.",
)  # fmt: skip
@click.option("--format", "format_", metavar="FORMAT", help="Of the result: png, jpg, tif, …")
@click.option(
    "--quality", type=Whole(1, 100), help="Of formats that can lose: 1 to 100, which is best."
)
@click.option("--compress", type=Whole(0, 9), help="Of PNG and TIFF: 0 to 9, the smallest.")
@click.option("--max-pixels", type=Whole(1), help="Largest image that is read.")
@lenient_option
@click.option(
    "--frame", type=Whole(0), metavar="N",
    help="Only this frame or page of a file of several, from 0.  [default: all]",
)  # fmt: skip
@click.option(
    "--volume", is_flag=True, is_eager=True, callback=note_volume,
    help="Filter a stack (TIFF pages, a .npy array of planes, rows, cols) as one volume. KERNEL "
    "has three axes then: box, gaussian:sigma=2,2,1, laplacian, sharpen, sobel, sobel-z, …, or a "
    ".npy file of weights; steps and padding take N or PLANES,ROWS,COLS.",
)  # fmt: skip
@click.option(
    "--show", is_flag=True,
    help="Show before and after in the terminal, which needs 256 or more colours.",
)  # fmt: skip
@click.option(
    "--compare", type=PathType(), metavar="FILE",
    help="Also write source and result side by side in one image.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object an image instead.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say the plan and its reason, too.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and stop.")
def apply(kernel: AnyKernel, chain: tuple[AnyKernel, ...], spec: Spec, **given: Any) -> int:
    """Filter images with a kernel."""
    from convcli.cli.filtering import filter_images

    if not given["images"] and given["from_file"] is None:
        raise click.MissingParameter(param_hint="'IMAGE...'", param_type="argument")
    given["typed"] = tuple(click.get_current_context().meta[KERNELS])
    return filter_images((kernel, *chain), spec, given)

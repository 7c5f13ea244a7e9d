"""`convcli apply`: filter images."""

from __future__ import annotations

from sys import float_info
from typing import TYPE_CHECKING, Any

import click

from convcli.cli.options import (
    exclude_option,
    include_option,
    lenient_option,
    recursive_option,
    spec_options,
)
from convcli.cli.types import (
    KERNELS,
    ORDER,
    BankType,
    LayerCommand,
    LayerType,
    PathType,
    PoolType,
    Real,
    Whole,
    typed_options,
)
from convcli.cli.volume import note_volume
from convcli.errors import UsageError

if TYPE_CHECKING:
    from convcli.kernels.bank import Bank
    from convcli.kernels.kernel import AnyKernel
    from convcli.spec import Spec


#: Not the docstring, which `python -OO` takes away.
_HELP = """Filter images with a kernel.

KERNEL is a name (see convcli kernels), a name with parameters (gaussian:sigma=2), a matrix
('0 -1 0; -1 5 -1; 0 -1 0', '[[1,2,1],[2,4,2],[1,2,1]]/16', or as ImageMagick, ffmpeg or
Pillow have it: '3x3: 0,-1,0 -1,5,-1 0,-1,0', '0 -1 0 -1 5 -1 0 -1 0'), or a file (.toml, .csv,
.tsv, .txt, .mat, .json, .npy).

Or it is a bank of filters of shape (K, C, F, F), or (C, F, F) for one, in a file (.npz, .npy,
.safetensors, or [bank.NAME] in .toml); of several one is named, and where it is laid may be
said: net.safetensors#conv1:stride=4,padding=2,groups=1. A bank is given samples from 0 to 1, as
torchvision's ToTensor has them, and gives K maps: an image each (8-bit, stretched, unless --map
and --depth say otherwise) in -o FOLDER or STEM-BANK/; or, with -o FILE.npy or FILE.tif, one
float volume (rows, columns, K). Padding and border are as for kernels: PyTorch's are padding=0
and --border zero.

IMAGE... are files, folders, or - for standard input. A source is never overwritten, an
existing result only with --overwrite; one image that fails doesn't stop the others.
"""


@click.command(
    cls=LayerCommand,
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
  convcli apply --bank sobel-x,sobel-y,log photo.png -o maps/
  convcli apply bank.npz photo.jpg --relu --pool max,3,2 --montage maps.png
  convcli apply net.safetensors#conv1:stride=2 photo.jpg --relu --then net.safetensors#conv2
  find . -name '*.png' -print0 | convcli apply sobel --from-file - -0 -o edges/
  cat photo.png | convcli apply sobel - > edges.png""",
)
@click.argument("kernel", type=LayerType())
@click.argument("images", metavar="IMAGE...", type=PathType(), nargs=-1)
@click.option(
    "-o", "--output", type=PathType(), metavar="OUT",
    help="A file, a folder (made if missing), or - for standard output.  [default: "
    "STEM-KERNEL.SUFFIX beside the source]",
)  # fmt: skip
@click.option(
    "--then", "chain", type=LayerType(), multiple=True,
    help="Another kernel to apply to the response, without rounding in between. Repeatable.",
)  # fmt: skip
@click.option(
    "--bank", type=BankType(),
    help="Kernels as a bank, in place of KERNEL, such as sobel-x,sobel-y,log: a map each, of the "
    "gray version; with --channels RGB, of each channel.",
)  # fmt: skip
@click.option(
    "--relu", count=True,
    help="Make negative responses 0: a layer, as --then and --pool are, in the order typed. "
    "Repeatable.",
)  # fmt: skip
@click.option(
    "--pool", type=PoolType(), multiple=True,
    help="Keep the greatest value, or the mean, of each F×F window, at every S-th place (F if "
    "left out), with P of padding. Repeatable.",
)  # fmt: skip
@click.option(
    "--montage", type=PathType(), metavar="FILE",
    help="Write all maps of a bank on one sheet; alone, or beside -o.",
)  # fmt: skip
@click.option(
    "--together", is_flag=True,
    help="Stretch all maps of an image alike, so that they can be compared, and not each by "
    "itself.",
)  # fmt: skip
@spec_options
@recursive_option
@click.option(
    "--from-file", type=PathType(), metavar="LIST",
    help="Filter what this file lists, one path a line, or standard input (-). Paths are kept "
    "below -o FOLDER.",
)  # fmt: skip
@click.option("-0", "--null", is_flag=True, help="NUL characters end the paths of LIST.")
@include_option
@exclude_option
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
def apply(kernel: AnyKernel | Bank | None, spec: Spec, **given: Any) -> int:
    """Filter images with a kernel."""
    if not given["images"] and given["from_file"] is None:
        raise click.MissingParameter(param_hint="'IMAGE...'", param_type="argument")
    meta = click.get_current_context().meta
    given["typed"] = tuple(meta[KERNELS])
    given["asked"] = typed_options(click.get_current_context())
    layers = _in_order(kernel, given, meta[ORDER])
    shown = {name: given.pop(name) for name in ("montage", "together")}
    if given["volume"] and (any(shown.values()) or {*meta[ORDER]} - {"--then"}):
        raise UsageError("--volume takes 3-D kernels; banks, --relu and --pool are for images")
    if not given["volume"] and any(
        type(layer).__name__ not in ("Kernel", "Compound") for layer in layers
    ):
        from convcli.cli.maps import write_maps

        return write_maps(layers, spec, given, shown)
    if any(shown.values()):
        raise UsageError("--montage and --together show the maps of a bank; a kernel has one")
    from convcli.cli.filtering import filter_images

    return filter_images(layers, spec, given)


def _in_order(kernel: Any, given: dict[str, Any], order: list[str]) -> list[Any]:
    """Take what is done out of the options, in the order typed."""
    then, pools = iter(given.pop("chain")), iter(given.pop("pool"))
    bank, _ = given.pop("bank"), given.pop("relu")
    layers = [bank if kernel is None else kernel]
    for name in order:
        if name == "--relu":
            from convcli.pipeline.layers import Relu

            layers.append(Relu())
        elif name in ("--then", "--pool"):
            layers.append(next(then if name == "--then" else pools))
    return layers

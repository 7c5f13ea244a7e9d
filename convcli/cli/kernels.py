"""`convcli kernels`: the list, one kernel, or a file of one's own judged."""

from __future__ import annotations

from typing import Any

import click

from convcli.cli.cards import print_rich
from convcli.cli.echo import echo, echo_json
from convcli.cli.streams import check_apart
from convcli.cli.types import KernelText, KernelType, MatrixCommand, PathType

#: Not the docstring, which `python -OO` takes away.
_HELP = """List the kernels, look at one, or check a file of your own.

A kernel's card shows its weights, what their sum means (1 keeps brightness, 0 finds
change), its gain, symmetry, rank and factors, the range of its response, and its source.
With --check the exit status is 1 if a kernel of the file can't be used. The kernel that turns
one image into another is found by convcli kernels fit (see its --help).
"""


class _Kernels(MatrixCommand):
    """`kernels`, and `kernels fit`, which is a command of its own."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:  # fmt: skip
        """Hand `fit` and what follows it over."""
        if args[:1] != ["fit"]:
            return super().make_context(info_name, args, parent, **extra)
        from convcli.cli.fit import fit

        return fit.make_context(f"{info_name} fit", args[1:], parent, **extra)


@click.command(
    cls=_Kernels,
    help=_HELP,
    epilog="""\b
Examples:
  convcli kernels
  convcli kernels sobel-x
  convcli kernels gaussian:sigma=2 gabor
  convcli kernels '[[1,2,1],[2,4,2],[1,2,1]]/16'
  convcli kernels --family compass
  convcli kernels --check mine.toml
  convcli kernels sobel-z --volume
  convcli kernels fit before.png after.png --size 5""",
)
@click.argument("kernels", metavar="[KERNEL]...", nargs=-1, type=KernelText())
@click.option("--family", help="List this family only.")
@click.option("--check", "check_path", type=PathType(), help="Judge every kernel of a file.")
@click.option("--volume", is_flag=True, help="Those of apply --volume, which have three axes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
def kernels(
    kernels: tuple[str, ...],
    family: str | None,
    check_path: str | None,
    volume: bool,
    as_json: bool,
) -> int:
    """List the kernels, look at one, or check a file of your own."""
    from convcli.kernels.notation import file_of

    check_apart(filter(None, (check_path, *map(file_of, kernels))))
    if volume:
        if check_path is not None or family is not None:
            raise click.UsageError("--volume goes with neither --check nor --family")
        return _show_volume(kernels, as_json)
    if check_path is not None:
        return _check(check_path, as_json)
    if kernels:
        return _show(kernels, as_json)
    return _list(family, as_json)


def _list(family: str | None, as_json: bool) -> int:
    from convcli.kernels import families

    found = families()
    if family is not None:
        if family not in found:
            raise click.BadParameter(
                f"no family named {family!r}; there are {', '.join(found)}",
                click.get_current_context(),
                param_hint="--family",
            )
        found = {family: found[family]}
    from convcli.report.listing import listing, listing_data

    if as_json:
        echo_json(listing_data(found))
    else:
        echo(listing(found))
    return 0


def _show(texts: tuple[str, ...], as_json: bool) -> int:
    from convcli.kernels.generators import BY_NAME
    from convcli.report import kernels as report

    context = click.get_current_context()
    argument = next(p for p in context.command.params if p.name == "kernels")
    found = []
    for text in texts:
        kernel = KernelType().convert(text, argument, context)
        found.append((kernel, BY_NAME.get(text.partition(":")[0].lower())))
    if as_json:
        cards = [report.card_data(kernel) for kernel, _ in found]
        echo_json(cards[0] if len(cards) == 1 else cards)
    else:
        print_rich(report.cards(found))
    return 0


def _show_volume(texts: tuple[str, ...], as_json: bool) -> int:
    from convcli.kernels.volume_library import parse_volume_kernel, volume_families
    from convcli.report.listing import listing, listing_data
    from convcli.report.volume_kernels import volume_cards, volume_data

    if not texts:
        found = volume_families()
        if as_json:
            echo_json(listing_data(found))
        else:
            echo(listing(found, " --volume"))
        return 0
    kernels = [parse_volume_kernel(text) for text in texts]
    if as_json:
        cards = [volume_data(kernel) for kernel in kernels]
        echo_json(cards[0] if len(cards) == 1 else cards)
    else:
        echo(volume_cards(kernels))
    return 0


def _check(path: str, as_json: bool) -> int:
    from convcli.kernels import check_file
    from convcli.report import kernels as report

    checked = check_file(path)
    if as_json:
        echo_json(report.check_data(checked))
    else:
        print_rich(report.check(checked))
    return 0 if checked.ok else 1

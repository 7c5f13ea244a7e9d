"""`convcli shape`: the output size, step by step."""

from __future__ import annotations

from typing import Any

import click

from convcli.cli.echo import echo, echo_json
from convcli.cli.types import ConvCommand, Typed, Whole, whole
from convcli.geometry import PADDING_WORDS, Padding, plan_geometry
from convcli.teach.layer import ConvLayer, Shape


class Sizes(Typed):
    """Whole numbers joined by x, as 224x224x3."""

    name = "NUMBER[xNUMBER…]"

    def __init__(self, most: int, largest: int = 1_000_000) -> None:
        self.most, self.largest = most, largest

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Split at x, × or a comma."""
        if isinstance(value, tuple):
            return value
        parts = str(value).lower().replace("×", "x").replace(",", "x").split("x")
        numbers = [whole(part) for part in parts]
        found = [n for n in numbers if n is not None and n <= self.largest]
        if len(parts) > self.most or len(found) < len(parts):
            self.fail(
                f"expected 1 to {self.most} whole numbers up to {self.largest:,}, "
                f"as 7 or {_example(self.most)}; got {value!r}",
                param,
                ctx,
            )
        return tuple(found)


class PaddingSize(Typed):
    """A padding: a number, two or four joined by x, or a word."""

    name = "NUMBER|same|valid|full"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Padding:
        """Keep a word, else numbers."""
        if value in PADDING_WORDS:
            return str(value)
        if not str(value)[:1].isdecimal():
            words = ", ".join(PADDING_WORDS)
            self.fail(f"expected {words}, 1, 1x2, or 1x0x2x2; got {value!r}", param, ctx)
        first, *rest = Sizes(4).convert(value, param, ctx)
        if len(rest) == 2:
            self.fail(f"expected one number, two, or four; got {value!r}", param, ctx)
        if len(rest) == 3:
            return (first, rest[0]), (rest[1], rest[2])
        return (first, rest[0]) if rest else first


def _example(most: int) -> str:
    return "x".join(["224", "224", "3"][:most])


#: Not the docstring, which `python -OO` takes away.
_HELP = """Work out the output size, step by step.

A kernel of F taps with stride S fits ⌊(N − F + 2P)/S⌋ + 1 times into N samples with P
samples of padding on either side. When the division leaves a remainder, the last rows or
columns are never visited: then the strides and paddings that would fit are named.
"""


@click.command(
    cls=ConvCommand,
    help=_HELP,
    epilog="""\b
Examples:
  convcli shape --n 7 --f 3
  convcli shape --n 7 --f 3 --s 2 --p 1
  convcli shape --n 227x227x3 --f 11 --s 4 --k 96
  convcli shape --n 224x224x3 --f 3 --p same --k 64 --json""",
)
@click.option(
    "--n",
    type=Sizes(3),
    required=True,
    help="Input size: N, HEIGHTxWIDTH, or HEIGHTxWIDTHxCHANNELS.",
)
@click.option("--f", type=Sizes(2), required=True, help="Kernel size: F, or ROWSxCOLS.")
@click.option("--s", type=Sizes(2), default="1", show_default=True, help="Stride.")
@click.option(
    "--p",
    type=PaddingSize(),
    default="0",
    show_default=True,
    help="Padding on either side, ROWSxCOLS, or TOPxBOTTOMxLEFTxRIGHT.",
)
@click.option("--d", type=Sizes(2), default="1", show_default=True, help="Dilation.")
@click.option("--k", type=Whole(1, 1_000_000), help="Filters: adds the volume and what it costs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
def shape(
    n: tuple[int, ...], f: tuple[int, ...], k: int | None, as_json: bool, **steps: Any
) -> None:
    """Work out the output size, step by step."""
    from convcli.report import shape as report

    stride, dilation, padding = steps["s"], steps["d"], steps["p"]
    geometry = plan_geometry(
        _pair(n[:2]), _pair(f), stride=_pair(stride), dilation=_pair(dilation), padding=padding
    )
    both = max(len(n), len(f), len(stride), len(dilation)) > 1 or isinstance(padding, tuple)
    axes = (geometry.rows, geometry.cols) if both or k is not None else (geometry.rows,)
    layer = ConvLayer(geometry, n[2] if len(n) > 2 else 1, k) if k is not None else None
    fact = Shape(axes, layer)
    if as_json:
        echo_json(report.data(fact))
    else:
        echo(report.text(fact))


def _pair(numbers: tuple[int, ...]) -> tuple[int, int]:
    return (numbers[0], numbers[-1])

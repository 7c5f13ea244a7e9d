"""Kernels for people and for programs: one of them, a checked file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from convcli.kernels.exact import format_number
from convcli.kernels.kernel import Kernel
from convcli.pipeline.responses import Target, response_range
from convcli.report.lines import named, printable, prose, softened
from convcli.report.outcome import meaning
from convcli.spec import Mapping

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from convcli.kernels.check import Checked, FileCheck
    from convcli.kernels.generator import Generator
    from convcli.kernels.kernel import Compound, Kernel

#: Wider matrices are shown by their middle.
_MOST = 15
#: Backgrounds of the least and of the greatest weights, on which white is read well: WCAG's
#: contrast is 5 and more.
_LEAST, _POSITIVE, _NEGATIVE = (48, 52, 60), (16, 124, 66), (184, 44, 44)


def card(kernel: Kernel | Compound, generator: Generator | None = None) -> RenderableType:
    """One kernel: its matrix and all that can be said of it."""
    facts = _kernel_facts(kernel) if isinstance(kernel, Kernel) else _compound_facts(kernel)
    body: list[RenderableType] = [Text(named(kernel.name), style="bold")]
    body += [Text(prose(kernel.effect)), Text()] if kernel.effect else [Text()]
    if isinstance(kernel, Kernel):
        body += [WeightsTable(kernel), Text()]
    body.append(_grid(facts))
    if generator is not None:
        body += [Text(), Text("parameters", style="bold"), _grid(_parameters(generator))]
    return Group(*body, Text())


class WeightsTable:
    """A kernel's weights, as many as fit: positive ones green, negative ones red, zeros dim.

    A terminal of 24-bit colours shades their cells, the more the greater a weight is.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the middle of the matrix, and the divisor and offset below."""
        weights, scale = self.kernel.weights, 1.0
        if weights.dtype.kind == "f" and self.kernel.denominator is None:
            scale = float(np.abs(weights).max()) or 1.0
            cells = [[f"{w:.4f}" for w in row] for row in weights / scale]
        else:
            cells = [[format_number(w) for w in row] for row in self.kernel.fractions]
        width = max(len(cell) for row in cells for cell in row) + 2
        shaded = console.color_system == "truecolor" and not console.no_color
        most = min(_MOST, max(1, (options.max_width - 2 - shaded) // width))
        top = float(np.abs(weights).max()) or 1.0
        rows, cols = _middle(len(cells), _MOST), _middle(len(cells[0]), most)
        for r in rows:
            # The digits stand where they do without cells.
            line = Text("  " + " " * shaded, no_wrap=True)
            for c in cols:
                share = float(weights[r, c]) / top
                said = cells[r][c].rjust(width - shaded) + " " * shaded
                line.append(said, style=_shade(share) if shaded else _sign(share))
            yield line
        if len(rows) * len(cols) < weights.size:
            size = "×".join(map(str, self.kernel.shape))
            yield Text(f"  the middle {len(rows)}×{len(cols)} of {size} weights", style="dim")
        yield from _after(self.kernel, scale)


def _sign(share: float) -> str:
    return "green" if share > 0 else "red" if share < 0 else "dim"


def _shade(share: float) -> str:
    """Return the style of a weight that is this share of the greatest, -1 to 1."""
    if not share:
        return "dim"
    full = _POSITIVE if share > 0 else _NEGATIVE
    mixed = [round(low + abs(share) * (high - low)) for low, high in zip(_LEAST, full, strict=True)]
    return "rgb(255,255,255) on rgb({},{},{})".format(*mixed)


def _after(kernel: Kernel, scale: float) -> list[Text]:
    """What is done to the weights shown."""
    lines = []
    if scale != 1:
        lines.append(Text(f"  all times {scale:.6g}"))
    if kernel.divisor != 1:
        lines.append(Text(f"  all divided by {kernel.divisor:.10g}"))
    if kernel.offset:
        lines.append(Text(f"  then {kernel.offset:+g} in 8-bit levels"))
    if kernel.threshold:
        lines.append(Text(f"  {softened(kernel.threshold)}, in 8-bit levels"))
    return lines


def _middle(size: int, most: int) -> range:
    start = max(0, (size - most) // 2)
    return range(start, min(size, start + most))


def _grid(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for label, said in rows:
        table.add_row(Text(label), Text(prose(said)))
    return table


def _kernel_facts(kernel: Kernel) -> list[tuple[str, str]]:
    low, high = _range(kernel)
    x, y = kernel.gain
    facts = [
        ("size", f"{kernel.shape[0]}×{kernel.shape[1]} (rows × columns)"),
        ("sum", f"{kernel.sum:.6g}: {kernel.kind}, {meaning(kernel)}"),
        ("gain", f"x {_small(x)}, y {_small(y)} on a ramp of 1 a pixel"),
        ("symmetry", _SYMMETRY[str(kernel.symmetry)]),
        ("rank", _rank(kernel)),
        ("range", f"{low:.6g} … {high:.6g} for an 8-bit image"),
        ("mapping", f"{kernel.default_mapping} unless --map says otherwise"),
    ]
    return facts + _origin(kernel)


_SYMMETRY = {
    "even": "even: convolution and correlation agree",
    "odd": "odd: convolution changes the sign only",
    "none": "none: convolution and correlation differ",
}


def _range(kernel: Kernel) -> tuple[float, float]:
    """Least and greatest response to an 8-bit image."""
    return response_range(kernel, Target(np.dtype(np.uint8), Mapping.RAW, 255))


def _small(value: float) -> str:
    return f"{0.0 if abs(value) < 1e-9 else value:.6g}"


def _rank(kernel: Kernel) -> str:
    factors = kernel.factors
    if factors is None:
        return f"{kernel.rank}: a sum of {kernel.rank} column × row products"
    column, row = (_line(factor) for factor in factors)
    return f"1: separable, column ({column}) × row ({row})"


def _line(factor: NDArray[Any]) -> str:
    """Return the weights of a column or row, the middle ones if there are many."""
    shown = _middle(len(factor), _MOST)
    words = [f"{factor[k]:.4g}" for k in shown]
    return " ".join(words if len(shown) == len(factor) else ["…", *words, "…"])


def _compound_facts(compound: Compound) -> list[tuple[str, str]]:
    facts = [
        ("size", f"{compound.shape[0]}×{compound.shape[1]} (rows × columns)"),
        ("parts", ", ".join(named(part.name) for part in compound.parts)),
        ("combined", _COMBINED[str(compound.combine)]),
    ]
    if compound.divisor != 1:
        facts.append(("divisor", f"{compound.divisor:g}, after combining"))
    if compound.full_scale is not None:
        facts.append(("white", f"stands for {compound.full_scale:g}; --map raw gives the value"))
    facts.append(("mapping", f"{compound.default_mapping} unless --map says otherwise"))
    return facts + _origin(compound)


_COMBINED = {
    "magnitude": "√(r₁² + r₂²), the length of the gradient",
    "direction": "the angle of (r₁, r₂): 0° brightens along x, 90° along y (down)",
    "max": "the greatest response",
    "max-abs": "the greatest response, whatever its sign",
    "sum-abs": "|r₁| + |r₂|",
    "share": "√(Σ edge r² / Σ all r²), from 0 to 1",
}


def _origin(kernel: Kernel | Compound) -> list[tuple[str, str]]:
    pairs = (
        ("family", kernel.family),
        ("aliases", ", ".join(map(named, kernel.aliases))),
        ("source", kernel.source),
        ("note", "; ".join(filter(None, (kernel.note, *getattr(kernel, "doubts", ()))))),
    )
    return [(label, said) for label, said in pairs if said]


def _parameters(generator: Generator) -> list[tuple[str, str]]:
    return [
        (
            parameter.name,
            f"{parameter.meaning}; {parameter.range}"
            f"{' ' + parameter.unit if parameter.unit else ''}; "
            f"default {parameter.default_text}",
        )
        for parameter in generator.parameters
    ]


def card_data(kernel: Kernel | Compound) -> dict[str, Any]:
    """One kernel as JSON-ready values."""
    result: dict[str, Any] = {
        name: _plain(getattr(kernel, name))
        for name in ("name", "family", "effect", "source", "note", "aliases", "shape")
    }
    result |= {"kind": str(kernel.kind), "mapping": kernel.default_mapping}
    if not isinstance(kernel, Kernel):
        return result | {
            "parts": [card_data(part) for part in kernel.parts],
            "combine": str(kernel.combine),
            "divisor": kernel.divisor,
            "full_scale": kernel.full_scale,
        }
    return result | {
        "weights": kernel.weights.tolist(),
        "divisor": kernel.divisor,
        "offset": kernel.offset,
        "sum": kernel.sum,
        "gain": list(kernel.gain),
        "symmetry": str(kernel.symmetry),
        "rank": kernel.rank,
        "factors": [f.tolist() for f in kernel.factors] if kernel.factors else None,
        "range_8bit": list(_range(kernel)),
        "exact": kernel.is_integer,
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def check(checked: FileCheck) -> RenderableType:
    """What a file of kernels holds, and what is wrong or doubtful in it."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for item in checked.kernels:
        for label, style, said in _judged(item):
            table.add_row(Text(f"  {label}", style=style), Text(printable(said)))
    return Group(Text(printable(checked.path), style="bold", overflow="fold"), table)


def _judged(item: Checked) -> list[tuple[str, str, str]]:
    """(label, style, words) of each thing to say of a kernel."""
    if item.error:
        return [("wrong", "red", item.error)]
    rows = [("good", "green", named(item.name))]
    rows += [("  doubt", "yellow", words) for words in item.warnings]
    return rows + [("  note", "dim", words) for words in item.notes]


def check_data(checked: FileCheck) -> dict[str, Any]:
    """Return a checked file as JSON-ready values."""
    return {
        "path": checked.path,
        "ok": checked.ok,
        "kernels": [
            {
                "name": item.name,
                "error": item.error or None,
                "line": item.line,
                "column": item.column,
                "warnings": list(item.warnings),
                "notes": list(item.notes),
                "kernel": card_data(item.kernel) if item.kernel is not None else None,
            }
            for item in checked.kernels
        ],
    }


def cards(kernels: Sequence[tuple[Kernel | Compound, Generator | None]]) -> RenderableType:
    """Several kernels, one below the other."""
    return Group(*(card(kernel, generator) for kernel, generator in kernels))

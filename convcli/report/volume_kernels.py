"""3-D kernels, for people and for programs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.kernels.exact import format_number
from convcli.kernels.volume import AnyVolumeKernel, VolumeKernel
from convcli.report.outcome import describe

#: Weights along an axis of which all are shown.
_MOST = 9


def volume_cards(kernels: list[AnyVolumeKernel]) -> str:
    """Lines that show each kernel, plane by plane."""
    return "\n\n".join("\n".join(_card(kernel)) for kernel in kernels)


def _card(kernel: AnyVolumeKernel) -> list[str]:
    lines = [f"{describe(kernel)}", "axes: planes (z), rows (y), columns (x)"]
    if not isinstance(kernel, VolumeKernel):
        return [*lines, f"made of {', '.join(part.name for part in kernel.parts)}"]
    planes, rows, cols = kernel.shape
    if kernel.factors is not None and planes > 1:
        along, _ = kernel.factors
        lines.append(f"separable: along the planes {_row(along)}, and {rows}×{cols} within each")
    if max(kernel.shape) > _MOST:
        return [*lines, "too large to be shown; --json has all weights"]
    cells = [[[_text(w) for w in row] for row in plane] for plane in kernel.weights]
    width = max(len(cell) for plane in cells for row in plane for cell in row)
    for z, plane in enumerate(cells, -(planes // 2)):
        lines += [f"z = {z}", *("  " + "  ".join(c.rjust(width) for c in row) for row in plane)]
    if kernel.flat.divisor != 1:
        lines.append(f"divided by {format_number(kernel.flat.divisor)}")
    return lines


def _row(weights: NDArray[Any]) -> str:
    shown = weights if len(weights) <= _MOST else weights[: _MOST // 2]
    return f"[{' '.join(map(_text, shown))}{' …' * (len(shown) < len(weights))}]"


def _text(weight: float) -> str:
    return f"{weight:.4g}"


def volume_data(kernel: AnyVolumeKernel) -> dict[str, Any]:
    """Everything as JSON-ready values."""
    parts = [
        {
            "name": part.name,
            "weights": np.asarray(part.weights).tolist(),
            "divisor": part.flat.divisor,
            "sum": part.sum,
            "separable": part.factors is not None,
        }
        for part in kernel.parts
    ]
    combine = getattr(kernel, "combine", None)
    return {
        "name": kernel.name,
        "shape": list(kernel.shape),
        "kind": str(kernel.kind),
        "combine": combine and str(combine),
        "parts": parts,
    }

"""What the page's last section shows, as JSON: the user's own kernel on their own image."""

from __future__ import annotations

from typing import Any

from convcli.errors import ImageError
from convcli.geometry import Geometry, Pair
from convcli.kernels.kernel import Compound, Kernel
from convcli.report.explain_steps import mapping_line
from convcli.report.lines import named, prose
from convcli.report.numbers import seven_digits
from convcli.report.outcome import describe
from convcli.report.page.data import products_in, walk
from convcli.report.page.images import address, exact_address
from convcli.report.page.words import VIEWS, step_label
from convcli.teach.explain import Part, Place, Study
from convcli.teach.explain_extremes import extremes
from convcli.teach.lessons import Lesson, surroundings
from convcli.teach.views import View, Views, opaque, views

#: Grids and kernels up to these sides are shown as numbers, not as images.
_NUMBERS = 12
_KERNEL = 7


def your_image(study: Study, source: str, at: Pair | None) -> dict[str, Any]:
    """Return the user's section as JSON-ready values.

    Parameters
    ----------
    study
        Of the user's kernel on the user's image or grid.
    source
        What that is called.
    at
        The output to begin with; None for the largest response.

    Raises
    ------
    UsageError
        If the kernel is too large for a page.
    """
    kernel = study.kernel
    common: dict[str, Any] = {
        "kernel": named(kernel.name),
        "says": describe(kernel),
        "effect": prose(kernel.effect),
        "source": source,
        "size": list(study.work.image.size),
        "formulas": [axis.formula for axis in (study.geometry.rows, study.geometry.cols)],
        "mapping": mapping_line(study),
    }
    if _as_numbers(study):
        row, col = at or _largest(study)
        start = row * study.out[1] + col
        return common | {"walk": walk(Lesson(study, surroundings(study))), "start": start}
    return common | _image(study, at)


def _largest(study: Study) -> Pair:
    found = extremes(study)
    return found[0].at if found else (0, 0)


def _as_numbers(study: Study) -> bool:
    """Whether a grid is small enough to be shown number by number."""
    sides = max(*study.work.image.size, *study.out), max(study.kernel.shape)
    single = isinstance(study.kernel, Kernel) and len(study.channels) == 1
    return study.is_grid and single and sides[0] <= _NUMBERS and sides[1] <= _KERNEL


def _image(study: Study, at: Pair | None) -> dict[str, Any]:
    clear = opaque(study)
    shown = views(clear, at)
    kernel = clear.kernel
    return {
        "alpha": "weighed" if clear is not study else "",
        "factor": shown.factor,
        "stretched": {"before": shown.stretched[0], "after": shown.stretched[1]},
        "before": address(shown.before),
        "after": address(shown.after),
        "beforeSize": list(shown.before.size),
        "afterSize": list(shown.after.size),
        "out": list(clear.out),
        "pad": [axis.before for axis in (clear.geometry.rows, clear.geometry.cols)],
        "combine": str(kernel.combine) if isinstance(kernel, Compound) else "",
        "channels": [clear.channels[k] for k in shown.channels],
        "parts": [_weights(part) for part in _parts(clear, shown)],
        "views": [_view(clear, view, shown.channels) for view in shown.views],
    }


def _parts(study: Study, shown: Views) -> tuple[Part, ...]:
    """Lay the kernels over the first of the views where samples are numbers."""
    for view in shown.views:
        place = _place(study, view.focus, shown.channels[0])
        if place is not None:
            return place.parts
    return study.parts(*shown.views[0].focus)


def _weights(part: Part) -> dict[str, Any]:
    return {
        "name": named(part.name),
        "divisor": seven_digits(part.divisor),
        "weights": [[seven_digits(product.weight) for product in line] for line in part.products],
    }


def _view(study: Study, view: View, channels: tuple[int, ...]) -> dict[str, Any]:
    return {
        "name": VIEWS[view.name],
        "focus": list(view.focus),
        "rows": list(view.rows.places),
        "cols": list(view.cols.places),
        "windowRows": view.rows.windows,
        "windowCols": view.cols.windows,
        "outside": [view.rows.outside, view.cols.outside],
        "spotBefore": _spot(study.geometry, view),
        "spotAfter": _share((view.rows.places[0], view.cols.places[0]), view.after.size, study.out),
        "before": exact_address(view.before),
        "after": exact_address(view.after),
        "size": list(view.before.size),
        "channels": [_channel(study, view, channel) for channel in channels],
    }


def _spot(geometry: Geometry, view: View) -> list[float]:
    """Where a view lies in the image, its padding left out: top, left, height and width."""
    spans = []
    for axis, along in ((geometry.rows, view.rows), (geometry.cols, view.cols)):
        start = along.first - axis.before
        stop = min(axis.size, start + len(along.sources))
        start = min(axis.size - 1, max(0, start))
        spans.append((start, max(1, stop - start)))
    (top, height), (left, width) = spans
    return _share((top, left), (height, width), (geometry.rows.size, geometry.cols.size))


def _share(first: Pair, size: Pair, whole: Pair) -> list[float]:
    parts = (first[0] / whole[0], first[1] / whole[1], size[0] / whole[0], size[1] / whole[1])
    return [round(part, 6) for part in parts]


def _channel(study: Study, view: View, channel: int) -> dict[str, Any]:
    """One channel's samples under a view, and every output of it worked out."""
    rows, cols = view.before.size
    cells: list[list[Any]] = [[None] * cols for _ in range(rows)]
    places: list[list[Any] | None] = []
    labels: dict[str, int] = {}
    for row, window_rows in zip(view.rows.places, view.rows.windows, strict=True):
        for col, window_cols in zip(view.cols.places, view.cols.windows, strict=True):
            place = _place(study, (row, col), channel)
            places.append(None if place is None else _worked(study, place, labels))
            if place is not None:
                for i, line in zip(window_rows, place.parts[0].products, strict=True):
                    for j, product in zip(window_cols, line, strict=True):
                        cells[i][j] = seven_digits(product.sample)
    return {"cells": cells, "places": places, "labels": list(labels)}


def _place(study: Study, at: Pair, channel: int) -> Place | None:
    """Work an output out; None if a sample there is infinite or no number."""
    try:
        return study.at(*at, channel)
    except ImageError:
        return None


def _worked(study: Study, place: Place, labels: dict[str, int]) -> list[Any]:
    """Products and sum of each part, the steps from there, and the pixel."""
    steps = [
        [labels.setdefault(step_label(step, study), len(labels)), seven_digits(step.value)]
        for step in place.steps
    ]
    products = [
        [seven_digits(product.value) for product in products_in(part)] for part in place.parts
    ]
    return [
        products,
        [seven_digits(part.total) for part in place.parts],
        steps,
        seven_digits(place.stored),
    ]

"""What the page's sections show, as JSON: every number comes from a study."""

from __future__ import annotations

import json
from typing import Any

from convcli.report.numbers import seven_digits
from convcli.report.page.words import BORDERS, step_label
from convcli.report.shape import leftover
from convcli.teach.explain import Part, Place, Product, Study
from convcli.teach.lessons import ALONG, Lesson, Lessons, Surrounding

_AXES = ("height", "width")


def embedded(data: dict[str, Any]) -> str:
    """Return data as JSON that can't end the element it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def sections(made: Lessons) -> dict[str, Any]:
    """Return all sections but the user's own."""
    return {
        "sliding": walk(made.sliding),
        "stride": [walk(lesson) for lesson in made.strides],
        "padding": [walk(lesson) for lesson in made.paddings],
        "stairs": walk(made.stairs),
        "edge": walk(made.edge),
        "borders": [_surrounding(border) for border in made.surroundings],
        "flip": [walk(made.correlated), walk(made.convolved)],
    }


def walk(lesson: Lesson) -> dict[str, Any]:
    """Return a kernel's whole way over a small image as JSON-ready values.

    Parameters
    ----------
    lesson
        Of a single kernel.
    """
    study, geometry = lesson.study, lesson.study.geometry
    axes = geometry.rows, geometry.cols
    rows, cols = study.out
    places = [[study.at(r, c) for c in range(cols)] for r in range(rows)]
    part = places[0][0].parts[0]
    notes = [note for axis, name in zip(axes, _AXES, strict=True) for note in leftover(axis, name)]
    return {
        "size": [axis.size for axis in axes],
        "pad": [[axis.before, axis.after] for axis in axes],
        "unvisited": [axis.unvisited for axis in axes],
        "cells": [[seven_digits(product.sample) for product in line] for line in lesson.around],
        "kernel": [[seven_digits(product.weight) for product in line] for line in part.products],
        "divisor": seven_digits(part.divisor),
        "formulas": [axis.formula for axis in axes],
        "notes": list(dict.fromkeys(notes)),
        "out": [rows, cols],
        "output": [[seven_digits(place.stored) for place in line] for line in places],
        "steps": [_step(place, study) for line in places for place in line],
    }


def _step(place: Place, study: Study) -> dict[str, Any]:
    part = place.parts[0]
    before = study.geometry.rows.before, study.geometry.cols.before
    return {
        "at": list(place.at),
        "rows": [line[0].at[0] + before[0] for line in part.products],
        "cols": [product.at[1] + before[1] for product in part.products[0]],
        "patch": [seven_digits(product.sample) for product in products_in(part)],
        "products": [seven_digits(product.value) for product in products_in(part)],
        "total": seven_digits(part.total),
        "chain": [[step_label(step, study), seven_digits(step.value)] for step in place.steps],
        "value": seven_digits(place.stored),
    }


def products_in(part: Part) -> list[Product]:
    """Return a part's products in reading order."""
    return [product for line in part.products for product in line]


def _surrounding(found: Surrounding) -> dict[str, Any]:
    return {
        "name": str(found.border),
        "says": BORDERS.get(found.border, str(found.border)),
        "fill": seven_digits(found.fill),
        "cells": [[seven_digits(product.sample) for product in line] for line in found.around],
        "from": [[product.source for product in line] for line in found.around],
        "at": [[product.at for product in line] for line in found.around],
        "along": ALONG,
        "strip": list(found.strip),
    }

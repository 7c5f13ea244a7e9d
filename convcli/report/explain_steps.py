"""From a sum to a stored sample, each step in words and numbers."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from convcli.kernels.kernel import Combine, Compound
from convcli.report.explain_blocks import equals
from convcli.report.numbers import number
from convcli.spec import Mapping

if TYPE_CHECKING:
    from convcli.teach.explain import Place, SampleStep, Study


def mapping_line(study: Study) -> str:
    """Say how a response becomes a sample here."""
    target = study.target
    within = study.way(alpha=False).within
    top = f"{within[0]} to {within[1]}" if within else ""
    full = study.target.scale.full(target.dtype)
    fits = f", then clipped to {top}" if top else "; floats are not clipped"
    said = {
        Mapping.CLIP: f"what is outside {top} becomes its nearest end"
        if top
        else "floats are not clipped",
        Mapping.ABS: f"the sign is dropped{fits}",
        Mapping.OFFSET: f"{'0' if target.least < 0 else 'mid-gray'} stands for 0{fits}",
        Mapping.NORMALIZE: f"the least response becomes 0, the greatest {full:.0f}",
        Mapping.RAW: "the response itself is the result",
    }
    return ": ".join((str(target.mapping), *filter(None, [said.get(target.mapping)])))


def step_lines(study: Study, place: Place) -> Iterator[tuple[str, str]]:
    """(label, words) of each step from the sum to the sample."""
    before = place.total
    for step in place.steps:
        yield _LABELS.get(step.name, step.name), _said(study, place, step, before)
        before = step.value


_LABELS = {"stretch": "normalize", "middle": "offset", "unweigh": "alpha", "shift": "scale"}


def _said(study: Study, place: Place, step: SampleStep, before: Fraction) -> str:
    was, by, now = number(before), number(step.by or 0), equals(step.value)
    if step.name == "combine":
        return f"{combine_line(study, place)} {now}"
    if step.name == "stretch":
        return f"{_stretched(study, was)} {now}"
    match step.name:
        case "divide":
            return f"{was} / {_bracketed(by)} {now}"
        case "unweigh":
            return f"{was} / {by} {now}: divided by the filtered alpha, {by} of full"
        case "unit" | "scale" | "levels":
            return f"{was} · {_bracketed(by)} {now}{_reason(study, step)}"
        case "offset" | "shift" | "middle":
            sign = "−" if (step.by or 0) < 0 else "+"
            return f"{was} {sign} {number(abs(step.by or Fraction(0)))} {now}{_reason(study, step)}"
        case _:
            return f"{was} → {number(step.value)}{_ARROWS.get(step.name, '')}"


_ARROWS = {
    "round": ", the nearest whole number (halves away from 0)",
    "abs": ", without its sign",
    "clip": ", the nearest level there is",
}


def _stretched(study: Study, was: str) -> str:
    low, high = number(study.lowest), number(study.highest)
    top = number(study.way(alpha=False).finish.full)
    return f"({was} − {_bracketed(low)}) / ({high} − {_bracketed(low)}) · {top}"


def _bracketed(said: str) -> str:
    return f"({said})" if said.startswith("-") else said


def _reason(study: Study, step: SampleStep) -> str:
    kernel = study.kernel
    match step.name:
        case "unit":
            full = kernel.full_scale if isinstance(kernel, Compound) else None
            return f": {number(full or 1)} becomes {number(study.target.full)}"
        case "levels":
            return ": from the image's levels to the result's"
        case "middle":
            return ": this level stands for 0"
        case "shift":
            return ": the least possible response becomes 0"
        case _:
            return ""


def combine_line(study: Study, place: Place) -> str:
    """How the parts' sums become one, with the numbers in it."""
    kernel = study.kernel
    shared = len({part.divisor for part in place.parts}) == 1
    values = [part.total if shared else part.response for part in place.parts]
    said = [number(value) for value in values]
    squares = [f"{_bracketed(one)}²" for one in said]
    match kernel.combine if isinstance(kernel, Compound) else "":
        case Combine.MAGNITUDE:
            return f"√({' + '.join(squares)})"
        case Combine.DIRECTION:
            return f"the angle of (x {said[0]}, y {said[1]}), in degrees"
        case Combine.MAX:
            return f"the greatest of {', '.join(said)}"
        case Combine.MAX_ABS:
            return f"the greatest size among {', '.join(said)}"
        case Combine.SUM_ABS:
            return " + ".join(f"|{one}|" for one in said)
        case Combine.SHARE:
            count = kernel.share if isinstance(kernel, Compound) else 0
            return f"√(({' + '.join(squares[:count])}) / ({' + '.join(squares)}))"
        case _:
            return ""

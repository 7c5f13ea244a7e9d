"""What the page says where its numbers decide what there is to say."""

from __future__ import annotations

from convcli.borders import Border
from convcli.kernels.kernel import Combine, Compound
from convcli.teach.explain import SampleStep, Study

BORDERS = {
    Border.REPLICATE: "The nearest sample of the image is repeated.",
    Border.ZERO: "Everything outside is 0.",
    Border.CONSTANT: "Everything outside is one value that you choose (here 50).",
    Border.REFLECT: "The image is mirrored at its last sample, which isn't repeated.",
    Border.SYMMETRIC: "The image is mirrored at its edge, so the last sample comes twice.",
    Border.WRAP: "The image begins again from its other side.",
}

VIEWS = {
    "asked": "The place you asked for",
    "largest": "The largest response",
    "smallest": "The smallest response",
    "middle": "The middle",
    "corner": "The first corner, with padding",
}

_COMBINE = {
    Combine.MAGNITUDE: "√ of the sum of squares",
    Combine.DIRECTION: "angle of the two, in degrees",
    Combine.MAX: "greatest of them",
    Combine.MAX_ABS: "greatest size of them",
    Combine.SUM_ABS: "sum of their sizes",
    Combine.SHARE: "share of the first ones",
}


#: Words for steps that need no number.
_PLAIN = {
    "round": "rounded",
    "abs": "without its sign",
    "clip": "clipped to the range",
    "stretch": "stretched over the range",
}


def step_label(step: SampleStep, study: Study) -> str:
    """Say in a few words what a step does to the number before it."""
    if step.name in _PLAIN:
        return _PLAIN[step.name]
    if step.name == "combine" and isinstance(study.kernel, Compound):
        return _COMBINE[study.kernel.combine]
    sign = "−" if (step.by or 0) < 0 else ""
    by = "" if step.by is None else f"{float(abs(step.by)):.6g}"
    if step.name in ("divide", "unweigh"):
        return f"divided by {sign}{by}"
    if step.name in ("offset", "shift", "middle"):
        return f"{sign or '+'} {by}" + (", mid-gray" if step.name == "middle" else "")
    return f"times {sign}{by}"

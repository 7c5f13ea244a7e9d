"""What a kernel's weights say, what a flip changes, what it costs, and what it looks for."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from convcli.kernels.kernel import Kernel
from convcli.report.explain_blocks import (
    Cell,
    Lines,
    Panel,
    aligned,
    equals,
    middle,
    number_cells,
    sample_cells,
)
from convcli.report.lines import named
from convcli.report.numbers import number
from convcli.teach.explain_extremes import extremes
from convcli.teach.explain_kernel import Separated, Weights, read_weights, separated

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from convcli.teach.explain import Place, Study
    from convcli.teach.explain_extremes import Extreme

#: Sides up to which a second matrix of a kernel is shown, and terms of it.
_SMALL = 7
_FEW_TERMS = 3


def show_weights(lines: Lines, study: Study) -> None:
    """Say what the sum of the weights and their signs mean; for a compound, of its first part."""
    kernel, *others = study.kernel.parts
    says = read_weights(kernel)
    lines.title(f"What the weights of {named(kernel.name)} say")
    lines.say("weights", _counted(says))
    total = number(kernel.sum)  # without what rounding leaves of a sum of 0 or 1
    if kernel.divisor != 1:
        total = f"{number(says.total)} / {number(kernel.divisor)} {equals(says.sum)}"
    lines.say("sum", f"{total}: {brightness(says)}")
    lines.say("signs", signs(says))
    for other in others:
        lines.say(
            "also", f"{named(other.name)}: sum {number(other.sum)}, {_counted(read_weights(other))}"
        )


def _counted(says: Weights) -> str:
    weights = [weight for row in says.kernel.fractions for weight in row]
    positive = sum(weight for weight in weights if weight > 0)
    negative = says.total - positive
    words = []
    if says.positive:
        words.append(f"{says.positive} positive (together {number(positive)})")
    if says.negative:
        words.append(f"{says.negative} negative (together {number(negative)})")
    if says.zero:
        words.append(f"{says.zero} zero")
    return ", ".join(words)


def brightness(says: Weights) -> str:
    """What the sum does to a region where all samples are alike."""
    offset = f", plus the offset {number(says.kernel.offset)}" if says.kernel.offset else ""
    total = number(says.kernel.sum, 4)
    said = {
        "keeps": "a flat region keeps its brightness",
        "silent": "a flat region gives 0, whatever its brightness: the kernel finds change",
        "brightens": f"a flat region gets {total} times as bright",
        "darkens": f"a flat region keeps {total} of its brightness",
        "inverts": f"a flat region is multiplied by {total}, which is below 0",
    }
    return said[says.brightness] + offset


def signs(says: Weights) -> str:
    """What the signs of the weights do."""
    mean = "mean" if says.kernel.sum == 1 else "sum"
    return {
        "copies": "one weight at the most: samples are copied or moved, not mixed",
        "averages": f"all of one sign: each output is a weighted {mean} of its patch, "
        "which smooths: details are evened out",
        "sharpens": "a positive middle among negative neighbours: what differs from its "
        "neighbours is made to differ more, which sharpens",
        "compares": "positive and negative ones cancel out: one part of the patch is compared "
        "with another, and the response is their difference",
        "mixes": "positive and negative ones that don't cancel out: a difference is added to "
        "the image itself",
    }[says.signs]


def show_flip(lines: Lines, study: Study, place: Place) -> None:
    """Compare correlation with convolution at this place."""
    kernel = study.kernel.parts[0]
    lines.title("Correlation and convolution")
    if len(study.kernel.parts) > 1:
        lines.say("part", named(kernel.name))
    if max(kernel.shape) <= _SMALL:
        turned = [row[::-1] for row in kernel.fractions[::-1]]
        both = (("correlate", kernel.fractions), ("convolve: turned", turned))
        lines.matrices([Panel(title, number_cells(cells)) for title, cells in both], (" ",))
    channel = study.channels.index(place.channel)
    other = study.other_way.parts(*place.at, channel)[0].total
    totals = [number(place.total), number(other)]
    if study.spec.convolve:
        totals.reverse()
    lines.say("correlate", f"the kernel as it is: sum {totals[0]}")
    lines.say("convolve", f"the kernel turned by 180° first: sum {totals[1]}")
    lines.say("", _FLIPS[read_weights(kernel).flip])
    even = [size for size in kernel.shape if size % 2 == 0]
    if even and study.spec.padding == "same":
        lines.say("", "its anchor turns with it: with an even size the patch moves, too")


_FLIPS = {
    "nothing": "turned it is the same kernel: both agree everywhere",
    "sign": "turned, every weight changes its sign, and so does the sum",
    "result": "turned it is another kernel: the two differ",
}


def _term_block(title: str, weights: NDArray[np.generic]) -> Panel:
    """A column or a row as a matrix."""
    return Panel(title, number_cells([[Fraction(w) for w in row] for row in weights.tolist()]))


def show_cost(lines: Lines, study: Study) -> None:
    """Say whether the kernel comes apart, what each method costs, and what was chosen."""
    lines.title("How it is computed")
    for kernel in study.kernel.parts:
        name = "" if len(study.kernel.parts) == 1 else f"{named(kernel.name)}: "
        _show_apart(lines, kernel, name)
    plan = study.plan
    rows, cols = study.out
    samples = rows * cols * len(study.channels)
    direct = sum(int(np.count_nonzero(part.weights)) for part in study.kernel.parts)
    if plan.method == "direct":  # of several kernels every place that one of them uses counts
        direct = plan.taps
    lines.say(
        "direct",
        f"{direct} multiply-adds a sample · {rows}·{cols}·{len(study.channels)} samples "
        f"= {direct * samples:,}",
    )
    lines.say("cost", f"{plan.method} {plan.cost:.2f} processor cycles a sample, as estimated")
    for method, cost in plan.others:
        lines.say("", f"{method} {cost:.2f}: {cost / plan.cost:.1f} times as long")
    lines.say("plan", plan.reason)


def _show_apart(lines: Lines, kernel: Kernel, name: str) -> None:
    apart = separated(kernel)
    said = f"{apart.apart} multiplications a sample, {apart.direct} without"
    if apart.rank == 1 and apart.terms is not None:
        lines.say("separable", f"{name}rank 1: a column times a row, {said}")
        if max(kernel.shape) <= _SMALL and not name:
            _show_product(lines, apart, kernel)
        else:
            lines.say("", term_line(apart, 0))
        return
    lines.say(
        "separable", f"{name}no, its rank is {apart.rank}: a sum of {apart.rank} columns × rows"
    )
    if apart.terms is None or name:
        return
    if len(apart.terms.columns) < apart.rank:
        lines.say("", f"{len(apart.terms.columns)} of them are as exact as its floats")
    count = min(len(apart.terms.columns), _FEW_TERMS)
    for k in range(count):
        lines.say("" if k else "low rank", f"{'+ ' if k else ''}{term_line(apart, k)}")
    if count < len(apart.terms.columns):
        lines.say("", f"+ {len(apart.terms.columns) - count} more")
    if apart.divisor != 1:
        lines.say("", f"all divided by {number(apart.divisor)}")
    lines.say("", said)


def _show_product(lines: Lines, apart: Separated, kernel: Kernel) -> None:
    """Draw column × row = kernel, times what these are divided by; the row beside the sign."""
    assert apart.terms is not None
    column, row = apart.terms.columns[0], apart.terms.rows[0]
    blank = (Cell(""),) * len(row)
    across = [blank] * len(column)
    across[len(column) // 2] = _term_block("", row[None]).rows[0]
    times = "" if apart.divisor == 1 else f" · {number(apart.divisor)}"
    product = [[weight * apart.divisor for weight in line] for line in kernel.fractions]
    blocks = (
        _term_block("column", column[:, None]),
        Panel("row", tuple(across)),
        Panel(f"kernel{times}", number_cells(product)),
    )
    lines.matrices(blocks, ("×", "="))


def term_line(apart: Separated, k: int) -> str:
    """One column times a row, in a line."""
    assert apart.terms is not None
    column, row = (_line(part[k].tolist()) for part in (apart.terms.columns, apart.terms.rows))
    by = "" if apart.divisor == 1 or apart.rank > 1 else f" / {number(apart.divisor)}"
    return f"column ({column}) × row ({row}){by}"


def _line(weights: Sequence[float]) -> str:
    shown = middle(len(weights), _SMALL)
    words = " ".join(aligned([[Fraction(weights[k]) for k in shown]])[0])
    return words if len(shown) == len(weights) else f"… {words} …"


def show_likeness(lines: Lines, study: Study, place: Place) -> None:
    """Say what the kernel looks for, and where it finds most and least of it."""
    lines.title("What it looks for")
    lines.say(
        "likeness",
        "the sum is the dot product of kernel and patch. Divided by the lengths of both it is "
        "the cosine: 1 where the patch is a multiple of the kernel, 0 where they have nothing "
        "in common, -1 where it is the opposite"
        + (
            ""
            if study.kernel.parts[0].sum
            else "; a kernel of sum 0 doesn't see the patch's mean, so that is taken away first"
        ),
    )
    for part in place.parts[: len(study.kernel.parts)]:
        flat = "the patch is flat" if not study.kernel.parts[0].sum else "the patch is 0 throughout"
        said = f"no cosine: {flat}" if part.cosine is None else f"cosine {part.cosine:.3f}"
        name = f"{named(part.name)}: " if len(place.parts) > 1 else ""
        lines.say("here", f"{name}{said}")
    found = extremes(study, study.channels.index(place.channel))
    if found is None:
        lines.say("largest", "no response is a number")
        return
    if len(study.channels) > 1:
        lines.say("channel", place.channel)
    for label, extreme in zip(("largest", "smallest"), found, strict=True):
        lines.say(label, extreme_line(extreme))
    _show_patches(lines, found)


def extreme_line(extreme: Extreme) -> str:
    """Where a response is greatest or least, and how alike patch and kernel are there."""
    row, col = extreme.at
    said = f"response {number(extreme.response)} at row {row}, column {col}"
    if extreme.count > 1:
        said += f" and {extreme.count - 1:,} more"
    if extreme.place is None or len(extreme.place.parts) > 1:
        return said
    cosine = extreme.place.parts[0].cosine
    return said if cosine is None else f"{said}; cosine {cosine:.3f}"


def _show_patches(lines: Lines, found: Sequence[Extreme]) -> None:
    """The patches where the response is greatest and least, beside the kernel."""
    places = [extreme.place for extreme in found]
    if any(place is None for place in places):
        return
    parts = [place.parts[0] for place in places if place is not None]
    if max(len(parts[0].products), len(parts[0].products[0])) > _SMALL:
        return
    kernel = number_cells([[product.weight for product in row] for row in parts[0].products])
    patches = [sample_cells(part.products) for part in parts]
    blocks = [Panel("kernel", kernel), Panel("largest", patches[0]), Panel("smallest", patches[1])]
    lines.matrices(blocks, (" ", " "))


def show_channels(lines: Lines, study: Study, place: Place) -> None:
    """Every channel's sum and sample at this place."""
    if len(study.channels) == 1:
        return
    lines.title("Every channel here")
    for channel, letter in enumerate(study.channels):
        one = study.at(*place.at, channel)
        sums = ", ".join(number(part.total) for part in one.parts)
        word = "sum" if len(one.parts) == 1 else "sums"
        lines.say(letter, f"{word} {sums} → sample {number(one.value)}")
    lines.say("", "--channels shows another one's patch (and filters only that)")

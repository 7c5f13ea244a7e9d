"""One place of an image under a kernel, and every step over a small one: for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convcli.borders import named_border
from convcli.report.kernels import card_data
from convcli.report.numbers import as_json_number
from convcli.report.shape import axis_data
from convcli.teach.explain_extremes import extremes
from convcli.teach.explain_kernel import read_weights, separated

if TYPE_CHECKING:
    from convcli.engine import Plan
    from convcli.kernels.kernel import Kernel
    from convcli.teach.explain import Part, Place, SampleStep, Study
    from convcli.teach.explain_extremes import Extreme


def data(study: Study, place: Place, name: str) -> dict[str, Any]:
    """All that is said of a place, as JSON-ready values; numbers as near as floats are."""
    channel = study.channels.index(place.channel)
    found = extremes(study, channel)
    other = study.other_way.parts(*place.at, channel)
    turned = study.spec.convolve
    totals = [part.total for part in place.parts], [part.total for part in other]
    as_is, flipped = reversed(totals) if turned else totals
    return {
        **_head(study, name),
        "place": place_data(place),
        "channels": [place_data(study.at(*place.at, k)) for k in range(len(study.channels))],
        "weights": [weights_data(part) for part in study.kernel.parts],
        "correlate": [as_json_number(total) for total in as_is],
        "convolve": [as_json_number(total) for total in flipped],
        "plan": plan_data(study.plan),
        "largest": extreme_data(found[0]) if found else None,
        "smallest": extreme_data(found[1]) if found else None,
    }


def steps_data(study: Study, name: str) -> dict[str, Any]:
    """Every step over a small image, as JSON-ready values."""
    rows, cols = study.out
    steps = [place_data(study.at(row, col)) for row in range(rows) for col in range(cols)]
    return {**_head(study, name), "steps": steps}


def _head(study: Study, name: str) -> dict[str, Any]:
    axes = study.geometry.rows, study.geometry.cols
    return {
        "image": name,
        "channels_explained": study.channels,
        "kernel": card_data(study.kernel),
        "axes": [axis_data(axis) for axis in axes],
        "output": list(study.out),
        "border": named_border(study.spec.border),
        "convolve_first": study.spec.convolve,
        "mapping": str(study.target.mapping),
        "depth": (study.work.stored if study.has_values else study.target.dtype).name,
        "response_range": [as_json_number(study.lowest), as_json_number(study.highest)],
    }


def place_data(place: Place) -> dict[str, Any]:
    """One output."""
    return {
        "at": list(place.at),
        "channel": place.channel,
        "parts": [part_data(part) for part in place.parts],
        "steps": [_step(step) for step in place.steps],
        "sample": as_json_number(place.value),
        "stored": as_json_number(place.stored),
        "tolerance": as_json_number(place.tolerance),
    }


def part_data(part: Part) -> dict[str, Any]:
    """One kernel over its patch."""
    return {
        "kernel": part.name,
        "weights": [[as_json_number(product.weight) for product in row] for row in part.products],
        "patch": [[as_json_number(product.sample) for product in row] for row in part.products],
        "outside": [[product.outside for product in row] for row in part.products],
        "places": [[list(product.at) for product in row] for row in part.products],
        "products": [[as_json_number(product.value) for product in row] for row in part.products],
        "sum": as_json_number(part.total),
        "divisor": as_json_number(part.divisor),
        "cosine": part.cosine,
    }


def _step(step: SampleStep) -> dict[str, Any]:
    by = None if step.by is None else as_json_number(step.by)
    return {"name": step.name, "by": by, "value": as_json_number(step.value)}


def weights_data(kernel: Kernel) -> dict[str, Any]:
    """What a kernel's weights say."""
    says, apart = read_weights(kernel), separated(kernel)
    terms = None
    if apart.terms is not None:
        columns, rows = apart.terms.columns.tolist(), apart.terms.rows.tolist()
        pairs = zip(columns, rows, strict=True)
        terms = [{"column": column, "row": row} for column, row in pairs]
    return {
        "kernel": kernel.name,
        "sum": as_json_number(says.sum),
        "positive": says.positive,
        "negative": says.negative,
        "zero": says.zero,
        "brightness": says.brightness,
        "signs": says.signs,
        "flip_changes": says.flip,
        "rank": apart.rank,
        "terms": terms,
        "terms_divisor": None if apart.terms is None else as_json_number(apart.divisor),
        "multiplications": {"direct": apart.direct, "columns_and_rows": apart.apart},
    }


def plan_data(plan: Plan) -> dict[str, Any]:
    """How it is computed."""
    return {
        "method": plan.method,
        "cycles_a_sample": plan.cost,
        "others": [{"method": method, "cycles_a_sample": cost} for method, cost in plan.others],
        "exact": plan.exact,
        "reason": plan.reason,
    }


def extreme_data(extreme: Extreme) -> dict[str, Any]:
    """Where a response is greatest or least."""
    return {
        "at": list(extreme.at),
        "response": extreme.response,
        "count": extreme.count,
        "place": None if extreme.place is None else place_data(extreme.place),
    }

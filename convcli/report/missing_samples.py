"""What was missing of an image, for people and for programs."""

from __future__ import annotations

from typing import Any

from convcli.pipeline import Facts


def missing(facts: Facts) -> list[str]:
    """Say what was missing, what is in the result, and what stands for it."""
    found: Any = facts.missing
    what = "NaN" if found.nodata is None else f"{found.nodata:.9g} or NaN"
    if found.nodata is not None and facts.depth not in ("float", "double"):
        what = f"{found.nodata:.9g}"
    said = [
        f"{found.source:,} samples ({what}); {found.result:,} of {found.samples:,} in the result"
    ]
    if found.result and found.mark is None:
        said.append(
            f"they are {found.instead:.9g} there: {facts.out_depth} samples can't say that they "
            "are missing, --depth float can"
        )
    elif found.result and found.mark == found.mark and found.mark != found.nodata:
        said.append(f"they are {found.mark:.9g} there")
    if found.moved:
        samples = "sample that is" if found.moved == 1 else "samples that are"
        said.append(f"{found.moved:,} {samples} there but had this value got the one next to it")
    return said


def missing_data(facts: Facts) -> dict[str, Any]:
    """Return the same as JSON-ready values."""
    found: Any = facts.missing
    mark = "nan" if found.mark is not None and found.mark != found.mark else found.mark
    return {
        "source": found.source,
        "nodata": found.nodata,
        "result": found.result,
        "samples": found.samples,
        "mark": mark,
        "moved": found.moved,
    }

"""Where a patch was found, for people and for programs."""

from __future__ import annotations

from typing import Any

from convcli.batch.search import Search, SearchOutcome
from convcli.pipeline.find import Match
from convcli.report.lines import printable
from convcli.report.numbers import seven_digits


def text(outcome: SearchOutcome, search: Search, name: str) -> str:
    """Return what was found in an image: a line, and a table of places.

    Parameters
    ----------
    outcome
        What was found.
    search
        What was looked for.
    name
        What the patch is called.
    """
    source, matches = printable(outcome.job.source), outcome.matches
    height, width = search.patch.size
    least = f"{search.least:g}"
    sought = f"{printable(name)} ({width}×{height})"
    if not matches:
        assert outcome.found is not None
        best = outcome.found.best
        return (
            f"{source}: nothing like {sought} scores {least} or more; the best place, x {best.x} "
            f"y {best.y}, scores {best.score:.4f}"
        )
    count = f"the best {len(matches)} places" if outcome.more else f"{len(matches)} places"
    count = "1 place" if len(matches) == 1 and not outcome.more else count
    head = f"{source}: {count} like {sought}, scored {least} or more"
    wide = max(5, *(len(str(max(match.x, match.y))) for match in matches))
    rows = [f"{'x':>{wide}}  {'y':>{wide}}   score"]
    rows += [f"{match.x:{wide}}  {match.y:{wide}}  {match.score:6.4f}" for match in matches]
    if outcome.more:
        rows.append(f"there are more than {len(matches)}; --top N shows more of them")
    return "\n".join([head, *rows])


def data(outcome: SearchOutcome, search: Search, name: str) -> dict[str, Any]:
    """Return the same as JSON-ready values."""
    result: dict[str, Any] = {"source": outcome.job.source, "patch": name}
    if outcome.error:
        return {**result, "status": "failed", "error": outcome.error}
    assert outcome.found is not None
    return {
        **result,
        "status": "found" if outcome.matches else "not found",
        "width": outcome.size[1],
        "height": outcome.size[0],
        "least": search.least,
        "matches": [_match(match) for match in outcome.matches],
        "more": outcome.more,
        "best": _match(outcome.found.best),
        "marks": outcome.job.marks,
        "map": outcome.job.scores,
        "notes": list(outcome.notes),
    }


def _match(match: Match) -> dict[str, Any]:
    return {**match._asdict(), "score": seven_digits(match.score)}

"""Where a patch was found, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcli.batch.search import Search, SearchOutcome
from convcli.pipeline.find import Match
from convcli.report.lines import printable
from convcli.report.numbers import seven_digits
from convcli.report.outcome import LEFT_OUT, left_out_words


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
    if outcome.job.left_out:
        return {**result, "status": LEFT_OUT, "notes": [outcome.job.left_out]}
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


def tally(found: Sequence[bool], unread: Sequence[str]) -> str:
    """One line that counts the images in which something was found, and those left out.

    Examples
    --------
    >>> tally([True, False], ["a.psd"])
    "found in 1 of 2 images, 1 left out: .psd can't be read"
    """
    words = f", {left_out_words(unread)}" if unread else ""
    return f"found in {sum(found)} of {len(found)} images{words}"


def _match(match: Match) -> dict[str, Any]:
    return {**match._asdict(), "score": seven_digits(match.score)}

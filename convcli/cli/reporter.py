"""What is said while images are filtered, and in the end."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any

from convcli.cli.status import DONE, FAILED, tell
from convcli.report.failures import Failures
from convcli.report.lines import as_json as to_json
from convcli.report.lines import printable

if TYPE_CHECKING:
    from convcli.batch import Outcome
    from convcli.kernels.kernel import AnyKernel
    from convcli.report.progress import Bar

#: From so many images on a terminal shows a bar, and lines for failures only.
_MANY = 20


class Reporter:
    """What is said while images are filtered, and in the end.

    Parameters
    ----------
    kernels
        What they are filtered with.
    count
        How many images there are.
    given
        The options `as_json`, `quiet`, `verbose` and `show`.
    """

    def __init__(self, kernels: Sequence[AnyKernel], count: int, given: dict[str, Any]) -> None:
        self._kernels, self._count = kernels, count
        self._as_json, self._quiet = given["as_json"], given["quiet"]
        self._verbose = given["verbose"]
        self._counts: Counter[str] = Counter()
        self._failures = Failures(each=self._verbose)
        self._unread: list[str] = []
        #: Of lines for one image each; elsewhere they stand with the image.
        self._notes: Counter[str] = Counter()
        #: Notes that were said of all images before.
        self.told: frozenset[str] = frozenset()
        self._start = perf_counter()
        # A bar would be drawn over by images; they show how far it is, too.
        shows = _is_terminal() and not self._quiet and not given["show"]
        # A bar and lines of JSON would be mixed up.
        self._shows = shows and count > 1 and not (self._as_json and sys.stdout.isatty())
        self._bar: Bar | None = None

    @property
    def status(self) -> int:
        """The exit status."""
        return FAILED if self._counts["failed"] else DONE

    def add(self, outcome: Outcome) -> None:
        """Say what became of an image."""
        from convcli.report import outcome as report

        became = report.status(outcome)
        if became == report.LEFT_OUT:
            self._unread.append(outcome.job.source)
        else:
            self._counts[became] += 1
        if self._as_json:
            sys.stdout.write(f"{to_json(report.data(outcome, self._kernels))}\n")
            sys.stdout.flush()
        if outcome.error:
            self._fail(outcome, report.line(outcome))
        elif became == report.LEFT_OUT:
            if self._verbose:
                self._tell(report.line(outcome))
            return
        elif self._speaks:
            alone = self._count == 1 or self._verbose
            begun = self._verbose and self._count == 1 and outcome.facts is not None
            say = report.text(outcome, self._kernels, verbose=self._verbose, begun=begun)
            self._tell(say if alone else report.line(outcome))
        self._note(outcome)
        if outcome.preview is not None:
            from convcli.report.show import show

            show(outcome.preview)
        self._advance()

    def _note(self, outcome: Outcome) -> None:
        """Keep what is to be said of an image in the end."""
        if outcome.facts is not None and not self._verbose and self._count > 1:
            self._notes.update({*outcome.facts.notes} - self.told)

    def _fail(self, outcome: Outcome, line: str) -> None:
        """Say that an image failed, at once or in the end."""
        job = outcome.job
        paths = job.source, job.target
        names = (*paths, *(path.rpartition(os.sep)[2] for path in paths))
        if said := self._failures.add(line, *map(printable, names)):
            self._tell(f"convcli: {said}")

    @property
    def _speaks(self) -> bool:
        """Whether there are lines for images that didn't fail."""
        if self._quiet or self._as_json:
            return False
        return self._verbose or not self._shows or self._count < _MANY

    def _advance(self) -> None:
        """Show how far it is."""
        if not self._shows:
            return
        if self._bar is None:
            from convcli.report.progress import Bar

            self._bar = Bar(self._count)
        self._bar.advance()

    def _tell(self, text: str) -> None:
        if self._bar is None:
            tell(text)
        else:
            self._bar.tell(text)

    def __enter__(self) -> Reporter:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Count what became of all images."""
        from convcli.report.outcome import tally

        if self._bar is not None:
            self._bar.close()
        for said in self._failures.rest():
            tell(f"convcli: {said}")
        counts = self._counts
        several = self._count > 1 or self._unread
        if several and not self._quiet and not self._as_json and counts:
            self._tell_notes()
            tell(tally(counts, self._count, perf_counter() - self._start, self._unread))

    def _tell_notes(self) -> None:
        """Say what was noted of images that had a line each, or none."""
        if self._notes:
            from convcli.report.notes import summed

            for said in summed(self._notes):
                tell(said)


def _is_terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

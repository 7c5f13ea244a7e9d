"""What `convcli apply` does once its command line is understood, however that was."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from time import perf_counter
from typing import TYPE_CHECKING, Any

from convcli.cli.status import tell
from convcli.errors import UsageError
from convcli.report.lines import as_json as to_json

if TYPE_CHECKING:
    from convcli.batch import Job, Outcome
    from convcli.image.ahead import Reading
    from convcli.image.picture import Image
    from convcli.pipeline import Facts
    from convcli.spec import Spec
    from convcli.taps import AnyKernel

_HELP = "; see 'convcli apply --help'"


def filter_pictures(
    kernels: Sequence[AnyKernel], spec: Spec, given: dict[str, Any], ahead: Reading | None = None
) -> int:
    """Filter pictures, say what was done, and return the exit status.

    Parameters
    ----------
    kernels, spec
        What to do.
    given
        The other options, by their parameters' names.
    ahead
        The first picture, if it is already being read.

    Raises
    ------
    ConvError
        If options contradict each other or don't fit.
    """
    from convcli import batch

    _check(given)
    request = batch.Request(
        inputs=given["images"],
        output=given["output"],
        label=batch.label_of([each.name for each in kernels]),
        recursive=given["recursive"],
        writing=batch.Writing(
            format=given["format_"],
            quality=given["quality"],
            compress=given["compress"],
            overwrite=given["overwrite"],
            skip_existing=given["skip_existing"],
            max_pixels=given["max_pixels"],
        ),
    )
    jobs = batch.plan(request)
    _check_streams(jobs, given["as_json"])
    talk = _Talk(kernels, len(jobs), given)
    if given["dry_run"]:
        _check_kernels(kernels, spec)
        for job in jobs:
            talk.add(batch.foresee(job, request.writing))
        return talk.close()
    # Its pixels are decoded while the engine is imported.
    begun = batch.begin(jobs, request.writing, ahead)
    work = _filter(kernels, spec)
    streams = sys.stdin.buffer, sys.stdout.buffer
    at_once = min(spec.jobs or batch.AT_ONCE, batch.AT_ONCE)
    outcomes = batch.run(jobs, work, request.writing, streams, begun=begun, at_once=at_once)
    with closing(outcomes):
        for outcome in outcomes:
            talk.add(outcome)
    return talk.close()


def _filter(kernels: Sequence[AnyKernel], spec: Spec) -> Callable[[Image], tuple[Image, Facts]]:
    """Return what is done to each picture."""
    from convcli.pipeline import apply as apply_kernels

    _check_kernels(kernels, spec)
    return lambda image: apply_kernels(image, kernels, spec)


def _check_kernels(kernels: Sequence[AnyKernel], spec: Spec) -> None:
    """Refuse options that the kernels can't have, before any picture is filtered."""
    from convcli.arrays import overridden

    overridden(kernels, spec)


class _Talk:
    """What is said while pictures are filtered, and in the end."""

    def __init__(self, kernels: Sequence[AnyKernel], count: int, given: dict[str, Any]) -> None:
        self.kernels, self.count = kernels, count
        self.as_json, self.quiet = given["as_json"], given["quiet"]
        self.verbose = given["verbose"]
        self.outcomes: list[Outcome] = []
        self.start = perf_counter()

    def add(self, outcome: Outcome) -> None:
        """Say what became of a picture."""
        from convcli.report import outcome as report

        self.outcomes.append(outcome)
        if self.as_json:
            sys.stdout.write(f"{to_json(report.data(outcome, self.kernels))}\n")
            sys.stdout.flush()
        if outcome.error:
            tell(f"convcli: {report.line(outcome)}")
        elif not self.quiet and not self.as_json:
            alone = self.count == 1 or self.verbose
            say = report.text(outcome, self.kernels, verbose=self.verbose)
            tell(say if alone else report.line(outcome))

    def close(self) -> int:
        """Count what became of all pictures and return the exit status."""
        from convcli.report import outcome as report

        if self.count > 1 and not self.quiet and not self.as_json:
            tell(report.tally(self.outcomes, perf_counter() - self.start))
        return 1 if any(outcome.error for outcome in self.outcomes) else 0


def _check(given: dict[str, Any]) -> None:
    """Refuse options that contradict each other."""
    for one, other in (("overwrite", "skip_existing"), ("quiet", "verbose")):
        if given[one] and given[other]:
            raise UsageError(
                f"--{one} and --{other.replace('_', '-')} contradict each other; "
                f"leave one out{_HELP}"
            )


def _check_streams(jobs: Sequence[Job], as_json: bool) -> None:
    """Refuse to mix a picture with JSON, or to write one to a terminal."""
    if all(job.target != "-" for job in jobs):
        return
    if as_json:
        raise UsageError(
            f"--json and the picture would both go to standard output; give -o FILE{_HELP}"
        )
    if sys.stdout.isatty():
        raise UsageError(
            "a picture can't be shown on a terminal; give -o FILE, or send standard output "
            f"to a file or a pipe{_HELP}"
        )

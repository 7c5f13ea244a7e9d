"""What `convcli apply` does with banks of filters, ReLU and pooling."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from convcli import batch
from convcli.batch.maps import MapsOf, MapsOutcome, MapsRequest, check_request
from convcli.batch.names import read_by
from convcli.cli.echo import echo_json
from convcli.cli.effects import notes
from convcli.cli.fills import check_fill
from convcli.cli.filtering import check_streams, make_request
from convcli.cli.idle import Call
from convcli.cli.status import DONE, FAILED, tell
from convcli.errors import UsageError
from convcli.paths import Identities
from convcli.pipeline.layers import Layer, Pool, Relu
from convcli.report import maps as report
from convcli.report.failures import Failures
from convcli.report.lines import printable
from convcli.report.outcome import tally
from convcli.spec import Spec

if TYPE_CHECKING:
    from convcli.batch import Job

#: Options of `apply` that show or compare one result.
_KERNELS_ONLY = ("show", "compare")


def write_maps(
    layers: Sequence[Layer],
    spec: Spec,
    given: dict[str, Any],
    shown: dict[str, Any],
) -> int:
    """Filter images with layers, write their maps, say what was done, and return the exit status.

    Parameters
    ----------
    layers, spec
        What to do.
    given
        The other options of `apply`, by their parameters' names.
    shown
        Its options `montage` and `together`.

    Raises
    ------
    ConvError
        If options contradict each other or don't fit.
    """
    for name in _KERNELS_ONLY:
        if given[name]:
            raise UsageError(f"--{name} goes with kernels; --montage FILE shows a bank's maps")
    request = make_request(
        [layer.name for layer in layers if not isinstance(layer, Pool | Relu)], given
    )
    jobs, unread = batch.apart(batch.plan(request))
    check_streams(jobs, given["as_json"])
    check_fill(spec, jobs)
    asked = MapsRequest(tuple(layers), spec, request, **shown)
    check_request(asked, jobs)
    kept = read_by(request, jobs, Identities())
    if not given["quiet"] and not given["as_json"]:
        found = [job.source for job in jobs]
        for note in notes("apply", given["asked"], Call(vars(spec) | given | shown, sources=found)):
            tell(f"convcli: {note}")
    teller, start = _Teller(asked, len(jobs), given), perf_counter()
    for job in jobs:
        streams = sys.stdin.buffer, sys.stdout.buffer
        outcome = MapsOf(asked, job, kept, streams).do(dry=given["dry_run"])
        teller.add(outcome)
        if outcome.error and given["fail_fast"]:
            break
    teller.end(unread)
    if (unread or len(jobs) > 1) and not given["quiet"] and not given["as_json"]:
        sources = [job.source for job in unread]
        tell(tally(teller.counts, len(jobs), perf_counter() - start, sources))
    return FAILED if teller.counts["failed"] else DONE


class _Teller:
    """Says what became of each image."""

    def __init__(self, asked: MapsRequest, count: int, given: dict[str, Any]) -> None:
        self._asked, self._alone, self._given = asked, count == 1, given
        self.counts: Counter[str] = Counter()
        self._failures = Failures(each=given["verbose"])

    def add(self, outcome: MapsOutcome) -> None:
        """Say what became of an image."""
        asked, given = self._asked, self._given
        self.counts[report.status(outcome)] += 1
        if given["as_json"]:
            found = report.data(outcome, together=asked.together)
            echo_json(found)
        if outcome.error:
            job = outcome.job
            said = self._failures.add(
                report.line(outcome), *map(printable, (job.source, job.target))
            )
            if said:
                tell(f"convcli: {said}")
        elif not given["as_json"] and not given["quiet"]:
            long = self._alone or given["verbose"]
            whole = report.text(outcome, together=asked.together, verbose=given["verbose"])
            tell(whole if long else report.line(outcome))

    def end(self, unread: Sequence[Job]) -> None:
        """Say what else failed, and what was left out if that is to be told one by one."""
        for said in self._failures.rest():
            tell(f"convcli: {said}")
        for job in unread:
            outcome = MapsOutcome(job)
            if self._given["as_json"]:
                echo_json(report.data(outcome, together=self._asked.together))
            elif self._given["verbose"]:
                tell(report.line(outcome))

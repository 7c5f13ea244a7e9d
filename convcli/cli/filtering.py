"""What `convcli apply` does once its command line is understood, however that was."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from convcli import batch
from convcli.batch.estimate import estimated_stages
from convcli.cli.fills import check_fill
from convcli.cli.reporter import Reporter
from convcli.cli.status import tell
from convcli.cli.streams import descriptor
from convcli.errors import ConvError, UsageError
from convcli.kernels.given import doubts_of
from convcli.kernels.notation import file_of
from convcli.paths import reason
from convcli.record import record, replace
from convcli.report.lines import printable
from convcli.report.option_names import as_options

if TYPE_CHECKING:
    from convcli.batch import Common, Job, Outcome, Request, Writing
    from convcli.image.decode_ahead import Reading
    from convcli.image.frames import Frames
    from convcli.image.header import Header
    from convcli.image.image import Image
    from convcli.kernels.kernel import AnyKernel
    from convcli.pipeline import ApartRoad, Facts, Road
    from convcli.pipeline.memory import Output, StageMemory, Sums
    from convcli.pipeline.volume_road import VolumeRoad
    from convcli.spec import Spec

_HELP = "; see 'convcli apply --help'"
#: Bytes of a list of images: some millions of paths. A device would have no end.
_MOST_LISTED = 2**28
#: Options that contradict each other, and what they are called if not like their parameters.
_CONTRARY = (
    ("overwrite", "skip_existing"),
    ("quiet", "verbose"),
    ("show", "as_json"),
    ("show", "quiet"),
    ("volume", "show"),
    ("volume", "compare"),
)
#: Options that always have an effect, and are usual: nothing is imported for them.
_SURE = {"output", "overwrite", "skip_existing", "as_json", "quiet", "verbose", "dry_run"}
_LONG = {"skip_existing": "skip-existing", "as_json": "json"}


def filter_images(
    kernels: Sequence[AnyKernel], spec: Spec, given: dict[str, Any], ahead: Reading | None = None
) -> int:
    """Filter images, say what was done, and return the exit status.

    Parameters
    ----------
    kernels, spec
        What to do.
    given
        The other options, by their parameters' names.
    ahead
        The first image, if it is already being read.

    Raises
    ------
    ConvError
        If options contradict each other or don't fit.
    """
    request = _with_mask(make_request([each.name for each in kernels], given), spec.mask)
    jobs, unread = batch.apart(batch.plan(request))
    check_streams(jobs, given["as_json"])
    check_fill(spec, jobs)
    writing = replace(request.writing, stages=given["verbose"] or given["as_json"])
    if given["show"]:
        writing = replace(writing, show=_room(given["dry_run"]))
    idle = _Idle(tuple(kernels), spec, given, jobs)
    once = (*spec.notes, *doubts_of(kernels))
    if len(jobs) > 1 and not (given["quiet"] or given["as_json"] or given["verbose"]):
        for note in (*once, *idle(None)):  # lines of several images have no notes
            tell(f"convcli: {as_options(note)}")
    outcomes = _begin(jobs, kernels, spec, writing, (given, ahead))
    shown = _overridden(kernels, spec, writing.volume)
    with Reporter(shown, len(jobs), given) as reporter, closing(outcomes):
        reporter.told = frozenset(once)
        for outcome in outcomes:
            alone = len(jobs) == 1 or given["as_json"]
            reporter.add(idle.noted(outcome) if alone else outcome)
            if outcome.error and given["fail_fast"]:
                break
        for job in unread:
            reporter.add(batch.foresee(job, writing))
    if given["dry_run"] and given["compare"] and not given["quiet"]:
        tell(f"and source and result → {printable(given['compare'])}")
    return reporter.status


def _with_mask(request: Request, mask: str | None) -> Request:
    """Note the file of a mask, which can be read, so that no result takes its place."""
    if mask is None:
        return request
    from convcli.pipeline.masks import check_mask

    check_mask(mask)
    return replace(request, mask=mask)


@record
class _Idle:
    """What is said of options that had no effect on images."""

    kernels: tuple[Any, ...]
    spec: Spec
    given: dict[str, Any]
    jobs: Sequence[Job]

    def __call__(self, facts: Facts | None, target: str = "") -> tuple[str, ...]:
        """Return it as a note, none if all had one: of one image with its facts, or of all."""
        if self.given["asked"] <= _SURE:
            return ()
        from convcli.cli.effects import notes
        from convcli.cli.idle import Call

        call = Call(
            vars(self.spec) | self.given,
            self.kernels,
            facts,
            targets=[target] if target else [job.target for job in self.jobs],
            sources=[job.source for job in self.jobs],
        )
        return notes("apply", self.given["asked"], call)

    def noted(self, outcome: Outcome) -> Outcome:
        """Return what became of an image, with that among its notes."""
        if outcome.facts is None or not (found := self(outcome.facts, outcome.job.target)):
            return outcome
        facts = replace(outcome.facts, notes=(*outcome.facts.notes, *found))
        return replace(outcome, facts=facts)


def _room(dry: bool) -> tuple[int, int] | None:
    """Return the room to show images in; None, and say so, if there is none."""
    from convcli.report import show

    said = "this is a dry run" if dry else show.obstacle()
    if said:
        tell(f"convcli: --show: nothing is shown: {said}")
        return None
    if remark := show.remark():
        tell(f"convcli: --show: {remark}")
    return show.room()


def make_request(names: Sequence[str], given: dict[str, Any]) -> Request:
    """Return which images there are to be, and where results go.

    Parameters
    ----------
    names
        What images are filtered with.
    given
        The options of `apply`, by their parameters' names.

    Raises
    ------
    ConvError
        If options contradict each other.
    """
    _check(given)
    return batch.Request(
        inputs=given["images"],
        output=given["output"],
        label=batch.label_of(names),
        recursive=given["recursive"],
        listed=_listed(given["from_file"], null=given["null"]),
        include=given["include"],
        exclude=given["exclude"],
        writing=batch.Writing(
            format=given["format_"],
            quality=given["quality"],
            compress=given["compress"],
            overwrite=given["overwrite"],
            skip_existing=given["skip_existing"],
            max_pixels=given["max_pixels"],
            lenient=given["lenient"],
            frame=given["frame"],
            compare=given["compare"],
            volume=given["volume"],
        ),
        list_file=given["from_file"],
        kernel_files=[*filter(None, map(file_of, given["typed"]))],
        stdin=descriptor(sys.stdin),
        stdout=descriptor(sys.stdout),
        reports=given["as_json"],
    )


def _listed(path: str | None, *, null: bool) -> tuple[str, ...]:
    """Return the paths that a file names, or standard input."""
    if path is None:
        return ()
    option = f"--from-file {path}"
    try:
        if path == "-":
            text = _read(sys.stdin.buffer, option)
        else:
            with Path(path).open("rb") as file:
                text = _read(file, option)
    except OSError as error:
        raise UsageError(f"{option}: {reason(error)}{_HELP}") from error
    except ValueError as error:
        raise UsageError(f"{option}: no file can have this name{_HELP}") from error
    found = batch.listed(text, null=null)
    if not found:
        raise UsageError(f"{option}: names no image; expected one path a line{_HELP}")
    return found


def _read(file: BinaryIO, option: str) -> bytes:
    """Read a list, and no more than a list may have."""
    parts, left = [], _MOST_LISTED
    while part := file.read(2**20):
        parts.append(part)
        left -= len(part)
        if left < 0:
            raise UsageError(
                f"{option}: is larger than {_MOST_LISTED // 2**20} MB; expected one path a "
                f"line{_HELP}"
            )
    return b"".join(parts)


@record
class _KernelFilter:
    """What is done to each image, and whether anybody is told of its responses."""

    kernels: tuple[AnyKernel, ...]
    spec: Spec
    watch: bool

    def __call__(
        self, image: Image, span: tuple[float, float] | None = None, *, one_bit: bool = False
    ) -> Road | ApartRoad:
        """Have an image filtered; `span` is what is stretched, if several are treated alike."""
        from convcli.pipeline import lay

        return lay(image, self.kernels, self.spec, span, watch=self.watch, one_bit=one_bit)

    def takes(self, header: Header, size: int, output: Output) -> int:
        """Return what an image takes at its peak, told from its header and its file's size."""
        from convcli.pipeline.memory import takes

        return takes(header, size, self.kernels, self.spec, output)

    def stages(self, header: Header, output: Output) -> tuple[StageMemory, ...]:
        """Return the stages that an image goes through, told from its header."""
        from convcli.pipeline.memory import ImageKind, sums

        kind = ImageKind(header.size, header.channels, header.dtype, header.together)
        return sums(kind, self.kernels, self.spec, output).stages

    def sums(self, image: Image, output: Output) -> Sums:
        """Return what an image takes whose samples are there."""
        from convcli.pipeline.memory import sums_of

        return sums_of(image, self.kernels, self.spec, output)


@record
class _VolumeFilter:
    """What is done to each volume."""

    kernels: tuple[Any, ...]
    spec: Spec

    def lay(self, frames: Frames) -> VolumeRoad:
        """Have planes filtered as one volume."""
        from convcli.pipeline.volume_road import lay_volume

        return lay_volume(frames, self.kernels, self.spec)

    def takes(self, header: Header, size: int, output: Output) -> int:
        """Return what a volume takes at its peak, told from its header and its file's size."""
        from convcli.pipeline.volume_memory import volume_takes

        return volume_takes(header, size, self.kernels, self.spec, output.format)

    def stages(self, header: Header, output: Output) -> tuple[StageMemory, ...]:
        """Return the stages that a volume goes through, told from its header."""
        from convcli.pipeline.volume_memory import plane_kind, volume_stages

        return volume_stages(plane_kind(header), self.kernels, self.spec, output.format)


def _begin(
    jobs: Sequence[Job],
    kernels: Sequence[AnyKernel],
    spec: Spec,
    writing: Writing,
    how: tuple[dict[str, Any], Reading | None],
) -> Generator[Outcome, None, None]:
    """Get ready to filter images, or to say what would be done."""
    given, ahead = how
    if given["dry_run"]:
        _overridden(kernels, spec, writing.volume)
        common = batch.Common(_filter_of(kernels, spec, writing, False), writing, _streams())
        return (_foreseen(job, common) for job in jobs)
    # Its pixels are decoded while the engine is imported.
    begun = batch.begin(jobs, writing, ahead) if len(jobs) == 1 else None
    _overridden(kernels, spec, writing.volume)
    # Once, for all workers.
    from convcli.pipeline import lay

    watch = given["as_json"] or not given["quiet"]
    like = ahead.like() if begun and ahead else None
    if like is not None:
        # What is wrong with them is said of the image itself.
        with suppress(ConvError):
            lay(like, kernels, spec, watch=watch).load()
    if len(jobs) == 1:
        tell_stages = _tell_stages if given["verbose"] else None
        work = _filter_of(kernels, spec, writing, watch)
        common = batch.Common(work, writing, _streams(), tell_stages)
        return batch.run(jobs, common, begun=begun)
    limits = batch.share(len(jobs), spec.jobs, given["timeout"] or None)
    # The threads that --jobs allows are shared out among the workers.
    work = _filter_of(kernels, replace(spec, jobs=None), writing, watch)
    return batch.run(jobs, batch.Common(work, writing, _streams()), limits=limits)


def _filter_of(
    kernels: Sequence[Any], spec: Spec, writing: Writing, watch: bool
) -> _KernelFilter | _VolumeFilter:
    """Return what is done to each file; `watch` says whether responses are looked at."""
    if writing.volume:
        return _VolumeFilter(tuple(kernels), spec)
    return _KernelFilter(tuple(kernels), spec, watch)


def _overridden(kernels: Sequence[Any], spec: Spec, volume: bool = False) -> tuple[Any, ...]:
    """Return the kernels as they will be; refuse options that they can't have."""
    if volume:
        from convcli.pipeline.volume import overridden_volume

        return overridden_volume(kernels, spec)
    from convcli.pipeline.arrays import overridden

    return overridden(kernels, spec)


def _streams() -> tuple[BinaryIO, BinaryIO]:
    return sys.stdin.buffer, sys.stdout.buffer


def _foreseen(job: Job, common: Common) -> Outcome:
    """Return what can be told of an image before it is read, its stages too if they are to be."""
    outcome = batch.foresee(job, common.writing)
    if outcome.error or outcome.skipped or not common.writing.stages:
        return outcome
    return replace(outcome, stages=estimated_stages(common.work, common.writing, job))


def _tell_stages(job: Job, stages: tuple[StageMemory, ...]) -> None:
    """Say what an image goes through, before work starts."""
    from convcli.report.outcome import beginning

    tell(beginning(job, stages))


def _check(given: dict[str, Any]) -> None:
    """Refuse options that contradict each other."""
    for one, other in _CONTRARY:
        if given[one] and given[other]:
            raise UsageError(
                f"--{one} and --{_LONG.get(other, other)} contradict each other; "
                f"leave one out{_HELP}"
            )
    if given["volume"] and given["frame"] is not None:
        raise UsageError(f"--volume takes all planes, --frame one; leave one out{_HELP}")
    if given["null"] and given["from_file"] is None:
        raise UsageError(f"--null says how --from-file LIST is read; give that, too{_HELP}")


def check_streams(jobs: Sequence[Job], as_json: bool) -> None:
    """Refuse to mix an image with JSON, or to write one to a terminal."""
    if all(job.target != "-" for job in jobs):
        return
    if as_json:
        raise UsageError(
            f"--json and the image would both go to standard output; give -o FILE{_HELP}"
        )
    if sys.stdout.isatty():
        raise UsageError(
            "an image can't be shown on a terminal; give -o FILE, or send standard output "
            f"to a file or a pipe{_HELP}"
        )

"""`convcli apply`: filter pictures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from convcli.cli.options import spec_options
from convcli.cli.types import KernelType, MatrixCommand, PathType, Whole
from convcli.report.lines import as_json as to_json

if TYPE_CHECKING:
    from convcli.batch import Job, Outcome
    from convcli.image.picture import Image
    from convcli.pipeline import Facts
    from convcli.spec import Spec
    from convcli.taps import AnyKernel


@click.command(
    cls=MatrixCommand,
    epilog="""\b
Examples:
  convcli apply sobel-x photo.png
  convcli apply sharpen photo.jpg -o sharp.jpg --quality 95
  convcli apply gaussian:sigma=2 photos/ -o blurred/ --recursive
  convcli apply '0 -1 0; -1 5 -1; 0 -1 0' photo.png
  convcli apply mine.toml#ridge scan.tif --depth 16 --map offset
  convcli apply gaussian --then laplacian photo.png --map normalize
  cat photo.png | convcli apply sobel - > edges.png""",
)
@click.argument("kernel", type=KernelType())
@click.argument("images", metavar="IMAGE...", type=PathType(), nargs=-1, required=True)
@click.option(
    "-o", "--output", type=PathType(), metavar="OUT",
    help="A file, a folder (made if missing), or - for standard output.  [default: "
    "STEM-KERNEL.SUFFIX beside the source]",
)  # fmt: skip
@click.option(
    "--then", "chain", type=KernelType(), multiple=True,
    help="Another kernel to apply to the response, without rounding in between. Repeatable.",
)  # fmt: skip
@spec_options
@click.option("-r", "--recursive", is_flag=True, help="Enter folders within folders.")
@click.option("--overwrite", is_flag=True, help="Replace results that exist; never a source.")
@click.option("--skip-existing", is_flag=True, help="Leave results that exist, as when resuming.")
@click.option("--format", "format_", metavar="FORMAT", help="Of the result: png, jpg, tif, …")
@click.option("--quality", type=Whole(1, 100), help="Of JPEG, WebP, AVIF, JPEG 2000: 1 to 100.")
@click.option("--compress", type=Whole(0, 9), help="Of PNG and TIFF: 0 to 9, the smallest.")
@click.option("--max-pixels", type=Whole(1), help="Largest picture that is read.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a picture instead.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say the plan and its reason, too.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and stop.")
def apply(kernel: AnyKernel, chain: tuple[AnyKernel, ...], spec: Spec, **given: Any) -> int:
    """Filter pictures with a kernel.

    KERNEL is a name (see convcli kernels), a name with parameters (gaussian:sigma=2), a matrix
    ('0 -1 0; -1 5 -1; 0 -1 0', '[[1,2,1],[2,4,2],[1,2,1]]/16'), or a file (.toml, .csv, .txt,
    .mat, .json, .npy).

    IMAGE... are files, folders, or - for standard input. A source is never overwritten, an
    existing result only with --overwrite; one picture that fails doesn't stop the others.
    """
    from convcli import batch

    kernels = (kernel, *chain)
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
    begun = batch.begin(jobs, request.writing)
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
            click.echo(to_json(report.data(outcome, self.kernels)))
        if outcome.error:
            click.echo(f"convcli: {report.line(outcome)}", err=True)
        elif not self.quiet and not self.as_json:
            alone = self.count == 1 or self.verbose
            say = report.text(outcome, self.kernels, verbose=self.verbose)
            click.echo(say if alone else report.line(outcome), err=True)

    def close(self) -> int:
        """Count what became of all pictures and return the exit status."""
        from convcli.report import outcome as report

        if self.count > 1 and not self.quiet and not self.as_json:
            click.echo(report.tally(self.outcomes, perf_counter() - self.start), err=True)
        return 1 if any(outcome.error for outcome in self.outcomes) else 0


def _check(given: dict[str, Any]) -> None:
    """Refuse options that contradict each other."""
    for one, other in (("overwrite", "skip_existing"), ("quiet", "verbose")):
        if given[one] and given[other]:
            raise click.UsageError(
                f"--{one} and --{other.replace('_', '-')} contradict each other; leave one out",
                click.get_current_context(),
            )


def _check_streams(jobs: Sequence[Job], as_json: bool) -> None:
    """Refuse to mix a picture with JSON, or to write one to a terminal."""
    if all(job.target != "-" for job in jobs):
        return
    if as_json:
        raise click.UsageError(
            "--json and the picture would both go to standard output; give -o FILE",
            click.get_current_context(),
        )
    if sys.stdout.isatty():
        raise click.UsageError(
            "a picture can't be shown on a terminal; give -o FILE, or send standard output "
            "to a file or a pipe",
            click.get_current_context(),
        )

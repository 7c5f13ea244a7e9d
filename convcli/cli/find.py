"""`convcli find`: where a patch is in images."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from convcli.cli.echo import echo, echo_json
from convcli.cli.options import exclude_option, include_option, lenient_option, recursive_option
from convcli.cli.status import DONE, FAILED, tell
from convcli.cli.streams import check_apart, descriptor
from convcli.cli.types import ConvCommand, NumbersType, PathType, Real, Whole
from convcli.errors import ConvError, ImageError, UsageError
from convcli.record import replace
from convcli.report.failures import Failures
from convcli.report.lines import printable
from convcli.report.option_names import as_options

if TYPE_CHECKING:
    from convcli.batch.search import Reading, Search, SearchJob, SearchOutcome
    from convcli.image.image import Image

#: Places that are shown unless another number is asked for.
_TOP = 10
_HELP = """Find the places of images that look like a patch.

PATCH is an image of what is looked for; where it is clear (alpha), anything may be. Each place
gets a score by normalised cross-correlation: 1 is the patch itself, whatever its brightness and
contrast, 0 is not like it at all, -1 is its negative. A place is the x and y of the patch's upper
left corner, from 0. Turned or resized copies are other patches. Colours are compared if both have
them, else gray.

IMAGE... are files, folders, or - for standard input; their own alpha doesn't count. Exit
status: 0 if the patch was found in every image, 1 if it wasn't in one, or one can't be read.
"""


@click.command(
    cls=ConvCommand,
    help=_HELP,
    epilog="""\b
Examples:
  convcli find eye.png photo.png
  convcli find eye.png photo.png -o marked.png --top 2
  convcli find eye.png photo.png --min 0.6 --map scores.tif
  convcli find button.png screens/ --recursive --json
  convcli find button.png screens/ -o marked/ --min 0.95""",
)
@click.argument("patch", type=PathType())
@click.argument("images", metavar="IMAGE...", type=PathType(), nargs=-1, required=True)
@click.option(
    "-o", "--marks", type=PathType(), metavar="OUT",
    help="Write the image with the places marked: a file, or a folder.",
)  # fmt: skip
@click.option(
    "--map", "map_", type=PathType(), metavar="OUT",
    help="Write the score of every place as an image, a file or a folder: as they are in .tif, "
    ".npy and other formats of floats, else 0 to 1 as black to white.",
)  # fmt: skip
@click.option(
    "--top", type=Whole(1), default=_TOP, show_default=True, help="How many places at the most."
)
@click.option(
    "--min", "least", type=Real(-1, 1), default=0.8, show_default=True, metavar="SCORE",
    help="The least score of a place, -1 to 1.",
)  # fmt: skip
@click.option(
    "--apart", type=NumbersType(),
    help="Of places that are nearer, in rows and in columns, only the best.  [default: half the "
    "patch]",
)  # fmt: skip
@click.option("--gray", is_flag=True, help="Compare gray versions.")
@recursive_option
@include_option
@exclude_option
@click.option("--overwrite", is_flag=True, help="Replace results that exist; never a source.")
@click.option("--max-pixels", type=Whole(1), help="Largest image that is read.")
@lenient_option
@click.option(
    "--frame", type=Whole(0), metavar="N",
    help="This frame or page of images of several, from 0.  [default: the first]",
)  # fmt: skip
@click.option("-j", "--jobs", type=Whole(1, 1024), help="Threads.  [default: processors]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object an image instead.")
def find(patch: str, images: tuple[str, ...], **given: Any) -> int:
    """Find the places of images that look like a patch."""
    from convcli.batch.search import Reading, Search

    if patch == "-" and "-" in images:
        raise UsageError("PATCH and IMAGE can't both be standard input; name a file")
    check_apart([patch, *images])
    jobs = _jobs(patch, images, given)
    reading = Reading(sys.stdin.buffer, given["frame"], given["max_pixels"], given["lenient"])
    search = Search(
        patch=_patch(patch, replace(reading, frame=None)),
        reading=reading,
        **{name: given[name] for name in ("top", "least", "apart", "gray", "jobs", "overwrite")},
    )
    teller = _Teller(search, patch, as_json=given["as_json"])
    found = [teller.add(search.do(job)) for job in jobs if not job.left_out]
    teller.end([job for job in jobs if job.left_out], found)
    return DONE if all(found) else FAILED


def _jobs(patch: str, images: tuple[str, ...], given: dict[str, Any]) -> list[SearchJob]:
    """Return which images there are, and where results go."""
    from convcli.batch import Request
    from convcli.batch.search import plan_search

    for option, path in (("-o", given["marks"]), ("--map", given["map_"])):
        if path == "-":
            raise UsageError(f"{option} -: standard output has the places; name a file")
    request = Request(
        inputs=images,
        output=None,
        label="",
        patch=patch,
        recursive=given["recursive"],
        include=given["include"],
        exclude=given["exclude"],
        stdin=descriptor(sys.stdin),
        stdout=descriptor(sys.stdout),
        reports=True,
    )
    return plan_search(request, given["marks"], given["map_"])


def _patch(path: str, reading: Reading) -> Image:
    """Read the patch, of which it is seen at once whether it can be looked for."""
    from convcli.pipeline.find import sought

    try:
        image = reading.image(path)
        sought(image)
    except ConvError as error:
        raise ImageError(f"{path}: {error}") from None
    _note(path, image.meta.notes if reading.lenient else ())
    return image


def _note(path: str, notes: Sequence[str]) -> None:
    for note in notes:
        tell(f"convcli: {printable(path)}: {printable(as_options(note))}")


class _Teller:
    """Says what was found in each image."""

    def __init__(self, search: Search, patch: str, *, as_json: bool) -> None:
        self._search, self._patch, self._as_json = search, patch, as_json
        self._failures = Failures(shown="--json names")

    def add(self, outcome: SearchOutcome) -> bool:
        """Say what was found in an image, and return whether anything was."""
        from convcli.report import find as report

        source = printable(outcome.job.source)
        _note(outcome.job.source, outcome.notes)
        if self._as_json:
            echo_json(report.data(outcome, self._search, self._patch))
        elif not outcome.error:
            echo(report.text(outcome, self._search, self._patch))
        if outcome.error:
            line = f"{source}: {printable(as_options(outcome.error))}"
            if said := self._failures.add(line, source):
                tell(f"convcli: {said}")
        return bool(outcome.matches)

    def end(self, unread: Sequence[SearchJob], found: Sequence[bool]) -> None:
        """Say what else failed, and of how many images there is something to say."""
        from convcli.batch.search import SearchOutcome
        from convcli.report import find as report

        for said in self._failures.rest():
            tell(f"convcli: {said}")
        if self._as_json:
            for job in unread:
                echo_json(report.data(SearchOutcome(job), self._search, self._patch))
        elif unread or len(found) > 1:
            tell(report.tally(found, [job.source for job in unread]))

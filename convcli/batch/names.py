"""Which images there are, and what their results are called, before anything is read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from convcli.batch.find import Found, find
from convcli.batch.jobs import STREAM, Job, Request
from convcli.errors import ImageError, UsageError
from convcli.image.formats import FORMATS, SUFFIXES, format_of, parse_format
from convcli.paths import Identities, Identity, shortened, status

#: Bytes of a name that kernels take at most: a file's own name needs some of the 255, too.
_LABEL = 80
_UNSAFE = re.compile(r"[^\w.+]+")


def label_of(names: Sequence[str]) -> str:
    """Return what a chain of kernels is called in a file name.

    Examples
    --------
    >>> label_of(["gaussian:sigma=2", "sobel-x"])
    'gaussian-sigma-2+sobel-x'
    """
    label = "+".join(_UNSAFE.sub("-", name).strip("-") for name in names)
    return shortened(label, _LABEL) or "filtered"


def plan(request: Request) -> list[Job]:
    """Find the images and name the results, before anything is read.

    Raises
    ------
    UsageError
        If the output can't take them: a file for several images, two results of one name, a
        result that would overwrite what is read. Or if the patterns leave none of the images.
    """
    found, failed, unread = find(request)
    if request.output == STREAM and len(found) > 1:
        raise UsageError(f"`output` - takes one image, and there are {len(found)}; name a folder")
    target_of = _naming(request, found)
    # An image that is named twice, as by its folder and by itself, is one job.
    jobs = [*dict.fromkeys(Job(source, target_of(source, place)) for source, place in found)]
    _check_overwriting(request, jobs, failed)
    return jobs + failed + unread


def _naming(request: Request, found: list[Found]) -> Callable[[str, str], str]:
    """Return a function from a source and its place to the target."""
    output, forced = request.output, request.writing.format
    suffix = None
    if forced is not None:
        suffix = FORMATS[_asked("`format`", parse_format, forced)].suffixes[0]
    if output == STREAM:
        return lambda source, place: STREAM
    if output is None:
        return partial(_beside, request.label, suffix)
    if _names_folder(output, request, found):
        return partial(_inside, output, suffix)
    if len(found) > 1:
        raise UsageError(
            f"`output` {output} names a file, and there are {len(found)} images; name a folder"
        )
    if forced is None:
        _asked(f"`output` {output}", format_of, output)
    else:
        _check_suffix(output, parse_format(forced))
    return lambda source, place: output


def _check_suffix(output: str, name: str) -> None:
    """Refuse to give one format's content another one's name."""
    named = SUFFIXES.get(Path(output).suffix.lower(), name)
    family = FORMATS[name].family
    if named != name and not (family and FORMATS[named].family == family):
        raise UsageError(
            f"`format` {name} and `output` {output} contradict each other; leave `format` out, or "
            f"write `output` {Path(output).with_suffix(FORMATS[name].suffixes[0])}"
        )


def _asked(option: str, find: Callable[[str], str], text: str) -> str:
    """Return the format that an option asks for; a wrong one makes the command line wrong."""
    try:
        return find(text)
    except ImageError as error:
        raise UsageError(f"{option}: {error}") from error


def _beside(label: str, suffix: str | None, source: str, place: str) -> str:
    """Name a result after its source and the kernel."""
    if source == STREAM:
        return STREAM
    stem, own = os.path.splitext(source)  # noqa: PTH122
    return f"{stem}-{label}{suffix or own}"


def _inside(folder: str, suffix: str | None, source: str, place: str) -> str:
    """Name a result in the output folder as its source."""
    if source == STREAM:
        raise UsageError(
            "an image from standard input has no name; give `output` FILE or `output` -"
        )
    name = os.path.splitext(place)[0] + suffix if suffix else place  # noqa: PTH122
    return os.path.join(folder, name)  # noqa: PTH118


def _names_folder(output: str, request: Request, found: list[Found]) -> bool:
    path = Path(output)
    if output.endswith(("/", os.sep)):
        return True
    if os.path.exists(output):  # noqa: PTH110 (a path may be one that Path raises errors for)
        return os.path.isdir(output)  # noqa: PTH112
    folders = any(os.path.isdir(given) for given in request.inputs)  # noqa: PTH112
    return not path.suffix or (folders and path.suffix.lower() not in SUFFIXES)


def _check_overwriting(request: Request, jobs: list[Job], failed: list[Job]) -> None:
    """Refuse results that would overwrite what is read, or each other."""
    identities = Identities()
    kept = read_by(request, jobs, identities)
    out = None
    if request.reports or any(job.target == STREAM for job in jobs):
        out = identities.of_open(request.stdout)
    if out is not None:
        if out in kept:
            raise UsageError(f"standard output is {_never(kept[out])}; send it to another file")
        kept[out] = "standard output itself"
    _check_collisions(jobs, kept, identities)
    if request.writing.compare is not None:
        kept |= {identities.of(job.target): "the result itself" for job in jobs}
        _check_compare(jobs + failed, request.writing.compare, kept, identities)


def read_by(request: Request, jobs: Sequence[Job], identities: Identities) -> dict[Identity, str]:
    """Return what is read, and what each is called: nothing may take its place."""
    kept: dict[Identity, str] = {}
    given = identities.of_open(request.stdin)
    if given is not None and any(job.source == STREAM for job in jobs):
        kept[given] = "a source, standard input"
    listed = request.list_file
    found = given if listed == STREAM else listed and identities.of(listed)
    kept |= {found: "the list of images"} if found else {}
    kept |= dict.fromkeys(map(identities.of, request.kernel_files), "the kernel's file")
    if request.patch not in (None, STREAM):
        kept[identities.of(str(request.patch))] = "the patch"
    if request.mask is not None:
        kept[identities.of(request.mask)] = "the mask"
    sources = (job.source for job in jobs if job.source != STREAM)
    return kept | dict.fromkeys(map(identities.of, sources), "a source")


def _check_collisions(jobs: list[Job], kept: dict[Identity, str], identities: Identities) -> None:
    """Refuse results that would take the place of what is kept, or each other's."""
    seen: dict[Identity, str] = {}
    for job in jobs:
        if job.target == STREAM:
            continue
        same = identities.of(job.target)
        if same in kept:
            raise UsageError(
                f"{job.target} is {_never(kept[same])}; "
                f"choose another `output`, or leave `output` out for a new name beside the source"
            )
        found = identities.of_result(job.target)
        if found in seen:
            raise UsageError(
                f"{seen[found]} and {job.source} would both be written to {job.target}; "
                f"leave `format` out, filter them one by one, or give the folder above them"
            )
        seen[found] = job.source


def _never(what: str) -> str:
    """Say what a file is, and that it is kept."""
    source = what.startswith("a source")
    return f"{what}, {'and sources are' if source else 'which is'} never overwritten"


def _check_compare(
    jobs: list[Job], path: str, kept: dict[Identity, str], identities: Identities
) -> None:
    """Refuse a file for source and result that is one of them, or that would be for many."""
    option = f"`compare` {path}"
    if len(jobs) > 1:
        raise UsageError(f"{option}: compares one image, and there are {len(jobs)}")
    if path == STREAM or path.endswith(("/", os.sep)) or os.path.isdir(path):  # noqa: PTH112
        raise UsageError(f"{option}: name a file, such as both.png")
    _asked(option, format_of, path)
    found = identities.of(path)
    if found in kept:
        what = kept[found].replace("a source", "the source itself")
        raise UsageError(f"{option}: is {what}; name another file")


def exists(path: Path) -> bool:
    """Whether something is there, followed to where links lead; not if the name is too long."""
    try:
        return status(path) is not None
    except PermissionError:
        return True
    except OSError:
        return False

"""One image of a batch: read, filtered, written, and what came of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, BinaryIO, Protocol

from convcli import memory
from convcli.batch.jobs import STREAM, Job, Outcome, Writing
from convcli.errors import ConvError, ImageError, TakenError
from convcli.image.files import IN_BANDS, decode, encode, read, write
from convcli.image.formats import FORMATS, check_holds, format_of, left_out, parse_format
from convcli.image.source import load
from convcli.paths import reason, status, told
from convcli.record import record, replace
from convcli.spec import Mapping

if TYPE_CHECKING:
    from convcli.batch.comparison import Comparison
    from convcli.image.image import Image
    from convcli.image.show.preview import Preview
    from convcli.pipeline import Facts

    class Filter(Protocol):
        """What is done to an image: filtered, and stretched over a range if one is given."""

        def __call__(
            self, image: Image, span: tuple[float, float] | None = None
        ) -> tuple[Image, Facts]:
            """Filter an image."""

        def begin(self, image: Image) -> tuple[Image, Callable[[], Facts]]:
            """Have an image filtered while it is written, if that is better."""


#: Samples from which on an image is filtered while it is written: then there are enough bands.
_LARGE = 2**22
#: Bytes of samples up to which what was foretold is near enough: to tell of it wakes the process
#: that hands out, which takes a tenth of the time of a small image.
_LITTLE = 2**21


def foresee(job: Job, writing: Writing) -> Outcome:
    """Return what can be told of an image's outcome before it is read."""
    if job.error:
        return Outcome(job, error=job.error)
    if job.target != STREAM:
        there, said = _target(job.target)
        if said:
            return Outcome(job, error=said)
        if there and writing.skip_existing:
            return Outcome(job, skipped="exists")
        if there and not writing.overwrite:
            found = f"{job.target} exists already; use `overwrite` to replace it, or "
            return Outcome(job, error=f"{found}`skip_existing` to leave it")
    error = _compare(writing) or ("" if job.source == STREAM else _unreadable(job.source))
    return Outcome(job, error=error)


def _compare(writing: Writing) -> str:
    """Say what there is against writing source and result side by side; '' if nothing."""
    path = writing.compare
    if path is None:
        return ""
    there, said = _target(path)
    if there and not said and not writing.overwrite:
        said = "exists already; use `overwrite` to replace it"
    return f"`compare` {path}: {said}" if said else ""


def _target(path: str) -> tuple[bool, str]:
    """Return whether a name is taken, and what there is against writing to it; '' if nothing."""
    try:
        found = status(path)
    except OSError as error:
        # To make a folder below a file will fail, and say more.
        below = isinstance(error, NotADirectoryError) and not os.path.islink(path)  # noqa: PTH114
        return False, "" if below else f"can't write {path}: {reason(error)}"
    if found is not None and stat.S_ISDIR(found.st_mode):
        return True, f"can't write {path}: it is a folder; name a file in it"
    return found is not None, ""


def _unreadable(path: str) -> str:
    """Say why a file can't be read, as far as its name tells; '' if it may be."""
    try:
        return "" if status(path) is not None else "can't be read: no such file or directory"
    except OSError as error:
        return f"can't be read: {reason(error)}"


@record
class Common:
    """What all images of a batch have in common.

    Parameters
    ----------
    work
        What is done to an image.
    writing
        How results are written.
    streams
        Standard input and output.
    """

    work: Filter
    writing: Writing
    streams: tuple[BinaryIO, BinaryIO]

    def do(
        self,
        job: Job,
        resize: Callable[[int], None] | None = None,
        ahead: Callable[[], Image] | None = None,
    ) -> Outcome:
        """Filter an image and say what came of it.

        Parameters
        ----------
        job
            Which; `foresee` has found nothing against it.
        resize
            Is told the bytes that the image takes, each time that becomes known.
        ahead
            Gives the image, if it is being read already.
        """
        start = perf_counter()
        try:
            facts, preview = self._one(job, resize, ahead)
        except ConvError as error:
            seconds = perf_counter() - start
            if self.writing.skip_existing and isinstance(error, TakenError):
                # Somebody else was quicker: another batch carried on at the same time.
                return Outcome(job, seconds=seconds, skipped="exists")
            return Outcome(job, seconds=seconds, error=str(error))
        except OSError as error:
            # Standard output's are `StreamError`s: this is a file's, and the image's alone.
            return Outcome(job, seconds=perf_counter() - start, error=told(error))
        except Exception as error:
            # Under a limit libraries fail in their own ways.
            if not isinstance(error, MemoryError) and memory.is_had(memory.SLACK):
                raise
            return Outcome(job, seconds=perf_counter() - start, error=memory.NOT_ENOUGH)
        return Outcome(job, facts, perf_counter() - start, preview=preview)

    def _one(
        self, job: Job, resize: Callable[[int], None] | None, ahead: Callable[[], Image] | None
    ) -> tuple[Facts, Preview | None]:
        """Read, filter and write one image, or all frames of its file."""
        image, content = self._read(job, ahead)
        if _moves(image) and self.writing.frame is None:
            from convcli.batch.reel import all_frames

            content = content or load(Path(job.source), self.writing.max_pixels)
            return all_frames(self, job, content, resize)
        sums = None
        # A single image has no others to be weighed against.
        if resize and image.pixels.nbytes > _LITTLE:
            from convcli.batch.foretell import Known

            sums = Known(self, job).sums(image)
            resize(max(sums.filtering, sums.writing))
        writing = self.writing
        name = self.format_for(job, image.meta.format)
        result, tell = self._filtered(image, name)
        facts = tell()
        if resize and sums:
            resize(sums.writing)
        notes = notes_on(result, facts, name)
        if image.meta.frames > 1 and not _moves(image):
            count = image.meta.frames
            notes += (f"only the first of {count} images in the file was filtered",)
        seen = self.look(image, result, facts)
        chosen = {"quality": writing.quality, "compress": writing.compress}
        if job.target == STREAM:
            self.streams[1].write(encode(result, name, **chosen))
            self.streams[1].flush()
        else:
            with making_room(job.target):
                write(job.target, result, format=name, overwrite=writing.overwrite, **chosen)
        facts = replace(tell(), notes=notes)
        if seen is None:
            return facts, None
        return replace(facts, notes=notes + seen.write()), seen.preview

    def _filtered(self, image: Image, name: str) -> tuple[Image, Callable[[], Facts]]:
        """Filter an image, or have that done while it is written in a format."""
        alone = self.writing.show is None and self.writing.compare is None
        if alone and name in IN_BANDS and image.pixels.size >= _LARGE:
            return self.work.begin(image)
        result, facts = self.work(image)
        return result, lambda: facts

    def look(self, image: Image, result: Image, facts: Facts) -> Comparison | None:
        """Keep what is to be seen of a filtered image; None if nothing is."""
        if self.writing.show is None and self.writing.compare is None:
            return None
        from convcli.batch.comparison import compare

        return compare(image, result, facts, self.writing)

    def _read(
        self, job: Job, ahead: Callable[[], Image] | None
    ) -> tuple[Image, tuple[bytes, str] | None]:
        """Read an image; also return the file, if there is more to be read from it."""
        limit, lenient = self.writing.max_pixels, self.writing.lenient
        frame = self.writing.frame
        if ahead is not None and frame is None:
            return ahead(), None
        source = self.streams[0] if job.source == STREAM else Path(job.source)
        if frame is not None:
            return read(source, frame=frame, max_pixels=limit, lenient=lenient), None
        data, name = load(source, limit)
        image = decode(data, name, max_pixels=limit, lenient=lenient)
        return image, (data, name) if _moves(image) else None

    def format_for(self, job: Job, source: str) -> str:
        """Return the format of a result: as asked, as its name says, or the source's for a pipe."""
        if self.writing.format:
            return parse_format(self.writing.format)
        return source or "PNG" if job.target == STREAM else format_of(job.target)


def _moves(image: Image) -> bool:
    """Whether a file has frames or pages; what other files have beside is something else."""
    meta = image.meta
    return meta.frames > 1 and meta.format in FORMATS and FORMATS[meta.format].several


def notes_on(result: Image, facts: Facts, name: str) -> tuple[str, ...]:
    """Return what the user should know of what is written; refuse what the format can't hold.

    Parameters
    ----------
    result, facts
        A filtered image, and what was done to it.
    name
        The format's.
    """
    dtype = result.dtype.name
    if facts.mapping is Mapping.RAW and dtype not in FORMATS[name].holds:
        raise ImageError(
            f"{name} can't hold the signed floats of `mapping` raw; use `mapping` offset, "
            f"or `path` NAME.tif"
        )
    notes = [*facts.notes, *check_holds(dtype, result.channels, name)]
    return (*notes, *left_out(result.meta, name))


@contextmanager
def making_room(target: str) -> Generator[None, None, None]:
    """Make the folder that a result goes into; what the system has against it is one line."""
    _make_folder(Path(target).parent)
    try:
        yield
    except OSError as error:
        raise ImageError(f"can't write: {reason(error)}") from error


def _make_folder(folder: Path) -> None:
    """Make a folder for results, and those above it."""
    try:
        _make_levels(str(folder))
    except FileExistsError as error:
        if str(folder) != error.filename:
            raise ImageError(f"can't write: {folder} is below a file, not a folder") from error
        link = os.path.islink(folder)  # noqa: PTH114
        what = "a link that leads to no folder" if link else "a file, not a folder"
        raise ImageError(f"can't write: {folder} is {what}") from error
    except OSError as error:
        raise ImageError(f"can't make the folder {folder}: {reason(error)}") from error


def _make_levels(folder: str) -> None:
    """Make folders from the highest that is missing on; there may be two thousand of them."""
    missing = []
    while folder and not os.path.isdir(folder):  # noqa: PTH112 (Path raises for some names)
        missing.append(folder)
        folder = os.path.dirname(folder)  # noqa: PTH120
    for level in reversed(missing):
        try:
            os.mkdir(level)  # noqa: PTH102
        except FileExistsError:
            if not os.path.isdir(level):  # noqa: PTH112
                raise

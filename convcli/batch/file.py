"""One file: its frames read, filtered, and written, one or many."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from convcli.batch.estimate import known
from convcli.batch.jobs import STREAM, Job, Writing
from convcli.batch.target import format_for, making_room
from convcli.errors import ImageError
from convcli.image.depth import scaled_note, settled
from convcli.image.files import decode, encode, frames_of, read, timing_notes, write
from convcli.image.formats import (
    FORMATS,
    check_holds,
    check_several,
    codec_of,
    left_out,
)
from convcli.image.frames import Frames
from convcli.image.image import Image
from convcli.image.source import load
from convcli.record import replace
from convcli.spec import Alpha, Mapping

if TYPE_CHECKING:
    from convcli.batch.comparison import Comparison
    from convcli.batch.filter import Filter, Filtering
    from convcli.image.show.preview import Preview
    from convcli.pipeline import Facts
    from convcli.pipeline.memory import StageMemory

#: Bytes of samples up to which what was foretold is near enough: to tell of it wakes the process
#: that hands out, which takes a tenth of the time of a small image.
_LITTLE = 2**21
#: Images that there are beside one that is filtered: what frames are put together of.
_HELD = 2
_ALIKE = "all frames were stretched alike, so that they don't flicker"
_APART = "each page was stretched by itself"
_RECODED = "{} coding changes samples outside of the part, too; PNG and TIFF keep them"
_FIRST = "the first frame is the one that is shown or compared"


class File:
    """One file of a batch.

    Parameters
    ----------
    work
        What is done to an image.
    writing
        How results are written.
    streams
        Standard input and output.
    job
        Which file, and where the result goes.
    tell_stages
        Is told the stages before work starts, if `writing` asks for them.
    """

    def __init__(
        self,
        work: Filter,
        writing: Writing,
        streams: tuple[BinaryIO, BinaryIO],
        job: Job,
        tell_stages: Callable[[Job, tuple[StageMemory, ...]], None] | None = None,
    ) -> None:
        self._work, self._writing, self._streams, self._job = work, writing, streams, job
        self.stages: tuple[StageMemory, ...] = ()
        self._tell_stages = tell_stages
        self._name = ""
        self._span: tuple[float, float] | None = None
        self._frame: tuple[Filtering, tuple[str, ...], str] | None = None
        self._done: Facts | None = None
        self._seen: Comparison | None = None

    def filter(
        self, resize: Callable[[int], None] | None, ahead: Callable[[], Image] | None
    ) -> tuple[Facts, Preview | None]:
        """Read, filter and write all frames.

        Parameters
        ----------
        resize
            Is told the bytes that the file takes, each time that becomes known.
        ahead
            Gives the image, if it is being read already.

        Returns
        -------
        Facts
            What was done to all of them.
        Preview or None
            The first one before and after, if that is asked for.

        Raises
        ------
        ConvError
            If a frame can't be read or filtered, or the format can't hold the result; then nothing
            is written.
        """
        frames, held = self._open(ahead)
        self._name = format_for(self._writing, self._job, frames.format)
        check_several(self._name, frames.count)

        def work(image: Image) -> Image:
            return self._filtered(image, frames, held, resize)

        self._write(frames.each(work) if frames.count > 1 else Frames.of([work(frames[0])]))
        facts = self._end()
        notes = dict.fromkeys((*facts.notes, *frames.notes))
        if frames.count > 1:
            notes |= dict.fromkeys(timing_notes(frames, self._name))
            if facts.mapping is Mapping.NORMALIZE:
                notes[_ALIKE if self._span else _APART] = None
        seen = self._seen
        if seen is None:
            return replace(facts, notes=tuple(notes)), None
        notes |= dict.fromkeys((*seen.write(), *[_FIRST] * (frames.count > 1)))
        return replace(facts, notes=tuple(notes)), seen.preview

    def _open(self, ahead: Callable[[], Image] | None) -> tuple[Frames, int]:
        """Open the source; also return the bytes of the file that stay while it is filtered."""
        writing, job = self._writing, self._job
        limit, lenient = writing.max_pixels, writing.lenient
        source = self._streams[0] if job.source == STREAM else Path(job.source)
        if writing.frame is not None:
            return _alone(read(source, frame=writing.frame, max_pixels=limit, lenient=lenient)), 0
        content = None if ahead else load(source, limit)
        if content is not None:
            image = decode(*content, max_pixels=limit, lenient=lenient)
        elif ahead is not None:
            image = ahead()
        if not _moves(image):
            return _alone(image), 0
        del image
        content = content or load(source, limit)
        # A file that is mapped takes no memory of its own.
        frames = frames_of(*content, max_pixels=limit, lenient=lenient)
        return frames, len(content[0]) * isinstance(content[0], bytes)

    def _filtered(
        self, image: Image, frames: Frames, held: int, resize: Callable[[int], None] | None
    ) -> Image:
        """Have one frame filtered as its rows are asked for; what is asked for next ends it."""
        is_first = self._frame is None
        if not is_first:
            self._end()
        # What is scaled afterwards would be rounded twice.
        peak, depth, image = image.meta.peak, image.depth, settled(image, self._name)
        filtered = self._lay(image)
        mapping = filtered.facts.mapping
        if is_first and mapping is Mapping.NORMALIZE and frames.durations is not None:
            self._span = self._range(frames)
            filtered = self._lay(image)
        result, facts = filtered.result, filtered.facts
        # A single image that is small has no others to be weighed against.
        weighed = resize and (frames.count > 1 or image.nbytes > _LITTLE)
        if is_first and (weighed or self._writing.stages):
            self._tell(image, frames, held, resize if weighed else None)
        notes = notes_on(result, facts, self._name)
        if peak and image.meta.peak is None and result.dtype == image.dtype:
            notes += (scaled_note(peak),)
        if facts.inside is not None and _loses(result, self._name, self._writing.quality):
            notes += (_RECODED.format(self._name),)
        count = image.meta.frames
        if count > 1 and frames.count == 1 and not _moves(image):
            notes += (f"only the first of {count} images in the file was filtered",)
        if is_first and (self._writing.show is not None or self._writing.compare is not None):
            from convcli.batch.comparison import compare

            self._seen = compare(image, result, facts, self._writing)
        self._frame = filtered, notes, depth
        return result

    def _lay(self, image: Image) -> Filtering:
        """Have one frame filtered, for the format that it is written in."""
        span = (self._span,) if self._span else ()
        if codec_of(self._name).one_bit_alpha:
            return self._work(image, *span, one_bit=True)
        return self._work(image, *span)

    def _tell(
        self, image: Image, frames: Frames, held: int, resize: Callable[[int], None] | None
    ) -> None:
        """Tell what the file takes, now that its first samples are there."""
        sums = known(self._work, self._writing, self._job, image)
        if self._writing.stages:
            self.stages = sums.stages
            if self._tell_stages is not None:
                self._tell_stages(self._job, sums.stages)
        if resize is None:
            return
        several = held + _HELD * sums.source if frames.count > 1 else 0
        resize(several + sums.total)

    def _end(self) -> Facts:
        """Add up what was done to the frame whose rows are all made; return that of all so far."""
        if self._frame is None:
            raise ImageError("the file has no frames")
        from convcli.pipeline.facts import together

        filtered, notes, depth = self._frame
        facts = replace(filtered.facts, notes=notes, depth=depth)
        self._done = together(self._done, facts)
        return self._done

    def _range(self, frames: Frames) -> tuple[float, float]:
        """Return the least and the greatest response of all frames: they are made for that."""
        lowest, highest = inf, -inf
        for image in frames:
            filtered = self._lay(settled(image, self._name))
            _ = filtered.result.pixels
            facts = filtered.facts
            lowest, highest = min(lowest, facts.lowest), max(highest, facts.highest)
        return lowest, highest

    def _write(self, results: Frames) -> None:
        """Write all frames, as they are filtered."""
        writing, target = self._writing, self._job.target
        chosen = {"quality": writing.quality, "compress": writing.compress}
        if target == STREAM:
            self._streams[1].write(encode(results, self._name, **chosen))
            self._streams[1].flush()
            return
        with making_room(target):
            write(target, results, format=self._name, overwrite=writing.overwrite, **chosen)


def _alone(image: Image) -> Frames:
    return Frames.of([image], format=image.meta.format)


def _loses(result: Image, name: str, quality: int | None) -> bool:
    """Whether coding a result changes its samples."""
    codec = codec_of(name)
    if codec.lossy or "quality" not in codec.options:
        return codec.lossy
    return result.meta.lossy if quality is None else quality < 100


def _moves(image: Image) -> bool:
    """Whether a file has frames or pages; what other files have beside is something else."""
    meta = image.meta
    return meta.frames > 1 and meta.format in FORMATS and codec_of(meta.format).several


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
    if facts.mapping is Mapping.RAW and dtype not in codec_of(name).holds:
        raise ImageError(
            f"{name} can't hold the signed floats of `mapping` raw; use `mapping` offset, "
            f"or `path` NAME.tif"
        )
    notes = [*facts.notes, *check_holds(dtype, result.channels, name, result.meta.peak)]
    if facts.alpha == Alpha.WEIGH and codec_of(name).one_bit_alpha:
        notes.append(f"{name} holds one bit of alpha: the source's alpha is kept")
    return (*notes, *left_out(result.meta, name, result.channels))

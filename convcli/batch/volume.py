"""One stack of a batch: its planes filtered as one volume, and written as they are made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from convcli.batch.file import notes_on
from convcli.batch.jobs import STREAM, Job, Writing
from convcli.batch.target import format_for, making_room
from convcli.image.depth import scaled_note, settled
from convcli.image.frames import Frames
from convcli.image.image import Image
from convcli.image.volumes import check_stack, open_volume, volume_parts, write_volume
from convcli.record import replace

if TYPE_CHECKING:
    from convcli.batch.filter import VolumeFilter
    from convcli.pipeline import Facts
    from convcli.pipeline.memory import StageMemory


class VolumeFile:
    """One file of a batch, whose planes are one volume.

    Parameters
    ----------
    work
        What is done to a volume.
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
        work: VolumeFilter,
        writing: Writing,
        streams: tuple[BinaryIO, BinaryIO],
        job: Job,
        tell_stages: Callable[[Job, tuple[StageMemory, ...]], None] | None = None,
    ) -> None:
        self._work, self._writing, self._streams, self._job = work, writing, streams, job
        self.stages: tuple[StageMemory, ...] = ()
        self._tell_stages = tell_stages

    def filter(self, resize: Callable[[int], None] | None, ahead: None) -> tuple[Facts, None]:
        """Read, filter and write all planes, and return what was done to them.

        Parameters
        ----------
        resize
            Is told the bytes that the file takes, once that is known.
        ahead
            Nothing is read ahead of a volume.

        Raises
        ------
        ConvError
            If a plane can't be read, or the volume not be filtered or written; then nothing is.
        """
        writing, job = self._writing, self._job
        source = self._streams[0] if job.source == STREAM else Path(job.source)
        frames = open_volume(source, max_pixels=writing.max_pixels)
        name = format_for(writing, job, frames.format)
        check_stack(name)
        scaled = dict[str, None]()

        def ready(plane: Image) -> Image:
            found = settled(plane, name)
            if found is not plane:
                scaled[scaled_note(plane.meta.peak or 1)] = None
            return found

        road = self._work.lay(frames.each(ready))
        stages = road.stages(name)
        if resize is not None:
            resize(sum(stage.bytes for stage in stages))
        if writing.stages:
            self.stages = stages
            if self._tell_stages is not None:
                self._tell_stages(job, stages)
        before = road.facts
        notes = dict.fromkeys(before.notes)

        def checked(plane: Image) -> Image:
            notes.update(dict.fromkeys(notes_on(plane, replace(before, notes=()), name)))
            return plane

        self._write(road.result.each(checked), name)
        facts = road.facts
        notes |= dict.fromkeys((*facts.notes, *frames.notes, *scaled))
        return replace(facts, notes=tuple(notes)), None

    def _write(self, result: Frames, name: str) -> None:
        """Write the planes of the result, as they are made."""
        writing, target = self._writing, self._job.target
        if target == STREAM:
            for part in volume_parts(result, name, writing.compress):
                self._streams[1].write(part)
            self._streams[1].flush()
            return
        with making_room(target):
            write_volume(
                target, result, name, compress=writing.compress, overwrite=writing.overwrite
            )

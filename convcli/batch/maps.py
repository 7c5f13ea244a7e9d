"""An image under banks of filters: read, filtered, and its maps written, as asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from convcli import memory
from convcli.batch.jobs import STREAM, Job, Request
from convcli.batch.names import label_of
from convcli.batch.target import found_at, making_room
from convcli.errors import ConvError, ImageError, UsageError
from convcli.image.beside.changes import samples_alone
from convcli.image.files import encode, read, write
from convcli.image.formats import FORMATS, check_holds, codec_of, format_of, parse_format
from convcli.image.image import Image
from convcli.image.show.montage import Sheet
from convcli.kernels.given import doubts_of
from convcli.paths import Identities, told
from convcli.pipeline.layers import Layer, Stack, check_layers, real_type, stack
from convcli.pipeline.maps import bytes_of, check_memory, make_maps
from convcli.pipeline.responses import Target
from convcli.pipeline.stored import Stored
from convcli.record import record
from convcli.spec import Depth, Mapping, Spec

#: Samples of images that are looked at.
_SHOWN = np.dtype(np.uint8)


@record
class MapsRequest:
    """What is done to each image, and what is written of its maps.

    Parameters
    ----------
    layers, spec
        What is done.
    request
        Which images, where results go, how they are written.
    montage
        A file for one sheet of all maps; None for none.
    together
        Whether `normalize` stretches all maps of an image alike.
    """

    layers: tuple[Layer, ...]
    spec: Spec
    request: Request
    montage: str | None = None
    together: bool = False


@record
class MapsFacts:
    """What was done to an image.

    Parameters
    ----------
    size, channels, depth
        Of the source.
    stack
        The layers, laid over it.
    mapping
        How maps became samples; None if only the maps themselves are written.
    ranges
        The least and the greatest response of each map; empty if none was made.
    files
        What was written of the maps: one file a map, or one of all of them.
    volume
        Whether that is one file of all maps.
    sheet
        The file of all maps side by side; None if there is none.
    clipped
        Samples that did not fit.
    notes
        What else the user should know.
    """

    size: tuple[int, int]
    channels: str
    depth: str
    stack: Stack
    mapping: Mapping | None
    ranges: tuple[tuple[float, float], ...]
    files: tuple[str, ...]
    volume: bool
    sheet: str | None
    clipped: int
    notes: tuple[str, ...]


@record
class MapsOutcome:
    """What became of an image; as `Outcome` has it.

    Parameters
    ----------
    job, facts, seconds, error, skipped
        As for `Outcome`.
    done
        Whether anything was made; else it was only planned.
    """

    job: Job
    facts: MapsFacts | None = None
    seconds: float = 0.0
    error: str = ""
    skipped: str = ""
    done: bool = False


def check_request(asked: MapsRequest, jobs: Sequence[Job]) -> None:
    """Refuse what can't be done or written as asked, before anything is read.

    Raises
    ------
    UsageError
        If the spec doesn't go with layers, two images' maps would have the same names, or a sheet
        would be for several.
    """
    check_layers(asked.layers, asked.spec)
    seen: dict[str, str] = {}
    for job in jobs:
        base = os.path.splitext(job.target)[0]  # noqa: PTH122
        if job.target != STREAM and base in seen:
            raise UsageError(
                f"the maps of {seen[base]} and {job.source} would have the same names; filter them "
                f"one by one"
            )
        seen[base] = job.source
    path = asked.montage
    if path is None:
        return
    if len(jobs) > 1:
        raise UsageError(f"`montage` {path}: shows one image's maps, and there are {len(jobs)}")
    try:
        check_holds("uint8", "L", format_of(path))
    except ImageError as error:
        raise UsageError(f"`montage` {path}: {error}") from error


class MapsOf:
    """One image of a request.

    Parameters
    ----------
    asked
        What is done.
    job
        Which image, and where its results go.
    kept
        Files that are never overwritten.
    streams
        Standard input and output.
    """

    def __init__(
        self,
        asked: MapsRequest,
        job: Job,
        kept: dict[Any, str],
        streams: tuple[BinaryIO, BinaryIO],
    ) -> None:
        self._asked, self._job, self._kept, self._streams = asked, job, kept, streams
        self._writing, self._clipped = asked.request.writing, 0
        self._notes: list[str] = []

    def do(self, *, dry: bool = False) -> MapsOutcome:
        """Filter the image, write what is asked for, and say what came of it.

        Parameters
        ----------
        dry
            Whether only to look what would be done.
        """
        start, job = perf_counter(), self._job
        try:
            facts = self._facts(dry) if not job.error else None
        except ConvError as error:
            return MapsOutcome(job, seconds=perf_counter() - start, error=str(error))
        except OSError as error:
            return MapsOutcome(job, seconds=perf_counter() - start, error=told(error))
        except MemoryError:
            return MapsOutcome(job, seconds=perf_counter() - start, error=memory.NOT_ENOUGH)
        seconds = perf_counter() - start
        skipped = "exists" if facts is None and not job.error else ""
        return MapsOutcome(job, facts, seconds, job.error, skipped, done=not dry)

    def _facts(self, dry: bool) -> MapsFacts | None:
        """Do all there is to do; None if it is done already."""
        asked = self._asked
        image = self._read()
        found = stack(image, asked.layers, asked.spec)
        files, volume = self._files(found)
        if self._is_done(files):
            return None
        self._check_free(files)
        mapping = asked.spec.mapping or (None if volume else Mapping.NORMALIZE)
        self._check_formats(image, found, files, mapping)
        ranges: tuple[tuple[float, float], ...] = ()
        if not dry:
            maps = make_maps(image, found, asked.spec, apart=not volume)
            ranges = self._written(maps, image, (files, volume, mapping))
        doubts = doubts_of(asked.layers)
        notes = (*asked.spec.notes, *doubts, *found.notes, *image.meta.notes, *self._notes)
        shape = image.size, image.channels, image.depth
        return MapsFacts(
            *shape,
            stack=found,
            mapping=mapping,
            ranges=ranges,
            files=files,
            volume=volume,
            sheet=asked.montage,
            clipped=self._clipped,
            notes=(*dict.fromkeys(notes),),
        )

    def _read(self) -> Image:
        writing, source = self._writing, self._job.source
        place, limit = self._streams[0] if source == STREAM else Path(source), writing.max_pixels
        image = read(place, frame=writing.frame, max_pixels=limit, lenient=writing.lenient)
        if image.meta.frames > 1 and writing.frame is None:
            self._notes.append(f"only the first of {image.meta.frames} images in the file was used")
        self._notes += samples_alone(image.meta.beside)
        if (nodata := image.meta.nodata) is not None:
            known = "banks know no missing samples"
            self._notes.append(f"the nodata value {nodata:g} was filtered as data: {known}")
        return image

    def _files(self, found: Stack) -> tuple[tuple[str, ...], bool]:
        """Return the files that the maps go to, and whether that is one of all of them."""
        request, target = self._asked.request, self._job.target
        count = found.output[2]
        if request.output is None and self._asked.montage is not None:
            return (), False
        if target == STREAM or target == request.output:
            holds = codec_of(self._format(target)).holds.get("float32", frozenset())
            if count > 1 and "*" not in holds:
                raise UsageError(
                    f"{count} maps don't fit one {self._format(target)} file; use `path` NAME/ "
                    f"for an image each, `path` NAME.npy or NAME.tif for one volume, or "
                    f"`montage` FILE for one sheet"
                )
            return (target,), "*" in holds
        base = os.path.splitext(target)[0]  # noqa: PTH122
        ending = FORMATS[self._format("")].suffixes[0]
        if count == 1:
            return (base + ending,), False
        join = "-" if request.output else os.sep
        names = [label_of([name]) for name in found.maps]
        if len({name.lower() for name in names}) < count:
            names = [f"{k}-{name}" for k, name in enumerate(names)]
        return tuple(f"{base}{join}{name}{ending}" for name in names), False

    def _format(self, target: str) -> str:
        """Return the format of a file of its own name, or of maps whose names are made."""
        if self._writing.format:
            return parse_format(self._writing.format)
        if target == STREAM:
            return "NPY"
        if target:
            return format_of(target)
        floats = self._asked.spec.depth is Depth.FLOAT or self._asked.spec.mapping is Mapping.RAW
        return "TIFF" if floats else "PNG"

    def _is_done(self, files: tuple[str, ...]) -> bool:
        """Whether all that is asked for is there, and may stay."""
        wanted = [*files, *filter(None, [self._asked.montage])]
        return self._writing.skip_existing and all(
            path != STREAM and found_at(path)[0] for path in wanted
        )

    def _check_free(self, files: tuple[str, ...]) -> None:
        """Refuse names that are taken, before any work is done."""
        identities = Identities()
        for path in (*files, *filter(None, [self._asked.montage])):
            if path == STREAM:
                continue
            there, said = found_at(path)
            if said:
                raise ImageError(said)
            if there and identities.of(path) in self._kept:
                raise ImageError(f"{path} is {self._kept[identities.of(path)]}: never overwritten")
            if there and not self._writing.overwrite:
                raise ImageError(
                    f"{path} exists already; use `overwrite` to replace it, or another `output`"
                )

    def _check_formats(
        self, image: Image, found: Stack, files: tuple[str, ...], mapping: Mapping | None
    ) -> None:
        """Refuse what a format can't hold, and what there isn't memory for, before the work."""
        need = bytes_of(found)
        for path in files[:1]:
            name = self._format(path if path in (STREAM, self._asked.request.output) else "")
            dtype = self._dtype(image, mapping)
            count = found.output[2] if len(files) == 1 else 1
            self._notes += check_holds(dtype.name, "L" if count == 1 else "?" * count, name)
            written = found.output[0] * found.output[1] * count * dtype.itemsize
            need += int(written * (1 + codec_of(name).coder))
        check_memory(need, found)

    def _dtype(self, image: Image, mapping: Mapping | None) -> np.dtype[Any]:
        """Return the sample type of what is written."""
        spec = self._asked.spec
        if mapping in (None, Mapping.RAW) or spec.depth is Depth.FLOAT:
            return real_type(image, spec)
        deep = spec.depth is Depth.SAME and image.dtype == np.uint16
        return np.dtype(np.uint16) if deep or spec.depth is Depth.SIXTEEN else _SHOWN

    def _written(
        self, maps: NDArray[Any], image: Image, how: tuple[tuple[str, ...], bool, Mapping | None]
    ) -> tuple[tuple[float, float], ...]:
        """Write what is asked for, and return the range of each map."""
        files, volume, mapping = how
        ranges = tuple(_range(maps[:, :, k]) for k in range(maps.shape[2]))
        span = min(low for low, _ in ranges), max(high for _, high in ranges)
        spans = (span,) * len(ranges) if self._asked.together else ranges
        dtype = self._dtype(image, mapping)
        if volume and mapping in (None, Mapping.RAW):
            self._put(files[0], maps)
        elif volume:
            self._put(files[0], np.stack([*self._each(maps, dtype, mapping, spans)], axis=2))
        elif files:
            each = self._each(maps, dtype, mapping, spans)
            for path, samples in zip(files, each, strict=True):
                self._put(path, samples)
        if self._asked.montage is not None:
            shown = Mapping.NORMALIZE if mapping in (None, Mapping.RAW) else mapping
            clipped = self._clipped
            self._montage(self._each(maps, _SHOWN, shown, spans), maps.shape)
            self._clipped = clipped if files else self._clipped
        return ranges

    def _each(
        self,
        maps: NDArray[Any],
        dtype: np.dtype[Any],
        mapping: Mapping | None,
        spans: tuple[tuple[float, float], ...],
    ) -> Iterator[NDArray[Any]]:
        """Give each map as samples; a full one stands for a response of 1, or a span's end."""
        for k, span in enumerate(spans):
            responses = np.ascontiguousarray(maps[:, :, k])
            if mapping in (None, Mapping.RAW):
                yield responses
                continue
            target = Target(dtype, mapping, 1.0, in_levels=False, span=span)
            stored = Stored(responses.dtype, None, Spec(), target)
            yield stored.part(responses, (0, 0))
            self._clipped += stored.clipped

    def _put(self, path: str, samples: NDArray[Any]) -> None:
        """Write one file: of a map, or of all of them."""
        count = samples.shape[2] if samples.ndim == 3 else 1
        pixels = samples[:, :, 0] if samples.ndim == 3 and count == 1 else samples
        writing = self._writing
        name = self._format(path if path in (STREAM, self._asked.request.output) else "")
        chosen = {"quality": writing.quality, "compress": writing.compress}
        image = Image(pixels, "L" if count == 1 else "?" * count)
        if path == STREAM:
            self._streams[1].write(encode(image, name, **chosen))
            self._streams[1].flush()
            return
        with making_room(path):
            write(path, image, format=name, overwrite=writing.overwrite, **chosen)

    def _montage(self, shown: Iterator[NDArray[Any]], shape: tuple[int, ...]) -> None:
        """Write one sheet of all maps."""
        path = self._asked.montage
        assert path is not None
        sheet = Sheet(shape[2], (shape[0], shape[1]))
        with making_room(path):
            write(path, sheet.of(shown), overwrite=self._writing.overwrite)
        rows, cols = sheet.size
        small = f", each shrunk to {sheet.tile[1]}×{sheet.tile[0]}" * (sheet.factor > 1)
        self._notes.append(
            f"the sheet {path} is {cols}×{rows}: {sheet.across} maps a row, from the left{small}"
        )


def _range(responses: NDArray[Any]) -> tuple[float, float]:
    """Return the least and the greatest response that is a finite number; (0, 0) if none is."""
    low, high = float(responses.min()), float(responses.max())
    if not isfinite(low + high):
        finite = responses[np.isfinite(responses)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    return low, high

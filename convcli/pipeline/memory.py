"""What filtering an image takes in memory at its peak: a sum over the stages of its road.

It is told from its header and its options, before its samples are there. The factors are measured,
of whole commands on 12 megapixels (`python tests/peaks.py`), and a test keeps the sums at what a
few of these take.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from convcli.engine import CHUNK_BYTES, Pixels
from convcli.errors import ConvError
from convcli.image.channels import channel_words
from convcli.image.formats import codec_of
from convcli.image.header import VALUES, WIDTHS, Header
from convcli.image.image import Image, Meta
from convcli.kernels.kernel import AnyKernel
from convcli.pipeline.arrays import Step
from convcli.pipeline.road import lay
from convcli.pipeline.work import Absent
from convcli.processors import processors
from convcli.record import record, replace
from convcli.spec import Spec

if TYPE_CHECKING:
    from convcli.pipeline.apart import OneRoad

#: What begins with every thread's first rows and doesn't grow: loops and tables; and room for a
#: band, for its filtered rows, and for those that are coded and not yet written.
_BASE, _BAND = 2**22, 3 * 2**22
#: From so many bytes on a TIFF file is mapped and not held; a smaller one is to the end.
_MAPPED = 2**26
#: Source and result side by side: with the halves that become it, a byte of both.
_COMPARED = 2.2
#: Blocks of rows that there are beside one a thread, of a file that is decoded block by block.
_BLOCKS = 3
#: Arrays as large as a chunk that there are at once where each pixel is worked on.
_AT_ONCE = 4


@record
class Output:
    """What becomes of the result.

    Parameters
    ----------
    format
        The name of its format; '' if that isn't known.
    lossy
        Whether coding may lose something.
    compared
        Whether source and result are written side by side, too.
    several
        Whether it is one of several frames, which are coded whole.
    progressive
        Whether it is coded whole since its source was.
    """

    format: str
    lossy: bool = False
    compared: bool = False
    several: bool = False
    progressive: bool = False


@record
class ImageKind:
    """What an image is like.

    Parameters
    ----------
    size, channels, dtype
        Its (rows, cols), how many channels it has, and the type of its samples.
    together
        Bytes of samples that are decoded together, as rows are asked for; 0 where all of them are.
    """

    size: tuple[int, int]
    channels: int
    dtype: str
    together: int = 0


@record
class StageMemory:
    """A stage of a road, in words, and the bytes that it takes on all threads."""

    name: str
    bytes: int


@record
class Sums:
    """What an image takes in bytes.

    Parameters
    ----------
    source, result
        All samples of each.
    stages
        What each stage of the road takes, the decoded source first, what writes the result last.
    """

    source: int
    result: int
    stages: tuple[StageMemory, ...]

    @property
    def total(self) -> int:
        """What it takes at its peak, once it is read."""
        return sum(stage.bytes for stage in self.stages)


def takes(
    header: Header, file: int, kernels: Sequence[AnyKernel], spec: Spec, output: Output
) -> int:
    """Return the bytes that an image takes at its peak, from its file to its result's.

    Parameters
    ----------
    header
        What its header says.
    file
        Bytes of the file, which is held while it is decoded.
    kernels, spec
        What is done to it.
    output
        What becomes of the result.
    """
    kind = ImageKind(header.size, header.channels, header.dtype, header.together)
    found = sums(kind, tuple(kernels), spec, output).total
    reading = file + header.nbytes + header.overhead
    if header.together:
        return found
    if codec_of(header.format).scattered:
        held = (file if file < _MAPPED else 0) + header.nbytes * (header.frames > 1)
        return held + max(header.nbytes + header.overhead, found)
    if header.frames > 1:
        # The file stays, and so does the canvas that the next frame is drawn upon.
        return reading + header.nbytes + found
    return max(reading, found)


def sums_of(image: Image, kernels: Sequence[AnyKernel], spec: Spec, output: Output) -> Sums:
    """Return what an image takes once its samples are there."""
    together = image.row_bytes * image.made.step if image.made is not None else 0
    kind = ImageKind(image.size, len(image.channels), image.dtype.name, together)
    return sums(kind, tuple(kernels), spec, output)


@lru_cache(maxsize=256)
def sums(kind: ImageKind, kernels: tuple[AnyKernel, ...], spec: Spec, output: Output) -> Sums:
    """Return what an image takes while it is filtered and written.

    Parameters
    ----------
    kind
        What it is like.
    kernels, spec, output
        As for `takes`.
    """
    told = {1: "L", 3: "RGB"} if kind.dtype in VALUES else {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
    names = told.get(kind.channels, "?" * kind.channels)
    shape = (*kind.size, kind.channels) if kind.channels > 1 else kind.size
    source = prod(shape) * WIDTHS[kind.dtype]
    image = Image.of(Absent(shape, np.dtype(kind.dtype)), names, Meta())
    words, jobs = f"{kind.size[1]}×{kind.size[0]} {channel_words(names)}", spec.jobs or processors()
    held = min(source, (jobs + _BLOCKS) * kind.together)
    decoded = StageMemory(
        f"{words} decoded" + (" as rows are asked for" if held else ""), held or source
    )
    try:
        road = lay(image, kernels, spec)
    except ConvError:
        if spec.channels or spec.bands:
            # Its header doesn't say what they are called.
            return sums(kind, kernels, replace(spec, channels=None, bands=None), output)
        # It doesn't fit, and is refused.
        return Sums(source, source, (decoded, StageMemory("result", source)))
    stages = [decoded, *(stage for one in road.roads for stage in _stages(one, jobs))]
    if isinstance(spec.nodata, float | int):
        stages.append(StageMemory("which samples are there", prod(shape)))
    dtype = road.work.stored
    result = prod(road.steps[-1].geometry.out) * len(road.work.channels) * dtype.itemsize
    stages.append(_written(result, dtype.itemsize == 2, output))
    if output.compared:
        stages.append(StageMemory("source beside result", int(_COMPARED * (source + result))))
    return Sums(source, result, tuple(stages))


def _stages(road: OneRoad, jobs: int) -> list[StageMemory]:
    """Return what the stages between source and result take."""
    work, chunk = road.work, jobs * _AT_ONCE * CHUNK_BYTES
    found = []
    if work.needs_floats:
        light = " in linear light" * work.spec.linear
        what = "lightness" if work.spec.luma else "colour weighted by alpha" if work.weighs else ""
        found.append(StageMemory(f"{what or 'samples'}{light} as floats", chunk))
    elif work.chooses or isinstance(work.image.made, Pixels):
        found.append(StageMemory(f"{channel_words(work.channels)} samples", chunk))
    source = "made" if found else "held"
    for kernel, step in zip(work.kernels, road.steps, strict=True):
        row = prod(step.prepared.shape[1:]) * step.prepared.finish.dtype.itemsize
        if step is road.steps[-1]:
            row = step.geometry.out[1] * len(work.channels) * work.target.dtype.itemsize
        name = f"{kernel.name}, {step.prepared.plan.method}"
        found.append(StageMemory(name, _step(step, source, row, jobs)))
        source = "kept"
    return [*found, *_behind(road, chunk)]


def _behind(road: OneRoad, chunk: int) -> list[StageMemory]:
    """Return what the stages behind the kernels take, where most take so many bytes."""
    work, found = road.work, []
    if work.needs_floats or work.chooses:
        back = "back to the samples of the result" if work.needs_floats else "beside the channels"
        found.append(StageMemory(back, chunk))
    if work.stored != work.target.dtype:
        found.append(StageMemory(f"{work.stored.name} samples of the result", chunk))
    if work.spec.keep_edges:
        found.append(StageMemory("edges as they were", chunk))
    if any(step.soft for step in road.steps):
        found.append(StageMemory("soft threshold", chunk))
    if road.partly is not None:
        found.append(StageMemory("the part beside the rest", chunk))
        if mask := road.partly.mask:
            found.append(StageMemory("mask", 2 * mask.samples.nbytes + chunk))
    return found


def _step(step: Step, source: str, row: int, jobs: int) -> int:
    """Return what one kernel's correlation takes.

    Parameters
    ----------
    step
        The kernel.
    source
        Whether its source is "held"; "made" when it is asked for, each part alone; or "kept",
        whole rows of it.
    row
        Bytes of what is made of a row of responses.
    jobs
        Threads.
    """
    prepared, layout = step.prepared, step.prepared.loops.layout
    loops, tiling = prepared.loops, prepared.choice.tiling
    together, itemsize = loops.together, loops.source.dtype.itemsize
    rows = loops.least_rows * layout.stride + layout.span
    scratch, width = loops.scratch_bytes, layout.geometry.cols.size
    if tiling and source != "kept":
        tiles = tiling.at_once[1] * tiling.edge[1]
        width = min(width, tiles * layout.geometry.cols.stride + layout.span)
        scratch += together * tiles * layout.channels * prepared.finish.dtype.itemsize
    window = 0 if source == "held" else 2 * rows * width * layout.channels * itemsize
    blocks = together * row * (jobs + 2) if together > 2 else 0
    return blocks + jobs * (scratch + window + min(prepared.shape[0] * row, 2 * CHUNK_BYTES))


def _written(result: int, wide: bool, output: Output) -> StageMemory:
    """Return what writing the result takes."""
    name = f"{output.format or 'result'} written"
    whole = output.compared or output.several or output.progressive
    if output.format and codec_of(output.format).in_bands and not whole:
        return StageMemory(f"{name} in bands", _BASE + processors() * min(_BAND, result))
    return StageMemory(name, _BASE + result + int(_coder(output, wide) * result))


def _coder(output: Output, wide: bool) -> float:
    """Return the bytes that coding takes, a byte of samples; they may be of two bytes."""
    codec = codec_of(output.format)
    if output.progressive and codec.coder_whole is not None:
        return codec.coder_whole
    if output.lossy and codec.coder_lossy is not None:
        return codec.coder_lossy
    return codec.coder_wide if wide and codec.coder_wide is not None else codec.coder

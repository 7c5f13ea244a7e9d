"""What filtering an image takes in memory at its peak: a sum over the stages of its road.

It is told from its header and its options, before its samples are there. The factors are measured,
of whole commands on 12 megapixels (`python tests/peaks.py`), and a test keeps the sums at what a
few of these take.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod

import numpy as np

from convcli.engine import CHUNK_BYTES, Pixels
from convcli.errors import ConvError
from convcli.image.formats import codec_of
from convcli.image.header import WIDTHS, Header
from convcli.image.image import Image, Meta, channel_words
from convcli.kernels.kernel import AnyKernel
from convcli.pipeline.arrays import Step
from convcli.pipeline.road import Road, lay
from convcli.pipeline.work import Absent
from convcli.processors import processors
from convcli.record import record
from convcli.spec import Spec

#: What begins with every thread's first rows and doesn't grow: loops and tables; and room for a
#: band, for its filtered rows, and for those that are coded and not yet written.
_BASE, _BAND = 2**22, 3 * 2**22
#: From so many bytes on a TIFF file is mapped and not held; a smaller one is to the end.
_MAPPED = 2**26
#: Source and result side by side: with the halves that become it, a byte of both.
_COMPARED = 2.2
#: Arrays as large as a chunk that there are at once where each pixel is worked on.
_AT_ONCE = 4
#: Bytes that one thread's groups of tiles take: sums, and spectra of sets.
_TILES = 5 * 2**22


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
    """

    format: str
    lossy: bool = False
    compared: bool = False
    several: bool = False


@record
class ImageKind:
    """What an image is like.

    Parameters
    ----------
    size, channels, dtype
        Its (rows, cols), how many channels it has, and the type of its samples.
    """

    size: tuple[int, int]
    channels: int
    dtype: str


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
    kind = ImageKind(header.size, header.channels, header.dtype)
    found = sums(kind, tuple(kernels), spec, output).total
    reading = file + header.nbytes + header.overhead
    if codec_of(header.format).scattered:
        held = (file if file < _MAPPED else 0) + header.nbytes * (header.frames > 1)
        return held + max(header.nbytes + header.overhead, found)
    if header.frames > 1:
        # The file stays, and so does the canvas that the next frame is drawn upon.
        return reading + header.nbytes + found
    return max(reading, found)


def sums_of(image: Image, kernels: Sequence[AnyKernel], spec: Spec, output: Output) -> Sums:
    """Return what an image takes once its samples are there."""
    kind = ImageKind(image.size, len(image.channels), image.dtype.name)
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
    names = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}.get(kind.channels, "?" * kind.channels)
    shape = (*kind.size, kind.channels) if kind.channels > 1 else kind.size
    source = prod(shape) * WIDTHS[kind.dtype]
    image = Image.of(Absent(shape, np.dtype(kind.dtype)), names, Meta())
    decoded = StageMemory(f"{kind.size[1]}×{kind.size[0]} {channel_words(names)} decoded", source)
    try:
        road = lay(image, kernels, spec)
    except ConvError:
        # It doesn't fit, and is refused.
        return Sums(source, source, (decoded, StageMemory("result", source)))
    stages = [decoded, *_stages(road, spec.jobs or processors())]
    dtype = road.work.target.dtype
    result = prod(road.steps[-1].geometry.out) * len(road.work.channels) * dtype.itemsize
    stages.append(_written(result, dtype.itemsize == 2, output))
    if output.compared:
        stages.append(StageMemory("source beside result", int(_COMPARED * (source + result))))
    return Sums(source, result, tuple(stages))


def _stages(road: Road, jobs: int) -> list[StageMemory]:
    """Return what the stages between source and result take."""
    work, chunk = road.work, jobs * _AT_ONCE * CHUNK_BYTES
    found = []
    if work.needs_floats:
        light = " in linear light" * work.spec.linear
        what = "lightness" if work.spec.luma else "colour weighted by alpha" if work.weighs else ""
        found.append(StageMemory(f"{what or 'samples'}{light} as floats", chunk))
    elif work.chooses or isinstance(work.image.made, Pixels):
        found.append(StageMemory(f"{channel_words(work.channels)} samples", chunk))
    held = not (work.needs_floats or work.chooses or isinstance(work.image.made, Pixels))
    for kernel, step in zip(work.kernels, road.steps, strict=True):
        found.append(
            StageMemory(f"{kernel.name}, {step.prepared.plan.method}", _step(step, held, jobs))
        )
        held = False
    if work.needs_floats or work.chooses:
        back = "back to the samples of the result" if work.needs_floats else "beside the channels"
        found.append(StageMemory(back, chunk))
    return found


def _step(step: Step, held: bool, jobs: int) -> int:
    """Return what one kernel's correlation takes, beside a source that is held or made."""
    prepared, layout = step.prepared, step.prepared.loops.layout
    together, itemsize = prepared.loops.together, prepared.finish.dtype.itemsize
    row = prod(prepared.shape[1:]) * itemsize
    source = prepared.loops.source
    rows = prepared.loops.least_rows * layout.stride + layout.span
    scratch = _TILES if prepared.choice.tiling else rows * layout.pitch * 4
    window = 0 if held else 2 * rows * source.samples * source.dtype.itemsize
    blocks = together * row * (jobs + 2) if together > 2 else 0
    return blocks + jobs * (scratch + window + min(prepared.shape[0] * row, 2 * CHUNK_BYTES))


def _written(result: int, wide: bool, output: Output) -> StageMemory:
    """Return what writing the result takes."""
    name = f"{output.format or 'result'} written"
    whole = output.compared or output.several
    if output.format and codec_of(output.format).in_bands and not whole:
        return StageMemory(f"{name} in bands", _BASE + processors() * min(_BAND, result))
    return StageMemory(name, _BASE + result + int(_coder(output, wide) * result))


def _coder(output: Output, wide: bool) -> float:
    """Return the bytes that coding takes, a byte of samples; they may be of two bytes."""
    codec = codec_of(output.format)
    if output.lossy and codec.coder_lossy is not None:
        return codec.coder_lossy
    return codec.coder_wide if wide and codec.coder_wide is not None else codec.coder

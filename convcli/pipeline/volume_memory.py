"""What filtering a stack as one volume takes in memory: planes that are kept, and one or two more.

A volume of any number of planes takes the same; but for files that are held while they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from convcli.image.header import WIDTHS, Header
from convcli.kernels.volume import AnyVolumeKernel
from convcli.pipeline.memory import ImageKind, StageMemory
from convcli.pipeline.volume_sums import factors_of, sums_type
from convcli.spec import Spec
from convcli.volume_geometry import triple

#: What doesn't grow: loops and tables. And a plane of the result with what it is coded as, twice:
#: a page is written when the next one is there.
_BASE, _CODED = 2**23, 4
#: From so many bytes on a file is mapped and not held.
_MAPPED = 2**26


def volume_stages(
    kind: ImageKind, kernels: Sequence[AnyVolumeKernel], spec: Spec, format: str
) -> tuple[StageMemory, ...]:
    """Return the stages that a volume goes through, and what each takes.

    Parameters
    ----------
    kind
        Of its planes.
    kernels, spec
        What is done to them.
    format
        The result's.
    """
    dtype, samples = np.dtype(kind.dtype), prod(kind.size) * kind.channels
    size = f"{kind.size[1]}×{kind.size[0]}"
    stages = [StageMemory(f"{size} plane decoded", samples * WIDTHS[kind.dtype])]
    for kernel in kernels:
        dilation = triple(spec.dilation, "dilation")[0]
        planes, need = dilation * (kernel.shape[0] - 1) + 1, 0
        for part in kernel.parts:
            sums, _ = sums_type(part, dtype, spec)
            kept = dtype if factors_of(part, spec) is None else sums
            need += samples * (planes * kept.itemsize + 3 * sums.itemsize)
        stages.append(StageMemory(f"{kernel.name}, {planes} planes kept", need))
        dtype = sums
    written = _BASE + _CODED * samples * WIDTHS[kind.dtype]
    stages.append(StageMemory(f"{format or 'result'} written plane by plane", written))
    return tuple(stages)


def plane_kind(header: Header) -> ImageKind:
    """Return what the planes of a stack are like, told from its file's header."""
    if header.format == "NPY" and header.channels > 1:
        # What would be (rows, cols, channels) of an image is (planes, rows, cols).
        return ImageKind((header.size[1], header.channels), 1, header.dtype)
    return ImageKind(header.size, header.channels, header.dtype)


def volume_takes(
    header: Header, file: int, kernels: Sequence[AnyVolumeKernel], spec: Spec, format: str
) -> int:
    """Return the bytes that a stack takes at its peak.

    Parameters
    ----------
    header, file
        What its header says, and how many bytes the file has.
    kernels, spec, format
        As for `volume_stages`.
    """
    stages = volume_stages(plane_kind(header), kernels, spec, format)
    held = 0 if file >= _MAPPED else file
    return held + sum(stage.bytes for stage in stages)

"""An image looked at for missing samples, and what knows none of these."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import UsageError
from convcli.image import channels as ch
from convcli.image.image import Image, Meta
from convcli.pipeline.work import Work, differ
from convcli.record import replace
from convcli.spec import Missing


def with_gaps(work: Work, image: Image) -> Work:
    """Return what is done to an image that was looked at for missing samples.

    Parameters
    ----------
    work
        What would be done if none were missing.
    image
        As it was given.

    Raises
    ------
    UsageError
        If samples are missing, and what is done knows none.
    """
    colours, spec = range(ch.colour_count(image.channels)), work.spec
    if image.dtype.kind != "f" and image.meta.nodata is None and spec.nodata is None:
        return work
    from convcli.pipeline.missing import gaps_of

    mixed = spec.gray or spec.luma or spec.linear
    looked_at = tuple(k for k in colours if mixed or k in work.chosen)
    if len(looked_at) < len(colours) and image.dtype.kind == "f" and work.target.dtype.kind == "u":
        work = _beside(work, image, [k for k in colours if k not in looked_at])
    gaps = gaps_of(image, looked_at, spec) if looked_at else None
    if gaps is None:
        return work
    if other := _knows_none(work, image):
        if gaps.count:
            raise UsageError(
                f"samples of the image are missing, which {other} can't go with; leave it out"
            )
        return work
    return replace(work, gaps=gaps)


def _beside(work: Work, image: Image, kept: list[int]) -> Work:
    """Return what is done, with a note if channels that are kept lack numbers, which become 0."""
    from convcli.pipeline.missing import gaps_of

    some = ch.select(image.pixels.reshape(*image.size, -1), kept)
    beside = Image(some, "?" * len(kept), Meta(nodata=image.meta.nodata))
    gaps = gaps_of(beside, tuple(range(len(kept))), work.spec)
    if gaps is None or not gaps.count:
        return work
    note = (
        f"missing samples of channels that are kept: {gaps.count:,}, which whole samples can't say"
    )
    return replace(work, spec=replace(work.spec, notes=(*work.spec.notes, note)))


def no_numbers(pixels: NDArray[Any]) -> int:
    """Return how many of some samples are no numbers."""
    if pixels.dtype.kind != "f" or not np.isnan(pixels.min()):
        return 0
    return int(np.count_nonzero(np.isnan(pixels)))


def as_data(nodata: float | None, count: int, known: str) -> list[str]:
    """Return what is to be said of missing samples that were filtered as any other.

    Parameters
    ----------
    nodata
        The file's nodata value; None for none.
    count
        How many samples are no numbers.
    known
        What knows no missing samples, in words.
    """
    found = []
    if nodata is not None:
        found.append(f"the nodata value {nodata:g} was filtered as data: {known}")
    if count:
        found.append(
            f"{count:,} sample{'s are no numbers' if count > 1 else ' is no number'}, and no "
            f"response that sees one is (whole samples are 0 there): {known}"
        )
    return found


def _knows_none(work: Work, image: Image) -> str:
    """Return what is asked for that knows no missing samples; '' for nothing."""
    spec, threshold = work.spec, any(getattr(kernel, "threshold", 0) for kernel in work.kernels)
    found = {
        "`region`": bool(spec.region),
        "`mask`": spec.mask is not None,
        "`mapping` hue": work.is_hue,
        "a threshold of unsharp": threshold,
        "colour beside channels of another kind": differ(image, spec),
        "`luma` with `missing` fill": spec.luma and spec.missing is Missing.FILL,
    }
    return next((name for name, is_asked in found.items() if is_asked), "")

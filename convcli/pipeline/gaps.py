"""An image looked at for missing samples, and what knows none of these."""

from __future__ import annotations

from convcli.errors import UsageError
from convcli.image import channels as ch
from convcli.image.image import Image
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
    gaps = gaps_of(image, tuple(k for k in colours if mixed or k in work.chosen), spec)
    if gaps is None:
        return work
    if other := _knows_none(work, image):
        if gaps.count:
            raise UsageError(f"samples of the image are missing, and {other} knows none")
        return work
    return replace(work, gaps=gaps)


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

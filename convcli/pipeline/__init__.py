"""One image, from its samples to its result: channels, alpha, light, kernels, mapping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convcli.image.image import Image
from convcli.kernels.kernel import AnyKernel
from convcli.pipeline.facts import Facts, together
from convcli.pipeline.road import Road, lay
from convcli.spec import Spec

if TYPE_CHECKING:
    from convcli.pipeline.apart import ApartRoad as ApartRoad

__all__ = ["Facts", "Road", "apply", "lay", "together"]


def apply(image: Image, kernels: Sequence[AnyKernel], spec: Spec) -> tuple[Image, Facts]:
    """Filter an image in memory, and say what was done.

    Parameters
    ----------
    image, kernels, spec
        As `lay` takes them, which raises the same errors.

    Returns
    -------
    Image
        With the source's metadata; its pixels are there.
    Facts
        What was done.
    """
    road = lay(image, kernels, spec)
    _ = road.result.pixels
    return road.result, road.facts

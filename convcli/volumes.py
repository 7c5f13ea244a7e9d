"""Volumes for Python programs: array in, array out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from convcli.api import asked, samples_of
from convcli.borders import Border
from convcli.errors import UsageError
from convcli.geometry import whole
from convcli.kernels.volume import AnyVolumeKernel, VolumeCompound, VolumeKernel
from convcli.kernels.volume_library import parse_volume_kernel
from convcli.pipeline.sample_types import as_values, values_type
from convcli.pipeline.volume import HeldPlanes, correlated_planes
from convcli.spec import Mapping, Method
from convcli.volume_geometry import Triple

_SHAPES = ("(planes, rows, cols)", "(planes, rows, cols, channels)")


def correlate_volume(  # noqa: PLR0913
    volume: ArrayLike,
    weights: ArrayLike | str | AnyVolumeKernel,
    stride: int | Triple = 1,
    padding: Any = "same",
    border: str | Border = Border.REPLICATE,
    fill: float = 0.0,
    dilation: int | Triple = 1,
    bias: float = 0.0,
    flip: bool = False,
    mapping: str | Mapping = Mapping.RAW,
    dtype: DTypeLike | None = None,
    method: str | Method = Method.AUTO,
    jobs: int | None = None,
) -> NDArray[Any]:
    """Slide 3-D weights over a volume and add up the products at each place, without flipping.

    Parameters
    ----------
    volume
        (planes, rows, cols), or with channels behind these, each filtered by itself; of bool,
        whole or real numbers.
    weights
        (planes, rows, cols); a `VolumeKernel`; or what would be typed for one, such as
        ``"gaussian:sigma=1,2,2"``.
    stride, padding, dilation
        One number, or (planes, rows, cols); padding also a word as for `correlate`, or
        (before, after) for each axis.
    bias
        Added to the responses.
    border, fill, flip, mapping, dtype, method, jobs
        As for `correlate`.

    Returns
    -------
    ndarray of shape (planes', rows', cols'), and channels if there were some
        N' = ⌊(N − (D(F − 1) + 1) + 2P)/S⌋ + 1 along each axis.

    Raises
    ------
    ConvError
        If shapes don't match, a word is unknown, or the kernel doesn't fit.

    Examples
    --------
    >>> correlate_volume(np.ones((4, 5, 6)), "box", padding="valid").shape
    (2, 3, 4)
    """
    given = np.asanyarray(volume)
    array = samples_of(given, "volume", _SHAPES)
    values = values_type(given.dtype, mapping, dtype)
    dtype = dtype if values is None else values
    if isinstance(weights, str):
        kernel: AnyVolumeKernel = parse_volume_kernel(weights)
    elif isinstance(weights, VolumeKernel | VolumeCompound):
        kernel = weights
    else:
        kernel = VolumeKernel.of("weights", weights)
    if bias != 0:
        own = kernel.flat.offset if isinstance(kernel, VolumeKernel) else 0
        kernel = kernel.changed(None, own + _number(bias))
    steps = whole(stride), whole(dilation)
    options = (whole(padding), border, fill, *steps, flip, mapping, method, jobs, "middle")
    spec, target = asked(array.dtype, dtype, options)
    (last,) = correlated_planes(HeldPlanes(array), (kernel,), spec, target)
    out = np.empty((last.count, *last.shape), last.dtype if values is None else values)
    for number in range(last.count):
        out[number] = as_values(last.plane(number), values)
    return out


def _number(bias: Any) -> float:
    try:
        return float(bias)
    except (TypeError, ValueError):
        raise UsageError(f"bias must be one number, got {bias!r}") from None

"""The library for Python programs: images in, image out; arrays in, array out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from convcli import engine, pipeline
from convcli.borders import Border, Borders, parse_borders
from convcli.errors import KernelError, UsageError
from convcli.geometry import Anchor, Padding, Pair, whole
from convcli.image import files
from convcli.image.frames import Frames
from convcli.image.header import VALUES
from convcli.image.image import Image
from convcli.kernels import parse_kernel
from convcli.kernels.given import real_weights
from convcli.kernels.kernel import AnyKernel, Compound, Kernel
from convcli.kernels.notation import names_file
from convcli.pipeline.arrays import plan_array, prepare_array
from convcli.pipeline.banks import biases, correlate_bank
from convcli.pipeline.masked import correlate_present
from convcli.pipeline.responses import Target
from convcli.pipeline.sample_types import as_values, values_type
from convcli.record import replace
from convcli.spec import Mapping, Method, Missing, Spec

#: Sample types that the engine takes, and the value of a full sample.
_FULL = {
    np.dtype(np.uint8): 255.0,
    np.dtype(np.uint16): 65535.0,
    np.dtype(np.float32): 1.0,
    np.dtype(np.float64): 1.0,
}


def apply(
    image: Image, kernel: str | AnyKernel | Sequence[str | AnyKernel], spec: Spec | None = None
) -> Image:
    """Filter an image: colour, alpha, mapping and metadata as on the command line.

    Parameters
    ----------
    image
        The image, as `convcli.read` gives it.
    kernel
        A kernel or what would be typed for one; several are applied one after the other.
    spec
        Everything else; the command line's defaults if left out.

    Raises
    ------
    ConvError
        If there is no such kernel, or it doesn't fit the image.
    """
    given = [kernel] if isinstance(kernel, str | Kernel | Compound) else list(kernel)
    kernels = [parse_kernel(each) if isinstance(each, str) else each for each in given]
    wrong = [each for each in kernels if not isinstance(each, Kernel | Compound)]
    if wrong or not kernels:
        raise KernelError(
            "expected a kernel, its name, or a sequence of these, and at least one; "
            f"got {kernel!r}; for a matrix of your own use Kernel(name, weights)"
        )
    if not isinstance(image, Image):
        raise UsageError(
            f"expected an Image, got {type(image).__name__}; use Image(pixels), or correlate"
        )
    return pipeline.apply(image, kernels, spec or Spec())[0]


def write_frames(
    path: str | Path,
    image: Image | Frames | Iterable[Image] | None = None,
    *,
    frames: Frames | Iterable[Image] | None = None,
    **options: Any,
) -> Path:
    """Write several images to a file, as `write` does.

    Parameters
    ----------
    path, image, options
        As for `write`.
    frames
        What `image` was called before 0.2; it will be gone in 0.3.

    Raises
    ------
    ImageError
        As `write`.
    """
    if frames is not None:
        if image is not None:
            raise TypeError("write_frames: frames= is image=, and both were given")
        warn("write_frames: frames= is called image= now", DeprecationWarning, stacklevel=2)
        image = frames
    if image is None:
        raise TypeError("write_frames: image= is missing")
    return files.write(path, image, **options)


def choose_plan(
    shape: tuple[int, ...],
    kernel: str | AnyKernel,
    spec: Spec | None = None,
    dtype: DTypeLike = np.uint8,
) -> engine.Plan:
    """Return how an array would be filtered, and why, without filtering it.

    Parameters
    ----------
    shape
        (H, W) or (H, W, C).
    kernel
        A kernel or what would be typed for one.
    spec
        Its geometry, method, precision and threads count.
    dtype
        Of the array: uint8, uint16, float32 or float64.

    Examples
    --------
    >>> choose_plan((480, 640), "gaussian:sigma=5").reason
    'separable: 41 taps down and 41 along; fft would take 5.0 times as long; weights are not
    whole numbers, so sums are kept in float32'
    """
    chosen = parse_kernel(kernel) if isinstance(kernel, str) else kernel
    return plan_array(shape, np.dtype(dtype), chosen, spec or Spec())


def correlate(  # noqa: PLR0913
    pixels: ArrayLike,
    weights: ArrayLike | str | AnyKernel,
    stride: int | Pair = 1,
    padding: Padding = "same",
    border: str | Borders = Border.REPLICATE,
    fill: float = 0.0,
    dilation: int | Pair = 1,
    groups: int = 1,
    bias: ArrayLike | None = None,
    flip: bool = False,
    mapping: str | Mapping = Mapping.RAW,
    dtype: DTypeLike | None = None,
    method: str | Method = Method.AUTO,
    jobs: int | None = None,
    anchor: Anchor = "middle",
    nodata: float | None = None,
    missing: str | Missing | None = None,
    least_share: float = 0.0,
) -> NDArray[Any]:
    """Slide weights over an array and add up the products at each place, without flipping.

    Parameters
    ----------
    pixels
        (H, W) or (H, W, C), of bool, whole or real numbers.
    weights
        (F, F) for every channel alike; (C, F, F) for one map over all channels; (K, C, F, F)
        for a bank of K filters, giving (H', W', K); a `Kernel` or `Compound`; or what would be
        typed for one. The two axes of a kernel may differ.
    stride, padding, dilation
        One number, or (rows, cols); padding also `same`, `same-upper`, `same-lower`, `valid`,
        `full`, or ((top, bottom), (left, right)).
    border, fill
        What lies outside, for both axes or as (rows, cols); `fill` in the array's own units.
    groups
        Groups of channels that are filtered apart: a bank's C is then channels / groups.
    bias
        Added to the responses: a number, or one for each map.
    flip
        Flip the weights first: true convolution.
    mapping
        As on the command line; `raw` gives the responses themselves.
    dtype
        Of the result. Without it float32 for `raw`, or float64 where pixels are neither bool,
        uint8, uint16, float16 nor float32, so that none is rounded; else the type of the pixels.
        A whole type means rounded once, and the nearest of its numbers; with `raw` it means
        `clip`. Values are never rescaled.
    method
        How to compute.
    jobs
        Threads; None for one a processor.
    anchor
        The tap that `same` puts over an output's place: (row, col), `middle`, or
        `first-middle`, the first of the two middle ones of an even size.
    nodata, missing, least_share
        As `Spec` has them, for kernels only. If none is given, what is no number is filtered as it
        is, unless pixels are a masked array, of which what is masked is missing, and so it is in
        the result.

    Returns
    -------
    ndarray of shape (H', W'), (H', W', C) or (H', W', K)
        H' = ⌊(H − (D(F − 1) + 1) + 2P)/S⌋ + 1. What is missing is `nodata`, or no number.

    Raises
    ------
    ConvError
        If shapes don't match, a word is unknown, or the kernel doesn't fit.

    Examples
    --------
    >>> correlate([[1, 2, 4]], [[-1, 1]], padding="valid")
    array([[1., 2.]])
    """
    masked = _mask_of(pixels)
    given = np.asarray(pixels if masked is None else np.ma.getdata(pixels))
    array, values = samples_of(given), values_type(given.dtype, mapping, dtype)
    dtype = values or dtype
    steps = whole(stride), whole(dilation)
    options = (whole(padding), border, fill, *steps, flip, mapping, method, jobs, whole(anchor))
    chosen = weights if isinstance(weights, str) else _as_kernel(weights)
    if isinstance(chosen, str) and (bias is not None or names_file(chosen)):
        chosen = parse_kernel(chosen)
    if isinstance(chosen, np.ndarray):
        if masked is not None or (nodata, missing, least_share) != (None, None, 0):
            raise UsageError("missing samples are for kernels; a bank of filters knows none")
        spec, target = asked(array.dtype, dtype, options)
        volume = array.reshape(*array.shape[:2], -1)
        filters = chosen if chosen.ndim == 4 else chosen[None]
        maps = correlate_bank(volume, filters, bias=bias, groups=groups, spec=spec, target=target)
        maps = as_values(maps, values)
        return maps if chosen.ndim == 4 else maps[:, :, 0]
    if groups != 1:
        raise UsageError("groups need weights of shape (K, C, F, F), one filter a map")
    if bias is not None:
        chosen = _with_bias(chosen, bias)
    if masked is not None or (nodata, missing, least_share) != (None, None, 0):
        spec, target = asked(array.dtype, dtype, options)
        spec = replace(
            spec, nodata=nodata, missing=missing or Missing.IGNORE, least_share=least_share
        )
        kernel = parse_kernel(chosen) if isinstance(chosen, str) else chosen
        found, lacking = correlate_present(array, kernel, spec, target, masked)
        found = as_values(found, values)
        return found if masked is None else np.ma.MaskedArray(found, lacking)
    call = array.shape, array.dtype, chosen, dtype, *options
    ready: Callable[..., engine.Prepared] = _ready if _has_hash(call) else _ready.__wrapped__
    return as_values(engine.run(ready(*call), array).pixels, values)


@lru_cache(maxsize=64, typed=True)
def _ready(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    weights: str | AnyKernel,
    result: DTypeLike | None,
    *options: Any,
) -> engine.Prepared:
    """Make a kernel ready, from what `correlate` was given for arrays of a shape and type.

    JUSTIFICATION: looking at every option anew takes a tenth of the time of a blur of 12
    megapixels (bench: named).
    """
    spec, target = asked(dtype, result, options)
    kernel = parse_kernel(weights) if isinstance(weights, str) else weights
    return prepare_array(shape, dtype, kernel, spec, target)


def _mask_of(pixels: Any) -> NDArray[np.bool_] | None:
    """Return what is masked of a masked array; None of any other."""
    if type(pixels) is np.ndarray or not isinstance(pixels, np.ma.MaskedArray):
        return None
    return np.ma.getmaskarray(pixels)


def _has_hash(call: tuple[Any, ...]) -> bool:
    try:
        hash(call)
    except TypeError:
        return False
    return True


def asked(
    dtype: np.dtype[Any], result: DTypeLike | None, options: tuple[Any, ...]
) -> tuple[Spec, Target]:
    """Return the spec that options make, and the target for arrays of a type."""
    padding, border, fill, stride, dilation, flip, mapping, method, jobs, anchor = options
    spec = Spec(
        padding=padding,
        border=parse_borders(border),
        fill=fill,
        stride=stride,
        dilation=dilation,
        convolve=flip,
        mapping=mapping,
        method=method,
        jobs=jobs,
        anchor=anchor,
    )
    return spec, _target(dtype, spec, result)


def samples_of(
    pixels: ArrayLike, name: str = "pixels", shapes: tuple[str, str] = ("(H, W)", "(H, W, C)")
) -> NDArray[Any]:
    """Return an array of a type that the engine takes.

    Parameters
    ----------
    pixels
        Numbers.
    name, shapes
        What they are called, and which shapes they may have.

    Raises
    ------
    UsageError
        If they have another shape, or aren't real numbers.
    """
    if isinstance(pixels, np.ndarray) and np.any(getattr(pixels, "mask", False)):
        raise UsageError(f"{name} are masked; fill what is missing first")
    array = np.asarray(pixels)
    if array.size == 0 or array.ndim not in (each.count(",") + 1 for each in shapes):
        raise UsageError(f"{name} must have shape {' or '.join(shapes)}, got {array.shape}")
    if array.dtype in _FULL and array.flags.c_contiguous:
        return array
    if array.dtype.newbyteorder("=") in _FULL:
        return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    if array.dtype.kind not in "buif":
        raise UsageError(f"{name} must be numbers, got {array.dtype.name}")
    return array.astype({"bool": np.uint8, "float16": np.float32}.get(array.dtype.name, np.float64))


def _target(source: np.dtype[Any], spec: Spec, dtype: DTypeLike | None) -> Target:
    """What the result should be; a full sample of the result stands for itself."""
    mapping = spec.mapping or Mapping.RAW
    if mapping is Mapping.HUE:
        raise UsageError("`mapping` hue makes three channels of a direction; use apply")
    if dtype is None:
        real = np.float64 if source == np.float64 else np.float32
        dtype = real if mapping is Mapping.RAW else source
    try:
        chosen = np.dtype(dtype).newbyteorder("=")
    except TypeError:
        raise UsageError(f"{dtype!r} is not a dtype; expected one such as 'uint8'") from None
    if chosen.name in VALUES:
        ends = np.iinfo(chosen)
        mapping = Mapping.CLIP if mapping is Mapping.RAW else mapping
        top, least = float(ends.max), float(ends.min)
        kind = np.dtype(np.float64)
        return Target(kind, mapping, top, in_levels=False, watch=False, top=top, least=least)
    if chosen not in _FULL:
        raise UsageError(f"dtype must be a whole or real type, got {chosen.name}")
    if chosen.kind == "u" and mapping is Mapping.RAW:
        mapping = Mapping.CLIP
    full = _FULL[chosen]
    return Target(chosen, mapping, full, in_levels=False, watch=False)


def _as_kernel(weights: ArrayLike | AnyKernel) -> AnyKernel | NDArray[Any]:
    """A kernel, or the weights of a bank."""
    if isinstance(weights, Kernel | Compound):
        return weights
    array = np.asarray(real_weights("the array of weights", weights))
    if array.ndim == 2:
        if array.dtype.kind in "iuf":
            return _known(array.tobytes(), array.dtype, array.shape)
        return Kernel("weights", array)
    if array.ndim not in (3, 4) or array.size == 0:
        raise KernelError(
            f"weights must have shape (F, F), (C, F, F) or (K, C, F, F), got {array.shape}"
        )
    return array


@lru_cache(maxsize=64)
def _known(content: bytes, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Kernel:
    """Return the kernel of some weights; what is found out about it is kept with it."""
    return Kernel("weights", np.frombuffer(content, dtype).reshape(shape))


def _with_bias(kernel: AnyKernel | str, bias: ArrayLike) -> Kernel:
    if not isinstance(kernel, Kernel) or np.ndim(bias) != 0:
        raise UsageError("bias must be one number for one kernel, and a compound takes none")
    return _biased(kernel, float(biases(bias, 1)[0]))


@lru_cache(maxsize=64)
def _biased(kernel: Kernel, bias: float) -> Kernel:
    return replace(kernel, offset=kernel.offset + bias)

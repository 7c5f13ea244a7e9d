"""The same work in other libraries: borders replicated, results in the type of the image."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]
Weights = NDArray[Any]

#: What peers are imported as.
MODULES = {"OpenCV": "cv2", "SciPy": "scipy", "PyTorch": "torch", "Pillow": "PIL"}

#: Threads that targets are stated for.
THREADS = min(2, os.cpu_count() or 1)


def installed(name: str) -> bool:
    """Whether a library is there."""
    return find_spec(MODULES[name]) is not None


def missing() -> list[str]:
    """Return the libraries that aren't installed."""
    return [name for name in MODULES if not installed(name)]


def set_threads(count: int) -> None:
    """Let OpenCV and PyTorch use as many threads; SciPy and Pillow use one."""
    if installed("OpenCV"):
        import cv2

        cv2.setNumThreads(count)
    if installed("PyTorch"):
        import torch

        torch.set_num_threads(count)


def opencv(pixels: Pixels, weights: Weights) -> Callable[[], Pixels]:
    """`cv2.filter2D`."""
    import cv2

    kernel = weights.astype(np.float32)
    return lambda: cv2.filter2D(pixels, -1, kernel, borderType=cv2.BORDER_REPLICATE)


#: `cv2.GaussianBlur` rounds the weights of an 8-bit kernel: up to 2 levels off at 31 taps, 3 at 91.
GAUSSIAN_ERROR = 4


def opencv_call(name: str, pixels: Pixels, *arguments: Any, **more: Any) -> Callable[[], Pixels]:
    """Another function of OpenCV's, by name."""
    import cv2

    function = getattr(cv2, name)
    return lambda: function(pixels, *arguments, borderType=cv2.BORDER_REPLICATE, **more)


def opencv_match(image: Pixels, patch: Pixels) -> Callable[[], Pixels]:
    """`cv2.matchTemplate`, normalised and with means taken away."""
    import cv2

    return lambda: cv2.matchTemplate(image, patch, cv2.TM_CCOEFF_NORMED)


def scipy(pixels: Pixels, weights: Weights) -> Callable[[], Pixels]:
    """`scipy.ndimage.correlate`, in float32; whole types are converted and clipped."""
    from scipy import ndimage

    def work() -> Pixels:
        source = pixels.astype(np.float32, copy=False)
        return _stored(ndimage.correlate(source, weights, mode="nearest"), pixels.dtype)

    return work


def torch(pixels: Pixels, weights: Weights) -> Callable[[], Pixels]:
    """`torch.nn.functional.conv2d`, in float32, the border made before; whole types are converted.

    For float32 the tensor is made ready outside the time: what is timed is `conv2d` alone.
    """
    import torch as library

    before = [(taps // 2, taps - 1 - taps // 2) for taps in weights.shape]
    kernel = library.tensor(weights[None, None], dtype=library.float32)

    def ready() -> Any:
        padded = np.pad(pixels, before, mode="edge")
        return library.from_numpy(padded).to(library.float32)[None, None]

    def filtered(tensor: Any) -> Any:
        with library.inference_mode():
            return library.nn.functional.conv2d(tensor, kernel)[0, 0]

    if pixels.dtype == np.float32:
        tensor = ready()
        return lambda: filtered(tensor).numpy()

    def converted() -> Pixels:
        with library.inference_mode():
            whole = filtered(ready()).round_().clamp_(0, 255).to(library.uint8)
            return np.asarray(whole)

    return converted


def torch_bank(planes: Pixels, weights: Weights) -> Callable[[], Pixels]:
    """`torch.nn.functional.conv2d` of (channels, rows, columns) with a bank; zeros outside."""
    import torch as library

    tensor, kernel = library.from_numpy(planes)[None], library.from_numpy(weights)
    padding = weights.shape[2] // 2

    def work() -> Pixels:
        with library.inference_mode():
            return library.nn.functional.conv2d(tensor, kernel, padding=padding)[0].numpy()

    return work


def pillow(pixels: Pixels, weights: Weights) -> Callable[[], Pixels]:
    """`ImageFilter.Kernel`, for 3×3 and 5×5 only; it flips rows and leaves borders as they are."""
    from PIL import Image, ImageFilter

    kernel = ImageFilter.Kernel(weights.shape, weights[::-1].ravel().tolist(), scale=1)
    image = Image.fromarray(pixels)
    return lambda: np.asarray(image.filter(kernel))


def _stored(response: Pixels, dtype: np.dtype[Any]) -> Pixels:
    if dtype.kind != "u":
        return response
    return np.clip(np.rint(response), 0, np.iinfo(dtype).max).astype(dtype)

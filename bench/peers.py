"""The same work in other libraries: 8-bit grey in, 8-bit grey out, borders replicated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Work = Callable[[Picture, NDArray[np.int64]], NDArray[Any]]


def opencv(pixels: Picture, weights: NDArray[np.int64]) -> NDArray[Any]:
    """`cv2.filter2D`, on as many threads as `threads` set."""
    import cv2

    return cv2.filter2D(pixels, -1, weights.astype(np.float32), borderType=cv2.BORDER_REPLICATE)


def scipy(pixels: Picture, weights: NDArray[np.int64]) -> NDArray[Any]:
    """`scipy.ndimage.correlate` in float32, then clipped."""
    from scipy import ndimage

    response = ndimage.correlate(pixels.astype(np.float32), weights, mode="nearest")
    return np.clip(response, 0, 255).astype(np.uint8)


def pillow(pixels: Picture, weights: NDArray[np.int64]) -> NDArray[Any]:
    """`ImageFilter.Kernel`, for 3×3 and 5×5 only; it flips rows and leaves borders as they are."""
    from PIL import Image, ImageFilter

    size = weights.shape[0]
    kernel = ImageFilter.Kernel((size, size), weights[::-1].ravel().tolist(), scale=1)
    return np.asarray(Image.fromarray(pixels).filter(kernel))


PEERS: dict[str, Work] = {"OpenCV": opencv, "SciPy": scipy, "Pillow": pillow}


def threads(count: int) -> None:
    """Set OpenCV's threads, if it is installed."""
    try:
        import cv2
    except ImportError:
        return
    cv2.setNumThreads(count)

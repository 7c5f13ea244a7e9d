"""The sections of the interactive page: small images and kernels, studied."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convcli.borders import Border, source
from convcli.image.image import Image
from convcli.kernels import get_kernel
from convcli.kernels.kernel import AnyKernel, Kernel
from convcli.record import record
from convcli.spec import Spec
from convcli.teach.explain import Product, Study, study_grid

#: The 5×5 image and the kernel of most introductions; the answer is 4 3 4 / 2 4 3 / 2 3 4.
FIVE = [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
CROSS = Kernel("cross", np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]]))
#: A face of 0 and 9: the mean of nine such samples is a whole number.
FACE = [
    [0, 0, 9, 9, 9, 0, 0],
    [0, 9, 9, 9, 9, 9, 0],
    [9, 9, 0, 9, 0, 9, 9],
    [9, 9, 9, 9, 9, 9, 9],
    [9, 0, 9, 9, 9, 0, 9],
    [0, 9, 0, 0, 0, 9, 0],
    [0, 0, 9, 9, 9, 0, 0],
]
MEAN = Kernel("mean", np.ones((3, 3), dtype=np.int64), 9)
STAIRS = [[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
CORNERS = Kernel("corners", np.array([[1, 0, -1], [0, 0, 0], [-1, 0, 1]]))
#: A bright corner: an edge that sobel-x finds, one that it doesn't see, and flat regions.
EDGE = [[0, 0, 0, 10, 10, 10]] * 3 + [[0] * 6] * 2
#: Every sample is another number, so that a copy of it can be told.
NUMBERED = np.arange(1, 21).reshape(4, 5).tolist()
SPOT = np.pad([[1]], 2).tolist()
COUNTED = Kernel("counted", np.arange(1, 10).reshape(3, 3))
#: A kernel that changes nothing: with padding it shows what lies around an image.
ITSELF = Kernel("itself", np.array([[1]]))

STRIDES, PADDINGS = (1, 2, 3), (0, 1, 2)
#: Samples around the numbered image, and around a row of it.
AROUND, ALONG = 2, 3
FILL = 50.0


@record(eq=False)
class Lesson:
    """A kernel over a small image, and what it sees of it.

    Parameters
    ----------
    study
        Of the kernel.
    around
        (rows, cols) of the padded image: each sample, and where it comes from.
    """

    study: Study
    around: tuple[tuple[Product, ...], ...]


@record(eq=False)
class Surrounding:
    """What lies outside an image under one border.

    Parameters
    ----------
    border, fill
        Its rule, and the value of what comes from nowhere.
    around
        As for a `Lesson`, with `AROUND` samples on every side.
    strip
        Where each sample of a row comes from, with `ALONG` samples at either end; −1 for nowhere.
    """

    border: Border
    fill: float
    around: tuple[tuple[Product, ...], ...]
    strip: tuple[int, ...]


@record(eq=False)
class Lessons:
    """All that the page's sections show, but the user's own image.

    Parameters
    ----------
    sliding
        The 3×3 kernel over the 5×5 image.
    strides, paddings
        One for each of `STRIDES` and of `PADDINGS`.
    stairs, edge
        The two that are worked out dot product by dot product.
    surroundings
        One a border.
    correlated, convolved
        One image and kernel, without and with the flip.
    """

    sliding: Lesson
    strides: tuple[Lesson, ...]
    paddings: tuple[Lesson, ...]
    stairs: Lesson
    edge: Lesson
    surroundings: tuple[Surrounding, ...]
    correlated: Lesson
    convolved: Lesson


def lessons() -> Lessons:
    """Work out every section.

    Examples
    --------
    >>> made = lessons()
    >>> made.stairs.study.result[:, :, 0]
    array([[-1.,  1.],
           [ 1.,  1.]])
    >>> [lesson.study.out for lesson in made.strides]
    [(5, 5), (3, 3), (2, 2)]
    """
    return Lessons(
        sliding=lesson(FIVE, CROSS),
        strides=tuple(lesson(FACE, MEAN, stride=stride) for stride in STRIDES),
        paddings=tuple(lesson(FIVE, CROSS, padding=padding) for padding in PADDINGS),
        stairs=lesson(STAIRS, CORNERS),
        edge=lesson(EDGE, get_kernel("sobel-x")),
        surroundings=tuple(_surrounding(border) for border in Border),
        correlated=lesson(SPOT, COUNTED),
        convolved=lesson(SPOT, COUNTED, convolve=True),
    )


def lesson(pixels: ArrayLike, kernel: AnyKernel, **options: Any) -> Lesson:
    """Study a kernel on a small image of whole numbers.

    Parameters
    ----------
    pixels
        (rows, cols) numbers from 0 to 255.
    kernel
        The kernel.
    options
        A `Spec`'s; without padding, and with zeros outside, unless they say otherwise.
    """
    chosen: dict[str, Any] = {"padding": 0, "border": Border.ZERO} | options
    spec = Spec(**chosen)
    study = study_grid(Image(np.asarray(pixels, dtype=np.uint8)), kernel, spec)
    return Lesson(study, surroundings(study))


def surroundings(study: Study) -> tuple[tuple[Product, ...], ...]:
    """Return the image of a grid's study with its padding: what the kernel slides over."""
    axes = study.geometry.rows, study.geometry.cols
    pads = tuple((axis.before, axis.after) for axis in axes)
    spec = Spec(padding=pads, border=study.spec.border, fill=study.spec.fill)  # type: ignore[arg-type]
    bare = study_grid(study.work.image, ITSELF, spec)
    rows, cols = bare.out
    return tuple(
        tuple(bare.at(r, c).parts[0].products[0][0] for c in range(cols)) for r in range(rows)
    )


def _surrounding(border: Border) -> Surrounding:
    fill = FILL if border is Border.CONSTANT else 0.0
    seen = lesson(NUMBERED, ITSELF, padding=AROUND, border=border, fill=fill)
    strip = source(len(NUMBERED[0]), ALONG, ALONG, border)
    return Surrounding(border, fill, seen.around, tuple(strip.tolist()))

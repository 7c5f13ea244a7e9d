"""Where in an image something is that looks like a patch."""

from __future__ import annotations

from math import isfinite, prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convcli import engine
from convcli.errors import ImageError, UsageError
from convcli.geometry import Pair, whole
from convcli.image import channels as ch
from convcli.image.channels import channel_words
from convcli.image.image import Image
from convcli.pipeline.patch import Patch, patch_of
from convcli.pipeline.places import Peak, Peaks
from convcli.pipeline.scores import Scores
from convcli.processors import processors
from convcli.record import record, replace

#: The least score of a match, unless another is asked for.
LEAST = 0.8
#: Cycles a score that is only looked at takes.
_CYCLES = 2.0
#: What an image may be given as.
Pixels: TypeAlias = Image | ArrayLike


class Match(NamedTuple):
    """A place where an image is like a patch.

    Parameters
    ----------
    x, y
        Its upper left corner, from 0: x grows to the right, y down.
    score
        From −1 to 1, which is the patch itself, brighter or darker or of another contrast.
    width, height
        Of the patch.
    """

    x: int
    y: int
    score: float
    width: int
    height: int


@record
class Found:
    """What was found in an image.

    Parameters
    ----------
    matches
        The best first.
    best
        The best place there is, whether it is good enough or not.
    """

    matches: tuple[Match, ...]
    best: Match


def find(  # noqa: PLR0913
    patch: Pixels,
    image: Pixels,
    *,
    top: int | None = None,
    least: float = LEAST,
    apart: int | Pair | None = None,
    gray: bool = False,
    jobs: int | None = None,
) -> list[Match]:
    """Find the places of an image that look like a patch, whatever their brightness and contrast.

    Parameters
    ----------
    patch
        What is looked for: an `Image`, or an array that can be one. Its alpha is its mask: what is
        clear doesn't count, what is half clear counts in part.
    image
        Where. Its alpha doesn't count.
    top
        How many places at the most; None for all.
    least
        The least score, from −1 to 1.
    apart
        How far apart places are at the least, in rows or in columns: of two nearer ones the better
        is kept. One number, or (rows, cols); None for half the patch's size.
    gray
        Whether colours are compared by their gray alone. Otherwise their channels are, all
        together, if both have the same.
    jobs
        Threads; None for one a processor.

    Raises
    ------
    ImageError
        If the patch is flat, or larger than the image, or the two can't be compared.

    Examples
    --------
    >>> image = np.zeros((5, 6), np.uint8)
    >>> image[1:3, 2:4] = [[9, 0], [0, 9]]
    >>> find(image[1:3, 2:4], image)
    [Match(x=2, y=1, score=1.0, width=2, height=2)]
    """
    scores = scores_of(patch, image, gray=gray, jobs=jobs)
    return list(found_in(scores, top=top, least=least, apart=apart).matches)


def match_scores(
    patch: Pixels, image: Pixels, *, gray: bool = False, jobs: int | None = None
) -> NDArray[np.float32]:
    """Return how like a patch each place of an image is, from −1 to 1; 0 where it is flat.

    Parameters
    ----------
    patch, image, gray, jobs
        As `find` takes them, which raises the same errors.

    Returns
    -------
    ndarray of shape (H − h + 1, W − w + 1)
        A score for each place that the patch fits in, at its upper left corner: what OpenCV calls
        `TM_CCOEFF_NORMED`.
    """
    return scores_of(patch, image, gray=gray, jobs=jobs).whole


@record(eq=False)
class PatchScores:
    """Scores of an image.

    Parameters
    ----------
    rows
        They themselves, as rows on demand.
    size
        (rows, cols) of the patch.
    cycles, jobs
        About how many a processor takes for all rows; threads.
    """

    rows: engine.Rows
    size: Pair
    cycles: float
    jobs: int

    @property
    def whole(self) -> NDArray[np.float32]:
        """All of them."""
        made = self.rows
        return (
            made.whole(self.jobs) if isinstance(made, engine.Stage) else made.rows(0, made.shape[0])
        )

    @property
    def held(self) -> PatchScores:
        """The same, made and kept."""
        return replace(self, rows=engine.Held(self.whole), cycles=_CYCLES * prod(self.rows.shape))


def scores_of(
    patch: Pixels, image: Pixels, *, gray: bool = False, jobs: int | None = None
) -> PatchScores:
    """Have an image compared with a patch as its scores are asked for.

    Parameters
    ----------
    patch, image, gray, jobs
        As `find` takes them, which raises the same errors.
    """
    looked, place = _image(patch, "patch"), _image(image, "image")
    jobs = jobs or processors()
    gray = gray or _differ(looked.channels, place.channels)
    ready = sought(looked, gray=gray)
    rows = Scores(_samples(place, gray, jobs), ready, jobs)
    return PatchScores(rows, ready.size, rows.cycles, jobs)


def sought(patch: Image, *, gray: bool = False) -> Patch:
    """Return a patch made ready, or its gray.

    Raises
    ------
    ImageError
        If it is flat, or nothing of it counts.
    """
    return patch_of(_samples(patch, gray, 1), ch.alpha(patch.pixels, patch.channels))


def found_in(
    scores: PatchScores,
    *,
    top: int | None = None,
    least: float = LEAST,
    apart: int | Pair | None = None,
) -> Found:
    """Find the best places among scores.

    Parameters
    ----------
    scores
        Of an image.
    top, least, apart
        As `find` takes them.
    """
    if not (isfinite(least) and -1 <= least <= 1):
        raise UsageError(f"`least` is a score from -1 to 1, got {least}")
    if top is not None and top < 1:
        raise UsageError(f"`top` is how many places are wanted, at least 1; got {top}")
    rows, cols = scores.size
    far = (max(1, (rows + 1) // 2), max(1, (cols + 1) // 2)) if apart is None else whole(apart)
    down, across = far if isinstance(far, tuple) else (far, far)
    if min(down, across) < 1:
        raise UsageError(f"`apart` is a number of rows and columns, at least 1; got {apart}")
    peaks = Peaks(scores.rows, scores.cycles, least, scores.jobs)

    def match(peak: Peak) -> Match:
        return Match(peak.col, peak.row, peak.score, cols, rows)

    return Found(tuple(map(match, peaks.apart((down, across), top))), match(peaks.best))


def _image(given: Pixels, name: str) -> Image:
    """Return an image of what may be an array."""
    if isinstance(given, Image):
        return given
    try:
        return Image(np.asanyarray(given))
    except ImageError as error:
        raise ImageError(f"the {name}: {error}") from error


def _differ(one: str, other: str) -> bool:
    """Whether only the gray of two images can be compared."""
    one, other = one.removesuffix("A"), other.removesuffix("A")
    if one != other and not (ch.colour_of(one) and ch.colour_of(other)):
        raise ImageError(
            f"the patch has {channel_words(one)} and the image {channel_words(other)}: they can't "
            f"be compared; expected as many channels in both"
        )
    return one != other


def _samples(image: Image, gray: bool, jobs: int) -> NDArray[Any]:
    """Return what is compared of an image, (rows, cols, channels)."""
    pixels, names = image.pixels, image.channels
    if pixels.dtype == np.bool_:
        pixels = pixels.view(np.uint8)
    if not gray or names.removesuffix("A") == "L":
        colours = ch.colours(pixels, names)
        return ch.select(colours, range(colours.shape[2])) if names.endswith("A") else colours

    def work(rows: NDArray[Any], _: int) -> NDArray[Any]:
        return ch.gray(ch.colours(rows, names), names)

    return engine.Pixels(engine.Held(pixels), work).whole(jobs)[:, :, None]

"""A patch in an image against OpenCV's template matching."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

import convcli
from bench import checks, images, peers
from bench.cases import Case, Work
from bench.scale import Scale

TITLE = "Finding a patch"
ABOUT = """The score of every place by normalised cross-correlation, float32: `convcli.match_scores`
beside OpenCV's `matchTemplate` with `TM_CCOEFF_NORMED`, two threads. The image is a gray photograph
with the noise of a sensor, and the patch is what varies most in it. By the definition scores are
right within 1e-6, and the two agree within 1e-5 wherever the standard deviation below the patch is
12 levels or more: OpenCV rounds to float32 in between, and what is fainter suffers from that."""

SIZES = (16, 32, 64, 128, 256)
#: Windows that are compared with the definition, beside the patch's own place.
_WINDOWS = 40
#: Levels of deviation below a patch from which on OpenCV is exact enough.
_SEEN = 12.0


def cases(scale: Scale) -> list[Case]:
    """Every size that leaves places enough."""
    return [case(scale, size) for size in SIZES if 3 * size <= min(scale.shape)]


def case(scale: Scale, size: int) -> Case:
    """One size."""
    image = np.ascontiguousarray(images.photograph(*scale.shape)[:, :, 1])
    deviation = deviations(image, size)
    row, col = (int(at) for at in np.unravel_index(deviation.argmax(), deviation.shape))
    patch = np.ascontiguousarray(image[row : row + size, col : col + size])
    seen, jobs = deviation >= _SEEN, peers.THREADS
    ours = partial(convcli.match_scores, patch, image, jobs=jobs)
    theirs: dict[str, Work] = {}
    if peers.installed("OpenCV"):
        theirs["OpenCV"] = peers.opencv_match(image, patch)

    def check() -> None:
        result = ours()
        by_definition(f"{size}×{size}", result, image, patch, (row, col))
        for name, work in theirs.items():
            other = work()
            what = f"{size}×{size}: {name} and ours"
            checks.alike(what, np.where(seen, other, 0), np.where(seen, result, 0), 1e-5)

    return Case(
        "8-bit gray",
        f"{size}×{size}",
        ours,
        theirs,
        check=check,
        before=partial(peers.set_threads, jobs),
    )


def by_definition(
    what: str,
    result: NDArray[np.float32],
    image: NDArray[np.uint8],
    patch: NDArray[np.uint8],
    place: tuple[int, int],
) -> None:
    """Compare some scores with the definition, the corners' and that of the patch's own place.

    Raises
    ------
    Wrong
        If one differs.
    """
    rng = np.random.default_rng(5)
    last = np.array(result.shape) - 1
    places = [place, (0, 0), tuple(last), (0, last[1]), (last[0], 0)]
    places += [tuple(each) for each in rng.integers(0, last + 1, (_WINDOWS, 2))]
    sought = patch - patch.mean()
    right = []
    for row, col in places:
        part = image[row : row + len(patch), col : col + patch.shape[1]].astype(np.float64)
        part -= part.mean()
        norm = np.sqrt((sought**2).sum() * (part**2).sum())
        right.append((sought * part).sum() / norm if norm else 0.0)
    found = result[tuple(np.transpose(places))]
    checks.alike(f"{what}, by definition", np.array([right]), found[None], 1e-6)


def deviations(image: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """Return the standard deviation of the samples below a patch at every place."""
    sums = []
    for power in (1, 2):
        total = np.zeros((image.shape[0] + 1, image.shape[1] + 1))
        np.cumsum(np.cumsum(image.astype(np.float64) ** power, axis=0), axis=1, out=total[1:, 1:])
        box = total[size:, size:] - total[:-size, size:] - total[size:, :-size]
        sums.append((box + total[:-size, :-size]) / size**2)
    return np.sqrt(np.maximum(sums[1] - sums[0] ** 2, 0)).astype(np.float32)

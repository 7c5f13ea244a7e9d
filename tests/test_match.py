"""Patches in arrays: scores against the definition and against OpenCV, and the places of peaks."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from command import ROOT
from hypothesis import given
from hypothesis import strategies as st
from marks import exhaustive_but

import convcli
from convcli import Image, ImageError, Match, UsageError, find, match_scores
from convcli.pipeline.patch import patch_of
from convcli.pipeline.scores import _UNCUT, Scores

SIZES = [(1, 2), (2, 1), (3, 5), (16, 16), (31, 20), (64, 65)]


def defined(image, patch, mask=None):
    """Scores by the definition, a place at a time; 0 where the image is flat."""
    image, patch = (np.atleast_3d(each).astype(np.float64) for each in (image, patch))
    rows, cols = patch.shape[:2]
    weights = np.ones((rows, cols, 1)) if mask is None else np.atleast_3d(mask).astype(np.float64)

    def apart(part):
        return weights * (part - (weights * part).sum(axis=(0, 1)) / weights.sum())

    sought = apart(patch)
    scores = np.zeros((image.shape[0] - rows + 1, image.shape[1] - cols + 1))
    for y, x in np.ndindex(scores.shape):
        part = image[y : y + rows, x : x + cols]
        if np.ptp(part[weights[..., 0] > 0], axis=0).any():
            seen = apart(part)
            scores[y, x] = (sought * seen).sum() / np.sqrt((sought**2).sum() * (seen**2).sum())
    return scores


@pytest.fixture(scope="module")
def camera():
    """A photograph, gray."""
    return convcli.read(ROOT / "samples" / "camera.png").pixels


@pytest.fixture(scope="module")
def cat():
    """A photograph in colour."""
    return convcli.read(ROOT / "samples" / "chelsea.png").pixels


# --- scores


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", exhaustive_but([1], [1, 3]))
@pytest.mark.parametrize(
    "dtype", exhaustive_but(["uint8"], ["uint8", "uint16", "float32", "float64"])
)
def test_scores_are_those_of_the_definition(size, channels, dtype, rng):
    image = rng.random((size[0] + 6, size[1] + 9, channels)) * 0.4 + 0.3
    image = (image * {"uint8": 255, "uint16": 65535}.get(dtype, 1)).astype(dtype)
    patch = image[3 : 3 + size[0], 5 : 5 + size[1]]
    scores = match_scores(patch, image)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, defined(image, patch), rtol=0, atol=1e-6)
    assert scores[3, 5] == pytest.approx(1, abs=1e-6)


def test_tiny_images_of_every_size(rng):
    for rows, cols, high, wide in product(range(1, 5), range(1, 5), range(1, 4), range(1, 4)):
        image = rng.integers(0, 4, (rows + high - 1, cols + wide - 1), dtype=np.uint8)
        patch = rng.integers(0, 4, (high, wide), dtype=np.uint8)
        if np.ptp(patch) == 0:
            continue
        scores = match_scores(patch, image)
        np.testing.assert_allclose(scores, defined(image, patch), rtol=0, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["holes", "soft", "one"])
def test_masks_are_those_of_the_definition(kind, channels, rng):
    image = rng.integers(0, 256, (30, 33, channels), dtype=np.uint8)
    patch = image[4:15, 6:20]
    alpha = rng.integers(0, 256, (11, 14), dtype=np.uint8)
    alpha = {"holes": (alpha > 90) * np.uint8(255), "soft": alpha, "one": alpha * 0 + 7}[kind]
    masked = np.dstack([patch, alpha])
    expected = defined(image, patch, alpha / 255)
    np.testing.assert_allclose(match_scores(masked, image), expected, rtol=0, atol=1e-6)


def test_what_is_clear_in_a_patch_may_be_anything(rng):
    image = rng.integers(0, 256, (40, 40), dtype=np.uint8)
    alpha = np.full((9, 9), 255, np.uint8)
    alpha[2:5, 3:8] = 0
    patch = image[20:29, 11:20].copy()
    scores = match_scores(np.dstack([patch, alpha]), image)
    patch[alpha == 0] = 0
    np.testing.assert_array_equal(match_scores(np.dstack([patch, alpha]), image), scores)
    assert scores[20, 11] == pytest.approx(1, abs=1e-6)
    real = np.dstack([np.where(alpha == 0, np.nan, patch / 255.0), alpha / 255.0])
    np.testing.assert_allclose(match_scores(real, image), scores, rtol=0, atol=1e-6)


@pytest.mark.peers("cv2")
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize(
    ("rows", "cols"), exhaustive_but([(16, 16), (31, 20)], [*SIZES[2:], (256, 256)])
)
def test_scores_are_opencv_s(rows, cols, dtype, camera, cat):
    import cv2

    for image in (camera, np.ascontiguousarray(cat[:299, :400])):
        image = image if dtype == "uint8" else image / np.float32(255)
        # Where there is little to see, what OpenCV rounds to float32 hides it.
        real = image.astype(np.float64)
        squares, means = (cv2.blur(each, (cols, rows), anchor=(0, 0)) for each in (real**2, real))
        variances = np.atleast_3d(squares - means**2).sum(axis=2)
        variances = variances[: len(image) - rows + 1, : image.shape[1] - cols + 1]
        y, x = np.unravel_index(variances.argmax(), variances.shape)
        patch = np.ascontiguousarray(image[y : y + rows, x : x + cols])
        theirs = cv2.matchTemplate(image, patch, cv2.TM_CCOEFF_NORMED)
        ours = match_scores(patch, image)
        seen = variances > (12 if dtype == "uint8" else 12 / 255) ** 2
        assert ours[y, x] == pytest.approx(1, abs=1e-6)
        assert np.count_nonzero(seen) > seen.size / 5
        assert np.abs(ours - theirs)[seen].max() < 1e-5


@pytest.mark.peers("cv2")
@pytest.mark.parametrize("soft", [False, True])
def test_masked_scores_are_opencv_s(soft, cat, rng):
    import cv2

    image, patch = np.ascontiguousarray(cat[:200, :250]), np.ascontiguousarray(cat[90:120, 100:140])
    alpha = rng.integers(0, 256, patch.shape[:2])
    mask = (alpha if soft else (alpha > 100) * 255).astype(np.uint8)
    theirs = cv2.matchTemplate(
        image, patch, cv2.TM_CCOEFF_NORMED, mask=np.dstack([mask / np.float32(255)] * 3)
    )
    ours = match_scores(np.dstack([patch, mask]), image)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 3])
def test_flat_places_score_0(dtype, channels, rng):
    top = np.iinfo(dtype).max if dtype.startswith("u") else 1
    image = np.full((60, 70, channels), 0.7 * top).astype(dtype)
    image[30:50, 40:60] = (rng.random((20, 20, channels)) * top).astype(dtype)
    scores = match_scores(image[32:40, 45:54], image)
    flat = np.ones(scores.shape, bool)
    flat[23:50, 32:60] = False
    assert (scores[flat] == 0).all()
    assert np.isfinite(scores).all()
    assert scores[32, 45] == pytest.approx(1, abs=1e-6)
    assert (match_scores(image[32:40, 45:54], np.full_like(image, top)) == 0).all()


@pytest.mark.parametrize("slope", [0.2, 3.0, -1.0])
def test_brightness_and_contrast_count_for_nothing(slope, camera):
    patch = camera[100:130, 200:240] / 255
    expected = match_scores(patch, camera)
    np.testing.assert_allclose(
        match_scores(slope * patch + 7, camera), np.sign(slope) * expected, rtol=0, atol=1e-5
    )
    huge = match_scores(1e200 * patch - 3e199, camera * 1e150)
    np.testing.assert_allclose(huge, expected, rtol=0, atol=1e-5)


def test_depths_are_compared_by_what_they_show(camera):
    wide = camera.astype(np.uint16) * 257
    scores = match_scores(camera[60:80, 90:120], camera)
    np.testing.assert_allclose(match_scores(camera[60:80, 90:120], wide), scores, atol=1e-6)
    np.testing.assert_allclose(match_scores(wide[60:80, 90:120], camera), scores, atol=1e-6)
    bits = camera > 150
    np.testing.assert_array_equal(
        match_scores(bits[150:180, 230:270], bits),
        match_scores(bits[150:180, 230:270].astype(np.uint8), bits.astype(np.uint8)),
    )


@pytest.mark.exhaustive
@pytest.mark.parametrize("size", [(_UNCUT + 1, 30), (20, _UNCUT + 70), (400, 380)])
def test_large_patches_are_summed_in_parts(size, camera, rng):
    patch = camera[50 : 50 + size[0], 31 : 31 + size[1]]
    scores = match_scores(patch, camera)
    assert np.unravel_index(scores.argmax(), scores.shape) == (50, 31)
    corner = camera[: size[0] + 2, : size[1] + 2]
    np.testing.assert_allclose(scores[:3, :3], defined(corner, patch), rtol=0, atol=1e-6)
    alpha = rng.integers(0, 2, size, dtype=np.uint8) * np.uint8(255)
    masked = match_scores(np.dstack([patch, alpha]), corner)
    np.testing.assert_allclose(masked, defined(corner, patch, alpha / 255), rtol=0, atol=1e-6)


def test_threads_and_bands_change_nothing(camera):
    image = np.tile(camera, (2, 2))
    one, four = (match_scores(image[7:40, 9:50], image, jobs=jobs) for jobs in (1, 4))
    np.testing.assert_array_equal(one, four)
    stage = Scores(image[:, :, None], patch_of(image[7:40, 9:50, None]), 1)
    last = (stage.shape[0] - 1) // stage.step * stage.step
    np.testing.assert_array_equal(stage.rows(last, stage.shape[0]), one[last:])


# --- places


def planted(rng, count=20, exact=(3, 11, 17)):
    """Twenty near copies on noise, three of them exact; and where these are."""
    star = rng.integers(0, 256, (24, 30)).astype(np.float64)
    star = np.cumsum(star, axis=1) / np.arange(1, 31) ** 0.7
    image = rng.normal(star.mean(), 40, (260, 300))
    places = [(10 + 60 * (k // 5) + k % 7, 8 + 57 * (k % 5) + k % 11) for k in range(count)]
    for k, (y, x) in enumerate(places):
        noise = 0 if k in exact else rng.normal(0, 0.15 * star.std(), star.shape)
        image[y : y + 24, x : x + 30] = star + noise
    return image, star, {places[k][::-1] for k in exact}


def test_three_among_twenty_near_copies(rng):
    image, star, exact = planted(rng)
    found = find(star, image, least=0.9, top=30)
    assert len(found) == 20
    assert {(match.x, match.y) for match in found[:3]} == exact
    assert {(match.x, match.y) for match in find(star, image, least=0.9999)} == exact
    assert all(match[3:] == (30, 24) for match in found)
    scores = [match.score for match in found]
    assert scores == sorted(scores, reverse=True)


def naive(scores, least, apart):
    """Places of peaks, by their definition."""
    padded = np.pad(scores, 1, constant_values=-np.inf)
    peaks = [
        (-float(scores[y, x]), y, x)
        for y, x in np.ndindex(scores.shape)
        if scores[y, x] >= max(least, padded[y : y + 3, x : x + 3].max())
    ]
    kept = []
    for peak in sorted(peaks):
        if all(abs(peak[1] - y) >= apart[0] or abs(peak[2] - x) >= apart[1] for _, y, x in kept):
            kept.append(peak)
    return [(x, y) for _, y, x in kept]


@given(
    seed=st.integers(0, 2**32 - 1),
    levels=st.sampled_from([2, 3, 256]),
    least=st.sampled_from([-1.0, 0.0, 0.4]),
    apart=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
def test_places_are_peaks_apart_from_better_ones(seed, levels, least, apart):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, levels, (40, 23), dtype=np.uint8)
    patch = np.array([[0, 1, 0], [1, 1, 0]])
    scores = match_scores(patch.astype(np.uint8), image)
    found = find(patch.astype(np.uint8), image, least=least, apart=apart)
    assert [(match.x, match.y) for match in found] == naive(scores, least, apart)
    assert [match.score for match in found] == [scores[match.y, match.x] for match in found]


def test_peaks_at_the_edges_of_bands_are_peaks(rng):
    # 128 rows are scored at a time.
    image = rng.integers(0, 30, (700, 40), dtype=np.uint8)
    patch = rng.integers(0, 256, (4, 4), dtype=np.uint8)
    scores = match_scores(patch, image)
    for jobs in (1, 3):
        found = find(patch, image, least=0.2, apart=1, jobs=jobs)
        assert [(match.x, match.y) for match in found] == naive(scores, 0.2, (1, 1))


def test_half_a_patch_apart_unless_told_otherwise(camera):
    patch = camera[100:120, 200:231]
    near, all_of_them = (find(patch, camera, least=0.3, apart=apart) for apart in (None, 1))
    assert find(patch, camera, least=0.3, apart=(10, 16)) == near
    assert len(near) < len(all_of_them)
    assert find(patch, camera, least=0.3, top=4) == near[:4]


def test_images_and_arrays_alike(cat):
    patch = Image(cat[100:140, 120:168], "RGB")
    expected = [Match(120, 100, pytest.approx(1, abs=1e-6), 48, 40)]
    assert find(patch, Image(cat, "RGB")) == expected
    assert find(patch.pixels, cat, gray=True) == expected
    # Alpha of the image doesn't count; gray in either makes gray of both.
    assert find(patch, np.dstack([cat, cat[:, :, 0]])) == expected
    gray = convcli.apply(patch, "identity", convcli.Spec(gray=True))
    assert find(gray, cat) == expected


# --- what can't be


def refused(patch, image, words, error=ImageError, **options):
    with pytest.raises(error) as caught:
        find(patch, image, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_looked_for(camera, cat):
    patch = camera[:20, :20]
    refused(np.full((4, 5), 9, np.uint8), camera, "the patch is flat: its samples are all 9,")
    refused(camera[:1, :1], camera, "the patch is flat")
    refused(np.full((4, 5, 3), (1, 2, 3), np.uint8), cat, "all 1, 2, 3, so")
    clear = np.dstack([patch, np.zeros_like(patch)])
    refused(clear, camera, "its alpha is 0 everywhere")
    hidden = np.dstack([patch * 0 + 5, patch * 0 + 255])
    hidden[3, 3] = 77, 0
    refused(hidden, camera, "the patch is flat")
    refused(camera, patch, "the patch is 512×512 and the image 20×20: it has to fit")
    refused(np.array([[1.0, np.nan]]), camera, "the patch has samples that are infinite")
    refused(patch, np.where(camera == camera[9, 9], np.inf, 0.5), "the image has samples that")
    refused(np.zeros((4, 4, 5), np.uint8), cat, "the patch has 5 channels and the image RGB")
    refused(np.zeros((4, 4), np.complex64), cat, "the patch: an image's samples are")


def test_what_is_no_number_of_places(camera):
    patch = camera[:20, :20]
    refused(patch, camera, "`top` is how many", UsageError, top=0)
    for least in (1.5, -2, float("nan")):
        refused(patch, camera, "`least` is a score from -1 to 1", UsageError, least=least)
    refused(patch, camera, "whole number", UsageError, apart=1.5)
    refused(patch, camera, "`apart`", UsageError, apart=0)

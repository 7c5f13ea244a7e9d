"""`convcli kernels fit`: kernels found again from what they did."""

from __future__ import annotations

import json

import numpy as np
import pytest
from command import call
from marks import exhaustive_but
from PIL import Image as PillowImage
from PIL import ImageFilter

import convcli
from convcli import Image, UsageError, apply, fit_kernel
from convcli.fitting.descent import descend
from convcli.fitting.likeness import likenesses
from convcli.fitting.sums import gather

NAMES = (
    "sharpen", "sobel-x", "scharr-y", "laplacian8", "gaussian3", "gaussian5", "box3", "emboss",
    "prewitt-y", "laplacian4",
)  # fmt: skip


@pytest.fixture(scope="module")
def photo():
    """Noise that a blur has made a little like a photograph, in the middle of the range."""
    rng = np.random.default_rng(5)
    noise = rng.integers(0, 256, (90, 110, 3), dtype=np.uint8)
    return Image(convcli.correlate(noise, "gaussian3", mapping="clip") // 2 + 64)


@pytest.mark.parametrize("name", exhaustive_but(["sharpen", "sobel-x", "gaussian5"], NAMES))
def test_ten_kernels_are_found_again(name, photo):
    kernel = convcli.get_kernel(name)
    offset = kernel.kind == "zero-sum"
    mapping = "offset" if offset else "clip"
    after = apply(photo, name, convcli.Spec(mapping=mapping))
    done = fit_kernel(photo, after, (5, 5), offset=offset)
    assert done.agrees == 1
    inner = np.zeros((5, 5))
    rows, cols = kernel.shape
    inner[2 - rows // 2 : 3 + rows // 2, 2 - cols // 2 : 3 + cols // 2] = kernel.scaled
    np.testing.assert_allclose(done.kernel.scaled, inner, atol=1e-12)
    assert done.kernel.weights.dtype.kind == "i"
    same = likenesses(kernel.scaled)[0]
    assert done.likenesses[0].cosine == pytest.approx(1, abs=1e-4)
    assert same.cosine == pytest.approx(1)


def test_a_gaussian_is_named_with_its_sigma(photo):
    done = fit_kernel(photo, apply(photo, "gaussian:sigma=1.3"), (13, 13))
    assert done.is_convolution
    name, sigma = done.likenesses[0].name.split(":sigma=")
    assert name == "gaussian"
    assert float(sigma) == pytest.approx(1.3, abs=0.02)


def test_a_median_is_no_convolution(photo):
    pillow = PillowImage.fromarray(photo.pixels).filter(ImageFilter.MedianFilter(3))
    done = fit_kernel(photo, Image(np.asarray(pillow)), (3, 3))
    assert not done.is_convolution
    assert done.agrees is None
    assert done.fitting is None
    assert len(done.larger) == 3


def test_a_kernel_that_is_too_small_is_told(photo):
    done = fit_kernel(photo, apply(photo, "gaussian5"), (3, 3))
    assert not done.is_convolution
    assert done.fitting == 5


def test_what_is_asked_for_is_what_comes_out(photo):
    after = apply(photo, convcli.Kernel("k", [[0, 1, 2], [1, 5, 3], [0, 0, 2]], 14))
    plain, symmetric, separable = (
        fit_kernel(photo, after, (3, 3), **{name: True} if name else {})
        for name in ("", "symmetric", "separable")
    )
    np.testing.assert_allclose(symmetric.fit.weights, symmetric.fit.weights[::-1, ::-1])
    assert np.linalg.matrix_rank(separable.fit.weights, tol=1e-9) == 1
    assert plain.fit.residual < min(symmetric.fit.residual, separable.fit.residual)
    assert plain.agrees == 1


def test_a_separable_fit_is_no_worse_than_the_best_rank_of_the_free_one(photo):
    after = apply(photo, "box:size=5")
    free, separable = (fit_kernel(photo, after, (5, 5), separable=each) for each in (False, True))
    assert separable.fit.residual == pytest.approx(free.fit.residual, rel=1e-2)


@pytest.mark.parametrize("dtype", exhaustive_but(["float32"], ["uint16", "float32"]))
def test_sample_types(photo, dtype, rng):
    pixels = rng.random((60, 70)) * 0.5 + 0.25
    pixels = pixels.astype("f4") if dtype == "float32" else (pixels * 65535).astype(dtype)
    done = fit_kernel(Image(pixels), apply(Image(pixels), "sharpen"), (3, 3))
    sharpen = convcli.get_kernel("sharpen").scaled
    np.testing.assert_allclose(done.kernel.scaled, sharpen, atol=1e-5)
    assert done.is_convolution


def test_samples_that_were_clipped_are_left_out(photo):
    after = apply(photo, convcli.Kernel("bright", [[0, 0, 0], [1, 4, 0], [0, 0, 0]], 2))
    done = fit_kernel(photo, after, (3, 3))
    assert done.sums.clipped > 1000
    assert done.agrees == 1


def test_a_flat_image_tells_nothing():
    flat = Image(np.full((20, 20), 100, np.uint8))
    done = fit_kernel(flat, flat, (3, 3))
    assert (done.fit.rank, done.fit.unknowns) == (1, 9)
    assert done.fit.weights.sum() == pytest.approx(1)


def test_valid_results_are_laid_over_the_middle(photo):
    after = apply(photo, "gaussian3", convcli.Spec(padding="valid"))
    assert fit_kernel(photo, after, (3, 3)).agrees == 1


@pytest.mark.parametrize(
    ("after", "size", "said"),
    [
        (np.zeros((90, 110), np.uint8), (3, 3), "3 and 1 channels"),
        (np.zeros((91, 110, 3), np.uint8), (3, 3), "110 × 90 and 110 × 91"),
        (np.zeros((90, 110, 3), np.uint8), (4, 3), "must be odd"),
        (np.zeros((90, 110, 3), np.uint8), (33, 3), "1 to 31"),
        (np.zeros((90, 110, 3), np.uint8), (3, 3), "at an end of its range"),
    ],
)
def test_what_cannot_be_is_one_line(photo, after, size, said):
    with pytest.raises(UsageError, match=said):
        fit_kernel(photo, Image(after), size)


def test_gradient_descent_comes_to_the_same_kernel(photo):
    after = apply(photo, "sharpen")
    done = fit_kernel(photo, after, (3, 3))
    steps = descend(done.sums)
    residuals = [step.residual for step in steps]
    assert steps[0].number == 0
    assert (steps[0].weights == 0).all()
    assert residuals[-1] < 1.01 * done.fit.residual + 0.01
    np.testing.assert_allclose(steps[-1].weights, done.fit.weights, atol=0.01)
    assert residuals[-1] == min(residuals)


def test_sums_are_those_of_all_patches(rng):
    before, after = rng.random((6, 7, 2)), rng.random((4, 5, 2))
    sums = gather(before, after, (3, 3), None)
    x = np.array([
        [*before[y : y + 3, c : c + 3, k].ravel(), 1]
        for y in range(4) for c in range(5) for k in range(2)
    ])  # fmt: skip
    np.testing.assert_allclose(sums.products, x.T @ x)
    np.testing.assert_allclose(sums.targets, x.T @ after.reshape(-1))
    assert sums.count == 40


def test_the_command(photo, tmp_path):
    before, after = tmp_path / "before.png", tmp_path / "after.png"
    convcli.write(before, photo)
    assert call("apply", "sharpen", before, "-o", after, "-q").status == 0
    toml, table, moving = (tmp_path / name for name in ("k.toml", "steps.csv", "steps.gif"))
    done = call("kernels", "fit", before, after, "-o", toml, "--trace", table)
    assert done.status == 0, done.err
    assert "exact: whole weights give every sample" in done.out
    assert "it is sharpen" in done.out
    again = tmp_path / "again.png"
    assert call("apply", toml, before, "-o", again, "-q").status == 0
    assert (convcli.read(again).pixels == convcli.read(after).pixels).all()
    assert table.read_text().startswith("step,residual,w0,")
    done = call("kernels", "fit", before, after, "--json", "--trace", moving)
    assert json.loads(done.out)["exact"] is True
    assert convcli.read(moving, frame=0).meta.frames > 20
    assert "exists" in call("kernels", "fit", before, after, "-o", toml).err
    assert call("kernels", "fit", before).status == 2


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("a.png", "none.png"), 1, "none.png: can't be read"),
        (("a.png", "bad.png"), 1, "bad.png: this is not an image"),
        (("-", "-"), 2, "standard input has one image"),
        (("a.png", "a.png", "-o", "k.png"), 2, "expected a name that ends in .toml"),
        (("a.png", "a.png", "--trace", "k.jpg"), 2, "expected a name that ends in .gif"),
        (("a.png", "a.png", "--trace", "a.png", "--overwrite"), 2, "itself, which is read"),
        (("a.png", "a.png", "-o", "k.toml", "--trace", "K/../k.toml"), 2, "ends in .gif"),
        (("a.png", "a.png", "--trace", "bad.png"), 1, "exists"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_lost(words, status, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    convcli.write("a.png", Image(np.arange(400, dtype=np.uint8).reshape(20, 20)))
    (tmp_path / "bad.png").write_bytes(b"nothing")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    done = call("kernels", "fit", *words)
    assert (done.status, done.err.count("\n")) == (status, 1)
    assert said in done.err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before

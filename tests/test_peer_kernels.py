"""Kernels that others have by name: ImageMagick, OpenCV, SciPy, scikit-image, Pillow, astropy."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from fractions import Fraction
from functools import cache
from math import comb
from pathlib import Path

import numpy as np
import pytest
from marks import exhaustive_but

from convcli import correlate
from convcli.errors import KernelError
from convcli.kernels import GENERATORS, Compound, Kernel, generate, get_kernel, parse_kernel
from convcli.kernels.exact import to_fraction
from convcli.kernels.shapes import _bessel

needs_magick = pytest.mark.skipif(shutil.which("convert") is None, reason="no ImageMagick")
#: What astropy 8.0.2's kernels hold; of each the triangle that the rest mirrors.
ASTROPY = json.loads((Path(__file__).parent / "data" / "astropy-kernels.json").read_text())


@cache
def magick(text):
    """Weights that ImageMagick prints of a kernel, 0 where it has none; and its origin (x, y)."""
    done = subprocess.run(
        ["convert", "-precision", "17", "xc:", "-define", "showKernel=1", "-morphology",
         "Convolve:0", text, "null:"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    head = re.search(r"of size \d+x\d+\+(\d+)\+(\d+)", done.stderr)
    lines = re.findall(r"^ *\d+: (.*)$", done.stderr, re.MULTILINE)
    rows = np.array([[float(word) for word in line.split()] for line in lines])
    return np.nan_to_num(rows), (int(head[1]), int(head[2]))


@needs_magick
@pytest.mark.parametrize("name", ["diamond", "plus", "cross", "octagon"])
@pytest.mark.parametrize("radius", exhaustive_but([2, 3], [1, 2, 3, 4, 7]))
def test_flat_shapes_are_imagemagick_s(name, radius):
    kernel = get_kernel(f"{name}:{radius}")
    assert np.array_equal(kernel.weights, magick(f"{name}:{radius}")[0])
    assert kernel.divisor == kernel.weights.sum()
    assert kernel.is_integer


@needs_magick
@pytest.mark.parametrize("radius", exhaustive_but([1, 5], [1, 2, 3, 5, 8]))
def test_a_disk_of_whole_pixels_is_imagemagick_s(radius):
    kernel = get_kernel(f"tophat:{radius}")
    assert np.array_equal(kernel.weights, magick(f"Disk:{radius}")[0])
    # Its own default, 4.3, isn't what it writes for that number, but the disk up to 18.
    assert np.array_equal(get_kernel("tophat:4.3").weights, magick("Disk")[0])


@needs_magick
@pytest.mark.parametrize(("inner", "outer"), [(1, 2), (2, 3), (1, 5), (0, 2), (6, 7)])
def test_rings_are_imagemagick_s(inner, outer):
    ours = get_kernel(f"ring:inner={inner},outer={outer}").weights
    assert np.array_equal(ours, magick(f"Ring:{inner},{outer}")[0])
    assert np.array_equal(get_kernel("ring").weights, magick("Ring")[0])


@needs_magick
@pytest.mark.parametrize("radius", [1, 2, 3, 4])
def test_binomials_are_imagemagick_s(radius):
    kernel = get_kernel(f"binomial:{2 * radius + 1}")
    assert np.array_equal(kernel.weights, magick(f"Binomial:{radius}")[0])
    assert kernel.divisor == kernel.weights.sum()


@pytest.mark.parametrize("size", [1, 2, 4, 27, 28, 201, 1001])
def test_a_binomial_of_any_size_is_a_row_of_pascal_s_triangle(size):
    kernel = get_kernel(f"binomial:{size}")
    side = [Fraction(comb(size - 1, k), 2 ** (size - 1)) for k in range(size)]
    exact = np.array([float(weight) for weight in side])
    np.testing.assert_allclose(kernel.scaled, np.outer(exact, exact), rtol=1e-15, atol=1e-300)
    assert kernel.is_integer == (size <= 27)


@needs_magick
@pytest.mark.parametrize(
    "sizes",
    exhaustive_but(["0x2", "5x2"], ["0x2", "0x0.5", "0x1", "5x2", "7x3.3", "1x1", "30x2"]),
)
@pytest.mark.parametrize("theta", exhaustive_but([0, 270], [0, 90, 180, 270]))
def test_comets_are_imagemagick_s(sizes, theta):
    length, sigma = sizes.split("x")
    given = {"length": int(length)} if int(length) else {}
    kernel = generate("comet", sigma=sigma, theta=theta, **given)
    # Convolution puts the printed weights around each pixel, the origin on it.
    printed, (x, y) = magick(f"Comet:{sizes}+{theta}")
    rows, cols = kernel.shape
    spread = np.zeros(kernel.shape)
    top, left = rows // 2 - y, cols // 2 - x
    spread[top : top + printed.shape[0], left : left + printed.shape[1]] = printed
    np.testing.assert_allclose(kernel.weights[::-1, ::-1], spread, atol=1e-12)


@needs_magick
def test_a_comet_s_tail_points_where_imagemagick_s_does(tmp_path):
    dot = np.zeros((9, 9), dtype=np.uint8)
    dot[4, 4] = 255
    made = subprocess.run(
        ["convert", "-size", "9x9", "-depth", "8", "gray:-", "-morphology", "Convolve",
         "Comet:3x1+90", "gray:-"],
        input=dot.tobytes(), capture_output=True, timeout=30, check=True,
    ).stdout  # fmt: skip
    theirs = np.frombuffer(made, np.uint8).reshape(9, 9)
    ours = correlate(dot, get_kernel("comet:sigma=1,length=3,theta=90"), dtype=np.uint8)
    assert np.abs(ours.astype(int) - theirs).max() <= 1
    assert ours[6, 4] > 0
    assert ours[3, 4] == 0


@needs_magick
@pytest.mark.parametrize(
    ("name", "theirs", "factor"),
    [
        ("laplacian7", "Laplacian:7", -1),
        ("freichen-d1", "FreiChen:2", 1),
        ("freichen-x", "FreiChen:1", 1 / np.sqrt(2)),
        ("roberts-0", "Roberts:0", 1),
        ("roberts-45", "Roberts:45", 1),
    ],
)
def test_other_tables_are_imagemagick_s_turned_as_convolution_turns_them(name, theirs, factor):
    printed = magick(theirs)[0][::-1, ::-1]
    np.testing.assert_allclose(get_kernel(name).scaled * factor, printed, atol=1e-12)


@pytest.mark.parametrize("letter", ["pos", "neg"])
@pytest.mark.peers("skimage")
def test_roberts_as_scikit_image_has_it(letter):
    from skimage import filters

    image = np.random.default_rng(3).random((12, 12))
    theirs = getattr(filters, f"roberts_{letter}_diag")(image)
    ours = correlate(image, get_kernel(f"roberts-{letter}-diag"))
    np.testing.assert_allclose(theirs[1:-1, 1:-1], ours[1:-1, 1:-1], atol=1e-12)


@pytest.mark.parametrize("size", exhaustive_but([1, 3, 9, 31], range(1, 32, 2)))
@pytest.mark.peers("cv2")
def test_derivatives_of_any_size_are_opencv_s(size):
    import cv2

    for dx, dy in ((1, 0), (0, 1), (2, 0), (1, 1), (0, 3), (2, 4)):
        if max(dx, dy) >= max(size, 3):
            with pytest.raises(KernelError, match="needs a size of at least"):
                generate("derivative", dx=dx, dy=dy, size=size)
            continue
        row, column = cv2.getDerivKernels(dx, dy, size, ktype=cv2.CV_64F)
        ours = generate("derivative", dx=dx, dy=dy, size=size).weights
        np.testing.assert_allclose(ours, np.outer(column, row), rtol=1e-15)
    row, column = cv2.getDerivKernels(1, 0, size, ktype=cv2.CV_64F)
    np.testing.assert_allclose(get_kernel(f"sobel-x:{size}").weights, np.outer(column, row))
    np.testing.assert_allclose(get_kernel(f"sobel-y:{size}").weights, np.outer(row, column))


@pytest.mark.parametrize("size", exhaustive_but([1, 3, 9, 31], range(1, 32, 2)))
@pytest.mark.peers("cv2")
def test_laplacians_of_any_size_are_opencv_s(size):
    import cv2

    kernel = get_kernel(f"laplacian-cv:{size}")
    impulse = np.zeros((65, 65))
    impulse[32, 32] = 1
    half = kernel.shape[0] // 2
    found = cv2.Laplacian(impulse, cv2.CV_64F, ksize=size)
    near = (slice(32 - half, 33 + half),) * 2
    np.testing.assert_allclose(kernel.weights, found[near], rtol=1e-15)


@pytest.mark.parametrize("sigma", exhaustive_but([1.7], [0.4, 1, 1.7, 2.3]))
def test_a_gaussian_s_derivatives_are_scipy_s(sigma):
    ndimage = pytest.importorskip("scipy.ndimage")
    impulse = np.zeros((33, 33))
    impulse[16, 16] = 1
    half = int(4 * sigma + 0.5)
    for name, order in (
        ("gaussian-dx", (0, 1)), ("gaussian-dy", (1, 0)), ("gaussian-dxx", (0, 2)),
        ("gaussian-dyy", (2, 0)), ("gaussian-dxy", (1, 1)),
    ):  # fmt: skip
        theirs = ndimage.gaussian_filter(impulse, sigma, order=order)
        ours = generate(name, sigma=sigma, size=2 * half + 1, scale="raw").scaled
        near = (slice(16 - half, 17 + half),) * 2
        np.testing.assert_allclose(ours[::-1, ::-1], theirs[near], atol=1e-12)


@pytest.mark.parametrize("sigma", exhaustive_but([1.7], [0.4, 1, 1.7, 2.3]))
def test_gaussian_gradient_magnitude_is_scipy_s(sigma):
    ndimage = pytest.importorskip("scipy.ndimage")
    image = np.random.default_rng(3).random((31, 40))
    theirs = ndimage.gaussian_gradient_magnitude(image, sigma)
    compound = generate("gaussian-gradient", sigma=sigma)
    ours = correlate(image, compound, border="symmetric")
    assert isinstance(compound, Compound)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    for part in compound.parts:
        assert np.array_equal(get_kernel(part.name).weights, part.weights)


@pytest.mark.exhaustive
def test_sums_of_absolute_slopes(rng):
    image = rng.random((20, 31))
    for text, x, y in (
        ("sobel-l1", "sobel-x", "sobel-y"),
        ("scharr-l1", "scharr-x", "scharr-y"),
        ("prewitt-l1", "prewitt-x", "prewitt-y"),
        ("sobel:size=5,combine=sum-abs", "sobel5-x", "sobel5-y"),
        (
            "gaussian-gradient:2,combine=sum-abs",
            "gaussian-dx:2,scale=raw",
            "gaussian-dy:2,scale=raw",
        ),
    ):
        slopes = [np.abs(correlate(image, get_kernel(name))) for name in (x, y)]
        np.testing.assert_allclose(correlate(image, get_kernel(text)), sum(slopes), atol=1e-12)


@pytest.mark.skipif(shutil.which("vips") is None, reason="no libvips")
def test_a_sum_of_absolute_slopes_is_libvips_s(tmp_path, rng):
    from PIL import Image

    pixels = rng.integers(0, 40, (16, 19)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "in.png")
    command = ["vips", "sobel", str(tmp_path / "in.png"), str(tmp_path / "out.png")]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    theirs = np.asarray(Image.open(tmp_path / "out.png")).astype(int)
    ours = correlate(pixels, get_kernel("sobel-l1"))
    assert np.abs(ours - theirs)[1:-1, 1:-1].max() <= 2  # it halves each slope before it adds


@pytest.mark.parametrize(("low", "high"), [(1, 1.6), (0.7, 3), (2, 2.2)])
@pytest.mark.peers("skimage")
def test_a_difference_of_gaussians_with_own_cuts_is_scikit_image_s(low, high):
    from skimage import filters

    image = np.random.default_rng(3).random((31, 40))
    theirs = filters.difference_of_gaussians(image, low, high, mode="nearest")
    ours = correlate(image, generate("dog", sigma=low, sigma2=high, cut="own"))
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    plain = generate("dog", sigma=low, sigma2=high)
    assert np.array_equal(
        plain.weights, generate("dog", sigma=low, sigma2=high, cut="same").weights
    )


def test_own_cuts_take_no_size():
    with pytest.raises(KernelError, match="leave size out"):
        parse_kernel("dog:cut=own,size=9")


@pytest.mark.parametrize("record", ASTROPY["kernels"], ids=lambda record: record["kernel"])
def test_kernels_of_astronomy_are_astropy_s(record):
    ours = parse_kernel(record["kernel"]).scaled
    half = record["size"] // 2
    i, j = np.sort(np.abs(np.mgrid[-half : half + 1, -half : half + 1]), axis=0)
    whole = np.zeros((half + 1, half + 1))
    whole[np.tril_indices(half + 1)] = np.concatenate(record["values"])
    theirs = whole[j, i]
    over = (theirs.shape[0] - ours.shape[0]) // 2
    assert over >= 0
    np.testing.assert_allclose(np.pad(ours, over), theirs, atol=1e-13)


def test_the_rings_of_an_airy_disk_lie_where_bessel_s_function_has_its_zeros():
    special = pytest.importorskip("scipy.special")
    x = np.concatenate([np.linspace(1e-6, 60, 2001), [100, 1000, 5000.5]])
    np.testing.assert_allclose(_bessel(x), special.j1(x), atol=2e-14)
    dark = parse_kernel("airy:radius=4,size=9").weights
    assert dark[4, 0] < 1e-30
    assert dark[4, 1] > 1e-4


@pytest.mark.parametrize("radius", [0, 0.3, 0.5, 1, 1.7, 3.25])
def test_a_box_of_any_radius_is_pillow_s(radius):
    from PIL import Image, ImageFilter

    pixels = np.random.default_rng(5).integers(0, 256, (21, 23), dtype=np.uint8)
    theirs = np.asarray(Image.fromarray(pixels).filter(ImageFilter.BoxBlur(radius))).astype(int)
    kernel = generate("box", radius=radius)
    assert kernel.sum == 1
    assert kernel.is_integer
    assert np.abs(correlate(pixels, kernel) - theirs).max() < 1.01  # it rounds rows first
    if radius == int(radius):
        assert np.array_equal(kernel.weights, generate("box", size=2 * radius + 1).weights)


def test_a_box_of_an_odd_fraction_counts_the_rim_in_part():
    kernel = parse_kernel("box:radius=1/3")
    assert kernel.weights.tolist() == [[1, 3, 1], [3, 9, 3], [1, 3, 1]]
    assert kernel.divisor == 25
    long = parse_kernel("box:radius=1.23456789012")
    side = np.array([0.23456789012, 1, 1, 1, 0.23456789012])
    np.testing.assert_allclose(long.scaled, np.outer(side, side) / side.sum() ** 2, rtol=1e-14)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ring:inner=3,outer=3", "inner must be less than outer 3, got 3"),
        ("ring:inner=1,outer=1.2", "no pixel lies between 1 and 1.2"),
        ("comet:theta=45", "theta must be a multiple of 90 degrees, got 45"),
        ("comet:sigma=400", "take a smaller sigma"),
        ("airy:radius=300", "take a smaller radius"),
        ("moffat:gamma=500", "take a smaller gamma"),
        ("trapezoid:radius=500,slope=0.1", "a larger slope"),
        ("box:size=3,radius=1", "radius stands in place of size"),
        ("gaussian-dx:sigma=0.01,scale=raw", "too narrow for a derivative"),
        ("gaussian-gradient:0.01", "too narrow for a derivative"),
        ("derivative:dx=5,size=3", "a derivative of order 5 needs a size of at least 7, got 3"),
        ("sobel:size=33", "an odd whole number from 1 to 31"),
        ("dog:cut=some", "one of same, own"),
    ],
)
def test_messages(text, words):
    with pytest.raises(KernelError, match=re.escape(words)):
        parse_kernel(text)


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "longdouble", "int8", "uint64"])
def test_parameters_may_be_scalars_of_numpy(kind):
    two = np.dtype(kind).type(2)
    for name, parameter in (
        ("gaussian", "sigma"), ("box", "size"), ("box", "radius"), ("highboost", "amount"),
        ("savgol", "degree"), ("derivative", "dy"),
    ):  # fmt: skip
        kernel = generate(name, **{parameter: two})
        assert np.array_equal(kernel.weights, generate(name, **{parameter: 2}).weights)
        assert kernel.name == f"{name}:{parameter}=2"
        assert np.array_equal(get_kernel(name, **{parameter: two}).weights, kernel.weights)
    assert to_fraction(two) == 2
    assert type(to_fraction(two).numerator) is int
    with pytest.raises(KernelError, match="sigma must be a number"):
        generate("gaussian", sigma=np.bool_(1))


def test_all_have_a_place_in_the_list():
    wanted = (
        "comet ring diamond plus cross octagon tophat binomial moffat airy trapezoid sobel-dx "
        "sobel-dy derivative laplacian-cv gaussian-gradient sobel-gradient"
    )
    for name in wanted.split():
        kernel = get_kernel(name)
        assert isinstance(kernel, Kernel | Compound)
        assert GENERATORS[name].source

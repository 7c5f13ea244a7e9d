"""Kernels from parameters: sums, symmetry, known literals, other libraries, messages."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convcli.errors import KernelError
from convcli.kernels import (
    GENERATORS,
    Compound,
    Kernel,
    Kind,
    Symmetry,
    generate,
    get_kernel,
    parse_kernel,
)

sigmas = st.floats(0.3, 12)
thetas = st.floats(-360, 360)


@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_works_bare_and_written_out(name):
    generator = GENERATORS[name]
    bare, written = generator.parse(""), parse_kernel(generator.usage)
    assert bare.name == name
    for one, other in zip(bare.parts, written.parts, strict=True):
        assert np.array_equal(one.weights, other.weights)
        assert one.divisor == other.divisor
    assert bare.family == generator.family
    assert parse_kernel(written.name).name == written.name


@pytest.mark.parametrize("name", GENERATORS)
def test_every_declaration_tells_what_it_must(name):
    generator = GENERATORS[name]
    assert generator.effect.endswith(".")
    assert generator.source
    for parameter in generator.parameters:
        assert parameter.meaning
        assert parameter.default_text
        if parameter.default is not None and not isinstance(parameter.default, str):
            assert parameter.low <= parameter.default <= parameter.high


@given(sigmas, st.integers(1, 5))
@settings(deadline=None, max_examples=40)
def test_gaussian_sums_to_one_is_separable_and_of_the_stated_size(sigma, truncate):
    kernel = generate("gaussian", sigma=sigma, truncate=truncate)
    assert kernel.scaled.sum() == pytest.approx(1, abs=1e-14)
    assert kernel.rank == 1
    assert kernel.symmetry is Symmetry.EVEN
    assert kernel.kind is Kind.SMOOTHING
    assert kernel.shape[0] in {2 * ceil(truncate * sigma + d) + 1 for d in (0, -1e-8)}


@given(sigmas, sigmas, thetas)
@settings(deadline=None, max_examples=40)
def test_a_tilted_gaussian_sums_to_one_and_turns_by_half_a_turn(sigma, sigma_y, theta):
    one = generate("gaussian", sigma=sigma, sigma_y=sigma_y, theta=theta, truncate=2)
    assert one.scaled.sum() == pytest.approx(1, abs=1e-14)
    assert one.symmetry is Symmetry.EVEN


def test_gaussian_is_scipy_s():
    ndimage = pytest.importorskip("scipy.ndimage")
    impulse = np.zeros((41, 41))
    impulse[20, 20] = 1
    theirs = ndimage.gaussian_filter(impulse, 2, truncate=4)[12:29, 12:29]
    np.testing.assert_allclose(generate("gaussian", sigma=2).scaled, theirs, atol=1e-15)


def test_a_gaussian_wider_along_x_is_separable_at_right_angles_only():
    level = generate("gaussian", sigma=3, sigma_y=1)
    assert level.shape == (9, 25)
    upright = generate("gaussian", sigma=3, sigma_y=1, theta=90)
    assert np.array_equal(upright.weights, level.weights.T)
    assert level.rank == upright.rank == 1
    tilted = generate("gaussian", sigma=3, sigma_y=1, theta=45)
    assert tilted.rank > 1
    centre = np.array(tilted.shape) // 2
    falling, rising = (
        tilted.weights[tuple(centre + 2)],
        tilted.weights[centre[0] + 2, centre[1] - 2],
    )
    assert falling > rising  # theta turns from +x towards +y: the bell lies along the diagonal \


@given(sigmas, st.sampled_from(["gaussian-dx", "gaussian-dy"]))
@settings(deadline=None, max_examples=30)
def test_first_derivatives_give_one_on_a_ramp(sigma, name):
    kernel = generate(name, sigma=sigma)
    assert kernel.gain == pytest.approx((1, 0) if name.endswith("x") else (0, 1), abs=1e-9)
    assert abs(kernel.scaled.sum()) < 1e-14
    assert kernel.symmetry is Symmetry.ODD
    assert kernel.rank == 1


@given(sigmas)
@settings(deadline=None, max_examples=30)
def test_second_derivatives_are_exact_on_parabolas(sigma):
    side = generate("gaussian", sigma=sigma).shape[0]
    y, x = np.mgrid[:side, :side] - side // 2
    for name, surface in (
        ("gaussian-dxx", x**2 / 2),
        ("gaussian-dyy", y**2 / 2),
        ("gaussian-dxy", x * y),
        ("log", x**2 / 2),
        ("log", y**2 / 2),
    ):
        weights = generate(name, sigma=sigma).scaled
        assert (weights * surface).sum() == pytest.approx(1)
        assert abs(weights.sum()) < 1e-9


def test_derivatives_are_scipy_s_but_for_their_cut():
    ndimage = pytest.importorskip("scipy.ndimage")
    image = np.random.default_rng(1).random((64, 64))
    inner = (slice(20, -20),) * 2
    for name, order in (
        ("gaussian-dx", (0, 1)),
        ("gaussian-dyy", (2, 0)),
        ("gaussian-dxy", (1, 1)),
    ):
        ours = ndimage.correlate(image, generate(name, sigma=2, truncate=6).scaled)
        theirs = ndimage.gaussian_filter(image, 2, order=order, truncate=6)
        np.testing.assert_allclose(ours[inner], theirs[inner], atol=1e-5)
    ours = ndimage.correlate(image, generate("log", sigma=2, truncate=6).scaled)
    theirs = ndimage.gaussian_laplace(image, 2, truncate=6)
    np.testing.assert_allclose(ours[inner], theirs[inner], atol=1e-5)


@given(sigmas)
@settings(deadline=None, max_examples=20)
def test_log_and_dog_are_zero_sum_rank_two(sigma):
    for name, sign in (("log", -1), ("dog", 1)):
        kernel = generate(name, sigma=sigma, truncate=3)
        assert kernel.sum == 0
        assert abs(kernel.scaled.sum()) < 1e-12
        assert kernel.rank <= 2
        assert np.sign(kernel.weights[kernel.shape[0] // 2, kernel.shape[1] // 2]) == sign


def test_log_is_nearly_the_hand_rounded_table():
    table = get_kernel("log9").weights
    ours = generate("log", sigma=1.4, size=9).scaled
    assert np.abs(ours / ours[4, 4] * table[4, 4] - table).max() < 1.5


@given(st.floats(2, 12), thetas, st.floats(0.3, 2), st.floats(-180, 180))
@settings(deadline=None, max_examples=30)
def test_gabor_has_no_mean_and_fits_8_bit(wavelength, theta, gamma, psi):
    kernel = generate("gabor", wavelength=wavelength, theta=theta, gamma=gamma, psi=psi)
    assert abs(kernel.scaled.sum()) < 1e-12
    assert np.abs(kernel.scaled).sum() == pytest.approx(2)


@pytest.mark.parametrize("theta", [0, 30, 90, 135])
@pytest.mark.parametrize("psi", [0, 90, 40])
@pytest.mark.peers("cv2")
def test_gabor_is_opencv_s_turned_by_180_degrees(theta, psi):
    import cv2

    ours = parse_kernel(
        f"gabor:theta={theta},wavelength=7,sigma=3,gamma=0.6,psi={psi},size=21,dc=keep,scale=raw"
    )
    theirs = cv2.getGaborKernel((21, 21), 3, np.radians(theta), 7, 0.6, np.radians(psi), cv2.CV_64F)
    np.testing.assert_allclose(ours.scaled, theirs[::-1, ::-1], atol=1e-12)


def test_gabor_answers_to_its_own_stripes():
    y, x = np.mgrid[:55, :55]
    kernel = parse_kernel("gabor:theta=45,wavelength=8")
    rows, cols = kernel.shape
    own = np.cos(2 * np.pi * (x + y - 54) / 8 / np.sqrt(2))
    other = np.cos(2 * np.pi * (x - y) / 8 / np.sqrt(2))
    cut = (slice(27 - rows // 2, 28 + rows // 2), slice(27 - cols // 2, 28 + cols // 2))
    assert (kernel.scaled * own[cut]).sum() > 0.5
    assert abs((kernel.scaled * other[cut]).sum()) < 0.05


@pytest.mark.parametrize("size", [1, 2, 3, 9, 1001])
def test_box(size):
    kernel = generate("box", size=size)
    assert kernel.shape == (size, size)
    assert kernel.weights.min() == kernel.weights.max() == 1
    assert kernel.divisor == size * size
    assert kernel.is_integer


def test_box_of_two_sizes():
    assert parse_kernel("box:rows=1,cols=9").shape == (1, 9)
    assert parse_kernel("box:5,rows=1").shape == (1, 5)


@pytest.mark.parametrize("size", [1, 3, 5, 9])
def test_tent_is_a_box_with_itself(size):
    half = np.ones((size + 1) // 2)
    side = np.convolve(half, half)
    kernel = generate("tent", size=size)
    assert np.array_equal(kernel.weights, np.outer(side, side))
    assert kernel.sum == 1
    assert kernel.is_integer


@given(st.floats(0.5, 20))
@settings(deadline=None, max_examples=30)
def test_disk_counts_area(radius):
    kernel = generate("disk", radius=radius)
    assert kernel.scaled.sum() == pytest.approx(1, abs=1e-13)
    assert kernel.symmetry is Symmetry.EVEN
    assert np.array_equal(kernel.weights, kernel.weights.T)
    assert kernel.shape[0] == 2 * max(0, ceil(radius - 0.5)) + 1
    centre = kernel.weights[kernel.shape[0] // 2, kernel.shape[0] // 2]
    inside = centre if radius >= np.sqrt(0.5) else None
    if inside:
        assert 1 / inside == pytest.approx(np.pi * radius**2)


def test_disk_s_edge_is_the_area_inside_by_counting():
    kernel = generate("disk", radius=2.3)
    fine = (np.arange(5 * 200) + 0.5) / 200 - 2.5
    inside = (fine[:, None] ** 2 + fine**2 <= 2.3**2).reshape(5, 200, 5, 200).mean(axis=(1, 3))
    np.testing.assert_allclose(kernel.weights, inside / inside.sum(), atol=2e-5)


def test_motion_along_the_axes_is_exact():
    level = parse_kernel("motion:length=9")
    assert level.weights.tolist() == [[1] * 9]
    assert level.divisor == 9
    assert level.is_integer
    upright = parse_kernel("motion:length=9,angle=90")
    assert upright.weights.tolist() == [[1]] * 9


@given(st.floats(1, 30), st.floats(-360, 360))
@settings(deadline=None, max_examples=40)
def test_motion_sums_to_one_and_is_even(length, angle):
    kernel = generate("motion", length=length, angle=angle)
    assert kernel.scaled.sum() == pytest.approx(1)
    assert np.allclose(kernel.weights, kernel.weights[::-1, ::-1])
    assert kernel.weights.min() >= 0


def test_motion_turns_counter_clockwise():
    kernel = parse_kernel("motion:length=15,angle=30")
    rows, cols = kernel.shape
    assert rows < cols
    right = kernel.weights[:, cols // 2 + 4 :].sum(axis=1)
    assert np.argmax(right) < rows // 2  # up on the right


def test_motion_is_fspecial_s():
    # Its formula by hand, for fspecial('motion', 3, 45): 1 − distance to the segment.
    weights = parse_kernel("motion:length=3,angle=45").scaled
    far = 1 - (np.sqrt(2) - 1)
    near = 1 - np.sqrt(0.5)
    grid = np.array([[0, near, far], [near, 1, near], [far, near, 0]])
    np.testing.assert_allclose(weights, grid / grid.sum(), atol=1e-12)


def test_unsharp_is_identity_plus_detail():
    blur = generate("gaussian", sigma=2).scaled
    identity = np.zeros_like(blur)
    identity[8, 8] = 1
    np.testing.assert_allclose(
        generate("unsharp", sigma=2, amount=0.5).scaled, identity + 0.5 * (identity - blur)
    )
    assert generate("unsharp", sigma=2, amount=3).sum == 1


@pytest.mark.parametrize(
    ("alpha", "name", "factor"),
    [
        ("0", "laplacian4", 1),
        ("0.2", "laplacian-patra", 1),
        ("1/3", "laplacian-oono-puri", 1),
        ("1/2", "laplacian8", 3),
        ("1", "laplacian-cv3", 4),
    ],
)
def test_laplacian_of_alpha_is_exact(alpha, name, factor):
    ours, known = parse_kernel(f"laplacian:alpha={alpha}"), get_kernel(name)
    assert ours.is_integer
    assert ours.divisor == 1
    expected = [[weight / known.divisor for weight in row] for row in known.fractions]
    assert [[weight * factor for weight in row] for row in ours.fractions] == expected


def test_highboost():
    assert np.array_equal(generate("highboost").weights, get_kernel("sharpen8").weights)
    half = parse_kernel("highboost:1.5")
    assert half.weights.tolist() == [[-1, -1, -1], [-1, 9.5, -1], [-1, -1, -1]]
    assert half.divisor == 1
    assert half.is_integer


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ("size=5", "savgol5"),
        ("size=5,degree=3", "savgol5"),
        ("size=7", "savgol7"),
        ("size=5,dx=1", "savgol5-dx"),
        ("size=5,degree=3,dx=1", "savgol5c-dx"),
        ("size=5,degree=3,dy=1", "savgol5c-dy"),
    ],
)
def test_savgol_is_the_exact_table(parameters, name):
    ours, known = parse_kernel(f"savgol:{parameters}"), get_kernel(name)
    assert np.array_equal(ours.weights, known.weights)
    assert ours.divisor == known.divisor


@given(st.sampled_from([3, 5, 7]), st.integers(0, 4), st.data())
@settings(deadline=None, max_examples=25)
def test_savgol_reproduces_polynomials(size, degree, data):
    if degree >= size:
        return
    kernel = generate("savgol", size=size, degree=degree)
    i = data.draw(st.integers(0, degree))
    j = data.draw(st.integers(0, degree - i))
    y, x = np.mgrid[:size, :size] - size // 2
    expected = 1.0 if i == j == 0 else 0.0
    assert (kernel.scaled * x**i * y**j).sum() == pytest.approx(expected, abs=1e-9)


def test_savgol_is_least_squares():
    size, degree = 9, 4
    terms = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    y, x = (axis.ravel() for axis in np.mgrid[:size, :size] - size // 2)
    design = np.array([x**i * y**j for i, j in terms], dtype=float).T
    row = np.linalg.pinv(design)[terms.index((2, 0))] * 2
    ours = generate("savgol", size=size, degree=degree, dx=2).scaled
    np.testing.assert_allclose(ours.ravel(), row, atol=1e-12)


def test_laws():
    assert np.array_equal(parse_kernel("laws:l5e5").weights, get_kernel("sobel5-x").weights)
    assert np.array_equal(parse_kernel("laws:e5l5").weights, get_kernel("sobel5-y").weights)
    assert parse_kernel("laws:mask=S3W7").shape == (3, 7)
    vectors = {key: parse_kernel(f"laws:l3{key}").weights[0] for key in ("e3", "s5", "u7", "o7")}
    assert all(vector.sum() == 0 for vector in vectors.values())


@given(thetas)
@settings(deadline=None, max_examples=20)
def test_steerable_grows_in_its_direction(theta):
    gain = generate("steerable", theta=theta).gain
    radians = np.radians(theta)
    assert gain == pytest.approx((np.cos(radians), np.sin(radians)), abs=1e-9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "gaussian:sgma=2",
            "gaussian has no parameter 'sgma'; did you mean 'sigma'? it has sigma,",
        ),
        ("gaussian:q=2", "gaussian has no parameter 'q'; it has sigma, sigma_y, theta, size"),
        (
            "gaussian:sigma=0",
            "gaussian: sigma must be a number above 0 and at most 500, got '0'",
        ),
        ("gaussian:sigma=1e9", "gaussian: sigma must be a number above 0 and at most 500, got"),
        (
            "gaussian:sigma=two",
            "gaussian: sigma must be a number above 0 and at most 500, got 'two'",
        ),
        (
            "gaussian:size=4",
            "gaussian: size must be odd, so that the kernel has a centre: got 4; ",
        ),
        (
            "gaussian:sigma=200",
            "sigma 200 needs a kernel of 1601 taps a side; expected at most 1001",
        ),
        (
            "gaussian:size=1003",
            "gaussian: size must be an odd whole number from 1 to 1001, got '1003'",
        ),
        ("gaussian:sigma=1,sigma=2", "gaussian: sigma is given twice"),
        (
            "gaussian:sigma=",
            "gaussian: 'sigma=' is not a parameter; expected name=value, such as",
        ),
        (
            "gaussian:1,2",
            "gaussian: '2' is not a parameter; expected name=value, such as sigma=1",
        ),
        ("gaussian-dx:size=1", "a derivative needs a size of at least 3, got 1"),
        (
            "gaussian-dx:sigma=0.01",
            "sigma 0.01 is too narrow for a derivative; try 0.5 or more",
        ),
        ("dog:sigma2=1", "dog: sigma2 must differ from sigma, else nothing is left"),
        ("gabor:dc=maybe", "gabor: dc must be one of remove, keep, got 'maybe'"),
        ("gabor:size=1", "gabor: nothing is left of so few taps; take a larger size or sigma"),
        ("box:size=2.5", "box: size must be a whole number from 1 to 1001, got '2.5'"),
        ("laplacian:alpha=2", "laplacian: alpha must be a fraction from 0 to 1, got '2'"),
        ("savgol:size=3,degree=3", "savgol: degree must be less than size 3, got 3"),
        ("savgol:dx=2,dy=1", "savgol: dx + dy must be at most degree 2, got 3"),
        ("laws:e9", "laws: mask must be two of l3, e3, s3, l5"),
    ],
)
def test_messages(text, message):
    with pytest.raises(KernelError) as caught:
        parse_kernel(text)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_names_say_how_it_was_made():
    assert parse_kernel("gaussian:2").name == "gaussian:sigma=2"
    assert parse_kernel("GAUSS: size=9 , sigma=1.50").name == "gaussian:sigma=1.5,size=9"
    assert generate("laplacian", alpha=0.2).name == "laplacian:alpha=0.2"
    assert get_kernel("gaussian", sigma=2, size=None).name == "gaussian:sigma=2"


def test_a_generator_that_is_not_there():
    with pytest.raises(KernelError, match="no generator named 'scharr'; there are gaussian"):
        generate("scharr")


@given(st.sampled_from(sorted(GENERATORS)), st.text("0123456789.=,-/aeglmsxyz", max_size=24))
@settings(deadline=None, max_examples=150)
def test_no_parameters_break_it(name, text):
    kernel = outcome(f"{name}:{text}")
    if isinstance(kernel, str):
        assert "\n" not in kernel
    else:
        assert all(np.isfinite(part.weights).all() for part in kernel.parts)


def outcome(text: str) -> Kernel | Compound | str:
    try:
        return parse_kernel(text)
    except KernelError as error:
        return str(error)

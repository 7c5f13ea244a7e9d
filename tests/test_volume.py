"""Volumes: against the definition on every tiny size, against SciPy, and plane by plane."""

from __future__ import annotations

import itertools
import weakref

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marks import exhaustive_but
from scipy import ndimage

from convcli import GeometryError, KernelError, UsageError, VolumeKernel, correlate_volume
from convcli.borders import Border
from convcli.kernels.volume_library import parse_volume_kernel, volume_names
from convcli.pipeline.responses import Target
from convcli.pipeline.volume import HeldPlanes, correlated_planes, overridden_volume
from convcli.spec import Mapping, Spec
from convcli.volume_geometry import Steps, plan_volume

#: What SciPy calls our borders.
MODES = {
    "replicate": "nearest",
    "zero": "constant",
    "reflect": "mirror",
    "symmetric": "reflect",
    "wrap": "wrap",
}
SIZES = {"x".join(map(str, size)): size for size in itertools.product(range(1, 5), repeat=3)}
FEW = [name for name, size in SIZES.items() if 3 not in size]


def options_of(rng, size, taps):
    """Steps of any kind under which the kernel fits."""
    strides, dilations = rng.integers(1, 4, 3).tolist(), rng.integers(1, 3, 3).tolist()
    padding = []
    for n, count, dilation in zip(size, taps, dilations, strict=True):
        before, after = rng.integers(0, 4, 2).tolist()
        padding.append((before, after + max(0, dilation * (count - 1) + 1 - n - before - after)))
    return {"strides": strides, "dilations": dilations, "padding": padding}


@pytest.mark.parametrize("name", exhaustive_but(FEW, SIZES))
def test_every_tiny_volume_is_the_oracle(name, rng):
    size = SIZES[name]
    volume = rng.integers(0, 256, size, dtype=np.uint8)
    for border in (*MODES, "constant"):
        taps = rng.integers(1, 5, 3).tolist()
        weights = rng.integers(-5, 6, taps)
        if rng.integers(2):
            # A product, which goes along the planes.
            parts = [rng.integers(-3, 4, count) for count in taps]
            weights = np.einsum("i,j,k->ijk", *parts)
        options = options_of(rng, size, taps)
        flip, fill = bool(rng.integers(2)), int(rng.integers(256))
        expected = oracle.correlate_volume(
            volume, weights, border=border, fill=fill * (border == "constant"), flip=flip, **options
        )
        actual = correlate_volume(
            volume,
            weights,
            stride=options["strides"],
            dilation=options["dilations"],
            padding=options["padding"],
            border=border,
            fill=fill,
            flip=flip,
        )
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("border", MODES)
def test_named_kernels_are_scipy_ndimage(border, rng):
    volume = rng.integers(0, 256, (9, 11, 40), dtype=np.uint8)
    plain, mode = volume.astype(np.float64), MODES[border]
    expected = {
        "box:size=2,3,5": ndimage.uniform_filter(plain, (2, 3, 5), mode=mode),
        "sobel-z": ndimage.sobel(plain, 0, mode=mode),
        "sobel-y": ndimage.sobel(plain, 1, mode=mode),
        "sobel-x": ndimage.sobel(plain, 2, mode=mode),
        "prewitt-z": ndimage.prewitt(plain, 0, mode=mode),
        "prewitt-y": ndimage.prewitt(plain, 1, mode=mode),
        "prewitt-x": ndimage.prewitt(plain, 2, mode=mode),
        "laplacian": ndimage.laplace(plain, mode=mode),
        "laplacian:dims=3": ndimage.laplace(plain, mode=mode),
        "sharpen": plain - ndimage.laplace(plain, mode=mode),
        "identity": plain,
        "sobel": ndimage.generic_gradient_magnitude(plain, ndimage.sobel, mode=mode),
        "prewitt": ndimage.generic_gradient_magnitude(plain, ndimage.prewitt, mode=mode),
    }
    assert {name.partition(":")[0] for name in expected} | {"gaussian"} == set(volume_names())
    for name, wanted in expected.items():
        got = correlate_volume(volume, name, border=border, dtype="float64")
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("border", MODES)
def test_gaussians_and_weights_are_scipy_ndimage(border, rng):
    volume, mode = rng.normal(size=(9, 8, 40)).astype(np.float32), MODES[border]
    got = correlate_volume(volume, "gaussian:sigma=1.5,1,0.5", border=border)
    expected = ndimage.gaussian_filter(volume, (1.5, 1, 0.5), output=np.float64, mode=mode)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=2e-6)
    weights = rng.normal(size=(3, 2, 5))
    got = correlate_volume(volume.astype(np.float64), weights, border=border)
    expected = ndimage.correlate(volume, weights, output=np.float64, mode=mode)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, atol=1e-13)
    # A single number is all axes'.
    levels = rng.integers(0, 256, (9, 8, 40), dtype=np.uint8)
    got = correlate_volume(levels, "gaussian:1", border=border)
    expected = ndimage.gaussian_filter(levels, 1, output=np.float64, mode=mode)
    np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.exhaustive
@settings(max_examples=30, deadline=None)
@given(
    st.tuples(*[st.integers(1, 6)] * 2),
    st.tuples(*[st.lists(st.integers(-5, 5), min_size=1, max_size=5)] * 3),
    st.sampled_from(list(Border)),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_a_product_is_summed_to_the_same_bits_as_all_its_taps(size, parts, border, flip, k):
    volume = np.random.default_rng(k).integers(0, 256, (*size, 40), dtype=np.uint8)
    weights = np.einsum("i,j,k->ijk", *map(np.array, parts))
    options = {"border": border, "fill": 7, "flip": flip, "dtype": "float64", "padding": 5}
    product = correlate_volume(volume, weights, **options)
    dense = correlate_volume(volume, weights, method="direct", **options)
    np.testing.assert_array_equal(product, dense)


def test_channels_are_filtered_each_by_itself(rng):
    volume = rng.integers(0, 256, (5, 6, 40, 3), dtype=np.uint8)
    for kernel in ("box", "laplacian"):
        got = correlate_volume(volume, kernel)
        for c in range(3):
            np.testing.assert_array_equal(got[..., c], correlate_volume(volume[..., c], kernel))


def test_whole_sums_are_divided_and_rounded_once(rng):
    volume = rng.integers(0, 65536, (6, 8, 40), dtype=np.uint16)
    # 9·9·9·65535 is more than float32 holds exactly.
    for kernel in ("box", "box:size=2", "box:size=9"):
        weights = parse_volume_kernel(kernel).weights
        sums = ndimage.correlate(volume.astype(np.int64), weights, mode="nearest")
        got = correlate_volume(volume, kernel, dtype="uint16")
        np.testing.assert_array_equal(got, (2 * sums + weights.size) // (2 * weights.size))


def test_mappings_are_the_images_own(rng):
    volume = rng.integers(0, 256, (5, 6, 40), dtype=np.uint8)
    raw = correlate_volume(volume, "laplacian", bias=3)
    expected = ndimage.laplace(volume.astype(int), mode="nearest") + 3
    np.testing.assert_array_equal(raw, expected)
    for mapping, wanted in (("abs", np.abs(expected)), ("offset", expected + 128)):
        got = correlate_volume(volume, "laplacian", bias=3, mapping=mapping)
        np.testing.assert_array_equal(got, wanted.clip(0, 255))
    # One range for all planes.
    got = correlate_volume(volume, "laplacian", mapping="normalize")
    low, high = expected.min(), expected.max()
    exact = (expected - low) * 255 / (high - low)
    assert (got.min(), got.max()) == (0, 255)
    assert np.abs(got - exact).max() <= 0.5 + 1e-6


def test_magnitudes_are_divided_scaled_and_stepped_as_others(rng):
    volume = rng.integers(0, 256, (7, 8, 40), dtype=np.uint8)
    parts = [correlate_volume(volume, f"sobel-{axis}", dtype="float64") for axis in "zyx"]
    expected = np.sqrt(sum(part**2 for part in parts))
    (halved,) = overridden_volume([parse_volume_kernel("sobel")], Spec(divisor=2))
    got = correlate_volume(volume, halved, stride=(2, 1, 3), dtype="float64")
    np.testing.assert_allclose(got, expected[::2, :, ::3] / 2, rtol=1e-12)
    got = correlate_volume(volume, "sobel", dtype="uint8")
    np.testing.assert_array_equal(got, np.floor(expected + 0.5).clip(0, 255))


def test_kernels_that_follow_one_another_are_not_rounded_between(rng):
    volume = rng.integers(0, 256, (7, 8, 40), dtype=np.uint8)
    kernels = [parse_volume_kernel("box"), parse_volume_kernel("sobel-z")]
    target = Target(np.dtype(np.float64), Mapping.RAW, 255.0)
    steps = correlated_planes(HeldPlanes(volume), kernels, Spec(precision="double"), target)
    got = np.stack([steps[-1].plane(number) for number in range(7)])
    means = ndimage.uniform_filter(volume.astype(float), 3, mode="nearest")
    np.testing.assert_allclose(got, ndimage.sobel(means, 0, mode="nearest"), atol=1e-10)


class Counted:
    """Planes that count how often each is asked for, and how many are alive."""

    def __init__(self, count):
        self.count, self.shape, self.dtype = count, (4, 40), np.dtype(np.uint16)
        self.asked = []
        self.alive = weakref.WeakSet()

    def plane(self, number):
        """A plane of its own each time."""
        self.asked.append(number)
        made = np.full(self.shape, number, self.dtype).view(Kept)
        self.alive.add(made)
        return made


class Kept(np.ndarray):
    """An array that can be referred to weakly, and has a hash."""

    __hash__ = object.__hash__


@pytest.mark.parametrize("kernel", ["gaussian:size=7,1,1", "box:size=9,3,3", "laplacian", "sobel"])
@pytest.mark.parametrize("border", MODES)
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2), (3, 2)])
def test_each_plane_is_read_once_and_few_are_kept(kernel, border, stride, dilation):
    planes, chosen = Counted(60), parse_volume_kernel(kernel)
    spec = Spec(border=border, stride=(stride, 1, 1), dilation=(dilation, 1, 1))
    target = Target(np.dtype(np.uint16), Mapping.CLIP, 65535.0)
    (last,) = correlated_planes(planes, [chosen], spec, target)
    span = dilation * (chosen.shape[0] - 1) + 1
    most = 0
    for number in range(last.count):
        last.plane(number)
        most = max(most, len(planes.alive))
    assert len(planes.asked) == len(set(planes.asked))
    # At the other end of a volume that is wrapped, half a window more.
    most -= (span + stride) * (kernel == "sobel")  # which three kernels ask for
    assert most <= span + stride + (span if border == "wrap" else 0)
    if border != "wrap":
        assert planes.asked == sorted(planes.asked)


def test_samples_that_are_no_numbers_spread_no_further_than_the_taps(rng):
    volume = rng.normal(size=(7, 8, 40)).astype(np.float32)
    volume[3, 4, 20], volume[1, 1, 1] = np.nan, np.inf
    for kernel in ("box", "sobel-z", "laplacian", "gaussian:size=5"):
        product = correlate_volume(volume, kernel)
        dense = correlate_volume(volume, kernel, method="direct")
        np.testing.assert_array_equal(np.isfinite(product), np.isfinite(dense))
        reach = parse_volume_kernel(kernel).shape[0] // 2
        assert np.isfinite(product[3 + reach + 1 :]).all()


def test_a_kernel_of_zeros_gives_zeros():
    volume = np.full((3, 4, 40), 7, np.uint8)
    assert not correlate_volume(volume, np.zeros((3, 3, 3))).any()
    assert (correlate_volume(volume, np.zeros((3, 3, 3)), bias=2) == 2).all()


def test_planes_can_be_asked_for_in_any_order(rng):
    volume = rng.integers(0, 256, (8, 5, 40), dtype=np.uint8)
    target = Target(np.dtype(np.float32), Mapping.RAW, 255.0)
    expected = correlate_volume(volume, "box:size=5")
    (last,) = correlated_planes(
        HeldPlanes(volume), [parse_volume_kernel("box:size=5")], Spec(), target
    )
    for number in (7, 0, 3, 2, 2, 6):
        np.testing.assert_array_equal(last.plane(number), expected[number])


def test_the_shape_formula_holds_along_each_axis():
    steps = Steps(stride=(2, 1, 3), dilation=(1, 2, 1), padding=((1, 0), 2, 0))
    geometry = plan_volume((20, 64, 65), (5, 3, 4), steps)
    assert geometry.out == ((21 - 5) // 2 + 1, 64 - 5 + 4 + 1, (65 - 4) // 3 + 1)
    assert plan_volume((20, 64, 64), (5, 5, 5), Steps()).out == (20, 64, 64)
    assert plan_volume((3, 3, 3), (3, 3, 3), Steps(padding="full")).out == (5, 5, 5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stride": (1, 2)}, r"`stride` of a volume takes one whole number, or three"),
        ({"padding": (1, 2)}, r"`padding` of a volume takes a word, a whole number, or one"),
        ({"stride": 0}, r"stride must be at least 1"),
        ({"padding": "most"}, r"padding 'most' is not known"),
        ({"padding": "valid", "dilation": (9, 1, 1)}, r"along the planes: the kernel spans 19"),
        ({"padding": 3000}, r"the result would have 6,0\d\d×6,0\d\d×6,0\d\d samples"),
    ],
)
def test_what_does_not_fit_is_refused(options, words):
    with pytest.raises(GeometryError, match=words):
        correlate_volume(np.zeros((4, 5, 6)), "box", **options)


def test_other_shapes_and_methods_are_refused():
    with pytest.raises(UsageError, match=r"volume must have shape \(planes, rows, cols\) or"):
        correlate_volume(np.zeros((4, 5)), "box")
    with pytest.raises(KernelError, match=r"weights of shape \(planes, rows, cols\), got \(3, 3\)"):
        correlate_volume(np.zeros((4, 5, 6)), np.ones((3, 3)))
    with pytest.raises(UsageError, match="product along the planes and within them"):
        correlate_volume(np.zeros((4, 5, 6)), "laplacian", method="separable")
    with pytest.raises(UsageError, match="bias must be one number, got 'x'"):
        correlate_volume(np.zeros((4, 5, 6)), "box", bias="x")
    box = [parse_volume_kernel("box")] * 2
    with pytest.raises(UsageError, match="`divisor` and `bias` change one kernel"):
        overridden_volume(box, Spec(divisor=2))
    assert overridden_volume(box[:1], Spec(divisor=2, bias=5))[0].flat.divisor == 2
    with pytest.raises(KernelError, match="`bias` can't be added to 'sobel', which combines"):
        correlate_volume(np.zeros((4, 5, 6)), "sobel", bias=1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("emboss", "no 3-D kernel named 'emboss'; there are sobel, prewitt, gaussian, box"),
        ("sobel:3", "no 3-D kernel named 'sobel:3'"),
        ("gaussian:2,2", "sigma takes one number, or three as PLANES,ROWS,COLS; got '2,2'"),
        ("gaussian:truncate=1,2,3", "truncate takes one number; got '1,2,3'"),
        ("gaussian:sigma=-1", "sigma must be a number from 0 to 500, got '-1'"),
        ("gaussian:size=4", "size must be odd"),
        ("gaussian:sigma=1,sigma=2", "sigma is given twice"),
        ("gaussian:sigma=40", "321×321×321 weights is too large"),
        ("box:size=2.5", "size must be a whole number from 1 to 1001"),
        ("box:width=3", "no parameter 'width' in three dimensions; it has size"),
        ("sobel-x:3", "sobel-x has no parameters in three dimensions"),
        ("laplacian:dims=4", "dims must be a whole number from 2 to 3"),
        ("mine.toml", "mine.toml can't hold a 3-D kernel"),
        ("missing.npy", "missing.npy: no such file or directory"),
    ],
)
def test_mistakes_in_kernels_are_named(text, words):
    with pytest.raises(KernelError, match=words.replace(".", r"\.")):
        parse_volume_kernel(text)


def test_kernels_are_what_they_are_called():
    assert parse_volume_kernel("gaussian:sigma=2,0,1").shape == (17, 1, 9)
    assert parse_volume_kernel("gaussian:2,size=3").shape == (3, 3, 3)
    assert parse_volume_kernel("laplacian:dims=2").weights.tolist() == [
        [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    ]
    kinds = {name: str(parse_volume_kernel(name).kind) for name in volume_names()}
    assert kinds["gaussian"] == kinds["box"] == "smoothing"
    assert kinds["sharpen"] == "sharpening"
    assert kinds["sobel-z"] == kinds["laplacian"] == kinds["sobel"] == "zero-sum"
    wavy = VolumeKernel.of("wavy", np.array([-1, 2, 6, 2, -1])[:, None, None], 8)
    assert str(wavy.kind) == "sharpening"


def test_array_files_hold_kernels(tmp_path, rng):
    weights = rng.integers(-3, 4, (3, 2, 4))
    for name, array in (("whole", weights), ("real", weights / 3), ("short", weights / 8)):
        np.save(tmp_path / f"{name}.npy", array)
        kernel = parse_volume_kernel(str(tmp_path / f"{name}.npy"))
        assert (kernel.name, kernel.shape) == (name, (3, 2, 4))
        np.testing.assert_array_equal(kernel.weights, array)
    assert kernel.summed.dtype == np.int64  # eighths are whole over 8
    np.save(tmp_path / "flat.npy", np.ones((3, 3)))
    with pytest.raises(KernelError, match=r"flat\.npy: the array has shape \(3, 3\); expected \(p"):
        parse_volume_kernel(str(tmp_path / "flat.npy"))

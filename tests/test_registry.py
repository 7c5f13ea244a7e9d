"""kernels.toml: every entry loads and is what its source says; names, lists, suggestions."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcli.errors import KernelError
from convcli.kernels import Combine, Compound, Kernel, families, get_kernel, names, suggest
from convcli.kernels.registry import canonical, normal

#: Ids of the survey that the file was made from; each must be a name or an alias.
_SURVEY = """
identity box3 box5 box7 gaussian3 gaussian5 gaussian7 gaussian7-cv gaussian9-cv gaussian5-s1
gaussian5-s1.4 cross-blur smooth smooth-more ring-blur savgol5 savgol7 motion3 motion5 motion9
sharpen sharpen8 sharpen-soft sharpen-vips detail edge-enhance sharpen5 unsharp5 unsharp3 diff-x
sobel-x sobel-y sobel-d1 sobel5-x sobel7-x scharr-x scharr-opt-x prewitt-x roberts-a roberts-b
bickley-x ando3-x farid3-x farid5-x farid7-x freichen-x savgol5-dx savgol5c-dx kirsch-n
kirsch-ne kirsch-e kirsch-se kirsch-s kirsch-sw kirsch-w kirsch-nw robinson-n robinson-ne
robinson-e robinson-se robinson-s robinson-sw robinson-w robinson-nw robinson3-n
prewitt-compass-n laplacian4 laplacian8 laplacian-cv3 laplacian-cv5 laplacian-oono-puri
laplacian-patra laplacian-fspecial savgol3-lap savgol5-lap log5 log9 hessian-xx hessian-xy
highpass3 highpass5 contour line-h line-v line-45 line-135 emboss emboss-lode emboss5 emboss-pil
laws-l5 laws-e5 laws-s5 laws-w5 laws-r5 laws-l5e5 freichen-w1 freichen-w2 freichen-w3
freichen-w4 freichen-w5 freichen-w6 freichen-w7 freichen-w8 freichen-w9 nevatia-babu-0
nevatia-babu-30 nevatia-babu-60 nevatia-babu-90 nevatia-babu-120 nevatia-babu-150
"""
IDS = _SURVEY.split()
LIBRARY = [name for name in names() if canonical(name) == name]
SUMS = {"smoothing": 1, "sharpening": 1, "gradient": 0, "compass": 0, "second-derivative": 0}
COMPASS = ("n", "ne", "e", "se", "s", "sw", "w", "nw")


@pytest.mark.parametrize("name", LIBRARY)
def test_every_entry_loads_and_explains_itself(name):
    kernel = get_kernel(name)
    assert kernel.name == name
    assert kernel.effect.endswith(".")
    assert len(kernel.effect) < 110
    assert kernel.source
    assert kernel.family != "own"


@pytest.mark.parametrize("name", IDS)
def test_every_id_of_the_survey_is_known(name):
    assert isinstance(get_kernel(name), Kernel)


@pytest.mark.parametrize("name", LIBRARY)
def test_sums_are_what_the_family_promises(name):
    kernel = get_kernel(name)
    if isinstance(kernel, Kernel) and kernel.family in SUMS:
        assert kernel.sum == SUMS[kernel.family]


def test_tables_cut_out_are_those_of_the_whole_file():
    from convcli.kernels import registry

    whole = tomllib.loads(registry._file().read_text(encoding="utf-8"))
    parsed = {name: (form, table) for form in whole for name, table in whole[form].items()}
    assert len(parsed) == len(LIBRARY)
    for name, (form, table) in parsed.items():
        assert registry._tables()[name][0] == form
        assert registry._table(name) == table


def test_names_and_aliases_do_not_collide():
    seen: dict[str, str] = {}
    for name in LIBRARY:
        for word in (name, *get_kernel(name).aliases):
            assert word == normal(word)
            assert word not in seen, f"{word} is both {seen[word]} and {name}"
            seen[word] = name


def test_file_ids_and_matrices_are_not_repeated_by_mistake():
    worth_their_own = {"robinson", "robinson3", "emboss", "laplacian", "freichen"}
    found: dict[bytes, str] = {}
    for name in LIBRARY:
        kernel = get_kernel(name)
        if isinstance(kernel, Compound):
            continue
        key = repr((kernel.shape, kernel.scaled.tolist(), kernel.offset)).encode()
        twin = found.setdefault(key, name)
        assert twin == name or {name.split("-")[0], twin.split("-")[0]} & worth_their_own, (
            name,
            twin,
        )


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("laplacian", [[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
        ("mean-removal", [[-1, -1, -1], [-1, 9, -1], [-1, -1, -1]]),
        ("find-edges", [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
        ("sobel-x", [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
        ("sobel-d2", [[0, -1, -2], [1, 0, -1], [2, 1, 0]]),
        ("kirsch-sw", [[-3, -3, -3], [5, 0, -3], [5, 5, -3]]),
        ("robinson3-ne", [[0, 1, 1], [-1, 0, 1], [-1, -1, 0]]),
        ("prewitt-compass-e", [[-1, 1, 1], [-1, -2, 1], [-1, 1, 1]]),
        ("hessian-yy", [[1], [-2], [1]]),
        ("emboss", [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),
        ("laws-e5", [[-1, -2, 0, 2, 1]]),
    ],
)
def test_known_literals(name, rows):
    assert get_kernel(name).weights.tolist() == rows


@pytest.mark.parametrize(
    "stem",
    [
        *("diff", "sobel", "sobel5", "sobel7", "scharr", "scharr-opt", "prewitt", "bickley"),
        *("ando3", "farid3", "farid5", "farid7", "freichen"),
    ],
)
def test_y_is_x_transposed_and_both_are_positive(stem):
    x, y = get_kernel(f"{stem}-x"), get_kernel(f"{stem}-y")
    assert np.array_equal(x.weights.T, y.weights)
    assert x.divisor == y.divisor
    assert x.gain[0] > 0
    assert y.gain[1] == pytest.approx(x.gain[0])


@pytest.mark.parametrize("stem", ["kirsch", "robinson", "robinson3", "prewitt-compass"])
def test_compass_masks_are_one_ring_turned(stem):
    ring = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    rings = [[int(get_kernel(f"{stem}-{d}").weights[rc]) for rc in ring] for d in COMPASS]
    for turn, values in enumerate(rings):
        assert values == rings[0][8 - turn :] + rings[0][: 8 - turn]
    for direction, (dx, dy) in zip(
        COMPASS,
        [(0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1)],
        strict=True,
    ):
        gain = get_kernel(f"{stem}-{direction}").gain
        assert tuple(np.sign(gain)) == (dx, dy)


def test_frei_chen_is_orthonormal():
    basis = np.array([get_kernel(f"freichen-w{i}").scaled.ravel() for i in range(1, 10)])
    np.testing.assert_allclose(basis @ basis.T, np.eye(9), atol=1e-15)


@pytest.mark.parametrize(
    ("name", "combine", "parts"),
    [
        ("sobel", Combine.MAGNITUDE, 2),
        ("scharr", Combine.MAGNITUDE, 2),
        ("prewitt", Combine.MAGNITUDE, 2),
        ("roberts", Combine.MAGNITUDE, 2),
        ("farid", Combine.MAGNITUDE, 2),
        ("sobel-direction", Combine.DIRECTION, 2),
        ("kirsch", Combine.MAX, 8),
        ("robinson", Combine.MAX, 8),
        ("prewitt-compass", Combine.MAX, 8),
        ("nevatia-babu", Combine.MAX_ABS, 6),
        ("frei-chen", Combine.SHARE, 9),
    ],
)
def test_compounds(name, combine, parts):
    compound = get_kernel(name)
    assert isinstance(compound, Compound)
    assert compound.combine is combine
    assert len({part.name for part in compound.parts}) == parts


def test_compounds_that_are_not_in_pixel_units():
    assert get_kernel("sobel-direction").full_scale == 360
    share = get_kernel("frei-chen")
    assert (share.share, share.full_scale) == (4, 1)
    assert get_kernel("nevatia-babu").divisor == 1000
    assert get_kernel("sobel").full_scale is None


@pytest.mark.parametrize("text", ["Sobel-X", "sobel_x", " sobel x ", "SOBEL--X", "sobel-v"])
def test_names_are_compared_loosely(text):
    assert get_kernel(text).name == "sobel-x"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sobelx", "no kernel named 'sobelx'; did you mean 'sobel-x'?"),
        ("gausian", "no kernel named 'gausian'; did you mean 'gaussian'?"),
        ("qqqqqqq", "no kernel named 'qqqqqqq'; 'convcli kernels' lists them"),
        ("qqqqqqq:x=1", "no kernel named 'qqqqqqq'; 'convcli kernels' lists them"),
        ("prewitt-x:size=3", "'prewitt-x' has no parameters; those that have: gaussian"),
        ("x" * 500, "no kernel named '" + "x" * 39 + "…'"),
    ],
)
def test_messages(text, message):
    with pytest.raises(KernelError) as caught:
        get_kernel(text)
    assert str(caught.value).startswith(message)


def test_the_bare_name_is_the_kernel_and_parameters_make_the_generator():
    assert get_kernel("laplacian").name == "laplacian4"
    generated = get_kernel("laplacian", alpha=0.2)
    assert generated.name == "laplacian:alpha=0.2"
    assert np.array_equal(get_kernel("laplacian:alpha=0").weights, get_kernel("laplacian").weights)


def test_suggestions():
    assert suggest("sobelx")[0] == "sobel-x"
    assert suggest("box_3")[0] == "box3"
    assert suggest("\x00") == ()


def outcome(text: str) -> str:
    try:
        return get_kernel(text).name
    except KernelError as error:
        return str(error)


@given(st.text())
def test_no_name_breaks_it(text):
    assert "\n" not in outcome(text)


def test_listing():
    listed = families()
    found = [listing.name for listings in listed.values() for listing in listings]
    assert sorted(found) == sorted(set(names()) | {"laplacian"})
    assert {"smoothing", "sharpening", "gradient", "compass", "line", "emboss"} <= set(listed)
    sobel = next(item for item in listed["gradient"] if item.name == "sobel")
    assert (sobel.form, sobel.usage) == ("compound", "sobel")
    gaussian = next(item for item in listed["smoothing"] if item.name == "gaussian")
    assert gaussian.usage == "gaussian:sigma=1,theta=0,truncate=4"


def test_listing_and_completing_need_no_numpy():
    code = (
        "import sys; from convcli.kernels import names, families; names(True); families(); "
        "sys.exit('numpy' in sys.modules)"
    )
    root = Path(__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_every_public_name_can_be_imported():
    import convcli.kernels as package

    for name in package.__all__:
        assert getattr(package, name).__doc__ is not None or name in ("SUFFIXES", "GENERATORS")
    with pytest.raises(AttributeError):
        _ = package.nothing


# What other libraries have under the same name.


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("ring-blur", "BLUR"),
        ("contour", "CONTOUR"),
        ("detail", "DETAIL"),
        ("edge-enhance", "EDGE_ENHANCE"),
        ("edge-enhance-more", "EDGE_ENHANCE_MORE"),
        ("emboss-pil", "EMBOSS"),
        ("find-edges", "FIND_EDGES"),
        ("sharpen-soft", "SHARPEN"),
        ("smooth", "SMOOTH"),
        ("smooth-more", "SMOOTH_MORE"),
    ],
)
def test_pillow_filters_an_image_alike(name, theirs):
    from PIL import Image, ImageFilter

    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (9, 11), dtype=np.uint8)
    kernel = get_kernel(name)
    rows, cols = kernel.shape
    windows = np.lib.stride_tricks.sliding_window_view(pixels.astype(np.int64), (rows, cols))
    response = (windows * kernel.weights).sum(axis=(2, 3)) / kernel.divisor + kernel.offset
    expected = np.floor(response + 0.5).clip(0, 255)
    got = np.asarray(Image.fromarray(pixels).filter(getattr(ImageFilter, theirs)), dtype=float)
    inner = got[rows // 2 : -(rows // 2), cols // 2 : -(cols // 2)]
    assert np.abs(inner - expected).max() <= 1
    assert (inner == expected).mean() > 0.85  # ties: Pillow sums in single precision


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("sobel-x", (1, 0, 3)),
        ("sobel-y", (0, 1, 3)),
        ("sobel5-x", (1, 0, 5)),
        ("sobel5-y", (0, 1, 5)),
        ("sobel7-x", (1, 0, 7)),
        ("scharr-x", (1, 0, -1)),
        ("scharr-y", (0, 1, -1)),
    ],
)
@pytest.mark.peers("cv2")
def test_opencv_derivatives(name, arguments):
    import cv2

    row, column = cv2.getDerivKernels(*arguments)
    assert np.array_equal(get_kernel(name).weights, np.outer(column, row))


@pytest.mark.parametrize(
    ("name", "size"),
    [("gaussian3", 3), ("gaussian5", 5), ("gaussian7-cv", 7), ("gaussian9-cv", 9)],
)
@pytest.mark.peers("cv2")
def test_opencv_gaussians(name, size):
    import cv2

    side = cv2.getGaussianKernel(size, 0)
    assert np.array_equal(get_kernel(name).scaled, side @ side.T)


@pytest.mark.parametrize(
    ("name", "size"), [("laplacian4", 1), ("laplacian-cv3", 3), ("laplacian-cv5", 5)]
)
@pytest.mark.peers("cv2")
def test_opencv_laplacians(name, size):
    import cv2

    kernel = get_kernel(name)
    impulse = np.zeros((11, 11))
    impulse[5, 5] = 1
    half = kernel.shape[0] // 2
    found = cv2.Laplacian(impulse, cv2.CV_64F, ksize=size)
    assert np.array_equal(found[5 - half : 6 + half, 5 - half : 6 + half], kernel.weights)


@pytest.mark.parametrize(
    ("name", "theirs", "factor"),
    [
        ("sobel-x", "sobel_v", 4),
        ("sobel-y", "sobel_h", 4),
        ("scharr-x", "scharr_v", 16),
        ("scharr-y", "scharr_h", 16),
        ("prewitt-x", "prewitt_v", 3),
        ("prewitt-y", "prewitt_h", 3),
        ("farid5-x", "farid_v", 1),
        ("farid5-y", "farid_h", 1),
    ],
)
@pytest.mark.peers("skimage")
def test_scikit_image_filters_alike(name, theirs, factor):
    from skimage import filters

    ndimage = pytest.importorskip("scipy.ndimage")
    image = np.random.default_rng(3).random((12, 12))
    ours = ndimage.correlate(image, get_kernel(name).scaled / factor)
    theirs = getattr(filters, theirs)(image)
    inner = (slice(3, -3),) * 2
    np.testing.assert_allclose(theirs[inner], ours[inner], atol=1e-12)


@pytest.mark.parametrize("letter", ["a", "b"])
@pytest.mark.peers("skimage")
def test_scikit_image_has_the_same_roberts_cross(letter):
    from skimage import filters

    ndimage = pytest.importorskip("scipy.ndimage")
    image = np.random.default_rng(3).random((12, 12))
    theirs = {"a": filters.roberts_pos_diag, "b": filters.roberts_neg_diag}[letter](image)
    ours = ndimage.convolve(image, get_kernel(f"roberts-{letter}").scaled)
    np.testing.assert_allclose(theirs[2:-2, 2:-2], ours[2:-2, 2:-2], atol=1e-12)


def test_scipy_has_the_same_sign_of_the_laplacian():
    ndimage = pytest.importorskip("scipy.ndimage")
    image = np.random.default_rng(3).random((12, 12))
    ours = ndimage.correlate(image, get_kernel("laplacian").scaled)
    np.testing.assert_allclose(ndimage.laplace(image), ours, atol=1e-12)
    for axis, name in ((1, "sobel-x"), (0, "sobel-y")):
        ours = ndimage.correlate(image, get_kernel(name).scaled)
        np.testing.assert_allclose(ndimage.sobel(image, axis), ours, atol=1e-12)

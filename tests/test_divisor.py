"""A divisor divides the weights as they were written, however these are held to be summed."""

from __future__ import annotations

import json
from fractions import Fraction
from math import floor

import numpy as np
import oracle
import pytest
from asserts import assert_same_pixels
from command import call
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from convcli import Image, Kernel, KernelError, Spec, apply, get_kernel
from convcli.kernels import parse_kernel
from convcli.record import replace
from convcli.teach.explain import study

CARD = np.full((7, 8), 100, np.uint8)
CARD[3, 4] = 200
CARD[5] = np.arange(8) * 31

BELL = "0.25 0.5 0.25; 0.5 1 0.5; 0.25 0.5 0.25"
QUARTERS = [[Fraction(n, 4) for n in row] for row in ([1, 2, 1], [2, 4, 2], [1, 2, 1])]
BLUR = "0.0751 0.1238 0.0751; 0.1238 0.2042 0.1238; 0.0751 0.1238 0.0751"
PARTS = [
    [Fraction(n, 10000) for n in row]
    for row in ([751, 1238, 751], [1238, 2042, 1238], [751, 1238, 751])
]
NINTHS = [[Fraction(1, 9)] * 3] * 3
THIRD, FIFTHS = Fraction(1, 3), Fraction(4, 5)
NINE_POINT = [[1, 2, 1], [2, -12, 2], [1, 2, 1]]
WHOLE = [[1, 2, 1], [2, 4, 2], [1, 2, 1]]

#: What was typed as a text or as the content of a file, its weights, its divisor, and --divisor.
TYPED = [
    (BELL, QUARTERS, 1, None),
    (BELL, QUARTERS, 1, "4"),
    (BELL, QUARTERS, 1, "-4"),
    (BELL, QUARTERS, 1, "0.8"),
    (BLUR, PARTS, 1, None),
    (BLUR, PARTS, 1, "1"),
    (BLUR, PARTS, 1, "0.5"),
    (f"[{BELL}]/4", QUARTERS, 4, None),
    (f"[{BELL}]/4", QUARTERS, 4, "8"),
    ("[[1,2,1],[2,4,2],[1,2,1]]/16", WHOLE, 16, "20"),
    ("[[1,2,1],[2,4,2],[1,2,1]]/0.1", WHOLE, Fraction(1, 10), "16"),
    pytest.param(
        "[[1,2,1],[2,4,2],[1,2,1]]/1/9", WHOLE, Fraction(1, 9), None, marks=pytest.mark.exhaustive
    ),
    ("[[1,2,1],[2,4,2],[1,2,1]] * 0.5", [[n / Fraction(2) for n in row] for row in WHOLE], 1, "8"),
    ("[[1,2,1],[2,4,2],[1,2,1]] * 2", [[n * 2 for n in row] for row in WHOLE], 1, "32"),
    ("1/9 1/9 1/9; 1/9 1/9 1/9; 1/9 1/9 1/9", NINTHS, 1, "1"),
    ("1/9 1/9 1/9; 1/9 1/9 1/9; 1/9 1/9 1/9", NINTHS, 1, "0.7"),
    (("k.csv", BELL.replace(" ", ",").replace(";,", "\n")), QUARTERS, 1, "4"),
    (("k.csv", "0,25;0,5;0,25\n0,5;1;0,5\n0,25;0,5;0,25\n"), QUARTERS, 1, "4"),
    (("k.txt", BLUR.replace("; ", "\n")), PARTS, 1, "1"),
    (("k.mat", "3 3 4 10\n" + BELL.replace("; ", "\n")), QUARTERS, 4, None),
    (("k.mat", "3 3 4 10\n" + BELL.replace("; ", "\n")), QUARTERS, 4, "5"),
    (("k.toml", f"weights = '{BELL}'\ndivisor = 4"), QUARTERS, 4, None),
    (("k.toml", f"weights = '{BELL}'\ndivisor = 4"), QUARTERS, 4, "5"),
    (("k.toml", f"weights = '[{BELL}]/2'\ndivisor = 2"), QUARTERS, 4, "5"),
    (("k.toml", "weights = [[0.25, 0.5, 0.25]]"), QUARTERS[:1], 1, "4"),
    (("k.toml", "column = [0.5, 1, 0.5]\nrow = [0.5, 1, 0.5]\ndivisor = 3"), QUARTERS, 3, "4"),
    (("k.toml", "column = '[1 2 1]/2'\nrow = '[1 2 1]/2'"), WHOLE, 4, "20"),
    (("k.toml", "weights = [['1/9', '1/9', '1/9']]\ndivisor = '1/3'"), NINTHS[:1], THIRD, None),
    (("k.json", '{"weights": [[0.25, 0.5]], "divisor": 0.8}'), [QUARTERS[0][:2]], FIFTHS, None),
    (("k.json", '[["0.0751", 0.5]]'), [[Fraction("0.0751"), Fraction(1, 2)]], 1, "0.7"),
    ("gaussian3", WHOLE, 16, "20"),
    ("box3", [[1] * 3] * 3, 9, "10"),
    ("box:size=3", [[1] * 3] * 3, 9, "10.4"),
    ("highboost:amount=1.25", [[-1, -1, -1], [-1, Fraction(37, 4), -1], [-1, -1, -1]], 1, "2"),
    ("laplacian:alpha=1/3", [[n / Fraction(4) for n in row] for row in NINE_POINT], 1, "1"),
    ("savgol:dx=1", [[-2, -1, 0, 1, 2]] * 5, 50, "25"),
]  # fmt: skip


def expected(pixels, weights, divisor, offset=0, mapping="clip"):
    """The response as it is defined, in Fractions, rounded once, halves away from zero."""
    rows, cols = len(weights) // 2, len(weights[0]) // 2
    padding = (
        (rows, len(weights) - 1 - rows),
        (cols, len(weights[0]) - 1 - cols),
    )
    sums = oracle.correlate(pixels.tolist(), weights, padding=padding)
    result = []
    for row in sums:
        values = [Fraction(total) / divisor + offset for total in row]
        sizes = [floor(abs(value) + Fraction(1, 2)) for value in values]
        levels = [
            s if v >= 0 or mapping == "abs" else -s for s, v in zip(sizes, values, strict=True)
        ]
        result.append([min(max(level, 0), 255) for level in levels])
    return result


def written(typed, folder):
    """What to type for it: a text, or the name of a file that holds it."""
    if isinstance(typed, str):
        return typed
    name, content = typed
    (folder / name).write_text(content)
    return str(folder / name)


@pytest.mark.parametrize(("typed", "weights", "own", "given_"), TYPED)
def test_what_was_typed_is_divided(typed, weights, own, given_, tmp_path):
    text = written(typed, tmp_path)
    kernel = parse_kernel(text)
    assert kernel.fractions == weights
    assert kernel.divisor == float(own)
    assert np.array_equal(kernel.weights, np.array(weights, dtype=float))
    offset = 10 if text.endswith(".mat") else 0
    mapping = kernel.default_mapping
    wanted = expected(CARD, weights, Fraction(given_ or own), offset, mapping)
    options = [f"--divisor={given_}"] if given_ else []
    Pillow.fromarray(CARD).save(tmp_path / "card.png")
    said = call("apply", text, tmp_path / "card.png", "-o", tmp_path / "out.png", *options)
    assert said.status == 0
    assert_same_pixels(np.asarray(Pillow.open(tmp_path / "out.png")), wanted)
    spec = Spec(divisor=float(given_) if given_ else None)
    assert_same_pixels(apply(Image(CARD), text, spec).pixels, wanted)
    if given_:
        changed = replace(kernel, divisor=float(given_))
        assert_same_pixels(apply(Image(CARD), changed).pixels, wanted)


@pytest.mark.parametrize("divisor", [None, 4, 0.8])
def test_what_was_given_to_the_library_is_divided(divisor):
    wanted = expected(CARD, QUARTERS, Fraction(str(divisor or 1)))
    bell = [[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]]
    for kernel in (Kernel("k", bell), Kernel("k", bell, denominator=4)):
        assert_same_pixels(apply(Image(CARD), kernel, Spec(divisor=divisor)).pixels, wanted)
        assert_same_pixels(apply(Image(CARD), replace(kernel, divisor=divisor or 1)).pixels, wanted)


def test_a_kernel_without_divisor_keeps_its_scale(tmp_path):
    """A generator whose sum is 1 is divided by 1 already."""
    for name in ("gaussian:sigma=2", "gabor", "disk:radius=2", "unsharp:sigma=1", "dog"):
        assert get_kernel(name).divisor == 1
        same = apply(Image(CARD), name, Spec(divisor=1)).pixels
        assert_same_pixels(same, apply(Image(CARD), name).pixels)


def test_a_compound_is_divided_after_combining():
    whole = apply(Image(CARD), "sobel", Spec(mapping="raw")).pixels
    part = apply(Image(CARD), "sobel", Spec(mapping="raw", divisor=0.8)).pixels
    np.testing.assert_allclose(part, whole / 0.8, rtol=1e-6)


def test_an_offset_is_the_decimal_that_was_typed(tmp_path):
    """2/5 + 0.1 is a half, and 0.1 as a float would be a little more, 0.3 a little less."""
    pixels = np.array([[0, 1, 2, 3, 4, 5]], dtype=np.uint8)
    for bias in ("0.1", "0.3", "-0.1", "-0.3"):
        got = apply(Image(pixels), "[1]/5", Spec(bias=float(bias))).pixels
        assert_same_pixels(got, expected(pixels, [[1]], 5, Fraction(bias)))


def test_weights_that_are_not_whole_over_their_denominator_are_refused():
    for denominator in (3, 0, -4, float("nan"), 2.5):
        with pytest.raises(KernelError, match=r"whole numbers over|finite number"):
            Kernel("k", [[0.25, 0.5]], denominator=denominator)
    with pytest.raises(KernelError, match="whole numbers over 4"):
        replace(parse_kernel(BELL), weights=[[0.3]])


cells = st.builds(Fraction, st.integers(-3000, 3000), st.sampled_from((1, 2, 8, 9, 10, 100, 1000)))
grids = st.tuples(st.integers(1, 3), st.integers(1, 3)).flatmap(
    lambda size: st.lists(
        st.lists(cells, min_size=size[1], max_size=size[1]), min_size=size[0], max_size=size[0]
    )
)
divisors = st.integers(-4000, 4000).filter(bool).map(lambda n: Fraction(n, 100))


@pytest.mark.exhaustive
@given(grids, divisors, divisors)
@settings(max_examples=60, deadline=None)
def test_any_weights_are_divided_by_any_divisor(weights, own, other):
    matrix = "; ".join(" ".join(map(str, row)) for row in weights)
    text, spec = f"[{matrix}]/{float(own)}", {"mapping": "clip", "method": "direct"}
    kernel = parse_kernel(text)
    assert kernel.fractions == weights
    assert kernel.divisor == float(own)
    pixels = CARD[2:6, :5]
    image = Image(np.ascontiguousarray(pixels))
    assert_same_pixels(apply(image, kernel, Spec(**spec)).pixels, expected(pixels, weights, own))
    wanted = expected(pixels, weights, other)
    given_ = Spec(**spec, divisor=float(other))
    assert_same_pixels(apply(image, kernel, given_).pixels, wanted)
    assert_same_pixels(apply(image, parse_kernel(f"[{matrix}]"), given_).pixels, wanted)
    place = study(image, kernel, given_).at(1, 2)
    assert [[product.weight for product in row] for row in place.parts[0].products] == weights
    assert place.parts[0].divisor == other
    assert place.value == wanted[1][2]


@pytest.mark.exhaustive
@given(grids, divisors, st.sampled_from(["abs", "offset", "normalize", "raw"]))
@settings(max_examples=40, deadline=None)
def test_what_is_explained_is_what_was_stored(weights, divisor, mapping):
    """`at` fails where the engine stored anything else."""
    text = "[" + "; ".join(" ".join(map(str, row)) for row in weights) + "]"
    spec = Spec(mapping=mapping, method="direct", divisor=float(divisor))
    looked = study(Image(CARD), parse_kernel(text), spec)
    for at in ((0, 0), (3, 4), (5, 7)):
        assert looked.at(*at).parts[0].divisor == divisor


def test_parts_of_a_compound_are_explained_as_they_were_typed(tmp_path):
    path = tmp_path / "k.toml"
    path.write_text(
        "[kernel.a]\nweights = '-0.5 0; 0 0.5'\n[kernel.b]\nweights = '[0 -1; 1 0]/2'\n"
        "[compound.both]\nparts = ['a', 'b']\n[compound.sum]\nparts = ['a', 'a']\n"
        "combine = 'sum-abs'\n"
    )
    for name in ("both", "sum"):
        looked = study(Image(CARD), parse_kernel(f"{path}#{name}"), Spec(divisor=3))
        for at in ((0, 0), (3, 3), (4, 4), (5, 7)):
            place = looked.at(*at)
            weights = [product.weight for row in place.parts[0].products for product in row]
            assert weights == [Fraction(-1, 2), 0, 0, Fraction(1, 2)]


@pytest.mark.parametrize(
    ("command", "options"),
    [("kernels", ("--json",)), ("explain", ("--json",)), ("kernels", ()), ("explain", ())],
)
def test_programs_and_people_are_told_what_was_typed(command, options, tmp_path):
    Pillow.fromarray(CARD).save(tmp_path / "card.png")
    image = (tmp_path / "card.png", "--divisor", "8") if command == "explain" else ()
    said = call(command, f"[{BELL}]/4", *image, *options)
    assert said.status == 0
    if not options:
        rows = [" ".join(line.split()) for line in said.out.splitlines()]
        assert any(line.startswith(("0.25 0.5 0.25", "0.25 0.50 0.25")) for line in rows)
        by = "all divided by 4" if command == "kernels" else "4 / 8 = 0.5: a flat region"
        assert any(by in line for line in rows)
        return
    told = json.loads(said.out)
    kernel = told["kernel"] if command == "explain" else told
    kernel = kernel[0] if isinstance(kernel, list) else kernel
    assert kernel["weights"] == [[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]]
    assert kernel["divisor"] == (8 if command == "explain" else 4)
    assert np.array_equal(np.outer(*kernel["factors"]), kernel["weights"])
    assert kernel["exact"]


def test_a_report_tells_the_sum_that_was_used(tmp_path):
    Pillow.fromarray(CARD).save(tmp_path / "card.png")
    common = ("apply", BELL, tmp_path / "card.png", "-o", tmp_path / "out.png", "--divisor", "4")
    said = call(*common)
    assert "sum 1: keeps brightness" in said.err
    told = json.loads(call(*common, "--overwrite", "--json").out)
    assert told["kernels"][0]["sum"] == 1

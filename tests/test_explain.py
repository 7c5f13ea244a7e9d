"""What is explained is what the engine computes: at every position, in every way."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice, product

import numpy as np
import oracle
import pytest
from marks import exhaustive_but

import convcli
from convcli.borders import Border
from convcli.errors import GeometryError, ImageError, UsageError
from convcli.image.image import Image
from convcli.kernels import parse_kernel
from convcli.kernels.kernel import Kernel
from convcli.record import replace
from convcli.spec import Mapping, Spec
from convcli.teach.explain import study, study_grid
from convcli.teach.explain_extremes import extremes, responses
from convcli.teach.explain_grid import BUILT_IN, read_grid, typed_grid
from convcli.teach.explain_kernel import read_weights, separated
from convcli.teach.explain_steps import combined
from convcli.teach.explain_way import rounded

KERNELS = {
    "whole": "[1 -2 0; 3 1 -1; 0 2 5]/7",
    "even": "1 -2; 3 4",
    "real": "0.1 -0.35 1.7; 0.9 0 -0.2",
    "box": "box3",
    "point": "3",
    "magnitude": "sobel",
    "direction": "sobel-direction",
    "greatest": "kirsch",
    "share": "frei-chen",
}
#: A hue is three numbers of two, and is refused.
NUMBERS = [mapping for mapping in Mapping if mapping is not Mapping.HUE]
MAPPINGS = (*NUMBERS, None)
#: Stride and dilation.
STEPS = [(1, 1), (2, 1), (1, (2, 1)), ((1, 2), 2)]
PADDINGS = ["same", "valid", "full", (1, 2)]


def geometries():
    for (stride, dilation), padding, border, flip in product(
        STEPS, PADDINGS, Border, (False, True)
    ):
        yield dict(stride=stride, dilation=dilation, padding=padding, border=border, convolve=flip)


def places(it):
    rows, cols = it.out
    return product(range(rows), range(cols), range(len(it.channels)))


def agree(it, image, kernel):
    """Compare every place with the image that `apply` makes."""
    made = convcli.apply(image, kernel, it.spec).pixels
    made = made.reshape(*made.shape[:2], -1)[:, :, list(it.work.chosen)]
    assert made.shape == (*it.out, len(it.channels))
    for row, col, channel in places(it):
        place = it.at(row, col, channel)
        assert place.stored == made[row, col, channel]
        assert abs(place.value - Fraction(place.stored)) <= place.tolerance


@pytest.mark.parametrize(
    ("name", "mappings"),
    exhaustive_but([("whole", (None,))], [("whole", (None,)), *((k, MAPPINGS) for k in KERNELS)]),
)
def test_every_position_is_explained_as_it_is_computed(name, mappings, rng):
    kernel = parse_kernel(KERNELS[name])
    image = Image(rng.integers(0, 256, (3, 4), dtype=np.uint8))
    count = 0
    every = 1 if len(kernel.parts) <= 2 else 3  # eight or nine parts take as many times as long
    for k, how in enumerate(islice(geometries(), 0, None, every)):
        spec = Spec(**how, fill=77.0, mapping=mappings[k % len(mappings)])
        try:
            it = study(image, kernel, spec)
        except GeometryError:  # it doesn't fit
            continue
        agree(it, image, kernel)
        count += 1
    assert count >= 144 // every


@pytest.mark.parametrize("mapping", NUMBERS)
@pytest.mark.parametrize("name", exhaustive_but(["whole", "real", "magnitude"], KERNELS))
def test_every_mapping_and_border(name, mapping, rng):
    kernel = parse_kernel(KERNELS[name])
    image = Image(rng.integers(0, 256, (2, 3), dtype=np.uint8))
    for border, flip in product(Border, (False, True)):
        spec = Spec(border=border, convolve=flip, fill=9.0, mapping=mapping, padding="full")
        agree(study(image, kernel, spec), image, kernel)


@pytest.mark.parametrize("border", Border)
def test_sums_are_those_of_the_definition(border, rng):
    weights = [[1, -2, 0], [3, 1, -1]]
    image = Image(rng.integers(0, 256, (3, 4), dtype=np.uint8))
    for (stride, dilation), flip in product(STEPS, (False, True)):
        spec = Spec(
            stride=stride, dilation=dilation, padding=2, border=border, fill=5.0, convolve=flip
        )
        it = study(image, Kernel("own", weights), spec)
        strides, dilations = (n if isinstance(n, tuple) else (n, n) for n in (stride, dilation))
        expected = oracle.correlate(
            image.pixels,
            weights,
            stride=strides,
            dilation=dilations,
            padding=((2, 2), (2, 2)),
            border=str(border),
            fill=0 if border is Border.ZERO else 5,
            flip=flip,
        )
        found = [[it.at(r, c).total for c in range(it.out[1])] for r in range(it.out[0])]
        assert found == expected
        turned = replace(spec, convolve=not flip)
        other = study(image, Kernel("own", weights), turned)
        for row, col in product(*map(range, it.out)):
            assert it.other_way.parts(row, col)[0].total == other.at(row, col).total


NUMBERS = [
    {"divisor": 9.0},
    {"divisor": -2.5, "bias": 128.0},
    {"bias": -20.0, "mapping": "abs"},
    {"scale": 0.1},
    {"scale": -3.0, "mapping": "normalize"},
    {"scale": "auto"},
    {"scale": "auto", "mapping": "offset"},
    {"depth": "8"},
    {"depth": "16", "bias": 10.0},
    {"depth": "float"},
    {"depth": "float", "mapping": "offset"},
    {"precision": "double", "mapping": "raw"},
    {"gray": True},
    {"channels": "G"},
    {"mapping": "normalize"},
]
#: Some whose loops others need, too.
QUICK = [each for each in NUMBERS[::2] if not ("depth" in each or each.get("mapping") == "offset")]


@pytest.mark.parametrize(
    "kind",
    exhaustive_but([np.uint8], [np.uint8, np.uint16, np.float32, np.float64, np.bool_]),
)
@pytest.mark.parametrize("options", exhaustive_but(QUICK, NUMBERS), ids=str)
def test_options_that_change_the_numbers(kind, options, rng):
    shape = (2, 3, 3)
    pixels = rng.random(shape)
    if np.dtype(kind).kind == "u":
        pixels = rng.integers(0, np.iinfo(kind).max, shape, endpoint=True)
    elif kind is np.bool_:
        pixels = pixels > 0.5
    image = Image(pixels.astype(kind))
    for text in ("[1 -2 0; 3 1 -1; 0 2 5]/7", "0.1 -0.35 1.7"):
        kernel = parse_kernel(text)
        agree(study(image, kernel, Spec(**options)), image, kernel)


@pytest.mark.parametrize("border", Border)
@pytest.mark.parametrize("kind", exhaustive_but([np.uint8], [np.uint8, np.uint16, np.float32]))
@pytest.mark.parametrize("text", ["box3", "gaussian:sigma=1", "sobel-x", "unsharp"])
def test_colour_weighted_by_alpha(border, kind, text, rng):
    full = 1 if kind is np.float32 else np.iinfo(kind).max
    pixels = (rng.random((4, 4, 4)) * full).astype(kind)
    pixels[:2, :2, 3] = 0
    image, kernel = Image(pixels), parse_kernel(text)
    it = study(image, kernel, Spec(border=border, fill=100.0))
    assert it.work.weighs == (text != "sobel-x")
    agree(it, image, kernel)


PHOTOGRAPHS = [
    *("camera.png", "astronaut.png", "ramp-gray16.png", "ramp-rgb16.png", "float.tif", "logo.png"),
    *("coffee-cmyk.jpg", "page-1bit.png", "chart.png"),
]


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize(
    "text", ["sobel-x", "gaussian:sigma=2", "box:size=9", "sobel", "emboss-lode", "log9"]
)
def test_random_positions_of_photographs(name, text, samples, rng):
    image, kernel = convcli.read(samples / name), parse_kernel(text)
    it = study(image, kernel, Spec())
    made = convcli.apply(image, kernel).pixels
    made = made.reshape(*made.shape[:2], -1)[:, :, list(it.work.chosen)]
    for _ in range(8):
        row, col, channel = (int(rng.integers(n)) for n in (*it.out, len(it.channels)))
        place = it.at(row, col, channel)
        assert place.stored == made[row, col, channel]
    corner = it.at(0, 0)
    assert any(product.outside for row in corner.parts[0].products for product in row)


def test_whole_kernels_are_explained_exactly(samples):
    it = study(
        convcli.read(samples / "camera.png"), parse_kernel("[1 2 1; 2 4 2; 1 2 1]/16"), Spec()
    )
    place = it.at(100, 200)
    assert place.tolerance == 0
    assert place.value == place.stored
    assert [step.name for step in place.steps] == ["divide", "round"]


def test_a_result_that_differs_is_found_out():
    it = study_grid(typed_grid("1 2; 3 4"), parse_kernel("box3"), Spec())
    wrong = replace(it, result=it.result + 1)
    with pytest.raises(AssertionError, match="engine stored"):
        wrong.at(0, 0)


def test_steps_that_change_nothing_are_left_out():
    image = Image(np.full((3, 3), 200, np.uint8))
    place = study(image, parse_kernel("[2 0; 0 0]/4"), Spec(bias=30.0)).at(1, 1)
    assert [(step.name, step.value) for step in place.steps] == [("divide", 100), ("offset", 130)]
    bright = study(image, parse_kernel("2 0; 0 0"), Spec()).at(1, 1)
    assert [(step.name, step.value) for step in bright.steps] == [("clip", 255)]


def test_where_samples_come_from():
    it = study_grid(typed_grid("1 2; 3 4"), parse_kernel("box3"), Spec(border=Border.WRAP))
    product = it.at(0, 0).parts[0].products[0][0]
    assert (product.at, product.source, product.sample, product.outside) == (
        (-1, -1),
        (1, 1),
        4,
        True,
    )
    it = study_grid(typed_grid("1 2; 3 4"), parse_kernel("box3"), Spec(border=Border.ZERO))
    product = it.at(0, 0).parts[0].products[0][0]
    assert (product.at, product.source, product.sample, product.outside) == (
        (-1, -1),
        None,
        0,
        True,
    )


def test_the_worked_example_of_most_courses(samples):
    it = study_grid(
        read_grid(str(samples / "grid-5x5.csv")),
        parse_kernel("1 0 1; 0 1 0; 1 0 1"),
        Spec(padding="valid"),
    )
    values = [[it.at(r, c).value for c in range(3)] for r in range(3)]
    assert values == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]


@pytest.mark.parametrize("text", ["sobel-x", "gaussian:sigma=1", "sobel", "kirsch"])
def test_extremes_are_the_largest_and_smallest_responses(text, rng):
    image = Image(rng.integers(0, 256, (6, 7, 3), dtype=np.uint8))
    it = study(image, parse_kernel(text), Spec(mapping=Mapping.ABS))
    raw = convcli.apply(image, text, Spec(mapping=Mapping.RAW)).pixels
    for channel in range(3):
        largest, smallest = extremes(it, channel)
        plane = raw[:, :, channel]
        assert np.array_equal(responses(it, channel), plane)
        assert largest.response == plane.max() == plane[largest.at]
        assert smallest.response == plane.min() == plane[smallest.at]
        assert largest.count == (plane == plane.max()).sum()
        assert largest.place.at == largest.at


def test_likeness_is_greatest_where_the_patch_is_the_kernel():
    kernel = parse_kernel("1 2; 3 5")
    it = study_grid(typed_grid("2 4 0; 6 10 0; 0 0 0"), kernel, Spec(padding="valid"))
    assert it.at(0, 0).parts[0].cosine == pytest.approx(1)
    assert it.at(1, 1).parts[0].cosine < 1
    edge = study_grid(typed_grid("50 60; 50 60"), parse_kernel("-1 1; -1 1"), Spec(padding="valid"))
    assert edge.at(0, 0).parts[0].cosine == pytest.approx(1)
    flat = study_grid(typed_grid("7 7; 7 7"), parse_kernel("-1 1; -1 1"), Spec(padding="valid"))
    assert flat.at(0, 0).parts[0].cosine is None


@pytest.mark.parametrize(
    ("text", "brightness", "signs", "flip"),
    [
        ("box3", "keeps", "averages", "nothing"),
        ("sharpen", "keeps", "sharpens", "nothing"),
        ("sobel-x", "silent", "compares", "sign"),
        ("emboss", "keeps", "mixes", "result"),
        ("0 0 0; 0 0 3; 0 0 0", "brightens", "copies", "result"),
        ("1 1; 1 1", "brightens", "averages", "nothing"),
        ("[1 1]/4", "darkens", "averages", "nothing"),
        ("-1 0", "inverts", "copies", "result"),
        ("gaussian:sigma=1", "keeps", "averages", "nothing"),
    ],
)
def test_what_weights_say(text, brightness, signs, flip):
    says = read_weights(parse_kernel(text))
    assert (says.brightness, says.signs, says.flip) == (brightness, signs, flip)


@pytest.mark.parametrize("text", ["sobel-x", "laplacian4", "emboss", "log5", "kirsch-ne", "log9"])
def test_columns_times_rows_add_up_to_the_kernel(text):
    kernel = parse_kernel(text)
    apart = separated(kernel)
    total = sum(np.outer(c, r) for c, r in zip(apart.terms.columns, apart.terms.rows, strict=True))
    assert np.array_equal(total, kernel.weights * apart.divisor)
    assert len(apart.terms.columns) == apart.rank == kernel.rank


def test_rounding_is_away_from_zero():
    halves = [Fraction(n, 2) for n in range(-5, 6)]
    assert [rounded(h) for h in halves] == [-3, -2, -2, -1, -1, 0, 1, 1, 2, 2, 3]


def test_an_exact_root_is_exact():
    sobel = parse_kernel("sobel")
    assert combined(sobel, [Fraction(3), Fraction(4)]) == 5
    assert combined(sobel, [Fraction(0), Fraction(0)]) == 0


def test_samples_that_are_no_numbers():
    pixels = np.zeros((5, 5), np.float32)
    pixels[0, 0] = np.nan
    it = study(Image(pixels), parse_kernel("box3"), Spec())
    with pytest.raises(ImageError, match="row 0, column 0 is nan"):
        it.at(1, 1)
    assert it.at(3, 3).value == 0
    assert extremes(it)[0].at == (0, 2)
    assert (
        extremes(study(Image(np.full((2, 2), np.nan, np.float32)), parse_kernel("box3"), Spec()))
        is None
    )


def test_places_that_there_are_not():
    it = study_grid(typed_grid(BUILT_IN), parse_kernel("box3"), Spec(padding="valid"))
    for at in ((3, 0), (0, 3), (-1, 0)):
        with pytest.raises(GeometryError, match="rows 0 to 2 and columns 0 to 2"):
            it.at(*at)


@pytest.mark.parametrize("name", ["linear", "luma"])
def test_what_is_not_stored_is_refused(name):
    with pytest.raises(UsageError, match=f"leave `{name}` out"):
        study(Image(np.zeros((3, 3), np.uint8)), parse_kernel("box3"), Spec(**{name: True}))


@pytest.mark.parametrize(
    ("text", "kind"),
    [("0 255", "uint8"), ("0 256", "uint16"), ("0 65536", "float64"), ("-1 2", "float64"),
     ("0.5 1", "float64"), ("[1 2; 3 4]/2", "float64"), ("[2 4]/2", "uint8")],
)  # fmt: skip
def test_grids_hold_the_numbers_typed(text, kind):
    grid = typed_grid(text)
    assert grid.pixels.dtype == kind
    assert np.array_equal(grid.pixels, np.array(parse_kernel(text).scaled))


def test_grids_count_in_their_own_units():
    kernel = parse_kernel("[1 1 1]/2")
    spec = Spec(border=Border.CONSTANT, fill=0.5, bias=-3.0)
    place = study_grid(typed_grid("-1 1000 0.25"), kernel, spec).at(0, 0)
    assert place.value == Fraction(1, 2) * (Fraction(1, 2) - 1 + 1000) - 3


@pytest.mark.parametrize("text", ["1 2; 3", "", "a b", "1 2; 3 4/2"])
def test_grids_that_cannot_be_read(text):
    with pytest.raises(ImageError, match="the grid can't be read"):
        typed_grid(text)


def test_files_that_are_no_grid(tmp_path):
    for name, data in {
        "a.csv": b"",
        "b.csv": b"1,2\n3",
        "c.csv": b"\xff\xfe\x00",
        "d.csv": b"x",
    }.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ImageError, match=name):
            read_grid(str(tmp_path / name))
    with pytest.raises(ImageError, match="no such file"):
        read_grid(str(tmp_path / "none.csv"))

"""Kernels as other programs and countries write them, and what is no real number."""

import json

import numpy as np
import pytest
import scipy.ndimage as nd
from command import call

from convcli import (
    ConvError,
    Image,
    KernelError,
    apply,
    convolve_signal,
    correlate,
    correlate_volume,
    find,
    read,
    write,
)
from convcli.kernels import parse_kernel, read_kernel
from convcli.kernels.bank import Bank
from convcli.kernels.bank_notation import parse_bank
from convcli.kernels.kernel import Kernel
from convcli.kernels.volume import VolumeKernel
from convcli.signals.files import read_signal

SHARPEN = [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
FLAT = "0 -1 0 -1 5 -1 0 -1 0"
SOFT = [[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]]
FIVE = np.arange(25).reshape(5, 5) % 7


def weights(text):
    kernel = parse_kernel(text)
    return kernel.weights.tolist(), kernel.divisor, kernel.offset


def doubts(text):
    return " | ".join(parse_kernel(text).doubts)


@pytest.mark.parametrize(
    "text",
    [
        FLAT,
        FLAT.replace(" ", ","),
        FLAT.replace(" ", ", "),
        "0,-1,0 -1,5,-1 0,-1,0",
        "0, -1, 0,  -1, 5, -1,  0, -1, 0",
        FLAT.replace(" ", ";"),  # thumbor
        f"[{FLAT}]",
        "[0, -1, 0, -1, 5, -1, 0, -1, 0]",
        "−0 −1 0 −1 5 −1 0 −1 0",
        "3x3: 0,-1,0 -1,5,-1 0,-1,0",
        "3x3:0,-1,0,-1,5,-1,0,-1,0",
        "3: 0 -1 0 -1 5 -1 0 -1 0",
        "3x3+1+1: 0,-1,0 -1,5,-1 0,-1,0",
        "3x3: nan,-1,nan -1,5,-1 -,-1,-",
        ":".join([FLAT] * 4),
        f"convolution={FLAT}:{FLAT}:{FLAT}:{FLAT}",
    ],
)
def test_a_3x3_is_taken_as_it_is_meant(text):
    assert weights(text) == (SHARPEN, 1, 0)


def test_larger_squares_in_one_row_are_squares():
    flat = " ".join(map(str, FIVE.ravel()))
    assert weights(flat)[0] == FIVE.tolist()
    assert "25 weights in one row are taken as 5×5" in doubts(flat)
    assert parse_kernel(" ".join(["1"] * 49)).shape == (7, 7)
    assert parse_kernel(" ".join(["1"] * 16)).shape == (1, 16)
    assert parse_kernel("1 1 1 1").shape == (1, 4)
    assert doubts("1 1 1 1") == ""


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        (f"[[{FLAT}]]", (1, 9)),
        ("[[1,1,1,1,1,1,1,1,1]]/9", (1, 9)),
        ("[[1],[1],[1],[1],[1],[1],[1],[1],[1]]", (9, 1)),
        ("[[0]]", (1, 1)),
    ],
)
def test_lists_in_a_list_are_what_they_say(text, shape):
    assert parse_kernel(text).shape == shape
    assert doubts(text) == ""


@pytest.mark.parametrize(
    "text", ["1 8 28 56 70 56 28 8 1", "-4 -3 -2 -1 0 1 2 3 4", "-21 14 39 54 59 54 39 14 -21"]
)
def test_what_is_a_profile_stays_a_row_and_that_is_said(text):
    assert parse_kernel(text).shape == (1, 9)
    assert "9 weights in one row are taken as 1×9; for 3×3 write ; after each 3" in doubts(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0,25 0,5 0,25", [[0.25, 0.5, 0.25]]),
        ("0,25 0,5 0,25; 0,5 1 0,5; 0,25 0,5 0,25", SOFT),
        ("0,25 0,5 0,25 0,5 1 0,5 0,25 0,5 0,25", SOFT),
        ("0,25, 0,5, 0,25", [[0.25, 0.5, 0.25]]),
        (",5 1 ,5", [[0.5, 1, 0.5]]),
        ("-0,5 1,5 -0,5", [[-0.5, 1.5, -0.5]]),
        ("1,05 2,5", [[1.05, 2.5]]),
        ("-1 2,5 -1", [[-1, 2.5, -1]]),
    ],
)
def test_decimal_commas_are_taken_where_it_is_certain(text, expected):
    assert weights(text)[0] == expected
    assert "commas are taken as decimal ones" in doubts(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("1,2 3,4", [[1, 2, 3, 4]]), ("0,1; 0,2", [[0, 1], [0, 2]])]
)
def test_commas_that_may_be_decimal_are_told_of(text, expected):
    assert weights(text)[0] == expected
    assert "commas part weights here" in doubts(text)


@pytest.mark.parametrize("text", ["1, 2; 3, 4", "1,2,1;2,4,2", "[[1,2],[3,4]]", "0.5,1,0.5"])
def test_plain_lists_have_no_note(text):
    assert doubts(text) == ""


def test_imagemagicks_origin_and_what_is_not_there():
    assert weights("2x2: 1,2 3,4")[0] == [[0, 0, 0], [0, 1, 2], [0, 3, 4]]
    assert weights("2x2+1+1: 1,2 3,4")[0] == [[1, 2], [3, 4]]
    assert weights("3x1+0+0: 1,2,3")[0] == [[0, 0, 1, 2, 3]]
    assert weights("1x3+0+2: 1,2,3")[0] == [[1], [2], [3], [0], [0]]
    assert "2 weights that are not there count as 0" in doubts("3x1: nan,1,-")


def test_ffmpegs_factor_and_bias():
    ones = "1 1 1 1 1 1 1 1 1"
    text = f"{ones}:{ones}:{ones}:0 0 0 0 1 0 0 0 0:1/9:1/9:1/9:1:5:5:5:0"
    assert weights(text) == ([[1] * 3] * 3, 9, 5)
    assert weights(":".join([ones] * 4))[1] == 9  # without factors, the sum of the weights
    assert "taken as ffmpeg does: 3×3, divided by 9" in doubts(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3x3: 1,2", "has 2 weights; expected 9, 3 rows of 3"),
        ("3x3: 1 1 1 1 1 1 1 1 1; 3x3: 1 1 1 1 1 1 1 1 1", "holds 2 kernels; expected one"),
        ("3x3>: 1 1 1 1 1 1 1 1 1", "stands for turned kernels"),
        ("3x3+3+0: 1 1 1 1 1 1 1 1 1", "the origin lies outside"),
        ("0x3: 1", "expected from 1 to 1001 weights a side"),
        ("3x3: 1 1 1 1 x 1 1 1 1", "'x' is not a number"),
        (f"{FLAT}:1 1 1 1 1 1 1 1 1", "planes differ"),
        ("1 2 3 4:1 2 3 4", "9, 25 or 49 weights"),
        ("1+2j 3", "'1+2j' is complex; expected real numbers"),
        ("1 -2i; 3 4", "is complex"),
        ("2j", "is complex"),
        ("1 nan 1", "expected 0 for a weight that is not there"),
        ("1 inf 1", "'inf' is not a number"),
    ],
)
def test_what_is_refused_is_refused_in_one_line(text, said):
    with pytest.raises(KernelError) as error:
        parse_kernel(text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_files_take_the_same_forms(tmp_path):
    def kernel(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return read_kernel(tmp_path / name)

    assert kernel("a.txt", "3x3: 0,-1,0\n-1,5,-1\n0,-1,0\n").weights.tolist() == SHARPEN
    assert kernel("b.txt", "0,25 0,5 0,25\n0,5 1 0,5\n0,25 0,5 0,25").weights.tolist() == SOFT
    assert kernel("c.csv", "0,25;0,5;0,25\n0,5;1;0,5\n0,25;0,5;0,25").weights.tolist() == SOFT
    tabs = "0,25\t0,5\t0,25\n0,5\t1\t0,5\n0,25\t0,5\t0,25\n"
    assert kernel("d.tsv", tabs).weights.tolist() == SOFT
    assert kernel("e.csv", tabs).weights.tolist() == SOFT
    assert kernel("f.tsv", "0\t-1\t0\n-1\t5\t-1\n0\t-1\t0").weights.tolist() == SHARPEN
    assert kernel("g.toml", f'weights = "{FLAT}"').weights.tolist() == SHARPEN
    assert kernel("h.toml", "weights = [0,-1,0,-1,5,-1,0,-1,0]").weights.tolist() == SHARPEN
    assert kernel("i.toml", "weights = [[0,-1,0,-1,5,-1,0,-1,0]]").shape == (1, 9)
    assert kernel("j.json", "[0,-1,0,-1,5,-1,0,-1,0]").weights.tolist() == SHARPEN
    assert kernel("k.toml", "column = [1,1,1,1,1,1,1,1,1]\nrow = [1]").shape == (9, 1)
    row = kernel("l.csv", "0,-1,0,-1,5,-1,0,-1,0\n")
    assert row.shape == (1, 9)
    assert row.doubts == ("9 weights in one row are taken as 1×9; 3×3 takes 3 rows",)
    assert "taken as 1×9" in call("kernels", "--check", str(tmp_path / "l.csv")).out
    assert kernel("m.mat", "9 1\n1 1 1 1 1 1 1 1 1\n").doubts == ()
    np.save(tmp_path / "n.npy", np.arange(9))
    assert "9 weights in one row" in read_kernel(tmp_path / "n.npy").doubts[0]
    np.save(tmp_path / "n.npy", np.arange(9)[None])
    assert read_kernel(tmp_path / "n.npy").doubts == ()


def test_the_report_the_card_and_explain_say_how_it_was_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(3).integers(0, 256, (20, 30), np.uint8)
    write("a.png", Image(noise))
    said = call("apply", FLAT, "a.png", "-o", "b.png")
    assert "note     9 weights in one row are taken as 3×3; [[…]] around" in said.err
    expected = nd.correlate(noise.astype(float), np.array(SHARPEN), mode="nearest").clip(0, 255)
    assert np.array_equal(read("b.png").pixels, expected)
    (line,) = call("apply", FLAT, "a.png", "-o", "c.png", "--json").out.splitlines()
    assert any("taken as 3×3" in note for note in json.loads(line)["notes"])
    assert "taken as 3×3" in call("apply", FLAT, "a.png", "b.png", "-o", "out").err
    assert "taken as 3×3" in call("kernels", FLAT).out
    assert "taken as 3×3" in call("explain", FLAT).err
    assert "taken as 3×3" in call("apply", "--bank", f"{FLAT},sobel-x", "a.png", "-o", "m").err
    assert "note" not in call("apply", f"[[{FLAT}]]", "a.png", "-o", "d.png").err


def test_a_matrix_in_a_list_of_kernels_needs_brackets():
    for text in ("0,-1,0 -1,5,-1 0,-1,0", "1,2,1", "sobel-x,0,1"):
        with pytest.raises(KernelError, match="commas part kernels here"):
            parse_bank(text)
    assert parse_bank("sobel-x,[[0,1,0],[1,-4,1],[0,1,0]]").shape == (2, 1, 3, 3)


def test_signals_take_decimal_commas_and_never_become_squares(tmp_path):
    assert read_signal("0,25 0,5 0,25").fractions == read_signal("0.25 0.5 0.25").fractions
    assert read_signal("1 1 1 1 1 1 1 1 2").values.shape == (9,)
    said = call("signal", "1,2 3,4", "1")
    assert said.out.split() == ["1", "2", "3", "4"]
    assert "commas part weights here" in said.err
    np.save(tmp_path / "a.npy", np.array([1 + 2j, 3]))
    assert "complex" in call("signal", str(tmp_path / "a.npy"), "1").err
    assert "complex" in call("signal", "1+2j 3", "1").err


COMPLEX = np.array([[1, 2j], [0, 1]])


@pytest.mark.parametrize(
    "made",
    [
        lambda w: Kernel("k", w),
        lambda w: Kernel("k", w.tolist()),
        lambda w: Kernel("k", w + 0j * w),
        lambda w: correlate(np.ones((5, 5)), w),
        lambda w: correlate(np.ones((5, 5, 2)), np.stack([w, w])),
        lambda w: correlate(np.ones((5, 5)), np.ones((1, 1, 3, 3)), bias=w[0]),
        lambda w: Bank("b", w[None]),
        lambda w: Bank("b", np.ones((2, 1, 3, 3)), bias=w[0]),
        lambda w: VolumeKernel.of("v", w[None]),
        lambda w: apply(Image(np.zeros((5, 5), np.uint8)), [Kernel("k", w)]),
    ],
)
def test_complex_weights_are_refused(made):
    with pytest.raises(KernelError, match="complex numbers; expected real ones"):
        made(COMPLEX)


def test_complex_weights_in_files_are_refused(tmp_path):
    for name, text in (("a.csv", "1,2\n3+1j,4\n"), ("b.txt", "1 2i\n"), ("c.mat", "1 1\n2j\n"),
                       ("d.toml", 'weights = "1 2j"\n'), ("e.json", '["1+1j", 2]')):  # fmt: skip
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(KernelError, match="complex"):
            read_kernel(tmp_path / name)
    np.save(tmp_path / "f.npy", COMPLEX)
    with pytest.raises(KernelError, match="complex"):
        read_kernel(tmp_path / "f.npy")
    np.save(tmp_path / "g.npy", COMPLEX[None, None])
    np.savez(tmp_path / "h.npz", weight=COMPLEX[None, None])
    write(tmp_path / "a.png", Image(np.zeros((5, 5), np.uint8)))
    for name in ("g.npy", "h.npz"):
        said = call("apply", str(tmp_path / name), str(tmp_path / "a.png"))
        assert said.status == 2
        assert len(said.err.splitlines()) == 1
        assert "complex" in said.err


def test_masked_weights_are_not_there():
    masked = np.ma.masked_array(
        [[9, 1, 9], [1, -4, 1], [9, 1, 9]], [[1, 0, 1], [0, 0, 0], [1, 0, 1]]
    )
    plain = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    pixels = np.random.default_rng(1).random((7, 8))
    assert Kernel("k", masked).weights.tolist() == plain.tolist()
    assert np.array_equal(correlate(pixels, masked), correlate(pixels, plain))
    bank = np.ma.stack([masked[None]])
    assert Bank("b", bank).weights[0, 0].tolist() == plain.tolist()
    volume = pixels[:, :, None]
    assert np.array_equal(correlate(volume, bank), correlate(volume, np.asarray(plain)[None, None]))
    assert VolumeKernel.of("v", masked[None]).weights.tolist() == [plain.tolist()]


@pytest.mark.parametrize(
    "made",
    [
        lambda m: correlate_volume(np.ma.stack([m] * 3), "box"),
        lambda m: Image(m.astype(np.float32)),
        lambda m: find(m[:2, :2], m),
        lambda m: convolve_signal(m[0], [1, 2]),
    ],
)
def test_masked_samples_are_refused(made):
    masked = np.ma.masked_array(np.arange(25.0).reshape(5, 5), np.eye(5))
    with pytest.raises(ConvError, match="masked; fill what is missing first"):
        made(masked)
    whole = np.ma.masked_array(np.arange(25.0).reshape(5, 5))
    assert np.array_equal(correlate(whole, "box"), correlate(whole.data, "box"))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused_everywhere(value, tmp_path):
    holes = np.array([[1, value, 1]])
    for made in (lambda: Kernel("k", holes), lambda: Bank("b", holes),
                 lambda: correlate(np.ones((3, 3)), holes),
                 lambda: VolumeKernel.of("v", holes[None])):  # fmt: skip
        with pytest.raises(KernelError):
            made()
    np.save(tmp_path / "a.npy", holes)
    (tmp_path / "b.csv").write_text(f"1,{value},1\n")
    for name in ("a.npy", "b.csv"):
        with pytest.raises(KernelError):
            read_kernel(tmp_path / name)
